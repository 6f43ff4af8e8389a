package ofswitch

import (
	"ofswitch/flow"
	"ofswitch/flowtable"
)

// A program hangs on all bits that chose the bucket of a select group: each flow of hosts has one of its own, and
// needs a translation, and a place in the caches. Where new flows come faster than that serves, the
// bucket is chosen frame by frame instead: the program that comes to the group ends there with a
// recirculation, as at a meter, and the frame comes again with the number of its bucket beside the
// recirculation's. So there is one program for all flows, and one a bucket behind it. The choice is the same.

// selectChoice is a select group at which frames come again, by buckets.
type selectChoice struct {
	of    *flowtable.Choice
	prog  *program // that ends there
	until int64    // then it has to go
}

// selectGroups are select groups to which a worker's flows come. It belongs to the worker.
type selectGroups struct {
	always bool // tests: buckets are always chosen frame by frame
	load   map[*flowtable.Group]*selectLoad
	wide   flow.Wide // scratch
}

// selectLoad is how many translations hashed a frame for a group since.
type selectLoad struct {
	since int64
	n     int
}

// many counts a translation that is to hash a frame for g, and says whether there are too many.
func (s *selectGroups) many(g *flowtable.Group, now int64) bool {
	if s.always {
		return true
	}
	l := s.load[g]
	if l == nil {
		// Editions of groups that are no more are forgotten with all others: nothing depends on it.
		if s.load == nil || len(s.load) >= maxSelects {
			s.load = make(map[*flowtable.Group]*selectLoad)
		}
		l = &selectLoad{since: now}
		s.load[g] = l
	}
	if now-l.since > selectWithin {
		l.since, l.n = now, 0
	}
	l.n++
	return l.n > selectAfter
}

// deferChoice ends the program at a select group to which many flows come, and says whether it has.
func (t *translator) deferChoice(wk *walk, g *flowtable.Group) bool {
	// A trace is to show one program; packet-outs have no caches; what NORMAL knows of tags is not kept.
	if t.rec != nil || t.w.cache == nil || t.seen != 0 || t.snap != 0 || !t.w.selects.many(g, t.w.now) {
		return false
	}
	of := g.Choice(t.liveness(wk, maxDepth))
	if of == nil {
		return false
	}
	fz := t.frozen(wk, nil, nil)
	fz.choice = &selectChoice{of: of, prog: t.prog, until: t.w.now + selectTime}
	t.aside(func() { t.emit(op{kind: opRecirc, frozen: fz}) })
	return true
}

// choose is the bucket of a frame of this key.
func (w *worker) choose(c *selectChoice, k *flow.Key) int {
	if w.now > c.until {
		w.leave(c.prog)
	}
	s := &w.selects
	s.wide.SetKey(k)
	return c.of.Select(flowtable.SelectHash(&s.wide, nil))
}
