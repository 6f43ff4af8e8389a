package ofswitch

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"ofswitch/ports"
)

// MaxWorkers bounds the forwarding threads of a datapath.
const MaxWorkers = 64

// ctlIndex is the control executor's worker.index.
const ctlIndex = MaxWorkers

// team is the forwarding threads as of one moment. Immutable.
type team struct {
	running []*worker // by worker.index
	// all are those, and threads about to end, which may be inside a batch still or
	// have counted what is not folded yet.
	all []*worker
}

// workers are the forwarding threads that may be given something to do.
func (d *Datapath) workers() []*worker { return d.team.Load().running }

// everyWorker is workers and those that are about to end: who waits for batches, or
// folds, must not leave them out.
func (d *Datapath) everyWorker() []*worker { return d.team.Load().all }

// CheckWorkers says what is wrong with a number of forwarding threads.
func CheckWorkers(n int) error {
	if n < 1 || n > MaxWorkers {
		return fmt.Errorf("%d forwarding threads cannot be: want 1 to %d", n, MaxWorkers)
	}
	return nil
}

// SetWorkers changes the number of forwarding threads while frames are forwarded:
// threads start or end, and receive queues move to those that there are then. No frame is
// lost or overtaken: those that come meanwhile wait in their queue until its former
// thread has finished its batch. When SetWorkers returns, that is done.
//
// Errors: n is not 1 to MaxWorkers, or there are no descriptors for a thread (EMFILE, what
// ports.Port.NewTx says); then the number stays what it was.
func (d *Datapath) SetWorkers(n int) error {
	if err := CheckWorkers(n); err != nil {
		return err
	}
	err := d.resize(n)
	return errors.Join(err, d.closeHandles())
}

func (d *Datapath) resize(n int) error {
	d.teamMu.Lock()
	defer d.teamMu.Unlock()
	if d.isClosed() {
		return errors.New("the datapath is closed")
	}
	now := len(d.workers())
	defer d.tellAffinityLocked()
	switch {
	case n > now:
		return d.growLocked(n)
	case n < now:
		return d.shrinkLocked(n)
	}
	return nil
}

func (d *Datapath) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// growLocked starts threads until there are n. The caller holds teamMu.
func (d *Datapath) growLocked(n int) (err error) {
	was := d.workers()
	var fresh []*worker
	defer func() {
		if err != nil {
			for _, w := range fresh {
				err = errors.Join(err, w.closeFDs())
				d.stripLocked(w.index)
			}
		}
	}()
	for i := len(was); i < n; i++ {
		w, err := newWorker(d, i, d.microflows)
		if err != nil {
			return fmt.Errorf("forwarding thread %d: %w", i, err)
		}
		fresh = append(fresh, w)
		if err := d.equipLocked(i); err != nil {
			return fmt.Errorf("forwarding thread %d: %w", i, err)
		}
	}
	running := append(slices.Clone(was), fresh...)
	moves := d.planLocked(running, 0)
	// What cannot be watched by a thread that there will be stays where it is, and then
	// there is none of the new threads.
	if err := d.watchMoves(moves); err != nil {
		return err
	}
	d.team.Store(&team{running: running, all: running})
	d.setProcs(n)
	if !d.manual {
		for _, w := range fresh {
			d.done.Go(w.loop)
		}
	}
	d.carryOut(moves)
	return nil
}

// equipLocked opens transmit handles for the worker of this index at all ports.
func (d *Datapath) equipLocked(index int) error {
	for _, p := range d.devices() {
		if err := p.equip(index); err != nil {
			return err
		}
		if qos := p.qos.Load(); qos != nil {
			for _, q := range qos.queues {
				q.equip(index)
			}
		}
	}
	return nil
}

// stripLocked undoes equipLocked, but for closing the handles: closeHandles does. No worker
// of this index runs.
func (d *Datapath) stripLocked(index int) {
	for _, p := range d.devices() {
		if t := p.tx[index]; t != nil {
			d.left = append(d.left, t.q)
			p.tx[index] = nil
		}
		if qos := p.qos.Load(); qos != nil {
			for _, q := range qos.queues {
				q.tx[index] = nil
			}
		}
	}
}

// closeHandles closes those that stripLocked has left, for which a thousand ports would be
// held up while teamMu is held.
func (d *Datapath) closeHandles() error {
	d.teamMu.Lock()
	left := d.left
	d.left = nil
	d.teamMu.Unlock()
	errs := make([]error, len(left))
	ports.Together(len(left), func(i int) { errs[i] = left[i].Close() })
	return errors.Join(errs...)
}

// devices lists the ports that have a device.
func (d *Datapath) devices() []*port {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.ports), func(p *port) bool { return p == nil || p.dev == nil })
}

// equip gives the worker of this index a place to put frames for the port. The caller
// holds teamMu, and no such worker runs.
func (p *port) equip(index int) error {
	q, err := p.dev.NewTx()
	if err != nil {
		return err // it names the port
	}
	p.tx[index] = &txBatch{q: q, caps: q.Caps(), port: p}
	return nil
}

// equipAll is equip for the workers that run, and for the control executor.
func (d *Datapath) equipAll(p *port) error {
	p.tx = make([]*txBatch, ctlIndex+1)
	for _, w := range d.workers() {
		if err := p.equip(w.index); err != nil {
			return err
		}
	}
	return p.equip(ctlIndex)
}

// shrinkLocked ends threads until n are left. The caller holds teamMu.
func (d *Datapath) shrinkLocked(n int) error {
	was := d.workers()
	stay, leave := was[:n:n], was[n:]
	moves := d.planLocked(stay, 0)
	if err := d.watchMoves(moves); err != nil {
		return err
	}
	d.team.Store(&team{running: stay, all: was})
	d.carryOut(moves)
	for _, w := range leave {
		for _, s := range w.shaperList() {
			d.disown(s)
			d.Sync()
			s.owner.Store(d.leastShapers())
			d.own(s)
		}
	}
	d.Sync() // nobody knows the former owner of a shaper any more, whom he would wake
	var err error
	for _, w := range leave {
		w.stop.Store(true)
		w.wake()
		if d.manual {
			w.finish()
		}
		<-w.ended
		err = errors.Join(err, w.closeFDs())
		d.stripLocked(w.index)
	}
	// Nobody counts for them any more: what they have counted is final.
	d.foldMu.Lock()
	for _, w := range leave {
		for p := w.programs.head.Load(); p != nil; p = p.next {
			p.foldInto(w)
			p.refresh()
		}
		d.past.Packets += w.folded
		d.past.Misses += w.counts.read().Misses
	}
	d.team.Store(&team{running: stay, all: stay})
	d.foldMu.Unlock()
	d.setProcs(n)
	return err
}

// SetBusyPoll says whether forwarding threads wait for frames by looking at their queues
// without end, and never sleep: each takes a processor, whether frames come or not.
func (d *Datapath) SetBusyPoll(on bool) {
	d.teamMu.RLock()
	defer d.teamMu.RUnlock()
	d.busyPoll.Store(on)
	for _, w := range d.workers() {
		w.wake()
	}
}

// setProcs keeps three of Go's processors beside those of the forwarding threads, which are
// always in use: without, a goroutine that holds a lock could wait for a worker to give
// way. With one worker they are four, of which the collector of garbage takes one for itself while it
// works; of two or three it would take its quarter in slices, the worker's among them.
func (d *Datapath) setProcs(workers int) {
	if d.manual {
		return
	}
	if want := max(d.procs, workers+3); runtime.GOMAXPROCS(0) != want {
		runtime.GOMAXPROCS(want)
	}
}
