package packet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// stream makes the segments of a TCP connection, one after the other.
type stream struct {
	v6      bool
	tags    int
	options []byte // of TCP, a multiple of four bytes
	partial bool   // checksums are left to the device
	seq     uint32
	ack     uint32
	window  uint16
	id      uint16
	flags   uint8
	tos     uint8
	ttl     uint8
}

func randomStream(r *rand.Rand) *stream {
	return &stream{v6: r.IntN(2) == 0, tags: r.IntN(3), options: randomBytes(r, 4*r.IntN(11)), partial: r.IntN(3) == 0,
		seq: r.Uint32(), ack: r.Uint32(), window: uint16(r.Uint32()), id: uint16(r.Uint32()), flags: TCPAck, tos: uint8(r.Uint32()), ttl: 64}
}

func (s *stream) l3() int { return EthernetLen + s.tags*VLANLen }

func (s *stream) l4() int {
	if s.v6 {
		return s.l3() + IPv6Len
	}
	return s.l3() + IPv4MinLen
}

// next is the segment that carries data.
func (s *stream) next(data []byte, flags uint8) *Frame {
	b := make([]byte, s.l4()+TCPMinLen, s.l4()+TCPMinLen+len(s.options)+len(data))
	b = append(append(b, s.options...), data...)
	copy(b, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2})
	for i := range s.tags {
		binary.BigEndian.PutUint16(b[12+4*i:], TypeVLAN)
		binary.BigEndian.PutUint16(b[14+4*i:], uint16(100+i))
	}
	if s.v6 {
		binary.BigEndian.PutUint16(b[s.l3()-2:], TypeIPv6)
		ip := IPv6(b[s.l3():])
		ip[0], ip[ipv6Next] = 6<<4, ProtoTCP
		ip.SetTrafficClass(s.tos)
		ip.SetHopLimit(s.ttl)
		ip.SetPayloadLen(len(ip) - IPv6Len)
		ip.SetSrc(1, 2)
		ip.SetDst(3, 4)
	} else {
		binary.BigEndian.PutUint16(b[s.l3()-2:], TypeIPv4)
		ip := IPv4(b[s.l3():])
		ip[0], ip[ipv4Proto] = 4<<4|5, ProtoTCP
		ip.SetTOS(s.tos)
		ip.SetTTL(s.ttl)
		ip.SetTotalLen(len(ip))
		ip.SetID(s.id)
		ip.SetSrc(0x0a000001)
		ip.SetDst(0x0a000002)
	}
	t := TCP(b[s.l4():])
	t.SetSrcPort(1)
	t.SetDstPort(2)
	t.SetSeq(s.seq)
	t.SetAck(s.ack)
	t.SetHeaderLen(TCPMinLen + len(s.options))
	t.SetFlags(s.flags | flags)
	t.SetWindow(s.window)
	s.seq += uint32(len(data))
	s.id++
	f := FromBytes(b)
	finishTest(f, s.l3(), s.l4(), s.v6, s.partial)
	return f
}

// finishTest writes the checksums of a frame, or the partial one.
func finishTest(f *Frame, l3, l4 int, v6, partial bool) {
	b := f.Bytes()
	t := TCP(b[l4:])
	var pseudo uint32
	if v6 {
		pseudo = PseudoSumIPv6(IPv6(b[l3:]).Src(), IPv6(b[l3:]).Dst(), ProtoTCP, len(t))
	} else {
		IPv4(b[l3:]).UpdateChecksum()
		pseudo = PseudoSumIPv4(IPv4(b[l3:]).Src(), IPv4(b[l3:]).Dst(), ProtoTCP, len(t))
	}
	if partial {
		t.SetChecksum(fold(pseudo))
		f.Offload = Offload{NeedsCsum: true, CsumStart: uint16(l4), CsumOffset: tcpChecksum}
		return
	}
	t.SetChecksum(0)
	t.SetChecksum(Checksum(t, pseudo))
}

