package ofswitch

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

// sized is a UDP frame of n bytes for queue id, with a number in it.
func sized(n int, id uint16, number uint32) []byte {
	b := make([]byte, n)
	copy(b, udp(1, 2, 1, id))
	ip := packet.IPv4(b[14:])
	ip.SetTotalLen(n - 14)
	ip.UpdateChecksum()
	packet.UDP(b[34:]).SetLength(n - 34)
	packet.UDP(b[34:]).SetChecksum(0)
	binary.BigEndian.PutUint32(b[42:], number)
	return b
}

// frameQueue is the queue that a frame made by sized was for, and its number.
func frameQueue(b []byte) (id uint16, number uint32) {
	return packet.UDP(b[34:]).DstPort(), binary.BigEndian.Uint32(b[42:])
}

// newQueueLab has port 1, from where frames go to port 2 through the queue that
// their destination port names.
func newQueueLab(t testing.TB, qos *QoS) *lab {
	t.Helper()
	l := newLab(t, 2)
	l.add(flowMod(t, 0, 1, "in_port=1", apply(output(2))))
	for id := uint32(1); id < 10; id++ {
		l.add(flowMod(t, 0, 2, fmt.Sprintf("udp,tp_dst=%d", id), apply(ofp.SetQueue{QueueID: id}, output(2))))
	}
	l.setQoS(qos)
	return l
}

func (l *lab) setQoS(qos *QoS) {
	l.t.Helper()
	if err := l.b.SetQoS(2, qos); err != nil {
		l.t.Fatal(err)
	}
}

// stream numbers the frames of each queue.
type stream struct{ number, last map[uint16]uint32 }

func newStream() *stream { return &stream{map[uint16]uint32{}, map[uint16]uint32{}} }

// pass lets ns nanoseconds go by in steps of a millisecond, in each of which
// every queue of offered gets frames of size bytes at its rate, in bits/s. It
// returns how many bytes left by queue, and checks that each queue's frames
// leave in order.
func (s *stream) pass(l *lab, ns int64, size int, offered map[uint16]float64) map[uint16]float64 {
	l.t.Helper()
	const step = 1e6
	sent, due := map[uint16]float64{}, map[uint16]float64{}
	for end := l.now.Load() + ns; l.now.Load() < end; l.now.Add(step) {
		for id, rate := range offered {
			for due[id] += rate * step / 8e9; due[id] >= float64(size); due[id] -= float64(size) {
				s.number[id]++
				l.ports[0].InjectBytes(sized(size, id, s.number[id]))
			}
		}
		for l.d.Poll() > 0 {
		}
		for _, b := range l.sent(2) {
			id, n := frameQueue(b)
			sent[id] += float64(len(b))
			if n <= s.last[id] {
				l.t.Fatalf("queue %d: frame %d after frame %d", id, n, s.last[id])
			}
			s.last[id] = n
		}
	}
	return sent
}

