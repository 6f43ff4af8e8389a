package packet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// gso makes s a GSO frame with data of the given segment size, with or
// without a partial checksum, and lies about what does not matter.
func (s *sample) gso(r *rand.Rand, typ uint8, size int) *Frame {
	f := s.frame()
	if r.IntN(2) == 0 {
		s.partial(f)
	} else if s.proto == ProtoTCP && r.IntN(2) == 0 {
		TCP(f.Bytes()[s.layers.L4:]).SetChecksum(uint16(r.Uint32())) // nonsense
	}
	f.Offload.GSOType, f.Offload.GSOSize = typ, uint16(size)
	f.Offload.HdrLen = uint16([]uint32{0, 1, 54, 0xffff, r.Uint32()}[r.IntN(5)])
	return f
}

func gsoType(k kind) uint8 {
	switch {
	case k.proto == layers.IPProtocolUDP:
		return GSOUDPL4
	case k.v6:
		return GSOTCPv6
	}
	return GSOTCPv4
}

// TestSegment: random GSO packets become frames that gopacket finds right and
// that put together say what the packet said.
func TestSegment(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	pools := NewPools()
	for i := range 1500 {
		k := kind{proto: []layers.IPProtocol{layers.IPProtocolTCP, layers.IPProtocolUDP}[r.IntN(2)],
			v6: r.IntN(2) == 0, tags: r.IntN(4), ext: r.IntN(3) == 0, payload: r.IntN(9000)}
		k.routed = k.v6 && r.IntN(4) == 0
		k.noSum = k.proto == layers.IPProtocolUDP && !k.v6 && r.IntN(4) == 0
		s := build(t, r, k)
		size := 8 + r.IntN(2000)
		f := s.gso(r, gsoType(k), size)
		if k.proto == layers.IPProtocolTCP && r.IntN(2) == 0 {
			f.Offload.GSOType |= GSOECN
		}
		maxPayload := []int{0, 1500, 100}[r.IntN(3)]
		if maxPayload != 0 && maxPayload < size && k.proto == layers.IPProtocolTCP {
			size = maxPayload
		}
		packets, wire := f.Segments()
		whole := bytes.Clone(f.Bytes())
		out, err := Segment(f, maxPayload, pools, nil)
		if err != nil {
			t.Fatalf("%v: %v", k, err)
		}
		if !bytes.Equal(whole, f.Bytes()) {
			t.Fatalf("%v: Segment wrote to its input", k)
		}
		if maxPayload == 0 {
			total := 0
			for _, g := range out {
				total += g.Len()
			}
			if packets != uint64(len(out)) || wire != uint64(total) {
				t.Fatalf("%v: Segments says %d, %d bytes; made %d, %d bytes", k, packets, wire, len(out), total)
			}
		}
		checkSegments(t, &s, f, out, size)
		if t.Failed() {
			t.Fatalf("packet %d: %v, payload %d, size %d, %+v", i, k, k.payload, size, f.Offload)
		}
		for _, g := range out {
			pools.Put(g)
		}
	}
}

