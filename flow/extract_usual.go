package flow

import (
	"encoding/binary"
	"math/bits"

	"ofswitch/packet"
)

// bitsUsual are the words of the most frequent frames: Ethernet without tags, IPv4, TCP or UDP.
const bitsUsual = bitsEth | 1<<WIPv4 | 1<<WIP | 1<<WL4

// extractUsual is Extract for the most frequent frames: no tags, IPv4 without options,
// no fragment, TCP or UDP, all whole. It leaves k alone and says no for others.
func extractUsual(f *packet.Frame, inPort uint32, k *Key) bool {
	b := f.Bytes()
	const l3, l4 = packet.EthernetLen, packet.EthernetLen + packet.IPv4MinLen
	if len(b) < l4+packet.UDPLen {
		return false
	}
	h := (*[l4 + packet.UDPLen]byte)(b)
	// EtherType, version, header length and DSCP in one word; fragment, TTL and protocol in the next.
	if binary.BigEndian.Uint32(h[12:])&0xffffff00 != packet.TypeIPv4<<16|0x4500 {
		return false
	}
	frag := binary.BigEndian.Uint32(h[l3+6:])
	total := int(binary.BigEndian.Uint16(h[l3+2:]))
	if frag>>16&0x3fff != 0 || total > len(b)-l3 {
		return false
	}
	flags := uint64(0)
	switch uint8(frag) {
	case packet.ProtoUDP:
		if total < packet.IPv4MinLen+packet.UDPLen {
			return false
		}
	case packet.ProtoTCP:
		if total < packet.IPv4MinLen+packet.TCPMinLen {
			return false
		}
		ctl := binary.BigEndian.Uint16(b[l4+12:])
		if size := int(ctl>>12) * 4; size < packet.TCPMinLen || size > total-packet.IPv4MinLen {
			return false
		}
		flags = uint64(ctl & 0x0fff)
	default:
		return false
	}
	for other := k.Bits &^ bitsUsual & (1<<KeyWords - 1); other != 0; other &= other - 1 {
		k.W[bits.TrailingZeros32(other)&31] = 0
	}
	k.Bits = bitsUsual
	k.W[WInPort] = uint64(inPort)<<32 | uint64(inPort)
	k.W[WEthDst] = binary.BigEndian.Uint64(h[0:])&^0xffff | packet.TypeIPv4
	k.W[WEthSrc] = binary.BigEndian.Uint64(h[6:]) &^ 0xffff
	k.W[WIPv4] = binary.BigEndian.Uint64(h[l3+12:])
	k.W[WIP] = uint64(uint8(frag))<<24 | uint64(h[l3+1])<<16 | uint64(frag>>8&0xff)<<8
	k.W[WL4] = uint64(binary.BigEndian.Uint32(h[l4:]))<<32 | flags<<16
	f.Layers = packet.Layers{L2End: packet.EthernetLen - 2, MPLS: -1, L3: l3, L4: l4}
	return true
}
