package flow

import (
	"encoding/binary"

	"ofswitch/packet"
)

// ether8023 is what a frame has as EtherType that has none: 802.3 without SNAP,
// or SNAP of another organisation. Open vSwitch and OpenFlow 1.0
// (OFP_DL_TYPE_NOT_ETH_TYPE) use the same number.
const ether8023 = 0x05ff

// bitsEth are the words that every whole frame has.
const bitsEth = 1<<WInPort | 1<<WEthDst | 1<<WEthSrc

// Extract reads the headers of f into k and notes their offsets in f.Layers.
// in_port and in_phy_port become inPort; the other words of metadata (tunnel,
// recirculation, connection) become zero.
//
// k holds a key, the zero one or any other: only what differs is written anew.
//
// It parses what is there and whole, as Open vSwitch does, and no more: a
// header that is cut short, contradicts its own lengths or follows such a one
// leaves its words zero and its offset -1. So do the layer 4 headers of later
// fragments. It never fails, never panics and never allocates.
func Extract(f *packet.Frame, inPort uint32, k *Key) {
	if extractUsual(f, inPort, k) {
		return
	}
	*k = Key{Bits: 1 << WInPort}
	k.W[WInPort] = uint64(inPort)<<32 | uint64(inPort)
	f.Layers = packet.Layers{L2End: -1, MPLS: -1, L3: -1, L4: -1}
	b := f.Bytes()
	if len(b) < packet.EthernetLen {
		return
	}
	k.Bits = bitsEth
	k.W[WEthSrc] = binary.BigEndian.Uint64(b[6:]) &^ 0xffff
	off := packet.EthernetLen - 2 // of the EtherType
	etype := binary.BigEndian.Uint16(b[12:])
	if etype == packet.TypeVLAN || etype == packet.TypeQinQ {
		etype, off = extractVLAN(b, k)
	}
	f.Layers.L2End = int16(off)
	off += 2
	if etype < packet.TypeMin {
		etype, off = extractLLC(b, off)
	}
	k.W[WEthDst] = binary.BigEndian.Uint64(b)&^0xffff | uint64(etype)

	switch etype {
	case packet.TypeIPv4:
		extractIPv4(b, off, f, k)
	case packet.TypeIPv6:
		extractIPv6(b, off, f, k)
	case packet.TypeARP, packet.TypeRARP:
		extractARP(b, off, f, k)
	case packet.TypeMPLS, packet.TypeMPLSMC:
		extractMPLS(b, off, f, k)
	case packet.TypePBB:
		if len(b) >= off+4 {
			f.Layers.MPLS = int16(off)
			itci := binary.BigEndian.Uint32(b[off:])
			k.W[WMPLS2] = uint64(itci<<8 | itci>>24)
			k.Bits |= 1 << WMPLS2
		}
	}
}

// maxTagged bounds the offset of the EtherType behind the tags: Layers hold 16
// bits, and no honest frame has thousands of tags.
const maxTagged = 1 << 14

// extractVLAN reads two tags, passes over more, and returns the EtherType after
// all of them (OpenFlow 1.3.5 table 12) and its offset. A tag that is cut short
// is left as EtherType.
func extractVLAN(b []byte, k *Key) (etype uint16, off int) {
	off = packet.EthernetLen - 2
	etype = binary.BigEndian.Uint16(b[off:])
	for shift := 32; shift >= 0 && (etype == packet.TypeVLAN || etype == packet.TypeQinQ) && len(b) >= off+6; shift -= 32 {
		// The DEI bit gives its place to OFPVID_PRESENT.
		k.W[WVLAN] |= uint64(binary.BigEndian.Uint32(b[off:])|VIDPresent) << shift
		k.Bits |= 1 << WVLAN
		off += 4
		etype = binary.BigEndian.Uint16(b[off:])
	}
	for (etype == packet.TypeVLAN || etype == packet.TypeQinQ) && len(b) >= off+6 && off < maxTagged {
		k.W[WEthSrc] |= MoreTags
		off += 4
		etype = binary.BigEndian.Uint16(b[off:])
	}
	return etype, off
}

// extractLLC reads the LLC and SNAP headers at off and returns the EtherType
// and the offset behind them. SNAP counts only with the organisation code 0,
// RFC 1042.
func extractLLC(b []byte, off int) (etype uint16, next int) {
	if len(b) >= off+8 && binary.BigEndian.Uint64(b[off:])>>16 == 0xaaaa03000000 {
		if etype := binary.BigEndian.Uint16(b[off+6:]); etype >= packet.TypeMin {
			return etype, off + 8
		}
	}
	return ether8023, off
}

