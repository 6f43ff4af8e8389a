package ports

import (
	"encoding/binary"
	"testing"

	"ofswitch/packet"
)

// builder makes GSO frames header by header.
type gsoSpec struct {
	tags    []uint16 // TPIDs
	v6      bool
	ext     int // destination options headers of 8 bytes
	udp     bool
	segs    int
	size    int
	mutate  func(f *packet.Frame, l3, l4 int)
	gsoType uint8 // 0: by the headers
}

func (s gsoSpec) frame() *packet.Frame {
	b := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	for i, tpid := range s.tags {
		b = binary.BigEndian.AppendUint16(b, tpid)
		b = binary.BigEndian.AppendUint16(b, uint16(100+i))
	}
	proto, hdr := byte(packet.ProtoTCP), 20
	if s.udp {
		proto, hdr = packet.ProtoUDP, 8
	}
	n := hdr + s.segs*s.size
	l3 := len(b) + 2
	if s.v6 {
		b = binary.BigEndian.AppendUint16(b, packet.TypeIPv6)
		ip := make([]byte, 40+8*s.ext)
		ip[0], ip[6], ip[7] = 0x60, proto, 64
		binary.BigEndian.PutUint16(ip[4:], uint16(n+8*s.ext))
		ip[23], ip[39] = 1, 2
		for i := range s.ext {
			ip[6] = 60
			e := ip[40+8*i:]
			e[0], e[2], e[3] = 60, 1, 4 // PadN
			if i == s.ext-1 {
				e[0] = proto
			}
		}
		b = append(b, ip...)
	} else {
		b = binary.BigEndian.AppendUint16(b, packet.TypeIPv4)
		ip := make([]byte, 20)
		ip[0], ip[8], ip[9] = 0x45, 64, proto
		binary.BigEndian.PutUint16(ip[2:], uint16(20+n))
		copy(ip[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
		b = append(b, ip...)
	}
	l4 := len(b)
	l4h := make([]byte, hdr)
	if !s.udp {
		l4h[12] = 0x50
	} else {
		binary.BigEndian.PutUint16(l4h[4:], uint16(n))
	}
	b = append(b, l4h...)
	b = append(b, make([]byte, s.segs*s.size)...)
	f := packet.FromBytes(b)
	o := packet.Offload{NeedsCsum: true, CsumStart: uint16(l4), CsumOffset: 16, HdrLen: uint16(l4 + hdr), GSOSize: uint16(s.size), GSOType: packet.GSOTCPv4}
	switch {
	case s.udp:
		o.GSOType, o.CsumOffset = packet.GSOUDPL4, 6
	case s.v6:
		o.GSOType = packet.GSOTCPv6
	}
	if s.gsoType != 0 {
		o.GSOType = s.gsoType
	}
	f.Offload = o
	if s.mutate != nil {
		s.mutate(f, l3, l4)
	}
	return f
}

func gsoTCP4(t testing.TB, segs, size int) *packet.Frame {
	t.Helper()
	return gsoSpec{segs: segs, size: size}.frame()
}

var allCaps = Caps{Csum: true, GSOTCPv4: true, GSOTCPv6: true, GSOUDPL4: true}

func TestCapsTakes(t *testing.T) {
	without := func(fn func(c *Caps)) Caps { c := allCaps; fn(&c); return c }
	qinq := []uint16{packet.TypeQinQ, packet.TypeVLAN}
	for _, tc := range []struct {
		name string
		spec gsoSpec
		caps Caps
		mtu  int
		want bool
	}{
		{"TCP over IPv4", gsoSpec{segs: 3, size: 1460}, allCaps, 1500, true},
		{"TCP over IPv6", gsoSpec{v6: true, segs: 3, size: 1440}, allCaps, 1500, true},
		{"UDP over IPv4", gsoSpec{udp: true, segs: 3, size: 1472}, allCaps, 1500, true},
		{"UDP over IPv6", gsoSpec{udp: true, v6: true, segs: 3, size: 1452}, allCaps, 1500, true},
		{"one tag", gsoSpec{tags: []uint16{packet.TypeVLAN}, segs: 3, size: 1460}, allCaps, 1500, true},
		{"two tags", gsoSpec{tags: qinq, v6: true, segs: 3, size: 1440}, allCaps, 1500, true},
		{"three tags", gsoSpec{tags: append(qinq, packet.TypeVLAN), segs: 3, size: 1460}, allCaps, 1500, false},
		{"IPv6 options", gsoSpec{v6: true, ext: 2, segs: 3, size: 1424}, allCaps, 1500, true},
		{"IPv6 options beyond the MTU", gsoSpec{v6: true, ext: 2, segs: 3, size: 1425}, allCaps, 1500, false},
		{"ECN", gsoSpec{segs: 3, size: 1460, gsoType: packet.GSOTCPv4 | packet.GSOECN}, allCaps, 1500, true},
		{"segments beyond the MTU", gsoSpec{segs: 3, size: 1461}, allCaps, 1500, false},
		{"smaller MTU", gsoSpec{segs: 3, size: 1460}, allCaps, 1400, false},
		{"MTU unknown", gsoSpec{segs: 3, size: 8000}, allCaps, 0, true},
		{"no IPv4", gsoSpec{segs: 3, size: 1000}, without(func(c *Caps) { c.GSOTCPv4 = false }), 1500, false},
		{"no IPv6", gsoSpec{v6: true, segs: 3, size: 1000}, without(func(c *Caps) { c.GSOTCPv6 = false }), 1500, false},
		{"no UDP", gsoSpec{udp: true, segs: 3, size: 1000}, without(func(c *Caps) { c.GSOUDPL4 = false }), 1500, false},
		{"no checksums", gsoSpec{segs: 3, size: 1000}, without(func(c *Caps) { c.Csum = false }), 1500, false},
		{"nothing", gsoSpec{segs: 3, size: 1000}, Caps{}, 1500, false},
		{"UDP fragmentation", gsoSpec{udp: true, segs: 3, size: 1000, gsoType: packet.GSOUDP}, allCaps, 1500, false},
		{"type contradicts the header", gsoSpec{segs: 3, size: 1000, gsoType: packet.GSOTCPv6}, allCaps, 1500, false},
		{"UDP type on TCP", gsoSpec{segs: 3, size: 1000, gsoType: packet.GSOUDPL4}, allCaps, 1500, false},
		{"no checksum asked", gsoSpec{segs: 3, size: 1000, mutate: func(f *packet.Frame, _, _ int) { f.Offload.NeedsCsum = false }}, allCaps, 1500, false},
		{"checksum elsewhere (tunnel)", gsoSpec{segs: 3, size: 1000, mutate: func(f *packet.Frame, _, l4 int) { f.Offload.CsumStart = uint16(l4 + 20) }}, allCaps, 1500, false},
		{"checksum at a wrong offset", gsoSpec{segs: 3, size: 1000, mutate: func(f *packet.Frame, _, _ int) { f.Offload.CsumOffset = 6 }}, allCaps, 1500, false},
		{"MPLS", gsoSpec{segs: 3, size: 1000, mutate: func(f *packet.Frame, l3, _ int) { binary.BigEndian.PutUint16(f.Bytes()[l3-2:], 0x8847) }}, allCaps, 1500, false},
		{"pushed label", gsoSpec{segs: 3, size: 1000, mutate: func(f *packet.Frame, l3, _ int) {
			f.Layers = packet.Layers{L2End: int16(l3 - 2), MPLS: -1, L3: int16(l3), L4: -1}
			packet.PushMPLS(f, packet.TypeMPLS)
		}}, allCaps, 1500, false},
		{"pushed label behind a tag", gsoSpec{tags: []uint16{packet.TypeVLAN}, v6: true, segs: 3, size: 1000, mutate: func(f *packet.Frame, l3, _ int) {
			f.Layers = packet.Layers{L2End: int16(l3 - 2), MPLS: -1, L3: int16(l3), L4: -1}
			packet.PushMPLS(f, packet.TypeMPLSMC)
		}}, allCaps, 1500, false},
		{"pushed I-tag", gsoSpec{udp: true, segs: 3, size: 1000, mutate: func(f *packet.Frame, _, _ int) { packet.PushPBB(f) }}, allCaps, 1500, false},
		{"pushed I-tag and B-tag", gsoSpec{segs: 3, size: 1000, mutate: func(f *packet.Frame, _, _ int) {
			packet.PushPBB(f)
			packet.PushVLAN(f, packet.TypeQinQ, 5)
		}}, allCaps, 1500, false},
		{"GSO type without a size", gsoSpec{segs: 3, size: 1000, mutate: func(f *packet.Frame, _, _ int) { f.Offload.GSOSize = 0 }}, allCaps, 1500, false},
		{"GSO type without a size, nothing else", gsoSpec{segs: 1, size: 100, mutate: func(f *packet.Frame, _, _ int) {
			f.Offload = packet.Offload{GSOType: packet.GSOTCPv4}
		}}, allCaps, 1500, false},
		{"ECN without GSO", gsoSpec{segs: 1, size: 100, gsoType: packet.GSOECN}, allCaps, 1500, false},
		{"partial CRC32c", gsoSpec{segs: 1, size: 100, mutate: func(f *packet.Frame, l3, l4 int) {
			f.Bytes()[l3+9] = 132
			f.Offload = packet.Offload{NeedsCsum: true, CsumStart: uint16(l4), CsumOffset: 8}
		}}, allCaps, 1500, false},
		{"partial checksum behind a label", gsoSpec{segs: 1, size: 100, mutate: func(f *packet.Frame, l3, _ int) {
			f.Layers = packet.Layers{L2End: int16(l3 - 2), MPLS: -1, L3: int16(l3), L4: -1}
			packet.PushMPLS(f, packet.TypeMPLS)
			f.Offload.GSOType, f.Offload.GSOSize = packet.GSONone, 0
		}}, allCaps, 1500, true},
		{"fragment", gsoSpec{segs: 3, size: 1000, mutate: func(f *packet.Frame, l3, _ int) { f.Bytes()[l3+6] = 0x20 }}, allCaps, 1500, false},
		{"protocol 47", gsoSpec{segs: 3, size: 1000, mutate: func(f *packet.Frame, l3, _ int) { f.Bytes()[l3+9] = 47 }}, allCaps, 1500, false},
		{"bad data offset", gsoSpec{segs: 3, size: 1000, mutate: func(f *packet.Frame, _, l4 int) { f.Bytes()[l4+12] = 0x10 }}, allCaps, 1500, false},
		{"IPv6 fragment header", gsoSpec{v6: true, ext: 1, segs: 3, size: 1000, mutate: func(f *packet.Frame, l3, _ int) { f.Bytes()[l3+6] = 44 }}, allCaps, 1500, false},
		{"not GSO, partial checksum", gsoSpec{segs: 1, size: 100, mutate: func(f *packet.Frame, _, _ int) { f.Offload.GSOType, f.Offload.GSOSize = 0, 0 }}, Caps{Csum: true}, 1500, true},
		{"not GSO, partial checksum refused", gsoSpec{segs: 1, size: 100, mutate: func(f *packet.Frame, _, _ int) { f.Offload.GSOType, f.Offload.GSOSize = 0, 0 }}, Caps{}, 1500, false},
		{"plain", gsoSpec{segs: 1, size: 100, mutate: func(f *packet.Frame, _, _ int) { f.Offload = packet.Offload{} }}, Caps{}, 1500, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.caps.Takes(tc.spec.frame(), tc.mtu); got != tc.want {
				t.Errorf("Takes = %v, want %v", got, tc.want)
			}
		})
	}
}

// What Takes does not take because its GSO type has no size, Segment makes one
// frame of that is taken.
func TestCapsTakesCleanCopy(t *testing.T) {
	f := gsoTCP4(t, 1, 100)
	f.Offload.GSOSize = 0
	out, err := packet.Segment(f, 0, packet.NewPools(), nil)
	if err != nil || len(out) != 1 || out[0].Len() != f.Len() {
		t.Fatalf("%d frames, %v", len(out), err)
	}
	if (Caps{}).Takes(f, 1500) || !(Caps{}).Takes(out[0], 1500) {
		t.Error("the copy is not what the port takes")
	}
}

// Takes looks at frames that anybody sent: cut at every length it must neither
// panic nor take what has lost its headers.
func TestCapsTakesCutFrames(t *testing.T) {
	for _, s := range []gsoSpec{
		{segs: 2, size: 100}, {v6: true, ext: 2, segs: 2, size: 100},
		{tags: []uint16{packet.TypeQinQ, packet.TypeVLAN}, udp: true, segs: 2, size: 100},
	} {
		whole := s.frame()
		for n := range whole.Len() {
			f := s.frame()
			f.Truncate(n)
			if got := allCaps.Takes(f, 1500); got && n <= int(whole.Offload.HdrLen) {
				t.Errorf("%+v cut to %d bytes is taken", s, n)
			}
		}
	}
}

func TestFitsMTU(t *testing.T) {
	frame := func(n int, ether uint16) []byte {
		b := make([]byte, n)
		binary.BigEndian.PutUint16(b[12:], ether)
		return b
	}
	for _, tc := range []struct {
		b    []byte
		want bool
	}{
		{frame(1514, packet.TypeIPv4), true}, {frame(1515, packet.TypeIPv4), false},
		{frame(1518, packet.TypeVLAN), true}, {frame(1519, packet.TypeVLAN), false},
		{frame(1518, packet.TypeQinQ), false},
	} {
		if got := fitsMTU(tc.b, 1500); got != tc.want {
			t.Errorf("%d bytes of %#04x: %v, want %v", len(tc.b), binary.BigEndian.Uint16(tc.b[12:]), got, tc.want)
		}
	}
}

func BenchmarkCapsTakes(b *testing.B) {
	f := gsoSpec{tags: []uint16{packet.TypeVLAN}, segs: 40, size: 1460}.frame()
	b.ReportAllocs()
	for b.Loop() {
		if !allCaps.Takes(f, 1500) {
			b.Fatal("not taken")
		}
	}
}
