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
		shares := make([]share, len(c.workers))
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

// TestSpreadRandom: every queue has a worker that there is, the busiest is never busier
// than before, idle queues are shared out evenly, and to ask again changes nothing.
func TestSpreadRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	busiest := func(at []int, shares []share, n int) int {
		sums := make([]int, n)
		for i, w := range at {
			sums[w] += shares[i].load
		}
		return slices.Max(sums)
	}
	for range 3000 {
		n := 1 + r.IntN(6)
		idle := r.IntN(3) == 0
		shares := make([]share, r.IntN(20))
		were := make([]int, len(shares))
		for i := range shares {
			shares[i].worker = r.IntN(n)
			if !idle {
				shares[i].load = r.IntN(1000)
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
		if busiest(at, shares, n) > busiest(were, shares, n) {
			t.Fatalf("%s: the busiest is busier than before", what)
		}
		if idle {
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
