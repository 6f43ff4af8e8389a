package flow

import (
	"encoding/binary"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"ofswitch/packet"
)

func extract(b []byte) (Wide, packet.Layers) {
	f := packet.FromBytes(b)
	var k Key
	Extract(f, 3, &k)
	var w Wide
	w.SetKey(&k)
	return w, f.Layers
}

// What is expected of each kind of frame is written as the match of exactly
// its fields.
func TestExtractFields(t *testing.T) {
	snap := append(append([]byte(nil), frameUDP[:12]...), 0, 54, 0xaa, 0xaa, 3, 0, 0, 0)
	snap = append(snap, frameUDP[12:]...)
	llc := append(append([]byte(nil), frameUDP[:12]...), 0, 46, 0x42, 0x42, 3)
	llc = append(llc, frameUDP[14:]...)
	pbb := append(append([]byte(nil), frameUDP[:12]...), 0x88, 0xe7, 0xe0, 0x12, 0x34, 0x56)
	pbb = append(pbb, frameUDP...)

	const macs = "in_port=3,in_phy_port=3,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,"
	const ip4 = "nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_tos=40,nw_ecn=1,"
	const ip6 = "ipv6_src=2001:db8::1,ipv6_dst=2001:db8::2,ipv6_label=0x12345,nw_tos=40,nw_ecn=2,ipv6_exthdr=0,"
	for _, c := range []struct {
		name   string
		frame  []byte
		want   string
		layers packet.Layers
	}{
		{"udp", frameUDP, "udp,vlan_vid=0,tp_src=1000,tp_dst=2000," + ip4, packet.Layers{L2End: 12, MPLS: -1, L3: 14, L4: 34}},
		{"tcp", frameTCP, "tcp,vlan_vid=0,tp_src=1000,tp_dst=80," + ip4, packet.Layers{L2End: 12, MPLS: -1, L3: 14, L4: 34}},
		{"sctp", frameSCTP, "sctp,vlan_vid=0,tp_src=5,tp_dst=6," + ip4, packet.Layers{L2End: 12, MPLS: -1, L3: 14, L4: 34}},
		{"icmp", frameICMP, "icmp,icmp_type=3,icmp_code=1," + ip4, packet.Layers{L2End: 12, MPLS: -1, L3: 14, L4: 34}},
		{"vlan", frameVLAN, "udp,dl_vlan=5,dl_vlan_pcp=3,tp_src=1000,tp_dst=2000," + ip4, packet.Layers{L2End: 16, MPLS: -1, L3: 18, L4: 38}},
		{"qinq", frameQinQ, "udp,dl_vlan=100,dl_vlan_pcp=0,tp_src=1000,tp_dst=2000," + ip4, packet.Layers{L2End: 20, MPLS: -1, L3: 22, L4: 42}},
		{"tcp6", frameTCP6, "tcp6,tp_src=1000,tp_dst=443," + ip6, packet.Layers{L2End: 12, MPLS: -1, L3: 14, L4: 54}},
		{"ns", frameNS, "icmp6,icmp_type=135,icmp_code=0,nd_target=fe80::9,nd_sll=02:00:00:00:00:01," + ip6, packet.Layers{L2End: 12, MPLS: -1, L3: 14, L4: 54}},
		{"na", frameNA, "icmp6,icmp_type=136,icmp_code=0,nd_target=fe80::9,nd_tll=02:00:00:00:00:02," + ip6, packet.Layers{L2End: 12, MPLS: -1, L3: 14, L4: 54}},
		{"arp", frameARP, "arp,arp_op=258,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_sha=02:00:00:00:00:01,arp_tha=02:00:00:00:00:02", packet.Layers{L2End: 12, MPLS: -1, L3: 14, L4: -1}},
		{"mpls", frameMPLS, "mpls,mpls_label=100,mpls_tc=5,mpls_bos=0", packet.Layers{L2End: 12, MPLS: 14, L3: -1, L4: -1}},
		{"snap", snap, "udp,vlan_vid=0,tp_src=1000,tp_dst=2000," + ip4, packet.Layers{L2End: 12, MPLS: -1, L3: 22, L4: 42}},
		{"llc", llc, "dl_type=0x05ff", packet.Layers{L2End: 12, MPLS: -1, L3: -1, L4: -1}},
		{"pbb", pbb, "dl_type=0x88e7,pbb_isid=0x123456", packet.Layers{L2End: 12, MPLS: 14, L3: -1, L4: -1}},
	} {
		w, l := extract(c.frame)
		m := mustParse(t, macs+c.want)
		if !m.Matches(&w) {
			t.Errorf("%s: words %#x are not in %s", c.name, w, m)
		}
		if l != c.layers {
			t.Errorf("%s: layers %+v, want %+v", c.name, l, c.layers)
		}
	}
}

