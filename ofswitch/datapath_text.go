package ofswitch

import (
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/packet"
)

// The text of flows and actions as Open vSwitch's datapaths have them: what
// `ovs-appctl dpctl/dump-flows` prints.

// keyText writes a key whose ingress port is called in.
func keyText(k *flow.Key, in string) string {
	var w flow.Wide
	w.SetKey(k)
	has := func(word int) bool { return k.Bits&(1<<word) != 0 }
	var b strings.Builder
	fmt.Fprintf(&b, "recirc_id(%s)", hexOrZero(w[flow.WRecirc]>>32))
	if has(flow.WTunnel) {
		fmt.Fprintf(&b, ",tunnel(tun_id=%#x)", w[flow.WTunnel])
	}
	fmt.Fprintf(&b, ",in_port(%s),packet_type(ns=0,id=0)", in)
	if !has(flow.WEthDst) {
		return b.String()
	}
	fmt.Fprintf(&b, ",eth(src=%s,dst=%s)", value(&w, flow.EthSrc), value(&w, flow.EthDst))
	nested := 0
	for _, shift := range []int{32, 0} {
		tag := w[flow.WVLAN] >> shift
		if tag&flow.VIDPresent == 0 {
			break
		}
		fmt.Fprintf(&b, ",eth_type(0x%04x),vlan(vid=%d,pcp=%d),encap(", tag>>16&0xffff, tag&0xfff, tag>>13&7)
		nested++
	}
	if nested == 0 {
		b.WriteByte(',')
	}
	fmt.Fprintf(&b, "eth_type(0x%04x)", w[flow.WEthDst]&0xffff)
	b.WriteString(layersText(&w, has))
	b.WriteString(strings.Repeat(")", nested))
	return b.String()
}

// layersText writes what is behind the EtherType.
func layersText(w *flow.Wide, has func(int) bool) string {
	var b strings.Builder
	if has(flow.WMPLS) {
		lse := w[flow.WMPLS] >> 32
		fmt.Fprintf(&b, ",mpls(label=%d,tc=%d,ttl=%d,bos=%d)", lse>>12, lse>>9&7, lse&0xff, lse>>8&1)
	}
	if has(flow.WMPLS2) && uint16(w[flow.WEthDst]) == packet.TypePBB {
		fmt.Fprintf(&b, ",pbb(isid=%s)", value(w, flow.PBBISID))
	}
	if has(flow.WARP) {
		fmt.Fprintf(&b, ",arp(sip=%s,tip=%s,op=%s,sha=%s,tha=%s)", value(w, flow.ARPSpa), value(w, flow.ARPTpa),
			value(w, flow.ARPOp), value(w, flow.ARPSha), value(w, flow.ARPTha))
	}
	if !has(flow.WIP) {
		return b.String()
	}
	ip := w[flow.WIP]
	if has(flow.WIPv4) {
		fmt.Fprintf(&b, ",ipv4(src=%s,dst=%s,proto=%d,tos=%s,ttl=%d,frag=%s)", value(w, flow.IPv4Src), value(w, flow.IPv4Dst),
			ip>>24&0xff, hexOrZero(ip>>16&0xff), ip>>8&0xff, fragText(ip))
	} else {
		fmt.Fprintf(&b, ",ipv6(src=%s,dst=%s,label=%s,proto=%d,tclass=%s,hlimit=%d,frag=%s)", value(w, flow.IPv6Src), value(w, flow.IPv6Dst),
			hexOrZero(ip>>41&0xfffff), ip>>24&0xff, hexOrZero(ip>>16&0xff), ip>>8&0xff, fragText(ip))
	}
	if !has(flow.WL4) {
		return b.String()
	}
	v := w[flow.WL4]
	switch uint8(ip >> 24) {
	case packet.ProtoTCP:
		fmt.Fprintf(&b, ",tcp(src=%d,dst=%d),tcp_flags(%s)", v>>48, v>>32&0xffff, formatTCPFlags(v>>16&0xfff))
	case packet.ProtoUDP:
		fmt.Fprintf(&b, ",udp(src=%d,dst=%d)", v>>48, v>>32&0xffff)
	case packet.ProtoSCTP:
		fmt.Fprintf(&b, ",sctp(src=%d,dst=%d)", v>>48, v>>32&0xffff)
	case packet.ProtoICMP:
		fmt.Fprintf(&b, ",icmp(type=%d,code=%d)", v>>48, v>>32&0xffff)
	case packet.ProtoICMPv6:
		fmt.Fprintf(&b, ",icmpv6(type=%d,code=%d)", v>>48, v>>32&0xffff)
	}
	if has(flow.WNDTarget) {
		fmt.Fprintf(&b, ",nd(target=%s,sll=%s,tll=%s)", value(w, flow.IPv6NDTarget), value(w, flow.IPv6NDSll), value(w, flow.IPv6NDTll))
	}
	return b.String()
}

