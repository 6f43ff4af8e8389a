package ofswitch

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ofswitch/ports"
	"ofswitch/ports/kernelpath"
)

// Options are what does not change in the life of a Datapath.
type Options struct {
	// Version is what controllers are told as the version of the software; empty: that of the module.
	Version string
	// Workers is the number of forwarding threads; 0: one.
	Workers int
	// MicroflowEntries is the size of each worker's cache of exact keys; 0: 32768.
	MicroflowEntries int
	// MegaflowEntries is the size of each worker's cache of wildcarded keys; 0: 16384.
	MegaflowEntries int
	Logger          *slog.Logger
	// Clock gives nanoseconds that never go back; nil: since NewDatapath.
	Clock func() int64
	// OnGone is called by a forwarding thread when the device of some port turns out
	// to be gone (its queue gives net.ErrClosed), maybe several times. It must not
	// block. Nil: nobody wants to know.
	OnGone func()
	// Manual starts no threads and no goroutines: Poll, Collect and every
	// other method run on the goroutine of one caller. For tests.
	Manual bool
	// KernelPath is the kernel's table of flows, to which hot ones are given; nil: there is none. It
	// is the caller's to close, after the datapath.
	KernelPath *kernelpath.Table

	kernel kernelTable // of tests, instead
	// kernelAlways: tests have every program offered to it after the batch in which it was made.
	kernelAlways bool
	// selectAlways: tests have the buckets of select groups chosen frame by frame.
	selectAlways bool

	plant *plant // bugs that tests put in, to see that they are found
}

// Datapath owns the workers, the ports' queues and the programs of all
// bridges of the process.
type Datapath struct {
	log     *slog.Logger
	sw      string // Options.Version
	clock   func() int64
	started int64
	manual  bool
	onGone  func()
	plant   *plant

	team       atomic.Pointer[team] // replaced under teamMu
	microflows int                  // Options.MicroflowEntries
	megaflows  int                  // Options.MegaflowEntries
	procs      int                  // GOMAXPROCS before the datapath
	mayUse     []int                // processors of the process
	affinity   affinity             // under teamMu
	cpus       atomic.Pointer[[]int]
	busyPoll   atomic.Bool

	selectAlways bool // Options.selectAlways
	kernel       kernelFlows
	ctl          *worker // the control executor; one caller at a time, under ctlMu
	upcalls      *upcalls

	version atomic.Uint64 // newest published state of all tables and bridges
	// structure is the version of the last change of anything but flow entries; stored before
	// that version is published.
	structure atomic.Uint64
	macGen    atomic.Uint64 // rises when any MAC table changed
	// unsettled: what some program was made from changes with time alone.
	unsettled atomic.Bool
	// warned is when a loop was last told of, in ns; 0: never.
	warned atomic.Int64

	drops [numDropReasons]dropCounter

	// collector
	collectWake  chan struct{}
	unlinkWake   chan struct{} // some of remains is left
	balanceRound atomic.Int64  // of Datapath.balance
	buryWake     chan struct{} // many programs have left their caches
	stop         chan struct{}
	done         sync.WaitGroup

	reapMu   sync.Mutex // held while removed entries get their last count
	gatherMu sync.Mutex // held while entries that statistics ask for are gathered
	remains  remains    // has a lock of its own
	// unlinked counts flow entries that were taken out of memory.
	unlinked atomic.Uint64
	trimmer  trimmer // the collector's

	pendMu         sync.Mutex // guards the next two
	pending        []removal
	pendingEntries int

	// teamMu is held for writing while workers come, go, or pass queues to each other, and
	// for reading while a port or its queues do.
	teamMu sync.RWMutex
	left   []ports.TxQueue // to be closed: see closeHandles; under teamMu

	ctlMu sync.Mutex // owns ctl
	// ctlUnsent: ctl has frames in transmit batches. It changes under ctlMu.
	ctlUnsent atomic.Bool

	// mu is the writer lock: held for every change of what workers see.
	mu       sync.Mutex
	bridges  map[string]*Bridge
	ports    []*port // by datapath number; nil: free
	freeNums []uint32
	closed   bool

	foldMu sync.Mutex  // owns what has been folded of each program, and past
	past   WorkerStats // of threads that have ended
}

