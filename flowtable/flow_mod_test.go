package flowtable

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// story is a set of tables with a version and a clock, for tests that tell a
// story.
type story struct {
	*testing.T
	*Tables
	v   classifier.Version
	now int64
}

func newStory(t *testing.T) *story { return &story{t, NewTables(), 0, 100 * second} }

func match(t *testing.T, s string) flow.Match {
	t.Helper()
	m, err := flow.ParseMatch(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func out(ports ...ofp.PortNo) ofp.Instructions {
	ins := ofp.Instructions{Has: 1 << ofp.InstrApplyActions}
	for _, p := range ports {
		ins.Apply = append(ins.Apply, ofp.Output{Port: p})
	}
	return ins
}

// mod makes a flow-mod without filters.
func (s *story) mod(command uint8, priority uint16, text string, change ...func(*ofp.FlowMod)) *ofp.FlowMod {
	s.Helper()
	m := &ofp.FlowMod{Command: command, Priority: priority, BufferID: ofp.NoBuffer, OutPort: ofp.PortAny,
		OutGroup: ofp.GroupAny, Match: match(s.T, text), Instructions: out(1)}
	for _, c := range change {
		c(m)
	}
	return m
}

// try applies m at the next version.
func (s *story) try(m *ofp.FlowMod) (*Change, error) {
	s.v++
	return s.Apply(m, s.v, s.now)
}

func (s *story) do(m *ofp.FlowMod) *Change {
	s.Helper()
	c, err := s.try(m)
	if err != nil {
		s.Fatalf("%+v: %v", *m, err)
	}
	return c
}

// add is do of ADD.
func (s *story) add(priority uint16, text string, change ...func(*ofp.FlowMod)) *Entry {
	s.Helper()
	c := s.do(s.mod(ofp.FlowAdd, priority, text, change...))
	if len(c.Added) != 1 {
		s.Fatalf("%d entries added", len(c.Added))
	}
	return c.Added[0]
}

// dump lists the entries as "table/priority match", sorted.
func (s *story) dump() string {
	s.Helper()
	var lines []string
	req := &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	if err := s.Each(req, s.v, func(e *Entry) bool {
		m := e.Match()
		lines = append(lines, fmt.Sprintf("%d/%d %s", e.Table, e.Priority, m.String()))
		return true
	}); err != nil {
		s.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

func (s *story) wantDump(want string) {
	s.Helper()
	if got := s.dump(); got != want {
		s.Errorf("tables hold %q, want %q", got, want)
	}
}

func (s *story) wantRefusal(m *ofp.FlowMod, want ofp.Code) {
	s.Helper()
	before := s.dump()
	c, err := s.try(m)
	if code(err) != want || c != nil {
		s.Errorf("%+v: answered %v and %v, want %v", *m, c, err, want)
	}
	if after := s.dump(); after != before {
		s.Errorf("refused, but the tables changed from %q to %q", before, after)
	}
}

func table(id ofp.TableID) func(*ofp.FlowMod)  { return func(m *ofp.FlowMod) { m.Table = id } }
func flags(f ofp.FlowFlags) func(*ofp.FlowMod) { return func(m *ofp.FlowMod) { m.Flags = f } }
func cookie(c, mask uint64) func(*ofp.FlowMod) {
	return func(m *ofp.FlowMod) { m.Cookie, m.CookieMask = c, mask }
}
func outPort(p ofp.PortNo) func(*ofp.FlowMod) { return func(m *ofp.FlowMod) { m.OutPort = p } }
func outGroup(g uint32) func(*ofp.FlowMod)    { return func(m *ofp.FlowMod) { m.OutGroup = g } }
func actions(ports ...ofp.PortNo) func(*ofp.FlowMod) {
	return func(m *ofp.FlowMod) { m.Instructions = out(ports...) }
}
func timeouts(idle, hard uint16) func(*ofp.FlowMod) {
	return func(m *ofp.FlowMod) { m.IdleTimeout, m.HardTimeout = idle, hard }
}
func instructions(ins ofp.Instructions) func(*ofp.FlowMod) {
	return func(m *ofp.FlowMod) { m.Instructions = ins }
}

// ADD over an identical entry: no flow-removed, counters kept unless
// RESET_COUNTS, duration starts again, all else new.
func TestAddReplaces(t *testing.T) {
	for _, reset := range []bool{false, true} {
		s := newStory(t)
		old := s.add(5, "tcp,tp_dst=80", cookie(1, 0), flags(ofp.FlowSendFlowRem), timeouts(10, 20))
		old.Counters.Add(7, 700, s.now)
		s.now += 3 * second
		f := ofp.FlowFlags(ofp.FlowNoBytCounts)
		if reset {
			f |= ofp.FlowResetCounts
		}
		c := s.do(s.mod(ofp.FlowAdd, 5, "tcp,tp_dst=80", cookie(2, 0), flags(f), actions(2)))
		if len(c.Removed) != 1 || c.Removed[0].Entry != old || c.Removed[0].Reason != RemovedNone || c.Removed[0].Notify() {
			t.Errorf("removed %+v, want the old entry without notice", c.Removed)
		}
		e := c.Added[0]
		if e.Cookie != 2 || e.Flags != f || e.IdleTimeout != 0 || e.HardTimeout != 0 ||
			e.Instructions.Apply[0] != (ofp.Output{Port: 2}) || e.Created != s.now {
			t.Errorf("new entry is %+v", e)
		}
		want := uint64(7)
		if reset {
			want = 0
		}
		if packets, bytes := e.Counts(); packets != want || bytes != ^uint64(0) {
			t.Errorf("reset %v: %d packets, %d bytes, want %d packets and bytes not counted", reset, packets, bytes, want)
		}
		if sec, _ := e.Duration(s.now + second); sec != 1 {
			t.Errorf("duration %d s, want 1", sec)
		}
		if s.HasTimeouts() {
			t.Error("the old entry's timeouts are still there")
		}
		s.wantDump("0/5 tcp,tp_dst=80")
		// In-flight frames of the old version count for the entry that goes on.
		old.Counters.Add(1, 100, s.now)
		if packets, _ := e.Counts(); !reset && packets != 8 || reset && packets != 0 {
			t.Errorf("reset %v: %d packets after a late one", reset, packets)
		}
	}
}

// cookie_mask, out_port and out_group of an ADD do not matter: OpenDaylight sends
// a mask, Floodlight a port.
func TestAddIgnoresFilters(t *testing.T) {
	s := newStory(t)
	s.add(0, "", cookie(10, 10), outPort(7), outGroup(9))
	s.add(0, "", cookie(11, ^uint64(0)), outPort(8), outGroup(3))
	s.wantDump("0/0 ")
}

func TestModify(t *testing.T) {
	s := newStory(t)
	a := s.add(5, "tcp,tp_dst=80", cookie(1, 0), flags(ofp.FlowSendFlowRem), timeouts(10, 20))
	s.add(6, "tcp,tp_dst=80", cookie(2, 0))
	s.add(5, "udp,tp_dst=80", cookie(3, 0))
	a.Counters.Add(4, 400, s.now)
	s.now += second
	created := a.Created

	// Strict: match and priority alike. Only instructions change.
	c := s.do(s.mod(ofp.FlowModifyStrict, 5, "tcp,tp_dst=80", cookie(99, 0), flags(ofp.FlowCheckOverlap), timeouts(1, 1), actions(3)))
	if len(c.Modified) != 1 || c.Modified[0].Old != a || len(c.Added) != 0 || len(c.Removed) != 1 || c.Removed[0].Notify() {
		t.Fatalf("changed %+v", c)
	}
	b := c.Modified[0].New
	if b.Cookie != 1 || b.Flags != ofp.FlowSendFlowRem || b.IdleTimeout != 10 || b.HardTimeout != 20 || b.Created != created ||
		b.Counters != a.Counters || b.Instructions.Apply[0] != (ofp.Output{Port: 3}) || b.Match() != a.Match() {
		t.Errorf("modified entry is %+v", b)
	}
	if a.Instructions.Apply[0] != (ofp.Output{Port: 1}) {
		t.Error("the old entry was written to")
	}
	if at, ok := s.NextExpiry(); !ok || at > created+10*second {
		t.Errorf("next expiry %d, %v: timeouts were lost", at, ok)
	}
	// Loose: all that the match covers, whatever the priority.
	if c = s.do(s.mod(ofp.FlowModify, 0, "tcp", actions(4))); len(c.Modified) != 2 {
		t.Errorf("%d entries modified, want 2", len(c.Modified))
	}
	// By cookie.
	if c = s.do(s.mod(ofp.FlowModify, 0, "", cookie(2, 2), actions(5))); len(c.Modified) != 2 {
		t.Errorf("%d entries modified, want those with cookies 2 and 3", len(c.Modified))
	}
	// out_port and out_group are not for modify.
	if c = s.do(s.mod(ofp.FlowModify, 0, "", outPort(77), outGroup(77))); len(c.Modified) != 3 {
		t.Errorf("%d entries modified, want 3", len(c.Modified))
	}
	// RESET_COUNTS; the idle timeout still knows of the last hit.
	c = s.do(s.mod(ofp.FlowModifyStrict, 5, "tcp,tp_dst=80", flags(ofp.FlowResetCounts)))
	if packets, bytes := c.Modified[0].New.Counts(); packets != 0 || bytes != 0 {
		t.Errorf("%d packets, %d bytes after a reset", packets, bytes)
	}
	if used := c.Modified[0].New.Counters.LastUsed(); used != created {
		t.Errorf("last use %d, want %d", used, created)
	}
	// None there: no error and no add (OpenFlow 1.0 and 1.1 add).
	for _, command := range []uint8{ofp.FlowModify, ofp.FlowModifyStrict} {
		if c = s.do(s.mod(command, 9, "arp")); !c.Empty() {
			t.Errorf("command %d changed %+v", command, c)
		}
	}
	s.wantDump("0/5 tcp,tp_dst=80; 0/5 udp,tp_dst=80; 0/6 tcp,tp_dst=80")
}

func TestDelete(t *testing.T) {
	fill := func(t *testing.T) *story {
		s := newStory(t)
		addGroups(t, s.Tables, 7)
		s.add(1, "tcp", cookie(0x10, 0), actions(1), flags(ofp.FlowSendFlowRem))
		s.add(2, "tcp,tp_dst=80", cookie(0x11, 0), actions(1, 2))
		s.add(2, "", cookie(0x20, 0), table(3), instructions(ofp.Instructions{
			Has: 1 << ofp.InstrWriteActions, Write: []ofp.Action{ofp.Output{Port: 2}}}))
		s.add(0, "", cookie(0x21, 0), table(253), instructions(ofp.Instructions{
			Has: 1 << ofp.InstrApplyActions, Apply: []ofp.Action{ofp.Group{GroupID: 7}}}))
		s.add(4, "arp", table(3), instructions(ofp.Instructions{
			Has: 1 << ofp.InstrWriteActions, Write: []ofp.Action{ofp.Group{GroupID: 7}}}))
		return s
	}
	const (
		tcp  = "0/1 tcp"
		http = "0/2 tcp,tp_dst=80"
		any3 = "3/2 "
		last = "253/0 "
		arp3 = "3/4 arp"
	)
	all := []string{tcp, http, last, any3, arp3} // as dump sorts them
	for _, tc := range []struct {
		name     string
		command  uint8
		priority uint16
		match    string
		change   []func(*ofp.FlowMod)
		gone     []string
	}{
		{"everything", ofp.FlowDelete, 0, "", []func(*ofp.FlowMod){table(255)}, all},
		{"one table", ofp.FlowDelete, 0, "", nil, []string{tcp, http}},
		{"loose ignores the priority", ofp.FlowDelete, 99, "tcp", nil, []string{tcp, http}},
		{"covered only", ofp.FlowDelete, 0, "tcp,tp_dst=80", []func(*ofp.FlowMod){table(255)}, []string{http}},
		{"strict", ofp.FlowDeleteStrict, 2, "tcp,tp_dst=80", nil, []string{http}},
		{"strict, other priority", ofp.FlowDeleteStrict, 3, "tcp,tp_dst=80", nil, nil},
		{"strict, all tables", ofp.FlowDeleteStrict, 2, "", []func(*ofp.FlowMod){table(255)}, []string{any3}},
		{"strict, all tables, priority 0, to the controller", ofp.FlowDeleteStrict, 0, "",
			[]func(*ofp.FlowMod){table(255), outPort(ofp.PortController)}, nil},
		{"out_port, also in write-actions", ofp.FlowDelete, 0, "", []func(*ofp.FlowMod){table(255), outPort(2)}, []string{http, any3}},
		{"out_group, also in write-actions", ofp.FlowDelete, 0, "", []func(*ofp.FlowMod){table(255), outGroup(7)}, []string{last, arp3}},
		{"out_port and out_group", ofp.FlowDelete, 0, "", []func(*ofp.FlowMod){table(255), outGroup(7), outPort(2)}, nil},
		{"cookie", ofp.FlowDelete, 0, "", []func(*ofp.FlowMod){table(255), cookie(0x20, 0xf0)}, []string{last, any3}},
		{"cookie without mask", ofp.FlowDelete, 0, "", []func(*ofp.FlowMod){table(255), cookie(0x20, 0)}, all},
		{"strict by cookie", ofp.FlowDeleteStrict, 1, "tcp", []func(*ofp.FlowMod){cookie(0x11, ^uint64(0))}, nil},
		{"a table never used", ofp.FlowDelete, 0, "", []func(*ofp.FlowMod){table(77)}, nil},
		{"instructions of the message do not matter", ofp.FlowDelete, 0, "tcp,tp_dst=80",
			[]func(*ofp.FlowMod){instructions(ofp.Instructions{Has: 1 << ofp.InstrGotoTable})}, []string{http}},
		{"flags of the message do not matter", ofp.FlowDelete, 0, "tcp,tp_dst=80",
			[]func(*ofp.FlowMod){flags(ofp.FlowSendFlowRem | ofp.FlowCheckOverlap)}, []string{http}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := fill(t)
			c := s.do(s.mod(tc.command, tc.priority, tc.match, tc.change...))
			for _, r := range c.Removed {
				// The notice is the entry's wish, not the message's.
				if want := r.Entry.Priority == 1; r.Reason != ofp.RemovedDelete || r.Notify() != want {
					t.Errorf("removed %+v with reason %d, notice %v", r.Entry, r.Reason, r.Notify())
				}
			}
			var left []string
			for _, line := range all {
				if !slices.Contains(tc.gone, line) {
					left = append(left, line)
				}
			}
			s.wantDump(strings.Join(left, "; "))
			if len(c.Removed) != len(tc.gone) || s.Len() != len(left) {
				t.Errorf("%d removed and %d left, want %d and %d", len(c.Removed), s.Len(), len(tc.gone), len(left))
			}
			s.Unlink(c.Dead())
			s.wantDump(strings.Join(left, "; "))
		})
	}
}

func TestRefusals(t *testing.T) {
	s := newStory(t)
	s.MaxEntries = 3
	s.add(5, "ip,nw_dst=10.0.0.0/8")
	s.add(6, "ip,nw_dst=10.1.0.0/16")
	overlap := flags(ofp.FlowCheckOverlap)
	s.wantRefusal(s.mod(ofp.FlowAdd, 5, "ip,nw_dst=10.0.0.0/8", overlap), ofp.FlowModFailedOverlap) // an identical one too
	s.wantRefusal(s.mod(ofp.FlowAdd, 5, "ip,nw_src=1.2.3.4", overlap), ofp.FlowModFailedOverlap)
	s.wantRefusal(s.mod(ofp.FlowAdd, 6, "", overlap), ofp.FlowModFailedOverlap)
	s.wantRefusal(s.mod(ofp.FlowAdd, 5, "ip,nw_dst=10.1.2.3", overlap), ofp.FlowModFailedOverlap)
	s.wantRefusal(s.mod(ofp.FlowAdd, 0, "", table(255)), ofp.FlowModFailedBadTableID)
	s.wantRefusal(s.mod(ofp.FlowAdd, 0, "", table(254)), ofp.FlowModFailedBadTableID)
	s.wantRefusal(s.mod(ofp.FlowModify, 0, "", table(255)), ofp.FlowModFailedBadTableID)
	s.wantRefusal(s.mod(ofp.FlowModifyStrict, 0, "", table(255)), ofp.FlowModFailedBadTableID)
	s.wantRefusal(s.mod(ofp.FlowDelete, 0, "", table(254)), ofp.FlowModFailedBadTableID)
	s.wantRefusal(s.mod(ofp.FlowDeleteStrict, 0, "", table(254)), ofp.FlowModFailedBadTableID)
	s.wantRefusal(s.mod(5, 0, ""), ofp.FlowModFailedBadCommand)
	s.wantRefusal(s.mod(255, 0, ""), ofp.FlowModFailedBadCommand)
	for command := uint8(0); command <= ofp.FlowDeleteStrict; command++ {
		s.wantRefusal(s.mod(command, 0, "", flags(1<<5)), ofp.FlowModFailedBadFlags)
		s.wantRefusal(s.mod(command, 0, "", flags(1<<15|1)), ofp.FlowModFailedBadFlags)
	}
	// No overlap: disjoint, or of another priority.
	s.add(5, "ip,nw_dst=11.0.0.0/8", overlap)
	s.wantRefusal(s.mod(ofp.FlowAdd, 9, "arp"), ofp.FlowModFailedTableFull)
	// Replacing and other tables need no room here.
	s.add(5, "ip,nw_dst=11.0.0.0/8", actions(9))
	s.add(9, "arp", table(1))
	s.do(s.mod(ofp.FlowDeleteStrict, 5, "ip,nw_dst=11.0.0.0/8"))
	s.add(7, "ip,nw_dst=10.1.2.3", overlap)
	s.Table(0).MaxEntries = 4
	s.add(9, "arp")
	s.wantRefusal(s.mod(ofp.FlowAdd, 9, "rarp"), ofp.FlowModFailedTableFull)
}

func TestTimeouts(t *testing.T) {
	s := newStory(t)
	start := s.now
	hard := s.add(1, "arp", timeouts(0, 5), flags(ofp.FlowSendFlowRem))
	idle := s.add(2, "arp", timeouts(3, 0))
	both := s.add(3, "arp", timeouts(3, 5))
	s.add(4, "arp")
	expire := func(at float64, want ...Removed) {
		t.Helper()
		s.v++
		s.now = start + int64(at*second)
		c := s.Expire(s.v, s.now)
		if len(c.Removed) != len(want) || !c.Empty() != (len(want) > 0) {
			t.Fatalf("at %v s: %d entries expired, want %d", at, len(c.Removed), len(want))
		}
		for _, r := range want {
			if !slices.Contains(c.Removed, r) {
				t.Errorf("at %v s: %+v did not expire for reason %d", at, r.Entry, r.Reason)
			}
		}
		s.Unlink(c.Dead())
	}
	if at, ok := s.NextExpiry(); !ok || at != start+3*second {
		t.Errorf("next expiry at %d, want 3 s from %d", at, start)
	}
	expire(2.9)
	idle.Counters.Add(1, 60, start+2*second)
	both.Counters.Add(1, 60, start+4*second)
	expire(4.9)
	if at, _ := s.NextExpiry(); at != start+5*second {
		t.Errorf("next expiry at %d, want 5 s from %d", at, start)
	}
	// The hard timeout comes whatever the traffic.
	expire(5, Removed{hard, ofp.RemovedHard}, Removed{idle, ofp.RemovedIdle}, Removed{both, ofp.RemovedHard})
	if s.HasTimeouts() {
		t.Error("timers are left")
	}
	if at, ok := s.NextExpiry(); ok || at <= s.now {
		t.Errorf("next expiry at %d, %v, though nothing has a timeout", at, ok)
	}
	expire(1e6)
	s.wantDump("0/4 arp")
	// No clock goes back, but a cell may be folded late: the last use stays.
	c := new(Counters)
	c.Add(1, 1, 50)
	c.Add(1, 1, 40)
	if c.LastUsed() != 50 || c.Packets() != 2 || c.Bytes() != 2 {
		t.Errorf("counters are %d %d %d", c.Packets(), c.Bytes(), c.LastUsed())
	}
}

func TestTableMiss(t *testing.T) {
	s := newStory(t)
	for _, tc := range []struct {
		priority uint16
		match    string
		want     bool
	}{{0, "", true}, {1, "", false}, {0, "arp", false}} {
		if e := s.add(tc.priority, tc.match); e.IsTableMiss() != tc.want {
			t.Errorf("%d %q: table-miss %v", tc.priority, tc.match, !tc.want)
		}
	}
}

func TestHidden(t *testing.T) {
	s := newStory(t)
	s.add(65535, "")
	s.v++
	before := s.v
	h := s.InsertHidden(&flow.Match{}, 1<<16, out(ofp.PortNormal), s.v, s.now)
	if e := s.Table(0).Lookup(&flow.Wide{}, s.v, nil); e != h || h.IsTableMiss() {
		t.Errorf("lookup gives %+v, want the hidden entry", e)
	}
	if !s.Table(0).Affects(before-1, before, exactly(&flow.Wide{}), 65535) {
		t.Error("a hidden entry came, and the lookup below is said to hold")
	}
	s.wantDump("0/65535 ")
	n := 0
	s.EachHidden(s.v, func(e *Entry) bool { n++; return e == h })
	if n != 1 || s.Table(0).Active() != 1 {
		t.Errorf("%d hidden entries, %d active", n, s.Table(0).Active())
	}
	if c := s.do(s.mod(ofp.FlowModify, 0, "")); len(c.Modified) != 1 {
		t.Errorf("modify touched %d entries", len(c.Modified))
	}
	if c := s.do(s.mod(ofp.FlowDelete, 0, "", table(255))); len(c.Removed) != 1 {
		t.Errorf("delete removed %d entries", len(c.Removed))
	}
	s.v++
	s.RemoveHidden(h, s.v)
	if e := s.Table(0).Lookup(&flow.Wide{}, s.v, nil); e != nil {
		t.Errorf("lookup gives %+v after removal", e)
	}
	if !s.Table(0).Affects(s.v-1, s.v, exactly(&flow.Wide{}), h.Priority) {
		t.Error("the hidden entry went, and its lookup is said to hold")
	}
	s.Unlink([]*Entry{h})
	defer func() {
		if recover() == nil {
			t.Error("no panic for a hidden entry of priority 65535")
		}
	}()
	s.InsertHidden(&flow.Match{}, 65535, out(1), s.v+1, s.now)
}

func TestStatistics(t *testing.T) {
	s := newStory(t)
	a := s.add(1, "tcp", cookie(1, 0), timeouts(60, 90), flags(ofp.FlowSendFlowRem|ofp.FlowResetCounts|ofp.FlowCheckOverlap))
	b := s.add(2, "udp", cookie(2, 0), table(3), flags(ofp.FlowNoPktCounts))
	c := s.add(3, "arp", cookie(3, 0), table(3), flags(ofp.FlowNoBytCounts))
	for i, e := range []*Entry{a, b, c} {
		e.Counters.Add(uint64(i+1), uint64(100*(i+1)), s.now)
	}
	st := a.Stats(s.now + 1_500_000_000)
	if st.Table != 0 || st.Priority != 1 || st.Cookie != 1 || st.IdleTimeout != 60 || st.HardTimeout != 90 ||
		st.DurationSec != 1 || st.DurationNsec != 500_000_000 || st.PacketCount != 1 || st.ByteCount != 100 ||
		st.Flags != ofp.FlowSendFlowRem|ofp.FlowResetCounts|ofp.FlowCheckOverlap || st.Match != a.Match() || len(st.Instructions.Apply) != 1 {
		t.Errorf("statistics %+v", st)
	}
	rm := b.Removed(ofp.RemovedIdle, s.now+2*second)
	if rm.Table != 3 || rm.Priority != 2 || rm.Cookie != 2 || rm.Reason != ofp.RemovedIdle || rm.DurationSec != 2 ||
		rm.PacketCount != ^uint64(0) || rm.ByteCount != 200 || rm.Match != b.Match() {
		t.Errorf("flow-removed %+v", rm)
	}
	req := &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	if sum, err := s.Aggregate(req, s.v); err != nil || sum != (ofp.AggregateStats{PacketCount: 4, ByteCount: 300, FlowCount: 3}) {
		t.Errorf("aggregate %+v, %v", sum, err)
	}
	req.Table = 3
	if sum, err := s.Aggregate(req, s.v); err != nil || sum.FlowCount != 2 {
		t.Errorf("aggregate of table 3: %+v, %v", sum, err)
	}
	req.Table = 254
	if _, err := s.Aggregate(req, s.v); code(err) != ofp.BadRequestBadTableID {
		t.Errorf("aggregate of table 254: %v", err)
	}
	s.Table(3).Credit(nil, 4, 0, 0, 0)
	s.Table(3).Credit(new(Counters), 6, 0, 0, 0)
	n := 0
	s.TableStats(func(st *ofp.TableStats) bool {
		want := ofp.TableStats{Table: ofp.TableID(n)}
		switch n {
		case 0:
			want.ActiveCount = 1
		case 3:
			want.ActiveCount, want.LookupCount, want.MatchedCount = 2, 10, 6
		}
		if *st != want {
			t.Errorf("table statistics %+v, want %+v", *st, want)
		}
		n++
		return true
	})
	if n != ofp.NumTables {
		t.Errorf("%d tables", n)
	}
	if s.Table(253) == nil || s.Table(254) != nil || s.Table(255) != nil {
		t.Error("there are tables 0 to 253, and no others")
	}
	// Stopping early.
	n = 0
	req.Table = ofp.TableAll
	if err := s.Each(req, s.v, func(*Entry) bool { n++; return n < 2 }); err != nil || n != 2 {
		t.Errorf("walk went on: %d, %v", n, err)
	}
}

// Several flow-mods of one version, as in a bundle: each sees what the ones
// before did, and none is seen before the version.
func TestOneVersion(t *testing.T) {
	s := newStory(t)
	s.add(1, "arp", actions(1))
	s.v++
	apply := func(m *ofp.FlowMod) *Change {
		t.Helper()
		c, err := s.Apply(m, s.v, s.now)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	var dead []*Entry
	for _, m := range []*ofp.FlowMod{
		s.mod(ofp.FlowAdd, 1, "arp", actions(2)),
		s.mod(ofp.FlowModify, 1, "arp", actions(3)),
		s.mod(ofp.FlowAdd, 2, "tcp"),
		s.mod(ofp.FlowDeleteStrict, 2, "tcp"),
		s.mod(ofp.FlowModify, 1, "", actions(4)),
	} {
		dead = append(dead, apply(m).Dead()...)
	}
	at := func(v classifier.Version) string {
		var w flow.Wide
		flow.EthType.Field().Set(&w, flow.Value{Lo: 0x0806})
		return fmt.Sprint(s.Table(0).Lookup(&w, v, nil).Instructions.Apply)
	}
	if old, now := at(s.v-1), at(s.v); old != "[{1 0}]" || now != "[{4 0}]" {
		t.Errorf("before %s, after %s", old, now)
	}
	s.wantDump("0/1 arp")
	s.Unlink(dead)
	s.wantDump("0/1 arp")
	if len(dead) != 4 || s.Len() != 1 {
		t.Errorf("%d dead, %d left", len(dead), s.Len())
	}
}
