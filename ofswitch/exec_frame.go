package ofswitch

import (
	"encoding/binary"

	"ofswitch/packet"
)

// clone copies a frame whose bytes are shared, into memory that goes back
// after the batch.
func (w *worker) clone(f *packet.Frame) *packet.Frame {
	c := w.pools.Clone(f)
	w.clones = append(w.clones, c)
	return c
}

// room makes f have n bytes of headroom: f itself, or a copy. nil: there is no
// such room in any frame.
func (w *worker) room(f *packet.Frame, n int) *packet.Frame {
	if f.Headroom() >= n {
		return f
	}
	if f = w.clone(f); f.Headroom() < n {
		w.d.drops[dropHeadroom].add(1)
		return nil
	}
	return f
}

// push adds a VLAN tag with the identifier and priority of the outermost one,
// or zeros (OpenFlow 1.3.5 §5.12.1).
func (w *worker) push(f *packet.Frame, tpid uint16) *packet.Frame {
	if f = w.room(f, packet.VLANLen); f == nil {
		return nil
	}
	tci := uint16(0)
	if b := f.Bytes(); len(b) >= packet.EthernetLen+packet.VLANLen && packet.IsVLAN(packet.Ethernet(b).Type()) {
		tci = binary.BigEndian.Uint16(b[packet.EthernetLen:]) & 0xefff // not the drop eligible bit
	}
	packet.PushVLAN(f, tpid, tci)
	return f
}

// truncate cuts f, which is no GSO frame, to n bytes, with the checksums that it has
// as a whole. nil: they cannot be found.
func (w *worker) truncate(f *packet.Frame, n int) *packet.Frame {
	if f.Offload.NeedsCsum {
		if err := packet.FinishChecksum(f); err != nil {
			w.d.drops[dropChecksum].add(1)
			return nil
		}
	}
	f.Truncate(n)
	return f
}

// received is the frame in work as it came in: everybody counts it so,
// whatever was done to it meanwhile.
type received struct {
	packets, bytes uint64
	length         int // in memory
}

// asReceived counts a frame: a GSO frame as what it stands for on the wire.
func asReceived(f *packet.Frame) received {
	r := received{1, uint64(f.Len()), f.Len()}
	if f.Offload.GSOType != packet.GSONone {
		r.packets, r.bytes = f.Segments()
	}
	return r
}

// needsSplit says whether o wants the segments of a GSO frame one by one.
func (w *worker) needsSplit(o *op, f *packet.Frame) bool {
	if f.Offload.GSOType == packet.GSONone {
		return false
	}
	switch o.kind {
	case opPushMPLS:
		return packet.SegmentBeforeMPLS(f)
	case opTruncate:
		return true
	case opMeter:
		return o.meter.Split(w.now, w.frame.packets, w.frame.bytes)
	}
	return false
}

// split segments f and carries ops out over each segment: those up to the end of
// the copy that f may be.
func (w *worker) split(ops []op, f *packet.Frame) {
	segs, err := packet.Segment(f, 0, w.pools, nil)
	if err != nil {
		w.d.drops[dropSegment].add(1)
		return
	}
	whole, clones := w.frame, len(w.clones)
	ops = scope(ops)
	for _, s := range segs {
		n := max(s.Len()-f.Len()+whole.length, 0) // less what was pushed before
		w.frame = received{1, uint64(n), n}
		one := [1]*packet.Frame{s}
		w.run(ops, one[:])
	}
	w.frame = whole
	w.clones = append(w.clones, segs...)
	if len(segs) <= packet.BatchSize {
		return
	}
	// A sender that claims a tiny segment size gets thousands out of one frame:
	// they go at once, and nobody else holds them then.
	w.sendDirty()
	for i, c := range w.clones[clones:] {
		w.pools.Put(c)
		w.clones[clones+i] = nil
	}
	w.clones = w.clones[:clones]
}

// scope is ops up to the restore that ends the copy on which they begin.
func scope(ops []op) []op {
	open := 0
	for i := range ops {
		switch ops[i].kind {
		case opSave:
			open++
		case opRestore:
			if open == 0 {
				return ops[:i]
			}
			open--
		}
	}
	return ops
}
