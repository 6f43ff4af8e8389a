package classifier

import (
	"math/bits"
	"slices"
	"sync/atomic"
	"unsafe"
)

// pageTable is the hash table of a merged table, with one writer and any number of lock-free readers (doc.go). A
// bucket is a page of a few places side by side, most often a cache line, which never changes: the writer puts
// another page there. There are few enough buckets to stay in the near caches. So a probe costs one cache miss, for the
// page, and a hit one more, for the rule.
//
// It grows and shrinks by one bucket at a time (linear hashing): bucket i has the tags that end with the bits of i, as
// many as tell it from the others.
type pageTable struct {
	state atomic.Uint64            // change count << 32 | buckets in use
	segs  atomic.Pointer[[][]page] // at least the buckets in use
	count int                      // places; writer's
}

// page is a bucket.
type page struct {
	// places leads to a row of places, of which the first says how many follow; nil: there are none.
	places atomic.Pointer[place]
	// filter has a bit set for each tag of the page, and possibly others.
	filter atomic.Uint64
}

// place is where the rules of a hash stand. Hashes are told apart by their tags only: rules of two that have the same
// share a place.
type place struct {
	// to is a *Rule, if there is one rule, else the first of its blocks, of the same type parameter as the table's.
	to   unsafe.Pointer
	tag  uint32
	info uint32 // the highest priority << 1 | 1 for blocks; of the first place of a row: how many follow
}

// tagOf is what tells hashes apart in a pageTable.
func tagOf(h uint64) uint32 { return uint32(h >> 32) }

func tagBit(tag uint32) uint64 { return 1 << (tag >> 26) }

func (p *place) priority() int32 { return int32(p.info >> 1) }

// row are the places that begin with the one behind p.
func row(p *place) []place {
	if p == nil {
		return nil
	}
	return unsafe.Slice(p, p.info+1)[1:]
}

// ruleOf is the rule of a place, nil if there are blocks.
func ruleOf[T any](p *place) *Rule[T] {
	if p.info&1 != 0 {
		return nil
	}
	return (*Rule[T])(p.to)
}

// blocksOf is the first of a place's blocks, nil if there is one rule.
func blocksOf[T any](p *place) *block[T] {
	if p.info&1 == 0 {
		return nil
	}
	return (*block[T])(p.to)
}

// placeRule is the place of one rule.
func placeRule[T any](r *Rule[T], tag uint32) place {
	return place{unsafe.Pointer(r), tag, uint32(r.priority) << 1}
}

// placeBlocks is the place of several rules.
func placeBlocks[T any](b *block[T], tag uint32) place {
	return place{unsafe.Pointer(b), tag, uint32(b.entries[0].priority)<<1 | 1}
}

func (t *pageTable) init() {
	segs := [][]page{make([]page, 1)}
	t.segs.Store(&segs)
	t.state.Store(1)
}

// pageOf is the number of the bucket that a tag belongs to when n are in use.
func pageOf(tag, n uint32) uint32 {
	mask := uint32(1)<<bits.Len32(n-1) - 1
	i := tag & mask
	if i >= n {
		i &= mask >> 1
	}
	return i
}

// page is nil if the table shrank since the number was read.
func (t *pageTable) page(i uint32) *page {
	segs := *t.segs.Load()
	seg, off := segment(i)
	if int(seg) >= len(segs) {
		return nil
	}
	return &segs[seg][off]
}

func (t *pageTable) buckets() uint32 { return uint32(t.state.Load()) }

// find is the place of a hash, nil if there is none.
func (t *pageTable) find(h uint64) *place {
	tag := tagOf(h)
	for {
		state := t.state.Load()
		if p := t.page(pageOf(tag, uint32(state))); p != nil && p.filter.Load()&tagBit(tag) != 0 {
			places := row(p.places.Load())
			for i := range places {
				if places[i].tag == tag {
					return &places[i]
				}
			}
		}
		// If the bucket was cut in two or joined since, it may be one of less than we look for.
		if t.state.Load() == state {
			return nil
		}
	}
}

// put makes x the place of its tag.
func (t *pageTable) put(x place) {
	p := t.page(pageOf(x.tag, t.buckets()))
	old := row(p.places.Load())
	if i := slices.IndexFunc(old, func(o place) bool { return o.tag == x.tag }); i >= 0 {
		fresh := slices.Clone(old)
		fresh[i] = x
		p.fill(fresh)
		return
	}
	p.fill(append(old[:len(old):len(old)], x))
	if t.count++; t.count > loadGrow*int(t.buckets()) {
		t.grow()
	}
}

// drop takes the place of a tag out, which must be there.
func (t *pageTable) drop(tag uint32) {
	p := t.page(pageOf(tag, t.buckets()))
	p.fill(slices.DeleteFunc(slices.Clone(row(p.places.Load())), func(o place) bool { return o.tag == tag }))
	t.count--
	for i := 0; i < 3 && t.buckets() > 1 && int(t.buckets()) > loadShrink*t.count; i++ {
		t.shrink()
	}
}

// fill makes these the places of p. Readers that find a bit of the filter clear, and should not, find another number of
// buckets.
func (p *page) fill(places []place) {
	if len(places) == 0 {
		p.places.Store(nil)
		p.filter.Store(0)
		return
	}
	fresh := make([]place, len(places)+1)
	fresh[0].info = uint32(len(places))
	filter := uint64(0)
	for i, x := range places {
		fresh[i+1] = x
		filter |= tagBit(x.tag)
	}
	p.places.Store(&fresh[0])
	p.filter.Store(filter)
}

// publish makes n the number of buckets.
func (t *pageTable) publish(n uint32) {
	t.state.Store((t.state.Load()>>32+1)<<32 | uint64(n))
}

// grow cuts one bucket in two.
func (t *pageTable) grow() {
	n := t.buckets()
	t.reserve(n)
	parent := t.page(n &^ (1 << (bits.Len32(n) - 1)))
	var stay, move []place
	for _, x := range row(parent.places.Load()) {
		if pageOf(x.tag, n+1) == n {
			move = append(move, x)
		} else {
			stay = append(stay, x)
		}
	}
	t.page(n).fill(move)
	t.publish(n + 1)
	// Only now: a reader that misses a place finds the new number too.
	parent.fill(stay)
}

// reserve makes sure that bucket i has memory.
func (t *pageTable) reserve(i uint32) {
	seg, _ := segment(i)
	segs := *t.segs.Load()
	if int(seg) < len(segs) {
		return
	}
	// append writes beyond what readers of the old header can see, or copies.
	segs = append(segs, make([]page, min(i, smallest)))
	t.segs.Store(&segs)
}

// shrink joins the last bucket with the one it was cut from.
func (t *pageTable) shrink() {
	n := t.buckets() - 1
	parent := t.page(n &^ (1 << (bits.Len32(n) - 1)))
	parent.fill(slices.Concat(row(parent.places.Load()), row(t.page(n).places.Load())))
	t.publish(n)
	// A reader of the old number finds nothing here, and then the new one. What stayed would keep removed rules alive.
	t.page(n).fill(nil)
	if seg, off := segment(n); off == 0 {
		// A copy, so that a later append does not write where readers of the longer
		// header still read.
		segs := slices.Clone((*t.segs.Load())[:seg])
		segs = segs[:len(segs):len(segs)]
		t.segs.Store(&segs)
	}
}

// each calls fn for every place until it returns false; the writer's.
func (t *pageTable) each(fn func(*place) bool) {
	for i := range t.buckets() {
		places := row(t.page(i).places.Load())
		for j := range places {
			if !fn(&places[j]) {
				return
			}
		}
	}
}
