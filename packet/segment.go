package packet

import (
	"encoding/binary"
	"math/rand/v2"
)

// maxSegments bounds what one frame may become. The smallest segment size
// that TCP agrees on is 48 bytes (1366 segments of 64 KiB); the bound keeps a
// neighbour that claims a size of 1 from taking all our memory.
const maxSegments = 2048

// plan is how a GSO frame is cut up.
type plan struct {
	headers
	hdr   int // bytes before the data, repeated for each piece
	size  int // data bytes of each piece but the last
	extra int // bytes that each piece gains: an IPv6 Fragment header
	frags bool
}

// planOf reads how f, a GSO frame, is to be cut into pieces of at most
// maxPayload bytes (0: as the sender says).
func planOf(f *Frame, maxPayload int) (plan, error) {
	var p plan
	var err error
	b := f.Bytes()
	if p.headers, err = findHeaders(b); err != nil {
		return p, err
	}
	if p.opaque {
		return p, ErrProtocol
	}
	if p.frag {
		return p, ErrFragment
	}
	p.size = int(f.Offload.GSOSize)
	smaller := maxPayload > 0 && maxPayload < p.size
	switch f.Offload.GSOType &^ GSOECN {
	case GSOTCPv4, GSOTCPv6:
		if p.proto != ProtoTCP {
			return p, ErrProtocol
		}
		if p.l4+TCPMinLen > p.end {
			return p, ErrTruncated
		}
		n := TCP(b[p.l4:]).HeaderLen()
		if n < TCPMinLen || p.l4+n > p.end {
			return p, ErrTruncated
		}
		p.hdr = p.l4 + n
		if smaller {
			p.size = maxPayload
		}
	case GSOUDPL4:
		// Each segment is a datagram of its own: cutting smaller ones would
		// change what the sender said.
		if p.proto != ProtoUDP {
			return p, ErrProtocol
		}
		if p.l4+UDPLen > p.end {
			return p, ErrTruncated
		}
		p.hdr = p.l4 + UDPLen
	case GSOUDP:
		if p.proto != ProtoUDP {
			return p, ErrProtocol
		}
		if p.l4+UDPLen > p.end {
			return p, ErrTruncated
		}
		if smaller {
			p.size = maxPayload
		}
		p.size &^= 7 // fragment offsets count in units of 8
		if p.size == 0 {
			return p, ErrGSOSize
		}
		p.hdr = p.l4
		if p.v6 {
			p.hdr = p.fragAt
		}
		if p.end-p.hdr > p.size {
			p.frags = true
			if p.v6 {
				p.extra = ipv6FragLen
			}
			// RFC 7112: all headers in the first fragment. The datagram's
			// length must have fitted its field.
			if p.l4+UDPLen > p.hdr+p.size || p.end-p.l4 > 0xffff || p.end-p.hdr > 0xffff {
				return p, ErrGSOSize
			}
		}
	default:
		return p, ErrProtocol
	}
	ipLen := p.hdr + p.extra + min(p.size, p.end-p.hdr) - p.l3
	if p.v6 {
		ipLen -= IPv6Len
	}
	if ipLen > 0xffff {
		return p, ErrGSOSize
	}
	return p, nil
}

// pieces is the number of frames that p yields, at least 1.
func (p *plan) pieces() int { return max(1, (p.end-p.hdr+p.size-1)/p.size) }

// Segments counts f as the wire does: a GSO frame as its segments, each with
// headers. A frame that Segment would refuse counts as one.
func (f *Frame) Segments() (packets, wireBytes uint64) {
	if !f.Offload.IsGSO() {
		return 1, uint64(f.Len())
	}
	return f.gsoSegments()
}

func (f *Frame) gsoSegments() (packets, wireBytes uint64) {
	p, err := planOf(f, 0)
	if err != nil {
		return 1, uint64(f.Len())
	}
	n := p.pieces()
	if n > maxSegments {
		return 1, uint64(f.Len())
	}
	if n == 1 {
		return 1, uint64(p.end)
	}
	return uint64(n), uint64(p.end + (n-1)*p.hdr + n*p.extra)
}

