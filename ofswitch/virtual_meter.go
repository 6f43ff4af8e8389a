package ofswitch

import (
	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// The virtual meters (OpenFlow 1.3.5 §7.3.4.4) are used by no flow, but by the
// switch itself: CONTROLLER meters the packet-ins of its bridge, and SLOWPATH
// the frames from its ports for which no worker has a program, so that they
// have to be translated. What SLOWPATH drops costs no walk through the tables.

// keepVirtual makes the virtual meters of version v those in force.
func (b *Bridge) keepVirtual(v classifier.Version) {
	b.pinMeter.Store(b.tables.Meter(ofp.MeterController, v))
	b.slowMeter.Store(b.tables.Meter(ofp.MeterSlowpath, v))
}

// packetIn offers copies of f to the controllers, as far as the meter
// CONTROLLER lets them pass.
func (w *worker) packetIn(in *packetInOp, f *packet.Frame) {
	m := in.bridge.pinMeter.Load()
	if m == nil {
		w.offerPacketIn(in, f)
		return
	}
	if r := asReceived(f); !f.Offload.IsGSO() || !m.Split(w.now, r.packets, r.bytes) {
		w.packetInMetered(m, in, f)
		return
	}
	segs, err := packet.Segment(f, 0, w.pools, nil)
	if err != nil {
		w.d.drops[dropSegment].add(1)
		return
	}
	for _, s := range segs {
		w.packetInMetered(m, in, s)
		w.pools.Put(s) // what was offered is a copy
	}
}

// offerPacketIn leaves a packet-in to the goroutine for them, which is told when the batch has been
// gone through.
func (w *worker) offerPacketIn(in *packetInOp, f *packet.Frame) {
	w.d.upcalls.offer(in, f)
	w.called = true
}

// tellUpcalls wakes that goroutine if the batch had packet-ins.
func (w *worker) tellUpcalls() {
	if w.called {
		w.called = false
		w.d.upcalls.tell()
	}
}

func (w *worker) packetInMetered(m *flowtable.Meter, in *packetInOp, f *packet.Frame) {
	levels, pass := w.police(m, asReceived(f))
	if !pass {
		return
	}
	if v, changes := raised(f, levels); changes {
		f = w.clone(f) // the frame that goes on keeps its DSCP
		packet.SetIPDSCP(f, v)
	}
	w.offerPacketIn(in, f)
}

// slow puts a frame that needs a translation through the meter SLOWPATH of the
// bridge that it came into, and says whether it may go on. Its key is k, and
// is written anew if the meter remarks the frame. A GSO frame is judged as a
// whole: it needs one translation.
func (w *worker) slow(f *packet.Frame, in *port, k *flow.Key) bool {
	m := in.bridge.slowMeter.Load()
	if m == nil {
		return true
	}
	levels, pass := w.police(m, asReceived(f))
	if !pass {
		w.counts.refused()
		return false
	}
	if v, changes := raised(f, levels); changes {
		packet.SetIPDSCP(f, v)
		flow.Extract(f, in.num, k)
	}
	return true
}
