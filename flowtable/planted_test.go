package flowtable

import (
	"math/rand/v2"
	"testing"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// The twin is worth what it catches: each of these has one bug, of the kind that
// one makes with flow-mods, and must be found out.

// misread applies another message than the one it got.
type misread struct {
	plain
	change func(m *ofp.FlowMod)
}

func (s misread) Apply(m *ofp.FlowMod, v classifier.Version, now int64) (*Change, error) {
	wrong := *m
	s.change(&wrong)
	return s.plain.Apply(&wrong, v, now)
}

// misdone does something to the change afterwards.
type misdone struct {
	plain
	change func(c *Change)
}

func (s misdone) Apply(m *ofp.FlowMod, v classifier.Version, now int64) (*Change, error) {
	c, err := s.plain.Apply(m, v, now)
	if c != nil {
		s.change(c)
	}
	return c, err
}

// late expires a second after the time.
type late struct{ plain }

func (s late) Expire(v classifier.Version, now int64) *Change { return s.plain.Expire(v, now-1e9) }

// eager takes an entry's timer for its timeout: idle timeouts do not see hits.
type eager struct{ plain }

func (s eager) Expire(v classifier.Version, now int64) *Change {
	c := new(Change)
	for {
		tb, _, first := s.nextTimer()
		if first == nil || first.at > now {
			break
		}
		e := tb.rows.entry(first.row)
		_, reason := e.due()
		s.remove(e, reason, v, c)
	}
	s.log(c, v)
	return c
}

// unconcerned logs no changes of the tables: nothing ever affects anybody.
type unconcerned struct{ plain }

func (s unconcerned) Affects(ofp.TableID, classifier.Version, classifier.Version, *flow.Wide, int32) bool {
	return false
}

// strictlyAbove takes a change of equal priority for no concern.
type strictlyAbove struct{ plain }

func (s strictlyAbove) Affects(id ofp.TableID, from, to classifier.Version, w *flow.Wide, priority int32) bool {
	return s.plain.Affects(id, from, to, w, priority+1)
}

// newestOnly looks at the last change alone.
type newestOnly struct{ plain }

func (s newestOnly) Affects(id ofp.TableID, from, to classifier.Version, w *flow.Wide, priority int32) bool {
	return s.plain.Affects(id, max(from, to-1), to, w, priority)
}

// dropped loses the modified entry's timeouts.
type dropped struct{ plain }

func (s dropped) Apply(m *ofp.FlowMod, v classifier.Version, now int64) (*Change, error) {
	c, err := s.plain.Apply(m, v, now)
	if c != nil {
		for _, x := range c.Modified {
			s.peek(x.New.Table).removeTimer(x.New.row - 1)
		}
	}
	return c, err
}

func TestPlantedBugs(t *testing.T) {
	misreads := func(change func(*ofp.FlowMod)) func(plain) subject {
		return func(p plain) subject { return misread{p, change} }
	}
	for _, tc := range []struct {
		name string
		make func(plain) subject
	}{
		{"cookie mask ignored", misreads(func(m *ofp.FlowMod) { m.CookieMask = 0 })},
		{"cookie filter without mask", misreads(func(m *ofp.FlowMod) {
			if m.Command != ofp.FlowAdd && m.CookieMask == 0 {
				m.CookieMask = ^uint64(0)
			}
		})},
		{"out_port ignored", misreads(func(m *ofp.FlowMod) { m.OutPort = ofp.PortAny })},
		{"out_group ignored", misreads(func(m *ofp.FlowMod) { m.OutGroup = ofp.GroupAny })},
		{"out_port honoured by modify", misreads(func(m *ofp.FlowMod) {
			if m.Command == ofp.FlowModify && m.OutPort != ofp.PortAny {
				m.CookieMask, m.Cookie = ^uint64(0), 99
			}
		})},
		{"overlap not checked", misreads(func(m *ofp.FlowMod) { m.Flags &^= ofp.FlowCheckOverlap })},
		{"counters not reset", misreads(func(m *ofp.FlowMod) { m.Flags &^= ofp.FlowResetCounts })},
		{"counters always reset", misreads(func(m *ofp.FlowMod) { m.Flags |= ofp.FlowResetCounts })},
		{"unknown flags accepted", misreads(func(m *ofp.FlowMod) { m.Flags &= 31 })},
		{"strict taken for loose", misreads(func(m *ofp.FlowMod) {
			if m.Command == ofp.FlowDeleteStrict {
				m.Command = ofp.FlowDelete
			}
		})},
		{"loose taken for strict", misreads(func(m *ofp.FlowMod) {
			if m.Command == ofp.FlowModify {
				m.Command = ofp.FlowModifyStrict
			}
		})},
		{"modify adds", misreads(func(m *ofp.FlowMod) {
			if m.Command == ofp.FlowModifyStrict {
				m.Command = ofp.FlowAdd
			}
		})},
		{"all tables taken for the first", misreads(func(m *ofp.FlowMod) {
			if m.Table == 255 && m.Command >= ofp.FlowDelete {
				m.Table = 0
			}
		})},
		{"flow-removed for a replaced entry", func(p plain) subject {
			return misdone{p, func(c *Change) {
				for i := range c.Removed {
					c.Removed[i].Reason = ofp.RemovedDelete
				}
			}}
		}},
		{"flags lost", func(p plain) subject {
			return misdone{p, func(c *Change) {
				for _, e := range c.Added {
					e.Flags &^= ofp.FlowSendFlowRem
				}
			}}
		}},
		{"modify restarts the duration", func(p plain) subject {
			return misdone{p, func(c *Change) {
				for _, m := range c.Modified {
					m.New.Created += 1e9
				}
			}}
		}},
		{"modify loses the cookie", func(p plain) subject {
			return misdone{p, func(c *Change) {
				for _, m := range c.Modified {
					m.New.Cookie = 0
				}
			}}
		}},
		{"modify loses timeouts", func(p plain) subject { return dropped{p} }},
		{"expiry late", func(p plain) subject { return late{p} }},
		{"idle timeout blind to hits", func(p plain) subject { return eager{p} }},
		{"changes concern nobody", func(p plain) subject { return unconcerned{p} }},
		{"changes of equal priority forgotten", func(p plain) subject { return strictlyAbove{p} }},
		{"only the last change looked at", func(p plain) subject { return newestOnly{p} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tables := NewTables()
			addGroups(t, tables, 0, 1, 2)
			cov, err := compare(tc.make(plain{tables}), DefaultMaxEntries, random{rand.New(rand.NewPCG(5, 5))}, 4000)
			if err == nil {
				t.Fatalf("not detected in %+v", cov)
			}
			t.Logf("after %d flow-mods: %.120v", cov.mods, err)
		})
	}
}
