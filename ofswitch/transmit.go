package ofswitch

import (
	"ofswitch/packet"
	"ofswitch/ports"
)

// txBatch gathers what one worker sends to one port in one receive batch.
type txBatch struct {
	q      ports.TxQueue
	caps   ports.Caps
	port   *port
	frames []*packet.Frame
	mark   uint64 // see program.settle
	queue  *queue // nil: a port without queues
}

func (t *txBatch) clear() {
	clear(t.frames)
	t.frames = t.frames[:0]
}

// transmit sends every batch that has frames, one Tx per port, and gives the
// copies back.
func (w *worker) transmit() {
	w.sendDirty()
	for i, f := range w.clones {
		w.pools.Put(f)
		w.clones[i] = nil
	}
	w.clones = w.clones[:0]
}

// sendDirty sends every batch that has frames.
func (w *worker) sendDirty() {
	for _, t := range w.dirty {
		w.counts.send(uint64(len(t.frames)))
		w.send(t)
		t.clear()
	}
	w.dirty = w.dirty[:0]
}

func (w *worker) send(t *txBatch) {
	if t.coalesces() {
		w.sendCoalesced(t)
		return
	}
	w.sendAll(t)
}

func (w *worker) sendAll(t *txBatch) {
	for i, f := range t.frames {
		if f.Offload.NeedsCsum || f.Offload.GSOType != packet.GSONone {
			w.prepare(t, i)
			return
		}
	}
	w.tx(t, t.frames)
}

// tx hands frames to the port, or to its queue if it has any.
func (w *worker) tx(t *txBatch, frames []*packet.Frame) {
	if t.queue != nil {
		w.enqueue(t, frames)
		return
	}
	t.deliver(frames)
}

// deliver hands frames to the device: a Tx call is at most one batch of its
// system call.
func (t *txBatch) deliver(frames []*packet.Frame) {
	for len(frames) > packet.BatchSize {
		t.q.Tx(frames[:packet.BatchSize])
		frames = frames[packet.BatchSize:]
	}
	if len(frames) > 0 {
		t.q.Tx(frames)
	}
}

// prepare sends t's frames as its port can: from frame first on, checksums are
// finished and GSO frames segmented where the port leaves that to us. Finishing
// a checksum in place is right also for the other ports that the frame goes to;
// a GSO frame stays as it is.
//
// Segments are sent, and their memory given back, as soon as there is a batch
// of them: a sender that claims a tiny segment size gets thousands out of one
// frame, and all of a receive batch's at once would be hundreds of megabytes.
func (w *worker) prepare(t *txBatch, first int) {
	mtu := int(t.port.mtu.Load())
	out := append(w.segs[:0], t.frames[:first]...)
	for _, f := range t.frames[first:] {
		switch {
		case t.caps.Takes(f, mtu) && (t.queue == nil || t.queue.takesWhole(f)):
			out = append(out, f)
		case f.Offload.GSOType == packet.GSORefragment:
			out = w.refragment(f, mtu, out)
		case f.Offload.GSOType != packet.GSONone:
			n := len(out)
			var err error
			out, err = packet.Segment(f, packet.PayloadLimit(f, mtu), w.pools, out)
			if err != nil {
				w.d.drops[dropSegment].add(1)
				continue
			}
			w.cuts = append(w.cuts, out[n:]...)
		default:
			if err := packet.FinishChecksum(f); err != nil {
				w.d.drops[dropChecksum].add(1)
				continue
			}
			out = append(out, f)
		}
		if len(w.cuts) >= packet.BatchSize {
			out = w.flush(t, out)
		}
	}
	w.segs = w.flush(t, out)
}

// flush sends out and gives the segments among it back. It returns out emptied.
func (w *worker) flush(t *txBatch, out []*packet.Frame) []*packet.Frame {
	w.tx(t, out)
	for i, f := range w.cuts {
		w.pools.Put(f)
		w.cuts[i] = nil
	}
	w.cuts = w.cuts[:0]
	return out[:0]
}
