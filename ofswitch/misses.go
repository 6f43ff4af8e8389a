package ofswitch

// A worker counts its translations by plain stores, as a cell its frames (cell.go):
// who reads them sees a value of the recent past, exact after Sync.

//go:norace
func (w *worker) missed() { w.misses++ }

//go:norace
func (w *worker) translations() uint64 { return w.misses }
