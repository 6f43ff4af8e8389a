package differential

import (
	"slices"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// facts are what a message holds, read as far as it can be: a damaged one too.
type facts struct {
	typ     ofp.Type
	body    []byte
	m       ofp.Message // nil: it cannot be read
	command int         // of a flow-, group- or meter-mod; -1
	kind    int         // of a multipart request; -1

	match     []tlv // fields
	actions   []act // wherever they stand
	has       map[uint16]int
	pushesTag bool
}

// tlv is an OXM TLV of class 0x8000.
type tlv struct {
	id      flow.ID
	class   uint16
	payload []byte
}

// act is an action.
type act struct {
	typ  ofp.ActionType
	body []byte // behind type and length
	set  *tlv   // of a set-field
	// written: it stands in an action set.
	written bool
}

func (a *act) word() uint32 {
	if len(a.body) < 4 {
		return 0
	}
	return be.Uint32(a.body)
}

func read(msg []byte) *facts {
	f := &facts{typ: ofp.Type(msg[1]), body: msg[ofp.HeaderLen:], command: -1, kind: -1, has: map[uint16]int{}}
	if h, err := ofp.ParseHeader(msg); err == nil {
		f.m, _ = ofp.Decode(h, f.body) // nil says enough
	}
	b := f.body
	switch {
	case f.typ == ofp.TypeFlowMod && len(b) >= 44:
		f.command = int(b[17])
		f.instructions(f.readMatch(b[40:]))
	case f.typ == ofp.TypeGroupMod && len(b) >= 8:
		f.command = int(be.Uint16(b))
		for b = b[8:]; len(b) >= 16; {
			n := int(be.Uint16(b))
			if n < 16 || n > len(b) {
				break
			}
			f.readActions(b[16:n], true)
			b = b[n:]
		}
	case f.typ == ofp.TypeMeterMod && len(b) >= 8:
		f.command = int(be.Uint16(b))
	case f.typ == ofp.TypePacketOut && len(b) >= 16:
		if n := int(be.Uint16(b[8:])); 16+n <= len(b) {
			f.readActions(b[16:16+n], false)
		}
	case f.typ == ofp.TypeMultipartRequest && len(b) >= 2:
		f.kind = int(be.Uint16(b))
		if (f.kind == ofp.MultipartFlow || f.kind == ofp.MultipartAggregate) && len(b) >= 44 {
			f.readMatch(b[40:])
		}
	}
	return f
}

// readMatch reads a struct ofp_match and gives what is behind it.
func (f *facts) readMatch(b []byte) []byte {
	n := int(be.Uint16(b[2:]))
	if n < 4 || n > len(b) {
		return nil
	}
	for list := b[4:n]; len(list) >= 4; {
		t, size := readTLV(list)
		f.match = append(f.match, t)
		list = list[min(size, len(list)):]
	}
	return b[min((n+7)/8*8, len(b)):]
}

func readTLV(b []byte) (tlv, int) {
	size := 4 + int(b[3])
	return tlv{flow.ID(b[2] >> 1), be.Uint16(b), b[4:min(size, len(b))]}, size
}

func (f *facts) instructions(b []byte) {
	for len(b) >= 8 {
		t, n := be.Uint16(b), int(be.Uint16(b[2:]))
		if n < 8 || n > len(b) {
			return
		}
		f.has[t]++
		if t == ofp.InstrApplyActions || t == ofp.InstrWriteActions || t == ofp.InstrClearActions {
			f.readActions(b[8:n], t == ofp.InstrWriteActions)
		}
		b = b[n:]
	}
}

func (f *facts) readActions(b []byte, written bool) {
	for len(b) >= 8 {
		a := act{typ: ofp.ActionType(be.Uint16(b)), written: written}
		n := int(be.Uint16(b[2:]))
		if n < 8 || n > len(b) {
			return
		}
		a.body = b[4:n]
		if a.typ == ofp.ActionSetField {
			t, _ := readTLV(a.body)
			a.set = &t
		}
		if a.typ == ofp.ActionPushMPLS || a.typ == ofp.ActionPushPBB || a.typ == ofp.ActionPopMPLS || a.typ == ofp.ActionPopPBB {
			f.pushesTag = true
		}
		f.actions = append(f.actions, a)
		b = b[n:]
	}
}

// anyAction says whether there is one for which is says true.
func (f *facts) anyAction(is func(*act) bool) bool {
	for i := range f.actions {
		if is(&f.actions[i]) {
			return true
		}
	}
	return false
}

// acts says whether there is an action of one of the types.
func (f *facts) acts(types ...ofp.ActionType) bool {
	return f.anyAction(func(a *act) bool { return slices.Contains(types, a.typ) })
}

// matches and sets say whether one of the fields is matched or set.
func (f *facts) matches(ids ...flow.ID) bool {
	return slices.ContainsFunc(f.match, func(t tlv) bool { return t.class == flow.ClassBasic && slices.Contains(ids, t.id) })
}

func (f *facts) sets(ids ...flow.ID) bool {
	return f.anyAction(func(a *act) bool {
		return a.set != nil && a.set.class == flow.ClassBasic && slices.Contains(ids, a.set.id)
	})
}

// laterFragment says whether the message is a packet-out of an IPv4 fragment other
// than the first.
func (f *facts) laterFragment() bool {
	if f.typ != ofp.TypePacketOut || len(f.body) < 16 {
		return false
	}
	frame := f.body[min(16+int(be.Uint16(f.body[8:])), len(f.body)):]
	return len(frame) >= 34 && be.Uint16(frame[12:]) == 0x800 && be.Uint16(frame[20:])&0x1fff != 0
}

// bigPort says whether a number is one of a port that Open vSwitch, which has 16
// bits for them, does not know.
func bigPort(v uint32) bool { return v >= 0xff00 && v < 0xfffffff8 }

// namesBigPort says whether the message names such a port anywhere.
func (f *facts) namesBigPort() bool {
	if f.anyAction(func(a *act) bool { return a.typ == ofp.ActionOutput && bigPort(a.word()) }) {
		return true
	}
	for _, t := range f.match {
		if (t.id == flow.InPort || t.id == flow.InPhyPort) && len(t.payload) >= 4 && bigPort(be.Uint32(t.payload)) {
			return true
		}
	}
	at := func(offset int) bool { return len(f.body) >= offset+4 && bigPort(be.Uint32(f.body[offset:])) }
	switch f.typ {
	case ofp.TypeFlowMod:
		return at(28)
	case ofp.TypeGroupMod:
		for b := f.body[min(8, len(f.body)):]; len(b) >= 16; {
			if bigPort(be.Uint32(b[4:])) {
				return true
			}
			n := int(be.Uint16(b))
			if n < 16 || n > len(b) {
				return false
			}
			b = b[n:]
		}
	case ofp.TypePacketOut:
		return at(4)
	case ofp.TypePortMod, ofp.TypeQueueGetConfigRequest:
		return at(0)
	case ofp.TypeMultipartRequest:
		switch f.kind {
		case ofp.MultipartFlow, ofp.MultipartAggregate:
			return at(12)
		case ofp.MultipartPortStats, ofp.MultipartQueue:
			return at(8)
		}
	}
	return false
}
