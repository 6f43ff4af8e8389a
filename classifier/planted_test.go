package classifier

import (
	"testing"

	"ofswitch/flow"
)

// The twin is worth what it catches: each of these classifiers has one bug, of
// the kind that one makes, and must be found out.

// lastSkipped never probes the last subtable.
type lastSkipped struct{ *Classifier[int] }

func (c lastSkipped) Lookup(w *flow.Wide, v Version, wc *flow.Mask) *Rule[int] {
	o := c.order.Load()
	n := len(o.chunks)
	if n == 0 {
		return nil
	}
	cut := append([][]ref[int](nil), o.chunks...)
	cut[n-1] = cut[n-1][:len(cut[n-1])-1]
	c.order.Store(&order[int]{cut})
	defer c.order.Store(o)
	return c.Classifier.Lookup(w, v, wc)
}

// wordIgnored takes no notice of one word of every mask.
type wordIgnored struct {
	*Classifier[int]
	word int
	real map[*Rule[int]]*Rule[int]
}

func (c wordIgnored) Insert(r *Rule[int], v Version) {
	m := r.Match()
	m.Value[c.word], m.Mask[c.word] = 0, 0
	c.real[r] = NewRule(&m, r.Priority(), r.Value())
	c.Classifier.Insert(c.real[r], v)
}
func (c wordIgnored) Remove(r *Rule[int], v Version) { c.Classifier.Remove(c.real[r], v) }
func (c wordIgnored) Unlink(r *Rule[int])            { c.Classifier.Unlink(c.real[r]) }

// early stops at the first rule found, as if all subtables had one priority.
type early struct{ *Classifier[int] }

func (c early) Lookup(w *flow.Wide, v Version, wc *flow.Mask) *Rule[int] {
	for _, chunk := range c.order.Load().chunks {
		for _, e := range chunk {
			if wc != nil {
				e.table.shape.orInto(wc)
			}
			if r, _ := e.table.lookup(w, v, -1); r != nil {
				return r
			}
		}
	}
	return nil
}

// hasty shows a change before its version is published.
type hasty struct{ *Classifier[int] }

func (c hasty) Lookup(w *flow.Wide, v Version, wc *flow.Mask) *Rule[int] {
	return c.Classifier.Lookup(w, v+1, wc)
}

// lingering removes one version late.
type lingering struct{ *Classifier[int] }

func (c lingering) Remove(r *Rule[int], v Version) { c.Classifier.Remove(r, v+1) }

// forgetful leaves the lowest bit out of the record, of one word.
type forgetful struct {
	*Classifier[int]
	word int
}

func (c forgetful) Lookup(w *flow.Wide, v Version, wc *flow.Mask) *Rule[int] {
	r := c.Classifier.Lookup(w, v, wc)
	if wc != nil {
		wc[c.word] = 0
	}
	return r
}

// matchOnly records the bits of the rule that was hit, but not those of the
// subtables that were probed in vain.
type matchOnly struct{ *Classifier[int] }

func (c matchOnly) Lookup(w *flow.Wide, v Version, wc *flow.Mask) *Rule[int] {
	r := c.Classifier.Lookup(w, v, nil)
	if wc != nil && r != nil {
		r.shape.orInto(wc)
	}
	return r
}

// blind loses a bit of a bucket's filter when a rule is unlinked.
type blind struct{ *Classifier[int] }

func (c blind) Unlink(r *Rule[int]) {
	mask := r.shape.full
	t := c.subtable(&mask)
	c.Classifier.Unlink(r)
	if m := r.merged; m != nil {
		tag := tagOf(m.shape.hashStages(r.shape, r.vals())[stageL4])
		m.pages.page(pageOf(tag, m.pages.buckets())).filter.Store(0)
	} else {
		loseFilter(&t.rules, r.node.hash)
	}
}

func loseFilter[E any](t *hashTable[E], hash uint64) {
	b := t.bucket(slot(hash, t.buckets()))
	b.filter.Store(b.filter.Load() &^ filterOf(b))
}

// stale leaves tables where their first rules put them.
type stale struct{ *Classifier[int] }

func (c stale) Insert(r *Rule[int], v Version) {
	before := map[*table[int]]int32{}
	for _, chunk := range c.order.Load().chunks {
		for _, e := range chunk {
			before[e.table] = e.max
			e.table.max = e.table.prio.max()
		}
	}
	o := c.order.Load()
	n := c.Probes()
	c.Classifier.Insert(r, v)
	if c.Probes() == n {
		for t, max := range before {
			t.max = max
		}
		c.order.Store(o)
	}
}

func TestPlantedBugs(t *testing.T) {
	steps := 4000
	for _, tc := range []struct {
		name string
		make func() subject
	}{
		{"last subtable skipped", func() subject { return lastSkipped{New[int]()} }},
		{"Ethernet type ignored", func() subject {
			return wordIgnored{New[int](), flow.WEthDst, map[*Rule[int]]*Rule[int]{}}
		}},
		{"metadata ignored", func() subject {
			return wordIgnored{New[int](), flow.WMetadata, map[*Rule[int]]*Rule[int]{}}
		}},
		{"low half of an address ignored", func() subject {
			return wordIgnored{New[int](), flow.WIPv6SrcLo, map[*Rule[int]]*Rule[int]{}}
		}},
		{"first hit taken", func() subject { return early{New[int]()} }},
		{"next version seen", func() subject { return hasty{New[int]()} }},
		{"removed rules linger", func() subject { return lingering{New[int]()} }},
		{"record lacks the address", func() subject { return forgetful{New[int](), flow.WIPv4} }},
		{"record lacks the labels", func() subject { return forgetful{New[int](), flow.WMPLS} }},
		{"record lacks subtables probed in vain", func() subject { return matchOnly{New[int]()} }},
		{"filter loses a rule", func() subject { return blind{New[int]()} }},
		{"order is stale", func() subject { return stale{New[int]()} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n, err := compare(tc.make(), newGenerator(7), 60, steps)
			if err == nil {
				t.Fatalf("not detected in %+v", n)
			}
			t.Logf("after %d lookups: %v", n.lookups, err)
		})
	}
}
