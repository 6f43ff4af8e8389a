package flowtable

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ofswitch/classifier"
	"ofswitch/ofp"
)

// addGroups adds empty groups as of version 0.
func addGroups(t *testing.T, tables *Tables, ids ...uint32) {
	t.Helper()
	for _, id := range ids {
		m := &ofp.GroupMod{GroupID: id}
		if _, err := tables.ApplyGroup(m, 0, 0, able(tables)); err != nil {
			t.Fatal(err)
		}
	}
}

// able are the limits of a switch that can do all groups and meters, with MPLS
// and PBB, and ports 1 to 9 and LOCAL.
func able(tables *Tables) Limits {
	l := everything().WithGroupsAndMeters(tables)
	l.Groups.PortExists = func(p ofp.PortNo) bool { return p < 10 || p == ofp.PortLocal }
	return l
}

// bucket makes a bucket that watches nothing.
func bucket(weight uint16, actions ...ofp.Action) ofp.Bucket {
	return ofp.Bucket{Weight: weight, WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny, Actions: actions}
}

func watchPort(b ofp.Bucket, p ofp.PortNo) ofp.Bucket {
	b.WatchPort = p
	return b
}

func watchGroup(b ofp.Bucket, g uint32) ofp.Bucket {
	b.WatchGroup = g
	return b
}

func output(p ofp.PortNo) ofp.Action { return ofp.Output{Port: p} }
func toGroup(id uint32) ofp.Action   { return ofp.Group{GroupID: id} }

func groupMod(command uint16, typ ofp.GroupType, id uint32, buckets ...ofp.Bucket) *ofp.GroupMod {
	return &ofp.GroupMod{Command: command, GroupType: typ, GroupID: id, Buckets: buckets}
}

func (s *story) tryGroup(m *ofp.GroupMod) (*Change, error) {
	s.v++
	return s.ApplyGroup(m, s.v, s.now, able(s.Tables))
}

func (s *story) group(m *ofp.GroupMod) *Change {
	s.Helper()
	c, err := s.tryGroup(m)
	if err != nil {
		s.Fatalf("%+v: %v", *m, err)
	}
	return c
}

// dumpGroups lists groups as "id type buckets refs".
func (s *story) dumpGroups() string {
	var lines []string
	s.EachGroup(ofp.GroupAll, s.v, func(g *Group) bool {
		lines = append(lines, fmt.Sprintf("%d %v %d buckets, %d refs", g.ID, g.Type, len(g.Buckets), g.References()))
		return true
	})
	return strings.Join(lines, "; ")
}

func (s *story) wantGroups(want string) {
	s.Helper()
	if got := s.dumpGroups(); got != want {
		s.Errorf("groups are %q, want %q", got, want)
	}
}

func (s *story) wantGroupRefusal(m *ofp.GroupMod, want ofp.Code) {
	s.Helper()
	groups, flows := s.dumpGroups(), s.dump()
	c, err := s.tryGroup(m)
	if code(err) != want || c != nil {
		s.Errorf("%+v: answered %v and %v, want %v", *m, c, err, want)
	}
	if g, f := s.dumpGroups(), s.dump(); g != groups || f != flows {
		s.Errorf("%+v: refused, but groups changed from %q to %q, flows from %q to %q", *m, groups, g, flows, f)
	}
}

func throughGroups(ids ...uint32) func(*ofp.FlowMod) {
	ins := ofp.Instructions{Has: 1 << ofp.InstrApplyActions}
	for _, id := range ids {
		ins.Apply = append(ins.Apply, toGroup(id))
	}
	return instructions(ins)
}

const (
	all      = ofp.GroupTypeAll
	choose   = ofp.GroupTypeSelect
	indirect = ofp.GroupTypeIndirect
	failover = ofp.GroupTypeFastFailover
)

