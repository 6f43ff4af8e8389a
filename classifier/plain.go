package classifier

import "ofswitch/flow"

// lookupPlain is Lookup of the twins.
func (c *Classifier[T]) lookupPlain(o *order[T], w *flow.Wide, v Version, wc *flow.Mask) (best *Rule[T]) {
	if c.how == Linear {
		c.index.each(func(t *subtable[T]) bool {
			if wc != nil {
				t.shape.orInto(wc)
			}
			return t.rules.each(func(r *Rule[T]) bool {
				if (best == nil || r.priority > best.priority) && r.VisibleAt(v) && r.Matches(w) {
					best = r
				}
				return true
			})
		})
		return best
	}
	floor := int32(-1)
	for _, chunk := range o.chunks {
		for i := range chunk {
			e := &chunk[i]
			if e.max <= floor {
				return best
			}
			if wc != nil {
				e.table.shape.orInto(wc)
			}
			if e.table.lacks(w) {
				continue
			}
			if r, _ := e.table.lookup(w, v, floor); r != nil {
				best, floor = r, r.priority
			}
		}
	}
	return best
}
