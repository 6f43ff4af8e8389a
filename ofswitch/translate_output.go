package ofswitch

import (
	"ofswitch/flow"
	"ofswitch/ofp"
)

// output sends the frame as it is to an OpenFlow port.
func (t *translator) output(wk *walk, no ofp.PortNo, maxLen uint16) {
	switch no {
	case ofp.PortInPort:
		if wk.in == nil {
			t.drop(dropNoPort)
			return
		}
		t.toPort(wk, wk.in)
	case ofp.PortController:
		reason := uint8(ofp.PacketInAction)
		if wk.miss {
			reason = ofp.PacketInNoMatch
		}
		t.packetIn(wk, reason, maxLen)
	case ofp.PortAll:
		t.flood(wk, nil)
	case ofp.PortFlood:
		t.flood(wk, (*port).floods) // OpenFlow 1.0 can keep ports out
	case ofp.PortNormal:
		t.normal(wk)
	case ofp.PortTable:
		t.pipeline(wk)
	case ofp.PortAny:
		t.drop(dropNoPort)
	default:
		t.toNumber(wk, no)
	}
}

// toNumber sends the frame to a port given by number: not back to where it
// came from, which takes IN_PORT (OpenFlow 1.3.5 §4.5).
func (t *translator) toNumber(wk *walk, no ofp.PortNo) {
	p := wk.conf.ports[no]
	switch {
	case no == wk.inPort:
		t.drop(dropInPort)
	case p == nil:
		t.drop(dropNoPort)
	default:
		t.toPort(wk, p)
	}
}

// flood sends the frame to every port but the ingress port and those whose
// configuration forbids it. With member, only to the ports it accepts.
func (t *translator) flood(wk *walk, member func(*port) bool) {
	t.l2ports(wk)
	for _, p := range wk.conf.list {
		if p != wk.in && p.forwards() && (member == nil || member(p)) {
			t.toPort(wk, p)
		}
	}
}

// toPort sends the frame out of a port, which for a patch port is into the
// peer's bridge.
func (t *translator) toPort(wk *walk, p *port) {
	c := t.l2conf(p)
	switch {
	case c.Protected && wk.in != nil && t.l2conf(wk.in).Protected:
		t.refuse(dropProtected, "Flow is between protected ports, skipping output.")
	case !p.forwards():
		if t.rec != nil {
			t.rec.detail("OFPPC_NO_FWD set, skipping output")
		}
		t.drop(dropPortConfig)
	case p.dev == nil && t.snap != 0:
		t.refuse(dropPatch, "Mirror truncate to ODPP_NONE, skipping output")
	case p.dev == nil:
		t.patch(p)
	case t.snap != 0:
		t.aside(func() {
			t.emit(op{kind: opTruncate, arg: t.snap})
			t.emit(op{kind: opOutput, tx: p.txBatch(t.w.index, t.queue), port: p})
		})
		t.mirror(wk, c, c.dst)
	default:
		t.emit(op{kind: opOutput, tx: p.txBatch(t.w.index, t.queue), port: p})
		t.mirror(wk, c, c.dst)
	}
}

// patch goes on in the bridge at the other end of a patch port, with a copy of
// the frame.
func (t *translator) patch(p *port) {
	peer := p.peer.Load()
	switch {
	case peer == nil:
		t.drop(dropPatch)
		return
	case t.depth >= maxDepth:
		t.drop(dropLoop)
		t.w.d.warnOfLoop("frames go through more patch ports than they may: there may be a ring of bridges", p)
		return
	case !t.step():
		t.w.d.warnOfLoop("a frame is too much work, and is dropped: there may be a ring of bridges", p)
		return
	}
	t.credit(&p.txCount)
	t.credit(&peer.rxCount)
	mirrored := t.mirrored
	if peer.bridge != p.bridge {
		t.mirrored = 0
	}
	t.aside(func() {
		t.wide[flow.WTunnel] = 0 // a tunnel is where the frame came in
		t.fixed[flow.WTunnel] = ^uint64(0)
		wk := walk{bridge: peer.bridge, conf: t.config(peer.bridge), in: peer, inPort: peer.no}
		t.enter(&wk)
	})
	if peer.bridge != p.bridge {
		t.mirrored = mirrored
	}
}

// pipeline is output to TABLE, legal in packet-out only: the frame goes through
// the flow tables as if it had come in (OpenFlow 1.3.5 §4.5).
func (t *translator) pipeline(wk *walk) {
	if !wk.out || t.depth >= maxDepth || !t.step() {
		t.drop(dropLoop)
		return
	}
	t.aside(func() {
		in := walk{bridge: wk.bridge, conf: wk.conf, in: wk.in, inPort: wk.inPort}
		if !t.fragments(&in) {
			return
		}
		t.wide[flow.WMetadata] = 0
		t.shared = nil
		t.tables(&in)
	})
}

// aside runs fn on a copy of the frame: what fn does to it is undone
// afterwards.
func (t *translator) aside(fn func()) {
	state, at := t.frameState, len(t.ops)
	t.emit(op{kind: opSave})
	t.depth++
	if t.rec != nil {
		t.rec.nested(fn)
	} else {
		fn()
	}
	t.depth--
	t.frameState = state
	if t.complex {
		return
	}
	for i := at + 1; i < len(t.ops); i++ {
		if t.ops[i].writes() {
			t.emit(op{kind: opRestore})
			return
		}
	}
	t.ops = append(t.ops[:at], t.ops[at+1:]...) // nothing to undo
}

// trim removes the copies that nobody looks at: a restore at the end, with its
// save.
func trim(ops []op) []op {
	for len(ops) > 0 && ops[len(ops)-1].kind == opRestore {
		open := 0
		for i := len(ops) - 1; i >= 0; i-- {
			switch ops[i].kind {
			case opRestore:
				open++
			case opSave:
				open--
			}
			if open == 0 {
				copy(ops[i:], ops[i+1:])
				break
			}
		}
		ops = ops[:len(ops)-2]
	}
	return ops
}
