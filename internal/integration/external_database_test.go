package integration

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

const vswitchSchema = "/usr/share/openvswitch/vswitch.ovsschema"

// startOVSDB runs a real ovsdb-server with an empty database of switches.
func startOVSDB(t *testing.T, args ...string) *testutil.OVSDBServer {
	t.Helper()
	s := testutil.NewOVSDBServer(t, vswitchSchema, args...)
	s.Start()
	return s
}

// vsctl runs stock ovs-vsctl on a database; it waits for the switch.
func vsctl(t *testing.T, db string, args ...string) string {
	t.Helper()
	program := testutil.NeedProgram(t, "ovs-vsctl", "openvswitch-common")
	out, err := exec.Command(program, append([]string{"--db=" + db, "--timeout=50"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ovs-vsctl %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// addBridge makes br0 with a port a host.
func addBridge(t *testing.T, db string, hosts []*netlab.Host) {
	t.Helper()
	args := []string{"add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"}
	for _, h := range hosts {
		args = append(args, "--", "add-port", "br0", h.Port)
	}
	vsctl(t, db, args...)
}

// steadyPing pings until its end is asked for, which gives how many frames were
// lost.
func steadyPing(t *testing.T, from *netlab.Host, to string) (lost func() int) {
	t.Helper()
	p := startProcess(t, from.Namespace, t.TempDir(), testutil.NeedProgram(t, "ping", "iputils-ping"), "-n", "-i", "0.01", "-W", "5", to)
	if _, ok := p.log.await("bytes from"); !ok {
		t.Fatalf("no answer from %s:\n%s", to, p.log.text())
	}
	return func() int {
		t.Helper()
		if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		line, ok := p.log.await("packets transmitted")
		m := regexp.MustCompile(`(\d+) packets transmitted, (\d+) received`).FindStringSubmatch(line)
		if !ok || m == nil {
			t.Fatalf("ping printed:\n%s", p.log.text())
		}
		var sent, received int
		if _, err := fmt.Sscan(m[1]+" "+m[2], &sent, &received); err != nil {
			t.Fatal(err)
		}
		if sent < 10 {
			t.Errorf("only %d frames were sent", sent)
		}
		return sent - received
	}
}

// A database of a real ovsdb-server configures the switch. The server is killed:
// the switch goes on, without the loss of a frame, and when the server is back
// nothing is touched, and ovs-vsctl configures again.
func TestIntegrationExternalDatabase(t *testing.T) {
	l := newLab(t, 3)
	db := startOVSDB(t)
	d := startDaemon(t, l.Switch, "--db", db.Target())
	d.awaitLog("msg=ready")
	vsctl(t, db.Target(), "init")
	addBridge(t, db.Target(), l.Hosts[:2])
	d.ctl("add-flow", "br0", "table=3,priority=7,actions=drop")
	numbers := vsctl(t, db.Target(), "--columns=name,ofport", "list", "interface")
	lost := steadyPing(t, l.Hosts[0], l.Hosts[1].IP.String())
	opened := strings.Count(d.log.text(), "isolation=")
	n := d.log.count()
	db.Kill()
	if line, ok := d.log.awaitAfter(n, "database connection lost"); !ok || !strings.Contains(line, "level=WARN") {
		t.Fatalf("the log says %q", line)
	}
	if out := d.ctl("dump-flows", "br0"); !strings.Contains(out, "table=3") {
		t.Errorf("flows while the database is away:\n%s", out)
	}
	db.Start()
	if _, ok := d.log.awaitAfter(n, "database connected"); !ok {
		t.Fatalf("the log:\n%s", d.log.text())
	}
	db.Kill()
	db.Start()
	// It waits until the switch has applied it.
	vsctl(t, db.Target(), "add-port", "br0", l.Hosts[2].Port, "--", "set", "bridge", "br0", "other-config:mac-aging-time=77")
	ping(t, l.Hosts[0], l.Hosts[2].IP.String())
	if n := lost(); n != 0 {
		t.Errorf("%d frames were lost", n)
	}
	if out := d.ctl("dump-flows", "br0"); !strings.Contains(out, "table=3") {
		t.Errorf("flows afterwards:\n%s", out)
	}
	if n := strings.Count(d.log.text(), "isolation="); n != opened+1 {
		t.Errorf("ports were opened %d times, and %d before the database went away", n, opened)
	}
	if got := vsctl(t, db.Target(), "--columns=name,ofport", "list", "interface", "port1", "port2", "br0"); !sameRows(got, numbers) {
		t.Errorf("numbers\n%s\nand before\n%s", got, numbers)
	}
	vsctl(t, db.Target(), "del-br", "br0")
	noPing(t, l.Hosts[0], l.Hosts[1].IP.String())
}

// sameRows compares rows as ovs-vsctl lists them, in any order.
func sameRows(a, b string) bool {
	rows := make(map[string]int)
	for _, r := range strings.Split(a, "\n\n") {
		rows[strings.TrimSpace(r)]++
	}
	for _, r := range strings.Split(b, "\n\n") {
		rows[strings.TrimSpace(r)]--
	}
	for _, n := range rows {
		if n != 0 {
			return false
		}
	}
	return true
}

// Of two switches on one database the one that has the lock acts; the other says
// once that it waits, and takes over when the first has ended.
func TestIntegrationDatabaseLock(t *testing.T) {
	l, l2 := newLab(t, 1), newLab(t, 1)
	db := startOVSDB(t)
	first := startDaemon(t, l.Switch, "--db", db.Target())
	first.awaitLog("msg=ready")
	second := startDaemon(t, l2.Switch, "--db", db.Target())
	second.awaitLog("holds the lock")
	vsctl(t, db.Target(), "init")
	addBridge(t, db.Target(), l.Hosts)
	if out, err := second.tryCtl("show", "br0"); err == nil {
		t.Errorf("the second switch has the bridge:\n%s", out)
	}
	first.stop()
	second.awaitLog("the lock of the database is ours now")
	testutil.Eventually(t, "the second switch has the bridge", func() error {
		if out, err := second.tryCtl("show", "br0"); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	if n := strings.Count(second.log.text(), "holds the lock"); n != 1 {
		t.Errorf("it says %d times that it waits:\n%s", n, second.log.text())
	}
	vsctl(t, db.Target(), "del-br", "br0")
}

// A real ovs-vswitchd and ours on one database: who comes second waits.
func TestIntegrationDatabaseLockOfVswitchd(t *testing.T) {
	vswitchd := testutil.NeedProgram(t, "ovs-vswitchd", "openvswitch-switch")
	l, l2 := newLab(t, 1), newLab(t, 1)
	db := startOVSDB(t)
	vsctl(t, db.Target(), "--no-wait", "init")
	dir := t.TempDir()
	theirs := startProcess(t, l2.Switch, dir, "env", "OVS_RUNDIR="+dir, vswitchd, db.Target(), "--disable-system", "--no-chdir", "--unixctl="+dir+"/ctl", "-vconsole:info")
	vsctl(t, db.Target(), "set", "open_vswitch", ".", "external-ids:a=b") // it acts
	ours := startDaemon(t, l.Switch, "--db", db.Target())
	ours.awaitLog("holds the lock")
	addBridge(t, db.Target(), nil)
	if out, err := ours.tryCtl("show", "br0"); err == nil {
		t.Errorf("our switch has the bridge:\n%s", out)
	}
	theirs.kill()
	ours.awaitLog("the lock of the database is ours now")
	vsctl(t, db.Target(), "set", "open_vswitch", ".", "external-ids:a=c")
	ours.ctl("show", "br0")

	again := startProcess(t, l2.Switch, dir, "env", "OVS_RUNDIR="+dir, vswitchd, db.Target(), "--disable-system", "--no-chdir", "--unixctl="+dir+"/ctl", "-vconsole:info")
	if _, ok := again.log.await("another ovs-vswitchd process is running"); !ok {
		t.Errorf("ovs-vswitchd says:\n%s", again.log.text())
	}
	vsctl(t, db.Target(), "del-br", "br0")
}

// The database of a cluster: when its leader is killed, the switch goes to the
// next and forwards on, and its configuration can be changed there.
func TestIntegrationClusteredDatabase(t *testing.T) {
	l := newLab(t, 3)
	members := testutil.NewOVSDBCluster(t, 3, "Open_vSwitch", vswitchSchema)
	var targets []string
	for _, m := range members {
		m.Start()
		targets = append(targets, m.Target())
	}
	all := strings.Join(targets, ",")
	d := startDaemon(t, l.Switch, "--db", all)
	d.awaitLog("msg=ready")
	vsctl(t, all, "init")
	addBridge(t, all, l.Hosts[:2])
	for _, target := range targets {
		// Who has joined has the bridge.
		testutil.Eventually(t, target+" has joined", func() error {
			out, err := exec.Command("ovs-vsctl", "--db="+target, "--no-leader-only", "--no-wait", "--timeout=20", "list-br").CombinedOutput()
			if err != nil || strings.TrimSpace(string(out)) != "br0" {
				return fmt.Errorf("%v: %s", err, out)
			}
			return nil
		})
	}
	lost := steadyPing(t, l.Hosts[0], l.Hosts[1].IP.String())
	line := d.awaitLog("database connected")
	for _, m := range members {
		if strings.Contains(line, m.Target()+" ") {
			n := d.log.count()
			m.Kill()
			if now, ok := d.log.awaitAfter(n, "database connected"); !ok || strings.Contains(now, m.Target()+" ") {
				t.Fatalf("the log:\n%s", d.log.text())
			}
		}
	}
	vsctl(t, all, "add-port", "br0", l.Hosts[2].Port)
	ping(t, l.Hosts[0], l.Hosts[2].IP.String())
	if n := lost(); n != 0 {
		t.Errorf("%d frames were lost", n)
	}
	vsctl(t, all, "del-br", "br0")
}

// The database is reached over TCP and TLS too.
func TestIntegrationDatabaseOverTLS(t *testing.T) {
	l := newLab(t, 1)
	mustRun(t, l.Switch, "ip", "link", "set", "lo", "up")
	ca := testutil.NewCA(t, "ours")
	db := testutil.NewOVSDBServer(t, vswitchSchema, append(tlsFlags(ca.Issue("server"), ca), "--remote=pssl:6640:127.0.0.1", "--remote=ptcp:6641:127.0.0.1")...)
	db.Run = l.Switch.Start
	db.Start()
	for _, flags := range [][]string{
		append(tlsFlags(ca.Issue("switch"), ca), "--db", "ssl:127.0.0.1"),
		{"--db", "tcp:127.0.0.1:6641"},
	} {
		d := startDaemon(t, l.Switch, flags...)
		d.awaitLog("database connected")
		vsctl(t, db.Target(), "--may-exist", "add-br", "br0")
		d.ctl("show", "br0")
		vsctl(t, db.Target(), "del-br", "br0")
		d.stop()
	}
	stranger := startDaemon(t, l.Switch, append(tlsFlags(testutil.NewCA(t, "other").Issue("x"), ca), "--db", "ssl:127.0.0.1")...)
	if line := stranger.awaitLog("database not connected"); !strings.Contains(line, "certificate") {
		t.Errorf("the log says %q", line)
	}
}
