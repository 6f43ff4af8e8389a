package flowtable

import (
	"math"

	"ofswitch/classifier"
)

// timers is a heap of the entries with timeouts, by the time at which they are
// to be looked at next: not later than they can be due. The writer's.
type timers []timer

type timer struct {
	at    int64 // nanoseconds
	entry *Entry
}

// add puts e in if it has a timeout.
func (h *timers) add(e *Entry) {
	at, _ := e.due()
	if at == 0 {
		return
	}
	*h = append(*h, timer{at, e})
	h.up(len(*h) - 1)
}

// remove takes e out if it is in.
func (h *timers) remove(e *Entry) {
	if e.timer == 0 {
		return
	}
	i, last := int(e.timer-1), len(*h)-1
	e.timer = 0
	if i != last {
		(*h)[i] = (*h)[last]
		(*h)[i].entry.timer = int32(i + 1)
	}
	(*h)[last] = timer{}
	*h = (*h)[:last]
	if i != last {
		h.down(i)
		h.up(i)
	}
	if cap(*h) > 1024 && len(*h) < cap(*h)/4 {
		*h = append(make(timers, 0, len(*h)*2), *h...) // memory back after a mass deletion
	}
}

// replace puts new in the place of old.
func (h *timers) replace(old, new *Entry) {
	if old.timer == 0 {
		return
	}
	(*h)[old.timer-1].entry = new
	new.timer, old.timer = old.timer, 0
}

func (h timers) up(i int) {
	x := h[i]
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].at <= x.at {
			break
		}
		h[i] = h[parent]
		h[i].entry.timer = int32(i + 1)
		i = parent
	}
	h[i] = x
	x.entry.timer = int32(i + 1)
}

func (h timers) down(i int) {
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
		h[i].entry.timer = int32(i + 1)
		i = child
	}
	h[i] = x
	x.entry.timer = int32(i + 1)
}

// Expire removes, as of version v, the entries whose idle or hard timeout is
// over at now (nanoseconds). The caller has folded the counters, so that no hit is
// missed. The change is empty if there are none.
func (t *Tables) Expire(v classifier.Version, now int64) *Change {
	c := new(Change)
	for len(t.timers) > 0 && t.timers[0].at <= now {
		e := t.timers[0].entry
		at, reason := e.due()
		if at > now { // hit since it was put here
			t.timers[0].at = at
			t.timers.down(0)
			continue
		}
		t.remove(e, reason, v, c)
	}
	t.log(c, v)
	return c
}

// NextExpiry is the earliest time at which an entry may expire, in
// nanoseconds. ok is false if no entry has a timeout.
func (t *Tables) NextExpiry() (at int64, ok bool) {
	if len(t.timers) == 0 {
		return math.MaxInt64, false
	}
	return t.timers[0].at, true
}

// HasTimeouts says whether some entry has a timeout.
func (t *Tables) HasTimeouts() bool { return len(t.timers) > 0 }
