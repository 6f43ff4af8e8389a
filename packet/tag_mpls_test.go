package packet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// label is a label stack entry on the wire, made slowly.
func label(label uint32, tc uint8, bos bool, ttl uint8) []byte {
	b := []byte{byte(label >> 12), byte(label >> 4), byte(label<<4) | tc<<1, ttl}
	if bos {
		b[2] |= 1
	}
	return b
}

// spliced is b with more at the offset at, and b's EtherType before it as t.
func spliced(b []byte, at int, t uint16, more ...[]byte) []byte {
	out := binary.BigEndian.AppendUint16(bytes.Clone(b[:at]), t)
	return append(append(out, bytes.Join(more, nil)...), b[at+2:]...)
}

func TestMPLSLabels(t *testing.T) {
	r := rand.New(rand.NewPCG(101, 102))
	for range 300 {
		k := randomKind(r)
		s := build(t, r, k)
		f := s.frame()
		s.partial(f)
		f.Offload.HdrLen, f.Offload.GSOType, f.Offload.GSOSize = uint16(s.layers.L4)+20, GSOTCPv4, 3
		at, ttl := int(s.layers.L2End), s.b[s.layers.L3+8]
		if k.v6 {
			ttl = s.b[s.layers.L3+7]
		}
		original := bytes.Clone(f.Bytes())
		first := f.Offload

		var stack [][]byte
		var states []Frame
		for depth := range 3 {
			states = append(states, Frame{Layers: f.Layers, Offload: f.Offload})
			typ := []uint16{TypeMPLS, TypeMPLSMC, TypeMPLS}[depth]
			if !PushMPLS(f, typ) {
				t.Fatalf("%v: push %d failed", k, depth+1)
			}
			// The first from IP, any other a copy of the one before it.
			if depth == 0 {
				stack = [][]byte{label(0, 0, true, ttl)}
			} else {
				top := bytes.Clone(stack[0])
				top[2] &^= 1
				stack = append([][]byte{top}, stack...)
			}
			if want := spliced(original, at, typ, stack...); !bytes.Equal(f.Bytes(), want) {
				t.Fatalf("%v: push %d\n% x, want\n% x", k, depth+1, f.Bytes(), want)
			}
			grown := uint16(MPLSLen * (depth + 1))
			if f.Offload.HdrLen != first.HdrLen+grown || first.NeedsCsum && f.Offload.CsumStart != first.CsumStart+grown {
				t.Errorf("%v: push %d: offload %+v, first %+v", k, depth+1, f.Offload, first)
			}
			if want := (Layers{L2End: int16(at), MPLS: int16(at + 2), L3: -1, L4: -1}); f.Layers != want {
				t.Errorf("%v: push %d: layers %+v, want %+v", k, depth+1, f.Layers, want)
			}
			// Make the top one's fields different for the next copy.
			l, tc, newTTL := r.Uint32()&0xfffff, uint8(r.IntN(8)), uint8(r.Uint32())
			if !SetMPLSLabel(f, l) || !SetMPLSTC(f, tc) || !SetMPLSTTL(f, newTTL) {
				t.Fatalf("%v: the label pushed cannot be written", k)
			}
			stack[0] = label(l, tc, depth == 0, newTTL)
			checkStack(t, f.Bytes()[at+2:], stack)
		}

		// The packet below is as it was, also to who finishes its checksum.
		if c := NewPools().Clone(f); c.Offload.NeedsCsum {
			c.Offload.GSOType = GSONone
			if err := FinishChecksum(c); err != nil {
				t.Fatalf("%v: %v", k, err)
			}
			b := spliced(c.Bytes()[:at+2], at, binary.BigEndian.Uint16(original[at:]), c.Bytes()[at+2+3*MPLSLen:])
			checkSums(t, b, s.layers, s.finalIn(b))
		}

		for depth := 2; depth >= 0; depth-- {
			typ := []uint16{binary.BigEndian.Uint16(original[at:]), TypeMPLS, TypeMPLSMC}[depth]
			if !PopMPLS(f, typ) {
				t.Fatalf("%v: pop of label %d failed", k, depth+1)
			}
			stack = stack[1:]
			if want := spliced(original, at, typ, stack...); !bytes.Equal(f.Bytes(), want) {
				t.Fatalf("%v: pop of label %d\n% x, want\n% x", k, depth+1, f.Bytes(), want)
			}
			want := states[depth]
			if depth == 0 {
				want.Layers = Layers{L2End: int16(at), MPLS: -1, L3: -1, L4: -1} // to be extracted again
			}
			if f.Offload != want.Offload || f.Layers != want.Layers {
				t.Errorf("%v: pop of label %d: %+v %+v, want %+v", k, depth+1, f.Offload, f.Layers, want)
			}
		}
		if PopMPLS(f, TypeIPv4) {
			t.Fatalf("%v: popped what is not there", k)
		}
	}
}

