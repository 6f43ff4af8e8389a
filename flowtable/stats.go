package flowtable

import (
	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// Each calls fn for every entry that the request selects at version v, table by
// table, until it returns false (OpenFlow 1.3.5 §7.3.5.2). Hidden entries are
// not among them. A table number that does not exist is refused. To get exact
// counters the caller has folded them before.
func (t *Tables) Each(req *ofp.FlowStatsRequest, v classifier.Version, fn func(*Entry) bool) error {
	if err := t.CheckStats(req.Table); err != nil {
		return err
	}
	f := filterOf(req)
	t.some(req.Table, func(tb *Table) bool {
		more := true
		tb.rules.EachCovered(&req.Match, v, func(r *classifier.Rule[*Entry]) bool {
			if e := r.Value(); f.passes(e) {
				more = fn(e)
			}
			return more
		})
		return more
	})
	return nil
}

// CheckStats refuses the number of a table that there is not.
func (t *Tables) CheckStats(id ofp.TableID) error {
	if id != ofp.TableAll && !t.Has(id) {
		return ofp.BadRequestBadTableID.Errorf("statistics of table %d: there is no such table", id)
	}
	return nil
}

// EachHidden calls fn for every hidden entry at version v until it returns false.
func (t *Tables) EachHidden(v classifier.Version, fn func(*Entry) bool) {
	t.some(ofp.TableAll, func(tb *Table) bool {
		more := true
		tb.rules.Each(v, func(r *classifier.Rule[*Entry]) bool {
			if e := r.Value(); e.Hidden {
				more = fn(e)
			}
			return more
		})
		return more
	})
}

// Aggregate sums up what Each would show. Counters that an entry does not keep
// add nothing.
func (t *Tables) Aggregate(req *ofp.FlowStatsRequest, v classifier.Version) (ofp.AggregateStats, error) {
	var s ofp.AggregateStats
	err := t.Each(req, v, func(e *Entry) bool {
		e.AddTo(&s)
		return true
	})
	return s, err
}

// AddTo adds an entry to an aggregate.
func (e *Entry) AddTo(s *ofp.AggregateStats) {
	s.FlowCount++
	packets, bytes := e.Counts()
	if packets != uncounted {
		s.PacketCount += packets
	}
	if bytes != uncounted {
		s.ByteCount += bytes
	}
}

// TableStats calls fn for each table that there is, in order, until it returns
// false (OpenFlow 1.3.5 §7.3.5.4).
func (t *Tables) TableStats(fn func(*ofp.TableStats) bool) {
	for i := range t.tables {
		if !t.Has(ofp.TableID(i)) {
			continue
		}
		s := ofp.TableStats{Table: ofp.TableID(i)}
		if tb := t.tables[i].Load(); tb != nil {
			s.ActiveCount = uint32(tb.Active())
			s.LookupCount = tb.lookups.Load()
			s.MatchedCount = tb.matches.Load()
		}
		if !fn(&s) {
			return
		}
	}
}

// InsertHidden adds an entry of the switch's own to table 0, which no message
// sees or touches. Its priority is above 65535, so that it equals no
// controller's entry; others panic.
func (t *Tables) InsertHidden(m *flow.Match, priority int32, ins ofp.Instructions, v classifier.Version, now int64) *Entry {
	if priority <= 0xffff {
		panic("flowtable: hidden entry with the priority of an ordinary one")
	}
	e := &Entry{
		Hidden:       true,
		Priority:     priority,
		Created:      now,
		Instructions: &ins,
		Counters:     new(Counters),
	}
	tb := t.Table(0)
	tb.sums.include(e)
	e.rule = classifier.NewRule(m, priority, e)
	tb.rules.Insert(e.rule, v)
	tb.log.add(e.rule, v)
	return e
}

// RemoveHidden removes what InsertHidden made, as of version v. The caller
// unlinks it after Sync(v).
func (t *Tables) RemoveHidden(e *Entry, v classifier.Version) {
	tb := t.peek(e.Table)
	tb.rules.Remove(e.rule, v)
	tb.log.add(e.rule, v)
}
