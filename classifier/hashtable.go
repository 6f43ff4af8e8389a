package classifier

import (
	"math/bits"
	"slices"
	"sync/atomic"
)

// Tuning of the hash table.
const (
	loadGrow   = 2   // items a bucket at which it grows
	loadShrink = 2   // buckets an item at which it shrinks; far enough from growing not to swing
	smallest   = 256 // buckets a segment; the first ones come in segments of 1, 1, 2, 4 ... 128
	smallSegs  = 9   // number of these
)

// node is a member of a hash table's list: an item, or a bucket's marker.
type node[E any] struct {
	next atomic.Pointer[node[E]]
	hash uint64 // place in the list; immutable
	item *E     // nil: a marker; immutable
}

// bucket is the marker that stands before all items whose hash is in the
// bucket's range.
type bucket[E any] struct {
	node node[E]
	// filter has bit hash%64 set for each item of the bucket, and possibly others.
	filter atomic.Uint64
}

// hashTable is a hash table with one writer and any number of lock-free
// readers (doc.go). Items are linked through the nodes they contain.
//
// Bucket 0 has all hashes; bucket i with 2^k <= i < 2^(k+1) has those whose
// first k+1 bits are the odd number 2(i-2^k)+1, as far as no later bucket takes
// its upper half.
type hashTable[E any] struct {
	state atomic.Uint64                 // change count << 32 | buckets in use
	segs  atomic.Pointer[[][]bucket[E]] // at least the buckets in use
	count int                           // items; writer's
}

func (t *hashTable[E]) init() {
	segs := [][]bucket[E]{make([]bucket[E], 1)}
	t.segs.Store(&segs)
	t.state.Store(1)
}

// slot is the bucket that h belongs to when n are in use.
func slot(h uint64, n uint32) uint32 {
	level := bits.Len32(n)
	y := h >> (64 - level)
	if y&1 != 0 {
		if i := uint32(1)<<(level-1) | uint32(y>>1); i < n {
			return i
		}
		y ^= 1
	}
	if y == 0 {
		return 0
	}
	zeros := bits.TrailingZeros64(y)
	return uint32(1)<<(level-zeros-1) | uint32(y>>(zeros+1))
}

// markerHash is the lowest hash of bucket i.
func markerHash(i uint32) uint64 {
	if i == 0 {
		return 0
	}
	level := bits.Len32(i)
	y := uint64(i-1<<(level-1))<<1 | 1
	return y << (64 - level)
}

// segment says where bucket i stands.
func segment(i uint32) (seg, off uint32) {
	if i >= smallest {
		return smallSegs - 1 + i/smallest, i % smallest
	}
	if i == 0 {
		return 0, 0
	}
	seg = uint32(bits.Len32(i))
	return seg, i - 1<<(seg-1)
}

// bucket is nil if the table shrank since the number was read.
func (t *hashTable[E]) bucket(i uint32) *bucket[E] {
	segs := *t.segs.Load()
	seg, off := segment(i)
	if int(seg) >= len(segs) {
		return nil
	}
	return &segs[seg][off]
}

func (t *hashTable[E]) buckets() uint32 { return uint32(t.state.Load()) }

// find returns the first node whose hash is h, nil if there is none. Others
// may follow; see nextSame.
func (t *hashTable[E]) find(h uint64) *node[E] {
	for {
		if x, sure := t.findIn(t.state.Load(), h); sure {
			return x
		}
	}
}

// findIn is find by a state that may be old by now. sure is false if that is
// why there may be no answer.
func (t *hashTable[E]) findIn(state, h uint64) (x *node[E], sure bool) {
	b := t.bucket(slot(h, uint32(state)))
	if b == nil {
		return nil, false
	}
	if b.filter.Load()&(1<<(h&63)) == 0 {
		// If the bucket was cut in two or joined since, it may be the filter of less
		// than we look for.
		return nil, t.state.Load() == state
	}
	for x := b.node.next.Load(); x != nil && x.hash <= h; x = x.next.Load() {
		if x.hash == h && x.item != nil {
			return x, true
		}
	}
	return nil, true
}

// nextSame is the next node after x with the same hash, nil if there is none.
func nextSame[E any](x *node[E]) *node[E] {
	h := x.hash
	for x = x.next.Load(); x != nil && x.hash == h; x = x.next.Load() {
		if x.item != nil {
			return x
		}
	}
	return nil
}

