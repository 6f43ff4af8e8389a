package ofswitch

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"ofswitch/packet"
	"ofswitch/ports"
)

// shaper is the scheduler of a port that has queues, after the model of the
// kernel's HTB with one level: the port has a rate, each queue a guaranteed one
// (min) and a bound (max). What the guarantees leave goes to the queues of the
// best priority that have frames, in proportion to their guarantees, by deficit
// round robin.
//
// Frames of any worker that may go at once go at once, from the memory that
// they are in. Others are copied into the queue, bounded in frames and bytes,
// and one worker, the owner, sends them when their time has come.
type shaper struct {
	port  *port
	owner atomic.Pointer[worker] // changed while nobody has the shaper (disown, own)

	// due is when the owner has something to send next; never: nothing
	// waits. Written under mu.
	due atomic.Int64

	// mu is a leaf lock, taken once or twice per transmit batch and never while
	// bytes are copied or sent.
	mu      sync.Mutex
	root    tokens
	active  []*queue // have frames that the owner may send
	cursor  [2]int   // in active, by phase
	waiting int      // frames in all queues, those included that are being copied
	sending bool     // the owner has frames in hand
	pool    *packet.Pool
	idle    bool // nothing has waited since the collector came
}

const never = math.MaxInt64

// queue is one queue of a shaper. Under shaper.mu but what does not change.
type queue struct {
	shaper *shaper
	id     uint32
	added  int64      // ns
	tx     []*txBatch // by worker.index, as those of the port: what operations point to

	conf     QueueConfig
	min, max tokens
	quantum  int64 // bytes a turn
	deficit  [2]int64
	maxBytes uint64 // that may wait
	// whole is how many bytes on the wire a GSO frame may be to go as one: more
	// would be a burst that the rates do not allow. Read without mu.
	whole atomic.Uint64

	list    []queued // ring
	head, n int
	waiting int    // frames, those included that are being copied
	bytes   uint64 // of them

	txPackets, txBytes, txErrors uint64
}

// queued is a frame that waits, in memory of the shaper's pool.
type queued struct {
	f              *packet.Frame
	packets, bytes uint64
}

func newShaper(p *port, owner *worker) *shaper {
	s := &shaper{port: p, pool: packet.NewPool(packet.SmallFrame)}
	s.owner.Store(owner)
	s.due.Store(never)
	return s
}

func (s *shaper) newQueue(id uint32, now int64) *queue {
	q := &queue{shaper: s, id: id, added: now, tx: make([]*txBatch, len(s.port.tx))}
	for i := range q.tx {
		q.equip(i)
	}
	return q
}

// equip gives the worker of this index a place to put frames for the queue, if it has
// one for the port.
func (q *queue) equip(index int) {
	if t := q.shaper.port.tx[index]; t != nil {
		q.tx[index] = &txBatch{q: t.q, caps: t.caps, port: t.port, queue: q}
	}
}

// phases of the choice: queues within their guarantee come before all others.
const (
	guaranteed = iota
	excess
)

// eligible says whether the queue may send now in the phase, if the port may.
func (q *queue) eligible(now int64, phase int) bool {
	if !q.max.open(now) {
		return false
	}
	return phase == excess || q.min.rate != 0 && q.min.open(now)
}

// next chooses the queue whose turn it is. nil: none may send now.
func (s *shaper) next(now int64) (*queue, int) {
	if !s.root.open(now) {
		return nil, 0
	}
	for phase := guaranteed; phase <= excess; phase++ {
		best, found := uint64(0), false
		for _, q := range s.active {
			if q.eligible(now, phase) && (!found || q.conf.Priority < best) {
				best, found = q.conf.Priority, true
			}
		}
		if !found {
			continue
		}
		for {
			at := s.cursor[phase] % len(s.active)
			q := s.active[at]
			if q.conf.Priority == best && q.eligible(now, phase) {
				if q.deficit[phase] > 0 {
					s.cursor[phase] = at
					return q, phase
				}
				q.deficit[phase] += q.quantum
			}
			s.cursor[phase] = at + 1
		}
	}
	return nil, 0
}

