package flowtable

import (
	"testing"

	"ofswitch/ofp"
)

// legacy makes a flow-mod one of OpenFlow 1.0, with a new cookie.
func legacy(cookie uint64) func(*ofp.FlowMod) {
	return func(m *ofp.FlowMod) { m.Legacy, m.NewCookie = true, cookie }
}

// TestModifyLegacy holds what a modify of OpenFlow 1.0 does: it sets cookies, reaches
// all tables, and adds what it does not find.
func TestModifyLegacy(t *testing.T) {
	const none = ^uint64(0)
	tests := []struct {
		name    string
		m       func(s *story) *ofp.FlowMod
		dump    string
		cookies []uint64 // of table 0, 1 and 2; 0: no entry
	}{
		{"finds one", func(s *story) *ofp.FlowMod {
			return s.mod(ofp.FlowModifyStrict, 5, "in_port=1", table(1), legacy(9))
		}, "0/5 in_port=1; 1/5 in_port=1", []uint64{3, 9, 0}},
		{"keeps the cookie", func(s *story) *ofp.FlowMod {
			return s.mod(ofp.FlowModifyStrict, 5, "in_port=1", table(1), legacy(none))
		}, "0/5 in_port=1; 1/5 in_port=1", []uint64{3, 4, 0}},
		{"all tables", func(s *story) *ofp.FlowMod {
			return s.mod(ofp.FlowModify, 7, "", table(ofp.TableAll), legacy(9))
		}, "0/5 in_port=1; 1/5 in_port=1", []uint64{9, 9, 0}},
		{"cookie filter", func(s *story) *ofp.FlowMod {
			return s.mod(ofp.FlowModify, 7, "", table(ofp.TableAll), cookie(4, none), legacy(9))
		}, "0/5 in_port=1; 1/5 in_port=1", []uint64{3, 9, 0}},
		{"adds", func(s *story) *ofp.FlowMod {
			return s.mod(ofp.FlowModifyStrict, 5, "in_port=2", table(2), legacy(9))
		}, "0/5 in_port=1; 1/5 in_port=1; 2/5 in_port=2", []uint64{3, 4, 9}},
		{"adds to table 0 for all", func(s *story) *ofp.FlowMod {
			return s.mod(ofp.FlowModify, 6, "in_port=2", table(ofp.TableAll), legacy(9))
		}, "0/5 in_port=1; 0/6 in_port=2; 1/5 in_port=1", []uint64{9, 4, 0}},
		{"no cookie to add with", func(s *story) *ofp.FlowMod {
			return s.mod(ofp.FlowModify, 6, "in_port=2", table(2), legacy(none))
		}, "0/5 in_port=1; 1/5 in_port=1", []uint64{3, 4, 0}},
		{"looks for a cookie", func(s *story) *ofp.FlowMod {
			return s.mod(ofp.FlowModify, 6, "in_port=2", table(2), cookie(1, 1), legacy(9))
		}, "0/5 in_port=1; 1/5 in_port=1", []uint64{3, 4, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStory(t)
			s.add(5, "in_port=1", cookie(3, 0))
			s.add(5, "in_port=1", table(1), cookie(4, 0))
			m := tt.m(s)
			if err := Validate(m, DefaultLimits()); err != nil {
				t.Fatal(err)
			}
			s.do(m)
			s.wantDump(tt.dump)
			got := make([]uint64, 3)
			_ = s.Each(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, s.v, func(e *Entry) bool {
				got[e.Table] = e.Cookie
				return true
			})
			for i, want := range tt.cookies {
				if got[i] != want && !(tt.name == "adds to table 0 for all" && i == 0) {
					t.Errorf("cookie of table %d is %d, want %d", i, got[i], want)
				}
			}
		})
	}
}

// TestModifyLegacyRefusals holds that a refused one changes nothing, also when it is
// refused for the last table that it is about.
func TestModifyLegacyRefusals(t *testing.T) {
	s := newStory(t)
	s.add(5, "in_port=1")
	s.add(5, "in_port=1", table(4))
	toTable := func(m *ofp.FlowMod) {
		m.Instructions.Has |= 1 << ofp.InstrGotoTable
		m.Instructions.Goto = 3
	}
	s.wantRefusal(s.mod(ofp.FlowModify, 1, "", table(ofp.TableAll), legacy(9), toTable), ofp.BadInstructionBadTableID)
	group := func(m *ofp.FlowMod) { m.Instructions.Apply = []ofp.Action{ofp.Group{GroupID: 7}} }
	s.wantRefusal(s.mod(ofp.FlowModify, 1, "in_port=2", table(ofp.TableAll), legacy(9), group), ofp.BadActionBadOutGroup)
	s.wantRefusal(s.mod(ofp.FlowAdd, 1, "in_port=2", table(ofp.TableAll), legacy(9)), ofp.FlowModFailedBadTableID)
}

// TestLegacyActionsNeedNoMatch holds that actions of OpenFlow 1.0 need not fit the
// match, and that their ports are looked at.
func TestLegacyActionsNeedNoMatch(t *testing.T) {
	s := newStory(t)
	for _, tt := range []struct {
		name   string
		a      ofp.Action
		legacy ofp.Code
		strict ofp.Code // as OpenFlow 1.3
	}{
		{"pop without tag", ofp.PopVLAN{}, ok, ofp.BadActionMatchInconsistent},
		{"TTL without IP", ofp.DecNwTTL{}, ok, ofp.BadActionMatchInconsistent},
		{"strip", ofp.StripVLAN{}, ok, ok},
		{"enqueue", ofp.Enqueue{Port: 3, QueueID: 1}, ok, ok},
		{"enqueue to TABLE", ofp.Enqueue{Port: ofp.PortTable}, ofp.BadActionBadOutPort, ofp.BadActionBadOutPort},
		{"VLAN priority after a tag was pushed", ofp.SetVLANPCP{PCP: 1}, ok, ok},
	} {
		for _, old := range []bool{true, false} {
			m := s.mod(ofp.FlowAdd, 1, "in_port=1")
			m.Legacy = old
			m.Instructions.Apply = []ofp.Action{tt.a}
			want := tt.strict
			if old {
				want = tt.legacy
			}
			got := ofp.Code(ok)
			if err := Validate(m, DefaultLimits()); err != nil {
				got = code(err)
			}
			if got != want {
				t.Errorf("%s, legacy %v: %v, want %v", tt.name, old, got, want)
			}
		}
	}
}

// TestEnqueueIsAnOutput holds that the out_port filter sees it.
func TestEnqueueIsAnOutput(t *testing.T) {
	s := newStory(t)
	s.add(1, "in_port=1", instructions(ofp.Instructions{Has: 1 << ofp.InstrApplyActions, Apply: []ofp.Action{ofp.Enqueue{Port: 3}}}))
	s.add(1, "in_port=2")
	s.do(s.mod(ofp.FlowDelete, 0, "", outPort(3)))
	s.wantDump("0/1 in_port=2")
}
