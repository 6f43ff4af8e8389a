package ofswitch

import "sync/atomic"

// sweeper takes what is left of programs that have left out of the microflow cache: the
// entries are no hits, but hold on to the programs, and so to flow entries that may be long gone.
type sweeper struct {
	untidy  atomic.Bool // programs have left since the last whole sweep
	due     bool        // programs have left since the sweep in work, or the last, began
	active  bool
	at      int    // set of the cache
	batches uint64 // received
	tidied  uint64 // batches when tidy was last called
}

// reset is for a cache that is empty.
func (s *sweeper) reset() {
	s.due, s.active, s.at = false, false, 0
	s.untidy.Store(false)
}

// sweep goes on with the sweep in work, over this many sets of four entries.
func (w *worker) sweep(sets int) {
	s := &w.sweeper
	s.at = w.cache.Sweep(s.at, sets, func(p *program) bool { return !p.cached.Load() })
	if s.at == 0 {
		s.active = false
		s.untidy.Store(s.due)
	}
}

// tidy begins a sweep if programs have left since the last. The frames that come carry it on; where
// none have come since tidy was last called, there is time to do it at once.
func (w *worker) tidy() {
	s := &w.sweeper
	idle := s.tidied == s.batches
	s.tidied = s.batches
	if s.due && !s.active {
		s.due, s.active = false, true
		w.rehull()
	}
	if s.active && idle {
		w.sweep(w.cache.Cap())
	}
}
