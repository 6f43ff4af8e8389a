package flowtable

import (
	"ofswitch/flow"
	"ofswitch/ofp"
)

// Limits say what the switch can do: what [Validate] refuses is data, not code.
// Begin with DefaultLimits; the zero Limits refuse everything.
type Limits struct {
	Tables       int          // flow tables, numbered from 0
	Instructions ofp.InstrSet // instructions that entries may have
	Actions      ActionSet    // actions that entries and packet-outs may have
	SetFields    FieldSet     // fields that SET_FIELD may write
	MetadataMask uint64       // bits that WRITE_METADATA may write

	// PortValid says whether a flow may name this port, 1 to ofp.PortMax, as its
	// output. nil: any of them. A port that does not exist yet is no reason to refuse:
	// controllers install flows before ports come.
	PortValid func(ofp.PortNo) bool
	// GroupExists and MeterExists look up what an action or instruction refers to.
	// nil: there are none.
	GroupExists func(id uint32) bool
	MeterExists func(id uint32) bool

	Groups GroupLimits // what group-mods may make
	Meters MeterLimits // what meter-mods may make
}

// ActionSet is a set of action types: bit 1<<type. OpenFlow 1.3's are all below
// 64.
type ActionSet uint64

// Actions makes a set.
func Actions(types ...ofp.ActionType) (s ActionSet) {
	for _, t := range types {
		s |= 1 << t
	}
	return s
}

// Contains says whether t is in the set.
func (s ActionSet) Contains(t ofp.ActionType) bool { return t < 64 && s&(1<<t) != 0 }

// FieldSet is a set of match fields: bit 1<<ID.
type FieldSet uint64

// Contains says whether id is in the set.
func (s FieldSet) Contains(id flow.ID) bool { return id < 64 && s&(1<<id) != 0 }

// DefaultLimits are those of a switch with 254 tables and without groups and
// meters: of groups and meters the action and the instruction are known,
// but none exists.
func DefaultLimits() Limits {
	l := Limits{
		Tables: ofp.NumTables,
		Instructions: 1<<ofp.InstrGotoTable | 1<<ofp.InstrWriteMetadata | 1<<ofp.InstrWriteActions |
			1<<ofp.InstrApplyActions | 1<<ofp.InstrClearActions | 1<<ofp.InstrMeter,
		Actions: Actions(ofp.ActionOutput, ofp.ActionGroup, ofp.ActionSetField,
			ofp.ActionPushVLAN, ofp.ActionPopVLAN, ofp.ActionPushMPLS, ofp.ActionPopMPLS,
			ofp.ActionPushPBB, ofp.ActionPopPBB,
			ofp.ActionCopyTTLOut, ofp.ActionCopyTTLIn, ofp.ActionSetMPLSTTL, ofp.ActionDecMPLSTTL,
			ofp.ActionSetNwTTL, ofp.ActionDecNwTTL, ofp.ActionSetQueue),
		MetadataMask: ^uint64(0),
	}
	for i := range flow.Table {
		if f := &flow.Table[i]; f.Writable {
			l.SetFields |= 1 << f.ID
		}
	}
	return l
}

// WithGroupsAndMeters are the limits with all of OpenFlow 1.3's groups and meters
// switched on, those of t. DefaultLimits have none.
func (l Limits) WithGroupsAndMeters(t *Tables) Limits {
	l.GroupExists, l.MeterExists = t.HasGroup, t.HasMeter
	l.Groups, l.Meters = DefaultGroupLimits(), DefaultMeterLimits()
	return l
}
