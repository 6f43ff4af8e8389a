package ofswitch

import (
	"slices"

	"ofswitch/flow"
	"ofswitch/l2"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// l2Dep: this was known of an l2Port.
type l2Dep struct {
	port *l2Port
	conf *l2PortConf
}

// l2StateDep: the l2Ports of the bridge were these.
type l2StateDep struct {
	bridge *Bridge
	state  *l2State
}

// l2Hold says whether what the program knows of l2Ports is still so.
func (d *deps) l2Hold() bool {
	for i := range d.l2 {
		if l := &d.l2[i]; l.port.conf.Load() != l.conf {
			return false
		}
	}
	for i := range d.l2States {
		if s := &d.l2States[i]; s.bridge.l2.Load() != s.state {
			return false
		}
	}
	return true
}

// l2conf is what is known of the l2Port of p.
func (t *translator) l2conf(p *port) *l2PortConf {
	return t.l2confIn(p.bridge, p.l2.Load())
}

// l2confOf is what is known of an l2Port of wk's bridge.
func (t *translator) l2confOf(wk *walk, lp *l2Port) *l2PortConf {
	return t.l2confIn(wk.bridge, lp)
}

// l2confIn notes that the program hangs on the answer, unless it hangs on all of the
// bridge's l2Ports.
func (t *translator) l2confIn(b *Bridge, lp *l2Port) *l2PortConf {
	d := &t.prog.deps
	for i := range d.l2States {
		if d.l2States[i].bridge == b {
			return lp.conf.Load()
		}
	}
	for i := range d.l2 {
		if d.l2[i].port == lp {
			return d.l2[i].conf
		}
	}
	c := lp.conf.Load()
	d.l2 = append(d.l2, l2Dep{lp, c})
	return c
}

// l2ports are all l2Ports of wk's bridge, on which the program hangs from then on.
func (t *translator) l2ports(wk *walk) *l2State {
	d := &t.prog.deps
	for i := range d.l2States {
		if d.l2States[i].bridge == wk.bridge {
			return d.l2States[i].state
		}
	}
	s := wk.bridge.l2.Load()
	d.l2States = append(d.l2States, l2StateDep{wk.bridge, s})
	return s
}

// tags are the frame's VLAN tags as NORMAL sees them, n of them. Their identifiers are
// noted as looked at. Unless exact, EtherType and priority of a tag with an identifier
// stand for themselves: numbers that no tag has, another for each tag, since what becomes
// of such a tag does not hang on them as long as it stays as it is.
func (t *translator) tags(wk *walk, exact bool) (tags l2.Tags, n int) {
	limit := 2
	switch {
	case t.seen != 0:
		limit = min(int(t.seen)-1, 2)
	case wk.conf.oneTag:
		limit = 1
	}
	if limit == 0 || !t.tagged() {
		return tags, 0
	}
	n = 1
	if limit == 2 && t.tagged2() {
		n = 2
	}
	for i := range n {
		shift := 32 - 32*i
		v := t.wide[flow.WVLAN] >> shift
		vid := uint16(v) & 0xfff
		if exact || vid == 0 {
			t.look(flow.WVLAN, 0xffffffff<<shift)
			tags[i] = l2.Tag{TPID: uint16(v >> 16), VID: vid, PCP: uint8(v >> 13 & 7)}
			continue
		}
		t.look(flow.WVLAN, 0xfff<<shift)
		tags[i] = l2.Tag{TPID: uint16(1 + i), VID: vid, PCP: uint8(8 + i)}
	}
	return tags, n
}

// inside is how a frame has come to be in the VLAN in which it leaves.
type inside struct {
	in *l2.VLAN // of the port that it came in by; nil: none, a controller's
	// vid is another VLAN, that of a mirror, if moved.
	vid   uint16
	moved bool
}

func (w *inside) tags(t l2.Tags) l2.Tags {
	if w.in != nil {
		t = w.in.Input(t)
	}
	if w.moved {
		t[0].VID = w.vid
	}
	return t
}

// exit is a port by which a frame leaves, and the n tags that it has then.
type exit struct {
	p    *port
	tags l2.Tags
	n    int
}

// exits finds where a frame leaves that is to leave by the ports to. base are the have
// tags that it has now; same says that they are the tags of all.
func (t *translator) exits(wk *walk, to []*l2PortConf, how inside, exact bool) (list []exit, base l2.Tags, have int, same bool) {
	base, have = t.tags(wk, exact)
	tags := how.tags(base)
	same = true
	list = make([]exit, 0, len(to))
	for _, c := range to {
		out, n := c.VLAN.Output(tags, base)
		p := c.choose(out[0].VID, t.sender)
		if p == nil {
			if exact {
				t.drop(dropBond)
			}
			same = false
			continue
		}
		same = same && n == have && out == base
		list = append(list, exit{p, out, n})
	}
	return list, base, have, same
}

// leave sends a frame out of ports with the tags that it has there. Ports with the same
// are served together: each change of the frame may cost a copy of it.
func (t *translator) leave(wk *walk, to []*l2PortConf, how inside) {
	exits, base, have, same := t.exits(wk, to, how, false)
	if !same {
		exits, base, have, _ = t.exits(wk, to, how, true)
	}
	// First those that need no change.
	rest := make([]exit, 0, len(exits))
	for _, e := range exits {
		if e.n != have || e.tags != base {
			rest = append(rest, e)
			continue
		}
		t.toPort(wk, e.p)
	}
	for len(rest) > 0 && !t.complex {
		first := rest[0]
		t.aside(func() {
			t.depth-- // still the same bridge
			again := t.retag(base, have, first.tags, first.n)
			if wk.conf.oneTag {
				t.seen = int8(first.n) + 1
			}
			for _, e := range rest {
				switch {
				case e.n != first.n || e.tags != first.tags:
				case again && e.p.dev == nil && t.snap == 0:
					// Another bridge would see what was behind the tags.
					t.aside(func() {
						t.depth--
						t.freeze(wk, []ofp.Action{ofp.Output{Port: e.p.no}}, nil)
						t.depth++
					})
				default:
					t.toPort(wk, e.p)
				}
			}
			t.depth++
		})
		rest = slices.DeleteFunc(rest, func(e exit) bool { return e.n == first.n && e.tags == first.tags })
	}
}

// sender is the frame's source address.
func (t *translator) sender() l2.MAC {
	t.lookField(flow.EthSrc)
	return l2.MAC(flow.EthSrc.Field().Get(&t.wide).Lo)
}

// retag gives the frame, which has the n tags was in front, the m tags is instead. What
// is the same at their ends stays. again: what was behind the second tag has come into
// sight.
func (t *translator) retag(was l2.Tags, n int, is l2.Tags, m int) (again bool) {
	for n > 0 && m > 0 && was[n-1] == is[m-1] {
		n--
		m--
	}
	for ; n > 0; n-- {
		again = t.popVLAN() || again
	}
	for ; m > 0; m-- {
		tag := is[m-1]
		t.pushVLAN(tag.TPID)
		t.setField(ofp.SetField{Field: flow.VLANVID, Value: flow.Value{Lo: uint64(tag.VID)}})
		t.setField(ofp.SetField{Field: flow.VLANPCP, Value: flow.Value{Lo: uint64(tag.PCP)}})
	}
	return again
}

// gratuitous says whether the frame is an ARP by which a station tells all others where
// it is.
func (t *translator) gratuitous() bool {
	if l2.MAC(flow.EthDst.Field().Get(&t.wide).Lo) != l2.Broadcast || !t.has(flow.ARPOp) {
		return false
	}
	get := func(id flow.ID) uint64 {
		t.lookField(id)
		return id.Field().Get(&t.wide).Lo
	}
	switch get(flow.ARPOp) {
	case packet.ARPReply:
		return true
	case packet.ARPRequest:
		return get(flow.ARPSpa) == get(flow.ARPTpa)
	}
	return false
}