func extractMPLS(b []byte, off int, f *packet.Frame, k *Key) {
	if len(b) < off+4 {
		return
	}
	f.Layers.MPLS = int16(off)
	k.Bits |= 1 << WMPLS
	for i := 0; i < 3 && len(b) >= off+4; i++ {
		lse := binary.BigEndian.Uint32(b[off:])
		switch i {
		case 0:
			k.W[WMPLS] = uint64(lse) << 32
		case 1:
			k.W[WMPLS] |= uint64(lse)
		case 2:
			k.W[WMPLS2] = uint64(lse) << 32
			k.Bits |= 1 << WMPLS2
		}
		if lse&0x100 != 0 { // bottom of stack
			return
		}
		off += 4
	}
}

// extractARP reads ARP and RARP for IPv4 over Ethernet; other kinds have no
// fields.
func extractARP(b []byte, off int, f *packet.Frame, k *Key) {
	if len(b) < off+packet.ARPLen {
		return
	}
	a := b[off : off+packet.ARPLen : off+packet.ARPLen]
	op := binary.BigEndian.Uint64(a)
	if op>>16 != 0x000108000604 { // Ethernet, IPv4, 6, 4
		return
	}
	f.Layers.L3 = int16(off)
	sha := binary.BigEndian.Uint64(a[8:]) &^ 0xffff
	spa := binary.BigEndian.Uint32(a[14:])
	tha := binary.BigEndian.Uint64(a[18:]) &^ 0xffff
	tpa := binary.BigEndian.Uint32(a[24:])
	k.W[WARP] = uint64(spa)<<32 | uint64(tpa)
	k.W[WARPSha] = sha | op&0xffff
	k.W[WARPTha] = tha
	k.Bits |= 1<<WARP | 1<<WARPSha | 1<<WARPTha
}

// extractIPv4 reads the IPv4 header at off and what follows it, up to the
// header's total length: the rest is padding.
func extractIPv4(b []byte, off int, f *packet.Frame, k *Key) {
	if len(b) < off+packet.IPv4MinLen {
		return
	}
	h := b[off : off+packet.IPv4MinLen : off+packet.IPv4MinLen]
	ihl := int(h[0]&15) * 4
	total := int(binary.BigEndian.Uint16(h[2:]))
	if ihl < packet.IPv4MinLen || total < ihl || len(b) < off+total {
		return
	}
	f.Layers.L3 = int16(off)
	frag := uint64(0)
	if fo := binary.BigEndian.Uint16(h[6:]); fo&0x3fff != 0 {
		frag = FragAny
		if fo&0x1fff != 0 {
			frag |= FragLater
		}
	}
	proto := h[9]
	k.W[WIPv4] = binary.BigEndian.Uint64(h[12:])
	k.W[WIP] = uint64(proto)<<24 | uint64(h[1])<<16 | uint64(h[8])<<8 | frag
	k.Bits |= 1<<WIPv4 | 1<<WIP
	if frag&FragLater == 0 {
		extractL4(b[:off+total], off+ihl, proto, false, f, k)
	}
}

// extractL4 reads the layer 4 header at off; b ends where the IP packet does.
func extractL4(b []byte, off int, proto uint8, v6 bool, f *packet.Frame, k *Key) {
	l4 := b[off:]
	switch proto {
	case packet.ProtoTCP:
		if len(l4) < packet.TCPMinLen {
			return
		}
		ctl := binary.BigEndian.Uint16(l4[12:])
		if size := int(ctl>>12) * 4; size < packet.TCPMinLen || size > len(l4) {
			return
		}
		k.W[WL4] = uint64(binary.BigEndian.Uint32(l4))<<32 | uint64(ctl&0x0fff)<<16
	case packet.ProtoUDP:
		if len(l4) < packet.UDPLen {
			return
		}
		k.W[WL4] = uint64(binary.BigEndian.Uint32(l4)) << 32
	case packet.ProtoSCTP:
		if len(l4) < packet.SCTPMinLen {
			return
		}
		k.W[WL4] = uint64(binary.BigEndian.Uint32(l4)) << 32
	case packet.ProtoICMP:
		if v6 || len(l4) < 8 {
			return
		}
		k.W[WL4] = uint64(l4[0])<<48 | uint64(l4[1])<<32
	case packet.ProtoICMPv6:
		if !v6 || len(l4) < 8 {
			return
		}
		k.W[WL4] = uint64(l4[0])<<48 | uint64(l4[1])<<32
		if (l4[0] == packet.ICMPv6NeighborSolicit || l4[0] == packet.ICMPv6NeighborAdvert) && l4[1] == 0 {
			extractND(l4[8:], k)
		}
	default:
		return
	}
	f.Layers.L4 = int16(off)
	k.Bits |= 1 << WL4
}
