package packet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket/layers"
)

// push puts up to n random headers before f's packet, in an order that leaves
// Segment able to find it: labels, then tags and I-tags.
func push(t *testing.T, r *rand.Rand, f *Frame, n int) {
	t.Helper()
	labels := true
	for range n {
		ok := true
		switch r.IntN(3) {
		case 0:
			if labels = labels && f.Layers.L2End >= 0; labels {
				ok = PushMPLS(f, TypeMPLS)
			}
		case 1:
			ok = PushVLAN(f, []uint16{TypeVLAN, TypeQinQ}[r.IntN(2)], uint16(r.Uint32()))
		case 2:
			ok, labels = PushPBB(f), false
		}
		if !ok {
			t.Fatal("push failed")
		}
	}
}

// TestSegmentPushed: what is pushed on a GSO frame stands before each of its
// segments, which are otherwise those that it had before.
func TestSegmentPushed(t *testing.T) {
	r := rand.New(rand.NewPCG(141, 142))
	pools := NewPools()
	for i := range 800 {
		k := kind{proto: []layers.IPProtocol{layers.IPProtocolTCP, layers.IPProtocolUDP}[r.IntN(2)],
			v6: r.IntN(2) == 0, tags: r.IntN(2), ext: r.IntN(3) == 0, payload: r.IntN(9000)}
		s := build(t, r, k)
		f := s.gso(r, gsoType(k), 8+r.IntN(2000))
		plain, err := Segment(f, 0, pools, nil)
		if err != nil {
			t.Fatal(err)
		}
		before := f.Len()
		push(t, r, f, 1+r.IntN(3))
		grown := f.Len() - before
		l3 := int(s.layers.L3)
		packets, wire := f.Segments()
		out, err := Segment(f, 0, pools, nil)
		if err != nil || len(out) != len(plain) || packets != uint64(len(out)) {
			t.Fatalf("%v: %d segments of %d, counted %d: %v", k, len(out), len(plain), packets, err)
		}
		for n, g := range out {
			want := append(bytes.Clone(f.Bytes()[:grown+l3]), plain[n].Bytes()[l3:]...)
			if !bytes.Equal(g.Bytes(), want) || g.Offload != (Offload{}) || g.Layers != f.Layers {
				t.Fatalf("%d: %v, segment %d\n% x, want\n% x", i, k, n, g.Bytes()[:min(g.Len(), 150)], want[:min(len(want), 150)])
			}
			wire -= uint64(len(want))
			pools.Put(g)
			pools.Put(plain[n])
		}
		if wire != 0 {
			t.Errorf("%v: Segments is wrong by %d bytes", k, int64(wire))
		}
	}
}

// TestFinishPushed: SCTP's CRC, too, is found behind what was pushed.
func TestFinishPushed(t *testing.T) {
	r := rand.New(rand.NewPCG(143, 144))
	for range 300 {
		k := randomKind(r)
		k.noSum = false
		s := build(t, r, k)
		f := s.frame()
		if !s.partial(f) {
			continue
		}
		before := f.Len()
		push(t, r, f, 3)
		if err := FinishChecksum(f); err != nil || f.Offload.NeedsCsum {
			t.Fatalf("%v: %v", k, err)
		}
		l3 := f.Len() - before + int(s.layers.L3)
		if got, want := f.Bytes()[l3:], s.b[s.layers.L3:]; !bytes.Equal(got, want) {
			t.Fatalf("%v:\n% x, want\n% x", k, got, want)
		}
	}
}

// TestPayloadLimit: segments with the limit fit the MTU, and would not with a
// byte more.
func TestPayloadLimit(t *testing.T) {
	r := rand.New(rand.NewPCG(145, 146))
	pools := NewPools()
	bounded := 0
	// size is what a device of a certain MTU counts.
	size := func(b []byte) int {
		if binary.BigEndian.Uint16(b[12:]) == TypeVLAN {
			return len(b) - 18
		}
		return len(b) - 14
	}
	for range 600 {
		k := kind{proto: []layers.IPProtocol{layers.IPProtocolTCP, layers.IPProtocolUDP}[r.IntN(2)],
			v6: r.IntN(2) == 0, tags: r.IntN(3), ext: r.IntN(3) == 0, payload: 4000 + r.IntN(9000)}
		s := build(t, r, k)
		typ := gsoType(k)
		if k.proto == layers.IPProtocolUDP {
			typ = GSOUDP
		}
		f := s.gso(r, typ, 1000+r.IntN(600))
		push(t, r, f, r.IntN(3))
		mtu := 1100 + r.IntN(500)
		limit := PayloadLimit(f, mtu)
		largest := func(maxPayload int) int {
			out, err := Segment(f, maxPayload, pools, nil)
			if err != nil {
				t.Fatalf("%v, MTU %d, limit %d: %v", k, mtu, maxPayload, err)
			}
			n := 0
			for _, g := range out {
				n = max(n, size(g.Bytes()))
				pools.Put(g)
			}
			return n
		}
		got := largest(limit)
		if got > mtu {
			t.Fatalf("%v, MTU %d, limit %d: a segment of %d", k, mtu, limit, got)
		}
		if limit == 0 {
			continue
		}
		bounded++
		// Fragments are cut at multiples of 8.
		if more := largest(limit + 8); more <= mtu && typ != GSOUDP || more <= got {
			t.Fatalf("%v, MTU %d, limit %d gives %d, more gives %d", k, mtu, limit, got, more)
		}
		if typ != GSOUDP && got != mtu {
			t.Fatalf("%v, MTU %d, limit %d: the largest segment has only %d", k, mtu, limit, got)
		}
	}
	if bounded < 100 {
		t.Errorf("only %d frames needed a bound", bounded)
	}
}

