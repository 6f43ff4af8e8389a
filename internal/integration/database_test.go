package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// dbSwitch is a switch with its database in a directory, and Open vSwitch's tools.
type dbSwitch struct {
	*daemon
	db string
}

// startWithDB starts the switch with a database, "" for one of its own in a new
// directory.
func startWithDB(t *testing.T, ns *netlab.Namespace, db string) *dbSwitch {
	t.Helper()
	testutil.NeedProgram(t, "ovs-vsctl", "openvswitch-switch")
	if db == "" {
		db = filepath.Join(t.TempDir(), "conf.db")
	}
	s := &dbSwitch{startDaemon(t, ns, "--db", db), db} // the last --db counts
	s.awaitLog("msg=ready")
	return s
}

// env is what the tools find the switch by.
func (s *dbSwitch) env() []string {
	return append(os.Environ(), "OVS_RUNDIR="+s.dir, "OVS_LOGDIR="+s.dir)
}

// tryVsctl runs ovs-vsctl and gives all that it prints.
func (s *dbSwitch) tryVsctl(args ...string) (string, error) {
	cmd := exec.Command("ovs-vsctl", append([]string{"-t", "60"}, args...)...)
	cmd.Env = s.env()
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// vsctl runs ovs-vsctl, which must succeed.
func (s *dbSwitch) vsctl(args ...string) string {
	s.t.Helper()
	out, err := s.tryVsctl(args...)
	if err != nil {
		s.t.Fatalf("ovs-vsctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// get is one column of one row.
func (s *dbSwitch) get(table, record, column string) string {
	s.t.Helper()
	return s.vsctl("get", table, record, column)
}

// The commands of the README, for those who know Open vSwitch, word for word, with
// nothing else said than where the programs are. /run and /var/lib are the script's
// own.
func TestIntegrationOpenVSwitchCommands(t *testing.T) {
	l := newLab(t, 2)
	for _, p := range []string{"ovs-vsctl", "ovs-ofctl", "ovs-appctl"} {
		testutil.NeedProgram(t, p, "openvswitch-switch")
	}
	for i, h := range l.Hosts {
		mustRun(t, l.Switch, "ip", "link", "set", h.Port, "down")
		mustRun(t, l.Switch, "ip", "link", "set", h.Port, "name", fmt.Sprintf("eth%d", i), "up")
	}
	before, err := l.Switch.Links()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(testutil.Root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(b), "## For those who know Open vSwitch")
	if !ok {
		t.Fatal("README.md has no section for those who know Open vSwitch")
	}
	var commands []string
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "#") {
			break
		}
		if command, ok := strings.CutPrefix(line, "    "); ok {
			commands = append(commands, strings.TrimSpace(strings.TrimPrefix(command, "sudo ")))
		}
	}
	for _, must := range []string{
		"ofswitchd --detach", "export OVS_RUNDIR=/run/ofswitch", "ovs-vsctl add-br br0", "ovs-vsctl set bridge br0 datapath_type=netdev",
		"ovs-vsctl add-port br0 eth0", "ovs-vsctl add-port br0 eth1", "ovs-vsctl add-port br0 vport1 -- set interface vport1 type=internal",
		"ovs-vsctl set-controller br0 tcp:127.0.0.1:6653", "ovs-vsctl show; ovs-ofctl dump-flows br0; ovs-appctl -t ofswitchd fdb/show br0",
	} {
		if !strings.Contains(strings.Join(commands, "\n"), must) {
			t.Errorf("the README has no %q among %q", must, commands)
		}
	}
	script := "set -e\nmount -t tmpfs run /run\nmount -t tmpfs lib /var/lib\nexport PATH=" + filepath.Dir(testutil.Binary(t, "./cmd/ofswitchd")) + ":$PATH\n" +
		strings.Join(commands, "\n") + `
pid=$(cat /run/ofswitch/ofswitchd.pid)
kill $pid
while kill -0 $pid 2>/dev/null; do sleep 0.05; done
echo left: $(ls -A /run/ofswitch) $(ls /var/lib/ofswitch)
`
	out := mustRun(t, l.Switch, "unshare", "--mount", "sh", "-c", script)
	for _, want := range []string{
		"    Bridge br0\n", "        Controller \"tcp:127.0.0.1:6653\"\n", "        datapath_type: netdev\n",
		"        Port eth0\n            Interface eth0\n", "        Port vport1\n            Interface vport1\n                type: internal\n",
		"NXST_FLOW reply", " port  VLAN  MAC                Age", "left: conf.db\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the commands do not print %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "error") {
		t.Errorf("an error:\n%s", out)
	}
	if strings.Contains(out, "actions=NORMAL") {
		t.Errorf("the first controller has left the entry that learns:\n%s", out)
	}
	after, err := l.Switch.Links()
	if err != nil || strings.Join(before, " ") != strings.Join(after, " ") {
		t.Errorf("devices %v before, %v after, %v", before, after, err)
	}
}

// Ports, numbers, addresses and identity survive the end of the switch, kill -9
// included; a clean end leaves the database and nothing else.
func TestIntegrationDatabaseRestart(t *testing.T) {
	l := newLab(t, 2)
	db := filepath.Join(t.TempDir(), "conf.db")
	s := startWithDB(t, l.Switch, db)
	s.vsctl("add-br", "br0", "--", "add-port", "br0", "port2", "--", "set", "interface", "port2", "ofport_request=20")
	s.vsctl("add-port", "br0", "gone", "--", "set", "interface", "gone", "type=internal")
	s.vsctl("add-port", "br0", "port1", "--", "set", "bridge", "br0", "other_config:hwaddr=02:00:00:00:00:aa", "other_config:datapath-id=00000000000000ab")
	s.vsctl("del-port", "gone")
	state := func(s *dbSwitch) string {
		return strings.Join([]string{
			s.get("interface", "port1", "ofport"), s.get("interface", "port2", "ofport"), s.get("interface", "br0", "ofport"),
			s.get("bridge", "br0", "datapath_id"), s.get("open_vswitch", ".", "external_ids:system-id"), s.get("open_vswitch", ".", "cur_cfg"),
		}, " ")
	}
	first := state(s)
	if !strings.HasPrefix(first, "2 20 65534 \"00000000000000ab\"") {
		t.Errorf("at first: %s", first)
	}
	ping(t, l.Hosts[0], "10.0.0.2")
	s.kill()
	s = startWithDB(t, l.Switch, db)
	if again := state(s); again != first {
		t.Errorf("at first %s, after kill -9 %s", first, again)
	}
	ping(t, l.Hosts[0], "10.0.0.2")
	s.stop()
	s = startWithDB(t, l.Switch, db)
	if again := state(s); again != first {
		t.Errorf("at first %s, after SIGTERM %s", first, again)
	}
	// Another number on request, and the old one for who asks for it.
	s.vsctl("set", "interface", "port1", "ofport_request=30")
	if no := s.get("interface", "port1", "ofport"); no != "30" {
		t.Errorf("port1 asks for 30 and has %s", no)
	}
	ping(t, l.Hosts[0], "10.0.0.2")
	s.stop()
	if out, err := exec.Command("ovsdb-tool", "db-name", db).CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "Open_vSwitch" {
		t.Errorf("ovsdb-tool: %v, %s", err, out)
	}
	entries, err := os.ReadDir(filepath.Dir(db))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "conf.db") && e.Name() != ".conf.db.~lock~" {
			t.Errorf("left beside the database: %s", e.Name())
		}
	}
}

