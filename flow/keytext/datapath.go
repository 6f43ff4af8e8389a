package keytext

import (
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/packet"
)

// keyPrinter writes a key under a mask as Open vSwitch's datapaths do: only what the mask
// has bits of, with the mask behind what is not whole.
type keyPrinter struct {
	b    strings.Builder
	w    flow.Wide
	mask *flow.Mask
	bits uint32
}

func (p *keyPrinter) has(word int) bool { return p.bits&(1<<word) != 0 }

// part is a piece of a word: its value, the mask's bits, and all its bits.
func (p *keyPrinter) part(word, shift, width int) (v, mask, full uint64) {
	full = 1<<width - 1
	mask = p.mask[word] >> shift & full
	return p.w[word] >> shift & mask, mask, full
}

// number writes a piece of a word if the mask has bits of it.
func (p *keyPrinter) number(list *[]string, name, format string, word, shift, width int) {
	v, mask, full := p.part(word, shift, width)
	text := fmt.Sprintf(format, v)
	if format == "%#x" {
		text = Hex(v)
	}
	switch {
	case mask == 0:
		return
	case mask != full:
		text += "/" + Hex(mask)
	}
	*list = append(*list, name+"="+text)
}

// field writes a field of the table of fields if the mask has bits of it. Masks of IPv4
// addresses are dotted.
func (p *keyPrinter) field(list *[]string, name string, id flow.ID) {
	f := id.Field()
	mask := f.Get((*flow.Wide)(p.mask))
	if mask == (flow.Value{}) {
		return
	}
	v := f.Get(&p.w)
	v.Lo, v.Hi = v.Lo&mask.Lo, v.Hi&mask.Hi
	text := flow.FormatValue(f, v, f.Full())
	switch {
	case mask == f.Full():
	case id == flow.IPv6Src || id == flow.IPv6Dst || id == flow.IPv6NDTarget:
		text = flow.FormatValue(f, v, mask)
	default:
		text += "/" + flow.FormatValue(f, mask, f.Full())
	}
	*list = append(*list, name+"="+text)
}

// header writes what was gathered of a header, if anything was.
func (p *keyPrinter) header(name string, list []string) {
	if len(list) == 0 {
		return
	}
	if !strings.HasSuffix(p.b.String(), "(") {
		p.b.WriteByte(',')
	}
	fmt.Fprintf(&p.b, "%s(%s)", name, strings.Join(list, ","))
}

// Datapath writes the keys that are equal to k in the bits of m and have the same words in
// use, whose ingress port is called in, in the syntax of datapaths.
func Datapath(k *flow.Key, m *flow.Mask, in string) string {
	p := &keyPrinter{mask: m, bits: k.Bits}
	p.w.SetKey(k)
	fmt.Fprintf(&p.b, "recirc_id(%s)", Hex(p.w[flow.WRecirc]>>32))
	if bucket := uint32(p.w[flow.WRecirc]); bucket != 0 {
		fmt.Fprintf(&p.b, ",dp_hash(%#x)", bucket)
	}
	if p.has(flow.WTunnel) {
		var list []string
		p.field(&list, "tun_id", flow.TunnelID)
		p.header("tunnel", list)
	}
	fmt.Fprintf(&p.b, ",in_port(%s),packet_type(ns=0,id=0)", in)
	if !p.has(flow.WEthDst) {
		return p.b.String()
	}
	var eth []string
	p.field(&eth, "src", flow.EthSrc)
	p.field(&eth, "dst", flow.EthDst)
	p.header("eth", eth)
	nested := p.tags()
	p.etherType()
	p.layers()
	p.b.WriteString(strings.Repeat(")", nested))
	return p.b.String()
}

// tags writes the VLAN tags of which the mask has bits, and those around them.
func (p *keyPrinter) tags() (nested int) {
	for _, shift := range []int{32, 0} {
		rest := p.mask[flow.WVLAN]
		if shift == 0 {
			rest &= 0xffffffff
		}
		if p.w[flow.WVLAN]>>shift&flow.VIDPresent == 0 || rest == 0 {
			break
		}
		p.header("eth_type", p.hex(flow.WVLAN, shift+16, 16))
		var tci []string
		p.number(&tci, "vid", "%d", flow.WVLAN, shift, 12)
		p.number(&tci, "pcp", "%d", flow.WVLAN, shift+13, 3)
		fmt.Fprintf(&p.b, ",vlan(%s),encap(", strings.Join(tci, ","))
		nested++
	}
	return nested
}

