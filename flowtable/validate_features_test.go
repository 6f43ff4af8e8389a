package flowtable

import (
	"math/bits"
	"slices"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// lists makes instructions with one action of each list, or none.
func lists(has ofp.InstrSet, apply, write []ofp.Action) ofp.Instructions {
	return ofp.Instructions{Has: has, Apply: apply, Write: write, Goto: 2}
}

// Flow-mods are held to the features of their table, with the exact code.
func TestFeaturesAreEnforced(t *testing.T) {
	const (
		jump, meta, write, apply = 1 << ofp.InstrGotoTable, 1 << ofp.InstrWriteMetadata, 1 << ofp.InstrWriteActions, 1 << ofp.InstrApplyActions
		ok                       = ofp.Code(0xffffffff)
	)
	setDst := []ofp.Action{ofp.SetField{Field: flow.EthDst, Value: flow.Value{Lo: 1}}}
	setSrc := []ofp.Action{ofp.SetField{Field: flow.EthSrc, Value: flow.Value{Lo: 1}}}
	outs, push := []ofp.Action{ofp.Output{Port: 1}}, []ofp.Action{ofp.PushVLAN{EtherType: 0x8100}}
	s := newStory(t)
	r := s.only(0, 1, 2)
	r[0].MetadataMatch, r[0].MetadataWrite = 0xff, 0xf0
	for _, p := range []ofp.TableProperty{
		{Type: ofp.TableInstructions, IDs: ids(ofp.InstrGotoTable, ofp.InstrWriteMetadata, ofp.InstrApplyActions, ofp.InstrWriteActions)},
		{Type: ofp.TableInstructionsMiss, IDs: ids(ofp.InstrGotoTable, ofp.InstrApplyActions, ofp.InstrClearActions)},
		{Type: ofp.TableNextTables, Tables: []ofp.TableID{1}},
		{Type: ofp.TableNextTablesMiss, Tables: []ofp.TableID{2}},
		{Type: ofp.TableApplyActions, IDs: ids(int(ofp.ActionOutput), int(ofp.ActionSetField))},
		{Type: ofp.TableApplyActionsMiss, IDs: ids(int(ofp.ActionOutput), int(ofp.ActionPushVLAN))},
		{Type: ofp.TableWriteActions, IDs: ids(int(ofp.ActionSetField), int(ofp.ActionPushVLAN))},
		{Type: ofp.TableApplySetField, Fields: fields(false, flow.EthDst)},
		{Type: ofp.TableWriteSetField, Fields: fields(false, flow.EthSrc)},
		{Type: ofp.TableMatch, Fields: append(fields(true, flow.Metadata, flow.IPv4Dst), fields(false, flow.EthType, flow.EthDst, flow.InPort)...)},
		{Type: ofp.TableWildcards, Fields: fields(false, flow.Metadata, flow.IPv4Dst, flow.EthType, flow.EthDst)},
	} {
		edit(r, p)
	}
	s.set(r)
	const port = "in_port=1," // which cannot be left out
	for _, tt := range []struct {
		name     string
		priority uint16
		match    string
		ins      ofp.Instructions
		code     ofp.Code
	}{
		{"all that it has", 1, port + "ip,nw_dst=10.0.0.0/8,metadata=0x5/0xf", lists(jump|meta|apply|write, append(slices.Clone(setDst), outs...), append(slices.Clone(setSrc), push...)), ok},
		{"no instructions", 1, port, ofp.Instructions{}, ok},
		{"clear-actions", 1, port, lists(1<<ofp.InstrClearActions, nil, nil), ofp.BadInstructionUnsupInst},
		{"goto 2", 1, port, lists(jump, nil, nil), ofp.BadInstructionBadTableID},
		{"action of the set in the list", 1, port, lists(apply, push, nil), ofp.BadActionBadType},
		{"action of the list in the set", 1, port, lists(write, nil, outs), ofp.BadActionBadType},
		{"field of the set in the list", 1, port, lists(apply, setSrc, nil), ofp.BadActionBadSetType},
		{"field of the list in the set", 1, port, lists(write, nil, setDst), ofp.BadActionBadSetType},
		{"metadata mask", 1, port, ofp.Instructions{Has: meta, MetadataMask: 0x1f0, Metadata: 0x10}, ofp.BadInstructionUnsupMetadataMask},
		{"metadata", 1, port, ofp.Instructions{Has: meta, MetadataMask: 0xf0, Metadata: 0x1f0}, ofp.BadInstructionUnsupMetadata},
		{"field", 1, port + "dl_src=02:00:00:00:00:01", out(1), ofp.BadMatchBadField},
		{"mask", 1, port + "dl_dst=02:00:00:00:00:00/ff:00:00:00:00:00", out(1), ofp.BadMatchBadMask},
		{"no mask", 1, port + "dl_dst=02:00:00:00:00:00", out(1), ok},
		{"metadata bits to match", 1, port + "metadata=0x100/0x100", out(1), ofp.BadMatchBadMask},
		{"left out", 1, "ip", out(1), ofp.BadMatchBadWildcards},
		{"all left out", 1, "", out(1), ofp.BadMatchBadWildcards},
		{"priority 0", 0, "ip", out(1), ofp.BadMatchBadWildcards},

		{"miss", 0, "", lists(jump|apply|1<<ofp.InstrClearActions, append(slices.Clone(outs), push...), nil), ok},
		{"miss: metadata", 0, "", ofp.Instructions{Has: meta, MetadataMask: 0xf0}, ofp.BadInstructionUnsupInst},
		{"miss: action", 0, "", lists(apply, setDst, nil), ofp.BadActionBadType},
		{"miss: goto 1", 0, "", ofp.Instructions{Has: jump, Goto: 1}, ofp.BadInstructionBadTableID},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.T = t
			if tt.name != "goto 2" && tt.name[0] != 'm' {
				tt.ins.Goto = 1
			}
			for _, command := range []uint8{ofp.FlowAdd, ofp.FlowModifyStrict} {
				m := s.mod(command, tt.priority, tt.match, func(m *ofp.FlowMod) { m.Instructions = tt.ins })
				if err := Validate(m, s.full()); err != nil && code(err) != tt.code {
					t.Fatalf("refused by itself: %v", err)
				}
				if tt.code != ok {
					s.wantRefusal(m, tt.code)
					continue
				}
				s.do(m)
			}
			s.do(s.mod(ofp.FlowDelete, 0, ""))
			// Deletes may name anything; there is nothing such.
			s.do(s.mod(ofp.FlowDeleteStrict, tt.priority, tt.match, func(m *ofp.FlowMod) { m.Instructions = tt.ins }))
		})
	}
}

