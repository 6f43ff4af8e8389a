package integration

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// Frames built by hand, with checksums of our own making: what the switch
// makes of a frame is compared with a frame built with the changed values.

type tag struct{ tpid, tci uint16 }

// ethFrame is an Ethernet frame; the zero value of an address stands for a
// usual one.
type ethFrame struct {
	dst, src uint64
	tags     []tag
	typ      uint16
	body     []byte
}

func (f ethFrame) bytes() []byte {
	mac := func(b []byte, a, usual uint64) []byte {
		if a == 0 {
			a = usual
		}
		return append(b, binary.BigEndian.AppendUint64(nil, a)[2:]...)
	}
	b := mac(mac(nil, f.dst, 0x020000000002), f.src, 0x020000000001)
	for _, t := range f.tags {
		b = binary.BigEndian.AppendUint16(b, t.tpid)
		b = binary.BigEndian.AppendUint16(b, t.tci)
	}
	b = binary.BigEndian.AppendUint16(b, f.typ)
	return append(b, f.body...)
}

// sum is the Internet checksum, not yet complemented.
func sum(parts ...[]byte) uint16 {
	s := uint32(0)
	for _, b := range parts {
		for i := 0; i+1 < len(b); i += 2 {
			s += uint32(binary.BigEndian.Uint16(b[i:]))
		}
		if len(b)%2 == 1 {
			s += uint32(b[len(b)-1]) << 8
		}
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// ipPacket is an IPv4 or IPv6 packet by its addresses.
type ipPacket struct {
	src, dst string
	tos, ttl uint8
	proto    uint8
	frag     uint16 // IPv4: flags and offset
	id       uint16 // IPv4: identification, less 0x1234
	flabel   uint32 // IPv6
	ext      []byte // IPv6: extension headers, the first of type extType
	extType  uint8
	pseudo   string // IPv6: destination in the pseudo header, if another
	l4       []byte // transport header and payload; its checksum is filled in
	csumAt   int    // 0: none
	noCsum   bool   // leave it as it is
}

func (p ipPacket) v6() bool { return netip.MustParseAddr(p.src).Is6() }

func (p ipPacket) typ() uint16 {
	if p.v6() {
		return 0x86dd
	}
	return 0x0800
}

func (p ipPacket) bytes() []byte {
	src, dst := netip.MustParseAddr(p.src).AsSlice(), netip.MustParseAddr(p.dst).AsSlice()
	l4 := bytes.Clone(p.l4)
	if p.csumAt != 0 && !p.noCsum {
		to := dst
		if p.pseudo != "" {
			to = netip.MustParseAddr(p.pseudo).AsSlice()
		}
		l4[p.csumAt], l4[p.csumAt+1] = 0, 0
		s := sum(l4)
		if p.proto != 1 {
			s = sum(src, to, []byte{0, p.proto}, binary.BigEndian.AppendUint16(nil, uint16(len(l4))), l4)
		}
		s = ^s
		if s == 0 && p.proto == 17 {
			s = 0xffff
		}
		binary.BigEndian.PutUint16(l4[p.csumAt:], s)
	}
	if p.v6() {
		h := binary.BigEndian.AppendUint32(nil, 6<<28|uint32(p.tos)<<20|p.flabel)
		h = binary.BigEndian.AppendUint16(h, uint16(len(p.ext)+len(l4)))
		next := p.proto
		if len(p.ext) > 0 {
			next = p.extType
		}
		h = append(h, next, p.ttl)
		h = append(append(append(append(h, src...), dst...), p.ext...), l4...)
		return h
	}
	h := []byte{0x45, p.tos}
	h = binary.BigEndian.AppendUint16(h, uint16(20+len(l4)))
	h = binary.BigEndian.AppendUint16(h, 0x1234+p.id)
	h = binary.BigEndian.AppendUint16(h, p.frag)
	h = append(h, p.ttl, p.proto, 0, 0)
	h = append(append(h, src...), dst...)
	binary.BigEndian.PutUint16(h[10:], ^sum(h))
	return append(h, l4...)
}

// frame is the packet in an Ethernet frame.
func (p ipPacket) frame(tags ...tag) []byte {
	return ethFrame{tags: tags, typ: p.typ(), body: p.bytes()}.bytes()
}

func ports(src, dst uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, src), dst)
}

