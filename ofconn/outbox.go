package ofconn

import (
	"sync"
	"sync/atomic"
	"time"

	"ofswitch/ofp"
)

// outbox is what waits to be written to one connection. Who may put: the
// connection's reader (put, which waits), and anybody (the others, which do
// not). Only conn.write takes. It is closed by finish (what is queued still goes
// out) or by drop (nothing more goes out).
type outbox struct {
	mu         sync.Mutex
	fifo       []outMsg // replies, flow-removed, port-status, in order
	replyBytes int      // of the replies not yet written, even if taken
	asyncBytes int      // of the others not yet written
	asyncCount int
	// monitorBytes are those of flow monitors' messages, which are replies or not.
	monitorBytes int
	// monitorTotal are those of all connections.
	monitorTotal *atomic.Int64
	pins         pinsched
	// writing: the writer has what take gave it last. answering: the reader has what
	// takeAnswers gave it, or Manager.PacketIns what takePacketIns did. Never two of them.
	writing, answering bool
	direct             [][]byte // for the next takePacketIns, empty
	spare              []outMsg // for the next fifo, empty
	finished           bool     // nothing more is accepted
	dropped            bool     // and nothing more is given out

	droppedAsync uint64 // flow-removed messages over the budget
	sent         uint64 // messages written

	wake  chan struct{} // something to write; room for one
	space chan struct{} // replyBytes went down; room for one
	// drained: monitorBytes went down; room for one.
	drained chan struct{}
}

// outMsg is one message, or several back to back, that nobody changes any more.
type outMsg struct {
	b       []byte
	async   bool
	monitor bool // of a flow monitor
	shown   bool // to those who snoop
	rest    bool // the rest of a message, whose first part counted as it
	part    bool // of a multipart reply: nobody else has its memory
	// pins is how many packet-ins end in it.
	pins uint16
}

func newOutbox(monitorTotal *atomic.Int64, drops *PacketInDrops) *outbox {
	return &outbox{monitorTotal: monitorTotal, pins: pinsched{all: drops}, wake: make(chan struct{}, 1), space: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
}

// signal makes one waiter on ch, present or next, go on.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default: // it will go on already
	}
}

// put queues a reply, after waiting for room; that the writer writes what is little
// is for the reader to see to, the only one who calls it. done is closed when the connection is; then put gives false.
func (o *outbox) put(m outMsg, done <-chan struct{}) bool {
	for {
		o.mu.Lock()
		if o.finished {
			o.mu.Unlock()
			return false
		}
		if o.replyBytes == 0 || o.replyBytes+len(m.b) <= replyBudget {
			o.addReplyLocked(m)
			much := o.replyBytes > answerDirectly
			o.mu.Unlock()
			if much {
				signal(o.wake)
			}
			return true
		}
		o.mu.Unlock()
		select {
		case <-o.space:
		case <-done:
			return false
		}
	}
}

// putNow queues a message of our own (a hello, a probe) whatever waits: there
// is at most one of each at a time.
func (o *outbox) putNow(b []byte) {
	o.mu.Lock()
	if !o.finished {
		o.addReplyLocked(outMsg{b: b})
	}
	o.mu.Unlock()
	signal(o.wake)
}

func (o *outbox) addReplyLocked(m outMsg) {
	o.fifo = append(o.fifo, m)
	o.replyBytes += len(m.b)
}

// putAsync queues a flow-removed or port-status message, or counts it as
// dropped and gives false if too many wait.
func (o *outbox) putAsync(b []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finished {
		return true // the connection is about to go, which tells the peer more
	}
	if o.asyncBytes+len(b) > asyncBudget || o.asyncCount >= asyncMessages {
		o.droppedAsync++
		return false
	}
	o.fifo = append(o.fifo, outMsg{b: b, async: true})
	o.asyncBytes += len(b)
	o.asyncCount++
	signal(o.wake)
	return true
}

// putMonitor queues a message of a flow monitor, whatever waits, and gives how many
// bytes of such messages wait now: who makes them sees to it that there are not too
// many.
func (o *outbox) putMonitor(b []byte) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.finished {
		o.fifo = append(o.fifo, outMsg{b: b, monitor: true})
		o.monitorBytes += len(b)
		o.monitorTotal.Add(int64(len(b)))
		signal(o.wake)
	}
	return o.monitorBytes
}