// A modify that is not strict is held to the features of the entries that it
// changes, and its match is only a filter.
func TestFeaturesOfModify(t *testing.T) {
	s := newStory(t)
	r := s.only(0)
	edit(r, ofp.TableProperty{Type: ofp.TableInstructionsMiss, IDs: ids(ofp.InstrClearActions, ofp.InstrApplyActions)})
	edit(r, ofp.TableProperty{Type: ofp.TableInstructions, IDs: ids(ofp.InstrWriteActions, ofp.InstrApplyActions)})
	edit(r, ofp.TableProperty{Type: ofp.TableMatch, Fields: fields(false, flow.InPort, flow.EthDst)})
	edit(r, ofp.TableProperty{Type: ofp.TableWildcards})
	s.set(r)
	const whole = "in_port=1,dl_dst=02:00:00:00:00:00"
	with := func(instruction int) func(*ofp.FlowMod) {
		return func(m *ofp.FlowMod) { m.Instructions = ofp.Instructions{Has: 1 << instruction} }
	}
	s.wantRefusal(s.mod(ofp.FlowModify, 0, "", with(ofp.InstrClearActions)), ofp.BadInstructionUnsupInst)
	s.add(0, "")
	s.do(s.mod(ofp.FlowModify, 0, "", with(ofp.InstrClearActions)))
	s.add(7, whole)
	s.wantRefusal(s.mod(ofp.FlowModify, 0, "", with(ofp.InstrClearActions)), ofp.BadInstructionUnsupInst)
	s.wantRefusal(s.mod(ofp.FlowModify, 0, "", with(ofp.InstrWriteActions)), ofp.BadInstructionUnsupInst)
	s.do(s.mod(ofp.FlowModify, 0, "in_port=1", with(ofp.InstrWriteActions)))
	s.do(s.mod(ofp.FlowModify, 0, "dl_dst=02:00:00:00:00:00/ff:00:00:00:00:00", with(ofp.InstrWriteActions)))
	s.do(s.mod(ofp.FlowModify, 0, "", with(ofp.InstrApplyActions)))
	s.wantRefusal(s.mod(ofp.FlowModify, 0, "dl_src=02:00:00:00:00:00"), ofp.BadMatchBadField)
	s.wantRefusal(s.mod(ofp.FlowModifyStrict, 0, "in_port=1"), ofp.BadMatchBadWildcards)
}

