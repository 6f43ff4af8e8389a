package packet

import "encoding/binary"

// Offsets in an SCTP common header (RFC 9260 §3.1).
const (
	sctpSrc      = 0
	sctpDst      = 2
	sctpTag      = 4
	sctpChecksum = 8

	// SCTPMinLen is the length of the common header, in bytes.
	SCTPMinLen = 12
)

// SCTP is a view of an SCTP common header: SCTPMinLen bytes at least.
type SCTP []byte

// SrcPort is the source port.
func (h SCTP) SrcPort() uint16 { return binary.BigEndian.Uint16(h[sctpSrc:]) }

// DstPort is the destination port.
func (h SCTP) DstPort() uint16 { return binary.BigEndian.Uint16(h[sctpDst:]) }

// Tag is the verification tag.
func (h SCTP) Tag() uint32 { return binary.BigEndian.Uint32(h[sctpTag:]) }

// Checksum is the CRC32c field as a big-endian number; see ChecksumSCTP.
func (h SCTP) Checksum() uint32 { return binary.BigEndian.Uint32(h[sctpChecksum:]) }

// SetSrcPort writes the source port.
func (h SCTP) SetSrcPort(p uint16) { binary.BigEndian.PutUint16(h[sctpSrc:], p) }

// SetDstPort writes the destination port.
func (h SCTP) SetDstPort(p uint16) { binary.BigEndian.PutUint16(h[sctpDst:], p) }

// SetTag writes the verification tag.
func (h SCTP) SetTag(t uint32) { binary.BigEndian.PutUint32(h[sctpTag:], t) }

// SetChecksum writes what ChecksumSCTP gives.
func (h SCTP) SetChecksum(c uint32) { binary.BigEndian.PutUint32(h[sctpChecksum:], c) }