func checkSegments(t *testing.T, s *sample, f *Frame, out []*Frame, size int) {
	t.Helper()
	l3, l4 := int(s.layers.L3), int(s.layers.L4)
	hdr := l4 + UDPLen
	if s.proto == ProtoTCP {
		hdr = l4 + TCP(s.b[l4:]).HeaderLen()
	}
	data := s.b[hdr:]
	want := max(1, (len(data)+size-1)/size)
	if len(out) != want {
		t.Fatalf("%d segments of %d bytes with %d each, want %d", len(out), len(data), size, want)
	}
	noSum := s.proto == ProtoUDP && !s.v6 && UDP(s.b[l4:]).Checksum() == 0 && !f.Offload.NeedsCsum
	for n, g := range out {
		b := g.Bytes()
		if g.Offload != (Offload{}) || g.InPort != 7 || g.Layers != s.layers || !g.Pooled() {
			t.Fatalf("segment %d: %+v", n, *g)
		}
		piece := data[min(n*size, len(data)):min((n+1)*size, len(data))]
		if !bytes.Equal(b[hdr:], piece) {
			t.Fatalf("segment %d has %d bytes, want %d", n, len(b)-hdr, len(piece))
		}
		// All that may differ from the original's headers.
		h := bytes.Clone(s.b[:hdr])
		if s.v6 {
			binary.BigEndian.PutUint16(h[l3+4:], uint16(len(b)-l3-40))
		} else {
			binary.BigEndian.PutUint16(h[l3+2:], uint16(len(b)-l3))
			binary.BigEndian.PutUint16(h[l3+4:], IPv4(s.b[l3:]).ID()+uint16(n))
		}
		if s.proto == ProtoTCP {
			o := TCP(s.b[l4:])
			binary.BigEndian.PutUint32(h[l4+4:], o.Seq()+uint32(n*size))
			if n != len(out)-1 {
				h[l4+13] &^= 0x09 // FIN, PSH
			}
			if n != 0 {
				h[l4+13] &^= 0x80 // CWR
			}
		} else {
			binary.BigEndian.PutUint16(h[l4+4:], uint16(len(b)-l4))
			if got := UDP(b[l4:]).Checksum(); (got == 0) != noSum {
				t.Errorf("segment %d: UDP checksum %#04x, none wanted: %v", n, got, noSum)
			}
		}
		got := bytes.Clone(b[:hdr])
		maskSums(h, s.layers, s.proto)
		maskSums(got, s.layers, s.proto)
		if !bytes.Equal(got, h) {
			t.Errorf("segment %d: headers\n% x, want\n% x", n, got, h)
		}
		checkSums(t, b, g.Layers, s.finalIn(b))
	}
}

// TestSegmentFlags spells the flags out, for packets with all of them.
func TestSegmentFlags(t *testing.T) {
	r := rand.New(rand.NewPCG(33, 34))
	s := build(t, r, kind{proto: layers.IPProtocolTCP, payload: 250})
	TCP(s.b[s.layers.L4:]).SetFlags(TCPFin | TCPPsh | TCPAck | TCPCwr | TCPEce)
	for _, typ := range []uint8{GSOTCPv4, GSOTCPv4 | GSOECN, GSOTCPv6} { // the headers decide, not the family in the type
		out, err := Segment(s.gso(r, typ, 100), 0, NewPools(), nil)
		if err != nil || len(out) != 3 {
			t.Fatalf("%d segments, %v", len(out), err)
		}
		want := []uint8{TCPAck | TCPCwr | TCPEce, TCPAck | TCPEce, TCPFin | TCPPsh | TCPAck | TCPEce}
		for n, g := range out {
			if got := TCP(g.Bytes()[s.layers.L4:]).Flags(); got != want[n] {
				t.Errorf("type %#x, segment %d: flags %#02x, want %#02x", typ, n, got, want[n])
			}
		}
	}
}

