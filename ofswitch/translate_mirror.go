package ofswitch

import (
	"ofswitch/flow"
	"ofswitch/l2"
)

// mirrorIn copies a frame that has come in by wk's port, a device, to the mirrors that
// want it, and says whether the frame may go on: not by the output of a mirror.
func (t *translator) mirrorIn(wk *walk) bool {
	c := t.l2conf(wk.in)
	if c.mirror {
		if t.rec != nil {
			t.rec.warn("dropping packet received on port %s, which is reserved exclusively for mirroring", wk.in.name)
		}
		t.drop(dropMirror)
		return false
	}
	t.mirror(wk, c, c.src)
	return true
}

// mirror copies the frame as it is, which comes in or goes out by at, to those of a
// port's mirrors that want it and that have not had it yet. What mirrors of the same
// output want of one frame is one copy.
func (t *translator) mirror(wk *walk, at *l2PortConf, list []*mirror) {
	if len(list) == 0 || t.bits&(1<<flow.WEthDst) == 0 {
		return
	}
	tags, _ := t.tags(wk, false)
	if !at.VLAN.Admits(tags[0].VID) {
		return
	}
	how := inside{in: &at.VLAN}
	tags = how.tags(tags)
	for _, m := range list {
		if t.mirrored>>m.index&1 != 0 || !m.vlans.Has(tags[0].VID) {
			continue
		}
		t.mirrored |= m.same
		t.credit(m.count)
		t.snap = m.snap
		if m.out != nil {
			t.leave(wk, []*l2PortConf{t.l2confOf(wk, m.out)}, how)
		} else {
			t.mirrorFlood(wk, m, how, tags)
		}
		t.snap = 0
	}
}

// mirrorFlood sends the frame to every port of a mirror's VLAN, the one that it came
// from too.
func (t *translator) mirrorFlood(wk *walk, m *mirror, how inside, tags l2.Tags) {
	if tags[0].VID == m.outVLAN {
		return
	}
	t.lookField(flow.EthDst)
	if l2.MAC(flow.EthDst.Field().Get(&t.wide).Lo).IsReserved() {
		return
	}
	tags[0].VID, how.vid, how.moved = m.outVLAN, m.outVLAN, true
	var to []*l2PortConf
	for _, lp := range t.l2ports(wk).ports {
		if c := lp.conf.Load(); !c.mirror && c.VLAN.Carries(&tags) {
			to = append(to, c)
		}
	}
	t.leave(wk, to, how)
}
