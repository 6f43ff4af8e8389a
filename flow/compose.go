package flow

import (
	"encoding/binary"
	"hash/crc32"

	"ofswitch/packet"
)

// minFrame is the shortest Ethernet frame, without its check sequence.
const minFrame = 60

// Compose makes a frame with the fields of w, as far as a frame can have them: who
// wants to know extracts them again. It is for traces, and takes no care to be fast.
func Compose(w *Wide) []byte {
	b := binary.BigEndian.AppendUint64(nil, w[WEthDst])[:6]
	b = append(b, binary.BigEndian.AppendUint64(nil, w[WEthSrc])[:6]...)
	for shift := 32; shift >= 0; shift -= 32 {
		tag := uint32(w[WVLAN] >> shift)
		if tag&VIDPresent == 0 {
			break
		}
		if tag>>16 == 0 {
			tag |= packet.TypeVLAN << 16
		}
		b = binary.BigEndian.AppendUint32(b, tag&^VIDPresent)
	}
	etype := uint16(w[WEthDst])
	if etype < packet.TypeMin {
		// 802.3: a length, and an LLC header that is not SNAP's.
		b = append(b, 0, 3, 0x42, 0x42, 3)
		return pad(b)
	}
	b = binary.BigEndian.AppendUint16(b, etype)
	switch etype {
	case packet.TypeIPv4:
		b = composeIPv4(b, w)
	case packet.TypeIPv6:
		b = composeIPv6(b, w)
	case packet.TypeARP, packet.TypeRARP:
		b = append(b, make([]byte, packet.ARPLen)...)
		a := packet.ARP(b[len(b)-packet.ARPLen:])
		a.SetEthernetIPv4()
		a.SetOp(uint16(w[WARPSha]))
		a.SetSHA(w[WARPSha] >> 16)
		a.SetTHA(w[WARPTha] >> 16)
		a.SetSPA(uint32(w[WARP] >> 32))
		a.SetTPA(uint32(w[WARP]))
	case packet.TypeMPLS, packet.TypeMPLSMC:
		for _, lse := range []uint32{uint32(w[WMPLS] >> 32), uint32(w[WMPLS]), uint32(w[WMPLS2] >> 32)} {
			b = binary.BigEndian.AppendUint32(b, lse)
			if lse&0x100 != 0 { // bottom of stack
				break
			}
		}
	case packet.TypePBB:
		itag := uint32(w[WMPLS2])
		b = binary.BigEndian.AppendUint32(b, itag>>8|itag<<24)
		b = append(b, make([]byte, packet.EthernetLen)...)
	}
	return pad(b)
}

// pad lengthens a frame to what Ethernet asks for.
func pad(b []byte) []byte {
	if len(b) < minFrame {
		b = append(b, make([]byte, minFrame-len(b))...)
	}
	return b
}

func composeIPv4(b []byte, w *Wide) []byte {
	at := len(b)
	b = append(b, make([]byte, packet.IPv4MinLen)...)
	ip := w[WIP]
	proto := uint8(ip >> 24)
	if ip&FragLater == 0 {
		b = composeL4(b, w, proto, false)
	} else {
		b = append(b, make([]byte, 8)...) // a fragment of no bytes is none
	}
	h := packet.IPv4(b[at:])
	h[0] = 0x45
	h.SetTOS(uint8(ip >> 16))
	h.SetTotalLen(len(b) - at)
	switch {
	case ip&FragLater != 0:
		h.SetFlagsOffset(1)
	case ip&FragAny != 0:
		h.SetFlagsOffset(packet.IPv4MoreFragments)
	}
	h.SetTTL(uint8(ip >> TTLShift))
	h.SetProto(proto)
	h.SetSrc(uint32(w[WIPv4] >> 32))
	h.SetDst(uint32(w[WIPv4]))
	h.UpdateChecksum()
	l4 := b[at+packet.IPv4MinLen:]
	if ip&FragAny == 0 {
		checksumL4(l4, proto, packet.PseudoSumIPv4(h.Src(), h.Dst(), proto, len(l4)))
	}
	return b
}