// apart is what the frames are on a wire: segmented, checksums finished.
func apart(t testing.TB, frames []*Frame, pools *Pools) (list [][]byte) {
	t.Helper()
	for _, f := range frames {
		if !f.Offload.IsGSO() {
			c := pools.Clone(f)
			if err := FinishChecksum(c); err == nil {
				f = c
			}
			list = append(list, bytes.Clone(f.Bytes()))
			pools.Put(c)
			continue
		}
		out, err := Segment(f, 0, pools, nil)
		if err != nil {
			t.Fatalf("segmenting % x: %v", f.Bytes(), err)
		}
		for _, g := range out {
			list = append(list, bytes.Clone(g.Bytes()))
			pools.Put(g)
		}
	}
	return list
}

// checkCoalesce coalesces frames and compares what both come to on a wire. It returns of
// how many frames each result is made.
func checkCoalesce(t testing.TB, frames []*Frame, v4, v6 bool, mtu int) (counts []int) {
	t.Helper()
	pools := NewPools()
	before := make([]Frame, len(frames))
	was := make([][]byte, len(frames))
	for i, f := range frames {
		before[i], was[i] = *f, bytes.Clone(f.Bytes())
	}
	want := apart(t, frames, pools)
	in := append([]*Frame(nil), frames...)
	out, made := Coalesce(in, v4, v6, mtu, pools, nil)
	for i, f := range frames {
		if f.Offload != before[i].Offload || !bytes.Equal(f.Bytes(), was[i]) {
			t.Fatalf("frame %d was written to", i)
		}
	}
	got := apart(t, out, pools)
	if len(got) != len(want) {
		t.Fatalf("%d frames became %d", len(want), len(got))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("frame %d of %d became\n% x, was\n% x", i, len(got), got[i], want[i])
		}
	}
	at := 0
	for _, f := range out {
		n := 1
		if len(made) > 0 && f == made[0] {
			made = made[1:]
			packets, wire := f.Segments()
			n = int(packets)
			if h, err := findHeaders(f.Bytes()); err != nil || !h.v6 && Sum(f.Bytes()[h.l3:h.l4], 0) != 0xffff {
				t.Fatalf("a wrong IP header: %v, % x", err, f.Bytes()[:EthernetLen+IPv4MinLen])
			}
			sum := 0
			for _, w := range want[at : at+n] {
				sum += len(w)
			}
			if int(wire) != sum || n < 2 {
				t.Fatalf("%d frames of %d bytes count as %d bytes", n, sum, wire)
			}
		} else if f != frames[at] {
			t.Fatalf("frame %d is another one", at)
		}
		counts = append(counts, n)
		at += n
	}
	for _, f := range out[len(out):cap(out)][:len(frames)-len(out)] {
		if f != nil {
			t.Fatal("a frame is held on to")
		}
	}
	return counts
}

