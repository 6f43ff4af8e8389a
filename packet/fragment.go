package packet

import "math/rand/v2"

// Fragment appends to out what leaves of f, a frame with GSORefragment, through
// a device of the given MTU (bytes behind the Ethernet header, where one 802.1Q tag
// in front does not count; 0: unknown): one frame if its IP packet fits, else IP
// fragments (RFC 791 §3.2, RFC 8200 §4.5).
//
// Where nobody on the way may fragment, which is with IPv6 and with "don't
// fragment", no piece is longer than the longest fragment that the sender sent: it
// knew what the path takes. Fragments have the sender's identification and keep
// "don't fragment". The frames are from pools and have no offload state left; the
// caller puts them back. f is only read.
//
// On error (ErrTruncated, ErrProtocol, ErrFragment, ErrCsumRange; ErrGSOSize: the
// MTU does not even hold the headers) out comes back as it was.
func Fragment(f *Frame, mtu int, pools *Pools, out []*Frame) ([]*Frame, error) {
	b := f.Bytes()
	h, err := findHeaders(b)
	if err != nil {
		return out, err
	}
	if h.frag {
		return out, ErrFragment
	}
	limit := maxDatagram + IPv6Len // of the IP packet
	if mtu > 0 {
		limit = mtu - (h.l3 - EthernetLen)
		if Ethernet(b).Type() == TypeVLAN {
			limit += VLANLen
		}
	}
	p := plan{headers: h, hdr: h.l4}
	flags := uint16(0)
	if h.v6 {
		p.hdr, p.extra = h.fragAt, ipv6FragLen
	} else {
		flags = IPv4(b[h.l3:]).FlagsOffset() &^ (IPv4MoreFragments | IPv4OffsetMask)
	}
	if n := int(f.Offload.FragmentMax); n != 0 && (h.v6 || flags&IPv4DontFragment != 0) {
		limit = min(limit, n)
	}
	if h.end-h.l3 <= limit {
		c := pools.Clone(f)
		if err := FinishChecksum(c); err != nil {
			pools.Put(c)
			return out, err
		}
		c.Offload = Offload{}
		return append(out, c), nil
	}
	if f.Offload.NeedsCsum { // covers what is to be cut
		c := pools.Clone(f)
		defer pools.Put(c)
		if err := FinishChecksum(c); err != nil {
			return out, err
		}
		f = c
	}
	if p.size = (limit - (p.hdr - h.l3) - p.extra) &^ 7; p.size <= 0 {
		return out, ErrGSOSize
	}
	id := f.Offload.FragmentID
	if id == 0 {
		id = rand.Uint32() // hard to guess, as RFC 7739 asks
	}
	count := p.pieces()
	for n := range count {
		g, b := p.piece(f, pools, p.hdr+n*p.size, 0)
		p.makeFragment(b, n*p.size, n != count-1, flags, id)
		g.Layers.L4 = -1
		out = append(out, g)
	}
	return out, nil
}
