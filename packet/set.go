package packet

import "encoding/binary"

// An OpenFlow set-field does not change what a frame is, so every setter finds
// its header by Layers, looks whether the field is there, and only then
// writes. The functions below find headers and mend checksums.

// l2end is the offset of the EtherType behind the tags, or -1.
func (f *Frame) l2end(b []byte) int {
	at := int(f.Layers.L2End)
	if at < ethType || at+2 > len(b) {
		return -1
	}
	return at
}

// etherTypeAt is the EtherType of the header at the given place, 0 if there is
// none: with tags, and with LLC and SNAP, it stands right before it. What a
// frame is, this number says and not the version in the IP header, as in
// extraction: neither it nor Open vSwitch look at the version.
func etherTypeAt(b []byte, at int) uint16 {
	if at < EthernetLen || at > len(b) {
		return 0
	}
	return binary.BigEndian.Uint16(b[at-2:])
}

// ipv4 is the IPv4 header with all that follows it, or nil.
func (f *Frame) ipv4(b []byte) IPv4 {
	at := int(f.Layers.L3)
	if at+IPv4MinLen > len(b) || etherTypeAt(b, at) != TypeIPv4 {
		return nil
	}
	return IPv4(b[at:])
}

// ipv6 is the IPv6 header with its payload, without the padding that may follow;
// or nil.
func (f *Frame) ipv6(b []byte) IPv6 {
	at := int(f.Layers.L3)
	if at+IPv6Len > len(b) || etherTypeAt(b, at) != TypeIPv6 {
		return nil
	}
	h := IPv6(b[at:])
	return h[:min(len(h), IPv6Len+h.PayloadLen())]
}

// arp is the ARP packet, or nil.
func (f *Frame) arp(b []byte) ARP {
	at := int(f.Layers.L3)
	if at+ARPLen > len(b) {
		return nil
	}
	if t := etherTypeAt(b, at); t != TypeARP && t != TypeRARP {
		return nil
	}
	if h := ARP(b[at:]); h.IsEthernetIPv4() {
		return h
	}
	return nil
}

// transport is a transport header in a frame.
type transport struct {
	at    int   // its offset
	proto uint8 // IP protocol number
	v6    bool  // over IPv6
	csum  int   // offset of its 16-bit Internet checksum; 0: it has none, or not in this frame
}

// transport finds the transport header. It reports false when the frame has
// none: later fragments, protocols that extraction does not know, frames cut
// short. The header's length is for the caller to check.
func (f *Frame) transport(b []byte) (t transport, found bool) {
	t.at = int(f.Layers.L4)
	if t.at < 0 || t.at >= len(b) {
		return t, false
	}
	if ip := f.ipv4(b); ip != nil {
		t.proto = ip.Proto()
	} else if ip := f.ipv6(b); ip != nil {
		t.v6 = true
		t.proto = ip.NextHeader()
		if t.at != int(f.Layers.L3)+IPv6Len {
			w := ip.walkTo(t.at - int(f.Layers.L3))
			if w.At != t.at-int(f.Layers.L3) || w.Later {
				return t, false
			}
			t.proto = w.Next
		}
	} else {
		return t, false
	}
	if t.at < int(f.Layers.L3)+IPv4MinLen {
		return t, false
	}
	switch t.proto {
	case ProtoTCP:
		t.csum = t.at + tcpChecksum
	case ProtoUDP:
		t.csum = t.at + udpChecksum
	case ProtoICMP, ProtoICMPv6:
		t.csum = t.at + icmpChecksum
	}
	if t.csum+2 > len(b) {
		t.csum = 0
	}
	return t, true
}

// walkTo walks the extension headers up to the offset at.
func (h IPv6) walkTo(at int) IPv6Walk {
	w := h.Walk()
	for w.At < at && w.Step() {
	}
	return w
}

// header is the n first bytes of the transport header of the given protocol,
// or nil.
func (f *Frame) header(b []byte, proto uint8, n int) ([]byte, transport) {
	t, found := f.transport(b)
	if !found || t.proto != proto || t.at+n > len(b) {
		return nil, t
	}
	return b[t.at:], t
}

// covered mends t's checksum after bytes that it covers changed. old and new
// are the unfolded sums of their 16-bit words; pseudo says that they belong to
// the pseudo header.
func (f *Frame) covered(b []byte, t transport, pseudo bool, old, new uint32) {
	if t.csum == 0 {
		return
	}
	field := b[t.csum : t.csum+2]
	c := binary.BigEndian.Uint16(field)
	if o := &f.Offload; o.NeedsCsum && int(o.CsumStart)+int(o.CsumOffset) == t.csum {
		// Partial: the field holds the pseudo header's sum and nothing of
		// what follows.
		if pseudo {
			binary.BigEndian.PutUint16(field, updatePartial(c, old, new))
		}
		return
	}
	if t.proto == ProtoUDP {
		if c == 0 { // the sender made none
			return
		}
		c = udpSum(update(c, old, new))
	} else {
		c = update(c, old, new)
	}
	binary.BigEndian.PutUint16(field, c)
}

// addressChanged mends the transport checksum after an address, or the
// protocol, changed from the sum old to new. ICMP for IPv4 has no pseudo
// header.
func (f *Frame) addressChanged(b []byte, old, new uint32) {
	if t, found := f.transport(b); found && (t.v6 || t.proto != ProtoICMP) {
		f.covered(b, t, true, old, new)
	}
}

// set16 writes a 16-bit word of the transport header at the given offset from
// it, and mends the checksum.
func (f *Frame) set16(b []byte, t transport, offset int, v uint16) {
	p := b[t.at+offset:]
	old := binary.BigEndian.Uint16(p)
	binary.BigEndian.PutUint16(p, v)
	f.covered(b, t, false, uint32(old), uint32(v))
}
