package classifier

import (
	"math/bits"
	"sync/atomic"

	"ofswitch/flow"
)

// block is where some rules of a merged table stand which share a hash: entries side by side, in falling
// order of priority. Rules of a hash that are more than a block holds stand in several, one after the other.
//
// Entries that are there do not change, nor do they move: the writer fills those behind the last, or makes
// another block, which takes the place of this one by one store.
type block[T any] struct {
	next    atomic.Pointer[block[T]]
	entries []entry[T] // those in use come first
}

// blockRules is how many rules the largest block holds.
const blockRules = 16

// entry has with a rule two words of it, so that most rules that share a hash and do not match are passed by
// without a look at them.
type entry[T any] struct {
	rule     atomic.Pointer[Rule[T]] // nil: not in use, and nothing else of the entry is to be read
	mask     [2]uint64               // the rule's in two words that the table's shape lacks most bits of
	val      [2]uint64
	priority int32
	word     [2]uint8
}

// newBlock makes a block with room for n rules, in one object.
func newBlock[T any](n int) (b *block[T]) {
	switch {
	case n <= 2:
		x := new(struct {
			b block[T]
			e [2]entry[T]
		})
		b, x.b.entries = &x.b, x.e[:]
	case n <= 4:
		x := new(struct {
			b block[T]
			e [4]entry[T]
		})
		b, x.b.entries = &x.b, x.e[:]
	case n <= 8:
		x := new(struct {
			b block[T]
			e [8]entry[T]
		})
		b, x.b.entries = &x.b, x.e[:]
	default:
		x := new(struct {
			b block[T]
			e [blockRules]entry[T]
		})
		b, x.b.entries = &x.b, x.e[:]
	}
	return b
}

// fill makes e that of r in a table of which s is the shape.
func (e *entry[T]) fill(s *shape, r *Rule[T]) {
	e.priority = r.priority
	full := s.full
	var most [2]int
	for i, v := range r.vals() {
		idx, mask := r.shape.idx[i], r.shape.mask[i]
		switch n := bits.OnesCount64(mask &^ full[idx]); {
		case n > most[0]:
			most[1], e.word[1], e.mask[1], e.val[1] = most[0], e.word[0], e.mask[0], e.val[0]
			most[0], e.word[0], e.mask[0], e.val[0] = n, idx, mask, v
		case n > most[1]:
			most[1], e.word[1], e.mask[1], e.val[1] = n, idx, mask, v
		}
	}
	e.rule.Store(r)
}

// differs says whether w is not what the rule asks for, as far as the entry tells.
func (e *entry[T]) differs(w *flow.Wide) bool {
	i, j := int(e.word[0]), int(e.word[1])
	return i < len(w) && j < len(w) && (w[i]^e.val[0])&e.mask[0]|(w[j]^e.val[1])&e.mask[1] != 0
}

// differsIn is differs of the bits of m only.
func (e *entry[T]) differsIn(w *flow.Wide, m *flow.Mask) bool {
	i, j := e.word[0], e.word[1]
	return (w[i]^e.val[0])&e.mask[0]&m[i]|(w[j]^e.val[1])&e.mask[1]&m[j] != 0
}

// len is the number of rules in b; the writer's.
func (b *block[T]) len() int {
	n := len(b.entries)
	for b.entries[n-1].rule.Load() == nil {
		n--
	}
	return n
}

// copyEntries copies entries to the first ones of to, which nobody reads yet.
func copyEntries[T any](to, from []entry[T]) {
	for i := range from {
		a, b := &to[i], &from[i]
		a.mask, a.val, a.priority, a.word = b.mask, b.val, b.priority, b.word
		a.rule.Store(b.rule.Load())
	}
}

// addPlace makes a place for r, which has this hash, among the rules of t, or takes it into the one that is there.
func (t *table[T]) addPlace(r *Rule[T], hash uint64) {
	tag := tagOf(hash)
	p := t.pages.find(hash)
	if p == nil {
		t.pages.put(placeRule(r, tag))
		return
	}
	if old := ruleOf[T](p); old != nil {
		b, second := newBlock[T](2), r
		if r.priority > old.priority {
			old, second = r, old
		}
		b.entries[0].fill(t.shape, old)
		b.entries[1].fill(t.shape, second)
		t.pages.put(placeBlocks(b, tag))
		return
	}
	first := blocksOf[T](p)
	if now := t.addEntry(first, r); now != first {
		t.pages.put(placeBlocks(now, tag))
	}
}

