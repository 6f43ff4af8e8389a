package classifier

import (
	"math/bits"
	"slices"
	"sync/atomic"

	"ofswitch/flow"
)

// block is where some rules of a merged table stand which share a hash: entries side by side, in falling
// order of priority. Rules of a hash that are more than a block holds stand in several, one after the other.
//
// Before the entries is the sieve: of half a word, the one in which the rules differ most, what each of them asks for. So rules
// that came of one range of ports are told apart by eight bytes each.
//
// Entries that are there do not change, nor do they move: the writer fills those behind the last, or makes
// another block, which takes the place of this one by one store.
type block[T any] struct {
	next    atomic.Pointer[block[T]]
	n       atomic.Int32 // entries in use, and so of the sieve
	half    uint8        // number of the sieve's word * 2, + 1 for the upper half
	sieve   []uint64     // the rule's value in this half, and its mask << 32
	entries []entry[T]
}

// blockRules is how many rules the largest block holds.
const blockRules = 16

// entry has with a rule one word of it, so that most rules that share a hash and do not match are passed by
// without a look at them.
type entry[T any] struct {
	rule     *Rule[T]
	mask     uint64 // the rule's in a word of which the table's shape and the sieve lack most bits
	val      uint64
	priority int32
	word     uint8
}

// newBlock makes a block with room for n rules, in one object.
func newBlock[T any](n int) *block[T] {
	switch {
	case n <= 2:
		x := new(struct {
			b block[T]
			s [2]uint64
			e [2]entry[T]
		})
		x.b.sieve, x.b.entries = x.s[:], x.e[:]
		return &x.b
	case n <= 4:
		x := new(struct {
			b block[T]
			s [4]uint64
			e [4]entry[T]
		})
		x.b.sieve, x.b.entries = x.s[:], x.e[:]
		return &x.b
	case n <= 8:
		x := new(struct {
			b block[T]
			s [8]uint64
			e [8]entry[T]
		})
		x.b.sieve, x.b.entries = x.s[:], x.e[:]
		return &x.b
	}
	x := new(struct {
		b block[T]
		s [blockRules]uint64
		e [blockRules]entry[T]
	})
	x.b.sieve, x.b.entries = x.s[:], x.e[:]
	return &x.b
}

// newBlockOf makes a block of rules in falling order of priority, in a table of which s is the shape, with room for some more.
func newBlockOf[T any](s *shape, rules []*Rule[T]) *block[T] {
	b := newBlock[T](len(rules))
	b.half = sieveFor(rules)
	for _, r := range rules {
		b.push(s, r)
	}
	return b
}

// sieveFor chooses the half word in which rules differ most from the ones before them.
func sieveFor[T any](rules []*Rule[T]) (best uint8) {
	var differ [2 * flow.Words]uint8
	for i, r := range rules[1:] {
		o := rules[i]
		for j, v := range r.vals() {
			idx, mask := r.shape.idx[j], r.shape.mask[j]
			d := v ^ o.word(idx) | mask ^ o.maskOf(idx)
			for h := range uint8(2) {
				if uint32(d>>(32*h)) != 0 {
					differ[2*idx+h]++
				}
			}
		}
	}
	for i, n := range differ {
		if n > differ[best] {
			best = uint8(i)
		}
	}
	return best
}

// push makes an entry for r behind the last.
func (b *block[T]) push(s *shape, r *Rule[T]) {
	n := b.n.Load()
	e := &b.entries[n]
	e.rule, e.priority = r, r.priority
	full := s.full
	full[b.half>>1] |= 0xffffffff << (32 * (b.half & 1))
	most := 0
	for i, v := range r.vals() {
		idx, mask := r.shape.idx[i], r.shape.mask[i]
		if n := bits.OnesCount64(mask &^ full[idx]); n > most {
			most, e.word, e.mask, e.val = n, idx, mask, v
		}
		if idx == b.half>>1 {
			b.sieve[n] = mask>>(32*(b.half&1))<<32 | v>>(32*(b.half&1))&0xffffffff
		}
	}
	b.n.Store(n + 1)
}

