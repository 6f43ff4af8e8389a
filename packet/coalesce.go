package packet

import (
	"bytes"
	"encoding/binary"
)

// CoalesceMin is the shortest frame, in bytes, that Coalesce begins a GSO packet with:
// bare acknowledgements, and frames as short as those of which switches get the most, cost
// one look at their length.
const CoalesceMin = 100

// maxCoalesced is the longest IP packet that Coalesce makes: what a length field holds.
const maxCoalesced = 0xffff

// Coalesce puts neighbours among frames together to GSO packets, and returns all in their
// order, in the memory of frames itself; those that it made are from pools, and appended to
// made: the caller puts them back. What frames point to is only read, shared or not.
//
// What is made becomes, by Segment, the frames that it was made of, byte by byte (by
// FinishChecksum, where a checksum was partial). So neighbours are segments of one TCP
// connection over IPv4 without options or IPv6 without extension headers, behind one
// Ethernet header with two VLAN tags at most. Sequence numbers follow each other, and
// identifications over IPv4; payloads are equally long, or shorter in the last; PSH and FIN
// stand in the last, if at all; no other flags are set than ACK and ECE, and whatever else
// there is in the headers is the same. Checksums are partial, or right; and a packet fits mtu
// (bytes of layer 3; 0: unknown), since those that do not are refused one by one.
//
// v4 and v6 say over which of both the receiver takes GSO packets of TCP.
func Coalesce(frames []*Frame, v4, v6 bool, mtu int, pools *Pools, made []*Frame) (all, nowMade []*Frame) {
	out := 0
	for i := 0; i < len(frames); out++ {
		n := 1
		if frames[i].Len() >= CoalesceMin && i+1 < len(frames) {
			var r run
			if r.begin(frames[i], v4, v6, mtu) {
				for i+n < len(frames) && r.take(frames[i+n]) {
					n++
				}
			}
			if n > 1 {
				g := r.build(frames[i:i+n], pools)
				frames[i] = g // it is the run's no more
				made = append(made, g)
			}
		}
		frames[out] = frames[i]
		i += n
	}
	clear(frames[out:])
	return frames[:out], made
}

// run is a row of TCP segments, each of which follows the one before.
type run struct {
	head  tcpSegment
	size  int   // payload bytes of each but the last
	n     int   // segments
	bytes int   // payload of all
	flags uint8 // of all
	over  bool  // nothing can follow
}

// tcpSegment is a frame that holds one TCP segment with a payload.
type tcpSegment struct {
	f           *Frame
	b           []byte
	l3, l4, hdr int // where IP header, TCP header and payload begin
	v6          bool
}

// begin says whether f may be the first of a row.
func (r *run) begin(f *Frame, v4, v6 bool, mtu int) bool {
	h := &r.head
	if !h.parse(f) || h.v6 && !v6 || !h.v6 && !v4 || mtu > 0 && len(h.b)-h.l3 > mtu {
		return false
	}
	r.size, r.n = len(h.b)-h.hdr, 1
	r.bytes = r.size
	r.flags = TCP(h.b[h.l4:]).Flags()
	return r.flags&(TCPPsh|TCPFin) == 0
}

// take adds f to the row, if it follows.
func (r *run) take(f *Frame) bool {
	var s tcpSegment
	if r.over || !s.parse(f) || !r.follows(&s) {
		return false
	}
	// The first one's payload is read only now that it may be of use.
	if r.n == 1 && !r.head.sound() || !s.sound() {
		return false
	}
	n := len(s.b) - s.hdr
	flags := TCP(s.b[s.l4:]).Flags()
	r.over = n < r.size || flags&(TCPPsh|TCPFin) != 0
	r.flags |= flags
	r.bytes += n
	r.n++
	return true
}

// parse finds the headers of f. It says no to what is never part of a GSO packet.
func (s *tcpSegment) parse(f *Frame) bool {
	b := f.Bytes()
	if f.Offload.GSOType != GSONone || len(b) < EthernetLen+IPv4MinLen+TCPMinLen {
		return false
	}
	l3 := EthernetLen
	typ := binary.BigEndian.Uint16(b[ethType:])
	for tags := 0; IsVLAN(typ); tags++ {
		if tags == 2 || len(b) < l3+VLANLen+IPv4MinLen+TCPMinLen {
			return false
		}
		typ = binary.BigEndian.Uint16(b[l3+2:])
		l3 += VLANLen
	}
	s.f, s.b, s.l3 = f, b, l3
	switch typ {
	case TypeIPv4:
		ip := IPv4(b[l3:])
		if ip[ipv4IHL] != 4<<4|IPv4MinLen/4 || ip.Proto() != ProtoTCP || ip.IsFragment() || ip.TotalLen() != len(ip) {
			return false
		}
		s.l4, s.v6 = l3+IPv4MinLen, false
	case TypeIPv6:
		ip := IPv6(b[l3:])
		if len(ip) < IPv6Len+TCPMinLen || ip.Version() != 6 || ip.NextHeader() != ProtoTCP || ip.PayloadLen() != len(ip)-IPv6Len {
			return false
		}
		s.l4, s.v6 = l3+IPv6Len, true
	default:
		return false
	}
	t := TCP(b[s.l4:])
	n := t.HeaderLen()
	s.hdr = s.l4 + n
	if n < TCPMinLen || s.hdr >= len(b) || t.Flags()&^(TCPPsh|TCPFin|TCPEce) != TCPAck {
		return false
	}
	o := &f.Offload
	return !o.NeedsCsum || int(o.CsumStart) == s.l4 && o.CsumOffset == tcpChecksum
}

