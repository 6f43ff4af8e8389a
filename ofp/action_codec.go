package ofp

import (
	"fmt"

	"ofswitch/flow"
	"ofswitch/ofp/internal/octets"
)

// actionShortLen is the length of every action but OUTPUT and SET_FIELD: type,
// length, and 4 bytes of arguments or padding.
const actionShortLen = 8

const outputLen = 16

// The numbers of the actions (OpenFlow 1.3.5 §7.2.5).

// ActionType is OFPAT_OUTPUT.
func (Output) ActionType() ActionType { return ActionOutput }

// ActionType is OFPAT_COPY_TTL_OUT.
func (CopyTTLOut) ActionType() ActionType { return ActionCopyTTLOut }

// ActionType is OFPAT_COPY_TTL_IN.
func (CopyTTLIn) ActionType() ActionType { return ActionCopyTTLIn }

// ActionType is OFPAT_SET_MPLS_TTL.
func (SetMPLSTTL) ActionType() ActionType { return ActionSetMPLSTTL }

// ActionType is OFPAT_DEC_MPLS_TTL.
func (DecMPLSTTL) ActionType() ActionType { return ActionDecMPLSTTL }

// ActionType is OFPAT_PUSH_VLAN.
func (PushVLAN) ActionType() ActionType { return ActionPushVLAN }

// ActionType is OFPAT_POP_VLAN.
func (PopVLAN) ActionType() ActionType { return ActionPopVLAN }

// ActionType is OFPAT_PUSH_MPLS.
func (PushMPLS) ActionType() ActionType { return ActionPushMPLS }

// ActionType is OFPAT_POP_MPLS.
func (PopMPLS) ActionType() ActionType { return ActionPopMPLS }

// ActionType is OFPAT_SET_QUEUE.
func (SetQueue) ActionType() ActionType { return ActionSetQueue }

// ActionType is OFPAT_GROUP.
func (Group) ActionType() ActionType { return ActionGroup }

// ActionType is OFPAT_SET_NW_TTL.
func (SetNwTTL) ActionType() ActionType { return ActionSetNwTTL }

// ActionType is OFPAT_DEC_NW_TTL.
func (DecNwTTL) ActionType() ActionType { return ActionDecNwTTL }

// ActionType is OFPAT_SET_FIELD.
func (SetField) ActionType() ActionType { return ActionSetField }

// ActionType is OFPAT_PUSH_PBB.
func (PushPBB) ActionType() ActionType { return ActionPushPBB }

// ActionType is OFPAT_POP_PBB.
func (PopPBB) ActionType() ActionType { return ActionPopPBB }

// Len is the length on the wire.
func (Output) Len() int { return outputLen }

// Len is the length on the wire.
func (CopyTTLOut) Len() int { return actionShortLen }

// Len is the length on the wire.
func (CopyTTLIn) Len() int { return actionShortLen }

// Len is the length on the wire.
func (SetMPLSTTL) Len() int { return actionShortLen }

// Len is the length on the wire.
func (DecMPLSTTL) Len() int { return actionShortLen }

// Len is the length on the wire.
func (PushVLAN) Len() int { return actionShortLen }

// Len is the length on the wire.
func (PopVLAN) Len() int { return actionShortLen }

// Len is the length on the wire.
func (PushMPLS) Len() int { return actionShortLen }

// Len is the length on the wire.
func (PopMPLS) Len() int { return actionShortLen }

// Len is the length on the wire.
func (SetQueue) Len() int { return actionShortLen }

// Len is the length on the wire.
func (Group) Len() int { return actionShortLen }

// Len is the length on the wire.
func (SetNwTTL) Len() int { return actionShortLen }

// Len is the length on the wire.
func (DecNwTTL) Len() int { return actionShortLen }

// Len is the length on the wire.
func (PushPBB) Len() int { return actionShortLen }

// Len is the length on the wire.
func (PopPBB) Len() int { return actionShortLen }

// Len is the length on the wire: it depends on the field's.
func (a SetField) Len() int { return octets.Pad8(4 + oxmHeaderLen + a.Field.Field().Len()) }

// Append encodes the action.
func (a Output) Append(b []byte) []byte {
	b = appendActionHeader(b, ActionOutput, outputLen)
	b = be.AppendUint32(b, uint32(a.Port))
	b = be.AppendUint16(b, a.MaxLen)
	return octets.Zeros(b, 6)
}

// Append encodes the action.
func (a SetField) Append(b []byte) []byte {
	f := a.Field.Field()
	b = appendActionHeader(b, ActionSetField, a.Len())
	b = appendOXMHeader(b, f, 0)
	b = a.Value.Append(b, f.Len())
	return octets.Zeros(b, a.Len()-4-oxmHeaderLen-f.Len())
}

// Append encodes the action.
func (CopyTTLOut) Append(b []byte) []byte { return appendShort(b, ActionCopyTTLOut, 0) }

