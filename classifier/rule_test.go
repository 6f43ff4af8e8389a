package classifier

import (
	"testing"

	"ofswitch/flow"
)

func TestRulePacksItsMatch(t *testing.T) {
	g := newGenerator(11)
	var sizes [flow.Words + 1]int
	for range 2000 {
		m := g.match()
		if g.IntN(20) == 0 {
			for i := range g.IntN(flow.Words + 1) {
				m.Mask[i] = 1 << g.IntN(64)
				m.Value[i] &= m.Mask[i]
			}
		}
		r := NewRule(&m, 5, "x")
		sizes[r.shape.n]++
		if r.Match() != m || r.Priority() != 5 || r.Value() != "x" || r.IsCatchAll() != m.IsCatchAll() {
			t.Fatalf("%v became %v", m, r.Match())
		}
		w := g.key(&m, &m)
		p, _ := r.PatternIn(nil)
		if !r.Matches(&w) || !p.Matches(&w) {
			t.Fatalf("%v does not match its own frame", m)
		}
		for i := range w {
			if m.Mask[i] == 0 {
				continue
			}
			bad := w
			bad[i] ^= m.Mask[i] & -m.Mask[i]
			if r.Matches(&bad) || p.Matches(&bad) {
				t.Fatalf("%v matches another frame in word %d", m, i)
			}
		}
	}
	for n := 9; n < len(sizes); n++ {
		if sizes[n] == 0 {
			t.Errorf("no match of %d words was tried", n)
		}
	}
}

func TestVisibility(t *testing.T) {
	c := New[int]()
	r := NewRule(&flow.Match{}, 0, 1)
	if r.VisibleAt(0) || r.VisibleAt(never-1) {
		t.Error("visible before it is inserted")
	}
	c.Insert(r, 5)
	c.Remove(r, 8)
	for v, want := range map[Version]bool{0: false, 4: false, 5: true, 7: true, 8: false, 100: false} {
		if r.VisibleAt(v) != want {
			t.Errorf("visible at %d: %v, want %v", v, !want, want)
		}
		if got := c.Lookup(&flow.Wide{}, v, nil); (got != nil) != want {
			t.Errorf("lookup at %d: %v", v, got)
		}
	}
	if c.Len() != 0 {
		t.Errorf("Len is %d after removal", c.Len())
	}
	c.Restore(r)
	if c.Len() != 1 || !r.VisibleAt(100) {
		t.Error("not restored")
	}
	c.Remove(r, 9)
	c.Unlink(r)
	if c.Masks() != 0 || c.Lookup(&flow.Wide{}, 5, nil) != nil {
		t.Error("still there after Unlink")
	}
	// Inserted and removed in one version: never visible.
	r = NewRule(&flow.Match{}, 0, 2)
	c.Insert(r, 10)
	c.Remove(r, 10)
	for v := Version(8); v < 12; v++ {
		if r.VisibleAt(v) {
			t.Errorf("visible at %d", v)
		}
	}
}

func TestMisusePanics(t *testing.T) {
	m := flow.Match{}
	inserted := func() (*Classifier[int], *Rule[int]) {
		c, r := New[int](), NewRule(&m, 1, 1)
		c.Insert(r, 1)
		return c, r
	}
	for name, fn := range map[string]func(){
		"negative priority": func() { NewRule(&m, -1, 1) },
		"inserted twice":    func() { c, r := inserted(); c.Insert(r, 2) },
		"removed twice":     func() { c, r := inserted(); c.Remove(r, 2); c.Remove(r, 3) },
		"never inserted":    func() { New[int]().Remove(NewRule(&m, 1, 1), 1) },
		"visible unlinked":  func() { c, r := inserted(); c.Unlink(r) },
		"unlinked twice":    func() { c, r := inserted(); c.Remove(r, 2); c.Unlink(r); c.Unlink(r) },
		"restored visible":  func() { c, r := inserted(); c.Restore(r) },
		"nil in microflow":  func() { NewMicroflow[int](4).Insert(&flow.Key{}, 0, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			fn()
		})
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	c, keys := spread(64, 1000)
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		var wc flow.Mask // a caller's mask may stand on its stack
		c.Lookup(&keys[i%len(keys)], 1, &wc)
		c.Lookup(&keys[i%len(keys)], 1, nil)
		i++
	}); n != 0 {
		t.Errorf("%v allocations a lookup", n)
	}
}