// follows says whether s may come next in the row.
func (r *run) follows(s *tcpSegment) bool {
	h := &r.head
	n := len(s.b) - s.hdr
	if n > r.size || h.hdr-h.l3+r.bytes+n > maxCoalesced {
		return false
	}
	a, b := TCP(h.b[h.l4:h.hdr]), TCP(s.b[s.l4:s.hdr])
	if b.Seq() != a.Seq()+uint32(r.bytes) || !bytes.Equal(a[tcpAck:tcpFlags], b[tcpAck:tcpFlags]) ||
		(a.Flags()^b.Flags())&^(TCPPsh|TCPFin) != 0 || a.Window() != b.Window() ||
		!bytes.Equal(a[tcpUrgent:], b[tcpUrgent:]) || !bytes.Equal(a[:tcpSeq], b[:tcpSeq]) {
		return false
	}
	if !bytes.Equal(h.b[:h.l3], s.b[:s.l3]) { // so the family is the same
		return false
	}
	if h.v6 {
		a, b := h.b[h.l3:h.l4], s.b[s.l3:s.l4]
		return bytes.Equal(a[:ipv6Len], b[:ipv6Len]) && bytes.Equal(a[ipv6Next:], b[ipv6Next:])
	}
	c, d := IPv4(h.b[h.l3:h.l4]), IPv4(s.b[s.l3:s.l4])
	return d.ID() == c.ID()+uint16(r.n) && c.TOS() == d.TOS() &&
		bytes.Equal(c[ipv4Frag:ipv4Checksum], d[ipv4Frag:ipv4Checksum]) && bytes.Equal(c[ipv4Src:], d[ipv4Src:])
}

// sound says whether the checksums are those that Segment would write. 0xffff is right for
// a receiver, and never written.
func (s *tcpSegment) sound() bool {
	if !s.v6 {
		ip := IPv4(s.b[s.l3:s.l4])
		if ip.Checksum() == 0xffff || Sum(ip, 0) != 0xffff {
			return false
		}
	}
	t := TCP(s.b[s.l4:])
	pseudo := s.pseudoSum(len(t))
	if s.f.Offload.NeedsCsum {
		return t.Checksum() == fold(pseudo)
	}
	return t.Checksum() != 0xffff && Sum(t, pseudo) == 0xffff
}

// pseudoSum is the sum of the pseudo header for n bytes of TCP header and payload.
func (s *tcpSegment) pseudoSum(n int) uint32 {
	if s.v6 {
		ip := IPv6(s.b[s.l3:])
		return PseudoSumIPv6(ip.Src(), ip.Dst(), ProtoTCP, n)
	}
	ip := IPv4(s.b[s.l3:])
	return PseudoSumIPv4(ip.Src(), ip.Dst(), ProtoTCP, n)
}

// build makes the GSO packet of the row's frames.
func (r *run) build(frames []*Frame, pools *Pools) *Frame {
	h := &r.head
	g := pools.Get(h.hdr + r.bytes)
	b, _ := g.Append(h.hdr + r.bytes) // Get made room
	n := copy(b, h.b)
	for _, f := range frames[1:] {
		n += copy(b[n:], f.Bytes()[h.hdr:])
	}
	g.InPort, g.Layers = h.f.InPort, h.f.Layers
	if h.v6 {
		IPv6(b[h.l3:]).SetPayloadLen(len(b) - h.l4)
	} else {
		ip := IPv4(b[h.l3:])
		ip.SetTotalLen(len(ip))
		ip.UpdateChecksum()
	}
	t := TCP(b[h.l4:])
	t.SetFlags(r.flags)
	s := tcpSegment{b: b, l3: h.l3, v6: h.v6}
	t.SetChecksum(fold(s.pseudoSum(len(t))))
	g.Offload = Offload{NeedsCsum: true, GSOType: GSOTCPv4, GSOSize: uint16(r.size), HdrLen: uint16(h.hdr),
		CsumStart: uint16(h.l4), CsumOffset: tcpChecksum}
	if h.v6 {
		g.Offload.GSOType = GSOTCPv6
	}
	return g
}
