package ofswitch

import (
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// virtual gives the virtual meter id one band with a burst of 3 packets.
func (l *lab) virtual(command uint16, id uint32, kind ofp.MeterBandType) {
	l.t.Helper()
	band := ofp.MeterBand{Type: kind, Rate: 1, BurstSize: 3}
	if kind == ofp.MeterBandDSCPRemark {
		band.PrecLevel = 1
	}
	l.meterMod(&ofp.MeterMod{Command: command, MeterID: id, Flags: ofp.MeterFlagPKTPS | ofp.MeterFlagBurst, Bands: []ofp.MeterBand{band}})
}

// dscped is a UDP frame with this DSCP field.
func dscped(dscp uint8, sport uint16) []byte {
	f := packet.FromBytes(udp(1, 2, sport, 4))
	var k flow.Key
	flow.Extract(f, 1, &k)
	packet.SetIPDSCP(f, dscp)
	return f.Bytes()
}

// dscpOf reads the field of an untagged frame.
func dscpOf(b []byte) uint8 { return b[15] >> 2 }

// checkMeter compares the counters of a meter's only band, and of the meter.
func (l *lab) checkMeter(id uint32, in, band uint64) {
	l.t.Helper()
	n := 0
	err := l.b.MeterStats(id, func(s *ofp.MeterStats) error {
		n++
		if s.PacketInCount != in || s.Bands[0].PacketCount != band {
			l.t.Errorf("meter %#x counted %d packets, %d by the band; want %d, %d", id, s.PacketInCount, s.Bands[0].PacketCount, in, band)
		}
		return nil
	})
	if err != nil || n != 1 {
		l.t.Errorf("%d entries of meter %#x, %v", n, id, err)
	}
}

// TestPacketInRemark: the controller gets the frame remarked, the port as it was.
func TestPacketInRemark(t *testing.T) {
	l := newLab(t, 2)
	l.add(flowMod(t, 0, 1, "in_port=1", apply(output(ofp.PortController), output(2))))
	l.virtual(ofp.MeterAdd, ofp.MeterController, ofp.MeterBandDSCPRemark)
	const af11, af12 = 10, 12
	for range 5 {
		l.send(1, dscped(af11, 3))
	}
	ins, out := l.rec.takeIns(), l.sent(2)
	if len(ins) != 5 || len(out) != 5 {
		t.Fatalf("%d packet-ins, %d frames", len(ins), len(out))
	}
	for i := range ins {
		want := uint8(af11)
		if i >= 3 {
			want = af12
		}
		if got := dscpOf(ins[i].Msg.Data); got != want {
			t.Errorf("packet-in %d has DSCP %d, want %d", i, got, want)
		}
		if got := dscpOf(out[i]); got != af11 {
			t.Errorf("frame %d has DSCP %d, want %d", i, got, af11)
		}
	}
	l.checkMeter(ofp.MeterController, 5, 2)
	l.send(1, dscped(0, 3)) // best effort has no drop precedence
	if ins := l.rec.takeIns(); len(ins) != 1 || dscpOf(ins[0].Msg.Data) != 0 {
		t.Errorf("packet-ins of best effort: %+v", ins)
	}
}

// TestPacketInMeterSegments: of a GSO frame the meter lets some segments pass; the
// frame itself goes its way.
func TestPacketInMeterSegments(t *testing.T) {
	l := newLab(t, 2)
	l.add(flowMod(t, 0, 1, "in_port=1", apply(output(ofp.PortController), output(2))))
	l.virtual(ofp.MeterAdd, ofp.MeterController, ofp.MeterBandDrop)
	l.ports[0].Inject(tcpFrame(t, 14000, 1400))
	for l.d.Poll() > 0 {
	}
	ins := l.rec.takeIns()
	if len(ins) != 3 || len(ins[0].Msg.Data) != 1454 {
		t.Errorf("%d packet-ins of a frame of 10 segments, want 3", len(ins))
	}
	bytes := 0
	for _, b := range l.sent(2) {
		bytes += len(b) - 54
	}
	if bytes != 14000 {
		t.Errorf("port 2 sent %d bytes, want 14000", bytes)
	}
	l.checkMeter(ofp.MeterController, 10, 7)
}

// TestSlowpathMeter: frames that need a translation are bounded, those of known
// flows are not, nor what a flow's own meter sends on.
func TestSlowpathMeter(t *testing.T) {
	l := newLab(t, 2, exactMasks)
	l.add(flowMod(t, 0, 1, "in_port=1", apply(output(2))))
	l.send(1, udp(1, 2, 1, 1))
	l.sent(2)
	l.virtual(ofp.MeterAdd, ofp.MeterSlowpath, ofp.MeterBandDrop)
	for i := range uint16(10) {
		l.send(1, udp(1, 2, 100+i, 1), udp(1, 2, 1, 1))
	}
	if n := len(l.sent(2)); n != 13 {
		t.Errorf("%d frames of 10 new flows and 10 frames of an old one, want 13", n)
	}
	l.checkMeter(ofp.MeterSlowpath, 10, 7)
	if n := l.d.Drops()["meter"]; n != 7 {
		t.Errorf("%d drops by meters, want 7", n)
	}
	// One batch, with dropped frames at its beginning, in its middle and at its end.
	batch := [][]byte{udp(1, 2, 200, 1), udp(1, 2, 1, 1), udp(1, 2, 1, 1), udp(1, 2, 201, 1), udp(1, 2, 1, 1), udp(1, 2, 202, 1)}
	l.send(1, batch...)
	if out := l.sent(2); len(out) != 3 || string(out[0]) != string(batch[1]) {
		t.Errorf("%d frames of a batch with 3 of a known flow: %x", len(out), out)
	}
	if c := counts(t, l.b)[0]; c[0] != 17 {
		t.Errorf("the flow counted %d packets, want 17", c[0])
	}
	// A change that concerns the known flow makes it need a translation.
	l.add(flowMod(t, 0, 2, "udp,udp_src=1", apply(output(2))))
	l.send(1, udp(1, 2, 1, 1))
	if n := len(l.sent(2)); n != 0 {
		t.Errorf("%d frames without a translation, want 0", n)
	}
	l.now.Add(1e9)
	l.send(1, udp(1, 2, 1, 1), udp(1, 2, 1, 1))
	if n := len(l.sent(2)); n != 2 {
		t.Errorf("%d frames after a second, want 2", n)
	}
	l.virtual(ofp.MeterModify, ofp.MeterSlowpath, ofp.MeterBandDSCPRemark)
	l.meterMod(&ofp.MeterMod{Command: ofp.MeterDelete, MeterID: ofp.MeterSlowpath})
	for i := range uint16(10) {
		l.send(1, udp(1, 2, 300+i, 1))
	}
	if n := len(l.sent(2)); n != 10 {
		t.Errorf("%d frames of 10 new flows without the meter", n)
	}
}

// TestSlowpathRemark: a remarked frame is another flow, found by its new DSCP.
func TestSlowpathRemark(t *testing.T) {
	l := newLab(t, 3, exactMasks)
	const af11, af12 = 10, 12
	l.add(flowMod(t, 0, 1, "ip,ip_dscp=10", apply(output(2))))
	l.add(flowMod(t, 0, 1, "ip,ip_dscp=12", apply(output(3))))
	l.virtual(ofp.MeterAdd, ofp.MeterSlowpath, ofp.MeterBandDSCPRemark)
	for i := range uint16(5) {
		l.send(1, dscped(af11, i))
	}
	two, three := l.sent(2), l.sent(3)
	if len(two) != 3 || len(three) != 2 || dscpOf(three[0]) != af12 {
		t.Errorf("%d frames passed, %d remarked; want 3, 2", len(two), len(three))
	}
	l.send(1, dscped(af11, 0), dscped(af11, 4), dscped(af12, 4))
	if two, three := l.sent(2), l.sent(3); len(two) != 1 || len(three) != 2 {
		// A known flow; one that needs a translation yet; one that was remarked to.
		t.Errorf("%d frames passed, %d remarked; want 1, 2", len(two), len(three))
	}
}
