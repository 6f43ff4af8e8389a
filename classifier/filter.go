package classifier

import (
	"math/bits"
	"sync/atomic"

	"ofswitch/flow"
)

// wordFilter says of which values of one word, masked, a table has no rule: a counting Bloom
// filter of one hash. What readers look at, a bit for each count, is small enough to stay in the processor's nearest caches. It has
// one writer and any number of lock-free readers.
type wordFilter struct {
	some   []atomic.Uint64 // bit i: count i is not zero
	shift  uint8           // 64 - log2 of the number of counts
	counts []uint8         // of 4 bits, two to a byte; one that got to the end stays. The writer's
}

const (
	filterFull  = 15
	filterFirst = 8 // log2 of the number of counts in the first filter of a table
	filterStep  = 1 // log2 of how many times as many the next one has
	filterLast  = 17
	filterLoad  = 12 // counts for each rule where the next one is made
)

func newWordFilter(bits uint8) *wordFilter {
	return &wordFilter{some: make([]atomic.Uint64, 1<<(bits-6)), shift: 64 - bits, counts: make([]uint8, 1<<(bits-1))}
}

// has says whether a rule may have the value x.
func (f *wordFilter) has(x uint64) bool {
	i := mix(hashSeed, x) >> f.shift
	return f.some[i>>6&uint64(len(f.some)-1)].Load()>>(i&63)&1 != 0
}

// change counts x once more, or once less.
func (f *wordFilter) change(x uint64, more bool) {
	i := mix(hashSeed, x) >> f.shift
	count, at := &f.counts[i>>1], i&1*4
	n := *count >> at & filterFull
	if n == filterFull {
		return
	}
	word := &f.some[i>>6]
	if more {
		*count += 1 << at
		if n == 0 {
			word.Store(word.Load() | 1<<(i&63))
		}
	} else {
		*count -= 1 << at
		if n == 1 {
			word.Store(word.Load() &^ (1 << (i & 63)))
		}
	}
}

// chooseWord chooses the word of a table's filter: that of the mask which tells most; of two
// addresses in one word only the one with more bits, where these are enough to tell, as they are
// sooner in a record.
func (t *table[T]) chooseWord() {
	most := 0
	for i := range t.shape.n {
		idx, mask := t.shape.idx[i], t.shape.mask[i]
		n := bits.OnesCount64(mask)
		if idx == flow.WIPv4 {
			n += 64
			src, dst := t.shape.runs[laneIPv4Src], t.shape.runs[laneIPv4Dst]
			if long := max(src, dst); long >= 24 && long == src {
				mask &= lanes[laneIPv4Src].mask
			} else if long >= 24 {
				mask &= lanes[laneIPv4Dst].mask
			}
		}
		if n > most {
			most, t.word, t.mask = n, idx, mask
		}
	}
}

// lacks says that no rule of t matches w, as far as the filter tells.
func (t *table[T]) lacks(w *flow.Wide) bool {
	return int(t.word) < len(w) && t.lacking(w[t.word]&t.mask)
}

// lacking says that no rule of t has this value in the filter's word, as far as the filter tells.
func (t *table[T]) lacking(x uint64) bool {
	f := t.filter.Load()
	return f != nil && !f.has(x)
}

// filtered is the value of r in the filter's word.
func (t *table[T]) filtered(r *Rule[T]) uint64 { return r.word(t.word) & t.mask }

// maskOf is the rule's mask of a word.
func (r *Rule[T]) maskOf(idx uint8) uint64 { return r.shape.full[idx] }

// word is the rule's value of a word.
func (r *Rule[T]) word(idx uint8) uint64 {
	for i, v := range r.vals() {
		if r.shape.idx[i] == idx {
			return v
		}
	}
	return 0
}

// refilter makes a filter of more counts, if it is time.
func (t *table[T]) refilter() {
	f := t.filter.Load()
	size := uint8(filterFirst)
	if f != nil {
		size = 64 - f.shift + filterStep
	}
	if t.mask == 0 || size > filterLast || f != nil && t.n*filterLoad <= 64*len(f.some) {
		return
	}
	next := newWordFilter(size)
	for r := range t.all {
		next.change(t.filtered(r), true)
	}
	t.filter.Store(next)
}

// all yields the rules of t.
func (t *table[T]) all(yield func(*Rule[T]) bool) {
	if t.pages == nil {
		t.rules.each(yield)
		return
	}
	t.pages.each(func(p *place) bool {
		if r := ruleOf[T](p); r != nil {
			return yield(r)
		}
		for b := blocksOf[T](p); b != nil; b = b.next.Load() {
			for i := range b.len() {
				if !yield(b.entries[i].rule) {
					return false
				}
			}
		}
		return true
	})
}
