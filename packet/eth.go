package packet

import "encoding/binary"

// Offsets in the Ethernet header.
const (
	ethDst  = 0
	ethSrc  = 6
	ethType = 12

	// EthernetLen is the length of an Ethernet header without tags, in bytes.
	EthernetLen = 14
)

// EtherTypes.
const (
	TypeIPv4   = 0x0800
	TypeARP    = 0x0806
	TypeRARP   = 0x8035
	TypeVLAN   = 0x8100 // C-tag, IEEE 802.1Q
	TypeIPv6   = 0x86dd
	TypeMPLS   = 0x8847
	TypeMPLSMC = 0x8848
	TypeQinQ   = 0x88a8 // S-tag, IEEE 802.1ad
	TypePBB    = 0x88e7 // I-tag, IEEE 802.1ah
	TypeLLDP   = 0x88cc

	// TypeMin is the smallest value that is a type and not an IEEE 802.3
	// length.
	TypeMin = 0x0600
)

// Ethernet is a view of an Ethernet header: EthernetLen bytes at least.
type Ethernet []byte

// Dst is the destination address in the low 48 bits.
func (h Ethernet) Dst() uint64 { return mac(h[ethDst:]) }

// Src is the source address in the low 48 bits.
func (h Ethernet) Src() uint64 { return mac(h[ethSrc:]) }

// Type is the EtherType, the TPID of the outermost tag, or an IEEE 802.3
// length.
func (h Ethernet) Type() uint16 { return binary.BigEndian.Uint16(h[ethType:]) }

// SetDst writes the low 48 bits of a.
func (h Ethernet) SetDst(a uint64) { putMAC(h[ethDst:], a) }

// SetSrc writes the low 48 bits of a.
func (h Ethernet) SetSrc(a uint64) { putMAC(h[ethSrc:], a) }

// SetType writes the EtherType.
func (h Ethernet) SetType(t uint16) { binary.BigEndian.PutUint16(h[ethType:], t) }

func mac(b []byte) uint64 {
	return uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:6]))
}

func putMAC(b []byte, a uint64) {
	_ = b[5]
	binary.BigEndian.PutUint16(b, uint16(a>>32))
	binary.BigEndian.PutUint32(b[2:], uint32(a))
}
