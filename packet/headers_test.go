package packet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// TestViewsReadAsGopacket: every getter agrees with gopacket's decoder.
func TestViewsReadAsGopacket(t *testing.T) {
	r := rand.New(rand.NewPCG(71, 72))
	eq := func(name string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	macOf := func(b []byte) uint64 {
		return binary.BigEndian.Uint64(append([]byte{0, 0}, b...))
	}
	for range 500 {
		s := build(t, r, randomKind(r))
		pkt := gopacket.NewPacket(s.b, layers.LayerTypeEthernet, gopacket.Default)
		tag := 0
		for _, l := range pkt.Layers() {
			switch l := l.(type) {
			case *layers.Ethernet:
				h := Ethernet(s.b)
				eq("eth dst", h.Dst(), macOf(l.DstMAC))
				eq("eth src", h.Src(), macOf(l.SrcMAC))
				eq("eth type", h.Type(), uint16(l.EthernetType))
			case *layers.Dot1Q:
				h := VLAN(s.b[12+4*tag:])
				eq("tag", IsVLAN(h.TPID()), true)
				eq("vid", h.VID(), l.VLANIdentifier)
				eq("pcp", h.PCP(), l.Priority)
				eq("dei", h.DEI(), l.DropEligible)
				tag++
			case *layers.IPv4:
				h := IPv4(s.b[s.layers.L3:])
				eq("version", h.Version(), l.Version)
				eq("header length", h.HeaderLen(), int(l.IHL)*4)
				eq("tos", h.TOS(), l.TOS)
				eq("total length", h.TotalLen(), int(l.Length))
				eq("id", h.ID(), l.Id)
				eq("flags", h.FlagsOffset(), uint16(l.Flags)<<13|l.FragOffset)
				eq("ttl", h.TTL(), l.TTL)
				eq("protocol", h.Proto(), uint8(l.Protocol))
				eq("checksum", h.Checksum(), l.Checksum)
				eq("src", h.Src(), binary.BigEndian.Uint32(l.SrcIP))
				eq("dst", h.Dst(), binary.BigEndian.Uint32(l.DstIP))
			case *layers.IPv6:
				h := IPv6(s.b[s.layers.L3:])
				eq("version", h.Version(), l.Version)
				eq("class", h.TrafficClass(), l.TrafficClass)
				eq("label", h.FlowLabel(), l.FlowLabel)
				eq("payload length", h.PayloadLen(), int(l.Length))
				eq("next header", h.NextHeader(), uint8(l.NextHeader))
				eq("hop limit", h.HopLimit(), l.HopLimit)
				eq("src", string(h.Src()), string(l.SrcIP))
				eq("dst", string(h.Dst()), string(l.DstIP))
			case *layers.TCP:
				h := TCP(s.b[s.layers.L4:])
				eq("src port", h.SrcPort(), uint16(l.SrcPort))
				eq("dst port", h.DstPort(), uint16(l.DstPort))
				eq("seq", h.Seq(), l.Seq)
				eq("ack", h.Ack(), l.Ack)
				eq("data offset", h.HeaderLen(), int(l.DataOffset)*4)
				eq("fin", h.Flags()&TCPFin != 0, l.FIN)
				eq("psh", h.Flags()&TCPPsh != 0, l.PSH)
				eq("ece", h.Flags()&TCPEce != 0, l.ECE)
				eq("cwr", h.Flags12()&TCPCwr != 0, l.CWR)
				eq("window", h.Window(), l.Window)
				eq("checksum", h.Checksum(), l.Checksum)
				eq("urgent", h.Urgent(), l.Urgent)
			case *layers.UDP:
				h := UDP(s.b[s.layers.L4:])
				eq("src port", h.SrcPort(), uint16(l.SrcPort))
				eq("dst port", h.DstPort(), uint16(l.DstPort))
				eq("length", h.Length(), int(l.Length))
				eq("checksum", h.Checksum(), l.Checksum)
			case *layers.SCTP:
				h := SCTP(s.b[s.layers.L4:])
				eq("src port", h.SrcPort(), uint16(l.SrcPort))
				eq("dst port", h.DstPort(), uint16(l.DstPort))
				eq("tag", h.Tag(), l.VerificationTag)
				eq("checksum", h.Checksum(), l.Checksum)
			case *layers.ICMPv4:
				h := ICMPv4(s.b[s.layers.L4:])
				eq("type", h.Type(), l.TypeCode.Type())
				eq("code", h.Code(), l.TypeCode.Code())
				eq("checksum", h.Checksum(), l.Checksum)
			case *layers.ICMPv6:
				h := ICMPv6(s.b[s.layers.L4:])
				eq("type", h.Type(), l.TypeCode.Type())
				eq("code", h.Code(), l.TypeCode.Code())
				eq("checksum", h.Checksum(), l.Checksum)
			case *layers.ICMPv6NeighborSolicitation:
				h := ICMPv6(s.b[s.layers.L4:])
				eq("nd", h.IsND(), true)
				eq("target", string(h.Target()), string(l.TargetAddress))
				eq("sll", string(h.LinkAddr(NDOptSourceLL)), string(l.Options[1].Data))
				eq("no tll", h.LinkAddr(NDOptTargetLL) == nil, true)
			case *layers.ICMPv6NeighborAdvertisement:
				h := ICMPv6(s.b[s.layers.L4:])
				eq("tll", string(h.LinkAddr(NDOptTargetLL)), string(l.Options[1].Data))
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}

// TestViewsWrite: a header written field by field is the header gopacket
// makes of the same values.
func TestViewsWrite(t *testing.T) {
	mac1, mac2 := []byte{2, 0, 0, 0, 0, 1}, []byte{2, 0, 0, 0, 0, 2}
	ip1, ip2 := []byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}
	six1, six2 := make([]byte, 16), make([]byte, 16)
	putIPv6(six1, 0x20010db8<<32, 1)
	putIPv6(six2, 0x20010db8<<32, 2)
	tests := []struct {
		name  string
		layer gopacket.SerializableLayer
		write func(b []byte)
	}{
		{"ethernet", &layers.Ethernet{DstMAC: mac1, SrcMAC: mac2, EthernetType: layers.EthernetTypeIPv6}, func(b []byte) {
			h := Ethernet(b)
			h.SetDst(0x020000000001)
			h.SetSrc(0x020000000002)
			h.SetType(TypeIPv6)
		}},
		{"arp", &layers.ARP{AddrType: 1, Protocol: 0x800, HwAddressSize: 6, ProtAddressSize: 4, Operation: ARPReply,
			SourceHwAddress: mac1, SourceProtAddress: ip1, DstHwAddress: mac2, DstProtAddress: ip2}, func(b []byte) {
			h := ARP(b)
			h.SetEthernetIPv4()
			h.SetOp(ARPReply)
			h.SetSHA(0x020000000001)
			h.SetSPA(0x0a000001)
			h.SetTHA(0x020000000002)
			h.SetTPA(0x0a000002)
			if !h.IsEthernetIPv4() || h.Op() != ARPReply || h.SHA() != 0x020000000001 || h.THA() != 0x020000000002 ||
				h.SPA() != 0x0a000001 || h.TPA() != 0x0a000002 {
				t.Error("ARP getters")
			}
		}},
		{"mpls", &layers.MPLS{Label: 0xabcde, TrafficClass: 5, StackBottom: true, TTL: 9}, func(b []byte) {
			h := MPLS(b)
			h.SetLabel(0xabcde)
			h.SetTC(5)
			h.SetBOS(true)
			h.SetTTL(9)
			if h.Label() != 0xabcde || h.TC() != 5 || !h.BOS() || h.TTL() != 9 {
				t.Error("MPLS getters")
			}
		}},
		{"ipv4", &layers.IPv4{Version: 4, IHL: 5, TOS: 0xb9, Length: 20, Id: 77, Flags: layers.IPv4DontFragment, FragOffset: 5, TTL: 3, Protocol: 17,
			SrcIP: ip1, DstIP: ip2}, func(b []byte) {
			h := IPv4(b)
			b[0] = 0x45
			h.SetTOS(0xb9)
			h.SetTotalLen(20)
			h.SetID(77)
			h.SetFlagsOffset(IPv4DontFragment | 5)
			h.SetTTL(3)
			h.SetProto(17)
			h.SetSrc(0x0a000001)
			h.SetDst(0x0a000002)
			h.UpdateChecksum()
			if !h.IsFragment() || !h.IsLaterFragment() {
				t.Error("not seen as a later fragment")
			}
		}},
		{"ipv6", &layers.IPv6{Version: 6, TrafficClass: 0xb9, FlowLabel: 0x12345, NextHeader: layers.IPProtocolNoNextHeader, HopLimit: 3, SrcIP: six1, DstIP: six2}, func(b []byte) {
			h := IPv6(b)
			b[0] = 0x60
			h.SetFlowLabel(0xfff12345)
			h.SetTrafficClass(0xb9)
			h.SetPayloadLen(0)
			h.SetNextHeader(ProtoNone)
			h.SetHopLimit(3)
			h.SetSrc(0x20010db8<<32, 1)
			h.SetDst(0x20010db8<<32, 2)
		}},
		{"tcp", &layers.TCP{SrcPort: 1, DstPort: 2, Seq: 3, Ack: 4, DataOffset: 5, SYN: true, URG: true, RST: true, Window: 5, Urgent: 6}, func(b []byte) {
			h := TCP(b)
			h.SetSrcPort(1)
			h.SetDstPort(2)
			h.SetSeq(3)
			h.SetAck(4)
			h.SetHeaderLen(20)
			h.SetFlags(TCPSyn | TCPUrg | TCPRst)
			h.SetWindow(5)
			h.SetUrgent(6)
			h.SetChecksum(0)
		}},
	}
	for _, tt := range tests {
		buf := gopacket.NewSerializeBuffer()
		if err := tt.layer.SerializeTo(buf, gopacket.SerializeOptions{ComputeChecksums: tt.name == "ipv4"}); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		want := buf.Bytes()
		got := make([]byte, len(want))
		tt.write(got)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: % x, want % x", tt.name, got, want)
		}
	}
	tag := VLAN(make([]byte, 4))
	tag.SetTPID(TypeQinQ)
	tag.SetTCI(0xffff)
	tag.SetDEI(false)
	tag.SetPCP(2)
	tag.SetVID(0xf001)
	if want := []byte{0x88, 0xa8, 0x40, 0x01}; !bytes.Equal(tag, want) {
		t.Errorf("tag % x, want % x", []byte(tag), want)
	}
	tag.SetDEI(true)
	if tag.TCI() != 0x5001 || !tag.DEI() {
		t.Errorf("TCI %#04x", tag.TCI())
	}
	icmp := ICMPv4(make([]byte, 4))
	icmp.SetType(8)
	icmp.SetCode(1)
	icmp.SetChecksum(0x1234)
	if icmp.Type() != 8 || icmp.Code() != 1 || icmp.Checksum() != 0x1234 {
		t.Errorf("ICMP % x", []byte(icmp))
	}
	icmp6 := ICMPv6(make([]byte, 4))
	icmp6.SetType(135)
	icmp6.SetCode(1)
	icmp6.SetChecksum(0x1234)
	if icmp6.Type() != 135 || icmp6.Code() != 1 || icmp6.Checksum() != 0x1234 || icmp6.IsND() {
		t.Errorf("ICMPv6 % x", []byte(icmp6))
	}
	sctp := SCTP(make([]byte, 12))
	sctp.SetTag(7)
	sctp.SetSrcPort(1)
	sctp.SetDstPort(2)
	if sctp.Tag() != 7 || sctp.SrcPort() != 1 || sctp.DstPort() != 2 {
		t.Errorf("SCTP % x", []byte(sctp))
	}
}

func TestIPv6Walk(t *testing.T) {
	header := func(next uint8, rest ...byte) []byte {
		b := make([]byte, IPv6Len)
		b[0], b[6] = 0x60, next
		return append(b, rest...)
	}
	ext := func(next uint8, n int) []byte { // n units of 8 bytes
		b := make([]byte, n*8)
		b[0], b[1] = next, byte(n-1)
		return b
	}
	frag := func(next uint8, offset int, more byte) []byte {
		return []byte{next, 0, byte(offset >> 5), byte(offset<<3) | more, 1, 2, 3, 4}
	}
	ah := append([]byte{ProtoUDP, 4}, make([]byte, 22)...)
	tests := []struct {
		name      string
		b         []byte
		types     []uint8
		next      uint8
		at        int
		nextAt    int
		frag      bool
		later     bool
		truncated bool
	}{
		{"none", header(ProtoTCP, 1, 2, 3), nil, ProtoTCP, 40, 6, false, false, false},
		{"empty", header(ProtoNone), nil, ProtoNone, 40, 6, false, false, false},
		{"hop by hop", header(0, ext(ProtoUDP, 2)...), []uint8{0}, ProtoUDP, 56, 40, false, false, false},
		{"chain", header(0, append(append(ext(ProtoDestOpts, 1), ext(ProtoRouting, 1)...), ext(ProtoTCP, 3)...)...),
			[]uint8{0, ProtoDestOpts, ProtoRouting}, ProtoTCP, 80, 56, false, false, false},
		{"ah", header(ProtoAH, ah...), []uint8{ProtoAH}, ProtoUDP, 64, 40, false, false, false},
		{"first fragment", header(ProtoFragment, frag(ProtoUDP, 0, 1)...), []uint8{ProtoFragment}, ProtoUDP, 48, 40, true, false, false},
		{"atomic fragment", header(ProtoFragment, frag(ProtoUDP, 0, 0)...), []uint8{ProtoFragment}, ProtoUDP, 48, 40, false, false, false},
		{"reserved bits", header(ProtoFragment, frag(ProtoUDP, 0, 6)...), []uint8{ProtoFragment}, ProtoUDP, 48, 40, false, false, false},
		{"last fragment", header(ProtoFragment, frag(ProtoDestOpts, 1, 0)...), []uint8{ProtoFragment}, ProtoDestOpts, 48, 40, true, true, false},
		{"far fragment", header(ProtoFragment, frag(ProtoUDP, 0x1fff, 1)...), []uint8{ProtoFragment}, ProtoUDP, 48, 40, true, true, false},
		{"cut before", header(0), nil, 0, 40, 6, false, false, true},
		{"cut in length", header(0, 6), nil, 0, 40, 6, false, false, true},
		{"cut inside", header(0, ext(ProtoUDP, 2)[:15]...), nil, 0, 40, 6, false, false, true},
		{"cut fragment", header(ProtoFragment, frag(ProtoUDP, 0, 1)[:7]...), nil, ProtoFragment, 40, 6, false, false, true},
		{"second cut", header(0, append(ext(ProtoRouting, 1), 6, 1)...), []uint8{0}, ProtoRouting, 48, 40, false, false, true},
		{"esp", header(ProtoESP, 1, 2, 3, 4), nil, ProtoESP, 40, 6, false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var types []uint8
			w := IPv6(tt.b).Walk()
			for w.Step() {
				types = append(types, w.Type)
			}
			if w.Step() {
				t.Error("Step went on after its end")
			}
			if !bytes.Equal(types, tt.types) {
				t.Errorf("headers %d, want %d", types, tt.types)
			}
			if w.Next != tt.next || w.At != tt.at || w.NextAt != tt.nextAt || w.Fragment != tt.frag || w.Later != tt.later || w.Truncated != tt.truncated {
				t.Errorf("next %d at %d from %d, fragment %v, later %v, truncated %v", w.Next, w.At, w.NextAt, w.Fragment, w.Later, w.Truncated)
			}
		})
	}
}

// TestRoutedDst: which address a checksum covers.
func TestRoutedDst(t *testing.T) {
	addr := func(x byte) []byte { return bytes.Repeat([]byte{x}, 16) }
	rh := func(typ, left byte, addrs ...[]byte) []byte {
		b := append([]byte{0, byte(len(addrs) * 2), typ, left, 0, 0, 0, 0}, bytes.Join(addrs, nil)...)
		return b
	}
	tests := []struct {
		name string
		b    []byte
		want []byte
	}{
		{"type 0", rh(0, 1, addr(1), addr(2), addr(3)), addr(3)},
		{"type 0 arrived", rh(0, 0, addr(1), addr(2)), nil},
		{"type 2", rh(2, 1, addr(7)), addr(7)},
		{"segments", rh(4, 2, addr(1), addr(2), addr(3)), addr(1)},
		{"no address", rh(0, 3), nil},
		{"unknown type", rh(9, 1, addr(1)), nil},
	}
	for _, tt := range tests {
		if got := routedDst(tt.b); !bytes.Equal(got, tt.want) {
			t.Errorf("%s: % x, want % x", tt.name, got, tt.want)
		}
	}
}

// TestNDOptions: malformed options end the search.
func TestNDOptions(t *testing.T) {
	nd := func(options ...byte) ICMPv6 {
		b := make([]byte, ndOptions)
		b[0] = ICMPv6NeighborSolicit
		return append(b, options...)
	}
	sll := []byte{1, 1, 1, 2, 3, 4, 5, 6}
	tests := []struct {
		name string
		h    ICMPv6
		want []byte
	}{
		{"none", nd(), nil},
		{"first", nd(sll...), sll[2:]},
		{"after another", nd(append([]byte{3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, sll...)...), sll[2:]},
		{"length 0", nd(append([]byte{3, 0, 0, 0, 0, 0, 0, 0}, sll...)...), nil},
		{"too long", nd(append([]byte{3, 9, 0, 0, 0, 0, 0, 0}, sll...)...), nil},
		{"cut", nd(sll[:7]...), nil},
		{"other length", nd(append([]byte{1, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}, sll...)...), sll[2:]},
		{"target only", nd(2, 1, 1, 2, 3, 4, 5, 6), nil},
	}
	for _, tt := range tests {
		if got := tt.h.LinkAddr(NDOptSourceLL); !bytes.Equal(got, tt.want) {
			t.Errorf("%s: % x, want % x", tt.name, got, tt.want)
		}
	}
}

// FuzzHeaders walks arbitrary bytes with everything that looks for headers,
// and lets every setter loose on what it found.
func FuzzHeaders(f *testing.F) {
	r := rand.New(rand.NewPCG(73, 74))
	for range 30 {
		s := build(f, r, randomKind(r))
		f.Add(s.b, s.layers.L2End, s.layers.L3, s.layers.L4, uint64(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, l2, l3, l4 int16, seed uint64) {
		h, err := findHeaders(b)
		if err == nil {
			if h.l3 < EthernetLen || h.l4 < h.l3+IPv4MinLen || h.l4 > h.end || h.end > len(b) {
				t.Fatalf("%+v of %d bytes", h, len(b))
			}
			h.pseudoSum(b, 0)
		}
		if len(b) >= IPv6Len {
			steps := 0
			w := IPv6(b).Walk()
			for w.Step() {
				steps++
			}
			if w.At > len(b) || w.NextAt >= len(b) || steps > len(b)/8 {
				t.Fatalf("%d steps to %d, %d of %d bytes", steps, w.At, w.NextAt, len(b))
			}
			IPv6(b).finalDst()
		}
		// Layers that anybody could have set.
		buf := append(bytes.Clone(b), 0xa5)
		fr := NewFrame(buf, 0, len(b))
		fr.Layers = Layers{L2End: l2, MPLS: -1, L3: l3, L4: l4}
		r := rand.New(rand.NewPCG(seed, 1))
		fr.Offload = Offload{NeedsCsum: seed%2 == 0, CsumStart: uint16(l4), CsumOffset: uint16(seed>>1) % 20}
		for _, st := range setters {
			st.set(&fr, r)
		}
		SetIPProto(&fr, uint8(seed))
		SetEthType(&fr, uint16(seed))
		SetMPLSLabel(&fr, uint32(seed))
		SetMPLSTTL(&fr, uint8(seed))
		SetPBBISID(&fr, uint32(seed))
		SetARPSpa(&fr, uint32(seed))
		IPTTL(&fr)
		if buf[len(b)] != 0xa5 {
			t.Fatal("wrote behind the frame")
		}
		PopVLAN(&fr)
		PushVLAN(&fr, TypeVLAN, uint16(seed))
	})
}
