package flowtable

import (
	"math/rand/v2"
	"testing"

	"ofswitch/classifier"
	"ofswitch/ofp"
)

// Bugs of the kind that one makes with groups and meters: the twin must find each.

// badGroups does something before, and something after, each message.
type badGroups struct {
	plainGroups
	group  func(t *Tables, m *ofp.GroupMod, sw *Limits) *ofp.GroupMod
	meter  func(t *Tables, m *ofp.MeterMod) *ofp.MeterMod
	flow   func(t *Tables, m *ofp.FlowMod) *ofp.FlowMod
	change func(t *Tables, c *Change)
	asOf   func(v classifier.Version) classifier.Version
}

func (s badGroups) ApplyGroup(m *ofp.GroupMod, v classifier.Version, now int64, sw Limits) (*Change, error) {
	if s.group != nil {
		m = s.group(s.Tables, m, &sw)
	}
	if s.asOf != nil {
		v = s.asOf(v)
	}
	return s.after(s.plainGroups.ApplyGroup(m, v, now, sw))
}

func (s badGroups) ApplyMeter(m *ofp.MeterMod, v classifier.Version, now int64, sw Limits) (*Change, error) {
	if s.meter != nil {
		m = s.meter(s.Tables, m)
	}
	return s.after(s.plainGroups.ApplyMeter(m, v, now, sw))
}

func (s badGroups) Apply(m *ofp.FlowMod, v classifier.Version, now int64) (*Change, error) {
	if s.flow != nil {
		m = s.flow(s.Tables, m)
	}
	return s.after(s.plainGroups.Apply(m, v, now))
}

func (s badGroups) after(c *Change, err error) (*Change, error) {
	if c != nil && s.change != nil {
		s.change(s.Tables, c)
	}
	return c, err
}

// deafGroups says that no group ever changes; jumpyGroups that all do.
type deafGroups struct{ plainGroups }

func (s deafGroups) GroupChanged(classifier.Version, classifier.Version, uint32) bool { return false }

type jumpyGroups struct{ plainGroups }

func (s jumpyGroups) GroupChanged(from, to classifier.Version, _ uint32) bool { return from != to }

// forgetful unlinks groups that are still to be seen.
type forgetful struct{ plainGroups }

func (s forgetful) ApplyGroup(m *ofp.GroupMod, v classifier.Version, now int64, sw Limits) (*Change, error) {
	c, err := s.plainGroups.ApplyGroup(m, v, now, sw)
	if c != nil {
		s.Tables.UnlinkAll(&Change{Groups: c.Groups})
		c.Groups = nil
	}
	return c, err
}

