package packet

import "encoding/binary"

// Offsets in an IPv6 header (RFC 8200 §3).
const (
	ipv6Flow = 0
	ipv6Len  = 4
	ipv6Next = 6
	ipv6Hop  = 7
	ipv6Src  = 8
	ipv6Dst  = 24

	// IPv6Len is the length of an IPv6 header without extension headers, in
	// bytes.
	IPv6Len = 40
)

// Offsets in a Fragment header (RFC 8200 §4.5).
const (
	ipv6FragOffset = 2 // offset(13) reserved(2) M(1)
	ipv6FragID     = 4

	ipv6FragLen = 8
)

// IPv6 is a view of an IPv6 header: IPv6Len bytes at least, for Walk all that
// follows too.
type IPv6 []byte

// Version is 6 in an IPv6 header.
func (h IPv6) Version() uint8 { return h[ipv6Flow] >> 4 }

// TrafficClass is DSCP(6) ECN(2).
func (h IPv6) TrafficClass() uint8 { return h[0]<<4 | h[1]>>4 }

// FlowLabel is the flow label, 20 bits.
func (h IPv6) FlowLabel() uint32 { return binary.BigEndian.Uint32(h[ipv6Flow:]) & 0xfffff }

// PayloadLen is the length of all that follows this header, in bytes.
func (h IPv6) PayloadLen() int { return int(binary.BigEndian.Uint16(h[ipv6Len:])) }

// NextHeader is the type of the header that follows this one.
func (h IPv6) NextHeader() uint8 { return h[ipv6Next] }

// HopLimit is the hop limit.
func (h IPv6) HopLimit() uint8 { return h[ipv6Hop] }

// Src is the source address, 16 bytes of the view.
func (h IPv6) Src() []byte { return h[ipv6Src:ipv6Dst:ipv6Dst] }

// Dst is the destination address, 16 bytes of the view.
func (h IPv6) Dst() []byte { return h[ipv6Dst:IPv6Len:IPv6Len] }

// SetTrafficClass writes DSCP and ECN.
func (h IPv6) SetTrafficClass(t uint8) {
	h[0] = h[0]&0xf0 | t>>4
	h[1] = h[1]&0x0f | t<<4
}

// SetFlowLabel writes the low 20 bits of l.
func (h IPv6) SetFlowLabel(l uint32) {
	w := binary.BigEndian.Uint32(h[ipv6Flow:])
	binary.BigEndian.PutUint32(h[ipv6Flow:], w&^0xfffff|l&0xfffff)
}

// SetPayloadLen writes the length of all that follows this header, in bytes.
func (h IPv6) SetPayloadLen(n int) { binary.BigEndian.PutUint16(h[ipv6Len:], uint16(n)) }

// SetNextHeader writes the type of the header that follows this one.
func (h IPv6) SetNextHeader(p uint8) { h[ipv6Next] = p }

// SetHopLimit writes the hop limit.
func (h IPv6) SetHopLimit(n uint8) { h[ipv6Hop] = n }

// SetSrc writes the source address: hi its first 8 bytes, lo the others.
func (h IPv6) SetSrc(hi, lo uint64) { putIPv6(h[ipv6Src:], hi, lo) }

// SetDst writes the destination address: hi its first 8 bytes, lo the others.
func (h IPv6) SetDst(hi, lo uint64) { putIPv6(h[ipv6Dst:], hi, lo) }

// getIPv6 reads an address as two 64-bit words.
func getIPv6(b []byte) (hi, lo uint64) {
	return binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
}

func putIPv6(b []byte, hi, lo uint64) {
	_ = b[15]
	binary.BigEndian.PutUint64(b, hi)
	binary.BigEndian.PutUint64(b[8:], lo)
}

// Walk starts a walk of the extension headers. h holds the IPv6 header and
// what follows it, to the end of the frame.
func (h IPv6) Walk() IPv6Walk {
	return IPv6Walk{Next: h[ipv6Next], NextAt: ipv6Next, At: IPv6Len, b: h}
}

// IPv6Walk goes from extension header to extension header. After Step has
// reported false, Next and At describe what the chain ends in. All offsets
// count from the IPv6 header, in bytes.
type IPv6Walk struct {
	Type   uint8  // the extension header that Step found
	Header []byte // its bytes
	Next   uint8  // type of the header at At
	NextAt int    // where the byte that holds Next stands
	At     int    // where the next header begins

	Fragment  bool // a Fragment header was passed and the packet is in more than one piece
	Later     bool // ... and this is not the first piece: no transport header at At
	Truncated bool // the chain runs over the end of the frame

	b []byte
}

// Step moves over one extension header. It reports false when Next is not an
// extension header that is passed (a transport protocol, ESP, mobility, none), when
// the header is cut short (Truncated), and behind the Fragment header of a
// later fragment, where payload follows and not a header.
func (w *IPv6Walk) Step() bool {
	if w.Later || w.Truncated {
		return false
	}
	n := 0
	rest := len(w.b) - w.At
	switch w.Next {
	case ProtoHopByHop, ProtoRouting, ProtoDestOpts:
		if rest >= 2 {
			n = (int(w.b[w.At+1]) + 1) * 8
		}
	case ProtoAH:
		if rest >= 2 {
			n = (int(w.b[w.At+1]) + 2) * 4 // RFC 4302 §2.2
		}
	case ProtoFragment:
		n = ipv6FragLen
	default:
		return false
	}
	if n == 0 || n > rest {
		w.Truncated = true
		return false
	}
	w.Type, w.Header = w.Next, w.b[w.At:w.At+n]
	if w.Type == ProtoFragment {
		f := binary.BigEndian.Uint16(w.Header[ipv6FragOffset:])
		w.Fragment = w.Fragment || f&^6 != 0 // else an atomic fragment (RFC 6946): a whole packet
		w.Later = f>>3 != 0
	}
	w.Next, w.NextAt = w.Header[0], w.At
	w.At += n
	return true
}

// finalDst is the destination that transport checksums cover: where a Routing
// header still has segments left, the last one on the route (RFC 8200 §8.1). h
// holds the IPv6 header and what follows it.
func (h IPv6) finalDst() []byte {
	dst := h.Dst()
	for w := h.Walk(); w.Step(); {
		if w.Type == ProtoRouting {
			if d := routedDst(w.Header); d != nil {
				dst = d
			}
		}
	}
	return dst
}

// routedDst is the last address in a Routing header with segments left, nil
// when there is none.
func routedDst(rh []byte) []byte {
	const (
		typeAt, leftAt, addrsAt = 2, 3, 8
		mobileIPv6, segment     = 2, 4
	)
	if rh[leftAt] == 0 || len(rh) < addrsAt+16 {
		return nil
	}
	switch rh[typeAt] {
	case 0, mobileIPv6: // RFC 5095 (deprecated), RFC 6275 §6.4: in travelling order
		return rh[addrsAt+(len(rh)-addrsAt)/16*16-16:][:16]
	case segment: // RFC 8754 §2: in reverse order
		return rh[addrsAt:][:16]
	}
	return nil
}
