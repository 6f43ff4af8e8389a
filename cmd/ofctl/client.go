package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"ofswitch/ofp"
)

// client is an OpenFlow connection to a switch, from our side of which requests
// are sent one after the other. It answers echo requests by itself.
//
// transact may read and write at the same time; otherwise a client is for one
// goroutine.
type client struct {
	nc      net.Conn
	r       *bufio.Reader
	buf     []byte // of the last message read
	name    string // of the peer, for messages
	timeout time.Duration
	xid     uint32 // last transaction id used
}

// connect dials a switch and shakes hands.
func connect(t target, timeout time.Duration) (*client, error) {
	nc, err := t.dial(timeout)
	if err != nil {
		return nil, err
	}
	c := newClient(nc, t.text, timeout)
	if err := c.handshake(); err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

func newClient(nc net.Conn, name string, timeout time.Duration) *client {
	return &client{nc: nc, r: bufio.NewReaderSize(nc, 1<<16), name: name, timeout: timeout}
}

// Close ends the connection.
func (c *client) Close() error { return c.nc.Close() }

// handshake exchanges hellos and agrees on version 1.3 (OpenFlow 1.3.5 §6.3.1).
func (c *client) handshake() error {
	own := ofp.VersionBitmap(ofp.Version)
	if _, err := c.send(&ofp.Hello{Versions: own}); err != nil {
		return err
	}
	h, msg, err := c.read()
	if err != nil {
		return err
	}
	m, err := ofp.Decode(h, msg[ofp.HeaderLen:])
	if err != nil {
		return fmt.Errorf("%s: this is no OpenFlow switch: %w", c.name, err)
	}
	switch m := m.(type) {
	case *ofp.Hello:
		if _, ok := ofp.Negotiate(own, h.Version, m.Versions); ok {
			return nil
		}
		text := fmt.Sprintf("the switch speaks OpenFlow %s, ofctl speaks 1.3", versionNames(h.Version, m.Versions))
		refusal := &ofp.ErrorMsg{ErrType: ofp.ErrHelloFailed, Code: ofp.HelloFailedIncompatible.Number(), Data: []byte(text)}
		if _, err := c.send(refusal); err != nil {
			return fmt.Errorf("%s: %s (and it hung up: %w)", c.name, text, err)
		}
		return fmt.Errorf("%s: %s", c.name, text)
	case *ofp.ErrorMsg:
		if m.ErrType == ofp.ErrHelloFailed {
			return fmt.Errorf("%s: the switch refuses OpenFlow 1.3: %v: %q", c.name, m.ErrCode(), m.Data)
		}
		return fmt.Errorf("%s: the switch answered our hello with an error: %w", c.name, m)
	}
	return fmt.Errorf("%s: the switch began with %v in place of a hello", c.name, h.Type)
}

// versionNames lists the versions that a hello offers.
func versionNames(version uint8, bitmap []uint32) string {
	name := func(v int) string {
		if v >= 1 && v <= 6 {
			return fmt.Sprintf("1.%d", v-1)
		}
		return fmt.Sprintf("version %#02x", v)
	}
	if len(bitmap) == 0 {
		return name(int(version)) + " and perhaps older"
	}
	s := ""
	for v := 0; v < 32*len(bitmap); v++ {
		if bitmap[v/32]&(1<<(v%32)) == 0 {
			continue
		}
		if s != "" {
			s += ", "
		}
		s += name(v)
	}
	if s == "" {
		return "no version"
	}
	return s
}

// send writes a message under a new transaction id.
func (c *client) send(m ofp.Message) (xid uint32, err error) {
	c.xid++
	return c.xid, c.write(c.xid, m)
}

func (c *client) write(xid uint32, m ofp.Message) error {
	if err := ofp.Check(m); err != nil {
		return err
	}
	if err := c.nc.SetWriteDeadline(c.deadline()); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	if _, err := c.nc.Write(ofp.Encode(xid, m)); err != nil {
		return c.broken(err)
	}
	return nil
}

func (c *client) deadline() time.Time {
	if c.timeout == 0 {
		return time.Time{}
	}
	return time.Now().Add(c.timeout)
}

// broken says what became of the connection.
func (c *client) broken(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s: no answer within %v (--timeout): the switch is there, but busy or stuck", c.name, c.timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: the switch closed the connection", c.name)
	}
	return fmt.Errorf("%s: %w", c.name, err)
}

// read gives the next message, valid until the next read.
func (c *client) read() (ofp.Header, []byte, error) {
	if err := c.nc.SetReadDeadline(c.deadline()); err != nil {
		return ofp.Header{}, nil, fmt.Errorf("%s: %w", c.name, err)
	}
	h, msg, err := ofp.ReadMessage(c.r, c.buf)
	if err != nil {
		if e := (*ofp.Error)(nil); errors.As(err, &e) {
			return h, nil, fmt.Errorf("%s: this is no OpenFlow switch: %w", c.name, err)
		}
		return h, nil, c.broken(err)
	}
	c.buf = msg
	return h, msg, nil
}

// receive gives the next message that is not an echo request; those it answers.
func (c *client) receive() (ofp.Header, []byte, error) {
	for {
		h, msg, err := c.read()
		if err != nil || h.Type != ofp.TypeEchoRequest {
			return h, msg, err
		}
		if err := c.write(h.XID, &ofp.EchoReply{Data: msg[ofp.HeaderLen:]}); err != nil {
			return h, nil, err
		}
	}
}