// Append encodes the action.
func (CopyTTLIn) Append(b []byte) []byte { return appendShort(b, ActionCopyTTLIn, 0) }

// Append encodes the action.
func (a SetMPLSTTL) Append(b []byte) []byte {
	return appendShort(b, ActionSetMPLSTTL, uint32(a.TTL)<<24)
}

// Append encodes the action.
func (DecMPLSTTL) Append(b []byte) []byte { return appendShort(b, ActionDecMPLSTTL, 0) }

// Append encodes the action.
func (a PushVLAN) Append(b []byte) []byte {
	return appendShort(b, ActionPushVLAN, uint32(a.EtherType)<<16)
}

// Append encodes the action.
func (PopVLAN) Append(b []byte) []byte { return appendShort(b, ActionPopVLAN, 0) }

// Append encodes the action.
func (a PushMPLS) Append(b []byte) []byte {
	return appendShort(b, ActionPushMPLS, uint32(a.EtherType)<<16)
}

// Append encodes the action.
func (a PopMPLS) Append(b []byte) []byte {
	return appendShort(b, ActionPopMPLS, uint32(a.EtherType)<<16)
}

// Append encodes the action.
func (a SetQueue) Append(b []byte) []byte { return appendShort(b, ActionSetQueue, a.QueueID) }

// Append encodes the action.
func (a Group) Append(b []byte) []byte { return appendShort(b, ActionGroup, a.GroupID) }

// Append encodes the action.
func (a SetNwTTL) Append(b []byte) []byte { return appendShort(b, ActionSetNwTTL, uint32(a.TTL)<<24) }

// Append encodes the action.
func (DecNwTTL) Append(b []byte) []byte { return appendShort(b, ActionDecNwTTL, 0) }

// Append encodes the action.
func (a PushPBB) Append(b []byte) []byte {
	return appendShort(b, ActionPushPBB, uint32(a.EtherType)<<16)
}

// Append encodes the action.
func (PopPBB) Append(b []byte) []byte { return appendShort(b, ActionPopPBB, 0) }

func appendActionHeader(b []byte, t ActionType, n int) []byte {
	b = be.AppendUint16(b, uint16(t))
	return be.AppendUint16(b, uint16(n))
}

// appendShort appends an action of 8 bytes.
func appendShort(b []byte, t ActionType, arg uint32) []byte {
	return be.AppendUint32(appendActionHeader(b, t, actionShortLen), arg)
}

// ActionsLen is the length of AppendActions' bytes.
func ActionsLen(actions []Action) int {
	n := 0
	for _, a := range actions {
		n += a.Len()
	}
	return n
}

// AppendActions encodes a list of actions.
func AppendActions(b []byte, actions []Action) []byte {
	for _, a := range actions {
		b = a.Append(b)
	}
	return b
}

// DecodeActions reads a list of actions that takes all of b (OpenFlow 1.3.5
// §7.2.5); an empty list is nil. Refusals have type BAD_ACTION. What depends on
// the match or on the switch (prerequisites, ports, groups) is not checked.
func DecodeActions(b []byte) ([]Action, error) {
	if len(b) == 0 {
		return nil, nil
	}
	actions := make([]Action, 0, countActions(b))
	for len(b) > 0 {
		if len(b) < actionShortLen {
			return nil, BadActionBadLen.Errorf("action cut off: %d bytes are left", len(b))
		}
		t, n := ActionType(be.Uint16(b)), int(be.Uint16(b[2:]))
		if n < actionShortLen || n%8 != 0 || n > len(b) {
			return nil, BadActionBadLen.Errorf("%v says %d bytes, %d are left; want a multiple of 8", t, n, len(b))
		}
		a, err := decodeAction(t, b[:n])
		if err != nil {
			return nil, err
		}
		actions = append(actions, a)
		b = b[n:]
	}
	return actions, nil
}

// countActions counts the actions of a list as far as its lengths make sense.
func countActions(b []byte) (count int) {
	for len(b) >= 4 {
		n := int(be.Uint16(b[2:]))
		if n < actionShortLen || n > len(b) {
			break
		}
		b = b[n:]
		count++
	}
	return count
}

