package flowtable

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"ofswitch/classifier"
	"ofswitch/ofp"
)

// slowGroups is the slow twin of groups and meters: lists of everything that
// ever was, and the rules of OpenFlow 1.3.5 §6.5 and §6.6 as they are written there.
type slowGroups struct {
	groups []*slowThing[ofp.GroupMod]
	meters []*slowThing[ofp.MeterMod]
	flows  []*slowThing[ofp.FlowMod] // of table 0, told apart by priority

	removed []string // by the last message: priority and reason
}

// slowThing is one edition of a group, a meter or a flow.
type slowThing[M any] struct {
	m              *M
	created        int64
	packets, parts *uint64 // of the whole; of the first bucket
	added, gone    classifier.Version
}

func visible[M any](list []*slowThing[M], v classifier.Version) (now []*slowThing[M]) {
	for _, x := range list {
		if x.added <= v && v < x.gone {
			now = append(now, x)
		}
	}
	return now
}

func newThing[M any](m *M, v classifier.Version, now int64) *slowThing[M] {
	return &slowThing[M]{m, now, new(uint64), new(uint64), v, ^classifier.Version(0)}
}

func (s *slowGroups) group(id uint32, v classifier.Version) *slowThing[ofp.GroupMod] {
	for _, g := range visible(s.groups, v) {
		if g.m.GroupID == id {
			return g
		}
	}
	return nil
}

func (s *slowGroups) meter(id uint32, v classifier.Version) *slowThing[ofp.MeterMod] {
	for _, m := range visible(s.meters, v) {
		if m.m.MeterID == id {
			return m
		}
	}
	return nil
}

// sentTo and watched are the groups that buckets refer to, with repetitions.
func sentTo(m *ofp.GroupMod) (ids []uint32) {
	for _, b := range m.Buckets {
		for _, a := range b.Actions {
			if a, ok := a.(ofp.Group); ok {
				ids = append(ids, a.GroupID)
			}
		}
	}
	return ids
}

func watched(m *ofp.GroupMod) (ids []uint32) {
	for _, b := range m.Buckets {
		if b.WatchGroup != ofp.GroupAny {
			ids = append(ids, b.WatchGroup)
		}
	}
	return ids
}

func usedGroups(m *ofp.FlowMod) (ids []uint32) {
	for _, a := range append(slices.Clone(m.Instructions.Apply), m.Instructions.Write...) {
		if a, ok := a.(ofp.Group); ok {
			ids = append(ids, a.GroupID)
		}
	}
	return ids
}

func usedMeter(m *ofp.FlowMod) uint32 { return m.Instructions.Meter } // 0: none

// rings says whether id is on a ring when m is its group.
func (s *slowGroups) rings(m *ofp.GroupMod, v classifier.Version, next func(*ofp.GroupMod) []uint32) bool {
	paths := [][]uint32{{m.GroupID}}
	for len(paths) > 0 {
		path := paths[0]
		paths = paths[1:]
		at := m
		if last := path[len(path)-1]; last != m.GroupID {
			at = s.group(last, v).m
		}
		for _, id := range next(at) {
			if id == m.GroupID {
				return true
			}
			if !slices.Contains(path, id) {
				paths = append(paths, append(slices.Clone(path), id))
			}
		}
	}
	return false
}

func (s *slowGroups) removeFlows(v classifier.Version, reason uint8, uses func(*ofp.FlowMod) bool) {
	for _, f := range visible(s.flows, v) {
		if uses(f.m) {
			s.removeFlow(f, v, reason)
		}
	}
}

func (s *slowGroups) removeFlow(f *slowThing[ofp.FlowMod], v classifier.Version, reason uint8) {
	f.gone = v
	s.removed = append(s.removed, fmt.Sprint(f.m.Priority, " ", reason))
}