// hex is a piece of a word alone, as the only value of a header.
func (p *keyPrinter) hex(word, shift, width int) []string {
	switch v, mask, full := p.part(word, shift, width); {
	case mask == 0:
		return nil
	case mask == full:
		return []string{fmt.Sprintf("0x%04x", v)}
	default:
		return []string{fmt.Sprintf("0x%04x/0x%04x", v, mask)}
	}
}

// etherType writes the EtherType, also where not the mask but the words in use tell it.
func (p *keyPrinter) etherType() {
	list := p.hex(flow.WEthDst, 0, 16)
	switch {
	case p.has(flow.WIPv4):
		list = []string{"0x0800"}
	case p.has(flow.WIPv6Src):
		list = []string{"0x86dd"}
	}
	p.header("eth_type", list)
}

// layers writes what is behind the EtherType.
func (p *keyPrinter) layers() {
	var list []string
	if p.has(flow.WMPLS) {
		p.number(&list, "label", "%d", flow.WMPLS, 44, 20)
		p.number(&list, "tc", "%d", flow.WMPLS, 41, 3)
		p.number(&list, "ttl", "%d", flow.WMPLS, flow.MPLSTTLShift, 8)
		p.number(&list, "bos", "%d", flow.WMPLS, 40, 1)
		p.header("mpls", list)
	}
	if p.has(flow.WMPLS2) && uint16(p.w[flow.WEthDst]) == packet.TypePBB {
		list = nil
		p.field(&list, "isid", flow.PBBISID)
		p.header("pbb", list)
	}
	if p.has(flow.WARP) {
		list = nil
		p.field(&list, "sip", flow.ARPSpa)
		p.field(&list, "tip", flow.ARPTpa)
		p.field(&list, "op", flow.ARPOp)
		p.field(&list, "sha", flow.ARPSha)
		p.field(&list, "tha", flow.ARPTha)
		p.header("arp", list)
	}
	if !p.has(flow.WIP) {
		return
	}
	list = nil
	name, tos, ttl := "ipv4", "tos", "ttl"
	if p.has(flow.WIPv4) {
		p.field(&list, "src", flow.IPv4Src)
		p.field(&list, "dst", flow.IPv4Dst)
	} else {
		name, tos, ttl = "ipv6", "tclass", "hlimit"
		p.field(&list, "src", flow.IPv6Src)
		p.field(&list, "dst", flow.IPv6Dst)
		p.number(&list, "label", "%#x", flow.WIP, 41, 20)
	}
	p.number(&list, "proto", "%d", flow.WIP, 24, 8)
	p.number(&list, tos, "%#x", flow.WIP, 16, 8)
	p.number(&list, ttl, "%d", flow.WIP, flow.TTLShift, 8)
	if p.mask[flow.WIP]&(flow.FragAny|flow.FragLater) != 0 {
		list = append(list, "frag="+fragText(p.w[flow.WIP]))
	}
	p.header(name, list)
	if p.has(flow.WL4) {
		p.transport()
	}
}

func (p *keyPrinter) transport() {
	var list []string
	a, b := "src", "dst"
	name := map[uint8]string{packet.ProtoTCP: "tcp", packet.ProtoUDP: "udp", packet.ProtoSCTP: "sctp",
		packet.ProtoICMP: "icmp", packet.ProtoICMPv6: "icmpv6"}[uint8(p.w[flow.WIP]>>24)]
	if strings.HasPrefix(name, "icmp") {
		a, b = "type", "code"
	}
	p.number(&list, a, "%d", flow.WL4, 48, 16)
	p.number(&list, b, "%d", flow.WL4, 32, 16)
	p.header(name, list)
	if v, mask, full := p.part(flow.WL4, flow.TCPFlagsShift, 12); name != "tcp" {
		// The word has no flags.
	} else if mask == full {
		p.header("tcp_flags", []string{formatTCPFlags(v)})
	} else if mask != 0 {
		p.header("tcp_flags", []string{fmt.Sprintf("%#x/%#x", v, mask)})
	}
	if p.has(flow.WNDTarget) {
		list = nil
		p.field(&list, "target", flow.IPv6NDTarget)
		p.field(&list, "sll", flow.IPv6NDSll)
		p.field(&list, "tll", flow.IPv6NDTll)
		p.header("nd", list)
	}
}
