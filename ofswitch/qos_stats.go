package ofswitch

import (
	"cmp"
	mathbits "math/bits"
	"slices"

	"ofswitch/ofp"
)

// sorted gives the queues by id.
func (c *portQoS) sorted() []*queue {
	list := make([]*queue, 0, len(c.queues))
	for _, q := range c.queues {
		list = append(list, q)
	}
	slices.SortFunc(list, func(a, b *queue) int { return cmp.Compare(a.id, b.id) })
	return list
}

// QueueConfigs describes the queues of a port, or of all ports with
// ofp.PortAny (OpenFlow 1.3.5 §7.3.6), by port and id. A port to which no
// queues were given has none. LOCAL cannot be asked for by number, since the
// request is about physical ports; its queues are among those of all. The reply
// cannot be split: all ports at once are refused when they have too many queues.
func (b *Bridge) QueueConfigs(no ofp.PortNo) ([]ofp.PacketQueue, error) {
	conf := b.conf.Load()
	list := conf.list
	if no != ofp.PortAny {
		p := conf.ports[no]
		if p == nil || no > ofp.PortMax {
			return nil, ofp.QueueOpFailedBadPort.Errorf("queue-get-config: bridge %s has no physical port %v", b.name, no)
		}
		list = []*port{p}
	}
	var out []ofp.PacketQueue
	size := 0
	for _, p := range list {
		qos := p.qos.Load()
		if qos == nil {
			continue
		}
		for _, q := range qos.sorted() {
			d := qos.describe(q.id)
			if size += d.Len(); size > ofp.MaxLen-ofp.HeaderLen-8 {
				return nil, ofp.QueueOpFailedBadPort.Errorf("queue-get-config: all ports together have more queues than one message can hold; ask port by port")
			}
			out = append(out, d)
		}
	}
	return out, nil
}

// describe gives a queue's rates as OpenFlow has them: in tenths of a per cent
// of the port's speed, or of what its queues share if the device does not know
// its speed. A rate that is there is one tenth at least; a bound that is
// not, or is above the speed, is left out.
func (c *portQoS) describe(id uint32) ofp.PacketQueue {
	speed := cmp.Or(c.shaper.port.status.Load().SpeedMbps*1e6, c.rate())
	q := c.conf.Queues[id]
	d := ofp.PacketQueue{QueueID: id, Port: c.shaper.port.no}
	for _, r := range []struct {
		kind ofp.QueuePropertyType
		rate uint64
	}{{ofp.QueueMinRate, q.MinRate}, {ofp.QueueMaxRate, q.MaxRate}} {
		if r.rate == 0 || r.kind == ofp.QueueMaxRate && r.rate > speed {
			continue
		}
		d.Properties = append(d.Properties, ofp.QueueProperty{Type: r.kind, Rate: tenths(min(r.rate, speed), speed)})
	}
	return d
}

// tenths is rate in tenths of a per cent of speed, rounded, and 1 at least;
// rate is at most speed.
func tenths(rate, speed uint64) uint16 {
	hi, lo := mathbits.Mul64(rate, ofp.QueueRateMax)
	lo, carry := mathbits.Add64(lo, speed/2, 0)
	n, _ := mathbits.Div64(hi+carry, lo, speed)
	return uint16(max(n, 1))
}

// QueueStats calls fn for each queue that the request asks for (OpenFlow 1.3.5
// §7.3.5.8), and ends with fn's error if it has one.
func (b *Bridge) QueueStats(req *ofp.QueueStatsRequest, fn func(*ofp.QueueStats) error) error {
	conf := b.conf.Load()
	list := conf.list
	if req.Port != ofp.PortAny {
		p := conf.ports[req.Port]
		if p == nil {
			return ofp.QueueOpFailedBadPort.Errorf("queue statistics: bridge %s has no port %v", b.name, req.Port)
		}
		list = []*port{p}
	}
	b.d.Sync()
	now := b.d.clock()
	found := false
	for _, p := range list {
		qos := p.qos.Load()
		if qos == nil {
			continue
		}
		for _, q := range qos.sorted() {
			if req.QueueID != ofp.QueueAll && req.QueueID != q.id {
				continue
			}
			found = true
			s := q.stats()
			s.DurationSec, s.DurationNsec = duration(now - q.added)
			if err := fn(&s); err != nil {
				return err
			}
		}
	}
	if !found && req.QueueID != ofp.QueueAll {
		return ofp.QueueOpFailedBadQueue.Errorf("queue statistics: there is no queue %d", req.QueueID)
	}
	return nil
}

// stats are the frames that the queue has handed to the device, and those for
// which it had no room.
func (q *queue) stats() ofp.QueueStats {
	s := q.shaper
	s.mu.Lock()
	defer s.mu.Unlock()
	return ofp.QueueStats{Port: s.port.no, QueueID: q.id, TxPackets: q.txPackets, TxBytes: q.txBytes, TxErrors: q.txErrors}
}
