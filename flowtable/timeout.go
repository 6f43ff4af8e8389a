package flowtable

import (
	"math"

	"ofswitch/classifier"
)

// expireMost is how many entries Expire looks at, a few milliseconds' work.
const expireMost = 4096

// Expire removes, as of version v, the entries whose idle or hard timeout is
// over at now (nanoseconds), those due soonest first. It looks at no more than 4,096, so that others who
// change the tables need not wait for a million that came together: the caller asks again while
// NextExpiry is not after now. The caller has folded the counters, so that no hit is missed.
func (t *Tables) Expire(v classifier.Version, now int64) *Change {
	c := new(Change)
	for range expireMost {
		tb, g, first := t.nextTimer()
		if first == nil || first.at > now {
			break
		}
		e := tb.rows.entry(first.row)
		at, reason := e.due()
		if at > now { // hit since it was put here
			tb.later(g, at)
			continue
		}
		t.remove(e, reason, v, c)
	}
	t.log(c, v)
	return c
}

// nextTimer is the timer that is the first to be looked at, with its table and group, nil if there
// is none.
func (t *Tables) nextTimer() (table *Table, group int32, first *timer) {
	for _, tb := range t.timed {
		if g, x := tb.timers.front(); x != nil && (first == nil || x.at < first.at) {
			table, group, first = tb, g, x
		}
	}
	return table, group, first
}

// NextExpiry is the earliest time at which an entry may expire, in
// nanoseconds. ok is false if no entry has a timeout.
func (t *Tables) NextExpiry() (at int64, ok bool) {
	if _, _, first := t.nextTimer(); first != nil {
		return first.at, true
	}
	return math.MaxInt64, false
}

// HasTimeouts says whether some entry has a timeout.
func (t *Tables) HasTimeouts() bool {
	_, ok := t.NextExpiry()
	return ok
}
