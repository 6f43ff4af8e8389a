package ofswitch

import (
	"slices"
	"time"
)

// ThreadStats is what a forwarding thread has done since it began, or since ClearThreads.
// Times are of the clock, but CPU.
type ThreadStats struct {
	Index int
	TID   int // of the thread; 0: it has not begun, or there are no threads (Options.Manual)
	// Processor is where it runs: that which it is bound to or, if Bound is false, where it
	// ran last. Node is the NUMA node of that.
	Processor int
	Bound     bool
	Node      int
	Queues    []ThreadQueue
	Isolated  bool // it polls queues of SetRxAffinity and no others

	For  time.Duration // that this is about
	CPU  time.Duration // on a processor
	Busy time.Duration // receiving and forwarding
	Idle time.Duration // awake without a frame
	// Asleep is for how long it has slept, Sleeps how often.
	Asleep time.Duration
	Sleeps uint64

	Frames, Batches uint64 // received; a GSO frame is one
	LargestBatch    uint64 // frames
	FullBatches     uint64 // of packet.BatchSize frames
	LongestBatch    time.Duration
	IdleRounds      uint64        // looks at the queues that found nothing
	Recirculated    uint64        // frames looked up once more
	MicroflowHits   uint64        // lookups answered by the exact cache
	MegaflowHits    uint64        // by the wildcarded one
	Probes          uint64        // masks that were tried for these
	Misses          uint64        // lookups that were translated
	MissTime        time.Duration // that translating them took
	Refused         uint64        // and that were not, for the meter SLOWPATH
	Policed         uint64        // frames beyond the bounds of their port, not looked up
	Sent, Sends     uint64        // frames for ports, and the transmit batches that they were in

	Microflows, Megaflows int // entries of the caches now
	Masks                 int // of the megaflows, those of each ingress port
}

// Lookups is how often a cache was asked.
func (s *ThreadStats) Lookups() uint64 { return s.Frames - s.Policed + s.Recirculated }

// ThreadQueue is a receive queue of a thread.
type ThreadQueue struct {
	Port   string
	Bridge string
	ID     int // in its port
	// Load is over the last seconds that were asked for, in thousandths of a thread; -1:
	// the queue is too new to say.
	Load            int
	Frames, Batches uint64 // since the port was added, by whichever threads
	Busy            time.Duration
}

// threadBase is what ClearThreads has put behind a worker.
type threadBase struct {
	at, cpu int64
	counts  workerCounts
}

func (w *worker) base() threadBase {
	return threadBase{w.d.clock(), w.thread.cpuTime(), w.counts.read()}
}

// Threads gives the statistics of each forwarding thread, exact as of the call. The loads of
// queues are over the last seconds, at most a minute.
func (d *Datapath) Threads(seconds int) []ThreadStats {
	d.teamMu.RLock()
	defer d.teamMu.RUnlock()
	d.Sync() // batches end
	list := make([]ThreadStats, len(d.workers()))
	for i, w := range d.workers() {
		list[i] = w.stats()
		var micro, mega, masks int
		if d.visit(w, func() { micro, mega, masks = w.cache.Len(), w.mega.Len(), w.mega.Masks() }) {
			list[i].Microflows, list[i].Megaflows, list[i].Masks = micro, mega, masks
		}
	}
	for _, q := range d.rxQueues() {
		frames, batches, busy := q.load.read()
		load, ok := q.load.over(seconds)
		if !ok {
			load = -1
		}
		s := &list[q.worker.index]
		s.Queues = append(s.Queues, ThreadQueue{
			Port: q.port.name, Bridge: q.port.bridge.name, ID: q.id,
			Load: load, Frames: frames, Batches: batches, Busy: time.Duration(busy),
		})
	}
	d.isolate(list)
	return list
}

func (w *worker) stats() ThreadStats {
	now, then := w.base(), &w.cleared
	c := now.counts.since(&then.counts)
	s := ThreadStats{
		Index: w.index, TID: int(w.thread.id.Load()),
		For: time.Duration(now.at - then.at), CPU: time.Duration(now.cpu - then.cpu),
		Busy: time.Duration(c.Busy), Idle: time.Duration(c.Idle), Sleeps: c.Sleeps,
		Frames: c.Frames, Batches: c.Batches, LargestBatch: c.LargestBatch, FullBatches: c.FullBatches,
		LongestBatch: time.Duration(c.LongestBatch), IdleRounds: c.IdleRounds, Recirculated: c.Recirculated, Policed: c.Policed, Refused: c.Refused,
		MegaflowHits: c.MegaflowHits, Probes: c.Probes, Misses: c.Misses, MissTime: time.Duration(c.MissTime),
		Sent: c.Sent, Sends: c.Sends,
	}
	s.Asleep = max(s.For-s.Busy-s.Idle, 0)
	s.MicroflowHits = s.Lookups() - min(s.Lookups(), s.MegaflowHits+s.Misses+s.Refused)
	s.Processor, s.Bound = w.thread.processor()
	s.Node = nodeOf(s.Processor)
	return s
}

// ClearThreads has the statistics of the forwarding threads of these indices begin anew; of
// all, where none is given.
func (d *Datapath) ClearThreads(indices ...int) {
	d.teamMu.Lock()
	defer d.teamMu.Unlock()
	d.Sync()
	for _, w := range d.workers() {
		if len(indices) == 0 || slices.Contains(indices, w.index) {
			w.cleared = w.base()
			if d.manual {
				w.counts.forgetExtremes()
			} else {
				w.post(w.counts.forgetExtremes)
			}
		}
	}
}
