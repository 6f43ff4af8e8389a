package packet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket/layers"
)

// setter is one row of the table of all settable fields.
type setter struct {
	name string
	set  func(f *Frame, r *rand.Rand) bool
	// has says whether a sample has the field.
	has func(s *sample) bool
}

func isProto(p uint8) func(*sample) bool { return func(s *sample) bool { return s.proto == p } }
func isV4(s *sample) bool                { return !s.v6 }
func isV6(s *sample) bool                { return s.v6 }
func always(*sample) bool                { return true }
func tagged(s *sample) bool              { return s.tags > 0 }

func isND(types ...uint8) func(*sample) bool {
	return func(s *sample) bool {
		return s.proto == ProtoICMPv6 && bytes.IndexByte(types, s.b[s.layers.L4]) >= 0 && s.b[s.layers.L4+1] == 0 &&
			len(s.b) >= int(s.layers.L4)+40
	}
}

var setters = []setter{
	{"EthDst", func(f *Frame, r *rand.Rand) bool { return SetEthDst(f, r.Uint64()) }, always},
	{"EthSrc", func(f *Frame, r *rand.Rand) bool { return SetEthSrc(f, r.Uint64()) }, always},
	{"VLANVID", func(f *Frame, r *rand.Rand) bool { return SetVLANVID(f, uint16(r.Uint32())) }, tagged},
	{"VLANPCP", func(f *Frame, r *rand.Rand) bool { return SetVLANPCP(f, uint8(r.Uint32())) }, tagged},
	{"IPDSCP", func(f *Frame, r *rand.Rand) bool { return SetIPDSCP(f, uint8(r.Uint32())) }, always},
	{"IPECN", func(f *Frame, r *rand.Rand) bool { return SetIPECN(f, uint8(r.Uint32())) }, always},
	{"IPTTL", func(f *Frame, r *rand.Rand) bool { return SetIPTTL(f, uint8(r.Uint32())) }, always},
	{"IPv4Src", func(f *Frame, r *rand.Rand) bool { return SetIPv4Src(f, r.Uint32()) }, isV4},
	{"IPv4Dst", func(f *Frame, r *rand.Rand) bool { return SetIPv4Dst(f, r.Uint32()) }, isV4},
	{"IPv6Src", func(f *Frame, r *rand.Rand) bool { return SetIPv6Src(f, r.Uint64(), r.Uint64()) }, isV6},
	{"IPv6Dst", func(f *Frame, r *rand.Rand) bool { return SetIPv6Dst(f, r.Uint64(), r.Uint64()) }, isV6},
	{"IPv6Flabel", func(f *Frame, r *rand.Rand) bool { return SetIPv6Flabel(f, r.Uint32()) }, isV6},
	{"TCPSrc", func(f *Frame, r *rand.Rand) bool { return SetTCPSrc(f, uint16(r.Uint32())) }, isProto(ProtoTCP)},
	{"TCPDst", func(f *Frame, r *rand.Rand) bool { return SetTCPDst(f, uint16(r.Uint32())) }, isProto(ProtoTCP)},
	{"UDPSrc", func(f *Frame, r *rand.Rand) bool { return SetUDPSrc(f, uint16(r.Uint32())) }, isProto(ProtoUDP)},
	{"UDPDst", func(f *Frame, r *rand.Rand) bool { return SetUDPDst(f, uint16(r.Uint32())) }, isProto(ProtoUDP)},
	{"SCTPSrc", func(f *Frame, r *rand.Rand) bool { return SetSCTPSrc(f, uint16(r.Uint32())) }, isProto(ProtoSCTP)},
	{"SCTPDst", func(f *Frame, r *rand.Rand) bool { return SetSCTPDst(f, uint16(r.Uint32())) }, isProto(ProtoSCTP)},
	{"ICMPv4Type", func(f *Frame, r *rand.Rand) bool { return SetICMPv4Type(f, uint8(r.Uint32())) }, isProto(ProtoICMP)},
	{"ICMPv4Code", func(f *Frame, r *rand.Rand) bool { return SetICMPv4Code(f, uint8(r.Uint32())) }, isProto(ProtoICMP)},
	{"NDTarget", func(f *Frame, r *rand.Rand) bool { return SetNDTarget(f, r.Uint64(), r.Uint64()) }, isND(135, 136)},
	{"NDSll", func(f *Frame, r *rand.Rand) bool { return SetNDSll(f, r.Uint64()) }, isND(135)},
	{"NDTll", func(f *Frame, r *rand.Rand) bool { return SetNDTll(f, r.Uint64()) }, isND(136)},
	{"ICMPv6Type", func(f *Frame, r *rand.Rand) bool { return SetICMPv6Type(f, uint8(r.Uint32())) }, isProto(ProtoICMPv6)},
	{"ICMPv6Code", func(f *Frame, r *rand.Rand) bool { return SetICMPv6Code(f, uint8(r.Uint32())) }, isProto(ProtoICMPv6)},
}

