package classifier

import (
	"slices"
	"sync/atomic"

	"ofswitch/flow"
)

// Structure says how a [Classifier] looks rules up. All give the same answers.
type Structure uint8

const (
	// Merged is what the switch uses: tuple-space search with merged tuples, and
	// records made small by stages and prefix trees.
	Merged Structure = iota
	// Staged is Merged with a table for each mask.
	Staged
	// Plain is tuple-space search in order of priority and nothing else: every bit
	// of every mask that was probed is recorded. A twin for tests and benchmarks.
	Plain
	// Linear compares with each rule, and records every bit that any rule asks for. A
	// twin for tests and benchmarks.
	Linear
)

// Classifier holds the rules of one table. Make it with [New].
type Classifier[T any] struct {
	order   atomic.Pointer[order[T]] // what Lookup walks
	index   hashTable[subtable[T]]   // the subtables by mask
	n       atomic.Int64             // rules inserted and not removed
	trees   [numLanes]prefixTree     // the prefixes of all rules, by lane
	asked   [numLanes]atomic.Pointer[laneTables]
	numbers sharedSet // those that tables have
	types   typeTables
	how     Structure
	recent  atomic.Pointer[subtable[T]] // that of the last rule inserted, while it is in the index

	// The writer's:
	own    int         // subtables with tables of their own
	merged []*table[T] // all others, those of most bits first
}

// New makes an empty classifier: [Merged], or of the structure that is given.
func New[T any](how ...Structure) *Classifier[T] {
	c := new(Classifier[T])
	if len(how) > 0 {
		c.how = how[0]
	}
	c.order.Store(new(order[T]))
	c.index.init()
	for i := range lanes {
		c.trees[i].wide, c.trees[i].most = lanes[i].bits > 64, treeNodes
	}
	return c
}

// Len is the number of rules visible at the newest version: inserted and not
// removed.
func (c *Classifier[T]) Len() int { return int(c.n.Load()) }

// Masks is the number of distinct masks.
func (c *Classifier[T]) Masks() (n int) {
	c.index.each(func(*subtable[T]) bool { n++; return true })
	return n
}

// Probes is the number of tables: the most that a lookup probes.
func (c *Classifier[T]) Probes() (n int) {
	for _, chunk := range c.order.Load().chunks {
		n += len(chunk)
	}
	return n
}

// Lookup returns the rule of highest priority that matches w at version v, nil if
// none does. Among rules of equal priority any one may be returned. If wc is not
// nil, bits of w that the answer depended on are added to it: any w that is
// equal in these bits gets the same answer from the same set of rules. Bits that are
// in wc already are preferred as reasons.
//
// It allocates nothing and takes no lock.
func (c *Classifier[T]) Lookup(w *flow.Wide, v Version, wc *flow.Mask) *Rule[T] {
	o := c.order.Load()
	if wc != nil && c.how >= Plain || c.how == Linear {
		return c.lookupPlain(o, w, v, wc)
	}
	if wc != nil {
		return c.lookupRecord(o, w, v, wc)
	}
	p := pruner{alive: allTables}
	best, _ := c.search(o, w, v, &p)
	return best
}

// search is Lookup without a record, in the tables that p has alive. It tells in which table best stands.
func (c *Classifier[T]) search(o *order[T], w *flow.Wide, v Version, p *pruner) (best *Rule[T], from *table[T]) {
	floor := int32(-1)
	var probed, open uint64
	bit := uint64(1) // of the table
walk:
	for n, chunk := range o.chunks {
		for i := range chunk {
			e := &chunk[i]
			if e.max <= floor {
				break walk
			}
			at := bit
			bit <<= 1
			if i == pruneAfter && n == 0 && len(chunk) >= pruneAfter+pruneFor {
				numbers := c.numbers.load()
				p.alive[0] &= numbers[0]
				p.alive[1] &= numbers[1]
				c.prune(p, w, pruneFor)
			}
			if !p.alive.has(e.id) {
				probed |= at
				open |= at
				continue
			}
			if int(e.word) < len(w) && e.table.lacking(w[e.word]&e.mask) {
				continue
			}
			probed |= at
			r, first := e.table.lookup(w, v, floor)
			if r != nil {
				best, floor, from = r, r.priority, e.table
				p.first = first
			}
			if !first {
				open |= at
			}
		}
	}
	p.probed, p.open = probed, open
	return best, from
}

