package packet

import (
	"encoding/binary"
	"errors"
)

// Why FinishChecksum and Segment refuse a frame. They are compared with ==
// and counted by name: no frame costs an allocation.
var (
	// ErrTruncated: a header runs over the end of the frame or of its packet.
	ErrTruncated = errors.New("packet: header cut short")
	// ErrProtocol: the frame is not what its GSO type says, or has headers
	// that cannot be repeated for each segment (AH, ESP).
	ErrProtocol = errors.New("packet: frame cannot be segmented as its offload type says")
	// ErrFragment: a GSO frame holds an IP fragment.
	ErrFragment = errors.New("packet: GSO frame is an IP fragment")
	// ErrGSOSize: the segment size is impossible or yields too many segments.
	ErrGSOSize = errors.New("packet: bad GSO segment size")
	// ErrCsumRange: the partial checksum lies outside the frame.
	ErrCsumRange = errors.New("packet: partial checksum outside the frame")
)

// headers says where the headers of an IP packet are, in bytes from the start
// of the frame.
type headers struct {
	l3, l4 int   // IP header; transport header
	end    int   // behind the IP packet: what follows is padding
	proto  uint8 // of the transport header
	v6     bool
	frag   bool // an IP fragment

	// IPv6 only: where a Fragment header belongs (RFC 8200 §4.5), and the
	// byte that says what stands there.
	fragAt, fragNextAt int
	// IPv6 only: AH or a Fragment header stands in the chain.
	opaque bool
}

// findHeaders looks through tags, PBB and labels for the IP packet and its
// transport header. l4 lies in the frame, but the transport header may be cut
// short or empty.
func findHeaders(b []byte) (headers, error) {
	var h headers
	at := ethType
	for {
		if at+2 > len(b) {
			return h, ErrTruncated
		}
		switch t := binary.BigEndian.Uint16(b[at:]); {
		case t == TypeIPv4 || t == TypeIPv6:
			h.l3, h.v6 = at+2, t == TypeIPv6
			return h, h.findTransport(b)
		case IsVLAN(t):
			at += VLANLen
		case t == TypePBB:
			at += PBBLen
		case isMPLS(t):
			for h.l3 = at + 2; ; h.l3 += MPLSLen {
				if h.l3+MPLSLen >= len(b) {
					return h, ErrTruncated
				}
				if MPLS(b[h.l3:]).BOS() {
					break
				}
			}
			// Below the last label only the version tells what follows.
			h.l3 += MPLSLen
			h.v6 = b[h.l3]>>4 == 6
			return h, h.findTransport(b)
		default:
			return h, ErrProtocol
		}
	}
}

func (h *headers) findTransport(b []byte) error {
	if h.v6 {
		return h.findTransportIPv6(b)
	}
	if h.l3+IPv4MinLen > len(b) {
		return ErrTruncated
	}
	ip := IPv4(b[h.l3:])
	n := ip.HeaderLen()
	if ip.Version() != 4 {
		return ErrProtocol
	}
	if n < IPv4MinLen || n > len(ip) {
		return ErrTruncated
	}
	h.l4, h.proto, h.frag = h.l3+n, ip.Proto(), ip.IsFragment()
	// A sender of GSO packets may leave the length to us.
	h.end = len(b)
	if t := ip.TotalLen(); t >= n && h.l3+t < len(b) {
		h.end = h.l3 + t
	}
	return nil
}

func (h *headers) findTransportIPv6(b []byte) error {
	if h.l3+IPv6Len > len(b) {
		return ErrTruncated
	}
	ip := IPv6(b[h.l3:])
	if ip.Version() != 6 {
		return ErrProtocol
	}
	h.end = len(b)
	if t := ip.PayloadLen(); t != 0 && h.l3+IPv6Len+t < len(b) {
		h.end = h.l3 + IPv6Len + t
	}
	w := ip[:h.end-h.l3].Walk()
	h.fragAt, h.fragNextAt = w.At, w.NextAt
	for w.Step() {
		switch w.Type {
		case ProtoHopByHop, ProtoRouting:
			// With the destination options before them these belong into
			// every fragment.
			h.fragAt, h.fragNextAt = w.At, w.NextAt
		case ProtoFragment, ProtoAH:
			h.opaque = true
		}
	}
	if w.Truncated {
		return ErrTruncated
	}
	h.fragAt += h.l3
	h.fragNextAt += h.l3
	h.l4, h.proto, h.frag = h.l3+w.At, w.Next, w.Fragment
	return nil
}

// pseudoSum is the sum of the pseudo header for n bytes of transport header
// and data.
func (h *headers) pseudoSum(b []byte, n int) uint32 {
	if h.v6 {
		ip := IPv6(b[h.l3:h.end])
		return PseudoSumIPv6(ip.Src(), ip.finalDst(), h.proto, n)
	}
	ip := IPv4(b[h.l3:])
	return PseudoSumIPv4(ip.Src(), ip.Dst(), h.proto, n)
}