// TestSettersKeepChecksums: after any setters on any packet, full checksum or
// partial, gopacket finds every checksum right.
func TestSettersKeepChecksums(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	hits := map[string]int{}
	for i := range 12000 {
		s := build(t, r, randomKind(r))
		f := s.frame()
		partial := r.IntN(3) == 0 && s.partial(f)
		var done []string
		for range 1 + r.IntN(4) {
			st := setters[r.IntN(len(setters))]
			before := bytes.Clone(f.Bytes())
			// What setters before have changed decides too.
			now := sample{b: before, layers: s.layers, v6: s.v6, proto: s.proto, tags: s.tags}
			got, want := st.set(f, r), st.has(&now)
			if got != want {
				t.Fatalf("packet %d: Set%s reports %v, want %v: % x", i, st.name, got, want, before)
			}
			if !got {
				if !bytes.Equal(before, f.Bytes()) {
					t.Fatalf("Set%s reports false and changed the frame", st.name)
				}
				continue
			}
			hits[st.name]++
			done = append(done, st.name)
		}
		if partial {
			if err := FinishChecksum(f); err != nil || f.Offload != (Offload{}) {
				t.Fatalf("FinishChecksum: %v, left %+v", err, f.Offload)
			}
		}
		checkSums(t, f.Bytes(), f.Layers, s.finalIn(f.Bytes()))
		if t.Failed() {
			t.Fatalf("packet %d, partial %v, after %v", i, partial, done)
		}
	}
	for _, st := range setters {
		if hits[st.name] < 20 {
			t.Errorf("Set%s tried only %d times", st.name, hits[st.name])
		}
	}
}

