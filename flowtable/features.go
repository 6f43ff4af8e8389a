package flowtable

import (
	"math"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// Features calls fn for each of the 254 tables, in order, with what [Validate]
// and sw let its entries have, until fn returns false (OpenFlow 1.3.5 §7.3.5.5).
// fn may keep what it gets and must not write to it. It must not run
// concurrently with a writer of MaxEntries.
//
// Properties about the table-miss entry are left out where they are the same as
// those of other entries, except for APPLY_ACTIONS: Floodlight installs a
// table-miss entry only where that property is there and has OUTPUT.
func (t *Tables) Features(sw Limits, fn func(*ofp.TableFeatures) bool) {
	f := newFeatures(&sw)
	for i := range min(len(t.tables), sw.Tables) {
		entry := f.of(ofp.TableID(i), sw.Tables)
		limit := t.MaxEntries
		if tb := t.tables[i].Load(); tb != nil {
			limit = tb.MaxEntries
		}
		entry.MaxEntries = uint32(min(max(limit, 0), math.MaxUint32))
		if !fn(entry) {
			return
		}
	}
}

// features are the lists that all tables have in common.
type features struct {
	metadataWrite                  uint64
	instructions, lastInstructions []ofp.FeatureID // those of the last table lack GOTO_TABLE
	write, apply                   []ofp.FeatureID
	match, wildcards               []ofp.OXMID
	writeSet, applySet             []ofp.OXMID
}

func newFeatures(sw *Limits) *features {
	f := &features{}
	for t := ofp.InstrGotoTable; t <= ofp.InstrMeter; t++ {
		if !sw.Instructions.Contains(t) || t == ofp.InstrMeter && sw.MeterExists == nil {
			continue // known, yet no entry can have it
		}
		id := ofp.FeatureID{Type: uint16(t)}
		f.instructions = append(f.instructions, id)
		if t != ofp.InstrGotoTable {
			f.lastInstructions = append(f.lastInstructions, id)
		}
	}
	var actions []ofp.FeatureID
	for t := ofp.ActionOutput; t <= ofp.ActionPopPBB; t++ {
		if !sw.Actions.Contains(t) || t == ofp.ActionGroup && sw.GroupExists == nil {
			continue
		}
		actions = append(actions, ofp.FeatureID{Type: uint16(t)})
	}
	var set []ofp.OXMID
	for i := range flow.Table {
		row := &flow.Table[i]
		f.match = append(f.match, ofp.FieldID(row, row.Maskable))
		f.wildcards = append(f.wildcards, ofp.FieldID(row, false))
		if sw.Actions.Contains(ofp.ActionSetField) && sw.SetFields.Contains(row.ID) {
			set = append(set, ofp.FieldID(row, false))
		}
	}
	if sw.Instructions.Contains(ofp.InstrWriteActions) {
		f.write, f.writeSet = actions, set
	}
	if sw.Instructions.Contains(ofp.InstrApplyActions) {
		f.apply, f.applySet = actions, set
	}
	if sw.Instructions.Contains(ofp.InstrWriteMetadata) {
		f.metadataWrite = sw.MetadataMask
	}
	return f
}

// of is the entry of one table out of n, without its limit.
func (f *features) of(id ofp.TableID, n int) *ofp.TableFeatures {
	instructions := f.lastInstructions
	var next []ofp.TableID
	if int(id) < n-1 {
		instructions = f.instructions
	}
	if len(instructions) > 0 && instructions[0].Type == ofp.InstrGotoTable {
		for t := int(id) + 1; t < n; t++ {
			next = append(next, ofp.TableID(t))
		}
	}
	return &ofp.TableFeatures{
		Table:         id,
		MetadataMatch: flow.Metadata.Field().Full().Lo,
		MetadataWrite: f.metadataWrite,
		Properties: []ofp.TableProperty{
			{Type: ofp.TableInstructions, IDs: instructions},
			{Type: ofp.TableNextTables, Tables: next},
			{Type: ofp.TableWriteActions, IDs: f.write},
			{Type: ofp.TableApplyActions, IDs: f.apply},
			{Type: ofp.TableApplyActionsMiss, IDs: f.apply},
			{Type: ofp.TableMatch, Fields: f.match},
			{Type: ofp.TableWildcards, Fields: f.wildcards},
			{Type: ofp.TableWriteSetField, Fields: f.writeSet},
			{Type: ofp.TableApplySetField, Fields: f.applySet},
		},
	}
}
