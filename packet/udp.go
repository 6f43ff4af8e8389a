package packet

import "encoding/binary"

// Offsets in a UDP header (RFC 768).
const (
	udpSrc      = 0
	udpDst      = 2
	udpLength   = 4
	udpChecksum = 6

	// UDPLen is the length of a UDP header, in bytes.
	UDPLen = 8
)

// UDP is a view of a UDP header: UDPLen bytes at least.
type UDP []byte

// SrcPort is the source port.
func (h UDP) SrcPort() uint16 { return binary.BigEndian.Uint16(h[udpSrc:]) }

// DstPort is the destination port.
func (h UDP) DstPort() uint16 { return binary.BigEndian.Uint16(h[udpDst:]) }

// Length is the length of header and data, in bytes.
func (h UDP) Length() int { return int(binary.BigEndian.Uint16(h[udpLength:])) }

// Checksum is the checksum; 0: the sender made none.
func (h UDP) Checksum() uint16 { return binary.BigEndian.Uint16(h[udpChecksum:]) }

// SetSrcPort writes the source port.
func (h UDP) SetSrcPort(p uint16) { binary.BigEndian.PutUint16(h[udpSrc:], p) }

// SetDstPort writes the destination port.
func (h UDP) SetDstPort(p uint16) { binary.BigEndian.PutUint16(h[udpDst:], p) }

// SetLength writes the length of header and data, in bytes.
func (h UDP) SetLength(n int) { binary.BigEndian.PutUint16(h[udpLength:], uint16(n)) }

// SetChecksum writes the checksum as it is.
func (h UDP) SetChecksum(c uint16) { binary.BigEndian.PutUint16(h[udpChecksum:], c) }

// udpSum is a computed checksum as UDP sends it: 0 means "none", so that a
// computed 0 goes out as its other representation (RFC 768).
func udpSum(c uint16) uint16 {
	if c == 0 {
		return 0xffff
	}
	return c
}
