package ofswitch

import (
	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// fragments treats the frame as the bridge treats IP fragments, if it is one
// (OpenFlow 1.3.5 §7.3.2): it says whether the walk goes on into the flow tables.
// With reassembly the program hands fragments to the bridge's reassembler, and
// what that puts together goes on at the first table by recirculation, with the
// header fields that the whole packet has. So frames that are no fragments pay
// nothing.
func (t *translator) fragments(wk *walk) (goesOn bool) {
	if wk.conf.frag == ofp.FragNormal {
		return true
	}
	t.look(flow.WIP, flow.FragAny)
	if t.wide[flow.WIP]&flow.FragAny == 0 {
		return true
	}
	if wk.conf.frag == ofp.FragDrop {
		t.drop(dropFragment)
		return false
	}
	// Fragments belong together if they came in by one port, with the same tags.
	// Their priorities may differ.
	const vids = 0xffff<<48 | 0x1fff<<32 | 0xffff<<16 | 0x1fff
	t.look(flow.WVLAN, vids)
	t.lookField(flow.TunnelID)
	fz := t.frozen(wk, nil, nil)
	fz.enter = true
	fz.origin = packet.Origin{Port: uint32(wk.inPort), Tags: t.wide[flow.WVLAN]&vids ^ t.wide[flow.WTunnel]}
	t.emit(op{kind: opReassemble, frozen: fz})
	return false
}

// reassemble gives a fragment to the reassembler of the bridge that it is about to
// enter, and lets in the packet that it completes.
func (w *worker) reassemble(fz *frozen, f *packet.Frame) {
	if f.Offload.NeedsCsum {
		f = w.clone(f)
		if packet.FinishChecksum(f) != nil {
			w.d.drops[dropChecksum].add(1)
			return
		}
	}
	whole, verdict := fz.walk.bridge.reassembler.Add(f, fz.origin, w.now, w.pools)
	switch verdict {
	case packet.FragmentComplete:
		w.clones = append(w.clones, whole)
		was := w.frame
		w.frame = asReceived(whole)
		w.recirculate(fz, whole)
		w.frame = was
	case packet.FragmentWhole:
		w.recirculate(fz, f)
	case packet.FragmentBad, packet.FragmentRepeated:
		w.d.drops[dropBadFragment].add(1)
	}
}

// expireFragments drops fragments that have waited too long for others.
func (b *Bridge) expireFragments(now int64) {
	late, evicted := b.reassembler.Expire(now)
	b.d.drops[dropLateFragment].add(late)
	b.d.drops[dropFragmentMem].add(evicted)
}

// refragment adds to out what leaves of a reassembled frame through a port of this
// MTU. A frame that cannot be cut goes whole: if it is too long, the port counts
// it as dropped.
func (w *worker) refragment(f *packet.Frame, mtu int, out []*packet.Frame) []*packet.Frame {
	n := len(out)
	out, err := packet.Fragment(f, mtu, w.pools, out)
	if err != nil {
		c := w.pools.Clone(f)
		if packet.FinishChecksum(c) != nil {
			w.pools.Put(c)
			w.d.drops[dropChecksum].add(1)
			return out
		}
		c.Offload = packet.Offload{}
		out = append(out, c)
	}
	w.cuts = append(w.cuts, out[n:]...)
	return out
}
