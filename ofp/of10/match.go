package of10

import (
	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/ofp/internal/octets"
	"ofswitch/packet"
)

// matchLen is the length of struct ofp_match (OpenFlow 1.0.0 §5.2.3).
const matchLen = 40

// Wildcards (OpenFlow 1.0.0 §5.2.3): a bit set leaves the field open. The two
// addresses have the number of low bits that are open, 32 and more for all.
const (
	wildInPort  = 1 << 0
	wildVLAN    = 1 << 1
	wildDLSrc   = 1 << 2
	wildDLDst   = 1 << 3
	wildDLType  = 1 << 4
	wildNwProto = 1 << 5
	wildTpSrc   = 1 << 6
	wildTpDst   = 1 << 7
	wildNwSrc   = 8 // shift
	wildNwDst   = 14
	wildNwBits  = 0x3f
	wildVLANPCP = 1 << 20
	wildNwTOS   = 1 << 21
	wildAll     = 1<<22 - 1
	// wildNone is that of a match of everything, as Open vSwitch writes it.
	wildNone = wildAll&^(wildNwBits<<wildNwSrc|wildNwBits<<wildNwDst) | 32<<wildNwSrc | 32<<wildNwDst
)

const (
	vlanNone = 0xffff // dl_vlan of frames without tag

	tciShift   = 32 // of the outer tag's TCI in its word
	tciPresent = flow.VIDPresent
	tciVID     = 0x0fff
	tciPCP     = 0xe000

	portFieldMax = 0xffff // the greatest TCP, UDP or SCTP port
)

// setTCI asks for bits of the outer VLAN tag's control information, whose 13th
// bit says that there is a tag.
func setTCI(m *flow.Match, v, mask uint16) {
	if mask&tciPresent != 0 && v&tciPresent == 0 {
		// No tag: the priority of none is no question, and the VLAN id of none
		// is asked for as OpenFlow 1.3 does.
		mask &^= tciPCP
		v &^= tciPCP
	}
	if v&mask&tciPCP != 0 && mask&tciPresent == 0 {
		v, mask = v|tciPresent, mask|tciPresent // a priority has only what has a tag
	}
	v &= mask
	m.Value[flow.WVLAN] = m.Value[flow.WVLAN]&^(0xffff<<tciShift) | uint64(v)<<tciShift
	m.Mask[flow.WVLAN] = m.Mask[flow.WVLAN]&^(0xffff<<tciShift) | uint64(mask)<<tciShift
}

// tci is what m asks of the outer tag. No tag is asked for with all bits, as Open
// vSwitch does.
func tci(m *flow.Match) (v, mask uint16) {
	v, mask = uint16(m.Value[flow.WVLAN]>>tciShift), uint16(m.Mask[flow.WVLAN]>>tciShift)
	if v == 0 && mask == tciPresent|tciVID {
		mask = 0xffff
	}
	return v, mask
}

// exact is what m asks of a field if it asks for all of it.
func exact(m *flow.Match, id flow.ID) (uint64, bool) {
	v, mask, ok := m.Get(id)
	if !ok || mask != id.Field().Full() {
		return 0, false
	}
	return v.Lo, true
}

// tpFields are the fields that tp_src and tp_dst stand for in m.
func tpFields(m *flow.Match) (src, dst flow.ID, ok bool) {
	proto, known := exact(m, flow.IPProto)
	if !known {
		return 0, 0, false
	}
	et, _ := exact(m, flow.EthType)
	switch {
	case proto == packet.ProtoTCP:
		return flow.TCPSrc, flow.TCPDst, true
	case proto == packet.ProtoUDP:
		return flow.UDPSrc, flow.UDPDst, true
	case proto == packet.ProtoSCTP:
		return flow.SCTPSrc, flow.SCTPDst, true
	case proto == packet.ProtoICMP && et == packet.TypeIPv4:
		return flow.ICMPv4Type, flow.ICMPv4Code, true
	case proto == packet.ProtoICMPv6 && et == packet.TypeIPv6:
		return flow.ICMPv6Type, flow.ICMPv6Code, true
	}
	return 0, 0, false
}

