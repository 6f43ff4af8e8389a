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
		if gen != w.macGen || w.d.structure.Load() > uint64(w.version) || w.hulls.touched(w.version, v) {
			w.stamp++
		}
		w.version, w.macGen = v, gen
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
	w.tellUpcalls()
	w.transmit()
}

// process looks up and executes frames that came in on in, in their order; a batch of them
// at most. It goes over them twice: what the first pass waits for from memory for one frame, it
// waits for together with what the next frames need.
func (w *worker) process(frames []*packet.Frame, in *port) {
	var found [packet.BatchSize]*program
	hits, first := 0, uint64(0) // how many the first look was enough for, and which, by bits
	for i, f := range frames {
		k := &w.keys[i]
		f.InPort = in.num
		flow.Extract(f, in.num, k)
		if w.plant != nil {
			w.plant.extracted(k)
		}
		if p := w.mega.First(k); p != nil {
			found[i] = p
			hits++
			first |= 1 << i
			continue
		}
		found[i] = w.cache.Lookup(k, k.Hash())
	}
	w.counts.megaHit(hits, hits)

	var prog, stale *program // prog: of frames[start:i], not yet executed
	start := 0
	for i, f := range frames {
		p, k := found[i], &w.keys[i]
		seen := megaLook{first >> i & 1, first >> i & 1}
		if p == nil || p.stamp != w.stamp {
			p, stale, seen = w.lookAgain(k, seen)
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
				p, stale, _ = w.lookAgain(k, seen)
			}
		}
		start = i
		if p == nil {
			if p = w.translated(f, k, stale, in); p == nil {
				prog, start = nil, i+1
				continue
			}
		}
		if p.direct != nil {
			w.send1(p, f)
			prog, start = nil, i+1
			continue
		}
		prog = p
	}
	if start < len(frames) {
		w.execute(prog, frames[start:])
	}
	w.hot.note(found[:len(frames)])
}

// translated is the program of a frame that lookup has found nothing for but stale. nil: the
// meter SLOWPATH keeps the frame from being translated.
func (w *worker) translated(f *packet.Frame, k *flow.Key, stale *program, in *port) *program {
	if in.bridge.slowMeter.Load() != nil {
		if !w.slow(f, in, k) {
			return nil
		}
		var p *program
		if p, stale = w.lookup(k, k.Hash()); p != nil { // the meter has remarked the frame
			return p
		}
	}
	return w.program(k, k.Hash(), stale, in, nil)
}

// send1 is execute for one frame of a program that does nothing but send it to one port.
func (w *worker) send1(p *program, f *packet.Frame) {
	packets, bytes := uint64(1), uint64(f.Len())
	if f.Offload.GSOType != packet.GSONone {
		packets, bytes = f.Segments()
	}
	p.cell.add(packets, bytes, w.now)
	t := p.direct
	if len(t.frames) == 0 {
		w.dirty = append(w.dirty, t)
	}
	t.frames = append(t.frames, f)
}

// abandon forgets a batch that went wrong in the middle.
func (w *worker) abandon() {
	for _, t := range w.dirty {
		t.clear()
	}
	w.dirty = w.dirty[:0]
	w.unhold()
	// Frames of the pools may be held twice now: let the collector have them.
	w.clones, w.saved, w.segs, w.cuts, w.joined = nil, nil, nil, nil, nil
	w.pools = packet.NewPools()
	w.depth = 0
	w.tellUpcalls()
}
