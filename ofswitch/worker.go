package ofswitch

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/packet"
)

// worker is one forwarding thread with all that it owns. The order below is
// that of a frame's way: queues, cache, translation, execution.
type worker struct {
	d     *Datapath
	index int // in port.tx, and in Datapath.workers
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
	mega      *classifier.Megaflow[program]
	once      *[onceSize]uint32 // hashes of keys that are not in cache yet; see remember
	sweeper   sweeper
	hot       hotPrograms
	hulls     hulls
	keys      [packet.BatchSize]flow.Key
	recircKey flow.Key
	selects   selectGroups
	programs  programList
	unburied  int    // programs that left the cache since the collector was woken for them
	folded    uint64 // packets of its programs, as folded; under Datapath.foldMu
	tr        translator

	// Execution.
	dirty   []*txBatch      // have frames
	clones  []*packet.Frame // go back to pools after the batch
	saved   []*packet.Frame // stack of opSave
	segs    []*packet.Frame // scratch of transmit
	joined  []*packet.Frame // GSO packets that coalesce made: go back once they are sent
	cuts    []*packet.Frame // segments in segs: go back once they are sent
	pools   *packet.Pools
	depth   int      // recirculations that the one in work is inside of
	recircs int      // of the frame in work
	frame   received // the frame in work; not known where a program runs over several
	marks   uint64   // for settle
	called  bool     // packet-ins were offered that nobody has been told of

	plant *plant

	// Waiting (polling.go).
	last    int64 // when the clock was last read, ns
	follows bool  // last is when a batch ended, and nothing has come between
	looked  int64 // when epoll was last asked
	naps    int   // sleeps shorter than dozeTime, in a row
	// Frames wait in a queue that is not read for now (kernel_drain.go), and for so many rounds in a row.
	kept       bool
	keptRounds int

	counts  workerCounts
	thread  thread
	cleared threadBase // under Datapath.teamMu

	// Queues of ports. shapers are those whose waiting frames this worker sends;
	// replaced under the writer lock.
	shapers  atomic.Pointer[[]*shaper]
	released []*packet.Frame // scratch of shaper.release
	held     []held          // frames that enqueue has made room for
	holding  *queue          // where they go

	// Requests of other goroutines, carried out between batches.
	mailMu  sync.Mutex
	mail    []func()
	over    bool // nobody reads mail any more
	hasMail atomic.Bool

	parked atomic.Bool // some queue is parked
	asleep atomic.Bool
	stop   atomic.Bool
	ended  chan struct{} // closed by the thread as its last act
}

func newWorker(d *Datapath, index, entries int) (*worker, error) {
	w := &worker{d: d, index: index, pools: packet.NewPools(), plant: d.plant,
		cache: classifier.NewMicroflow[program](entries),
		mega:  classifier.NewMegaflow(d.megaflows, megaflowMasks, (*program).used), once: new([onceSize]uint32), epfd: -1, evfd: -1, timerfd: -1, ended: make(chan struct{})}
	w.rx.Store(newRxSet(nil))
	w.tr.w = w
	w.hot.always, w.selects.always = d.kernel.always, d.selectAlways
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

// post has fn run by the worker's thread between two batches. It says no where the
// thread ends: then nobody runs fn.
func (w *worker) post(fn func()) bool {
	w.mailMu.Lock()
	defer w.mailMu.Unlock()
	if w.over {
		return false
	}
	w.mail = append(w.mail, fn)
	w.hasMail.Store(true)
	if w.asleep.Load() {
		w.wake()
	}
	return true
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

// finish is the end of the thread: nothing is posted to it any more.
func (w *worker) finish() {
	w.mailMu.Lock()
	w.over = true
	w.mailMu.Unlock()
	w.runMail()
	close(w.ended)
}
