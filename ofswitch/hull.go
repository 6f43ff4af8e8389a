package ofswitch

import (
	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/flowtable"
)

// hull is what all regions of one table have in common that the programs of a worker hang
// on, for one ingress port: every such region lies in it, and found this priority or a higher
// one. A change that does not concern the hull concerns none of the programs, so that flow-mods for other
// ports, protocols or networks cost one comparison a batch, however many programs there are.
type hull struct {
	table    *flowtable.Table
	in       *port // nil: all ports
	known    flow.Match
	priority int32
}

// hulls are those of one worker. Programs that leave stay in them until they are made anew.
type hulls struct {
	list []hull
	// byTable: there were so many that ports are no longer told apart.
	byTable bool
}

// maxHulls bounds the comparisons for one change.
const maxHulls = 64

// maxRehull is the number of programs up to which hulls are made anew when programs have left:
// a fraction of a millisecond.
const maxRehull = 2048

// add widens the hulls so that p's regions lie in them.
func (h *hulls) add(p *program) {
	for i := range p.deps.tables {
		d := &p.deps.tables[i]
		in := p.in
		if h.byTable {
			in = nil
		}
		h.of(d.table, in, d).widen(d)
	}
}

func (h *hulls) of(table *flowtable.Table, in *port, d *tableDep) *hull {
	for i := range h.list {
		if u := &h.list[i]; u.table == table && u.in == in {
			return u
		}
	}
	if len(h.list) >= maxHulls && !h.byTable {
		h.byTable = true
		old := h.list
		h.list = nil
		for i := range old {
			all := &tableDep{old[i].table, &region{known: old[i].known}, old[i].priority}
			h.of(all.table, nil, all).widen(all)
		}
		return h.of(table, nil, d)
	}
	h.list = append(h.list, hull{table, in, d.region.known, d.priority})
	return &h.list[len(h.list)-1]
}

func (u *hull) widen(d *tableDep) {
	m, k := &u.known, &d.region.known
	for i := range m.Mask {
		m.Mask[i] &= k.Mask[i] &^ (m.Value[i] ^ k.Value[i])
		m.Value[i] &= m.Mask[i]
	}
	u.priority = min(u.priority, d.priority)
}

// touched says whether a change as of a version after from, up to to, may concern a program.
func (h *hulls) touched(from, to classifier.Version) bool {
	for i := range h.list {
		if u := &h.list[i]; u.table.Affects(from, to, &u.known, u.priority) {
			return true
		}
	}
	return false
}

func (h *hulls) reset() { h.list, h.byTable = h.list[:0], false }

// rehull makes the hulls anew of the programs that there are, if that is soon done.
func (w *worker) rehull() {
	if w.mega.Len() > maxRehull {
		return
	}
	alone := 0 // in the microflow cache
	w.cache.Each(func(_ *flow.Key, p *program) bool {
		if p.cached.Load() && p.tuple == nil {
			alone++
		}
		return alone <= maxRehull
	})
	if alone > maxRehull {
		return
	}
	w.hulls.reset()
	w.mega.Each(func(p *program) bool { w.hulls.add(p); return true })
	w.cache.Each(func(_ *flow.Key, p *program) bool {
		if p.cached.Load() && p.tuple == nil {
			w.hulls.add(p)
		}
		return true
	})
}
