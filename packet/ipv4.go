package packet

import "encoding/binary"

// Offsets in an IPv4 header (RFC 791 §3.1).
const (
	ipv4IHL      = 0
	ipv4TOS      = 1
	ipv4Len      = 2
	ipv4ID       = 4
	ipv4Frag     = 6
	ipv4TTL      = 8
	ipv4Proto    = 9
	ipv4Checksum = 10
	ipv4Src      = 12
	ipv4Dst      = 16

	// IPv4MinLen is the length of an IPv4 header without options, in bytes.
	IPv4MinLen = 20
)

// Bits of the word that IPv4.FlagsOffset gives.
const (
	IPv4DontFragment  = 0x4000
	IPv4MoreFragments = 0x2000
	IPv4OffsetMask    = 0x1fff // fragment offset in units of 8 bytes
)

// IP protocol numbers that the switch looks into.
const (
	ProtoHopByHop = 0
	ProtoICMP     = 1
	ProtoIPv4     = 4
	ProtoTCP      = 6
	ProtoUDP      = 17
	ProtoIPv6     = 41
	ProtoRouting  = 43
	ProtoFragment = 44
	ProtoESP      = 50
	ProtoAH       = 51
	ProtoICMPv6   = 58
	ProtoNone     = 59
	ProtoDestOpts = 60
	ProtoSCTP     = 132
)

// IPv4 is a view of an IPv4 header: IPv4MinLen bytes at least, with options
// HeaderLen.
type IPv4 []byte

// Version is 4 in an IPv4 header.
func (h IPv4) Version() uint8 { return h[ipv4IHL] >> 4 }

// HeaderLen is the header's length with options, in bytes, as the header
// claims: below IPv4MinLen it is malformed.
func (h IPv4) HeaderLen() int { return int(h[ipv4IHL]&15) * 4 }

// TOS is the type of service byte: DSCP(6) ECN(2).
func (h IPv4) TOS() uint8 { return h[ipv4TOS] }

// TotalLen is the length of header and data, in bytes.
func (h IPv4) TotalLen() int { return int(binary.BigEndian.Uint16(h[ipv4Len:])) }

// ID is the identification.
func (h IPv4) ID() uint16 { return binary.BigEndian.Uint16(h[ipv4ID:]) }

// FlagsOffset is the word of flags and fragment offset.
func (h IPv4) FlagsOffset() uint16 { return binary.BigEndian.Uint16(h[ipv4Frag:]) }

// IsFragment says whether the packet is a fragment, the first included.
func (h IPv4) IsFragment() bool {
	return h.FlagsOffset()&(IPv4MoreFragments|IPv4OffsetMask) != 0
}

// IsLaterFragment says whether the packet is a fragment but not the first.
func (h IPv4) IsLaterFragment() bool { return h.FlagsOffset()&IPv4OffsetMask != 0 }

// TTL is the time to live.
func (h IPv4) TTL() uint8 { return h[ipv4TTL] }

// Proto is the protocol of the data.
func (h IPv4) Proto() uint8 { return h[ipv4Proto] }

// Checksum is the header checksum.
func (h IPv4) Checksum() uint16 { return binary.BigEndian.Uint16(h[ipv4Checksum:]) }

// Src is the source address.
func (h IPv4) Src() uint32 { return binary.BigEndian.Uint32(h[ipv4Src:]) }

// Dst is the destination address.
func (h IPv4) Dst() uint32 { return binary.BigEndian.Uint32(h[ipv4Dst:]) }

// SetTOS writes the type of service byte.
func (h IPv4) SetTOS(t uint8) { h[ipv4TOS] = t }

// SetTotalLen writes the length of header and data, in bytes.
func (h IPv4) SetTotalLen(n int) { binary.BigEndian.PutUint16(h[ipv4Len:], uint16(n)) }

// SetID writes the identification.
func (h IPv4) SetID(id uint16) { binary.BigEndian.PutUint16(h[ipv4ID:], id) }

// SetFlagsOffset writes flags and fragment offset.
func (h IPv4) SetFlagsOffset(v uint16) { binary.BigEndian.PutUint16(h[ipv4Frag:], v) }

// SetTTL writes the time to live.
func (h IPv4) SetTTL(t uint8) { h[ipv4TTL] = t }

// SetProto writes the protocol of the data.
func (h IPv4) SetProto(p uint8) { h[ipv4Proto] = p }

// SetChecksum writes the header checksum.
func (h IPv4) SetChecksum(c uint16) { binary.BigEndian.PutUint16(h[ipv4Checksum:], c) }

// SetSrc writes the source address.
func (h IPv4) SetSrc(a uint32) { binary.BigEndian.PutUint32(h[ipv4Src:], a) }

// SetDst writes the destination address.
func (h IPv4) SetDst(a uint32) { binary.BigEndian.PutUint32(h[ipv4Dst:], a) }

// UpdateChecksum computes the header checksum anew and writes it. The view
// holds HeaderLen bytes.
func (h IPv4) UpdateChecksum() {
	h.SetChecksum(0)
	h.SetChecksum(Checksum(h[:h.HeaderLen()], 0))
}
