package ofswitch

import (
	"slices"

	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// group sends copies of the frame, as it is, through buckets of a group (OpenFlow
// 1.3.5 §5.6.1). What buckets do to their copies is undone afterwards.
func (t *translator) group(wk *walk, id uint32) {
	if t.depth >= maxDepth {
		t.drop(dropLoop)
		return
	}
	g := t.findGroup(wk.bridge, id)
	if g == nil {
		if t.rec != nil {
			t.rec.warn("no such group")
		}
		t.drop(dropGroup)
		return
	}
	t.credit(g.Counters)
	first, end := 0, len(g.Buckets)
	switch g.Type {
	case ofp.GroupTypeSelect:
		if t.deferChoice(wk, g) {
			return
		}
		t.probe = flow.Mask{}
		hash := flowtable.SelectHash(&t.wide, &t.probe)
		t.looked(&t.probe)
		first = g.Select(hash, t.liveness(wk, maxDepth))
		end = first + 1
	case ofp.GroupTypeFastFailover:
		first = g.FirstLive(t.liveness(wk, maxDepth))
		end = first + 1
	}
	if t.rec != nil {
		t.rec.chosen(g, first)
	}
	if first < 0 || end == 0 {
		t.drop(dropGroup)
		return
	}
	for i := first; i < end && t.step(); i++ {
		t.bucket(wk, g, i)
	}
}

// bucket sends a copy of the frame through bucket i of a group.
func (t *translator) bucket(wk *walk, g *flowtable.Group, i int) {
	b := &g.Buckets[i]
	t.credit(b.Counters)
	var set actionSet
	set.write(b.Actions, false)
	list := set.list()
	if t.rec != nil {
		t.rec.add(traceBucket, "bucket %d", i)
	}
	if list == nil {
		return
	}
	t.aside(func() {
		if t.rec != nil {
			t.rec.intoLast()
		}
		in := *wk
		in.set, in.inSet, in.miss = actionSet{}, true, false
		in.cookie = ^uint64(0) // OpenFlow 1.3.5 §7.4.1: not of one entry
		t.list(&in, list, nil)
	})
}

// findGroup finds a group, and notes that the program hangs on the answer.
func (t *translator) findGroup(b *Bridge, id uint32) *flowtable.Group {
	g := b.tables.Group(id, t.version)
	t.prog.deps.groups = append(t.prog.deps.groups, groupDep{b, id, g})
	return g
}

// groupWatch is a group that somebody watches, and how far groups that it watches
// are still asked.
type groupWatch struct {
	bridge *Bridge
	id     uint32
	depth  int
}

// liveness is that of wk's bridge. Ports and groups are noted. Each is asked once: many ways may
// lead to it, twice as many with each level of groups that watch the next one twice.
func (t *translator) liveness(wk *walk, depth int) flowtable.Liveness {
	if d := &t.prog.deps; !slices.ContainsFunc(d.lives, func(l livesDep) bool { return l.bridge == wk.bridge }) {
		d.lives = append(d.lives, livesDep{wk.bridge, wk.bridge.lives.Load()})
	}
	return flowtable.Liveness{
		Port: func(no ofp.PortNo) bool {
			p := wk.conf.ports[no]
			return p != nil && p.desc().State&ofp.PortStateLive != 0
		},
		Group: func(id uint32) bool {
			asked := groupWatch{wk.bridge, id, depth}
			lives, known := t.groupLives[asked]
			if known || !t.step() {
				return lives
			}
			g := t.findGroup(wk.bridge, id)
			lives = g != nil && depth > 0 && g.Live(t.liveness(wk, depth-1))
			if t.groupLives == nil {
				t.groupLives = make(map[groupWatch]bool)
			}
			t.groupLives[asked] = lives
			return lives
		},
	}
}

// meter ends the program with a meter: what passes goes on in another one, that of
// the frame as it is by then. So what lies behind counts only what came
// there, and sees the DSCP field as the meter left it.
func (t *translator) meter(wk *walk, ins *ofp.Instructions) {
	m := wk.bridge.tables.Meter(ins.Meter, t.version)
	if t.rec != nil {
		t.rec.instruction(wk, ofp.InstrMeter, ins)
	}
	t.prog.deps.meters = append(t.prog.deps.meters, meterDep{wk.bridge, ins.Meter, m})
	if m == nil {
		t.drop(dropMeter) // its flows go with it, so only a newer version lacks it
		return
	}
	t.emit(op{kind: opMeter, meter: m, frozen: t.frozen(wk, ins.Apply, ins)})
}
