package ofswitch

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ofswitch/ofp"
)

// affinity is what all ports' receive queues have to do with processors. Under
// Datapath.teamMu.
type affinity struct {
	pins  int    // ports that have some
	mixed bool   // SetRxIsolation(false)
	told  string // what cannot be, as it was last logged
}

// SetRxAffinity says for receive queues of a port, by number, to which processor the
// forwarding thread is bound that polls them. A queue that is not named, or for whose
// processor there is no thread (BindWorkers, SetWorkers), is shared out with all others; the
// log says which. Nil: none is named. No frame is lost or overtaken.
//
// A thread that has such queues polls no others (SetRxIsolation), unless that is so of every
// thread.
//
// Errors: there is no such port, or it has no receive queues; a queue cannot be watched
// (ENOMEM): then none has moved.
func (b *Bridge) SetRxAffinity(no ofp.PortNo, processors map[int]int) error {
	b.portMu.Lock()
	defer b.portMu.Unlock()
	d, p := b.d, b.conf.Load().ports[no]
	switch {
	case p == nil:
		return fmt.Errorf("bridge %s has no port %d", b.name, no)
	case p.dev == nil && len(processors) > 0:
		return fmt.Errorf("port %s: a patch port has no receive queues", p.name)
	}
	d.teamMu.Lock()
	defer d.teamMu.Unlock()
	if old := p.affinity.Load(); old == nil && len(processors) == 0 || old != nil && maps.Equal(*old, processors) {
		return nil
	}
	next := maps.Clone(processors)
	p.affinity.Store(&next)
	d.affinity.pins = d.countPins()
	return d.settleAffinityLocked()
}

// SetRxIsolation says whether a thread that has queues by SetRxAffinity polls no others. It
// is so at first.
func (d *Datapath) SetRxIsolation(on bool) error {
	d.teamMu.Lock()
	defer d.teamMu.Unlock()
	if d.affinity.mixed == !on {
		return nil
	}
	d.affinity.mixed = !on
	if d.affinity.pins == 0 {
		return nil
	}
	return d.settleAffinityLocked()
}

func (d *Datapath) countPins() (n int) {
	for _, p := range d.devices() {
		if m := p.affinity.Load(); m != nil && len(*m) > 0 {
			n++
		}
	}
	return n
}

// settleAffinityLocked shares the queues out anew. The caller holds teamMu.
func (d *Datapath) settleAffinityLocked() error {
	if d.isClosed() {
		return nil
	}
	moves := d.planLocked(d.workers(), 0)
	if err := d.watchMoves(moves); err != nil {
		return err
	}
	d.carryOut(moves)
	d.tellAffinityLocked()
	return nil
}

// pinned is which of these workers, in the order of their indexes, is to poll queue id of p;
// nil: any.
func (d *Datapath) pinned(p *port, id int, among []*worker) *worker {
	m, cpus := p.affinity.Load(), d.cpus.Load()
	if m == nil || cpus == nil {
		return nil
	}
	cpu, ok := (*m)[id]
	if !ok {
		return nil
	}
	// The first that is bound to it, as worker.pin has it.
	if i := slices.Index(*cpus, cpu); i >= 0 && i < len(among) {
		return among[i]
	}
	return nil
}

// shareOf is what spread is to know of a queue. The caller holds teamMu.
func (d *Datapath) shareOf(q rxAt, among []*worker) rxShare {
	s := rxShare{worker: q.worker.index, load: q.load.lately()}
	if w := d.pinned(q.port, q.id, among); w != nil {
		s.worker, s.pinned, s.alone = w.index, true, !d.affinity.mixed
	}
	return s
}

// openWorkers are those that may be given a queue that is not pinned. The caller holds
// teamMu for reading.
func (d *Datapath) openWorkers() []*worker {
	all := d.workers()
	if d.affinity.pins == 0 || d.affinity.mixed {
		return all
	}
	open := slices.Clone(all)
	for _, q := range d.rxQueues() {
		if w := d.pinned(q.port, q.id, all); w != nil {
			open = slices.DeleteFunc(open, func(o *worker) bool { return o == w })
		}
	}
	if len(open) == 0 {
		return all
	}
	return open
}

// tellAffinityLocked logs what SetRxAffinity asks for that cannot be, once. The caller holds
// teamMu.
func (d *Datapath) tellAffinityLocked() {
	var lines []string
	for _, p := range d.devices() {
		m := p.affinity.Load()
		if m == nil {
			continue
		}
		queues := len(p.dev.RxQueues())
		for _, id := range slices.Sorted(maps.Keys(*m)) {
			switch {
			case id >= queues:
				lines = append(lines, fmt.Sprintf("port %s has no receive queue %d, but %d of them", p.name, id, queues))
			case d.pinned(p, id, d.workers()) == nil:
				lines = append(lines, fmt.Sprintf("port %s, queue %d: no forwarding thread is bound to processor %d", p.name, id, (*m)[id]))
			}
		}
	}
	text := strings.Join(lines, "; ")
	if text != d.affinity.told && text != "" {
		d.log.Warn("receive queues cannot stay where they are asked to; they are shared out with the others", "reason", text)
	}
	d.affinity.told = text
}

// isolate marks the threads that poll queues of SetRxAffinity and no others. The caller
// holds teamMu for reading.
func (d *Datapath) isolate(list []ThreadStats) {
	if d.affinity.mixed || d.affinity.pins == 0 {
		return
	}
	others := make([]bool, len(list))
	for _, q := range d.rxQueues() {
		if d.pinned(q.port, q.id, d.workers()) == q.worker {
			list[q.worker.index].Isolated = true
		} else {
			others[q.worker.index] = true
		}
	}
	for i := range list {
		list[i].Isolated = list[i].Isolated && !others[i]
	}
}
