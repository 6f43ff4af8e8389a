package differential

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// maker makes messages at random.
type maker struct {
	*rand.Rand
	macs [][6]byte // of the ports 1, 2, 3
	seen map[string]int
	// world stands in the upper half of cookies, so that what comes late of an
	// earlier world is known.
	world uint32
	// calm leaves out what only one of the switches has.
	calm bool
}

// note counts what was made, to see that nothing was left out.
func (r *maker) note(what string) { r.seen[what]++ }

// in says yes once in n times.
func (r *maker) in(n int) bool { return r.IntN(n) == 0 }

// rarely says yes seldom, and never in a calm world.
func (r *maker) rarely() bool { return r.in(40) && !r.calm }

// needs are the fields and values that a field's prerequisite asks for.
func (r *maker) needs(f *flow.Field) (ids []flow.ID, values []uint64) {
	ip := func(proto uint64, types ...uint64) {
		ids, values = append(ids, flow.EthType), append(values, pick(r.Rand, types))
		if proto != 0 {
			ids, values = append(ids, flow.IPProto), append(values, proto)
		}
	}
	switch f.Prereq {
	case flow.PrereqInPort:
		ids, values = []flow.ID{flow.InPort}, []uint64{1}
	case flow.PrereqVLAN:
		ids, values = []flow.ID{flow.VLANVID}, []uint64{0x1000 | uint64(r.IntN(4))}
	case flow.PrereqIP:
		ip(0, 0x800, 0x86dd)
	case flow.PrereqIPv4:
		ip(0, 0x800)
	case flow.PrereqIPv6:
		ip(0, 0x86dd)
	case flow.PrereqTCP:
		ip(6, 0x800, 0x86dd)
	case flow.PrereqUDP:
		ip(17, 0x800, 0x86dd)
	case flow.PrereqSCTP:
		ip(132, 0x800, 0x86dd)
	case flow.PrereqICMPv4:
		ip(1, 0x800)
	case flow.PrereqICMPv6:
		ip(58, 0x86dd)
	case flow.PrereqND, flow.PrereqNDSolicit, flow.PrereqNDAdvert:
		ip(58, 0x86dd)
		typ := pick(r.Rand, []uint64{135, 136})
		switch f.Prereq {
		case flow.PrereqNDSolicit:
			typ = 135
		case flow.PrereqNDAdvert:
			typ = 136
		}
		ids, values = append(ids, flow.ICMPv6Type), append(values, typ)
	case flow.PrereqARP:
		ip(0, 0x806)
	case flow.PrereqMPLS:
		ip(0, 0x8847, 0x8848)
	case flow.PrereqPBB:
		ip(0, 0x88e7)
	}
	return ids, values
}

// unknownToOVS are the fields that Open vSwitch does not have.
var unknownToOVS = []flow.ID{flow.InPhyPort, flow.PBBISID, flow.IPv6Exthdr}

// field chooses a field, seldom one that Open vSwitch does not have.
func (r *maker) field() *flow.Field {
	for {
		f := &flow.Table[r.IntN(flow.NumFields)]
		if !slices.Contains(unknownToOVS, f.ID) || !r.calm && r.in(10) {
			return f
		}
	}
}

// value is one that fits into the field, of a few only, so that entries meet.
func (r *maker) value(f *flow.Field) []byte {
	b := make([]byte, f.Len())
	switch {
	case f.ID == flow.InPort || f.ID == flow.InPhyPort:
		binary.BigEndian.PutUint32(b, pick(r.Rand, []uint32{1, 2, 3, 1, 2, 3, 99, uint32(ofp.PortLocal), uint32(ofp.PortController)}))
		return b
	case f.ID == flow.EthType:
		binary.BigEndian.PutUint16(b, pick(r.Rand, []uint16{0x800, 0x86dd, 0x806, 0x8847, 0x8848, 0x88b5, 0x600, 0x8100, 0x88e7}))
		return b
	case f.ID == flow.VLANVID:
		binary.BigEndian.PutUint16(b, pick(r.Rand, []uint16{0, 0x1000, 0x1001, 0x1002, 0x1fff}))
		return b
	case f.ID == flow.IPProto:
		b[0] = pick(r.Rand, []byte{1, 6, 17, 58, 132, 47})
		return b
	}
	b[len(b)-1] = byte(r.IntN(4))
	if r.in(4) {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	if extra := 8*len(b) - f.Bits; extra > 0 {
		full := uint32(1)<<f.Bits - 1
		for i := range b {
			b[i] &= byte(full >> (8 * (len(b) - 1 - i)))
		}
	}
	return b
}

// mask is one for a value of the field, which it clears where the mask is 0.
func (r *maker) mask(f *flow.Field, value []byte) []byte {
	m := make([]byte, len(value))
	switch r.IntN(4) {
	case 0: // a prefix
		for i := range r.IntN(8*len(m)) + 1 {
			m[i/8] |= 0x80 >> (i % 8)
		}
	case 1:
		for i := range m {
			m[i] = byte(r.Uint32())
		}
	case 2:
		m[len(m)-1] = 1
	case 3: // all or nothing
		if !r.rarely() {
			for i := range m {
				m[i] = 0xff
			}
		}
	}
	if extra := 8*len(m) - f.Bits; extra > 0 {
		full := uint32(1)<<f.Bits - 1
		for i := range m {
			m[i] &= byte(full >> (8 * (len(m) - 1 - i)))
		}
	}
	for i := range value {
		value[i] &= m[i]
	}
	return m
}

// oxm is a field with its value, and perhaps a mask.
func oxm(f *flow.Field, value, mask []byte) *node {
	has := byte(0)
	if mask != nil {
		has = 1
	}
	b := append([]byte{0x80, 0, byte(f.ID)<<1 | has, byte(len(value) + len(mask))}, value...)
	return leaf("oxm", append(b, mask...))
}

// number is a value as the field has it on the wire.
func number(f *flow.Field, v uint64) []byte {
	b := binary.BigEndian.AppendUint64(nil, v)
	return b[8-f.Len():]
}

// match is a match of some fields with what they need before them, and the
// values that it fixes.
func (r *maker) match() (*node, map[flow.ID]uint64) {
	m := &node{kind: "match", head: []byte{0, 1, 0, 0}, lenAt: 2, pad: true}
	has := map[flow.ID]uint64{}
	add := func(f *flow.Field, value, mask []byte) {
		m.kids = append(m.kids, oxm(f, value, mask))
		r.note("match " + f.Name)
	}
	for range pick(r.Rand, []int{0, 0, 1, 1, 1, 2, 3, 4}) {
		f := r.field()
		if _, is := has[f.ID]; is {
			continue
		}
		ids, values := r.needs(f)
		fits := true
		for i, id := range ids {
			if v, is := has[id]; is && v != values[i] {
				fits = false
			}
		}
		if !fits {
			continue
		}
		for i, id := range ids {
			if _, is := has[id]; !is {
				has[id] = values[i]
				add(id.Field(), number(id.Field(), values[i]), nil)
			}
		}
		if f.ID == flow.ICMPv6Code && !r.rarely() {
			continue // beside a field of neighbour discovery Open vSwitch wants it to be 0
		}
		value := r.value(f)
		var mask []byte
		if f.Maskable && r.in(2) || !f.Maskable && !f.OVSMask && r.rarely() {
			mask = r.mask(f, value)
		}
		var v uint64
		for _, b := range value {
			v = v<<8 | uint64(b)
		}
		if mask != nil {
			v = ^uint64(0)
		}
		has[f.ID] = v
		add(f, value, mask)
	}
	return m, has
}
