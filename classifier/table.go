package classifier

import (
	"math/bits"
	"sync/atomic"

	"ofswitch/flow"
)

// table is what a lookup probes: rules that all ask for the bits of a mask, by
// their values in these bits. Of one subtable, whose mask it then has, or of many.
type table[T any] struct {
	shape  *shape                   // what is hashed; immutable
	rules  *hashTable[Rule[T]]      // the subtable's own; nil: the table is merged
	places *hashTable[place[T]]     // of a merged table; nil: it is not
	stages [numStages - 1]*stageSet // what rules look like up to a stage; nil: tells nothing
	// longest is, for each lane, the length of the longest prefix that a rule asks for, 8 bits
	// each.
	longest atomic.Uint64
	id      int32 // number in sets; -1: none was left

	// filter is of the values of the rules in word, under the bits of the shape's mask, which are
	// mask; nil: there are few rules.
	filter atomic.Pointer[wordFilter]
	mask   uint64
	word   uint8

	// The writer's. runs are, for each lane, the lengths of prefixes that the rules of a merged
	// table ask for; nil: none asks for any. A subtable's own are in its shape.
	runs [numLanes]*runSet
	n    int // rules
	prio priorities
	max  int32 // as in the order now
}

// place is where a rule of a merged table stands. It has a word of the rule with it, so that
// most rules that share a hash and do not match are passed by without a look at
// them: one cache line for each, not four.
type place[T any] struct {
	node     node[place[T]]
	rule     *Rule[T]
	mask     uint64 // the rule's in a word that the table's shape lacks most bits of
	val      uint64
	table    *table[T]
	priority int32
	word     uint8
}

func newTable[T any](s *shape, staged bool) *table[T] {
	t := &table[T]{shape: s, max: -1}
	last := uint8(0)
	for i := range t.stages {
		// A stage tells something if it has bits of its own, and others come after it.
		if staged && s.ends[i] > last && int(s.ends[i]) < s.n {
			t.stages[i] = newStageSet(0)
		}
		last = s.ends[i]
	}
	t.chooseWord()
	return t
}

// newMerged makes a table for rules of many subtables.
func newMerged[T any](s *shape) *table[T] {
	t := newTable[T](s, true)
	t.places = new(hashTable[place[T]])
	t.places.init()
	return t
}

// runSet is a multiset of lengths from 0 to 128.
type runSet struct {
	some  [3]atomic.Uint64 // bit i of word j: length 64j+i is there
	count [129]uint32      // writer's
}

func (s *runSet) add(n int, times uint32) {
	if s.count[n] += times; s.count[n] == times {
		s.some[n>>6].Or(1 << (n & 63))
	}
}

func (s *runSet) remove(n int) {
	if s.count[n]--; s.count[n] == 0 {
		s.some[n>>6].And(^(uint64(1) << (n & 63)))
	}
}

// addTo adds the lengths to found.
func (s *runSet) addTo(found *lengths) {
	a, b, c := s.some[0].Load(), s.some[1].Load(), s.some[2].Load()
	// found counts from 1.
	found[0] |= a>>1 | b<<63
	found[1] |= b>>1 | c<<63
}

// longest is the longest of the lengths, 0 if there is none.
func (s *runSet) longest() int {
	for j := 2; j >= 0; j-- {
		if b := s.some[j].Load(); b != 0 {
			return 64*j + bits.Len64(b) - 1
		}
	}
	return 0
}

// newPlace makes a place in t, whose shape sees hash in r.
func newPlace[T any](t *table[T], r *Rule[T], hash uint64) *place[T] {
	p := &place[T]{rule: r, table: t, priority: r.priority}
	p.node.hash, p.node.item = hash, p
	most := 0
	full := t.shape.full()
	for i, v := range r.vals {
		idx, mask := r.shape.idx[i], r.shape.mask[i]
		if n := bits.OnesCount64(mask &^ full[idx]); n > most {
			most, p.word, p.mask, p.val = n, idx, mask, v
		}
	}
	return p
}

// lookup is the rule of highest priority above floor that matches w at v.
func (t *table[T]) lookup(w *flow.Wide, v Version, floor int32) *Rule[T] {
	if t.lacks(w) {
		return nil
	}
	h := t.shape.hash(w)
	if t.places != nil {
		for x := t.places.find(h); x != nil; x = nextSame(x) {
			p := x.item
			if p.priority <= floor {
				return nil // falling priorities from here on
			}
			if int(p.word) >= len(w) || w[p.word]&p.mask != p.val {
				continue
			}
			if r := p.rule; r.VisibleAt(v) && r.shape.equal(w, r.vals) {
				return r
			}
		}
		return nil
	}
	for x := t.rules.find(h); x != nil; x = nextSame(x) {
		r := x.item
		if r.priority <= floor {
			return nil
		}
		if r.VisibleAt(v) && r.shape.equal(w, r.vals) {
			return r
		}
	}
	return nil
}

// chain walks the rules of one hash in falling order of priority.
type chain[T any] struct {
	own    *node[Rule[T]]
	merged *node[place[T]]
}

func (t *table[T]) chain(h uint64) (c chain[T]) {
	if t.places != nil {
		c.merged = t.places.find(h)
	} else {
		c.own = t.rules.find(h)
	}
	return c
}

// empty says that no rule is left.
func (c *chain[T]) empty() bool { return c.own == nil && c.merged == nil }

// next is the next rule, nil after the last.
func (c *chain[T]) next() (r *Rule[T]) {
	switch {
	case c.own != nil:
		r, c.own = c.own.item, nextSame(c.own)
	case c.merged != nil:
		r, c.merged = c.merged.item.rule, nextSame(c.merged)
	}
	return r
}

// add takes r in, which looks to the table's shape as hashes say. A rule of a merged
// table gets its place.
func (t *table[T]) add(r *Rule[T], hashes *[numStages]uint64) {
	for i, s := range t.stages {
		if s != nil {
			s.add(hashes[i])
		}
	}
	if f := t.filter.Load(); f != nil {
		f.change(t.filtered(r), true)
	}
	if t.places != nil {
		r.place = newPlace(t, r, hashes[stageL4])
		t.places.insert(&r.place.node, func(o *place[T]) bool { return o.priority <= r.priority })
	} else {
		t.rules.insert(&r.node, func(o *Rule[T]) bool { return o.priority <= r.priority })
	}
	t.prio.add(r.priority)
	if t.n++; t.n > filterRules {
		t.refilter()
	}
}

// remove takes r out.
func (t *table[T]) remove(r *Rule[T]) {
	t.n--
	if t.places != nil {
		t.places.remove(&r.place.node)
	} else {
		t.rules.remove(&r.node)
	}
	if f := t.filter.Load(); f != nil {
		f.change(t.filtered(r), false)
	}
	t.prio.remove(r.priority)
	hashes := t.shape.hashStages(r.shape, r.vals)
	for i, s := range t.stages {
		if s != nil {
			s.remove(hashes[i])
		}
	}
}

// sharing is how many rules have the hash h, counted to most.
func (t *table[T]) sharing(h uint64, most int) (n int) {
	for c := t.chain(h); n < most && c.next() != nil; {
		n++
	}
	return n
}
