package ofconn

import (
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"ofswitch/ofp"
)

// Answers are written by the goroutine that reads, when it has carried out all that
// it has read and would wait for the peer: a peer that waits for each answer
// before it asks again does not wait for the writer's goroutine too, nor for a
// thread to be woken for it. What the socket does not take at once, what is much, and
// what comes before something that may take long is left to the writer.

// answerDirectly is how many bytes the reader writes itself.
const answerDirectly = 8 << 10

// writeBuffers are for several messages that are written together.
var writeBuffers = sync.Pool{New: func() any { return new([writeChunk]byte) }}

// rawConn is the socket of a connection that may be written to without waiting; nil:
// there is none, since it is encrypted or no socket.
func rawConn(nc any) syscall.RawConn {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// answer writes the answers that wait, or has the writer do it. Only the reader
// calls it, before it waits for the peer.
func (c *conn) answer() {
	if !c.unanswered {
		return
	}
	c.unanswered = false
	if c.raw == nil {
		signal(c.out.wake)
		return
	}
	msgs := c.out.takeAnswers()
	if msgs == nil {
		return
	}
	var b []byte
	if len(msgs) == 1 {
		b = msgs[0].b
	} else {
		buf := writeBuffers.Get().(*[writeChunk]byte)
		defer writeBuffers.Put(buf)
		b = buf[:0]
		for _, m := range msgs {
			b = append(b, m.b...)
		}
	}
	for i := range msgs {
		if !msgs[i].shown { // the rest of one that the socket took a part of has been
			c.snoop(true, msgs[i].b)
			msgs[i].shown = true
		}
	}
	c.out.answered(msgs, c.writeNow(b))
}

// writeNow writes as much of b as the socket takes at once, and says how much that is.
func (c *conn) writeNow(b []byte) (n int) {
	err := c.raw.Control(func(fd uintptr) {
		// It fails where the peer takes no more now, or never: the writer finds out which.
		n, _ = unix.Write(int(fd), b)
	})
	if err != nil {
		return 0 // closed
	}
	return max(n, 0)
}

// leaveAnswers has the writer write what waits, before the reader does something of
// type t that may take long.
func (c *conn) leaveAnswers(t ofp.Type) {
	switch t {
	case ofp.TypeMultipartRequest, ofp.TypeExperimenter, ofp.TypeBarrierRequest:
		if c.unanswered {
			c.unanswered = false
			signal(c.out.wake)
		}
	}
}

// takeAnswers gives what waits to be written in order, for answered to be called
// when it is; nil if the writer has it, or is to take it.
func (o *outbox) takeAnswers() []outMsg {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writing || o.answering || o.dropped || len(o.fifo) == 0 {
		return nil // the writer looks again when it, or PacketIns, has written
	}
	if o.replyBytes+o.asyncBytes+o.monitorBytes > answerDirectly {
		signal(o.wake)
		return nil
	}
	msgs := o.fifo
	o.fifo, o.spare = o.spare[:0], nil
	o.answering = true
	return msgs
}

// answered takes n bytes of messages out of the accounts, which the socket has, and
// leaves the rest to the writer.
func (o *outbox) answered(msgs []outMsg, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answering = false
	for i := range msgs {
		m := &msgs[i]
		if len(m.b) > n {
			if n > 0 { // a part of it: the rest is a message of its own
				o.writtenLocked(outMsg{b: m.b[:n], async: m.async, monitor: m.monitor, rest: m.rest})
				m.b = m.b[n:]
				m.rest = true
			}
			if !o.dropped {
				o.fifo = append(msgs[i:len(msgs):len(msgs)], o.fifo...)
			}
			signal(o.wake)
			return
		}
		n -= len(m.b)
		o.writtenLocked(*m)
	}
	if cap(msgs) <= 64 {
		clear(msgs)
		o.spare = msgs[:0]
	}
	if len(o.fifo) > 0 || o.pins.total > 0 || o.finished {
		signal(o.wake)
	}
}