func composeIPv6(b []byte, w *Wide) []byte {
	at := len(b)
	b = append(b, make([]byte, packet.IPv6Len)...)
	ip := w[WIP]
	proto := uint8(ip >> 24)
	next := proto
	l4 := len(b)
	if ip&FragAny != 0 {
		next = packet.ProtoFragment
		fo := uint16(1) // more fragments
		if ip&FragLater != 0 {
			fo = 8
		}
		b = append(b, proto, 0, byte(fo>>8), byte(fo), 0, 0, 0, 0)
		l4 = len(b)
	}
	if ip&FragLater == 0 {
		b = composeL4(b, w, proto, true)
	}
	h := packet.IPv6(b[at:])
	h[0] = 0x60
	h.SetTrafficClass(uint8(ip >> 16))
	h.SetFlowLabel(uint32(ip>>41) & 0xfffff)
	h.SetPayloadLen(len(b) - at - packet.IPv6Len)
	h.SetNextHeader(next)
	h.SetHopLimit(uint8(ip >> TTLShift))
	h.SetSrc(w[WIPv6Src], w[WIPv6SrcLo])
	h.SetDst(w[WIPv6Dst], w[WIPv6DstLo])
	if ip&FragAny == 0 {
		checksumL4(b[l4:], proto, packet.PseudoSumIPv6(h.Src(), h.Dst(), proto, len(b)-l4))
	}
	return b
}

// composeL4 adds a transport header behind b.
func composeL4(b []byte, w *Wide, proto uint8, v6 bool) []byte {
	v := w[WL4]
	ports := func(size int) []byte {
		b = binary.BigEndian.AppendUint32(b, uint32(v>>32))
		return append(b, make([]byte, size-4)...)
	}
	switch proto {
	case packet.ProtoTCP:
		b = ports(packet.TCPMinLen)
		binary.BigEndian.PutUint16(b[len(b)-packet.TCPMinLen+12:], 5<<12|uint16(v>>TCPFlagsShift)&0xfff)
	case packet.ProtoUDP:
		b = ports(packet.UDPLen)
		packet.UDP(b[len(b)-packet.UDPLen:]).SetLength(packet.UDPLen)
	case packet.ProtoSCTP:
		b = ports(packet.SCTPMinLen)
	case packet.ProtoICMP, packet.ProtoICMPv6:
		typ := uint8(v >> 48)
		b = append(b, typ, uint8(v>>32), 0, 0, 0, 0, 0, 0)
		if !v6 || proto != packet.ProtoICMPv6 || typ != packet.ICMPv6NeighborSolicit && typ != packet.ICMPv6NeighborAdvert {
			break
		}
		b = binary.BigEndian.AppendUint64(b, w[WNDTarget])
		b = binary.BigEndian.AppendUint64(b, w[WNDTargetLo])
		for kind, lla := range []uint64{1: w[WNDSll], 2: w[WNDTll]} {
			if lla != 0 {
				b = binary.BigEndian.AppendUint64(b, uint64(kind)<<56|1<<48|lla>>16)
			}
		}
	}
	return b
}

// checksumL4 writes the checksum of a transport header; pseudo is the sum of the
// pseudo header.
func checksumL4(l4 []byte, proto uint8, pseudo uint32) {
	put := func(at int, sum uint16) { binary.BigEndian.PutUint16(l4[at:], sum) }
	switch {
	case proto == packet.ProtoTCP && len(l4) >= packet.TCPMinLen:
		put(16, packet.Checksum(l4, pseudo))
	case proto == packet.ProtoUDP && len(l4) >= packet.UDPLen:
		sum := packet.Checksum(l4, pseudo)
		if sum == 0 {
			sum = 0xffff // 0 says that there is none
		}
		put(6, sum)
	case proto == packet.ProtoICMPv6 && len(l4) >= 8:
		put(2, packet.Checksum(l4, pseudo))
	case proto == packet.ProtoICMP && len(l4) >= 8:
		put(2, packet.Checksum(l4, 0))
	case proto == packet.ProtoSCTP && len(l4) >= packet.SCTPMinLen:
		binary.LittleEndian.PutUint32(l4[8:], crc32.Checksum(l4, crc32.MakeTable(crc32.Castagnoli)))
	}
}
