package ofswitch

import (
	"ofswitch/flow"
	"ofswitch/packet"
)

// execute runs p over frames that follow each other, and counts them as they
// were received. The frames' places in the slice are execute's to overwrite.
func (w *worker) execute(p *program, frames []*packet.Frame) {
	if p.whole {
		var packets, bytes uint64
		for _, f := range frames {
			r := asReceived(f)
			packets += r.packets
			bytes += r.bytes
		}
		p.cell.add(packets, bytes, w.now)
		w.run(p.ops, frames)
		return
	}
	for i, f := range frames {
		w.recircs, w.frame = 0, asReceived(f)
		p.cell.add(w.frame.packets, w.frame.bytes, w.now)
		w.run(p.ops, frames[i:i+1])
	}
}

// run carries out ops over frames: each operation over all, then the next. A
// frame that cannot go on becomes nil.
func (w *worker) run(ops []op, frames []*packet.Frame) {
	base := len(w.saved)
	for i := range ops {
		o := &ops[i]
		switch o.kind {
		case opOutput:
			w.output(o, frames)
			continue
		case opSave:
			if f := frames[0]; f != nil {
				f.Shared = true
			}
			w.saved = append(w.saved, frames[0])
			continue
		case opRestore:
			last := len(w.saved) - 1
			frames[0] = w.saved[last]
			w.saved[last] = nil
			w.saved = w.saved[:last]
			continue
		}
		for j, f := range frames {
			if f == nil {
				continue
			}
			if w.needsSplit(o, f) {
				w.split(ops[i:], f)
				frames[j] = nil
				continue
			}
			frames[j] = w.apply(o, f)
		}
	}
	clear(w.saved[base:])
	w.saved = w.saved[:base]
}

// output adds the frames to the batch of o's port.
func (w *worker) output(o *op, frames []*packet.Frame) {
	t := o.tx
	if len(t.frames) == 0 {
		w.dirty = append(w.dirty, t)
	}
	for _, f := range frames {
		if f == nil {
			continue
		}
		if o.share {
			f.Shared = true
		}
		t.frames = append(t.frames, f)
	}
}

// apply carries out one operation that is no output on one frame, and returns
// the frame as it is then: another one if the bytes are shared, nil if it goes
// no further.
func (w *worker) apply(o *op, f *packet.Frame) *packet.Frame {
	if f.Shared && o.writes() && o.kind != opRecirc && o.kind != opReassemble && o.kind != opMeter && (w.plant == nil || !w.plant.noShare) {
		f = w.clone(f)
	}
	switch o.kind {
	case opSet:
		if w.plant == nil || !w.plant.skipSet {
			setField(f, o.field, o.value)
		}
	case opPushVLAN:
		return w.push(f, o.arg)
	case opPopVLAN:
		packet.PopVLAN(f)
	case opSetTTL:
		packet.SetIPTTL(f, uint8(o.arg))
	case opDecTTL:
		packet.DecIPTTL(f)
	case opPushMPLS:
		if f = w.room(f, packet.MPLSLen); f != nil {
			packet.PushMPLS(f, o.arg)
		}
	case opPopMPLS:
		packet.PopMPLS(f, o.arg)
	case opPushPBB:
		if f = w.room(f, packet.PBBLen); f != nil {
			packet.PushPBB(f)
		}
	case opPopPBB:
		packet.PopPBB(f)
	case opSetMPLSTTL:
		packet.SetMPLSTTL(f, uint8(o.arg))
	case opDecMPLSTTL:
		packet.DecMPLSTTL(f)
	case opCopyTTLOut:
		packet.CopyTTLOut(f)
	case opCopyTTLIn:
		packet.CopyTTLIn(f)
	case opTruncate:
		return w.truncate(f, int(o.arg))
	case opPacketIn:
		if w.tr.rec == nil || w.tr.rec.effects {
			w.packetIn(o.in, f)
		}
	case opRecirc:
		w.recirculate(o.frozen, f)
	case opReassemble:
		if w.tr.rec != nil {
			w.tr.rec.held(f)
			break
		}
		w.reassemble(o.frozen, f)
	case opMeter:
		w.meter(o, f)
	}
	return f
}