func TestQueueRates(t *testing.T) {
	const mega = 1e6
	type want map[uint16]float64 // bits/s
	tests := []struct {
		name    string
		qos     QoS
		size    int
		offered map[uint16]float64
		want    want
	}{
		{"a bound holds", QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{1: {MaxRate: 10 * mega}}}, 1500,
			map[uint16]float64{1: 50 * mega}, want{1: 10 * mega}},
		{"also for short frames", QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{1: {MaxRate: 10 * mega}}}, 64,
			map[uint16]float64{1: 20 * mega}, want{1: 10 * mega}},
		{"less than the bound passes", QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{1: {MaxRate: 10 * mega}}}, 1500,
			map[uint16]float64{1: 9 * mega}, want{1: 9 * mega}},
		{"a slow bound", QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{1: {MaxRate: mega / 2}}}, 1500,
			map[uint16]float64{1: 10 * mega}, want{1: mega / 2}},
		{"the port's bound holds", QoS{MaxRate: 10 * mega}, 1500,
			map[uint16]float64{1: 20 * mega}, want{1: 10 * mega}},
		{"two bounds", QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{1: {MaxRate: 10 * mega}, 2: {MaxRate: 20 * mega}}}, 1500,
			map[uint16]float64{1: 50 * mega, 2: 50 * mega}, want{1: 10 * mega, 2: 20 * mega}},
		{"the port's rate is shared by guarantees", QoS{MaxRate: 100 * mega, Queues: map[uint32]QueueConfig{1: {MinRate: 60 * mega}, 2: {MinRate: 20 * mega}}}, 1500,
			map[uint16]float64{1: 100 * mega, 2: 100 * mega}, want{1: 75 * mega, 2: 25 * mega}},
		{"equal queues share evenly", QoS{MaxRate: 40 * mega, Queues: map[uint32]QueueConfig{1: {}, 2: {}, 3: {}, 4: {}}}, 1500,
			map[uint16]float64{1: 20 * mega, 2: 30 * mega, 3: 40 * mega, 4: 50 * mega}, want{1: 10 * mega, 2: 10 * mega, 3: 10 * mega, 4: 10 * mega}},
		{"what a guarantee leaves goes to others", QoS{MaxRate: 10 * mega, Queues: map[uint32]QueueConfig{1: {MinRate: 8 * mega}}}, 1500,
			map[uint16]float64{1: mega, 0: 20 * mega}, want{1: mega, 0: 9 * mega}},
		{"a guarantee against a flood", QoS{MaxRate: 10 * mega, Queues: map[uint32]QueueConfig{1: {MinRate: 4 * mega, MaxRate: 4 * mega}}}, 1500,
			map[uint16]float64{1: 20 * mega, 0: 90 * mega}, want{1: 4 * mega, 0: 6 * mega}},
		{"excess up to a bound", QoS{MaxRate: 10 * mega, Queues: map[uint32]QueueConfig{1: {MinRate: 2 * mega, MaxRate: 3 * mega}, 2: {MinRate: 1 * mega}}}, 1500,
			map[uint16]float64{1: 20 * mega, 2: 20 * mega}, want{1: 3 * mega, 2: 7 * mega}},
		{"more guaranteed than there is", QoS{MaxRate: 9 * mega, Queues: map[uint32]QueueConfig{1: {MinRate: 20 * mega}, 2: {MinRate: 10 * mega}}}, 1500,
			map[uint16]float64{1: 20 * mega, 2: 20 * mega}, want{1: 6 * mega, 2: 3 * mega}},
		{"excess goes by priority", QoS{MaxRate: 10 * mega, Queues: map[uint32]QueueConfig{1: {Priority: 1}, 2: {Priority: 2, MinRate: mega}}}, 1500,
			map[uint16]float64{1: 20 * mega, 2: 20 * mega}, want{1: 9 * mega, 2: mega}},
		{"an unknown queue is the default queue", QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{0: {MaxRate: 5 * mega}}}, 1500,
			map[uint16]float64{7: 20 * mega}, want{7: 5 * mega}},
		{"a bound below the guarantee", QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{1: {MinRate: 5 * mega, MaxRate: mega}}}, 1500,
			map[uint16]float64{1: 20 * mega}, want{1: 5 * mega}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newQueueLab(t, &tt.qos)
			s := newStream()
			s.pass(l, 2e9, tt.size, tt.offered) // bursts are over, queues full
			const seconds = 5
			got := s.pass(l, seconds*1e9, tt.size, tt.offered)
			for id, rate := range tt.want {
				if r := got[id] * 8 / seconds; math.Abs(r-rate) > 0.02*rate {
					t.Errorf("queue %d: %.0f bit/s, want %.0f", id, r, rate)
				}
			}
		})
	}
}

// TestQueueBurst: what an idle queue may send at once.
func TestQueueBurst(t *testing.T) {
	for _, tt := range []struct {
		burst uint64 // bits
		want  int    // bytes
	}{
		{0, 12500},          // 10 ms
		{800_000, 100_000},  // as asked for
		{8, 2 * fullFrame},  // no rate can be kept with less
		{40_000, 5000},      // more than that
		{0xffffffff, 64000}, // all that was sent
	} {
		l := newQueueLab(t, &QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{1: {MaxRate: 10e6, Burst: tt.burst}}})
		l.now.Add(1e12)
		frames := make([][]byte, 64)
		for i := range frames {
			frames[i] = sized(1000, 1, uint32(i))
		}
		if tt.want > 64000 {
			tt.want = 64000
		}
		l.send(1, frames...)
		// The last frame may go beyond what is left.
		if n := 1000 * len(l.sent(2)); n < tt.want || n > tt.want+1000 {
			t.Errorf("burst of %d bits: %d bytes left at once, want %d", tt.burst, n, tt.want)
		}
	}
}

