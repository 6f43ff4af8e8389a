package ofswitch

import (
	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/packet"
)

// meter puts a frame through o's meter, and the frame on its further way.
func (w *worker) meter(o *op, f *packet.Frame) {
	if w.tr.rec != nil { // a trace takes no tokens
		w.recirculate(o.frozen, f)
		return
	}
	levels, pass := w.police(o.meter, w.frame)
	if !pass {
		return
	}
	if v, changes := raised(f, levels); changes {
		if f.Shared {
			f = w.clone(f)
		}
		packet.SetIPDSCP(f, v)
	}
	w.recirculate(o.frozen, f)
}

// police puts a frame through m, and says by how many levels its drop precedence
// rises, or that it is dropped, which it counts.
func (w *worker) police(m *flowtable.Meter, r received) (levels uint8, pass bool) {
	drop, levels := m.Run(w.now, r.packets, r.bytes)
	if drop {
		w.d.drops[dropMeter].add(r.packets)
	}
	return levels, !drop
}

// raised is the DSCP field of f with its drop precedence raised, and whether that is
// another value.
func raised(f *packet.Frame, levels uint8) (v uint8, changes bool) {
	if levels == 0 {
		return 0, false
	}
	old, found := dscp(f)
	if !found {
		return 0, false
	}
	v = flowtable.RaiseDrop(old, levels)
	return v, v != old
}

// dscp reads the field that DSCP_REMARK is about.
func dscp(f *packet.Frame) (v uint8, found bool) {
	var k flow.Key
	g := *f // extraction writes layers
	flow.Extract(&g, f.InPort, &k)
	if k.Bits&(1<<flow.WIP) == 0 {
		return 0, false
	}
	var wide flow.Wide
	wide.SetKey(&k)
	return uint8(flow.IPDSCP.Field().Get(&wide).Lo), true
}
