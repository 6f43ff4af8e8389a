package classifier

import (
	"math/rand/v2"
	"slices"
	"testing"

	"ofswitch/flow"
)

// Rules that share a hash stand in falling order of priority, in whatever order they come and go, and a
// reader that stands on a block that is replaced, filled or split goes on to all that come after it.
func TestBlocks(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	var mask, more flow.Match
	mask.Mask[flow.WTunnel] = 1
	more.Mask[flow.WTunnel], more.Mask[flow.WIPv4], more.Mask[flow.WL4] = 1, 0xffff<<32, 0xff<<48
	largest, longest := 0, 0
	for round := range 60 {
		x := newMerged[int](newShape(&mask.Mask))
		var rules []*Rule[int]
		var stand *block[int]  // where a reader stands
		var ahead []*Rule[int] // what it has to find from there on
		for step := range 120 {
			if len(rules) > 0 && r.IntN(100) < []int{10, 45, 60}[round%3] {
				i := r.IntN(len(rules))
				gone := rules[i]
				rules = slices.Delete(rules, i, i+1)
				x.remove(gone)
				ahead = slices.DeleteFunc(ahead, func(o *Rule[int]) bool { return o == gone })
			} else {
				m := more
				m.Value[flow.WIPv4] = uint64(r.IntN(3)) << 32
				m.Value[flow.WL4] = uint64(step) << 48
				priority := int32(r.IntN(20))
				if round%5 == 0 {
					priority = int32(200 - step) // each behind all others
				}
				n := NewRule(&m, priority, step)
				hashes := x.shape.hashStages(n.shape, n.vals())
				x.add(n, &hashes)
				rules = append(rules, n)
			}
			var all []*Rule[int]
			blocks := 0
			x.pages.each(func(p *place) bool {
				for b := blocksOf[int](p); b != nil; b = b.next.Load() {
					blocks++
					largest = max(largest, b.len())
					if r.IntN(20) == 0 {
						stand, ahead = b, nil
					}
				}
				return true
			})
			longest = max(longest, blocks)
			for o := range x.all {
				all = append(all, o)
			}
			if !slices.IsSortedFunc(all, func(a, b *Rule[int]) int { return int(b.priority - a.priority) }) {
				t.Fatalf("seed %d, round %d, step %d: not in falling order", seed, round, step)
			}
			if len(all) != len(rules) || x.sharing(x.shape.hashPacked([]uint64{0}), 1000) != len(rules) {
				t.Fatalf("seed %d, round %d, step %d: %d rules, want %d", seed, round, step, len(all), len(rules))
			}
			for _, o := range rules {
				w := o.Match().Value
				if r, _ := x.lookup(&w, 0, -1); r != nil {
					t.Fatal("a rule is found that was never added")
				}
			}
			if stand == nil {
				continue
			}
			var seen []*Rule[int]
			for y := stand; y != nil; y = y.next.Load() {
				for i := range y.len() {
					seen = append(seen, y.entries[i].rule)
				}
			}
			if ahead == nil {
				ahead = slices.Clone(seen)
			}
			for _, o := range ahead {
				if !slices.Contains(seen, o) {
					t.Fatalf("seed %d, round %d, step %d: a reader misses rule %d", seed, round, step, o.value)
				}
			}
		}
		for len(rules) > 0 {
			x.remove(rules[0])
			rules = rules[1:]
		}
		if x.pages.count != 0 || x.n != 0 {
			t.Fatalf("seed %d: %d places left", seed, x.pages.count)
		}
	}
	if largest != blockRules || longest < 3 {
		t.Errorf("seed %d: blocks of at most %d rules, at most %d of them: not all was tried", seed, largest, longest)
	}
}
