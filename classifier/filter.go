package classifier

import (
	"math/bits"
	"sync/atomic"

	"ofswitch/flow"
)

// wordFilter says of which values of one word, masked, a table has no rule: a counting Bloom
// filter of one hash, small enough to stay in the processor's nearest caches. It has one writer and
// any number of lock-free readers.
type wordFilter struct {
	cells []atomic.Uint64 // 16 counts of 4 bits each; one that got to the end stays
	shift uint8           // 64 - log2 of the number of counts
}

const (
	filterFull  = 15
	filterFirst = 8 // log2 of the number of counts in the first filter of a table
	filterStep  = 1 // log2 of how many times as many the next one has
	filterLast  = 17
	filterLoad  = 12 // counts for each rule where the next one is made
)

func newWordFilter(bits uint8) *wordFilter {
	return &wordFilter{cells: make([]atomic.Uint64, 1<<(bits-4)), shift: 64 - bits}
}

// has says whether a rule may have the value x.
func (f *wordFilter) has(x uint64) bool {
	i := mix(hashSeed, x) >> f.shift
	return f.cells[i>>4&uint64(len(f.cells)-1)].Load()>>(i&15*4)&15 != 0
}

// change counts x once more, or once less.
func (f *wordFilter) change(x uint64, more bool) {
	i := mix(hashSeed, x) >> f.shift
	cell, at := &f.cells[i>>4], i&15*4
	old := cell.Load()
	switch n := old >> at & 15; {
	case n == filterFull:
	case more:
		cell.Store(old + 1<<at)
	default:
		cell.Store(old - 1<<at)
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

// word is the rule's value of a word.
func (r *Rule[T]) word(idx uint8) uint64 {
	for i, v := range r.vals {
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
	if t.mask == 0 || size > filterLast || f != nil && t.n*filterLoad <= 16*len(f.cells) {
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
	if t.blocks == nil {
		t.rules.each(yield)
		return
	}
	t.blocks.each(func(b *block[T]) bool {
		for i := range b.len() {
			if !yield(b.entries[i].rule.Load()) {
				return false
			}
		}
		return true
	})
}