func (s *slowGroups) applyGroup(m *ofp.GroupMod, v classifier.Version, now int64, max int) ofp.Code {
	old := s.group(m.GroupID, v)
	if m.Command == ofp.GroupDelete {
		for _, g := range visible(s.groups, v) {
			one := g == old
			if one {
				for _, other := range visible(s.groups, v) {
					if slices.Contains(sentTo(other.m), m.GroupID) || slices.Contains(watched(other.m), m.GroupID) {
						return ofp.GroupModFailedChainedGroup
					}
				}
			}
			if one || m.GroupID == ofp.GroupAll {
				g.gone = v
				s.removeFlows(v, ofp.RemovedGroup, func(f *ofp.FlowMod) bool { return slices.Contains(usedGroups(f), g.m.GroupID) })
			}
		}
		return ok
	}
	if m.GroupType == indirect && len(m.Buckets) != 1 {
		return ofp.GroupModFailedInvalidGroup
	}
	for _, b := range m.Buckets {
		watches := b.WatchPort != ofp.PortAny || b.WatchGroup != ofp.GroupAny
		switch {
		case m.GroupType == failover && !watches:
			return ofp.GroupModFailedInvalidGroup
		case (m.GroupType == all || m.GroupType == indirect) && watches:
			return ofp.GroupModFailedWatchUnsupported
		case m.GroupType != choose && b.Weight != 0:
			return ofp.GroupModFailedInvalidGroup
		case b.WatchPort != ofp.PortAny && b.WatchPort > 9:
			return ofp.GroupModFailedBadWatch
		}
	}
	if m.Command == ofp.GroupAdd && old != nil {
		return ofp.GroupModFailedGroupExists
	}
	if m.Command == ofp.GroupModify && old == nil {
		return ofp.GroupModFailedUnknownGroup
	}
	n := 0
	for _, g := range visible(s.groups, v) {
		if g.m.GroupType == m.GroupType && g != old {
			n++
		}
	}
	if n >= max {
		return ofp.GroupModFailedOutOfGroups
	}
	for _, id := range sentTo(m) {
		if id != m.GroupID && s.group(id, v) == nil {
			return ofp.GroupModFailedUnknownGroup
		}
	}
	for _, id := range watched(m) {
		if id != m.GroupID && s.group(id, v) == nil {
			return ofp.GroupModFailedBadWatch
		}
	}
	if s.rings(m, v, sentTo) || s.rings(m, v, watched) {
		return ofp.GroupModFailedLoop
	}
	g := newThing(m, v, now)
	if old != nil {
		g.created, g.packets = old.created, old.packets
		old.gone = v
	}
	s.groups = append(s.groups, g)
	return ok
}

func (s *slowGroups) applyMeter(m *ofp.MeterMod, v classifier.Version, now int64) ofp.Code {
	old := s.meter(m.MeterID, v)
	if m.Command == ofp.MeterDelete {
		for _, x := range visible(s.meters, v) {
			if x == old || m.MeterID == ofp.MeterAll {
				x.gone = v
				s.removeFlows(v, ofp.RemovedDelete, func(f *ofp.FlowMod) bool { return usedMeter(f) == x.m.MeterID })
			}
		}
		return ok
	}
	if m.Command == ofp.MeterAdd && old != nil {
		return ofp.MeterModFailedMeterExists
	}
	if m.Command == ofp.MeterModify && old == nil {
		return ofp.MeterModFailedUnknownMeter
	}
	if len(m.Bands) == 0 {
		return ofp.MeterModFailedOutOfBands
	}
	x := newThing(m, v, now)
	if old != nil {
		x.created, x.packets = old.created, old.packets
		old.gone = v
	}
	s.meters = append(s.meters, x)
	return ok
}

func (s *slowGroups) applyFlow(m *ofp.FlowMod, v classifier.Version, now int64) ofp.Code {
	if m.Command != ofp.FlowDeleteStrict {
		for _, id := range usedGroups(m) {
			if s.group(id, v) == nil {
				return ofp.BadActionBadOutGroup
			}
		}
		if id := usedMeter(m); id != 0 && (id > ofp.MeterMax || s.meter(id, v) == nil) {
			return ofp.MeterModFailedInvalidMeter
		}
	}
	had := false
	for _, f := range visible(s.flows, v) {
		if f.m.Priority == m.Priority {
			had = true
			if m.Command == ofp.FlowDeleteStrict {
				s.removeFlow(f, v, ofp.RemovedDelete)
			} else {
				s.removeFlow(f, v, RemovedNone)
			}
		}
	}
	if m.Command == ofp.FlowAdd || m.Command == ofp.FlowModifyStrict && had {
		s.flows = append(s.flows, newThing(m, v, now))
	}
	return ok
}

