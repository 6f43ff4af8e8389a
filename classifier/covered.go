package classifier

import (
	"math/bits"

	"ofswitch/flow"
)

// CoverCost is about how many rules EachCovered looks at for m: one for the subtable of its own
// mask, and all of those of subtables that ask for more. The writer's.
func (c *Classifier[T]) CoverCost(m *flow.Match) (n int) {
	c.index.each(func(t *subtable[T]) bool {
		mask := t.shape.full
		for i := range mask {
			if m.Mask[i]&^mask[i] != 0 {
				return true
			}
		}
		if mask == m.Mask {
			n++
		} else {
			n += t.rules.count
		}
		return true
	})
	return n
}

// Cover is a match that many rules are to be compared with.
type Cover struct {
	match *flow.Match
	bits  int
}

// NewCover is for CoveredBy. The match is not copied.
func NewCover(m *flow.Match) Cover {
	c := Cover{match: m}
	for _, w := range m.Mask {
		c.bits += bits.OnesCount64(w)
	}
	return c
}

// CoveredBy says whether every frame that r matches is matched by c's match: it asks for
// all bits that c does, and for the same values in them.
func (r *Rule[T]) CoveredBy(c *Cover) bool {
	n := 0
	for i, v := range r.vals() {
		idx := r.shape.idx[i]
		both := c.match.Mask[idx] & r.shape.mask[i]
		if (v^c.match.Value[idx])&both != 0 {
			return false
		}
		n += bits.OnesCount64(both)
	}
	return n == c.bits
}
