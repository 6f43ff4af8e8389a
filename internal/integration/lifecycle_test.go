package integration

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// A port whose device does not exist yet keeps its number, appears with it,
// goes and comes back with it.
func TestIntegrationPortsComeAndGo(t *testing.T) {
	l := newLab(t, 2)
	d := startSwitch(t, l, "--port", "late0", "--port", "vm0,type=internal", "--fail-mode", "secure")
	if line := d.awaitLog("waiting for the device"); !strings.Contains(line, "late0") || !strings.Contains(line, "ofport=3") {
		t.Errorf("the log says %q", line)
	}
	if show := d.ctl("show", "br0"); strings.Contains(show, "late0") || !strings.Contains(show, "4(vm0)") || !strings.Contains(show, "LOCAL(br0)") {
		t.Errorf("show before the device exists:\n%s", show)
	}
	watch := startProcess(t, l.Switch, t.TempDir(), d.ofctl, "monitor", d.mgmt("br0"), "65535")
	testutil.Eventually(t, "the monitor is connected", func() error {
		d.ctl("mod-port", "br0", "1", "no-packet-in")
		d.ctl("mod-port", "br0", "1", "packet-in")
		if !strings.Contains(watch.log.text(), "OFPT_PORT_STATUS") {
			return fmt.Errorf("it printed %q", watch.log.text())
		}
		return nil
	})
	for range 2 {
		n := watch.log.count()
		mustRun(t, l.Switch, "ip", "link", "add", "late0", "type", "veth", "peer", "name", "late1")
		if line, ok := watch.log.awaitAfter(n, "ADD"); !ok || !strings.Contains(watch.log.text(), "3(late0)") {
			t.Errorf("port-status of the new device: %q", line)
		}
		if show := d.ctl("show", "br0"); !strings.Contains(show, "3(late0)") {
			t.Errorf("show with the device:\n%s", show)
		}
		mustRun(t, l.Switch, "ip", "link", "del", "late0")
		if _, ok := watch.log.awaitAfter(n, "DEL"); !ok {
			t.Error("no port-status when the device went")
		}
		testutil.Eventually(t, "the port is gone from show", func() error {
			if show := d.ctl("show", "br0"); strings.Contains(show, "late0") {
				return fmt.Errorf("show:\n%s", show)
			}
			return nil
		})
	}
}

// Devices that are down when the switch starts are brought up and forward,
// every one of them. Reading such a device fails at first, while the ports
// after it are still being added.
func TestIntegrationDevicesDown(t *testing.T) {
	l := newLab(t, 3)
	for _, h := range l.Hosts {
		mustRun(t, l.Switch, "ip", "link", "set", h.Port, "down")
	}
	d := startSwitch(t, l)
	pingAll(t, l)
	if show := d.ctl("show", "br0"); strings.Contains(show, "DOWN") {
		t.Errorf("show:\n%s", show)
	}
}

// What is refused says so in one line, and the rest of the switch works.
func TestIntegrationRefusedPorts(t *testing.T) {
	l := newLab(t, 3)
	mustRun(t, l.Switch, "ip", "addr", "add", "192.0.2.5/24", "dev", "port3")
	mustRun(t, l.Switch, "ip", "route", "add", "default", "via", "192.0.2.1")
	d := startSwitch(t, l, "--port", "port1")
	for _, want := range []string{
		"port port1 is already in bridge br0", // a name twice
		"port3",                               // the default route
	} {
		line := d.awaitLog(want)
		if !strings.Contains(line, "level=ERROR") && !strings.Contains(line, "level=WARN") {
			t.Errorf("the log says %q", line)
		}
	}
	text := d.log.text()
	if !strings.Contains(text, "ip addr") || !strings.Contains(text, "192.0.2.5/24") || !strings.Contains(text, "br0") {
		t.Errorf("the commands that move the address to the bridge are missing:\n%s", text)
	}
	if n := strings.Count(text, "carries the default route"); n != 1 {
		t.Errorf("the default route is complained of %d times:\n%s", n, text)
	}
	if ready := d.awaitLog("msg=ready"); !strings.Contains(ready, "refused=2") {
		t.Errorf("two ports are refused, and the log says %q", ready)
	}
	ping(t, l.Hosts[0], l.Hosts[1].IP.String())
	noPing(t, l.Hosts[0], l.Hosts[2].IP.String())
}

