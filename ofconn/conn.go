package ofconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"ofswitch/ofp"
	"ofswitch/ofp/of10"
)

// conn is one connection to a controller or a tool. run is its life; the other
// methods say who may call them.
type conn struct {
	m       *Manager
	nc      net.Conn
	raw     syscall.RawConn // for answers; nil: the writer's alone
	target  string          // as configured
	peer    string          // address of the other end, for logs
	tool    bool            // accepted by a listener flagged Management
	dialled bool            // counts for fail mode
	log     *slog.Logger
	out     *outbox
	since   time.Time // when it was opened

	// probe is the inactivity probe interval, at most 0 for none.
	probe atomic.Int64

	// channel holds what the controller's connections share: role, async,
	// missSendLen. auxID is 0 for its main connection.
	*channel
	auxID uint8

	// v10 reads and writes for a peer that speaks OpenFlow 1.0; nil for 1.3. It is
	// set before the connection gets asynchronous messages.
	v10 *of10.Codec

	// helloAt is when the version was negotiated; nil before.
	helloAt atomic.Pointer[time.Time]

	warned     atomic.Bool // of dropped flow-removed messages
	unwritable atomic.Bool // a write failed: set before the outbox is dropped

	// up and down are called by the reader when a dialled main connection's setup
	// is complete, and at once when it is broken; nil for the others. down may be
	// called again.
	up, down func()

	done      chan struct{} // closed by close
	closeOnce sync.Once
	reason    error // why; written before done is closed

	bundles  bundles // open ones
	monitors flowMonitors

	// Owned by the goroutine that reads.
	in          reader
	unanswered  bool // replies wait that the writer may not know of
	unsent      int  // packet-outs that the switch may not have sent yet
	version     uint8
	badVersions int // messages in a row of another version
	parts       partsTable
}

// connOptions are what a dialer or listener knows of its connections.
type connOptions struct {
	target     string
	dialled    bool
	management bool
	probe      time.Duration
	rate       int
	burst      int
	// auxID and main make it an auxiliary connection.
	auxID uint8
	main  *conn
}

func newConn(m *Manager, nc net.Conn, o connOptions) *conn {
	peer := nc.RemoteAddr().String()
	if peer == "" || peer == "@" {
		peer = "a local client" // Unix sockets of clients have no name
	}
	if o.dialled {
		peer = o.target
	}
	c := &conn{
		m:       m,
		nc:      nc,
		raw:     rawConn(nc),
		target:  o.target,
		peer:    peer,
		tool:    o.management,
		dialled: o.dialled,
		log:     m.log.With("target", o.target, "peer", peer),
		out:     newOutbox(&m.monitorBytes, &m.pinDrops),
		since:   time.Now(),
		done:    make(chan struct{}),
	}
	c.probe.Store(int64(o.probe))
	if o.main != nil {
		c.channel, c.auxID = o.main.channel, o.auxID
		c.log = c.log.With("auxiliary", o.auxID)
	} else {
		c.channel = newChannel(c, o.management)
	}
	c.monitors.c = c
	c.parts.total = &m.partBytes
	c.out.setRate(o.rate, o.burst)
	return c
}

// close ends the connection at once. Any goroutine may call it; the first
// reason counts.
func (c *conn) close(reason error) {
	c.closeOnce.Do(func() {
		c.reason = reason
		close(c.done)
		c.goDown()
		c.out.drop()
		// What matters is the reason; a socket that fails to close is gone too.
		_ = c.nc.Close()
	})
}

// run speaks to the peer until the connection ends and gives the reason. ctx
// ends it. It runs in the goroutine of the dialer or one of the listener's, and
// waits for the writer that it starts.
func (c *conn) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { c.close(errStopped) })
	defer stop()
	if err := c.handshakeTLS(ctx); err != nil {
		c.close(err)
		return c.reason
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	err := c.read()
	c.goDown()
	c.m.remove(c)
	c.m.updateMiss()
	c.dropBundles()
	c.dropParts()
	c.endMonitors()
	c.linger(err, written)
	c.close(err)
	<-written
	c.monitors.goroutines.Wait()
	return c.reason
}

// read shakes hands and processes messages until the connection ends.
func (c *conn) read() error {
	c.in.init(c)
	if err := c.hello(); err != nil {
		return err
	}
	if !c.m.add(c) {
		return errStopped
	}
	c.m.updateMiss()
	c.goUp()
	for {
		h, msg, err := c.in.next()
		if err != nil {
			var refused *ofp.Error
			if errors.As(err, &refused) {
				// The header's length is impossible: the framing is lost.
				_ = c.refuse(h, msg, err) // the connection ends either way
				return refuse(errGarbage, "%v", err)
			}
			return err
		}
		c.snoop(false, msg)
		err = c.dispatch(h, msg)
		c.sendDeferred()
		if err != nil {
			return err
		}
	}
}