// decodeMatch reads a struct ofp_match of 40 bytes. A field that stands there
// without its prerequisites is left out (OpenFlow 1.0.0 §3.4 says "ignored").
func decodeMatch(b []byte) (m flow.Match) {
	w := be.Uint32(b) & wildAll
	has := func(bit uint32) bool { return w&bit == 0 }
	set := func(id flow.ID, v uint64) { m.Set(id, flow.Value{Lo: v}) }
	mac := func(at int) uint64 { return uint64(be.Uint16(b[at:]))<<32 | uint64(be.Uint32(b[at+2:])) }
	if has(wildInPort) {
		set(flow.InPort, uint64(portIn(be.Uint16(b[4:]))))
	}
	if has(wildDLSrc) {
		set(flow.EthSrc, mac(6))
	}
	if has(wildDLDst) {
		set(flow.EthDst, mac(12))
	}
	vid, pcp := be.Uint16(b[18:]), uint16(b[20]&7)<<13
	switch {
	case has(wildVLAN) && vid == vlanNone:
		setTCI(&m, 0, tciPresent|tciVID)
	case has(wildVLAN) && has(wildVLANPCP):
		setTCI(&m, tciPresent|vid&tciVID|pcp, 0xffff)
	case has(wildVLAN):
		setTCI(&m, tciPresent|vid&tciVID, tciPresent|tciVID)
	case has(wildVLANPCP):
		setTCI(&m, tciPresent|pcp, tciPresent|tciPCP)
	}
	if !has(wildDLType) {
		return m
	}
	et := be.Uint16(b[22:])
	set(flow.EthType, uint64(et))
	address := func(id flow.ID, shift, at int) {
		open := w >> shift & wildNwBits
		if open >= 32 {
			return
		}
		mask := uint64(^uint32(0) << open)
		m.SetMasked(id, flow.Value{Lo: uint64(be.Uint32(b[at:]))}, flow.Value{Lo: mask})
	}
	switch et {
	case packet.TypeARP, packet.TypeRARP:
		if has(wildNwProto) {
			set(flow.ARPOp, uint64(b[25]))
		}
		address(flow.ARPSpa, wildNwSrc, 28)
		address(flow.ARPTpa, wildNwDst, 32)
		return m
	case packet.TypeIPv4:
		address(flow.IPv4Src, wildNwSrc, 28)
		address(flow.IPv4Dst, wildNwDst, 32)
	case packet.TypeIPv6:
	default:
		return m
	}
	if has(wildNwTOS) {
		set(flow.IPDSCP, uint64(b[24]>>2))
	}
	if !has(wildNwProto) {
		return m
	}
	set(flow.IPProto, uint64(b[25]))
	src, dst, ok := tpFields(&m)
	if !ok {
		return m
	}
	if has(wildTpSrc) {
		set(src, uint64(be.Uint16(b[36:]))&src.Field().Full().Lo)
	}
	if has(wildTpDst) {
		set(dst, uint64(be.Uint16(b[38:]))&dst.Field().Full().Lo)
	}
	return m
}

// appendMatch encodes m as a struct ofp_match, as much of it as that can say.
func appendMatch(b []byte, m *flow.Match) []byte {
	at := len(b)
	b = octets.Zeros(b, matchLen)
	o := b[at:]
	w := uint32(wildNone)
	get := func(id flow.ID, bit uint32) uint64 {
		v, ok := exact(m, id)
		if ok {
			w &^= bit
		}
		return v
	}
	mac := func(id flow.ID, bit uint32, at int) {
		v := get(id, bit)
		be.PutUint16(o[at:], uint16(v>>32))
		be.PutUint32(o[at+2:], uint32(v))
	}
	be.PutUint16(o[4:], portOr(ofp.PortNo(get(flow.InPort, wildInPort))))
	if w&wildInPort != 0 {
		be.PutUint16(o[4:], 0)
	}
	mac(flow.EthSrc, wildDLSrc, 6)
	mac(flow.EthDst, wildDLDst, 12)
	v, mask := tci(m)
	switch {
	case mask&tciPresent == 0:
	case v&tciPresent == 0:
		w &^= wildVLAN | wildVLANPCP
		be.PutUint16(o[18:], vlanNone)
	default:
		if mask&tciVID == tciVID {
			w &^= wildVLAN
			be.PutUint16(o[18:], v&tciVID)
		}
		if mask&tciPCP == tciPCP {
			w &^= wildVLANPCP
			o[20] = uint8(v >> 13)
		}
	}
	et := get(flow.EthType, wildDLType)
	be.PutUint16(o[22:], uint16(et))
	address := func(id flow.ID, shift, at int) {
		v, mask, ok := m.Get(id)
		if !ok {
			return
		}
		open := uint32(0)
		for ; open < 32 && mask.Lo>>open&1 == 0; open++ {
		}
		if mask.Lo != uint64(^uint32(0)<<open) {
			return // not a prefix
		}
		w = w&^(wildNwBits<<shift) | open<<shift
		be.PutUint32(o[at:], uint32(v.Lo))
	}
	switch et {
	case packet.TypeARP, packet.TypeRARP:
		o[25] = uint8(get(flow.ARPOp, wildNwProto))
		address(flow.ARPSpa, wildNwSrc, 28)
		address(flow.ARPTpa, wildNwDst, 32)
	case packet.TypeIPv4, packet.TypeIPv6:
		address(flow.IPv4Src, wildNwSrc, 28)
		address(flow.IPv4Dst, wildNwDst, 32)
		o[24] = uint8(get(flow.IPDSCP, wildNwTOS)) << 2
		o[25] = uint8(get(flow.IPProto, wildNwProto))
		if src, dst, ok := tpFields(m); ok {
			be.PutUint16(o[36:], uint16(get(src, wildTpSrc)))
			be.PutUint16(o[38:], uint16(get(dst, wildTpDst)))
		}
	}
	be.PutUint32(o, w)
	return b
}