// TestSegmentUFO: IP fragments, as gopacket reads them, put together are the
// datagram.
func TestSegmentUFO(t *testing.T) {
	r := rand.New(rand.NewPCG(35, 36))
	pools := NewPools()
	for i := range 400 {
		k := kind{proto: layers.IPProtocolUDP, v6: r.IntN(2) == 0, tags: r.IntN(3), ext: r.IntN(2) == 0, payload: r.IntN(9000)}
		k.routed = k.v6 && r.IntN(4) == 0
		k.noSum = !k.v6 && r.IntN(4) == 0
		s := build(t, r, k)
		size := 32 + r.IntN(1500)
		f := s.gso(r, GSOUDP, size)
		if r.IntN(2) == 0 {
			UDP(f.Bytes()[s.layers.L4:]).SetLength(r.IntN(65536)) // corrected
		}
		packets, wire := f.Segments()
		out, err := Segment(f, 0, pools, nil)
		if err != nil {
			t.Fatalf("%v size %d: %v", k, size, err)
		}
		total := 0
		for _, g := range out {
			total += g.Len()
			if g.Offload != (Offload{}) {
				t.Fatalf("offload left: %+v", g.Offload)
			}
		}
		if packets != uint64(len(out)) || wire != uint64(total) {
			t.Fatalf("%v: Segments says %d, %d bytes; made %d, %d bytes", k, packets, wire, len(out), total)
		}
		got := defragment(t, &s, out, size)
		l4 := int(s.layers.L4)
		want := bytes.Clone(s.b[l4:])
		clear(want[6:8])
		sum := UDP(got).Checksum()
		none := k.noSum && !f.Offload.NeedsCsum
		if (sum == 0) != none {
			t.Fatalf("%v: checksum %#04x, none wanted: %v", k, sum, none)
		}
		masked := bytes.Clone(got)
		clear(masked[6:8])
		if !bytes.Equal(masked, want) {
			t.Fatalf("packet %d %v, size %d: datagram of %d bytes, want %d", i, k, size, len(got), len(want))
		}
		whole := append(bytes.Clone(s.b[:l4]), got...)
		checkSums(t, whole, s.layers, s.finalIn(whole))
		if t.Failed() {
			t.FailNow()
		}
		for _, g := range out {
			pools.Put(g)
		}
	}
}

// defragment gives the datagram in the fragments out.
func defragment(t *testing.T, s *sample, out []*Frame, size int) []byte {
	t.Helper()
	l3, l4 := int(s.layers.L3), int(s.layers.L4)
	if len(out) == 1 {
		if out[0].Layers != s.layers {
			t.Fatalf("layers %+v", out[0].Layers)
		}
		return bytes.Clone(out[0].Bytes()[l4:])
	}
	if !s.v6 {
		// Not gopacket's defragmenter: it knows no options.
		var got []byte
		for n, g := range out {
			if (g.Layers.L4 == -1) != (n > 0) {
				t.Fatalf("fragment %d: layers %+v", n, g.Layers)
			}
			var ip layers.IPv4
			mustDecode(t, ip.DecodeFromBytes(bytes.Clone(g.Bytes()[l3:]), gopacket.NilDecodeFeedback))
			checkSums(t, g.Bytes(), Layers{L3: s.layers.L3, L4: -1}, nil)
			if ip.Id != IPv4(s.b[l3:]).ID() || len(ip.Payload) > size {
				t.Fatalf("fragment %d: id %d, %d bytes", n, ip.Id, len(ip.Payload))
			}
			// Option 7 (record route) has no copy bit: the first only.
			if ip.IHL > 5 {
				if has := g.Bytes()[l3+20] == 7; has != (n == 0) {
					t.Fatalf("fragment %d: record route %v", n, has)
				}
				if g.Bytes()[l3+27] != 0x94 {
					t.Fatalf("fragment %d: router alert gone", n)
				}
			}
			if more := ip.Flags&layers.IPv4MoreFragments != 0; more != (n != len(out)-1) || int(ip.FragOffset)*8 != len(got) {
				t.Fatalf("fragment %d: offset %d, more %v; have %d bytes", n, ip.FragOffset*8, more, len(got))
			}
			got = append(got, ip.Payload...)
		}
		return got
	}
	var got []byte
	var id uint32
	for n, g := range out {
		pkt := gopacket.NewPacket(g.Bytes(), layers.LayerTypeEthernet, gopacket.Default)
		fr, ok := pkt.Layer(layers.LayerTypeIPv6Fragment).(*layers.IPv6Fragment)
		if !ok {
			t.Fatalf("fragment %d: no fragment header: %v", n, pkt)
		}
		if n == 0 {
			id = fr.Identification
		}
		// RFC 8200 §4.5: what every router reads stands in every fragment.
		if routed := pkt.Layer(layers.LayerTypeIPv6Routing) != nil; routed != s.dstRouted() {
			t.Fatalf("fragment %d: routing header %v", n, routed)
		}
		if fr.Identification != id || int(fr.FragmentOffset)*8 != len(got) || fr.MoreFragments != (n != len(out)-1) {
			t.Fatalf("fragment %d: %+v at %d", n, fr, len(got))
		}
		if want := len(g.Bytes()) - l3 - 40; IPv6(g.Bytes()[l3:]).PayloadLen() != want {
			t.Fatalf("fragment %d: payload length %d, want %d", n, IPv6(g.Bytes()[l3:]).PayloadLen(), want)
		}
		if len(fr.Payload) > size {
			t.Fatalf("fragment %d: %d bytes", n, len(fr.Payload))
		}
		got = append(got, fr.Payload...)
		if n == 0 {
			if want := s.layers.L4 + 8; g.Layers.L4 != want {
				t.Fatalf("L4 at %d, want %d", g.Layers.L4, want)
			}
		} else if g.Layers.L4 != -1 {
			t.Fatalf("fragment %d: L4 %d", n, g.Layers.L4)
		}
	}
	// What stands before the UDP header belongs to the fragmentable part.
	at := bytes.Index(got, s.b[l4:l4+4])
	return got[at:]
}

