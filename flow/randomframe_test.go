package flow

import (
	"encoding/binary"
	"math/rand/v2"

	"ofswitch/packet"
)

// randomFrame builds a frame layer by layer, mostly right, and now and then
// cuts it, pads it or spoils a byte.
func randomFrame(r *rand.Rand) []byte {
	g := frameGen{r: r}
	g.bytes(12)
	for g.b[6]&1 != 0 {
		g.b[6]++
	}
	for range r.IntN(8) / 2 {
		g.u16([]uint16{packet.TypeVLAN, packet.TypeQinQ, 0x9100}[r.IntN(7)/3])
		g.u16(uint16(r.Uint32()))
	}
	etype := []uint16{packet.TypeIPv4, packet.TypeIPv4, packet.TypeIPv6, packet.TypeIPv6, packet.TypeARP, packet.TypeRARP, packet.TypeMPLS, packet.TypeMPLSMC, packet.TypePBB, 0x88e8, 0x0100}[r.IntN(11)]
	if r.IntN(12) == 0 { // 802.3, perhaps with SNAP
		g.u16(uint16(r.IntN(0x601)))
		snap := []byte{0xaa, 0xaa, 3, 0, 0, 0}
		if r.IntN(3) == 0 {
			snap[r.IntN(6)]++
		}
		g.b = append(g.b, snap...)
	}
	g.u16(etype)
	switch etype {
	case packet.TypeIPv4:
		g.ipv4()
	case packet.TypeIPv6:
		g.ipv6()
	case packet.TypeARP, packet.TypeRARP:
		g.b = append(g.b, 0, 1, 8, 0, 6, 4)
		if r.IntN(6) == 0 {
			g.b[len(g.b)-1-r.IntN(6)]++
		}
		g.u16(uint16(r.IntN(4)))
		g.bytes(20)
	default:
		for range r.IntN(5) {
			lse := r.Uint32()
			if r.IntN(3) != 0 {
				lse &^= 0x100
			}
			g.b = binary.BigEndian.AppendUint32(g.b, lse)
		}
		g.bytes(r.IntN(20))
	}
	switch r.IntN(6) {
	case 0:
		g.b = g.b[:packet.EthernetLen+r.IntN(len(g.b)-packet.EthernetLen+1)]
	case 1:
		g.bytes(r.IntN(40))
	case 2:
		g.b[12+r.IntN(len(g.b)-12)] ^= 1 << r.IntN(8)
	}
	return g.b
}

type frameGen struct {
	r *rand.Rand
	b []byte
}

func (g *frameGen) u16(v uint16) { g.b = binary.BigEndian.AppendUint16(g.b, v) }

func (g *frameGen) bytes(n int) {
	for range n {
		g.b = append(g.b, byte(g.r.Uint32()))
	}
}

func (g *frameGen) proto(icmp uint8) uint8 {
	return []uint8{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoSCTP, icmp, uint8(g.r.IntN(256))}[g.r.IntN(5)]
}

func (g *frameGen) ipv4() {
	start := len(g.b)
	opts := 0
	if g.r.IntN(3) == 0 {
		opts = g.r.IntN(11)
	}
	g.bytes(20 + 4*opts)
	h := g.b[start:]
	h[0] = 0x40 | byte(5+opts)
	h[9] = g.proto(packet.ProtoICMP)
	h[6], h[7] = 0x40, 0
	if g.r.IntN(4) == 0 {
		h[6], h[7] = byte(g.r.IntN(4)<<5), byte(g.r.IntN(2))
	}
	g.l4(h[9])
	n := len(g.b) - start
	if g.r.IntN(8) == 0 {
		n += g.r.IntN(9) - 4
	}
	binary.BigEndian.PutUint16(g.b[start+2:], uint16(n))
	if g.r.IntN(12) == 0 {
		g.b[start] = 0x40 | byte(g.r.IntN(16))
	}
}

func (g *frameGen) ipv6() {
	start := len(g.b)
	g.bytes(40)
	g.b[start] = 0x60 | g.b[start]&15
	next := start + 6
	for range max(0, g.r.IntN(7)-2) {
		typ := []byte{packet.ProtoHopByHop, packet.ProtoDestOpts, packet.ProtoDestOpts, packet.ProtoRouting, packet.ProtoFragment, packet.ProtoAH}[g.r.IntN(6)]
		g.b[next] = typ
		next = len(g.b)
		switch typ {
		case packet.ProtoFragment:
			g.b = append(g.b, 0, 0, 0, byte(g.r.IntN(3)/2))
			if g.r.IntN(4) == 0 {
				g.b[len(g.b)-1] = byte(g.r.IntN(20))
			}
			g.bytes(4)
		case packet.ProtoAH:
			n := g.r.IntN(3)
			g.b = append(g.b, 0, byte(n))
			g.bytes((n+2)*4 - 2)
		default:
			n := g.r.IntN(3)
			g.b = append(g.b, 0, byte(n))
			g.bytes((n+1)*8 - 2)
		}
	}
	proto := g.proto(packet.ProtoICMPv6)
	if g.r.IntN(6) == 0 {
		proto = []byte{packet.ProtoESP, packet.ProtoNone}[g.r.IntN(2)]
	}
	g.b[next] = proto
	g.l4(proto)
	n := len(g.b) - start - 40
	if g.r.IntN(8) == 0 {
		n += g.r.IntN(9) - 4
	}
	binary.BigEndian.PutUint16(g.b[start+4:], uint16(max(n, 0)))
}

func (g *frameGen) l4(proto uint8) {
	start := len(g.b)
	switch proto {
	case packet.ProtoTCP:
		g.bytes(20)
		g.b[start+12] = 0x50 | g.b[start+12]&15
		if g.r.IntN(4) == 0 {
			g.b[start+12] = byte(g.r.Uint32())
		}
		g.bytes(g.r.IntN(8))
	case packet.ProtoICMPv6:
		g.b = append(g.b, byte(134+g.r.IntN(4)), byte(g.r.IntN(5)/4))
		g.bytes(6)
		g.bytes(16)
		for range g.r.IntN(4) {
			n := 1
			if g.r.IntN(5) == 0 {
				n = g.r.IntN(3)
			}
			g.b = append(g.b, byte(g.r.IntN(4)), byte(n))
			g.bytes(max(n, 1)*8 - 2)
		}
	default:
		g.bytes(g.r.IntN(30))
	}
}