// pick takes the frame that goes next. ok false: none may, now.
func (s *shaper) pick(now int64) (e queued, ok bool) {
	q, phase := s.next(now)
	if q == nil {
		return e, false
	}
	e = q.pop()
	q.deficit[phase] -= int64(e.bytes)
	s.root.charge(now, e.bytes)
	q.max.charge(now, e.bytes)
	if phase == guaranteed {
		q.min.charge(now, e.bytes)
	}
	q.count(e.packets, e.bytes)
	s.waiting--
	if q.n == 0 {
		s.deactivate(q)
	}
	return e, true
}

func (q *queue) count(packets, bytes uint64) {
	q.txPackets += packets
	q.txBytes += bytes
}

func (s *shaper) deactivate(q *queue) {
	at := slices.Index(s.active, q)
	s.active = slices.Delete(s.active, at, at+1)
	for phase, c := range s.cursor {
		if c > at {
			s.cursor[phase] = c - 1
		}
		// A queue that comes back has no claims, and no debts, from before.
		q.deficit[phase] = 0
	}
}

// dueAt is when the next frame may go.
func (s *shaper) dueAt() int64 {
	if len(s.active) == 0 {
		return never
	}
	at := int64(never)
	for _, q := range s.active {
		at = min(at, q.dueAt())
	}
	return at
}

// dueAt is when the next frame of the queue may go.
func (q *queue) dueAt() int64 {
	at := int64(math.MinInt64)
	if q.shaper.root.rate != 0 {
		at = q.shaper.root.zero
	}
	if q.max.rate != 0 {
		at = max(at, q.max.zero)
	}
	return at
}

// atOnce says whether a frame of q may pass by the queue: nobody waits for the
// port, and the rates allow it. If so it is charged.
func (s *shaper) atOnce(q *queue, now int64, packets, bytes uint64) bool {
	if s.waiting > 0 || s.sending || !s.root.open(now) || !q.max.open(now) {
		return false
	}
	s.root.charge(now, bytes)
	q.max.charge(now, bytes)
	if q.min.rate != 0 && q.min.open(now) {
		q.min.charge(now, bytes)
	}
	q.count(packets, bytes)
	return true
}

// admit gives memory for a frame that must wait, and counts it as waiting.
// nil: the queue is full.
func (s *shaper) admit(q *queue, size int, packets, bytes uint64) *packet.Frame {
	if q.waiting > 0 && (q.waiting >= queueFrames || q.bytes+bytes > q.maxBytes) {
		q.txErrors += packets
		return nil
	}
	q.waiting++
	q.bytes += bytes
	s.waiting++
	s.idle = false
	return s.pool.Get(size)
}

// push adds a frame that has been copied, for which admit was called.
func (q *queue) push(e queued) {
	if q.n == len(q.list) {
		bigger := make([]queued, max(16, 2*len(q.list)))
		for i := range q.n {
			bigger[i] = q.list[(q.head+i)%len(q.list)]
		}
		q.list, q.head = bigger, 0
	}
	q.list[(q.head+q.n)%len(q.list)] = e
	q.n++
	if q.n == 1 {
		q.shaper.active = append(q.shaper.active, q)
	}
}

func (q *queue) pop() queued {
	e := q.list[q.head]
	q.list[q.head] = queued{}
	q.head = (q.head + 1) % len(q.list)
	q.n--
	q.forget(e.bytes)
	return e
}

// forget undoes what admit counted of a frame for the queue.
func (q *queue) forget(bytes uint64) {
	q.waiting--
	q.bytes -= bytes
}