func TestGroupRefusals(t *testing.T) {
	plain, b := output(1), bucket(0, output(1))
	for _, tc := range []struct {
		what string
		m    *ofp.GroupMod
		want ofp.Code
	}{
		{"command", groupMod(4, all, 1), ofp.GroupModFailedBadCommand},
		{"type", groupMod(ofp.GroupAdd, 4, 1), ofp.GroupModFailedBadType},
		{"type", groupMod(ofp.GroupAdd, 255, 1), ofp.GroupModFailedBadType},
		{"type of a modify", groupMod(ofp.GroupModify, 4, 50), ofp.GroupModFailedBadType},
		{"exists", groupMod(ofp.GroupAdd, all, 50), ofp.GroupModFailedGroupExists},
		{"exists, and bad", groupMod(ofp.GroupAdd, all, 50, bucket(1, plain)), ofp.GroupModFailedInvalidGroup},
		{"highest number", groupMod(ofp.GroupAdd, all, ofp.GroupMax), ok},
		{"number", groupMod(ofp.GroupAdd, all, ofp.GroupMax+1), ofp.GroupModFailedInvalidGroup},
		{"number", groupMod(ofp.GroupAdd, all, ofp.GroupAll), ofp.GroupModFailedInvalidGroup},
		{"number", groupMod(ofp.GroupAdd, all, ofp.GroupAny), ofp.GroupModFailedInvalidGroup},
		{"modify unknown", groupMod(ofp.GroupModify, all, 1), ofp.GroupModFailedUnknownGroup},
		{"modify all", groupMod(ofp.GroupModify, all, ofp.GroupAll), ofp.GroupModFailedUnknownGroup},
		{"no buckets", groupMod(ofp.GroupAdd, all, 1), ok},
		{"no buckets", groupMod(ofp.GroupAdd, choose, 1), ok},
		{"no buckets", groupMod(ofp.GroupAdd, failover, 1), ok},
		{"no actions", groupMod(ofp.GroupAdd, all, 1, bucket(0)), ok},
		{"indirect", groupMod(ofp.GroupAdd, indirect, 1, b), ok},
		{"indirect without bucket", groupMod(ofp.GroupAdd, indirect, 1), ofp.GroupModFailedInvalidGroup},
		{"indirect with two", groupMod(ofp.GroupAdd, indirect, 1, b, b), ofp.GroupModFailedInvalidGroup},
		{"1024 buckets", groupMod(ofp.GroupAdd, all, 1, slices.Repeat([]ofp.Bucket{b}, 1024)...), ok},
		{"1025 buckets", groupMod(ofp.GroupAdd, all, 1, slices.Repeat([]ofp.Bucket{b}, 1025)...), ofp.GroupModFailedOutOfBuckets},

		// Weights.
		{"weight", groupMod(ofp.GroupAdd, all, 1, bucket(1, plain)), ofp.GroupModFailedInvalidGroup},
		{"weight", groupMod(ofp.GroupAdd, indirect, 1, bucket(1, plain)), ofp.GroupModFailedInvalidGroup},
		{"weight", groupMod(ofp.GroupAdd, failover, 1, watchPort(bucket(1, plain), 1)), ofp.GroupModFailedInvalidGroup},
		{"weights", groupMod(ofp.GroupAdd, choose, 1, bucket(0, plain), bucket(65535, plain)), ok},

		// Watches.
		{"no watch", groupMod(ofp.GroupAdd, failover, 1, watchPort(b, 1), b), ofp.GroupModFailedInvalidGroup},
		{"watch", groupMod(ofp.GroupAdd, failover, 1, watchPort(b, 1)), ok},
		{"watch", groupMod(ofp.GroupAdd, failover, 1, watchPort(b, ofp.PortLocal)), ok},
		{"watch", groupMod(ofp.GroupAdd, failover, 1, watchGroup(b, 50)), ok},
		{"watch both", groupMod(ofp.GroupAdd, failover, 1, watchGroup(watchPort(b, 2), 50)), ok},
		{"watch", groupMod(ofp.GroupAdd, choose, 1, watchGroup(watchPort(b, 2), 50)), ok},
		{"watch unknown port", groupMod(ofp.GroupAdd, failover, 1, watchPort(b, 10)), ofp.GroupModFailedBadWatch},
		{"watch unknown port", groupMod(ofp.GroupAdd, choose, 1, watchPort(b, 10)), ofp.GroupModFailedBadWatch},
		{"watch port 0", groupMod(ofp.GroupAdd, failover, 1, watchPort(b, 0)), ofp.GroupModFailedBadWatch},
		{"watch CONTROLLER", groupMod(ofp.GroupAdd, failover, 1, watchPort(b, ofp.PortController)), ofp.GroupModFailedBadWatch},
		{"watch unknown group", groupMod(ofp.GroupAdd, failover, 1, watchGroup(b, 10)), ofp.GroupModFailedBadWatch},
		{"watch all groups", groupMod(ofp.GroupAdd, failover, 1, watchGroup(b, ofp.GroupAll)), ofp.GroupModFailedBadWatch},
		{"watch by all", groupMod(ofp.GroupAdd, all, 1, watchPort(b, 1)), ofp.GroupModFailedWatchUnsupported},
		{"watch by indirect", groupMod(ofp.GroupAdd, indirect, 1, watchGroup(b, 50)), ofp.GroupModFailedWatchUnsupported},

		// Actions: those of a flow-mod's action set, whose match is not known.
		{"output 0", groupMod(ofp.GroupAdd, all, 1, bucket(0, output(0))), ofp.BadActionBadOutPort},
		{"output TABLE", groupMod(ofp.GroupAdd, all, 1, bucket(0, output(ofp.PortTable))), ofp.BadActionBadOutPort},
		{"output ANY", groupMod(ofp.GroupAdd, all, 1, b, bucket(0, output(ofp.PortAny))), ofp.BadActionBadOutPort},
		{"output IN_PORT", groupMod(ofp.GroupAdd, all, 1, bucket(0, output(ofp.PortInPort))), ok},
		{"two outputs", groupMod(ofp.GroupAdd, all, 1, bucket(0, output(1), output(2))), ok},
		{"push", groupMod(ofp.GroupAdd, all, 1, bucket(0, ofp.PushVLAN{EtherType: 0x9100})), ofp.BadActionBadArgument},
		{"pop of who knows what", groupMod(ofp.GroupAdd, all, 1, bucket(0, ofp.PopVLAN{}, ofp.DecNwTTL{}, ofp.PopMPLS{EtherType: 0x800})), ok},
		{"set in_port", groupMod(ofp.GroupAdd, all, 1, bucket(0, set(0, 1))), ofp.BadActionBadSetArgument},
		{"bad action of a modify", groupMod(ofp.GroupModify, all, 50, bucket(0, output(0))), ofp.BadActionBadOutPort},

		// Chains.
		{"chain", groupMod(ofp.GroupAdd, all, 1, bucket(0, toGroup(50))), ok},
		{"unknown group", groupMod(ofp.GroupAdd, all, 1, bucket(0, toGroup(51))), ofp.GroupModFailedUnknownGroup},
		{"no group's number", groupMod(ofp.GroupAdd, all, 1, bucket(0, toGroup(ofp.GroupAll))), ofp.BadActionBadOutGroup},
		{"to itself", groupMod(ofp.GroupAdd, all, 1, bucket(0, toGroup(1))), ofp.GroupModFailedLoop},
		{"to itself", groupMod(ofp.GroupModify, all, 50, bucket(0, toGroup(50))), ofp.GroupModFailedLoop},
		{"watches itself", groupMod(ofp.GroupAdd, failover, 1, watchGroup(b, 1)), ofp.GroupModFailedLoop},

		// Deletion looks at the number alone.
		{"delete unknown", groupMod(ofp.GroupDelete, all, 1), ok},
		{"delete all", groupMod(ofp.GroupDelete, all, ofp.GroupAll), ok},
		{"delete reserved", groupMod(ofp.GroupDelete, all, ofp.GroupAny), ok},
		{"delete with type and buckets", groupMod(ofp.GroupDelete, 9, 50, bucket(1, output(0))), ok},
	} {
		t.Run(tc.what, func(t *testing.T) {
			s := newStory(t)
			s.group(groupMod(ofp.GroupAdd, all, 50))
			if tc.want == ok {
				s.group(tc.m)
				return
			}
			s.wantGroupRefusal(tc.m, tc.want)
		})
	}
}

