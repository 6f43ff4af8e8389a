package flowtable

import "slices"

// timers are the rows whose entries have timeouts, as heaps by the time at which they are to be looked at
// next: not later than they can be due. There is one heap, or, in a table that gives up entries by
// groups (TableConfig.Groups), one for each group. They have no pointers but to their lists, for the
// collector of garbage to pass over. The writer's.
type timers struct {
	n      int // of all groups
	groups []timerGroup
	// byKey has the number of each group, nil: there is one, with number 0.
	byKey  map[uint64]int32
	unused []int32 // numbers of groups without timers
	// first and largest are heaps of the numbers of groups that have timers: the one whose first is to be
	// looked at soonest is in front, and the one that has most.
	first, largest groupHeap
}

// timerGroup is a heap.
type timerGroup struct {
	heap []timer
	key  uint64
	// inFirst and inLargest are the places in the heaps of groups.
	inFirst, inLargest int32
}

type timer struct {
	at  int64 // nanoseconds
	row int32
}

// front is the timer to be looked at soonest, with its group; nil: there is none.
func (t *timers) front() (g int32, first *timer) {
	if t.n == 0 {
		return 0, nil
	}
	if t.byKey != nil {
		g = t.first.list[0]
	}
	return g, &t.groups[g].heap[0]
}

// most is the number of the group that has most, of several the one whose first comes soonest. There are
// timers.
func (t *timers) most() int32 {
	if t.byKey == nil {
		return 0
	}
	return t.largest.list[0]
}

// open gives the number of the group with this key, which may have none yet.
func (t *timers) open(key uint64) int32 {
	if t.byKey == nil {
		if len(t.groups) == 0 {
			t.groups = make([]timerGroup, 1)
		}
		return 0
	}
	if g, ok := t.byKey[key]; ok {
		return g
	}
	g := int32(len(t.groups))
	if n := len(t.unused); n > 0 {
		g, t.unused = t.unused[n-1], t.unused[:n-1]
	} else {
		t.groups = append(t.groups, timerGroup{})
	}
	t.groups[g] = timerGroup{key: key, inFirst: -1, inLargest: -1}
	t.byKey[key] = g
	return g
}

// changed puts a group in its place again, after its number of timers or the first of them has
// changed.
func (t *timers) changed(g int32) {
	if t.byKey == nil {
		return
	}
	x := &t.groups[g]
	if len(x.heap) > 0 {
		t.first.fix(t.groups, g)
		t.largest.fix(t.groups, g)
		return
	}
	t.first.remove(t.groups, g)
	t.largest.remove(t.groups, g)
	delete(t.byKey, x.key)
	*x = timerGroup{}
	t.unused = append(t.unused, g)
}

// reset forgets all timers. grouped: there are to be groups.
func (t *timers) reset(grouped bool) {
	*t = timers{}
	if grouped {
		t.byKey = map[uint64]int32{}
		t.first = groupHeap{sooner, func(g *timerGroup) *int32 { return &g.inFirst }, nil}
		t.largest = groupHeap{larger, func(g *timerGroup) *int32 { return &g.inLargest }, nil}
	}
}

func sooner(g, h *timerGroup) bool { return g.heap[0].at < h.heap[0].at }

func larger(g, h *timerGroup) bool {
	return len(g.heap) > len(h.heap) || len(g.heap) == len(h.heap) && sooner(g, h)
}

// groupHeap is a heap of the numbers of groups, which know their places.
type groupHeap struct {
	before func(g, h *timerGroup) bool
	place  func(*timerGroup) *int32
	list   []int32
}

// fix puts g in its place, in which it need not be yet.
func (h *groupHeap) fix(groups []timerGroup, g int32) {
	i := int(*h.place(&groups[g]))
	if i < 0 {
		i = len(h.list)
		h.list = append(h.list, g)
	}
	h.sift(groups, i)
}

// sift moves what is at i up or down.
func (h *groupHeap) sift(groups []timerGroup, i int) {
	g := h.list[i]
	for i > 0 && h.before(&groups[g], &groups[h.list[(i-1)/2]]) {
		h.set(groups, i, h.list[(i-1)/2])
		i = (i - 1) / 2
	}
	for {
		child := 2*i + 1
		if child >= len(h.list) {
			break
		}
		if child+1 < len(h.list) && h.before(&groups[h.list[child+1]], &groups[h.list[child]]) {
			child++
		}
		if !h.before(&groups[h.list[child]], &groups[g]) {
			break
		}
		h.set(groups, i, h.list[child])
		i = child
	}
	h.set(groups, i, g)
}

func (h *groupHeap) set(groups []timerGroup, i int, g int32) {
	h.list[i] = g
	*h.place(&groups[g]) = int32(i)
}

// remove takes g out, which may be compared with no other any more.
func (h *groupHeap) remove(groups []timerGroup, g int32) {
	i, last := int(*h.place(&groups[g])), len(h.list)-1
	if i < 0 {
		return
	}
	moved := h.list[last]
	h.list = h.list[:last]
	if i != last {
		h.set(groups, i, moved)
		h.sift(groups, i)
	}
}