// state is all that is there at version v as text. now also asks for what only
// the newest version has.
func (s *slowGroups) state(v classifier.Version, now int64, newest bool) (lines []string) {
	for _, g := range visible(s.groups, v) {
		line := fmt.Sprintf("group %d %v %+v", g.m.GroupID, g.m.GroupType, g.m.Buckets)
		if newest {
			refs := 0
			for _, f := range visible(s.flows, v) {
				if slices.Contains(usedGroups(f.m), g.m.GroupID) {
					refs++
				}
			}
			for _, other := range visible(s.groups, v) {
				if slices.Contains(sentTo(other.m), g.m.GroupID) {
					refs++
				}
			}
			line += fmt.Sprintf(" refs %d, age %d, packets %d %d", refs, now-g.created, *g.packets, *g.parts)
		}
		lines = append(lines, line)
	}
	for _, m := range visible(s.meters, v) {
		line := fmt.Sprintf("meter %d %v %+v", m.m.MeterID, m.m.Flags, m.m.Bands)
		if newest {
			flows := 0
			for _, f := range visible(s.flows, v) {
				if usedMeter(f.m) == m.m.MeterID {
					flows++
				}
			}
			line += fmt.Sprintf(" flows %d, age %d, packets %d %d", flows, now-m.created, *m.packets, *m.parts)
		}
		lines = append(lines, line)
	}
	for _, f := range visible(s.flows, v) {
		lines = append(lines, fmt.Sprintf("flow %d %v", f.m.Priority, f.m.Instructions))
	}
	sort.Strings(lines)
	return lines
}

// groupSubject is what is compared: Tables, or Tables with a planted bug.
type groupSubject interface {
	ApplyGroup(m *ofp.GroupMod, v classifier.Version, now int64, sw Limits) (*Change, error)
	ApplyMeter(m *ofp.MeterMod, v classifier.Version, now int64, sw Limits) (*Change, error)
	Apply(m *ofp.FlowMod, v classifier.Version, now int64) (*Change, error)
	UnlinkAll(c *Change)
	GroupChanged(from, to classifier.Version, id uint32) bool
	tables() *Tables
}

type plainGroups struct{ *Tables }

func (p plainGroups) tables() *Tables { return p.Tables }

func stateOf(t *Tables, v classifier.Version, now int64, newest bool) (lines []string) {
	t.EachGroup(ofp.GroupAll, v, func(g *Group) bool {
		d, s := g.Desc(), g.Stats(now)
		line := fmt.Sprintf("group %d %v %+v", d.GroupID, d.GroupType, d.Buckets)
		if newest {
			parts := uint64(0)
			if len(s.Buckets) > 0 {
				parts = s.Buckets[0].PacketCount
			}
			line += fmt.Sprintf(" refs %d, age %d, packets %d %d", s.RefCount, int64(s.DurationSec)*second+int64(s.DurationNsec), s.PacketCount, parts)
		}
		lines = append(lines, line)
		return true
	})
	t.EachMeter(ofp.MeterAll, v, func(m *Meter) bool {
		c, s := m.Config(), m.Stats(now)
		line := fmt.Sprintf("meter %d %v %+v", c.MeterID, c.Flags, c.Bands)
		if newest {
			line += fmt.Sprintf(" flows %d, age %d, packets %d %d", s.FlowCount, int64(s.DurationSec)*second+int64(s.DurationNsec), s.PacketInCount, s.Bands[0].PacketCount)
		}
		lines = append(lines, line)
		return true
	})
	t.Table(0).rules.Each(v, func(r *classifier.Rule[*Entry]) bool {
		lines = append(lines, fmt.Sprintf("flow %d %v", r.Priority(), *r.Value().Instructions))
		return true
	})
	sort.Strings(lines)
	return lines
}