// Each thing that can be in a report is left out of it once: then it is refused,
// and nothing else is.
func TestFeaturesOneByOne(t *testing.T) {
	s := newStory(t)
	group := &ofp.GroupMod{Command: ofp.GroupAdd, GroupID: 1, GroupType: ofp.GroupTypeAll}
	if _, err := s.ApplyGroup(group, 1, 0, s.full()); err != nil {
		t.Fatal(err)
	}
	meter := &ofp.MeterMod{Command: ofp.MeterAdd, MeterID: 1, Flags: ofp.MeterFlagKBPS, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: 1}}}
	if _, err := s.ApplyMeter(meter, 1, 0, s.full()); err != nil {
		t.Fatal(err)
	}
	sw := s.full()
	accepted := func(m *ofp.FlowMod) bool {
		t.Helper()
		if err := Validate(m, sw); err != nil {
			return false
		}
		s.v++
		c, err := s.Apply(m, s.v, s.now)
		if err == nil {
			s.Undo(c, s.v)
		}
		return err == nil
	}
	listed := func(i int, bit uint64) bool { return bit>>i&1 != 0 }
	check := func(what string, i int, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s %d: accepted %v, listed %v", what, i, got, want)
		}
	}
	all := allCapabilities(&sw, 0, DefaultMaxEntries)
	request := s.only(allTables()...)
	// set gives table 0 these features.
	set := func(c *capabilities) {
		t.Helper()
		request[0] = c.report(0)
		s.set(request)
		s.readsBack(c)
	}
	// Lists of which every second is left out, and then the others.
	for _, keep := range []uint64{0x5555555555555555, 0xaaaaaaaaaaaaaaaa} {
		for _, miss := range []bool{false, true} {
			c := all
			can := &c.flows
			if miss {
				can = &c.miss
			}
			can.instructions &= ofp.InstrSet(keep) | 1<<ofp.InstrApplyActions | 1<<ofp.InstrWriteActions
			can.apply &= ActionSet(keep) | Actions(ofp.ActionSetField)
			can.write &= ActionSet(bits.Reverse64(keep)) | Actions(ofp.ActionSetField)
			can.applySet &= FieldSet(keep)
			can.writeSet &= FieldSet(bits.Reverse64(keep))
			can.next[0] &= keep | 2
			set(&c)
			mod := func(ins ofp.Instructions, text string) *ofp.FlowMod {
				m := s.mod(ofp.FlowAdd, 1, text, func(m *ofp.FlowMod) { m.Instructions = ins })
				if miss {
					m.Priority, m.Match = 0, flow.Match{}
				}
				return m
			}
			for i := ofp.InstrGotoTable; i <= ofp.InstrMeter; i++ {
				check("instruction", i, accepted(mod(ofp.Instructions{Has: 1 << i, Goto: 1, Meter: 1}, "")), listed(i, uint64(can.instructions)))
			}
			for _, a := range oneOfEach {
				typ := a.action.ActionType()
				if typ == ofp.ActionSetField || miss && a.match != "" {
					continue // its field counts too; the table-miss entry has no match for it to fit
				}
				list := []ofp.Action{a.action}
				check("apply", int(typ), accepted(mod(lists(1<<ofp.InstrApplyActions, list, nil), a.match)), can.apply.Contains(typ))
				check("write", int(typ), accepted(mod(lists(1<<ofp.InstrWriteActions, nil, list), a.match)), can.write.Contains(typ))
			}
			for i := range flow.Table {
				row := &flow.Table[i]
				text := prerequisites[row.Prereq]
				if row.ID == flow.VLANVID {
					text = "dl_vlan=5"
				}
				if miss && text != "" {
					continue
				}
				list := []ofp.Action{ofp.SetField{Field: row.ID, Value: row.Full()}}
				check("apply set-field", i, accepted(mod(lists(1<<ofp.InstrApplyActions, list, nil), text)), can.applySet.Contains(row.ID))
				check("write set-field", i, accepted(mod(lists(1<<ofp.InstrWriteActions, nil, list), text)), can.writeSet.Contains(row.ID))
			}
		}
		// Of fields to match, prerequisites stay.
		c := all
		need := FieldSet(1<<flow.InPort | 1<<flow.EthType | 1<<flow.IPProto | 1<<flow.VLANVID | 1<<flow.ICMPv6Type)
		c.match &= FieldSet(keep) | need
		c.masked &= c.match & (FieldSet(keep>>2) | need)
		set(&c)
		for i := range flow.Table {
			row := &flow.Table[i]
			m := s.mod(ofp.FlowAdd, 1, prerequisites[row.Prereq])
			m.Match.SetMasked(row.ID, flow.Value{}, row.Full())
			check("match", i, accepted(m), c.match.Contains(row.ID))
			if !row.Maskable {
				continue
			}
			mask := row.Full()
			mask.Lo &^= 1
			m.Match.SetMasked(row.ID, flow.Value{}, mask)
			check("masked match", i, accepted(m), c.masked.Contains(row.ID))
		}
	}
	// Of fields that may be left out, each in its turn may not be.
	c := all
	for i := range flow.Table {
		row := &flow.Table[i]
		c.wildcards = all.wildcards &^ (1 << row.ID)
		set(&c)
		m := s.mod(ofp.FlowAdd, 1, prerequisites[row.Prereq])
		if _, _, there := m.Match.Get(row.ID); !there {
			check("left out", i, accepted(m), false)
			m.Match.SetMasked(row.ID, flow.Value{}, row.Full())
		}
		check("there", i, accepted(m), true)
	}
}

// readsBack checks that the report of table 0 says what c does.
func (s *story) readsBack(c *capabilities) {
	s.Helper()
	sw := s.full()
	all, tables := allCapabilities(&sw, 0, DefaultMaxEntries), tableSet{}
	for _, id := range allTables() {
		tables.add(id)
	}
	var first *ofp.TableFeatures
	s.Features(sw, func(f *ofp.TableFeatures) bool { first = f; return false })
	got, err := readCapabilities(first, &all, &tables)
	if err != nil || got != *c {
		s.Errorf("the report says %+v, want %+v; error %v", got, *c, err)
	}
}
