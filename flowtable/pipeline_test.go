package flowtable

import (
	"slices"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// full are limits with everything on.
func (s *story) full() Limits { return DefaultLimits().WithGroupsAndMeters(s.Tables) }

// report is what there is, as a request that changes nothing.
func (s *story) report() (r ofp.TableFeaturesRequest) {
	s.Features(s.full(), func(f *ofp.TableFeatures) bool {
		r = append(r, f)
		return true
	})
	return r
}

// only is a request for tables that can do all that there is, with those of the
// request in place of all to go to.
func (s *story) only(ids ...ofp.TableID) (r ofp.TableFeaturesRequest) {
	fresh := &story{s.T, NewTables(), 0, 0}
	for _, f := range fresh.report() {
		if !slices.Contains(ids, f.Table) {
			continue
		}
		next := f.Property(ofp.TableNextTables)
		next.Tables = slices.DeleteFunc(next.Tables, func(t ofp.TableID) bool { return !slices.Contains(ids, t) })
		r = append(r, f)
	}
	return r
}

// set sets features at the next version.
func (s *story) set(r ofp.TableFeaturesRequest) *Change {
	s.Helper()
	s.v++
	c, err := s.SetFeatures(r, s.full(), s.v)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// edit replaces a property of the first table of r, or adds it.
func edit(r ofp.TableFeaturesRequest, p ofp.TableProperty) ofp.TableFeaturesRequest {
	if old := r[0].Property(p.Type); old != nil {
		*old = p
	} else {
		r[0].Properties = append(r[0].Properties, p)
	}
	return r
}

func ids(types ...int) (list []ofp.FeatureID) {
	for _, t := range types {
		list = append(list, ofp.FeatureID{Type: uint16(t)})
	}
	return list
}

func fields(masked bool, list ...flow.ID) (oxm []ofp.OXMID) {
	for _, id := range list {
		oxm = append(oxm, ofp.FieldID(id.Field(), masked))
	}
	return oxm
}

// What is reported can be asked for, and that changes nothing but names and
// configuration: mod-table does so.
func TestSetFeaturesNames(t *testing.T) {
	s := newStory(t)
	s.add(5, "in_port=1")
	r := s.report()
	r[3].Name, r[4].Config = "acl", 3
	if c := s.set(r); !c.Empty() {
		t.Errorf("it changed %+v", c)
	}
	s.wantDump("0/5 in_port=1")
	r = s.report()
	if len(r) != ofp.NumTables || r[3].Name != "acl" || r[4].Config != 3 || s.setup(0).caps != nil {
		t.Errorf("%d tables, %+v, %+v", len(r), r[3], r[4])
	}
	// Lengths as others write them, and each list in another order.
	for i := range r[0].Property(ofp.TableMatch).Fields {
		r[0].Property(ofp.TableMatch).Fields[i].Length = 0
	}
	slices.Reverse(r[0].Property(ofp.TableApplyActions).IDs)
	slices.Reverse(r[0].Properties)
	slices.Reverse(r)
	if c := s.set(r); !c.Empty() || s.setup(0).caps != nil || s.setup(3).name != "acl" {
		t.Errorf("it changed %+v", c)
	}
}

// A request that cannot be had is refused whole.
func TestSetFeaturesRefused(t *testing.T) {
	property := func(typ ofp.TablePropertyType, list ...ofp.FeatureID) func(ofp.TableFeaturesRequest) ofp.TableFeaturesRequest {
		return func(r ofp.TableFeaturesRequest) ofp.TableFeaturesRequest {
			return edit(r, ofp.TableProperty{Type: typ, IDs: list})
		}
	}
	oxm := func(typ ofp.TablePropertyType, id ofp.OXMID) func(ofp.TableFeaturesRequest) ofp.TableFeaturesRequest {
		return func(r ofp.TableFeaturesRequest) ofp.TableFeaturesRequest {
			return edit(r, ofp.TableProperty{Type: typ, Fields: []ofp.OXMID{id}})
		}
	}
	next := func(typ ofp.TablePropertyType, to ofp.TableID) func(ofp.TableFeaturesRequest) ofp.TableFeaturesRequest {
		return func(r ofp.TableFeaturesRequest) ofp.TableFeaturesRequest {
			return edit(r, ofp.TableProperty{Type: typ, Tables: []ofp.TableID{to}})
		}
	}
	first := func(change func(f *ofp.TableFeatures)) func(ofp.TableFeaturesRequest) ofp.TableFeaturesRequest {
		return func(r ofp.TableFeaturesRequest) ofp.TableFeaturesRequest { change(r[0]); return r }
	}
	badLength := ofp.FieldID(flow.EthDst.Field(), false)
	badLength.Length = 5
	type row struct {
		name string
		make func(ofp.TableFeaturesRequest) ofp.TableFeaturesRequest
		code ofp.Code
	}
	rows := []row{
		{"a table twice", func(r ofp.TableFeaturesRequest) ofp.TableFeaturesRequest { return append(r, r[1]) }, ofp.TableFeaturesFailedBadTable},
		{"table 254", func(r ofp.TableFeaturesRequest) ofp.TableFeaturesRequest {
			return append(r, &ofp.TableFeatures{Table: 254, Properties: r[1].Properties})
		}, ofp.TableFeaturesFailedBadTable},
		{"table 255", func(r ofp.TableFeaturesRequest) ofp.TableFeaturesRequest {
			return append(r, &ofp.TableFeatures{Table: 255, Properties: r[1].Properties})
		}, ofp.TableFeaturesFailedBadTable},
		{"no table 0", func(r ofp.TableFeaturesRequest) ofp.TableFeaturesRequest { return r[1:] }, ofp.TableFeaturesFailedBadTable},
		{"configuration bit 2", first(func(f *ofp.TableFeatures) { f.Config = 4 }), ofp.TableFeaturesFailedBadArgument},
		{"too many entries", first(func(f *ofp.TableFeatures) { f.MaxEntries++ }), ofp.TableFeaturesFailedBadArgument},
		{"a property twice", first(func(f *ofp.TableFeatures) { f.Properties = append(f.Properties, f.Properties[0]) }), ofp.TableFeaturesFailedBadArgument},
		{"experimenter", property(ofp.TableExperimenter), ofp.TableFeaturesFailedBadType},
		{"experimenter, miss", property(ofp.TableExperimenterMiss), ofp.TableFeaturesFailedBadType},
		{"instruction 7", property(ofp.TableInstructions, ids(7)...), ofp.TableFeaturesFailedBadArgument},
		{"experimenter's instruction", property(ofp.TableInstructionsMiss, ids(0xffff)...), ofp.TableFeaturesFailedBadArgument},
		{"action 1", property(ofp.TableWriteActions, ids(1)...), ofp.TableFeaturesFailedBadArgument},
		{"action 28", property(ofp.TableApplyActionsMiss, ids(28)...), ofp.TableFeaturesFailedBadArgument},
		{"action 300", property(ofp.TableApplyActions, ids(300)...), ofp.TableFeaturesFailedBadArgument},
		{"experimenter's action", property(ofp.TableWriteActionsMiss, ids(0xffff)...), ofp.TableFeaturesFailedBadArgument},
		{"to itself", next(ofp.TableNextTables, 0), ofp.TableFeaturesFailedBadArgument},
		{"to a table that is not there", next(ofp.TableNextTablesMiss, 7), ofp.TableFeaturesFailedBadArgument},
		{"to table 255", next(ofp.TableNextTables, 255), ofp.TableFeaturesFailedBadArgument},
		{"field 40", oxm(ofp.TableMatch, ofp.OXMID{Class: flow.ClassBasic, Number: 40}), ofp.TableFeaturesFailedBadArgument},
		{"experimenter's field", oxm(ofp.TableWildcards, ofp.OXMID{Class: flow.ClassExperiment, Number: 1}), ofp.TableFeaturesFailedBadArgument},
		{"mask of IN_PORT", oxm(ofp.TableMatch, ofp.FieldID(flow.InPort.Field(), true)), ofp.TableFeaturesFailedBadArgument},
		{"mask bit in WILDCARDS", oxm(ofp.TableWildcards, ofp.FieldID(flow.EthDst.Field(), true)), ofp.TableFeaturesFailedBadArgument},
		{"wrong length", oxm(ofp.TableMatch, badLength), ofp.TableFeaturesFailedBadLen},
		{"setting of IN_PORT", oxm(ofp.TableApplySetField, ofp.FieldID(flow.InPort.Field(), false)), ofp.TableFeaturesFailedBadArgument},
		{"setting of METADATA", oxm(ofp.TableWriteSetFieldMiss, ofp.FieldID(flow.Metadata.Field(), false)), ofp.TableFeaturesFailedBadArgument},
	}
	for _, p := range requiredProperties {
		rows = append(rows, row{p.String() + " is missing", first(func(f *ofp.TableFeatures) {
			f.Properties = slices.DeleteFunc(f.Properties, func(q ofp.TableProperty) bool { return q.Type == p })
		}), ofp.TableFeaturesFailedBadArgument})
	}
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			s := newStory(t)
			s.add(5, "in_port=1")
			s.set(s.only(0, 1, 2))
			s.add(6, "")
			before := s.pipeline.Load()
			_, err := s.SetFeatures(tt.make(s.only(0, 1, 2)), s.full(), s.v+1)
			if code(err) != tt.code {
				t.Errorf("%v, want %v", err, tt.code)
			}
			if s.pipeline.Load() != before {
				t.Error("the tables have changed")
			}
			s.wantDump("0/6 ")
		})
	}
	s := newStory(t)
	less := s.full()
	less.MetadataMask = 0xff
	if _, err := s.SetFeatures(s.report(), less, 1); code(err) != ofp.TableFeaturesFailedBadMetadata {
		t.Errorf("metadata that the switch does not have: %v", err)
	}
}

