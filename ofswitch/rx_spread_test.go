package ofswitch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		name    string
		workers []int // of each queue
		loads   []int // nil: idle
		n, gain int
		want    []int
	}{
		{"nothing", nil, nil, 1, 0, []int{}},
		{"one worker", []int{0, 0}, []int{900, 10}, 1, 0, []int{0, 0}},
		{"idle queues to a second worker", []int{0, 0, 0, 0}, nil, 2, 0, []int{1, 1, 0, 0}},
		{"even already", []int{0, 1, 0, 1}, nil, 2, 0, []int{0, 1, 0, 1}},
		{"the busy one alone", []int{0, 0, 0}, []int{800, 10, 10}, 2, 0, []int{1, 0, 0}},
		{"a worker goes", []int{0, 1, 2, 2}, []int{500, 100, 300, 200}, 2, 0, []int{0, 0, 1, 1}},
		{"nobody's", []int{-1, -1}, nil, 2, 0, []int{0, 1}},
		{"places changed", []int{0, 0, 1, 1}, []int{60, 50, 40, 30}, 2, 0, []int{1, 0, 0, 1}},
		{"not worth it", []int{0, 0, 1, 1}, []int{60, 50, 40, 30}, 2, 25, []int{0, 0, 1, 1}},
		{"worth it", []int{0, 0, 1, 1}, []int{500, 400, 10, 10}, 2, 25, []int{0, 1, 1, 1}},
		{"must go, whatever the gain", []int{0, 2, 1}, []int{100, 100, 200}, 2, 25, []int{0, 0, 1}},
	} {
		shares := make([]rxShare, len(c.workers))
		for i := range shares {
			shares[i].worker = c.workers[i]
			if c.loads != nil {
				shares[i].load = c.loads[i]
			}
		}
		if got := spread(shares, c.n, c.gain); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestSpreadPinned: pinned queues stay, and what polls them alone gets no others.
func TestSpreadPinned(t *testing.T) {
	pin := func(worker, load int) rxShare { return rxShare{worker: worker, load: load, pinned: true} }
	alone := func(worker int) rxShare { return rxShare{worker: worker, pinned: true, alone: true} }
	any := func(worker, load int) rxShare { return rxShare{worker: worker, load: load} }
	for _, c := range []struct {
		name    string
		shares  []rxShare
		n, gain int
		want    []int
	}{
		{"pinned together", []rxShare{pin(0, 500), pin(0, 500)}, 2, 0, []int{0, 0}},
		{"others make room", []rxShare{pin(0, 500), any(0, 100), any(0, 100)}, 2, 0, []int{0, 1, 1}},
		{"others share what is left", []rxShare{pin(0, 900), any(1, 100), any(1, 90), any(1, 10)}, 3, 0, []int{0, 2, 1, 1}},
		{"alone", []rxShare{alone(0), any(0, 0), any(1, 0)}, 2, 0, []int{0, 1, 1}},
		{"alone in the midst", []rxShare{any(0, 100), alone(1), any(2, 100), any(2, 100), any(1, 50)}, 3, 0, []int{0, 1, 2, 2, 0}},
		{"one of them alone", []rxShare{alone(1), pin(1, 10), any(0, 0)}, 2, 0, []int{1, 1, 0}},
		{"all alone", []rxShare{alone(0), alone(1), any(0, 0), any(0, 0)}, 2, 0, []int{0, 1, 1, 0}},
		{"alone, and a worker has gone", []rxShare{alone(0), any(2, 0), any(1, 0)}, 2, 0, []int{0, 1, 1}},
		{"no gain, but one that is alone", []rxShare{alone(0), any(0, 100), any(1, 900)}, 2, 25, []int{0, 1, 1}},
	} {
		if got := spread(c.shares, c.n, c.gain); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestSpreadRandom: every queue has a worker that there is, the busiest is never busier
// than before, idle queues are shared out evenly, and to ask again changes nothing.
func TestSpreadRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	busiest := func(at []int, shares []rxShare, n int) int {
		sums := make([]int, n)
		for i, w := range at {
			sums[w] += shares[i].load
		}
		return slices.Max(sums)
	}
	for range 3000 {
		n := 1 + r.IntN(6)
		idle := r.IntN(3) == 0
		mixed, pins := r.IntN(2) == 0, r.IntN(3) == 0
		shares := make([]rxShare, r.IntN(20))
		were := make([]int, len(shares))
		for i := range shares {
			shares[i].worker = r.IntN(n)
			if !idle {
				shares[i].load = r.IntN(1000)
			}
			if pins && r.IntN(4) == 0 {
				shares[i].pinned, shares[i].alone = true, !mixed
			}
			were[i] = shares[i].worker
		}
		at := spread(shares, n, 0)
		what := fmt.Sprintf("seed %d: %v to %d workers: %v", seed, shares, n, at)
		for _, w := range at {
			if w < 0 || w >= n {
				t.Fatal(what)
			}
		}
		closed := map[int]bool{}
		for i, s := range shares {
			if s.pinned && at[i] != were[i] {
				t.Fatalf("%s: queue %d does not stay", what, i)
			}
			if s.alone {
				closed[s.worker] = true
			}
		}
		for i, s := range shares {
			if !s.pinned && closed[at[i]] && len(closed) < n {
				t.Fatalf("%s: queue %d is with a worker that polls others alone", what, i)
			}
		}
		if len(closed) == 0 && busiest(at, shares, n) > busiest(were, shares, n) {
			t.Fatalf("%s: the busiest is busier than before", what)
		}
		if idle && !pins {
			number := make([]int, n)
			for _, w := range at {
				number[w]++
			}
			if slices.Max(number)-slices.Min(number) > 1 {
				t.Fatalf("%s: %v queues each", what, number)
			}
		}
		for i := range shares {
			shares[i].worker = at[i]
		}
		if again := spread(shares, n, 0); !slices.Equal(again, at) {
			t.Fatalf("%s, and then %v", what, again)
		}
	}
}
