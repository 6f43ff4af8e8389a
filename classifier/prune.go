package classifier

import (
	"math/bits"
	"sync/atomic"

	"ofswitch/flow"
)

// setTables is how many tables have numbers.
const setTables = 128

// tableSet is a set of tables by number.
type tableSet [setTables / 64]uint64

// has says whether table n is in the set; one without a number is in every set of tables
// that are to be probed.
func (s *tableSet) has(n int32) bool { return n < 0 || s[n>>6&1]>>(n&63)&1 != 0 }

var allTables = tableSet{^uint64(0), ^uint64(0)}

// sharedSet is a tableSet with one writer and any number of readers.
type sharedSet [setTables / 64]atomic.Uint64

func (s *sharedSet) load() tableSet { return tableSet{s[0].Load(), s[1].Load()} }

func (s *sharedSet) store(to tableSet) {
	s[0].Store(to[0])
	s[1].Store(to[1])
}

// put says whether table n is in the set.
func (s *sharedSet) put(n int32, in bool) {
	word, bit := &s[n>>6], uint64(1)<<(n&63)
	if old := word.Load(); in {
		word.Store(old | bit)
	} else {
		word.Store(old &^ bit)
	}
}

// laneTables says which tables have rules that ask for which prefixes of a lane.
type laneTables struct {
	all sharedSet   // tables of which every rule asks for one
	by  []sharedSet // by length: those of which a rule asks for this length
}

// enlist gives t a number, if there is one left.
func (c *Classifier[T]) enlist(t *table[T]) {
	t.id = -1
	if c.how >= Plain {
		return
	}
	for i := range c.numbers {
		if b := c.numbers[i].Load(); b != ^uint64(0) {
			t.id = int32(64*i + bits.TrailingZeros64(^b))
			c.numbers.put(t.id, true)
			break
		}
	}
	if t.typed = t.id >= 0 && t.shape.typed(); t.typed {
		c.types.typed.put(t.id, true)
	}
	if t.pages != nil {
		return
	}
	for i, run := range t.shape.runs {
		c.list(t, i, int(run), run > 0)
	}
}

// delist takes back the number of a table without rules.
func (c *Classifier[T]) delist(t *table[T]) {
	if c.how >= Plain {
		return
	}
	for i, run := range t.shape.runs {
		if t.pages == nil {
			c.list(t, i, int(run), false)
		}
	}
	if t.typed {
		c.types.typed.put(t.id, false)
	}
	if t.id >= 0 {
		c.numbers.put(t.id, false)
	}
}

// list says whether rules of t ask for prefixes of lane i, all of this length.
func (c *Classifier[T]) list(t *table[T], i, run int, in bool) {
	if run > 0 {
		c.listLength(t, i, run, in)
		c.listAll(t, i, in)
		t.noteLongest(i, run)
	}
}

// listLength says whether some rule of t asks for this many bits of lane i.
func (c *Classifier[T]) listLength(t *table[T], i, run int, in bool) {
	if t.id >= 0 && run > 0 {
		c.laneTables(i).by[run].put(t.id, in)
	}
}

// listAll says whether all rules of t ask for bits of lane i.
func (c *Classifier[T]) listAll(t *table[T], i int, in bool) {
	if t.id >= 0 {
		c.laneTables(i).all.put(t.id, in)
		asks := t.asks.Load() &^ (1 << (asksAll + i))
		if in {
			asks |= 1 << (asksAll + i)
		}
		t.asks.Store(asks)
	}
}

func (c *Classifier[T]) laneTables(i int) *laneTables {
	l := c.asked[i].Load()
	if l == nil {
		l = &laneTables{by: make([]sharedSet, lanes[i].bits+1)}
		c.asked[i].Store(l)
	}
	return l
}

// noteRuns adds r's lengths to those of t, a merged table.
func (c *Classifier[T]) noteRuns(t *table[T], r *Rule[T]) {
	for i, run := range r.shape.runs {
		s := t.runs[i]
		if s == nil {
			if run == 0 {
				continue
			}
			s = new(runSet)
			if t.n > 0 {
				s.add(0, uint32(t.n))
			}
			t.runs[i] = s
		}
		s.add(int(run), 1)
		if s.count[run] == 1 {
			c.listLength(t, i, int(run), true)
			c.listAll(t, i, s.count[0] == 0)
			t.noteLongest(i, s.longest())
		}
	}
}

// forgetRuns takes them back.
func (c *Classifier[T]) forgetRuns(t *table[T], r *Rule[T]) {
	for i, run := range r.shape.runs {
		if s := t.runs[i]; s != nil {
			s.remove(int(run))
			if s.count[run] == 0 {
				c.listLength(t, i, int(run), false)
				longest := s.longest()
				c.listAll(t, i, s.count[0] == 0 && longest > 0)
				t.noteLongest(i, longest)
			}
		}
	}
}

// noteLongest notes the length of the longest prefix of lane i that rules of t ask for.
func (t *table[T]) noteLongest(i, n int) {
	t.asks.Store(t.asks.Load()&^(0xff<<(8*i)) | uint64(n)<<(8*i))
}

// laneProof is what a lane says of a key.
type laneProof struct {
	dead tableSet // tables of which every rule asks for a prefix that the key has not
	used int      // leading bits of the lane that show it
}

// pruner finds out which tables can have a rule that matches a key, as far as prefixes tell.
type pruner struct {
	alive tableSet            // those that can
	asked uint32              // lanes
	lanes [numLanes]laneProof // what they say

	// What a search found out on its way, of the first 64 tables in the order, a bit for each.
	probed uint64 // those of which the filter does not say that they have no rule that matches
	open   uint64 // those that may have a rule of the key's hash that would come before the answer
	first  bool   // the table of the answer has none, before it
}

// ask asks lane i, which tables ask for.
func (c *Classifier[T]) ask(p *pruner, i int, w *flow.Wide) {
	p.asked |= 1 << i
	found, used, sure := c.trees[i].walk(lanes[i].get(w))
	if !sure {
		return
	}
	l := c.asked[i].Load()
	a, b := l.all[0].Load(), l.all[1].Load()
	for x := found[0]; x != 0; x &= x - 1 {
		s := &l.by[1+bits.TrailingZeros64(x)]
		a &^= s[0].Load()
		b &^= s[1].Load()
	}
	for x := found[1]; x != 0; x &= x - 1 {
		s := &l.by[65+bits.TrailingZeros64(x)]
		a &^= s[0].Load()
		b &^= s[1].Load()
	}
	p.lanes[i] = laneProof{tableSet{a, b}, used}
	p.alive[0] &^= a
	p.alive[1] &^= b
}

const (
	// pruneAfter is how many tables are probed before it is worth to ask which others need
	// not be, pruneFor how many of these there must be.
	pruneAfter = 10
	pruneFor   = 20
)

// prune asks all lanes that may rule out as many tables.
func (c *Classifier[T]) prune(p *pruner, w *flow.Wide, most int) {
	for i := range c.asked {
		if l := c.asked[i].Load(); l != nil {
			n := bits.OnesCount64(l.all[0].Load() & p.alive[0])
			if b := l.all[1].Load() & p.alive[1]; b != 0 {
				n += bits.OnesCount64(b)
			}
			if n >= most {
				c.ask(p, i, w)
			}
		}
	}
}
