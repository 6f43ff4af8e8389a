package ofswitch

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/ports"
)

// got checks how many frames a port sent since it was last asked, and returns
// them.
func (l *lab) got(no, want int) [][]byte {
	l.t.Helper()
	s := l.sent(no)
	if len(s) != want {
		l.t.Fatalf("port %d sent %d frames, want %d", no, len(s), want)
	}
	return s
}

// code is the OpenFlow error in err.
func code(err error) ofp.Code {
	var e *ofp.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0xffffffff
}

func TestPacketInReasonsAndCookies(t *testing.T) {
	toController := func(n uint16) ofp.Action { return ofp.Output{Port: ofp.PortController, MaxLen: n} }
	tests := []struct {
		name     string
		priority uint16
		match    string
		ins      ofp.Instructions
		reason   uint8
		cookie   uint64
		maxLen   uint16
	}{
		{"apply-actions", 5, "udp", apply(toController(30)), ofp.PacketInAction, 7, 30},
		{"write-actions", 5, "udp", write(toController(31)), ofp.PacketInAction, ^uint64(0), 31},
		{"table-miss, apply-actions", 0, "", apply(toController(32)), ofp.PacketInNoMatch, 7, 32},
		{"table-miss, write-actions", 0, "", write(toController(33)), ofp.PacketInNoMatch, ^uint64(0), 33},
		{"match of all above priority 0", 1, "", apply(toController(34)), ofp.PacketInAction, 7, 34},
		{"priority 0 that is no match of all", 0, "udp", apply(toController(35)), ofp.PacketInAction, 7, 35},
		{"TTL exhausted", 5, "udp", apply(set(flow.IPDSCP, 1), ofp.SetNwTTL{TTL: 1}, ofp.DecNwTTL{}, output(2)), ofp.PacketInInvalidTTL, 7, ofp.ControllerNoBuffer},
		{"TTL exhausted in the action set", 5, "udp", write(ofp.DecNwTTL{}, output(2)), ofp.PacketInInvalidTTL, ^uint64(0), ofp.ControllerNoBuffer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, 2)
			m := flowMod(t, 0, tt.priority, tt.match, tt.ins)
			m.Cookie = 7
			l.add(m)
			f := udp(1, 2, 3, 4)
			if tt.name == "TTL exhausted in the action set" {
				f[22] = 1
			}
			l.send(1, f)
			ins := l.rec.takeIns()
			if len(ins) != 1 {
				t.Fatalf("%d packet-ins, want 1", len(ins))
			}
			in := ins[0]
			if in.Msg.Reason != tt.reason || in.Msg.Cookie != tt.cookie || in.MaxLen != tt.maxLen || in.InPort != 1 ||
				in.Msg.BufferID != ofp.NoBuffer || int(in.Msg.TotalLen) != len(f) {
				t.Errorf("packet-in %+v", in)
			}
			l.got(2, 0)
		})
	}
}

func TestPacketInContents(t *testing.T) {
	l := newLab(t, 2)
	ins := then(ofp.Instructions{Has: 1 << ofp.InstrWriteMetadata, Metadata: 0x55, MetadataMask: 0xff}, 3)
	ins.Has |= 1 << ofp.InstrApplyActions
	ins.Apply = []ofp.Action{set(flow.TunnelID, 9)}
	l.add(flowMod(t, 0, 1, "", ins))
	l.add(flowMod(t, 3, 1, "metadata=0x55,tun_id=9", apply(ofp.PushVLAN{EtherType: 0x8100}, set(flow.VLANVID, 0x1005), output(ofp.PortController), output(2))))
	f := udp(1, 2, 3, 4)
	l.send(1, f)
	in := l.rec.takeIns()
	if len(in) != 1 {
		t.Fatalf("%d packet-ins, want 1", len(in))
	}
	if want := "tun_id=0x9,metadata=0x55,in_port=1"; in[0].Msg.Match.String() != want {
		t.Errorf("match %q, want %q", in[0].Msg.Match.String(), want)
	}
	if in[0].Msg.Table != 3 {
		t.Errorf("table %d, want 3", in[0].Msg.Table)
	}
	if want := tagged(f, 0x8100, 5); !bytes.Equal(in[0].Msg.Data, want) {
		t.Errorf("data %x, want %x", in[0].Msg.Data, want)
	}
	l.got(2, 1)
}

