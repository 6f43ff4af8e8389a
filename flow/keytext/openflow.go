package keytext

import (
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/packet"
)

// fieldList writes fields behind each other, with commas between them.
type fieldList struct {
	b    strings.Builder
	w    *flow.Wide
	mask *flow.Mask
}

func (l *fieldList) printf(format string, args ...any) {
	if l.b.Len() > 0 {
		l.b.WriteByte(',')
	}
	fmt.Fprintf(&l.b, format, args...)
}

// fields writes those of which the mask has bits, by their names in matches.
func (l *fieldList) fields(ids ...flow.ID) {
	for _, id := range ids {
		f := id.Field()
		if mask := f.Get((*flow.Wide)(l.mask)); mask != (flow.Value{}) {
			l.printf("%s=%s", f.Text, flow.FormatValue(f, f.Get(l.w), mask))
		}
	}
}

// bits writes a part of a word that has no row in the field table.
func (l *fieldList) bits(name string, word, shift, width int, format string) {
	full := uint64(1)<<width - 1
	mask := l.mask[word] >> shift & full
	if mask == 0 {
		return
	}
	l.printf("%s="+format, name, l.w[word]>>shift&full)
	if mask != full {
		fmt.Fprintf(&l.b, "/%#x", mask)
	}
}

// OpenFlow writes what of the frame w the mask has bits of, in the syntax of matches and
// in the order of ofproto/trace. bits are the words that the frame has, in is its ingress
// port, and lead what stands in front.
func OpenFlow(lead []string, w *flow.Wide, mask *flow.Mask, bits uint32, in string) string {
	l := &fieldList{w: w, mask: mask}
	for _, s := range lead {
		l.printf("%s", s)
	}
	has := func(word int) bool { return bits&(1<<word) != 0 }
	etype := uint16(l.w[flow.WEthDst])
	proto := -1
	if has(flow.WIP) && l.mask[flow.WIP]>>24&0xff == 0xff {
		proto = int(l.w[flow.WIP] >> 24 & 0xff)
	}
	word, both := "", false
	if l.mask[flow.WEthDst]&0xffff == 0xffff {
		word, both = flow.Shorthand(etype, proto)
	}
	if word != "" {
		l.printf("%s", word)
	}
	if l.w[flow.WTunnel] != 0 {
		l.fields(flow.TunnelID)
	}
	if l.w[flow.WMetadata] != 0 {
		l.fields(flow.Metadata)
	}
	l.printf("in_port=%s", in)
	l.vlan()
	if has(flow.WEthDst) {
		l.fields(flow.EthSrc, flow.EthDst)
		if word == "" {
			l.bits("dl_type", flow.WEthDst, 0, 16, "0x%04x")
		}
	}
	if has(flow.WMPLS) {
		l.fields(flow.MPLSLabel, flow.MPLSTC)
		l.bits("mpls_ttl", flow.WMPLS, flow.MPLSTTLShift, 8, "%d")
		l.fields(flow.MPLSBOS)
		if l.w[flow.WMPLS]>>40&1 == 0 {
			l.bits("mpls_lse1", flow.WMPLS, 0, 32, "%d")
			if has(flow.WMPLS2) {
				l.bits("mpls_lse2", flow.WMPLS2, 32, 32, "%d")
			}
		}
	}
	if has(flow.WMPLS2) && etype == packet.TypePBB {
		l.fields(flow.PBBISID)
	}
	if has(flow.WARP) {
		l.fields(flow.ARPSpa, flow.ARPTpa, flow.ARPOp, flow.ARPSha, flow.ARPTha)
	}
	if has(flow.WIPv4) {
		l.fields(flow.IPv4Src, flow.IPv4Dst)
	}
	if has(flow.WIPv6Src) {
		l.fields(flow.IPv6Src, flow.IPv6Dst)
		l.bits("ipv6_label", flow.WIP, 41, 20, "0x%05x")
		if flow.IPv6Exthdr.Field().Get(l.w).Lo != 0 {
			l.fields(flow.IPv6Exthdr)
		}
	}
	if !has(flow.WIP) {
		return l.b.String()
	}
	if !both {
		l.fields(flow.IPProto)
	}
	if mask := l.mask[flow.WIP] >> 18 & 0x3f; mask != 0 {
		l.printf("nw_tos=%d", l.w[flow.WIP]>>16&0xfc)
	}
	l.fields(flow.IPECN)
	l.bits("nw_ttl", flow.WIP, flow.TTLShift, 8, "%d")
	if l.mask[flow.WIP]&flow.FragAny != 0 {
		l.printf("nw_frag=%s", fragText(l.w[flow.WIP]))
	}
	l.transport(uint8(l.w[flow.WIP]>>24), has)
	return l.b.String()
}

// vlan writes the tags: of the first that is not there, that it is not.
func (l *fieldList) vlan() {
	for i, shift := range []int{32, 0} {
		suffix := ""
		if i > 0 {
			suffix = "1"
		}
		if l.w[flow.WVLAN]>>shift&flow.VIDPresent == 0 {
			if l.mask[flow.WVLAN]>>shift&flow.VIDPresent != 0 {
				l.printf("vlan_tci%s=0x0000", suffix)
			}
			return
		}
		if l.mask[flow.WVLAN]>>shift&0xfff == 0 && l.mask[flow.WVLAN]>>shift&flow.VIDPresent != 0 {
			l.printf("vlan_tci%s=0x1000/0x1000", suffix)
		}
		l.bits("dl_vlan"+suffix, flow.WVLAN, shift, 12, "%d")
		l.bits("dl_vlan_pcp"+suffix, flow.WVLAN, shift+13, 3, "%d")
	}
}

// transport writes the fields of layer 4.
func (l *fieldList) transport(proto uint8, has func(int) bool) {
	if !has(flow.WL4) {
		return
	}
	switch proto {
	case packet.ProtoICMP, packet.ProtoICMPv6:
		l.bits("icmp_type", flow.WL4, 48, 16, "%d")
		l.bits("icmp_code", flow.WL4, 32, 16, "%d")
	default:
		l.bits("tp_src", flow.WL4, 48, 16, "%d")
		l.bits("tp_dst", flow.WL4, 32, 16, "%d")
	}
	if proto == packet.ProtoTCP && l.mask[flow.WL4]>>flow.TCPFlagsShift&0xfff != 0 {
		l.printf("tcp_flags=%s", formatTCPFlags(l.w[flow.WL4]>>flow.TCPFlagsShift&0xfff))
	}
	if has(flow.WNDTarget) {
		l.fields(flow.IPv6NDTarget, flow.IPv6NDSll, flow.IPv6NDTll)
	}
}
