package ofswitch

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
