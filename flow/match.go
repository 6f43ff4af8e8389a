package flow

import (
	"math/bits"

	"ofswitch/packet"
)

// Match is the set of frames that a flow entry is for: a value and a mask over
// a Wide. The zero Match matches every frame. Comparable.
//
// Invariant: Value has no bit that Mask lacks.
type Match struct {
	Value Wide
	Mask  Mask
}

// Matches says whether w is in m.
func (m *Match) Matches(w *Wide) bool {
	for i := range w {
		if (w[i]^m.Value[i])&m.Mask[i] != 0 {
			return false
		}
	}
	return true
}

// Covers says whether every frame that o matches is matched by m too: the test
// of non-strict modify, delete and statistics (OpenFlow 1.3.5 §6.4).
func (m *Match) Covers(o *Match) bool {
	for i := range m.Mask {
		if m.Mask[i]&^o.Mask[i] != 0 || (m.Value[i]^o.Value[i])&m.Mask[i] != 0 {
			return false
		}
	}
	return true
}

// Overlaps says whether some frame can match both (OpenFlow 1.3.5 §6.4).
func (m *Match) Overlaps(o *Match) bool {
	for i := range m.Mask {
		if (m.Value[i]^o.Value[i])&m.Mask[i]&o.Mask[i] != 0 {
			return false
		}
	}
	return true
}

// IsCatchAll says whether m matches every frame.
func (m *Match) IsCatchAll() bool { return m.Mask == Mask{} }

// Set asks for field id to be v exactly.
func (m *Match) Set(id ID, v Value) { m.SetMasked(id, v, id.Field().Full()) }

// SetMasked asks for the bits of mask in field id to be those of v. Earlier
// demands on the field are replaced. A zero mask removes them.
func (m *Match) SetMasked(id ID, v, mask Value) {
	f := id.Field()
	f.Set(&m.Value, Value{v.Hi & mask.Hi, v.Lo & mask.Lo})
	f.Set((*Wide)(&m.Mask), mask)
}

// Get reads what the match asks of field id. ok: it asks something. Fields
// that share their place (the ports of TCP, UDP and SCTP; ICMP types and
// codes) are reported only where their prerequisites hold.
func (m *Match) Get(id ID) (v, mask Value, ok bool) {
	f := id.Field()
	mask = f.Get((*Wide)(&m.Mask))
	if mask == (Value{}) || f.Word == WL4 && !m.PrereqsMet(id) {
		return Value{}, Value{}, false
	}
	return f.Get(&m.Value), mask, true
}

// Fields calls fn for every field that the match asks something of, in OXM
// number order, until fn returns false.
func (m *Match) Fields(fn func(f *Field, v, mask Value) bool) {
	var some uint64 // fields that may be asked about, by ID
	for i, b := range m.Mask {
		if b != 0 {
			some |= fieldsIn[i]
		}
	}
	if m.Mask[WL4] != 0 {
		some &^= fieldsIn[WL4] &^ m.l4Fields()
	}
	for ; some != 0; some &= some - 1 {
		f := &Table[bits.TrailingZeros64(some)]
		if mask := f.Get((*Wide)(&m.Mask)); mask != (Value{}) && !fn(f, f.Get(&m.Value), mask) {
			return
		}
	}
}

// l4Fields are the fields in the word WL4 whose prerequisites hold, by ID.
func (m *Match) l4Fields() uint64 {
	proto, _ := m.exact(IPProto)
	if p := l4Prereqs[uint8(proto)]; p != PrereqNone && m.prereq(p) {
		return l4By[p]
	}
	return 0
}

// l4Prereqs has, for each IP protocol, the prerequisite of its fields in the word WL4.
var l4Prereqs = [256]Prereq{
	packet.ProtoTCP: PrereqTCP, packet.ProtoUDP: PrereqUDP, packet.ProtoSCTP: PrereqSCTP,
	packet.ProtoICMP: PrereqICMPv4, packet.ProtoICMPv6: PrereqICMPv6,
}

// l4By has, for each prerequisite, the fields in the word WL4 that have it, by ID.
var l4By = func() (by [PrereqNDAdvert + 1]uint64) {
	for i := range Table {
		if f := &Table[i]; f.Word == WL4 {
			by[f.Prereq] |= 1 << i
		}
	}
	return by
}()

// fieldsIn has, for each word, the fields that have a part in it, by ID.
var fieldsIn = func() (words [Words]uint64) {
	for i := range Table {
		words[Table[i].Word] |= 1 << i
		if Table[i].Bits > 64 {
			words[Table[i].Word+1] |= 1 << i
		}
	}
	return words
}()

// PrereqsMet says whether the match holds what field id demands before it may
// stand in a match (OpenFlow 1.3.5 table 12).
func (m *Match) PrereqsMet(id ID) bool { return m.prereq(id.Field().Prereq) }

func (m *Match) exact(id ID) (uint64, bool) {
	f := id.Field()
	if f.Get((*Wide)(&m.Mask)) != f.Full() {
		return 0, false
	}
	return f.Get(&m.Value).Lo, true
}

func (m *Match) prereq(p Prereq) bool {
	if p == PrereqNone {
		return true
	}
	switch p {
	case PrereqInPort:
		_, ok := m.exact(InPort)
		return ok
	case PrereqVLAN:
		f := VLANVID.Field()
		return f.Get(&m.Value).Lo&VIDPresent != 0
	}
	et, ok := m.exact(EthType)
	if !ok {
		return false
	}
	v4, v6 := et == packet.TypeIPv4, et == packet.TypeIPv6
	switch p {
	case PrereqIPv4:
		return v4
	case PrereqIPv6:
		return v6
	case PrereqIP:
		return v4 || v6
	case PrereqARP:
		return et == packet.TypeARP || et == packet.TypeRARP
	case PrereqMPLS:
		return et == packet.TypeMPLS || et == packet.TypeMPLSMC
	case PrereqPBB:
		return et == packet.TypePBB
	}
	if !v4 && !v6 {
		return false
	}
	proto, ok := m.exact(IPProto)
	if !ok {
		return false
	}
	switch p {
	case PrereqTCP:
		return proto == packet.ProtoTCP
	case PrereqUDP:
		return proto == packet.ProtoUDP
	case PrereqSCTP:
		return proto == packet.ProtoSCTP
	case PrereqICMPv4:
		return v4 && proto == packet.ProtoICMP
	}
	if !v6 || proto != packet.ProtoICMPv6 {
		return false
	}
	if p == PrereqICMPv6 {
		return true
	}
	typ, ok := m.exact(ICMPv6Type)
	if !ok {
		return false
	}
	// The code does not count (OpenFlow 1.3.5 §7.2.3.7), though Open vSwitch asks
	// for none other than 0.
	switch p {
	case PrereqND:
		return typ == packet.ICMPv6NeighborSolicit || typ == packet.ICMPv6NeighborAdvert
	case PrereqNDSolicit:
		return typ == packet.ICMPv6NeighborSolicit
	default:
		return typ == packet.ICMPv6NeighborAdvert
	}
}