// Find returns the rule with exactly this match and priority that is visible
// at v, nil if there is none.
func (c *Classifier[T]) Find(m *flow.Match, priority int32, v Version) *Rule[T] {
	t := c.subtable(&m.Mask)
	if t == nil {
		return nil
	}
	for x := t.rules.find(t.shape.hash(&m.Value)); x != nil; x = nextSame(x) {
		if r := x.item; r.priority == priority && r.VisibleAt(v) && t.shape.equal(&m.Value, r.vals()) {
			return r
		}
	}
	return nil
}

// FindSame is Find with the match and priority of r, which need not be inserted.
func (c *Classifier[T]) FindSame(r *Rule[T], v Version) *Rule[T] {
	t := c.subtableOf(r.shape)
	if t == nil {
		return nil
	}
	for x := t.rules.find(r.node.hash); x != nil; x = nextSame(x) {
		if o := x.item; o.priority == r.priority && o.VisibleAt(v) && slices.Equal(o.vals(), r.vals()) {
			return o
		}
	}
	return nil
}

// FindOverlap returns some rule of the same priority, visible at v, for which
// there is a frame that both it and m match; an identical match counts too. Nil if
// there is none. Subtables whose mask m covers are probed, the others that reach up
// to the priority are scanned.
func (c *Classifier[T]) FindOverlap(m *flow.Match, priority int32, v Version) (r *Rule[T]) {
	c.index.each(func(t *subtable[T]) bool {
		if t.top.Load() >= priority {
			r = t.findOverlap(m, priority, v)
		}
		return r == nil
	})
	return r
}

func (t *subtable[T]) findOverlap(m *flow.Match, priority int32, v Version) (found *Rule[T]) {
	var common flow.Mask
	t.shape.orInto(&common)
	probe := true
	for i := range common {
		if common[i]&^m.Mask[i] != 0 {
			probe = false
		}
		common[i] &= m.Mask[i]
	}
	if probe {
		// Every bit that the rules look at is fixed by m.
		for x := t.rules.find(t.shape.hash(&m.Value)); x != nil; x = nextSame(x) {
			if r := x.item; r.priority == priority && r.VisibleAt(v) && t.shape.equal(&m.Value, r.vals()) {
				return r
			}
		}
		return nil
	}
	t.rules.each(func(r *Rule[T]) bool {
		if r.priority == priority && r.VisibleAt(v) && t.agrees(r, &m.Value, &common) {
			found = r
		}
		return found == nil
	})
	return found
}

// agrees says whether r's value is w in the bits of mask.
func (t *subtable[T]) agrees(r *Rule[T], w *flow.Wide, mask *flow.Mask) bool {
	for i, x := range r.vals() {
		if idx := t.shape.idx[i]; (x^w[idx])&mask[idx] != 0 {
			return false
		}
	}
	return true
}

// Each calls fn for every rule visible at v, each exactly once, until fn returns
// false. Rules that are unlinked while it runs may be left out: whoever needs all of v
// keeps the writer from unlinking.
func (c *Classifier[T]) Each(v Version, fn func(*Rule[T]) bool) {
	c.index.each(func(t *subtable[T]) bool {
		return t.rules.each(func(r *Rule[T]) bool { return !r.VisibleAt(v) || fn(r) })
	})
}

// EachCovered calls fn for every rule visible at v whose match m covers (each
// frame that the rule matches is matched by m), until fn returns false: the
// entries that a non-strict modify, delete or statistics request names (OpenFlow
// 1.3.5 §6.4). The subtable of m's own mask is probed, those with more bits are
// scanned, all others skipped.
func (c *Classifier[T]) EachCovered(m *flow.Match, v Version, fn func(*Rule[T]) bool) {
	c.index.each(func(t *subtable[T]) bool { return t.eachCovered(m, v, fn) })
}

func (t *subtable[T]) eachCovered(m *flow.Match, v Version, fn func(*Rule[T]) bool) bool {
	var mask flow.Mask
	t.shape.orInto(&mask)
	for i := range mask {
		if m.Mask[i]&^mask[i] != 0 {
			return true
		}
	}
	if mask == m.Mask {
		for x := t.rules.find(t.shape.hash(&m.Value)); x != nil; x = nextSame(x) {
			r := x.item
			if r.VisibleAt(v) && t.shape.equal(&m.Value, r.vals()) && !fn(r) {
				return false
			}
		}
		return true
	}
	return t.rules.each(func(r *Rule[T]) bool {
		return !r.VisibleAt(v) || !t.agrees(r, &m.Value, &m.Mask) || fn(r)
	})
}

