package main

import (
	"net"
	"slices"
	"testing"

	"ofswitch/packet"
)

func TestTakesMeter(t *testing.T) {
	for _, c := range []struct {
		names, others []string
		ours          bool
	}{
		{nil, nil, false},
		{[]string{"tcp6"}, []string{"tcp6"}, false},
		{[]string{"meter"}, nil, true},
		{[]string{"tcp", "meter-20000"}, []string{"tcp"}, true},
	} {
		if ours, others := takesMeter(c.names); ours != c.ours || !slices.Equal(others, c.others) {
			t.Errorf("%v: %v, %v", c.names, ours, others)
		}
	}
}

// The frames are what they are counted for, with right checksums.
func TestMeterFrames(t *testing.T) {
	frames := meterFrames(net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 2})
	for name, f := range frames {
		b := f.bytes[vnetLen:]
		ip := packet.IPv4(b[14:])
		if packet.Checksum(ip[:20], 0) != 0 || int(ip.TotalLen()) != len(b)-14 {
			t.Errorf("%s: wrong IPv4 header %x", name, ip[:20])
		}
		if f.packets == 1 && f.count != len(b) {
			t.Errorf("%s counts as %d bytes and has %d", name, f.count, len(b))
		}
	}
	gso := frames["gso"]
	b := gso.bytes[vnetLen:]
	f := packet.FromBytes(b)
	f.Offload = packet.Offload{GSOType: packet.GSOTCPv4, GSOSize: gsoSegment, NeedsCsum: true, CsumStart: 34, CsumOffset: 16, HdrLen: 54}
	f.Layers.L3, f.Layers.L4 = 14, 34
	if p, n := f.Segments(); int(p) != gso.packets || int(n) != gso.count {
		t.Errorf("the frame has %d segments of %d bytes, counts as %d of %d", p, n, gso.packets, gso.count)
	}
	if err := packet.FinishChecksum(f); err != nil {
		t.Fatal(err)
	}
	pseudo := packet.PseudoSumIPv4(0x0a000001, 0x0a000002, packet.ProtoTCP, len(b)-34)
	if packet.Checksum(f.Bytes()[34:], pseudo) != 0 {
		t.Error("the finished TCP checksum is wrong")
	}
	if b[12] != 8 || b[13] != 0 || b[23] != packet.ProtoTCP {
		t.Errorf("header %x", b[:34])
	}
}
