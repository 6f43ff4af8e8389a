package integration

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

// tryStock runs the unmodified ovs-ofctl, which may fail.
func (d *daemon) tryStock(args ...string) (string, error) {
	path := testutil.NeedProgram(d.t, "ovs-ofctl", "openvswitch-common")
	out, err := exec.Command(path, append([]string{"-O", "OpenFlow13"}, args...)...).CombinedOutput()
	return string(out), err
}

// watching runs ovs-ofctl or ofctl until the end of the test; what it prints can be
// waited for.
func (d *daemon) watching(stock bool, args ...string) *logReader {
	d.t.Helper()
	cmd := exec.Command(d.ofctl, args...)
	if stock {
		cmd = exec.Command(testutil.NeedProgram(d.t, "ovs-ofctl", "openvswitch-common"), append([]string{"-O", "OpenFlow13"}, args...)...)
	}
	cmd.Env = append(os.Environ(), "OFSWITCH_RUNDIR="+d.dir, "OVS_RUNDIR="+d.t.TempDir())
	r, w, err := os.Pipe()
	if err != nil {
		d.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	_ = w.Close() // the program has it
	out := newLogReader(r)
	d.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	return out
}

// awaitOutput waits for a line of a program's that contains text.
func awaitOutput(t *testing.T, r *logReader, text string) {
	t.Helper()
	if _, ok := r.await(text); !ok {
		t.Fatalf("no line with %q in:\n%s", text, r.text())
	}
}

// TestIntegrationOpenFlowBundle: ovs-ofctl as it comes, and ofctl, change many flows at
// once, or none of them.
func TestIntegrationOpenFlowBundle(t *testing.T) {
	l := newOFLab(t, 2)
	d, mgmt := l.d, l.d.mgmt("br0")
	file := func(name string, lines ...string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var lines []string
	for i := range 1000 {
		lines = append(lines, fmt.Sprintf("table=%d,priority=%d,in_port=1,dl_vlan=%d,actions=output:2", i%10, i%7+1, i+1))
	}
	many, half := file("many", lines...), file("half", lines[:500]...)
	wrong := file("wrong", append(lines[:600:600], "priority=9,in_port=2,actions=group:77", "priority=10,actions=drop")...)
	mixed := file("mixed", "group add group_id=1,type=all,bucket=output:2", "flow add priority=50,in_port=1,actions=group:1",
		"flow delete in_port=1,dl_vlan=7", "packet-out in_port=controller,packet=ffffffffffff020000000001080000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 actions=output:1")
	badMix := file("badmix", "group delete group_id=1", "flow add priority=51,actions=group:1")
	flows := func() int {
		out, n := d.stock("dump-aggregate", mgmt), 0
		if _, err := fmt.Sscanf(out[strings.Index(out, "flow_count="):], "flow_count=%d", &n); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		return n
	}
	for _, tool := range []struct {
		name string
		run  func(args ...string) (string, error)
	}{{"ovs-ofctl", d.tryStock}, {"ofctl", d.tryCtl}} {
		d.stock("del-flows", mgmt)
		d.stock("del-groups", mgmt)
		step := func(want int, refusal string, args ...string) {
			t.Helper()
			out, err := tool.run(args...)
			if refusal == "" && err != nil {
				t.Fatalf("%s %v: %v\n%s", tool.name, args, err, out)
			}
			if refusal != "" && (err == nil || !strings.Contains(out, refusal)) {
				t.Errorf("%s %v: %v, want %s in\n%s", tool.name, args, err, refusal, out)
			}
			if n := flows(); n != want {
				t.Errorf("%s %v: there are %d flows, want %d", tool.name, args, n, want)
			}
		}
		step(1000, "", "--bundle", "add-flows", mgmt, many)
		step(1000, "OFPBAC_BAD_OUT_GROUP", "--bundle", "add-flows", mgmt, wrong)
		step(500, "", "--bundle", "replace-flows", mgmt, half)
		step(500, "OFPBAC_BAD_OUT_GROUP", "--bundle", "replace-flows", mgmt, wrong)
		step(1000, "", "replace-flows", mgmt, many)
		step(1000, "", "--bundle", "mod-flows", mgmt, "in_port=1,actions=output:1")
		step(1000, "", "bundle", mgmt, mixed) // one more, one less
		step(1000, "OFPBAC_BAD_OUT_GROUP", "bundle", mgmt, badMix)
		if out := d.stock("dump-groups", mgmt); !strings.Contains(out, "group_id=1,type=all") {
			t.Errorf("%s: the group has gone with a bundle that failed:\n%s", tool.name, out)
		}
		step(1000, "", "--bundle", "add-group", mgmt, "group_id=2,type=indirect,bucket=output:1")
		step(999, "", "--bundle", "del-flows", mgmt, "in_port=1,dl_vlan=9")
		step(0, "", "--bundle", "del-flows", mgmt)
	}
}

// TestIntegrationOpenFlowMonitor: both tools are told what is there, what another one
// changes, and why flows go.
func TestIntegrationOpenFlowMonitor(t *testing.T) {
	l := newOFLab(t, 2)
	d, mgmt := l.d, l.d.mgmt("br0")
	d.stock("add-flow", mgmt, "table=3,priority=7,cookie=0x9,in_port=1,actions=output:2")
	for _, stock := range []bool{true, false} {
		all := d.watching(stock, "monitor", mgmt, "watch:")
		some := d.watching(stock, "monitor", mgmt, "watch:!initial,out_port=1")
		awaitOutput(t, all, "event=ADDED table=3 cookie=0x9")
		// Nothing is printed before the first change: a flow is added until it is seen.
		for range 100 {
			d.stock("add-flow", mgmt, "priority=1,actions=output:1")
			if strings.Contains(some.text(), "event=ADDED") {
				break
			}
		}
		d.stock("add-flow", mgmt, "priority=5,in_port=1,actions=output:2")
		d.stock("add-flow", mgmt, "priority=6,hard_timeout=1,in_port=2,actions=output:1")
		d.stock("mod-flows", mgmt, "in_port=1,actions=output:1")
		d.stock("--strict", "del-flows", mgmt, "priority=5,in_port=1")
		for _, r := range []*logReader{all, some} {
			awaitOutput(t, r, "event=MODIFIED table=0")
			awaitOutput(t, r, "event=DELETED reason=delete table=0")
			awaitOutput(t, r, "event=DELETED reason=hard table=0")
		}
		if strings.Contains(some.text(), "cookie=0x9 in_port=1 actions=output:2") {
			t.Errorf("told of a flow that sends elsewhere:\n%s", some.text())
		}
		d.stock("mod-flows", mgmt, "table=3,in_port=1,actions=output:2")
	}
}

// TestIntegrationSnoop: who snoops sees what a controller and the bridge say, and
// nothing of tools.
func TestIntegrationSnoop(t *testing.T) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "controller"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	lab := newLab(t, 1)
	d := startSwitch(t, lab, "--fail-mode", "secure", "--controller", "unix:"+ln.Addr().String())
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	r := bufio.NewReader(nc)
	say := func(xid uint32, m ofp.Message) {
		t.Helper()
		if _, err := nc.Write(ofp.Encode(xid, m)); err != nil {
			t.Fatal(err)
		}
	}
	say(1, &ofp.Hello{Versions: ofp.VersionBitmap(ofp.Version)})
	snoop := "unix:" + filepath.Join(d.dir, "br0.snoop")
	listeners := []*logReader{d.watching(true, "snoop", snoop), d.watching(false, "snoop", "br0")}
	heard := func(text string) bool {
		for _, l := range listeners {
			if !strings.Contains(l.text(), text) {
				return false
			}
		}
		return true
	}
	// Until both listen, what the controller says is lost on them.
	for xid := uint32(2); !heard("OFPT_BARRIER_REPLY"); xid++ {
		if xid > 5000 {
			t.Fatalf("nobody hears the controller:\n%s\n%s", listeners[0].text(), listeners[1].text())
		}
		d.stock("dump-flows", d.mgmt("br0"))
		say(xid, &ofp.BarrierRequest{})
		for {
			var h [ofp.HeaderLen]byte
			if _, err := r.Read(h[:1]); err != nil {
				t.Fatal(err)
			}
			for i := 1; i < len(h); i++ {
				if h[i], err = r.ReadByte(); err != nil {
					t.Fatal(err)
				}
			}
			head, err := ofp.ParseHeader(h[:])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Discard(int(head.Length) - len(h)); err != nil {
				t.Fatal(err)
			}
			if head.Type == ofp.TypeBarrierReply && head.XID == xid {
				break
			}
		}
	}
	for _, l := range listeners {
		awaitOutput(t, l, "OFPT_BARRIER_REQUEST")
		if strings.Contains(l.text(), "OFPST_FLOW") {
			t.Errorf("a tool's request is shown:\n%s", l.text())
		}
	}
}
