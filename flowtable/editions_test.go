package flowtable

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"ofswitch/classifier"
	"ofswitch/ofp"
)

// The index against a map, through growing and shrinking.
func TestIndex(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var x index[uint32]
	want := map[uint32]*uint32{}
	for step := range 40_000 {
		id := uint32(rng.IntN(3000))
		if rng.IntN(2) == 0 {
			id = 0xffffff00 - id<<16 // numbers that differ in upper bits alone
		}
		grow := step/10_000%2 == 0
		switch had := want[id]; {
		case had == nil && (grow || rng.IntN(8) == 0):
			n := id
			x.put(id, &n)
			want[id] = &n
		case had != nil && (!grow || rng.IntN(8) == 0):
			x.drop(id)
			delete(want, id)
		}
		if got := x.get(id); got != want[id] {
			t.Fatalf("step %d: %d is %v, want %v", step, id, got, want[id])
		}
		if x.n != len(want) {
			t.Fatalf("step %d: %d things, want %d", step, x.n, len(want))
		}
		if step%500 != 0 {
			continue
		}
		seen := 0
		x.each(func(id uint32, value *uint32) bool {
			if want[id] != value {
				t.Fatalf("step %d: met %d as %v, want %v", step, id, value, want[id])
			}
			seen++
			return true
		})
		if seen != len(want) {
			t.Fatalf("step %d: met %d things, want %d", step, seen, len(want))
		}
		for id, v := range want {
			if x.get(id) != v {
				t.Fatalf("step %d: %d is lost", step, id)
			}
		}
	}
	for id := range want {
		x.drop(id)
	}
	if n := len(*x.table.Load()); n > minIndex {
		t.Errorf("%d chains for nothing", n)
	}
	x.each(func(uint32, *uint32) bool {
		t.Error("met something in an empty index")
		return false
	})
}

// Readers at a published version find exactly the groups of that version, while
// the writer adds, modifies, deletes and unlinks: of every version, the group
// with its number has that many buckets.
func TestGroupReaders(t *testing.T) {
	const ids = 40
	versions := 4000
	if testing.Short() || raceEnabled {
		versions = 3000
	}
	tables := NewTables()
	lim := able(tables)
	var published atomic.Uint64
	// What each group's changes made of it: its buckets; -1: none.
	var mu sync.Mutex
	type done struct {
		v       classifier.Version
		buckets int
	}
	var history [ids + 1][]done
	at := func(v classifier.Version, id uint32) int {
		mu.Lock()
		defer mu.Unlock()
		h := history[id]
		for i := len(h) - 1; i >= 0; i-- {
			if h[i].v <= v {
				return h[i].buckets
			}
		}
		return -1
	}
	// A reader holds its version while it reads, as a worker's epoch does.
	const readers = 2
	var held [readers]atomic.Uint64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for r := range readers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(r), 4))
			for n := 0; !stop.Load() || n < 100; n++ {
				held[r].Store(1) // reading, as of an old version for all one knows
				held[r].Store(published.Load() + 1)
				v := classifier.Version(held[r].Load() - 1)
				id := uint32(1 + rng.IntN(ids))
				got := -1
				g := tables.Group(id, v)
				if g != nil {
					got = len(g.Buckets)
				}
				if want := at(v, id); got != want {
					t.Errorf("version %d: group %d has %d buckets, want %d", v, id, got, want)
					stop.Store(true)
				}
				if g != nil && (!g.VisibleAt(v) || tables.GroupChanged(v, v, id)) {
					t.Errorf("version %d: group %d is not the one of its version", v, id)
				}
				held[r].Store(0)
			}
		})
	}
	rng := rand.New(rand.NewPCG(9, 4))
	var dead []*Change
	for i := 1; i <= versions && !stop.Load(); i++ {
		v := classifier.Version(i)
		id := uint32(1 + rng.IntN(ids))
		m := groupMod(ofp.GroupAdd, all, id)
		if tables.HasGroup(id) {
			m.Command = uint16(1 + rng.IntN(2))
		}
		n := rng.IntN(3)
		for range n {
			m.Buckets = append(m.Buckets, bucket(0))
		}
		if m.Command == ofp.GroupDelete {
			n = -1
		}
		c, err := tables.ApplyGroup(m, v, 0, lim)
		if err != nil {
			t.Error(err)
			break
		}
		mu.Lock()
		history[id] = append(history[id], done{v, n})
		mu.Unlock()
		published.Store(uint64(v))
		dead = append(dead, c)
		if i%50 == 0 {
			for r := range held {
				for h := held[r].Load(); h != 0 && h <= uint64(v) && !stop.Load(); {
					runtime.Gosched()
					h = held[r].Load()
				}
			}
			for _, c := range dead {
				tables.UnlinkAll(c)
			}
			dead = nil
		}
	}
	stop.Store(true)
	wg.Wait()
}

func BenchmarkGroupLookup(b *testing.B) {
	tables := NewTables()
	lim := able(tables)
	for id := range uint32(100_000) {
		if _, err := tables.ApplyGroup(groupMod(ofp.GroupAdd, all, id*7919), 1, 0, lim); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for id := uint32(0); b.Loop(); id++ {
		if tables.Group(id%100_000*7919, 1) == nil {
			b.Fatal("lost")
		}
	}
}

// BenchmarkGroupModify is what a group-mod costs when a hundred thousand flows use the
// group, and as many groups are there.
func BenchmarkGroupModify(b *testing.B) {
	tables := NewTables()
	lim := able(tables)
	v := classifier.Version(1)
	for id := range uint32(100_000) {
		if _, err := tables.ApplyGroup(groupMod(ofp.GroupAdd, all, id), v, 0, lim); err != nil {
			b.Fatal(err)
		}
	}
	m := &ofp.FlowMod{OutPort: ofp.PortAny, OutGroup: ofp.GroupAny, Instructions: ofp.Instructions{
		Has: 1 << ofp.InstrApplyActions, Apply: []ofp.Action{toGroup(7)}}}
	for i := range 100_000 {
		exact(m, i)
		if _, err := tables.Apply(m, v, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		v++
		c, err := tables.ApplyGroup(groupMod(ofp.GroupModify, choose, 7, outputs(1, 2)...), v, 0, lim)
		if err != nil {
			b.Fatal(err)
		}
		tables.UnlinkAll(c)
	}
}
