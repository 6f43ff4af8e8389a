package flow

import "encoding/binary"

// Value is a field's value or mask, right-aligned: Hi is zero for fields of at
// most 64 bits.
type Value struct{ Hi, Lo uint64 }

// ReadValue reads a big-endian number of at most 16 bytes, as OXM and NXM have
// values and masks.
func ReadValue(b []byte) (v Value) {
	if len(b) > 8 {
		v.Hi = readWord(b[:len(b)-8])
		b = b[len(b)-8:]
	}
	v.Lo = readWord(b)
	return v
}

func readWord(b []byte) (w uint64) {
	for _, c := range b {
		w = w<<8 | uint64(c)
	}
	return w
}

// Append appends v as a big-endian number of n bytes, at most 16.
func (v Value) Append(b []byte, n int) []byte {
	switch n { // the usual ones
	case 1:
		return append(b, uint8(v.Lo))
	case 2:
		return binary.BigEndian.AppendUint16(b, uint16(v.Lo))
	case 4:
		return binary.BigEndian.AppendUint32(b, uint32(v.Lo))
	case 6:
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, uint16(v.Lo>>32)), uint32(v.Lo))
	case 8:
		return binary.BigEndian.AppendUint64(b, v.Lo)
	case 16:
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, v.Hi), v.Lo)
	}
	for i := n - 1; i >= 0; i-- {
		if i >= 8 {
			b = append(b, uint8(v.Hi>>(8*(i-8))))
		} else {
			b = append(b, uint8(v.Lo>>(8*i)))
		}
	}
	return b
}