// TestCoalesceRules: what belongs together is put together, and one thing that is otherwise
// keeps frames apart.
func TestCoalesceRules(t *testing.T) {
	const size = 200
	data := randomBytes(rand.New(rand.NewPCG(1, 2)), size)
	four, six := func(*stream) {}, func(s *stream) { s.v6 = true }
	// three are segments with a payload each, the second of which change alters.
	three := func(kind, between func(*stream)) []*Frame {
		s := &stream{flags: TCPAck, seq: 0xffffff00, id: 0xfffe, ttl: 64, window: 500, options: []byte{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}}
		kind(s)
		list := []*Frame{s.next(data, 0)}
		between(s)
		return append(list, s.next(data, 0), s.next(data, 0))
	}
	// with alters the bytes of the second, and mends its checksums.
	with := func(kind func(*stream), change func(f *Frame, l3, l4 int)) []*Frame {
		var s *stream
		list := three(func(x *stream) { s = x; kind(x) }, func(*stream) {})
		change(list[1], s.l3(), s.l4())
		finishTest(list[1], s.l3(), s.l4(), s.v6, s.partial)
		return list
	}
	// raw alters the second, and leaves its checksums as they are.
	raw := func(kind func(*stream), change func(f *Frame, l3, l4 int)) []*Frame {
		var s *stream
		list := three(func(x *stream) { s = x; kind(x) }, func(*stream) {})
		change(list[1], s.l3(), s.l4())
		return list
	}
	// every is with for all three.
	every := func(kind func(*stream), change func(f *Frame, l3, l4 int)) []*Frame {
		var s *stream
		list := three(func(x *stream) { s = x; kind(x) }, func(*stream) {})
		for _, f := range list {
			change(f, s.l3(), s.l4())
			finishTest(f, s.l3(), s.l4(), s.v6, s.partial)
		}
		return list
	}
	// zero has a first frame whose checksum at sum is 0, by what stands at free, and
	// writes the 0xffff that says the same.
	zero := func(sum, free int) []*Frame {
		list := every(four, func(f *Frame, l3, l4 int) {})
		b := list[0].Bytes()
		for v := range 1 << 16 {
			binary.BigEndian.PutUint16(b[free:], uint16(v))
			finishTest(list[0], EthernetLen, EthernetLen+IPv4MinLen, false, false)
			if binary.BigEndian.Uint16(b[sum:]) == 0 {
				break
			}
		}
		if free < EthernetLen+IPv4MinLen { // the identification: the others follow it
			for i, f := range list[1:] {
				IPv4(f.Bytes()[EthernetLen:]).SetID(IPv4(b[EthernetLen:]).ID() + uint16(i+1))
				finishTest(f, EthernetLen, EthernetLen+IPv4MinLen, false, false)
			}
		}
		binary.BigEndian.PutUint16(b[sum:], 0xffff)
		return list
	}
	ends := func(flags uint8, at, n int) []*Frame {
		s := &stream{flags: TCPAck}
		var list []*Frame
		for i := range n {
			f := uint8(0)
			if i == at {
				f = flags
			}
			list = append(list, s.next(data, f))
		}
		return list
	}
	sizes := func(list ...int) (frames []*Frame) {
		s := &stream{flags: TCPAck, v6: true}
		for _, n := range list {
			frames = append(frames, s.next(data[:n], 0))
		}
		return frames
	}
	for _, tc := range []struct {
		name   string
		frames []*Frame
		want   []int
	}{
		{"IPv4", three(four, four), []int{3}},
		{"IPv6", three(six, four), []int{3}},
		{"tagged", three(func(s *stream) { s.tags = 1 }, four), []int{3}},
		{"two tags", three(func(s *stream) { s.tags = 2 }, four), []int{3}},
		{"three tags", three(func(s *stream) { s.tags = 3 }, four), []int{1, 1, 1}},
		{"partial", three(func(s *stream) { s.partial = true }, four), []int{3}},
		{"partial and complete", three(four, func(s *stream) { s.partial = true }), []int{3}},
		{"ECE", three(func(s *stream) { s.flags |= TCPEce }, four), []int{3}},
		{"ECE in some", three(four, func(s *stream) { s.flags |= TCPEce }), []int{1, 2}},
		{"CWR", three(func(s *stream) { s.flags |= TCPCwr }, four), []int{1, 1, 1}},
		{"URG", three(func(s *stream) { s.flags |= TCPUrg }, four), []int{1, 1, 1}},
		{"SYN", three(func(s *stream) { s.flags |= TCPSyn }, four), []int{1, 1, 1}},
		{"RST", three(func(s *stream) { s.flags |= TCPRst }, four), []int{1, 1, 1}},
		{"no ACK", three(func(s *stream) { s.flags = 0 }, four), []int{1, 1, 1}},
		{"a gap", three(four, func(s *stream) { s.seq++ }), []int{1, 2}},
		{"sent again", three(four, func(s *stream) { s.seq -= size }), []int{1, 2}},
		{"another ack", three(four, func(s *stream) { s.ack++ }), []int{1, 2}},
		{"another window", three(four, func(s *stream) { s.window++ }), []int{1, 2}},
		{"another timestamp", three(four, func(s *stream) { s.options = append(bytes.Clone(s.options[:11]), 9) }), []int{1, 2}},
		{"an option more", three(four, func(s *stream) { s.options = append(bytes.Clone(s.options), 1, 1, 1, 1) }), []int{1, 2}},
		{"another identification", three(four, func(s *stream) { s.id++ }), []int{1, 2}},
		{"the same identification", three(four, func(s *stream) { s.id-- }), []int{1, 2}},
		{"another TOS", three(four, func(s *stream) { s.tos++ }), []int{1, 2}},
		{"another TTL", three(four, func(s *stream) { s.ttl++ }), []int{1, 2}},
		{"another traffic class", three(six, func(s *stream) { s.tos++ }), []int{1, 2}},
		{"another hop limit", three(six, func(s *stream) { s.ttl++ }), []int{1, 2}},
		{"a tag", three(four, func(s *stream) { s.tags++ }), []int{1, 2}},
		{"another family", three(four, func(s *stream) { s.v6 = true }), []int{1, 2}},
		{"another MAC address", with(four, func(f *Frame, _, _ int) { f.Bytes()[3]++ }), []int{1, 1, 1}},
		{"another source port", with(four, func(f *Frame, _, l4 int) { f.Bytes()[l4]++ }), []int{1, 1, 1}},
		{"another address", with(four, func(f *Frame, l3, _ int) { f.Bytes()[l3+15]++ }), []int{1, 1, 1}},
		{"another IPv6 address", with(six, func(f *Frame, l3, _ int) { f.Bytes()[l3+39]++ }), []int{1, 1, 1}},
		{"another flow label", with(six, func(f *Frame, l3, _ int) { f.Bytes()[l3+3]++ }), []int{1, 1, 1}},
		{"don't fragment", with(four, func(f *Frame, l3, _ int) { f.Bytes()[l3+6] = 0x40 }), []int{1, 1, 1}},
		{"a fragment", with(four, func(f *Frame, l3, _ int) { f.Bytes()[l3+6] = 0x20 }), []int{1, 1, 1}},
		{"a reserved bit", with(four, func(f *Frame, _, l4 int) { f.Bytes()[l4+12] |= 1 }), []int{1, 1, 1}},
		{"an urgent pointer", with(four, func(f *Frame, _, l4 int) { f.Bytes()[l4+19]++ }), []int{1, 1, 1}},
		{"UDP", with(four, func(f *Frame, l3, _ int) { f.Bytes()[l3+9] = ProtoUDP }), []int{1, 1, 1}},
		{"an extension header", with(six, func(f *Frame, l3, _ int) { f.Bytes()[l3+6] = ProtoHopByHop }), []int{1, 1, 1}},
		{"a wrong checksum", raw(four, func(f *Frame, _, l4 int) { f.Bytes()[l4+30]++ }), []int{1, 1, 1}},
		{"a wrong partial checksum", raw(func(s *stream) { s.partial = true }, func(f *Frame, _, l4 int) { f.Bytes()[l4+16]++ }), []int{1, 1, 1}},
		{"a wrong IP checksum", raw(four, func(f *Frame, l3, _ int) { f.Bytes()[l3+10]++ }), []int{1, 1, 1}},
		{"all fragments", every(four, func(f *Frame, l3, _ int) { f.Bytes()[l3+6] = 0x20 }), []int{1, 1, 1}},
		{"all UDP", every(four, func(f *Frame, l3, _ int) { f.Bytes()[l3+9] = ProtoUDP }), []int{1, 1, 1}},
		{"all UDP over IPv6", every(six, func(f *Frame, l3, _ int) { f.Bytes()[l3+6] = ProtoUDP }), []int{1, 1, 1}},
		{"all without fragmentation", every(four, func(f *Frame, l3, _ int) { f.Bytes()[l3+6] = 0x40 }), []int{3}},
		{"0xffff for 0 in IPv4", zero(EthernetLen+10, EthernetLen+4), []int{1, 2}},
		{"0xffff for 0 in TCP", zero(EthernetLen+IPv4MinLen+16, EthernetLen+100), []int{1, 2}},
		{"padding", raw(four, func(f *Frame, l3, _ int) { IPv4(f.Bytes()[l3:]).SetTotalLen(100) }), []int{1, 1, 1}},
		{"a length beyond the frame", raw(six, func(f *Frame, l3, _ int) { IPv6(f.Bytes()[l3:]).SetPayloadLen(2000) }), []int{1, 1, 1}},
		{"a GSO packet", raw(four, func(f *Frame, _, _ int) { f.Offload.GSOType, f.Offload.GSOSize = GSOTCPv4, 100 }), []int{1, 1, 1}},
		{"a partial checksum elsewhere", raw(func(s *stream) { s.partial = true }, func(f *Frame, _, _ int) { f.Offload.CsumOffset = 6 }), []int{1, 1, 1}},
		{"a partial checksum from elsewhere", raw(func(s *stream) { s.partial = true }, func(f *Frame, _, _ int) { f.Offload.CsumStart += 2 }), []int{1, 1, 1}},
		{"PSH in the last", ends(TCPPsh, 2, 3), []int{3}},
		{"FIN and PSH in the last", ends(TCPPsh|TCPFin, 2, 3), []int{3}},
		{"PSH in the first", ends(TCPPsh, 0, 3), []int{1, 2}},
		{"PSH in the midst", ends(TCPPsh, 1, 4), []int{2, 2}},
		{"a shorter last", sizes(100, 100, 50), []int{3}},
		{"a shorter one in the midst", sizes(100, 50, 100, 100), []int{2, 2}},
		{"a longer one", sizes(100, 150, 150), []int{1, 2}},
		{"no payload", sizes(100, 0, 100), []int{1, 1, 1}},
		{"short ones", sizes(20, 20, 20), []int{1, 1, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// A GSO packet would be taken apart in the comparison as it is here: it only
			// has to stay.
			if got := checkCoalesce(t, tc.frames, true, true, 1500); !slices.Equal(got, tc.want) {
				t.Errorf("made of %v frames, want %v", got, tc.want)
			}
		})
	}
	for _, tc := range []struct {
		name   string
		kind   func(*stream)
		v4, v6 bool
		mtu    int
		want   []int
	}{
		{"no IPv4", four, false, true, 1500, []int{1, 1, 1}},
		{"no IPv6", six, true, false, 1500, []int{1, 1, 1}},
		{"longer than the MTU", four, true, true, 251, []int{1, 1, 1}},
		{"as long as the MTU", four, true, true, 252, []int{3}},
		{"an unknown MTU", four, true, true, 0, []int{3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := checkCoalesce(t, three(tc.kind, four), tc.v4, tc.v6, tc.mtu); !slices.Equal(got, tc.want) {
				t.Errorf("made of %v frames, want %v", got, tc.want)
			}
		})
	}
}