// addEntry makes an entry for r in the blocks from first on, and returns which is the first then. If it is another, it
// takes the place of the old one when it is put there.
func (t *table[T]) addEntry(first *block[T], r *Rule[T]) *block[T] {
	// The first block that ends below the rule's priority, or else the last: behind equals it most often goes to the end,
	// where nothing is copied.
	var prev, b *block[T]
	n := 0
	for b = first; ; prev, b = b, b.next.Load() {
		n = b.len()
		if b.entries[n-1].priority < r.priority {
			break
		}
		if b.next.Load() != nil {
			continue
		}
		if n < len(b.entries) {
			b.entries[n].fill(t.shape, r)
			return first
		}
		if n == blockRules {
			fresh := newBlock[T](1)
			fresh.entries[0].fill(t.shape, r)
			b.next.Store(fresh)
			return first
		}
		break
	}
	at := 0
	for at < n && b.entries[at].priority >= r.priority {
		at++
	}
	old := b.entries[:n]
	if n < blockRules {
		fresh := newBlock[T](n + 1)
		copyEntries(fresh.entries, old[:at])
		fresh.entries[at].fill(t.shape, r)
		copyEntries(fresh.entries[at+1:], old[at:])
		return b.replace(first, prev, fresh, fresh)
	}
	const half = blockRules / 2
	one, two := newBlock[T](half+1), newBlock[T](half+1)
	if at <= half {
		copyEntries(one.entries, old[:at])
		one.entries[at].fill(t.shape, r)
		copyEntries(one.entries[at+1:], old[at:half])
		copyEntries(two.entries, old[half:])
	} else {
		copyEntries(one.entries, old[:half])
		copyEntries(two.entries, old[half:at])
		two.entries[at-half].fill(t.shape, r)
		copyEntries(two.entries[at-half+1:], old[at:])
	}
	one.next.Store(two)
	return b.replace(first, prev, one, two)
}

// replace links from and to, which are one or lead from the one to the other, where b is, behind prev. b keeps its successor, for
// readers that stand on it. It returns which is the first block then.
func (b *block[T]) replace(first, prev, from, to *block[T]) *block[T] {
	to.next.Store(b.next.Load())
	if prev == nil {
		return from
	}
	prev.next.Store(from)
	return first
}

// removePlace takes r, which has this hash, out of its place, and the place out if there is no other rule.
func (t *table[T]) removePlace(r *Rule[T], hash uint64) {
	p := t.pages.find(hash)
	if p == nil {
		panic("classifier: removing a rule that has no place")
	}
	if p.info&1 == 0 {
		if ruleOf[T](p) != r {
			panic("classifier: removing a rule that has no place")
		}
		t.pages.drop(p.tag)
		return
	}
	first := blocksOf[T](p)
	now := removeEntry(first, r)
	if now.len() == 1 && now.next.Load() == nil {
		t.pages.put(placeRule(now.entries[0].rule.Load(), p.tag))
	} else if now != first {
		t.pages.put(placeBlocks(now, p.tag))
	}
}

// removeEntry takes the entry of r out of the blocks from first on, which have two rules at least, and returns which
// is the first then.
func removeEntry[T any](first *block[T], r *Rule[T]) *block[T] {
	var prev *block[T]
	for b := first; b != nil; prev, b = b, b.next.Load() {
		n := b.len()
		for i := range n {
			if b.entries[i].rule.Load() != r {
				continue
			}
			if n == 1 {
				next := b.next.Load()
				if prev == nil {
					return next
				}
				prev.next.Store(next)
				return first
			}
			fresh := newBlock[T](n - 1)
			copyEntries(fresh.entries, b.entries[:i])
			copyEntries(fresh.entries[i:], b.entries[i+1:n])
			return b.replace(first, prev, fresh, fresh)
		}
	}
	panic("classifier: removing a rule that has no place")
}

// lookupMerged is lookup in a merged table, of the rules that have this hash.
func (t *table[T]) lookupMerged(w *flow.Wide, hash uint64, v Version, floor int32) *Rule[T] {
	p := t.pages.find(hash)
	if p == nil || p.priority() <= floor {
		return nil
	}
	if r := ruleOf[T](p); r != nil {
		if r.VisibleAt(v) && r.shape.equal(w, r.vals()) {
			return r
		}
		return nil
	}
	for b := blocksOf[T](p); b != nil; b = b.next.Load() {
		for i := range b.entries {
			e := &b.entries[i]
			r := e.rule.Load()
			if r == nil {
				break
			}
			if e.priority <= floor {
				return nil // falling priorities from here on
			}
			if !e.differs(w) && r.VisibleAt(v) && r.shape.equal(w, r.vals()) {
				return r
			}
		}
	}
	return nil
}