// value is a field's value as text.
func value(w *flow.Wide, id flow.ID) string {
	f := id.Field()
	return flow.FormatValue(f, f.Get(w), f.Full())
}

// hexOrZero is C's %#x: zero has no prefix.
func hexOrZero(v uint64) string {
	if v == 0 {
		return "0"
	}
	return fmt.Sprintf("%#x", v)
}

// actionsText writes what the program does.
func (p *program) actionsText(names bool) string {
	if len(p.ops) == 0 {
		return "drop"
	}
	a := actionPrinter{names: names, ttl: p.key.W[flow.WIP] >> ttlShift & 0xff, v6: p.key.Bits&(1<<flow.WIPv6Src) != 0}
	for _, shift := range []int{0, 32} {
		if tag := p.key.W[flow.WVLAN] >> shift; tag&flow.VIDPresent != 0 {
			a.tags = append(a.tags, uint16(tag)&^flow.VIDPresent)
		}
	}
	for i := range p.ops {
		a.op(&p.ops[i])
	}
	a.flush()
	return a.b.String()
}

// actionPrinter writes operations as the actions of a datapath flow. Neighbouring
// writes to one header become one action, as there.
type actionPrinter struct {
	b     strings.Builder
	names bool
	ttl   uint64 // as the operations so far leave it
	v6    bool
	queue uint32   // of the outputs so far
	tags  []uint16 // TCIs of the VLAN tags, the outermost last
	saved []savedText
	head  string   // header of the set action in work; ""
	sets  []string // its fields
	push  bool     // it is a push_vlan, of tpid
	tpid  uint16
}

// savedText is what a restore brings back.
type savedText struct {
	ttl  uint64
	tags []uint16
}

func (a *actionPrinter) action(format string, args ...any) {
	a.flush()
	if n := a.b.Len(); n > 0 && !strings.HasSuffix(a.b.String()[n-1:], "(") {
		a.b.WriteByte(',')
	}
	fmt.Fprintf(&a.b, format, args...)
}

// set adds a field to the set action of a header.
func (a *actionPrinter) set(header, format string, args ...any) {
	if a.head != header {
		a.flush()
		a.head = header
	}
	s := fmt.Sprintf(format, args...)
	for i, old := range a.sets {
		if setKey(old) == setKey(s) {
			a.sets[i] = s
			return
		}
	}
	a.sets = append(a.sets, s)
}

// setKey is what two settings of the same bits have in common: name and mask.
func setKey(s string) string {
	name, v, _ := strings.Cut(s, "=")
	_, mask, _ := strings.Cut(v, "/")
	return name + "/" + mask
}

// flush writes the set action in work.
func (a *actionPrinter) flush() {
	if a.head == "" {
		return
	}
	head, sets, push := a.head, a.sets, a.push
	a.head, a.sets, a.push = "", nil, false
	if push {
		tpid, tci := "", a.tags[len(a.tags)-1]
		if a.tpid != packet.TypeVLAN {
			tpid = fmt.Sprintf("tpid=0x%04x,", a.tpid)
		}
		a.action("push_vlan(%svid=%d,pcp=%d)", tpid, tci&0xfff, tci>>13)
		return
	}
	a.action("set(%s(%s))", head, strings.Join(sets, ","))
}

func (a *actionPrinter) ip() string {
	if a.v6 {
		return "ipv6"
	}
	return "ipv4"
}

func (a *actionPrinter) setTTL(v uint64) {
	a.ttl = v
	if a.v6 {
		a.set("ipv6", "hlimit=%d", v)
	} else {
		a.set("ipv4", "ttl=%d", v)
	}
}