// TestCoalesceLength: an IP packet is never longer than its length field can say.
func TestCoalesceLength(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		s := &stream{flags: TCPAck, v6: v6}
		data := make([]byte, 9000)
		var list []*Frame
		for range 20 {
			list = append(list, s.next(data, 0))
		}
		if got := checkCoalesce(t, list, true, true, 9100); !slices.Equal(got, []int{7, 7, 6}) {
			t.Errorf("IPv6 %v: made of %v frames, want 7, 7 and 6", v6, got)
		}
	}
}

// TestCoalesceRandom: connections whose segments come in runs, each now and then altered by
// something, come out as they were. The seed is printed.
func TestCoalesceRandom(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	made, single := 0, 0
	for range 300 {
		streams := []*stream{randomStream(r), randomStream(r), randomStream(r)}
		var list []*Frame
		for len(list) < BatchSize {
			s := streams[r.IntN(len(streams))]
			size := []int{0, 1, 60, 500, 1000, 1448}[r.IntN(6)]
			for range min(1+r.IntN(20), BatchSize-len(list)) {
				n := size
				if r.IntN(10) == 0 {
					n = r.IntN(size + 1)
				}
				flags := []uint8{TCPPsh, TCPFin, TCPEce, TCPCwr, 0, 0, 0, 0, 0, 0, 0, 0}[r.IntN(12)]
				switch r.IntN(40) {
				case 0:
					s.seq += r.Uint32N(3)
				case 1:
					s.ack++
				case 2:
					s.window++
				case 3:
					s.id = uint16(r.Uint32())
				case 4:
					s.options = randomBytes(r, len(s.options))
				case 5:
					s.partial = !s.partial
				}
				f := s.next(randomBytes(r, n), flags)
				if r.IntN(15) == 0 {
					b := f.Bytes()
					b[r.IntN(min(len(b), 100))] ^= 1 << r.IntN(8)
				}
				if r.IntN(30) == 0 {
					if extra := r.IntN(20); extra > 0 { // padding
						f = withOffload(append(bytes.Clone(f.Bytes()), make([]byte, extra)...), f.Offload)
					}
				}
				list = append(list, f)
			}
		}
		for _, n := range checkCoalesce(t, list, true, true, 1500) {
			if n > 1 {
				made++
			} else {
				single++
			}
		}
	}
	if made < 1000 || single < 1000 {
		t.Errorf("made %d packets, left %d frames as they were: the test tests too little of one", made, single)
	}
}