// addTimer puts e, which has a row, in if it has a timeout.
func (tb *Table) addTimer(e *Entry) {
	at, _ := e.due()
	if at == 0 {
		return
	}
	t := &tb.timers
	var key uint64
	if t.byKey != nil {
		key = groupKey(tb.groupBy, e)
	}
	g := t.open(key)
	x := &t.groups[g]
	x.heap = append(x.heap, timer{at, e.row - 1})
	t.n++
	if t.byKey != nil {
		p, i := tb.rows.page(e.row - 1)
		if p.groups == nil {
			p.groups = new([pageRows]int32)
		}
		p.groups[i] = g
	}
	tb.up(x, len(x.heap)-1)
	t.changed(g)
}

// timerOf is the group of a row's timer, and where its place in the heap stands; nil: it has none.
func (tb *Table) timerOf(row int32) (g int32, place *int32) {
	p, i := tb.rows.page(row)
	if p.timers == nil || p.timers[i] == 0 {
		return 0, nil
	}
	if tb.timers.byKey != nil {
		g = p.groups[i]
	}
	return g, &p.timers[i]
}

// setPlace notes that the timer at i of the heap is there.
func (tb *Table) setPlace(g *timerGroup, i int) {
	p, j := tb.rows.page(g.heap[i].row)
	if p.timers == nil {
		p.timers = new([pageRows]int32)
	}
	p.timers[j] = int32(i + 1)
}

// removeTimer takes the timer of a row out if it has one.
func (tb *Table) removeTimer(row int32) {
	g, place := tb.timerOf(row)
	if place == nil {
		return
	}
	x := &tb.timers.groups[g]
	i, last := int(*place-1), len(x.heap)-1
	*place = 0
	x.heap[i] = x.heap[last]
	x.heap = x.heap[:last]
	tb.timers.n--
	if i != last {
		tb.setPlace(x, i)
		tb.down(x, i)
		tb.up(x, i)
	}
	x.trim()
	tb.timers.changed(g)
}

// trim gives memory back after a mass deletion.
func (g *timerGroup) trim() {
	if n := len(g.heap); cap(g.heap) > 1024 && n < cap(g.heap)/4 {
		g.heap = append(make([]timer, 0, n*2), g.heap...)
	}
}

// moveTimer has the timer of one row belong to another, which has none.
func (tb *Table) moveTimer(from, to int32) {
	g, place := tb.timerOf(from)
	if place == nil {
		return
	}
	x := &tb.timers.groups[g]
	i := *place - 1
	*place = 0
	x.heap[i].row = to
	tb.setPlace(x, int(i))
	if tb.timers.byKey != nil {
		p, j := tb.rows.page(to)
		if p.groups == nil {
			p.groups = new([pageRows]int32)
		}
		p.groups[j] = g
	}
}

// dropTimer marks the timer of a row that goes, if it has one, for packTimers.
func (tb *Table) dropTimer(row int32) {
	if g, place := tb.timerOf(row); place != nil {
		tb.timers.groups[g].heap[*place-1].row = -1
		*place = 0
	}
}

// packTimers drops those whose row is -1, of which nobody knows the place.
func (tb *Table) packTimers() {
	for i := range tb.timers.groups {
		g := &tb.timers.groups[i]
		was := len(g.heap)
		g.heap = slices.DeleteFunc(g.heap, func(t timer) bool { return t.row < 0 })
		if len(g.heap) == was {
			continue
		}
		tb.timers.n -= was - len(g.heap)
		for j := range g.heap {
			tb.setPlace(g, j)
		}
		for j := len(g.heap)/2 - 1; j >= 0; j-- {
			tb.down(g, j)
		}
		g.trim()
	}
	tb.timers.order()
}

// order makes the heaps of groups anew, after many have changed at once.
func (t *timers) order() {
	if t.byKey == nil {
		return
	}
	t.first.list, t.largest.list = t.first.list[:0], t.largest.list[:0]
	for _, g := range t.byKey {
		t.groups[g].inFirst, t.groups[g].inLargest = -1, -1
	}
	for _, g := range t.byKey {
		t.changed(g)
	}
}

func (tb *Table) up(g *timerGroup, i int) {
	h := g.heap
	x := h[i]
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].at <= x.at {
			break
		}
		h[i] = h[parent]
		tb.setPlace(g, i)
		i = parent
	}
	h[i] = x
	tb.setPlace(g, i)
}

func (tb *Table) down(g *timerGroup, i int) {
	h := g.heap
	x := h[i]
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].at < h[child].at {
			child++
		}
		if x.at <= h[child].at {
			break
		}
		h[i] = h[child]
		tb.setPlace(g, i)
		i = child
	}
	h[i] = x
	tb.setPlace(g, i)
}

// later puts off the first timer of a group.
func (tb *Table) later(g int32, at int64) {
	x := &tb.timers.groups[g]
	x.heap[0].at = at
	tb.down(x, 0)
	tb.timers.changed(g)
}
