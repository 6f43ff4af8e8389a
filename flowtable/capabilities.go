package flowtable

import (
	"math"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// capabilities are what the entries of one table can have (OpenFlow 1.3.5
// §7.3.5.5): table features as sets, so that they can be compared, and asked while
// a flow-mod waits.
type capabilities struct {
	metadataMatch, metadataWrite uint64
	maxEntries                   uint32
	match, masked, wildcards     FieldSet // masked: of match, those that can be masked
	flows, miss                  entryCapabilities
}

// entryCapabilities are those of the table-miss entry, or of the others.
type entryCapabilities struct {
	instructions       ofp.InstrSet
	next               tableSet // where GOTO_TABLE may lead
	write, apply       ActionSet
	writeSet, applySet FieldSet
}

// tableSet is a set of flow tables.
type tableSet [4]uint64

func (s *tableSet) add(t ofp.TableID)           { s[t/64] |= 1 << (t % 64) }
func (s *tableSet) contains(t ofp.TableID) bool { return s[t/64]>>(t%64)&1 != 0 }

// list is the tables in order, nil if there are none.
func (s *tableSet) list() (tables []ofp.TableID) {
	for t := range 256 {
		if s.contains(ofp.TableID(t)) {
			tables = append(tables, ofp.TableID(t))
		}
	}
	return tables
}

// allCapabilities are all that sw lets the entries of a table have, one of those
// that there can be.
func allCapabilities(sw *Limits, id ofp.TableID, maxEntries int) (c capabilities) {
	c.metadataMatch = flow.Metadata.Field().Full().Lo
	c.maxEntries = uint32(min(max(maxEntries, 0), math.MaxUint32))
	var set FieldSet
	for i := range flow.Table {
		row := &flow.Table[i]
		c.match |= 1 << row.ID
		if row.Maskable {
			c.masked |= 1 << row.ID
		}
		if sw.Actions.Contains(ofp.ActionSetField) && sw.SetFields.Contains(row.ID) {
			set |= 1 << row.ID
		}
	}
	c.wildcards = c.match

	f := &c.flows
	f.instructions = sw.Instructions & knownInstructions
	if sw.MeterExists == nil {
		f.instructions &^= 1 << ofp.InstrMeter // known, yet no entry can have it
	}
	if int(id) >= sw.Tables-1 {
		f.instructions &^= 1 << ofp.InstrGotoTable
	}
	if f.instructions.Contains(ofp.InstrGotoTable) {
		for next := int(id) + 1; next < sw.Tables; next++ {
			f.next.add(ofp.TableID(next))
		}
	}
	actions := sw.Actions & (1<<(ofp.ActionPopPBB+1) - 1)
	if sw.GroupExists == nil {
		actions &^= Actions(ofp.ActionGroup)
	}
	if f.instructions.Contains(ofp.InstrWriteActions) {
		f.write, f.writeSet = actions, set
	}
	if f.instructions.Contains(ofp.InstrApplyActions) {
		f.apply, f.applySet = actions, set
	}
	if f.instructions.Contains(ofp.InstrWriteMetadata) {
		c.metadataWrite = sw.MetadataMask
	}
	c.miss = c.flows
	return c
}

// report is the capabilities as table features. Properties about the table-miss
// entry are left out where they are the same as those of other entries, except for
// APPLY_ACTIONS: Floodlight installs a table-miss entry only where that property is
// there and has OUTPUT.
func (c *capabilities) report(id ofp.TableID) *ofp.TableFeatures {
	f := &ofp.TableFeatures{Table: id, MetadataMatch: c.metadataMatch, MetadataWrite: c.metadataWrite, MaxEntries: c.maxEntries}
	add := func(p ofp.TableProperty, missing bool) {
		if !missing {
			f.Properties = append(f.Properties, p)
		}
	}
	flows, miss := &c.flows, &c.miss
	f.Properties = make([]ofp.TableProperty, 0, 9)
	add(instructionsProperty(ofp.TableInstructions, flows.instructions), false)
	add(instructionsProperty(ofp.TableInstructionsMiss, miss.instructions), miss.instructions == flows.instructions)
	add(ofp.TableProperty{Type: ofp.TableNextTables, Tables: flows.next.list()}, false)
	add(ofp.TableProperty{Type: ofp.TableNextTablesMiss, Tables: miss.next.list()}, miss.next == flows.next)
	add(actionsProperty(ofp.TableWriteActions, flows.write), false)
	add(actionsProperty(ofp.TableWriteActionsMiss, miss.write), miss.write == flows.write)
	add(actionsProperty(ofp.TableApplyActions, flows.apply), false)
	add(actionsProperty(ofp.TableApplyActionsMiss, miss.apply), false)
	add(fieldsProperty(ofp.TableMatch, c.match, c.masked), false)
	add(fieldsProperty(ofp.TableWildcards, c.wildcards, 0), false)
	add(fieldsProperty(ofp.TableWriteSetField, flows.writeSet, 0), false)
	add(fieldsProperty(ofp.TableWriteSetFieldMiss, miss.writeSet, 0), miss.writeSet == flows.writeSet)
	add(fieldsProperty(ofp.TableApplySetField, flows.applySet, 0), false)
	add(fieldsProperty(ofp.TableApplySetFieldMiss, miss.applySet, 0), miss.applySet == flows.applySet)
	return f
}

func instructionsProperty(typ ofp.TablePropertyType, s ofp.InstrSet) ofp.TableProperty {
	p := ofp.TableProperty{Type: typ}
	for t := ofp.InstrGotoTable; t <= ofp.InstrMeter; t++ {
		if s.Contains(t) {
			p.IDs = append(p.IDs, ofp.FeatureID{Type: uint16(t)})
		}
	}
	return p
}

func actionsProperty(typ ofp.TablePropertyType, s ActionSet) ofp.TableProperty {
	p := ofp.TableProperty{Type: typ}
	for t := ofp.ActionOutput; t <= ofp.ActionPopPBB; t++ {
		if s.Contains(t) {
			p.IDs = append(p.IDs, ofp.FeatureID{Type: uint16(t)})
		}
	}
	return p
}

func fieldsProperty(typ ofp.TablePropertyType, s, masked FieldSet) ofp.TableProperty {
	p := ofp.TableProperty{Type: typ}
	for i := range flow.Table {
		if row := &flow.Table[i]; s.Contains(row.ID) {
			p.Fields = append(p.Fields, ofp.FieldID(row, masked.Contains(row.ID)))
		}
	}
	return p
}