func withOffload(b []byte, o Offload) *Frame {
	f := FromBytes(b)
	f.Offload = o
	return f
}

// FuzzCoalesce: whatever two frames hold, they come out as they were.
func FuzzCoalesce(f *testing.F) {
	for _, s := range []*stream{{flags: TCPAck}, {flags: TCPAck, v6: true, tags: 1}, {flags: TCPAck, partial: true, options: make([]byte, 12)}} {
		a, b := s.next(make([]byte, 100), 0), s.next(make([]byte, 90), TCPPsh)
		f.Add(a.Bytes(), b.Bytes(), s.partial, a.Offload.CsumStart)
	}
	f.Fuzz(func(t *testing.T, a, b []byte, partial bool, start uint16) {
		if len(a) > 2000 || len(b) > 2000 {
			return
		}
		var o Offload
		if partial {
			o = Offload{NeedsCsum: true, CsumStart: start, CsumOffset: tcpChecksum}
		}
		checkCoalesce(t, []*Frame{withOffload(a, o), withOffload(b, o)}, true, true, 1500)
	})
}

// BenchmarkCoalesce is what a batch costs a frame.
func BenchmarkCoalesce(b *testing.B) {
	for _, bc := range []struct {
		name    string
		size    int
		partial bool
		flags   uint8
	}{{"1448", 1448, false, 0}, {"1448-partial", 1448, true, 0}, {"200", 200, false, 0}, {"10", 10, false, 0}, {"1448-none-follows", 1448, false, TCPCwr}} {
		b.Run(bc.name, func(b *testing.B) {
			s := &stream{flags: TCPAck | bc.flags, partial: bc.partial, options: make([]byte, 12)}
			var list, in, made []*Frame
			for range BatchSize {
				list = append(list, s.next(make([]byte, bc.size), 0))
			}
			pools := NewPools()
			for b.Loop() {
				in = append(in[:0], list...)
				in, made = Coalesce(in, true, true, 1500, pools, made[:0])
				for _, f := range made {
					pools.Put(f)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*BatchSize), "ns/frame")
			b.ReportAllocs()
		})
	}
}