// checkStack has gopacket read the stack.
func checkStack(t *testing.T, b []byte, stack [][]byte) {
	t.Helper()
	p := gopacket.NewPacket(b, layers.LayerTypeMPLS, gopacket.Lazy)
	var got [][]byte
	for _, l := range p.Layers() {
		if m, ok := l.(*layers.MPLS); ok {
			got = append(got, label(m.Label, m.TrafficClass, m.StackBottom, m.TTL))
		}
	}
	if !slices.EqualFunc(got, stack, bytes.Equal) {
		t.Errorf("gopacket sees the stack % x, want % x", got, stack)
	}
}

func TestPushMPLSOnOthers(t *testing.T) {
	eth := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	at := func(off int16) Layers { return Layers{L2End: off, MPLS: -1, L3: -1, L4: -1} }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, tt := range []struct {
		name   string
		b      []byte
		layers Layers
		push   uint16
		want   []byte // nil: refused
	}{
		{"ARP", join(eth, []byte{8, 6}, make([]byte, 28)), Layers{12, -1, 14, -1}, TypeMPLS,
			join(eth, []byte{0x88, 0x47}, label(0, 0, true, 0), make([]byte, 28))},
		{"unknown type, nothing behind", join(eth, []byte{0x12, 0x34}), at(12), TypeMPLSMC,
			join(eth, []byte{0x88, 0x48}, label(0, 0, true, 0))},
		{"IP that extraction did not find", join(eth, []byte{8, 0, 0x45, 0, 0}), at(12), TypeMPLS,
			join(eth, []byte{0x88, 0x47}, label(0, 0, true, 0), []byte{0x45, 0, 0})},
		{"not IP any more", join(eth, []byte{0x12, 0x34, 0x45, 0, 0, 20, 0, 0, 0, 0, 99}, make([]byte, 11)), Layers{12, -1, 14, -1}, TypeMPLS,
			join(eth, []byte{0x88, 0x47}, label(0, 0, true, 0), []byte{0x45, 0, 0, 20, 0, 0, 0, 0, 99}, make([]byte, 11))},
		{"third tag", join(eth, []byte{0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3, 8, 0}), at(20), TypeMPLS,
			join(eth, []byte{0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x88, 0x47}, label(0, 0, true, 0), []byte{0, 3, 8, 0})},
		{"I-tag", join(eth, []byte{0x88, 0xe7}, make([]byte, 18)), at(12), TypeMPLS,
			join(eth, []byte{0x88, 0x47}, label(0, 0, true, 0), make([]byte, 18))},
		{"multicast below unicast", join(eth, []byte{0x88, 0x48}, label(7, 1, true, 2)), at(12), TypeMPLS,
			join(eth, []byte{0x88, 0x47}, label(7, 1, false, 2), label(7, 1, true, 2))},
		{"bottom of stack nowhere", join(eth, []byte{0x88, 0x47}, label(7, 1, false, 2)), at(12), TypeMPLS,
			join(eth, []byte{0x88, 0x47}, label(7, 1, false, 2), label(7, 1, false, 2))},
		{"label cut short", join(eth, []byte{0x88, 0x47, 1, 2, 3}), at(12), TypeMPLS, nil},
		{"802.3", join(eth, []byte{0, 3, 0x42, 0x42, 3}), at(12), TypeMPLS, nil},
		{"no labels announced", join(eth, []byte{8, 0}, make([]byte, 20)), at(12), TypeIPv4, nil},
		{"not extracted", join(eth, []byte{8, 0}, make([]byte, 20)), at(-1), TypeMPLS, nil},
		{"no whole header", eth, at(12), TypeMPLS, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := FromBytes(tt.b)
			f.Layers = tt.layers
			if got := PushMPLS(f, tt.push); got != (tt.want != nil) {
				t.Fatalf("push: %v", got)
			}
			if tt.want == nil {
				if !bytes.Equal(f.Bytes(), tt.b) || f.Layers != tt.layers {
					t.Errorf("refused, but now % x %+v", f.Bytes(), f.Layers)
				}
				return
			}
			if !bytes.Equal(f.Bytes(), tt.want) {
				t.Errorf("% x, want % x", f.Bytes(), tt.want)
			}
			off := int(tt.layers.L2End)
			if !PopMPLS(f, binary.BigEndian.Uint16(tt.b[off:])) || !bytes.Equal(f.Bytes(), tt.b) {
				t.Errorf("popped: % x, want % x", f.Bytes(), tt.b)
			}
		})
	}
}