// The commands that a refusal prints move the host's address to the bridge, and
// the port comes in by itself: the host can reach its router again.
func TestIntegrationDefaultRouteMoves(t *testing.T) {
	l := newLab(t, 2)
	router := l.Hosts[0]
	mustRun(t, l.Switch, "ip", "addr", "add", "10.0.0.99/24", "dev", router.Port)
	mustRun(t, l.Switch, "ip", "route", "add", "default", "via", router.IP.String())
	d := startSwitch(t, l)
	parts := strings.Split(d.awaitLog("carries the default route"), "'")
	if len(parts) < 3 {
		t.Fatalf("no commands in %q", parts)
	}
	mustRun(t, l.Switch, "sh", "-ec", parts[1])
	d.awaitLog("port=" + router.Port + " isolation=")
	if out, err := l.Switch.Run("ping", "-n", "-c", "5", "-W", "3", router.IP.String()); err != nil {
		t.Errorf("the host does not reach its router:\n%s", out)
	}
	ping(t, l.Hosts[1], router.IP.String())
}

// A hang-up of the terminal ends the switch as cleanly as an interrupt, and who
// stops reading its log does not stop it.
func TestIntegrationTerminalGoes(t *testing.T) {
	// The switch goes on after SIGHUP where that was ignored when it started, as
	// under nohup; a signal that is caught here is not ignored by children.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	l := newLab(t, 1)
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testutil.Binary(t, "./cmd/ofswitchd"), "--run-dir", dir, "--db", "none", "--bridge", "br0", "--port", "late0")
	cmd.Stderr = w
	if err := l.Switch.Start(cmd); err != nil {
		t.Fatal(err)
	}
	w.Close()
	defer cmd.Process.Kill() // if it has not ended below
	log := bufio.NewScanner(r)
	for log.Scan() && !strings.Contains(log.Text(), "msg=ready") {
	}
	r.Close()
	mustRun(t, l.Switch, "ip", "link", "add", "late0", "type", "veth", "peer", "name", "late1") // makes it log
	ofctl := testutil.Binary(t, "./cmd/ofctl")
	testutil.Eventually(t, "the port is there, with nobody reading the log", func() error {
		out, err := l.Switch.Run(ofctl, "--run-dir", dir, "show", "br0")
		if err == nil && !strings.Contains(out, "1(late0)") {
			err = fmt.Errorf("show:\n%s", out)
		}
		return err
	})
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGHUP: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left in the run directory: %v, %v", entries, err)
	}
}

// With the option, a device with the default route is taken.
func TestIntegrationDefaultRouteOverride(t *testing.T) {
	l := newLab(t, 1)
	mustRun(t, l.Switch, "ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
	mustRun(t, l.Switch, "ip", "link", "set", "up0", "up")
	mustRun(t, l.Switch, "ip", "link", "set", "up1", "up")
	mustRun(t, l.Switch, "ip", "addr", "add", "192.0.2.5/24", "dev", "up0")
	mustRun(t, l.Switch, "ip", "route", "add", "default", "via", "192.0.2.1")
	d := startSwitch(t, l, "--port", "up0,options:stack-isolation=off")
	if show := d.ctl("show", "br0"); !strings.Contains(show, "2(up0)") {
		t.Errorf("show:\n%s\nlog:\n%s", show, d.log.text())
	}
}

// Two bridges joined by a patch pair are one network, and each has its own
// tables and tools.
func TestIntegrationTwoBridges(t *testing.T) {
	l := newLab(t, 2)
	d := startDaemon(t, l.Switch,
		"--bridge", "left", "--port", "port1", "--port", "p0,type=patch,options:peer=p1",
		"--bridge", "right", "--port", "port2", "--port", "p1,type=patch,options:peer=p0")
	d.awaitLog("msg=ready")
	ping(t, l.Hosts[0], l.Hosts[1].IP.String())
	transferTCP(t, l.Hosts[0], l.Hosts[1])
	for _, b := range []string{"left", "right"} {
		if fdb := d.ctl("fdb/show", b); strings.Count(fdb, "02:00:00:00:00:0") < 2 {
			t.Errorf("%s has not learnt both hosts:\n%s", b, fdb)
		}
	}
	d.ctl("add-flow", "right", "priority=9,icmp,actions=drop")
	noPing(t, l.Hosts[0], l.Hosts[1].IP.String())
	if flows := d.ctl("dump-flows", "right", "icmp"); strings.Contains(flows, "n_packets=0,") {
		t.Errorf("the entry of the second bridge has counted nothing:\n%s", flows)
	}
}

// Bridges by flags need --db none; wrong use has exit status 2 and a line that says
// what to do.
func TestIntegrationWrongUse(t *testing.T) {
	bin := testutil.Binary(t, "./cmd/ofswitchd")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--bridge", "br0"}, "--db none"},
		{[]string{"--db", "none"}, "--bridge"},
		{[]string{"--db", "none", "--port", "eth0"}, "--bridge NAME before it"},
		{[]string{"--db", "none", "--bridge", "br0", "--datapath-id", "zz"}, "hex digits"},
		{[]string{"--db", "none", "--bridge", "br0", "--fail-mode", "open"}, "standalone or secure"},
		{[]string{"--db", "none", "--bridge", "br0", "--port", "e@0"}, "want 1 to"},
		{[]string{"--db", "none", "--bridge", "br0", "eth0"}, "not expected"},
		{[]string{"--db", "none", "--bridge", "br0", "--ports", "eth0"}, "no flag --ports"},
	} {
		cmd := exec.Command(bin, append([]string{"--run-dir", t.TempDir()}, c.args...)...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), c.want) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("ofswitchd %v: %v, printed:\n%swant one line with %q", c.args, err, out, c.want)
		}
	}
}