func TestPayloadLimitNone(t *testing.T) {
	r := rand.New(rand.NewPCG(147, 148))
	tcp := build(t, r, kind{proto: layers.IPProtocolTCP, payload: 5000})
	udp := build(t, r, kind{proto: layers.IPProtocolUDP, payload: 5000})
	hdr := int(tcp.layers.L4) - 14 + TCP(tcp.b[tcp.layers.L4:]).HeaderLen()
	for _, tt := range []struct {
		name      string
		s         *sample
		typ       uint8
		size, mtu int
		want      int
	}{
		{"one byte too large", &tcp, GSOTCPv4, 1501 - hdr, 1500, 1500 - hdr},
		{"fits", &tcp, GSOTCPv4, 1500 - hdr, 1500, 0},
		{"MTU unknown", &tcp, GSOTCPv4, 4000, 0, 0},
		{"negative MTU", &tcp, GSOTCPv4, 4000, -1, 0},
		{"room for one byte", &tcp, GSOTCPv4, 1000, hdr + 1, 1},
		{"no room for data", &tcp, GSOTCPv4, 1000, hdr, 0},
		{"no room for the headers", &tcp, GSOTCPv4, 1000, hdr - 1, 0},
		{"not GSO", &tcp, GSONone, 4000, 1500, 0},
		{"no size", &tcp, GSOTCPv4, 0, 1500, 0},
		{"datagrams", &udp, GSOUDPL4, 4000, 1500, 0},
		{"not what it says", &udp, GSOTCPv4, 4000, 1500, 0},
	} {
		f := tt.s.frame()
		f.Offload = Offload{GSOType: tt.typ, GSOSize: uint16(tt.size)}
		if got := PayloadLimit(f, tt.mtu); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestPushHeadroom: each push takes headroom until there is none; then a clone
// has it again.
func TestPushHeadroom(t *testing.T) {
	r := rand.New(rand.NewPCG(149, 150))
	for _, tt := range []struct {
		name string
		n    int
		push func(f *Frame) bool
	}{
		{"MPLS", MPLSLen, func(f *Frame) bool { return PushMPLS(f, TypeMPLS) }},
		{"PBB", PBBLen, PushPBB},
	} {
		s := build(t, r, kind{proto: layers.IPProtocolTCP, payload: 9})
		f := s.frame()
		s.partial(f)
		for n := range Headroom / tt.n {
			if !tt.push(f) {
				t.Fatalf("%s: push %d failed with %d bytes of headroom", tt.name, n+1, f.Headroom())
			}
		}
		was, b := *f, bytes.Clone(f.Bytes())
		if tt.push(f) {
			t.Errorf("%s: pushed with %d bytes of headroom", tt.name, f.Headroom())
		}
		if !bytes.Equal(f.Bytes(), b) || f.Offload != was.Offload || f.Layers != was.Layers {
			t.Errorf("%s: refused, but the frame changed", tt.name)
		}
		if c := NewPools().Clone(f); !tt.push(c) || c.Len() != len(b)+tt.n {
			t.Errorf("%s: push after clone failed", tt.name)
		}
	}
}

func TestTagsDoNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(151, 152))
	for _, v6 := range []bool{false, true} {
		s := build(t, r, kind{proto: layers.IPProtocolTCP, v6: v6, ext: true, tags: 1, payload: 3000})
		f := s.gso(r, gsoType(kind{v6: v6}), 1000)
		if n := testing.AllocsPerRun(20, func() {
			f.Layers = s.layers
			DecIPTTL(f)
			if !PushMPLS(f, TypeMPLS) || !PushMPLS(f, TypeMPLSMC) || !PushPBB(f) || !PopPBB(f) {
				t.Fatal("push failed")
			}
			f.Layers = Layers{L2End: s.layers.L2End, MPLS: s.layers.L2End + 2, L3: -1, L4: -1}
			CopyTTLOut(f)
			DecMPLSTTL(f)
			PopMPLS(f, TypeMPLS)
			CopyTTLIn(f)
			SegmentBeforeMPLS(f)
			PayloadLimit(f, 900)
			PopMPLS(f, binary.BigEndian.Uint16(s.b[s.layers.L2End:]))
		}); n != 0 {
			t.Errorf("IPv6 %v: %v allocations", v6, n)
		}
	}
}

