package ofswitch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// shape is a frame whose checksums are judged before and after actions.
type shape struct {
	v6    bool
	ext   bool // IPv4 options, IPv6 extension headers
	proto byte
	icmp  byte // type
	noSum bool // UDP without checksum
	frag  int  // 0: whole, 1: first fragment, 2: later one
}

func (s shape) String() string {
	name := map[byte]string{1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp"}[s.proto]
	if s.noSum {
		name += " without checksum"
	}
	return fmt.Sprintf("%s/%d v6=%v ext=%v%s", name, s.icmp, s.v6, s.ext, [...]string{"", " first fragment", " later fragment"}[s.frag])
}

// match is the flow match that meets the prerequisites of the shape's fields.
func (s shape) match() string {
	m := map[byte]string{1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp"}[s.proto]
	if s.v6 && s.frag == 2 {
		return "ipv6,nw_proto=44" // what a later fragment is, only the first one says
	}
	if s.v6 && s.proto != 58 {
		m += "6"
	}
	if s.proto == 58 && s.icmp >= 135 && s.frag == 0 {
		m += fmt.Sprintf(",icmp_type=%d", s.icmp)
	}
	return m
}

// rest is what the other fragments hold, behind a first one.
var rest = bytes.Repeat([]byte{0xa5, 0x3c, 0x01}, 11)

// build makes the frame: right but for what damage adds to the checksums.
func (s shape) build(damageIP, damageL4 uint16) []byte {
	body := bytes.Repeat([]byte{1, 2, 3, 250}, 10)
	if s.frag == 0 {
		body = append(body, 7) // an odd length
	}
	var l4 []byte
	csum := 0
	switch s.proto {
	case 6:
		l4, csum = append([]byte{3, 232, 7, 208, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0, 0, 0, 0}, body...), 16
	case 17:
		l4, csum = append([]byte{3, 232, 7, 208, 0, 0, 0, 0}, body...), 6
	case 132:
		l4 = append([]byte{3, 232, 7, 208, 1, 2, 3, 4, 0, 0, 0, 0}, body...)
	default:
		l4, csum = []byte{s.icmp, 0, 0, 0, 0, 0, 0, 9}, 2
		if s.icmp >= 135 {
			l4 = append(append(l4, addr6(7)...), s.icmp-134, 1, 2, 0, 0, 0, 0, 9)
		}
		l4 = append(l4, body...)
	}
	datagram := l4
	if s.frag == 1 {
		l4 = l4[:len(l4)&^7] // fragments end on units of 8
		datagram = append(bytes.Clone(l4), rest...)
	}
	if s.proto == 17 {
		binary.BigEndian.PutUint16(datagram[4:], uint16(len(datagram)))
	}
	src, dst := []byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}
	if s.v6 {
		src, dst = addr6(1), addr6(2)
	}
	switch {
	case s.proto == 132:
		binary.LittleEndian.PutUint32(datagram[8:], crc32.Checksum(datagram, crc32.MakeTable(crc32.Castagnoli))^uint32(damageL4))
	case !s.noSum:
		c := ^naiveSum(pseudo(src, dst, s.proto, len(datagram)), datagram)
		if s.proto == 1 {
			c = ^naiveSum(datagram)
		}
		if c += damageL4; c == 0 {
			c = 0xffff
		}
		binary.BigEndian.PutUint16(datagram[csum:], c)
	}
	copy(l4, datagram)
	if s.frag == 2 {
		l4 = body[:40]
	}

	b := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	if s.v6 {
		var ext []byte
		next := s.proto
		if s.frag != 0 {
			ext = []byte{next, 0, 0, 1, 9, 9, 9, 9}
			if s.frag == 2 {
				ext[3] = 64
			}
			next = 44
		}
		if s.ext {
			ext = append([]byte{60, 0, 1, 4, 0, 0, 0, 0, next, 0, 1, 4, 0, 0, 0, 0}, ext...)
			next = 0
		}
		h := make([]byte, 8)
		h[0], h[6], h[7] = 0x60, next, 64
		binary.BigEndian.PutUint16(h[4:], uint16(len(ext)+len(l4)))
		b = append(append(append(append(append(b, 0x86, 0xdd), h...), src...), dst...), ext...)
	} else {
		h := make([]byte, 12, 60)
		h[0], h[8], h[9] = 0x45, 64, s.proto
		h = append(append(h, src...), dst...)
		if s.ext {
			h[0] = 0x46
			h = append(h, 0x94, 4, 0, 0)
		}
		binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(l4)))
		binary.BigEndian.PutUint16(h[6:], []uint16{0, 0x2000, 8}[s.frag])
		binary.BigEndian.PutUint16(h[10:], ^naiveSum(h)+damageIP)
		b = append(append(b, 8, 0), h...)
	}
	return append(b, l4...)
}

