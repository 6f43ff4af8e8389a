package ofswitch

// cell counts what one program of one worker forwarded. Only that worker
// writes it, with plain stores: a locked add per run of frames would cost more
// than the lookup. Readers see a value of the recent past; after Sync, all
// that was counted before (the worker's epoch store publishes the cell). 64-bit
// loads and stores of aligned words are single instructions on the machines
// that we build for.
//
// The race detector does not know of that contract, so the three functions
// that touch the words are kept out of its sight, and are nothing but that.
type cell struct {
	packets, bytes uint64
	used           int64 // ns of the datapath's clock
}

//go:norace
func (c *cell) add(packets, bytes uint64, now int64) {
	c.packets += packets
	c.bytes += bytes
	c.used = now
}

//go:norace
func (c *cell) load() (packets, bytes uint64, used int64) {
	return c.packets, c.bytes, c.used
}