// TestSegmentUnderLabels: GSO packets that had MPLS labels or an I-tag pushed.
func TestSegmentUnderLabels(t *testing.T) {
	r := rand.New(rand.NewPCG(37, 38))
	for name, push := range map[string][]byte{
		"mpls": {0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64},
		"pbb":  append([]byte{0x88, 0xe7, 0, 0, 0, 1}, make([]byte, 12)...),
	} {
		for _, v6 := range []bool{false, true} {
			s := build(t, r, kind{proto: layers.IPProtocolTCP, v6: v6, payload: 3000})
			cut := 12
			if name == "mpls" {
				cut = 14
			}
			n := int16(len(push) + 12 - cut)
			s.b = append(append(bytes.Clone(s.b[:12]), push...), s.b[cut:]...)
			s.layers.L3 += n
			s.layers.L4 += n
			f := s.gso(r, gsoType(kind{v6: v6}), 1400)
			out, err := Segment(f, 0, NewPools(), nil)
			if err != nil || len(out) != 3 {
				t.Fatalf("%s: %d segments, %v", name, len(out), err)
			}
			checkSegments(t, &s, f, out, 1400)
		}
	}
}

// TestSegmentPadding: bytes behind the IP packet are not data.
func TestSegmentPadding(t *testing.T) {
	r := rand.New(rand.NewPCG(39, 40))
	for _, v6 := range []bool{false, true} {
		s := build(t, r, kind{proto: layers.IPProtocolTCP, v6: v6, payload: 300})
		padded := s
		padded.b = append(bytes.Clone(s.b), make([]byte, 20)...)
		f := padded.gso(r, GSOTCPv4, 100)
		f.Offload.NeedsCsum = false
		out, err := Segment(f, 0, NewPools(), nil)
		if err != nil {
			t.Fatal(err)
		}
		checkSegments(t, &s, f, out, 100)
	}
}

// TestSegmentNotGSO: one finished copy.
func TestSegmentNotGSO(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	s := build(t, r, kind{proto: layers.IPProtocolTCP, payload: 300})
	for _, o := range []Offload{{}, {GSOType: GSOTCPv4}, {GSOSize: 100}, {GSOType: GSOECN, GSOSize: 100}} {
		f := s.frame()
		s.partial(f)
		f.Offload.GSOType, f.Offload.GSOSize = o.GSOType, o.GSOSize
		if n, wire := f.Segments(); n != 1 || wire != uint64(f.Len()) {
			t.Errorf("%+v: %d, %d bytes", o, n, wire)
		}
		out, err := Segment(f, 0, NewPools(), nil)
		if err != nil || len(out) != 1 || out[0].Offload != (Offload{}) || !bytes.Equal(out[0].Bytes(), s.b) {
			t.Errorf("%+v: %d frames, %v", o, len(out), err)
		}
	}
}