// naiveSum is the one's complement sum of the parts, each padded to words.
func naiveSum(parts ...[]byte) uint16 {
	s := uint32(0)
	for _, p := range parts {
		for i, c := range p {
			s += uint32(c) << (8 * (1 - i&1))
		}
	}
	for s > 0xffff {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}

func pseudo(src, dst []byte, proto byte, n int) []byte {
	return append(append(bytes.Clone(src), dst...), 0, proto, byte(n>>8), byte(n))
}

// judge finds by how much the checksums in a frame are wrong, with gopacket's view
// of the headers. ip is 0xffff and l4 0xffff, or 0 for SCTP's, where they are right.
// What a fragment lacks is taken as known.
func (s shape) judge(t *testing.T, b []byte) (ip uint16, l4 uint32) {
	t.Helper()
	if binary.BigEndian.Uint16(b[12:]) == packet.TypePBB {
		b = b[18:]
	}
	p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.NoCopy)
	var src, dst, data []byte
	proto := s.proto
	ip = 0xffff
	if h, ok := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4); ok {
		ip, src, dst, data = naiveSum(h.Contents), h.SrcIP.To4(), h.DstIP.To4(), h.Payload
	} else if h, ok := p.Layer(layers.LayerTypeIPv6).(*layers.IPv6); ok {
		src, dst, data = h.SrcIP, h.DstIP, h.Payload
		for next := byte(h.NextHeader); next != proto; {
			if len(data) < 8 || next != 0 && next != 60 && next != 44 {
				t.Fatalf("%v: header %d in %x", s, next, b)
			}
			next, data = data[0], data[8:]
		}
	} else {
		t.Fatalf("%v: no IP packet in %x: %v", s, b, p)
	}
	switch {
	case s.frag == 2:
		return ip, uint32(naiveSum(data)) // must stay as it is
	case s.frag == 1:
		data = append(bytes.Clone(data), rest...)
	}
	switch {
	case proto == 132:
		zeroed := bytes.Clone(data)
		clear(zeroed[8:12])
		return ip, crc32.Checksum(zeroed, crc32.MakeTable(crc32.Castagnoli)) ^ binary.LittleEndian.Uint32(data[8:])
	case proto == 17 && data[6]|data[7] == 0:
		return ip, 1 << 16 // none
	case proto == 1:
		return ip, uint32(naiveSum(data))
	}
	return ip, uint32(naiveSum(pseudo(src, dst, proto, len(data)), data))
}

