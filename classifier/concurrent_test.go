package classifier

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"ofswitch/flow"
)

// epochs stands in for the datapath's: each reader says at which version it is
// at work, so that the writer knows when a removed rule may be unlinked.
type epochs struct {
	published atomic.Uint64
	readers   []atomic.Uint64 // version + 1; 0: idle
}

// enter announces before it trusts the version: a reader that read version v
// and was stopped before announcing it would not be waited for.
func (e *epochs) enter(i int) Version {
	for {
		v := e.published.Load()
		e.readers[i].Store(v + 1)
		if e.published.Load() == v {
			return Version(v)
		}
	}
}

func (e *epochs) leave(i int) { e.readers[i].Store(0) }

// sync returns when no reader is at a version before v.
func (e *epochs) sync(v Version) {
	for i := range e.readers {
		for {
			at := e.readers[i].Load()
			if at == 0 || Version(at-1) >= v {
				break
			}
			runtime.Gosched()
		}
	}
}

// Two tables change in one version: readers see both changes or neither, each rule of
// their version and no other, while tables grow, shrink and lose
// subtables under them.
func TestReadersSeeWholeVersions(t *testing.T) {
	const keys = 40
	rounds := 3000
	if testing.Short() {
		rounds = 600
	}
	a, b := New[uint64](), New[uint64]()
	e := &epochs{readers: make([]atomic.Uint64, 3)}
	g := newGenerator(3)

	// At each version, both tables have a rule for each of the keys with the same
	// value. The rules' masks differ from key to key.
	matches := make([]flow.Match, keys)
	for i := range matches {
		matches[i].Mask[flow.WTunnel] = 0xffff
		matches[i].Value[flow.WTunnel] = uint64(i)
		matches[i].Mask[flow.WEthSrc] = 1 << (i % 7)
	}
	var rulesA, rulesB [keys]*Rule[uint64]
	extra := []*Rule[uint64]{} // never looked up: they make the tables grow and shrink
	var v Version = 1
	for i := range matches {
		rulesA[i], rulesB[i] = NewRule(&matches[i], 10, uint64(1)), NewRule(&matches[i], 20, uint64(1))
		a.Insert(rulesA[i], v)
		b.Insert(rulesB[i], v)
	}
	e.published.Store(uint64(v))

	var wg sync.WaitGroup
	var stop atomic.Bool
	var lookups atomic.Int64
	for r := range e.readers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := uint64(r); !stop.Load(); n++ {
				v := e.enter(r)
				var seen uint64
				for i := range matches {
					var w flow.Wide
					w[flow.WTunnel] = uint64(i) | n<<32
					var wc flow.Mask
					x, y := a.Lookup(&w, v, &wc), b.Lookup(&w, v, nil)
					if x == nil || y == nil {
						t.Errorf("version %d, key %d: %v and %v, want both", v, i, x, y)
						stop.Store(true)
						break
					}
					if x.Value() != y.Value() || !x.VisibleAt(v) || !y.VisibleAt(v) {
						t.Errorf("version %d, key %d: %d and %d, want equal", v, i, x.Value(), y.Value())
						stop.Store(true)
					}
					if i%2 == 0 { // all even keys change together
						if seen != 0 && seen != x.Value() {
							t.Errorf("version %d: even keys have %d and %d", v, seen, x.Value())
							stop.Store(true)
						}
						seen = x.Value()
					}
				}
				count := 0
				a.Each(v, func(r *Rule[uint64]) bool {
					if r.Value() != 0 {
						count++
					}
					return true
				})
				if count != keys {
					t.Errorf("version %d: walk saw %d rules, want %d", v, count, keys)
					stop.Store(true)
				}
				e.leave(r)
				runtime.Gosched() // the writer may be waiting for a processor
				lookups.Add(2 * keys)
			}
		}()
	}
	for round := 0; round < rounds && !stop.Load(); round++ {
		v++
		var dead []func()
		change := func(i int) {
			oldA, oldB := rulesA[i], rulesB[i]
			rulesA[i], rulesB[i] = NewRule(&matches[i], 10, uint64(v)), NewRule(&matches[i], 20, uint64(v))
			// In different orders, so that half a change would show.
			a.Remove(oldA, v)
			a.Insert(rulesA[i], v)
			b.Insert(rulesB[i], v)
			b.Remove(oldB, v)
			dead = append(dead, func() { a.Unlink(oldA); b.Unlink(oldB) })
		}
		for i := 0; i < keys; i += 2 {
			change(i)
		}
		change(1 + 2*g.IntN(keys/2))
		// Growth in one phase, shrinking in the next.
		if round/50%2 == 0 {
			for range 8 {
				m := matches[g.IntN(keys)]
				m.Value[flow.WTunnel] = 0x8000 | uint64(g.IntN(0x7fff))
				if g.IntN(4) == 0 {
					m.Mask[flow.WVLAN] = 1 << g.IntN(64) // a subtable of its own
				}
				r := NewRule(&m, int32(g.IntN(30)), uint64(0))
				a.Insert(r, v)
				extra = append(extra, r)
			}
		} else {
			for range min(8, len(extra)) {
				i := g.IntN(len(extra))
				r := extra[i]
				extra[i] = extra[len(extra)-1]
				extra = extra[:len(extra)-1]
				a.Remove(r, v)
				dead = append(dead, func() { a.Unlink(r) })
			}
		}
		e.published.Store(uint64(v))
		e.sync(v)
		for _, unlink := range dead {
			unlink()
		}
	}
	stop.Store(true)
	wg.Wait()
	if lookups.Load() == 0 {
		t.Error("no reader ran")
	}
	if a.Len() != keys+len(extra) || b.Len() != keys {
		t.Errorf("%d and %d rules, want %d and %d", a.Len(), b.Len(), keys+len(extra), keys)
	}
	t.Logf("%d versions, %d lookups", v, lookups.Load())
}

