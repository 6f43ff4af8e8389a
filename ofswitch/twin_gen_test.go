package ofswitch

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// gen makes random frames and rules that meet.
type gen struct {
	*rand.Rand
	pool [][]byte // frames that rules are made for
}

func (g *gen) chance(percent int) bool { return g.IntN(100) < percent }

func pick[T any](g *gen, list ...T) T { return list[g.IntN(len(list))] }

func (g *gen) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

// frame makes a well-formed frame of a random kind, with few addresses, so that
// frames and rules have them in common.
func (g *gen) frame() []byte {
	mac := func() []byte { return []byte{2, 0, 0, 0, 0, byte(g.IntN(6))} }
	b := append(mac(), mac()...)
	switch g.IntN(12) {
	case 0:
		copy(b, "\xff\xff\xff\xff\xff\xff")
	case 1:
		copy(b, "\x01\x80\xc2\x00\x00\x02")
	case 2:
		copy(b[6:], "\x03\x00\x5e\x00\x00\x01")
	}
	for n := pick(g, 0, 0, 0, 1, 1, 2, 3); n > 0; n-- {
		b = binary.BigEndian.AppendUint16(b, pick[uint16](g, 0x8100, 0x8100, 0x88a8))
		b = binary.BigEndian.AppendUint16(b, uint16(g.IntN(8)<<13|g.IntN(2)<<12|g.IntN(4)))
	}
	switch g.IntN(20) {
	case 0, 1:
		return g.arp(b)
	case 2, 3:
		b = append(b, 0x88, pick[byte](g, 0x47, 0x48))
		for i := g.IntN(4); i >= 0; i-- {
			bos := uint32(0)
			if i == 0 {
				bos = 0x100
			}
			b = binary.BigEndian.AppendUint32(b, uint32(g.IntN(4))<<12|uint32(g.IntN(8))<<9|bos|pick[uint32](g, 64, 64, 2, 1, 0))
		}
		switch g.IntN(6) {
		case 0:
			return append(b, g.bytes(30)...)
		case 1:
			return append(b, g.frame()...) // Ethernet over MPLS
		case 2, 3:
			return g.ipv6(b)
		}
		return g.ipv4(b)
	case 4, 5:
		b = append(b, 0x88, 0xe7, byte(g.Uint32()), 0, 0, byte(g.IntN(4)))
		if len(b) < 300 && g.chance(75) {
			return append(b, g.frame()...)
		}
		return append(b, g.bytes(40)...)
	case 6:
		b = append(b, 0, 40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0) // LLC, SNAP
		return g.ipv4(b)
	case 7:
		return append(append(b, 0, 40, 0x42, 0x42, 3), g.bytes(37)...)
	case 8, 9, 10, 11, 12, 13, 14:
		return g.ipv6(append(b, 0x86, 0xdd))
	}
	return g.ipv4(append(b, 8, 0))
}

func (g *gen) arp(b []byte) []byte {
	b = append(b, 8, 6, 0, 1, 8, 0, 6, 4, 0, byte(1+g.IntN(2)))
	b = append(b, 2, 0, 0, 0, 0, byte(g.IntN(4)), 10, 0, 0, byte(g.IntN(4)))
	b = append(b, 2, 0, 0, 0, 0, byte(g.IntN(4)), 10, 0, 0, byte(g.IntN(4)))
	return append(b, make([]byte, 18)...)
}

