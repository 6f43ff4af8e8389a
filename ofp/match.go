package ofp

import (
	"ofswitch/flow"
	"ofswitch/ofp/internal/octets"
)

// matchOXM is OFPMT_OXM; the other type, OFPMT_STANDARD, is OpenFlow 1.1's.
const matchOXM = 1

// matchHeaderLen is the length of a match's type and length.
const matchHeaderLen = 4

// DecodeMatch reads the struct ofp_match at the start of b (OpenFlow 1.3.5
// §7.2.3) and returns the number of bytes that it takes with its padding.
// Refusals have type BAD_MATCH.
//
// A mask of all ones is the same as none, and a field with a mask of all zeros
// the same as no such field (§7.2.3.5), for fields that cannot be masked too;
// what it depends on has to stand before it all the same, as in Open vSwitch.
// Mask bits beyond the width of a field do not count. The bytes of padding are
// not looked at.
func DecodeMatch(b []byte) (m flow.Match, n int, err error) { return decodeMatch(b, 0) }

// matchLeniency is what a match may have that DecodeMatch refuses, where it comes
// from a switch: whoever looks into one wants to see what is there.
type matchLeniency uint8

const (
	// skipUnknown leaves out fields that do not exist.
	skipUnknown matchLeniency = 1 << iota
	// anyMask takes masks of fields that OpenFlow 1.3 has without: flows that were
	// added over OpenFlow 1.0 can mask ports and VLAN priorities.
	anyMask
)

func decodeMatch(b []byte, l matchLeniency) (m flow.Match, n int, err error) {
	if n, err = readMatch(&m, b, l); err != nil {
		return flow.Match{}, 0, err
	}
	return m, n, nil
}

// readMatch is decodeMatch into m, which is empty. With an error m has anything.
func readMatch(m *flow.Match, b []byte, l matchLeniency) (n int, err error) {
	if len(b) < 4 {
		return 0, BadMatchBadLen.Errorf("match of %d bytes, want at least 4", len(b))
	}
	if t := be.Uint16(b); t != matchOXM {
		return 0, BadMatchBadType.Errorf("match type %d, want 1 (OXM)", t)
	}
	length := int(be.Uint16(b[2:]))
	n = octets.Pad8(length)
	if length < 4 || n > len(b) {
		return 0, BadMatchBadLen.Errorf("match says %d bytes, %d are left", length, len(b))
	}
	return n, decodeOXMs(m, b[4:length], l)
}

// decodeOXMs reads a list of fields into m, which is empty.
func decodeOXMs(m *flow.Match, b []byte, l matchLeniency) error {
	var seen uint64 // fields that stood in the list, by ID
	it := oxmIter{b: b}
	for it.next() {
		f := it.field()
		if f == nil {
			if l&skipUnknown != 0 {
				continue
			}
			return it.unknown(BadMatchBadField)
		}
		n := f.Len()
		if want := n << it.hasMask; it.length != want {
			return BadMatchBadLen.Errorf("%s has %d bytes, want %d", f.Name, it.length, want)
		}
		full := f.Full()
		v, mask := flow.ReadValue(it.payload[:n]), full
		if it.hasMask != 0 {
			mask = flow.ReadValue(it.payload[n:])
			if v.Hi&^mask.Hi != 0 || v.Lo&^mask.Lo != 0 {
				return BadMatchBadWildcards.Errorf("%s: value %x has bits outside its mask %x", f.Name, it.payload[:n], it.payload[n:])
			}
			mask.Hi &= full.Hi
			mask.Lo &= full.Lo
		}
		if v.Hi&^full.Hi != 0 || v.Lo&^full.Lo != 0 {
			return BadMatchBadValue.Errorf("%s: value %x does not fit into %d bits", f.Name, it.payload[:n], f.Bits)
		}
		if seen&(1<<f.ID) != 0 {
			return BadMatchDupField.Errorf("%s stands twice in the match", f.Name)
		}
		seen |= 1 << f.ID
		if mask != full && mask != (flow.Value{}) && !f.Maskable && l&anyMask == 0 {
			return BadMatchBadMask.Errorf("%s cannot be masked, mask %x", f.Name, it.payload[n:])
		}
		if !m.PrereqsMet(f.ID) {
			return BadMatchBadPrereq.Errorf("%s may stand only after the fields that it depends on", f.Name)
		}
		if mask == (flow.Value{}) {
			continue
		}
		m.SetMasked(f.ID, v, mask)
	}
	if it.err {
		return BadMatchBadLen.Errorf("match field cut off: %d bytes are left", len(it.b))
	}
	return nil
}

// MatchLen is the length of AppendMatch's bytes, padding included.
func MatchLen(m *flow.Match) int { return octets.Pad8(matchHeaderLen + matchFieldsLen(m)) }

// matchFieldsLen is the length of appendMatchFields' bytes.
func matchFieldsLen(m *flow.Match) (n int) {
	m.Fields(func(f *flow.Field, _, mask flow.Value) bool {
		n += oxmHeaderLen + f.Len()
		if mask != f.Full() {
			n += f.Len()
		}
		return true
	})
	return n
}

// AppendMatch encodes m as a struct ofp_match, its fields in the order of their
// numbers and exact ones without mask, padded to a multiple of 8 bytes.
func AppendMatch(b []byte, m *flow.Match) []byte {
	start := len(b)
	b = be.AppendUint16(b, matchOXM)
	b = be.AppendUint16(b, 0) // the length, below
	b = appendMatchFields(b, m)
	n := len(b) - start
	be.PutUint16(b[start+2:], uint16(n))
	return octets.Zeros(b, octets.Pad8(n)-n)
}

// appendMatchFields appends the fields alone.
func appendMatchFields(b []byte, m *flow.Match) []byte {
	m.Fields(func(f *flow.Field, v, mask flow.Value) bool {
		n, hasMask := f.Len(), 0
		if mask != f.Full() {
			hasMask = 1
		}
		b = appendOXMHeader(b, f, hasMask)
		b = v.Append(b, n)
		if hasMask != 0 {
			b = mask.Append(b, n)
		}
		return true
	})
	return b
}
