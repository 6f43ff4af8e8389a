package ofp

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// be is the byte order of everything on the wire (OpenFlow 1.3.5 §7).
var be = binary.BigEndian

// cString reads a zero-terminated string out of a field. The last byte of the
// field belongs to the terminator even when the sender put something there.
func cString(b []byte) string {
	b = b[:len(b)-1]
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// bitNames joins the names of the bits set in v, "0" when there are none.
// Bits without a name are added in hexadecimal at the end.
func bitNames(v uint32, names []bitName) string {
	if v == 0 {
		return "0"
	}
	var s []string
	for _, n := range names {
		if v&n.bit != 0 {
			s = append(s, n.name)
			v &^= n.bit
		}
	}
	if v != 0 {
		s = append(s, fmt.Sprintf("%#x", v))
	}
	return strings.Join(s, " ")
}

type bitName struct {
	bit  uint32
	name string
}