func TestPlantedGroupBugs(t *testing.T) {
	misread := func(change func(m *ofp.GroupMod)) badGroups {
		return badGroups{group: func(_ *Tables, m *ofp.GroupMod, _ *Limits) *ofp.GroupMod {
			wrong := *m
			wrong.Buckets = append([]ofp.Bucket{}, m.Buckets...)
			change(&wrong)
			return &wrong
		}}
	}
	limits := func(change func(l *GroupLimits)) badGroups {
		return badGroups{group: func(_ *Tables, m *ofp.GroupMod, sw *Limits) *ofp.GroupMod {
			change(&sw.Groups)
			return m
		}}
	}
	misdone := func(change func(t *Tables, c *Change)) badGroups { return badGroups{change: change} }
	for _, tc := range []struct {
		name string
		bug  badGroups
	}{
		{"modify adds", misread(func(m *ofp.GroupMod) { m.Command &= 2 })},
		{"weights ignored", misread(func(m *ofp.GroupMod) {
			for i := range m.Buckets {
				m.Buckets[i].Weight = 0
			}
		})},
		{"buckets turned around", misread(func(m *ofp.GroupMod) {
			if n := len(m.Buckets); n > 1 {
				m.Buckets[0], m.Buckets[n-1] = m.Buckets[n-1], m.Buckets[0]
			}
		})},
		{"watched groups ignored", misread(func(m *ofp.GroupMod) {
			for i := range m.Buckets {
				m.Buckets[i].WatchGroup = ofp.GroupAny
			}
		})},
		{"delete all taken for delete one", misread(func(m *ofp.GroupMod) { m.GroupID &= 7 })},
		{"rings not looked for", limits(func(l *GroupLimits) { l.Capabilities &^= ofp.GroupCapChainingChecks })},
		{"room counted over all types", limits(func(l *GroupLimits) { l.Max = [4]int{3, 3, 3, 3} })},
		{"unknown port watched", limits(func(l *GroupLimits) { l.PortExists = nil })},
		{"chained groups deleted", badGroups{group: func(t *Tables, m *ofp.GroupMod, _ *Limits) *ofp.GroupMod {
			if s := t.groups.current(m.GroupID); s != nil && m.Command == ofp.GroupDelete {
				s.groups, s.guards = 0, 0
			}
			return m
		}}},
		{"watched groups deleted", badGroups{group: func(t *Tables, m *ofp.GroupMod, _ *Limits) *ofp.GroupMod {
			if s := t.groups.current(m.GroupID); s != nil && m.Command == ofp.GroupDelete {
				s.guards = 0
			}
			return m
		}}},
		{"flows outlive their group", badGroups{group: func(t *Tables, m *ofp.GroupMod, _ *Limits) *ofp.GroupMod {
			if s := t.groups.current(m.GroupID); s != nil && m.Command == ofp.GroupDelete && s.groups+s.guards == 0 {
				s.flows = nil
			}
			return m
		}}},
		{"flows outlive their meter", badGroups{meter: func(t *Tables, m *ofp.MeterMod) *ofp.MeterMod {
			if s := t.meters.current(m.MeterID); s != nil && m.Command == ofp.MeterDelete {
				s.flows = nil
			}
			return m
		}}},
		{"deletion with the wrong reason", misdone(func(_ *Tables, c *Change) {
			for i := range c.Removed {
				if c.Removed[i].Reason == ofp.RemovedGroup {
					c.Removed[i].Reason = ofp.RemovedDelete
				}
			}
		})},
		{"duration begins anew", misdone(func(_ *Tables, c *Change) {
			for _, g := range c.Groups {
				if g.Old != nil && g.New != nil {
					g.New.Created += second
				}
			}
		})},
		{"group's counters begin anew", misdone(func(_ *Tables, c *Change) {
			for _, g := range c.Groups {
				if g.Old != nil && g.New != nil {
					g.New.Counters = new(Counters)
				}
			}
		})},
		{"buckets' counters continue", misdone(func(_ *Tables, c *Change) {
			for _, g := range c.Groups {
				if g.Old != nil && g.New != nil && len(g.Old.Buckets) > 0 && len(g.New.Buckets) > 0 {
					g.New.Buckets[0].Counters = g.Old.Buckets[0].Counters
				}
			}
		})},
		{"meter's counters begin anew", misdone(func(_ *Tables, c *Change) {
			for _, m := range c.Meters {
				if m.Old != nil && m.New != nil {
					m.New.life = new(meterLife)
				}
			}
		})},
		{"group in the reference counted twice", misdone(func(t *Tables, c *Change) {
			for _, e := range c.Added {
				for _, a := range e.Instructions.Write {
					t.groups.slots.get(a.(ofp.Group).GroupID).refs.Add(1)
				}
			}
		})},
		{"replaced flow still counted", misdone(func(t *Tables, c *Change) {
			for _, m := range c.Modified {
				t.use(m.Old)
			}
		})},
		{"meter in a flow not looked for", badGroups{flow: func(_ *Tables, m *ofp.FlowMod) *ofp.FlowMod {
			wrong := *m
			wrong.Instructions.Has &^= 1 << ofp.InstrMeter
			return &wrong
		}}},
		{"a version too late", badGroups{asOf: func(v classifier.Version) classifier.Version { return v + 1 }}},
		{"a version too early", badGroups{asOf: func(v classifier.Version) classifier.Version { return v - 1 }}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bug := tc.bug
			bug.plainGroups = plainGroups{NewTables()}
			wantFound(t, bug)
		})
	}
	t.Run("changes not told", func(t *testing.T) { wantFound(t, deafGroups{plainGroups{NewTables()}}) })
	t.Run("changes of others told", func(t *testing.T) { wantFound(t, jumpyGroups{plainGroups{NewTables()}}) })
	t.Run("unlinked too early", func(t *testing.T) { wantFound(t, forgetful{plainGroups{NewTables()}}) })
}

func wantFound(t *testing.T, s groupSubject) {
	t.Helper()
	_, err := compareGroups(s, random{rand.New(rand.NewPCG(5, 5))}, 3000)
	if err == nil {
		t.Fatal("not detected")
	}
	t.Logf("%.150v", err)
}