func (g *gen) ipv4(b []byte) []byte {
	at := len(b)
	proto := pick[byte](g, 6, 6, 17, 17, 132, 132, 1, 1, 47)
	options := pick(g, 0, 0, 0, 4)
	version := pick(g, 4, 4, 4, 4, 4, 4, 4, 4, 0, 6) // the EtherType decides
	b = append(b, byte(version<<4|5+options/4), byte(g.IntN(4)<<2|g.IntN(4)), 0, 0, byte(g.Uint32()), 1, 0x40, 0,
		pick[byte](g, 64, 64, 2, 1, 0), proto, 0, 0, 10, 0, 0, byte(g.IntN(4)), 10, 0, byte(g.IntN(2)), byte(g.IntN(4)))
	b = append(b, []byte{1, 1, 1, 0}[:options]...)
	l4 := len(b)
	frag := pick(g, 0, 0, 0, 0, 0, 0, 0, 1, 2)
	switch frag {
	case 1:
		b[at+6] = 0x20 // first of more
	case 2:
		b[at+7] = 3
	}
	b = g.transport(b, proto, 4)
	binary.BigEndian.PutUint16(b[at+2:], uint16(len(b)-at))
	binary.BigEndian.PutUint16(b[at+10:], packet.Checksum(b[at:l4], 0))
	if frag != 2 {
		pseudo := packet.PseudoSumIPv4(binary.BigEndian.Uint32(b[at+12:]), binary.BigEndian.Uint32(b[at+16:]), proto, len(b)-l4)
		g.finish(b, l4, proto, pseudo)
	}
	if g.chance(20) {
		b = append(b, make([]byte, 5)...) // padding
	}
	return b
}