// A switch without a database says so to whom asks for it.
func TestIntegrationNoDatabase(t *testing.T) {
	d := startSwitch(t, newLab(t, 0))
	out, err := exec.Command(d.ofctl, "--run-dir", d.dir, "list-br").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "db.sock: database connection failed (No such file or directory): the switch runs without a database") {
		t.Errorf("%v, %s", err, out)
	}
	out, err = exec.Command(d.ofctl, "--run-dir", t.TempDir(), "list-br").CombinedOutput()
	if err == nil || !strings.HasSuffix(string(out), "(No such file or directory)\n") {
		t.Errorf("without a switch: %v, %s", err, out)
	}
}

// Two switches never share a database.
func TestIntegrationDatabaseInUse(t *testing.T) {
	l := newLab(t, 0)
	s := startWithDB(t, l.Switch, "")
	dir := filepath.Join(t.TempDir(), "run")
	out, err := l.Switch.Run(testutil.Binary(t, "./cmd/ofswitchd"), "--run-dir", dir, "--db", s.db)
	if err == nil || !strings.Contains(out, "is in use by another server") {
		t.Errorf("a second switch: %v\n%s", err, out)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("a second switch leaves its run directory behind: %v", err)
	}
	s.vsctl("add-br", "br0")
	// What ovs-appctl asks ovsdb-server, it may ask the switch.
	cmd := exec.Command("ovs-appctl", "-t", "ofswitchd", "ovsdb-server/compact")
	cmd.Env = s.env()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("compact: %v, %s", err, out)
	}
	if out, err := exec.Command("ovsdb-tool", "show-log", s.db).CombinedOutput(); err != nil || strings.Count(string(out), "record ") != 2 {
		t.Errorf("the compacted log: %v\n%s", err, out)
	}
}