func (a *actionPrinter) op(o *op) {
	switch o.kind {
	case opOutput:
		if q := o.tx.queueID(); q != a.queue {
			a.action("set(skb_priority(%#x))", q)
			a.queue = q
		}
		if a.names {
			a.action("%s", o.port.name)
		} else {
			a.action("%d", o.port.num)
		}
	case opSet:
		a.setField(o.field, o.value)
	case opPushVLAN:
		a.flush()
		tci := uint16(0)
		if n := len(a.tags); n > 0 {
			tci = a.tags[n-1]
		}
		a.tags = append(a.tags, tci)
		a.head, a.push, a.tpid = "vlan", true, o.arg
	case opTruncate:
		a.action("trunc(%d)", o.arg)
	case opPopVLAN:
		a.action("pop_vlan")
		if n := len(a.tags); n > 0 {
			a.tags = a.tags[:n-1]
		}
	case opSetTTL:
		a.setTTL(uint64(o.arg))
	case opDecTTL:
		a.setTTL(a.ttl - 1)
	case opPushMPLS:
		a.action("push_mpls(eth_type=%#x)", o.arg)
	case opPopMPLS:
		a.action("pop_mpls(eth_type=%#x)", o.arg)
	case opPushPBB:
		a.action("push_pbb()")
	case opPopPBB:
		a.action("pop_pbb()")
	case opSetMPLSTTL:
		a.set("mpls", "ttl=%d", o.arg)
	case opDecMPLSTTL:
		a.action("dec_mpls_ttl")
	case opCopyTTLOut:
		a.action("copy_ttl_out")
	case opCopyTTLIn:
		a.action("copy_ttl_in")
	case opMeter:
		a.action("meter(%d),recirc(%#x)", o.meter.ID, o.frozen.id)
	case opPacketIn:
		in := o.in
		a.action("userspace(pid=0,controller(reason=%d,dont_send=0,continuation=0,recirc_id=0,rule_cookie=%s,controller_id=0,max_len=%d))",
			in.reason, hexOrZero(in.cookie), in.maxLen)
	case opRecirc:
		a.action("recirc(%#x)", o.frozen.id)
	case opReassemble:
		a.action("reassemble,recirc(%#x)", o.frozen.id)
	case opSave:
		a.flush()
		a.saved = append(a.saved, savedText{a.ttl, append([]uint16(nil), a.tags...)})
		a.action("clone(")
	case opRestore:
		a.flush()
		a.b.WriteByte(')')
		last := len(a.saved) - 1
		a.ttl, a.tags = a.saved[last].ttl, a.saved[last].tags
		a.saved = a.saved[:last]
	}
}

// setNames are the fields as set actions have them: header and name.
var setNames = map[flow.ID][2]string{
	flow.EthDst: {"eth", "dst"}, flow.EthSrc: {"eth", "src"}, flow.EthType: {"eth", "type"},
	flow.IPv4Src: {"ipv4", "src"}, flow.IPv4Dst: {"ipv4", "dst"},
	flow.TCPSrc: {"tcp", "src"}, flow.TCPDst: {"tcp", "dst"}, flow.UDPSrc: {"udp", "src"}, flow.UDPDst: {"udp", "dst"},
	flow.SCTPSrc: {"sctp", "src"}, flow.SCTPDst: {"sctp", "dst"},
	flow.ICMPv4Type: {"icmp", "type"}, flow.ICMPv4Code: {"icmp", "code"},
	flow.ICMPv6Type: {"icmpv6", "type"}, flow.ICMPv6Code: {"icmpv6", "code"},
	flow.ARPOp: {"arp", "op"}, flow.ARPSpa: {"arp", "sip"}, flow.ARPTpa: {"arp", "tip"}, flow.ARPSha: {"arp", "sha"}, flow.ARPTha: {"arp", "tha"},
	flow.IPv6Src: {"ipv6", "src"}, flow.IPv6Dst: {"ipv6", "dst"}, flow.IPv6Flabel: {"ipv6", "label"},
	flow.MPLSLabel: {"mpls", "label"}, flow.MPLSTC: {"mpls", "tc"}, flow.MPLSBOS: {"mpls", "bos"},
	flow.PBBISID:      {"pbb", "isid"},
	flow.IPv6NDTarget: {"nd", "target"}, flow.IPv6NDSll: {"nd", "sll"}, flow.IPv6NDTll: {"nd", "tll"},
}

func (a *actionPrinter) setField(id flow.ID, v flow.Value) {
	switch id {
	case flow.VLANVID:
		a.tag(0xfff, uint16(v.Lo)&0xfff)
		a.set("vlan", "vid=%d", v.Lo&0xfff)
	case flow.VLANPCP:
		a.tag(7<<13, uint16(v.Lo)<<13)
		a.set("vlan", "pcp=%d", v.Lo)
	case flow.IPDSCP:
		a.set(a.ip(), "%s=%#x/0xfc", a.tos(), v.Lo<<2)
	case flow.IPECN:
		a.set(a.ip(), "%s=%#x/0x3", a.tos(), v.Lo)
	case flow.IPProto:
		a.set(a.ip(), "proto=%d", v.Lo)
	default:
		name, f := setNames[id], id.Field()
		a.set(name[0], "%s=%s", name[1], flow.FormatValue(f, v, f.Full()))
	}
}

// tag changes the bits of mask in the outermost tag.
func (a *actionPrinter) tag(mask, v uint16) {
	if n := len(a.tags); n > 0 {
		a.tags[n-1] = a.tags[n-1]&^mask | v
	}
}

// tos is the name of the byte that has DSCP and ECN.
func (a *actionPrinter) tos() string {
	if a.v6 {
		return "tclass"
	}
	return "tos"
}
