package ofconn

import (
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"ofswitch/ofp"
)

// PacketInStats counts what became of the packet-ins for one connection.
type PacketInStats struct {
	Sent   uint64 // handed to the socket
	Queued int    // waiting now
	// Dropped by reason:
	DroppedPort   uint64 // its in-port had pinPerPort waiting already
	DroppedTotal  uint64 // all ports together had too many, and its port its share
	DroppedClosed uint64 // the connection ended before it was sent
}

// pinsched holds the packet-ins that wait for one connection, in one queue per
// in-port, so that a storm on one port leaves room for the others. Guarded by
// outbox.mu.
type pinsched struct {
	queues map[ofp.PortNo]*pinQueue
	active []*pinQueue // those that are not empty, in the order of service
	spare  *pinQueue   // one that was emptied, for the next that is needed; nil: none
	next   int         // index in active of the one to be served next
	total  int
	bytes  int
	limit  *rate.Limiter // nil: as fast as the peer reads
	stats  PacketInStats
	all    *PacketInDrops // of all connections of the manager; nil: nobody counts
}

// PacketInDrops counts the packet-ins that were dropped before they were sent, of all
// connections of a manager, also those that have ended. The reasons are those of PacketInStats.
type PacketInDrops struct{ Port, Total, Closed atomic.Uint64 }

// pinQueue is what waits of one port, oldest first.
type pinQueue struct {
	port ofp.PortNo
	msgs [][]byte
	room [][]byte // of no length: msgs is somewhere in its capacity
}

// add appends b.
func (q *pinQueue) add(b []byte) {
	if n := len(q.msgs); n == cap(q.msgs) {
		if 2*n <= cap(q.room) && n > 0 {
			all := q.room[:cap(q.room)]
			q.msgs = all[:copy(all, q.msgs)]
			clear(all[n:])
		} else {
			q.room = make([][]byte, 0, max(16, 2*n))
			q.msgs = append(q.room, q.msgs...)
		}
	}
	q.msgs = append(q.msgs, b)
}

// sparePins is the most packet-ins that an empty queue has room for.
const sparePins = 64

// push queues a packet-in. size is about how many bytes encode, which is called
// only if there is room, will give.
func (p *pinsched) push(port ofp.PortNo, size int, encode func() []byte) {
	q := p.queues[port]
	if q != nil && len(q.msgs) >= pinPerPort {
		p.droppedPort()
		return
	}
	for p.total >= pinTotal || p.bytes+size > pinBudget && p.total > 0 {
		mine := 1
		ports := len(p.active)
		if q != nil {
			mine += len(q.msgs)
		} else {
			ports++
		}
		if mine*ports > p.total {
			// This port has its fair share already.
			p.droppedTotal()
			return
		}
		p.displace()
		q = p.queues[port] // may have been the one displaced from, and gone
	}
	if q == nil {
		if q = p.spare; q == nil {
			q = new(pinQueue)
		}
		q.port, p.spare = port, nil
		if p.queues == nil {
			p.queues = make(map[ofp.PortNo]*pinQueue)
		}
		p.queues[port] = q
		p.active = append(p.active, q)
	}
	b := encode()
	q.add(b)
	p.total++
	p.bytes += len(b)
}

// displace drops the oldest packet-in of the port that has most. It costs a
// walk over the ports; push makes sure that it happens only for ports below
// their fair share, so at most once for each message that is sent.
func (p *pinsched) displace() {
	longest := 0
	for i, q := range p.active {
		if len(q.msgs) > len(p.active[longest].msgs) {
			longest = i
		}
	}
	p.shift(longest)
	p.droppedTotal()
}

func (p *pinsched) droppedPort() {
	p.stats.DroppedPort++
	if p.all != nil {
		p.all.Port.Add(1)
	}
}

func (p *pinsched) droppedTotal() {
	p.stats.DroppedTotal++
	if p.all != nil {
		p.all.Total.Add(1)
	}
}

// shift takes the oldest message out of active[i]; an empty queue leaves the
// round.
func (p *pinsched) shift(i int) []byte {
	q := p.active[i]
	b := q.msgs[0]
	q.msgs[0] = nil // the slice's start stays in memory for a while
	q.msgs = q.msgs[1:]
	p.total--
	p.bytes -= len(b)
	if len(q.msgs) == 0 {
		delete(p.queues, q.port)
		if cap(q.room) <= sparePins {
			q.msgs, p.spare = q.room, q
		}
		copy(p.active[i:], p.active[i+1:])
		p.active[len(p.active)-1] = nil
		p.active = p.active[:len(p.active)-1]
		if i < p.next {
			p.next--
		}
	}
	return b
}

// pop takes one message, of the port whose turn it is. If there is none, or
// the rate limit does not allow one now, b is nil; wait is how long until it
// will, 0 if nothing waits.
func (p *pinsched) pop(now time.Time) (b []byte, wait time.Duration) {
	if p.total == 0 {
		return nil, 0
	}
	if p.limit != nil && !p.limit.AllowN(now, 1) {
		missing := 1 - p.limit.TokensAt(now)
		wait = time.Duration(missing / float64(p.limit.Limit()) * float64(time.Second))
		return nil, max(wait, time.Millisecond)
	}
	if p.next >= len(p.active) {
		p.next = 0
	}
	i := p.next
	ports := len(p.active)
	b = p.shift(i)
	if len(p.active) == ports {
		p.next = i + 1 // the queue is still in the round
	}
	return b, 0
}

// nextLen is the length of the one that pop would give, 0 if there is none.
func (p *pinsched) nextLen() int {
	if p.total == 0 {
		return 0
	}
	i := p.next
	if i >= len(p.active) {
		i = 0
	}
	return len(p.active[i].msgs[0])
}

// clear drops all that waits.
func (p *pinsched) clear() {
	p.droppedClosed(p.total)
	p.queues, p.active, p.spare, p.next, p.total, p.bytes = nil, nil, nil, 0, 0, 0
}

func (p *pinsched) droppedClosed(n int) {
	p.stats.DroppedClosed += uint64(n)
	if p.all != nil {
		p.all.Closed.Add(uint64(n))
	}
}

// setLimit sets the rate in packets per second, 0 for none, and the burst in
// packets.
func (p *pinsched) setLimit(perSecond, burst int) {
	switch {
	case perSecond <= 0:
		p.limit = nil
	case p.limit == nil:
		p.limit = rate.NewLimiter(rate.Limit(perSecond), max(burst, 1))
	default:
		p.limit.SetLimit(rate.Limit(perSecond))
		p.limit.SetBurst(max(burst, 1))
	}
}