// Hashes of values as they stand in tables: prefixes, sequences, single bits.
// No bucket may be much fuller than chance makes it.
func TestHashSpreads(t *testing.T) {
	const n = 1 << 14
	for name, value := range map[string]func(i uint64) uint64{
		"sequence":      func(i uint64) uint64 { return i },
		"upper address": func(i uint64) uint64 { return i << 32 },
		"networks":      func(i uint64) uint64 { return i << 40 },
		"ports":         func(i uint64) uint64 { return i&0x7f<<48 | i>>7<<32 },
		"top":           func(i uint64) uint64 { return i << 50 },
		"multiples":     func(i uint64) uint64 { return i * 0x0101010101010101 },
	} {
		for words := 1; words <= 3; words++ {
			var m flow.Mask
			for w := range words {
				m[w*5] = ^uint64(0)
			}
			s := newShape(&m)
			full := map[uint32]int{}
			filters := [64]int{}
			for i := range uint64(n) {
				var w flow.Wide
				w[(words-1)*5] = value(i)
				h := s.hash(&w)
				full[slot(h, n)]++
				filters[h&63]++
			}
			most := 0
			for _, k := range full {
				most = max(most, k)
			}
			// n balls in n bins: about 0.63 n bins used, fullest 8 or so.
			if most > 16 || len(full) < n/2 {
				t.Errorf("%s, %d words: %d buckets used of %d, %d in the fullest", name, words, len(full), n, most)
			}
			for b, k := range filters {
				if k > 3*n/64 || k < n/64/3 {
					t.Errorf("%s, %d words: filter bit %d has %d of %d", name, words, b, k, n)
				}
			}
		}
	}
}

// Every hash belongs to exactly one bucket, whose range it is in, at every size.
func TestSlots(t *testing.T) {
	g := newGenerator(5)
	for n := uint32(1); n < 3000; n += 1 + n/16 {
		for range 200 {
			h := g.Uint64()
			i := slot(h, n)
			if i >= n || markerHash(i) > h {
				t.Fatalf("hash %x in bucket %d of %d, which begins at %x", h, i, n, markerHash(i))
			}
			for j := range n { // none begins between
				if m := markerHash(j); m <= h && m > markerHash(i) {
					t.Fatalf("hash %x of bucket %d, but bucket %d begins at %x", h, i, j, m)
				}
			}
		}
		if i := slot(markerHash(n-1), n); i != n-1 {
			t.Fatalf("marker of bucket %d is in bucket %d", n-1, i)
		}
	}
}

// A table gives its buckets back.
func TestTableShrinks(t *testing.T) {
	c := New[int]()
	var rules []*Rule[int]
	for i := range 20000 {
		m := flow.Match{}
		m.Mask[0], m.Value[0] = ^uint64(0), uint64(i)
		r := NewRule(&m, int32(i), i)
		c.Insert(r, 1)
		rules = append(rules, r)
	}
	sub := c.order.Load().chunks[0][0].table
	if n := sub.rules.buckets(); n < 10000 {
		t.Errorf("%d buckets for %d rules", n, len(rules))
	}
	for _, r := range rules[1:] {
		c.Remove(r, 2)
		c.Unlink(r)
	}
	if n, segs := sub.rules.buckets(), len(*sub.rules.segs.Load()); n > 2 || segs > 2 {
		t.Errorf("%d buckets in %d segments left for one rule", n, segs)
	}
	if len(sub.prio.counts) > 1 || len(sub.prio.heap) > 1 {
		t.Errorf("%d priorities left", len(sub.prio.counts))
	}
	check(t, c)
}
