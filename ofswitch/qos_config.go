package ofswitch

import (
	"cmp"
	"fmt"
	"slices"

	"ofswitch/classifier"
	"ofswitch/ofp"
)

// QoS says how a port shares its rate among queues.
type QoS struct {
	// MaxRate, in bits/s, is shared by all queues. 0: the device's speed, or
	// 100 Mbit/s if it does not know one.
	MaxRate uint64
	// Queues by id, 0 to 0xfffffffe. Frames that no action has given a queue, or
	// one that is not here, go through queue 0, which is always there: without an
	// entry it has no guarantee and no bound of its own.
	Queues map[uint32]QueueConfig
}

// QueueConfig is one queue of a port. Rates are in bits/s of whole Ethernet
// frames without FCS.
type QueueConfig struct {
	MinRate uint64 // guaranteed; 0: nothing
	MaxRate uint64 // 0: the port's; at least MinRate otherwise
	// Burst is how many bits an idle queue may send at once; 0, and less than
	// can be kept to: as many as its rate sends in 10 ms.
	Burst uint64
	// Priority: what the guarantees leave goes to the queues of the lowest
	// number first.
	Priority uint64
}

// portQoS is the queues of a port as translation sees them. Immutable: a
// change makes a new one around the same shaper.
type portQoS struct {
	conf   QoS
	shaper *shaper
	queues map[uint32]*queue
}

// txBatch is where a worker puts frames for a queue of the port.
func (p *port) txBatch(worker int, id uint32) *txBatch {
	qos := p.qos.Load()
	if qos == nil {
		return p.tx[worker]
	}
	q := qos.queues[id]
	if q == nil {
		q = qos.queues[0]
	}
	return q.tx[worker]
}

// SetQoS gives a port queues, changes them, or takes them away (nil). Frames
// that wait stay where they are when rates change; those of a queue that goes
// move to queue 0; when all queues go they are sent at once. Errors: there is no
// such port, it has no device (a patch port: queues are those of the ports
// behind it), too many queues.
func (b *Bridge) SetQoS(no ofp.PortNo, conf *QoS) error {
	b.portMu.Lock()
	defer b.portMu.Unlock()
	b.d.teamMu.RLock()
	defer b.d.teamMu.RUnlock()
	p := b.conf.Load().ports[no]
	switch {
	case p == nil:
		return fmt.Errorf("bridge %s has no port %d", b.name, no)
	case p.dev == nil:
		return fmt.Errorf("port %s: a patch port has no queues; frames keep their queue across it, so give the port behind it that they leave by its QoS", p.name)
	case conf == nil:
		b.removeQoS(p)
		return nil
	case len(conf.Queues) > maxQueues:
		return fmt.Errorf("port %s: %d queues; there may be %d at most", p.name, len(conf.Queues), maxQueues)
	}
	if _, bad := conf.Queues[ofp.QueueAll]; bad {
		return fmt.Errorf("port %s: %d is no queue id; use 0 to %d", p.name, ofp.QueueAll, ofp.QueueAll-1)
	}
	old := p.qos.Load()
	next := &portQoS{conf: QoS{MaxRate: conf.MaxRate, Queues: map[uint32]QueueConfig{0: {}}}, queues: map[uint32]*queue{}}
	for id, c := range conf.Queues {
		if c.MaxRate != 0 {
			c.MaxRate = max(c.MaxRate, c.MinRate)
		}
		next.conf.Queues[id] = c
	}
	if old == nil {
		next.shaper = newShaper(p, b.d.leastShapers())
	} else {
		next.shaper = old.shaper
	}
	now := b.d.clock()
	for id := range next.conf.Queues {
		if old != nil && old.queues[id] != nil {
			next.queues[id] = old.queues[id]
		} else {
			next.queues[id] = next.shaper.newQueue(id, now)
		}
	}
	next.configure(now)
	if old == nil {
		b.d.own(next.shaper)
	}
	_ = b.d.update(func(classifier.Version) error { // fn does not fail
		p.qos.Store(next)
		p.touchLocked()
		return nil
	})
	if old == nil {
		return nil
	}
	b.d.Sync() // nobody finds the old queues any more
	for id, q := range old.queues {
		if next.queues[id] == nil {
			next.shaper.merge(q, next.queues[0])
		}
	}
	return nil
}

// configure puts the rates of c into force.
func (c *portQoS) configure(now int64) {
	s := c.shaper
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, q := range c.queues {
		q.conf = c.conf.Queues[id]
	}
	s.configure(now, c.rate(), c.queues)
	if w := s.owner.Load(); w.asleep.Load() {
		w.wake() // for what waits something else may hold now
	}
}

// rate is what the queues share, in bits/s.
func (c *portQoS) rate() uint64 {
	return cmp.Or(c.conf.MaxRate, c.shaper.port.status.Load().SpeedMbps*1e6, defaultPortRate)
}

// speedChanged puts the device's new speed into force where it is what the
// queues share; the caller holds portMu.
func (p *port) speedChanged() {
	d := p.bridge.d
	d.teamMu.RLock()
	defer d.teamMu.RUnlock()
	if qos := p.qos.Load(); qos != nil && qos.conf.MaxRate == 0 {
		qos.configure(d.clock())
	}
}

// removeQoS takes all queues from p; the caller holds portMu.
func (b *Bridge) removeQoS(p *port) {
	old := p.qos.Load()
	if old == nil {
		return
	}
	d := b.d
	_ = d.update(func(classifier.Version) error { // fn does not fail
		p.qos.Store(nil)
		p.touchLocked()
		return nil
	})
	d.disown(old.shaper)
	d.Sync()
	// What still waits leaves through the control executor's handle, since
	// those of the workers are theirs.
	d.ctlMu.Lock()
	defer d.ctlMu.Unlock()
	d.ctl.epoch.enter()
	defer d.ctl.epoch.leave()
	old.shaper.flush(p.tx[d.ctl.index].q)
}

// leastShapers is the worker that takes care of the fewest ports' queues.
func (d *Datapath) leastShapers() *worker {
	return slices.MinFunc(d.workers(), func(a, b *worker) int { return len(a.shaperList()) - len(b.shaperList()) })
}

func (w *worker) shaperList() []*shaper {
	if set := w.shapers.Load(); set != nil {
		return *set
	}
	return nil
}

// own has the shaper's owner send what waits in it.
func (d *Datapath) own(s *shaper) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := s.owner.Load()
	list := append(slices.Clone(w.shaperList()), s)
	w.shapers.Store(&list)
	if w.asleep.Load() {
		w.wake() // frames may wait in it already
	}
}

// disown undoes own. The owner may still use the shaper until the next Sync.
func (d *Datapath) disown(s *shaper) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := s.owner.Load()
	list := slices.DeleteFunc(slices.Clone(w.shaperList()), func(o *shaper) bool { return o == s })
	if len(list) == 0 {
		w.shapers.Store(nil)
		return
	}
	w.shapers.Store(&list)
}

// trimQueues gives memory of idle queues back.
func (d *Datapath) trimQueues() {
	for _, w := range d.workers() {
		for _, s := range w.shaperList() {
			s.trim()
		}
	}
}
