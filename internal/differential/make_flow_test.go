package differential

import (
	"encoding/binary"
	"slices"

	"ofswitch/flow"
	"ofswitch/ofp"
)

var be = binary.BigEndian

// message is the tree of a message with a body.
func message(t ofp.Type, body []byte) *node {
	return &node{kind: "message", head: append([]byte{ofp.Version, byte(t), 0, 0, 0, 0, 0, 0}, body...), lenAt: 2}
}

// known is what an action list knows of the frame.
type known map[flow.ID]uint64

// meets says whether the frame has what f needs.
func (k known) meets(f *flow.Field) bool {
	et, has := k[flow.EthType]
	if !has {
		return f.Prereq == flow.PrereqNone || f.Prereq == flow.PrereqInPort || f.Prereq == flow.PrereqVLAN && k[flow.VLANVID]&0x1000 != 0
	}
	ip, proto := et == 0x800 || et == 0x86dd, k[flow.IPProto]
	nd := et == 0x86dd && proto == 58
	switch f.Prereq {
	case flow.PrereqVLAN:
		return k[flow.VLANVID]&0x1000 != 0
	case flow.PrereqIP:
		return ip
	case flow.PrereqIPv4:
		return et == 0x800
	case flow.PrereqIPv6:
		return et == 0x86dd
	case flow.PrereqTCP:
		return ip && proto == 6
	case flow.PrereqUDP:
		return ip && proto == 17
	case flow.PrereqSCTP:
		return ip && proto == 132
	case flow.PrereqICMPv4:
		return et == 0x800 && proto == 1
	case flow.PrereqICMPv6:
		return nd
	case flow.PrereqND:
		return nd && (k[flow.ICMPv6Type] == 135 || k[flow.ICMPv6Type] == 136)
	case flow.PrereqNDSolicit:
		return nd && k[flow.ICMPv6Type] == 135
	case flow.PrereqNDAdvert:
		return nd && k[flow.ICMPv6Type] == 136
	case flow.PrereqARP:
		return et == 0x806
	case flow.PrereqMPLS:
		return et == 0x8847 || et == 0x8848
	case flow.PrereqPBB:
		return et == 0x88e7
	}
	return true
}

var outPorts = []uint32{1, 2, 3, 1, 2, 3, 77, uint32(ofp.PortInPort), uint32(ofp.PortNormal), uint32(ofp.PortFlood), uint32(ofp.PortAll), uint32(ofp.PortController), uint32(ofp.PortLocal)}

// action is one that fits the frame, mostly, and its type's name.
func (r *maker) action(k known) *node {
	short := func(t ofp.ActionType, arg uint32) *node {
		r.note(t.String())
		b := be.AppendUint16(nil, uint16(t))
		b = be.AppendUint32(append(b, 0, 0), arg)
		return &node{kind: "action", head: b, lenAt: 2, outer: true}
	}
	for {
		ip := k[flow.EthType] == 0x800 || k[flow.EthType] == 0x86dd
		mpls := k[flow.EthType] == 0x8847 || k[flow.EthType] == 0x8848
		careless := r.rarely()
		switch r.IntN(16) {
		case 0, 1, 2:
			r.note(ofp.ActionOutput.String())
			b := be.AppendUint32([]byte{0, 0, 0, 0}, pick(r.Rand, outPorts))
			b = be.AppendUint16(b, pick(r.Rand, []uint16{0, 0, 128, 0xffe5, 0xffff}))
			return &node{kind: "action", head: append(b, 0, 0, 0, 0, 0, 0), lenAt: 2, outer: true}
		case 3:
			return short(ofp.ActionGroup, uint32(r.IntN(6)+1))
		case 4:
			if r.in(4) {
				return short(ofp.ActionSetQueue, uint32(r.IntN(3)))
			}
		case 5:
			if ip || careless {
				if r.in(2) {
					return short(ofp.ActionSetNwTTL, uint32(r.IntN(256))<<24)
				}
				return short(ofp.ActionDecNwTTL, 0)
			}
		case 6:
			if mpls || careless {
				switch r.IntN(4) {
				case 0:
					return short(ofp.ActionSetMPLSTTL, uint32(r.IntN(256))<<24)
				case 1:
					return short(ofp.ActionDecMPLSTTL, 0)
				}
				if r.rarely() {
					return short(pick(r.Rand, []ofp.ActionType{ofp.ActionCopyTTLIn, ofp.ActionCopyTTLOut}), 0)
				}
			}
		case 7:
			if k[flow.VLANVID]&0x1000 == 0 {
				k[flow.VLANVID] = 0x1000
				return short(ofp.ActionPushVLAN, pick(r.Rand, []uint32{0x8100, 0x8100, 0x88a8})<<16)
			}
		case 8:
			if k[flow.VLANVID]&0x1000 != 0 || careless {
				k[flow.VLANVID] = 0
				return short(ofp.ActionPopVLAN, 0)
			}
		case 9:
			if r.in(3) {
				et := pick(r.Rand, []uint32{0x8847, 0x8848})
				k[flow.EthType] = uint64(et)
				return short(ofp.ActionPushMPLS, et<<16)
			}
		case 10:
			if mpls || careless {
				et := pick(r.Rand, []uint32{0x800, 0x86dd, 0x8847, 0x806, 0x88b5})
				k[flow.EthType] = uint64(et)
				return short(ofp.ActionPopMPLS, et<<16)
			}
		case 11:
			if r.rarely() {
				return short(ofp.ActionPushPBB, 0x88e7<<16)
			}
			if r.rarely() {
				return short(ofp.ActionPopPBB, 0)
			}
		default:
			f := r.field()
			if !f.Writable && !r.rarely() || !k.meets(f) && !careless || f.ID == flow.VLANVID && k[f.ID]&0x1000 == 0 && !careless {
				continue
			}
			if slices.Contains(unknownByOVSToSet, f.ID) && !r.rarely() {
				continue
			}
			v := r.value(f)
			if f.ID == flow.VLANVID {
				v[0] |= 0x10
			}
			r.note("set-field " + f.Name)
			return &node{kind: "action", head: []byte{0, 25, 0, 0}, lenAt: 2, outer: true, pad: true, kids: []*node{oxm(f, v, nil)}}
		}
	}
}