// Tables that are not listed are gone, with their entries and those of tables
// that could go there; those that stay as they were keep theirs.
func TestSetFeaturesTakesTablesAway(t *testing.T) {
	s := newStory(t)
	group := &ofp.GroupMod{Command: ofp.GroupAdd, GroupID: 1, GroupType: ofp.GroupTypeAll}
	if _, err := s.ApplyGroup(group, 1, s.now, s.full()); err != nil {
		t.Fatal(err)
	}
	s.set(s.only(0, 1, 2, 9))
	notify := func(m *ofp.FlowMod) { m.Flags = ofp.FlowSendFlowRem }
	in := func(table ofp.TableID) func(*ofp.FlowMod) { return func(m *ofp.FlowMod) { m.Table = table } }
	uses := func(m *ofp.FlowMod) { m.Instructions.Apply = []ofp.Action{ofp.Group{GroupID: 1}} }
	s.add(1, "", notify, uses)
	s.add(2, "", in(1), notify)
	s.add(3, "", in(2))
	s.add(4, "", in(9), uses)
	hidden := s.InsertHidden(&flow.Match{}, 1<<20, out(1), s.v, s.now)
	before := s.v
	c := s.set(s.only(0, 1, 9))
	s.wantDump("9/4 ")
	if len(c.Removed) != 3 {
		t.Errorf("%d entries removed", len(c.Removed))
	}
	for i := range c.Removed {
		if c.Removed[i].Notify() {
			t.Errorf("a flow-removed message is due for %+v", c.Removed[i].Entry)
		}
	}
	w := &flow.Wide{}
	if e := s.Table(1).Lookup(w, before, nil); e == nil || e.Priority != 2 {
		t.Errorf("a frame of the old version finds %v", e)
	}
	if e := s.Table(1).Lookup(w, s.v, nil); e != nil {
		t.Errorf("a frame of the new version finds %+v", e)
	}
	if !hidden.VisibleAt(s.v) {
		t.Error("the hidden entry is gone")
	}
	if !s.Table(2).Affects(before, s.v, exactly(w), 3) {
		t.Error("programs that went through table 2 are not told")
	}
	if g := s.Group(1, s.v); g.References() != 1 {
		t.Errorf("the group has %d users, want 1", g.References())
	}
	s.UnlinkAll(c)

	if s.Count() != 3 || s.Has(2) || !s.Has(9) {
		t.Errorf("%d tables", s.Count())
	}
	var stats []ofp.TableID
	s.TableStats(func(st *ofp.TableStats) bool { stats = append(stats, st.Table); return true })
	if !slices.Equal(stats, []ofp.TableID{0, 1, 9}) {
		t.Errorf("statistics of the tables %v", stats)
	}
	if got := s.report(); len(got) != 3 || got[2].Table != 9 {
		t.Errorf("%d tables are reported", len(got))
	}
	s.wantRefusal(s.mod(ofp.FlowAdd, 1, "", in(2)), ofp.FlowModFailedBadTableID)
	s.wantRefusal(s.mod(ofp.FlowDelete, 1, "", in(2)), ofp.FlowModFailedBadTableID)
	s.do(s.mod(ofp.FlowDelete, 1, "in_port=7", in(ofp.TableAll)))
	jump := func(to ofp.TableID) func(*ofp.FlowMod) {
		return func(m *ofp.FlowMod) { m.Instructions = ofp.Instructions{Has: 1 << ofp.InstrGotoTable, Goto: to} }
	}
	s.wantRefusal(s.mod(ofp.FlowAdd, 1, "", jump(2)), ofp.BadInstructionBadTableID)
	s.add(1, "", jump(9))
	req := &ofp.FlowStatsRequest{Table: 2, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	if err := s.Each(req, s.v, func(*Entry) bool { return true }); code(err) != ofp.BadRequestBadTableID {
		t.Errorf("flows of a table that is gone: %v", err)
	}
	if err := s.Configure(&ofp.TableMod{Table: 2}); code(err) != ofp.TableModFailedBadTable {
		t.Errorf("table-mod of a table that is gone: %v", err)
	}

	// All of them can be had back.
	s.set(s.only(allTables()...))
	if s.Count() != ofp.NumTables {
		t.Errorf("%d tables", s.Count())
	}
	s.add(1, "", in(2))
}

func allTables() (list []ofp.TableID) {
	for i := range ofp.NumTables {
		list = append(list, ofp.TableID(i))
	}
	return list
}

// The limit of entries is exact, and to change it is to change the table.
func TestSetFeaturesMaxEntries(t *testing.T) {
	s := newStory(t)
	r := s.only(0, 1)
	r[0].MaxEntries, r[1].MaxEntries = 2, 0
	s.set(r)
	s.add(1, "in_port=1")
	s.add(1, "in_port=2")
	s.wantRefusal(s.mod(ofp.FlowAdd, 1, "in_port=3"), ofp.FlowModFailedTableFull)
	s.add(1, "in_port=2") // in place of the other
	s.wantRefusal(s.mod(ofp.FlowAdd, 1, "", func(m *ofp.FlowMod) { m.Table = 1 }), ofp.FlowModFailedTableFull)
	r = s.report()
	if r[0].MaxEntries != 2 || r[1].MaxEntries != 0 {
		t.Errorf("%d and %d entries are reported", r[0].MaxEntries, r[1].MaxEntries)
	}
	r[0].MaxEntries = 3
	s.set(r)
	s.wantDump("")
	for _, m := range []string{"in_port=1", "in_port=2", "in_port=3"} {
		s.add(1, m)
	}
	s.wantRefusal(s.mod(ofp.FlowAdd, 1, "in_port=4"), ofp.FlowModFailedTableFull)
}

// Bits of a table-mod are kept for the report, for one table or all.
func TestConfigure(t *testing.T) {
	s := newStory(t)
	for _, tt := range []struct {
		mod  ofp.TableMod
		code ofp.Code
	}{
		{ofp.TableMod{Table: 1, Config: 3}, code(nil)},
		{ofp.TableMod{Table: 254, Config: 1}, ofp.TableModFailedBadTable},
		{ofp.TableMod{Table: 0, Config: 4}, ofp.TableModFailedBadConfig},
		{ofp.TableMod{Table: ofp.TableAll, Config: 1 << 31}, ofp.TableModFailedBadConfig},
	} {
		if err := s.Configure(&tt.mod); code(err) != tt.code {
			t.Errorf("%+v: %v, want %v", tt.mod, err, tt.code)
		}
	}
	if r := s.report(); r[0].Config != 0 || r[1].Config != 3 {
		t.Errorf("%d and %d", r[0].Config, r[1].Config)
	}
	if err := s.Configure(&ofp.TableMod{Table: ofp.TableAll, Config: 2}); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.report() {
		if f.Config != 2 {
			t.Errorf("table %d has %d", f.Table, f.Config)
		}
	}
}
