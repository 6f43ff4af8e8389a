package flow

import (
	"fmt"
	"strconv"

	"ofswitch/packet"
)

// shorthand is a word of ovs-ofctl that stands for an EtherType and perhaps an
// IP protocol. proto is -1 where it says nothing of the protocol.
type shorthand struct {
	name  string
	etype uint16
	proto int
}

// The first that fits is the one printed.
var shorthands = []shorthand{
	{"icmp", packet.TypeIPv4, packet.ProtoICMP},
	{"tcp", packet.TypeIPv4, packet.ProtoTCP},
	{"udp", packet.TypeIPv4, packet.ProtoUDP},
	{"sctp", packet.TypeIPv4, packet.ProtoSCTP},
	{"icmp6", packet.TypeIPv6, packet.ProtoICMPv6},
	{"tcp6", packet.TypeIPv6, packet.ProtoTCP},
	{"udp6", packet.TypeIPv6, packet.ProtoUDP},
	{"sctp6", packet.TypeIPv6, packet.ProtoSCTP},
	{"ip", packet.TypeIPv4, -1},
	{"ipv6", packet.TypeIPv6, -1},
	{"arp", packet.TypeARP, -1},
	{"rarp", packet.TypeRARP, -1},
	{"mpls", packet.TypeMPLS, -1},
	{"mplsm", packet.TypeMPLSMC, -1},
	{"ip4", packet.TypeIPv4, -1},
	{"ipv4", packet.TypeIPv4, -1},
	{"ip6", packet.TypeIPv6, -1},
}

// Shorthand is the word of ovs-ofctl for an EtherType and an IP protocol (-1: not
// known), "" where there is none. both: it says the protocol too.
func Shorthand(etype uint16, proto int) (word string, both bool) {
	for _, s := range shorthands {
		if s.etype == etype && (s.proto < 0 || s.proto == proto) {
			return s.name, s.proto >= 0
		}
	}
	return "", false
}

// String writes m as ovs-ofctl -O OpenFlow13 dump-flows does. The match of all
// frames is "". ParseMatch reads it back.
func (m Match) String() string { return m.Format(nil) }

// Format writes m as ovs-ofctl --names dump-flows does: with port names, where
// names knows one. A nil names, or "" from it, leaves the number.
func (m *Match) Format(names func(port uint32) string) string {
	return string(m.Append(nil, names))
}

// Append writes what Format does behind b and returns the longer slice.
func (m *Match) Append(b []byte, names func(port uint32) string) []byte {
	p := printer{b: b, start: len(b), m: m}
	etype, hasType := m.exact(EthType)
	proto, hasProto := m.exact(IPProto)
	if hasType {
		known := -1
		if hasProto {
			known = int(proto)
		}
		if word, both := Shorthand(uint16(etype), known); word != "" {
			p.word(word)
			hasType, hasProto = false, hasProto && !both
		}
	}

	// The order is Open vSwitch's; what it does not have stands with its like.
	p.field(TunnelID)
	p.field(Metadata)
	for _, id := range [...]ID{InPort, InPhyPort} {
		if v, _, ok := m.Get(id); ok {
			p.key(id.Field().Text)
			p.b = appendPort(p.b, uint32(v.Lo), names)
		}
	}
	p.vlan()
	p.field(EthSrc)
	p.field(EthDst)
	if hasType {
		p.key("dl_type")
		p.b = fmt.Appendf(p.b, "0x%04x", etype)
	}
	p.field(PBBISID)
	p.field(IPv6Src)
	p.field(IPv6Dst)
	if v, mask, ok := m.Get(IPv6Flabel); ok {
		p.key("ipv6_label")
		p.b = fmt.Appendf(p.b, "0x%05x", v.Lo)
		if mask != IPv6Flabel.Field().Full() {
			p.b = fmt.Appendf(p.b, "/0x%05x", mask.Lo)
		}
	}
	p.field(IPv6Exthdr)
	p.field(ARPSpa)
	p.field(ARPTpa)
	p.field(IPv4Src)
	p.field(IPv4Dst)
	if hasProto {
		p.field(IPProto)
	}
	p.field(ARPOp)
	p.field(ARPSha)
	p.field(ARPTha)
	if v, _, ok := m.Get(IPDSCP); ok {
		p.key("nw_tos")
		p.b = strconv.AppendUint(p.b, v.Lo<<2, 10)
	}
	p.field(IPECN)
	p.field(MPLSLabel)
	p.field(MPLSTC)
	p.field(MPLSBOS)
	for _, id := range [...]ID{ICMPv4Type, ICMPv4Code, ICMPv6Type, ICMPv6Code, IPv6NDTarget, IPv6NDSll, IPv6NDTll,
		TCPSrc, TCPDst, UDPSrc, UDPDst, SCTPSrc, SCTPDst} {
		p.field(id)
	}
	return p.b
}

// printer appends "key=value" pairs with commas between them.
type printer struct {
	b     []byte
	start int
	m     *Match
}

func (p *printer) word(s string) {
	if len(p.b) > p.start {
		p.b = append(p.b, ',')
	}
	p.b = append(p.b, s...)
}

func (p *printer) key(s string) {
	p.word(s)
	p.b = append(p.b, '=')
}

func (p *printer) field(id ID) {
	if v, mask, ok := p.m.Get(id); ok {
		f := id.Field()
		p.key(f.Text)
		p.b = appendValue(p.b, f, v, mask)
	}
}

// vlan writes the two VLAN fields together: as dl_vlan and dl_vlan_pcp when
// they are exact and ask for a tag, else as bits of the TCI in which
// OFPVID_PRESENT has the place of the DEI bit.
func (p *printer) vlan() {
	vid, vidMask, hasVID := p.m.Get(VLANVID)
	pcp, _, hasPCP := p.m.Get(VLANPCP)
	if !hasVID && !hasPCP {
		return
	}
	mask := vidMask.Lo & 0xfff
	if vid.Lo&VIDPresent != 0 && (mask == 0xfff || mask == 0 && hasPCP) {
		if mask != 0 {
			p.key("dl_vlan")
			p.b = strconv.AppendUint(p.b, vid.Lo&0xfff, 10)
		}
		if hasPCP {
			p.key("dl_vlan_pcp")
			p.b = strconv.AppendUint(p.b, pcp.Lo, 10)
		}
		return
	}
	tci, tciMask := vid.Lo, vidMask.Lo
	if hasPCP {
		tci |= pcp.Lo << 13
		tciMask |= 7 << 13
	}
	p.key("vlan_tci")
	p.b = fmt.Appendf(p.b, "0x%04x", tci)
	if tciMask != 0xffff {
		p.b = fmt.Appendf(p.b, "/0x%04x", tciMask)
	}
}