// unknownByOVSToSet are the fields that only we can set.
var unknownByOVSToSet = []flow.ID{flow.EthType, flow.IPProto, flow.MPLSBOS}

// actions is a list of some.
func (r *maker) actions(k known) (list []*node) {
	for range pick(r.Rand, []int{0, 1, 1, 1, 2, 3, 5}) {
		list = append(list, r.action(k))
	}
	return list
}

// instructions are some, each once, in any order.
func (r *maker) instructions(table byte, k known) (list []*node) {
	add := func(t uint16, body []byte, kids []*node) {
		r.note("instruction " + string('0'+rune(t)))
		b := append(be.AppendUint16(nil, t), 0, 0)
		list = append(list, &node{kind: "instruction", head: append(b, body...), lenAt: 2, outer: true, kids: kids})
	}
	if r.in(8) {
		add(ofp.InstrMeter, be.AppendUint32(nil, uint32(r.IntN(4)+1)), nil)
	}
	if r.in(2) {
		add(ofp.InstrApplyActions, make([]byte, 4), r.actions(k))
	}
	if r.in(8) {
		add(ofp.InstrClearActions, make([]byte, 4), nil)
	}
	if r.in(3) {
		add(ofp.InstrWriteActions, make([]byte, 4), r.set(k))
	}
	if r.in(8) {
		b := be.AppendUint64(make([]byte, 4), uint64(r.IntN(4)))
		mask := pick(r.Rand, []uint64{^uint64(0), 0xff, 3, 0xffff0003})
		add(ofp.InstrWriteMetadata, be.AppendUint64(b, mask), nil)
	}
	if r.in(5) && table < 253 {
		add(ofp.InstrGotoTable, []byte{byte(min(int(table)+1+r.IntN(3), 253)), 0, 0, 0}, nil)
	}
	if r.in(4) {
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	return list
}

// set is an action set: one action of a type, one set-field of a field.
func (r *maker) set(k known) (list []*node) {
	has := map[string]bool{}
	for _, a := range r.actions(k) {
		key := string(a.head[:2])
		if len(a.kids) > 0 {
			key += string(a.kids[0].head[:3])
		}
		if !has[key] {
			has[key] = true
			list = append(list, a)
		}
	}
	return list
}

// flowMod is a flow-mod of any command.
func (r *maker) flowMod() *node {
	command := pick(r.Rand, []byte{0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 4})
	r.note("flow-mod " + string('0'+rune(command)))
	table := pick(r.Rand, []byte{0, 0, 0, 1, 1, 2, 252, 253})
	if command >= 3 && r.in(3) {
		table = 255
	}
	cookie, cookieMask := uint64(r.world)<<32|uint64(r.IntN(4)), uint64(0)
	if r.in(6) {
		cookieMask = pick(r.Rand, []uint64{1, 3, ^uint64(0)})
	}
	b := be.AppendUint64(nil, cookie)
	b = be.AppendUint64(b, cookieMask)
	b = append(b, table, command)
	b = be.AppendUint16(b, pick(r.Rand, []uint16{0, 0, 0, 1000}))
	b = be.AppendUint16(b, pick(r.Rand, []uint16{0, 0, 0, 2000}))
	b = be.AppendUint16(b, pick(r.Rand, []uint16{0, 1, 100, 100, 0x8000, 65535}))
	b = be.AppendUint32(b, ofp.NoBuffer)
	port, group := uint32(ofp.PortAny), ofp.GroupAny
	if r.in(8) {
		port = pick(r.Rand, outPorts)
	}
	if r.in(8) {
		group = uint32(r.IntN(6) + 1)
	}
	b = be.AppendUint32(b, port)
	b = be.AppendUint32(b, group)
	b = be.AppendUint16(b, pick(r.Rand, []uint16{0, 0, 0, 1, 1, 2, 4, 3, 5}))
	m, k := r.match()
	n := message(ofp.TypeFlowMod, append(b, 0, 0))
	n.kids = []*node{m}
	if command < 3 || r.in(4) {
		n.kids = append(n.kids, r.instructions(table, k)...)
	}
	return n
}

// deleteFlows is the deletion of all flows.
func (r *maker) deleteFlows() *node {
	b := make([]byte, 40)
	b[16], b[17] = 255, ofp.FlowDelete
	for i := 24; i < 36; i++ {
		b[i] = 0xff
	}
	n := message(ofp.TypeFlowMod, b)
	n.kids = []*node{{kind: "match", head: []byte{0, 1, 0, 0}, lenAt: 2, pad: true}}
	return n
}
