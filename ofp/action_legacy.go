package ofp

import (
	"fmt"

	"ofswitch/flow"
	"ofswitch/ofp/internal/octets"
	"ofswitch/packet"
)

// Actions of OpenFlow 1.0 and of Nicira that are no single action of OpenFlow
// 1.3 and not the same as several either: SET_VLAN_VID pushes a tag on a frame
// that has none. DecodeActions gives only PopQueue of them. Append writes what comes nearest in OpenFlow
// 1.3, as Open vSwitch shows such flows there. ActionType is the action of 1.3
// that a switch must support to carry it out.
type (
	// SetVLANVID sets the VLAN id of the outermost tag, and pushes one with
	// TPID 0x8100 before if there is none. Tagged: it is known to be there.
	SetVLANVID struct {
		VID    uint16
		Tagged bool
	}

	// SetVLANPCP is SetVLANVID for the priority; the VLAN id of a new tag is 0.
	SetVLANPCP struct {
		PCP    uint8
		Tagged bool
	}

	// StripVLAN pops the outermost tag if there is one.
	StripVLAN struct{}

	// SetTransport sets the source or destination port of TCP, UDP or SCTP,
	// whichever the frame has.
	SetTransport struct {
		Dst  bool
		Port uint16
	}

	// Enqueue sends a copy of the frame through a queue of a port. Other outputs
	// are not concerned.
	Enqueue struct {
		Port    PortNo
		QueueID uint32
	}

	// PopQueue takes back SetQueue: the outputs that follow use the port's
	// default queue (NXAST_POP_QUEUE).
	PopQueue struct{}
)

// nxPopQueue is NXAST_POP_QUEUE.
const nxPopQueue = 5

// nxActionLen is the length of the Nicira actions without arguments.
const nxActionLen = 16

// ActionType is OFPAT_SET_FIELD.
func (SetVLANVID) ActionType() ActionType { return ActionSetField }

// ActionType is OFPAT_SET_FIELD.
func (SetVLANPCP) ActionType() ActionType { return ActionSetField }

// ActionType is OFPAT_POP_VLAN.
func (StripVLAN) ActionType() ActionType { return ActionPopVLAN }

// ActionType is OFPAT_SET_FIELD.
func (SetTransport) ActionType() ActionType { return ActionSetField }

// ActionType is OFPAT_OUTPUT.
func (Enqueue) ActionType() ActionType { return ActionOutput }

// ActionType is OFPAT_SET_QUEUE.
func (PopQueue) ActionType() ActionType { return ActionSetQueue }

// Standard is what a comes nearest to in OpenFlow 1.3.
func (a SetVLANVID) Standard() []Action {
	set := SetField{Field: flow.VLANVID, Value: flow.Value{Lo: flow.VIDPresent | uint64(a.VID)}}
	if a.Tagged {
		return []Action{set}
	}
	return []Action{PushVLAN{EtherType: packet.TypeVLAN}, set}
}

// Standard is what a comes nearest to in OpenFlow 1.3.
func (a SetVLANPCP) Standard() []Action {
	set := SetField{Field: flow.VLANPCP, Value: flow.Value{Lo: uint64(a.PCP)}}
	if a.Tagged {
		return []Action{set}
	}
	return []Action{PushVLAN{EtherType: packet.TypeVLAN}, set}
}

// Standard is what the action comes nearest to in OpenFlow 1.3.
func (StripVLAN) Standard() []Action { return []Action{PopVLAN{}} }

// Standard is what a comes nearest to in OpenFlow 1.3: of the three the frame has
// one at most.
func (a SetTransport) Standard() []Action {
	ids := [...]flow.ID{flow.TCPSrc, flow.UDPSrc, flow.SCTPSrc}
	if a.Dst {
		ids = [...]flow.ID{flow.TCPDst, flow.UDPDst, flow.SCTPDst}
	}
	var list []Action
	for _, id := range ids {
		list = append(list, SetField{Field: id, Value: flow.Value{Lo: uint64(a.Port)}})
	}
	return list
}

