package packet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// sample is a packet that gopacket built, with what the builder knows of it.
type sample struct {
	b      []byte
	layers Layers
	v6     bool
	proto  uint8
	final  net.IP // destination in the pseudo header
	tags   int
}

// kind says what a sample is to be; the rest is random.
type kind struct {
	proto   layers.IPProtocol
	v6      bool
	tags    int
	ext     bool // IPv6 extension headers, IPv4 options
	routed  bool // IPv6 Routing header with segments left
	payload int
	noSum   bool // UDP without checksum
}

func (k kind) String() string {
	s := k.proto.String()
	if k.v6 {
		s += "/IPv6"
	} else {
		s += "/IPv4"
	}
	if k.ext {
		s += "+ext"
	}
	if k.routed {
		s += "+routed"
	}
	return s + [...]string{"", "+tag", "+2tags", "+3tags"}[k.tags]
}

func randomKind(r *rand.Rand) kind {
	k := kind{
		v6:      r.IntN(2) == 0,
		tags:    r.IntN(3),
		ext:     r.IntN(3) == 0,
		payload: r.IntN(200),
	}
	k.routed = k.v6 && r.IntN(5) == 0
	k.proto = []layers.IPProtocol{layers.IPProtocolTCP, layers.IPProtocolUDP, layers.IPProtocolSCTP,
		layers.IPProtocolICMPv4}[r.IntN(4)]
	if k.v6 && k.proto == layers.IPProtocolICMPv4 {
		k.proto = layers.IPProtocolICMPv6
	}
	k.noSum = k.proto == layers.IPProtocolUDP && !k.v6 && r.IntN(4) == 0
	return k
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func serialize(t testing.TB, sum bool, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: sum}, ls...)
	if err != nil {
		t.Fatalf("gopacket: %v", err)
	}
	return bytes.Clone(buf.Bytes())
}

// build makes a packet of kind k.
func build(t testing.TB, r *rand.Rand, k kind) sample {
	t.Helper()
	s := sample{v6: k.v6, proto: uint8(k.proto), tags: k.tags}

	var network gopacket.SerializableLayer
	var pseudo gopacket.NetworkLayer
	etherType := layers.EthernetTypeIPv4
	if k.v6 {
		etherType = layers.EthernetTypeIPv6
		ip := &layers.IPv6{Version: 6, TrafficClass: uint8(r.Uint32()), FlowLabel: r.Uint32() & 0xfffff, HopLimit: uint8(r.Uint32()),
			NextHeader: k.proto, SrcIP: randomBytes(r, 16), DstIP: randomBytes(r, 16)}
		s.final = bytes.Clone(ip.DstIP)
		network, pseudo = ip, ip
	} else {
		ip := &layers.IPv4{Version: 4, TOS: uint8(r.Uint32()), Id: uint16(r.Uint32()), TTL: uint8(r.Uint32()), Protocol: k.proto,
			SrcIP: randomBytes(r, 4), DstIP: randomBytes(r, 4)}
		if k.ext {
			ip.Options = []layers.IPv4Option{{OptionType: 7, OptionLength: 7, OptionData: randomBytes(r, 5)},
				{OptionType: 0x94, OptionLength: 4, OptionData: []byte{0, 0}}, {OptionType: 0, OptionLength: 1}}
		}
		s.final = bytes.Clone(ip.DstIP)
		network, pseudo = ip, ip
	}

	var l4 []gopacket.SerializableLayer
	payload := gopacket.Payload(randomBytes(r, k.payload))
	switch k.proto {
	case layers.IPProtocolTCP:
		tcp := &layers.TCP{SrcPort: layers.TCPPort(r.Uint32()), DstPort: layers.TCPPort(r.Uint32()), Seq: r.Uint32(), Ack: r.Uint32(),
			Window: uint16(r.Uint32()), ACK: true, PSH: true, FIN: r.IntN(2) == 0, CWR: r.IntN(2) == 0, ECE: r.IntN(2) == 0}
		if r.IntN(2) == 0 {
			tcp.Options = []layers.TCPOption{{OptionType: 1, OptionLength: 1}, {OptionType: 1, OptionLength: 1},
				{OptionType: 8, OptionLength: 10, OptionData: randomBytes(r, 8)}}
		}
		tcp.SetNetworkLayerForChecksum(pseudo)
		l4 = append(l4, tcp, payload)
	case layers.IPProtocolUDP:
		udp := &layers.UDP{SrcPort: layers.UDPPort(r.Uint32()), DstPort: layers.UDPPort(r.Uint32())}
		udp.SetNetworkLayerForChecksum(pseudo)
		l4 = append(l4, udp, payload)
	case layers.IPProtocolSCTP:
		l4 = append(l4, &layers.SCTP{SrcPort: layers.SCTPPort(r.Uint32()), DstPort: layers.SCTPPort(r.Uint32()), VerificationTag: r.Uint32()}, payload)
	case layers.IPProtocolICMPv4:
		l4 = append(l4, &layers.ICMPv4{TypeCode: layers.ICMPv4TypeCode(r.Uint32()), Id: uint16(r.Uint32()), Seq: uint16(r.Uint32())}, payload)
	case layers.IPProtocolICMPv6:
		icmp := &layers.ICMPv6{TypeCode: layers.ICMPv6TypeCode(r.Uint32())}
		icmp.SetNetworkLayerForChecksum(pseudo)
		// Half of them Neighbor Discovery, with options.
		if r.IntN(2) == 0 {
			typ, opt := ICMPv6NeighborSolicit, byte(NDOptSourceLL)
			if r.IntN(2) == 0 {
				typ, opt = ICMPv6NeighborAdvert, NDOptTargetLL
			}
			icmp.TypeCode = layers.CreateICMPv6TypeCode(uint8(typ), 0)
			nd := append(randomBytes(r, 4+16), 14, 1, 1, 2, 3, 4, 5, 6, opt, 1)
			payload = append(nd, randomBytes(r, 6)...)
		}
		l4 = append(l4, icmp, payload)
	}
	ip := serialize(t, true, append([]gopacket.SerializableLayer{network}, l4...)...)
	headerLen := IPv6Len
	if !k.v6 {
		headerLen = IPv4(ip).HeaderLen()
	}
	if k.noSum {
		UDP(ip[headerLen:]).SetChecksum(0)
	}
	if k.v6 {
		ip, headerLen = addExtensions(r, ip, k, uint8(k.proto))
	}

	eth := &layers.Ethernet{SrcMAC: randomBytes(r, 6), DstMAC: randomBytes(r, 6), EthernetType: etherType}
	ls := []gopacket.SerializableLayer{eth}
	next := &eth.EthernetType
	for i := range k.tags {
		*next = layers.EthernetTypeDot1Q
		if i+1 < k.tags {
			*next = 0x88a8
		}
		tag := &layers.Dot1Q{Priority: uint8(r.IntN(8)), VLANIdentifier: uint16(r.IntN(4096)), Type: etherType}
		ls = append(ls, tag)
		next = &tag.Type
	}
	s.b = append(serialize(t, false, ls...)[:EthernetLen+k.tags*VLANLen], ip...)
	l3 := int16(EthernetLen + k.tags*VLANLen)
	s.layers = Layers{L2End: l3 - 2, MPLS: -1, L3: l3, L4: l3 + int16(headerLen)}
	return s
}

