package ofswitch

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"

	"ofswitch/ofswitch/process"
)

// loop is the thread. It ends when stop is set.
func (w *worker) loop() {
	// Never unlocked: the thread ends with the goroutine, and its priority too.
	runtime.LockOSThread()
	defer w.finish()
	if err := process.RaiseThread(); err != nil {
		w.d.log.Debug("forwarding thread", "err", err)
	}
	for n := 0; !w.stop.Load(); n++ {
		got := w.round()
		switch {
		case len(w.active) == 0:
			w.sleep()
		case got == 0 || n%epollEvery == 0:
			w.epoll(0)
		}
	}
}

// sleep waits for a frame, a change of the queues, mail or stop.
func (w *worker) sleep() {
	w.asleep.Store(true)
	// Whoever changes one of these afterwards sees asleep and wakes us.
	if !w.hasMail.Load() && !w.stop.Load() && w.rx.Load() == w.set {
		w.epoll(w.untilRelease())
	}
	w.asleep.Store(false)
}

// epoll makes the queues active that have frames, waiting up to timeout
// milliseconds (-1: for ever) for one.
func (w *worker) epoll(timeout int) {
	n, err := unix.EpollWait(w.epfd, w.events[:], timeout)
	if err != nil {
		if !errors.Is(err, unix.EINTR) {
			w.d.log.Error("forwarding thread: epoll", "err", err)
		}
		return
	}
	for i := range n {
		fd := w.events[i].Fd
		if int(fd) == w.evfd {
			var b [8]byte
			_, _ = unix.Read(w.evfd, b[:]) // only to reset it; EAGAIN: reset already
			continue
		}
		if int(fd) == w.timerfd {
			var b [8]byte
			_, _ = unix.Read(w.timerfd, b[:]) // the same
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
		frames += w.poll(w.active[i])
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
	w.begin()
	w.forward(q)
	w.batch.Release()
	return n
}
