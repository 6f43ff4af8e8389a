package ofswitch

import (
	"ofswitch/flow"
	"ofswitch/l2"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// normal is output to NORMAL: what a learning switch does, per VLAN.
func (t *translator) normal(wk *walk) {
	if t.bits&(1<<flow.WEthDst) == 0 {
		t.drop(dropTruncated)
		return
	}
	t.lookField(flow.EthDst)
	tags, n := t.tags(wk, false)
	if n == 0 {
		t.lookField(flow.EthType)
		if packet.IsVLAN(uint16(t.wide[flow.WEthDst])) || t.seen != 0 && t.tagged() {
			t.drop(dropTruncated) // within its tag
			return
		}
	}
	r := l2.Request{
		Tags: tags, Dst: l2.MAC(flow.EthDst.Field().Get(&t.wide).Lo),
		ForwardBPDU: wk.conf.forwardBPDU,
		Port:        func(no uint32) (l2.Port, bool) { return t.l2port(wk, ofp.PortNo(no)) },
		Ports:       func() []l2.Port { return t.floodPorts(wk) },
	}
	b, how := wk.bridge, inside{}
	if wk.in != nil {
		in := t.l2conf(wk.in)
		switch {
		case in.mirror:
			t.refuse(dropMirror, "input port is mirror output port, dropping")
			return
		case !in.VLAN.Admits(tags[0].VID):
			t.refuse(dropVLAN, "disallowed VLAN VID for this input port, dropping")
			return
		}
		how.in = &in.VLAN
		r.Tags, r.InPort = how.tags(tags), uint32(in.no)
		r.FloodVLAN = wk.conf.floods(r.Tags[0].VID)
		if r.ForwardBPDU || !r.Dst.IsReserved() {
			garp := wk.conf.bonds && t.gratuitous()
			if in.bond != nil && !t.admitBond(wk, in, &r, garp) {
				return
			}
			if !r.FloodVLAN {
				t.learn(wk, in, r.Tags[0].VID, t.sender(), garp)
			}
		}
	}
	r.FloodVLAN = wk.conf.floods(r.Tags[0].VID)
	lookup := b.fdb.Lookup
	if t.rec != nil {
		lookup = t.rec.stations(b)
	}
	d := l2.Normal(&r, lookup, t.outPorts[:0])
	t.outPorts = d.Ports
	if d.Asked {
		t.prog.deps.macs = append(t.prog.deps.macs, macDep{b, r.Tags[0].VID, r.Dst, d.Entry, d.Seq})
	}
	if t.rec != nil {
		t.rec.normal(&d)
	}
	if d.Verdict == l2.Drop {
		t.drop(normalDrops[d.Reason])
		return
	}
	to := make([]*l2PortConf, len(d.Ports))
	for i, no := range d.Ports {
		to[i] = t.l2conf(wk.conf.ports[ofp.PortNo(no)])
	}
	t.leave(wk, to, how)
}

// floods says whether a VLAN is one in which nothing is learnt.
func (c *bridgeConf) floods(vlan uint16) bool { return c.floodVLANs != nil && c.floodVLANs.Has(vlan) }

// refuse drops the frame for a reason that a trace tells in words.
func (t *translator) refuse(r dropReason, why string) {
	if t.rec != nil {
		t.rec.warn("%s", why)
	}
	t.drop(r)
}

// l2port is what NORMAL wants to know of the l2Port by whose number a station is known.
func (t *translator) l2port(wk *walk, no ofp.PortNo) (l2.Port, bool) {
	p := wk.conf.ports[no]
	if p == nil {
		return l2.Port{}, false
	}
	c := t.l2conf(p)
	return c.forNormal(), c.no == no
}

// floodPorts are all l2Ports of wk's bridge.
func (t *translator) floodPorts(wk *walk) []l2.Port {
	list := t.l2scratch[:0]
	for _, lp := range t.l2ports(wk).ports {
		// A port that has just come or gone makes the program stale.
		if c := lp.conf.Load(); wk.conf.ports[c.no] != nil {
			list = append(list, c.forNormal())
		}
	}
	t.l2scratch = list
	return list
}

func (c *l2PortConf) forNormal() l2.Port {
	p := l2.Port{No: uint32(c.no), Mirror: c.mirror, VLAN: &c.VLAN}
	for _, m := range c.members {
		p.NoFlood = p.NoFlood || m.configBits()&portNoFlood != 0
	}
	p.NoFwd = len(c.members) == 1 && !c.members[0].forwards()
	return p
}

// admitBond says whether a frame that came in by a bond may go on.
func (t *translator) admitBond(wk *walk, in *l2PortConf, r *l2.Request, garp bool) bool {
	vlan, src := r.Tags[0].VID, t.sender()
	switch in.bond.Admit(in.bond.active == wk.in, r.Dst.IsMulticast()) {
	case l2.Accepted:
		return true
	case l2.IfNotElse:
		e := wk.bridge.fdb.Lookup(vlan, src)
		dep := macDep{wk.bridge, vlan, src, e, 0}
		if e != nil {
			dep.seq = e.Seq()
		}
		t.prog.deps.macs = append(t.prog.deps.macs, dep)
		if r.FloodVLAN || e == nil || e.Port() == uint32(in.no) || garp && !e.Locked(t.w.now) {
			return true
		}
		if garp {
			t.unsettled(wk.bridge, vlan, src, e)
		}
		t.refuse(dropBond, "SLB bond thinks this packet looped back, dropping")
		return false
	}
	t.refuse(dropBond, "bonding refused admissibility, dropping")
	return false
}

// unsettled notes that time alone makes the program stale: a gratuitous ARP locks an
// entry or finds it locked. The collector's next round has it looked at again.
func (t *translator) unsettled(b *Bridge, vlan uint16, src l2.MAC, e *l2.Entry) {
	t.prog.deps.macs = append(t.prog.deps.macs, macDep{b, vlan, src, e, ^uint64(0)})
	b.d.unsettled.Store(true)
}

var normalDrops = map[l2.Reason]dropReason{
	l2.ReasonReserved: dropReserved,
	l2.ReasonInPort:   dropInPort,
	l2.ReasonNoFwd:    dropPortConfig,
	l2.ReasonNoPorts:  dropNoPort,
	l2.ReasonMirror:   dropMirror,
}

// learn notes behind which port the sender is, and has the program keep that
// young while it is used.
func (t *translator) learn(wk *walk, in *l2PortConf, vlan uint16, src l2.MAC, garp bool) {
	if t.rec != nil && !t.rec.effects {
		t.rec.learn(wk.bridge, in, vlan, src, garp, t.w.now)
		return
	}
	b := wk.bridge
	no := uint32(in.no)
	var e *l2.Entry
	var changed bool
	if garp {
		if e, changed, _ = b.fdb.LearnGARP(vlan, src, no, in.bond != nil, t.w.now); e != nil {
			t.unsettled(b, vlan, src, e)
		}
	} else {
		e, changed = b.fdb.Learn(vlan, src, no, t.w.now)
	}
	if e == nil {
		return // a group address is no station's
	}
	dep := macDep{b, vlan, src, e, e.Seq()}
	if e.Port() != no {
		dep.seq = ^uint64(0) // it has moved on already: learn it again
	}
	t.prog.deps.macs = append(t.prog.deps.macs, dep)
	t.effect(e)
	if t.rec != nil && changed {
		t.rec.detail("learned that %s is on port %s in VLAN %d", src, wk.in.name, vlan)
	}
	if changed {
		b.d.macsChanged()
	}
}