// alterations are action lists by name, for shapes that meet their prerequisites.
func (s shape) alterations() map[string][]ofp.Action {
	list := map[string][]ofp.Action{
		"nothing":        nil,
		"eth":            {set(flow.EthDst, 0x020304050607), set(flow.EthSrc, 0x0203040506ff)},
		"dscp":           {set(flow.IPDSCP, 46)},
		"ecn":            {set(flow.IPECN, 2)},
		"set TTL":        {ofp.SetNwTTL{TTL: 9}},
		"dec TTL":        {ofp.DecNwTTL{}, ofp.DecNwTTL{}},
		"push VLAN":      {ofp.PushVLAN{EtherType: 0x8100}, set(flow.VLANVID, 0x1005), set(flow.VLANPCP, 3)},
		"push 3 VLAN":    {ofp.PushVLAN{EtherType: 0x8100}, ofp.PushVLAN{EtherType: 0x88a8}, ofp.PushVLAN{EtherType: 0x88a8}},
		"push, pop VLAN": {ofp.PushVLAN{EtherType: 0x8100}, ofp.PopVLAN{}, ofp.DecNwTTL{}},
		"push 3 MPLS": {ofp.PushMPLS{EtherType: 0x8847}, set(flow.MPLSLabel, 77), ofp.PushMPLS{EtherType: 0x8847}, ofp.PushMPLS{EtherType: 0x8847},
			set(flow.MPLSTC, 3), ofp.DecMPLSTTL{}},
		"push PBB":     {ofp.PushPBB{EtherType: 0x88e7}, set(flow.PBBISID, 0xabcdef)},
		"copy TTL out": {ofp.PushMPLS{EtherType: 0x8847}, ofp.CopyTTLOut{}},
		"copy TTL in":  {ofp.PushMPLS{EtherType: 0x8847}, ofp.SetMPLSTTL{TTL: 33}, ofp.CopyTTLIn{}},
	}
	below := uint16(0x0800)
	if s.v6 {
		below = 0x86dd
		list["ipv6_src"] = []ofp.Action{ofp.SetField{Field: flow.IPv6Src, Value: flow.Value{Hi: 0x20010db8 << 32, Lo: 0xffff}}}
		list["ipv6_dst"] = []ofp.Action{ofp.SetField{Field: flow.IPv6Dst, Value: flow.Value{Hi: 0x20010db8 << 32, Lo: 0x10000}}}
		list["ipv6_label"] = []ofp.Action{set(flow.IPv6Flabel, 0xabcde)}
	} else {
		list["ip_src"] = []ofp.Action{set(flow.IPv4Src, 0xc0a80101)}
		list["ip_dst"] = []ofp.Action{set(flow.IPv4Dst, 0xffffffff), set(flow.IPv4Src, 0)}
	}
	list["3 MPLS off again"] = []ofp.Action{ofp.PushMPLS{EtherType: 0x8847}, ofp.PushMPLS{EtherType: 0x8847}, ofp.PushMPLS{EtherType: 0x8847},
		ofp.PopMPLS{EtherType: 0x8847}, ofp.PopMPLS{EtherType: 0x8847}, ofp.PopMPLS{EtherType: below}, ofp.DecNwTTL{}}
	field := func(name string, id flow.ID, v uint64) { list[name] = []ofp.Action{set(id, v)} }
	if s.v6 && s.frag == 2 {
		return list
	}
	switch s.proto {
	case 6:
		field("tcp_src", flow.TCPSrc, 0)
		field("tcp_dst", flow.TCPDst, 0xffff)
	case 17:
		field("udp_src", flow.UDPSrc, 0xffff)
		field("udp_dst", flow.UDPDst, 0)
	case 132:
		field("sctp_src", flow.SCTPSrc, 5)
		field("sctp_dst", flow.SCTPDst, 0xffff)
	case 1:
		field("icmp_type", flow.ICMPv4Type, 13)
		field("icmp_code", flow.ICMPv4Code, 255)
	case 58:
		if s.icmp < 135 || s.frag != 0 {
			field("icmpv6_type", flow.ICMPv6Type, 129)
		} else {
			list["nd_target"] = []ofp.Action{ofp.SetField{Field: flow.IPv6NDTarget, Value: flow.Value{Hi: 0xfe80 << 48, Lo: 0x1234}}}
			if s.icmp == 135 {
				field("nd_sll", flow.IPv6NDSll, 0x0a0b0c0d0e0f)
			} else {
				field("nd_tll", flow.IPv6NDTll, 0x0a0b0c0d0e0f)
			}
		}
		field("icmpv6_code", flow.ICMPv6Code, 3)
	}
	return list
}

