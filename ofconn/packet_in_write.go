package ofconn

import (
	"slices"
	"time"
)

// Packet-ins are written by the goroutine that brings them, all that one call of Manager.PacketIns has
// brought together: so a controller need not wait for the writer's goroutine too. What the socket does
// not take at once, and what comes behind something else that waits, is left to the writer.

// writePacketIns writes packet-ins that wait, or has the writer do it. It does not block.
func (c *conn) writePacketIns() {
	if c.raw == nil {
		signal(c.out.wake)
		return
	}
	pins := c.out.takePacketIns(time.Now())
	if pins == nil {
		return
	}
	buf := writeBuffers.Get().(*[writeChunk]byte)
	defer writeBuffers.Put(buf)
	b := buf[:0]
	for _, p := range pins {
		b = append(b, p...)
		c.snoop(true, p)
	}
	c.out.wrotePacketIns(pins, b, c.writeNow(b))
}

// takePacketIns gives packet-ins to be written, at most writeChunk bytes of them or one that is longer, for
// wrotePacketIns to be called when they are; nil if the writer is to write them.
func (o *outbox) takePacketIns(now time.Time) [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writing || o.answering || o.dropped || len(o.fifo) > 0 {
		signal(o.wake)
		return nil
	}
	pins := o.direct[:0]
	for room := writeChunk; o.pins.nextLen() <= room || len(pins) == 0; {
		b, _ := o.pins.pop(now)
		if b == nil {
			break
		}
		pins = append(pins, b)
		room -= len(b)
	}
	if len(pins) == 0 {
		signal(o.wake) // the writer knows when it may
		return nil
	}
	o.direct, o.answering = nil, true
	return pins
}

// wrotePacketIns takes the first n bytes of packet-ins, which together are b, out of the accounts: the socket
// has them. The rest is left to the writer.
func (o *outbox) wrotePacketIns(pins [][]byte, b []byte, n int) {
	whole, end := 0, 0
	for whole < len(pins) && end+len(pins[whole]) <= n {
		end += len(pins[whole])
		whole++
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answering = false
	o.writtenPinsLocked(whole)
	left := len(pins) - whole
	switch {
	case left > 0 && o.dropped:
		o.pins.droppedClosed(left)
	case left > 0:
		m := outMsg{b: slices.Clone(b[n:]), rest: true, shown: true, pins: uint16(left)}
		o.fifo = slices.Insert(o.fifo, 0, m)
		o.replyBytes += len(m.b)
	}
	clear(pins)
	if cap(pins) <= sparePins {
		o.direct = pins[:0]
	}
	if len(o.fifo) > 0 || o.pins.total > 0 || o.finished {
		signal(o.wake)
	}
}