// subtableOf finds the subtable of a shape.
func (c *Classifier[T]) subtableOf(s *shape) *subtable[T] {
	if t := c.recent.Load(); t != nil && t.shape == s {
		return t
	}
	return c.subtable(&s.full)
}

// subtable finds the subtable of a mask.
func (c *Classifier[T]) subtable(m *flow.Mask) *subtable[T] {
	if t := c.recent.Load(); t != nil && t.shape.full == *m {
		return t
	}
	for x := c.index.find(hashMask(m)); x != nil; x = nextSame(x) {
		if x.item.shape.full == *m {
			return x.item
		}
	}
	return nil
}

// Insert makes r visible from version v on, which is not published yet. A rule
// is inserted once in its life.
func (c *Classifier[T]) Insert(r *Rule[T], v Version) {
	if r.added != never {
		panic("classifier: rule inserted twice")
	}
	shape := r.shape
	t := c.subtableOf(shape)
	fresh := t == nil
	if fresh {
		t = newSubtable[T](shape, hashMask(&shape.full))
		if c.how != Merged || c.own < ownTables {
			t.own = newTable[T](shape, c.how < Plain)
			t.own.rules = &t.rules
			c.enlist(t.own)
			c.own++
		}
	}
	r.added, r.linked, r.shape = v, true, t.shape
	if r.priority > t.top.Load() {
		t.top.Store(r.priority)
	}
	if c.how < Plain {
		for i, run := range t.shape.runs {
			if run > 0 && c.trees[i].offer(lanes[i].getPacked(t.shape, r.vals()), int(run)) {
				r.away |= 1 << i
			}
		}
	}
	if t.own != nil {
		hashes := t.shape.hashStages(t.shape, r.vals())
		c.noteType(t.own, r)
		t.own.add(r, &hashes)
		c.settle(t.own)
	} else {
		t.rules.insert(&r.node, func(o *Rule[T]) bool { return o.priority <= r.priority })
		c.merge(r)
	}
	if fresh {
		c.index.insert(&t.node, func(*subtable[T]) bool { return false })
	}
	if c.recent.Load() != t {
		c.recent.Store(t)
	}
	c.n.Add(1)
}

// settle moves t to where its highest priority now puts it.
func (c *Classifier[T]) settle(t *table[T]) {
	max := t.prio.max()
	if t.max == max {
		return
	}
	o := c.order.Load()
	if t.max >= 0 {
		o = o.without(t, t.max)
	}
	if max >= 0 {
		o = o.with(ref[T]{max, t.id, t, t.mask, t.word})
	}
	t.max = max
	c.order.Store(o)
}

// Remove makes r invisible from version v on, which is not published yet. The
// rule stays linked for readers at earlier versions.
func (c *Classifier[T]) Remove(r *Rule[T], v Version) {
	if r.added == never || Version(r.removed.Load()) != never {
		panic("classifier: removing a rule that is not there")
	}
	r.removed.Store(uint64(v))
	c.n.Add(-1)
}

// Restore takes back a Remove as of a version that was never published.
func (c *Classifier[T]) Restore(r *Rule[T]) {
	if r.added == never || !r.linked || Version(r.removed.Load()) == never {
		panic("classifier: restoring a rule that was not removed")
	}
	r.removed.Store(uint64(never))
	c.n.Add(1)
}

// Unlink takes a removed rule out for good. No reader may be left at a version
// at which r is visible.
func (c *Classifier[T]) Unlink(r *Rule[T]) {
	if !r.linked || Version(r.removed.Load()) == never {
		panic("classifier: unlinking a rule that is not removed")
	}
	t := c.subtableOf(r.shape)
	r.linked = false
	if t.own != nil {
		t.own.remove(r)
		c.forgetType(t.own, r)
		c.settle(t.own)
	} else {
		c.unmerge(r)
		t.rules.remove(&r.node)
	}
	if c.how < Plain {
		for i, run := range t.shape.runs {
			if run > 0 {
				c.trees[i].takeBack(lanes[i].getPacked(t.shape, r.vals()), int(run), r.away>>i&1 != 0)
			}
		}
	}
	if t.rules.count == 0 {
		c.index.remove(&t.node)
		if c.recent.Load() == t {
			c.recent.Store(nil)
		}
		if t.own != nil {
			c.delist(t.own)
			c.own--
		}
	}
}
