package packet

import "encoding/binary"

// SetIPv4Src writes the source address, and mends the header checksum and that
// of TCP or UDP.
func SetIPv4Src(f *Frame, a uint32) bool { return setIPv4Addr(f, ipv4Src, a) }

// SetIPv4Dst writes the destination address, and mends the header checksum and
// that of TCP or UDP.
func SetIPv4Dst(f *Frame, a uint32) bool { return setIPv4Addr(f, ipv4Dst, a) }

func setIPv4Addr(f *Frame, offset int, a uint32) bool {
	b := f.Bytes()
	h := f.ipv4(b)
	if h == nil {
		return false
	}
	old := binary.BigEndian.Uint32(h[offset:])
	if old == a {
		return true
	}
	binary.BigEndian.PutUint32(h[offset:], a)
	h.SetChecksum(UpdateChecksum32(h.Checksum(), old, a))
	f.addressChanged(b, sum32(old), sum32(a))
	return true
}

// setWord writes the 16-bit word at an even offset of the IPv4 header and
// mends the header checksum.
func (h IPv4) setWord(offset int, v uint16) {
	old := binary.BigEndian.Uint16(h[offset:])
	binary.BigEndian.PutUint16(h[offset:], v)
	h.SetChecksum(UpdateChecksum16(h.Checksum(), old, v))
}

// SetIPv6Src writes the source address, hi its first 8 bytes and lo the
// others, and mends the checksum of TCP, UDP or ICMPv6.
func SetIPv6Src(f *Frame, hi, lo uint64) bool {
	b := f.Bytes()
	h := f.ipv6(b)
	if h == nil {
		return false
	}
	oldHi, oldLo := getIPv6(h.Src())
	h.SetSrc(hi, lo)
	f.addressChanged(b, sum64(oldHi)+sum64(oldLo), sum64(hi)+sum64(lo))
	return true
}

// SetIPv6Dst is SetIPv6Src for the destination address. Where a Routing header
// names another final destination, checksums do not cover this one (RFC 8200
// §8.1).
func SetIPv6Dst(f *Frame, hi, lo uint64) bool {
	b := f.Bytes()
	h := f.ipv6(b)
	if h == nil {
		return false
	}
	oldHi, oldLo := getIPv6(h.Dst())
	h.SetDst(hi, lo)
	if !h.routed(int(f.Layers.L4) - int(f.Layers.L3)) {
		f.addressChanged(b, sum64(oldHi)+sum64(oldLo), sum64(hi)+sum64(lo))
	}
	return true
}

// routed says whether a Routing header with segments left stands before the
// transport header at l4, an offset from the IPv6 header.
func (h IPv6) routed(l4 int) bool {
	if l4 <= IPv6Len { // none of the extension headers at all
		return false
	}
	for w := h.Walk(); w.At < l4 && w.Step(); {
		if w.Type == ProtoRouting && routedDst(w.Header) != nil {
			return true
		}
	}
	return false
}

// SetIPv6Flabel writes the flow label: the low 20 bits of l.
func SetIPv6Flabel(f *Frame, l uint32) bool {
	h := f.ipv6(f.Bytes())
	if h == nil {
		return false
	}
	h.SetFlowLabel(l)
	return true
}

const (
	dscpMask = 0xfc
	ecnMask  = 0x03
)

// SetIPDSCP writes the differentiated services code point of IPv4 or IPv6:
// the low 6 bits of dscp.
func SetIPDSCP(f *Frame, dscp uint8) bool { return setTOS(f, dscpMask, dscp<<2) }

// SetIPECN writes the ECN bits of IPv4 or IPv6: the low 2 bits of ecn.
func SetIPECN(f *Frame, ecn uint8) bool { return setTOS(f, ecnMask, ecn) }

func setTOS(f *Frame, mask, v uint8) bool {
	b := f.Bytes()
	if h := f.ipv4(b); h != nil {
		h.setWord(ipv4IHL, uint16(h[ipv4IHL])<<8|uint16(h.TOS()&^mask|v&mask))
		return true
	}
	if h := f.ipv6(b); h != nil {
		h.SetTrafficClass(h.TrafficClass()&^mask | v&mask)
		return true
	}
	return false
}

// IPTTL is the time to live of IPv4 or the hop limit of IPv6.
func IPTTL(f *Frame) (ttl uint8, found bool) {
	b := f.Bytes()
	if h := f.ipv4(b); h != nil {
		return h.TTL(), true
	}
	if h := f.ipv6(b); h != nil {
		return h.HopLimit(), true
	}
	return 0, false
}

// SetIPTTL writes the time to live of IPv4 or the hop limit of IPv6.
func SetIPTTL(f *Frame, ttl uint8) bool {
	b := f.Bytes()
	if h := f.ipv4(b); h != nil {
		h.setWord(ipv4TTL, uint16(ttl)<<8|uint16(h.Proto()))
		return true
	}
	if h := f.ipv6(b); h != nil {
		h.SetHopLimit(ttl)
		return true
	}
	return false
}

// SetIPProto writes the protocol number of IPv4, or that at the end of IPv6's
// chain of headers. The checksum of the old protocol's header, which stays, is
// mended for the pseudo header with the new number.
func SetIPProto(f *Frame, proto uint8) bool {
	b := f.Bytes()
	h4, h6 := f.ipv4(b), f.ipv6(b)
	switch {
	case h4 != nil:
		f.addressChanged(b, uint32(h4.Proto()), uint32(proto))
		h4.setWord(ipv4TTL, uint16(h4.TTL())<<8|uint16(proto))
	case h6 != nil:
		w := h6.Walk()
		for w.Step() {
		}
		if w.Truncated {
			return false
		}
		f.addressChanged(b, uint32(w.Next), uint32(proto))
		h6[w.NextAt] = proto
	default:
		return false
	}
	return true
}
