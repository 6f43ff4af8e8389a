package ofswitch

import (
	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// frozen is the rest of a walk that stopped because the frame must be
// extracted again. Immutable.
type frozen struct {
	id     uint32 // stands in the keys of the frames that come again
	in     *port  // ingress port of the datapath; nil: the controller
	walk   walk
	rest   []ofp.Action      // of the list in which it stopped
	after  *ofp.Instructions // what follows the list: nil, nothing
	enter  bool              // it stopped before the first table, at a fragment
	origin packet.Origin     // of that fragment
	tunnel uint64            // as set so far
	meta   uint64
	depth  int    // patch ports passed so far
	queue  uint32 // chosen so far
	// mirrored is translator.mirrored.
	mirrored uint32
	// choice: it stopped at a select group, whose bucket (one more) is in the keys of the frames that come
	// again; see deferChoice in translate_select.go.
	choice *selectChoice
}

// freeze ends the program of this walk: the frame is extracted again, and
// goes on with rest, then with the instructions behind an apply-actions
// list (after) if that is where the walk is.
func (t *translator) freeze(wk *walk, rest []ofp.Action, after *ofp.Instructions) {
	t.emit(op{kind: opRecirc, frozen: t.frozen(wk, rest, after)})
}

// frozen is the rest of wk, to be gone on with.
func (t *translator) frozen(wk *walk, rest []ofp.Action, after *ofp.Instructions) *frozen {
	t.lookField(flow.TunnelID)
	fz := &frozen{
		id: t.nextRecirc(), in: t.in, walk: *wk,
		rest: append([]ofp.Action(nil), rest...), after: after,
		tunnel: t.wide[flow.WTunnel], meta: t.wide[flow.WMetadata], depth: t.depth, queue: t.queue,
		mirrored: t.mirrored,
	}
	fz.walk.set.fields = append([]ofp.SetField(nil), wk.set.fields...)
	return fz
}

// nextRecirc gives ids that no living program of this worker has, unless it
// has made four thousand million recirculations meanwhile.
func (t *translator) nextRecirc() uint32 {
	t.lastRecirc++
	if t.lastRecirc == 0 {
		t.lastRecirc = 1
	}
	return t.lastRecirc
}

// resume goes on where fz stopped, with the frame as extracted again.
func (t *translator) resume(fz *frozen) {
	wk := fz.walk
	t.depth, t.queue, t.mirrored = fz.depth, fz.queue, fz.mirrored
	wk.conf = t.config(wk.bridge)
	t.wide[flow.WTunnel] = fz.tunnel
	t.wide[flow.WMetadata] = fz.meta
	t.fixed[flow.WTunnel] = ^uint64(0)
	t.setInPort(&wk)
	if t.rec != nil {
		t.rec.thaw(fz)
	}
	if fz.choice != nil {
		g := fz.choice.of.Group()
		i := int(uint32(t.prog.key.W[flow.WRecirc])) - 1
		if t.rec != nil {
			t.rec.chosen(g, i)
		}
		t.bucket(&wk, g, i)
		return
	}
	if fz.enter {
		t.wide[flow.WMetadata] = 0
		t.tables(&wk)
		return
	}
	if t.list(&wk, fz.rest, fz.after) {
		return
	}
	if fz.after != nil {
		t.afterApply(&wk, fz.after)
	}
}