// linger lets what is queued reach the peer when the connection ends by our own
// refusal, or because the peer has closed its half after its last request.
func (c *conn) linger(err error, written <-chan struct{}) {
	var refused *refusedError
	if !errors.As(err, &refused) && !errors.Is(err, errPeerClosed) {
		return
	}
	c.out.finish()
	deadline := time.Now().Add(lingerTime)
	timer := time.NewTimer(lingerTime)
	defer timer.Stop()
	select {
	case <-written:
	case <-c.done:
		return
	case <-timer.C:
		return
	}
	if h, ok := c.nc.(interface{ CloseWrite() error }); !ok || h.CloseWrite() != nil {
		return // no way to wait for the peer
	}
	if errors.Is(err, errPeerClosed) || c.nc.SetReadDeadline(deadline) != nil {
		return
	}
	// Until the peer has closed too or its time is up: either way we are done.
	_, _ = io.CopyN(io.Discard, c.nc, lingerBytes)
}

// write empties the outbox until it is finished or the connection closed.
func (c *conn) write() {
	var spare batch
	var buf *[writeChunk]byte // nil while nothing is written
	release := func() {
		if buf != nil {
			writeBuffers.Put(buf)
			buf = nil
		}
	}
	defer release()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		b, wait, more := c.out.take(time.Now(), spare)
		if len(b.fifo) == 0 && len(b.pins) == 0 {
			if !more {
				return
			}
			release() // a thousand idle connections hold no buffers
			spare = batch{}
			var later <-chan time.Time
			if wait > 0 {
				timer.Reset(wait)
				later = timer.C
			}
			select {
			case <-c.out.wake:
			case <-later:
			case <-c.done:
				return
			}
			continue
		}
		if buf == nil {
			buf = writeBuffers.Get().(*[writeChunk]byte)
		}
		if err := c.writeBatch(b, buf[:0]); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.close(errStalled)
				return
			}
			// The peer takes nothing any more, but what it sent before it went
			// may still be there to be read, and counts.
			c.unwritable.Store(true)
			c.out.drop()
			return
		}
		clear(b.fifo)
		clear(b.pins)
		spare = batch{}
		if cap(b.fifo) <= 1024 {
			spare = b
		}
	}
}

// writeBatch writes b in pieces of up to writeChunk bytes, several messages in
// each, by way of buf, which has room for so many.
func (c *conn) writeBatch(b batch, buf []byte) error {
	pending := b.fifo
	taken := 0 // messages of pending that are in buf
	write := func(b []byte) error {
		if err := c.nc.SetWriteDeadline(time.Now().Add(c.m.o.stall)); err != nil {
			return err
		}
		if _, err := c.nc.Write(b); err != nil {
			return err
		}
		for _, m := range pending[:taken] {
			c.out.written(m)
		}
		pending, taken = pending[taken:], 0
		return nil
	}
	flush := func() error {
		if len(buf) == 0 {
			return nil
		}
		err := write(buf)
		buf = buf[:0]
		return err
	}
	for _, m := range b.fifo {
		if m.part && len(m.b) > writeChunk/2 {
			if err := flush(); err != nil {
				return err
			}
			c.snoop(true, m.b)
			taken = 1
			if err := write(m.b); err != nil {
				return err
			}
			freeRoom(m.b)
			continue
		}
		if len(buf)+len(m.b) > writeChunk {
			if err := flush(); err != nil {
				return err
			}
		}
		buf = append(buf, m.b...)
		taken++
		if !m.shown {
			c.snoop(true, m.b)
		}
	}
	for _, p := range b.pins {
		if len(buf)+len(p) > writeChunk {
			if err := flush(); err != nil {
				return err
			}
		}
		buf = append(buf, p...)
		c.snoop(true, p)
	}
	if err := flush(); err != nil {
		return err
	}
	c.out.writtenPins(len(b.pins))
	return nil
}

// snoop shows a message of a controller to those who snoop.
func (c *conn) snoop(toPeer bool, msg []byte) {
	if c.m.o.Snoop != nil && !c.tool {
		c.m.o.Snoop(c.peer, toPeer, msg)
	}
}

// send queues a message for the peer, waiting for room. It fails when the
// connection is closed, with errUnwritable when the peer takes nothing any more.
// Only the reader calls it.
func (c *conn) send(b []byte) error { return c.sendMsg(outMsg{b: b}) }

func (c *conn) sendMsg(m outMsg) error {
	c.unanswered = true
	if c.unsent > 0 {
		c.unsent = 0
		c.m.sw.FlushPacketOuts() // this may wait for the peer
	}
	switch {
	case c.out.put(m, c.done):
		return nil
	case c.unwritable.Load():
		return errUnwritable
	}
	return net.ErrClosed
}

// reply sends a message. That the peer is not there to take it is no reason
// not to process the rest of what it sent.
func (c *conn) reply(xid uint32, m ofp.Message) error {
	b := c.encode(xid, m)
	if b == nil {
		return nil // nothing of the kind in the connection's version
	}
	if err := c.send(b); err != errUnwritable {
		return err
	}
	return nil
}

// refuse answers a message by the error that it met. An error of ofp's decoder
// or of the switch is sent as it is.
func (c *conn) refuse(h ofp.Header, msg []byte, reason error) error {
	var refused *ofp.Error
	if errors.As(reason, &refused) {
		c.log.Debug("message refused", "message", h.String(), "reason", reason)
	} else {
		c.log.Error("message could not be carried out", "message", h.String(), "error", reason)
	}
	return c.reply(h.XID, ofp.ErrorFor(reason, msg))
}

// readError puts what ended a read in terms of Status.
func readError(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return errPeerClosed
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w in the middle of a message", errPeerClosed)
	}
	return err
}