func TestQueueBounds(t *testing.T) {
	for _, tt := range []struct {
		name    string
		rate    uint64
		size    int
		waiting int // bytes
	}{
		{"frames", 1e9, 64, queueFrames * 64},
		{"time", 10e6, 1000, 125_000},
		{"least bytes", 1e6, 1000, queueBytesMin},
		{"most bytes", 10e9, 9000, queueBytesMax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newQueueLab(t, &QoS{MaxRate: 20e9, Queues: map[uint32]QueueConfig{1: {MaxRate: tt.rate, Burst: 1}}})
			if err := l.b.PortMod(&ofp.PortMod{Port: 2, HWAddr: l.b.PortDescs()[1].HWAddr}); err != nil {
				t.Fatal(err)
			}
			st := l.ports[1].Status()
			st.MTU = 9000
			l.ports[1].SetStatus(st)
			const n = 50000
			sent := 0
			for i := range n / 50 {
				for j := range 50 {
					l.ports[0].InjectBytes(sized(tt.size, 1, uint32(i*50+j)))
				}
				for l.d.Poll() > 0 {
				}
				sent += len(l.sent(2))
			}
			q := l.queue(1)
			if got := q.n * tt.size; got > tt.waiting || got < tt.waiting-tt.size {
				t.Errorf("%d bytes wait, want %d", got, tt.waiting)
			}
			if q.waiting != q.n || q.bytes != uint64(q.n*tt.size) || q.shaper.waiting != q.n {
				t.Errorf("%d frames wait, %d are counted, %d bytes, %d for the port", q.n, q.waiting, q.bytes, q.shaper.waiting)
			}
			lost := uint64(n - sent - q.n)
			if q.txErrors != lost || l.d.Drops()["queue_full"] != lost {
				t.Errorf("%d frames lost, %d counted at the queue, %d as drops", lost, q.txErrors, l.d.Drops()["queue_full"])
			}
			_ = l.b.PortStats(2, func(s *ofp.PortStats) error {
				if s.TxDropped != lost {
					t.Errorf("the port counts %d dropped, want %d", s.TxDropped, lost)
				}
				return nil
			})
		})
	}
}

func (l *lab) queue(id uint32) *queue { return l.b.conf.Load().ports[2].qos.Load().queues[id] }

// TestQueueGSO: whole where the rates allow it, in segments where a whole frame
// would be a long burst; the rate is that of the bytes on the wire.
func TestQueueGSO(t *testing.T) {
	for _, tt := range []struct {
		rate  uint64
		whole bool
	}{{1e6, false}, {10e6, false}, {100e6, true}, {1e9, true}} {
		t.Run(fmt.Sprint(tt.rate), func(t *testing.T) {
			l := newLab(t, 1)
			m := ports.NewMemWith("gso", ports.MemOptions{Caps: ports.Caps{Csum: true, GSOTCPv4: true}})
			if err := l.b.AddPort(2, m); err != nil {
				t.Fatal(err)
			}
			l.ports = append(l.ports, m)
			t.Cleanup(func() {
				if err := l.b.RemovePort(2); err != nil {
					t.Error(err)
				}
			})
			l.add(flowMod(t, 0, 1, "in_port=1", apply(ofp.SetQueue{QueueID: 1}, output(2))))
			l.setQoS(&QoS{MaxRate: 20e9, Queues: map[uint32]QueueConfig{1: {MaxRate: tt.rate}}})
			gso := tcpFrame(t, 64000, 1400)
			var bytes, most uint64
			pass := func(ns, step int64) {
				for end := l.now.Load() + ns; l.now.Load() < end; l.now.Add(step) {
					for range 1 + tt.rate*uint64(step)/8e9/64000 {
						l.ports[0].Inject(gso)
					}
					for l.d.Poll() > 0 {
					}
					once := uint64(0)
					for _, f := range m.Sent() {
						_, n := f.Segments()
						once += n
						if f.Offload.IsGSO() != tt.whole {
							t.Fatalf("a frame of %d bytes left, GSO %v", f.Len(), f.Offload.IsGSO())
						}
						if !tt.whole {
							packet.FinishChecksum(f)
							checkTCP(t, f.Bytes())
						}
					}
					bytes += once
					most = max(most, once)
				}
			}
			pass(1e9, 10e6)
			bytes, most = 0, 0
			pass(4e9, 10e6)
			want := float64(tt.rate) / 8 * 4
			if math.Abs(float64(bytes)-want) > 0.02*want {
				t.Errorf("%d bytes, want %.0f", bytes, want)
			}
			// 10 ms of the rate, and what a last frame may be beyond it.
			limit := tt.rate/800 + 1454
			if tt.whole {
				limit = tt.rate/800 + 66500
			}
			if most > max(limit, 4*1454) {
				t.Errorf("%d bytes left in 10 ms, want %d at most", most, limit)
			}
		})
	}
}

