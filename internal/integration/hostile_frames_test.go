package integration

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// hostile makes frames that lie: headers that run over the end or contradict
// each other, stacks of tags and labels, chains of extension headers, and
// offload state that does not fit the frame.
type hostile struct{ *rand.Rand }

func pick[T any](h hostile, list ...T) T { return list[h.IntN(len(list))] }

func (h hostile) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(h.Uint32())
	}
	return b
}

// data is n bytes, of which only the first are random: the rest is dear to make.
func (h hostile) data() []byte {
	n := pick(h, 0, 1, 7, 8, 100, 1400, 1460, 5000, 20000, 60000, 64900, h.IntN(64000))
	return append(h.bytes(min(n, 64)), make([]byte, max(n-64, 0))...)
}

// transport is a TCP or UDP packet whose lengths may be lies, with a partial
// checksum that is none.
func (h hostile) transport(proto uint8) []byte {
	if proto == 17 {
		b := binary.BigEndian.AppendUint16(ports(1, 2), uint16(h.Uint32()))
		return append(append(b, 0, 0), h.data()...)
	}
	b := append(ports(1, 2), h.bytes(16)...)
	b[12] = pick[byte](h, 5, 5, 5, 0, 4, 6, 15) << 4
	return append(b, h.data()...)
}

func (h hostile) ipv4() (typ uint16, body []byte, l4 int) {
	proto := pick[uint8](h, 6, 6, 17, 17, 1, 132, 0, 255)
	body = ipPacket{src: "10.0.0.1", dst: "10.0.0.2", ttl: pick[uint8](h, 64, 1, 0), proto: proto, noCsum: true,
		frag: pick[uint16](h, 0, 0, 0, 0, 0x2000, 0x2001, 1, 0x3fff), l4: h.transport(proto)}.bytes()
	l4 = 20
	if words := pick(h, 0, 0, 0, 1, 10); words > 0 {
		body = slices.Insert(body, 20, h.bytes(4*words)...)
		body[0] += byte(words)
		binary.BigEndian.PutUint16(body[2:], uint16(len(body)))
		l4 += 4 * words
	}
	if h.IntN(4) == 0 {
		binary.BigEndian.PutUint16(body[2:], pick[uint16](h, 0, 19, 20, 0xffff, uint16(h.Uint32())))
	}
	if h.IntN(10) == 0 {
		body[0] = byte(h.Uint32())
	}
	return 0x0800, body, l4
}

func (h hostile) ipv6() (typ uint16, body []byte, l4 int) {
	extension := func() uint8 { return pick[uint8](h, 0, 43, 60, 44, 51) }
	p := ipPacket{src: "fd00::1", dst: "fd00::2", ttl: 64, proto: pick[uint8](h, 6, 6, 17, 17, 58, 59, 50), noCsum: true}
	n := pick(h, 0, 0, 0, 1, 2, 5, 50, 500)
	p.extType = extension()
	for i := range n {
		next := extension()
		if i == n-1 {
			next = p.proto
		}
		units := pick[byte](h, 0, 0, 0, 1, 30, 255)
		e := append([]byte{next, units}, h.bytes(6)...)
		if h.IntN(5) != 0 {
			e = append(e, make([]byte, 8*int(units))...)
		}
		if p.ext = append(p.ext, e...); len(p.ext) > 60000 {
			break
		}
	}
	p.l4 = h.transport(p.proto)
	if len(p.ext) > 0 {
		p.l4 = p.l4[:min(len(p.l4), 1000)]
	}
	body = p.bytes()
	if h.IntN(4) == 0 {
		binary.BigEndian.PutUint16(body[4:], uint16(h.Uint32()))
	}
	return 0x86dd, body, 40 + len(p.ext)
}

func (h hostile) labels() (typ uint16, body []byte, l4 int) {
	for range h.IntN(40) {
		body = binary.BigEndian.AppendUint32(body, h.Uint32()&^0x100)
	}
	body = binary.BigEndian.AppendUint32(body, 0x100)
	_, ip, l4 := h.ipv4()
	return pick[uint16](h, 0x8847, 0x8848), append(body, ip...), len(body) + l4
}

// frame is a lying frame, and where its transport header might be.
func (h hostile) frame() (frame []byte, l4 int) {
	var f ethFrame
	switch h.IntN(8) {
	case 0, 1, 2:
		f.typ, f.body, l4 = h.ipv4()
	case 3, 4, 5:
		f.typ, f.body, l4 = h.ipv6()
	case 6:
		f.typ, f.body, l4 = h.labels()
	default:
		f.typ = pick[uint16](h, 0x0800, 0x86dd, 0x0806, 0x8035, 0x8847, 0x8100, 0x88a8, 0x88e7, 5, 1500, 0)
		f.body = h.bytes(h.IntN(300))
	}
	f.dst = pick[uint64](h, 0x020000000002, 0x020000000001, 0xffffffffffff, 0x0180c2000000+uint64(h.IntN(16)), 0x333300000001)
	f.src = pick[uint64](h, 0x020000000001, 0x020000000002, 0xffffffffffff, 0x010203040506)
	for range pick(h, 0, 0, 0, 0, 1, 2, 3, 17, 50) {
		f.tags = append(f.tags, tag{pick[uint16](h, 0x8100, 0x88a8), uint16(h.Uint32())})
	}
	b := f.bytes()
	if h.IntN(10) == 0 {
		b = b[:14+h.IntN(len(b)-13)]
	}
	return b[:min(len(b), 65535)], 14 + 4*len(f.tags) + l4
}

// offload is offload state that may or may not fit the frame.
func (h hostile) offload(frame []byte, l4 int) vnetHdr {
	if h.IntN(5) == 0 {
		return vnetHdr{}
	}
	at := pick(h, l4, l4, l4, l4, l4, 0, 13, 14, len(frame)-1, len(frame), len(frame)-17, 0xffff, h.IntN(1<<16))
	return vnetHdr{
		flags:     pick[uint8](h, 0, 1, 1, 1, 1, 2, 3, 255),
		gsoType:   pick[uint8](h, 0, 0, 1, 1, 1, 4, 4, 4, 5, 5, 3, 0x81, 0x84, 0x85, 2, 0x80, 255),
		hdrLen:    uint16(pick(h, 0, 14, 54, l4+20, l4+8, 0xffff, len(frame), len(frame)+1)),
		gsoSize:   pick[uint16](h, 0, 1, 2, 8, 32, 48, 100, 536, 1400, 1448, 9000, 0xffff),
		csumStart: uint16(at),
		csumOffs:  pick[uint16](h, 16, 16, 16, 6, 6, 2, 8, 0, 0xfffe, 0xffff),
	}
}
