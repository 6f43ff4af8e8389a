package packet

import (
	"bytes"
	"strings"
	"testing"
)

func mustPanic(t *testing.T, want string, fn func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got, _ := recover().(string); !strings.Contains(got, want) {
			t.Errorf("panic %q, want one with %q", got, want)
		}
	}()
	fn()
}

func TestPool(t *testing.T) {
	p := NewPool(100)
	f := p.Get(60)
	if f.Len() != 0 || f.Headroom() != Headroom || f.Tailroom() != 100 || !f.Pooled() {
		t.Fatalf("%d bytes, headroom %d, tailroom %d", f.Len(), f.Headroom(), f.Tailroom())
	}
	b, ok := f.Append(100)
	if !ok || len(b) != 100 || f.Len() != 100 {
		t.Fatal("no room for the class's size")
	}
	if _, ok := f.Append(1); ok || f.Len() != 100 {
		t.Error("grew beyond its memory")
	}
	if _, ok := f.Append(-1); ok {
		t.Error("grew by less than nothing")
	}
	f.InPort, f.Shared, f.Offload.NeedsCsum, f.Layers.L3 = 3, true, true, 14
	p.Put(f)
	if f.Len() != 0 || f.buf != nil || f.Pooled() {
		t.Error("the holder still sees the frame's bytes")
	}
	g := p.Get(100)
	if g != f {
		t.Error("the frame in stock was not used")
	}
	if g.InPort != 0 || g.Shared || g.Offload != (Offload{}) || g.Layers != (Layers{}) || g.Len() != 0 {
		t.Errorf("state of an earlier use: %+v", *g)
	}
	if n := testing.AllocsPerRun(10, func() { p.Put(p.Get(1)) }); n > 1 { // the stock may grow once
		t.Errorf("%v allocations", n)
	}
}

func TestPoolPanics(t *testing.T) {
	p, other := NewPool(100), NewPool(100)
	f := p.Get(1)
	mustPanic(t, "another pool", func() { other.Put(f) })
	copied := *f
	mustPanic(t, "no pool made", func() { p.Put(&copied) })
	p.Put(f)
	mustPanic(t, "twice", func() { p.Put(f) })
	mustPanic(t, "no pool made", func() { p.Put(FromBytes(make([]byte, 10))) })
	lent := p.Get(1)
	lent.Set(make([]byte, 10), 0, 10)
	mustPanic(t, "no pool made", func() { p.Put(lent) })
	mustPanic(t, "without room", func() { NewPool(0) })
	mustPanic(t, "twice", func() {
		ps := NewPools()
		f := ps.Get(5000)
		ps.Put(f)
		ps.Put(f)
	})
	mustPanic(t, "another pool", func() { NewPools().Put(NewPools().Get(1)) })
}

// TestPoolBounds: an odd size is served and not stocked; a stock does not
// grow without end.
func TestPoolBounds(t *testing.T) {
	p := NewPool(100)
	big := p.Get(101)
	if big.Tailroom() != 101 {
		t.Errorf("room for %d, want 101", big.Tailroom())
	}
	p.Put(big)
	if len(p.free) != 0 {
		t.Error("a frame of another size was stocked")
	}
	p.keep = 2
	fs := []*Frame{p.Get(1), p.Get(1), p.Get(1)}
	for _, f := range fs {
		p.Put(f)
	}
	if len(p.free) != 2 {
		t.Errorf("%d frames in stock, want 2", len(p.free))
	}
	if keep := NewPools().Large.keep; keep < BatchSize || keep*LargeFrame > 16<<20 {
		t.Errorf("large class keeps %d frames", keep)
	}
}

func TestPoolsClone(t *testing.T) {
	ps := NewPools()
	for _, n := range []int{0, 1, 60, SmallFrame, SmallFrame + 1, MaxFrame} {
		f := FromBytes(bytes.Repeat([]byte{0xab}, n))
		f.Prepend(0)
		f.InPort, f.Shared = 9, true
		f.Offload = Offload{NeedsCsum: true, CsumStart: 34, GSOType: GSOTCPv4, GSOSize: 9}
		f.Layers = Layers{12, -1, 14, 34}
		c := ps.Clone(f)
		if !bytes.Equal(c.Bytes(), f.Bytes()) || c.Offload != f.Offload || c.Layers != f.Layers || c.InPort != 9 || c.Shared {
			t.Errorf("%d bytes: clone %+v", n, c.Offload)
		}
		if c.Headroom() < Headroom {
			t.Errorf("%d bytes: headroom %d", n, c.Headroom())
		}
		if n > 0 {
			c.Bytes()[0] = 1
			if f.Bytes()[0] != 0xab {
				t.Errorf("%d bytes: clone shares memory", n)
			}
		}
		if small := c.pool == ps.Small; small != (n <= SmallFrame) {
			t.Errorf("%d bytes: small class %v", n, small)
		}
		ps.Put(c)
	}
}

func TestFrameBounds(t *testing.T) {
	f := FromBytes([]byte{1, 2, 3, 4})
	f.Offload = Offload{NeedsCsum: true, CsumStart: 2, HdrLen: 2}
	if _, ok := f.Prepend(Headroom + 1); ok || f.Len() != 4 || f.Offload.CsumStart != 2 {
		t.Error("prepended beyond the headroom")
	}
	if b, ok := f.Prepend(Headroom); !ok || len(b) != 4+Headroom || f.Offload.CsumStart != 2+Headroom || f.Offload.HdrLen != 2+Headroom {
		t.Errorf("Prepend: %v, %+v", ok, f.Offload)
	}
	f.TrimFront(Headroom)
	if !bytes.Equal(f.Bytes(), []byte{1, 2, 3, 4}) || f.Offload.CsumStart != 2 {
		t.Errorf("TrimFront: % x, %+v", f.Bytes(), f.Offload)
	}
	// Lies saturate instead of coming round to the Ethernet header.
	f.TrimFront(4)
	if f.Offload.CsumStart != 0xffff || f.Offload.HdrLen != 0xffff {
		t.Errorf("below zero: %+v", f.Offload)
	}
	f.Prepend(4)
	if f.Offload.CsumStart != 0xffff {
		t.Errorf("above the largest: %+v", f.Offload)
	}
	f.Truncate(2)
	f.Truncate(3)
	if !bytes.Equal(f.Bytes(), []byte{1, 2}) {
		t.Errorf("Truncate: % x", f.Bytes())
	}
	for _, b := range [][2]int{{-1, 2}, {2, 1}, {0, 5}} {
		mustPanic(t, "bounds", func() { NewFrame(make([]byte, 4), b[0], b[1]) })
	}
}

type lender struct{ released int }

func (l *lender) Release(b *Batch) { l.released += b.N }

func TestBatchRelease(t *testing.T) {
	var l lender
	b := Batch{N: 3, Lender: &l}
	b.Release()
	b.Release()
	if l.released != 3 || b.N != 0 || b.Lender != nil {
		t.Errorf("released %d, left %d", l.released, b.N)
	}
}

func BenchmarkPool(b *testing.B) {
	ps := NewPools()
	f := FromBytes(make([]byte, 64))
	b.Run("get-put", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ps.Put(ps.Get(64))
		}
	})
	b.Run("clone-64", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ps.Put(ps.Clone(f))
		}
	})
}
