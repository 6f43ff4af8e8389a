package flow

import (
	"math/rand/v2"

	"ofswitch/packet"
)

// randomMatch makes a valid match. wire: only what Open vSwitch can hold, too,
// and no masks but those of the field table's OVSMask.
func randomMatch(r *rand.Rand, ovs bool) Match {
	var m Match
	maybe := func() bool { return r.IntN(3) == 0 }
	value := func(f *Field) Value {
		v := Value{r.Uint64(), r.Uint64()}
		switch r.IntN(4) {
		case 0:
			v = Value{Lo: uint64(r.IntN(16))}
		case 1: // few bits, for the zero runs of IPv6
			v = Value{v.Hi & r.Uint64() & r.Uint64(), v.Lo & r.Uint64() & r.Uint64() & r.Uint64()}
		case 2:
			if f.Bits == 128 {
				v = Value{Lo: v.Lo >> (r.IntN(5) * 16)}
			}
		}
		full := f.Full()
		return Value{v.Hi & full.Hi, v.Lo & full.Lo}
	}
	put := func(id ID) {
		f := id.Field()
		mask := f.Full()
		if f.OVSMask && r.IntN(2) == 0 {
			mask = value(f)
			if r.IntN(2) == 0 && (f.Format == FormatIPv4 || f.Format == FormatIPv6) {
				mask = prefix(r.IntN(f.Bits) + 1)
				if f.Bits == 32 {
					mask.Lo = mask.Hi >> 32
					mask.Hi = 0
				}
			}
		}
		m.SetMasked(id, value(f), mask)
	}
	for _, id := range []ID{Metadata, EthDst, EthSrc, TunnelID} {
		if maybe() {
			put(id)
		}
	}
	if maybe() {
		v := uint64(r.IntN(0xff00))
		switch r.IntN(5) {
		case 0:
			v = 0xfffffff8 + uint64(r.IntN(7))
		case 1:
			if !ovs {
				v = r.Uint64() & 0xffffffff
			}
		case 2:
			if !ovs {
				v = 0xfff0 + uint64(r.IntN(16))
			}
		}
		m.Set(InPort, Value{Lo: v})
		if !ovs && maybe() {
			put(InPhyPort)
		}
	}
	if maybe() {
		put(VLANVID)
		if r.IntN(2) == 0 {
			v, mask, _ := m.Get(VLANVID)
			m.SetMasked(VLANVID, Value{Lo: v.Lo | VIDPresent}, Value{Lo: mask.Lo | VIDPresent})
			put(VLANPCP)
		}
	}
	switch r.IntN(8) {
	case 0:
	case 1:
		put(EthType)
	case 2:
		m.Set(EthType, Value{Lo: packet.TypeMPLS + uint64(r.IntN(2))})
		for _, id := range []ID{MPLSLabel, MPLSTC, MPLSBOS} {
			if maybe() {
				put(id)
			}
		}
	case 3:
		m.Set(EthType, Value{Lo: []uint64{packet.TypeARP, packet.TypeRARP}[r.IntN(2)]})
		for _, id := range []ID{ARPOp, ARPSpa, ARPTpa, ARPSha, ARPTha} {
			if maybe() {
				put(id)
			}
		}
		if v, _, ok := m.Get(ARPOp); ok && ovs {
			m.Set(ARPOp, Value{Lo: v.Lo & 0xff})
		}
	case 4:
		m.Set(EthType, Value{Lo: packet.TypePBB})
		if !ovs {
			put(PBBISID)
		}
	default:
		randomIP(r, &m, put, maybe, ovs)
	}
	return m
}

func randomIP(r *rand.Rand, m *Match, put func(ID), maybe func() bool, ovs bool) {
	v6 := r.IntN(2) == 0
	ids := []ID{IPv4Src, IPv4Dst}
	m.Set(EthType, Value{Lo: packet.TypeIPv4})
	if v6 {
		m.Set(EthType, Value{Lo: packet.TypeIPv6})
		ids = []ID{IPv6Src, IPv6Dst, IPv6Flabel}
		if !ovs {
			ids = append(ids, IPv6Exthdr)
		}
	}
	for _, id := range append(ids, IPDSCP, IPECN) {
		if maybe() {
			put(id)
		}
	}
	proto := []uint64{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoSCTP, packet.ProtoICMP, packet.ProtoICMPv6, uint64(r.IntN(256))}[r.IntN(6)]
	if maybe() {
		return
	}
	m.Set(IPProto, Value{Lo: proto})
	var l4 []ID
	switch {
	case proto == packet.ProtoTCP:
		l4 = []ID{TCPSrc, TCPDst}
	case proto == packet.ProtoUDP:
		l4 = []ID{UDPSrc, UDPDst}
	case proto == packet.ProtoSCTP:
		l4 = []ID{SCTPSrc, SCTPDst}
	case proto == packet.ProtoICMP && !v6:
		l4 = []ID{ICMPv4Type, ICMPv4Code}
	case proto == packet.ProtoICMPv6 && v6 && r.IntN(2) == 0:
		l4 = []ID{ICMPv6Type, ICMPv6Code}
	case proto == packet.ProtoICMPv6 && v6:
		typ := uint64(135 + r.IntN(2))
		m.Set(ICMPv6Type, Value{Lo: typ})
		if maybe() {
			m.Set(ICMPv6Code, Value{})
		}
		l4 = []ID{IPv6NDTarget, IPv6NDSll}
		if typ == 136 {
			l4[1] = IPv6NDTll
		}
	}
	for _, id := range l4 {
		if r.IntN(2) == 0 {
			put(id)
		}
	}
}
