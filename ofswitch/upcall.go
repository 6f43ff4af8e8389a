package ofswitch

import (
	"slices"
	"sync"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// PacketIn is a frame for the controllers.
type PacketIn = ofp.PacketInEvent

// upcall is a packet-in on its way: a copy of the frame.
type upcall struct {
	op    *packetInOp
	frame packet.Frame
}

// upcallQueue holds the packet-ins of one ingress port. Workers put in, the
// goroutine of upcalls takes out, under upcalls.mu.
type upcallQueue struct {
	items   []upcall
	head    int
	waiting bool // in upcalls.ready
}

// upcalls carries frames from workers to controllers: bounded, each port in
// its turn, never in a worker's way. Closed with the datapath.
type upcalls struct {
	d     *Datapath
	pools *packet.Pools // of the goroutine that drains
	segs  []*packet.Frame
	wake  chan struct{} // holds one token

	// Of the goroutine that drains:
	batch []upcall   // taken out
	ins   []PacketIn // made of them, for the controllers of one bridge:
	to    Controllers

	mu    sync.Mutex
	ready []*upcallQueue // queues with packet-ins, the next in turn at turn
	turn  int
	bytes int // of all frames that wait
}

// upcallBatch is how many packet-ins are taken out at once. Those that wait are no
// worse off: one of a port that comes later is served after at most so many.
const upcallBatch = 32

func newUpcalls(d *Datapath) *upcalls {
	return &upcalls{d: d, pools: packet.NewPools(), wake: make(chan struct{}, 1)}
}

// offer copies the frame into its port's queue, or drops and counts. This is
// the one place where a worker copies and allocates for a frame that it
// forwards. Somebody has to call tell afterwards.
func (u *upcalls) offer(op *packetInOp, f *packet.Frame) {
	q, n := op.queue, f.Len()
	u.mu.Lock()
	switch {
	case len(q.items)-q.head >= upcallsPerPort:
		u.mu.Unlock()
		u.d.drops[dropUpcall].add(1)
		return
	case u.bytes+n > upcallBytes:
		u.mu.Unlock()
		u.d.drops[dropUpcallMem].add(1)
		return
	}
	buf := make([]byte, packet.Headroom+n)
	copy(buf[packet.Headroom:], f.Bytes())
	c := packet.NewFrame(buf, packet.Headroom, len(buf))
	c.Offload, c.Layers, c.InPort = f.Offload, f.Layers, f.InPort
	u.bytes += n
	q.items = append(q.items, upcall{op, c})
	if !q.waiting {
		q.waiting = true
		u.ready = append(u.ready, q)
	}
	u.mu.Unlock()
}

// tell has what was offered taken out.
func (u *upcalls) tell() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// take puts packet-ins into u.batch, one of each queue in its turn, as many as there
// are and fit.
func (u *upcalls) take() {
	clear(u.batch)
	u.batch = u.batch[:0]
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.batch) < upcallBatch && len(u.ready) > 0 {
		if u.turn >= len(u.ready) {
			u.turn = 0
		}
		q := u.ready[u.turn]
		u.batch = append(u.batch, q.items[q.head])
		u.bytes -= q.items[q.head].frame.Len()
		q.items[q.head] = upcall{}
		q.head++
		switch {
		case q.head == len(q.items):
			q.waiting, q.head, q.items = false, 0, q.items[:0]
			if cap(q.items) > upcallBatch {
				q.items = nil // a port that is silent again keeps no memory
			}
			u.ready = slices.Delete(u.ready, u.turn, u.turn+1)
			continue
		case q.head > upcallsPerPort: // so that the slice does not walk on for ever
			q.items, q.head = slices.Delete(q.items, 0, q.head), 0
		}
		u.turn++
	}
}

// loop hands packet-ins to the controllers until the datapath stops.
func (u *upcalls) loop() {
	for {
		select {
		case <-u.wake:
			u.drain()
		case <-u.d.stop:
			return
		}
	}
}

// drain delivers all that waits.
func (u *upcalls) drain() {
	for {
		u.take()
		if len(u.batch) == 0 {
			return
		}
		for i := range u.batch {
			u.deliver(&u.batch[i])
		}
		u.flush()
	}
}

// deliver finishes the frame and gives it to the controllers.
func (u *upcalls) deliver(up *upcall) {
	f := &up.frame
	if !f.Offload.IsGSO() {
		if f.Offload.NeedsCsum {
			if err := packet.FinishChecksum(f); err != nil {
				u.d.drops[dropChecksum].add(1)
				return
			}
		}
		u.send(up.op, f)
		return
	}
	segs, err := packet.Segment(f, 0, u.pools, u.segs[:0])
	u.segs = segs
	if err != nil {
		u.d.drops[dropSegment].add(1)
		return
	}
	for _, s := range segs {
		u.send(up.op, packet.FromBytes(s.Bytes()))
	}
	u.flush() // before others get their memory
	for _, s := range segs {
		if s != f {
			u.pools.Put(s)
		}
	}
}

// send gives f, which is nobody else's and has no offload state but that of a
// reassembled frame, to the controllers, together with those that follow.
func (u *upcalls) send(o *packetInOp, f *packet.Frame) {
	c := o.bridge.opts.Controllers
	if c == nil {
		return
	}
	if c != u.to || len(u.ins) >= upcallBatch {
		u.flush()
		u.to = c
	}
	data := f.Bytes()
	u.ins = append(u.ins, PacketIn{
		Msg: ofp.PacketIn{
			BufferID: ofp.NoBuffer,
			TotalLen: uint16(min(len(data), 0xffff)),
			Reason:   o.reason,
			Table:    o.table,
			Cookie:   o.cookie,
			Match:    o.match,
			Data:     data,
		},
		InPort:  o.inPort,
		MaxLen:  o.maxLen,
		NoEntry: o.noEntry,
	})
	if s := o.bridge.buffers.Load(); s != nil && (o.noEntry || o.reason == ofp.PacketInInvalidTTL || o.maxLen != ofp.ControllerNoBuffer) {
		kept := bufferedFrame{data: data, inPort: o.inPort, refragment: f.Offload}
		u.ins[len(u.ins)-1].Buffer = func() uint32 { return s.keep(kept) }
	}
}

// flush hands over what send has gathered.
func (u *upcalls) flush() {
	if len(u.ins) > 0 {
		u.to.PacketIns(u.ins)
		clear(u.ins)
		u.ins = u.ins[:0]
	}
}

// packetInMatch is the match of a packet-in (OpenFlow 1.3.5 §7.4.1): the
// ingress port, and metadata and tunnel where they are not zero.
func packetInMatch(in ofp.PortNo, w *flow.Wide) flow.Match {
	var m flow.Match
	m.Set(flow.InPort, flow.Value{Lo: uint64(in)})
	for _, id := range []flow.ID{flow.Metadata, flow.TunnelID} {
		if v := id.Field().Get(w); v.Lo != 0 {
			m.Set(id, v)
		}
	}
	return m
}