// Switched off, whole or in part.
func TestGroupLimits(t *testing.T) {
	b, watching := bucket(1, output(1)), watchPort(bucket(1, output(1)), 1)
	without := func(capability uint32) func(*Limits) {
		return func(l *Limits) { l.Groups.Capabilities &^= capability }
	}
	for _, tc := range []struct {
		what string
		lim  func(*Limits)
		m    *ofp.GroupMod
		want ofp.Code
	}{
		{"default", func(l *Limits) { *l = DefaultLimits() }, groupMod(ofp.GroupAdd, all, 1), ofp.GroupModFailedBadType},
		{"default", func(l *Limits) { *l = DefaultLimits() }, groupMod(ofp.GroupDelete, all, ofp.GroupAll), ok},
		{"select", func(l *Limits) { l.Groups.Types &^= 1 << choose }, groupMod(ofp.GroupAdd, choose, 1), ofp.GroupModFailedBadType},
		{"weights", without(ofp.GroupCapSelectWeight), groupMod(ofp.GroupAdd, choose, 1, b, bucket(2, output(1))), ofp.GroupModFailedWeightUnsupported},
		{"weights", without(ofp.GroupCapSelectWeight), groupMod(ofp.GroupAdd, choose, 1, b), ok},
		{"liveness", without(ofp.GroupCapSelectLiveness), groupMod(ofp.GroupAdd, choose, 1, b, watching), ofp.GroupModFailedWatchUnsupported},
		{"liveness", without(ofp.GroupCapSelectLiveness), groupMod(ofp.GroupAdd, choose, 1, b), ok},
		{"chains", without(ofp.GroupCapChaining), groupMod(ofp.GroupAdd, all, 1, bucket(0, toGroup(50))), ofp.GroupModFailedChainingUnsupported},
		{"loops", without(ofp.GroupCapChainingChecks), groupMod(ofp.GroupAdd, all, 1, bucket(0, toGroup(1))), ok},
		{"buckets", func(l *Limits) { l.Groups.MaxBuckets = 1 }, groupMod(ofp.GroupAdd, choose, 1, b, b), ofp.GroupModFailedOutOfBuckets},
		{"groups", func(l *Limits) { l.Groups.Max[all] = 1 }, groupMod(ofp.GroupAdd, all, 1), ofp.GroupModFailedOutOfGroups},
		{"groups of another type", func(l *Limits) { l.Groups.Max[all] = 1 }, groupMod(ofp.GroupAdd, choose, 1), ok},
		{"groups, by modify", func(l *Limits) { l.Groups.Max[choose] = 0 }, groupMod(ofp.GroupModify, choose, 50), ofp.GroupModFailedOutOfGroups},
		{"modify of the last", func(l *Limits) { l.Groups.Max[all] = 1 }, groupMod(ofp.GroupModify, all, 50), ok},
		{"actions", func(l *Limits) { l.Actions &^= 1 << ofp.ActionPopPBB }, groupMod(ofp.GroupAdd, all, 1, bucket(0, ofp.PopPBB{})), ofp.BadActionBadType},
	} {
		t.Run(tc.what, func(t *testing.T) {
			tables := NewTables()
			addGroups(t, tables, 50)
			l := able(tables)
			tc.lim(&l)
			if _, err := tables.ApplyGroup(tc.m, 1, 0, l); code(err) != tc.want {
				t.Errorf("%+v: %v, want %v", *tc.m, err, tc.want)
			}
		})
	}
}