// NewDatapath starts the threads. Errors: no descriptors for the threads'
// wake-ups (EMFILE), more workers than there may be.
func NewDatapath(o Options) (*Datapath, error) {
	o.Workers = max(o.Workers, 1)
	if err := CheckWorkers(o.Workers); err != nil {
		return nil, err
	}
	if o.MicroflowEntries <= 0 {
		o.MicroflowEntries = defaultMicroflows
	}
	if o.MegaflowEntries <= 0 {
		o.MegaflowEntries = defaultMegaflows
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		start := time.Now()
		o.Clock = func() int64 { return int64(time.Since(start)) + 1 }
	}
	d := &Datapath{
		log: o.Logger, sw: cmp.Or(o.Version, moduleVersion()), clock: o.Clock, manual: o.Manual, onGone: o.OnGone, plant: o.plant,
		collectWake: make(chan struct{}, 1),
		unlinkWake:  make(chan struct{}, 1),
		buryWake:    make(chan struct{}, 1),
		stop:        make(chan struct{}),
		bridges:     map[string]*Bridge{},
		ports:       make([]*port, 1), // number 0 is no port
		microflows:  o.MicroflowEntries,
		megaflows:   o.MegaflowEntries,
		procs:       runtime.GOMAXPROCS(0),
	}
	var err error
	if d.mayUse, err = inherited(); err != nil {
		return nil, err
	}
	d.started = d.clock()
	d.version.Store(1)
	if o.KernelPath != nil {
		o.kernel = realKernel{o.KernelPath}
	}
	d.kernel.init(d, o.kernel)
	d.kernel.always, d.selectAlways = o.kernelAlways, o.selectAlways
	d.upcalls = newUpcalls(d)
	d.trimmer = newTrimmer()
	d.ctl = newControlExecutor(d, ctlIndex)
	d.team.Store(&team{})
	if err := d.growLocked(o.Workers); err != nil {
		return nil, err
	}
	if d.manual {
		return d, nil
	}
	d.done.Go(d.collectLoop)
	d.done.Go(d.upcalls.loop)
	if d.kernel.table != nil {
		d.done.Go(d.kernel.loop)
	}
	return d, nil
}

// Close stops the threads. Bridges and ports must be gone or unused: frames
// that arrive now stay where they are.
func (d *Datapath) Close() {
	if !d.markClosed() {
		return
	}
	d.kernel.set(false)
	close(d.stop)
	for _, w := range d.workers() {
		w.stop.Store(true)
		w.wake()
	}
	d.done.Wait()
	d.reap() // what was queued after the collector's last round
	for _, w := range d.workers() {
		if err := w.closeFDs(); err != nil {
			d.log.Error("closing a forwarding thread", "err", err)
		}
	}
}

// markClosed says whether the datapath was open. From here on its threads neither come
// nor go, nor pass queues to each other.
func (d *Datapath) markClosed() bool {
	d.teamMu.Lock()
	defer d.teamMu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.closed
	d.closed = true
	return !was
}

// AddBridge makes an empty bridge. The name must be new.
func (d *Datapath) AddBridge(name string, o BridgeOptions) (*Bridge, error) {
	b := newBridge(d, name, o)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errors.New("the datapath is closed")
	}
	if d.bridges[name] != nil {
		return nil, fmt.Errorf("bridge %s exists already", name)
	}
	d.bridges[name] = b
	return b, nil
}

// RemoveBridge removes a bridge and those of its ports that are left, without
// closing them.
func (d *Datapath) RemoveBridge(name string) error {
	b := d.Bridge(name)
	if b == nil {
		return fmt.Errorf("there is no bridge %s", name)
	}
	var errs []error
	b.stopBonds()
	for _, p := range b.conf.Load().list {
		errs = append(errs, b.RemovePort(p.no))
	}
	d.mu.Lock()
	delete(d.bridges, name)
	d.mu.Unlock()
	return errors.Join(errs...)
}

// Bridge finds a bridge by name; nil: there is none.
func (d *Datapath) Bridge(name string) *Bridge {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bridges[name]
}

// bridgeList is a copy of the bridges, in no order.
func (d *Datapath) bridgeList() []*Bridge {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*Bridge, 0, len(d.bridges))
	for _, b := range d.bridges {
		list = append(list, b)
	}
	return list
}

// allocNumLocked gives a port a datapath number. Numbers are used again in
// the order in which they became free, so that one comes back late.
func (d *Datapath) allocNumLocked(p *port) {
	if len(d.freeNums) > 64 {
		p.num = d.freeNums[0]
		d.freeNums = slices.Delete(d.freeNums, 0, 1)
		d.ports[p.num] = p
		return
	}
	p.num = uint32(len(d.ports))
	d.ports = append(d.ports, p)
}

func (d *Datapath) freeNum(p *port) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ports[p.num] = nil
	d.freeNums = append(d.freeNums, p.num)
}

// Poll runs one round of every worker on the caller's goroutine: one batch
// from each receive queue, then the packet-ins. It returns the number of frames
// received. Only with Options.Manual.
func (d *Datapath) Poll() int {
	if !d.manual {
		panic("ofswitch: Poll on a datapath with threads")
	}
	n := 0
	for _, w := range d.workers() {
		n += w.round()
	}
	d.upcalls.drain()
	return n
}
