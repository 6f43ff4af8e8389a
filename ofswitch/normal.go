package ofswitch

import (
	"ofswitch/flow"
	"ofswitch/l2"
	"ofswitch/ofp"
)

// normal is output to NORMAL: what a learning switch does. Addresses are
// learnt per VLAN, that of the outermost tag.
func (t *translator) normal(wk *walk) {
	if t.bits&(1<<flow.WEthDst) == 0 {
		t.drop(dropTruncated)
		return
	}
	t.lookField(flow.EthDst)
	t.lookField(flow.EthSrc)
	t.lookField(flow.VLANVID)
	r := l2.Request{
		Dst:    l2.MAC(flow.EthDst.Field().Get(&t.wide).Lo),
		VLAN:   uint16(flow.VLANVID.Field().Get(&t.wide).Lo) &^ flow.VIDPresent,
		InPort: 0,
		Ports:  t.l2ports[:0],
	}
	if wk.in != nil {
		r.InPort = uint32(wk.inPort)
	}
	for _, p := range wk.conf.list {
		r.Ports = append(r.Ports, l2.Port{No: uint32(p.no), NoFwd: !p.forwards(), NoFlood: !p.floods()})
	}
	t.l2ports = r.Ports

	b := wk.bridge
	if !r.Dst.IsReserved() {
		t.learn(wk, r.VLAN, l2.MAC(flow.EthSrc.Field().Get(&t.wide).Lo))
	}
	d := l2.Normal(&r, b.fdb.Lookup, t.outPorts[:0])
	t.outPorts = d.Ports
	if d.Asked {
		t.prog.deps.macs = append(t.prog.deps.macs, macDep{b, r.VLAN, r.Dst, d.Entry, d.Seq})
	}
	if d.Verdict == l2.Drop {
		t.drop(normalDrops[d.Reason])
		return
	}
	for _, no := range append([]uint32(nil), d.Ports...) { // a patch port may lead to another NORMAL
		t.toPort(wk.conf.ports[ofp.PortNo(no)])
	}
}

var normalDrops = map[l2.Reason]dropReason{
	l2.ReasonReserved: dropReserved,
	l2.ReasonInPort:   dropInPort,
	l2.ReasonNoFwd:    dropPortConfig,
	l2.ReasonNoPorts:  dropNoPort,
}

// learn notes behind which port the sender is, and has the program keep that
// young while it is used.
func (t *translator) learn(wk *walk, vlan uint16, src l2.MAC) {
	if wk.in == nil {
		return
	}
	b := wk.bridge
	e, changed := b.fdb.Learn(vlan, src, uint32(wk.inPort), t.w.now)
	if e == nil {
		return // a group address is no station's
	}
	dep := macDep{b, vlan, src, e, e.Seq()}
	if e.Port() != uint32(wk.inPort) {
		dep.seq = ^uint64(0) // it has moved on already: learn it again
	}
	t.prog.deps.macs = append(t.prog.deps.macs, dep)
	t.effect(e)
	if changed {
		b.d.macsChanged()
	}
}
