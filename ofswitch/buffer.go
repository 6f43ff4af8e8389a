package ofswitch

import (
	"math/rand/v2"
	"sync"

	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// bufferedFrame is a frame that a controller may name by its buffer id.
type bufferedFrame struct {
	data   []byte // nobody writes to it
	inPort ofp.PortNo
	// refragment is the offload state of a reassembled frame; else zero.
	refragment packet.Offload
}

// buffers keeps the frames of a bridge's packet-ins until a controller says
// what becomes of them, each once (OpenFlow 1.3.5 §6.1.2, §7.4.1). There is a
// fixed number of slots; an id is the number of a slot and a cookie that rises
// with each frame in it, so that an id of an earlier frame is recognised and never
// names a later one. A slot is free again when its frame was used, or after
// bufferTime. When none is free, or the frames together would be more than
// bufferBytes, a packet-in carries the whole frame.
type buffers struct {
	clock func() int64

	mu    sync.Mutex // leaf; guards what follows
	slots []bufferSlot
	free  slotList // longest free first: a slot's ids come back late
	full  slotList // oldest first
	bytes int      // of all frames kept
}

// bufferSlot is the place of one frame. It is in one of the lists, unless claimed.
type bufferSlot struct {
	prev, next int32

	frame   bufferedFrame // data nil: free
	claimed bool          // a message is about to use it
	at      int64         // when it was filled, ns
	cookie  uint16        // of the newest frame
	// Bit i is about the frame before that by i: whether there was one, and
	// whether it was used. What is older is forgotten.
	given, used uint64
}

// slotList is a list of slots by number, -1 at its ends.
type slotList struct{ first, last int32 }

const (
	bufferSlotBits = 16
	// maxBuffers keeps ofp.NoBuffer from being an id.
	maxBuffers = 1<<bufferSlotBits - 1
)

// newBuffers makes n empty buffers, 1 to maxBuffers. The first cookies are
// random, so that ids from before a restart are most likely not known.
func newBuffers(n int, clock func() int64) *buffers {
	s := &buffers{clock: clock, slots: make([]bufferSlot, n), free: slotList{-1, -1}, full: slotList{-1, -1}}
	for i := range s.slots {
		s.slots[i].cookie = uint16(rand.Uint32())
		s.pushLocked(&s.free, int32(i))
	}
	return s
}

func (s *buffers) pushLocked(l *slotList, i int32) {
	e := &s.slots[i]
	e.prev, e.next = l.last, -1
	if l.last >= 0 {
		s.slots[l.last].next = i
	} else {
		l.first = i
	}
	l.last = i
}

func (s *buffers) pushFrontLocked(l *slotList, i int32) {
	e := &s.slots[i]
	e.prev, e.next = -1, l.first
	if l.first >= 0 {
		s.slots[l.first].prev = i
	} else {
		l.last = i
	}
	l.first = i
}

func (s *buffers) unlinkLocked(l *slotList, i int32) {
	e := &s.slots[i]
	if e.prev >= 0 {
		s.slots[e.prev].next = e.next
	} else {
		l.first = e.next
	}
	if e.next >= 0 {
		s.slots[e.next].prev = e.prev
	} else {
		l.last = e.prev
	}
}

// keep takes a frame and gives its id, ofp.NoBuffer if there is no room.
func (s *buffers) keep(f bufferedFrame) uint32 {
	now := s.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked(now)
	i := s.free.first
	if i < 0 || s.bytes+len(f.data) > bufferBytes {
		return ofp.NoBuffer
	}
	s.unlinkLocked(&s.free, i)
	s.pushLocked(&s.full, i)
	e := &s.slots[i]
	e.frame, e.at = f, now
	e.cookie++
	e.given, e.used = e.given<<1|1, e.used<<1
	s.bytes += len(f.data)
	return uint32(e.cookie)<<bufferSlotBits | uint32(i)
}

// expire frees the slots of frames that nobody asked for in time.
func (s *buffers) expire() {
	now := s.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked(now)
}

func (s *buffers) expireLocked(now int64) {
	for s.full.first >= 0 && now-s.slots[s.full.first].at >= int64(bufferTime) {
		i := s.full.first
		s.unlinkLocked(&s.full, i)
		s.releaseLocked(i)
	}
}

// releaseLocked frees a slot that is in no list.
func (s *buffers) releaseLocked(i int32) {
	e := &s.slots[i]
	s.bytes -= len(e.frame.data)
	e.frame = bufferedFrame{}
	s.pushLocked(&s.free, i)
}

// claim is a buffered frame that a message is about to use: nobody else gets it
// until undo, and nobody at all after done. A nil claim is that of a message that
// names no buffer.
type claim struct {
	bufferedFrame
	s    *buffers
	slot int32
}

// claim finds the frame of id for a message, which what names. id ofp.NoBuffer
// gives nil. Errors: BUFFER_EMPTY when the frame was used before; BUFFER_UNKNOWN
// when there never was one of this id, or its time is over.
func (s *buffers) claim(what string, id uint32) (*claim, error) {
	switch {
	case id == ofp.NoBuffer:
		return nil, nil
	case s == nil:
		return nil, ofp.BadRequestBufferUnknown.Errorf("%s: buffer %#x does not exist: this bridge has no packet buffers; set other_config:packet-buffers, or send the frame itself", what, id)
	}
	now := s.clock()
	i, cookie := int32(id&maxBuffers), uint16(id>>bufferSlotBits)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked(now)
	if int(i) < len(s.slots) {
		e := &s.slots[i]
		age := e.cookie - cookie
		switch {
		case age >= 64:
		case age == 0 && e.frame.data != nil && !e.claimed:
			e.claimed = true
			s.unlinkLocked(&s.full, i)
			return &claim{e.frame, s, i}, nil
		case e.used>>age&1 != 0 || age == 0 && e.claimed:
			return nil, ofp.BadRequestBufferEmpty.Errorf("%s: buffer %#x has been used already; each is for one message", what, id)
		case e.given>>age&1 != 0:
			return nil, ofp.BadRequestBufferUnknown.Errorf("%s: buffer %#x does not exist any more: a frame is kept for %v", what, id, bufferTime)
		}
	}
	return nil, ofp.BadRequestBufferUnknown.Errorf("%s: buffer %#x was never given out", what, id)
}

// done ends a claim whose message was carried out: the buffer is used up.
func (c *claim) done() {
	if c == nil {
		return
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	e := &c.s.slots[c.slot]
	e.claimed = false
	e.used |= 1
	c.s.releaseLocked(c.slot)
}

// undo ends a claim whose message was refused: the buffer is as it was before.
func (c *claim) undo() {
	if c == nil {
		return
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	e := &c.s.slots[c.slot]
	e.claimed = false
	c.s.pushFrontLocked(&c.s.full, c.slot) // it was claimed for a moment only
}

// SetPacketBuffers makes the bridge keep up to n frames of packet-ins, 0 for none:
// packet-ins then carry whole frames. A change forgets what was kept. n beyond
// MaxPacketBuffers counts as that. Controllers read the number in the features
// reply.
func (b *Bridge) SetPacketBuffers(n int) {
	n = min(max(n, 0), MaxPacketBuffers)
	if n == b.packetBuffers() {
		return
	}
	var s *buffers
	if n > 0 {
		s = newBuffers(n, b.d.clock)
	}
	b.buffers.Store(s)
}

// MaxPacketBuffers is the most frames that a bridge keeps for its controllers.
const MaxPacketBuffers = maxBuffers

// packetBuffers is the number of buffers.
func (b *Bridge) packetBuffers() int {
	if s := b.buffers.Load(); s != nil {
		return len(s.slots)
	}
	return 0
}

// claimFor claims the buffer of a flow-mod. Deletions do not look at theirs
// (OpenFlow 1.3.5 §7.3.4.1).
func (b *Bridge) claimFor(m *ofp.FlowMod) (*claim, error) {
	if m.Command == ofp.FlowDelete || m.Command == ofp.FlowDeleteStrict {
		return nil, nil
	}
	return b.buffers.Load().claim("flow-mod", m.BufferID)
}

// sendThrough sends the frame of a flow-mod's buffer through the flow tables. nil:
// the flow-mod names none.
func (b *Bridge) sendThrough(c *claim) {
	if c == nil {
		return
	}
	if err := b.throughTables(c).send(); err != nil {
		b.d.log.Error("a buffered frame was not sent", "bridge", b.name, "err", err) // what is accepted is not refused
	}
}

// throughTables is what a flow-mod that names a buffer implies: a packet-out to
// TABLE from the frame's ingress port (OpenFlow 1.3.5 §7.3.4.1). The flow-mod has
// been accepted, so nothing is refused any more: without that port the frame is
// dropped.
func (b *Bridge) throughTables(c *claim) *packetOut {
	o := &packetOut{b: b, frame: packet.FromBytes(c.data), in: b.conf.Load().ports[c.inPort], inPort: c.inPort,
		actions: []ofp.Action{ofp.Output{Port: ofp.PortTable}}, held: c, accepted: true}
	o.frame.Offload = c.refragment
	if o.in != nil {
		o.frame.InPort = o.in.num
	}
	flow.Extract(o.frame, o.frame.InPort, &o.key)
	return o
}

// noPort says that the packet-out's ingress port is not there any more.
func (o *packetOut) noPort() bool {
	if o.in != nil {
		return o.in.gone.Load()
	}
	return o.inPort != ofp.PortController && o.inPort != ofp.PortAny
}

// flowMod carries out a flow-mod of a transaction. Its buffered frame is sent with
// the packet-outs, in their order.
func (t *transaction) flowMod(m *ofp.FlowMod) (*flowtable.Change, error) {
	buffered, err := t.b.claimFor(m)
	if err != nil {
		return nil, err
	}
	c, err := t.b.tables.Apply(m, t.v, t.now)
	if err != nil {
		buffered.undo()
		return nil, err
	}
	if buffered != nil {
		t.outs = append(t.outs, t.b.throughTables(buffered))
	}
	return c, nil
}
