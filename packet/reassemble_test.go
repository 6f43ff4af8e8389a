package packet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// sampleDatagram is an Ethernet frame with tags and a UDP datagram of n bytes of
// data over IPv4 (with options of 8 bytes) or IPv6 (with hop-by-hop options), its
// Layers right.
func sampleDatagram(v6 bool, tags, n int) *Frame {
	b := make([]byte, 12, 100+n)
	copy(b, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1})
	for i := range tags {
		b = append(b, 0x81, 0, 0x20, byte(i+1))
	}
	u := make([]byte, UDPLen+n)
	binary.BigEndian.PutUint16(u, 1000)
	binary.BigEndian.PutUint16(u[2:], 2000)
	binary.BigEndian.PutUint16(u[4:], uint16(len(u)))
	for i := range n {
		u[UDPLen+i] = byte(i * 7)
	}
	var l3, l4 int
	if v6 {
		b = append(b, 0x86, 0xdd)
		l3 = len(b)
		h := make([]byte, IPv6Len+8)
		h[0], h[6], h[7], h[23], h[39] = 0x60, ProtoHopByHop, 64, 1, 2
		binary.BigEndian.PutUint16(h[4:], uint16(8+len(u)))
		h[8], h[24] = 0xfd, 0xfd
		h[40], h[42], h[43] = ProtoUDP, 1, 4 // PadN
		l4 = l3 + len(h)
		binary.BigEndian.PutUint16(u[6:], udpSum(Checksum(u, PseudoSumIPv6(h[8:24], h[24:40], ProtoUDP, len(u)))))
		b = append(b, h...)
	} else {
		b = append(b, 8, 0)
		l3 = len(b)
		h := make(IPv4, 28)
		h[0], h[8], h[9] = 0x47, 64, ProtoUDP
		copy(h[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
		copy(h[20:], []byte{0x44, 4, 5, 0, 0x94, 4, 0, 0}) // timestamp (first fragment only), router alert (all)
		h.SetTotalLen(28 + len(u))
		h.SetID(0x1234)
		h.UpdateChecksum()
		l4 = l3 + len(h)
		binary.BigEndian.PutUint16(u[6:], udpSum(Checksum(u, PseudoSumIPv4(h.Src(), h.Dst(), ProtoUDP, len(u)))))
		b = append(b, h...)
	}
	f := FromBytes(append(b, u...))
	f.Layers = Layers{L2End: int16(l3 - 2), MPLS: -1, L3: int16(l3), L4: int16(l4)}
	return f
}

// cut makes fragments of f with size bytes of data each, by hand: an IPv4 fragment
// keeps all options, an IPv6 one gets its header behind the hop-by-hop options.
func cut(f *Frame, size int) (out []*Frame) {
	b, l3 := f.Bytes(), int(f.Layers.L3)
	v6 := b[l3]>>4 == 6
	l4 := l3 + 28
	if v6 {
		l4 = l3 + IPv6Len + 8
	}
	data := b[l4:]
	for at := 0; at < len(data); at += size {
		piece := data[at:min(at+size, len(data))]
		g := bytes.Clone(b[:l4])
		word := uint16(at)
		more := at+size < len(data)
		if v6 {
			if more {
				word |= 1
			}
			g = append(g, g[l3+IPv6Len], 0, byte(word>>8), byte(word), 0xde, 0xad, 0xbe, 0xef)
			g[l3+IPv6Len] = ProtoFragment
			IPv6(g[l3:]).SetPayloadLen(16 + len(piece))
		} else {
			word /= 8
			if more {
				word |= IPv4MoreFragments
			}
			h := IPv4(g[l3:])
			h.SetFlagsOffset(word)
			h.SetTotalLen(28 + len(piece))
			h.UpdateChecksum()
		}
		c := FromBytes(append(append(g, piece...), 0, 0, 0)) // padding
		c.Layers = f.Layers
		out = append(out, c)
	}
	return out
}

var testOrigin = Origin{Port: 3, Tags: 7}

// feed adds frames and gives what the last of them made, with all verdicts.
func feed(r *Reassembler, frames ...*Frame) (whole *Frame, verdicts []Verdict) {
	pools := NewPools()
	for _, f := range frames {
		w, v := r.Add(f, testOrigin, 1, pools)
		verdicts = append(verdicts, v)
		if w != nil {
			whole = w
		}
	}
	return whole, verdicts
}

func both(t *testing.T, fn func(t *testing.T, v6 bool)) {
	t.Run("IPv4", func(t *testing.T) { fn(t, false) })
	t.Run("IPv6", func(t *testing.T) { fn(t, true) })
}

// empty checks that a reassembler holds nothing.
func (r *Reassembler) empty(t *testing.T) {
	t.Helper()
	if r.bytes != 0 || len(r.byKey) != 0 || r.all.Len() != 0 || len(r.ports) != 0 || len(r.sources) != 0 {
		t.Errorf("%d bytes, %d datagrams, %d ports, %d sources are left", r.bytes, len(r.byKey), len(r.ports), len(r.sources))
	}
}

func TestReassembleAnyOrder(t *testing.T) {
	both(t, func(t *testing.T, v6 bool) {
		rng := rand.New(rand.NewPCG(1, 2))
		r := NewReassembler()
		for _, tags := range []int{0, 1, 3} {
			for _, n := range []int{1, 100, 3000, 65535 - 28 - 8 - 8} {
				f := sampleDatagram(v6, tags, n)
				size := max(n/40, 16) &^ 7
				pieces := cut(f, size)
				if len(pieces) == 1 {
					continue
				}
				rng.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
				// Repetitions do no harm.
				at := rng.IntN(len(pieces) - 1)
				list := append(pieces[:at+1:at+1], append([]*Frame{pieces[at]}, pieces[at+1:]...)...)
				whole, verdicts := feed(r, list...)
				for i, v := range verdicts {
					want := FragmentKept
					switch i {
					case at + 1:
						want = FragmentRepeated
					case len(verdicts) - 1:
						want = FragmentComplete
					}
					if v != want {
						t.Fatalf("%d tags, %d bytes: fragment %d of %d: verdict %d, want %d", tags, n, i, len(verdicts), v, want)
					}
				}
				if !bytes.Equal(whole.Bytes(), f.Bytes()) {
					t.Fatalf("%d tags, %d bytes: got\n%x, want\n%x", tags, n, whole.Bytes(), f.Bytes())
				}
				hdr := 28
				if v6 {
					hdr = IPv6Len + 8 + 8
				}
				if o := whole.Offload; o.GSOType != GSORefragment || int(o.FragmentMax) != hdr+size || v6 && o.FragmentID != 0xdeadbeef {
					t.Errorf("%d tags, %d bytes: offload %+v", tags, n, o)
				}
			}
		}
		r.empty(t)
	})
}

// What contradicts itself or the fragments before it spoils the datagram, and what
// comes of it later is not taken for another.
func TestReassembleRefusals(t *testing.T) {
	both(t, func(t *testing.T, v6 bool) {
		f := sampleDatagram(v6, 1, 200)
		good := cut(f, 64)
		other := cut(f, 32)
		altered := FromBytes(good[1].Bytes())
		altered.Layers = good[1].Layers
		altered.Bytes()[len(altered.Bytes())-10] ^= 1
		early := cut(sampleDatagram(v6, 1, 64+56), 64) // ends at 128
		const k, c, rep, bad = FragmentKept, FragmentComplete, FragmentRepeated, FragmentBad
		for _, test := range []struct {
			name   string
			frames []*Frame
			want   []Verdict
		}{
			{"good", good, []Verdict{k, k, k, c}},
			{"overlap with the one before", []*Frame{good[0], other[1], good[1]}, []Verdict{k, bad, bad}},
			{"overlap with the one after", []*Frame{good[1], good[0], other[3], good[2]}, []Verdict{k, k, bad, bad}},
			{"the same place, another length", []*Frame{good[0], other[0], good[1]}, []Verdict{k, bad, bad}},
			{"the same place, other bytes", []*Frame{good[0], good[1], altered}, []Verdict{k, k, bad}},
			{"repetition", []*Frame{good[0], good[0], good[3], good[3]}, []Verdict{k, rep, k, rep}},
			{"another end", []*Frame{good[3], early[1]}, []Verdict{k, bad}},
			{"beyond the end", []*Frame{early[1], good[2]}, []Verdict{k, bad}},
			{"the end before others", []*Frame{good[2], early[1]}, []Verdict{k, bad}},
		} {
			t.Run(test.name, func(t *testing.T) {
				r := NewReassembler()
				_, got := feed(r, test.frames...)
				for i, v := range got {
					if v != test.want[i] {
						t.Errorf("verdicts %v, want %v", got, test.want)
						break
					}
				}
				r.Expire(1 + ReassemblyTime)
				r.empty(t)
			})
		}
	})
}

func TestReassembleBadFragments(t *testing.T) {
	for _, test := range []struct {
		name   string
		v6     bool
		change func(b []byte) []byte // from the IP header on
	}{
		{"length not in units of 8", false, func(b []byte) []byte { IPv4(b).SetTotalLen(28 + 63); IPv4(b).UpdateChecksum(); return b }},
		{"length not in units of 8", true, func(b []byte) []byte { IPv6(b).SetPayloadLen(16 + 63); return b }},
		{"no data", false, func(b []byte) []byte { IPv4(b).SetTotalLen(28); IPv4(b).UpdateChecksum(); return b }},
		{"no data", true, func(b []byte) []byte { IPv6(b).SetPayloadLen(16); return b }},
		{"beyond 64 KiB", false, func(b []byte) []byte { IPv4(b).SetFlagsOffset(0x1fff); IPv4(b).UpdateChecksum(); return b }},
		{"beyond 64 KiB", true, func(b []byte) []byte { b[50], b[51] = 0xff, 0xf8; return b }},
		{"bad header checksum", false, func(b []byte) []byte { b[10] ^= 1; return b }},
		{"frame cut short", false, func(b []byte) []byte { return b[:60] }},
		{"frame cut short", true, func(b []byte) []byte { return b[:60] }},
		{"transport header in a later fragment", true, func(b []byte) []byte { b[48] = ProtoTCP; IPv6(b).SetPayloadLen(16 + 16); return b }},
		{"extension header in a later fragment", true, func(b []byte) []byte { b[48] = ProtoDestOpts; b[57] = 20; return b }},
	} {
		name := "IPv4 "
		if test.v6 {
			name = "IPv6 "
		}
		t.Run(name+test.name, func(t *testing.T) {
			f := cut(sampleDatagram(test.v6, 0, 200), 64)[0]
			g := FromBytes(append(bytes.Clone(f.Bytes()[:14]), test.change(bytes.Clone(f.Bytes()[14:]))...))
			g.Layers = f.Layers
			r := NewReassembler()
			if _, v := r.Add(g, testOrigin, 1, NewPools()); v != FragmentBad {
				t.Errorf("verdict %d, want FragmentBad", v)
			}
			r.empty(t)
		})
	}
}

func TestReassembleAtomic(t *testing.T) {
	f := cut(sampleDatagram(true, 0, 64), 1024)[0]
	r := NewReassembler()
	if _, v := r.Add(f, testOrigin, 1, NewPools()); v != FragmentWhole {
		t.Errorf("verdict %d, want FragmentWhole", v)
	}
	r.empty(t)
}

// Fragments of different origins, identifications, addresses or protocols do not
// meet.
func TestReassembleApart(t *testing.T) {
	both(t, func(t *testing.T, v6 bool) {
		pieces := cut(sampleDatagram(v6, 0, 100), 64)
		change := func(i int) *Frame {
			g := FromBytes(pieces[1].Bytes())
			g.Layers = pieces[1].Layers
			g.Bytes()[14+i] ^= 1
			if !v6 {
				IPv4(g.Bytes()[14:]).UpdateChecksum()
			}
			return g
		}
		at := []int{5, 9, 13, 17} // identification, protocol, addresses
		if v6 {
			at = []int{55, 9, 39}
		}
		for _, i := range at {
			r := NewReassembler()
			if whole, _ := feed(r, pieces[0], change(i)); whole != nil {
				t.Errorf("byte %d differs, and the fragments were put together", i)
			}
		}
		for _, from := range []Origin{{4, 7}, {3, 8}} {
			r := NewReassembler()
			feed(r, pieces[0])
			if whole, _ := r.Add(pieces[1], from, 1, NewPools()); whole != nil {
				t.Errorf("origin %+v and %+v were put together", from, testOrigin)
			}
		}
	})
}

func TestReassembleCongestion(t *testing.T) {
	both(t, func(t *testing.T, v6 bool) {
		for _, test := range []struct{ first, second, want int }{
			{0, 0, 0}, {1, 2, 1}, {2, 3, 3}, {3, 1, 3}, {3, 3, 3}, {0, 3, -1}, {3, 0, -1}, {0, 2, 0},
		} {
			pieces := cut(sampleDatagram(v6, 0, 100), 64)
			for i, ecn := range []int{test.first, test.second} {
				SetIPECN(pieces[i], uint8(ecn))
			}
			whole, _ := feed(NewReassembler(), pieces...)
			got := -1
			if whole != nil {
				if b := whole.Bytes()[14:]; v6 {
					got = int(IPv6(b).TrafficClass() & 3)
				} else if got = int(IPv4(b).TOS() & 3); Checksum(b[:28], 0) != 0 {
					t.Errorf("%+v: header checksum wrong", test)
				}
			}
			if got != test.want {
				t.Errorf("%+v: got %d", test, got)
			}
		}
	})
}

// first makes first fragments of different datagrams.
func first(id uint16, src byte, size int) *Frame {
	f := cut(sampleDatagram(false, 0, size+8), size)[0]
	h := IPv4(f.Bytes()[14:])
	h.SetID(id)
	h[15] = src
	h.UpdateChecksum()
	return f
}

func TestReassemblyIsBounded(t *testing.T) {
	pools := NewPools()
	r := NewReassembler()
	victim := cut(sampleDatagram(false, 0, 100), 64)
	r.Add(victim[0], Origin{Port: 1}, 1, pools)

	// One source: its oldest go.
	for i := range 3 * ReassemblyPerSource {
		r.Add(first(uint16(i), 9, 64), Origin{Port: 2}, 1, pools)
	}
	if n := len(r.byKey); n != ReassemblyPerSource+1 {
		t.Errorf("%d datagrams are kept, want %d of one source", n, ReassemblyPerSource)
	}
	if _, evicted := r.Expire(1); evicted != 2*ReassemblyPerSource {
		t.Errorf("%d fragments made room, want %d", evicted, 2*ReassemblyPerSource)
	}
	// Many sources at one port: the port's oldest go, also of tiny fragments.
	for _, size := range []int{1400, 8} {
		for i := range 20000 {
			r.Add(first(uint16(i), byte(i), size), Origin{Port: 2, Tags: uint64(i >> 12)}, 1, pools)
			if p := r.ports[2].bytes; p > ReassemblyPortBytes {
				t.Fatalf("%d bytes are kept of one port", p)
			}
		}
	}
	if r.bytes > ReassemblyPortBytes+1000 {
		t.Errorf("%d bytes are kept in all", r.bytes)
	}
	if _, v := r.Add(victim[1], Origin{Port: 1}, 1, pools); v != FragmentComplete {
		t.Errorf("a flood at port 2 has cost port 1 its datagram: verdict %d", v)
	}
	// Many ports.
	for i := range 20000 {
		r.Add(first(uint16(i), byte(i), 1400), Origin{Port: uint32(i % 97)}, 1, pools)
		if r.bytes > ReassemblyBytes {
			t.Fatalf("%d bytes are kept", r.bytes)
		}
	}
	n := r.Clear()
	if n == 0 {
		t.Error("nothing was kept")
	}
	r.empty(t)

	// One datagram of very many fragments.
	r = NewReassembler()
	list := cut(sampleDatagram(false, 0, 8*(ReassemblyPieces+1)), 8)
	_, verdicts := feed(r, list...)
	for i, v := range verdicts {
		if want := i >= ReassemblyPieces; (v == FragmentBad) != want {
			t.Fatalf("fragment %d: verdict %d", i, v)
		}
	}
}

func TestReassemblyTime(t *testing.T) {
	pieces := cut(sampleDatagram(false, 0, 100), 64)
	r := NewReassembler()
	pools := NewPools()
	r.Add(pieces[0], testOrigin, 1, pools)
	if late, _ := r.Expire(ReassemblyTime); late != 0 {
		t.Error("the fragment was dropped before its time")
	}
	if _, v := r.Add(pieces[1], testOrigin, 1+ReassemblyTime, pools); v != FragmentKept {
		t.Errorf("verdict %d after the first fragment's time", v)
	}
	if late, evicted := r.Expire(2 + ReassemblyTime); late != 1 || evicted != 0 {
		t.Errorf("late %d, evicted %d: want 1, 0", late, evicted)
	}
}

// What is fragmented is, put together again, the same, and every piece fits.
func TestFragmentAndBack(t *testing.T) {
	both(t, func(t *testing.T, v6 bool) {
		pools := NewPools()
		for _, tags := range []int{0, 1, 2} {
			for _, n := range []int{1400, 1480, 3000, 65000} {
				for _, mtu := range []int{0, 576, 1280, 1500, 9000} {
					for _, df := range []bool{false, true} {
						f := sampleDatagram(v6, tags, n)
						f.Offload = Offload{GSOType: GSORefragment, FragmentID: 0xdeadbeef}
						b := f.Bytes()
						if df {
							f.Offload.FragmentMax = 1300
							if !v6 {
								h := IPv4(b[f.Layers.L3:])
								h.SetFlagsOffset(IPv4DontFragment)
								h.UpdateChecksum()
							}
						}
						out, err := Fragment(f, mtu, pools, nil)
						if err != nil {
							t.Fatal(err)
						}
						limit := mtu + EthernetLen + VLANLen*min(tags, 1)
						if mtu == 0 {
							limit = MaxFrame
						}
						if df {
							limit = min(limit, int(f.Layers.L3)+1300)
						}
						if len(out) == 1 != (len(b) <= limit) {
							t.Fatalf("%d tags, %d bytes, MTU %d: %d fragments of %d bytes", tags, n, mtu, len(out), len(b))
						}
						r := NewReassembler()
						var whole *Frame
						for _, g := range out {
							if g.Len() > limit || g.Offload != (Offload{}) {
								t.Fatalf("%d tags, %d bytes, MTU %d: fragment of %d bytes, %+v", tags, n, mtu, g.Len(), g.Offload)
							}
							if len(out) > 1 && g.Len() < limit-8-VLANLen*tags && g != out[len(out)-1] {
								t.Errorf("%d tags, %d bytes, MTU %d: fragment of %d bytes only", tags, n, mtu, g.Len())
							}
							g.Layers = f.Layers
							if !v6 && Checksum(g.Bytes()[g.Layers.L3:g.Layers.L3+28], 0) != 0 {
								t.Fatal("header checksum wrong")
							}
							whole, _ = r.Add(g, testOrigin, 1, pools)
						}
						if len(out) == 1 {
							whole = out[0]
						}
						if whole == nil || !bytes.Equal(whole.Bytes(), b) {
							t.Fatalf("%d tags, %d bytes, MTU %d: does not come back", tags, n, mtu)
						}
					}
				}
			}
		}
		f := sampleDatagram(v6, 0, 2000)
		f.Offload.GSOType = GSORefragment
		if out, err := Fragment(f, 35, pools, nil); err != ErrGSOSize || len(out) != 0 {
			t.Errorf("MTU 35: %d fragments, %v", len(out), err)
		}
	})
}