// TestSettersWrite reads every field back through gopacket or by its place in
// the standard.
func TestSettersWrite(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	tcp4 := kind{proto: layers.IPProtocolTCP, tags: 1, payload: 10}
	tcp6 := kind{proto: layers.IPProtocolTCP, v6: true, ext: true, payload: 10}
	tests := []struct {
		name   string
		kind   kind
		set    func(f *Frame) bool
		layer  func(l Layers) int16
		offset int
		mask   []byte // bits that may change
		want   []byte
	}{
		{"EthDst", tcp4, func(f *Frame) bool { return SetEthDst(f, 0x010203040506) }, nil, 0, nil, []byte{1, 2, 3, 4, 5, 6}},
		{"EthSrc", tcp4, func(f *Frame) bool { return SetEthSrc(f, 0xff010203040506) }, nil, 6, nil, []byte{1, 2, 3, 4, 5, 6}},
		{"VLANVID", tcp4, func(f *Frame) bool { return SetVLANVID(f, 0xfabc) }, nil, 14, []byte{0x0f, 0xff}, []byte{0x0a, 0xbc}},
		{"VLANPCP", tcp4, func(f *Frame) bool { return SetVLANPCP(f, 5) }, nil, 14, []byte{0xe0}, []byte{0xa0}},
		{"EthType", tcp4, func(f *Frame) bool { return SetEthType(f, 0x88cc) }, nil, 16, nil, []byte{0x88, 0xcc}},
		{"IPDSCP", tcp4, func(f *Frame) bool { return SetIPDSCP(f, 0x2e) }, l3, 1, []byte{0xfc}, []byte{0xb8}},
		{"IPECN", tcp4, func(f *Frame) bool { return SetIPECN(f, 2) }, l3, 1, []byte{3}, []byte{2}},
		{"IPDSCP6", tcp6, func(f *Frame) bool { return SetIPDSCP(f, 0x2e) }, l3, 0, []byte{0x0f, 0xc0}, []byte{0x0b, 0x80}},
		{"IPECN6", tcp6, func(f *Frame) bool { return SetIPECN(f, 3) }, l3, 1, []byte{0x30}, []byte{0x30}},
		{"IPTTL", tcp4, func(f *Frame) bool { return SetIPTTL(f, 63) }, l3, 8, nil, []byte{63}},
		{"IPTTL6", tcp6, func(f *Frame) bool { return SetIPTTL(f, 63) }, l3, 7, nil, []byte{63}},
		{"IPProto", tcp4, func(f *Frame) bool { return SetIPProto(f, 99) }, l3, 9, nil, []byte{99}},
		{"IPProto6", tcp6, func(f *Frame) bool { return SetIPProto(f, 99) }, l4, -16, nil, []byte{99}}, // in the destination options
		{"IPv4Src", tcp4, func(f *Frame) bool { return SetIPv4Src(f, 0x0a000001) }, l3, 12, nil, []byte{10, 0, 0, 1}},
		{"IPv4Dst", tcp4, func(f *Frame) bool { return SetIPv4Dst(f, 0x0a000001) }, l3, 16, nil, []byte{10, 0, 0, 1}},
		{"IPv6Src", tcp6, func(f *Frame) bool { return SetIPv6Src(f, 0x2001<<48, 1) }, l3, 8, nil, []byte{0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
		{"IPv6Dst", tcp6, func(f *Frame) bool { return SetIPv6Dst(f, 0x2001<<48, 1) }, l3, 24, nil, []byte{0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
		{"IPv6Flabel", tcp6, func(f *Frame) bool { return SetIPv6Flabel(f, 0xf12345) }, l3, 1, []byte{0x0f, 0xff, 0xff}, []byte{0x01, 0x23, 0x45}},
		{"TCPSrc", tcp6, func(f *Frame) bool { return SetTCPSrc(f, 0x1234) }, l4, 0, nil, []byte{0x12, 0x34}},
		{"TCPDst", tcp4, func(f *Frame) bool { return SetTCPDst(f, 0x1234) }, l4, 2, nil, []byte{0x12, 0x34}},
		{"UDPSrc", kind{proto: layers.IPProtocolUDP}, func(f *Frame) bool { return SetUDPSrc(f, 0x1234) }, l4, 0, nil, []byte{0x12, 0x34}},
		{"UDPDst", kind{proto: layers.IPProtocolUDP}, func(f *Frame) bool { return SetUDPDst(f, 0x1234) }, l4, 2, nil, []byte{0x12, 0x34}},
		{"SCTPSrc", kind{proto: layers.IPProtocolSCTP}, func(f *Frame) bool { return SetSCTPSrc(f, 0x1234) }, l4, 0, nil, []byte{0x12, 0x34}},
		{"SCTPDst", kind{proto: layers.IPProtocolSCTP}, func(f *Frame) bool { return SetSCTPDst(f, 0x1234) }, l4, 2, nil, []byte{0x12, 0x34}},
		{"ICMPv4Type", kind{proto: layers.IPProtocolICMPv4}, func(f *Frame) bool { return SetICMPv4Type(f, 8) }, l4, 0, nil, []byte{8}},
		{"ICMPv4Code", kind{proto: layers.IPProtocolICMPv4}, func(f *Frame) bool { return SetICMPv4Code(f, 8) }, l4, 1, nil, []byte{8}},
		{"ICMPv6Type", kind{proto: layers.IPProtocolICMPv6, v6: true}, func(f *Frame) bool { return SetICMPv6Type(f, 8) }, l4, 0, nil, []byte{8}},
		{"ICMPv6Code", kind{proto: layers.IPProtocolICMPv6, v6: true}, func(f *Frame) bool { return SetICMPv6Code(f, 8) }, l4, 1, nil, []byte{8}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := build(t, r, tt.kind)
			f := s.frame()
			if !tt.set(f) {
				t.Fatal("reports false")
			}
			at := tt.offset
			if tt.layer != nil {
				at += int(tt.layer(f.Layers))
			}
			// Only the field and checksums may change.
			want := bytes.Clone(s.b)
			for i, w := range tt.want {
				m := byte(0xff)
				if tt.mask != nil {
					m = tt.mask[i]
				}
				want[at+i] = want[at+i]&^m | w
			}
			got := bytes.Clone(f.Bytes())
			maskSums(want, f.Layers, s.proto)
			maskSums(got, f.Layers, s.proto)
			if !bytes.Equal(got, want) {
				t.Errorf("got\n% x, want\n% x", got, want)
			}
		})
	}
}

func l3(l Layers) int16 { return l.L3 }
func l4(l Layers) int16 { return l.L4 }

func maskSums(b []byte, l Layers, proto uint8) {
	if b[l.L3]>>4 == 4 {
		clear(b[l.L3+10 : l.L3+12])
	}
	switch proto {
	case ProtoTCP:
		clear(b[l.L4+16 : l.L4+18])
	case ProtoUDP:
		clear(b[l.L4+6 : l.L4+8])
	case ProtoSCTP:
		clear(b[l.L4+8 : l.L4+12])
	default:
		clear(b[l.L4+2 : l.L4+4])
	}
}

// TestSetIPProtoChecksum: TCP's checksum stays right for the new number.
func TestSetIPProtoChecksum(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, v6 := range []bool{false, true} {
		s := build(t, r, kind{proto: layers.IPProtocolTCP, v6: v6, ext: v6, payload: 33})
		f := s.frame()
		first := SetIPProto(f, 200)
		if again := SetIPProto(f, 200); !first || !again {
			t.Fatal("SetIPProto reports false")
		}
		b := f.Bytes()
		// Sum of pseudo header and segment must be all ones.
		var sum []byte
		if v6 {
			sum = append(sum, b[s.layers.L3+8:s.layers.L3+40]...)
		} else {
			sum = append(sum, b[s.layers.L3+12:s.layers.L3+20]...)
		}
		seg := b[s.layers.L4:]
		sum = append(sum, 0, 200, byte(len(seg)>>8), byte(len(seg)))
		if got := slowSum(append(sum, seg...)); got != 0xffff {
			t.Errorf("IPv6 %v: sum %#04x", v6, got)
		}
	}
}

// TestSettersTooShort: every truncation of every kind of packet, with the
// layers of the whole one, leaves each setter's bytes alone or lets it
// succeed; nothing panics and nothing behind the frame is written.
func TestSettersTooShort(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 60 {
		s := build(t, r, randomKind(r))
		for n := range s.b {
			buf := append(bytes.Clone(s.b[:n]), bytes.Repeat([]byte{0xa5}, 64)...)
			f := NewFrame(buf, 0, n)
			f.Layers = s.layers
			for _, st := range setters {
				before := bytes.Clone(f.Bytes())
				if !st.set(&f, r) && !bytes.Equal(before, f.Bytes()) {
					t.Fatalf("Set%s reports false and wrote", st.name)
				}
			}
			PopVLAN(&f)
			for _, x := range buf[n:] {
				if x != 0xa5 {
					t.Fatalf("%d bytes of % x: wrote behind the frame", n, s.b)
				}
			}
		}
	}
}

// TestSettersWithoutLayers: a frame that nobody extracted has no fields beyond
// its addresses and tag.
func TestSettersWithoutLayers(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 100 {
		s := build(t, r, randomKind(r))
		for _, l := range []Layers{{}, {-1, -1, -1, -1}} {
			f := s.frame()
			f.Layers = l
			for _, st := range setters[4:] {
				if st.set(f, r) || !bytes.Equal(f.Bytes(), s.b) {
					t.Fatalf("Set%s wrote with layers %+v", st.name, l)
				}
			}
		}
	}
}

// TestFragments: addresses change in fragments too. The checksum of the first
// fragment covers all of them; a later one has no transport header and its
// payload stays.
func TestFragments(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for i := range 200 {
		s := build(t, r, kind{proto: layers.IPProtocolUDP, ext: i%3 == 0, payload: 64})
		whole := s.frame()
		cut := int(s.layers.L4) + 24
		first := FromBytes(s.b[:cut])
		first.Layers = s.layers
		IPv4(first.Bytes()[s.layers.L3:]).SetFlagsOffset(IPv4MoreFragments)
		IPv4(first.Bytes()[s.layers.L3:]).UpdateChecksum()
		later := FromBytes(append(bytes.Clone(s.b[:s.layers.L4]), s.b[cut:]...))
		later.Layers = s.layers
		later.Layers.L4 = -1
		IPv4(later.Bytes()[s.layers.L3:]).SetFlagsOffset(3)
		IPv4(later.Bytes()[s.layers.L3:]).UpdateChecksum()

		a, p := r.Uint32(), uint16(r.Uint32())
		for _, f := range []*Frame{whole, first, later} {
			if !SetIPv4Src(f, a) || !SetIPv4Dst(f, a+1) {
				t.Fatal("address not set")
			}
			if got, want := SetUDPDst(f, p), f != later; got != want {
				t.Fatalf("port set: %v, want %v", got, want)
			}
		}
		checkSums(t, whole.Bytes(), whole.Layers, s.finalIn(whole.Bytes()))
		if !bytes.Equal(first.Bytes()[s.layers.L4:], whole.Bytes()[s.layers.L4:cut]) {
			t.Fatal("first fragment differs from the whole datagram")
		}
		if !bytes.Equal(later.Bytes()[s.layers.L4:], s.b[cut:]) {
			t.Fatal("payload of a later fragment changed")
		}
		if IPv4(later.Bytes()[s.layers.L3:]).Src() != a {
			t.Fatal("address of a later fragment")
		}
		checkSums(t, later.Bytes(), later.Layers, nil)
	}
}

// TestSCTPFirstFragment: its CRC covers bytes that are elsewhere.
func TestSCTPFirstFragment(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	s := build(t, r, kind{proto: layers.IPProtocolSCTP, payload: 40})
	f := s.frame()
	IPv4(f.Bytes()[s.layers.L3:]).SetFlagsOffset(IPv4MoreFragments)
	before := bytes.Clone(f.Bytes())
	if SetSCTPSrc(f, 1) || !bytes.Equal(before, f.Bytes()) {
		t.Error("port of a first fragment was set")
	}
}

// TestDamageStays: a wrong checksum is wrong by the same amount afterwards.
func TestDamageStays(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for _, p := range []layers.IPProtocol{layers.IPProtocolTCP, layers.IPProtocolUDP, layers.IPProtocolSCTP} {
		s := build(t, r, kind{proto: p, payload: 50})
		s.b[len(s.b)-1] ^= 0x40
		f := s.frame()
		SetIPv4Dst(f, 12345)
		SetTCPSrc(f, 99)
		SetUDPSrc(f, 99)
		SetSCTPSrc(f, 99)
		f.Bytes()[f.Len()-1] ^= 0x40 // repaired: now all is right
		checkSums(t, f.Bytes(), f.Layers, s.finalIn(f.Bytes()))
	}
}

// TestUDPZero: a checksum that comes out as 0 is sent as 0xffff, and no
// checksum stays none.
func TestUDPZero(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for _, v6 := range []bool{false, true} {
		s := build(t, r, kind{proto: layers.IPProtocolUDP, v6: v6, payload: 20})
		f := s.frame()
		u := UDP(f.Bytes()[s.layers.L4:])
		// The source port that makes the checksum 0: old + checksum.
		want := fold(uint32(u.SrcPort()) + uint32(u.Checksum()))
		if !SetUDPSrc(f, want) || u.Checksum() != 0xffff {
			t.Errorf("checksum %#04x, want 0xffff", u.Checksum())
		}
		checkSums(t, f.Bytes(), f.Layers, s.finalIn(f.Bytes()))
		u.SetChecksum(0)
		if !SetUDPSrc(f, 7) || u.Checksum() != 0 {
			t.Errorf("checksum %#04x appeared", u.Checksum())
		}
		// And when it is finished.
		f = s.frame()
		s.partial(f)
		UDP(f.Bytes()[s.layers.L4:]).SetSrcPort(want)
		if err := FinishChecksum(f); err != nil {
			t.Fatal(err)
		}
		if got := UDP(f.Bytes()[s.layers.L4:]).Checksum(); got != 0xffff {
			t.Errorf("finished checksum %#04x, want 0xffff", got)
		}
	}
}

func TestSetARP(t *testing.T) {
	arp := func() *Frame {
		b := make([]byte, EthernetLen+ARPLen)
		Ethernet(b).SetType(TypeARP)
		ARP(b[EthernetLen:]).SetEthernetIPv4()
		f := FromBytes(b)
		f.Layers = Layers{L2End: 12, MPLS: -1, L3: EthernetLen, L4: -1}
		return f
	}
	tests := []struct {
		name string
		set  func(f *Frame) bool
		at   int
		want []byte
	}{
		{"op", func(f *Frame) bool { return SetARPOp(f, 0x0102) }, 6, []byte{1, 2}},
		{"sha", func(f *Frame) bool { return SetARPSha(f, 0x010203040506) }, 8, []byte{1, 2, 3, 4, 5, 6}},
		{"spa", func(f *Frame) bool { return SetARPSpa(f, 0x01020304) }, 14, []byte{1, 2, 3, 4}},
		{"tha", func(f *Frame) bool { return SetARPTha(f, 0x010203040506) }, 18, []byte{1, 2, 3, 4, 5, 6}},
		{"tpa", func(f *Frame) bool { return SetARPTpa(f, 0x01020304) }, 24, []byte{1, 2, 3, 4}},
	}
	for _, tt := range tests {
		f := arp()
		want := bytes.Clone(f.Bytes())
		copy(want[EthernetLen+tt.at:], tt.want)
		if !tt.set(f) || !bytes.Equal(f.Bytes(), want) {
			t.Errorf("%s: got % x, want % x", tt.name, f.Bytes(), want)
		}
		short := arp()
		short.Truncate(EthernetLen + ARPLen - 1)
		if tt.set(short) {
			t.Errorf("%s: set in a short frame", tt.name)
		}
		other := arp()
		other.Bytes()[EthernetLen+arpHLen] = 8
		if tt.set(other) {
			t.Errorf("%s: set with other address lengths", tt.name)
		}
	}
}

func TestSetMPLSAndPBB(t *testing.T) {
	mpls := FromBytes(append(make([]byte, 12), 0x88, 0x47, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff))
	mpls.Layers = Layers{L2End: 12, MPLS: 14, L3: -1, L4: -1}
	if !SetMPLSLabel(mpls, 0xabcde) || !SetMPLSTC(mpls, 5) || !SetMPLSBOS(mpls, true) || !SetMPLSTTL(mpls, 64) {
		t.Fatal("a setter reports false")
	}
	if got := binary.BigEndian.Uint32(mpls.Bytes()[14:]); got != 0xabcde<<12|5<<9|1<<8|64 {
		t.Errorf("entry %#08x", got)
	}
	if ttl, found := MPLSTTL(mpls); !found || ttl != 64 {
		t.Errorf("TTL %d, %v", ttl, found)
	}
	SetMPLSBOS(mpls, false)
	SetMPLSTC(mpls, 0)
	if got := binary.BigEndian.Uint32(mpls.Bytes()[14:]); got != 0xabcde<<12|64 {
		t.Errorf("entry %#08x", got)
	}
	if SetPBBISID(mpls, 1) {
		t.Error("I-SID set in an MPLS frame")
	}
	pbb := FromBytes(append(make([]byte, 12), 0x88, 0xe7, 0xff, 0, 0, 0))
	pbb.Layers = Layers{L2End: 12, MPLS: 14, L3: -1, L4: -1}
	if SetMPLSLabel(pbb, 1) || !SetPBBISID(pbb, 0xff123456) {
		t.Error("wrong header taken")
	}
	if want := []byte{0xff, 0x12, 0x34, 0x56}; !bytes.Equal(pbb.Bytes()[14:], want) {
		t.Errorf("I-tag % x, want % x", pbb.Bytes()[14:], want)
	}
	pbb.Truncate(17)
	if SetPBBISID(pbb, 1) {
		t.Error("I-SID set in a short frame")
	}
}

// TestSettersDoNotAllocate holds the hot path free of garbage.
func TestSettersDoNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 20))
	for _, p := range []layers.IPProtocol{layers.IPProtocolTCP, layers.IPProtocolUDP, layers.IPProtocolSCTP} {
		for _, v6 := range []bool{false, true} {
			k := kind{proto: p, v6: v6, ext: true, tags: 1, payload: 100}
			s := build(t, r, k)
			f := s.frame()
			for _, st := range setters {
				if n := testing.AllocsPerRun(20, func() { st.set(f, r) }); n != 0 {
					t.Errorf("%v: Set%s: %v allocations", k, st.name, n)
				}
			}
			if n := testing.AllocsPerRun(20, func() { PushVLAN(f, TypeVLAN, 1); PopVLAN(f) }); n != 0 {
				t.Errorf("%v: push and pop: %v allocations", k, n)
			}
		}
	}
}

