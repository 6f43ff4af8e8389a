package text

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"ofswitch/flow"
	"ofswitch/packet"
)

// FormatPacket prints the headers of a frame in one line, as ovs-ofctl prints
// the frame of a packet-in, with the layer 4 checksum behind. There is a newline
// at the end.
func FormatPacket(data []byte, o Options) string {
	p := packetPrinter{headers: readHeaders(data)}
	s := p.text() + "\n"
	if o.Verbosity >= 3 {
		s += hexDump(data, false)
	}
	return s
}

// packetPrinter prints one frame's headers.
type packetPrinter struct {
	*headers
	b strings.Builder
}

func (p *packetPrinter) printf(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

func (p *packetPrinter) text() string {
	name, network := p.names()
	if name != "" {
		p.printf("%s,", name)
	}
	p.vlan()
	p.printf(",dl_src=%s,dl_dst=%s", formatMAC(p.src), formatMAC(p.dst))
	switch p.etype {
	case packet.TypeIPv4:
		p.printf(",nw_src=%s,nw_dst=%s", ip4(p.addr[0][:]), ip4(p.addr[1][:]))
		p.ip(name == network)
	case packet.TypeIPv6:
		p.printf(",ipv6_src=%s,ipv6_dst=%s,ipv6_label=0x%05x", ip6Text(p.addr[0]), ip6Text(p.addr[1]), p.label)
		p.ip(name == network)
	case packet.TypeARP, packet.TypeRARP:
		a := p.arp[:]
		p.printf(",arp_spa=%s,arp_tpa=%s,arp_op=%d,arp_sha=%s,arp_tha=%s", ip4(a[14:]), ip4(a[24:]), binary.BigEndian.Uint16(a[6:]),
			formatMAC([6]byte(a[8:])), formatMAC([6]byte(a[18:])))
	case packet.TypeMPLS, packet.TypeMPLSMC:
		p.mpls()
	default:
		p.printf(",dl_type=0x%04x", p.etype)
	}
	return p.b.String() + p.checksum()
}

func ip4(b []byte) string { return netip.AddrFrom4([4]byte(b)).String() }

// ip6Text prints an address as a match does.
func ip6Text(a [16]byte) string {
	f := flow.IPv6Src.Field()
	return flow.FormatValue(f, flow.Value{Hi: binary.BigEndian.Uint64(a[:]), Lo: binary.BigEndian.Uint64(a[8:])}, f.Full())
}

// names are the protocol's name, and the name that the network layer alone would
// have.
func (p *packetPrinter) names() (name, network string) {
	switch p.etype {
	case packet.TypeARP:
		return "arp", "arp"
	case packet.TypeRARP:
		return "rarp", "rarp"
	case packet.TypeMPLS:
		return "mpls", "mpls"
	case packet.TypeMPLSMC:
		return "mplsm", "mplsm"
	case packet.TypeIPv4, packet.TypeIPv6:
	default:
		return "", ""
	}
	six := ""
	network = "ip"
	if p.etype == packet.TypeIPv6 {
		six, network = "6", "ipv6"
	}
	switch {
	case p.proto == packet.ProtoTCP:
		return "tcp" + six, network
	case p.proto == packet.ProtoUDP:
		return "udp" + six, network
	case p.proto == packet.ProtoSCTP:
		return "sctp" + six, network
	case p.proto == packet.ProtoICMP && six == "" || p.proto == packet.ProtoICMPv6 && six != "":
		return "icmp" + six, network
	}
	return network, network
}

// vlan prints two tags; one that is not there is a TCI of zero.
func (p *packetPrinter) vlan() {
	if len(p.tags) == 0 {
		p.b.WriteString("vlan_tci=0x0000")
		return
	}
	p.printf("dl_vlan=%d,dl_vlan_pcp=%d", p.tags[0]&0xfff, p.tags[0]>>13)
	if len(p.tags) == 1 {
		p.b.WriteString(",vlan_tci1=0x0000")
	} else {
		p.printf(",dl_vlan1=%d,dl_vlan_pcp1=%d", p.tags[1]&0xfff, p.tags[1]>>13)
	}
}

// ip prints what IPv4 and IPv6 have in common, and the ports. bare: the name does
// not say the protocol.
func (p *packetPrinter) ip(bare bool) {
	if bare {
		p.printf(",nw_proto=%d", p.proto)
	}
	p.printf(",nw_tos=%d,nw_ecn=%d,nw_ttl=%d", p.tos&0xfc, p.tos&3, p.ttl)
	switch {
	case p.later:
		p.b.WriteString(",nw_frag=later")
		return
	case p.frag:
		p.b.WriteString(",nw_frag=first")
	default:
		p.b.WriteString(",nw_frag=no")
	}
	if bare {
		return
	}
	l4 := p.l4
	if l4 == nil {
		l4 = make([]byte, 20)
	}
	switch p.proto {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoSCTP:
		p.printf(",tp_src=%d,tp_dst=%d", binary.BigEndian.Uint16(l4), binary.BigEndian.Uint16(l4[2:]))
		if p.proto == packet.ProtoTCP {
			p.b.WriteString(",tcp_flags=" + tcpFlags(binary.BigEndian.Uint16(l4[12:])&0xfff))
		}
	default:
		p.printf(",icmp_type=%d,icmp_code=%d", l4[0], l4[1])
		if p.proto == packet.ProtoICMPv6 && (l4[0] == 135 || l4[0] == 136) && l4[1] == 0 {
			p.printf(",nd_target=%s,nd_sll=%s,nd_tll=%s", ip6Text(p.target), formatMAC(p.sll), formatMAC(p.tll))
		}
	}
}

// tcpFlagNames are the flags from bit 0 (RFC 9293 §3.1, RFC 3540).
var tcpFlagNames = strings.Fields("fin syn rst psh ack urg ece cwr ns [200] [400] [800]")

func tcpFlags(v uint16) string {
	var s []string
	for i, n := range tcpFlagNames {
		if v&(1<<i) != 0 {
			s = append(s, n)
		}
	}
	if len(s) == 0 {
		return "0"
	}
	return strings.Join(s, "|")
}

func (p *packetPrinter) mpls() {
	lse := p.labels[0] // an MPLS frame has one, if only of zeros
	p.printf(",mpls_label=%d,mpls_tc=%d,mpls_ttl=%d,mpls_bos=%d", lse>>12, lse>>9&7, uint8(lse), lse>>8&1)
	for i := 1; i < len(p.labels); i++ {
		p.printf(",mpls_lse%d=%d", i, p.labels[i])
	}
}

// checksum prints the layer 4 checksum that the frame carries.
func (p *packetPrinter) checksum() string {
	if p.l4 == nil {
		return ""
	}
	switch p.proto {
	case packet.ProtoTCP:
		return fmt.Sprintf(" tcp_csum:%x", binary.BigEndian.Uint16(p.l4[16:]))
	case packet.ProtoUDP:
		return fmt.Sprintf(" udp_csum:%x", binary.BigEndian.Uint16(p.l4[6:]))
	case packet.ProtoSCTP:
		return fmt.Sprintf(" sctp_csum:%x", binary.BigEndian.Uint32(p.l4[8:]))
	case packet.ProtoICMP:
		return fmt.Sprintf(" icmp_csum:%x", binary.BigEndian.Uint16(p.l4[2:]))
	}
	return fmt.Sprintf(" icmp6_csum:%x", binary.BigEndian.Uint16(p.l4[2:]))
}