func shapes() (list []shape) {
	for _, v6 := range []bool{false, true} {
		for _, ext := range []bool{false, true} {
			for _, frag := range []int{0, 1, 2} {
				add := func(proto, icmp byte, noSum bool) { list = append(list, shape{v6, ext, proto, icmp, noSum, frag}) }
				add(6, 0, false)
				add(17, 0, false)
				add(132, 0, false)
				if !v6 {
					add(17, 0, true)
					add(1, 8, false)
					continue
				}
				add(58, 128, false)
				if frag == 0 {
					add(58, 135, false)
					add(58, 136, false)
				}
			}
		}
	}
	return list
}

// TestChecksumsOfSentFrames: every action leaves the checksums of every kind of frame
// right where they were right, and wrong by as much as before where they were
// wrong; where a fragment cannot be mended nothing is written.
func TestChecksumsOfSentFrames(t *testing.T) {
	for _, s := range shapes() {
		if ip, l4 := s.judge(t, s.build(0, 0)); ip != 0xffff || s.frag != 2 && l4 != 0xffff && !(s.proto == 132 && l4 == 0) && !(s.noSum && l4 == 1<<16) {
			t.Fatalf("%v: the test's frame is wrong: %#x %#x", s, ip, l4)
		}
		for name, actions := range s.alterations() {
			l := newLab(t, 2)
			l.add(flowMod(t, 0, 1, s.match(), apply(append(actions, output(2))...)))
			for _, damage := range [][2]uint16{{0, 0}, {0x0101, 0}, {0, 0x1234}} {
				in := s.build(damage[0], damage[1])
				ip, l4 := s.judge(t, in)
				l.send(1, in)
				got := l.sent(2)
				if len(got) != 1 {
					t.Errorf("%v, %s: %d frames were sent", s, name, len(got))
					continue
				}
				if name != "nothing" && bytes.Equal(got[0], in) && (s.frag == 0 || s.frag == 1 && s.proto != 132) {
					t.Errorf("%v, %s: nothing changed", s, name)
				}
				if ip2, l42 := s.judge(t, got[0]); ip2 != ip || l42 != l4 {
					t.Errorf("%v, %s, damage %x: checksums are off by %#x %#x, before by %#x %#x\n%x", s, name, damage, ip2, l42, ip, l4, got[0])
				}
			}
		}
	}
}

// TestChecksumsOfPartialFrames: the same for frames whose checksum was left to us.
func TestChecksumsOfPartialFrames(t *testing.T) {
	for _, s := range shapes() {
		if s.frag != 0 || s.noSum || s.proto == 1 {
			continue
		}
		for name, actions := range s.alterations() {
			l := newLab(t, 2)
			l.add(flowMod(t, 0, 1, s.match(), apply(append(actions, output(2))...)))
			f := packet.FromBytes(s.build(0, 0))
			var k flow.Key
			flow.Extract(f, 1, &k)
			at := int(f.Layers.L4)
			b := f.Bytes()
			csum := map[byte]int{6: 16, 17: 6, 58: 2, 132: 8}[s.proto]
			f.Offload = packet.Offload{NeedsCsum: true, CsumStart: uint16(at), CsumOffset: uint16(csum)}
			clear(b[at+csum : at+csum+2])
			if s.proto == 132 {
				clear(b[at+csum : at+csum+4])
			} else {
				src, dst := []byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}
				if s.v6 {
					src, dst = addr6(1), addr6(2)
				}
				binary.BigEndian.PutUint16(b[at+csum:], naiveSum(pseudo(src, dst, s.proto, len(b)-at)))
			}
			l.ports[0].Inject(f)
			for l.d.Poll() > 0 {
			}
			got := l.sent(2)
			if len(got) != 1 {
				t.Errorf("%v, %s: %d frames were sent", s, name, len(got))
				continue
			}
			if ip, l4 := s.judge(t, got[0]); ip != 0xffff || l4 != 0xffff && !(s.proto == 132 && l4 == 0) {
				t.Errorf("%v, %s: checksums are off by %#x %#x\n%x", s, name, ip, l4, got[0])
			}
		}
	}
}
