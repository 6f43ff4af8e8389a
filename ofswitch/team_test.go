package ofswitch

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

// numbered is a frame of a flow with its number in it.
func numbered(flow uint16, n int) []byte {
	b := append(udp(1, 2, 9, flow), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(b[len(b)-4:], uint32(n))
	return b
}

// TestSetWorkersUnderLoad changes the number of threads hundreds of times, and passes
// queues around, while frames of several flows are forwarded: none is lost, none is
// overtaken, all are counted.
func TestSetWorkersUnderLoad(t *testing.T) {
	const flows = 4
	frames, rounds := 60_000, 400
	if raceEnabled {
		frames, rounds = 6000, 60
	}
	m := newMachine(t, 1, 2*flows, ports.MemOptions{Capture: frames * 2})
	for i := range flows {
		mod := flowMod(t, 0, 1, fmt.Sprintf("in_port=%d", i+1), apply(output(ofp.PortNo(flows+i+1))))
		mod.Cookie = uint64(i + 1)
		if err := m.b.FlowMod(mod); err != nil {
			t.Fatal(err)
		}
	}
	var stop, never atomic.Bool
	var wg, churn sync.WaitGroup
	for i := range flows {
		wg.Go(func() {
			feed(m.ports[i], func(n int) []byte { return numbered(uint16(i), n) }, frames, &never)
		})
	}
	changed := 0
	churn.Go(func() {
		for ; changed < rounds || !stop.Load(); changed++ {
			if err := m.d.SetWorkers([]int{4, 1, 2, 3, 1}[changed%5]); err != nil {
				t.Error(err)
			}
			if changed%3 == 0 {
				m.d.bury()
			}
			if changed%7 == 0 {
				m.d.FlushFlows()
			}
			if _, err := m.d.Rebalance(); err != nil {
				t.Error(err)
			}
		}
	})
	within(t, "feeding", wg.Wait)
	stop.Store(true)
	within(t, "changing", churn.Wait)
	m.settle()
	for i := range flows {
		sent := m.ports[flows+i].Sent()
		if len(sent) != frames {
			t.Errorf("flow %d: %d of %d frames arrived", i, len(sent), frames)
		}
		for n, f := range sent {
			b := f.Bytes()
			if got := binary.BigEndian.Uint32(b[len(b)-4:]); int(got) != n {
				t.Fatalf("flow %d: frame %d came in place of %d", i, got, n)
			}
		}
		if c := counts(t, m.b)[uint64(i+1)]; c[0] != uint64(frames) {
			t.Errorf("flow %d counted %d frames of %d", i, c[0], frames)
		}
	}
	lookups := m.d.Lookups()
	if lookups.Packets != uint64(flows*frames) {
		t.Errorf("%d lookups counted for %d frames", lookups.Packets, flows*frames)
	}
	if lookups.Misses < flows || lookups.Misses > lookups.Packets {
		t.Errorf("%d of %d lookups missed", lookups.Misses, lookups.Packets)
	}
	t.Logf("%d changes", changed)
}

// TestSetWorkersWrong: a number that cannot be changes nothing.
func TestSetWorkersWrong(t *testing.T) {
	m := newMachine(t, 2, 2, ports.MemOptions{})
	for _, n := range []int{0, -1, MaxWorkers + 1, 1_000_000_000, math.MinInt} {
		if err := m.d.SetWorkers(n); err == nil || !strings.Contains(err.Error(), fmt.Sprint(n)) || !strings.Contains(err.Error(), "1 to 64") {
			t.Errorf("%d workers: %v", n, err)
		}
	}
	if _, err := NewDatapath(Options{Workers: 1_000_000_000}); err == nil {
		t.Error("a datapath with a thousand million threads")
	}
	if n := len(m.d.workers()); n != 2 {
		t.Errorf("%d workers, want 2", n)
	}
	m.ports[0].InjectBytes(udp(1, 2, 3, 4))
	within(t, "forwarding", m.settle)
}

// failingTx is a port that has a limited number of transmit handles.
type failingTx struct {
	ports.Port
	left int
}

func (p *failingTx) NewTx() (ports.TxQueue, error) {
	if p.left == 0 {
		return nil, fmt.Errorf("port %s: too many open files", p.Name())
	}
	p.left--
	q, err := p.Port.NewTx()
	return &givenBack{q, p}, err
}

type givenBack struct {
	ports.TxQueue
	p *failingTx
}

func (q *givenBack) Close() error {
	q.p.left++
	return q.TxQueue.Close()
}

// TestSetWorkersNoHandles: where a thread cannot be had, all stays as it was, and handles
// of threads that have ended, or never begun, are closed.
func TestSetWorkersNoHandles(t *testing.T) {
	l := newLab(t, 2)
	dev := ports.NewMem("scarce")
	defer dev.Close()
	scarce := &failingTx{dev, 4} // one worker, the control executor, two more
	if err := l.b.AddPort(3, scarce); err != nil {
		t.Fatal(err)
	}
	if err := l.b.SetQoS(3, &QoS{MaxRate: 1e9}); err != nil {
		t.Fatal(err)
	}
	for i, n := range []int{3, 1, 3, 4, 2, 3} {
		err := l.d.SetWorkers(n)
		if (err != nil) != (n == 4) {
			t.Errorf("change %d, to %d workers: %v", i, n, err)
		}
		if n == 4 {
			n = 3
		}
		if got := len(l.d.workers()); got != n || len(l.d.everyWorker()) != n {
			t.Errorf("change %d: %d workers, want %d", i, got, n)
		}
		if want := 4 - (n + 1); scarce.left != want {
			t.Errorf("change %d: %d handles are free, want %d", i, scarce.left, want)
		}
	}
	l.add(flowMod(t, 0, 1, "", apply(output(3))))
	for i := range 2 {
		l.send(i+1, udp(1, 2, 3, 4))
	}
	if n := len(dev.Sent()); n != 2 {
		t.Errorf("%d frames sent, want 2", n)
	}
	if err := l.b.RemovePort(3); err != nil {
		t.Error(err)
	}
}

// TestQueuesSpread: queues go round to the workers that there are, and all are polled.
func TestQueuesSpread(t *testing.T) {
	l := newLab(t, 6, func(o *Options) { o.Workers = 2 })
	l.add(flowMod(t, 0, 1, "", apply(output(1))))
	check := func(want ...int) {
		t.Helper()
		var got []int
		for _, w := range l.d.workers() {
			got = append(got, len(w.rx.Load().list))
		}
		if !slices.Equal(got, want) {
			t.Errorf("queues of each worker: %v, want %v", got, want)
		}
		for no := 2; no <= 6; no++ {
			l.send(no, udp(byte(no), 2, 3, 4))
		}
		if n := len(l.sent(1)); n != 5 {
			t.Errorf("%d frames sent, want 5", n)
		}
	}
	check(3, 3)
	for _, c := range [][]int{{2, 2, 2}, {6}, {1, 1, 1, 1, 1, 1, 0}, {3, 3}} {
		if err := l.d.SetWorkers(len(c)); err != nil {
			t.Fatal(err)
		}
		slices.Sort(c)
		slices.Reverse(c)
		check(c...)
	}
}

// TestRebalance: queues that cost much are kept apart.
func TestRebalance(t *testing.T) {
	l := newLab(t, 4, func(o *Options) { o.Workers = 2 })
	load := func(no int, thousandths uint64) {
		for _, q := range l.d.rxQueues() {
			if q.port.no == ofp.PortNo(no) {
				q.load.add(1, thousandths*1e6)
			}
		}
	}
	at := func(no int) int {
		for _, q := range l.d.rxQueues() {
			if q.port.no == ofp.PortNo(no) {
				return q.worker.index
			}
		}
		return -1
	}
	second := func(loads ...uint64) {
		for i, n := range loads {
			load(i+1, n)
		}
		l.now.Add(1e9)
		l.d.Collect()
	}
	first := at(1)
	if at(3) != first || at(2) == first || at(4) != at(2) {
		t.Fatal("queues are not with the workers in turn")
	}
	for range 2 * balanceRounds {
		second(450, 10, 450, 10)
	}
	if at(1) == at(3) {
		t.Error("the busy queues are still with one worker")
	}
	was := [4]int{at(1), at(2), at(3), at(4)}
	for range 2 * balanceRounds {
		second(500, 10, 400, 10)
	}
	if now := [4]int{at(1), at(2), at(3), at(4)}; now != was {
		t.Errorf("queues moved for nothing: %v, %v", was, now)
	}
	if p, ok := l.d.rxQueues()[0].load.over(5); !ok || p != 500 {
		t.Errorf("the load of queue 1 is %d thousandths, want 500", p)
	}
}

// TestShaperChangesHands: frames that wait in a queue whose worker ends leave all the
// same, in order.
func TestShaperChangesHands(t *testing.T) {
	l := newLab(t, 3, func(o *Options) { o.Workers = 2 })
	l.add(flowMod(t, 0, 1, "in_port=1", apply(ofp.SetQueue{QueueID: 1}, output(2))))
	qos := &QoS{Queues: map[uint32]QueueConfig{1: {MaxRate: 1e6, Burst: 1}}}
	if err := l.b.SetQoS(3, qos); err != nil { // takes the first worker
		t.Fatal(err)
	}
	l.setQoS(qos)
	q := l.queue(1)
	if q.shaper.owner.Load().index != 1 {
		t.Fatal("the queue is not the second worker's")
	}
	number := uint32(0)
	for _, n := range []int{1, 3, 2, 1, 2} {
		for range 10 {
			number++
			l.send(1, sized(1000, 1, number))
		}
		if q.waiting == 0 {
			t.Error("no frame waits")
		}
		if err := l.d.SetWorkers(n); err != nil {
			t.Fatal(err)
		}
		if i := q.shaper.owner.Load().index; i >= n {
			t.Errorf("worker %d of %d has the queue", i, n)
		}
	}
	for range 1000 {
		l.now.Add(1e7)
		l.d.Poll()
	}
	sent := l.sent(2)
	if len(sent) != int(number) {
		t.Errorf("%d of %d frames left", len(sent), number)
	}
	for i, b := range sent {
		if _, n := frameQueue(b); int(n) != i+1 {
			t.Fatalf("frame %d left in place of %d", n, i+1)
		}
	}
}

// TestPortsWhileWorkersChange: ports with and without queues come and go while threads
// do, under load.
func TestPortsWhileWorkersChange(t *testing.T) {
	m := newMachine(t, 1, 2, ports.MemOptions{Capture: -1})
	m.ports[0].Replay(false, packet.FromBytes(udp(1, 2, 3, 4)))
	if err := m.b.FlowMod(flowMod(t, 0, 1, "", apply(ofp.SetQueue{QueueID: 1}, output(ofp.PortAll)))); err != nil {
		t.Fatal(err)
	}
	rounds := 50
	if raceEnabled {
		rounds = 25
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range rounds {
			if err := m.d.SetWorkers(1 + i*7%4); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for i := range rounds {
			p := ports.NewMemWith(fmt.Sprint("x", i), ports.MemOptions{Capture: -1})
			p.Replay(false, packet.FromBytes(udp(2, 3, uint16(i), 4)))
			if err := m.b.AddPort(77, p); err != nil {
				t.Error(err)
			}
			for _, rate := range []uint64{1e6, 1e8} {
				if err := m.b.SetQoS(77, &QoS{MaxRate: rate, Queues: map[uint32]QueueConfig{1: {MaxRate: rate / 2}}}); err != nil {
					t.Error(err)
				}
			}
			if err := m.b.RemovePort(77); err != nil {
				t.Error(err)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	within(t, "changing", wg.Wait)
	m.ports[0].Replay(false)
}
