package ofp

import "ofswitch/flow"

// Action is one element of an action list or action set (OpenFlow 1.3.5
// §7.2.5). The set of implementations is closed: the types of this file.
// Actions are values that can be compared by ==, and immutable once decoded.
type Action interface {
	// ActionType is the OFPAT_* number.
	ActionType() ActionType
	// Len is the length on the wire in bytes, a multiple of 8.
	Len() int
	// Append encodes the action.
	Append(b []byte) []byte
}

// ActionType is OFPAT_*.
type ActionType uint16

// Action types (OpenFlow 1.3.5 §7.2.5).
const (
	ActionOutput       ActionType = 0
	ActionCopyTTLOut   ActionType = 11
	ActionCopyTTLIn    ActionType = 12
	ActionSetMPLSTTL   ActionType = 15
	ActionDecMPLSTTL   ActionType = 16
	ActionPushVLAN     ActionType = 17
	ActionPopVLAN      ActionType = 18
	ActionPushMPLS     ActionType = 19
	ActionPopMPLS      ActionType = 20
	ActionSetQueue     ActionType = 21
	ActionGroup        ActionType = 22
	ActionSetNwTTL     ActionType = 23
	ActionDecNwTTL     ActionType = 24
	ActionSetField     ActionType = 25
	ActionPushPBB      ActionType = 26
	ActionPopPBB       ActionType = 27
	ActionExperimenter ActionType = 0xffff
)

type (
	// Output sends a copy of the frame to a port; MaxLen bytes of it when the
	// port is PortController.
	Output struct {
		Port   PortNo
		MaxLen uint16
	}

	// CopyTTLOut copies the TTL from the next-to-outermost header that has one
	// to the outermost.
	CopyTTLOut struct{}

	// CopyTTLIn copies the TTL from the outermost header that has one to the
	// next.
	CopyTTLIn struct{}

	// SetMPLSTTL sets the outermost label's TTL.
	SetMPLSTTL struct{ TTL uint8 }

	// DecMPLSTTL takes one from the outermost label's TTL.
	DecMPLSTTL struct{}

	// PushVLAN pushes a tag with TPID EtherType, 0x8100 or 0x88a8.
	PushVLAN struct{ EtherType uint16 }

	// PopVLAN pops the outermost tag.
	PopVLAN struct{}

	// PushMPLS pushes a label; EtherType is 0x8847 or 0x8848.
	PushMPLS struct{ EtherType uint16 }

	// PopMPLS pops a label; EtherType is that of the frame afterwards.
	PopMPLS struct{ EtherType uint16 }

	// SetQueue chooses the queue of the outputs that follow.
	SetQueue struct{ QueueID uint32 }

	// Group gives the frame to a group.
	Group struct{ GroupID uint32 }

	// SetNwTTL sets the IPv4 TTL or the IPv6 hop limit.
	SetNwTTL struct{ TTL uint8 }

	// DecNwTTL takes one from the IPv4 TTL or the IPv6 hop limit.
	DecNwTTL struct{}

	// SetField writes one field, all of it.
	SetField struct {
		Field flow.ID
		Value flow.Value
	}

	// PushPBB pushes a backbone service tag; EtherType is 0x88e7.
	PushPBB struct{ EtherType uint16 }

	// PopPBB pops the outermost backbone service tag.
	PopPBB struct{}
)

// Controller max_len values (OpenFlow 1.3.5 §7.2.5).
const (
	ControllerMaxLenMax = 0xffe5 // OFPCML_MAX
	ControllerNoBuffer  = 0xffff // OFPCML_NO_BUFFER: the whole frame
)
