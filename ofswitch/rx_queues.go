package ofswitch

import (
	"errors"
	"net"

	"ofswitch/ports"
)

// rxq is one receive queue in the hands of one worker, who owns all but the first four
// members. A queue that moves is another rxq for the next worker (handOver).
type rxq struct {
	q    ports.RxQueue
	port *port
	id   int // in port.dev.RxQueues
	load *rxLoad

	police     policer
	adoption   uint64 // by which the worker has it
	active     bool
	empty      int // polls without a frame in a row
	falseWakes int // epoll said ready, and there was nothing, in a row
	parked     bool
}

// rxSet is an immutable list of a worker's queues.
type rxSet struct{ list []*rxq }

func newRxSet(list []*rxq) *rxSet { return &rxSet{list} }

func (w *worker) activate(q *rxq) {
	q.active, q.empty = true, 0
	w.active = append(w.active, q)
}

// adopt goes over to a changed set of queues. New ones are active until they have
// shown whether they have frames; the others stay as they are, since a poll of each
// of a thousand at every change would cost a thousand times what the change does.
func (w *worker) adopt(set *rxSet) {
	var old []*rxq
	if w.set != nil {
		old = w.set.list
	}
	w.set = set
	if w.byFD == nil {
		w.byFD = map[int32]*rxq{}
	}
	before := w.adoptions
	w.adoptions++
	var fresh []*rxq
	for _, q := range set.list {
		if q.adoption != before || before == 0 {
			fresh = append(fresh, q)
		}
		q.adoption = w.adoptions
	}
	// First those that are gone: a new one may have the descriptor's number.
	for _, q := range old {
		if q.adoption != w.adoptions {
			q.active, q.adoption = false, 0
			delete(w.byFD, int32(q.q.FD()))
		}
	}
	keep := w.active[:0]
	for _, q := range w.active {
		if q.active {
			keep = append(keep, q)
		}
	}
	clear(w.active[len(keep):])
	w.active = keep
	for _, q := range fresh {
		w.byFD[int32(q.q.FD())] = q
		w.activate(q)
	}
	w.unparkSet()
}

// retire takes the queues out of the round that had no frame for a while.
func (w *worker) retire() {
	w.deactivate(func(q *rxq) bool { return q.empty >= idlePolls || q.parked })
}

// deactivate takes queues out of the round.
func (w *worker) deactivate(which func(q *rxq) bool) {
	if w.epfd < 0 {
		return // manual: nobody would wake them
	}
	keep := w.active[:0]
	for _, q := range w.active {
		if !which(q) {
			keep = append(keep, q)
			continue
		}
		q.active = false
		if q.falseWakes++; q.falseWakes > maxFalseWakes {
			w.epoch.enter()
			if w.owns() {
				w.park(q, nil)
			}
			w.epoch.leave()
		}
	}
	clear(w.active[len(keep):])
	w.active = keep
}

// owns says whether the queues of w.set are still this worker's. The caller has
// entered the epoch: until it leaves, nobody closes their descriptors. Outside
// of it the number of a descriptor may already be another device's.
func (w *worker) owns() bool { return w.rx.Load() == w.set }

// park stops watching a queue until the collector's next round. The worker owns
// its queues.
func (w *worker) park(q *rxq, err error) {
	q.parked = true
	w.parked.Store(true)
	if err := w.unwatch(q.q.FD()); err != nil {
		w.d.log.Error("port", "name", q.port.name, "err", err)
	}
	if err != nil {
		w.d.log.Debug("port cannot be read for now", "name", q.port.name, "err", err)
		if w.d.onGone != nil && errors.Is(err, net.ErrClosed) {
			w.d.onGone()
		}
	}
}

// unparkAll gives parked queues another chance.
func (w *worker) unparkAll() {
	w.parked.Store(false)
	w.epoch.enter()
	defer w.epoch.leave()
	if !w.owns() {
		return // the next round adopts what has changed, and unparks all of it
	}
	w.unparkSet()
}

// unparkSet gives the parked queues of w.set another chance. The worker owns its queues.
func (w *worker) unparkSet() {
	for _, q := range w.set.list {
		if q.parked {
			w.unpark(q)
			q.falseWakes = 0
			if !q.active {
				w.activate(q)
			}
		}
	}
}

// unpark watches a parked queue again: parking took it out of epoll, so a
// queue that is only called not parked would never be read again. The worker
// owns its queues.
func (w *worker) unpark(q *rxq) {
	q.parked = false
	if err := w.watch(q.q.FD()); err != nil {
		w.d.log.Debug("port", "name", q.port.name, "err", err)
	}
}
