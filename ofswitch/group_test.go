package ofswitch

import (
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

func bucket(actions ...ofp.Action) ofp.Bucket {
	return ofp.Bucket{WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny, Actions: actions}
}

func (l *lab) groupMod(m *ofp.GroupMod) {
	l.t.Helper()
	if err := l.b.GroupMod(m); err != nil {
		l.t.Fatal(err)
	}
}

// TestGroupAll: every bucket works on a copy of its own, and the list goes on
// with the frame as it was.
func TestGroupAll(t *testing.T) {
	l := newLab(t, 4)
	l.groupMod(&ofp.GroupMod{GroupID: 1, Buckets: []ofp.Bucket{
		bucket(set(flow.EthDst, 0x99), output(2)),
		bucket(output(ofp.PortController)),
		bucket(output(1)), // not back to where it came from
		bucket(ofp.PushVLAN{EtherType: 0x8100}, output(3)),
	}})
	m := flowMod(t, 0, 1, "in_port=1", apply(ofp.Group{GroupID: 1}, output(4)))
	m.Cookie = 5
	l.add(m)
	in := udp(1, 2, 3, 4)
	l.send(1, in)
	two, three, four := l.sent(2), l.sent(3), l.sent(4)
	if len(two) != 1 || len(three) != 1 || len(four) != 1 || len(l.sent(1)) != 0 {
		t.Fatalf("sent %x %x %x", two, three, four)
	}
	if two[0][5] != 0x99 || len(three[0]) != len(in)+4 || three[0][5] != 2 || string(four[0]) != string(in) {
		t.Errorf("sent %x %x %x", two, three, four)
	}
	ins := l.rec.takeIns()
	if len(ins) != 1 || ins[0].Msg.Cookie != ^uint64(0) || ins[0].Msg.Reason != ofp.PacketInAction || string(ins[0].Msg.Data) != string(in) {
		t.Errorf("packet-ins %+v", ins)
	}
}

// TestFailover: as soon as the port is told to be down the next frame takes the
// other bucket; and with neither it is dropped.
func TestFailover(t *testing.T) {
	l := newLab(t, 3)
	ff := &ofp.GroupMod{GroupID: 1, GroupType: ofp.GroupTypeFastFailover, Buckets: []ofp.Bucket{bucket(output(2)), bucket(output(3))}}
	ff.Buckets[0].WatchPort, ff.Buckets[1].WatchPort = 2, 3
	l.groupMod(ff)
	// A group that watches the first.
	watch := &ofp.GroupMod{GroupID: 2, GroupType: ofp.GroupTypeFastFailover, Buckets: []ofp.Bucket{bucket(ofp.Group{GroupID: 1}), bucket(output(ofp.PortInPort))}}
	watch.Buckets[0].WatchGroup, watch.Buckets[1].WatchPort = 1, 1
	l.groupMod(watch)
	l.add(flowMod(t, 0, 1, "in_port=1", apply(ofp.Group{GroupID: 2})))
	link := func(no ofp.PortNo, up bool) {
		l.b.PortChanged(no, ports.Status{AdminUp: true, LinkUp: up, MTU: 1500})
	}
	for i, tt := range []struct {
		two, three bool
		want       int // port
	}{{true, true, 2}, {false, true, 3}, {true, false, 2}, {false, false, 1}, {true, true, 2}} {
		link(2, tt.two)
		link(3, tt.three)
		for range 2 {
			l.send(1, udp(1, 2, 3, 4))
			for no := 1; no <= 3; no++ {
				want := 0
				if no == tt.want {
					want = 1
				}
				if n := len(l.sent(no)); n != want {
					t.Errorf("step %d: %d frames from port %d, want %d", i, n, no, want)
				}
			}
		}
	}
}

// TestWatchedByManyWays: groups that watch the next one many times are asked once
// each, dead or alive.
func TestWatchedByManyWays(t *testing.T) {
	const levels, buckets = maxDepth, 8 // by 8^64 ways
	l := newLab(t, 3)
	end := &ofp.GroupMod{GroupType: ofp.GroupTypeFastFailover, Buckets: []ofp.Bucket{bucket(output(2))}}
	end.Buckets[0].WatchPort = 2
	l.groupMod(end)
	for id := range uint32(levels) {
		g := &ofp.GroupMod{GroupID: id + 1, GroupType: ofp.GroupTypeFastFailover}
		for range buckets {
			b := bucket(output(2))
			b.WatchGroup = id
			g.Buckets = append(g.Buckets, b)
		}
		own := bucket(output(3)) // what a dead group falls back to
		own.WatchPort = 3
		if id+1 == levels {
			g.Buckets = append(g.Buckets, own)
		}
		l.groupMod(g)
	}
	l.add(flowMod(t, 0, 1, "in_port=1", apply(ofp.Group{GroupID: levels})))
	for _, lives := range []bool{true, false, true} {
		l.b.PortChanged(2, ports.Status{AdminUp: lives, LinkUp: lives, MTU: 1500})
		l.send(1, udp(1, 2, 3, 4))
		if two, three := len(l.sent(2)), len(l.sent(3)); lives && (two != 1 || three != 0) || !lives && (two != 0 || three != 1) {
			t.Errorf("port 2 up %v: %d frames from port 2, %d from port 3", lives, two, three)
		}
	}
}

// TestSelectGroup: flows keep their bucket, all buckets are used, a change of
// the group concerns the next frame, and its end takes its flows along.
func TestSelectGroup(t *testing.T) {
	l := newLab(t, 4)
	sel := &ofp.GroupMod{GroupID: 1, GroupType: ofp.GroupTypeSelect, Buckets: []ofp.Bucket{bucket(output(2)), bucket(output(3))}}
	sel.Buckets[0].Weight, sel.Buckets[1].Weight = 1, 1
	l.groupMod(sel)
	l.add(flowMod(t, 0, 1, "in_port=1", write(ofp.Group{GroupID: 1}, output(4))))
	const flows = 200
	for range 2 {
		for i := range flows {
			l.send(1, udp(1, 2, uint16(i), 7))
		}
	}
	two, three := len(l.sent(2)), len(l.sent(3))
	if two+three != 2*flows || two%2 != 0 || two < flows/2 || three < flows/2 {
		t.Errorf("%d and %d frames of %d", two, three, 2*flows)
	}
	if n := len(l.sent(4)); n != 0 {
		t.Errorf("%d frames by the output beside the group", n)
	}
	err := l.b.GroupStats(1, func(s *ofp.GroupStats) error {
		if s.PacketCount != 2*flows || s.RefCount != 1 || s.Buckets[0].PacketCount != uint64(two) || s.Buckets[1].ByteCount != uint64(64*three) {
			t.Errorf("statistics %+v", s)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	sel.Command, sel.Buckets = ofp.GroupModify, sel.Buckets[1:]
	l.groupMod(sel)
	for i := range flows {
		l.send(1, udp(1, 2, uint16(i), 7))
	}
	if n := len(l.sent(3)); n != flows {
		t.Errorf("%d of %d frames by the bucket that is left", n, flows)
	}
	l.groupMod(&ofp.GroupMod{Command: ofp.GroupDelete, GroupID: ofp.GroupAll})
	l.send(1, udp(1, 2, 3, 7))
	if n := len(counts(t, l.b)); n != 0 || len(l.sent(3)) != 0 {
		t.Errorf("%d flows are left without their group", n)
	}
}

func (l *lab) meterMod(m *ofp.MeterMod) {
	l.t.Helper()
	if err := l.b.MeterMod(m); err != nil {
		l.t.Fatal(err)
	}
}

// TestMeter: what a meter drops does not count behind it; a remarked frame is
// looked up with its new DSCP.
func TestMeter(t *testing.T) {
	for _, kind := range []ofp.MeterBandType{ofp.MeterBandDrop, ofp.MeterBandDSCPRemark} {
		l := newLab(t, 3)
		band := ofp.MeterBand{Type: kind, Rate: 1, BurstSize: 3}
		if kind == ofp.MeterBandDSCPRemark {
			band.PrecLevel = 1
		}
		l.meterMod(&ofp.MeterMod{MeterID: 1, Flags: ofp.MeterFlagPKTPS | ofp.MeterFlagBurst, Bands: []ofp.MeterBand{band}})
		ins := then(ofp.Instructions{Has: 1 << ofp.InstrMeter, Meter: 1}, 1)
		l.add(flowMod(t, 0, 1, "in_port=1", ins))
		low, high := flowMod(t, 1, 1, "ip,ip_dscp=10", apply(output(2))), flowMod(t, 1, 2, "ip,ip_dscp=12", apply(output(3)))
		low.Cookie, high.Cookie = 10, 12
		l.add(low)
		l.add(high)
		f := packet.FromBytes(udp(1, 2, 3, 4))
		var k flow.Key
		flow.Extract(f, 1, &k)
		packet.SetIPDSCP(f, 10)
		for range 10 {
			l.send(1, f.Bytes())
		}
		remarked := 0
		if kind == ofp.MeterBandDSCPRemark {
			remarked = 7
		}
		if two, three := len(l.sent(2)), l.sent(3); two != 3 || len(three) != remarked {
			t.Errorf("%v: %d frames passed, %d remarked; want 3, %d", kind, two, len(three), remarked)
		}
		c := counts(t, l.b)
		if c[0][0] != 10 || c[10][0] != 3 || c[12][0] != uint64(remarked) {
			t.Errorf("%v: counted %v", kind, c)
		}
		err := l.b.MeterStats(ofp.MeterAll, func(s *ofp.MeterStats) error {
			if s.PacketInCount != 10 || s.ByteInCount != 640 || s.Bands[0].PacketCount != 7 || s.FlowCount != 1 {
				t.Errorf("%v: statistics %+v", kind, s)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		l.now.Add(2e9) // two more packets
		for range 4 {
			l.send(1, f.Bytes())
		}
		if n := len(l.sent(2)); n != 2 {
			t.Errorf("%v: %d frames passed after two seconds, want 2", kind, n)
		}
	}
}

// TestPacketInMeter: the meter CONTROLLER bounds packet-ins.
func TestPacketInMeter(t *testing.T) {
	l := newLab(t, 2)
	l.add(flowMod(t, 0, 1, "in_port=1", apply(output(ofp.PortController), output(2))))
	l.meterMod(&ofp.MeterMod{MeterID: ofp.MeterController, Flags: ofp.MeterFlagPKTPS | ofp.MeterFlagBurst,
		Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: 1, BurstSize: 3}}})
	for range 10 {
		l.send(1, udp(1, 2, 3, 4))
	}
	if in, out := len(l.rec.takeIns()), len(l.sent(2)); in != 3 || out != 10 {
		t.Errorf("%d packet-ins, %d frames; want 3, 10", in, out)
	}
	l.meterMod(&ofp.MeterMod{Command: ofp.MeterDelete, MeterID: ofp.MeterAll})
	l.send(1, udp(1, 2, 3, 4))
	if in := len(l.rec.takeIns()); in != 1 {
		t.Errorf("%d packet-ins without the meter, want 1", in)
	}
}

// TestMeterGSO: a GSO frame that is large beside the rate is judged segment by
// segment.
func TestMeterGSO(t *testing.T) {
	l := newLab(t, 2)
	l.meterMod(&ofp.MeterMod{MeterID: 1, Flags: ofp.MeterFlagPKTPS | ofp.MeterFlagBurst,
		Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: 1, BurstSize: 3}}})
	ins := apply(output(2))
	ins.Has |= 1 << ofp.InstrMeter
	ins.Meter = 1
	l.add(flowMod(t, 0, 1, "in_port=1", ins))
	l.ports[0].Inject(tcpFrame(t, 14000, 1400))
	for l.d.Poll() > 0 {
	}
	if n := len(l.sent(2)); n != 3 {
		t.Errorf("%d segments passed, want 3", n)
	}
	err := l.b.MeterStats(1, func(s *ofp.MeterStats) error {
		if s.PacketInCount != 10 || s.Bands[0].PacketCount != 7 {
			t.Errorf("statistics %+v", s)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