// A switch of which no bridge can be had ends: exit status 1.
func TestIntegrationNoBridge(t *testing.T) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop() // it would run for ever
	cmd := exec.CommandContext(ctx, testutil.Binary(t, "./cmd/ofswitchd"), "--run-dir", t.TempDir(), "--db", "none", "--bridge", "br%d", "--bridge", "a/b")
	out, _ := cmd.CombinedOutput() // the exit status is read below
	if cmd.ProcessState.ExitCode() != 1 || strings.Count(string(out), "\n") != 2 || !strings.Contains(string(out), "a/b") {
		t.Errorf("%v, printed:\n%swant a line a bridge", cmd.ProcessState, out)
	}
}

// Without the right to open raw sockets each port says what is missing.
func TestIntegrationNoPermission(t *testing.T) {
	setpriv := testutil.NeedProgram(t, "setpriv", "util-linux")
	l := newLab(t, 1)
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, l.Switch, dir, setpriv, "--bounding-set=-all", "--inh-caps=-all",
		testutil.Binary(t, "./cmd/ofswitchd"), "--run-dir", dir, "--db", "none", "--bridge", "br0", "--port", "port1")
	if _, ok := p.log.await("msg=ready"); !ok {
		t.Fatalf("the switch did not go on:\n%s", p.log.text())
	}
	for _, want := range []string{"CAP_NET_RAW", "CAP_NET_ADMIN"} {
		if !strings.Contains(p.log.text(), want) {
			t.Errorf("the log does not name %s:\n%s", want, p.log.text())
		}
	}
}

// --detach returns when the switch is ready, and the pid file names it.
func TestIntegrationDetach(t *testing.T) {
	l := newLab(t, 2)
	dir := t.TempDir()
	out, err := l.Switch.Run(testutil.Binary(t, "./cmd/ofswitchd"), "--run-dir", dir, "--db", "none", "--detach",
		"--log-file", filepath.Join(t.TempDir(), "log"), "--bridge", "br0", "--port", "port1", "--port", "port2")
	if err != nil {
		t.Fatalf("--detach: %v\n%s", err, out)
	}
	ofctl := testutil.Binary(t, "./cmd/ofctl")
	defer func() {
		if out, err := l.Switch.Run(ofctl, "--run-dir", dir, "exit"); err != nil {
			t.Errorf("ofctl exit: %v\n%s", err, out)
		}
		testutil.Eventually(t, "the run directory is empty", func() error {
			entries, err := os.ReadDir(dir)
			if err == nil && len(entries) > 0 {
				err = fmt.Errorf("there is %s", entries[0].Name())
			}
			return err
		})
	}()
	ping(t, l.Hosts[0], l.Hosts[1].IP.String())
	if out := mustRun(t, l.Switch, ofctl, "--run-dir", dir, "show", "br0"); !strings.Contains(out, "1(port1)") {
		t.Errorf("show:\n%s", out)
	}
}

