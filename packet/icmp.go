package packet

import "encoding/binary"

// Offsets in an ICMP message (RFC 792, RFC 4443 §2.1), and in the Neighbor
// Discovery messages (RFC 4861 §4.3, §4.4).
const (
	icmpType     = 0
	icmpCode     = 1
	icmpChecksum = 2

	ndTarget  = 8
	ndOptions = 24

	// ICMPMinLen is the length of type, code and checksum, in bytes.
	ICMPMinLen = 4
)

// ICMPv6 types of Neighbor Discovery that OpenFlow looks into.
const (
	ICMPv6NeighborSolicit = 135
	ICMPv6NeighborAdvert  = 136
)

// Neighbor Discovery options (RFC 4861 §4.6).
const (
	NDOptSourceLL = 1
	NDOptTargetLL = 2

	ndLinkAddrLen = 8 // type, length, 48-bit address
)

// ICMPv4 is a view of an ICMP message: ICMPMinLen bytes at least.
type ICMPv4 []byte

// Type is the message's type.
func (h ICMPv4) Type() uint8 { return h[icmpType] }

// Code is the message's code.
func (h ICMPv4) Code() uint8 { return h[icmpCode] }

// Checksum is the checksum.
func (h ICMPv4) Checksum() uint16 { return binary.BigEndian.Uint16(h[icmpChecksum:]) }

// SetType writes the message's type.
func (h ICMPv4) SetType(t uint8) { h[icmpType] = t }

// SetCode writes the message's code.
func (h ICMPv4) SetCode(c uint8) { h[icmpCode] = c }

// SetChecksum writes the checksum.
func (h ICMPv4) SetChecksum(c uint16) { binary.BigEndian.PutUint16(h[icmpChecksum:], c) }

// ICMPv6 is a view of an ICMPv6 message: ICMPMinLen bytes at least.
type ICMPv6 []byte

// Type is the message's type.
func (h ICMPv6) Type() uint8 { return h[icmpType] }

// Code is the message's code.
func (h ICMPv6) Code() uint8 { return h[icmpCode] }

// Checksum is the checksum.
func (h ICMPv6) Checksum() uint16 { return binary.BigEndian.Uint16(h[icmpChecksum:]) }

// SetType writes the message's type.
func (h ICMPv6) SetType(t uint8) { h[icmpType] = t }

// SetCode writes the message's code.
func (h ICMPv6) SetCode(c uint8) { h[icmpCode] = c }

// SetChecksum writes the checksum.
func (h ICMPv6) SetChecksum(c uint16) { binary.BigEndian.PutUint16(h[icmpChecksum:], c) }

// IsND says whether the message is a neighbour solicitation or advertisement
// with its target address in the view.
func (h ICMPv6) IsND() bool {
	return len(h) >= ndOptions && h.Code() == 0 &&
		(h.Type() == ICMPv6NeighborSolicit || h.Type() == ICMPv6NeighborAdvert)
}

// Target is the target address of a Neighbor Discovery message (IsND), 16
// bytes of the view.
func (h ICMPv6) Target() []byte { return h[ndTarget:ndOptions:ndOptions] }

// LinkAddr is the 48-bit address in the first option of the given type of a
// Neighbor Discovery message (IsND), 6 bytes of the view; nil when there is
// none. Options behind a malformed one are not looked at.
func (h ICMPv6) LinkAddr(option uint8) []byte {
	for o := h[ndOptions:]; len(o) >= 8; {
		n := int(o[1]) * 8
		if n == 0 || n > len(o) {
			return nil
		}
		if o[0] == option && n == ndLinkAddrLen {
			return o[2:8:8]
		}
		o = o[n:]
	}
	return nil
}
