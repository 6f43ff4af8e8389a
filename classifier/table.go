package classifier

import "ofswitch/flow"

// table is what a lookup probes: rules that all ask for the bits of a mask, by
// their values in these bits. Of one subtable, whose mask it then has, or of many.
type table[T any] struct {
	shape  *shape                   // what is hashed; immutable
	rules  *hashTable[Rule[T]]      // the subtable's own, or the places of rules of many
	stages [numStages - 1]*stageSet // what rules look like up to a stage; nil: tells nothing
	prio   priorities               // writer's
	max    int32                    // writer's: as in the order now
	merged bool                     // of many subtables
}

// place is where a rule of a merged table stands.
type place[T any] struct {
	node  node[Rule[T]]
	table *table[T]
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
	return t
}

// newMerged makes a table for rules of many subtables.
func newMerged[T any](s *shape) *table[T] {
	t := newTable[T](s, true)
	t.merged = true
	t.rules = new(hashTable[Rule[T]])
	t.rules.init()
	return t
}

// lookup is the rule of highest priority above floor that matches w at v.
func (t *table[T]) lookup(w *flow.Wide, v Version, floor int32) *Rule[T] {
	h := t.shape.hash(w)
	for x := t.rules.find(h); x != nil; x = nextSame(x) {
		r := x.item
		if r.priority <= floor {
			return nil // falling priorities from here on
		}
		if r.VisibleAt(v) && r.shape.equal(w, r.vals) {
			return r
		}
	}
	return nil
}

// add takes r in at node, which says what its hash is.
func (t *table[T]) add(r *Rule[T], n *node[Rule[T]], hashes *[numStages]uint64) {
	for i, s := range t.stages {
		if s != nil {
			s.add(hashes[i])
		}
	}
	t.rules.insert(n, func(o *Rule[T]) bool { return o.priority <= r.priority })
	t.prio.add(r.priority)
}

// remove takes r out.
func (t *table[T]) remove(r *Rule[T], n *node[Rule[T]]) {
	t.rules.remove(n)
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
	for x := t.rules.find(h); x != nil && n < most; x = nextSame(x) {
		n++
	}
	return n
}