// each calls fn for every item until it returns false, and says whether it
// got through.
func (t *hashTable[E]) each(fn func(*E) bool) bool {
	for x := t.bucket(0).node.next.Load(); x != nil; x = x.next.Load() {
		if x.item != nil && !fn(x.item) {
			return false
		}
	}
	return true
}

// insert links x before the first item of equal hash of which before says so,
// after all others of that hash.
func (t *hashTable[E]) insert(x *node[E], before func(*E) bool) {
	b := t.bucket(slot(x.hash, t.buckets()))
	prev := &b.node
	for y := prev.next.Load(); y != nil && y.hash <= x.hash; y = prev.next.Load() {
		if y.hash == x.hash && y.item != nil && before(y.item) {
			break
		}
		prev = y
	}
	x.next.Store(prev.next.Load())
	b.filter.Store(b.filter.Load() | 1<<(x.hash&63))
	prev.next.Store(x)
	t.count++
	if t.count > loadGrow*int(t.buckets()) {
		t.grow()
	}
}

// before is the node that leads to x, which is linked in the bucket b.
func before[E any](b *bucket[E], x *node[E]) *node[E] {
	prev := &b.node
	for y := prev.next.Load(); y != x; y = prev.next.Load() {
		if y == nil {
			panic("classifier: what should be linked is not")
		}
		prev = y
	}
	return prev
}

// remove unlinks x, which must be linked. x keeps its successor, for readers
// that stand on it.
func (t *hashTable[E]) remove(x *node[E]) {
	b := t.bucket(slot(x.hash, t.buckets()))
	before(b, x).next.Store(x.next.Load())
	b.filter.Store(filterOf(b))
	t.count--
	for i := 0; i < 3 && t.buckets() > 1 && int(t.buckets()) > loadShrink*t.count; i++ {
		t.shrink()
	}
}

// filterOf computes the filter of a bucket from its items.
func filterOf[E any](b *bucket[E]) (f uint64) {
	for x := b.node.next.Load(); x != nil && x.item != nil; x = x.next.Load() {
		f |= 1 << (x.hash & 63)
	}
	return f
}

// predecessor is the last node before hash h (and before items of hash h) in
// the bucket from.
func predecessor[E any](from *bucket[E], h uint64) *node[E] {
	prev := &from.node
	for y := prev.next.Load(); y != nil && y.hash < h; y = prev.next.Load() {
		prev = y
	}
	return prev
}

// publish makes n the number of buckets.
func (t *hashTable[E]) publish(n uint32) {
	t.state.Store((t.state.Load()>>32+1)<<32 | uint64(n))
}

// grow cuts one bucket in two.
func (t *hashTable[E]) grow() {
	n := t.buckets()
	t.reserve(n)
	b := t.bucket(n)
	parent := t.bucket(slot(b.node.hash, n))
	prev := predecessor(parent, b.node.hash)
	b.node.next.Store(prev.next.Load())
	b.filter.Store(filterOf(b))
	prev.next.Store(&b.node)
	t.publish(n + 1)
	// Only now: a reader that sees the narrow filter sees the new number too.
	parent.filter.Store(filterOf(parent))
}

// reserve makes sure that bucket i has memory.
func (t *hashTable[E]) reserve(i uint32) {
	seg, _ := segment(i)
	segs := *t.segs.Load()
	if int(seg) < len(segs) {
		return
	}
	s := make([]bucket[E], min(i, smallest))
	for off := range s {
		s[off].node.hash = markerHash(i + uint32(off))
	}
	// append writes beyond what readers of the old header can see, or copies.
	segs = append(segs, s)
	t.segs.Store(&segs)
}

// shrink joins the last bucket with the one it was cut from.
func (t *hashTable[E]) shrink() {
	n := t.buckets() - 1
	b := t.bucket(n)
	parent := t.bucket(slot(b.node.hash, n))
	parent.filter.Store(parent.filter.Load() | b.filter.Load())
	t.publish(n)
	prev := predecessor(parent, b.node.hash)
	if prev.next.Load() != &b.node {
		panic("classifier: marker lost")
	}
	prev.next.Store(b.node.next.Load())
	if seg, off := segment(n); off == 0 {
		// A copy, so that a later append does not write where readers of the longer
		// header still read.
		segs := slices.Clone((*t.segs.Load())[:seg])
		segs = segs[:len(segs):len(segs)]
		t.segs.Store(&segs)
	}
}
