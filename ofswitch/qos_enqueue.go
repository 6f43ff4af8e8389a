package ofswitch

import (
	"math"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// held is a frame that must wait, and its copy, whose bytes are yet to be
// written.
type held struct {
	from *packet.Frame
	to   queued
}

// takesWhole says whether f, if it is a GSO frame, may go through the queue
// whole.
func (q *queue) takesWhole(f *packet.Frame) bool {
	if f.Offload.GSOType == packet.GSONone {
		return true
	}
	_, bytes := f.Segments()
	return bytes <= q.whole.Load()
}

// enqueue puts frames through t's queue: those at the front that may go at once
// are sent; the others wait as copies, or are dropped if the queue is full.
func (w *worker) enqueue(t *txBatch, frames []*packet.Frame) {
	q := t.queue
	s := q.shaper
	// Whatever looks into frames stays outside of the lock, which a panic over
	// one must not leave locked.
	all := w.held[:0]
	for _, f := range frames {
		packets, bytes := f.Segments()
		all = append(all, held{f, queued{nil, packets, bytes}})
	}
	at, n, dropped := 0, 0, uint64(0)
	s.mu.Lock()
	for i, h := range all {
		if at == i && s.atOnce(q, w.now, h.to.packets, h.to.bytes) {
			at++
			continue
		}
		if h.to.f = s.admit(q, h.from.Len(), h.to.packets, h.to.bytes); h.to.f == nil {
			dropped += h.to.packets
			continue
		}
		all[n] = h
		n++
	}
	s.mu.Unlock()
	clear(all[n:])
	w.held, w.holding = all[:n], q
	if dropped > 0 {
		w.d.drops[dropQueue].add(dropped)
		s.port.queueDrops.Add(dropped)
	}
	// Before the others are in sight of the owner, who would overtake.
	t.deliver(frames[:at])
	if len(w.held) > 0 {
		for i := range w.held {
			w.held[i].copy()
		}
		s.hold(w, q)
	}
	w.holding = nil
}

// unhold gives up the frames for which enqueue has made room, after a panic.
func (w *worker) unhold() {
	if q := w.holding; q != nil {
		q.shaper.mu.Lock()
		for i := range w.held {
			q.forget(w.held[i].to.bytes)
			q.shaper.waiting--
		}
		q.shaper.mu.Unlock()
	}
	w.held, w.holding = nil, nil
}

func (h *held) copy() {
	c := h.to.f
	b, _ := c.Append(h.from.Len()) // admit made room
	copy(b, h.from.Bytes())
	c.Offload, c.Layers, c.InPort = h.from.Offload, h.from.Layers, h.from.InPort
}

// hold puts w's copied frames into the queue, and wakes the owner if it would
// sleep too long for them.
func (s *shaper) hold(w *worker, q *queue) {
	s.mu.Lock()
	for i := range w.held {
		q.push(w.held[i].to)
		w.held[i] = held{}
	}
	earlier := q.dueAt() < s.due.Load()
	if earlier {
		s.due.Store(q.dueAt())
	}
	s.mu.Unlock()
	if owner := s.owner.Load(); earlier && owner != w && owner.asleep.Load() {
		owner.wake()
	}
}

// release sends what may leave the queues that w takes care of.
func (w *worker) release() {
	defer func() {
		if r := recover(); r != nil {
			if w.d.manual {
				panic(r)
			}
			w.epoch.leave()
			w.d.log.Error("sending out of queues failed", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	w.epoch.enter()
	// Read again now that Sync waits for us: a port may have gone.
	if set := w.shapers.Load(); set != nil {
		now := w.d.clock()
		for _, s := range *set {
			s.release(w, now)
		}
	}
	w.epoch.leave()
}

// untilRelease arms the timer for the next frame that waits in a queue, and
// gives the timeout of the epoll that follows: 0, do not wait, or -1.
func (w *worker) untilRelease() int {
	set := w.shapers.Load()
	if set == nil {
		return -1
	}
	due := int64(never)
	for _, s := range *set {
		due = min(due, s.due.Load())
	}
	if due == never {
		return -1
	}
	wait := due - w.d.clock()
	if wait <= 0 {
		return 0
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(wait, releaseEvery))}
	if err := unix.TimerfdSettime(w.timerfd, 0, &spec, nil); err != nil {
		w.d.log.Error("forwarding thread: timer", "err", err)
		return int(min(wait/1e6+1, math.MaxInt32))
	}
	return -1
}