// PayloadLimit is the maxPayload for Segment with which the frames that f
// stands for fit a device of the given MTU: bytes behind the Ethernet header,
// where one 802.1Q tag in front does not count, as Linux has it, but all other
// tags, I-tags and labels do. 0: no bound is needed, or none helps, because the
// MTU is unknown (0), does not even hold the headers, or f is a frame whose
// sender alone decides how it is cut (UDP datagrams), or that Segment refuses.
func PayloadLimit(f *Frame, mtu int) int {
	if mtu <= 0 || !f.Offload.IsGSO() || f.Offload.GSOType&^GSOECN == GSOUDPL4 {
		return 0
	}
	p, err := planOf(f, 0)
	if err != nil {
		return 0
	}
	hdr := p.hdr - EthernetLen
	if Ethernet(f.Bytes()).Type() == TypeVLAN {
		hdr -= VLANLen
	}
	if p.v6 && f.Offload.GSOType&^GSOECN == GSOUDP {
		hdr += ipv6FragLen
	}
	if hdr >= mtu || hdr+p.size <= mtu {
		return 0
	}
	return mtu - hdr
}

// Segment appends to out the frames that f, a GSO frame, stands for: lengths,
// identifications, sequence numbers, flags and checksums as its sender would
// have sent them without segmentation offload. The frames are from pools and
// have no offload state left; the caller puts them back. f is only read.
//
// maxPayload bounds the bytes behind the transport header of each TCP segment,
// and behind the IP header of each fragment where the frame is to be
// fragmented (GSOUDP); 0: as the sender says. UDP datagrams keep the size that
// their sender gave them.
//
// The headers in the frame decide; of the offload state only type and segment
// size are read. A frame that is not GSO yields one copy with its checksum
// finished. On error (ErrTruncated, ErrProtocol, ErrFragment, ErrGSOSize,
// ErrCsumRange) out comes back as it was.
func Segment(f *Frame, maxPayload int, pools *Pools, out []*Frame) ([]*Frame, error) {
	if !f.Offload.IsGSO() {
		c := pools.Clone(f)
		if err := FinishChecksum(c); err != nil {
			pools.Put(c)
			return out, err
		}
		c.Offload = Offload{}
		return append(out, c), nil
	}
	p, err := planOf(f, maxPayload)
	if err != nil {
		return out, err
	}
	if p.pieces() > maxSegments {
		return out, ErrGSOSize
	}
	switch {
	case p.frags:
		out = p.fragment(f, pools, out)
	case p.proto == ProtoTCP:
		out = p.segmentTCP(f, pools, out)
	default:
		out = p.segmentUDP(f, pools, out)
	}
	return out, nil
}

// piece makes a frame of f's headers, p.extra bytes to fill in, and the data
// from at on, with the IP header's length, identification and checksum right.
// n is added to the identification.
func (p *plan) piece(f *Frame, pools *Pools, at, n int) (*Frame, []byte) {
	src := f.Bytes()
	data := src[at:min(at+p.size, p.end)]
	length := p.hdr + p.extra + len(data)
	g := pools.Get(length)
	b, _ := g.Append(length) // Get made room
	copy(b, src[:p.hdr])
	copy(b[p.hdr+p.extra:], data)
	g.InPort, g.Layers = f.InPort, f.Layers
	if p.v6 {
		IPv6(b[p.l3:]).SetPayloadLen(len(b) - p.l3 - IPv6Len)
		return g, b
	}
	ip := IPv4(b[p.l3:])
	ip.SetTotalLen(len(b) - p.l3)
	ip.SetID(ip.ID() + uint16(n))
	ip.UpdateChecksum()
	return g, b
}

func (p *plan) segmentTCP(f *Frame, pools *Pools, out []*Frame) []*Frame {
	pseudo := p.pseudoSum(f.Bytes(), 0)
	count := p.pieces()
	for n := range count {
		g, b := p.piece(f, pools, p.hdr+n*p.size, n)
		t := TCP(b[p.l4:])
		t.SetSeq(t.Seq() + uint32(n*p.size))
		flags := t.Flags()
		if n != count-1 {
			flags &^= TCPFin | TCPPsh
		}
		if n != 0 {
			flags &^= TCPCwr // RFC 3168 §6.1.2: one report of a reduced window
		}
		t.SetFlags(flags)
		t.SetChecksum(0)
		t.SetChecksum(Checksum(t, pseudo+uint32(len(t))))
		out = append(out, g)
	}
	return out
}