// hashTable alone, with splits and joins as fast as they go: a reader never
// misses an item that was there before it began.
func TestHashTableReaders(t *testing.T) {
	type item struct {
		n node[item]
	}
	var h hashTable[item]
	h.init()
	at := func(*item) bool { return false }
	put := func(hash uint64) *item {
		x := new(item)
		x.n.hash, x.n.item = hash, x
		h.insert(&x.n, at)
		return x
	}
	fixed := make([]uint64, 50)
	for i := range fixed {
		fixed[i] = mix(hashSeed, uint64(i))
		put(fixed[i])
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !stop.Load() {
				for _, f := range fixed {
					if h.find(f) == nil {
						t.Errorf("%x missed", f)
						return
					}
				}
				runtime.Gosched()
			}
		}()
	}
	g := newGenerator(4)
	for round := 0; round < 300; round++ {
		var items []*item
		for range 1 + g.IntN(600) {
			items = append(items, put(g.Uint64()))
		}
		g.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		for _, x := range items {
			h.remove(&x.n)
		}
		runtime.Gosched()
	}
	stop.Store(true)
	wg.Wait()
	checkTable(t, &h)
	if h.count != len(fixed) {
		t.Errorf("%d items, want %d", h.count, len(fixed))
	}
}

// The same, step by step: whatever the table did since a reader looked at its
// state, the reader finds what was there or is told to look again.
func TestHashTableStaleReaders(t *testing.T) {
	type item struct {
		n node[item]
	}
	g := newGenerator(6)
	again := 0
	for range 200 {
		var h hashTable[item]
		h.init()
		var items []*item
		put := func() {
			x := new(item)
			x.n.hash, x.n.item = g.Uint64(), x
			h.insert(&x.n, func(*item) bool { return false })
			items = append(items, x)
		}
		for range 1 + g.IntN(700) {
			put()
		}
		keep := 1 + g.IntN(min(20, len(items)))
		state := h.state.Load()
		for range 1 + g.IntN(6) { // growing and shrinking in turn
			if g.IntN(2) == 0 {
				for range g.IntN(800) {
					put()
				}
				continue
			}
			for range g.IntN(len(items) - keep + 1) {
				i := keep + g.IntN(len(items)-keep)
				h.remove(&items[i].n)
				items[i] = items[len(items)-1]
				items = items[:len(items)-1]
			}
		}
		for _, x := range items[:keep] {
			switch n, sure := h.findIn(state, x.n.hash); {
			case !sure:
				again++
			case n != &x.n:
				t.Fatalf("%x missed with state %x, now %x", x.n.hash, state, h.state.Load())
			}
			if h.find(x.n.hash) != &x.n {
				t.Fatalf("%x missed", x.n.hash)
			}
		}
	}
	if again == 0 {
		t.Error("no reader had to look again: the case was not met")
	}
}
