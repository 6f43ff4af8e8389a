package ofswitch

import (
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// FuzzForward lets any bytes with any offload state through a pipeline that
// does everything to them. The switch must survive, and count each frame.
func FuzzForward(f *testing.F) {
	g := &gen{Rand: newRand(1)}
	for range 60 {
		f.Add(g.frame(), false, uint8(0), uint16(0), uint16(0), uint16(0))
	}
	f.Add(tcpFrame(f, 3000, 1400).Bytes(), true, uint8(packet.GSOTCPv4), uint16(34), uint16(16), uint16(1400))
	f.Add(tcpFrame(f, 300, 0).Bytes(), true, uint8(0), uint16(34), uint16(16), uint16(0))
	l := newLab(f, 3)
	for i, mod := range []*ofp.FlowMod{
		flowMod(f, 0, 9, "tcp", apply(output(2), set(flow.TCPDst, 1), set(flow.IPv4Src, 7), output(3))),
		flowMod(f, 0, 9, "udp", apply(output(2), set(flow.UDPSrc, 1), set(flow.IPDSCP, 7), ofp.DecNwTTL{}, output(3))),
		flowMod(f, 0, 9, "sctp", apply(set(flow.SCTPSrc, 1), output(3))),
		flowMod(f, 0, 9, "icmp", apply(set(flow.ICMPv4Type, 1), output(3))),
		flowMod(f, 0, 9, "tcp6", apply(output(2), set(flow.TCPDst, 1), set(flow.IPv6Dst, 7), output(3))),
		flowMod(f, 0, 9, "icmp6,icmp_type=135", apply(set(flow.IPv6NDSll, 1), set(flow.IPv6NDTarget, 2), output(3))),
		flowMod(f, 0, 9, "arp", apply(set(flow.ARPOp, 1), set(flow.ARPTpa, 2), output(3), output(ofp.PortController))),
		flowMod(f, 0, 9, "mpls", apply(set(flow.MPLSLabel, 1), set(flow.MPLSBOS, 1), output(3))),
		flowMod(f, 0, 8, "ip", apply(set(flow.IPProto, 6), ofp.SetNwTTL{TTL: 3}, output(3))),
		flowMod(f, 0, 8, "ipv6", apply(set(flow.IPProto, 58), set(flow.IPv6Flabel, 3), output(3))),
		flowMod(f, 0, 7, "vlan_tci=0x1000/0x1000", then(apply(ofp.PopVLAN{}, output(2), ofp.PushVLAN{EtherType: 0x88a8}), 1)),
		flowMod(f, 0, 0, "", apply(ofp.PushVLAN{EtherType: 0x8100}, output(3), ofp.PushVLAN{EtherType: 0x8100}, ofp.PushVLAN{EtherType: 0x8100}, output(ofp.PortNormal))),
		flowMod(f, 1, 0, "", apply(ofp.PushVLAN{EtherType: 0x8100}, set(flow.EthType, 0x0800), output(ofp.PortNormal))),
	} {
		mod.Cookie = uint64(i)
		l.add(mod)
	}
	f.Fuzz(func(t *testing.T, b []byte, csum bool, gso uint8, start, offset, size uint16) {
		if len(b) > packet.MaxFrame {
			return
		}
		before := counts(t, l.b)
		fr := packet.FromBytes(b)
		fr.Offload = packet.Offload{NeedsCsum: csum, GSOType: gso, CsumStart: start, CsumOffset: offset, GSOSize: size}
		packets, _ := fr.Segments()
		l.ports[0].Inject(fr)
		for l.d.Poll() > 0 {
		}
		first := uint64(0) // counted in table 0, where every frame meets one entry
		for cookie, c := range counts(t, l.b) {
			if cookie != 12 {
				first += c[0] - before[cookie][0]
			}
		}
		if first != packets {
			t.Errorf("%d packets counted, want %d", first, packets)
		}
		for _, p := range l.ports {
			p.Sent()
		}
		l.rec.takeIns()
	})
}
