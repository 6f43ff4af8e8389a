package classifier

import (
	"container/heap"
	"sync/atomic"
)

// subtable has the rules of one mask.
type subtable[T any] struct {
	shape *shape             // immutable
	rules hashTable[Rule[T]] // readers and writer
	node  node[subtable[T]]  // place in the index of masks
	top   atomic.Int32       // no rule has a higher priority
	own   *table[T]          // what lookups probe; nil: the rules are in merged tables
}

func newSubtable[T any](s *shape, hash uint64) *subtable[T] {
	t := &subtable[T]{shape: s}
	t.rules.init()
	t.node.hash = hash
	t.node.item = t
	return t
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
