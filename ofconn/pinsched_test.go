package ofconn

import (
	"testing"
	"time"

	"ofswitch/ofp"
)

// pin makes a packet-in of n bytes that says where it came from.
func pin(port ofp.PortNo, seq, n int) func() []byte {
	return func() []byte {
		b := make([]byte, max(n, 8))
		b[0], b[1], b[2] = byte(port), byte(seq), byte(seq>>8)
		return b
	}
}

func push(p *pinsched, port ofp.PortNo, seq, n int) { p.push(port, n, pin(port, seq, n)) }

// drain takes all there is and gives the ports in the order of service. Each
// port's own must come in order.
func drain(t *testing.T, p *pinsched) []ofp.PortNo {
	t.Helper()
	last := make(map[ofp.PortNo]int)
	var order []ofp.PortNo
	for {
		b, _ := p.pop(time.Time{})
		if b == nil {
			if p.total != 0 || p.bytes != 0 || len(p.active) != 0 || len(p.queues) != 0 {
				t.Errorf("empty, but accounts say %d packets of %d bytes in %d queues", p.total, p.bytes, len(p.active))
			}
			return order
		}
		port, seq := ofp.PortNo(b[0]), int(b[1])|int(b[2])<<8
		if prev, ok := last[port]; ok && seq <= prev {
			t.Errorf("port %d: %d after %d", port, seq, prev)
		}
		last[port] = seq
		order = append(order, port)
	}
}

func TestRoundRobin(t *testing.T) {
	var p pinsched
	for i := range 5 {
		push(&p, 1, i, 100)
	}
	for i := range 2 {
		push(&p, 2, i, 100)
	}
	push(&p, 3, 0, 100)
	order := drain(t, &p)
	want := []ofp.PortNo{1, 2, 3, 1, 2, 1, 1, 1}
	if len(order) != len(want) {
		t.Fatalf("served %v, want %v", order, want)
	}
	for i := range want {
		if order[i] != want[i] {
			t.Fatalf("served %v, want %v", order, want)
		}
	}
}

func TestStormOnOnePort(t *testing.T) {
	var all PacketInDrops
	p := pinsched{all: &all}
	for i := range 10_000 {
		push(&p, 1, i, 100)
		if i%1000 == 0 {
			push(&p, 2, i, 100)
		}
	}
	if p.stats.DroppedPort != 10_000-pinPerPort || p.stats.DroppedTotal != 0 || all.Port.Load() != p.stats.DroppedPort {
		t.Errorf("dropped %+v", p.stats)
	}
	n := make(map[ofp.PortNo]int)
	for _, port := range drain(t, &p) {
		n[port]++
	}
	if n[1] != pinPerPort || n[2] != 10 {
		t.Errorf("served by port: %v", n)
	}
}

// TestStormOnManyPorts: the queue is full of some ports' packets; one from
// another port still gets in, at the expense of the longest.
func TestStormOnManyPorts(t *testing.T) {
	var all PacketInDrops
	p := pinsched{all: &all}
	for i := range pinPerPort {
		for port := range ofp.PortNo(pinTotal / pinPerPort) {
			push(&p, port, i, 100)
		}
	}
	if p.total != pinTotal || p.stats.DroppedTotal != 0 {
		t.Fatalf("%d wait, dropped %+v", p.total, p.stats)
	}
	push(&p, 200, 0, 100)
	if p.total != pinTotal || p.stats.DroppedTotal != 1 || all.Total.Load() != 1 || p.queues[200] == nil {
		t.Errorf("the newcomer: %d wait, dropped %+v", p.total, p.stats)
	}
	// A port with its share does not displace others.
	for i := range 2 * pinPerPort {
		push(&p, 200, i+1, 100)
	}
	share := pinTotal/len(p.active) + 1
	if got := len(p.queues[200].msgs); got > share {
		t.Errorf("the newcomer holds %d places, its share is %d", got, share)
	}
	for port, q := range p.queues {
		if len(q.msgs) < share-3 {
			t.Errorf("port %d is left with %d places of %d", port, len(q.msgs), share)
		}
	}
	drain(t, &p)
}