// A row that cannot be says so itself, to the user that made it as well, and harms no
// other.
func TestIntegrationBadRows(t *testing.T) {
	l := newLab(t, 2)
	s := startWithDB(t, l.Switch, "")
	s.vsctl("add-br", "br0", "--", "add-port", "br0", "port1", "--", "add-port", "br0", "port2")
	ping(t, l.Hosts[0], "10.0.0.2")
	for _, c := range []struct{ args, port, want string }{
		{"add-port br0 nodev", "nodev", "could not open network device nodev (No such device)"},
		{"add-port br0 p1 -- set interface p1 type=patch", "p1", "p1: patch type requires valid 'peer' argument"},
		{"add-port br0 v1 -- set interface v1 type=vhost", "v1", "could not open network device v1 (Address family not supported by protocol)"},
		{"add-br br1 -- set bridge br1 datapath_type=dpdk", "br1", `bridge br1: datapath_type \"dpdk\" is not known; use netdev or system`},
	} {
		out := s.vsctl(strings.Fields(c.args)...)
		if want := strings.ReplaceAll(c.want, `\"`, `"`); !strings.Contains(out, "Error detected while setting up '"+c.port+"': "+want) {
			t.Errorf("ovs-vsctl %s prints %q", c.args, out)
		}
		if no, text := s.get("interface", c.port, "ofport"), s.get("interface", c.port, "error"); no != "-1" || text != `"`+c.want+`"` {
			t.Errorf("ovs-vsctl %s: ofport %s, error %s", c.args, no, text)
		}
		ping(t, l.Hosts[0], "10.0.0.2")
	}
	// The device comes: the row is told without anybody's asking.
	mustRun(t, l.Switch, "ip", "link", "add", "nodev", "up", "type", "veth", "peer", "name", "other")
	s.vsctl("wait-until", "interface", "nodev", "ofport>0", "error=[]", "admin_state=up")
	mustRun(t, l.Switch, "ip", "link", "del", "nodev")
	s.vsctl("wait-until", "interface", "nodev", "ofport=-1")
	s.vsctl("set", "bridge", "br1", "datapath_type=netdev")
	if out := s.vsctl("list-br"); out != "br0\nbr1" {
		t.Errorf("bridges %q", out)
	}
	if no := s.get("interface", "br1", "ofport"); no != "65534" {
		t.Errorf("br1, mended, has ofport %s", no)
	}
}

// del-br, emer-reset and init do what they do with Open vSwitch.
func TestIntegrationReset(t *testing.T) {
	l := newLab(t, 2)
	s := startWithDB(t, l.Switch, "")
	s.vsctl("init")
	s.vsctl("add-br", "br0", "--", "add-port", "br0", "port1", "--", "add-port", "br0", "port2", "--", "add-port", "br0", "v0", "--", "set", "interface", "v0", "type=internal")
	s.vsctl("set-controller", "br0", "tcp:127.0.0.1:1", "--", "set-fail-mode", "br0", "secure", "--", "set-manager", "ptcp:0:127.0.0.1",
		"--", "set", "bridge", "br0", "other_config:hwaddr=02:00:00:00:00:01", "other_config:dp-desc=x")
	s.vsctl("wait-until", "manager", "ptcp:0:127.0.0.1", "status:bound_port!=0")
	s.vsctl("emer-reset")
	if out := s.vsctl("get-controller", "br0") + s.vsctl("get-fail-mode", "br0") + s.vsctl("get-manager"); out != "" {
		t.Errorf("left after emer-reset: %q", out)
	}
	if out := s.get("bridge", "br0", "other_config"); out != `{hwaddr="02:00:00:00:00:01"}` { // which it keeps
		t.Errorf("other_config after emer-reset: %s", out)
	}
	ping(t, l.Hosts[0], "10.0.0.2")
	s.vsctl("del-br", "br0")
	for _, table := range []string{"Bridge", "Port", "Interface", "Controller"} {
		if out := s.vsctl("--columns=_uuid", "list", table); out != "" {
			t.Errorf("left in table %s after del-br: %s", table, out)
		}
	}
	if links, err := l.Switch.Links(); err != nil || strings.Contains(strings.Join(links, " "), "br0") || strings.Contains(strings.Join(links, " "), "v0") {
		t.Errorf("devices %v, %v", links, err)
	}
	if entries, err := filepath.Glob(filepath.Join(s.dir, "br0.*")); err != nil || len(entries) > 0 {
		t.Errorf("sockets left: %v, %v", entries, err)
	}
}
