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
	node    node[block[T]]
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

// newBlock makes a block with room for n rules that share a hash, in one object.
func newBlock[T any](n int, hash uint64) (b *block[T]) {
	switch {
	case n <= 1:
		x := new(struct {
			b block[T]
			e [1]entry[T]
		})
		b, x.b.entries = &x.b, x.e[:]
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
	b.node.hash, b.node.item = hash, b
	return b
}

// fill makes e that of r in a table of which s is the shape.
func (e *entry[T]) fill(s *shape, r *Rule[T]) {
	e.priority = r.priority
	full := s.full()
	var most [2]int
	for i, v := range r.vals {
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

// addPlace makes an entry for r, which has this hash, in the blocks of t.
func (t *table[T]) addPlace(r *Rule[T], hash uint64) {
	// The first block that ends below the rule's priority, or else the last: behind equals it most often goes to the end, where nothing is copied.
	var b, last *block[T]
	n := 0
	for x := t.blocks.find(hash); x != nil; x = nextSame(x) {
		last = x.item
		n = last.len()
		if last.entries[n-1].priority < r.priority {
			b = last
			break
		}
	}
	at := n
	switch {
	case last == nil:
		b = newBlock[T](1, hash)
		b.entries[0].fill(t.shape, r)
		t.blocks.insert(&b.node, func(*block[T]) bool { return false })
		return
	case b == nil && n < len(last.entries):
		last.entries[n].fill(t.shape, r)
		return
	case b == nil && n == blockRules:
		b = newBlock[T](1, hash)
		b.entries[0].fill(t.shape, r)
		t.blocks.insertAfter(&last.node, &b.node)
		return
	case b == nil:
		b = last
	default:
		for at = 0; b.entries[at].priority >= r.priority; {
			at++
		}
	}
	old := b.entries[:n]
	if n < blockRules {
		fresh := newBlock[T](n+1, hash)
		copyEntries(fresh.entries, old[:at])
		fresh.entries[at].fill(t.shape, r)
		copyEntries(fresh.entries[at+1:], old[at:])
		t.blocks.replace(&b.node, &fresh.node, &fresh.node)
		return
	}
	const half = blockRules / 2
	first, second := newBlock[T](half+1, hash), newBlock[T](half+1, hash)
	if at <= half {
		copyEntries(first.entries, old[:at])
		first.entries[at].fill(t.shape, r)
		copyEntries(first.entries[at+1:], old[at:half])
		copyEntries(second.entries, old[half:])
	} else {
		copyEntries(first.entries, old[:half])
		copyEntries(second.entries, old[half:at])
		second.entries[at-half].fill(t.shape, r)
		copyEntries(second.entries[at-half+1:], old[at:])
	}
	first.node.next.Store(&second.node)
	t.blocks.replace(&b.node, &first.node, &second.node)
}

// removePlace takes the entry of r, which has this hash, out of the blocks of t.
func (t *table[T]) removePlace(r *Rule[T], hash uint64) {
	for x := t.blocks.find(hash); x != nil; x = nextSame(x) {
		b := x.item
		n := b.len()
		for i := range n {
			if b.entries[i].rule.Load() != r {
				continue
			}
			if n == 1 {
				t.blocks.remove(x)
				return
			}
			fresh := newBlock[T](n-1, hash)
			copyEntries(fresh.entries, b.entries[:i])
			copyEntries(fresh.entries[i:], b.entries[i+1:n])
			t.blocks.replace(x, &fresh.node, &fresh.node)
			return
		}
	}
	panic("classifier: removing a rule that has no place")
}

// lookupMerged is lookup in a merged table, of the rules that have this hash.
func (t *table[T]) lookupMerged(w *flow.Wide, hash uint64, v Version, floor int32) *Rule[T] {
	for x := t.blocks.find(hash); x != nil; x = nextSame(x) {
		entries := x.item.entries
		for i := range entries {
			e := &entries[i]
			r := e.rule.Load()
			if r == nil {
				break
			}
			if e.priority <= floor {
				return nil // falling priorities from here on
			}
			if !e.differs(w) && r.VisibleAt(v) && r.shape.equal(w, r.vals) {
				return r
			}
		}
	}
	return nil
}
