package classifier

import (
	"math/rand/v2"
	"testing"

	"ofswitch/flow"
)

// A filter never says that a value is not there that is, while its table grows and shrinks;
// counts that got to their end stay, and nearly all others are told apart.
func TestWordFilter(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	c := New[int]()
	var rules []*Rule[int]
	insert := func(v uint64) {
		var m flow.Match
		m.Mask[flow.WIPv4], m.Value[flow.WIPv4] = ^uint64(0), v
		rules = append(rules, NewRule(&m, int32(r.IntN(50)), 0))
		c.Insert(rules[len(rules)-1], 1)
	}
	sizes := map[uint8]bool{}
	for range 60 {
		for range r.IntN(400) {
			if r.IntN(4) == 0 {
				insert(uint64(r.IntN(4)) << 32) // again and again
			} else {
				insert(r.Uint64())
			}
		}
		r.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
		for range r.IntN(len(rules)+1) / 2 {
			x := rules[len(rules)-1]
			rules = rules[:len(rules)-1]
			c.Remove(x, 2)
			c.Unlink(x)
		}
		for _, x := range rules {
			w := x.Match().Value
			if got := c.Lookup(&w, 1, nil); got == nil {
				t.Fatalf("seed %d: a rule of %d is not found", seed, len(rules))
			}
		}
		if len(rules) > 0 {
			if f := c.order.Load().chunks[0][0].table.filter.Load(); f != nil {
				sizes[f.shift] = true
			}
		}
	}
	if len(sizes) < 2 {
		t.Errorf("seed %d: filters of %d sizes, want more", seed, len(sizes))
	}
	passed := 0
	for range 1000 {
		if w := (flow.Wide{flow.WIPv4: r.Uint64()}); !c.order.Load().chunks[0][0].table.lacks(&w) {
			passed++
		}
	}
	if passed > 300 {
		t.Errorf("seed %d: %d of 1000 random values pass the filter of a table of %d rules", seed, passed, len(rules))
	}
}

// A filter of which counts are full still has all values.
func TestWordFilterFull(t *testing.T) {
	f := newWordFilter(filterFirst)
	for range 40 {
		f.change(7, true)
	}
	for range 39 {
		f.change(7, false)
	}
	if !f.has(7) {
		t.Error("a value is lost")
	}
}