func TestGroupChains(t *testing.T) {
	s := newStory(t)
	add := func(id uint32, to ...uint32) *ofp.GroupMod {
		m := groupMod(ofp.GroupAdd, all, id)
		for _, to := range to {
			m.Buckets = append(m.Buckets, bucket(0, toGroup(to)))
		}
		return m
	}
	change := func(m *ofp.GroupMod) *ofp.GroupMod { m.Command = ofp.GroupModify; return m }
	s.group(add(4))
	s.group(add(3, 4))
	s.group(add(2, 3, 3, 4))
	s.group(add(1, 2))
	s.wantGroups("1 all 1 buckets, 0 refs; 2 all 3 buckets, 1 refs; 3 all 1 buckets, 1 refs; 4 all 0 buckets, 2 refs")
	s.wantGroupRefusal(change(add(4, 1)), ofp.GroupModFailedLoop)
	s.wantGroupRefusal(change(add(3, 2)), ofp.GroupModFailedLoop)
	s.wantGroupRefusal(change(add(3, 4, 3)), ofp.GroupModFailedLoop)
	s.wantGroupRefusal(groupMod(ofp.GroupDelete, all, 4), ofp.GroupModFailedChainedGroup)
	s.group(change(add(3))) // cuts the ring
	s.group(change(add(4, 3)))
	s.wantGroups("1 all 1 buckets, 0 refs; 2 all 3 buckets, 1 refs; 3 all 0 buckets, 2 refs; 4 all 1 buckets, 1 refs")
	s.group(groupMod(ofp.GroupDelete, all, 1))
	s.group(groupMod(ofp.GroupDelete, all, 2))
	s.group(groupMod(ofp.GroupDelete, all, 4))
	s.group(groupMod(ofp.GroupDelete, all, 3))
	s.wantGroups("")
	// Watching is another relation: 1 sends to 2, which watches 1, and is watched in no ring.
	s.group(add(1))
	s.group(groupMod(ofp.GroupAdd, failover, 2, watchGroup(bucket(0), 1)))
	s.group(change(add(1, 2)))
	s.wantGroupRefusal(groupMod(ofp.GroupModify, failover, 1, watchGroup(bucket(0), 2)), ofp.GroupModFailedLoop)
	s.wantGroupRefusal(groupMod(ofp.GroupDelete, all, 1), ofp.GroupModFailedChainedGroup)
	s.wantGroups("1 all 1 buckets, 0 refs; 2 ff 1 buckets, 1 refs")
	// All at once needs no order.
	s.group(groupMod(ofp.GroupDelete, all, ofp.GroupAll))
	s.wantGroups("")
	s.group(add(2))
	s.wantGroups("2 all 0 buckets, 0 refs")
}