func isPopQueue(a Action) bool { _, is := a.(PopQueue); return is }

// Standard is what a comes nearest to in OpenFlow 1.3.
func (a Enqueue) Standard() []Action {
	return []Action{SetQueue{QueueID: a.QueueID}, Output{Port: a.Port}, PopQueue{}}
}

// Len is the length on the wire.
func (a SetVLANVID) Len() int { return ActionsLen(a.Standard()) }

// Len is the length on the wire.
func (a SetVLANPCP) Len() int { return ActionsLen(a.Standard()) }

// Len is the length on the wire.
func (a StripVLAN) Len() int { return ActionsLen(a.Standard()) }

// Len is the length on the wire.
func (a SetTransport) Len() int { return ActionsLen(a.Standard()) }

// Len is the length on the wire.
func (a Enqueue) Len() int { return ActionsLen(a.Standard()) }

// Len is the length on the wire.
func (PopQueue) Len() int { return nxActionLen }

// Append encodes the action.
func (a SetVLANVID) Append(b []byte) []byte { return AppendActions(b, a.Standard()) }

// Append encodes the action.
func (a SetVLANPCP) Append(b []byte) []byte { return AppendActions(b, a.Standard()) }

// Append encodes the action.
func (a StripVLAN) Append(b []byte) []byte { return AppendActions(b, a.Standard()) }

// Append encodes the action.
func (a SetTransport) Append(b []byte) []byte { return AppendActions(b, a.Standard()) }

// Append encodes the action.
func (a Enqueue) Append(b []byte) []byte { return AppendActions(b, a.Standard()) }

// Append encodes the action.
func (PopQueue) Append(b []byte) []byte {
	b = appendActionHeader(b, ActionExperimenter, nxActionLen)
	b = be.AppendUint32(b, ExperimenterNicira)
	b = be.AppendUint16(b, nxPopQueue)
	return octets.Zeros(b, 6)
}

// decodeExperimenterAction reads an experimenter's action, b, of 8 bytes at
// least.
func decodeExperimenterAction(b []byte) (Action, error) {
	if id := be.Uint32(b[4:]); id != ExperimenterNicira {
		return nil, BadActionBadExperimenter.Errorf("action of experimenter %#x is not known", id)
	}
	if len(b) < nxActionLen {
		return nil, BadActionBadLen.Errorf("action of Nicira has %d bytes, want at least %d", len(b), nxActionLen)
	}
	if t := be.Uint16(b[8:]); t != nxPopQueue {
		return nil, BadActionBadExpType.Errorf("action %d of Nicira is not known in OpenFlow 1.3", t)
	}
	if len(b) != nxActionLen {
		return nil, BadActionBadLen.Errorf("pop_queue of %d bytes, want %d", len(b), nxActionLen)
	}
	return PopQueue{}, nil
}

// String is the action as ovs-ofctl writes it.
func (a SetVLANVID) String() string { return fmt.Sprintf("mod_vlan_vid:%d", a.VID) }

// String is the action as ovs-ofctl writes it.
func (a SetVLANPCP) String() string { return fmt.Sprintf("mod_vlan_pcp:%d", a.PCP) }

// String is the action as ovs-ofctl writes it.
func (StripVLAN) String() string { return "strip_vlan" }

// String is the action as ovs-ofctl writes it.
func (a SetTransport) String() string {
	if a.Dst {
		return fmt.Sprintf("mod_tp_dst:%d", a.Port)
	}
	return fmt.Sprintf("mod_tp_src:%d", a.Port)
}

// String is the action as ovs-ofctl writes it.
func (a Enqueue) String() string { return fmt.Sprintf("enqueue:%v:%d", a.Port, a.QueueID) }

// String is the action as ovs-ofctl writes it.
func (PopQueue) String() string { return "pop_queue" }