// TestSegmentRefuses: what cannot be cut is an error, counts as one frame, and
// leaves out alone and no frame behind.
func TestSegmentRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 44))
	tcp := kind{proto: layers.IPProtocolTCP, payload: 5000}
	tcp6 := kind{proto: layers.IPProtocolTCP, v6: true, payload: 5000}
	udp := kind{proto: layers.IPProtocolUDP, payload: 5000}
	udp6 := kind{proto: layers.IPProtocolUDP, v6: true, ext: true, payload: 5000}
	set := func(at int, v ...byte) func(*sample, *Frame) {
		return func(s *sample, f *Frame) { copy(f.Bytes()[at:], v) }
	}
	tests := []struct {
		name string
		k    kind
		o    Offload
		max  int
		edit func(s *sample, f *Frame)
		want error
	}{
		{"unknown type", tcp, Offload{GSOType: 77, GSOSize: 100}, 0, nil, ErrProtocol},
		{"TCP type, UDP packet", udp, Offload{GSOType: GSOTCPv4, GSOSize: 100}, 0, nil, ErrProtocol},
		{"UDP type, TCP packet", tcp, Offload{GSOType: GSOUDPL4, GSOSize: 100}, 0, nil, ErrProtocol},
		{"UFO type, TCP packet", tcp, Offload{GSOType: GSOUDP, GSOSize: 100}, 0, nil, ErrProtocol},
		{"too many segments", tcp, Offload{GSOType: GSOTCPv4, GSOSize: 1}, 0, nil, ErrGSOSize},
		{"too many by the caller", tcp, Offload{GSOType: GSOTCPv4, GSOSize: 1000}, 1, nil, ErrGSOSize},
		{"UFO below one unit", udp, Offload{GSOType: GSOUDP, GSOSize: 7}, 0, nil, ErrGSOSize},
		{"UFO headers beyond first", udp6, Offload{GSOType: GSOUDP, GSOSize: 16}, 0, nil, ErrGSOSize},
		{"not IP", tcp, Offload{GSOType: GSOTCPv4, GSOSize: 100}, 0, set(12, 0x08, 0x06), ErrProtocol},
		{"IPv4 type, IPv6 packet", tcp6, Offload{GSOType: GSOTCPv4, GSOSize: 100}, 0, set(12, 0x08, 0), ErrProtocol},
		{"IPv6 type, IPv4 packet", tcp, Offload{GSOType: GSOTCPv4, GSOSize: 100}, 0, set(12, 0x86, 0xdd), ErrProtocol},
		{"IHL", tcp, Offload{GSOType: GSOTCPv4, GSOSize: 100}, 0, set(14, 0x44), ErrTruncated},
		{"fragment", tcp, Offload{GSOType: GSOTCPv4, GSOSize: 100}, 0, set(20, 0x20, 0), ErrFragment},
		{"data offset small", tcp, Offload{GSOType: GSOTCPv4, GSOSize: 100}, 0, set(46, 0x40), ErrTruncated},
		{"data offset beyond", kind{proto: layers.IPProtocolTCP}, Offload{GSOType: GSOTCPv4, GSOSize: 100}, 0, set(46, 0xf0), ErrTruncated},
		{"IPv6 fragment", tcp6, Offload{GSOType: GSOTCPv6, GSOSize: 100}, 0, set(20, ProtoFragment), ErrProtocol},
		{"authentication header", tcp6, Offload{GSOType: GSOTCPv6, GSOSize: 100}, 0, func(s *sample, f *Frame) {
			set(20, ProtoAH)(s, f)
			set(54, ProtoTCP, 1)(s, f)
		}, ErrProtocol},
		{"ESP", tcp6, Offload{GSOType: GSOTCPv6, GSOSize: 100}, 0, set(20, ProtoESP), ErrProtocol},
		{"extension header beyond", kind{proto: layers.IPProtocolTCP, v6: true, payload: 100}, Offload{GSOType: GSOTCPv6, GSOSize: 10}, 0,
			func(s *sample, f *Frame) { set(20, ProtoHopByHop)(s, f); set(54, ProtoTCP, 200)(s, f) }, ErrTruncated},
		{"cut in TCP", tcp, Offload{GSOType: GSOTCPv4, GSOSize: 100}, 0, func(s *sample, f *Frame) { f.Truncate(50) }, ErrTruncated},
		{"cut in UDP", udp, Offload{GSOType: GSOUDPL4, GSOSize: 100}, 0, func(s *sample, f *Frame) { f.Truncate(40) }, ErrTruncated},
		{"cut in IP", udp, Offload{GSOType: GSOUDPL4, GSOSize: 100}, 0, func(s *sample, f *Frame) { f.Truncate(30) }, ErrTruncated},
		{"cut in Ethernet", udp, Offload{GSOType: GSOUDPL4, GSOSize: 100}, 0, func(s *sample, f *Frame) { f.Truncate(13) }, ErrTruncated},
		{"not GSO, checksum beyond", tcp, Offload{NeedsCsum: true, CsumStart: 6000, CsumOffset: 16}, 0, nil, ErrCsumRange},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := build(t, r, tt.k)
			if tt.k.proto == layers.IPProtocolTCP { // no options: offsets above
				TCP(s.b[s.layers.L4:]).SetHeaderLen(20)
			}
			f := s.frame()
			f.Offload = tt.o
			if tt.edit != nil {
				tt.edit(&s, f)
			}
			if n, wire := f.Segments(); tt.max == 0 && (n != 1 || wire != uint64(f.Len())) {
				t.Errorf("Segments %d, %d", n, wire)
			}
			pools, out := NewPools(), []*Frame{nil}
			got, err := Segment(f, tt.max, pools, out)
			if !errors.Is(err, tt.want) || len(got) != 1 {
				t.Errorf("%d frames, error %v, want %v", len(got)-1, err, tt.want)
			}
		})
	}
}

