package differential

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

// pair is both switches, each with the ports 1, 2, 3 and LOCAL, in a network
// namespace of their own.
type pair struct {
	ours, theirs *peer
	macs         [][6]byte // of the ports 1, 2, 3, the same on both

	startTheirs func() *exec.Cmd // starts ovs-vswitchd, configured already
	vswitchd    *exec.Cmd
	listener    net.Listener // where it connects to
}

// openVSwitch is an Open vSwitch with the dummy datapath, which touches no device.
type openVSwitch struct {
	at    func(name string) string                 // a file in its directory
	run   func(name string, args ...string) string // one of its tools; the test fails where it does
	db    string                                   // ovs-vsctl's option
	start func() *exec.Cmd                         // starts ovs-vswitchd
}

func startOpenVSwitch(t *testing.T, ns *testutil.NS, dir string) *openVSwitch {
	t.Helper()
	vswitchd := testutil.NeedProgram(t, "ovs-vswitchd", "openvswitch-switch")
	ovsdb := testutil.NeedProgram(t, "ovsdb-server", "openvswitch-switch")
	theirs := filepath.Join(dir, "ovs")
	if err := os.Mkdir(theirs, 0o755); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "OVS_RUNDIR="+theirs, "OVS_LOGDIR="+theirs, "OVS_DBDIR="+theirs)
	at := func(name string) string { return filepath.Join(theirs, name) }
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	start := func(path string, args ...string) *exec.Cmd {
		t.Helper()
		cmd := exec.Command(path, args...)
		cmd.Env = env
		var said bytes.Buffer
		cmd.Stderr = &said
		ns.Start(cmd)
		t.Cleanup(func() {
			if t.Failed() && said.Len() > 0 {
				t.Logf("%s said:\n%s", path, said.Bytes())
			}
		})
		t.Cleanup(func() { end(t, cmd) })
		return cmd
	}
	run("ovsdb-tool", "create", at("conf.db"), "/usr/share/openvswitch/vswitch.ovsschema")
	start(ovsdb, at("conf.db"), "--remote=punix:"+at("db.sock"), "--log-file="+at("ovsdb.log"))
	db := "--db=unix:" + at("db.sock")
	testutil.Eventually(t, "the database's socket", func() error { _, err := os.Stat(at("db.sock")); return err })
	run("ovs-vsctl", db, "--no-wait", "init")
	t.Cleanup(func() {
		if b, err := os.ReadFile(at("vswitchd.log")); t.Failed() && err == nil {
			t.Logf("log of ovs-vswitchd, its end:\n%s", b[max(0, len(b)-2000):])
		}
	})
	return &openVSwitch{at: at, run: run, db: db, start: func() *exec.Cmd {
		return start(vswitchd, "unix:"+at("db.sock"), "--enable-dummy", "--disable-system", "--log-file="+at("vswitchd.log"),
			"--unixctl="+at("vswitchd.ctl"), "-vconsole:emer")
	}}
}

func startPair(t *testing.T) *pair {
	t.Helper()
	ns := testutil.NewNS(t)
	ns.NoIPv6()
	p := &pair{}
	dir := shortDir(t)

	listen := func(path string) net.Listener {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}

	ovs := startOpenVSwitch(t, ns, dir)
	at, run, db := ovs.at, ovs.run, ovs.db
	p.startTheirs = ovs.start
	p.vswitchd = p.startTheirs()
	theirListener := listen(at("ctl")) // Open vSwitch connects only to sockets in its run directory
	args := []string{db, "--timeout=60", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail-mode=secure",
		"protocols=OpenFlow13", "other-config:disable-in-band=true", "--", "set-controller", "br0", "unix:" + theirListener.Addr().String(),
		"--", "set", "controller", "br0", "inactivity_probe=0", "controller_rate_limit=100000"}
	for i := 1; i <= 3; i++ {
		args = append(args, "--", "add-port", "br0", fmt.Sprintf("p%d", i),
			"--", "set", "interface", fmt.Sprintf("p%d", i), "type=dummy", fmt.Sprintf("ofport_request=%d", i))
	}
	run("ovs-vsctl", args...)
	p.listener = theirListener
	p.theirs = accept(t, "Open vSwitch", theirListener)
	p.macs = make([][6]byte, 3)
	for _, e := range p.theirs.entries(&ofp.MultipartRequest{Kind: ofp.MultipartPortDesc}) {
		if d := e.(*ofp.PortDesc); d.Port <= 3 {
			p.macs[d.Port-1] = d.HWAddr
		}
	}

	// This switch: its ports are TAP devices.
	ourListener := listen(filepath.Join(dir, "ctl"))
	args = []string{"--run-dir", filepath.Join(dir, "run"), "--db", "none", "--bridge", "br0", "--datapath-id", "0000000000000001", "--fail-mode", "secure",
		"--controller", "unix:" + ourListener.Addr().String() + ",inactivity_probe=0"}
	for i, mac := range p.macs {
		args = append(args, "--port", fmt.Sprintf("p%d,type=internal,mac=%v", i+1, net.HardwareAddr(mac[:])))
	}
	cmd := exec.Command(testutil.Binary(t, "./cmd/ofswitchd"), args...)
	log, err := os.Create(filepath.Join(dir, "ofswitchd.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = log
	ns.Start(cmd)
	t.Cleanup(func() {
		end(t, cmd)
		log.Close()
		if b, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("log of ofswitchd, its end:\n%s", b[max(0, len(b)-2000):])
		}
	})
	p.ours = accept(t, "this switch", ourListener)
	return p
}

// revive starts Open vSwitch again after it has ended by itself.
func (p *pair) revive(t *testing.T) {
	t.Helper()
	p.theirs.nc.Close()
	p.vswitchd = p.startTheirs()
	p.theirs = accept(t, "Open vSwitch", p.listener)
	// The generation id is what emptying does not bring back.
	b := p.ours.must(&ofp.RoleRequest{Role: ofp.RoleNoChange}).to[0][0]
	if g := be.Uint64(b[16:]); g != ^uint64(0) {
		p.theirs.must(&ofp.RoleRequest{Role: ofp.RoleSlave, GenerationID: g})
	}
}

// end asks a program to end and waits for it.
func end(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	done := make(chan struct{})
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	go func() {
		err := cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %v, %v", cmd.Path, err, cmd.ProcessState)
		}
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(testutil.Patience):
		t.Errorf("%s does not end", cmd.Path)
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		<-done
	}
}
