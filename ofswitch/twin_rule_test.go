package ofswitch

import (
	"maps"
	"slices"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// actionList makes 1 to 5 actions for frames like v, and the fields whose
// prerequisites the rule's match must hold.
func (c *contest) actionList(v *view, set flow.ID, packetOut bool) (list []ofp.Action, needs []flow.ID) {
	tags := 0
	if v.tag {
		tags = 1
	}
	reshaped, structure := false, false // headers may have changed: prerequisites are unclear
	setField := func(id flow.ID) {
		list = append(list, ofp.SetField{Field: id, Value: c.value(id)})
		needs = append(needs, id)
		structure = structure || id == flow.EthType || id == flow.IPProto || id == flow.ICMPv6Type || id == flow.ICMPv6Code
	}
	if set != flow.NumFields {
		setField(set)
	}
	for n := c.IntN(4); n >= 0; n-- {
		switch c.IntN(16) {
		case 12, 13, 14, 15:
			list = append(list, c.reshape(v, &reshaped)...)
			structure = structure || reshaped
			if v.label() != 0 || v.itag(4) != 0 {
				needs = append(needs, flow.EthType)
			}
			if reshaped {
				tags = 0
			}
		case 0:
			list = append(list, ofp.PushVLAN{EtherType: pick[uint16](c.gen, 0x8100, 0x88a8)})
			tags++
		case 1, 2:
			if tags > 0 {
				list = append(list, ofp.PopVLAN{})
				if tags--; tags == 0 && v.tag {
					needs = append(needs, flow.VLANPCP)
				}
			}
		case 3:
			if v.ttl != 0 && !structure {
				list = append(list, ofp.SetNwTTL{TTL: pick[uint8](c.gen, 0, 1, 2, 64)})
				needs = append(needs, flow.IPProto)
			}
		case 4:
			if v.ttl != 0 && !structure {
				list = append(list, ofp.DecNwTTL{})
				needs = append(needs, flow.IPProto)
			}
		case 5, 6, 7:
			if !structure {
				ids := c.writable(v, tags > 0)
				setField(ids[c.IntN(len(ids))])
			}
		default:
			if ids := slices.Sorted(maps.Keys(c.bridge.groups)); len(ids) > 0 && c.chance(25) {
				list = append(list, ofp.Group{GroupID: pick(c.gen, ids...)})
			} else if packetOut && c.chance(40) {
				list = append(list, ofp.Output{Port: ofp.PortTable})
			} else {
				list = append(list, c.out())
			}
		}
	}
	return append(list, c.out()), needs
}

// reshape makes actions on labels and I-tags that frames like v can have done
// to them, and says whether the frame has other headers then.
func (c *contest) reshape(v *view, reshaped *bool) []ofp.Action {
	pushMPLS := ofp.PushMPLS{EtherType: pick[uint16](c.gen, 0x8847, 0x8847, 0x8848)}
	popTo := func() ofp.PopMPLS {
		return ofp.PopMPLS{EtherType: pick[uint16](c.gen, 0x0800, 0x0800, 0x86dd, 0x8847, 0x8847, 0x88e7, 0x88b5, 0x8100)}
	}
	ttl := []ofp.Action{ofp.DecMPLSTTL{}, ofp.DecMPLSTTL{}, ofp.CopyTTLOut{}, ofp.CopyTTLIn{}, ofp.SetMPLSTTL{TTL: pick[uint8](c.gen, 0, 1, 2, 64)}}
	switch n := c.IntN(10); {
	case *reshaped:
		return nil
	case n < 6 && v.label() != 0:
		if c.chance(40) {
			*reshaped = true
			return []ofp.Action{popTo()}
		}
		return []ofp.Action{pick(c.gen, ttl...)}
	case n < 6 && v.itag(4) != 0:
		*reshaped = true
		return []ofp.Action{ofp.PopPBB{}}
	case n < 8:
		*reshaped = true
		list := []ofp.Action{pushMPLS}
		for c.chance(40) {
			list = append(list, pick(c.gen, append(ttl, pushMPLS, pushMPLS)...))
		}
		if c.chance(30) {
			list = append(list, popTo())
		}
		return list
	default:
		*reshaped = true
		list := []ofp.Action{ofp.PushPBB{EtherType: 0x88e7}}
		for c.chance(40) {
			list = append(list, pick[ofp.Action](c.gen, ofp.SetField{Field: flow.PBBISID, Value: c.value(flow.PBBISID)}, ofp.PushPBB{EtherType: 0x88e7}, c.out()))
		}
		if c.chance(30) {
			list = append(list, ofp.PopPBB{})
		}
		return list
	}
}

// rule makes a flow-mod that adds, and its twin.
func (c *contest) rule(b *twinBridge) (*ofp.FlowMod, *twinEntry) {
	c.cookies++
	c.bridge = b
	e := &twinEntry{table: pick[ofp.TableID](c.gen, 0, 0, 0, 1, 1, 2, 253), cookie: c.cookies}
	m := &ofp.FlowMod{Command: ofp.FlowAdd, Table: e.table, Cookie: e.cookie, BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	ins := &m.Instructions
	focus, set := flow.ID(c.IntN(flow.NumFields)), flow.ID(flow.NumFields)
	if c.chance(12) {
		focus = pick[flow.ID](c.gen, flow.IPv6NDTarget, flow.IPv6NDSll, flow.IPv6NDTll, flow.ICMPv4Type, flow.ICMPv4Code, flow.SCTPSrc, flow.SCTPDst)
	}
	v := c.find(focus)
	if c.chance(60) {
		set = pick(c.gen, c.settable()...)
		if c.chance(34) {
			set = pick[flow.ID](c.gen, flow.PBBISID, flow.ICMPv4Type, flow.ICMPv4Code, flow.TCPSrc, flow.TCPDst, flow.UDPSrc, flow.UDPDst, flow.IPv6NDSll, flow.IPv6NDTll, flow.IPv6NDSll, flow.IPv6NDTll, flow.IPv6NDTarget, flow.SCTPSrc, flow.SCTPDst)
		}
		if sv := c.find(set); sv != nil && (sv.tag || set != flow.VLANVID && set != flow.VLANPCP) {
			v = sv
			if !v.has(focus) {
				focus = set
			}
		} else {
			set = flow.NumFields
		}
	}
	if v == nil {
		return nil, nil
	}
	var needs []flow.ID
	if c.simple && c.chance(85) {
		c.simpleRule(ins)
		if v = c.find(pick(c.gen, kernelFields...)); v == nil {
			return nil, nil
		}
		for focus = pick(c.gen, kernelFields...); !v.has(focus); {
			focus = pick(c.gen, kernelFields...)
		}
	} else if c.chance(75) {
		ins.Has |= 1 << ofp.InstrApplyActions
		ins.Apply, needs = c.actionList(v, set, false)
	}
	if ins.Has == 0 || !c.simple && c.chance(35) {
		ins.Has |= 1 << ofp.InstrWriteActions
		var more []flow.ID
		ins.Write, more = c.actionList(v, flow.NumFields, false)
		needs = append(needs, more...)
	}
	if !c.simple && c.chance(10) {
		ins.Has |= 1 << ofp.InstrClearActions
	}
	if c.chance(20) {
		ins.Has |= 1 << ofp.InstrWriteMetadata
		ins.Metadata, ins.MetadataMask = uint64(c.IntN(4)), pick(c.gen, ^uint64(0), 1, 2)
	}
	if ids := slices.Sorted(maps.Keys(b.meters)); len(ids) > 0 && c.chance(10) {
		ins.Has |= 1 << ofp.InstrMeter
		ins.Meter = pick(c.gen, ids...)
	}
	if e.table != 253 && c.chance(40) {
		ins.Has |= 1 << ofp.InstrGotoTable
		ins.Goto = map[ofp.TableID]ofp.TableID{0: 1, 1: 2, 2: 253}[e.table]
	}
	if c.chance(6) {
		m.Flags = pick(c.gen, ofp.FlowNoPktCounts, ofp.FlowNoBytCounts)
	}
	e.flags = m.Flags
	for {
		m.Priority = uint16(1 + c.IntN(60000))
		if !slices.ContainsFunc(b.entries, func(o *twinEntry) bool { return o.table == e.table && o.priority == m.Priority }) {
			break
		}
	}
	if c.chance(4) && len(needs) == 0 {
		m.Priority = 0 // table-miss
	} else {
		e.terms = c.matchFor(focus, needs, v)
	}
	e.priority = m.Priority
	for _, t := range e.terms {
		if t.mask == t.id.Field().Full() {
			m.Match.Set(t.id, t.value)
		} else {
			m.Match.SetMasked(t.id, t.value, t.mask)
		}
	}
	e.ins = *ins
	return m, e
}

func (c *contest) settable() (ids []flow.ID) {
	for i := range flow.Table {
		if flow.Table[i].Writable {
			ids = append(ids, flow.ID(i))
		}
	}
	return ids
}

// matchFor is a match with the focus and the prerequisites of needs.
func (c *contest) matchFor(focus flow.ID, needs []flow.ID, v *view) []twinTerm {
	saved := c.pool
	c.pool = [][]byte{v.b}
	terms, _ := c.terms(focus, needs)
	c.pool = saved
	return terms
}
