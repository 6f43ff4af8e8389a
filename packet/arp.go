package packet

import "encoding/binary"

// Offsets in an ARP packet for Ethernet and IPv4 (RFC 826).
const (
	arpHType = 0
	arpPType = 2
	arpHLen  = 4
	arpPLen  = 5
	arpOp    = 6
	arpSHA   = 8
	arpSPA   = 14
	arpTHA   = 18
	arpTPA   = 24

	// ARPLen is the length of an ARP packet for Ethernet and IPv4, in bytes.
	ARPLen = 28
)

// ARP operations.
const (
	ARPRequest = 1
	ARPReply   = 2
)

// ARP is a view of an ARP packet: ARPLen bytes at least.
type ARP []byte

// IsEthernetIPv4 says whether the packet is laid out for Ethernet and IPv4
// addresses. The other getters mean something only then.
func (h ARP) IsEthernetIPv4() bool {
	return binary.BigEndian.Uint16(h[arpHType:]) == 1 && binary.BigEndian.Uint16(h[arpPType:]) == TypeIPv4 &&
		h[arpHLen] == 6 && h[arpPLen] == 4
}

// Op is the operation (ar$op).
func (h ARP) Op() uint16 { return binary.BigEndian.Uint16(h[arpOp:]) }

// SHA is the sender hardware address (ar$sha).
func (h ARP) SHA() uint64 { return mac(h[arpSHA:]) }

// SPA is the sender protocol address (ar$spa).
func (h ARP) SPA() uint32 { return binary.BigEndian.Uint32(h[arpSPA:]) }

// THA is the target hardware address (ar$tha).
func (h ARP) THA() uint64 { return mac(h[arpTHA:]) }

// TPA is the target protocol address (ar$tpa).
func (h ARP) TPA() uint32 { return binary.BigEndian.Uint32(h[arpTPA:]) }

// SetEthernetIPv4 writes the address types and lengths.
func (h ARP) SetEthernetIPv4() {
	binary.BigEndian.PutUint16(h[arpHType:], 1)
	binary.BigEndian.PutUint16(h[arpPType:], TypeIPv4)
	h[arpHLen], h[arpPLen] = 6, 4
}

// SetOp writes the operation.
func (h ARP) SetOp(op uint16) { binary.BigEndian.PutUint16(h[arpOp:], op) }

// SetSHA writes the sender hardware address.
func (h ARP) SetSHA(a uint64) { putMAC(h[arpSHA:], a) }

// SetSPA writes the sender protocol address.
func (h ARP) SetSPA(a uint32) { binary.BigEndian.PutUint32(h[arpSPA:], a) }

// SetTHA writes the target hardware address.
func (h ARP) SetTHA(a uint64) { putMAC(h[arpTHA:], a) }

// SetTPA writes the target protocol address.
func (h ARP) SetTPA(a uint32) { binary.BigEndian.PutUint32(h[arpTPA:], a) }
