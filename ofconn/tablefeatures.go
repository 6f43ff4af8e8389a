package ofconn

import "ofswitch/ofp"

// TableFeaturer is a Switch that describes its tables itself. Others are taken
// to have tables that are all alike and can do what this release can.
type TableFeaturer interface {
	// TableFeatures calls the function for each table, as FlowStats does.
	TableFeatures(func(*ofp.TableFeatures) error) error
}

const (
	// basicFields is how many match fields OpenFlow 1.3 has, numbered from 0.
	basicFields = 40
	// maxEntries is how many entries a table is made for. More are taken.
	maxEntries = 1_000_000
)

// flowInstructions and flowActions are what entries may hold. Groups and meters
// are not among them: flows may name them, but there are none.
var (
	flowInstructions = []uint16{ofp.InstrGotoTable, ofp.InstrWriteMetadata, ofp.InstrWriteActions, ofp.InstrApplyActions, ofp.InstrClearActions}
	flowActions      = []ofp.ActionType{ofp.ActionOutput, ofp.ActionPushVLAN, ofp.ActionPopVLAN, ofp.ActionSetNwTTL, ofp.ActionDecNwTTL, ofp.ActionSetField}
)

// tableFeatures describes the tables, all alike but for those that they may go
// on to. Properties for the table-miss entry are left out, as they are the same
// (OpenFlow 1.3.5 §7.3.5.5.2), but for APPLY_ACTIONS_MISS, without which
// Floodlight installs no entry to send packets to it.
//
// Stock ovs-ofctl asks here, before it adds a flow, for the tables' names, to
// read "table=NAME". They have none.
func tableFeatures(sw Switch, add func(ofp.MultipartBody) error) error {
	if own, ok := sw.(TableFeaturer); ok {
		return own.TableFeatures(func(t *ofp.TableFeatures) error { return add(t) })
	}
	var instructions, actions []ofp.FeatureID
	for _, t := range flowInstructions {
		instructions = append(instructions, ofp.FeatureID{Type: t})
	}
	for _, t := range flowActions {
		actions = append(actions, ofp.FeatureID{Type: uint16(t)})
	}
	match, wildcards, writable := fieldIDs()
	tables := int(sw.Features().NumTables)
	for t := range tables {
		able := instructions
		var next []ofp.TableID
		for n := t + 1; n < tables; n++ {
			next = append(next, ofp.TableID(n))
		}
		if len(next) == 0 {
			able = able[1:] // nowhere to go to
		}
		err := add(&ofp.TableFeatures{
			Table:         ofp.TableID(t),
			MetadataMatch: ^uint64(0),
			MetadataWrite: ^uint64(0),
			MaxEntries:    maxEntries,
			Properties: []ofp.TableProperty{
				{Type: ofp.TableInstructions, IDs: able},
				{Type: ofp.TableNextTables, Tables: next},
				{Type: ofp.TableWriteActions, IDs: actions},
				{Type: ofp.TableApplyActions, IDs: actions},
				{Type: ofp.TableApplyActionsMiss, IDs: actions},
				{Type: ofp.TableMatch, Fields: match},
				{Type: ofp.TableWildcards, Fields: wildcards},
				{Type: ofp.TableWriteSetField, Fields: writable},
				{Type: ofp.TableApplySetField, Fields: writable},
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fieldIDs lists the fields that can be matched, with the mask bit where they
// can be masked; that can be left out of a match; and that SET_FIELD can write.
func fieldIDs() (match, wildcards, writable []ofp.OXMID) {
	// The rows of the field table, which the type of this number leads to.
	id := ofp.SetField{}.Field
	for range basicFields {
		f := id.Field()
		match = append(match, ofp.FieldID(f, f.Maskable))
		wildcards = append(wildcards, ofp.FieldID(f, false))
		if f.Writable {
			writable = append(writable, ofp.FieldID(f, false))
		}
		id++
	}
	return match, wildcards, writable
}
