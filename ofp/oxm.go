package ofp

import "ofswitch/flow"

// oxmHeaderLen is the length of class, field and hasmask, and length
// (OpenFlow 1.3.5 §7.2.3.2).
const oxmHeaderLen = 4

// oxmIter walks over a list of OXM TLVs. After next has returned true the
// fields describe one; after it has returned false err tells whether the list
// ended within a TLV, of which b has the rest.
type oxmIter struct {
	b   []byte
	err bool

	class   uint16
	number  uint8
	hasMask int // 0 or 1
	length  int // as in the TLV
	payload []byte
}

func (it *oxmIter) next() bool {
	if len(it.b) < oxmHeaderLen {
		it.err = len(it.b) != 0
		return false
	}
	it.class = be.Uint16(it.b)
	it.number = it.b[2] >> 1
	it.hasMask = int(it.b[2] & 1)
	it.length = int(it.b[3])
	if oxmHeaderLen+it.length > len(it.b) {
		it.err = true
		return false
	}
	it.payload = it.b[oxmHeaderLen : oxmHeaderLen+it.length]
	it.b = it.b[oxmHeaderLen+it.length:]
	return true
}

// field is the row of the field table, nil for an unknown class or number:
// experimenter fields among them.
func (it *oxmIter) field() *flow.Field { return flow.ByOXM(it.class, it.number) }

// unknown is the refusal of a TLV that has no row in the field table.
func (it *oxmIter) unknown(c Code) *Error {
	if it.class == flow.ClassExperiment && it.length >= 4 {
		return c.Errorf("match field %d of experimenter %#x is not known", it.number, be.Uint32(it.payload))
	}
	return c.Errorf("match field %d of class %#04x is not known", it.number, it.class)
}

// appendOXMHeader appends the header of f's TLV in class 0x8000.
func appendOXMHeader(b []byte, f *flow.Field, hasMask int) []byte {
	b = be.AppendUint16(b, flow.ClassBasic)
	return append(b, uint8(f.ID)<<1|uint8(hasMask), uint8(f.Len()<<hasMask))
}