// addExtensions puts extension headers between the IPv6 header and what
// follows it, and returns the packet with the length of all headers.
func addExtensions(r *rand.Rand, ip []byte, k kind, proto uint8) ([]byte, int) {
	var ext []byte
	next := &ip[ipv6Next]
	add := func(typ uint8, h []byte) {
		*next = typ
		h[0] = proto
		ext = append(ext, h...)
		next = &ext[len(ext)-len(h)]
	}
	padded := func(n int) []byte { // n bytes of Pad1 options
		h := make([]byte, n)
		h[1] = byte(n/8 - 1)
		return h
	}
	if k.ext {
		add(ProtoHopByHop, padded(8))
	}
	if k.routed {
		h := padded(8 + 32)
		h[2], h[3] = 0, 2 // type 0, two segments left
		copy(h[8:], randomBytes(r, 16))
		copy(h[8+16:], ip[ipv6Dst:IPv6Len]) // the checksum is for the last address
		copy(ip[ipv6Dst:], randomBytes(r, 16))
		add(ProtoRouting, h)
	}
	if k.ext {
		add(ProtoDestOpts, padded(16))
	}
	out := append(bytes.Clone(ip[:IPv6Len]), ext...)
	out = append(out, ip[IPv6Len:]...)
	IPv6(out).SetPayloadLen(len(out) - IPv6Len)
	return out, IPv6Len + len(ext)
}

func (s *sample) frame() *Frame {
	f := FromBytes(s.b)
	f.Layers = s.layers
	f.InPort = 7
	return f
}

// partial makes the transport checksum of f partial, as a sender with checksum
// offload leaves it. It reports false where no sender does so.
func (s *sample) partial(f *Frame) bool {
	b := f.Bytes()
	l3, l4 := int(f.Layers.L3), int(f.Layers.L4)
	o := &f.Offload
	o.CsumStart = uint16(l4)
	switch s.proto {
	case ProtoTCP:
		o.CsumOffset = tcpChecksum
	case ProtoUDP:
		o.CsumOffset = udpChecksum
	case ProtoICMPv6:
		o.CsumOffset = icmpChecksum
	case ProtoSCTP:
		o.NeedsCsum, o.CsumOffset = true, sctpChecksum
		SCTP(b[l4:]).SetChecksum(0)
		return true
	default:
		return false
	}
	o.NeedsCsum = true
	// Slowly and on its own: the words of the pseudo header one by one.
	var pseudo []byte
	if s.v6 {
		pseudo = append(pseudo, b[l3+8:l3+24]...)
		pseudo = append(pseudo, s.finalIn(b)...)
	} else {
		pseudo = append(pseudo, b[l3+12:l3+20]...)
	}
	pseudo = append(pseudo, 0, s.proto)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(b)-l4))
	at := l4 + int(o.CsumOffset)
	binary.BigEndian.PutUint16(b[at:], slowSum(pseudo))
	return true
}