func TestPacketOut(t *testing.T) {
	l := newLab(t, 3)
	l.add(flowMod(t, 0, 9, "in_port=1", apply(output(2))))
	l.add(flowMod(t, 0, 9, "in_port=CONTROLLER", apply(output(3))))
	f := udp(1, 2, 3, 4)
	out := func(in ofp.PortNo, actions ...ofp.Action) error {
		return l.b.PacketOut(&ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: in, Actions: actions, Data: f})
	}
	tests := []struct {
		name  string
		err   error
		ports [3]int
	}{
		{"to a port", out(ofp.PortController, output(2)), [3]int{0, 1, 0}},
		{"to the flow tables", out(1, output(ofp.PortTable)), [3]int{0, 1, 0}},
		{"to the flow tables from the controller", out(ofp.PortController, output(ofp.PortTable)), [3]int{0, 0, 1}},
		{"to all", out(ofp.PortAny, output(ofp.PortAll)), [3]int{1, 1, 1}},
		{"to all but the in-port", out(2, output(ofp.PortFlood)), [3]int{1, 0, 1}},
		{"to the in-port", out(2, output(ofp.PortInPort)), [3]int{0, 1, 0}},
		{"to the in-port's number", out(2, output(2)), [3]int{}},
		{"nowhere", out(2), [3]int{}},
	}
	want := [3]int{}
	for _, tt := range tests {
		if tt.err != nil {
			t.Errorf("%s: %v", tt.name, tt.err)
		}
		for i, n := range tt.ports {
			want[i] += n
		}
	}
	for i, n := range want {
		l.got(i+1, n)
	}
	for _, tt := range []struct {
		name string
		m    ofp.PacketOut
		want ofp.Code
	}{
		{"unknown in-port", ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: 77, Data: f}, ofp.BadRequestBadPort},
		{"buffer", ofp.PacketOut{BufferID: 1, InPort: 1, Data: f}, ofp.BadRequestBufferUnknown},
		{"no data", ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: 1}, ofp.BadRequestBadPacket},
		{"port 0", ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: 1, Data: f, Actions: []ofp.Action{output(0)}}, ofp.BadActionBadOutPort},
		{"field that the frame lacks", ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: 1, Data: f, Actions: []ofp.Action{set(flow.TCPDst, 1)}}, ofp.BadActionMatchInconsistent},
		{"group", ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: 1, Data: f, Actions: []ofp.Action{ofp.Group{GroupID: 1}}}, ofp.BadActionBadOutGroup},
	} {
		if got := code(l.b.PacketOut(&tt.m)); got != tt.want {
			t.Errorf("%s: code %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPortMod(t *testing.T) {
	l := newLab(t, 3)
	l.add(flowMod(t, 0, 1, "in_port=1", apply(output(2), output(ofp.PortController))))
	hw := l.b.PortDescs()[0].HWAddr
	hw2 := l.b.PortDescs()[1].HWAddr
	for _, tt := range []struct {
		name string
		m    ofp.PortMod
		want ofp.Code
	}{
		{"unknown port", ofp.PortMod{Port: 9, HWAddr: hw}, ofp.PortModFailedBadPort},
		{"other address", ofp.PortMod{Port: 1, HWAddr: hw2}, ofp.PortModFailedBadHWAddr},
		{"unknown bit", ofp.PortMod{Port: 1, HWAddr: hw, Config: 2, Mask: 2}, ofp.PortModFailedBadConfig},
		{"advertise", ofp.PortMod{Port: 1, HWAddr: hw, Advertise: 1}, ofp.PortModFailedBadAdvertise},
	} {
		if got := code(l.b.PortMod(&tt.m)); got != tt.want {
			t.Errorf("%s: code %v, want %v", tt.name, got, tt.want)
		}
	}
	l.rec.ports = nil
	f := udp(1, 2, 3, 4)
	for _, tt := range []struct {
		port     ofp.PortNo
		hw       [6]byte
		config   ofp.PortConfig
		sent, in int
	}{
		{1, hw, 0, 1, 1},
		{1, hw, ofp.PortConfigNoPacketIn, 1, 1}, // a table miss would not be told
		{1, hw, ofp.PortConfigNoRecv, 0, 0},
		{1, hw, 0, 1, 1},
		{2, hw2, ofp.PortConfigNoFwd, 0, 1},
		{2, hw2, ofp.PortConfigDown, 0, 1},
		{2, hw2, 0, 1, 1},
	} {
		if err := l.b.PortMod(&ofp.PortMod{Port: tt.port, HWAddr: tt.hw, Config: tt.config, Mask: ofp.PortConfigAll}); err != nil {
			t.Fatal(err)
		}
		l.send(1, f)
		l.got(2, tt.sent)
		if n := len(l.rec.takeIns()); n != tt.in {
			t.Errorf("port %d config %d: %d packet-ins, want %d", tt.port, tt.config, n, tt.in)
		}
	}
	l.add(flowMod(t, 0, 0, "", apply(output(ofp.PortController))))
	for _, tt := range []struct {
		config ofp.PortConfig
		in     int
	}{{0, 1}, {ofp.PortConfigNoPacketIn, 0}} {
		if err := l.b.PortMod(&ofp.PortMod{Port: 2, HWAddr: hw2, Config: tt.config, Mask: ofp.PortConfigAll}); err != nil {
			t.Fatal(err)
		}
		l.send(2, f)
		if n := len(l.rec.takeIns()); n != tt.in {
			t.Errorf("table miss with config %d: %d packet-ins, want %d", tt.config, n, tt.in)
		}
	}
	if n := len(l.rec.ports); n != 7 { // config 0 at first changed nothing
		t.Errorf("%d port-status messages, want 6", n)
	}
	if p := l.rec.ports[4]; p.Reason != ofp.PortModify || p.Desc.Config != ofp.PortConfigDown || p.Desc.State&ofp.PortStateLive != 0 {
		t.Errorf("port-status %+v", p)
	}
	if l.ports[1].Status().AdminUp != true {
		t.Error("the device is still down")
	}
}

func TestPortStatus(t *testing.T) {
	l := newLab(t, 1)
	m := l.addPort(l.b, 5)
	last := func() *ofp.PortStatus { return l.rec.ports[len(l.rec.ports)-1] }
	if p := last(); p.Reason != ofp.PortAdd || p.Desc.Port != 5 || p.Desc.State != ofp.PortStateLive {
		t.Errorf("port-status %+v", p)
	}
	st := m.Status()
	st.LinkUp = false
	l.b.PortChanged(5, st)
	if p := last(); p.Reason != ofp.PortModify || p.Desc.State != ofp.PortStateLinkDown {
		t.Errorf("port-status %+v", p)
	}
	n := len(l.rec.ports)
	l.b.PortChanged(5, st)
	if len(l.rec.ports) != n {
		t.Error("port-status without a change")
	}
	if err := l.b.RemovePort(5); err != nil {
		t.Fatal(err)
	}
	if p := last(); p.Reason != ofp.PortDelete || p.Desc.Port != 5 {
		t.Errorf("port-status %+v", p)
	}
	for _, no := range []ofp.PortNo{0, 1, ofp.PortMax + 1, ofp.PortController} {
		if err := l.b.AddPort(no, ports.NewMem("q")); err == nil {
			t.Errorf("port %#x was taken", uint32(no))
		}
	}
	if err := l.b.RemovePort(5); err == nil {
		t.Error("a port was removed twice")
	}
}

func TestStats(t *testing.T) {
	l := newLab(t, 2)
	l.add(flowMod(t, 0, 1, "in_port=1", then(apply(output(2)), 7)))
	f := udp(1, 2, 3, 4)
	l.send(1, f, f)
	l.now.Add(int64(3 * time.Second))
	var tables []ofp.TableStats
	if err := l.b.TableStats(func(s *ofp.TableStats) error { tables = append(tables, *s); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(tables) != 254 || tables[0] != (ofp.TableStats{Table: 0, ActiveCount: 1, LookupCount: 2, MatchedCount: 2}) ||
		tables[7] != (ofp.TableStats{Table: 7, LookupCount: 2}) {
		t.Errorf("table statistics %+v", tables[:8])
	}
	var ps []ofp.PortStats
	if err := l.b.PortStats(ofp.PortAny, func(s *ofp.PortStats) error { ps = append(ps, *s); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(ps) != 2 || ps[0].RxPackets != 2 || ps[0].RxBytes != 128 || ps[1].TxPackets != 2 || ps[0].DurationSec != 3 {
		t.Errorf("port statistics %+v", ps)
	}
	if got := code(l.b.PortStats(9, nil)); got != ofp.BadRequestBadPort {
		t.Errorf("statistics of an unknown port: %v", got)
	}
	stop := errors.New("stop")
	all := &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	if err := l.b.FlowStats(all, func(*ofp.FlowStats) error { return stop }); err != stop {
		t.Errorf("FlowStats gave %v, want the callback's error", err)
	}
	a, err := l.b.AggregateStats(all)
	if err != nil || a != (ofp.AggregateStats{PacketCount: 2, ByteCount: 128, FlowCount: 1}) {
		t.Errorf("aggregate %+v, %v", a, err)
	}
}

func TestFragments(t *testing.T) {
	l := newLab(t, 2)
	l.add(flowMod(t, 0, 1, "", apply(output(2))))
	whole, first, later := udp(1, 2, 3, 4), udp(1, 2, 3, 4), udp(1, 2, 3, 4)
	first[20], later[21] = 0x20, 5
	l.send(1, whole, first, later)
	l.got(2, 3)
	if err := l.b.SetFragFlags(ofp.FragDrop); err != nil {
		t.Fatal(err)
	}
	l.send(1, whole, first, later)
	l.got(2, 1)
	if n := l.d.Drops()["fragment"]; n != 2 {
		t.Errorf("%d fragments dropped, want 2", n)
	}
	for _, bad := range []uint16{3, 4, 8} {
		if got := code(l.b.SetFragFlags(bad)); got != ofp.SwitchConfigFailedBadFlags {
			t.Errorf("flags %d: %v", bad, got)
		}
	}
	if l.b.FragFlags() != ofp.FragDrop {
		t.Error("a refused setting changed something")
	}
}

func TestTableMod(t *testing.T) {
	l := newLab(t, 0)
	for _, tt := range []struct {
		m    ofp.TableMod
		want ofp.Code
	}{
		{ofp.TableMod{Table: 0, Config: 3}, 0xffffffff},
		{ofp.TableMod{Table: ofp.TableAll}, 0xffffffff},
		{ofp.TableMod{Table: ofp.TableMax}, ofp.TableModFailedBadTable},
		{ofp.TableMod{Table: 1, Config: 4}, ofp.TableModFailedBadConfig},
	} {
		if got := code(l.b.TableMod(&tt.m)); got != tt.want {
			t.Errorf("%+v: %v, want %v", tt.m, got, tt.want)
		}
	}
}

func TestFlowModBuffer(t *testing.T) {
	l := newLab(t, 1)
	m := flowMod(t, 0, 1, "udp", apply(output(1)))
	m.BufferID = 3
	if got := code(l.b.FlowMod(m)); got != ofp.BadRequestBufferUnknown {
		t.Errorf("add with a buffer: %v", got)
	}
	if n := len(counts(t, l.b)); n != 0 {
		t.Error("a refused flow-mod added an entry")
	}
	m.Command = ofp.FlowDelete // ignored there
	if err := l.b.FlowMod(m); err != nil {
		t.Error(err)
	}
}

// TestTimeouts: idle timeouts see frames that only the cache saw, and the last
// count in flow-removed is exact.
func TestTimeouts(t *testing.T) {
	l := newLab(t, 2)
	idle := flowMod(t, 0, 2, "in_port=1", apply(output(2)))
	idle.IdleTimeout, idle.Flags, idle.Cookie = 10, ofp.FlowSendFlowRem, 1
	hard := flowMod(t, 0, 1, "in_port=2", apply(output(1)))
	hard.HardTimeout, hard.Flags, hard.Cookie = 30, ofp.FlowSendFlowRem, 2
	l.add(idle)
	l.add(hard)
	f := udp(1, 2, 3, 4)
	for range 8 { // 40 s
		l.send(1, f)
		l.now.Add(int64(5 * time.Second))
		l.d.Collect()
	}
	if len(l.rec.removed) != 1 || l.rec.removed[0].Cookie != 2 || l.rec.removed[0].Reason != ofp.RemovedHard ||
		l.rec.removed[0].DurationSec != 30 {
		t.Fatalf("removed: %+v", l.rec.removed)
	}
	l.send(1, f)
	l.now.Add(int64(10 * time.Second))
	l.send(1, f) // not folded yet when the timeout is looked at
	l.d.Collect()
	if len(l.rec.removed) != 1 {
		t.Fatal("an entry in use was removed")
	}
	l.now.Add(int64(10 * time.Second))
	l.d.Collect()
	if len(l.rec.removed) != 2 {
		t.Fatal("an idle entry was not removed")
	}
	if r := l.rec.removed[1]; r.Reason != ofp.RemovedIdle || r.PacketCount != 10 || r.ByteCount != 640 {
		t.Errorf("flow-removed %+v, want 10 packets, 640 bytes", r)
	}
}

func TestFailModes(t *testing.T) {
	l := newLab(t, 3)
	l.add(flowMod(t, 0, 0xffff, "", apply())) // drops everything
	f := udp(1, 2, 3, 4)
	l.send(1, f)
	l.got(2, 0)
	l.b.SetFailOpen(true)
	l.b.SetFailOpen(true)
	l.send(1, f)
	l.got(2, 1)
	l.got(3, 1)
	if n := len(counts(t, l.b)); n != 1 {
		t.Errorf("%d entries to be seen, want 1: the other is hidden", n)
	}
	l.send(2, udp(2, 1, 4, 3)) // learnt
	l.got(1, 1)
	l.got(3, 0)
	l.b.SetFailOpen(false)
	l.send(1, f)
	l.got(2, 0)

	l = newLab(t, 2)
	l.b.SetFallbackNormal()
	l.b.SetFallbackNormal()
	l.send(1, f)
	l.got(2, 1)
	if n := len(counts(t, l.b)); n != 1 {
		t.Errorf("%d entries to be seen, want 1", n)
	}
	if len(l.rec.takeIns()) != 0 {
		t.Error("a packet-in")
	}
}

func TestNormal(t *testing.T) {
	l := newLab(t, 3)
	l.add(flowMod(t, 0, 0, "", apply(output(ofp.PortNormal))))
	ab, ba := udp(1, 2, 3, 4), udp(2, 1, 4, 3)
	l.send(1, ab) // 2 is unknown: flood
	l.got(2, 1)
	l.got(3, 1)
	l.send(2, ba)
	l.got(1, 1)
	l.got(3, 0)
	l.send(1, ab)
	l.got(2, 1)
	l.got(3, 0)
	// Another VLAN knows neither.
	l.send(1, tagged(ab, 0x8100, 5))
	l.got(2, 1)
	l.got(3, 1)
	// 2 moves to port 3: frames to it follow with the next batch.
	l.send(3, ba)
	l.got(1, 1)
	l.send(1, ab)
	l.got(2, 0)
	l.got(3, 1)
	// A cached hit keeps the entry young; silence makes it old. Only 2
	// (port 3) speaks.
	for range 4 {
		l.now.Add(int64(200 * time.Second))
		l.send(3, ba)
		l.d.Collect()
	}
	l.sent(1)
	l.sent(2)
	l.send(1, ab)
	l.got(3, 1)
	l.got(2, 0)
	l.now.Add(int64(301 * time.Second))
	l.d.Collect()
	l.send(1, ab)
	l.got(3, 1)
	l.got(2, 1)
	// Reserved addresses stay on their link.
	lldp := udp(1, 2, 3, 4)
	copy(lldp, "\x01\x80\xc2\x00\x00\x0e")
	l.send(1, lldp)
	l.got(2, 0)
	// The station's port goes: flood again.
	l.send(2, ba)
	l.sent(1)
	l.sent(3)
	if err := l.b.RemovePort(2); err != nil {
		t.Fatal(err)
	}
	l.send(1, ab)
	l.got(3, 1)
}

func TestPatch(t *testing.T) {
	l := newLab(t, 2)
	b2, err := l.d.AddBridge("br1", BridgeOptions{DatapathID: 2})
	if err != nil {
		t.Fatal(err)
	}
	far := l.addPort(b2, 1)
	for _, err := range []error{l.b.AddPatch(9, "p0"), b2.AddPatch(8, "p1")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	l.add(flowMod(t, 0, 1, "udp,in_port=1", apply(output(9), set(flow.UDPDst, 1), output(2))))
	m := flowMod(t, 0, 1, "udp,in_port=8", apply(set(flow.UDPDst, 2), output(1)))
	if err := b2.FlowMod(m); err != nil {
		t.Fatal(err)
	}
	f := udp(1, 2, 3, 4)
	l.send(1, f)
	l.got(2, 1)
	if n := len(far.Sent()); n != 0 {
		t.Fatalf("%d frames through a patch without peer", n)
	}
	if err := l.b.ConnectPatch(9, b2, 8); err != nil {
		t.Fatal(err)
	}
	l.send(1, f, f)
	for _, got := range l.got(2, 2) {
		if want := udp(1, 2, 3, 1); !bytes.Equal(got, want) {
			t.Errorf("port 2 sent %x, want %x: what the other bridge did came back", got, want)
		}
	}
	s := far.Sent()
	if len(s) != 2 {
		t.Fatalf("%d frames through the patch, want 2", len(s))
	}
	if want := udp(1, 2, 3, 2); !bytes.Equal(s[0].Bytes(), want) {
		t.Errorf("the other bridge sent %x, want %x", s[0].Bytes(), want)
	}
	for i, b := range []*Bridge{l.b, b2} {
		err := b.PortStats(ofp.PortNo(9-i), func(s *ofp.PortStats) error {
			if got := [2]uint64{s.TxPackets, s.RxPackets}[i]; got != 2 {
				t.Errorf("patch port of %s counted %d, want 2", b.Name(), got)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	// A loop ends, and is counted.
	l.add(flowMod(t, 0, 5, "in_port=9", apply(output(ofp.PortInPort))))
	m = flowMod(t, 0, 5, "in_port=8", apply(output(ofp.PortInPort)))
	if err := b2.FlowMod(m); err != nil {
		t.Fatal(err)
	}
	l.send(1, f)
	if n := l.d.Drops()["loop"]; n != 1 {
		t.Errorf("%d loops counted, want 1", n)
	}
	l.b.DisconnectPatch(9)
	l.send(1, f)
	if n := l.d.Drops()["patch_without_peer"]; n != 2 {
		t.Errorf("%d drops for want of a peer, want 2", n)
	}
	for _, err := range []error{l.b.ConnectPatch(1, b2, 8), l.b.ConnectPatch(9, b2, 1), l.b.ConnectPatch(9, l.b, 9), l.b.ConnectPatch(99, b2, 8)} {
		if err == nil {
			t.Error("something else than two patch ports was connected")
		}
	}
	if err := l.d.RemoveBridge("br1"); err != nil {
		t.Fatal(err)
	}
}

func TestRecirculation(t *testing.T) {
	l := newLab(t, 2)
	// Three tags: the third comes into sight only after a pop.
	l.add(flowMod(t, 0, 1, "vlan_tci=0x1000/0x1000", then(apply(ofp.PopVLAN{}), 1)))
	l.add(flowMod(t, 1, 1, "dl_vlan=2", then(apply(ofp.PopVLAN{}), 2)))
	l.add(flowMod(t, 2, 1, "dl_vlan=3", then(apply(ofp.PopVLAN{}), 3)))
	l.add(flowMod(t, 3, 1, "udp,vlan_tci=0,tp_dst=4", apply(set(flow.UDPDst, 5), output(2))))
	f := udp(1, 2, 3, 4)
	three := tagged(tagged(tagged(f, 0x8100, 3), 0x8100, 2), 0x88a8, 1)
	l.send(1, three, three)
	for _, got := range l.got(2, 2) {
		if want := udp(1, 2, 3, 5); !bytes.Equal(got, want) {
			t.Errorf("sent %x, want %x", got, want)
		}
	}
	a, err := l.b.AggregateStats(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny})
	if err != nil || a.PacketCount != 8 || a.ByteCount != 8*uint64(len(three)) {
		t.Errorf("counted %+v, want each of 4 entries 2 frames of %d bytes", a, len(three))
	}
	if n := l.d.workers()[0].cache.Len(); n != 2 {
		t.Errorf("%d keys cached, want 2: one before, one after recirculation", n)
	}
}