func (g *gen) ipv6(b []byte) []byte {
	at := len(b)
	proto := pick[byte](g, 6, 17, 132, 58, 58, 58, 58, 47, 59)
	b = append(b, pick[byte](g, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0, 0x40), byte(g.IntN(16)<<4), 0, byte(g.IntN(3)), 0, 0, proto, pick[byte](g, 64, 64, 2, 1))
	for range 2 {
		b = append(b, 0xfd, 0, 0, 0, 0, 0, 0, byte(g.IntN(2)), 0, 0, 0, 0, 0, 0, 0, byte(g.IntN(4)))
	}
	nextAt := at + 6
	later := false
	for g.chance(35) && !later && len(b) < 200 {
		t := pick[byte](g, 0, 60, 43, 44, 51)
		b[nextAt] = t
		nextAt = len(b)
		switch t {
		case 44:
			off := pick[byte](g, 0, 1, 8, 9) // whole, first, last, middle
			later = off&^7 != 0
			b = append(b, proto, 0, 0, off, 0, 0, 0, 7)
		case 51:
			b = append(b, proto, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		default:
			b = append(b, proto, byte(g.IntN(2)), 1, 2, 0, 0, 0, 0)
			if b[nextAt+1] == 1 {
				b = append(b, make([]byte, 8)...)
			}
			if t == 43 {
				b[nextAt+3] = 0 // no segments left
			}
		}
	}
	l4 := len(b)
	b = g.transport(b, proto, 6)
	binary.BigEndian.PutUint16(b[at+4:], uint16(len(b)-at-40))
	if !later {
		g.finish(b, l4, proto, packet.PseudoSumIPv6(b[at+8:at+24], b[at+24:at+40], proto, len(b)-l4))
	}
	return b
}

// transport appends a header and some data, without checksum.
func (g *gen) transport(b []byte, proto byte, ip int) []byte {
	data := g.bytes(g.IntN(12))
	switch proto {
	case 6:
		b = append(b, 0, byte(g.IntN(4)), 0, byte(g.IntN(4)), 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0)
	case 17:
		b = append(b, 0, byte(g.IntN(4)), 0, byte(g.IntN(4)), 0, byte(8+len(data)), 0, 0)
	case 132:
		b = append(b, 0, byte(g.IntN(4)), 0, byte(g.IntN(4)), 0, 0, 0, 1, 0, 0, 0, 0)
	case 1:
		b = append(b, pick[byte](g, 0, 8, 3), byte(g.IntN(3)), 0, 0, 0, 1, 0, 1)
	case 58:
		t := pick[byte](g, 128, 135, 135, 136, 136)
		b = append(b, t, pick[byte](g, 0, 0, 0, 1), 0, 0, 0, 0, 0, 0)
		if t != 128 {
			b = append(b, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(g.IntN(4)))
			for g.chance(70) {
				b = append(b, pick[byte](g, 1, 2), 1, 2, 0, 0, 0, 0, byte(g.IntN(4)))
			}
			data = nil
		}
	}
	return append(b, data...)
}

// finish writes the checksum. Some UDP senders make none.
func (g *gen) finish(b []byte, l4 int, proto byte, pseudo uint32) {
	at := map[byte]int{6: 16, 17: 6, 1: 2, 58: 2}[proto]
	switch {
	case proto == 132 && len(b) >= l4+12:
		binary.BigEndian.PutUint32(b[l4+8:], packet.ChecksumSCTP(b[l4:]))
		return
	case at == 0 || proto == 17 && g.chance(15):
		return
	case proto == 1:
		pseudo = 0
	}
	c := packet.Checksum(b[l4:], pseudo)
	if proto == 17 && c == 0 {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(b[l4+at:], c)
}

// traffic is a frame of the pool, as it is, with other bits, or cut short.
func (g *gen) traffic() []byte {
	b := slices.Clone(pick(g, g.pool...))
	switch {
	case g.chance(5):
		b = b[:g.IntN(len(b)+1)]
	case g.chance(8):
		// Another address or tag; what has a checksum stays whole.
		b[g.IntN(12)] ^= 1 << g.IntN(2)
	}
	return b
}

// need are the fields that a match or an earlier match must have for id, with
// values (OpenFlow 1.3.5 table 12).
func need(id flow.ID, v *view) (ids []flow.ID) {
	switch f := id.Field(); f.Prereq {
	case flow.PrereqInPort:
		return []flow.ID{flow.InPort}
	case flow.PrereqVLAN:
		return []flow.ID{flow.VLANVID}
	case flow.PrereqIP, flow.PrereqIPv4, flow.PrereqIPv6, flow.PrereqARP, flow.PrereqMPLS, flow.PrereqPBB:
		return []flow.ID{flow.EthType}
	case flow.PrereqTCP, flow.PrereqUDP, flow.PrereqSCTP, flow.PrereqICMPv4, flow.PrereqICMPv6:
		return []flow.ID{flow.EthType, flow.IPProto}
	case flow.PrereqND, flow.PrereqNDSolicit, flow.PrereqNDAdvert:
		return []flow.ID{flow.EthType, flow.IPProto, flow.ICMPv6Type}
	}
	return nil
}

// has says whether the frame meets the prerequisites of id.
func (v *view) has(id flow.ID) bool {
	if _, ok := v.value[id]; !ok {
		return id == flow.InPort || id == flow.InPhyPort || id == flow.Metadata || id == flow.TunnelID || id == flow.VLANVID && v.header
	}
	switch id.Field().Prereq {
	case flow.PrereqNDSolicit:
		return v.value[flow.ICMPv6Type].Lo == 135
	case flow.PrereqNDAdvert:
		return v.value[flow.ICMPv6Type].Lo == 136
	}
	return true
}

// find gives a frame of the pool that has the field.
func (g *gen) find(id flow.ID) *view {
	start := g.IntN(len(g.pool))
	for i := range g.pool {
		if v := look(g.pool[(start+i)%len(g.pool)]); v.has(id) {
			return v
		}
	}
	return nil
}

// term matches id as in frame v, perhaps only some bits, perhaps another
// value.
func (g *gen) term(id flow.ID, v *view, inPort uint64, exact bool) twinTerm {
	f := id.Field()
	t := twinTerm{id: id, value: v.value[id], mask: f.Full()}
	switch id {
	case flow.InPort, flow.InPhyPort:
		t.value.Lo = inPort
	case flow.Metadata, flow.TunnelID:
		t.value.Lo = uint64(g.IntN(4))
	}
	if exact {
		return t
	}
	if f.Maskable && g.chance(50) {
		t.mask.Lo &= g.Uint64()
		t.mask.Hi &= g.Uint64()
		if id == flow.VLANVID {
			t.mask.Lo |= flow.VIDPresent
		}
	}
	if g.chance(5) && id != flow.InPort && id != flow.InPhyPort && id != flow.EthType && id != flow.IPProto && id != flow.VLANVID {
		t.value.Lo ^= 1
	}
	t.value.Lo &= t.mask.Lo
	t.value.Hi &= t.mask.Hi
	return t
}

// terms makes the match of a rule, for a field in any case; nil if no frame
// has it. Without focus it may match everything.
func (g *gen) terms(focus flow.ID, forSet []flow.ID) (terms []twinTerm, v *view) {
	v = g.find(focus)
	if v == nil {
		return nil, nil
	}
	inPort := uint64(1 + g.IntN(3))
	add := func(id flow.ID, exact bool) {
		if !slices.ContainsFunc(terms, func(t twinTerm) bool { return t.id == id }) {
			t := g.term(id, v, inPort, exact)
			if t.mask != (flow.Value{}) {
				terms = append(terms, t)
			}
		}
	}
	full := func(id flow.ID) {
		if !v.has(id) {
			return
		}
		for _, n := range need(id, v) {
			if n == flow.VLANVID && !v.tag {
				return
			}
			add(n, true)
		}
		add(id, false)
	}
	for _, id := range forSet {
		for _, n := range need(id, v) {
			add(n, true)
		}
	}
	full(focus)
	for g.chance(20) {
		full(flow.ID(g.IntN(flow.NumFields)))
	}
	return terms, v
}

// value is a value for set-field.
func (g *gen) value(id flow.ID) flow.Value {
	switch id {
	case flow.VLANVID:
		return flow.Value{Lo: flow.VIDPresent | uint64(g.IntN(4))}
	case flow.EthType:
		return flow.Value{Lo: pick[uint64](g, 0x8847, 0x0806, 0x88b5)}
	case flow.IPProto:
		return flow.Value{Lo: pick[uint64](g, 1, 6, 17, 58, 132, 99)}
	case flow.ICMPv6Type:
		return flow.Value{Lo: pick[uint64](g, 128, 135, 136)}
	case flow.EthDst, flow.EthSrc, flow.ARPSha, flow.ARPTha, flow.IPv6NDSll, flow.IPv6NDTll:
		return flow.Value{Lo: 0x020000000000 | uint64(g.IntN(4))}
	case flow.IPv4Src, flow.IPv4Dst, flow.ARPSpa, flow.ARPTpa:
		return flow.Value{Lo: 0x0a000000 | uint64(g.IntN(4))}
	case flow.IPv6Src, flow.IPv6Dst, flow.IPv6NDTarget:
		return flow.Value{Hi: 0xfd00000000000000, Lo: uint64(g.IntN(4))}
	}
	return flow.Value{Lo: uint64(g.IntN(4)) & id.Field().Full().Lo}
}

// writable are the fields that a frame which has v's types can have set.
func (g *gen) writable(v *view, tagged bool) (ids []flow.ID) {
	for i := range flow.Table {
		f := &flow.Table[i]
		if !f.Writable {
			continue
		}
		switch f.ID {
		case flow.TunnelID, flow.EthDst, flow.EthSrc, flow.EthType:
			ids = append(ids, f.ID)
		case flow.VLANVID, flow.VLANPCP:
			if tagged {
				ids = append(ids, f.ID)
			}
		default:
			if v.has(f.ID) {
				ids = append(ids, f.ID)
			}
		}
	}
	return ids
}

// out is an output action.
func (g *gen) out() ofp.Action {
	return ofp.Output{
		Port: pick(g, 1, 2, 3, 2, 3, 4, 10, 10, 99, ofp.PortLocal, ofp.PortInPort, ofp.PortAll, ofp.PortFlood,
			ofp.PortNormal, ofp.PortNormal, ofp.PortController, ofp.PortController),
		MaxLen: pick[uint16](g, 0, 128, 0xffff),
	}
}
