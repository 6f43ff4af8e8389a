package differential

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/ports"
	"ofswitch/unixctl"
)

// ourL2 is this switch's data path, with ports in memory.
type ourL2 struct {
	t        *testing.T
	d        *ofswitch.Datapath
	br0, br1 *ofswitch.Bridge
	mems     map[string]*ports.Mem
	number   map[string]ofp.PortNo
}

func newOurL2(t *testing.T) *ourL2 {
	t.Helper()
	now := int64(1)
	d, err := ofswitch.NewDatapath(ofswitch.Options{Manual: true, Clock: func() int64 { return now }})
	if err != nil {
		t.Fatal(err)
	}
	o := &ourL2{t: t, d: d, mems: map[string]*ports.Mem{}, number: map[string]ofp.PortNo{"x0": 20, "x1": 20}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	o.br0, err = d.AddBridge("br0", ofswitch.BridgeOptions{DatapathID: 1})
	must(err)
	o.br1, err = d.AddBridge("br1", ofswitch.BridgeOptions{DatapathID: 2})
	must(err)
	t.Cleanup(func() {
		must(d.RemoveBridge("br0"))
		must(d.RemoveBridge("br1"))
		d.Close()
		for _, m := range o.mems {
			must(m.Close())
		}
	})
	for i, name := range l2Ports {
		m := ports.NewMem(name)
		o.mems[name] = m
		b, no := o.br0, ofp.PortNo(i+1)
		switch {
		case i == l2Near:
			no = ofp.PortLocal
		case i >= l2Far:
			b = o.br1
		}
		o.number[name] = no
		must(b.AddPort(no, m))
	}
	must(o.br0.AddPatch(20, "x0"))
	must(o.br1.AddPatch(20, "x1"))
	must(o.br0.ConnectPatch(20, o.br1, 20))
	o.br0.SetFallbackNormal()
	o.br1.SetFallbackNormal()
	return o
}

func (o *ourL2) configure(w *l2World) {
	near := ofswitch.L2{Ports: map[ofp.PortNo]ofswitch.L2Port{}, Mirrors: w.mirrors, ForwardBPDU: w.bpdu, FloodVLANs: w.flood}
	far := ofswitch.L2{Ports: map[ofp.PortNo]ofswitch.L2Port{}}
	if w.oneTag {
		near.VLANLimit, far.VLANLimit = 1, 1
	}
	for name, p := range w.ports {
		if i := slices.Index(l2Ports, name); name == "x1" || i >= l2Far {
			far.Ports[o.number[name]] = p
		} else {
			near.Ports[o.number[name]] = p
		}
	}
	if w.bond != nil {
		b := *w.bond
		b.Members = []ofp.PortNo{o.number["m1"], o.number["m2"]}
		near.Bonds = []ofswitch.L2Bond{b}
	}
	o.br0.SetL2(near)
	o.br1.SetL2(far)
	o.br0.FlushMACs()
	o.br1.FlushMACs()
}

func (o *ourL2) send(port string, frame []byte) map[string][]string {
	o.mems[port].InjectBytes(frame)
	for o.d.Poll() > 0 {
	}
	got := map[string][]string{}
	for name, m := range o.mems {
		for _, f := range m.Sent() {
			got[name] = append(got[name], hex.EncodeToString(f.Bytes()))
		}
		slices.Sort(got[name])
	}
	return got
}

func (o *ourL2) macs() string {
	var lines []string
	for _, row := range o.br0.MACs() {
		port := fmt.Sprint(row.Port)
		if row.Port == uint32(ofp.PortLocal) {
			port = "LOCAL"
		}
		lines = append(lines, fmt.Sprintf("%s %d %v", port, row.VLAN, row.MAC))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// theirL2 is Open vSwitch.
type theirL2 struct {
	t    *testing.T
	ovs  *openVSwitch
	read map[string]int // bytes of each port's capture file
	bond bool
}

func newTheirL2(t *testing.T, ovs *openVSwitch) *theirL2 {
	t.Helper()
	ovs.start()
	o := &theirL2{t: t, ovs: ovs, read: map[string]int{}}
	testutil.Eventually(t, "the control socket of ovs-vswitchd", func() error {
		_, err := os.Stat(ovs.at("vswitchd.ctl"))
		return err
	})
	args := []string{ovs.db, "--timeout=60"}
	for _, br := range []string{"br0", "br1"} {
		args = append(args, "--", "add-br", br, "--", "set", "bridge", br, "datapath_type=dummy", "fail-mode=standalone")
	}
	for i, name := range l2Ports {
		br := "br0"
		if i >= l2Far {
			br = "br1"
		}
		if i != l2Near {
			args = append(args, "--", "add-port", br, name, "--", "set", "interface", name, "type=dummy", fmt.Sprint("ofport_request=", i+1))
		}
		args = append(args, "--", "set", "interface", name, "options:tx_pcap="+ovs.at(name+".pcap"))
	}
	args = append(args, "--", "add-port", "br0", "x0", "--", "set", "interface", "x0", "type=patch", "options:peer=x1", "ofport_request=20",
		"--", "add-port", "br1", "x1", "--", "set", "interface", "x1", "type=patch", "options:peer=x0", "ofport_request=20")
	ovs.run("ovs-vsctl", args...)
	return o
}

func (o *theirL2) call(cmd string, args ...string) string {
	o.t.Helper()
	ctl, err := unixctl.Dial(o.ovs.at("vswitchd.ctl"))
	if err != nil {
		o.t.Fatal(err)
	}
	defer ctl.Close()
	out, err := ctl.Call(cmd, args...)
	if err != nil {
		o.t.Fatalf("ovs-appctl %s %s: %v", cmd, strings.Join(args, " "), err)
	}
	return out
}

func (o *theirL2) configure(w *l2World) {
	o.t.Helper()
	limit := "0"
	if w.oneTag {
		limit = "1"
	}
	args := []string{o.ovs.db, "--timeout=60", "set", "open_vswitch", ".", "other_config:vlan-limit=" + limit}
	if o.bond != (w.bond != nil) {
		o.bond = w.bond != nil
		dummy := func(name string, no int) []string {
			return []string{"--", "set", "interface", name, "type=dummy", fmt.Sprint("ofport_request=", no), "options:tx_pcap=" + o.ovs.at(name+".pcap")}
		}
		if o.bond {
			args = append(args, "--", "del-port", "br0", "m1", "--", "del-port", "br0", "m2", "--", "add-bond", "br0", "bond0", "m1", "m2")
		} else {
			args = append(args, "--", "del-port", "br0", "bond0", "--", "add-port", "br0", "m1", "--", "add-port", "br0", "m2")
		}
		args = append(append(args, dummy("m1", 6)...), dummy("m2", 7)...)
		o.read["m1"], o.read["m2"] = 0, 0
	}
	for _, name := range append([]string{"x0", "x1"}, l2Ports...) {
		if w.bond == nil || name[0] != 'm' {
			args = append(append(args, "--", "set", "port", name), portColumns(w.ports[name])...)
		}
	}
	if w.bond != nil {
		args = append(append(args, "--", "set", "port", "bond0", "bond_mode="+w.bond.Config.Mode.String()), portColumns(w.bond.L2Port)...)
	}
	flood := make([]string, len(w.flood))
	for i, v := range w.flood {
		flood[i] = fmt.Sprint(v)
	}
	args = append(args, "--", "set", "bridge", "br0", "flood_vlans=["+strings.Join(flood, ",")+"]", fmt.Sprint("other_config:forward-bpdu=", w.bpdu),
		"--", "clear", "bridge", "br0", "mirrors")
	for i, m := range w.mirrors {
		ids := map[string]string{}
		list := func(names []string) string {
			for j, n := range names {
				if ids[n] == "" {
					ids[n] = fmt.Sprintf("@m%dp%s%d", i, n, j)
					args = append(args, "--", "--id="+ids[n], "get", "port", n)
				}
			}
			refs := make([]string, len(names))
			for j, n := range names {
				refs[j] = ids[n]
			}
			return "[" + strings.Join(refs, ",") + "]"
		}
		src, dst := list(m.Src), list(m.Dst)
		out := ""
		if m.Output != "" {
			out = strings.Trim(list([]string{m.Output}), "[]")
		}
		vlans := make([]string, len(m.VLANs))
		for j, v := range m.VLANs {
			vlans[j] = fmt.Sprint(v)
		}
		id := fmt.Sprint("@m", i)
		args = append(args, "--", "--id="+id, "create", "mirror", "name="+m.Name, fmt.Sprint("select_all=", m.All),
			"select_src_port="+src, "select_dst_port="+dst, "select_vlan=["+strings.Join(vlans, ",")+"]")
		if out != "" {
			args = append(args, "output_port="+out)
		} else {
			args = append(args, fmt.Sprint("output_vlan=", m.OutputVLAN))
		}
		if m.SnapLen != 0 {
			args = append(args, fmt.Sprint("snaplen=", m.SnapLen))
		}
		args = append(args, "--", "add", "bridge", "br0", "mirrors", id)
	}
	o.ovs.run("ovs-vsctl", args...)
	if w.bond != nil {
		// Which of two is active is a matter of chance.
		show := o.call("bond/show", "bond0")
		for _, m := range []string{"m1", "m2"} {
			if strings.Contains(show, "("+m+")") {
				w.bond.Config.Primary = m
			}
		}
	}
	o.call("fdb/flush", "br0")
	o.call("fdb/flush", "br1")
	o.call("revalidator/purge")
	o.sent()
}

// send gives a port a frame. The main thread of ovs-vswitchd, which answers commands,
// forwards frames of dummy ports too: first these, then it takes new connections, then it
// answers. So what is asked by a connection made after the frame was given finds it
// forwarded. Cached flows go, so that none is older than what was learnt since.
func (o *theirL2) send(port string, frame []byte) map[string][]string {
	o.t.Helper()
	o.call("netdev-dummy/receive", port, hex.EncodeToString(frame))
	o.call("revalidator/purge")
	return o.sent()
}

// sent reads what has been sent since it was called last.
func (o *theirL2) sent() map[string][]string {
	o.t.Helper()
	got := map[string][]string{}
	for _, name := range l2Ports {
		b, err := os.ReadFile(o.ovs.at(name + ".pcap"))
		if err != nil {
			o.t.Fatal(err)
		}
		at := max(o.read[name], 24) // behind the file's header
		for at+16 <= len(b) {
			n := int(binary.NativeEndian.Uint32(b[at+8:]))
			got[name] = append(got[name], hex.EncodeToString(b[at+16:at+16+n]))
			at += 16 + n
		}
		o.read[name] = at
		slices.Sort(got[name])
	}
	return got
}

func (o *theirL2) macs() string {
	var lines []string
	for _, line := range strings.Split(o.call("fdb/show", "br0"), "\n")[1:] {
		if f := strings.Fields(line); len(f) == 4 {
			if o.bond && f[0] == "7" {
				f[0] = "6" // any member stands for the bond
			}
			lines = append(lines, strings.Join(f[:3], " "))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
