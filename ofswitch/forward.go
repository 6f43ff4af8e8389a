package ofswitch

import (
	"runtime/debug"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/packet"
)

// begin loads what holds for a whole batch.
func (w *worker) begin() {
	v, gen := classifier.Version(w.d.version.Load()), w.d.macGen.Load()
	if v != w.version || gen != w.macGen {
		w.version, w.macGen = v, gen
		w.stamp++
	}
	w.now = w.startOfBatch()
	w.sweeper.batches++
	if w.sweeper.active {
		w.sweep(sweepSets)
	}
}

// forward runs w.batch, received from q, through the switch. A panic costs the
// batch, not the switch: bad frames must not reach one, but a switch that
// stops for one would be a gift to whoever finds it.
func (w *worker) forward(q *rxq) {
	in := q.port
	defer func() {
		if r := recover(); r != nil {
			if w.d.manual {
				panic(r)
			}
			w.d.drops[dropInternal].add(uint64(w.batch.N))
			w.d.log.Error("forwarding failed; frames dropped", "port", in.name, "panic", r, "stack", string(debug.Stack()))
			w.abandon()
		}
	}()
	frames := w.frames[:w.batch.N]
	for i := range frames {
		frames[i] = &w.batch.Frames[i]
	}
	w.process(w.admit(q, frames), in)
	w.transmit()
}

// process looks up and executes frames that came in on in, in their order.
func (w *worker) process(frames []*packet.Frame, in *port) {
	var prog *program // of frames[start:i], not yet executed
	start := 0
	for i, f := range frames {
		f.InPort = in.num
		flow.Extract(f, in.num, &w.key)
		if w.plant != nil {
			w.plant.extracted(&w.key)
		}
		hash := w.key.Hash()
		p := w.cache.Lookup(&w.key, hash)
		var stale *program
		if p == nil || p.stamp != w.stamp {
			p, stale = w.find(&w.key, hash, p)
		}
		if p == prog && p != nil && p.whole {
			continue
		}
		// Execute what waits first: it may recirculate, and so learn
		// addresses that make p stale, and translation may push its program
		// out of the cache.
		if i > start {
			w.execute(prog, frames[start:i])
			if p != nil && p.stamp != w.stamp {
				p, stale = w.find(&w.key, hash, p)
			}
		}
		start = i
		if p == nil {
			if in.bridge.slowMeter.Load() != nil {
				if !w.slow(f, in) {
					prog, start = nil, i+1
					continue
				}
				// Another key, if the meter has remarked the frame.
				hash = w.key.Hash()
				p, stale = w.find(&w.key, hash, w.cache.Lookup(&w.key, hash))
			}
			if p == nil {
				p = w.program(&w.key, hash, stale, in, nil)
			}
		}
		prog = p
	}
	if start < len(frames) {
		w.execute(prog, frames[start:])
	}
}

// abandon forgets a batch that went wrong in the middle.
func (w *worker) abandon() {
	for _, t := range w.dirty {
		t.clear()
	}
	w.dirty = w.dirty[:0]
	w.unhold()
	// Frames of the pools may be held twice now: let the collector have them.
	w.clones, w.saved, w.segs, w.cuts = nil, nil, nil, nil
	w.pools = packet.NewPools()
	w.depth = 0
}