// neighbours asks from a host for what the switch's own stack would answer, and
// says which of ARP, IPv4, ND and IPv6 got an answer.
func answers(t *testing.T, h *netlab.Host, ip, ip6 string) string {
	t.Helper()
	var got []string
	h.Run("ip", "neigh", "flush", "dev", "eth0")
	if _, err := h.Run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", ip); err == nil {
		got = append(got, "IPv4")
	}
	if _, err := h.Run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", ip6); err == nil {
		got = append(got, "IPv6")
	}
	neigh := mustRun(t, h.Namespace, "ip", "neigh", "show", "dev", "eth0")
	for _, line := range strings.Split(neigh, "\n") {
		if strings.HasPrefix(line, ip+" ") && strings.Contains(line, "lladdr") {
			got = append(got, "ARP")
		}
		if strings.HasPrefix(line, ip6+" ") && strings.Contains(line, "lladdr") {
			got = append(got, "ND")
		}
	}
	return strings.Join(got, " ")
}

// The host's stack behind a port neither answers nor speaks while the switch
// runs; it does before and after, even after kill -9.
func TestIntegrationHostStackStaysOut(t *testing.T) {
	testutil.NeedProgram(t, "tcpdump", "tcpdump")
	for _, mode := range []string{"tcx", "nft"} {
		t.Run(mode, func(t *testing.T) {
			l := newLab(t, 1)
			h := l.Hosts[0]
			mustRun(t, l.Switch, "ip", "addr", "add", "10.0.0.99/24", "dev", "port1")
			mustRun(t, l.Switch, "ip", "addr", "add", "fd00::99/64", "dev", "port1", "nodad")
			const all = "IPv4 IPv6 ARP ND"
			if got := sorted(answers(t, h, "10.0.0.99", "fd00::99")); got != sorted(all) {
				t.Fatalf("before the switch starts the stack answers %q, want all of %q", got, all)
			}
			d := startDaemon(t, l.Switch, "--bridge", "br0", "--fail-mode", "secure", "--port", "port1,options:stack-isolation="+mode)
			d.awaitLog("msg=ready")
			if out := strings.Fields(d.ctl("isolation/show")); !slices.Equal(out[len(out)-3:], []string{"br0", "port1", mode}) {
				t.Errorf("isolation/show ends with %q", out[len(out)-3:])
			}
			if out, err := d.tryCtl("isolation/show", "br9"); err == nil || !strings.Contains(out, "br9") {
				t.Errorf("isolation/show of a bridge that is not there: %v\n%s", err, out)
			}
			d.ctl("add-flow", "br0", "priority=1,arp,actions=drop")
			d.ctl("add-flow", "br0", "priority=1,icmp,actions=drop")
			capt := startCapture(t, h.Namespace, "eth0", "ether", "src", "not", h.MAC.String())
			if got := answers(t, h, "10.0.0.99", "fd00::99"); got != "" {
				t.Errorf("while the switch runs the stack answers %q", got)
			}
			// The host's own traffic towards the port: none may leave.
			l.Switch.Run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-I", "port1", "10.0.0.1")
			l.Switch.Run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-I", "port1", "fd00::1")
			if frames := tshark(t, capt.stop(), "frame", "frame.number"); len(frames) > 0 {
				t.Errorf("%d frames of the host's own left through the port", len(frames))
			}
			if flows := d.ctl("dump-flows", "br0", "arp"); strings.Contains(flows, "n_packets=0,") {
				t.Errorf("the switch has not seen the host's ARP requests:\n%s", flows)
			}
			d.kill()
			if got := sorted(answers(t, h, "10.0.0.99", "fd00::99")); got != sorted(all) {
				t.Errorf("after kill -9 the stack answers %q, want all of %q", got, all)
			}
		})
	}
}

func sorted(words string) string {
	list := strings.Fields(words)
	for i := range list {
		for j := i + 1; j < len(list); j++ {
			if list[j] < list[i] {
				list[i], list[j] = list[j], list[i]
			}
		}
	}
	return strings.Join(list, " ")
}

// Somebody deletes the bridge's own device: the switch makes it again, with the
// same number.
func TestIntegrationLocalDeviceDeleted(t *testing.T) {
	l := newLab(t, 1)
	d := startSwitch(t, l)
	n := d.log.count()
	mustRun(t, l.Switch, "ip", "link", "del", "br0")
	if _, ok := d.log.awaitAfter(n, `msg="port added" bridge=br0 port=br0 io=tap`); !ok {
		t.Fatalf("br0 is not made again:\n%s", d.log.text())
	}
	mustRun(t, l.Switch, "ip", "addr", "add", "10.0.0.9/24", "dev", "br0")
	ping(t, l.Hosts[0], "10.0.0.9")
}
