package ofswitch

import (
	"sync"

	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// PacketOut sends a frame of a controller through an action list (OpenFlow
// 1.3.5 §7.3.7), before it returns. The list may send it through the flow
// tables by output to TABLE.
func (b *Bridge) PacketOut(m *ofp.PacketOut) error {
	return b.packetOut(m, true)
}

// packetOuts are those of messages that come alone, which are many one after the other.
var packetOuts = sync.Pool{New: func() any { return new(packetOut) }}

func (b *Bridge) packetOut(m *ofp.PacketOut, transmit bool) error {
	o := packetOuts.Get().(*packetOut)
	defer func() {
		*o = packetOut{}
		packetOuts.Put(o)
	}()
	if err := o.check(b, m); err != nil {
		return err
	}
	return o.run(transmit)
}

// DeferPacketOut is PacketOut of one of several that follow each other closely: the
// list has been carried out when it returns, but what it sends may leave by the next
// call of FlushPacketOuts only, which the caller makes soon, or of anything that waits for
// frames (PacketOut, Barrier, statistics). A system call for each frame costs more
// than all else that is done for it.
func (b *Bridge) DeferPacketOut(m *ofp.PacketOut) error {
	return b.packetOut(m, false)
}

// FlushPacketOuts has sent what DeferPacketOut left when it returns.
func (b *Bridge) FlushPacketOuts() { b.d.flushControl() }

// flushControl sends what the control executor has left to send.
func (d *Datapath) flushControl() {
	if d.ctlUnsent.Load() {
		d.lockControl()
		d.ctlMu.Unlock()
	}
}

// lockControl takes ctlMu for who uses the control executor's transmit batches
// for something else, and sends what is left in them.
func (d *Datapath) lockControl() {
	d.ctlMu.Lock()
	if d.ctlUnsent.Load() {
		d.ctl.epoch.enter()
		d.ctl.transmit()
		d.ctl.epoch.leave()
		d.ctlUnsent.Store(false)
	}
}

// packetOut is a packet-out that was found in order.
type packetOut struct {
	b       *Bridge
	frame   *packet.Frame
	key     flow.Key
	in      *port // nil: CONTROLLER, or none
	inPort  ofp.PortNo
	actions []ofp.Action
	held    *claim // whose frame it is; nil: the message's
	// accepted: that of a flow-mod that has been carried out. It cannot be refused.
	accepted bool
}

// checkPacketOut says what is wrong with a packet-out. Who does not send what it
// gives calls its undo.
func (b *Bridge) checkPacketOut(m *ofp.PacketOut) (*packetOut, error) {
	o := new(packetOut)
	if err := o.check(b, m); err != nil {
		return nil, err
	}
	return o, nil
}

// check makes o, which is empty, what a packet-out asks for, or says what is wrong with that.
func (o *packetOut) check(b *Bridge, m *ofp.PacketOut) (err error) {
	conf := b.conf.Load()
	in := conf.ports[m.InPort]
	if in == nil && m.InPort != ofp.PortController && m.InPort != ofp.PortAny {
		return ofp.BadRequestBadPort.Errorf("packet-out: bridge %s has no port %d to come from", b.name, m.InPort)
	}
	held, err := b.buffers.Load().claim("packet-out", m.BufferID)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			held.undo()
		}
	}()
	data := m.Data
	if held != nil {
		data = held.data
	}
	if len(data) < packet.EthernetLen || len(data) > packet.MaxFrame {
		return ofp.BadRequestBadPacket.Errorf("packet-out: %d bytes are no Ethernet frame", len(data))
	}
	f := packet.FromBytes(data)
	o.b, o.frame, o.in, o.inPort, o.actions, o.held = b, f, in, m.InPort, m.Actions, held
	k := &o.key
	num := uint32(0)
	if in != nil {
		num = in.num
	}
	flow.Extract(f, num, k)
	switch {
	case held != nil && held.refragment.GSOType != packet.GSONone:
		f.Offload = held.refragment
	case conf.frag == ofp.FragReasm && k.Bits&(1<<flow.WIP) != 0 && k.W[flow.WIP]&flow.FragAny == 0:
		// A controller that was sent a reassembled frame sends it back whole.
		f.Offload.GSOType = packet.GSORefragment
	}
	var match *flow.Match
	if !m.Legacy && flowtable.DependOnFrame(m.Actions) { // else actions need not fit the frame
		match = frameMatch(k, m.InPort)
	}
	if err := flowtable.ValidateActions(m.Actions, match, b.limits); err != nil {
		return err
	}
	f.InPort = num
	return nil
}

