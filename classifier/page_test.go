package classifier

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// Places come and go, of hashes that are alike and others; what is there is found, and nothing else, while the table grows
// and shrinks.
func TestPageTable(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	x := new(pageTable)
	x.init()
	want := map[uint32]int32{}
	most := uint32(0)
	for round := range 40 {
		for range r.IntN(1500) {
			tag := r.Uint32()
			if r.IntN(3) == 0 {
				tag = r.Uint32N(64) << 7 // of one bucket, while there are few
			}
			if _, some := want[tag]; some && r.IntN(100) < []int{20, 90}[round/4%2] {
				x.drop(tag)
				delete(want, tag)
				continue
			}
			p := r.Int32N(100)
			x.put(placeRule(&Rule[int]{priority: p}, tag))
			want[tag] = p
		}
		if round/4%2 == 1 {
			for tag := range want {
				if r.IntN(3) > 0 {
					x.drop(tag)
					delete(want, tag)
				}
			}
		}
		most = max(most, x.buckets())
		checkPages(t, x)
		if x.count != len(want) {
			t.Fatalf("seed %d: %d places, want %d", seed, x.count, len(want))
		}
		for tag, p := range want {
			if got := x.find(uint64(tag) << 32); got == nil || got.priority() != p || ruleOf[int](got).priority != p {
				t.Fatalf("seed %d: %x is not found as it was put", seed, tag)
			}
			if _, some := want[tag^1<<31]; !some && x.find(uint64(tag^1<<31)<<32) != nil {
				t.Fatalf("seed %d: %x is found and not there", seed, tag^1<<31)
			}
		}
	}
	for tag := range want {
		x.drop(tag)
	}
	if n := x.buckets(); n != 1 || most < smallest {
		t.Fatalf("seed %d: %d buckets of nothing, at most %d", seed, n, most)
	}
}

// Readers find what stays while others come and go around it, and buckets with them.
func TestPageTableReaders(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	x := new(pageTable)
	x.init()
	fixed := map[uint32]bool{}
	for len(fixed) < 20 {
		fixed[r.Uint32()] = true
	}
	for tag := range fixed {
		x.put(placeRule(new(Rule[int]), tag))
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for !stop.Load() && !t.Failed() {
				for tag := range fixed {
					if p := x.find(uint64(tag) << 32); p == nil || p.tag != tag {
						t.Errorf("seed %d: %x is not found", seed, tag)
					}
				}
			}
		})
	}
	rounds := 300
	if testing.Short() || raceEnabled {
		rounds = 60
	}
	for range rounds {
		var tags []uint32
		for range r.IntN(600) {
			if tag := r.Uint32(); x.find(uint64(tag)<<32) == nil {
				tags = append(tags, tag)
				x.put(placeRule(new(Rule[int]), tag))
			}
		}
		for _, tag := range tags {
			x.drop(tag)
		}
	}
	stop.Store(true)
	wg.Wait()
	checkPages(t, x)
}