// What OpenFlow has no field for stands in its place in the words, too.
func TestExtractBeyondFields(t *testing.T) {
	w, _ := extract(frameQinQ)
	if got, want := w[WVLAN], uint64(0x88a8<<48|0x1064<<32|0x8100<<16|0xffff); got != want {
		t.Errorf("VLAN word %#x, want %#x", got, want)
	}
	w, _ = extract(frameTCP)
	if got := w[WL4] >> 16 & 0xffff; got != 0x42 {
		t.Errorf("TCP flags %#x, want SYN and ECE", got)
	}
	if got := w[WIP] & 0xffff; got != 64<<8 {
		t.Errorf("TTL and fragment bits %#x, want 0x4000", got)
	}
	w, _ = extract(frameMPLS)
	if w[WMPLS] != (100<<12|5<<9|9)<<32|(200<<12|8) || w[WMPLS2] != (300<<12|0x100|7)<<32 {
		t.Errorf("label stack %#x %#x", w[WMPLS], w[WMPLS2])
	}
}

// Frames of less than 60 bytes are padded on the wire; the padding belongs to
// nobody, even where it looks like a header.
func TestExtractPadding(t *testing.T) {
	short := build(0, eth(0x0800), ip4(17)) // no room for a UDP header in the IP packet
	w, l := extract(append(short, frameUDP[34:]...))
	if l.L3 != 14 || l.L4 != -1 || w[WL4] != 0 {
		t.Errorf("IPv4: padding was read as UDP: layers %+v, word %#x", l, w[WL4])
	}
	short = header6(6)
	w, l = extract(append(short, frameTCP6[54:]...))
	if l.L3 != 14 || l.L4 != -1 || w[WL4] != 0 {
		t.Errorf("IPv6: padding was read as TCP: layers %+v, word %#x", l, w[WL4])
	}
}

func TestExtractFragments(t *testing.T) {
	for _, c := range []struct {
		flags layers.IPv4Flag
		off   uint16
		frag  uint64
		l4    bool
	}{
		{layers.IPv4DontFragment, 0, 0, true},
		{layers.IPv4MoreFragments, 0, FragAny, true},
		{layers.IPv4MoreFragments, 1, FragAny | FragLater, false},
		{0, 0x1fff, FragAny | FragLater, false},
	} {
		h := ip4(17)
		h.Flags, h.FragOffset = c.flags, c.off
		w, l := extract(build(60, eth(0x0800), h, &layers.UDP{SrcPort: 1, DstPort: 2}))
		if got := w[WIP] & 0xff; got != c.frag || (l.L4 >= 0) != c.l4 || (w[WL4] != 0) != c.l4 {
			t.Errorf("flags %v offset %d: fragment bits %d, L4 at %d, word %#x", c.flags, c.off, got, l.L4, w[WL4])
		}
		if got := IPProto.Field().Get(&w).Lo; got != 17 {
			t.Errorf("a fragment has protocol %d", got)
		}
	}
}

// header6 is an Ethernet and an IPv6 header that has no payload yet. (gopacket
// takes an empty payload for a jumbogram.)
func header6(proto layers.IPProtocol) []byte {
	b := build(0, eth(0x86dd), ip6(proto), gopacket.Payload{0})[:54]
	binary.BigEndian.PutUint16(b[18:], 0)
	return b[:54:54]
}

