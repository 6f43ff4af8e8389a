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
	pages  *pageTable               // of a merged table; nil: it is not
	stages [numStages - 1]*stageSet // what rules look like up to a stage; nil: tells nothing
	// asks is, for each lane, the length of the longest prefix that a rule asks for, 8 bits
	// each, and then for each lane a bit that says whether all rules ask for one.
	asks atomic.Uint64
	id   int32 // number in sets; -1: none was left

	// filter is of the values of the rules in word, under the bits of the shape's mask, which are
	// mask; nil: it has no bits.
	filter atomic.Pointer[wordFilter]
	mask   uint64
	word   uint8

	// The writer's. runs are, for each lane, the lengths of prefixes that the rules of a merged
	// table ask for; nil: none asks for any. A subtable's own are in its shape.
	runs  [numLanes]*runSet
	n     int // rules
	kinds kinds
	typed bool // all rules ask for an Ethernet type, and the table has a number
	prio  priorities
	max   int32 // as in the order now
}

func newTable[T any](s *shape, staged bool) *table[T] {
	t := &table[T]{shape: s, max: -1}
	last := uint8(0)
	for i := range t.stages {
		// A stage tells something if it has bits of its own, and others come after it, and more than the Ethernet type,
		// which is told by what tables have it.
		if staged && s.ends[i] > last && int(s.ends[i]) < s.n && (s.ends[i] > 1 || s.idx[0] != flow.WEthDst || s.mask[0] != typeMask) {
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
	t.pages = new(pageTable)
	t.pages.init()
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

// asksAll is where in a table's asks the lanes are that all rules ask for.
const asksAll = 8 * numLanes

// lookup is the rule of highest priority above floor that matches w at v. first says that no other rule of this
// hash would come before it, or, if there is none, at all.
func (t *table[T]) lookup(w *flow.Wide, v Version, floor int32) (r *Rule[T], first bool) {
	h := t.shape.hash(w)
	if t.pages != nil {
		return t.lookupMerged(w, h, v, floor)
	}
	first = true
	for x := t.rules.find(h); x != nil; x = nextSame(x) {
		r := x.item
		if r.priority <= floor {
			break
		}
		if r.VisibleAt(v) && r.shape.equal(w, r.vals()) {
			return r, first
		}
		first = false
	}
	return nil, first
}

// chain are the rules of one hash, in falling order of priority.
type chain[T any] struct {
	own    *node[Rule[T]]
	merged *place
}

func (t *table[T]) chain(h uint64) (c chain[T]) {
	if t.pages != nil {
		c.merged = t.pages.find(h)
	} else {
		c.own = t.rules.find(h)
	}
	return c
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
	if t.pages != nil {
		r.merged = t
		t.addPlace(r, hashes[stageL4])
	} else {
		t.rules.insert(&r.node, func(o *Rule[T]) bool { return o.priority <= r.priority })
	}
	t.prio.add(r.priority)
	t.n++
	t.refilter()
}

// remove takes r out.
func (t *table[T]) remove(r *Rule[T]) {
	t.n--
	hashes := t.shape.hashStages(r.shape, r.vals())
	if t.pages != nil {
		t.removePlace(r, hashes[stageL4])
	} else {
		t.rules.remove(&r.node)
	}
	if f := t.filter.Load(); f != nil {
		f.change(t.filtered(r), false)
	}
	t.prio.remove(r.priority)
	for i, s := range t.stages {
		if s != nil {
			s.remove(hashes[i])
		}
	}
}

// sharing is how many rules of a merged table have the hash h, counted to most.
func (t *table[T]) sharing(h uint64, most int) (n int) {
	p := t.pages.find(h)
	if p == nil {
		return 0
	}
	if p.info&1 == 0 {
		return min(1, most)
	}
	for b := blocksOf[T](p); n < most && b != nil; b = b.next.Load() {
		n += b.len()
	}
	return min(n, most)
}