// TestSegmentTruncated: no truncation of a GSO frame, and no offload state,
// makes Segment or FinishChecksum panic.
func TestSegmentTruncated(t *testing.T) {
	r := rand.New(rand.NewPCG(45, 46))
	pools := NewPools()
	for range 40 {
		k := kind{proto: []layers.IPProtocol{layers.IPProtocolTCP, layers.IPProtocolUDP}[r.IntN(2)],
			v6: r.IntN(2) == 0, tags: r.IntN(3), ext: r.IntN(2) == 0, routed: r.IntN(2) == 0, payload: 60}
		k.routed = k.routed && k.v6
		s := build(t, r, k)
		for n := range s.b {
			for _, typ := range []uint8{GSOTCPv4, GSOTCPv6, GSOUDP, GSOUDPL4} {
				f := FromBytes(s.b[:n])
				f.Layers = s.layers
				f.Offload = Offload{NeedsCsum: r.IntN(2) == 0, GSOType: typ, GSOSize: uint16(r.IntN(40)),
					CsumStart: uint16(r.IntN(n + 10)), CsumOffset: uint16(r.IntN(20)), HdrLen: uint16(r.Uint32())}
				packets, wire := f.Segments()
				out, err := Segment(f, 0, pools, nil)
				total := 0
				for _, g := range out {
					total += g.Len()
					pools.Put(g)
				}
				if err == nil && f.Offload.IsGSO() && (packets != uint64(len(out)) || wire != uint64(total)) {
					t.Fatalf("%v: Segments says %d, %d; made %d, %d", k, packets, wire, len(out), total)
				}
				FinishChecksum(f)
			}
		}
	}
}