// awaitMonitor returns when no more than so many bytes of flow monitors' messages
// wait, or with false when none will be written any more or done is closed. One
// goroutine at a time calls it.
func (o *outbox) awaitMonitor(most int, done <-chan struct{}) bool {
	for {
		o.mu.Lock()
		n, dropped := o.monitorBytes, o.dropped
		o.mu.Unlock()
		if dropped {
			return false
		}
		if n <= most {
			return true
		}
		select {
		case <-o.drained:
		case <-done:
			return false
		}
	}
}

// putPacketIn queues a packet-in of about size bytes that came in by port. If it says
// true it is the first of those that wait, and its caller sees to it that they are
// written (conn.writePacketIns).
func (o *outbox) putPacketIn(port ofp.PortNo, size int, encode func() []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finished {
		return false
	}
	first := o.pins.total == 0
	o.pins.push(port, size, encode)
	return first
}

// batch is what take gives out.
type batch struct {
	fifo []outMsg
	pins [][]byte
}

// take gives all of the queue and a writeChunk's worth of packet-ins. All of
// the queue, so that a packet-in never overtakes a reply that was queued before
// it. If there is nothing, more says whether there may be later, and wait is
// when packet-ins may go on, 0 if that depends on a wake-up alone.
func (o *outbox) take(now time.Time, spare batch) (b batch, wait time.Duration, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dropped {
		return batch{}, 0, false
	}
	o.writing = false
	if o.answering {
		return batch{}, 0, true // the reader wakes us when it is done
	}
	b = batch{fifo: o.fifo, pins: spare.pins[:0]}
	o.fifo = spare.fifo[:0]
	for bytes := 0; bytes < writeChunk; {
		var msg []byte
		if msg, wait = o.pins.pop(now); msg == nil {
			break
		}
		b.pins = append(b.pins, msg)
		bytes += len(msg)
	}
	o.writing = len(b.fifo)+len(b.pins) > 0
	return b, wait, !o.finished
}

// written takes a message out of the accounts once the socket has it.
func (o *outbox) written(m outMsg) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writtenLocked(m)
}

func (o *outbox) writtenLocked(m outMsg) {
	if !m.rest {
		o.sent++
	}
	o.writtenPinsLocked(int(m.pins))
	if m.monitor {
		if !o.dropped {
			o.monitorBytes -= len(m.b)
			o.monitorTotal.Add(int64(-len(m.b)))
			signal(o.drained)
		}
		return
	}
	if m.async {
		o.asyncBytes -= len(m.b)
		if !m.rest {
			o.asyncCount--
		}
		return
	}
	o.replyBytes -= len(m.b)
	signal(o.space)
}

// writtenPins counts packet-ins that the socket has.
func (o *outbox) writtenPins(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writtenPinsLocked(n)
}

func (o *outbox) writtenPinsLocked(n int) {
	o.sent += uint64(n)
	o.pins.stats.Sent += uint64(n)
}

// finish accepts nothing more; what waits still goes out, save packet-ins.
func (o *outbox) finish() {
	o.mu.Lock()
	o.finished = true
	o.pins.clear()
	o.mu.Unlock()
	signal(o.wake)
}

// drop throws away what waits.
func (o *outbox) drop() {
	o.mu.Lock()
	o.finished, o.dropped = true, true
	for i := range o.fifo {
		o.pins.droppedClosed(int(o.fifo[i].pins))
	}
	o.fifo = nil
	o.monitorTotal.Add(int64(-o.monitorBytes))
	o.monitorBytes = 0
	o.pins.clear()
	o.mu.Unlock()
	signal(o.wake)
	signal(o.space)
	signal(o.drained)
}

// setRate limits packet-ins.
func (o *outbox) setRate(perSecond, burst int) {
	o.mu.Lock()
	o.pins.setLimit(perSecond, burst)
	o.mu.Unlock()
	signal(o.wake) // a higher rate may let some go now
}
