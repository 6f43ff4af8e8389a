package flowtable

import (
	"slices"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// prerequisites are matches that let a field stand, by what it asks for.
var prerequisites = map[flow.Prereq]string{
	flow.PrereqNone:      "",
	flow.PrereqInPort:    "in_port=1",
	flow.PrereqVLAN:      "dl_vlan=5",
	flow.PrereqIP:        "ip",
	flow.PrereqIPv4:      "ip",
	flow.PrereqIPv6:      "ipv6",
	flow.PrereqARP:       "arp",
	flow.PrereqMPLS:      "dl_type=0x8847",
	flow.PrereqPBB:       "dl_type=0x88e7",
	flow.PrereqTCP:       "tcp",
	flow.PrereqUDP:       "udp6",
	flow.PrereqSCTP:      "sctp",
	flow.PrereqICMPv4:    "icmp",
	flow.PrereqICMPv6:    "icmp6",
	flow.PrereqND:        "icmp6,icmp_type=135",
	flow.PrereqNDSolicit: "icmp6,icmp_type=135",
	flow.PrereqNDAdvert:  "icmp6,icmp_type=136",
}

// oneOfEach has every action with a match that it fits.
var oneOfEach = []struct {
	match  string
	action ofp.Action
}{
	{"", ofp.Output{Port: 1}},
	{"dl_type=0x8847", ofp.CopyTTLOut{}},
	{"dl_type=0x8847", ofp.CopyTTLIn{}},
	{"dl_type=0x8847", ofp.SetMPLSTTL{TTL: 5}},
	{"dl_type=0x8847", ofp.DecMPLSTTL{}},
	{"", ofp.PushVLAN{EtherType: 0x8100}},
	{"dl_vlan=5", ofp.PopVLAN{}},
	{"", ofp.PushMPLS{EtherType: 0x8847}},
	{"dl_type=0x8847", ofp.PopMPLS{EtherType: 0x0800}},
	{"", ofp.SetQueue{QueueID: 1}},
	{"", ofp.Group{GroupID: 1}},
	{"ip", ofp.SetNwTTL{TTL: 5}},
	{"ip", ofp.DecNwTTL{}},
	{"", ofp.SetField{Field: flow.EthDst, Value: flow.Value{Lo: 1}}},
	{"", ofp.PushPBB{EtherType: 0x88e7}},
	{"dl_type=0x88e7", ofp.PopPBB{}},
}

// featuresOf is the report about one table.
func featuresOf(t *testing.T, tables *Tables, sw Limits, id ofp.TableID) *ofp.TableFeatures {
	t.Helper()
	var found *ofp.TableFeatures
	tables.Features(sw, func(f *ofp.TableFeatures) bool {
		found = f
		return f.Table != id
	})
	if found == nil || found.Table != id {
		t.Fatalf("no features of table %d", id)
	}
	return found
}

// The report says what is accepted: each thing that could be in it is tried.
func TestFeaturesAreWhatValidateAccepts(t *testing.T) {
	fewer := DefaultLimits()
	fewer.Tables = 3
	fewer.Instructions &^= 1<<ofp.InstrClearActions | 1<<ofp.InstrWriteActions
	fewer.Actions = Actions(ofp.ActionOutput, ofp.ActionSetField, ofp.ActionPopMPLS, ofp.ActionSetQueue)
	fewer.SetFields = 1<<flow.EthDst | 1<<flow.MPLSLabel
	fewer.MetadataMask = 0xff
	more := DefaultLimits()
	more.GroupExists = func(uint32) bool { return true }
	more.MeterExists = func(uint32) bool { return true }
	more.Actions = ^ActionSet(0)
	noGoto := DefaultLimits()
	noGoto.Instructions &^= 1<<ofp.InstrGotoTable | 1<<ofp.InstrWriteMetadata
	noSet := DefaultLimits()
	noSet.Actions &^= Actions(ofp.ActionSetField)

	for name, sw := range map[string]Limits{"default": DefaultLimits(), "fewer": fewer, "more": more, "no goto": noGoto, "no set-field": noSet} {
		t.Run(name, func(t *testing.T) {
			for _, id := range []ofp.TableID{0, ofp.TableID(sw.Tables - 2), ofp.TableID(sw.Tables - 1)} {
				f := featuresOf(t, NewTables(), sw, id)
				list := func(p ofp.TablePropertyType) *ofp.TableProperty {
					prop := f.Property(p)
					if prop == nil {
						t.Fatalf("table %d: %v is missing", id, p)
					}
					return prop
				}
				accepted := func(m flow.Match, in ofp.Instructions) bool {
					return Validate(&ofp.FlowMod{Table: id, Match: m, Instructions: in}, sw) == nil
				}
				compare := func(what any, listed, accepted bool) {
					t.Helper()
					if listed != accepted {
						t.Errorf("table %d: %v: reported %v, accepted %v", id, what, listed, accepted)
					}
				}

				for i := 1; i <= ofp.InstrMeter; i++ {
					in := ofp.Instructions{Has: 1 << i, Goto: id + 1, Meter: 1}
					compare(i, slices.Contains(list(ofp.TableInstructions).IDs, ofp.FeatureID{Type: uint16(i)}), accepted(flow.Match{}, in))
				}
				for next := range 256 {
					in := ofp.Instructions{Has: 1 << ofp.InstrGotoTable, Goto: ofp.TableID(next)}
					compare(next, slices.Contains(list(ofp.TableNextTables).Tables, ofp.TableID(next)), accepted(flow.Match{}, in))
				}
				for bit := range 64 {
					in := ofp.Instructions{Has: 1 << ofp.InstrWriteMetadata, MetadataMask: 1 << bit}
					compare(bit, f.MetadataWrite>>bit&1 != 0, accepted(flow.Match{}, in))
				}
				for _, a := range oneOfEach {
					m, actions, want := match(t, a.match), []ofp.Action{a.action}, ofp.FeatureID{Type: uint16(a.action.ActionType())}
					if a.action.ActionType() == ofp.ActionSetField && !sw.SetFields.Contains(flow.EthDst) {
						t.Fatal("the table's set-field cannot be tried")
					}
					write := ofp.Instructions{Has: 1 << ofp.InstrWriteActions, Write: actions}
					compare(a.action, slices.Contains(list(ofp.TableWriteActions).IDs, want), accepted(m, write))
					apply := ofp.Instructions{Has: 1 << ofp.InstrApplyActions, Apply: actions}
					compare(a.action, slices.Contains(list(ofp.TableApplyActions).IDs, want), accepted(m, apply))
					compare(a.action, slices.Contains(list(ofp.TableApplyActionsMiss).IDs, want), accepted(m, apply))
				}
				for i := range flow.Table {
					row := &flow.Table[i]
					m := match(t, prerequisites[row.Prereq])
					if row.ID == flow.VLANVID {
						m = match(t, "dl_vlan=5")
					}
					actions := []ofp.Action{ofp.SetField{Field: row.ID, Value: row.Full()}}
					write := ofp.Instructions{Has: 1 << ofp.InstrWriteActions, Write: actions}
					compare("set "+row.Name, slices.Contains(list(ofp.TableWriteSetField).Fields, ofp.FieldID(row, false)), accepted(m, write))
					apply := ofp.Instructions{Has: 1 << ofp.InstrApplyActions, Apply: actions}
					compare("set "+row.Name, slices.Contains(list(ofp.TableApplySetField).Fields, ofp.FieldID(row, false)), accepted(m, apply))
				}
			}
		})
	}
}

// A field that is said to be matchable can be read from the wire, with a mask if
// that is said.
func TestFeaturesMatch(t *testing.T) {
	f := featuresOf(t, NewTables(), DefaultLimits(), 0)
	matchable, wildcards := f.Property(ofp.TableMatch).Fields, f.Property(ofp.TableWildcards).Fields
	if len(matchable) != flow.NumFields || len(wildcards) != flow.NumFields || f.MetadataMatch != ^uint64(0) {
		t.Fatalf("%d fields, %d wildcards, metadata %#x", len(matchable), len(wildcards), f.MetadataMatch)
	}
	for i := range flow.Table {
		row := &flow.Table[i]
		for _, hasMask := range []bool{false, true} {
			m := match(t, prerequisites[row.Prereq])
			mask := row.Full()
			if hasMask {
				mask.Lo &^= 1
			}
			if mask == (flow.Value{}) {
				continue // one bit: a mask of zeros is no match at all
			}
			m.SetMasked(row.ID, flow.Value{}, mask)
			_, _, err := ofp.DecodeMatch(ofp.AppendMatch(nil, &m))
			want := err == nil
			got := matchable[i].Field() == row && (matchable[i].HasMask || !hasMask)
			if got != want {
				t.Errorf("%s, masked %v: reported %v, read with %v", row.Name, hasMask, got, err)
			}
		}
		if id := wildcards[i]; id.Field() != row || id.HasMask {
			t.Errorf("wildcard %d is %+v", i, id)
		}
	}
}

func TestFeaturesTables(t *testing.T) {
	tables := NewTables()
	tables.MaxEntries = 77
	tables.Table(3).MaxEntries = 5
	n, bytes := 0, 0
	tables.Features(DefaultLimits(), func(f *ofp.TableFeatures) bool {
		want := uint32(77)
		if f.Table == 3 {
			want = 5
		}
		if int(f.Table) != n || f.MaxEntries != want || f.Name != "" || f.Config != 0 {
			t.Errorf("entry %d: %+v", n, f)
		}
		n++
		bytes += f.Len()
		return true
	})
	if n != ofp.NumTables {
		t.Errorf("%d tables, want %d", n, ofp.NumTables)
	}
	if bytes > 300_000 {
		t.Errorf("the report has %d bytes: what has made it so long?", bytes)
	}
	if tables.peek(0) != nil {
		t.Error("the report makes tables")
	}
	n = 0
	tables.Features(DefaultLimits(), func(*ofp.TableFeatures) bool { n++; return n < 2 })
	if n != 2 {
		t.Errorf("it goes on after false: %d", n)
	}
}
