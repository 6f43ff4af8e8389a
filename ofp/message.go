package ofp

// Version is OpenFlow 1.3's number on the wire.
const Version = 0x04

// Type is OFPT_*.
type Type uint8

// Message types (OpenFlow 1.3.5 §7.1).
const (
	TypeHello Type = iota
	TypeError
	TypeEchoRequest
	TypeEchoReply
	TypeExperimenter
	TypeFeaturesRequest
	TypeFeaturesReply
	TypeGetConfigRequest
	TypeGetConfigReply
	TypeSetConfig
	TypePacketIn
	TypeFlowRemoved
	TypePortStatus
	TypePacketOut
	TypeFlowMod
	TypeGroupMod
	TypePortMod
	TypeTableMod
	TypeMultipartRequest
	TypeMultipartReply
	TypeBarrierRequest
	TypeBarrierReply
	TypeQueueGetConfigRequest
	TypeQueueGetConfigReply
	TypeRoleRequest
	TypeRoleReply
	TypeGetAsyncRequest
	TypeGetAsyncReply
	TypeSetAsync
	TypeMeterMod
)

// SwitchOnly says whether only a switch sends messages of type t. A switch that
// gets one answers BAD_TYPE whatever its length, so it asks before Decode.
func (t Type) SwitchOnly() bool {
	switch t {
	case TypeFeaturesReply, TypeGetConfigReply, TypePacketIn, TypeFlowRemoved, TypePortStatus, TypeMultipartReply,
		TypeBarrierReply, TypeQueueGetConfigReply, TypeRoleReply, TypeGetAsyncReply:
		return true
	}
	return false
}

// Message is the body of one OpenFlow message; the header's version, length
// and xid are written by Encode. The implementations are pointers to the
// structs of this package: Decode returns *FlowMod, not FlowMod.
type Message interface {
	Type() Type
	// Len is the body's length in bytes, without the 8 of the header.
	Len() int
	// Append encodes the body.
	Append(b []byte) []byte
}