func TestGroupDeleteRemovesFlows(t *testing.T) {
	s := newStory(t)
	s.group(groupMod(ofp.GroupAdd, all, 1))
	s.group(groupMod(ofp.GroupAdd, indirect, 2, bucket(0, toGroup(1))))
	s.add(1, "tcp", throughGroups(1), flags(ofp.FlowSendFlowRem))
	s.add(2, "tcp", throughGroups(1, 1))
	both := s.add(3, "tcp", throughGroups(2, 1), table(7))
	s.add(4, "tcp", instructions(ofp.Instructions{Has: 1 << ofp.InstrWriteActions, Write: []ofp.Action{toGroup(2)}}))
	s.add(5, "tcp", actions(1))
	s.wantGroups("1 all 0 buckets, 4 refs; 2 indirect 1 buckets, 2 refs")

	// References follow the flows.
	s.do(s.mod(ofp.FlowModifyStrict, 2, "tcp", actions(1)))
	s.do(s.mod(ofp.FlowModifyStrict, 5, "tcp", throughGroups(2)))
	s.wantGroups("1 all 0 buckets, 3 refs; 2 indirect 1 buckets, 3 refs")
	s.add(5, "tcp", throughGroups(2)) // replaced
	s.wantGroups("1 all 0 buckets, 3 refs; 2 indirect 1 buckets, 3 refs")
	s.wantRefusal(s.mod(ofp.FlowAdd, 9, "tcp", throughGroups(1, 3)), ofp.BadActionBadOutGroup)
	s.wantRefusal(s.mod(ofp.FlowAdd, 9, "tcp", throughGroups(ofp.GroupAny)), ofp.BadActionBadOutGroup)
	s.wantRefusal(s.mod(ofp.FlowModify, 9, "", throughGroups(3)), ofp.BadActionBadOutGroup)
	s.wantGroups("1 all 0 buckets, 3 refs; 2 indirect 1 buckets, 3 refs")

	c := s.group(groupMod(ofp.GroupDelete, all, 2))
	var gone []string
	for i := range c.Removed {
		r := &c.Removed[i]
		if r.Reason != ofp.RemovedGroup {
			t.Errorf("removed with reason %d", r.Reason)
		}
		gone = append(gone, fmt.Sprint(r.Entry.Table, "/", r.Entry.Priority))
	}
	slices.Sort(gone)
	if got := strings.Join(gone, " "); got != "0/4 0/5 7/3" {
		t.Errorf("removed %s", got)
	}
	if both.VisibleAt(s.v) || !both.VisibleAt(s.v-1) {
		t.Error("the flow is not removed exactly as of the change's version")
	}
	s.wantDump("0/1 tcp; 0/2 tcp")
	s.wantGroups("1 all 0 buckets, 1 refs")
	tcp := match(t, "tcp")
	if !s.Table(7).Affects(s.v-1, s.v, exactly(&tcp.Value), 3) {
		t.Error("lookups are not told of flows that went with a group")
	}
	// Cleared by a modify, the group stays, and so do its flows.
	s.group(groupMod(ofp.GroupModify, all, 1))
	s.wantDump("0/1 tcp; 0/2 tcp")
	c = s.group(groupMod(ofp.GroupDelete, all, ofp.GroupAll))
	if len(c.Removed) != 1 || !c.Removed[0].Notify() {
		t.Errorf("removed %+v", c.Removed)
	}
	s.wantDump("0/2 tcp")
	s.wantGroups("")
}

