package jsonrpc

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// Options bound what a Conn takes and how long it waits.
type Options struct {
	// MaxMessage is the largest message received in bytes; 0 means
	// DefaultMaxMessage.
	MaxMessage int
	// MaxDepth is the deepest nesting received; 0 means DefaultMaxDepth.
	MaxDepth int
	// MaxValues is how many values a received message may have, about; 0: any
	// number. One takes ten times the memory and more when it is parsed.
	MaxValues int
	// Budget bounds what is being received on all connections that share it;
	// nil: nothing does.
	Budget *Budget
	// WriteTimeout is how long one message may take to be accepted by the
	// other end, where the stream has deadlines; 0 means for ever. A write
	// that times out leaves half a message behind: the Conn is closed.
	WriteTimeout time.Duration
}

// Conn sends and receives messages over a stream, commonly a net.Conn. One
// goroutine at a time may call Read; any number may send.
type Conn struct {
	rwc  io.ReadWriteCloser
	dec  *Decoder
	opts Options

	writeMu sync.Mutex
	buf     []byte // reused; guarded by writeMu
	broken  error  // first write error; guarded by writeMu

	closeOnce sync.Once
	closeErr  error
}

// NewConn takes over rwc.
func NewConn(rwc io.ReadWriteCloser, o Options) *Conn {
	d := NewDecoder(rwc, o.MaxMessage, o.MaxDepth)
	d.maxValues, d.budget = o.MaxValues, o.Budget
	return &Conn{rwc: rwc, dec: d, opts: o}
}

// Read waits for the next message. io.EOF: the other end closed cleanly. Any
// error is final; those that wrap ErrSyntax, ErrTooLarge or ErrTooDeep are the
// other end's fault.
func (c *Conn) Read() (*Message, error) {
	b, err := c.dec.Next()
	if err != nil {
		return nil, err
	}
	m, err := Parse(b)
	if err != nil {
		c.dec.err = err
		return nil, err
	}
	return m, nil
}

// EndRead gives back what the last message took of the Budget. Whoever calls Read
// calls it after the last time.
func (c *Conn) EndRead() { c.dec.release() }

// Send writes one message whole. After an error the connection is closed.
func (c *Conn) Send(m *Message) error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	b, err := m.Append(c.buf[:0])
	if err != nil {
		return err // nothing was written
	}
	if c.opts.WriteTimeout > 0 {
		if d, ok := c.rwc.(interface{ SetWriteDeadline(time.Time) error }); ok {
			if err := d.SetWriteDeadline(time.Now().Add(c.opts.WriteTimeout)); err != nil {
				return c.breakLocked(err)
			}
		}
	}
	if _, err := c.rwc.Write(b); err != nil {
		return c.breakLocked(err)
	}
	if cap(b) > 1<<16 {
		b = nil // do not hold on to the space of one large message
	}
	c.buf = b
	return nil
}

func (c *Conn) breakLocked(err error) error {
	c.broken = err
	// The write error is what the caller must hear of; that closing a broken
	// stream fails too says nothing more.
	_ = c.Close()
	return err
}

// Request sends a request. The reply comes from Read with the same id.
func (c *Conn) Request(id json.RawMessage, method string, params any) error {
	p, err := marshalParams(params)
	if err != nil {
		return err
	}
	return c.Send(&Message{Kind: KindRequest, ID: id, Method: method, Params: p})
}

// Notify sends a notification: a request that gets no reply.
func (c *Conn) Notify(method string, params any) error {
	p, err := marshalParams(params)
	if err != nil {
		return err
	}
	return c.Send(&Message{Kind: KindNotify, Method: method, Params: p})
}

// Reply answers the request with this id.
func (c *Conn) Reply(id json.RawMessage, result any) error {
	r, err := marshal(result)
	if err != nil {
		return err
	}
	return c.Send(&Message{Kind: KindReply, ID: id, Result: r})
}

// ReplyError answers the request with this id by an error, commonly a string.
func (c *Conn) ReplyError(id json.RawMessage, e any) error {
	r, err := marshal(e)
	if err != nil {
		return err
	}
	return c.Send(&Message{Kind: KindError, ID: id, Error: r})
}

// Close closes the stream. A Read or Send in progress returns an error. It may
// be called from any goroutine and more than once.
func (c *Conn) Close() error {
	c.closeOnce.Do(func() { c.closeErr = c.rwc.Close() })
	return c.closeErr
}

func marshalParams(params any) (json.RawMessage, error) {
	if params == nil {
		return json.RawMessage("[]"), nil
	}
	return marshal(params)
}
