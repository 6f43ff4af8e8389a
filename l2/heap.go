package l2

import "container/heap"

// byPort holds the entries of one port: a heap with the oldest on top.
//
// Refresh does not touch the heap, so an entry may be younger than its place
// says, never older. The oldest entry is therefore the first top whose place
// is true (oldest).
type byPort struct {
	port    uint32
	entries []*Entry
	index   int // in FDB.ports
}

func (p *byPort) Len() int { return len(p.entries) }

func (p *byPort) Less(i, j int) bool {
	a, b := p.entries[i], p.entries[j]
	return a.due < b.due || a.due == b.due && a.born < b.born
}

func (p *byPort) Swap(i, j int) {
	p.entries[i], p.entries[j] = p.entries[j], p.entries[i]
	p.entries[i].index, p.entries[j].index = i, j
}

// Push and Pop are for container/heap.
func (p *byPort) Push(x any) {
	e := x.(*Entry)
	e.home, e.index = p, len(p.entries)
	p.entries = append(p.entries, e)
}

// Pop is the counterpart of Push.
func (p *byPort) Pop() any {
	last := len(p.entries) - 1
	e := p.entries[last]
	p.entries[last] = nil
	p.entries = p.entries[:last]
	e.home = nil
	return e
}

// oldest is the entry that was unused for longest; nil when there is none.
func (p *byPort) oldest() *Entry {
	for len(p.entries) > 0 {
		e := p.entries[0]
		used := e.LastUsed()
		if used == e.due {
			return e
		}
		e.due = used
		heap.Fix(p, 0)
	}
	return nil
}

// portHeap has the port with the most entries on top; of several the one with
// the lowest number.
type portHeap []*byPort

func (h portHeap) Len() int { return len(h) }

func (h portHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	return len(a.entries) > len(b.entries) || len(a.entries) == len(b.entries) && a.port < b.port
}

func (h portHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push and Pop are for container/heap.
func (h *portHeap) Push(x any) {
	p := x.(*byPort)
	p.index = len(*h)
	*h = append(*h, p)
}

// Pop is the counterpart of Push.
func (h *portHeap) Pop() any {
	last := len(*h) - 1
	p := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return p
}