// recirculate extracts f again and goes on where fz stopped. f's bytes are
// the caller's, who does nothing more with them unless it saved them.
func (w *worker) recirculate(fz *frozen, f *packet.Frame) {
	if w.recircs++; w.recircs > maxRecirc {
		w.d.drops[dropLoop].add(1)
		return
	}
	w.depth++
	w.counts.recirculated()
	k := &w.recircKey
	flow.Extract(f, f.InPort, k)
	if w.plant != nil {
		w.plant.extracted(k)
	}
	k.W[flow.WRecirc] = uint64(fz.id) << 32
	if fz.choice != nil {
		k.W[flow.WRecirc] |= uint64(w.choose(fz.choice, k) + 1)
	}
	k.Bits |= 1 << flow.WRecirc
	hash := k.Hash()
	p, stale := w.lookup(k, hash)
	if p == nil {
		p = w.program(k, hash, stale, fz.in, fz)
	}
	one := [1]*packet.Frame{f}
	p.cell.add(w.frame.packets, w.frame.bytes, w.now)
	w.run(p.ops, one[:])
	w.depth--
}

// setField writes a field of the frame. Fields that the frame does not have are
// left alone; translation knows of it.
func setField(f *packet.Frame, id flow.ID, v flow.Value) {
	switch id {
	case flow.EthDst:
		packet.SetEthDst(f, v.Lo)
	case flow.EthSrc:
		packet.SetEthSrc(f, v.Lo)
	case flow.EthType:
		packet.SetEthType(f, uint16(v.Lo))
	case flow.VLANVID:
		packet.SetVLANVID(f, uint16(v.Lo)&0xfff)
	case flow.VLANPCP:
		packet.SetVLANPCP(f, uint8(v.Lo))
	case flow.IPDSCP:
		packet.SetIPDSCP(f, uint8(v.Lo))
	case flow.IPECN:
		packet.SetIPECN(f, uint8(v.Lo))
	case flow.IPProto:
		packet.SetIPProto(f, uint8(v.Lo))
	case flow.IPv4Src:
		packet.SetIPv4Src(f, uint32(v.Lo))
	case flow.IPv4Dst:
		packet.SetIPv4Dst(f, uint32(v.Lo))
	case flow.TCPSrc:
		packet.SetTCPSrc(f, uint16(v.Lo))
	case flow.TCPDst:
		packet.SetTCPDst(f, uint16(v.Lo))
	case flow.UDPSrc:
		packet.SetUDPSrc(f, uint16(v.Lo))
	case flow.UDPDst:
		packet.SetUDPDst(f, uint16(v.Lo))
	case flow.SCTPSrc:
		packet.SetSCTPSrc(f, uint16(v.Lo))
	case flow.SCTPDst:
		packet.SetSCTPDst(f, uint16(v.Lo))
	case flow.ICMPv4Type:
		packet.SetICMPv4Type(f, uint8(v.Lo))
	case flow.ICMPv4Code:
		packet.SetICMPv4Code(f, uint8(v.Lo))
	case flow.ICMPv6Type:
		packet.SetICMPv6Type(f, uint8(v.Lo))
	case flow.ICMPv6Code:
		packet.SetICMPv6Code(f, uint8(v.Lo))
	case flow.ARPOp:
		packet.SetARPOp(f, uint16(v.Lo))
	case flow.ARPSpa:
		packet.SetARPSpa(f, uint32(v.Lo))
	case flow.ARPTpa:
		packet.SetARPTpa(f, uint32(v.Lo))
	case flow.ARPSha:
		packet.SetARPSha(f, v.Lo)
	case flow.ARPTha:
		packet.SetARPTha(f, v.Lo)
	case flow.IPv6Src:
		packet.SetIPv6Src(f, v.Hi, v.Lo)
	case flow.IPv6Dst:
		packet.SetIPv6Dst(f, v.Hi, v.Lo)
	case flow.IPv6Flabel:
		packet.SetIPv6Flabel(f, uint32(v.Lo))
	case flow.MPLSLabel:
		packet.SetMPLSLabel(f, uint32(v.Lo))
	case flow.MPLSTC:
		packet.SetMPLSTC(f, uint8(v.Lo))
	case flow.MPLSBOS:
		packet.SetMPLSBOS(f, v.Lo != 0)
	case flow.PBBISID:
		packet.SetPBBISID(f, uint32(v.Lo))
	case flow.IPv6NDTarget:
		packet.SetNDTarget(f, v.Hi, v.Lo)
	case flow.IPv6NDSll:
		packet.SetNDSll(f, v.Lo)
	case flow.IPv6NDTll:
		packet.SetNDTll(f, v.Lo)
	}
}