// undo leaves the buffer that the packet-out would have used to others.
func (o *packetOut) undo() { o.held.undo() }

// send carries it out. What it refuses needs no undo.
func (o *packetOut) send() error { return o.run(true) }

// run is send, or leaves what is to be sent to who comes next or to flushControl.
func (o *packetOut) run(transmit bool) error {
	d := o.b.d
	d.ctlMu.Lock()
	defer d.ctlMu.Unlock()
	w := d.ctl
	w.epoch.enter()
	defer w.epoch.leave()
	w.begin()
	if o.noPort() {
		if o.accepted {
			o.held.done()
			d.drops[dropNoPort].add(1)
			return nil
		}
		o.held.undo()
		return ofp.BadRequestBadPort.Errorf("packet-out: port %d has gone", o.inPort)
	}
	o.held.done()
	p := w.tr.packetOut(&o.key, o.b, o.in, o.inPort, o.actions)
	one := [1]*packet.Frame{o.frame}
	w.execute(p, one[:])
	w.tellUpcalls()
	if transmit {
		w.transmit()
	}
	d.ctlUnsent.Store(!transmit)
	d.foldControl()
	return nil
}

// begin of the control executor is that of a worker; its programs live for
// one packet-out. foldControl counts them; the epoch is still odd, so that a
// reader behind Sync finds them counted. What most do counts at ports alone.
func (d *Datapath) foldControl() {
	first := d.ctl.programs.take()
	counts := false
	for p := first; p != nil; p = p.next {
		counts = counts || len(p.credits) > 0 || len(p.effects) > 0
	}
	if counts {
		d.foldMu.Lock()
		for p := first; p != nil; p = p.next {
			p.fold()
			p.refresh()
		}
		d.foldMu.Unlock()
	}
	if first != nil {
		first.next = nil
		d.ctl.tr.spare = first
	}
}

// packetOut makes the program of a packet-out's action list.
func (t *translator) packetOut(k *flow.Key, b *Bridge, in *port, inPort ofp.PortNo, actions []ofp.Action) *program {
	t.start(k, in)
	wk := walk{bridge: b, conf: t.config(b), in: in, inPort: inPort, cookie: ^uint64(0), out: true}
	t.wide[flow.WMetadata] = 0
	t.setInPort(&wk)
	if t.rec != nil {
		t.rec.bridge(&wk)
	}
	if wk.in == nil || t.mirrorIn(&wk) {
		t.list(&wk, actions, nil)
	}
	p := t.finish()
	t.w.programs.push(p)
	return p
}

// frameMatch is the match of exactly the frame's types: what prerequisites of
// a packet-out's actions are checked against.
func frameMatch(k *flow.Key, in ofp.PortNo) *flow.Match {
	var w flow.Wide
	w.SetKey(k)
	var m flow.Match
	m.Set(flow.InPort, flow.Value{Lo: uint64(in)})
	ids := []flow.ID{flow.EthType}
	if w[flow.WVLAN]&tagPresent != 0 {
		ids = append(ids, flow.VLANVID)
	}
	if k.Bits&(1<<flow.WIP) != 0 {
		ids = append(ids, flow.IPProto)
		if k.Bits&(1<<flow.WL4) != 0 {
			switch v6 := k.Bits&(1<<flow.WIPv6Src) != 0; {
			case v6 && flow.IPProto.Field().Get(&w).Lo == packet.ProtoICMPv6:
				ids = append(ids, flow.ICMPv6Type, flow.ICMPv6Code)
			}
		}
	}
	for _, id := range ids {
		m.Set(id, id.Field().Get(&w))
	}
	return &m
}
