package flowtable

import (
	"math"
	"slices"

	"ofswitch/classifier"
)

// timers is a heap of the rows whose entries have timeouts, by the time at which they
// are to be looked at next: not later than they can be due. It has no pointers, for
// the collector of garbage to pass over. The writer's.
type timers []timer

type timer struct {
	at  int64 // nanoseconds
	row int32
}

// addTimer puts e, which has a row, in if it has a timeout.
func (tb *Table) addTimer(e *Entry) {
	at, _ := e.due()
	if at == 0 {
		return
	}
	tb.timers = append(tb.timers, timer{at, e.row - 1})
	tb.up(len(tb.timers) - 1)
}

// placeOf is where the place of a row's timer stands, nil: it has none.
func (tb *Table) placeOf(row int32) *int32 {
	p, i := tb.rows.page(row)
	if p.timers == nil || p.timers[i] == 0 {
		return nil
	}
	return &p.timers[i]
}

// setPlace notes that the timer at i of the heap is there.
func (tb *Table) setPlace(i int) {
	p, j := tb.rows.page(tb.timers[i].row)
	if p.timers == nil {
		p.timers = new([pageRows]int32)
	}
	p.timers[j] = int32(i + 1)
}

// removeTimer takes the timer of a row out if it has one.
func (tb *Table) removeTimer(row int32) {
	place := tb.placeOf(row)
	if place == nil {
		return
	}
	h := tb.timers
	i, last := int(*place-1), len(h)-1
	*place = 0
	h[i] = h[last]
	tb.timers = h[:last]
	if i != last {
		tb.setPlace(i)
		tb.down(i)
		tb.up(i)
	}
	tb.trimTimers()
}

// trimTimers gives memory back after a mass deletion.
func (tb *Table) trimTimers() {
	if n := len(tb.timers); cap(tb.timers) > 1024 && n < cap(tb.timers)/4 {
		tb.timers = append(make(timers, 0, n*2), tb.timers...)
	}
}

// moveTimer has the timer of one row belong to another, which has none.
func (tb *Table) moveTimer(from, to int32) {
	place := tb.placeOf(from)
	if place == nil {
		return
	}
	i := *place - 1
	*place = 0
	tb.timers[i].row = to
	tb.setPlace(int(i))
}

// packTimers drops those whose row is -1, of which nobody knows the place.
func (tb *Table) packTimers() {
	was := len(tb.timers)
	tb.timers = slices.DeleteFunc(tb.timers, func(t timer) bool { return t.row < 0 })
	if len(tb.timers) == was {
		return
	}
	for i := range tb.timers {
		tb.setPlace(i)
	}
	for i := len(tb.timers)/2 - 1; i >= 0; i-- {
		tb.down(i)
	}
	tb.trimTimers()
}

func (tb *Table) up(i int) {
	h := tb.timers
	x := h[i]
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].at <= x.at {
			break
		}
		h[i] = h[parent]
		tb.setPlace(i)
		i = parent
	}
	h[i] = x
	tb.setPlace(i)
}

func (tb *Table) down(i int) {
	h := tb.timers
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
		tb.setPlace(i)
		i = child
	}
	h[i] = x
	tb.setPlace(i)
}

// expireMost is how many entries Expire looks at, a few milliseconds' work.
const expireMost = 4096

// Expire removes, as of version v, the entries whose idle or hard timeout is
// over at now (nanoseconds), those due soonest first. It looks at no more than 4,096, so that others who
// change the tables need not wait for a million that came together: the caller asks again while
// NextExpiry is not after now. The caller has folded the counters, so that no hit is missed.
func (t *Tables) Expire(v classifier.Version, now int64) *Change {
	c := new(Change)
	for range expireMost {
		tb := t.nextTimer()
		if tb == nil || tb.timers[0].at > now {
			break
		}
		e := tb.rows.entry(tb.timers[0].row)
		at, reason := e.due()
		if at > now { // hit since it was put here
			tb.timers[0].at = at
			tb.down(0)
			continue
		}
		t.remove(e, reason, v, c)
	}
	t.log(c, v)
	return c
}

// nextTimer is the table whose timer is the first to be looked at, nil if there is none.
func (t *Tables) nextTimer() (first *Table) {
	for _, tb := range t.timed {
		if len(tb.timers) > 0 && (first == nil || tb.timers[0].at < first.timers[0].at) {
			first = tb
		}
	}
	return first
}

// NextExpiry is the earliest time at which an entry may expire, in
// nanoseconds. ok is false if no entry has a timeout.
func (t *Tables) NextExpiry() (at int64, ok bool) {
	tb := t.nextTimer()
	if tb == nil {
		return math.MaxInt64, false
	}
	return tb.timers[0].at, true
}

// HasTimeouts says whether some entry has a timeout.
func (t *Tables) HasTimeouts() bool { return t.nextTimer() != nil }