func TestPacketInBytesAreBounded(t *testing.T) {
	var p pinsched
	const size = 65000
	for i := range 200 {
		push(&p, 1, i, size)
		push(&p, 2, i, size)
	}
	if p.bytes > pinBudget || p.bytes < pinBudget-2*size {
		t.Errorf("%d bytes wait, budget %d", p.bytes, pinBudget)
	}
	push(&p, 3, 0, size)
	if p.queues[3] == nil || p.bytes > pinBudget {
		t.Errorf("a port with nothing waiting gets no place; %d bytes", p.bytes)
	}
	drain(t, &p)
}

func TestEncodingOnlyWhatIsTaken(t *testing.T) {
	var p pinsched
	encoded := 0
	for range pinPerPort + 50 {
		p.push(1, 8, func() []byte { encoded++; return make([]byte, 8) })
	}
	if encoded != pinPerPort {
		t.Errorf("%d were encoded, %d taken", encoded, pinPerPort)
	}
}

func TestPacketInRate(t *testing.T) {
	var p pinsched
	p.setLimit(10, 5)
	now := time.Unix(1000, 0)
	for i := range 50 {
		push(&p, 1, i, 100)
	}
	// served takes all that may go at now and gives how long to wait.
	served := func() (n int, wait time.Duration) {
		for {
			b, w := p.pop(now)
			if b == nil {
				return n, w
			}
			n++
		}
	}
	if n, wait := served(); n != 5 || wait != 100*time.Millisecond {
		t.Errorf("burst of %d, then wait %v", n, wait)
	}
	for range 10 {
		now = now.Add(100 * time.Millisecond)
		if n, _ := served(); n != 1 {
			t.Errorf("%d in a tenth of a second, want 1", n)
		}
	}
	now = now.Add(time.Hour)
	if n, _ := served(); n != 5 {
		t.Errorf("%d after an hour, want a burst of 5", n)
	}
	p.setLimit(0, 0)
	if n, wait := served(); n != 50-5-10-5 || wait != 0 {
		t.Errorf("%d without a limit, wait %v", n, wait)
	}
}

// FuzzPinsched holds the accounts and the order of each port against any
// sequence of pushes and pops.
func FuzzPinsched(f *testing.F) {
	f.Add([]byte{1, 1, 2, 0, 0, 3, 255, 0})
	f.Add([]byte{10, 10, 10, 20, 20, 30, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, ops []byte) {
		var p pinsched
		waiting := make(map[ofp.PortNo][]byte) // serial numbers by port
		serial := byte(0)
		for _, op := range ops {
			if op%4 == 0 {
				b, _ := p.pop(time.Time{})
				if (b == nil) != (len(waiting) == 0) {
					t.Fatalf("pop gave %v with %v waiting", b, waiting)
				}
				if b == nil {
					continue
				}
				port := ofp.PortNo(b[0])
				if q := waiting[port]; len(q) == 0 || q[0] != b[1] {
					t.Fatalf("port %d gave %d, want %v", port, b[1], q)
				}
				if waiting[port] = waiting[port][1:]; len(waiting[port]) == 0 {
					delete(waiting, port)
				}
				continue
			}
			port := ofp.PortNo(op)
			serial++
			p.push(port, 8, pin(port, int(serial), 8))
			if p.stats.DroppedPort+p.stats.DroppedTotal > 0 {
				return // drops are another test's
			}
			waiting[port] = append(waiting[port], serial)
		}
		n := 0
		for _, q := range waiting {
			n += len(q)
		}
		if p.total != n || len(p.active) != len(waiting) {
			t.Fatalf("%d wait in %d queues, want %d in %d", p.total, len(p.active), n, len(waiting))
		}
	})
}
