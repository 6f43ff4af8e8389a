package ports

import (
	"encoding/binary"

	"ofswitch/packet"
)

// Takes says whether f may be given to a transmit queue with these
// capabilities on a device of this MTU (bytes of layer 3; 0: unknown) as it
// is. If not, a frame with a GSO type is to be segmented (packet.Segment, also
// when its segment size is 0: that gives one clean copy), any other to get its
// checksum finished (packet.FinishChecksum). Ordinary frames without offload
// state are always taken; larger ones than the MTU are counted by Tx. A partial
// CRC32c of SCTP is never taken.
//
// A whole GSO frame is taken only as Ethernet, at most two VLAN tags, IPv4 or
// IPv6, TCP or UDP, with the partial checksum of exactly that header, and when
// each of its segments fits the MTU: what the kernel can segment and what the
// receiver can take. So none leaves whole behind MPLS labels or a PBB I-tag.
func (c Caps) Takes(f *packet.Frame, mtu int) bool {
	o := &f.Offload
	if !o.NeedsCsum && o.GSOType == packet.GSONone {
		return true
	}
	if !o.IsGSO() {
		// A GSO type without a size means nothing. No offload header has a name
		// for CRC32c: the kernel would write an Internet checksum there.
		return o.GSOType == packet.GSONone && (!o.NeedsCsum || c.Csum && !o.IsCRC32c())
	}
	if !o.NeedsCsum || !c.Csum {
		return false
	}
	var ether uint16
	var proto byte
	switch o.GSOType &^ packet.GSOECN {
	case packet.GSOTCPv4:
		ether, proto = packet.TypeIPv4, packet.ProtoTCP
		if !c.GSOTCPv4 {
			return false
		}
	case packet.GSOTCPv6:
		ether, proto = packet.TypeIPv6, packet.ProtoTCP
		if !c.GSOTCPv6 {
			return false
		}
	case packet.GSOUDPL4:
		proto = packet.ProtoUDP
		if !c.GSOUDPL4 || o.GSOType&packet.GSOECN != 0 {
			return false
		}
	default:
		return false
	}
	l3, l4, ok := gsoHeaders(f.Bytes(), ether, proto)
	if !ok || int(o.CsumStart) != l4 {
		return false
	}
	b := f.Bytes()
	hdrEnd, sumAt := l4+packet.UDPLen, 6
	if proto == packet.ProtoTCP {
		if len(b) < l4+packet.TCPMinLen {
			return false
		}
		hdrEnd, sumAt = l4+int(b[l4+12]>>4)*4, 16
		if hdrEnd < l4+packet.TCPMinLen {
			return false
		}
	}
	if int(o.CsumOffset) != sumAt || len(b) <= hdrEnd {
		return false
	}
	return mtu <= 0 || hdrEnd-l3+min(int(o.GSOSize), len(b)-hdrEnd) <= mtu
}

// gsoHeaders finds the network and transport headers of a frame that a kernel
// can segment. ether 0: IPv4 or IPv6.
func gsoHeaders(b []byte, ether uint16, proto byte) (l3, l4 int, ok bool) {
	l3 = packet.EthernetLen
	if len(b) < l3 {
		return 0, 0, false
	}
	typ := binary.BigEndian.Uint16(b[12:])
	for tags := 0; typ == packet.TypeVLAN || typ == packet.TypeQinQ; tags++ {
		if tags == 2 || len(b) < l3+packet.VLANLen {
			return 0, 0, false
		}
		typ = binary.BigEndian.Uint16(b[l3+2:])
		l3 += packet.VLANLen
	}
	if ether != 0 && typ != ether {
		return 0, 0, false
	}
	switch typ {
	case packet.TypeIPv4:
		if len(b) < l3+packet.IPv4MinLen || b[l3]>>4 != 4 || b[l3+9] != proto || binary.BigEndian.Uint16(b[l3+6:])&0x3fff != 0 {
			return 0, 0, false
		}
		l4 = l3 + int(b[l3]&15)*4
		return l3, l4, l4 >= l3+packet.IPv4MinLen && len(b) >= l4+packet.UDPLen
	case packet.TypeIPv6:
		if len(b) < l3+packet.IPv6Len || b[l3]>>4 != 6 {
			return 0, 0, false
		}
		next := b[l3+6]
		l4 = l3 + packet.IPv6Len
		// Hop-by-hop, routing and destination options: the kernel segments
		// behind them. Anything else (fragment, AH, ESP) is not for it.
		for n := 0; next == packet.ProtoHopByHop || next == packet.ProtoRouting || next == packet.ProtoDestOpts; n++ {
			if n == 8 || len(b) < l4+8 {
				return 0, 0, false
			}
			next, l4 = b[l4], l4+8+int(b[l4+1])*8
		}
		return l3, l4, next == proto && len(b) >= l4+packet.UDPLen
	}
	return 0, 0, false
}

// fitsMTU says whether a device takes a frame of these bytes that is not GSO:
// AF_PACKET allows the link header beyond the MTU, and one 802.1Q tag.
func fitsMTU(b []byte, mtu int) bool {
	if mtu <= 0 || len(b) <= mtu+packet.EthernetLen {
		return true
	}
	return len(b) <= mtu+packet.EthernetLen+packet.VLANLen && len(b) >= packet.EthernetLen && binary.BigEndian.Uint16(b[12:]) == packet.TypeVLAN
}
