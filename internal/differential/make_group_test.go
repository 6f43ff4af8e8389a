package differential

import (
	"ofswitch/flow"
	"ofswitch/ofp"
)

const any32 = 0xffffffff

// bucket is one that a group of the type may have.
func (r *maker) bucket(typ byte, self uint32) *node {
	weight, port, group := uint16(0), uint32(any32), uint32(any32)
	switch typ {
	case 1:
		weight = pick(r.Rand, []uint16{1, 1, 2, 50, 0})
	case 3:
		if port = uint32(r.IntN(3) + 1); r.in(4) {
			port, group = any32, r.older(self)
		}
	}
	b := be.AppendUint16([]byte{0, 0}, weight)
	b = be.AppendUint32(b, port)
	b = be.AppendUint32(b, group)
	n := &node{kind: "bucket", head: append(b, 0, 0, 0, 0), lenAt: 0, outer: true}
	for _, a := range r.set(known{flow.EthType: pick(r.Rand, []uint64{0x800, 0x86dd, 0x806})}) {
		if ofp.ActionType(be.Uint16(a.head)) == ofp.ActionGroup {
			be.PutUint32(a.head[4:], r.older(self)) // a ring is seldom wanted
		}
		n.kids = append(n.kids, a)
	}
	return n
}

// older is a group with a lower number, so that there is no ring.
func (r *maker) older(self uint32) uint32 {
	if self < 2 || r.rarely() {
		return uint32(r.IntN(6) + 1)
	}
	return uint32(r.IntN(int(min(self, 7))-1) + 1)
}

func (r *maker) groupMod() *node {
	command, typ, id := pick(r.Rand, []uint16{0, 0, 0, 1, 1, 2}), byte(r.IntN(4)), uint32(r.IntN(6)+1)
	r.note("group-mod " + string('0'+rune(command)))
	if command == ofp.GroupDelete && r.in(8) {
		id = ofp.GroupAll
	}
	b := append(be.AppendUint16(nil, command), typ, 0)
	n := message(ofp.TypeGroupMod, be.AppendUint32(b, id))
	if command == ofp.GroupDelete && !r.in(8) {
		return n
	}
	r.note("group " + ofp.GroupType(typ).String())
	count := pick(r.Rand, []int{0, 1, 1, 2, 3})
	if typ == 2 {
		count = 1
	}
	for range count {
		n.kids = append(n.kids, r.bucket(typ, id))
	}
	return n
}

func (r *maker) meterMod() *node {
	command, id := pick(r.Rand, []uint16{0, 0, 0, 1, 1, 2}), uint32(r.IntN(4)+1)
	r.note("meter-mod " + string('0'+rune(command)))
	if r.in(12) {
		id = pick(r.Rand, []uint32{ofp.MeterController, ofp.MeterSlowpath})
	}
	if command == ofp.MeterDelete && r.in(8) {
		id = ofp.MeterAll
	}
	flags := pick(r.Rand, []uint16{1, 1, 2, 5, 6, 9, 13})
	b := be.AppendUint16(nil, command)
	b = be.AppendUint16(b, flags)
	n := message(ofp.TypeMeterMod, be.AppendUint32(b, id))
	if command == ofp.MeterDelete && !r.in(8) {
		return n
	}
	for range pick(r.Rand, []int{1, 1, 2, 3}) {
		typ := uint16(ofp.MeterBandDrop)
		if r.rarely() {
			typ = uint16(ofp.MeterBandDSCPRemark)
		}
		r.note("band " + ofp.MeterBandType(typ).String())
		b := append(be.AppendUint16(nil, typ), 0, 0)
		rate := uint32(r.IntN(1000) + 1)
		if r.rarely() {
			rate = 0
		}
		b = be.AppendUint32(b, rate)
		b = be.AppendUint32(b, pick(r.Rand, []uint32{0, 1, 100}))
		b = append(b, 0, 0, 0, 0)
		if typ == uint16(ofp.MeterBandDSCPRemark) {
			b[12] = byte(r.IntN(3))
		}
		n.kids = append(n.kids, &node{kind: "band", head: b, lenAt: 2, outer: true})
	}
	return n
}