func TestGroupVersions(t *testing.T) {
	s := newStory(t)
	s.group(groupMod(ofp.GroupAdd, all, 1, bucket(0, output(1)))) // 1
	s.now += 5 * second
	c2 := s.group(groupMod(ofp.GroupModify, choose, 1, bucket(3, output(2)))) // 2
	c3 := s.group(groupMod(ofp.GroupDelete, all, 1))                          // 3
	s.group(groupMod(ofp.GroupAdd, all, 1))                                   // 4
	at := func() (got []string) {
		for v := range s.v + 1 {
			if g := s.Group(1, v); g == nil {
				got = append(got, "-")
			} else {
				got = append(got, fmt.Sprintf("%v%d", g.Type, len(g.Buckets)))
				if !g.VisibleAt(v) {
					t.Errorf("the group of version %d is not visible at it", v)
				}
			}
		}
		return got
	}
	if got := strings.Join(at(), " "); got != "- all1 select1 - all0" {
		t.Errorf("editions are %s", got)
	}
	for _, tc := range []struct {
		from, to classifier.Version
		want     bool
	}{{1, 1, false}, {1, 2, true}, {1, 3, true}, {2, 2, false}, {2, 3, true}, {2, 4, true}, {4, 4, false}, {3, 4, true}} {
		if got := s.GroupChanged(tc.from, tc.to, 1); got != tc.want {
			t.Errorf("changed from %d to %d: %v", tc.from, tc.to, got)
		}
	}
	s.UnlinkAll(c3)
	s.UnlinkAll(c2)
	if got := strings.Join(at(), " "); got != "- - - - all0" {
		t.Errorf("after unlinking, editions are %s", got)
	}
	if !s.GroupChanged(2, 4, 1) || s.GroupChanged(4, 4, 1) {
		t.Error("an edition that nobody remembers is not changed")
	}
	// Several changes as of one version: only the last is ever seen.
	lim := able(s.Tables)
	for _, m := range []*ofp.GroupMod{
		groupMod(ofp.GroupModify, failover, 1),
		groupMod(ofp.GroupAdd, all, 2),
		groupMod(ofp.GroupModify, choose, 1, bucket(1, toGroup(2))),
	} {
		if _, err := s.ApplyGroup(m, 5, s.now, lim); err != nil {
			t.Fatal(err)
		}
	}
	if g := s.Group(1, 4); g == nil || g.Type != all {
		t.Errorf("version 4 sees %v", g)
	}
	if g := s.Group(1, 5); g == nil || g.Type != choose || s.Group(2, 5) == nil || s.Group(2, 4) != nil {
		t.Errorf("version 5 sees %v", g)
	}
}

