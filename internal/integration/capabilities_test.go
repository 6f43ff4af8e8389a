package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// serviceUser is an ordinary user that has no name anywhere.
const serviceUser = 47110

// asService is the command that becomes another one as a systemd unit starts
// it: as an ordinary user, with these capabilities ambient, and no others to be
// had. It sees a /dev/net/tun of its own with the mode tun.
func asService(t *testing.T, tun string, capabilities ...string) []string {
	t.Helper()
	testutil.NeedRoot(t)
	caps := "-all"
	for _, c := range capabilities {
		caps += ",+" + c
	}
	const script = `mount -t tmpfs -o mode=755 ofswitch "$0"
mknod "$0/tun" c 10 200
chmod "$1" "$0/tun"
mount --bind "$0/tun" /dev/net/tun
shift
exec "$@"`
	id := fmt.Sprint(serviceUser)
	return []string{testutil.NeedProgram(t, "unshare", "util-linux"), "--mount", "sh", "-ec", script, t.TempDir(), tun,
		testutil.NeedProgram(t, "setpriv", "util-linux"), "--reuid=" + id, "--regid=" + id, "--clear-groups", "--no-new-privs",
		"--inh-caps=" + caps, "--ambient-caps=" + caps, "--bounding-set=" + caps, "--pdeathsig=KILL"}
}

// openToAll lets the service's user go through the test's directories.
func openToAll(t *testing.T) {
	t.Helper()
	dir := filepath.Dir(t.TempDir()) // the others are beside it
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
}

// serviceDir is a directory that belongs to the service's user.
func serviceDir(t *testing.T) string {
	t.Helper()
	openToAll(t)
	dir := t.TempDir()
	if err := os.Chown(dir, serviceUser, serviceUser); err != nil {
		t.Fatal(err)
	}
	return dir
}

// startService starts a switch as asService says, with a port a host, and waits
// for the line ready.
func startService(t *testing.T, l *netlab.Lab, by []string, args ...string) *daemon {
	t.Helper()
	d := startDaemonBy(t, l.Switch, by, append([]string{"--run-dir", serviceDir(t), "--log-level", "debug"}, args...)...)
	d.dir = argument(d.cmd.Args, "--run-dir")
	d.awaitLog("msg=ready")
	return d
}

// argument is the last value of a flag.
func argument(args []string, flag string) (value string) {
	for i, a := range args {
		if a == flag {
			value = args[i+1]
		}
	}
	return value
}

// With the three capabilities and not root, all works. Without CAP_BPF, too, by
// nftables, as one line says.
func TestIntegrationCapabilities(t *testing.T) {
	for _, c := range []struct {
		name, isolation string
		path            string // of kernel-path/show
		capabilities    []string
		missing         string // the line about it; "": none
	}{
		{"all three", "tcx", "yes", []string{"net_admin", "net_raw", "bpf"}, ""},
		{"no CAP_BPF", "nft", "no: off", []string{"net_admin", "net_raw"}, "no CAP_BPF: ports are kept from the host's stack by nftables instead of TCX programs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, 2)
			mustRun(t, l.Switch, "ip", "addr", "add", "10.9.9.9/24", "dev", l.Hosts[0].Port)
			d := startService(t, l, asService(t, "666", c.capabilities...),
				"--bridge", "br0", "--port", l.Hosts[0].Port, "--port", l.Hosts[1].Port)
			pingAll(t, l)
			if line := d.awaitLog("port added"); !strings.Contains(d.log.text(), "isolation="+c.isolation) {
				t.Errorf("not isolated by %s: %s", c.isolation, line)
			}
			// The device of the bridge is there.
			mustRun(t, l.Switch, "ip", "link", "show", "br0")
			checkMissing(t, d, c.missing)
			d.awaitPath(l.Hosts[0].Port, c.path)
			if text := d.log.text(); strings.Contains(text, "level=ERROR") || strings.Contains(text, "level=WARN") {
				t.Errorf("the log complains:\n%s", text)
			}
		})
	}
}

// checkMissing compares the lines about missing capabilities: want, once, or
// none.
func checkMissing(t *testing.T, d *daemon, want ...string) {
	t.Helper()
	text := d.log.text()
	lines := 0
	for _, w := range want {
		if w == "" {
			continue
		}
		lines++
		if strings.Count(text, w) != 1 {
			t.Errorf("the log does not say %q once:\n%s", w, text)
		}
	}
	if n := strings.Count(text, "no CAP_"); n != lines {
		t.Errorf("%d lines about missing capabilities, want %d:\n%s", n, lines, text)
	}
}

