package ofswitch

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// rxMove gives a receive queue to another worker.
type rxMove struct {
	q        *rxq
	from, to *worker
}

// setRxQueues replaces the worker's receive queues. The caller makes sure that nobody else
// does at the same time.
func (w *worker) setRxQueues(list []*rxq) {
	w.rx.Store(newRxSet(list))
	w.wake()
}

// handOver is the queue for its next worker. The former one may find out later that it is
// gone, and writes to what it had of it.
func (q *rxq) handOver() *rxq {
	return &rxq{q: q.q, port: q.port, id: q.id, load: q.load, police: q.police}
}

// rxAt is a receive queue and its worker.
type rxAt struct {
	*rxq
	worker *worker
}

// rxQueues lists all receive queues, by port and number in it.
func (d *Datapath) rxQueues() []rxAt {
	var list []rxAt
	for _, w := range d.everyWorker() {
		for _, q := range w.rx.Load().list {
			list = append(list, rxAt{q, w})
		}
	}
	slices.SortFunc(list, func(a, b rxAt) int {
		return cmp.Or(cmp.Compare(a.port.num, b.port.num), cmp.Compare(a.id, b.id))
	})
	return list
}

// planLocked says which queues are to move so that each is with one of these workers, and
// the work is shared out; gain as in spread. The caller holds teamMu.
func (d *Datapath) planLocked(to []*worker, gain int) (moves []rxMove) {
	list := d.rxQueues()
	shares := make([]rxShare, len(list))
	for i, q := range list {
		shares[i] = d.shareOf(q, to)
	}
	for i, index := range spread(shares, len(to), gain) {
		if w := to[index]; w != list[i].worker {
			moves = append(moves, rxMove{list[i].rxq, list[i].worker, w})
		}
	}
	return moves
}

// watchMoves has the queues watched by their next worker too, who ignores what it does not
// know yet: a queue that nobody could watch would be lost. If one cannot, none is.
func (d *Datapath) watchMoves(moves []rxMove) error {
	for i, m := range moves {
		if err := m.to.watch(m.q.q.FD()); err != nil {
			for _, m := range moves[:i] {
				err = errors.Join(err, m.to.unwatch(m.q.q.FD()))
			}
			return fmt.Errorf("port %s: moving a receive queue to forwarding thread %d: %w", m.q.port.name, m.to.index, err)
		}
	}
	return nil
}

// carryOut moves queues that watchMoves has had watched. The former worker has sent all
// that it received from a queue before the next polls it, so the order of frames is
// kept. The caller holds teamMu.
func (d *Datapath) carryOut(moves []rxMove) {
	if len(moves) == 0 {
		return
	}
	gone := map[*worker]map[*rxq]bool{}
	for _, m := range moves {
		if gone[m.from] == nil {
			gone[m.from] = map[*rxq]bool{}
		}
		gone[m.from][m.q] = true
	}
	for w, queues := range gone {
		w.setRxQueues(slices.DeleteFunc(slices.Clone(w.rx.Load().list), func(q *rxq) bool { return queues[q] }))
	}
	d.Sync()
	come := map[*worker][]*rxq{}
	for _, m := range moves {
		// Only now: one that had the queue parked may have watched it again until here.
		if err := m.from.unwatch(m.q.q.FD()); err != nil {
			d.log.Error("moving a receive queue", "port", m.q.port.name, "err", err)
		}
		come[m.to] = append(come[m.to], m.q.handOver())
	}
	for w, queues := range come {
		w.setRxQueues(append(slices.Clone(w.rx.Load().list), queues...))
	}
}

// Rebalance spreads the receive queues over the forwarding threads by what each cost
// lately, and says how many have moved. Errors: a queue cannot be watched (ENOMEM); then
// none has moved.
func (d *Datapath) Rebalance() (moved int, err error) { return d.rebalance(0) }

func (d *Datapath) rebalance(gain int) (moved int, err error) {
	d.teamMu.Lock()
	defer d.teamMu.Unlock()
	if d.isClosed() {
		return 0, nil
	}
	moves := d.planLocked(d.workers(), gain)
	if err := d.watchMoves(moves); err != nil {
		return 0, err
	}
	d.carryOut(moves)
	return len(moves), nil
}

// addRxQueues gives each of p's receive queues to the worker that has the least to do. The
// caller holds teamMu for reading.
func (d *Datapath) addRxQueues(p *port) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	open := d.openWorkers()
	for id, rx := range p.dev.RxQueues() {
		w := slices.MinFunc(open, func(a, b *worker) int { return cmp.Compare(a.weight(), b.weight()) })
		// Watched first: a worker that knows the queue may park it at once.
		if err := w.watch(rx.FD()); err != nil {
			return fmt.Errorf("port %s: %w", p.name, err)
		}
		w.setRxQueues(append(slices.Clone(w.rx.Load().list), &rxq{q: rx, port: p, id: id, load: &rxLoad{}}))
	}
	return nil
}

// removeRxQueues takes p's receive queues from the workers. They may still be
// in use until the next Sync, and are to be unwatched then. The caller holds teamMu for
// reading.
func (d *Datapath) removeRxQueues(p *port) (gone []rxAt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.workers() {
		list := w.rx.Load().list
		keep := make([]*rxq, 0, len(list))
		for _, q := range list {
			if q.port != p {
				keep = append(keep, q)
			} else {
				gone = append(gone, rxAt{q, w})
			}
		}
		if len(keep) != len(list) {
			w.setRxQueues(keep)
		}
	}
	return gone
}

// unwatchAll ends the watch of queues that no worker knows any more. Only now: one that had
// a queue parked may have watched it again until the Sync before, and the device may stay
// open for another port.
func unwatchAll(gone []rxAt) error {
	var errs []error
	for _, q := range gone {
		errs = append(errs, q.worker.unwatch(q.q.FD()))
	}
	return errors.Join(errs...)
}
