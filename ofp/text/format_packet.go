package text

import (
	"encoding/binary"
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/packet"
)

// EtherTypes and protocols whose frames are printed with more than their type.
const (
	etIPv4  = 0x0800
	etARP   = 0x0806
	etRARP  = 0x8035
	etIPv6  = 0x86dd
	etMPLS  = 0x8847
	etMPLSM = 0x8848

	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
	protoSCTP   = 132
)

// FormatPacket prints the headers of a frame in one line, as ovs-ofctl prints
// the frame of a packet-in, with the layer 4 checksum behind. There is a newline
// at the end.
func FormatPacket(data []byte, o Options) string {
	p := newPacketPrinter(data)
	s := p.text() + "\n"
	if o.Verbosity >= 3 {
		s += hexDump(data, false)
	}
	return s
}

// packetPrinter prints one frame's key.
type packetPrinter struct {
	b     strings.Builder
	data  []byte
	key   flow.Key
	wide  flow.Wide
	frame *packet.Frame
}

func newPacketPrinter(data []byte) *packetPrinter {
	p := &packetPrinter{data: data, frame: packet.FromBytes(data)}
	flow.Extract(p.frame, 0, &p.key)
	p.wide.SetKey(&p.key)
	return p
}

func (p *packetPrinter) get(id flow.ID) uint64 { return id.Field().Get(&p.wide).Lo }

// field prints ",name=value" with the field's own form.
func (p *packetPrinter) field(name string, id flow.ID) {
	f := id.Field()
	p.b.WriteString("," + name + "=" + flow.FormatValue(f, f.Get(&p.wide), f.Full()))
}

