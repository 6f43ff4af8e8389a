package flowtable

import "sync/atomic"

// Counters are totals folded from the cells of the data path. All methods may be
// called from any thread.
type Counters struct {
	packets, bytes atomic.Uint64 // each with apart
	used           atomic.Int64
}

// Add counts packets and bytes, and notes the time of the last of them, in
// nanoseconds of the datapath's clock. An earlier time than the one known is
// ignored: cells are folded in any order.
func (c *Counters) Add(packets, bytes uint64, used int64) {
	if packets != 0 {
		c.packets.Add(packets)
	}
	if bytes != 0 {
		c.bytes.Add(bytes)
	}
	c.use(used)
}

// use notes a time of use.
func (c *Counters) use(used int64) {
	for {
		old := c.used.Load()
		if used <= old || c.used.CompareAndSwap(old, used) {
			return
		}
	}
}

// Packets is the number of packets on the wire.
func (c *Counters) Packets() uint64 { return c.packets.Load() &^ apart }

// Bytes is the number of bytes on the wire.
func (c *Counters) Bytes() uint64 { return c.bytes.Load() &^ apart }

// LastUsed is the time of the last packet, in nanoseconds of the datapath's
// clock; 0: there was none.
func (c *Counters) LastUsed() int64 { return c.used.Load() }