// TestQueueChanges: nothing that waits is lost by a change.
func TestQueueChanges(t *testing.T) {
	slow := QueueConfig{MaxRate: 1e6, Burst: 1}
	tests := []struct {
		name   string
		change func(l *lab)
	}{
		{"rates", func(l *lab) {
			l.setQoS(&QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{1: {MaxRate: 100e6}, 2: slow}})
		}},
		{"the port's rate", func(l *lab) { l.setQoS(&QoS{MaxRate: 5e6, Queues: map[uint32]QueueConfig{1: slow, 2: slow}}) }},
		{"another queue goes", func(l *lab) { l.setQoS(&QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{1: slow}}) }},
		{"the queue goes", func(l *lab) { l.setQoS(&QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{2: slow}}) }},
		{"all queues go", func(l *lab) { l.setQoS(nil) }},
		{"a queue comes", func(l *lab) {
			l.setQoS(&QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{1: slow, 2: slow, 3: slow}})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newQueueLab(t, &QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{1: slow, 2: slow}})
			const n = 40
			for i := range uint32(n) {
				l.send(1, sized(500, 1, i+1), sized(500, 2, i+1))
			}
			var all [][]byte
			all = append(all, l.sent(2)...)
			if len(all) > 20 {
				t.Fatalf("%d frames did not wait", len(all))
			}
			tt.change(l)
			for i := range uint32(n) {
				l.send(1, sized(500, 1, n+i+1), sized(500, 2, n+i+1))
			}
			for range 2000 {
				l.now.Add(1e6)
				l.d.Poll()
			}
			all = append(all, l.sent(2)...)
			last := map[uint16]uint32{}
			for _, b := range all {
				id, number := frameQueue(b)
				if number != last[id]+1 {
					t.Fatalf("queue %d: frame %d after %d", id, number, last[id])
				}
				last[id] = number
			}
			if last[1] != 2*n || last[2] != 2*n {
				t.Errorf("%d and %d frames left, want %d", last[1], last[2], 2*n)
			}
			if qos := l.b.conf.Load().ports[2].qos.Load(); qos != nil && (qos.shaper.waiting != 0 || len(qos.shaper.active) != 0 || qos.shaper.due.Load() != never) {
				t.Errorf("%d frames still counted as waiting", qos.shaper.waiting)
			} else if qos == nil && l.d.workers()[0].shapers.Load() != nil {
				t.Error("a worker still takes care of queues that are gone")
			}
		})
	}
}

// TestQueuePortGone: a port goes while frames wait for it, and comes back
// without queues.
func TestQueuePortGone(t *testing.T) {
	l := newQueueLab(t, &QoS{MaxRate: 1e6})
	for i := range uint32(40) {
		l.send(1, sized(1000, 1, i))
	}
	sent := len(l.sent(2))
	if err := l.b.RemovePort(2); err != nil {
		t.Fatal(err)
	}
	l.now.Add(1e12)
	for range 10 {
		l.d.Poll()
	}
	if n := len(l.sent(2)); n != 0 || sent > 10 {
		t.Errorf("%d frames left before and %d after the port went", sent, n)
	}
	if err := l.b.AddPort(2, l.ports[1]); err != nil {
		t.Fatal(err)
	}
	l.send(1, sized(1000, 1, 1))
	if n := len(l.sent(2)); n != 1 {
		t.Errorf("%d frames left by the new port, want 1", n)
	}
}