func (p *packetPrinter) printf(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

func (p *packetPrinter) text() string {
	etype, proto := p.get(flow.EthType), p.get(flow.IPProto)
	name, ip := packetName(etype, proto)
	if name != "" {
		p.printf("%s,", name)
	}
	p.vlan()
	p.field("dl_src", flow.EthSrc)
	p.field("dl_dst", flow.EthDst)
	switch etype {
	case etIPv4:
		p.field("nw_src", flow.IPv4Src)
		p.field("nw_dst", flow.IPv4Dst)
		p.ip(name == ip, proto)
	case etIPv6:
		p.field("ipv6_src", flow.IPv6Src)
		p.field("ipv6_dst", flow.IPv6Dst)
		p.printf(",ipv6_label=0x%05x", p.get(flow.IPv6Flabel))
		p.ip(name == ip, proto)
	case etARP, etRARP:
		p.field("arp_spa", flow.ARPSpa)
		p.field("arp_tpa", flow.ARPTpa)
		p.field("arp_op", flow.ARPOp)
		p.field("arp_sha", flow.ARPSha)
		p.field("arp_tha", flow.ARPTha)
	case etMPLS, etMPLSM:
		p.mpls()
	default:
		p.printf(",dl_type=0x%04x", etype)
	}
	return p.b.String() + p.checksum(proto)
}

// packetName is the protocol's name, and the name that the network layer alone
// would have.
func packetName(etype, proto uint64) (name, network string) {
	switch etype {
	case etARP:
		return "arp", "arp"
	case etRARP:
		return "rarp", "rarp"
	case etMPLS:
		return "mpls", "mpls"
	case etMPLSM:
		return "mplsm", "mplsm"
	case etIPv4, etIPv6:
	default:
		return "", ""
	}
	six := ""
	network = "ip"
	if etype == etIPv6 {
		six, network = "6", "ipv6"
	}
	switch {
	case proto == protoTCP:
		return "tcp" + six, network
	case proto == protoUDP:
		return "udp" + six, network
	case proto == protoSCTP:
		return "sctp" + six, network
	case proto == protoICMP && six == "" || proto == protoICMPv6 && six != "":
		return "icmp" + six, network
	}
	return network, network
}

// vlan prints two tags; one that is not there is a TCI of zero.
func (p *packetPrinter) vlan() {
	w := p.key.W[flow.WVLAN]
	outer, inner := uint16(w>>32), uint16(w)
	if outer&flow.VIDPresent == 0 {
		p.b.WriteString("vlan_tci=0x0000")
		return
	}
	p.printf("dl_vlan=%d,dl_vlan_pcp=%d", outer&0xfff, outer>>13)
	if inner&flow.VIDPresent == 0 {
		p.b.WriteString(",vlan_tci1=0x0000")
	} else {
		p.printf(",dl_vlan1=%d,dl_vlan_pcp1=%d", inner&0xfff, inner>>13)
	}
}

func (p *packetPrinter) ip(bare bool, proto uint64) {
	if bare {
		p.printf(",nw_proto=%d", proto)
	}
	w := p.key.W[flow.WIP]
	p.printf(",nw_tos=%d,nw_ecn=%d,nw_ttl=%d", p.get(flow.IPDSCP)<<2, p.get(flow.IPECN), uint8(w>>8))
	switch uint8(w) {
	case 0:
		p.b.WriteString(",nw_frag=no")
	case flow.FragAny:
		p.b.WriteString(",nw_frag=first")
	default:
		p.b.WriteString(",nw_frag=later")
		return
	}
	src, dst := p.get(flow.TCPSrc), p.get(flow.TCPDst)
	switch {
	case proto == protoTCP:
		p.printf(",tp_src=%d,tp_dst=%d,tcp_flags=%s", src, dst, tcpFlags(uint16(p.key.W[flow.WL4]>>16)))
	case proto == protoUDP, proto == protoSCTP:
		p.printf(",tp_src=%d,tp_dst=%d", src, dst)
	case bare:
	default:
		p.printf(",icmp_type=%d,icmp_code=%d", src, dst)
		if proto == protoICMPv6 && (src == 135 || src == 136) && dst == 0 {
			p.field("nd_target", flow.IPv6NDTarget)
			p.field("nd_sll", flow.IPv6NDSll)
			p.field("nd_tll", flow.IPv6NDTll)
		}
	}
}

// tcpFlagNames are the flags from bit 0 (RFC 9293 §3.1, RFC 3540).
var tcpFlagNames = strings.Fields("fin syn rst psh ack urg ece cwr ns [800] [400] [200]")

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
	stack := []uint32{uint32(p.key.W[flow.WMPLS] >> 32), uint32(p.key.W[flow.WMPLS]), uint32(p.key.W[flow.WMPLS2] >> 32)}
	lse := stack[0]
	p.printf(",mpls_label=%d,mpls_tc=%d,mpls_ttl=%d,mpls_bos=%d", lse>>12, lse>>9&7, uint8(lse), lse>>8&1)
	for i := 1; i < len(stack) && stack[i-1]&0x100 == 0 && stack[i] != 0; i++ {
		p.printf(",mpls_lse%d=%d", i, stack[i])
	}
}

// checksum prints the layer 4 checksum that the frame carries.
func (p *packetPrinter) checksum(proto uint64) string {
	at := int(p.frame.Layers.L4)
	if at < 0 {
		return ""
	}
	l4 := p.data[at:]
	switch {
	case proto == protoTCP && len(l4) >= 20:
		return fmt.Sprintf(" tcp_csum:%x", binary.BigEndian.Uint16(l4[16:]))
	case proto == protoUDP && len(l4) >= 8:
		return fmt.Sprintf(" udp_csum:%x", binary.BigEndian.Uint16(l4[6:]))
	case proto == protoSCTP && len(l4) >= 12:
		return fmt.Sprintf(" sctp_csum:%x", binary.BigEndian.Uint32(l4[8:]))
	case proto == protoICMP && len(l4) >= 4:
		return fmt.Sprintf(" icmp_csum:%x", binary.BigEndian.Uint16(l4[2:]))
	case proto == protoICMPv6 && len(l4) >= 4:
		return fmt.Sprintf(" icmp6_csum:%x", binary.BigEndian.Uint16(l4[2:]))
	}
	return ""
}