// FuzzTags lets all that pushes, pops and copies loose on any frame: what
// reports false has changed nothing, and a push is undone by a pop.
func FuzzTags(f *testing.F) {
	r := rand.New(rand.NewPCG(153, 154))
	for range 20 {
		s := build(f, r, randomKind(r))
		f.Add(s.b, s.layers.L2End, s.layers.L3, randomBytes(r, 12))
	}
	for _, c := range ttlCases(f) {
		f.Add(c.b, c.layers.L2End, c.layers.L3, []byte{1, 7, 8, 3, 1, 2, 8, 4, 7, 6})
	}
	f.Fuzz(func(t *testing.T, b []byte, l2, l3 int16, ops []byte) {
		fr := FromBytes(b)
		fr.Layers = Layers{L2End: l2, MPLS: -1, L3: l3, L4: -1}
		fr.Offload = Offload{NeedsCsum: true, CsumStart: uint16(l3), GSOType: GSOTCPv4, GSOSize: 100}
		for _, op := range ops {
			was, before := *fr, bytes.Clone(fr.Bytes())
			var done bool
			var undo func(*Frame) bool
			switch op % 10 {
			case 0:
				done, undo = PushVLAN(fr, TypeVLAN, uint16(op)), PopVLAN
			case 1:
				done = PushMPLS(fr, TypeMPLS)
				if done {
					typ := binary.BigEndian.Uint16(before[was.Layers.L2End:])
					undo = func(f *Frame) bool { return PopMPLS(f, typ) }
				}
			case 2:
				done, undo = PushPBB(fr), PopPBB
				if done && len(before) < EthernetLen {
					t.Fatal("pushed on less than a header")
				}
			case 3:
				done = PopVLAN(fr)
			case 4:
				done = PopMPLS(fr, uint16(op)<<8)
			case 5:
				done = PopPBB(fr)
			case 6:
				done = CopyTTLIn(fr)
			case 7:
				done = CopyTTLOut(fr)
			case 8:
				done, _ = DecMPLSTTL(fr)
			case 9:
				done, _ = DecIPTTL(fr)
			}
			if !done && (!bytes.Equal(fr.Bytes(), before) || fr.Layers != was.Layers || fr.Offload != was.Offload) {
				t.Fatalf("operation %d refused, but changed % x to % x", op%10, before, fr.Bytes())
			}
			if done && undo != nil {
				c := NewPools().Clone(fr)
				if !undo(c) || !bytes.Equal(c.Bytes(), before) {
					t.Fatalf("operation %d on % x undone: % x", op%10, before, c.Bytes())
				}
			}
			SegmentBeforeMPLS(fr)
			PayloadLimit(fr, int(op))
		}
	})
}

func BenchmarkTags(b *testing.B) {
	r := rand.New(rand.NewPCG(155, 156))
	s := build(b, r, kind{proto: layers.IPProtocolTCP, tags: 1, payload: 6})
	ip := s.layers
	mpls := Layers{L2End: ip.L2End, MPLS: ip.L2End + 2, L3: -1, L4: -1}
	for _, tt := range []struct {
		name string
		do   func(f *Frame)
	}{
		{"PushPopMPLS", func(f *Frame) { f.Layers = ip; PushMPLS(f, TypeMPLS); PopMPLS(f, TypeIPv4) }},
		{"PushPopThreeLabels", func(f *Frame) {
			f.Layers = ip
			PushMPLS(f, TypeMPLS)
			PushMPLS(f, TypeMPLS)
			PushMPLS(f, TypeMPLS)
			PopMPLS(f, TypeMPLS)
			PopMPLS(f, TypeMPLS)
			PopMPLS(f, TypeIPv4)
		}},
		{"PushPopPBB", func(f *Frame) { f.Layers = ip; PushPBB(f); PopPBB(f) }},
		{"DecIPTTL", func(f *Frame) { SetIPTTL(f, 64); DecIPTTL(f) }},
		{"CopyTTLInLabelToIP", func(f *Frame) { f.Layers = mpls; CopyTTLIn(f) }},
		{"CopyTTLOutIPToLabel", func(f *Frame) { f.Layers = mpls; CopyTTLOut(f) }},
		{"DecMPLSTTL", func(f *Frame) { f.Layers = mpls; SetMPLSTTL(f, 64); DecMPLSTTL(f) }},
	} {
		b.Run(tt.name, func(b *testing.B) {
			f := s.frame()
			if tt.name[0] == 'C' || tt.name == "DecMPLSTTL" {
				PushMPLS(f, TypeMPLS)
			}
			b.ReportAllocs()
			for b.Loop() {
				tt.do(f)
			}
		})
	}
}
