package flowtable

import (
	"math/rand/v2"
	"testing"

	"ofswitch/classifier"
	"ofswitch/ofp"
)

// regretful applies some random messages before each that it gets, and undoes
// them: the twin, which knows nothing of it, must see no difference.
type regretful struct {
	plain
	rng random
}

func (s regretful) regret(v classifier.Version, now int64) {
	var done []*Change
	for range s.rng.IntN(4) {
		if c, err := s.plain.Apply(s.rng.flowMod(), v, now); err == nil {
			done = append(done, c)
		}
	}
	for i := len(done) - 1; i >= 0; i-- {
		s.Undo(done[i], v)
	}
}

func (s regretful) Apply(m *ofp.FlowMod, v classifier.Version, now int64) (*Change, error) {
	s.regret(v, now)
	return s.plain.Apply(m, v, now)
}

func (s regretful) Expire(v classifier.Version, now int64) *Change {
	s.regret(v, now)
	return s.plain.Expire(v, now)
}

func TestUndoFlows(t *testing.T) {
	steps := 1200
	if testing.Short() || raceEnabled {
		steps = 600
	}
	for _, limit := range []int{1000, 12} {
		tables := NewTables()
		tables.MaxEntries = limit
		addGroups(t, tables, 0, 1, 2)
		s := regretful{plain{tables}, random{rand.New(rand.NewPCG(8, 8))}}
		if _, err := compare(s, limit, random{rand.New(rand.NewPCG(uint64(limit), 3))}, steps); err != nil {
			t.Fatal(err)
		}
		checkRows(t, tables)
	}
}

// regretfulGroups does so with groups, meters and flows.
type regretfulGroups struct {
	plainGroups
	rng random
}

func (s regretfulGroups) regret(v classifier.Version, now int64) {
	lim := able(s.Tables)
	var done []*Change
	for range s.rng.IntN(6) {
		var c *Change
		var err error
		switch s.rng.IntN(3) {
		case 0:
			c, err = s.Tables.ApplyGroup(s.rng.groupMod(), v, now, lim)
		case 1:
			c, err = s.Tables.ApplyMeter(s.rng.meterMod(), v, now, lim)
		default:
			c, err = s.Tables.Apply(s.rng.groupFlow(), v, now)
		}
		if err == nil {
			done = append(done, c)
		}
	}
	for i := len(done) - 1; i >= 0; i-- {
		s.Undo(done[i], v)
	}
}

func (s regretfulGroups) ApplyGroup(m *ofp.GroupMod, v classifier.Version, now int64, sw Limits) (*Change, error) {
	s.regret(v, now)
	return s.plainGroups.ApplyGroup(m, v, now, sw)
}

func (s regretfulGroups) ApplyMeter(m *ofp.MeterMod, v classifier.Version, now int64, sw Limits) (*Change, error) {
	s.regret(v, now)
	return s.plainGroups.ApplyMeter(m, v, now, sw)
}

func (s regretfulGroups) Apply(m *ofp.FlowMod, v classifier.Version, now int64) (*Change, error) {
	s.regret(v, now)
	return s.plainGroups.Apply(m, v, now)
}

func TestUndoGroups(t *testing.T) {
	steps := 2500
	if testing.Short() || raceEnabled {
		steps = 600
	}
	tables := NewTables()
	s := regretfulGroups{plainGroups{tables}, random{rand.New(rand.NewPCG(8, 9))}}
	if _, err := compareGroups(s, random{rand.New(rand.NewPCG(1, 9))}, steps); err != nil {
		t.Fatal(err)
	}
	// The books that no message shows.
	var groups [4]int
	meters := 0
	tables.EachGroup(ofp.GroupAll, ^classifier.Version(0)-1, func(g *Group) bool { groups[g.Type]++; return true })
	tables.EachMeter(ofp.MeterAll, ^classifier.Version(0)-1, func(m *Meter) bool {
		if m.ID <= ofp.MeterMax {
			meters++
		}
		return true
	})
	if groups != tables.groupsOf || meters != tables.realMeters {
		t.Errorf("%v groups and %d meters are there, booked %v and %d", groups, meters, tables.groupsOf, tables.realMeters)
	}
}
