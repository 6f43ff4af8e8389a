package kernelpath

import (
	"sync"
	"time"
)

// stillness is how long no frame must have passed before those that the switch has not seen
// are taken for lost on the way: it takes microseconds, if no queueing discipline holds them.
const stillness = 20 * time.Millisecond

// quiet is what Resync saw last.
type quiet struct {
	sync.Mutex
	passed, done uint64
	since        time.Time
	counting     bool // of a TAP: the program counts
}

// begin says that the program of a TAP counts from now on.
func (q *quiet) begin() {
	q.Lock()
	defer q.Unlock()
	q.counting, q.since = true, time.Time{}
}

// Missing is how many frames have gone on to the switch that it is not done with, as far as
// known: it has them, or they are lost; or how many it had that the programs have not seen, since another was in
// front of them. 1: it is not known at all yet.
func (p *Port) Missing() uint64 {
	if !p.known.Load() {
		return 1
	}
	e := p.entry
	gone := e.done.Load() + e.dropped.Load()
	passed := e.passed.Load()
	return max(passed, gone) - min(passed, gone)
}

// Resync gives up frames that have been lost between the programs and the switch without
// anybody counting them. empty says that none waits for the switch, and that it holds none.
// The caller has told of all that were counted (Dropped). It is to be called now and then: as long as frames are missing no flow from
// the port becomes active but those whose own frames are known to have come.
func (p *Port) Resync(empty func() bool) {
	e := p.entry
	q := &p.quiet
	q.Lock()
	defer q.Unlock()
	done, dropped, passed := e.done.Load(), e.dropped.Load(), e.passed.Load()
	known := p.known.Load()
	switch {
	case known && passed == done+dropped, !known && !q.counting:
		q.since = time.Time{}
	case q.since.IsZero() || passed != q.passed || done != q.done:
		q.passed, q.done, q.since = passed, done, time.Now()
	case time.Since(q.since) < stillness:
	case empty() && e.passed.Load() == passed && e.done.Load() == done:
		// Of a TAP done may be the greater: it has seen frames that were not counted.
		if e.dropped.CompareAndSwap(dropped, passed-done) {
			p.known.Store(true)
		}
		q.since = time.Time{}
	}
}
