package flowtable

import (
	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// Validate checks a flow-mod by itself against the switch: command, flags,
// table, match, and, unless it deletes, instructions and actions. The refusal is an
// *ofp.Error with the code of OpenFlow 1.3.5 §7.4.4.
func Validate(m *ofp.FlowMod, sw Limits) error {
	if err := checkHeader(m, sw.Tables); err != nil {
		return err
	}
	if err := checkMatch(&m.Match); err != nil {
		return err
	}
	if m.Command == ofp.FlowDelete || m.Command == ofp.FlowDeleteStrict {
		return nil // instructions are ignored
	}
	ins := &m.Instructions
	if bad := ins.Has &^ knownInstructions; bad != 0 {
		return ofp.BadInstructionUnknownInst.Errorf("instructions %#x are unknown", uint8(bad))
	}
	if bad := ins.Has &^ sw.Instructions; bad != 0 {
		return ofp.BadInstructionUnsupInst.Errorf("instructions %#x are not supported", uint8(bad))
	}
	if ins.Has.Contains(ofp.InstrMeter) {
		if id := ins.Meter; id == 0 || id > ofp.MeterMax || sw.MeterExists == nil || !sw.MeterExists(id) {
			return ofp.MeterModFailedInvalidMeter.Errorf("meter %d does not exist", id)
		}
	}
	if ins.Has.Contains(ofp.InstrApplyActions) {
		f := newFrame(&m.Match)
		if m.Legacy {
			f = &frame{} // actions need not fit the match
		}
		if err := checkActions(ins.Apply, f, &sw, false); err != nil {
			return err
		}
	}
	if ins.Has.Contains(ofp.InstrWriteActions) {
		f := newFrame(&m.Match)
		f.set = true
		if ins.Has.Contains(ofp.InstrApplyActions) {
			// The set is carried out on the frame that the list has changed. Errors
			// were found above.
			list := newFrame(&m.Match)
			for _, a := range ins.Apply {
				if list.apply(a) == nil {
					f.match, f.tags = list.match, list.tags
				}
			}
		}
		if err := checkActions(inSetOrder(ins.Write), f, &sw, false); err != nil {
			return err
		}
	}
	if ins.Has.Contains(ofp.InstrWriteMetadata) {
		if ins.MetadataMask&^sw.MetadataMask != 0 {
			return ofp.BadInstructionUnsupMetadataMask.Errorf("metadata mask %#x: only %#x may be written", ins.MetadataMask, sw.MetadataMask)
		}
		if ins.Metadata&^sw.MetadataMask != 0 {
			return ofp.BadInstructionUnsupMetadata.Errorf("metadata %#x: only %#x may be written", ins.Metadata, sw.MetadataMask)
		}
	}
	from := m.Table
	if from == ofp.TableAll {
		from = 0 // a Legacy modify: Apply knows in which tables it finds entries
	}
	if ins.Has.Contains(ofp.InstrGotoTable) && (ins.Goto <= from || int(ins.Goto) >= sw.Tables) {
		return ofp.BadInstructionBadTableID.Errorf("goto table %d from table %d: want a later one, up to %d", ins.Goto, m.Table, sw.Tables-1)
	}
	return nil
}

const knownInstructions ofp.InstrSet = 1<<ofp.InstrGotoTable | 1<<ofp.InstrWriteMetadata | 1<<ofp.InstrWriteActions |
	1<<ofp.InstrApplyActions | 1<<ofp.InstrClearActions | 1<<ofp.InstrMeter

// ValidateActions checks the action list of a packet-out, in which output to
// OFPP_TABLE is legal. m says what is known of the frame; nil: nothing, and then
// actions that do not fit it are not found.
func ValidateActions(actions []ofp.Action, m *flow.Match, sw Limits) error {
	f := &frame{}
	if m != nil {
		f = newFrame(m)
	}
	return checkActions(actions, f, &sw, true)
}

// DependOnFrame says whether it depends on the frame's headers if ValidateActions accepts actions.
func DependOnFrame(actions []ofp.Action) bool {
	for _, a := range actions {
		switch a.(type) {
		case ofp.Output, ofp.Group, ofp.SetQueue:
		default:
			return true
		}
	}
	return false
}

// checkMatch finds fields without their prerequisites. The decoder refuses such
// matches; those who make matches themselves are checked here.
func checkMatch(m *flow.Match) error {
	if knownGood(m) {
		return nil
	}
	var err error
	m.Fields(func(f *flow.Field, v, mask flow.Value) bool {
		switch {
		case v.Hi&^mask.Hi != 0 || v.Lo&^mask.Lo != 0:
			err = ofp.BadMatchBadWildcards.Errorf("match %s: value has bits that the mask lacks", f.Name)
		case !m.PrereqsMet(f.ID):
			err = ofp.BadMatchBadPrereq.Errorf("match %s: what it is a field of is not matched", f.Name)
		}
		return err == nil
	})
	if err == nil {
		noteGood(m)
	}
	return err
}

// checkActions checks a list in order, with what each action makes of the
// frame.
func checkActions(actions []ofp.Action, f *frame, sw *Limits, packetOut bool) error {
	for _, a := range actions {
		if a == nil {
			return ofp.BadActionBadType.Errorf("action is nil")
		}
		t := a.ActionType()
		if !sw.Actions.Contains(t) {
			return ofp.BadActionBadType.Errorf("action %v is not supported", t)
		}
		if err := checkArguments(a, sw, packetOut); err != nil {
			return err
		}
		if err := f.apply(a); err != nil {
			return err
		}
	}
	return nil
}

// checkArguments checks what does not depend on the frame.
func checkArguments(a ofp.Action, sw *Limits, packetOut bool) error {
	switch a := a.(type) {
	case ofp.Output:
		// max_len: values between OFPCML_MAX and OFPCML_NO_BUFFER have no meaning in
		// the specification and no error either; they ask for more than any frame has.
		return checkPort(a.Port, sw, packetOut)
	case ofp.Enqueue:
		return checkPort(a.Port, sw, packetOut)
	case ofp.Group:
		if a.GroupID > ofp.GroupMax || sw.GroupExists == nil || !sw.GroupExists(a.GroupID) {
			return ofp.BadActionBadOutGroup.Errorf("group %d does not exist", a.GroupID)
		}
	case ofp.PushVLAN:
		return ofp.CheckPush(a.ActionType(), a.EtherType)
	case ofp.PushMPLS:
		return ofp.CheckPush(a.ActionType(), a.EtherType)
	case ofp.PushPBB:
		return ofp.CheckPush(a.ActionType(), a.EtherType)
	case ofp.SetQueue:
		// Which queues a port has is configured, and may change at any time, as
		// the ports may: one that is not there is the port's default queue.
		if a.QueueID == ofp.QueueAll {
			return ofp.BadActionBadQueue.Errorf("set queue %#x: that is all queues, and a frame goes through one", a.QueueID)
		}
	case ofp.SetField:
		return checkSetField(a, sw)
	}
	return nil
}

// checkPort: OpenFlow 1.3.5 §7.2.5. A number that no port has yet is accepted.
func checkPort(p ofp.PortNo, sw *Limits, packetOut bool) error {
	switch {
	case p == 0 || p == ofp.PortAny || p > ofp.PortMax && p < ofp.PortInPort:
		return ofp.BadActionBadOutPort.Errorf("output to port %#x: there is no such port", uint32(p))
	case p == ofp.PortTable && !packetOut:
		return ofp.BadActionBadOutPort.Errorf("output to TABLE is for packet-outs alone")
	case p <= ofp.PortMax && sw.PortValid != nil && !sw.PortValid(p):
		return ofp.BadActionBadOutPort.Errorf("output to port %d: there is no such port", p)
	}
	return nil
}

// checkSetField: OpenFlow 1.3.5 §7.2.5. A field that exists and cannot be set,
// like a value that does not fit, is BAD_SET_ARGUMENT, as in Open vSwitch; one
// that does not exist is BAD_SET_TYPE.
func checkSetField(a ofp.SetField, sw *Limits) error {
	if int(a.Field) >= flow.NumFields {
		return ofp.BadActionBadSetType.Errorf("set-field of field %d: there is none such", a.Field)
	}
	f := a.Field.Field()
	if !sw.SetFields.Contains(a.Field) {
		return ofp.BadActionBadSetArgument.Errorf("set-field of %s: it cannot be set", f.Name)
	}
	if full := f.Full(); a.Value.Hi&^full.Hi != 0 || a.Value.Lo&^full.Lo != 0 {
		return ofp.BadActionBadSetArgument.Errorf("set-field of %s: the value has more than %d bits", f.Name, f.Bits)
	}
	if a.Field == flow.VLANVID && a.Value.Lo&flow.VIDPresent == 0 {
		return ofp.BadActionBadSetArgument.Errorf("set-field of VLAN_VID %#x: OFPVID_PRESENT (0x1000) is missing", a.Value.Lo)
	}
	return nil
}

// frame is what is known of the frame while an action list works on it: what was
// matched, pushed and set (OpenFlow 1.3.5 §7.2.5: prerequisites are met by the
// match or by earlier actions).
type frame struct {
	known bool // false: nothing is, and nothing is refused
	// set: the actions are those of an action set. Earlier tables may have written
	// pushes and pops into it that we do not see here, so tags and what is below
	// labels are taken for granted.
	set   bool
	match flow.Match
	tags  int // VLAN tags known to be there
}

func newFrame(m *flow.Match) *frame {
	f := &frame{known: true, match: *m}
	// Outer and inner tag; a match in a flow-mod can only name the outer one.
	for shift := 44; shift >= 12 && m.Value[flow.WVLAN]>>shift&1 != 0; shift -= 32 {
		f.tags++
	}
	return f
}

// apply checks that the frame can have a done to it, and does it.
func (f *frame) apply(a ofp.Action) error {
	if !f.known {
		return nil
	}
	tag := func(has bool) error {
		if has || f.set {
			return nil
		}
		return ofp.BadActionMatchInconsistent.Errorf("action %v needs a header that is neither matched nor pushed before", a.ActionType())
	}
	etherType := func(t uint16) { f.match.Set(flow.EthType, flow.Value{Lo: uint64(t)}) }
	switch a := a.(type) {
	case ofp.SetField:
		return f.setField(a)
	case ofp.PushVLAN:
		f.tags++
	case ofp.PopVLAN:
		if err := tag(f.tags > 0); err != nil {
			return err
		}
		f.tags = max(f.tags-1, 0)
	case ofp.SetVLANVID, ofp.SetVLANPCP:
		f.tags = max(f.tags, 1)
	case ofp.StripVLAN:
		f.tags = max(f.tags-1, 0)
	case ofp.PushMPLS:
		etherType(a.EtherType)
	case ofp.PopMPLS:
		if err := tag(f.match.PrereqsMet(flow.MPLSLabel)); err != nil {
			return err
		}
		etherType(a.EtherType)
	case ofp.SetMPLSTTL, ofp.DecMPLSTTL:
		return tag(f.match.PrereqsMet(flow.MPLSLabel))
	case ofp.CopyTTLOut, ofp.CopyTTLIn:
		return tag(f.match.PrereqsMet(flow.MPLSLabel) || f.ipInIP())
	case ofp.PushPBB:
		etherType(a.EtherType)
		f.tags = 0 // they are the inner frame's now
	case ofp.PopPBB:
		if err := tag(f.match.PrereqsMet(flow.PBBISID)); err != nil {
			return err
		}
		f.match.SetMasked(flow.EthType, flow.Value{}, flow.Value{}) // the inner frame may be any
		f.tags = 0
	case ofp.SetNwTTL, ofp.DecNwTTL:
		if !f.match.PrereqsMet(flow.IPProto) && !f.maybe() {
			return ofp.BadActionMatchInconsistent.Errorf("action %v needs IP, which the match does not ask for", a.ActionType())
		}
	}
	return nil
}

// ipInIP says whether the frame may be an IP packet with another one in it: TTLs
// are copied between IP headers too (OpenFlow 1.3.5 §5.12).
func (f *frame) ipInIP() bool {
	proto, _, known := f.match.Get(flow.IPProto)
	return f.match.PrereqsMet(flow.IPProto) &&
		(!known || proto.Lo == packet.ProtoIPv4 || proto.Lo == packet.ProtoIPv6)
}

func (f *frame) setField(a ofp.SetField) error {
	row, ok := a.Field.Field(), true
	switch row.Prereq {
	case flow.PrereqVLAN:
		ok = f.tags > 0 || f.set
	case flow.PrereqMPLS, flow.PrereqPBB:
		ok = f.match.PrereqsMet(a.Field) || f.set
	default:
		ok = f.match.PrereqsMet(a.Field) || f.maybe()
	}
	if a.Field == flow.VLANVID { // to be matched it needs no tag, to be set it does
		ok = f.tags > 0 || f.set
	}
	if !ok {
		return ofp.BadActionMatchInconsistent.Errorf("set-field of %s: what it is a field of is neither matched nor pushed before", row.Name)
	}
	f.match.Set(a.Field, a.Value)
	return nil
}

// maybe says whether any header may be found where the match knows a label: an
// action set may have a pop from an earlier table.
func (f *frame) maybe() bool {
	return f.set && (f.match.PrereqsMet(flow.MPLSLabel) || f.match.PrereqsMet(flow.PBBISID))
}

// setOrder is the order in which an action set is carried out (OpenFlow 1.3.5
// §5.10).
var setOrder = [...]ofp.ActionType{
	ofp.ActionCopyTTLIn,
	ofp.ActionPopVLAN, ofp.ActionPopMPLS, ofp.ActionPopPBB,
	ofp.ActionPushMPLS, ofp.ActionPushPBB, ofp.ActionPushVLAN,
	ofp.ActionCopyTTLOut,
	ofp.ActionDecMPLSTTL, ofp.ActionDecNwTTL,
	ofp.ActionSetMPLSTTL, ofp.ActionSetNwTTL, ofp.ActionSetField,
	ofp.ActionSetQueue,
	ofp.ActionGroup, ofp.ActionOutput,
}

// inSetOrder sorts the actions of a WRITE_ACTIONS as they will be carried out.
// An action type may stand twice, a later one takes the place of an
// earlier; all of them are checked. Unknown ones come last.
func inSetOrder(actions []ofp.Action) []ofp.Action {
	sorted := make([]ofp.Action, 0, len(actions))
	for _, t := range setOrder {
		for _, a := range actions {
			if a != nil && a.ActionType() == t {
				sorted = append(sorted, a)
			}
		}
	}
	if len(sorted) == len(actions) {
		return sorted
	}
	known := Actions(setOrder[:]...)
	for _, a := range actions {
		if a == nil || !known.Contains(a.ActionType()) {
			sorted = append(sorted, a)
		}
	}
	return sorted
}