// TestSegmentDoesNotAllocate once the pools are warm.
func TestSegmentDoesNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	s := build(t, r, kind{proto: layers.IPProtocolTCP, payload: 9000})
	f := s.gso(r, GSOTCPv4, 1448)
	pools := NewPools()
	out := make([]*Frame, 0, 64)
	if n := testing.AllocsPerRun(20, func() {
		got, err := Segment(f, 0, pools, out)
		if err != nil {
			t.Fatal(err)
		}
		f.Segments()
		for _, g := range got {
			pools.Put(g)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzSegment(f *testing.F) {
	r := rand.New(rand.NewPCG(53, 54))
	for _, k := range []kind{
		{proto: layers.IPProtocolTCP, payload: 300},
		{proto: layers.IPProtocolTCP, v6: true, ext: true, routed: true, payload: 300},
		{proto: layers.IPProtocolUDP, tags: 2, payload: 300},
		{proto: layers.IPProtocolUDP, v6: true, ext: true, payload: 300},
		{proto: layers.IPProtocolSCTP, payload: 30},
	} {
		s := build(f, r, k)
		for _, typ := range []uint8{GSONone, GSOTCPv4, GSOTCPv6 | GSOECN, GSOUDP, GSOUDPL4} {
			f.Add(s.b, typ, uint16(64), true, uint16(s.layers.L4), uint16(6), uint16(s.layers.L4)+8, 0)
		}
	}
	pools := NewPools()
	f.Fuzz(func(t *testing.T, b []byte, typ uint8, size uint16, partial bool, start, offset, hdrLen uint16, maxPayload int) {
		fr := FromBytes(b)
		fr.Offload = Offload{NeedsCsum: partial, GSOType: typ, GSOSize: size, CsumStart: start, CsumOffset: offset, HdrLen: hdrLen}
		packets, wire := fr.Segments()
		out, err := Segment(fr, maxPayload, pools, nil)
		if !bytes.Equal(fr.Bytes(), b) {
			t.Fatal("input written")
		}
		total := uint64(0)
		for _, g := range out {
			total += uint64(g.Len())
			if g.Offload != (Offload{}) {
				t.Fatalf("offload left: %+v", g.Offload)
			}
			pools.Put(g)
		}
		if err != nil && len(out) != 0 {
			t.Fatalf("%d frames with error %v", len(out), err)
		}
		if err == nil && maxPayload <= 0 && (packets != uint64(len(out)) || wire != total) {
			t.Fatalf("Segments says %d, %d; made %d, %d", packets, wire, len(out), total)
		}
		FinishChecksum(fr)
	})
}

func BenchmarkSegment(b *testing.B) {
	r := rand.New(rand.NewPCG(55, 56))
	for _, k := range []kind{
		{proto: layers.IPProtocolTCP, payload: 64000},
		{proto: layers.IPProtocolTCP, v6: true, payload: 64000},
		{proto: layers.IPProtocolUDP, payload: 64000},
	} {
		b.Run(k.String(), func(b *testing.B) {
			s := build(b, r, k)
			f := s.gso(r, gsoType(k), 1448)
			pools := NewPools()
			out := make([]*Frame, 0, 64)
			b.SetBytes(int64(f.Len()))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				got, err := Segment(f, 0, pools, out)
				if err != nil {
					b.Fatal(err)
				}
				for _, g := range got {
					pools.Put(g)
				}
				n += len(got)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "frames/s")
		})
	}
	b.Run("Segments", func(b *testing.B) {
		s := build(b, r, kind{proto: layers.IPProtocolTCP, payload: 64000})
		f := s.gso(r, GSOTCPv4, 1448)
		for b.Loop() {
			f.Segments()
		}
	})
}
