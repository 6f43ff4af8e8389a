package ofswitch

import (
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/flow/keytext"
	"ofswitch/packet"
)

// The text of flows and actions as Open vSwitch's datapaths have them: what
// `ovs-appctl dpctl/dump-flows` prints.

// actionsText writes what the program does.
func (p *program) actionsText(names bool) string { return p.textOfActions(names, false) }

// maskedActionsText is actionsText for all keys that the program is for: they may have different
// TTLs.
func (p *program) maskedActionsText(names bool) string {
	return p.textOfActions(names, p.mask[flow.WIP]>>flow.TTLShift&0xff != 0xff)
}

func (p *program) textOfActions(names, anyTTL bool) string {
	if len(p.ops) == 0 {
		return "drop"
	}
	a := actionPrinter{anyTTL: anyTTL, names: names, ttl: p.key.W[flow.WIP] >> flow.TTLShift & 0xff, v6: p.key.Bits&(1<<flow.WIPv6Src) != 0}
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
	// anyTTL: it is not known.
	anyTTL bool
	v6     bool
	queue  uint32   // of the outputs so far
	tags   []uint16 // TCIs of the VLAN tags, the outermost last
	saved  []savedText
	head   string   // header of the set action in work; ""
	sets   []string // its fields
	push   bool     // it is a push_vlan, of tpid
	tpid   uint16
}

// savedText is what a restore brings back.
type savedText struct {
	ttl    uint64
	anyTTL bool
	tags   []uint16
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
	a.ttl, a.anyTTL = v, false
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
		if a.anyTTL {
			a.action("dec_ttl")
			break
		}
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
			in.reason, keytext.Hex(in.cookie), in.maxLen)
	case opRecirc:
		if o.frozen.choice != nil {
			a.action("hash(sym_l4(0))")
		}
		a.action("recirc(%#x)", o.frozen.id)
	case opReassemble:
		a.action("reassemble,recirc(%#x)", o.frozen.id)
	case opSave:
		a.flush()
		a.saved = append(a.saved, savedText{a.ttl, a.anyTTL, append([]uint16(nil), a.tags...)})
		a.action("clone(")
	case opRestore:
		a.flush()
		a.b.WriteByte(')')
		last := len(a.saved) - 1
		a.ttl, a.anyTTL, a.tags = a.saved[last].ttl, a.saved[last].anyTTL, a.saved[last].tags
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
