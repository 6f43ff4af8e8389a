package jsonrpc

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
)

// Peer runs both directions of a Conn: calls that wait for their reply, and
// requests and notifications from the other end.
type Peer struct {
	conn   *Conn
	handle func(*Message)

	mu    sync.Mutex
	next  uint64
	calls map[string]func(*Message) // by id: see Start
	err   error                     // why Serve ended; nil while it runs
}

// NewPeer takes over c. handle gets each request and notification, one after
// the other, in Serve's goroutine: it must not call Peer.Call there. It answers
// requests by Conn.Reply, at once or later. A nil handle refuses all requests.
func NewPeer(c *Conn, handle func(*Message)) *Peer {
	return &Peer{conn: c, handle: handle, calls: make(map[string]func(*Message))}
}

// Conn is the connection underneath.
func (p *Peer) Conn() *Conn { return p.conn }

// Serve reads until the connection ends and gives the reason, io.EOF when the
// other end closed cleanly. It closes the connection; calls that wait fail.
func (p *Peer) Serve() error {
	err := p.serve()
	p.mu.Lock()
	p.err = err
	calls := p.calls
	p.calls = nil
	p.mu.Unlock()
	for _, done := range calls {
		done(nil)
	}
	// The stream has ended for a reason that is reported; a second error from
	// closing it would add nothing.
	_ = p.conn.Close()
	return err
}

func (p *Peer) serve() error {
	for {
		m, err := p.conn.Read()
		if err != nil {
			return err
		}
		switch m.Kind {
		case KindReply, KindError:
			p.mu.Lock()
			done := p.calls[string(m.ID)]
			delete(p.calls, string(m.ID))
			p.mu.Unlock()
			if done != nil {
				done(m)
			}
			// A reply nobody waits for: its call was given up.
		default:
			if p.handle != nil {
				p.handle(m)
				continue
			}
			if m.Kind == KindRequest {
				if err := p.conn.ReplyError(m.ID, "unknown method"); err != nil {
					return err
				}
			}
		}
	}
}

// Start sends a request. done gets its reply in Serve's goroutine, before
// anything that came after it is handled, or nil if the connection ends first;
// it must not block. After an error, which says that nothing was sent, it is not
// called, unless the connection ended at that moment.
func (p *Peer) Start(method string, params any, done func(*Message)) (id json.RawMessage, err error) {
	p.mu.Lock()
	if p.err != nil {
		err := p.err
		p.mu.Unlock()
		return nil, closed(method, err)
	}
	id = strconv.AppendUint(nil, p.next, 10)
	p.next++
	p.calls[string(id)] = done
	p.mu.Unlock()
	if err := p.conn.Request(id, method, params); err != nil {
		p.Forget(id)
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	return id, nil
}

// Forget gives up waiting for a reply, which will be ignored.
func (p *Peer) Forget(id json.RawMessage) {
	p.mu.Lock()
	delete(p.calls, string(id))
	p.mu.Unlock()
}

func closed(method string, err error) error {
	return fmt.Errorf("%s: connection closed: %w", method, err)
}

// Call sends a request and waits for its reply. An error reply is a
// *ReplyError; otherwise the error is ctx's or the connection's. Serve must be
// running.
func (p *Peer) Call(ctx context.Context, method string, params any) (json.RawMessage, error) {
	ch := make(chan *Message, 1)
	id, err := p.Start(method, params, func(m *Message) { ch <- m })
	if err != nil {
		return nil, err
	}
	select {
	case m := <-ch:
		switch {
		case m == nil:
			p.mu.Lock()
			err := p.err
			p.mu.Unlock()
			return nil, closed(method, err)
		case m.Kind == KindError:
			return nil, &ReplyError{Raw: m.Error}
		}
		return m.Result, nil
	case <-ctx.Done():
		p.Forget(id)
		return nil, fmt.Errorf("%s: %w", method, ctx.Err())
	}
}
