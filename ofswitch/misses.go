package ofswitch

import "ofswitch/flow"

// A worker counts its translations, and what it found in its megaflow cache, by plain
// stores, as a cell its frames (cell.go): who reads them sees a value of the recent past, exact
// after Sync.

//go:norace
func (w *worker) missed(took int64) {
	w.misses++
	w.missTime += took
}

//go:norace
func (w *worker) translations() uint64 { return w.misses }

//go:norace
func (w *worker) translating() int64 { return w.missTime }

//go:norace
func (w *worker) megaHit(hits, probes int) {
	w.megaHits += uint64(hits)
	w.probes += uint64(probes)
}

//go:norace
func (w *worker) megaStats() (hits, probes uint64) { return w.megaHits, w.probes }

// megaLook is what looking a frame up has counted of the megaflow cache.
type megaLook struct{ hits, probes uint64 }

// lookAgain is lookup for a frame that was looked up before and may have become stale since.
// What that has counted (seen) is taken back: a frame counts once.
//
//go:norace
func (w *worker) lookAgain(k *flow.Key, seen megaLook) (fresh, stale *program, now megaLook) {
	w.megaHits -= seen.hits
	w.probes -= seen.probes
	was := megaLook{w.megaHits, w.probes}
	fresh, stale = w.lookup(k, k.Hash())
	return fresh, stale, megaLook{w.megaHits - was.hits, w.probes - was.probes}
}