func (r random) groupMod() *ofp.GroupMod {
	m := &ofp.GroupMod{
		Command:   uint16([]int{0, 0, 0, 0, 0, 1, 1, 1, 2}[r.IntN(9)]),
		GroupType: ofp.GroupType(r.IntN(4)),
		GroupID:   uint32(r.IntN(6)),
	}
	if m.Command == ofp.GroupDelete && r.IntN(6) == 0 {
		m.GroupID = ofp.GroupAll
	}
	for range r.IntN(3) {
		b := bucket(0, output(ofp.PortNo(1+r.IntN(5))))
		if m.GroupType == choose || r.IntN(20) == 0 {
			b.Weight = uint16(r.IntN(3))
		}
		if m.GroupType == failover && r.IntN(9) > 0 || m.GroupType == choose && r.IntN(4) == 0 || r.IntN(30) == 0 {
			if r.IntN(2) == 0 {
				b.WatchPort = ofp.PortNo(1 + r.IntN(9) + r.IntN(20)/19)
			} else {
				b.WatchGroup = uint32(r.IntN(6))
			}
		}
		for r.IntN(3) == 0 {
			b.Actions = append(b.Actions, toGroup(uint32(r.IntN(6))))
		}
		m.Buckets = append(m.Buckets, b)
	}
	return m
}

func (r random) meterMod() *ofp.MeterMod {
	m := meterMod(uint16([]int{0, 0, 0, 1, 2}[r.IntN(5)]), uint32(1+r.IntN(3)), pktps)
	switch r.IntN(12) {
	case 0:
		m.MeterID = ofp.MeterController
	case 1:
		if m.Command == ofp.MeterDelete {
			m.MeterID = ofp.MeterAll
		}
	}
	for range r.IntN(3) {
		m.Bands = append(m.Bands, dropBand(uint32(1+r.IntN(5)), 0))
	}
	return m
}

func (r random) groupFlow() *ofp.FlowMod {
	m := &ofp.FlowMod{
		Command:  uint8([]int{ofp.FlowAdd, ofp.FlowAdd, ofp.FlowModifyStrict, ofp.FlowDeleteStrict}[r.IntN(4)]),
		Priority: uint16(r.IntN(8)),
		OutPort:  ofp.PortAny,
		OutGroup: ofp.GroupAny,
	}
	for range r.IntN(3) {
		m.Instructions.Apply = append(m.Instructions.Apply, toGroup(uint32(r.IntN(6))))
	}
	if r.IntN(3) == 0 {
		m.Instructions.Write = append(m.Instructions.Write, toGroup(uint32(r.IntN(6))))
	}
	if r.IntN(3) == 0 {
		m.Instructions.Has |= 1 << ofp.InstrMeter
		m.Instructions.Meter = uint32(1 + r.IntN(3))
		if r.IntN(20) == 0 {
			m.Instructions.Meter = ofp.MeterController
		}
	}
	return m
}

