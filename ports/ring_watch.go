package ports

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// The kernel has a fault (seen up to Linux 6.18): a GSO packet of a kind for which
// there is no virtio-net header, such as SCTP's or a UDP packet to be fragmented,
// leaves the slot that it was to have marked as in use, and every frame after it is
// dropped: the ring is dead. Only a new ring helps, on the same socket.
//
// The ring cannot say so, and epoll does not. What it looks like from outside is
// that frames are dropped while none is received and none waits: the watch looks
// for that once a second, marks the slot before the kernel's as filled, so that
// the next frame that is dropped wakes the worker, and asks it for the ring.

// States of ringRx.state.
const (
	ringLive  = iota
	ringAsked // the watch wants the ring
	ringGiven // the worker has given it: it does not touch it until it is live
)

// ringWatch knows every ring of the process that receives, and has a goroutine
// while there are any.
var ringWatch struct {
	sync.Mutex
	queues map[*ringRx]struct{}
	stop   chan struct{}
}

// ringWatchEvery is how often rings are looked at; a variable for tests.
var ringWatchEvery = time.Second

// watched is what the watch has seen of a queue.
type watched struct {
	dropped  uint64 // by the kernel, since the queue was opened
	before   uint64 // dropped, when last looked at
	released uint64 // ringRx.released, when last looked at
	told     bool   // one line was logged
}

func watchRing(q *ringRx) {
	w := &ringWatch
	w.Lock()
	defer w.Unlock()
	if w.queues == nil {
		w.queues = make(map[*ringRx]struct{})
	}
	w.queues[q] = struct{}{}
	if w.stop == nil {
		w.stop = make(chan struct{})
		go watchRings(w.stop, ringWatchEvery)
	}
}

func unwatchRing(q *ringRx) {
	w := &ringWatch
	w.Lock()
	defer w.Unlock()
	delete(w.queues, q)
	if len(w.queues) == 0 && w.stop != nil {
		close(w.stop)
		w.stop = nil
	}
}

func watchRings(stop chan struct{}, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var list []*ringRx
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		list = list[:0]
		ringWatch.Lock()
		for q := range ringWatch.queues {
			list = append(list, q)
		}
		ringWatch.Unlock()
		for _, q := range list {
			q.look()
		}
		clear(list)
	}
}

// look asks for the ring if it is dead.
func (q *ringRx) look() {
	p := q.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() || q.state.Load() != ringLive {
		return
	}
	p.readDropsOf(q)
	before := q.seen
	q.seen.before, q.seen.released = q.seen.dropped, q.released.Load()
	if q.seen.dropped == before.before || q.seen.released != before.released {
		return
	}
	fds := []unix.PollFd{{Fd: int32(q.fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(fds, 0); err != nil || n != 0 {
		return
	}
	if !q.seen.told {
		q.seen.told = true
		p.opt.Logger.Warn("the packet ring is made anew: the kernel cannot use it any more since a GSO packet came that is neither TCP nor UDP", "port", p.dev.name)
	}
	q.state.Store(ringAsked)
	q.r.setSlotStatus(int(uint32(q.seen.released)), unix.TP_STATUS_USER)
}

// giveRing hands the ring over to be made anew. The queue's thread calls it.
func (q *ringRx) giveRing() {
	if q.state.CompareAndSwap(ringAsked, ringGiven) {
		q.maker.Go(func() {
			if err := q.renew(); err != nil {
				q.p.opt.Logger.Error("no frame is received any more: the packet ring cannot be made anew", "port", q.p.dev.name, "err", err)
				return
			}
			q.state.Store(ringLive)
		})
	}
}

// renew takes the ring off the socket and puts another in its place, at the same
// addresses. Frames that arrive meanwhile are lost.
func (q *ringRx) renew() error {
	if _, err := unmapPacketRing(q.r.mem); err != nil {
		return err
	}
	for _, req := range []*unix.TpacketReq{{}, q.r.request()} {
		if err := unix.SetsockoptTpacketReq(q.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, req); err != nil {
			return fmt.Errorf("a packet ring of %d KiB: %w", q.r.size()>>10, err)
		}
	}
	if _, err := mmapAt(q.r.mem, q.r.size(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_FIXED, q.fd); err != nil {
		return fmt.Errorf("mapping a packet ring: %w", err)
	}
	q.rewind()
	return nil
}

// rewind begins at the ring's first slot.
func (q *ringRx) rewind() {
	q.head, q.tail, q.lent = 0, 0, 0
	q.most = min(2*packet.BatchSize, q.r.slots()) // never once round: a slot that is lent looks as one that is filled
	q.released.Store(q.times<<32 | uint64(q.r.size()-ringBlock+q.r.last))
}