// TestPopMPLSOfTwo: what follows is what the flow says, right or wrong.
func TestPopMPLSOfTwo(t *testing.T) {
	eth := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x81, 0, 0, 5}
	b := bytes.Join([][]byte{eth, {0x88, 0x47}, label(1, 2, false, 3), label(4, 5, true, 6), {0x45}}, nil)
	for typ, mpls := range map[uint16]int16{TypeMPLS: 18, TypeMPLSMC: 18, TypePBB: 18, TypeIPv4: -1, TypeVLAN: -1} {
		f := FromBytes(b)
		f.Layers = Layers{L2End: 16, MPLS: 18, L3: -1, L4: -1}
		want := bytes.Join([][]byte{eth, {byte(typ >> 8), byte(typ)}, label(4, 5, true, 6), {0x45}}, nil)
		if !PopMPLS(f, typ) || !bytes.Equal(f.Bytes(), want) {
			t.Errorf("%#04x: % x, want % x", typ, f.Bytes(), want)
		}
		if wl := (Layers{L2End: 16, MPLS: mpls, L3: -1, L4: -1}); f.Layers != wl {
			t.Errorf("%#04x: %+v, want %+v", typ, f.Layers, wl)
		}
	}
	for n := range len(b) {
		f := FromBytes(b[:n])
		f.Layers = Layers{L2End: 16, MPLS: 18, L3: -1, L4: -1}
		whole := n >= 18+MPLSLen
		if got := PopMPLS(f, TypeMPLS); got != whole || !whole && !bytes.Equal(f.Bytes(), b[:n]) {
			t.Errorf("cut to %d bytes: %v, % x", n, got, f.Bytes())
		}
		if whole && n < 18+2*MPLSLen && f.Layers.MPLS != -1 {
			t.Errorf("cut to %d bytes: layers %+v point at no label", n, f.Layers)
		}
	}
}

func TestSegmentBeforeMPLS(t *testing.T) {
	r := rand.New(rand.NewPCG(103, 104))
	pools := NewPools()
	for _, tt := range []struct {
		name    string
		tags    int
		l2end   int16 // 0: behind all tags
		prepare func(f *Frame) bool
		want    bool
	}{
		{"plain", 0, 0, nil, false},
		{"two tags", 2, 0, nil, false},
		{"labels", 0, 0, func(f *Frame) bool { return PushMPLS(f, TypeMPLS) && PushMPLS(f, TypeMPLSMC) }, false},
		{"three tags", 3, 20, nil, true},
		{"PBB", 0, 0, PushPBB, true},
		{"B-tag", 1, 0, func(f *Frame) bool { return PushPBB(f) && PushVLAN(f, TypeQinQ, 5) }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := build(t, r, kind{proto: layers.IPProtocolTCP, tags: tt.tags, payload: 3000})
			f := s.gso(r, GSOTCPv4, 1000)
			if tt.l2end != 0 {
				f.Layers = Layers{L2End: tt.l2end, MPLS: -1, L3: -1, L4: -1}
			}
			if tt.prepare != nil && !tt.prepare(f) {
				t.Fatal("preparation failed")
			}
			if got := SegmentBeforeMPLS(f); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
			before, err := Segment(f, 0, pools, nil)
			if err != nil || len(before) != 3 {
				t.Fatalf("before: %v, %d frames", err, len(before))
			}
			if !PushMPLS(f, TypeMPLS) {
				t.Fatal("push failed")
			}
			_, err = Segment(f, 0, pools, nil)
			if (err != nil) != tt.want {
				t.Errorf("after: %v, want an error: %v", err, tt.want)
			}
			f.Offload = Offload{}
			if SegmentBeforeMPLS(f) {
				t.Error("not a GSO frame")
			}
		})
	}
	f := FromBytes([]byte{1})
	f.Offload.GSOType, f.Offload.GSOSize = GSOTCPv4, 1
	f.Layers.L2End = -1
	if SegmentBeforeMPLS(f) {
		t.Error("a byte")
	}
}