// pushFrom copies entries of o, which has the same sieve, behind the last.
func (b *block[T]) pushFrom(o *block[T], from, to int) {
	n := int(b.n.Load())
	copy(b.sieve[n:], o.sieve[from:to])
	copy(b.entries[n:], o.entries[from:to])
	b.n.Store(int32(n + to - from))
}

// half is half a word of w.
func half(w *flow.Wide, i uint8) uint32 {
	if int(i>>1) >= len(w) {
		return 0
	}
	return uint32(w[i>>1] >> (i & 1 * 32))
}

// sieved says whether x, half a word of a key, is not what a rule asks for.
func sieved(s uint64, x uint32) bool { return (uint32(s)^x)&uint32(s>>32) != 0 }

// differs says whether w is not what the rule asks for, as far as the entry tells.
func (e *entry[T]) differs(w *flow.Wide) bool {
	i := int(e.word)
	return i < len(w) && (w[i]^e.val)&e.mask != 0
}

// differsIn is differs of the bits of m only.
func (e *entry[T]) differsIn(w *flow.Wide, m *flow.Mask) bool {
	return (w[e.word]^e.val)&e.mask&m[e.word] != 0
}

// len is the number of rules in b.
func (b *block[T]) len() int { return int(b.n.Load()) }

// rules appends those of b to to.
func (b *block[T]) rules(to []*Rule[T]) []*Rule[T] {
	for i := range b.entries[:b.len()] {
		to = append(to, b.entries[i].rule)
	}
	return to
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
		two := []*Rule[T]{old, r}
		if r.priority > old.priority {
			two[0], two[1] = r, old
		}
		t.pages.put(placeBlocks(newBlockOf(t.shape, two), tag))
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
			b.push(t.shape, r)
			return first
		}
		if n == blockRules {
			b.next.Store(newBlockOf(t.shape, []*Rule[T]{r}))
			return first
		}
		break
	}
	at := 0
	for at < n && b.entries[at].priority >= r.priority {
		at++
	}
	if n < len(b.entries) {
		fresh := newBlock[T](n + 1)
		fresh.half = b.half
		fresh.pushFrom(b, 0, at)
		fresh.push(t.shape, r)
		fresh.pushFrom(b, at, n)
		return b.replace(first, prev, fresh, fresh)
	}
	all := slices.Insert(b.rules(make([]*Rule[T], 0, blockRules+1)), at, r)
	if n < blockRules {
		fresh := newBlockOf(t.shape, all)
		return b.replace(first, prev, fresh, fresh)
	}
	one, two := newBlockOf(t.shape, all[:len(all)/2]), newBlockOf(t.shape, all[len(all)/2:])
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
		t.pages.put(placeRule(now.entries[0].rule, p.tag))
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
			if b.entries[i].rule != r {
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
			fresh.half = b.half
			fresh.pushFrom(b, 0, i)
			fresh.pushFrom(b, i+1, n)
			return b.replace(first, prev, fresh, fresh)
		}
	}
	panic("classifier: removing a rule that has no place")
}

// lookupMerged is lookup in a merged table, of the rules that have this hash.
func (t *table[T]) lookupMerged(w *flow.Wide, hash uint64, v Version, floor int32) (r *Rule[T], first bool) {
	p := t.pages.find(hash)
	if p == nil || p.priority() <= floor {
		return nil, true
	}
	if r := ruleOf[T](p); r != nil {
		if r.VisibleAt(v) && r.shape.equal(w, r.vals()) {
			return r, true
		}
		return nil, false
	}
	first = true
	for b := blocksOf[T](p); b != nil; b = b.next.Load() {
		x := half(w, b.half)
		for i, s := range b.sieve[:b.len()] {
			if sieved(s, x) {
				continue
			}
			e := &b.entries[i]
			if e.priority <= floor {
				return nil, false // falling priorities from here on
			}
			if r := e.rule; !e.differs(w) && r.VisibleAt(v) && r.shape.equal(w, r.vals()) {
				return r, first && i == 0
			}
		}
		first = false
	}
	return nil, false
}