// decodeAction reads one action, b; its length is a multiple of 8.
func decodeAction(t ActionType, b []byte) (Action, error) {
	switch t {
	case ActionSetField:
		return decodeSetField(b)
	case ActionOutput:
		if len(b) != outputLen {
			return nil, fixed(outputLen).errorf(BadActionBadLen, t.String(), 0, len(b))
		}
		return Output{Port: PortNo(be.Uint32(b[4:])), MaxLen: be.Uint16(b[8:])}, nil
	case ActionExperimenter:
		return decodeExperimenterAction(b)
	}
	if _, ok := actionNames[t]; !ok {
		return nil, BadActionBadType.Errorf("action type %d does not exist in OpenFlow 1.3", uint16(t))
	}
	if len(b) != actionShortLen {
		return nil, fixed(actionShortLen).errorf(BadActionBadLen, t.String(), 0, len(b))
	}
	word, half := be.Uint32(b[4:]), be.Uint16(b[4:])
	switch t {
	case ActionCopyTTLOut:
		return CopyTTLOut{}, nil
	case ActionCopyTTLIn:
		return CopyTTLIn{}, nil
	case ActionSetMPLSTTL:
		return SetMPLSTTL{TTL: b[4]}, nil
	case ActionDecMPLSTTL:
		return DecMPLSTTL{}, nil
	case ActionPushVLAN:
		return PushVLAN{EtherType: half}, CheckPush(t, half)
	case ActionPopVLAN:
		return PopVLAN{}, nil
	case ActionPushMPLS:
		return PushMPLS{EtherType: half}, CheckPush(t, half)
	case ActionPopMPLS:
		return PopMPLS{EtherType: half}, nil
	case ActionSetQueue:
		return SetQueue{QueueID: word}, nil
	case ActionGroup:
		return Group{GroupID: word}, nil
	case ActionSetNwTTL:
		return SetNwTTL{TTL: b[4]}, nil
	case ActionDecNwTTL:
		return DecNwTTL{}, nil
	case ActionPushPBB:
		return PushPBB{EtherType: half}, CheckPush(t, half)
	default: // ActionPopPBB, the last of actionNames
		return PopPBB{}, nil
	}
}

// decodeSetField reads a SET_FIELD action. A field that exists and cannot be
// set is answered as Open vSwitch does, BAD_SET_ARGUMENT, a field that does not
// exist BAD_SET_TYPE. A mask comes only with OpenFlow 1.5: BAD_SET_ARGUMENT.
func decodeSetField(b []byte) (Action, error) {
	it := oxmIter{b: b[4:]}
	if !it.next() {
		return nil, BadActionBadSetLen.Errorf("set-field of %d bytes cuts off its field", len(b))
	}
	f := it.field()
	if f == nil {
		return nil, it.unknown(BadActionBadSetType)
	}
	if it.hasMask != 0 {
		return nil, BadActionBadSetArgument.Errorf("set-field of %s has a mask", f.Name)
	}
	if it.length != f.Len() {
		return nil, BadActionBadSetLen.Errorf("set-field of %s has %d bytes, want %d", f.Name, it.length, f.Len())
	}
	if want := octets.Pad8(4 + oxmHeaderLen + it.length); len(b) != want {
		return nil, BadActionBadSetLen.Errorf("set-field of %s says %d bytes, want %d", f.Name, len(b), want)
	}
	v, full := flow.ReadValue(it.payload), f.Full()
	if v.Hi&^full.Hi != 0 || v.Lo&^full.Lo != 0 {
		return nil, BadActionBadSetArgument.Errorf("set-field of %s: value %x does not fit into %d bits", f.Name, it.payload, f.Bits)
	}
	if !f.Writable {
		return nil, BadActionBadSetArgument.Errorf("set-field of %s: it cannot be set", f.Name)
	}
	if f.ID == flow.VLANVID && v.Lo&flow.VIDPresent == 0 {
		// OpenFlow 1.3.5 §7.2.3.7 has no frame with a VLAN id and without a tag.
		return nil, BadActionBadSetArgument.Errorf("set-field of VLAN_VID %#04x: OFPVID_PRESENT (0x1000) is missing", v.Lo)
	}
	return SetField{Field: f.ID, Value: v}, nil
}

// actionNames has the types of the 16 actions that are not an experimenter's.
var actionNames = map[ActionType]string{
	ActionOutput:     "OFPAT_OUTPUT",
	ActionCopyTTLOut: "OFPAT_COPY_TTL_OUT",
	ActionCopyTTLIn:  "OFPAT_COPY_TTL_IN",
	ActionSetMPLSTTL: "OFPAT_SET_MPLS_TTL",
	ActionDecMPLSTTL: "OFPAT_DEC_MPLS_TTL",
	ActionPushVLAN:   "OFPAT_PUSH_VLAN",
	ActionPopVLAN:    "OFPAT_POP_VLAN",
	ActionPushMPLS:   "OFPAT_PUSH_MPLS",
	ActionPopMPLS:    "OFPAT_POP_MPLS",
	ActionSetQueue:   "OFPAT_SET_QUEUE",
	ActionGroup:      "OFPAT_GROUP",
	ActionSetNwTTL:   "OFPAT_SET_NW_TTL",
	ActionDecNwTTL:   "OFPAT_DEC_NW_TTL",
	ActionSetField:   "OFPAT_SET_FIELD",
	ActionPushPBB:    "OFPAT_PUSH_PBB",
	ActionPopPBB:     "OFPAT_POP_PBB",
}

// String is the specification's name, "OFPAT_OUTPUT".
func (t ActionType) String() string {
	if s, ok := actionNames[t]; ok {
		return s
	}
	if t == ActionExperimenter {
		return "OFPAT_EXPERIMENTER"
	}
	return fmt.Sprintf("action type %d", uint16(t))
}
