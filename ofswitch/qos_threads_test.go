package ofswitch

import (
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

// TestQueueThreads: several threads send to one queue, which one of them
// empties on time; nothing is lost, and each sender's frames keep their order,
// while rates change.
func TestQueueThreads(t *testing.T) {
	d, err := NewDatapath(Options{Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	b, err := d.AddBridge("br0", BridgeOptions{DatapathID: 1})
	if err != nil {
		t.Fatal(err)
	}
	var mems [4]*ports.Mem
	for i := range mems {
		mems[i] = ports.NewMem("m" + string(rune('1'+i)))
		defer mems[i].Close()
		if err := b.AddPort(ofp.PortNo(i+1), mems[i]); err != nil {
			t.Fatal(err)
		}
	}
	const senders, rounds, burst = 3, 20, 20
	qos := func(rate uint64) *QoS { return &QoS{Queues: map[uint32]QueueConfig{1: {MaxRate: rate, Burst: 1}}} }
	if err := b.SetQoS(4, qos(50e6)); err != nil {
		t.Fatal(err)
	}
	if err := b.FlowMod(flowMod(t, 0, 1, "", apply(ofp.SetQueue{QueueID: 1}, output(4)))); err != nil {
		t.Fatal(err)
	}
	last := [senders]uint32{}
	total := 0
	take := func() bool {
		for _, f := range mems[3].Sent() {
			id, n := frameQueue(f.Bytes())
			if n != last[id]+1 {
				t.Fatalf("sender %d: frame %d after %d", id, n, last[id])
			}
			last[id] = n
			total++
		}
		return total%(senders*burst) == 0 && total > 0
	}
	for round := range rounds {
		for i := range burst {
			for s := range senders {
				mems[s].InjectBytes(sized(500, uint16(s), uint32(round*burst+i+1)))
			}
		}
		if err := b.SetQoS(4, qos(uint64(50e6+5e6*(round%3)))); err != nil {
			t.Fatal(err)
		}
		testutil.Wait(t, "the frames of a round", func() bool { return take() && total == (round+1)*senders*burst })
	}
	// A port goes while frames wait for it.
	if err := b.SetQoS(4, qos(1000)); err != nil {
		t.Fatal(err)
	}
	for s := range senders {
		for i := range uint32(burst) {
			mems[s].InjectBytes(sized(500, uint16(s), i))
		}
	}
	for no := range ofp.PortNo(4) {
		if err := b.RemovePort(4 - no); err != nil {
			t.Error(err)
		}
	}
}

// newFullQueueLab has a queue that gets more than it may send, for ever.
func newFullQueueLab(t testing.TB, rate uint64) *lab {
	l := newBareLab(t, udp(1, 2, 3, 4))
	l.add(flowMod(t, 0, 1, "", apply(ofp.SetQueue{QueueID: 1}, output(2))))
	l.setQoS(&QoS{Queues: map[uint32]QueueConfig{1: {MaxRate: rate}}})
	for range 200 {
		l.now.Add(100e3)
		l.d.Poll()
	}
	return l
}

// TestQueueDoesNotAllocate: neither where frames pass by a queue nor where they
// wait in it.
func TestQueueDoesNotAllocate(t *testing.T) {
	for name, rate := range map[string]uint64{"at once": 0, "waiting": 100e6} {
		t.Run(name, func(t *testing.T) {
			l := newFullQueueLab(t, rate)
			if waits := l.queue(1).n > 0; waits != (rate != 0) {
				t.Fatalf("%d frames wait", l.queue(1).n)
			}
			if n := testing.AllocsPerRun(200, func() { l.now.Add(100e3); l.d.Poll() }); n != 0 {
				t.Errorf("%v allocations per batch", n)
			}
		})
	}
}

// BenchmarkQueue is BenchmarkForward to a port with queues: through one that
// lets all pass at once, and through one where a tenth does, after waiting, and
// the rest is dropped.
func BenchmarkQueue(b *testing.B) {
	for name, rate := range map[string]uint64{"at-once": 0, "waiting": 32e6} {
		b.Run(name, func(b *testing.B) {
			l := newFullQueueLab(b, rate)
			b.ReportAllocs()
			for b.Loop() {
				l.now.Add(100e3)
				l.d.Poll()
			}
			report(b, packet.BatchSize)
		})
	}
}

// panicTx is a device whose transmit path has a bug.
type panicTx struct{ ports.TxQueue }

func (panicTx) Tx([]*packet.Frame) int { panic("a bug of the device") }

// TestQueuePanic: a batch that is given up leaves no room taken in a queue, and
// no lock.
func TestQueuePanic(t *testing.T) {
	l := newQueueLab(t, &QoS{Queues: map[uint32]QueueConfig{1: {MaxRate: 1e6, Burst: 1}}})
	w, q := l.d.workers()[0], l.queue(1)
	broken := *q.tx[0]
	broken.q = panicTx{broken.q}
	var frames []*packet.Frame
	for i := range uint32(20) {
		frames = append(frames, packet.FromBytes(sized(1000, 1, i)))
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
			w.abandon()
		}()
		w.begin()
		w.enqueue(&broken, frames)
	}()
	if q.waiting != 0 || q.bytes != 0 || q.shaper.waiting != 0 {
		t.Errorf("%d frames, %d bytes still counted as waiting, %d for the port", q.waiting, q.bytes, q.shaper.waiting)
	}
	l.now.Add(1e9)
	l.send(1, sized(1000, 1, 100))
	if n := len(l.sent(2)); n != 1 {
		t.Errorf("%d frames left afterwards, want 1", n)
	}
}

// hookTx is a device that does something else before it sends.
type hookTx struct {
	ports.TxQueue
	before func()
}

func (h hookTx) Tx(frames []*packet.Frame) int {
	h.before()
	return h.TxQueue.Tx(frames)
}

// TestQueueInHand: frames that the owner has taken out of the queue and is about
// to send are not overtaken by one that another thread brings.
func TestQueueInHand(t *testing.T) {
	l := newLab(t, 2, func(o *Options) { o.Workers = 2 })
	l.add(flowMod(t, 0, 1, "", apply(ofp.SetQueue{QueueID: 1}, output(2))))
	l.setQoS(&QoS{Queues: map[uint32]QueueConfig{1: {MaxRate: 1e6, Burst: 1}}})
	q := l.queue(1)
	owner := q.shaper.owner.Load()
	other := l.d.workers()[1-owner.index]
	for i := range uint32(6) {
		l.send(1, sized(1000, 1, i+1))
	}
	left := len(l.sent(2))
	if left == 6 {
		t.Fatal("no frame waits")
	}
	l.now.Add(1e9) // all of them may go, and another one
	tx := q.shaper.port.tx[owner.index]
	device := tx.q
	once := false
	tx.q = hookTx{device, func() {
		if once {
			return
		}
		once = true
		other.begin()
		other.enqueue(q.tx[other.index], []*packet.Frame{packet.FromBytes(sized(1000, 1, 7))})
	}}
	for range 100 {
		l.d.Poll()
		l.now.Add(1e7)
	}
	tx.q = device
	for i, b := range l.sent(2) {
		if _, n := frameQueue(b); int(n) != left+i+1 {
			t.Errorf("frame %d left in place of %d", n, left+i+1)
		}
	}
	if q.waiting != 0 || !once {
		t.Errorf("%d frames wait still; the other thread sent %v", q.waiting, once)
	}
}
