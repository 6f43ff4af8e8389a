package packet

// ttlHeader is a header with a time to live: where it begins, and what it is.
type ttlHeader struct {
	at   int
	kind ttlKind
}

type ttlKind uint8

const (
	ttlNone ttlKind = iota
	ttlMPLS
	ttlIPv4
	ttlIPv6
)

// outerTTL is the outermost header with a TTL.
func (f *Frame) outerTTL(b []byte) ttlHeader {
	switch at := int(f.Layers.L3); {
	case f.outerLabel() != nil:
		return ttlHeader{int(f.Layers.L2End) + 2, ttlMPLS}
	case f.ipv4(b) != nil:
		return ttlHeader{at, ttlIPv4}
	case f.ipv6(b) != nil:
		return ttlHeader{at, ttlIPv6}
	}
	return ttlHeader{}
}

// inner is the next header with a TTL behind h: the next label, the IP packet
// below the last one, or the IP packet in an IP packet (RFC 2003, RFC 2473,
// RFC 4213).
func (h ttlHeader) inner(b []byte) ttlHeader {
	switch h.kind {
	case ttlMPLS:
		at := h.at + MPLSLen
		if !MPLS(b[h.at:]).BOS() {
			if at+MPLSLen <= len(b) {
				return ttlHeader{at, ttlMPLS}
			}
			return ttlHeader{}
		}
		// Only the version tells what follows the last label (RFC 4928 §3).
		if v4 := ipIn(b, at, ttlIPv4); v4.kind != ttlNone {
			return v4
		}
		return ipIn(b, at, ttlIPv6)
	case ttlIPv4:
		ip := IPv4(b[h.at:])
		if ip.FlagsOffset()&IPv4OffsetMask == 0 && ip.HeaderLen() >= IPv4MinLen {
			return ipNext(b, h.at+ip.HeaderLen(), ip.Proto())
		}
	case ttlIPv6:
		w := IPv6(b[h.at:]).Walk()
		for w.Step() {
		}
		if !w.Truncated && !w.Later {
			return ipNext(b, h.at+w.At, w.Next)
		}
	}
	return ttlHeader{}
}

// ipNext is the IP header at the given place that the protocol number names.
func ipNext(b []byte, at int, proto uint8) ttlHeader {
	switch proto {
	case ProtoIPv4:
		return ipIn(b, at, ttlIPv4)
	case ProtoIPv6:
		return ipIn(b, at, ttlIPv6)
	}
	return ttlHeader{}
}

// ipIn is the IP header of the given kind at the given place, if it is one.
func ipIn(b []byte, at int, kind ttlKind) ttlHeader {
	if at >= len(b) {
		return ttlHeader{}
	}
	switch v := b[at] >> 4; {
	case kind == ttlIPv4 && v == 4:
		n := IPv4(b[at:]).HeaderLen()
		if n >= IPv4MinLen && at+n <= len(b) {
			return ttlHeader{at, kind}
		}
	case kind == ttlIPv6 && v == 6:
		if at+IPv6Len <= len(b) {
			return ttlHeader{at, kind}
		}
	}
	return ttlHeader{}
}

func (h ttlHeader) get(b []byte) uint8 {
	switch h.kind {
	case ttlMPLS:
		return MPLS(b[h.at:]).TTL()
	case ttlIPv4:
		return IPv4(b[h.at:]).TTL()
	default:
		return IPv6(b[h.at:]).HopLimit()
	}
}

func (h ttlHeader) set(b []byte, ttl uint8) {
	switch h.kind {
	case ttlMPLS:
		MPLS(b[h.at:]).SetTTL(ttl)
	case ttlIPv4:
		ip := IPv4(b[h.at:])
		ip.setWord(ipv4TTL, uint16(ttl)<<8|uint16(ip.Proto()))
	default:
		IPv6(b[h.at:]).SetHopLimit(ttl)
	}
}

// CopyTTLOut copies the TTL of the second header that has one to the outermost
// (OpenFlow 1.3.5 §5.12): label to label, IP to label, IP to IP; the hop limit
// of IPv6 counts as TTL. IPv4's header checksum is mended. It reports false, and
// changes nothing, when the frame has no two such headers.
func CopyTTLOut(f *Frame) bool {
	b := f.Bytes()
	outer := f.outerTTL(b)
	inner := outer.inner(b)
	if inner.kind == ttlNone {
		return false
	}
	outer.set(b, inner.get(b))
	return true
}

// CopyTTLIn copies the outermost TTL to the second header that has one: the
// reverse of CopyTTLOut.
func CopyTTLIn(f *Frame) bool {
	b := f.Bytes()
	outer := f.outerTTL(b)
	inner := outer.inner(b)
	if inner.kind == ttlNone {
		return false
	}
	inner.set(b, outer.get(b))
	return true
}

// DecMPLSTTL takes one off the outermost label's TTL. found: there is a label.
// live: the packet may go on. It may not, and its TTL stays, when that is 1 or
// 0: the controller is told with OFPR_INVALID_TTL (OpenFlow 1.3.5 §7.4.1).
func DecMPLSTTL(f *Frame) (live, found bool) {
	h := f.outerLabel()
	if h == nil {
		return false, false
	}
	if h.TTL() <= 1 {
		return false, true
	}
	h.SetTTL(h.TTL() - 1)
	return true, true
}

// DecIPTTL is DecMPLSTTL for the TTL of IPv4, whose checksum is mended, or the
// hop limit of IPv6.
func DecIPTTL(f *Frame) (live, found bool) {
	ttl, found := IPTTL(f)
	if !found || ttl <= 1 {
		return false, found
	}
	return SetIPTTL(f, ttl-1), true
}