func (p *plan) segmentUDP(f *Frame, pools *Pools, out []*Frame) []*Frame {
	pseudo := p.pseudoSum(f.Bytes(), 0)
	sum := p.hasUDPSum(f)
	for n := range p.pieces() {
		g, b := p.piece(f, pools, p.hdr+n*p.size, n)
		p.finishUDP(b[p.l4:], pseudo, sum)
		out = append(out, g)
	}
	return out
}

// hasUDPSum says whether the sender wants a checksum: over IPv4 it may do
// without (RFC 768).
func (p *plan) hasUDPSum(f *Frame) bool {
	return p.v6 || f.Offload.NeedsCsum || UDP(f.Bytes()[p.l4:]).Checksum() != 0
}

// finishUDP writes length and checksum of the datagram u.
func (p *plan) finishUDP(u UDP, pseudo uint32, sum bool) {
	u.SetLength(len(u))
	u.SetChecksum(0)
	if sum {
		u.SetChecksum(udpSum(Checksum(u, pseudo+uint32(len(u)))))
	}
}

// fragment cuts a UDP datagram into IP fragments: what the obsolete UFO asks
// for. The checksum, in the first fragment, covers the whole datagram.
func (p *plan) fragment(f *Frame, pools *Pools, out []*Frame) []*Frame {
	src := f.Bytes()
	whole := UDP(src[p.l4:p.end])
	var csum uint16
	if p.hasUDPSum(f) {
		// The length in the header is corrected below, so it is corrected in
		// the sum too.
		s := p.pseudoSum(src, len(whole)) + uint32(^whole.Checksum()) + uint32(^uint16(whole.Length())) + uint32(uint16(len(whole)))
		csum = udpSum(Checksum(whole, s))
	}
	var id uint32
	if p.v6 {
		id = rand.Uint32() // hard to guess, as RFC 7739 asks
	}
	count := p.pieces()
	for n := range count {
		// Every piece keeps the identification: nothing is added to it.
		g, b := p.piece(f, pools, p.hdr+n*p.size, 0)
		p.makeFragment(b, n*p.size, n != count-1, 0, id)
		if n == 0 {
			u := UDP(b[p.l4+p.extra:])
			u.SetLength(len(whole))
			u.SetChecksum(csum)
			if g.Layers.L4 >= 0 {
				g.Layers.L4 += int16(p.extra)
			}
		} else {
			g.Layers.L4 = -1
		}
		out = append(out, g)
	}
	return out
}

// makeFragment makes the piece b, a copy of the headers with data of a packet,
// the fragment whose data were at the given offset in bytes. flags are those of
// IPv4 besides "more fragments", id is the identification of IPv6.
func (p *plan) makeFragment(b []byte, offset int, more bool, flags uint16, id uint32) {
	if p.v6 {
		p.putFragmentHeader(b, offset, more, id)
		return
	}
	word := flags | uint16(offset/8)
	if more {
		word |= IPv4MoreFragments
	}
	ip := IPv4(b[p.l3:])
	ip.SetFlagsOffset(word)
	if offset != 0 {
		dropOptions(b[p.l3+IPv4MinLen : p.l4])
	}
	ip.UpdateChecksum()
}

// putFragmentHeader writes the Fragment header into the piece b for the data
// at the given offset in bytes (RFC 8200 §4.5).
func (p *plan) putFragmentHeader(b []byte, offset int, more bool, id uint32) {
	fh := b[p.hdr : p.hdr+p.extra]
	fh[0], fh[1] = b[p.fragNextAt], 0
	b[p.fragNextAt] = ProtoFragment
	v := uint16(offset)
	if more {
		v |= 1
	}
	binary.BigEndian.PutUint16(fh[ipv6FragOffset:], v)
	binary.BigEndian.PutUint32(fh[ipv6FragID:], id)
}

// dropOptions overwrites the IPv4 options that only the first fragment carries
// (RFC 791 §3.2) with "no operation".
func dropOptions(o []byte) {
	const end, nop, copied = 0, 1, 0x80
	for len(o) > 0 && o[0] != end {
		if o[0] == nop {
			o = o[1:]
			continue
		}
		n := len(o)
		if n >= 2 && o[1] >= 2 && int(o[1]) <= n {
			n = int(o[1])
		}
		if o[0]&copied == 0 {
			for i := range n {
				o[i] = nop
			}
		}
		o = o[n:]
	}
}