// compareGroups applies random messages to s and to the twin, and returns the
// first difference.
func compareGroups(s groupSubject, rng random, steps int) (codes map[ofp.Code]int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	const max = 2 // groups of one type
	t, twin := s.tables(), &slowGroups{}
	lim := able(t)
	lim.Groups.Max = [4]int{max, max, max, max}
	codes = map[ofp.Code]int{}
	past := map[classifier.Version][]string{} // what there was when it was the newest
	var dead []*Change
	v, floor, now := classifier.Version(1), classifier.Version(0), int64(1)
	for range steps {
		var change *Change
		var got error
		var want ofp.Code
		var m any
		twin.removed = nil
		switch rng.IntN(5) {
		case 0:
			x := rng.meterMod()
			want, m = twin.applyMeter(x, v, now), x
			change, got = s.ApplyMeter(x, v, now, lim)
		case 1, 2:
			x := rng.groupMod()
			want, m = twin.applyGroup(x, v, now, max), x
			change, got = s.ApplyGroup(x, v, now, lim)
		default:
			x := rng.groupFlow()
			want, m = twin.applyFlow(x, v, now), x
			change, got = s.Apply(x, v, now)
		}
		codes[want]++
		what := fmt.Sprintf("version %d, %T %+v", v, m, m)
		if code(got) != want || (change == nil) != (got != nil) {
			return codes, fmt.Errorf("%s: answered %v, want code %v", what, got, want)
		}
		if d := difference(stateOf(t, v, now, true), twin.state(v, now, true)); d != "" {
			return codes, fmt.Errorf("%s: %s", what, d)
		}
		if change != nil {
			dead = append(dead, change)
			var removed []string
			for _, r := range change.Removed {
				removed = append(removed, fmt.Sprint(r.Entry.Priority, " ", r.Reason))
			}
			if d := difference(removed, twin.removed); d != "" {
				return codes, fmt.Errorf("%s: removed: %s", what, d)
			}
		}
		// Traffic.
		for _, g := range visible(twin.groups, v) {
			if x := t.Group(g.m.GroupID, v); rng.IntN(4) == 0 && len(x.Buckets) > 0 {
				x.Counters.Add(3, 300, now)
				x.Buckets[0].Counters.Add(1, 100, now)
				*g.packets += 3
				*g.parts++
			}
		}
		for _, m := range visible(twin.meters, v) {
			if x := t.Meter(m.m.MeterID, v); rng.IntN(4) == 0 && len(m.m.Bands) == 1 {
				drop, _ := x.Run(now, 1, 100)
				*m.packets++
				if drop {
					*m.parts++
				}
			}
		}
		if rng.IntN(3) == 0 {
			continue // more in the same version
		}
		past[v] = twin.state(v, now, false)
		for old := max2(floor, v-min(v, 4)); old <= v; old++ {
			if d := difference(stateOf(t, old, now, false), past[old]); d != "" && past[old] != nil {
				return codes, fmt.Errorf("%s: at version %d: %s", what, old, d)
			}
			for id := range uint32(6) {
				was, is := twin.group(id, old), twin.group(id, v)
				if got := s.GroupChanged(old, v, id); got != (was != is) && was != nil || was == nil && is != nil && !got {
					return codes, fmt.Errorf("%s: group %d changed from version %d: %v", what, id, old, got)
				}
			}
		}
		v++
		now += rng.Int64N(second)
		if rng.IntN(10) == 0 {
			for _, c := range dead {
				s.UnlinkAll(c)
			}
			dead, floor = nil, v
		}
	}
	// Nothing stays in memory.
	for _, apply := range []func() (*Change, error){
		func() (*Change, error) {
			return s.ApplyGroup(groupMod(ofp.GroupDelete, all, ofp.GroupAll), v, now, lim)
		},
		func() (*Change, error) { return s.ApplyMeter(meterMod(ofp.MeterDelete, ofp.MeterAll, 0), v, now, lim) },
	} {
		c, err := apply()
		if err != nil {
			return codes, err
		}
		dead = append(dead, c)
	}
	for _, c := range dead {
		s.UnlinkAll(c)
	}
	if g, m := t.groups.slots.n, t.meters.slots.n; g != 0 || m != 0 {
		return codes, fmt.Errorf("%d groups and %d meters in memory when all are deleted", g, m)
	}
	return codes, nil
}

func max2(a, b classifier.Version) classifier.Version { return max(a, b) }

func TestGroupsAgainstSlowTwin(t *testing.T) {
	steps := 3000
	if testing.Short() || raceEnabled {
		steps = 1000
	}
	total := map[ofp.Code]int{}
	for seed := range uint64(3) {
		codes, err := compareGroups(plainGroups{NewTables()}, random{rand.New(rand.NewPCG(seed, 9))}, steps)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for c, n := range codes {
			total[c] += n
		}
	}
	t.Log(total)
	for _, c := range []ofp.Code{ok, ofp.GroupModFailedGroupExists, ofp.GroupModFailedInvalidGroup, ofp.GroupModFailedOutOfGroups,
		ofp.GroupModFailedWatchUnsupported, ofp.GroupModFailedLoop, ofp.GroupModFailedUnknownGroup, ofp.GroupModFailedChainedGroup,
		ofp.GroupModFailedBadWatch, ofp.MeterModFailedMeterExists, ofp.MeterModFailedUnknownMeter, ofp.MeterModFailedOutOfBands,
		ofp.MeterModFailedInvalidMeter, ofp.BadActionBadOutGroup} {
		if total[c] < 3 {
			t.Errorf("%v was answered %d times", c, total[c])
		}
	}
}
