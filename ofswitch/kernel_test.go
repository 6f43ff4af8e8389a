package ofswitch

import (
	"fmt"
	"testing"
	"time"

	"ofswitch/flow"
	"ofswitch/l2"
	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

// kernelLab is a lab whose kernel forwards all that it can.
type kernelLab struct {
	*lab
	k     *fakeKernel
	paths []*kernelMem // index 0: port 1
}

func newKernelLab(t *testing.T, n int) *kernelLab {
	t.Helper()
	k := newFakeKernel()
	kl := &kernelLab{k: k, lab: newLab(t, 0, func(o *Options) { o.kernel, o.kernelAlways = k, true })}
	k.now = kl.now.Load
	for i := range n {
		kl.addPath(ofp.PortNo(i + 1))
	}
	return kl
}

// addPath adds a port by which the kernel forwards.
func (l *kernelLab) addPath(no ofp.PortNo) *kernelMem {
	l.t.Helper()
	m := l.k.device(ports.NewMem(fmt.Sprintf("k%d", no)))
	if err := l.b.AddPort(no, m); err != nil {
		l.t.Fatal(err)
	}
	l.ports = append(l.ports, m.Mem)
	l.paths = append(l.paths, m)
	l.t.Cleanup(func() {
		if l.b.conf.Load().ports[no] != nil {
			if err := l.b.RemovePort(no); err != nil {
				l.t.Error(err)
			}
		}
		if err := m.Close(); err != nil {
			l.t.Error(err)
		}
	})
	return m
}

// in lets frames in at a port, and gives how many the kernel took.
func (l *kernelLab) in(no int, frames ...[]byte) int {
	l.t.Helper()
	before := l.k.hits
	l.paths[no-1].inject(func() {
		for l.d.Poll() > 0 {
		}
	}, frames...)
	return l.k.hits - before
}

// taken lets a frame in twice, and says whether the kernel took the second.
func (l *kernelLab) taken(no int, frame []byte) bool {
	l.t.Helper()
	return l.in(no, frame, frame) > 0
}

// TestKernelStaleness: each change that concerns a flow takes it out of the kernel, before whoever makes it
// goes on; others do not.
func TestKernelStaleness(t *testing.T) {
	to2, frame := apply(output(2)), udp(1, 2, 3, 4)
	tests := []struct {
		name string
		make func(t *testing.T, l *kernelLab) // the entry that the frame finds
		do   func(t *testing.T, l *kernelLab)
		goes bool
	}{
		{"an entry for other frames", nil, func(t *testing.T, l *kernelLab) { l.add(flowMod(t, 0, 20, "tcp", apply(output(3)))) }, false},
		{"an entry below", nil, func(t *testing.T, l *kernelLab) { l.add(flowMod(t, 0, 1, "udp", apply(output(3)))) }, false},
		{"an entry above", nil, func(t *testing.T, l *kernelLab) { l.add(flowMod(t, 0, 20, "udp,tp_dst=4", apply(output(3)))) }, true},
		{"the entry modified", nil, func(t *testing.T, l *kernelLab) {
			m := flowMod(t, 0, 10, "udp", apply(output(3)))
			m.Command = ofp.FlowModifyStrict
			l.add(m)
		}, true},
		{"the entry deleted", nil, func(t *testing.T, l *kernelLab) {
			m := flowMod(t, 0, 10, "udp", to2)
			m.Command = ofp.FlowDeleteStrict
			l.add(m)
		}, true},
		{"the entry's hard timeout", func(t *testing.T, l *kernelLab) {
			m := flowMod(t, 0, 10, "udp", to2)
			m.HardTimeout = 5
			l.add(m)
		}, func(t *testing.T, l *kernelLab) {
			l.now.Add(int64(6 * time.Second))
			l.d.Collect()
		}, true},
		{"the entry of a bundle", nil, func(t *testing.T, l *kernelLab) {
			if _, err := l.b.Bundle(1, func(int) (ofp.Message, error) { return flowMod(t, 0, 20, "udp", apply(output(3))), nil }); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"a group", func(t *testing.T, l *kernelLab) {
			l.group(t, ofp.GroupAdd, 2)
			l.add(flowMod(t, 0, 10, "udp", apply(ofp.Group{GroupID: 7})))
		}, func(t *testing.T, l *kernelLab) { l.group(t, ofp.GroupModify, 3) }, true},
		{"a MAC address learnt elsewhere", normalTo2, func(t *testing.T, l *kernelLab) { l.in(3, udp(2, 5, 1, 1)) }, true},
		{"another MAC address learnt", normalTo2, func(t *testing.T, l *kernelLab) { l.in(3, udp(6, 5, 1, 1)) }, false},
		{"MAC addresses forgotten", normalTo2, func(t *testing.T, l *kernelLab) { l.b.FlushMACs() }, true},
		{"a static MAC address", normalTo2, func(t *testing.T, l *kernelLab) {
			if err := l.b.AddStaticMAC(0, l2.MAC(0x020000000002), 3); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"a MAC address that has aged", normalTo2, func(t *testing.T, l *kernelLab) {
			for range 400 {
				l.now.Add(int64(time.Second))
				l.in(1, frame) // keeps the sender young, and the flow in use
				l.d.Collect()
			}
		}, true},
		{"policing of the ingress port", nil, func(t *testing.T, l *kernelLab) {
			if err := l.b.SetPolicing(1, Policing{Rate: 1e9, Burst: 1e9}); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"policing of another port", nil, func(t *testing.T, l *kernelLab) {
			if err := l.b.SetPolicing(2, Policing{Rate: 1e9, Burst: 1e9}); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"queues of the egress port", nil, func(t *testing.T, l *kernelLab) {
			if err := l.b.SetQoS(2, &QoS{MaxRate: 1e9}); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"a mirror", normalTo2, func(t *testing.T, l *kernelLab) {
			l.b.SetL2(L2{Mirrors: []L2Mirror{{Name: "m", All: true, Output: "k3"}}})
		}, true},
		{"an access VLAN", normalTo2, func(t *testing.T, l *kernelLab) {
			l.b.SetL2(L2{Ports: map[ofp.PortNo]L2Port{1: {VLAN: l2.VLAN{Mode: l2.Access, Tag: 5}}}})
		}, true},
		{"no forwarding by the egress port", nil, func(t *testing.T, l *kernelLab) { l.portMod(t, 2, ofp.PortConfigNoFwd) }, true},
		{"no receiving from the ingress port", nil, func(t *testing.T, l *kernelLab) { l.portMod(t, 1, ofp.PortConfigNoRecv) }, true},
		{"the link of the egress port", nil, func(t *testing.T, l *kernelLab) {
			st := l.paths[1].Status()
			st.LinkUp = false
			l.b.PortChanged(2, st)
		}, true},
		{"a smaller MTU", nil, func(t *testing.T, l *kernelLab) {
			st := l.paths[1].Status()
			st.MTU = 1400
			l.b.PortChanged(2, st)
		}, true},
		{"a port that has lost its path", nil, func(t *testing.T, l *kernelLab) {
			l.paths[1].why = "moved"
			l.b.PortChanged(2, l.paths[1].Status())
		}, true},
		{"the same, found by the collector", nil, func(t *testing.T, l *kernelLab) {
			l.paths[0].why = "isolation"
			l.d.Collect()
		}, true},
		{"the egress port removed", nil, func(t *testing.T, l *kernelLab) { l.removePort(t, 2) }, true},
		{"the ingress port removed", nil, func(t *testing.T, l *kernelLab) { l.removePort(t, 1) }, true},
		{"another bridge's port", nil, func(t *testing.T, l *kernelLab) {
			b, err := l.d.AddBridge("br1", BridgeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.AddPatch(1, "x"); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"fragments dropped", nil, func(t *testing.T, l *kernelLab) {
			if err := l.b.SetFragFlags(ofp.FragDrop); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"caches flushed", nil, func(t *testing.T, l *kernelLab) { l.d.FlushFlows() }, true},
		{"the kernel path turned off", nil, func(t *testing.T, l *kernelLab) { l.d.SetKernelPath(false) }, true},
		{"idle for long", nil, func(t *testing.T, l *kernelLab) {
			for range 12 {
				l.now.Add(int64(time.Second))
				l.d.Collect()
			}
		}, true},
		{"not idle for so long", nil, func(t *testing.T, l *kernelLab) {
			for range 8 {
				l.now.Add(int64(time.Second))
				l.d.Collect()
			}
		}, false},
		{"number of threads", nil, func(t *testing.T, l *kernelLab) {
			if err := l.d.SetWorkers(3); err != nil {
				t.Fatal(err)
			}
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newKernelLab(t, 3)
			if tt.make == nil {
				l.add(flowMod(t, 0, 10, "udp", to2))
			} else {
				tt.make(t, l)
			}
			if !l.taken(1, frame) {
				t.Fatal("the kernel has not taken the flow")
			}
			had := l.k.taking(l.paths[0], frame)
			tt.do(t, l)
			gone := len(had) > 0 && !contains(l.k.slots, had)
			if gone != tt.goes {
				t.Errorf("it has gone: %v, want %v", gone, tt.goes)
			}
			if waited := l.d.kernel.waited.Load() == l.d.kernel.removed.Load(); !waited {
				l.d.Sync()
				if l.k.waits == 0 {
					t.Error("Sync has not waited for what was removed")
				}
			}
		})
	}
}

// contains says whether one of had still is among slots.
func contains(slots, had []*fakeSlot) bool {
	for _, s := range slots {
		for _, h := range had {
			if s == h {
				return true
			}
		}
	}
	return false
}

// normalTo2 has station 2 known behind port 2, and frames forwarded by NORMAL.
func normalTo2(t *testing.T, l *kernelLab) {
	l.add(flowMod(t, 0, 10, "", apply(output(ofp.PortNormal))))
	l.in(2, udp(2, 1, 9, 9))
	l.in(1, udp(1, 2, 9, 9))
}

func (l *kernelLab) group(t *testing.T, command uint16, to ofp.PortNo) {
	t.Helper()
	err := l.b.GroupMod(&ofp.GroupMod{Command: command, GroupID: 7, GroupType: ofp.GroupTypeIndirect,
		Buckets: []ofp.Bucket{{WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny, Actions: []ofp.Action{ofp.Output{Port: to}}}}})
	if err != nil {
		t.Fatal(err)
	}
}

func (l *kernelLab) portMod(t *testing.T, no ofp.PortNo, config ofp.PortConfig) {
	t.Helper()
	err := l.b.PortMod(&ofp.PortMod{Port: no, HWAddr: l.b.conf.Load().ports[no].desc().HWAddr, Config: config, Mask: ofp.PortConfigAll})
	if err != nil {
		t.Fatal(err)
	}
}

func (l *kernelLab) removePort(t *testing.T, no ofp.PortNo) {
	t.Helper()
	if err := l.b.RemovePort(no); err != nil {
		t.Fatal(err)
	}
}

// TestKernelCounts: what the kernel has forwarded is counted where the switch would have counted it, at once,
// and once.
func TestKernelCounts(t *testing.T) {
	l := newKernelLab(t, 2)
	add := func(cookie uint64, m *ofp.FlowMod) {
		m.Cookie = cookie
		l.add(m)
	}
	add(0, flowMod(t, 0, 10, "udp", then(apply(), 1)))
	add(1, flowMod(t, 1, 10, "", apply(output(2))))
	f := udp(1, 2, 3, 4)
	const n = 100
	l.k.delay = true
	for i := range n {
		l.in(1, f)
		if i == n/2 {
			// Frames that have found the flow are still on their way when it is gone.
			add(2, flowMod(t, 1, 20, "udp,tp_dst=4", apply(output(2))))
			l.d.fold() // by who has not waited for them
		}
	}
	if len(l.k.late) == 0 {
		t.Fatal("no frame was on its way: this tests nothing")
	}
	l.k.delay = false
	l.k.Wait()
	st := counts(t, l.b)
	if st[0][0] != n || st[1][0]+st[2][0] != n || st[2][0] == 0 || st[0][1] != uint64(n*len(f)) {
		t.Errorf("counted %v, want %d frames of %d bytes", st, n, len(f))
	}
	if err := l.b.TableStats(func(s *ofp.TableStats) error {
		if s.Table <= 1 && (s.LookupCount != n || s.MatchedCount != n) {
			return fmt.Errorf("table %d: %d lookups, %d found, want %d", s.Table, s.LookupCount, s.MatchedCount, n)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	for no, want := range map[ofp.PortNo]ofp.PortStats{1: {RxPackets: n, RxBytes: uint64(n * len(f))}, 2: {TxPackets: n, TxBytes: uint64(n * len(f))}} {
		err := l.b.PortStats(no, func(s *ofp.PortStats) error {
			if s.RxPackets != want.RxPackets || s.RxBytes != want.RxBytes || s.TxPackets != want.TxPackets || s.TxBytes != want.TxBytes {
				return fmt.Errorf("port %d: %+v, want %+v", no, *s, want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if got := l.d.kernel.all(); len(got) != 1 {
		t.Errorf("%d flows are kept, want the newest", len(got))
	}
}

// TestKernelFlowRemoved: the message has what the kernel has forwarded until the last moment.
func TestKernelFlowRemoved(t *testing.T) {
	l := newKernelLab(t, 2)
	m := flowMod(t, 0, 10, "udp", apply(output(2)))
	m.Flags = ofp.FlowSendFlowRem
	l.add(m)
	f := udp(1, 2, 3, 4)
	l.in(1, f, f, f)
	l.k.delay = true
	l.in(1, f, f)
	m.Command = ofp.FlowDelete
	m.OutPort, m.OutGroup = ofp.PortAny, ofp.GroupAny
	l.add(m)
	if len(l.rec.removed) != 1 || l.rec.removed[0].PacketCount != 5 {
		t.Errorf("flow-removed: %+v, want 5 frames", l.rec.removed)
	}
}

// TestKernelResetCounts: frames of before the counters were reset do not count behind.
func TestKernelResetCounts(t *testing.T) {
	l := newKernelLab(t, 2)
	l.add(flowMod(t, 0, 10, "udp", apply(output(2))))
	f := udp(1, 2, 3, 4)
	l.k.delay = true
	l.in(1, f, f, f)
	m := flowMod(t, 0, 10, "udp", apply(output(2)))
	m.Command, m.Flags = ofp.FlowModify, ofp.FlowResetCounts
	m.OutPort, m.OutGroup = ofp.PortAny, ofp.GroupAny
	l.add(m)
	l.in(1, f)
	if c := counts(t, l.b)[0]; c[0] != 1 {
		t.Errorf("%d frames counted since, want 1", c[0])
	}
}

// TestKernelIdleTimeout: what the kernel forwards keeps an entry, until it is idle for as long as it may.
func TestKernelIdleTimeout(t *testing.T) {
	l := newKernelLab(t, 2)
	m := flowMod(t, 0, 10, "udp", apply(output(2)))
	m.IdleTimeout = 3
	l.add(m)
	f := udp(1, 2, 3, 4)
	l.in(1, f)
	for i := range 20 {
		if l.in(1, f) != 1 {
			t.Fatalf("second %d: the kernel does not forward", i)
		}
		l.now.Add(int64(time.Second))
		l.d.Collect()
	}
	left := func() int { return len(counts(t, l.b)) }
	for range 3 {
		if left() != 1 {
			t.Fatal("the entry has gone before its time")
		}
		l.now.Add(int64(time.Second))
		l.d.Collect()
	}
	l.now.Add(int64(time.Second))
	l.d.Collect()
	if left() != 0 {
		t.Error("the entry is still there")
	}
	if l.in(1, f) != 0 {
		t.Error("and the kernel still forwards")
	}
}

// TestKernelMACRefresh: a station whose frames the kernel forwards is not forgotten.
func TestKernelMACRefresh(t *testing.T) {
	l := newKernelLab(t, 2)
	normalTo2(t, l)
	there, back := udp(1, 2, 3, 4), udp(2, 1, 4, 3)
	l.in(1, there)
	l.in(2, back)
	for i := range 700 {
		if l.in(1, there)+l.in(2, back) != 2 {
			t.Fatalf("second %d: the kernel does not forward", i)
		}
		l.now.Add(int64(time.Second))
		l.d.Collect()
	}
}

// TestKernelInactive: a flow that does not become active leaves the kernel, and is left alone for a while.
func TestKernelInactive(t *testing.T) {
	l := newKernelLab(t, 2)
	for _, w := range l.d.workers() {
		w.hot.always = false
	}
	l.k.armed = true
	l.add(flowMod(t, 0, 10, "udp", apply(output(2))))
	f := udp(1, 2, 3, 4)
	second := func() {
		for range 10 {
			l.in(1, flows1(f, 40)...)
			l.now.Add(int64(100 * time.Millisecond))
		}
		l.d.Collect()
	}
	second()
	if l.k.adds != 1 {
		t.Fatalf("%d flows were added, want 1", l.k.adds)
	}
	for range 6 {
		second()
	}
	if l.k.adds != 1 || len(l.k.slots) != 0 {
		t.Errorf("%d flows were added, %d are there; want 1 that has gone", l.k.adds, len(l.k.slots))
	}
	for range 12 {
		second()
	}
	if l.k.adds != 2 {
		t.Errorf("%d flows were added, want another one after ten seconds", l.k.adds)
	}
}

func flows1(f []byte, n int) (list [][]byte) {
	for range n {
		list = append(list, f)
	}
	return list
}

// TestKernelHot: programs with many frames lately are given to the kernel, others are not.
func TestKernelHot(t *testing.T) {
	for _, tt := range []struct {
		each, rounds int // frames, 100 ms after each other
		want         int
	}{
		{50, 2, 1}, // pings, 500 a second
		{1000, 1, 1},
		{3, 100, 0},
		{0, 10, 0},
	} {
		l := newKernelLab(t, 2)
		for _, w := range l.d.workers() {
			w.hot.always = false
		}
		l.add(flowMod(t, 0, 10, "udp", apply(output(2))))
		f := udp(1, 2, 3, 4)
		for range tt.rounds {
			l.now.Add(int64(100 * time.Millisecond))
			l.in(1, flows1(f, tt.each)...)
		}
		if got := l.k.adds; got != tt.want {
			t.Errorf("%d frames %d times: %d flows are with the kernel, want %d", tt.each, tt.rounds, got, tt.want)
		}
	}
}

// TestKernelUnrelated: flow-mods for others are held against the hull alone, and take nothing out, however
// many there are.
func TestKernelUnrelated(t *testing.T) {
	l := newKernelLab(t, 2)
	l.add(flowMod(t, 0, 10, "udp,nw_dst=10.0.0.2", apply(output(2))))
	l.add(flowMod(t, 0, 10, "udp,nw_dst=10.0.0.5", apply(output(2))))
	f := udp(1, 2, 3, 4)
	l.in(1, f, udp(1, 5, 3, 4))
	for i := range 20000 {
		l.add(flowMod(t, 0, 30, fmt.Sprintf("udp,nw_dst=10.9.%d.%d", i/250, i%250), apply(output(2))))
		if i%5000 == 0 && l.in(1, f) != 1 {
			t.Fatalf("after %d flow-mods for others the kernel does not forward", i+1)
		}
	}
	// 10.0.0.3 is neither of the two, but in all that they have in common. What came since the hull was last
	// touched is more than the table's log holds.
	l.add(flowMod(t, 0, 30, "udp,nw_dst=10.0.0.3", apply(output(2))))
	if l.in(1, f, udp(1, 5, 3, 4)) != 2 {
		t.Error("a change that concerns the hull alone has taken flows out")
	}
}

// TestKernelMatches: which megaflows the kernel can tell from others, and by how many flows.
func TestKernelMatches(t *testing.T) {
	mask := func(id ...flow.ID) (m flow.Mask) {
		for _, i := range id {
			i.Field().OrMask(&m)
		}
		return m
	}
	tcp := flow.Key{}
	flow.Extract(packet.FromBytes(udp(1, 2, 3, 4)), 5, &tcp)
	tests := []struct {
		name string
		mask flow.Mask
		want int
	}{
		{"nothing", mask(), 3},
		{"protocol", mask(flow.EthType, flow.IPProto), 1},
		{"all that the kernel has", mask(flow.EthDst, flow.EthSrc, flow.EthType, flow.IPv4Src, flow.IPv4Dst, flow.IPProto, flow.IPDSCP, flow.IPECN, flow.UDPSrc, flow.UDPDst), 1},
		{"TTL", flow.Mask{flow.WIP: 1 << flow.TTLShift}, 0},
		{"fragments, which there are none of", flow.Mask{flow.WIP: flow.FragAny | flow.FragLater}, 3},
		{"TCP flags, which others have none of", flow.Mask{flow.WL4: 1 << 17}, 2},
		{"more tags, which there are none of", flow.Mask{flow.WEthSrc: flow.MoreTags}, 3},
		{"words that the frame does not have", mask(flow.IPv6Src, flow.ARPOp), 3},
	}
	for _, tt := range tests {
		if got := kernelMatches(&tcp, &tt.mask); len(got) != tt.want {
			t.Errorf("%s: %d flows, want %d", tt.name, len(got), tt.want)
		}
	}
	vid := flow.Mask{flow.WVLAN: 0xfff << 32}
	second := flow.Mask{flow.WVLAN: 0x1000}
	tpid := flow.Mask{flow.WVLAN: 0xffff << 48}
	one, two := tagged(udp(1, 2, 3, 4), 0x8100, 5), tagged(tagged(udp(1, 2, 3, 4), 0x8100, 5), 0x8100, 6)
	service := tagged(udp(1, 2, 3, 4), 0x88a8, 5)
	for name, c := range map[string]struct {
		frame []byte
		mask  flow.Mask
		want  int
	}{
		"one tag, by its VLAN":                   {one, vid, 3},
		"one tag, by there being no second":      {one, second, 3},
		"one tag, by its kind":                   {one, tpid, 3},
		"two tags, by the first's VLAN":          {two, vid, 3},
		"two tags, by there being a second":      {two, second, 0},
		"a service tag, by its VLAN":             {service, vid, 3},
		"a service tag, by its kind":             {service, tpid, 0},
		"recirculated: it has been changed":      {nil, flow.Mask{}, 0},
		"an ARP request":                         {(&gen{Rand: newRand(1)}).arp(make([]byte, 12)), flow.Mask{}, 0},
		"too short for anything but its headers": {udp(1, 2, 3, 4)[:14], flow.Mask{}, 1},
	} {
		k := tcp
		if c.frame == nil {
			k.W[flow.WRecirc], k.Bits = 1<<32, k.Bits|1<<flow.WRecirc
		} else {
			k = flow.Key{}
			flow.Extract(packet.FromBytes(c.frame), 5, &k)
		}
		if got := kernelMatches(&k, &c.mask); len(got) != c.want {
			t.Errorf("%s: %d flows, want %d", name, len(got), c.want)
		}
	}
}

// TestKernelStaleOffer: a flow that was offered before a change, and whose turn comes behind it, is not put into
// the kernel.
func TestKernelStaleOffer(t *testing.T) {
	for name, change := range map[string]func(l *kernelLab){
		"nothing":  func(*kernelLab) {},
		"an entry": func(l *kernelLab) { l.add(flowMod(t, 0, 20, "udp", apply(output(3)))) },
		"a port": func(l *kernelLab) {
			if err := l.b.SetPolicing(1, Policing{Rate: 1e9, Burst: 1e9}); err != nil {
				t.Fatal(err)
			}
		},
		"off": func(l *kernelLab) { l.d.SetKernelPath(false) },
	} {
		l := newKernelLab(t, 3)
		for _, w := range l.d.workers() {
			w.hot.always = false
		}
		l.add(flowMod(t, 0, 10, "udp", apply(output(2))))
		l.in(1, udp(1, 2, 3, 4))
		w := l.d.workers()[0]
		f := newKernelFlow(w, w.programs.head.Load())
		if f == nil {
			t.Fatal("the kernel cannot carry out the program")
		}
		change(l)
		l.d.kernel.install(f)
		if got, want := len(l.k.slots) > 0, name == "nothing"; got != want {
			t.Errorf("%s changed: the kernel has the flow: %v", name, got)
		}
	}
}

// TestKernelLateBytes: the bytes of a frame that come into sight after its packet are counted.
func TestKernelLateBytes(t *testing.T) {
	l := newKernelLab(t, 2)
	l.add(flowMod(t, 0, 10, "udp", apply(output(2))))
	f := udp(1, 2, 3, 4)
	l.in(1, f, f, f)
	s := l.k.slots[0]
	for _, slot := range l.k.slots {
		if slot.packets > 0 {
			s = slot
		}
	}
	s.bytes -= uint64(len(f))
	_ = counts(t, l.b)
	s.bytes += uint64(len(f))
	if c := counts(t, l.b)[0]; c != [2]uint64{3, uint64(3 * len(f))} {
		t.Errorf("counted %d, want 3 frames of %d bytes", c, len(f))
	}
}
