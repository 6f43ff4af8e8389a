package ofswitch

import (
	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/packet"
)

// meter puts a frame through o's meter, and the frame on its further way.
func (w *worker) meter(o *op, f *packet.Frame) {
	drop, levels := o.meter.Run(w.now, w.frame.packets, w.frame.bytes)
	if drop {
		w.d.drops[dropMeter].add(w.frame.packets)
		return
	}
	if levels != 0 {
		if old, found := dscp(f); found {
			if v := flowtable.RaiseDrop(old, levels); v != old {
				if f.Shared {
					f = w.clone(f)
				}
				packet.SetIPDSCP(f, v)
			}
		}
	}
	w.recirculate(o.frozen, f)
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
