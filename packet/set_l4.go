package packet

import "encoding/binary"

// SetTCPSrc writes the source port of a TCP segment and mends its checksum.
func SetTCPSrc(f *Frame, p uint16) bool { return setPort(f, ProtoTCP, TCPMinLen, tcpSrc, p) }

// SetTCPDst writes the destination port of a TCP segment and mends its
// checksum.
func SetTCPDst(f *Frame, p uint16) bool { return setPort(f, ProtoTCP, TCPMinLen, tcpDst, p) }

// SetUDPSrc writes the source port of a UDP datagram and mends its checksum,
// unless it has none.
func SetUDPSrc(f *Frame, p uint16) bool { return setPort(f, ProtoUDP, UDPLen, udpSrc, p) }

// SetUDPDst writes the destination port of a UDP datagram and mends its
// checksum, unless it has none.
func SetUDPDst(f *Frame, p uint16) bool { return setPort(f, ProtoUDP, UDPLen, udpDst, p) }

func setPort(f *Frame, proto uint8, length, offset int, p uint16) bool {
	b := f.Bytes()
	h, t := f.header(b, proto, length)
	if h == nil {
		return false
	}
	f.set16(b, t, offset, p)
	return true
}

// SetSCTPSrc writes the source port of an SCTP packet and mends its CRC32c. It
// reports false for the first fragment of a longer packet: the CRC covers
// bytes that are not here.
func SetSCTPSrc(f *Frame, p uint16) bool { return setSCTPPort(f, sctpSrc, p) }

// SetSCTPDst is SetSCTPSrc for the destination port.
func SetSCTPDst(f *Frame, p uint16) bool { return setSCTPPort(f, sctpDst, p) }

func setSCTPPort(f *Frame, offset int, p uint16) bool {
	b := f.Bytes()
	h, t := f.header(b, ProtoSCTP, SCTPMinLen)
	if h == nil {
		return false
	}
	if f.Offload.IsCRC32c() && int(f.Offload.CsumStart) == t.at {
		binary.BigEndian.PutUint16(h[offset:], p)
		return true
	}
	end, whole := f.ipEnd(b, t.at)
	if !whole || t.at+SCTPMinLen > end {
		return false
	}
	s := SCTP(b[t.at:end])
	// What was wrong with the packet stays wrong: a CRC is linear.
	damage := s.Checksum() ^ ChecksumSCTP(s)
	binary.BigEndian.PutUint16(s[offset:], p)
	s.SetChecksum(ChecksumSCTP(s) ^ damage)
	return true
}

// ipEnd is where the IP packet around the transport header at l4 ends; padding
// may follow. It reports false when the packet is not whole: a fragment, or
// longer than the frame.
func (f *Frame) ipEnd(b []byte, l4 int) (end int, whole bool) {
	l3 := int(f.Layers.L3)
	if h := f.ipv4(b); h != nil {
		end = l3 + h.TotalLen()
		whole = !h.IsFragment()
	} else if h := f.ipv6(b); h != nil {
		end = l3 + IPv6Len + h.PayloadLen()
		whole = !h.walkTo(l4 - l3).Fragment
	}
	return end, whole && end <= len(b)
}

// SetICMPv4Type writes the type of an ICMP message and mends its checksum.
func SetICMPv4Type(f *Frame, v uint8) bool { return setICMP(f, ProtoICMP, icmpType, v) }

// SetICMPv4Code writes the code of an ICMP message and mends its checksum.
func SetICMPv4Code(f *Frame, v uint8) bool { return setICMP(f, ProtoICMP, icmpCode, v) }

// SetICMPv6Type writes the type of an ICMPv6 message and mends its checksum.
func SetICMPv6Type(f *Frame, v uint8) bool { return setICMP(f, ProtoICMPv6, icmpType, v) }

// SetICMPv6Code writes the code of an ICMPv6 message and mends its checksum.
func SetICMPv6Code(f *Frame, v uint8) bool { return setICMP(f, ProtoICMPv6, icmpCode, v) }

func setICMP(f *Frame, proto uint8, offset int, v uint8) bool {
	b := f.Bytes()
	h, t := f.header(b, proto, ICMPMinLen)
	if h == nil || t.v6 != (proto == ProtoICMPv6) {
		return false
	}
	word := binary.BigEndian.Uint16(h)
	if offset == icmpType {
		word = uint16(v)<<8 | word&0xff
	} else {
		word = word&0xff00 | uint16(v)
	}
	f.set16(b, t, icmpType, word)
	return true
}

// nd is the Neighbor Discovery message of f with all that belongs to it, or
// nil.
func (f *Frame) nd(b []byte) (ICMPv6, transport) {
	h, t := f.header(b, ProtoICMPv6, ndOptions)
	if h == nil || !t.v6 || !ICMPv6(h).IsND() {
		return nil, t
	}
	// Options end where the packet does, not in padding.
	end, _ := f.ipEnd(b, t.at)
	end = min(end, len(b))
	if end < t.at+ndOptions {
		return nil, t
	}
	return ICMPv6(b[t.at:end]), t
}

// SetNDTarget writes the target address of a neighbour solicitation or
// advertisement, hi its first 8 bytes and lo the others, and mends the
// checksum.
func SetNDTarget(f *Frame, hi, lo uint64) bool {
	b := f.Bytes()
	h, t := f.nd(b)
	if h == nil {
		return false
	}
	oldHi, oldLo := getIPv6(h.Target())
	putIPv6(h.Target(), hi, lo)
	f.covered(b, t, false, sum64(oldHi)+sum64(oldLo), sum64(hi)+sum64(lo))
	return true
}

// SetNDSll writes the address in the source link-layer option of a neighbour
// solicitation, the low 48 bits of a, and mends the checksum. It reports false
// when there is no such option.
func SetNDSll(f *Frame, a uint64) bool {
	return setNDLinkAddr(f, ICMPv6NeighborSolicit, NDOptSourceLL, a)
}

// SetNDTll writes the address in the target link-layer option of a neighbour
// advertisement, the low 48 bits of a, and mends the checksum. It reports
// false when there is no such option.
func SetNDTll(f *Frame, a uint64) bool {
	return setNDLinkAddr(f, ICMPv6NeighborAdvert, NDOptTargetLL, a)
}

func setNDLinkAddr(f *Frame, icmpType, option uint8, a uint64) bool {
	b := f.Bytes()
	h, t := f.nd(b)
	if h == nil || h.Type() != icmpType {
		return false
	}
	addr := h.LinkAddr(option)
	if addr == nil {
		return false
	}
	a &= 1<<48 - 1
	old := mac(addr)
	putMAC(addr, a)
	f.covered(b, t, false, sum64(old), sum64(a))
	return true
}