// answer gives the next message with the transaction id, and drops others. An
// error message is returned as an error, *ofp.ErrorMsg.
func (c *client) answer(xid uint32) (ofp.Header, ofp.Message, error) {
	for {
		h, msg, err := c.receive()
		if err != nil {
			return h, nil, err
		}
		if h.XID != xid {
			continue
		}
		m, err := ofp.Decode(h, msg[ofp.HeaderLen:])
		if err != nil {
			return h, nil, fmt.Errorf("%s: cannot read the answer: %w", c.name, err)
		}
		if e, ok := m.(*ofp.ErrorMsg); ok {
			return h, nil, e
		}
		return h, m, nil
	}
}

// request sends m and gives the answer.
func (c *client) request(m ofp.Message) (ofp.Header, ofp.Message, error) {
	xid, err := c.send(m)
	if err != nil {
		return ofp.Header{}, nil, err
	}
	return c.answer(xid)
}

// multipart sends a request and hands each message of the answer to fn.
func (c *client) multipart(kind uint16, body ofp.MultipartBody, fn func(h ofp.Header, m *ofp.MultipartReply) error) error {
	xid, err := c.send(&ofp.MultipartRequest{Kind: kind, Body: body})
	if err != nil {
		return err
	}
	return c.multipartAnswer(xid, kind, fn)
}

// multipartAnswer hands each message of the answer to the request xid to fn.
func (c *client) multipartAnswer(xid uint32, kind uint16, fn func(h ofp.Header, m *ofp.MultipartReply) error) error {
	for {
		h, m, err := c.answer(xid)
		if err != nil {
			return err
		}
		r, ok := m.(*ofp.MultipartReply)
		if !ok || r.Kind != kind {
			return fmt.Errorf("%s: the answer to %s is a %v", c.name, ofp.MultipartName(kind), m.Type())
		}
		if err := fn(h, r); err != nil {
			return err
		}
		if r.Flags&ofp.MultipartMore == 0 {
			return nil
		}
	}
}

// entries collects the entries of a multipart answer, which are of type T.
func entries[T ofp.MultipartBody](c *client, kind uint16, body ofp.MultipartBody) ([]T, error) {
	var all []T
	err := c.multipart(kind, body, func(_ ofp.Header, m *ofp.MultipartReply) error {
		for _, e := range m.Entries {
			t, ok := e.(T)
			if !ok {
				return fmt.Errorf("%s: the answer to %s holds a %T", c.name, ofp.MultipartName(kind), e)
			}
			all = append(all, t)
		}
		return nil
	})
	return all, err
}

// refusal is an error message that answers the n-th message of a transaction.
type refusal struct {
	n   int
	err *ofp.ErrorMsg
}

// barrierEvery is after how many messages transact asks for a barrier, so that
// the switch shows signs of life while it works on a million flows.
const barrierEvery = 1000

// transactXID is the transaction id of the i-th message that transact sends, when
// its first one has the id first.
func transactXID(first uint32, i int) uint32 { return first + uint32(i+i/barrierEvery) }

// transactIndex is the other way round: which message has an id that is n more than
// the first one's.
func transactIndex(n uint32) int { return int(n - n/(barrierEvery+1)) }

// transact sends messages that are not answered, and barriers between and after
// them. It returns what the switch refused. Replies are read while messages are
// still being sent, so that neither side waits for the other with full buffers.
func (c *client) transact(msgs []ofp.Message) ([]refusal, error) {
	for _, m := range msgs {
		if err := ofp.Check(m); err != nil {
			return nil, err
		}
	}
	barriers := max(1, (len(msgs)+barrierEvery-1)/barrierEvery)
	first := c.xid + 1
	c.xid += uint32(len(msgs) + barriers)
	written := make(chan error, 1)
	go func() { written <- c.writeAll(first, msgs) }()
	refused, err := c.untilBarrier(first, c.xid)
	if err != nil {
		c.nc.Close() // wakes up the writer, which nobody reads for any more
		<-written
		return refused, err
	}
	return refused, <-written
}

// writeAll sends the messages and the barriers, with ids from first on: each
// barrierEvery messages are followed by a barrier, and so are the last ones.
func (c *client) writeAll(first uint32, msgs []ofp.Message) error {
	var b []byte
	xid := first
	add := func(m ofp.Message) {
		b = ofp.AppendMessage(b, xid, m)
		xid++
	}
	for i, m := range msgs {
		add(m)
		if (i+1)%barrierEvery == 0 && i+1 < len(msgs) {
			add(&ofp.BarrierRequest{})
		}
		if len(b) < 1<<16 {
			continue
		}
		if err := c.flush(b); err != nil {
			return err
		}
		b = b[:0]
	}
	add(&ofp.BarrierRequest{})
	return c.flush(b)
}

func (c *client) flush(b []byte) error {
	if err := c.nc.SetWriteDeadline(c.deadline()); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	if _, err := c.nc.Write(b); err != nil {
		return c.broken(err)
	}
	return nil
}

// untilBarrier reads until the reply to the barrier with id last, and keeps the
// errors.
func (c *client) untilBarrier(first, last uint32) ([]refusal, error) {
	var refused []refusal
	for {
		h, msg, err := c.receive()
		if err != nil {
			return refused, err
		}
		n := h.XID - first // wraps to a large number for the ids of others
		if n > last-first {
			continue
		}
		m, err := ofp.Decode(h, msg[ofp.HeaderLen:])
		if err != nil {
			return refused, fmt.Errorf("%s: cannot read the answer: %w", c.name, err)
		}
		isBarrier := h.XID == last || n%(barrierEvery+1) == barrierEvery
		switch m := m.(type) {
		case *ofp.BarrierReply:
			if h.XID == last {
				return refused, nil
			}
		case *ofp.ErrorMsg:
			if isBarrier {
				return refused, m
			}
			refused = append(refused, refusal{transactIndex(n), m})
		}
	}
}
