package classifier

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// checkStageSet compares a set with the counts that it should have, by tag.
func checkStageSet(t *testing.T, s *stageSet, want map[uint32]uint32) {
	t.Helper()
	used, live := 0, 0
	cells := s.cells.Load()
	for i := range cells.tags {
		c, n := cells.tags[i].Load(), cells.counts[i]
		if c == 0 {
			continue
		}
		used++
		if (c&stageLive != 0) != (n != 0) {
			t.Fatalf("%x is there: %v, and is counted %d times", c, c&stageLive != 0, n)
		}
		if n != 0 {
			live++
			if want[c&^stageLive] != n {
				t.Fatalf("%x is counted %d times, want %d", c, n, want[c&^stageLive])
			}
		}
	}
	if used != s.used || live != s.live || live != len(want) {
		t.Fatalf("%d hashes in %d cells, want %d, noted as %d in %d", live, used, len(want), s.live, s.used)
	}
	if used*4 > len(cells.tags)*3 {
		t.Fatalf("%d of %d cells are in use", used, len(cells.tags))
	}
}

// The set agrees with a map while it grows and shrinks, and readers never miss what
// stays.
func TestStageSet(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	s := newStageSet(0)
	want := map[uint32]uint32{}
	add := func(h uint64) { s.add(h); want[stageTag(h)]++ }
	var fixed [20]uint64
	for i := range fixed {
		fixed[i] = r.Uint64()
		add(fixed[i])
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for !stop.Load() {
			for _, h := range fixed {
				if !s.has(h) {
					t.Errorf("seed %d: %x missed", seed, h)
					return
				}
			}
		}
	}()
	for round := range 40 {
		var there []uint64
		for range 1 + r.IntN(2000) {
			h := r.Uint64()
			if r.IntN(3) == 0 {
				h = uint64(r.IntN(40)) << 40 // again and again
			}
			add(h)
			there = append(there, h)
			if round%8 == 0 {
				checkStageSet(t, s, want)
			}
		}
		for _, h := range there {
			if !s.has(h) {
				t.Fatalf("seed %d: %x missed", seed, h)
			}
			s.remove(h)
			if want[stageTag(h)]--; want[stageTag(h)] == 0 {
				delete(want, stageTag(h))
				if s.has(h) {
					t.Fatalf("seed %d: %x is still there", seed, h)
				}
			}
		}
		checkStageSet(t, s, want)
	}
	stop.Store(true)
	wg.Wait()
	for range 4000 {
		s.add(1)
		s.remove(1)
	}
	if n := len(s.cells.Load().tags); n > 256 {
		t.Errorf("seed %d: %d cells left for %d hashes", seed, n, len(fixed))
	}
}
