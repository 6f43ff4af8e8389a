package ofp

import (
	"fmt"
	"slices"
	"strings"

	"ofswitch/packet"
)

// EtherTypes are some Ethernet types.
type EtherTypes []uint16

// String lists them, as "0x8100 or 0x88a8".
func (e EtherTypes) String() string {
	words := make([]string, len(e))
	for i, t := range e {
		words[i] = fmt.Sprintf("%#04x", t)
	}
	return strings.Join(words, " or ")
}

// PushTypes are the Ethernet types of the headers that an action of type t can
// push (OpenFlow 1.3.5 §7.2.5); none if it pushes nothing.
func PushTypes(t ActionType) EtherTypes {
	switch t {
	case ActionPushVLAN:
		return EtherTypes{packet.TypeVLAN, packet.TypeQinQ}
	case ActionPushMPLS:
		return EtherTypes{packet.TypeMPLS, packet.TypeMPLSMC}
	case ActionPushPBB:
		return EtherTypes{packet.TypePBB}
	}
	return nil
}

// CheckPush refuses an Ethernet type that is not among the PushTypes of t:
// BAD_ACTION, BAD_ARGUMENT.
func CheckPush(t ActionType, etherType uint16) error {
	if want := PushTypes(t); !slices.Contains(want, etherType) {
		return BadActionBadArgument.Errorf("%v of Ethernet type %#04x, want %v", t, etherType, want)
	}
	return nil
}