func TestGroupStats(t *testing.T) {
	s := newStory(t)
	buckets := []ofp.Bucket{
		{Weight: 7, WatchPort: 2, WatchGroup: ofp.GroupAny, Actions: []ofp.Action{output(2), ofp.PopVLAN{}, output(3)}},
		bucket(0),
	}
	s.group(groupMod(ofp.GroupAdd, choose, 1, buckets...))
	s.group(groupMod(ofp.GroupAdd, all, 0x80000000))
	s.add(1, "", throughGroups(1))
	g := s.Group(1, s.v)
	g.Counters.Add(10, 1000, 1)
	g.Buckets[1].Counters.Add(4, 400, 1)
	want := &ofp.GroupStats{GroupID: 1, RefCount: 1, PacketCount: 10, ByteCount: 1000, DurationSec: 2, DurationNsec: 500e6,
		Buckets: []ofp.BucketStats{{}, {PacketCount: 4, ByteCount: 400}}}
	if got := g.Stats(s.now + 5*second/2); !reflect.DeepEqual(got, want) {
		t.Errorf("statistics are %+v, want %+v", got, want)
	}
	if got := g.Desc(); !reflect.DeepEqual(got, &ofp.GroupDesc{GroupType: choose, GroupID: 1, Buckets: buckets}) {
		t.Errorf("described as %+v", got)
	}
	// A modify continues the group's counters, begins the buckets' and leaves
	// the duration.
	s.now += second
	s.group(groupMod(ofp.GroupModify, all, 1, bucket(0)))
	want = &ofp.GroupStats{GroupID: 1, RefCount: 1, PacketCount: 11, ByteCount: 1001, DurationSec: 1, Buckets: []ofp.BucketStats{{}}}
	g.Counters.Add(1, 1, 2) // still under way in the old edition
	if got := s.Group(1, s.v).Stats(s.now); !reflect.DeepEqual(got, want) {
		t.Errorf("statistics are %+v after a modify, want %+v", got, want)
	}
	// Which are reported.
	for _, tc := range []struct {
		id   uint32
		want string
	}{{ofp.GroupAll, "[1 2147483648]"}, {1, "[1]"}, {2, "[]"}, {ofp.GroupAny, "[]"}} {
		ids := []uint32{}
		found := s.EachGroup(tc.id, s.v, func(g *Group) bool { ids = append(ids, g.ID); return true })
		if got := fmt.Sprint(ids); got != tc.want || found != (len(ids) > 0) {
			t.Errorf("request for %#x: %s and %v, want %s", tc.id, got, found, tc.want)
		}
	}
	lim := able(s.Tables)
	f := lim.GroupFeatures()
	actions := uint32(lim.Actions)
	if actions&(1<<ofp.ActionGroup) == 0 || f.Types != 15 || f.Capabilities != 15 || f.MaxGroups[3] != 1<<18 || f.Actions != [4]uint32{actions, actions, actions, actions} {
		t.Errorf("features are %+v", f)
	}
	off := DefaultLimits()
	if f := off.GroupFeatures(); *f != (ofp.GroupFeatures{}) {
		t.Errorf("features of a switch without groups are %+v", f)
	}
}
