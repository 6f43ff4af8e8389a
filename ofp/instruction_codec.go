package ofp

import (
	"slices"

	"ofswitch/ofp/internal/octets"
)

// Lengths of the instructions; those with actions have instructionHeaderLen
// and the actions.
const (
	instructionHeaderLen = 8
	writeMetadataLen     = 24
)

// instructionOrder is the order of execution, in which instructions whose order
// is not given are written.
var instructionOrder = [6]uint8{
	InstrMeter, InstrApplyActions, InstrClearActions, InstrWriteActions, InstrWriteMetadata, InstrGotoTable,
}

// wireOrder lists the instructions present: those that Order names, then the
// others.
func (in *Instructions) wireOrder() (order [6]uint8, n int) {
	todo := in.Has
	for _, list := range [2]*[6]uint8{&in.Order, &instructionOrder} {
		for _, t := range list {
			if bit := InstrSet(1) << t; t != 0 && t <= InstrMeter && todo&bit != 0 {
				todo &^= bit
				order[n] = t
				n++
			}
		}
	}
	return order, n
}

// InstructionsLen is the length of AppendInstructions' bytes.
func InstructionsLen(in *Instructions) int {
	order, count := in.wireOrder()
	n := 0
	for _, t := range order[:count] {
		n += in.length(t)
	}
	return n
}

// length is that of the instruction of type t.
func (in *Instructions) length(t uint8) int {
	switch t {
	case InstrApplyActions:
		return instructionHeaderLen + ActionsLen(in.Apply)
	case InstrWriteActions:
		return instructionHeaderLen + ActionsLen(in.Write)
	case InstrWriteMetadata:
		return writeMetadataLen
	default:
		return instructionHeaderLen
	}
}

// AppendInstructions encodes the instructions in the order that in.Order says,
// those that it does not name after them in the order of execution.
func AppendInstructions(b []byte, in *Instructions) []byte {
	order, count := in.wireOrder()
	for _, t := range order[:count] {
		b = be.AppendUint16(b, uint16(t))
		b = be.AppendUint16(b, uint16(in.length(t)))
		switch t {
		case InstrGotoTable:
			b = append(b, uint8(in.Goto), 0, 0, 0)
		case InstrWriteMetadata:
			b = octets.Zeros(b, 4)
			b = be.AppendUint64(b, in.Metadata)
			b = be.AppendUint64(b, in.MetadataMask)
		case InstrWriteActions:
			b = AppendActions(octets.Zeros(b, 4), in.Write)
		case InstrApplyActions:
			b = AppendActions(octets.Zeros(b, 4), in.Apply)
		case InstrClearActions:
			b = octets.Zeros(b, 4)
		case InstrMeter:
			b = be.AppendUint32(b, in.Meter)
		}
	}
	return b
}

// DecodeInstructions reads a list of instructions that takes all of b
// (OpenFlow 1.3.5 §7.2.4). Refusals have type BAD_INSTRUCTION, or BAD_ACTION
// for the actions in them.
//
// An entry has at most one instruction of each type (§5.9), but only OpenFlow
// 1.4 has a code for a second one (DUP_INST). Here it is UNSUP_INST: it is an
// instruction that the switch knows and cannot carry out where it stands.
func DecodeInstructions(b []byte) (in Instructions, err error) {
	for n := 0; len(b) > 0; n++ {
		if len(b) < instructionHeaderLen {
			return Instructions{}, BadInstructionBadLen.Errorf("instruction cut off: %d bytes are left", len(b))
		}
		t, length := be.Uint16(b), int(be.Uint16(b[2:]))
		if length < instructionHeaderLen || length%8 != 0 || length > len(b) {
			return Instructions{}, BadInstructionBadLen.Errorf("instruction %d says %d bytes, %d are left; want a multiple of 8", t, length, len(b))
		}
		if t != InstrExperimenter && t <= InstrMeter && in.Has.Contains(int(t)) {
			return Instructions{}, BadInstructionUnsupInst.Errorf("instruction %d stands twice", t)
		}
		if err := in.decode(t, b[:length]); err != nil {
			return Instructions{}, err
		}
		in.Has |= 1 << t
		in.Order[n] = uint8(t)
		b = b[length:]
	}
	return in, nil
}

// decode reads one instruction, b; its length is a multiple of 8.
func (in *Instructions) decode(t uint16, b []byte) (err error) {
	want := instructionHeaderLen
	switch t {
	case InstrWriteMetadata:
		want = writeMetadataLen
	case InstrWriteActions:
		if in.Write, err = DecodeActions(b[instructionHeaderLen:]); err == nil && slices.ContainsFunc(in.Write, isPopQueue) {
			// It takes back what came before it, and a set has no order.
			err = BadActionBadType.Errorf("pop_queue is not for action sets")
		}
		return err
	case InstrApplyActions:
		in.Apply, err = DecodeActions(b[instructionHeaderLen:])
		return err
	case InstrGotoTable, InstrClearActions, InstrMeter:
	case InstrExperimenter:
		return BadInstructionBadExperimenter.Errorf("instruction of experimenter %#x is not known", be.Uint32(b[4:]))
	default:
		return BadInstructionUnknownInst.Errorf("instruction type %d does not exist in OpenFlow 1.3", t)
	}
	if len(b) != want {
		return BadInstructionBadLen.Errorf("instruction %d of %d bytes, want %d", t, len(b), want)
	}
	switch t {
	case InstrGotoTable:
		in.Goto = TableID(b[4])
	case InstrWriteMetadata:
		in.Metadata, in.MetadataMask = be.Uint64(b[8:]), be.Uint64(b[16:])
	case InstrMeter:
		in.Meter = be.Uint32(b[4:])
	}
	return nil
}
