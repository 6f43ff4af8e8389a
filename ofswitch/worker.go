package ofswitch

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofswitch/process"
	"ofswitch/packet"
)

// worker is one forwarding thread with all that it owns. The order below is
// that of a frame's way: queues, cache, translation, execution.
type worker struct {
	d     *Datapath
	index int // in port.tx
	epoch epoch

	// Loaded at the start of a batch.
	stamp   uint64
	version classifier.Version
	macGen  uint64
	now     int64

	// Receive queues. rx is replaced by AddPort and RemovePort under the
	// writer lock; the rest belongs to the thread.
	rx         atomic.Pointer[rxSet]
	set        *rxSet         // the newest that was adopted
	byFD       map[int32]*rxq // its queues
	adoptions  uint64         // how many sets were adopted
	active     []*rxq         // polled each round; the others wait in epoll
	epfd, evfd int
	timerfd    int // wakes it for frames that wait in queues
	events     [64]unix.EpollEvent
	batch      packet.Batch
	frames     [packet.BatchSize]*packet.Frame

	cache     *classifier.Microflow[program] // nil: the control executor
	key       flow.Key
	recircKey flow.Key
	programs  programList
	unburied  int    // programs that left the cache since the collector was woken for them
	misses    uint64 // translations made (misses.go)
	folded    uint64 // packets of its programs, as folded; under Datapath.foldMu
	tr        translator

	// Execution.
	dirty   []*txBatch      // have frames
	clones  []*packet.Frame // go back to pools after the batch
	saved   []*packet.Frame // stack of opSave
	segs    []*packet.Frame // scratch of transmit
	cuts    []*packet.Frame // segments in segs: go back once they are sent
	pools   *packet.Pools
	depth   int      // recirculations that the one in work is inside of
	recircs int      // of the frame in work
	frame   received // the frame in work; not known where a program runs over several
	marks   uint64   // for settle

	plant *plant

	// Queues of ports. shapers are those whose waiting frames this worker sends;
	// replaced under the writer lock.
	shapers  atomic.Pointer[[]*shaper]
	released []*packet.Frame // scratch of shaper.release
	held     []held          // frames that enqueue has made room for
	holding  *queue          // where they go

	// Requests of other goroutines, carried out between batches.
	mailMu  sync.Mutex
	mail    []func()
	hasMail atomic.Bool

	parked atomic.Bool // some queue is parked
	asleep atomic.Bool
	stop   atomic.Bool
}

func newWorker(d *Datapath, index, entries int) (*worker, error) {
	w := &worker{d: d, index: index, pools: packet.NewPools(), plant: d.plant,
		cache: classifier.NewMicroflow[program](entries), epfd: -1, evfd: -1, timerfd: -1}
	w.rx.Store(newRxSet(nil))
	w.tr.w = w
	if d.manual {
		return w, nil
	}
	var err error
	if w.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if w.evfd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, errors.Join(fmt.Errorf("eventfd: %w", err), w.closeFDs())
	}
	if w.timerfd, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		w.timerfd = -1
		return nil, errors.Join(fmt.Errorf("timerfd: %w", err), w.closeFDs())
	}
	if err = errors.Join(w.watch(w.evfd), w.watch(w.timerfd)); err != nil {
		return nil, errors.Join(err, w.closeFDs())
	}
	return w, nil
}

// newControlExecutor makes the worker of packet-outs: no thread, no queues, no
// cache.
func newControlExecutor(d *Datapath, index int) *worker {
	w := &worker{d: d, index: index, pools: packet.NewPools(), plant: d.plant, epfd: -1, evfd: -1, timerfd: -1}
	w.rx.Store(newRxSet(nil))
	w.tr.w = w
	return w
}

func (w *worker) closeFDs() error {
	var errs []error
	for _, fd := range []*int{&w.epfd, &w.evfd, &w.timerfd} {
		if *fd >= 0 {
			errs = append(errs, unix.Close(*fd))
			*fd = -1
		}
	}
	return errors.Join(errs...)
}

// watch makes the worker wake when fd is readable.
func (w *worker) watch(fd int) error {
	if w.epfd < 0 {
		return nil
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	err := unix.EpollCtl(w.epfd, unix.EPOLL_CTL_ADD, fd, &ev)
	if err != nil {
		return fmt.Errorf("epoll: watching descriptor %d: %w", fd, err)
	}
	return nil
}

// unwatch undoes watch. A descriptor that is not watched is no error.
func (w *worker) unwatch(fd int) error {
	if w.epfd < 0 {
		return nil
	}
	err := unix.EpollCtl(w.epfd, unix.EPOLL_CTL_DEL, fd, nil)
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EBADF) {
		return fmt.Errorf("epoll: no longer watching descriptor %d: %w", fd, err)
	}
	return nil
}

// wake ends the worker's sleep, or its next one.
func (w *worker) wake() {
	if w.evfd < 0 {
		return
	}
	// EAGAIN: the counter is full, so it is awake anyway.
	if _, err := unix.Write(w.evfd, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil && !errors.Is(err, unix.EAGAIN) {
		w.d.log.Error("waking a forwarding thread", "err", err)
	}
}

// post has fn run by the worker's thread between two batches.
func (w *worker) post(fn func()) {
	w.mailMu.Lock()
	w.mail = append(w.mail, fn)
	w.mailMu.Unlock()
	w.hasMail.Store(true)
	if w.asleep.Load() {
		w.wake()
	}
}

func (w *worker) runMail() {
	w.hasMail.Store(false)
	w.mailMu.Lock()
	mail := w.mail
	w.mail = nil
	w.mailMu.Unlock()
	for _, fn := range mail {
		fn()
	}
}

// loop is the thread. It ends when stop is set.
func (w *worker) loop() {
	// Never unlocked: the thread ends with the goroutine, and its priority too.
	runtime.LockOSThread()
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