// TestSetQueueReach: the queue of a frame is that of the outputs behind the
// action, in lists, sets, groups, across patch ports and recirculation, and not
// of what was done to a copy.
func TestSetQueueReach(t *testing.T) {
	l := newQueueLab(t, &QoS{MaxRate: 1e9, Queues: map[uint32]QueueConfig{1: {}, 2: {}, 3: {}}})
	other, err := l.d.AddBridge("br1", BridgeOptions{DatapathID: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.AddPatch(1, "there"); err != nil {
		t.Fatal(err)
	}
	if err := l.b.AddPatch(9, "here"); err != nil {
		t.Fatal(err)
	}
	if err := l.b.ConnectPatch(9, other, 1); err != nil {
		t.Fatal(err)
	}
	far := l.addPort(other, 2)
	if err := other.SetQoS(2, &QoS{Queues: map[uint32]QueueConfig{3: {}}}); err != nil {
		t.Fatal(err)
	}
	if err := other.FlowMod(flowMod(t, 0, 1, "", apply(output(2)))); err != nil {
		t.Fatal(err)
	}
	l.groupMod(&ofp.GroupMod{GroupType: ofp.GroupTypeIndirect, GroupID: 1, Buckets: []ofp.Bucket{
		bucket(ofp.SetQueue{QueueID: 2}, output(2))}})
	queue := func(id uint32) ofp.Action { return ofp.SetQueue{QueueID: id} }
	tests := []struct {
		name string
		ins  ofp.Instructions
		want map[uint32]uint64 // frames by queue of port 2
		far  map[uint32]uint64 // of br1's port 2
	}{
		{"none", apply(output(2)), map[uint32]uint64{0: 1}, nil},
		{"before", apply(queue(1), output(2)), map[uint32]uint64{1: 1}, nil},
		{"behind", apply(output(2), queue(1)), map[uint32]uint64{0: 1}, nil},
		{"the last one counts", apply(queue(1), queue(2), output(2)), map[uint32]uint64{2: 1}, nil},
		{"each its own", apply(queue(1), output(2), queue(2), output(2), output(2)), map[uint32]uint64{1: 1, 2: 2}, nil},
		{"back to the default", apply(queue(1), queue(0), output(2)), map[uint32]uint64{0: 1}, nil},
		{"unknown", apply(queue(77), output(2)), map[uint32]uint64{0: 1}, nil},
		{"action set", write(output(2), queue(3)), map[uint32]uint64{3: 1}, nil},
		{"list, then set", ofp.Instructions{Has: 1<<ofp.InstrApplyActions | 1<<ofp.InstrWriteActions,
			Apply: []ofp.Action{queue(3)}, Write: []ofp.Action{output(2)}}, map[uint32]uint64{3: 1}, nil},
		{"bucket", apply(queue(1), ofp.Group{GroupID: 1}, output(2)), map[uint32]uint64{1: 1, 2: 1}, nil},
		{"recirculation", apply(queue(1), ofp.PushMPLS{EtherType: 0x8847}, output(2)), map[uint32]uint64{1: 1}, nil},
		{"across a patch", apply(queue(3), output(9)), nil, map[uint32]uint64{3: 1}},
		{"to all", apply(queue(3), output(ofp.PortAll)), map[uint32]uint64{3: 1}, map[uint32]uint64{3: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, farBefore := queueCounts(t, l.b), queueCounts(t, other)
			m := flowMod(t, 0, 1, "in_port=1", tt.ins)
			l.add(m)
			l.send(1, udp(1, 2, 3, 4444))
			got := queueCounts(t, l.b)
			for id := range got {
				if n := got[id] - before[id]; n != tt.want[id] {
					t.Errorf("queue %d: %d frames, want %d", id, n, tt.want[id])
				}
			}
			got = queueCounts(t, other)
			for id := range got {
				if n := got[id] - farBefore[id]; n != tt.far[id] {
					t.Errorf("br1, queue %d: %d frames, want %d", id, n, tt.far[id])
				}
			}
			l.sent(2)
			far.Sent()
		})
	}
	// A controller's frame goes the same way.
	before := queueCounts(t, l.b)
	err = l.b.PacketOut(&ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController,
		Actions: []ofp.Action{queue(2), output(2)}, Data: udp(1, 2, 3, 4)})
	if err != nil {
		t.Fatal(err)
	}
	if n := queueCounts(t, l.b)[2] - before[2]; n != 1 {
		t.Errorf("packet-out: %d frames through queue 2, want 1", n)
	}
}

// queueCounts are the frames sent by b's queues, by queue id.
func queueCounts(t *testing.T, b *Bridge) map[uint32]uint64 {
	t.Helper()
	all := map[uint32]uint64{}
	err := b.QueueStats(&ofp.QueueStatsRequest{Port: ofp.PortAny, QueueID: ofp.QueueAll}, func(s *ofp.QueueStats) error {
		all[s.QueueID] += s.TxPackets
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