// Without what a switch cannot do without, it says so, each in one line, and
// each port has its error; what does not need it works.
func TestIntegrationCapabilitiesMissing(t *testing.T) {
	noAdmin, noRaw := "no CAP_NET_ADMIN: internal ports cannot be made", "no CAP_NET_RAW: network devices cannot be ports"
	for _, c := range []struct {
		name         string
		capabilities []string
		tun          string
		missing      []string
		errors       []string // of ports
		ready        string
	}{
		{"no CAP_NET_RAW", []string{"net_admin", "bpf"}, "666", []string{noRaw},
			[]string{"port port1: opening a raw socket: permission denied (needs CAP_NET_RAW)"}, "ports=1 waiting=0 refused=1"},
		{"no CAP_NET_ADMIN", []string{"net_raw", "bpf"}, "666", []string{noAdmin},
			[]string{"port br0: opening the TAP: permission denied (needs CAP_NET_ADMIN"}, "ports=1 waiting=0 refused=1"},
		{"none", nil, "666", []string{noAdmin, noRaw, "no CAP_BPF: "},
			[]string{"port br0: opening the TAP: permission denied", "port port1: opening a raw socket: permission denied"}, "ports=0 waiting=0 refused=2"},
		{"a device for root alone", []string{"net_admin", "net_raw", "bpf"}, "600", nil,
			[]string{"port br0: /dev/net/tun may not be opened by this user: 'chmod 666 /dev/net/tun'"}, "ports=1 waiting=0 refused=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, 1)
			d := startService(t, l, asService(t, c.tun, c.capabilities...), "--bridge", "br0", "--port", l.Hosts[0].Port)
			checkMissing(t, d, c.missing...)
			for _, want := range c.errors {
				if n := strings.Count(d.log.text(), want); n != 1 {
					t.Errorf("%q is said %d times", want, n)
				}
			}
			if line := d.awaitLog("msg=ready"); !strings.Contains(line, c.ready) {
				t.Errorf("want %s: %s", c.ready, line)
			}
			if show := d.ctl("show", "br0"); !strings.Contains(show, "OFPT_FEATURES_REPLY") {
				t.Errorf("ofctl show br0: %s", show)
			}
		})
	}
}

// The database and its socket belong to the service's user; what that may not
// write is said in one line, and the daemon ends.
func TestIntegrationServiceDirectories(t *testing.T) {
	l := newLab(t, 1)
	by := asService(t, "666", "net_admin", "net_raw", "bpf")
	db := filepath.Join(serviceDir(t), "conf.db")
	d := startService(t, l, by, "--db", db)
	vsctl := func(args ...string) string {
		argv := append([]string{"--timeout=60", "--db=unix:" + filepath.Join(d.dir, "db.sock")}, args...)
		return mustRun(t, l.Switch, testutil.NeedProgram(t, "ovs-vsctl", "openvswitch-switch"), argv...)
	}
	vsctl("add-br", "br0", "--", "add-port", "br0", l.Hosts[0].Port)
	if show := vsctl("show"); !strings.Contains(show, "Interface "+l.Hosts[0].Port) || strings.Contains(show, "error") {
		t.Errorf("ovs-vsctl show:\n%s", show)
	}
	d.awaitLog("isolation=tcx")
	d.stop()
	if st, err := os.Stat(db); err != nil || st.Size() == 0 {
		t.Errorf("the database: %v", err)
	}

	root := t.TempDir()
	for _, c := range []struct {
		name, runDir, db string
		want             []string
	}{
		{"run directory", root, "none", []string{"run directory " + root + " is not writable", "run as root, or choose another"}},
		{"database", serviceDir(t), filepath.Join(root, "conf.db"), []string{filepath.Join(root, "conf.db"), "permission denied"}},
	} {
		argv := append(append([]string{}, by...), d.cmd.Args[len(by)], "--run-dir", c.runDir, "--db", c.db)
		if c.db == "none" {
			argv = append(argv, "--bridge", "br0")
		}
		out, err := l.Switch.Run(argv[0], argv[1:]...)
		if err == nil {
			t.Errorf("%s: the switch has started", c.name)
		}
		complaint := ""
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "ofswitchd: ") {
				complaint += line
			}
		}
		for _, want := range c.want {
			if strings.Count(complaint, "\n") != 1 || !strings.Contains(complaint, want) {
				t.Errorf("%s: it says %q, want one line with %q", c.name, complaint, want)
			}
		}
	}
}
