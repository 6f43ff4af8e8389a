package ofswitch

import "ofswitch/packet"

// workerCounts is what a worker has done since it began. The worker writes it by plain
// stores, once for each batch, as a cell (cell.go); who reads it sees values of the recent
// past, exact after Sync.
type workerCounts struct {
	Batches, Frames uint64 // received
	Busy            uint64 // ns spent on them, receiving included while one batch follows the other
	Idle            uint64 // ns awake without a frame
	Sleeps          uint64
	IdleRounds      uint64 // rounds over the queues in which there was nothing
	Sends, Sent     uint64 // transmit batches, and frames in them
	LargestBatch    uint64 // frames
	FullBatches     uint64 // receive batches of packet.BatchSize frames
	Recirculated    uint64 // frames looked up once more
	Policed         uint64 // frames dropped before they were looked up
	Refused         uint64 // frames that the meter SLOWPATH kept from being translated
	LongestBatch    uint64 // ns
	Misses          uint64 // translations made
	MissTime        uint64 // ns that they took
	megaLook
}

//go:norace
func (c *workerCounts) batch(frames, busy uint64) {
	c.Batches++
	c.Frames += frames
	c.Busy += busy
	c.LargestBatch = max(c.LargestBatch, frames)
	c.LongestBatch = max(c.LongestBatch, busy)
	if frames == packet.BatchSize {
		c.FullBatches++
	}
}

//go:norace
func (c *workerCounts) idle(ns int64) { c.Idle += uint64(max(ns, 0)) }

//go:norace
func (c *workerCounts) idleRound(ns int64) { c.IdleRounds++; c.Idle += uint64(max(ns, 0)) }

//go:norace
func (c *workerCounts) slept() { c.Sleeps++ }

//go:norace
func (c *workerCounts) send(frames uint64) { c.Sends++; c.Sent += frames }

//go:norace
func (c *workerCounts) recirculated() { c.Recirculated++ }

//go:norace
func (c *workerCounts) policed(frames uint64) { c.Policed += frames }

//go:norace
func (c *workerCounts) refused() { c.Refused++ }

//go:norace
func (c *workerCounts) missed(took int64) { c.Misses++; c.MissTime += uint64(took) }

//go:norace
func (c *workerCounts) megaHit(hits, probes int) {
	c.MegaflowHits += uint64(hits)
	c.Probes += uint64(probes)
}

// megaLook is what lookups have counted of the megaflow cache.
type megaLook struct {
	MegaflowHits uint64 // keys found in it
	Probes       uint64 // tuples that were searched for them
}

//go:norace
func (c *workerCounts) looks() megaLook { return c.megaLook }

// takeBack undoes what was counted of a lookup.
//
//go:norace
func (c *workerCounts) takeBack(l megaLook) {
	c.MegaflowHits -= l.MegaflowHits
	c.Probes -= l.Probes
}

//go:norace
func (c *workerCounts) read() workerCounts { return *c }

// forgetExtremes is for the worker itself.
//
//go:norace
func (c *workerCounts) forgetExtremes() { c.LargestBatch, c.LongestBatch = 0, 0 }

// since is what was counted after base.
func (c workerCounts) since(base *workerCounts) workerCounts {
	c.Batches -= base.Batches
	c.Frames -= base.Frames
	c.Busy -= base.Busy
	c.Idle -= base.Idle
	c.Sleeps -= base.Sleeps
	c.IdleRounds -= base.IdleRounds
	c.Sends -= base.Sends
	c.Sent -= base.Sent
	c.FullBatches -= base.FullBatches
	c.Recirculated -= base.Recirculated
	c.Policed -= base.Policed
	c.Refused -= base.Refused
	c.Misses -= base.Misses
	c.MissTime -= base.MissTime
	c.MegaflowHits -= base.MegaflowHits
	c.Probes -= base.Probes
	return c
}