// chainFrame is an IPv6 frame with these extension headers, 8 bytes each
// (fragment headers of a whole packet), and UDP behind them unless the chain
// ends itself.
func chainFrame(types ...byte) []byte {
	b := header6(17)
	next := 14 + 6
	for _, typ := range types {
		b[next] = typ
		if typ == packet.ProtoESP || typ == packet.ProtoNone {
			break
		}
		next = len(b)
		b = append(b, 17, 0, 0, 0, 0, 0, 0, 0)
	}
	b = append(b, frameUDP[34:42]...)
	binary.BigEndian.PutUint16(b[18:], uint16(len(b)-54))
	return b
}

func TestExtractExthdr(t *testing.T) {
	for _, c := range []struct {
		chain []byte
		want  string
		proto uint64
	}{
		{nil, "0", 17},
		{[]byte{packet.ProtoHopByHop}, "hop", 17},
		{[]byte{packet.ProtoHopByHop, packet.ProtoDestOpts, packet.ProtoRouting, packet.ProtoFragment, packet.ProtoAH, packet.ProtoDestOpts}, "auth|dest|frag|router|hop", 17},
		{[]byte{packet.ProtoHopByHop, packet.ProtoDestOpts, packet.ProtoRouting, packet.ProtoFragment, packet.ProtoAH, packet.ProtoESP}, "esp|auth|dest|frag|router|hop", 50},
		{[]byte{packet.ProtoNone}, "nonext", 59},
		{[]byte{packet.ProtoDestOpts}, "dest", 17},
		{[]byte{packet.ProtoDestOpts, packet.ProtoDestOpts}, "dest", 17},
		{[]byte{packet.ProtoRouting, packet.ProtoDestOpts}, "dest|router", 17},
		{[]byte{packet.ProtoDestOpts, packet.ProtoRouting}, "dest|router", 17},
		{[]byte{packet.ProtoDestOpts, packet.ProtoDestOpts, packet.ProtoDestOpts}, "dest|unrep", 17},
		{[]byte{packet.ProtoDestOpts, packet.ProtoDestOpts, packet.ProtoRouting}, "dest|router|unseq", 17},
		{[]byte{packet.ProtoRouting, packet.ProtoDestOpts, packet.ProtoFragment}, "dest|frag|router|unseq", 17},
		{[]byte{packet.ProtoRouting, packet.ProtoHopByHop}, "router|hop|unseq", 17},
		{[]byte{packet.ProtoHopByHop, packet.ProtoHopByHop}, "hop|unrep", 17},
		{[]byte{packet.ProtoFragment, packet.ProtoFragment}, "frag|unrep", 17},
		{[]byte{packet.ProtoFragment, packet.ProtoRouting}, "frag|router|unseq", 17},
		{[]byte{packet.ProtoFragment, packet.ProtoRouting, packet.ProtoFragment}, "frag|router|unrep|unseq", 17},
		{[]byte{packet.ProtoAH, packet.ProtoFragment, packet.ProtoESP}, "esp|auth|frag|unseq", 50},
	} {
		w, l := extract(chainFrame(c.chain...))
		f := IPv6Exthdr.Field()
		if got := FormatValue(f, f.Get(&w), f.Full()); got != c.want {
			t.Errorf("chain %v: %s, want %s", c.chain, got, c.want)
		}
		if got := IPProto.Field().Get(&w).Lo; got != c.proto {
			t.Errorf("chain %v: protocol %d, want %d", c.chain, got, c.proto)
		}
		if want := int16(54 + 8*len(c.chain)); c.proto == 17 && (l.L4 != want || w[WL4]>>48 != 1000) {
			t.Errorf("chain %v: UDP at %d, want %d", c.chain, l.L4, want)
		}
	}
}

