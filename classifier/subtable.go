package classifier

import (
	"container/heap"

	"ofswitch/flow"
)

// subtable has the rules of one mask.
type subtable[T any] struct {
	shape *shape             // immutable
	rules hashTable[Rule[T]] // readers and writer
	node  node[subtable[T]]  // place in the index of masks
	prio  priorities         // writer's
	max   int32              // writer's: as in the order now
}

func newSubtable[T any](s *shape, hash uint64) *subtable[T] {
	t := &subtable[T]{shape: s, max: -1}
	t.rules.init()
	t.node.hash = hash
	t.node.item = t
	return t
}

// lookup is the rule of highest priority above floor that matches w at v.
func (t *subtable[T]) lookup(w *flow.Wide, v Version, floor int32) *Rule[T] {
	h := t.shape.hash(w)
	for x := t.rules.find(h); x != nil; x = nextSame(x) {
		r := x.item
		if r.priority <= floor {
			return nil // falling priorities from here on
		}
		if r.VisibleAt(v) && t.shape.equal(w, r.vals) {
			return r
		}
	}
	return nil
}

// insert links r and says whether the highest priority changed.
func (t *subtable[T]) insert(r *Rule[T]) bool {
	r.shape = t.shape
	t.rules.insert(&r.node, func(o *Rule[T]) bool { return o.priority <= r.priority })
	t.prio.add(r.priority)
	return r.priority > t.max
}

// remove unlinks r and says whether the highest priority changed.
func (t *subtable[T]) remove(r *Rule[T]) bool {
	t.rules.remove(&r.node)
	t.prio.remove(r.priority)
	return t.prio.max() != t.max
}

// priorities is a multiset of priorities that knows its maximum: counts, and a
// heap in which those of count zero are dropped when they come to the top.
// So neither raising nor lowering the maximum scans.
type priorities struct {
	counts map[int32]int32
	heap   maxHeap
}

func (p *priorities) add(priority int32) {
	if p.counts == nil {
		p.counts = make(map[int32]int32, 1)
	}
	n, queued := p.counts[priority]
	p.counts[priority] = n + 1
	if !queued {
		heap.Push(&p.heap, priority)
	}
}

func (p *priorities) remove(priority int32) {
	p.counts[priority]--
	for len(p.heap) > 0 && p.counts[p.heap[0]] == 0 {
		delete(p.counts, p.heap[0])
		heap.Pop(&p.heap)
	}
}

// max is -1 if there are none.
func (p *priorities) max() int32 {
	if len(p.heap) == 0 {
		return -1
	}
	return p.heap[0]
}

type maxHeap []int32

func (h maxHeap) Len() int           { return len(h) }
func (h maxHeap) Less(i, j int) bool { return h[i] > h[j] }
func (h maxHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *maxHeap) Push(x any)        { *h = append(*h, x.(int32)) }
func (h *maxHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
