package flowtable

import (
	"ofswitch/flow"
	"ofswitch/ofp"
)

// checkTable refuses a flow-mod for a table that there is not.
func (t *Tables) checkTable(m *ofp.FlowMod) error {
	if err := checkHeader(m, len(t.tables)); err != nil {
		return err
	}
	if m.Table != ofp.TableAll && !t.Has(m.Table) {
		return ofp.FlowModFailedBadTableID.Errorf("flow-mod for table %d: the tables that a controller has set do not have it", m.Table)
	}
	return nil
}

// checkFeatures refuses a flow-mod that asks for what its table's features do not
// have (OpenFlow 1.3.5 §7.3.5.5). Deletes may name anything: it deletes nothing.
//
// A modify that is not strict changes entries of any kind; the caller has
// checkSuccessors look at each.
func (t *Tables) checkFeatures(m *ofp.FlowMod) error {
	c := t.setup(m.Table).caps
	if c == nil {
		return nil
	}
	if err := c.checkMatch(m); err != nil {
		return err
	}
	if m.Command == ofp.FlowModify {
		return nil
	}
	return c.checkInstructions(m, isTableMiss(m))
}

func isTableMiss(m *ofp.FlowMod) bool { return m.Priority == 0 && m.Match.IsCatchAll() }

// checkSuccessors refuses a modify if one of the entries that it selects could not
// have its instructions; if it selects none, entries that it might select.
func (t *Tables) checkSuccessors(m *ofp.FlowMod, selected []*Entry) error {
	s := t.setup(m.Table)
	if s.caps == nil || m.Command != ofp.FlowModify {
		return nil
	}
	miss, others := false, len(selected) == 0
	for _, e := range selected {
		if e.IsTableMiss() {
			miss = true
		} else {
			others = true
		}
	}
	if others {
		if err := s.caps.checkInstructions(m, false); err != nil {
			return err
		}
	}
	if miss {
		return s.caps.checkInstructions(m, true)
	}
	return nil
}

// checkMatch: the fields must be among those of MATCH, with a mask only where
// MATCH says so, and those not in WILDCARDS must be there. The match of a modify
// that is not strict only selects entries, and that of the table-miss entry has no
// fields, which every table has to allow (§5.4).
func (c *capabilities) checkMatch(m *ofp.FlowMod) (err error) {
	var found FieldSet
	m.Match.Fields(func(f *flow.Field, v, mask flow.Value) bool {
		found |= 1 << f.ID
		switch {
		case !c.match.Contains(f.ID):
			err = ofp.BadMatchBadField.Errorf("match %s: the features of table %d do not have it", f.Name, m.Table)
		case m.Command == ofp.FlowModify:
		case mask != f.Full() && !c.masked.Contains(f.ID):
			err = ofp.BadMatchBadMask.Errorf("match %s: by the features of table %d it cannot be masked", f.Name, m.Table)
		case f.ID == flow.Metadata && mask.Lo&^c.metadataMatch != 0:
			err = ofp.BadMatchBadMask.Errorf("match %s: table %d can match the bits %#x alone", f.Name, m.Table, c.metadataMatch)
		}
		return err == nil
	})
	if err != nil || m.Command == ofp.FlowModify || isTableMiss(m) {
		return err
	}
	for i := range flow.Table {
		if f := &flow.Table[i]; (c.match &^ c.wildcards &^ found).Contains(f.ID) {
			return ofp.BadMatchBadWildcards.Errorf("match %s is missing, and by the features of table %d it cannot be left out", f.Name, m.Table)
		}
	}
	return nil
}

// checkInstructions is about the table-miss entry, or another.
func (c *capabilities) checkInstructions(m *ofp.FlowMod, miss bool) error {
	can, ins := &c.flows, &m.Instructions
	if miss {
		can = &c.miss
	}
	if bad := ins.Has &^ can.instructions; bad != 0 {
		return ofp.BadInstructionUnsupInst.Errorf("instructions %#x: the features of table %d do not have them", uint8(bad), m.Table)
	}
	if ins.Has.Contains(ofp.InstrApplyActions) {
		if err := checkListed(ins.Apply, can.apply, can.applySet, m.Table); err != nil {
			return err
		}
	}
	if ins.Has.Contains(ofp.InstrWriteActions) {
		if err := checkListed(ins.Write, can.write, can.writeSet, m.Table); err != nil {
			return err
		}
	}
	if ins.Has.Contains(ofp.InstrWriteMetadata) {
		if bad := ins.MetadataMask &^ c.metadataWrite; bad != 0 {
			return ofp.BadInstructionUnsupMetadataMask.Errorf("metadata mask %#x: table %d can write the bits %#x alone", ins.MetadataMask, m.Table, c.metadataWrite)
		}
		if bad := ins.Metadata &^ c.metadataWrite; bad != 0 {
			return ofp.BadInstructionUnsupMetadata.Errorf("metadata %#x: table %d can write the bits %#x alone", ins.Metadata, m.Table, c.metadataWrite)
		}
	}
	if ins.Has.Contains(ofp.InstrGotoTable) && !can.next.contains(ins.Goto) {
		return ofp.BadInstructionBadTableID.Errorf("goto table %d: the features of table %d do not have it", ins.Goto, m.Table)
	}
	return nil
}

// checkListed looks for actions, and fields to set, that are not in the features.
func checkListed(actions []ofp.Action, can ActionSet, set FieldSet, table ofp.TableID) error {
	for _, a := range actions {
		if t := a.ActionType(); !can.Contains(t) {
			return ofp.BadActionBadType.Errorf("action %v: the features of table %d do not have it there", t, table)
		}
		if f, ok := a.(ofp.SetField); ok && !set.Contains(f.Field) {
			return ofp.BadActionBadSetType.Errorf("set-field of field %d: the features of table %d do not have it there", f.Field, table)
		}
	}
	return nil
}