func TestExtractIPv6Fragments(t *testing.T) {
	for _, c := range []struct {
		offset uint16 // with the two reserved bits and the M bit
		frag   uint64
		proto  uint64
	}{{0, 0, 17}, {1, FragAny, 17}, {8, FragAny | FragLater, 44}, {0xfff9, FragAny | FragLater, 44}} {
		b := chainFrame(packet.ProtoFragment)
		binary.BigEndian.PutUint16(b[56:], c.offset)
		w, l := extract(b)
		if got := w[WIP] & 0xff; got != c.frag || IPProto.Field().Get(&w).Lo != c.proto || (l.L4 < 0) != (c.proto == 44) {
			t.Errorf("offset %#x: fragment bits %d, protocol %d, L4 at %d", c.offset, got, IPProto.Field().Get(&w).Lo, l.L4)
		}
	}
}

// A chain so long that its end has no 16-bit offset is as good as cut short.
func TestExtractLongChain(t *testing.T) {
	types := make([]byte, 5000)
	for i := range types {
		types[i] = packet.ProtoDestOpts
	}
	checkExtract(t, chainFrame(types...))
	w, l := extract(chainFrame(types...))
	if l.L4 != -1 || l.L3 != 14 || IPProto.Field().Get(&w).Lo != 0 {
		t.Errorf("layers %+v, protocol %d", l, IPProto.Field().Get(&w).Lo)
	}
	if _, l := extract(chainFrame(types[:4000]...)); l.L4 != 54+32000 {
		t.Errorf("a chain of 4000 headers ends at %d", l.L4)
	}
}

// A broken chain leaves what the IPv6 header itself says.
func TestExtractBrokenChain(t *testing.T) {
	b := chainFrame(packet.ProtoHopByHop)
	b[55] = 200 // longer than the packet
	w, l := extract(b)
	m := mustParse(t, "ipv6,nw_proto=0,ipv6_src=2001:db8::1,ipv6_label=0x12345,nw_tos=40,nw_ecn=2,ipv6_exthdr=0")
	if !m.Matches(&w) || l.L3 != 14 || l.L4 != -1 {
		t.Errorf("words %#x, layers %+v", w, l)
	}
}

// Link-layer addresses count only in whole options, and none of a message
// that gives one twice.
func TestExtractNDOptions(t *testing.T) {
	opt := func(typ, size byte, mac byte) []byte { return []byte{typ, size, mac, 0, 0, 0, 0, mac} }
	target := []byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}
	cat := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	for _, c := range []struct {
		name     string
		body     []byte
		target   bool
		sll, tll uint64
	}{
		{"none", cat(target), true, 0, 0},
		{"target cut short", target[:15], false, 0, 0},
		{"both", cat(target, opt(1, 1, 4), opt(2, 1, 6)), true, 0x040000000004, 0x060000000006},
		{"behind another", cat(target, opt(5, 2, 1), opt(1, 1, 1), opt(1, 1, 4)), true, 0x040000000004, 0},
		{"of 16 bytes", cat(target, opt(1, 2, 4), opt(0, 0, 0)), true, 0, 0},
		{"cut short", cat(target, opt(1, 1, 4)[:7]), true, 0, 0},
		{"of no length", cat(target, opt(9, 0, 4), opt(1, 1, 4)), true, 0, 0},
		{"too long", cat(target, opt(9, 3, 4), opt(1, 1, 4)), true, 0, 0},
		{"twice", cat(target, opt(1, 1, 4), opt(1, 1, 4)), false, 0, 0},
	} {
		b := append(append(header6(58), 135, 0, 0, 0, 0, 0, 0, 0), c.body...)
		binary.BigEndian.PutUint16(b[18:], uint16(len(b)-54))
		w, _ := extract(b)
		if got := w[WNDTarget] != 0; got != c.target || w[WNDSll]>>16 != c.sll || w[WNDTll]>>16 != c.tll {
			t.Errorf("%s: target %v, sll %012x, tll %012x", c.name, got, w[WNDSll]>>16, w[WNDTll]>>16)
		}
	}
}

func TestExtractAllocations(t *testing.T) {
	for _, c := range allFrames {
		f := packet.FromBytes(c.data)
		var k Key
		if n := testing.AllocsPerRun(10, func() { Extract(f, 1, &k); hashSink += k.Hash() }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}
