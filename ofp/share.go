package ofp

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"
)

// Flow tables have few lists of actions and many entries with each. Instructions that
// were decoded a moment ago are not decoded again, and entries with the same ones have
// them together. Both are remembered in tables of fixed size, in which a list takes the
// place of another: they hold on to little, need no count of users, and cost
// instructions that are all different one comparison.

const (
	sharedLists = 1024 // a table's places, a power of two
	// sharedLen is the longest list, in bytes, that is remembered.
	sharedLen = 256
)

var sharedSeed = maphash.MakeSeed()

// decodedList is a list as it came and what it says. Immutable.
type decodedList struct {
	wire []byte
	ins  Instructions
}

var decodedLists [sharedLists]atomic.Pointer[decodedList]

// decodeShared is DecodeInstructions, whose actions may be shared with other
// messages: nobody may write to them.
func decodeShared(b []byte) (Instructions, error) {
	if len(b) == 0 || len(b) > sharedLen {
		return DecodeInstructions(b)
	}
	slot := &decodedLists[maphash.Bytes(sharedSeed, b)%sharedLists]
	if l := slot.Load(); l != nil && bytes.Equal(l.wire, b) {
		return l.ins, nil
	}
	ins, err := DecodeInstructions(b)
	if err == nil {
		slot.Store(&decodedList{bytes.Clone(b), ins})
	}
	return ins, err
}

var sharedInstructions [sharedLists]atomic.Pointer[Instructions]

// Share gives instructions equal to in that may be shared with others who asked for
// the same: nobody may change them, nor the actions of in. Any goroutine may call it.
func (in *Instructions) Share() *Instructions {
	slot := &sharedInstructions[in.hash()%sharedLists]
	if s := slot.Load(); s != nil && s.equal(in) {
		return s
	}
	s := new(Instructions)
	*s = *in
	if InstructionsLen(in) <= sharedLen {
		slot.Store(s)
	}
	return s
}

// hash tells frequent instructions apart.
func (in *Instructions) hash() uint64 {
	const factor = 0x9e3779b97f4a7c15
	h := uint64(in.Has) | uint64(in.Goto)<<8 | uint64(in.Meter)<<16
	h = (h^in.Metadata)*factor ^ in.MetadataMask
	for _, list := range [2][]Action{in.Apply, in.Write} {
		h = (h ^ uint64(len(list))) * factor
		for _, a := range list {
			var x uint64
			if a != nil {
				x = uint64(a.ActionType())
			}
			switch a := a.(type) {
			case Output:
				x |= uint64(a.Port)<<32 | uint64(a.MaxLen)<<16
			case Group:
				x |= uint64(a.GroupID) << 32
			case SetQueue:
				x |= uint64(a.QueueID) << 32
			case SetField:
				x ^= (a.Value.Hi*factor+a.Value.Lo)*factor + uint64(a.Field)
			}
			h = (h ^ x) * factor
			h ^= h >> 32
		}
	}
	return h
}

// equal says whether both say the same, in the same order.
func (in *Instructions) equal(o *Instructions) bool {
	if in.Has != o.Has || in.Goto != o.Goto || in.Meter != o.Meter || in.Order != o.Order ||
		in.Metadata != o.Metadata || in.MetadataMask != o.MetadataMask ||
		len(in.Apply) != len(o.Apply) || len(in.Write) != len(o.Write) {
		return false
	}
	if sameList(in.Apply, o.Apply) && sameList(in.Write, o.Write) {
		return true
	}
	return equalActions(in.Apply, o.Apply) && equalActions(in.Write, o.Write)
}

// sameList says whether two lists of the same length are one.
func sameList(a, b []Action) bool { return len(a) == 0 || &a[0] == &b[0] }

// equalActions compares lists of the same length.
func equalActions(a, b []Action) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