var payload = []byte("what the frame carries, of odd length!!")

func udp(src, dst uint16) []byte {
	b := binary.BigEndian.AppendUint16(ports(src, dst), uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...)
}

func tcp(src, dst uint16) []byte {
	b := append(ports(src, dst), 0, 0, 0, 1, 0, 0, 0, 2, 5<<4, 0x10, 0xff, 0xff, 0, 0, 0, 0)
	return append(b, payload...)
}

func sctp(src, dst uint16) []byte {
	b := append(ports(src, dst), 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 16)
	b = append(b, payload[:12]...)
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func icmp(typ, code uint8) []byte {
	return append([]byte{typ, code, 0, 0, 0, 1, 0, 2}, payload...)
}

// nd is a neighbour solicitation (135) or advertisement (136) with one option.
func nd(typ uint8, target string, option uint8, mac uint64) []byte {
	b := append([]byte{typ, 0, 0, 0, 0, 0, 0, 0}, netip.MustParseAddr(target).AsSlice()...)
	return append(append(b, option, 1), binary.BigEndian.AppendUint64(nil, mac)[2:]...)
}

func arp(op uint16, sha uint64, spa string, tha uint64, tpa string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0, 1, 8, 0, 6, 4}, op)
	b = append(b, binary.BigEndian.AppendUint64(nil, sha)[2:]...)
	b = append(b, netip.MustParseAddr(spa).AsSlice()...)
	b = append(b, binary.BigEndian.AppendUint64(nil, tha)[2:]...)
	return append(b, netip.MustParseAddr(tpa).AsSlice()...)
}

// with is p after change.
func (p ipPacket) with(change func(*ipPacket)) ipPacket {
	change(&p)
	return p
}

var (
	udp4  = ipPacket{src: "10.0.0.1", dst: "10.0.0.2", ttl: 64, proto: 17, l4: udp(1000, 2000), csumAt: 6}
	tcp4  = ipPacket{src: "10.0.0.1", dst: "10.0.0.2", ttl: 64, proto: 6, l4: tcp(1000, 2000), csumAt: 16}
	sctp4 = ipPacket{src: "10.0.0.1", dst: "10.0.0.2", ttl: 64, proto: 132, l4: sctp(1000, 2000)}
	icmp4 = ipPacket{src: "10.0.0.1", dst: "10.0.0.2", ttl: 64, proto: 1, l4: icmp(8, 0), csumAt: 2}
	udp6  = ipPacket{src: "fd00::1", dst: "fd00::2", ttl: 64, proto: 17, l4: udp(1000, 2000), csumAt: 6}
	tcp6  = ipPacket{src: "fd00::1", dst: "fd00::2", ttl: 64, proto: 6, l4: tcp(1000, 2000), csumAt: 16}
	sctp6 = ipPacket{src: "fd00::1", dst: "fd00::2", ttl: 64, proto: 132, l4: sctp(1000, 2000)}
	icmp6 = ipPacket{src: "fd00::1", dst: "fd00::2", ttl: 64, proto: 58, l4: icmp(128, 0), csumAt: 2}
	ns6   = ipPacket{src: "fd00::1", dst: "ff02::1:ff00:2", ttl: 255, proto: 58, l4: nd(135, "fd00::2", 1, 0x020000000001), csumAt: 2}
	na6   = ipPacket{src: "fd00::2", dst: "fd00::1", ttl: 255, proto: 58, l4: nd(136, "fd00::2", 2, 0x020000000002), csumAt: 2}
)