func BenchmarkSetters(b *testing.B) {
	r := rand.New(rand.NewPCG(23, 24))
	for _, tt := range []struct {
		name string
		k    kind
		set  func(f *Frame, i int)
	}{
		{"IPv4Dst", kind{proto: layers.IPProtocolTCP, payload: 6}, func(f *Frame, i int) { SetIPv4Dst(f, uint32(i)) }},
		{"IPv6Dst", kind{proto: layers.IPProtocolTCP, v6: true, payload: 6}, func(f *Frame, i int) { SetIPv6Dst(f, 1, uint64(i)) }},
		{"IPTTL", kind{proto: layers.IPProtocolTCP, payload: 6}, func(f *Frame, i int) { SetIPTTL(f, uint8(i)) }},
		{"TCPDst", kind{proto: layers.IPProtocolTCP, payload: 6}, func(f *Frame, i int) { SetTCPDst(f, uint16(i)) }},
		{"SCTPDst", kind{proto: layers.IPProtocolSCTP, payload: 1400}, func(f *Frame, i int) { SetSCTPDst(f, uint16(i)) }},
		{"PushPopVLAN", kind{proto: layers.IPProtocolTCP, payload: 6}, func(f *Frame, i int) { PushVLAN(f, TypeVLAN, uint16(i)); PopVLAN(f) }},
	} {
		b.Run(fmt.Sprint(tt.name), func(b *testing.B) {
			s := build(b, r, tt.k)
			f := s.frame()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				tt.set(f, i)
				i++
			}
		})
	}
}

// TestSetIPProtoPadding: what stands behind the payload is padding, even where it
// could be the next header of the chain.
func TestSetIPProtoPadding(t *testing.T) {
	f := FromBytes(make([]byte, EthernetLen+IPv6Len+8))
	f.Layers = Layers{L3: EthernetLen, L4: -1}
	b := f.Bytes()
	binary.BigEndian.PutUint16(b[12:], TypeIPv6)
	h := IPv6(b[EthernetLen:])
	h[0] = 6 << 4
	h.SetNextHeader(ProtoFragment)
	for _, payload := range []int{0, 7, 8} {
		h.SetPayloadLen(payload)
		b[EthernetLen+IPv6Len] = ProtoTCP
		if got, want := SetIPProto(f, ProtoUDP), payload == 8; got != want || (b[EthernetLen+IPv6Len] == ProtoUDP) != want || h.NextHeader() != ProtoFragment {
			t.Errorf("payload of %d bytes: %v, % x", payload, got, b[EthernetLen:])
		}
	}
}
