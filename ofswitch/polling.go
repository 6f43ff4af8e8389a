package ofswitch

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"

	"ofswitch/ofswitch/process"
)

// How a worker waits. Queues that had frames lately are active: each round polls every one
// of them, and while frames come nothing else is asked. The others are passive: epoll knows
// which of them have frames, and is asked every lookEvery of a busy time. After a round
// without a frame all become passive and the thread sleeps in epoll, which returns at once if
// any has one by then.
//
// To look for frames a while longer before sleeping, 20 or 60 microseconds, was tried on two
// cores: pings took as long, and a frame of 20,000 each second cost half as much again of a
// processor, which hosts on the same cores need. SetBusyPoll is for those who have cores to
// spare.
//
// The runtime's own epoll_wait gives the thread's Go processor away and has to get one back:
// that wakes the runtime's monitor before each frame after a sleep, and the monitor then
// looks every 20 us for a while, on the processors that the hosts need for their answers. So
// where sleeps are short one after the other, the next begins with an epoll_wait of dozeTime
// that the runtime is not told of. The monitor stays awake meanwhile, which an idle
// thread would pay for: one that has slept longer does not begin so.

// loop is the thread. It ends when stop is set.
func (w *worker) loop() {
	// Never unlocked: the thread ends with the goroutine, and its priority and affinity
	// too.
	runtime.LockOSThread()
	defer w.finish()
	if err := process.RaiseThread(); err != nil {
		w.d.log.Debug("forwarding thread", "err", err)
	}
	w.begins()
	for !w.stop.Load() {
		if w.round() > 0 {
			if len(w.active) < len(w.set.list) && w.last-w.looked >= lookEvery {
				w.looked = w.last
				w.epoll(0)
			}
			continue
		}
		w.wait()
	}
}

// wait is what to do after a round without a frame.
func (w *worker) wait() {
	w.leaveAlone()
	now := w.d.clock()
	w.counts.idleRound(now - w.last)
	w.last, w.follows = now, false
	if w.d.busyPoll.Load() {
		if len(w.active) < len(w.set.list) {
			w.epoll(0)
		}
		return
	}
	w.deactivate(func(*rxq) bool { return true })
	w.sleep()
}

// sleep waits for a frame, a change of the queues, mail or stop.
func (w *worker) sleep() {
	w.asleep.Store(true)
	// Whoever changes one of these afterwards sees asleep and wakes us.
	if !w.hasMail.Load() && !w.stop.Load() && w.rx.Load() == w.set && !w.d.busyPoll.Load() {
		timeout := w.untilRelease()
		if timeout >= 0 || w.naps < dozeAfter || !w.doze() {
			w.epoll(timeout)
		}
	}
	w.asleep.Store(false)
	w.counts.slept()
	now := w.d.clock()
	if w.naps++; now-w.last >= dozeTime*1e6 {
		w.naps = 0
	}
	w.last, w.looked = now, now
}

// doze is the first dozeTime of a sleep for ever, which ends there where frames follow each
// other. It says whether something ended it.
func (w *worker) doze() bool {
	n, err := doze(w.epfd, w.events[:], dozeTime)
	w.ready(n, err)
	return n > 0 || err != nil
}

// epoll makes the queues active that have frames, waiting up to timeout
// milliseconds (-1: for ever) for one.
func (w *worker) epoll(timeout int) {
	w.ready(unix.EpollWait(w.epfd, w.events[:], timeout))
}

// ready takes what epoll says.
func (w *worker) ready(n int, err error) {
	if err != nil {
		if !errors.Is(err, unix.EINTR) {
			w.d.log.Error("forwarding thread: epoll", "err", err)
		}
		return
	}
	for i := range n {
		fd := w.events[i].Fd
		if int(fd) == w.evfd || int(fd) == w.timerfd {
			var b [8]byte
			_, _ = unix.Read(int(fd), b[:]) // only to reset it; EAGAIN: reset already
			continue
		}
		if q := w.byFD[fd]; q != nil && !q.active && !q.parked {
			w.activate(q)
		}
	}
}

// round polls every active queue once, and returns the number of frames.
func (w *worker) round() (frames int) {
	if w.hasMail.Load() {
		w.runMail()
	}
	w.kept = false
	for i := 0; i < len(w.active) || w.rx.Load() != w.set; i++ {
		w.epoch.enter()
		// A queue may be touched only if it is still ours now that Sync
		// waits for us.
		if !w.owns() {
			w.adopt(w.rx.Load())
			i = -1
			w.epoch.leave()
			continue
		}
		q := w.active[i]
		if !w.waits(q) {
			frames += w.poll(q)
		}
		w.epoch.leave()
	}
	if w.shapers.Load() != nil {
		w.release()
	}
	w.retire()
	return frames
}

// poll forwards one batch of a queue. The epoch is odd.
func (w *worker) poll(q *rxq) int {
	n, err := q.q.Rx(&w.batch)
	if err != nil {
		// The device is down or going away: whoever watches devices will
		// say so. Until then it is not polled.
		if w.epfd >= 0 {
			q.empty = idlePolls
			w.park(q, err)
		}
		return 0
	}
	if n == 0 {
		q.empty++
		return 0
	}
	q.empty, q.falseWakes = 0, 0
	q.port.awaitLeft()
	w.begin()
	w.forward(q)
	w.batch.Release()
	end := w.d.clock()
	q.load.add(uint64(n), uint64(end-w.now))
	w.counts.batch(uint64(n), uint64(end-w.now))
	w.last, w.follows = end, true
	if w.hot.due(uint64(n), end) {
		w.offerHot(end)
	}
	return n
}

// startOfBatch is the time for a batch that has just been received. While one follows the
// other it is the time when the last one ended, so that what receiving costs is counted and
// the clock is read once.
func (w *worker) startOfBatch() int64 {
	if w.follows && !w.d.manual {
		return w.last
	}
	now := w.d.clock()
	w.counts.idle(now - w.last)
	return now
}