// finalIn is the destination in the pseudo header of the packet b, which was
// made from s.
func (s *sample) finalIn(b []byte) net.IP {
	l3 := int(s.layers.L3)
	if !s.v6 {
		return b[l3+16 : l3+20]
	}
	if ip := b[l3+24 : l3+40]; s.dstRouted() {
		return s.final
	} else {
		return ip
	}
}

func (s *sample) dstRouted() bool {
	l3 := int(s.layers.L3)
	return s.v6 && !bytes.Equal(s.final, s.b[l3+24:l3+40])
}

// slowSum is RFC 1071 word for word.
func slowSum(b []byte) uint16 {
	sum := uint64(0)
	for i, x := range b {
		if i%2 == 0 {
			sum += uint64(x) << 8
		} else {
			sum += uint64(x)
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// checkSums has gopacket compute every checksum of the packet b anew.
// final is the destination that the pseudo header names.
func checkSums(t testing.TB, b []byte, l Layers, final net.IP) {
	t.Helper()
	l3, l4 := int(l.L3), int(l.L4)
	opts := gopacket.SerializeOptions{ComputeChecksums: true}
	again := func(from gopacket.SerializableLayer, payload []byte) []byte {
		buf := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(buf, opts, from, gopacket.Payload(payload)); err != nil {
			t.Fatalf("gopacket: %v", err)
		}
		return buf.Bytes()
	}
	var pseudo gopacket.NetworkLayer
	var proto uint8
	var end int
	if b[l3]>>4 == 4 {
		var ip layers.IPv4
		if err := ip.DecodeFromBytes(b[l3:], gopacket.NilDecodeFeedback); err != nil {
			t.Fatalf("gopacket: IPv4: %v in % x", err, b)
		}
		n := int(ip.IHL) * 4
		end = l3 + int(ip.Length)
		sum := ip.Checksum
		h := again(&ip, ip.Payload)[:n]
		if got := binary.BigEndian.Uint16(h[10:]); got != sum {
			t.Errorf("IPv4 checksum %#04x, want %#04x", sum, got)
		}
		pseudo, proto = &ip, uint8(ip.Protocol)
		ip.DstIP = final
	} else {
		ip := &layers.IPv6{SrcIP: net.IP(b[l3+8 : l3+24]), DstIP: final}
		end = l3 + 40 + int(binary.BigEndian.Uint16(b[l3+4:]))
		pseudo, proto = ip, lastNextHeader(b[l3:], l4-l3)
	}
	if l4 < 0 {
		return
	}
	if end > len(b) {
		t.Fatalf("IP packet ends at %d, frame at %d", end, len(b))
	}
	p := b[l4:end]
	var want []byte
	switch proto {
	case ProtoTCP:
		var h layers.TCP
		mustDecode(t, h.DecodeFromBytes(p, gopacket.NilDecodeFeedback))
		h.SetNetworkLayerForChecksum(pseudo)
		want = again(&h, h.Payload)
	case ProtoUDP:
		var h layers.UDP
		mustDecode(t, h.DecodeFromBytes(p, gopacket.NilDecodeFeedback))
		if int(h.Length) != len(p) {
			t.Errorf("UDP length %d of %d bytes", h.Length, len(p))
		}
		if h.Checksum == 0 && b[l3]>>4 == 4 {
			return // none
		}
		h.SetNetworkLayerForChecksum(pseudo)
		want = again(&h, h.Payload)
		if want[6] == 0 && want[7] == 0 { // gopacket does not know this rule of RFC 768
			want[6], want[7] = 0xff, 0xff
		}
	case ProtoSCTP:
		var h layers.SCTP
		mustDecode(t, h.DecodeFromBytes(p, gopacket.NilDecodeFeedback))
		want = again(&h, h.Payload)
	case ProtoICMP:
		var h layers.ICMPv4
		mustDecode(t, h.DecodeFromBytes(p, gopacket.NilDecodeFeedback))
		want = again(&h, h.Payload)
	case ProtoICMPv6:
		var h layers.ICMPv6
		mustDecode(t, h.DecodeFromBytes(p, gopacket.NilDecodeFeedback))
		h.SetNetworkLayerForChecksum(pseudo)
		want = again(&h, h.Payload)
	default:
		return
	}
	if !bytes.Equal(want, p) {
		t.Errorf("protocol %d: bytes\n % x, want with gopacket's checksum\n % x", proto, p[:min(len(p), 40)], want[:min(len(want), 40)])
	}
}

func mustDecode(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("gopacket: %v", err)
	}
}

// lastNextHeader walks extension headers the simple way, up to l4.
func lastNextHeader(ip []byte, l4 int) uint8 {
	next, at := ip[6], 40
	for at < l4 {
		n := 8
		if next != ProtoFragment {
			n = (int(ip[at+1]) + 1) * 8
		}
		next, at = ip[at], at+n
	}
	return next
}