// configure gives the shaper and its queues, whose conf is set, their rates;
// the caller holds mu.
func (s *shaper) configure(now int64, rate uint64, queues map[uint32]*queue) {
	s.root.set(now, rate, bucketDepth(rate, 0))
	largest := uint64(0)
	for _, q := range queues {
		largest = max(largest, q.conf.MinRate)
	}
	for _, q := range queues {
		c := &q.conf
		q.min.set(now, c.MinRate, bucketDepth(c.MinRate, c.Burst))
		q.max.set(now, c.MaxRate, bucketDepth(c.MaxRate, c.Burst))
		q.quantum = quantum(c.MinRate, largest)
		slowest, whole := rate, s.root.bytes()
		if c.MaxRate != 0 {
			slowest, whole = min(slowest, c.MaxRate), min(whole, q.max.bytes())
		}
		q.maxBytes = min(max(bytesIn(slowest, queueTime), queueBytesMin), queueBytesMax)
		q.whole.Store(whole)
	}
	s.due.Store(s.dueAt())
}

// merge moves the frames of a queue that nobody finds any more behind those of
// another, whose bounds may be passed for that.
func (s *shaper) merge(from, to *queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from.n == 0 {
		return
	}
	for from.n > 0 {
		e := from.pop()
		to.waiting++
		to.bytes += e.bytes
		to.push(e)
	}
	s.deactivate(from)
	s.due.Store(s.dueAt())
}

// bucketDepth is how much credit, in ns, a bucket of this rate (bits/s) may
// gather. burst, in bits, is what the user wants; 0: nothing in particular.
// Below what two frames take, or what passes until a thread wakes, the rate
// would not be reached.
func bucketDepth(rate, burst uint64) int64 {
	if rate == 0 {
		return 0
	}
	frames := float64(2*fullFrame*8) * 1e9 / float64(rate)
	depth := float64(defaultDepth)
	if burst != 0 {
		depth = max(float64(burst)*1e9/float64(rate), minDepth)
	}
	return int64(min(max(depth, frames), 1e15))
}

// quantum is how many bytes a queue may send per turn: in proportion to its
// guarantee.
func quantum(minRate, largest uint64) int64 {
	n := float64(0)
	if largest != 0 {
		n = float64(bytesIn(largest, defaultDepth))
		n = min(n, maxQuantum) * float64(minRate) / float64(largest)
	}
	return max(int64(n), fullFrame)
}

// release sends what may go now; only the owner calls it. It says whether
// anything was sent.
func (s *shaper) release(w *worker, now int64) (some bool) {
	if now < s.due.Load() {
		return false
	}
	device := s.port.tx[w.index].q
	for range releaseBatches {
		s.mu.Lock()
		s.sending = false
		out := w.released[:0]
		for len(out) < packet.BatchSize {
			e, ok := s.pick(now)
			if !ok {
				break
			}
			out = append(out, e.f)
		}
		w.released = out
		s.sending = len(out) > 0
		s.due.Store(s.dueAt())
		s.mu.Unlock()
		if len(out) == 0 {
			return some
		}
		some = true
		device.Tx(out)
		s.giveBack(out)
	}
	return some
}

// giveBack ends the sending of frames.
func (s *shaper) giveBack(frames []*packet.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range frames {
		s.pool.Put(f)
		frames[i] = nil
	}
	s.sending = false
}

// flush sends everything that waits, whatever the rates, or, without a device,
// drops it; nobody else uses the shaper any more, and the caller owns device.
func (s *shaper) flush(device ports.TxQueue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.active {
		for q.n > 0 {
			e := q.pop()
			s.waiting--
			if device != nil {
				one := [1]*packet.Frame{e.f}
				device.Tx(one[:])
			}
			s.pool.Put(e.f)
		}
	}
	s.active = nil
	s.due.Store(never)
}

// trim gives memory back that has not been used for a round of the collector.
func (s *shaper) trim() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting > 0 || s.sending {
		s.idle = false
		return
	}
	if s.idle {
		s.pool = packet.NewPool(packet.SmallFrame)
	}
	s.idle = true
}
