package ofswitch

import (
	"runtime"
	"sync/atomic"
	"time"

	"ofswitch/classifier"
)

// epoch is odd while its worker is inside a batch. It stands alone on its
// cache line: Sync reads it while the worker writes it twice per batch.
type epoch struct {
	_ [64]byte
	n atomic.Uint64
	_ [56]byte
}

// enter begins a batch: from here on Sync waits for this worker. The caller
// loads the version afterwards, never before: a Sync that saw the epoch even
// has published its version first, so the batch will see it.
func (e *epoch) enter() { e.n.Store(e.n.Load() + 1) }

// leave ends a batch and publishes the plain stores to the worker's cells.
func (e *epoch) leave() { e.n.Store(e.n.Load() + 1) }

// wait returns when the batch that e may be in has ended.
func (e *epoch) wait() {
	was := e.n.Load()
	if was&1 == 0 {
		return
	}
	for i := 0; e.n.Load() == was; i++ {
		if i < 100 {
			runtime.Gosched()
		} else {
			time.Sleep(20 * time.Microsecond) // the thread itself is not running
		}
	}
}

// Sync returns when every frame that is still to be forwarded will see all
// changes that were published before the call: each worker is idle, or has
// begun a batch since. It never waits longer than one batch takes. What packet-outs have
// left to send is sent, so that nothing of before the call is.
func (d *Datapath) Sync() {
	if !d.manual { // else the caller is the one who runs batches
		for _, w := range d.everyWorker() {
			w.epoch.wait()
		}
		d.ctl.epoch.wait()
	}
	d.kernel.settle()
	d.flushControl() // after the wait, in which a packet-out may have left some
}

// update is the one way to change what workers see. It runs fn under the
// writer lock with the version as of which fn's changes shall be visible, and
// publishes that version. If fn fails it has changed nothing, and nothing is
// published.
func (d *Datapath) update(fn func(v classifier.Version) error) error {
	return d.updateFlows(func(v classifier.Version) error {
		err := fn(v)
		if err == nil {
			d.structure.Store(uint64(v))
		}
		return err
	})
}

// updateFlows is update for what changes nothing but flow entries, of which the tables' logs
// tell whom they concern.
func (d *Datapath) updateFlows(fn func(v classifier.Version) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := classifier.Version(d.version.Load()) + 1
	if err := fn(v); err != nil {
		return err
	}
	d.version.Store(uint64(v))
	d.kernel.revise()
	return nil
}

// Version is the number of the newest published state.
func (d *Datapath) Version() classifier.Version {
	return classifier.Version(d.version.Load())
}
