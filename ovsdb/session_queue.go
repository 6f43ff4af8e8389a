package ovsdb

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"ofswitch/jsonrpc"
)

// limits are bounds on what clients may send and what may wait for them, in bytes.
type limits struct {
	message   int // of a client's messages
	values    int // in one, about
	receiving int // all clients' large messages together

	// Whoever monitors and does not read must not fill the memory. The next
	// connection gets all anew.
	backlog  int // for one client
	backlogs int // for all together
}

// The greatest databases of switches take a tenth of that.
var defaultLimits = limits{message: 64 << 20, values: 1 << 20, receiving: 128 << 20, backlog: 64 << 20, backlogs: 256 << 20}

// write sends what is queued, and asks whether the client is there.
func (c *session) write() {
	var probe <-chan time.Time
	if c.probe > 0 {
		t := time.NewTicker(c.probe)
		defer t.Stop()
		probe = t.C
	}
	asked := false
	for {
		select {
		case <-c.ended:
			return
		case <-c.wake:
			if err := c.flush(); err != nil {
				c.end(err)
				return
			}
		case now := <-probe:
			silent := now.UnixNano()-c.heard.Load() >= int64(c.probe)
			switch {
			case !silent:
				asked = false
			case asked:
				c.end(errSilent)
				return
			default:
				asked = true
				c.send(&jsonrpc.Message{Kind: jsonrpc.KindRequest, Method: "echo", Params: json.RawMessage("[]"), ID: json.RawMessage(`"echo"`)})
			}
		}
	}
}

func (c *session) flush() error {
	for {
		c.outMu.Lock()
		list, leaving := c.out, c.leaving
		c.out = nil
		c.outMu.Unlock()
		if len(list) == 0 {
			return leaving
		}
		for i, m := range list {
			list[i] = nil
			if err := c.conn.Send(m); err != nil {
				return err
			}
			c.outMu.Lock()
			c.resize(-min(sizeOf(m), c.outSize)) // it may have been dropped meanwhile
			c.outMu.Unlock()
		}
	}
}

// leave ends the connection when all that is queued is sent.
func (c *session) leave(reason error) {
	c.outMu.Lock()
	c.leaving = reason
	c.outMu.Unlock()
	c.wakeWriter()
}

// wakeWriter has write look at the queue.
func (c *session) wakeWriter() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// send queues a message. It never blocks.
func (c *session) send(m *jsonrpc.Message) {
	c.outMu.Lock()
	if c.leaving != nil {
		c.outMu.Unlock()
		return // what was to be said is said
	}
	c.out = append(c.out, m)
	c.resize(sizeOf(m))
	full := c.outSize > c.s.limits.backlog
	c.outMu.Unlock()
	if full {
		c.drop(errSlow)
		return
	}
	c.wakeWriter()
}

// resize notes that more is queued, or less. outMu is held.
func (c *session) resize(n int) {
	c.outSize += n
	c.s.backlog.Add(int64(n))
}

// drop forgets what is queued and ends the connection.
func (c *session) drop(reason error) {
	c.outMu.Lock()
	c.out, c.leaving = nil, reason
	c.resize(-c.outSize)
	c.outMu.Unlock()
	c.end(reason)
}

// shed disconnects those for whom most is queued while it is too much for all
// together. The server is locked.
func (s *Server) shed() {
	if s.backlog.Load() <= int64(s.limits.backlogs) {
		return
	}
	size := func(c *session) int {
		c.outMu.Lock()
		defer c.outMu.Unlock()
		return c.outSize
	}
	list := slices.Collect(maps.Keys(s.sessions))
	slices.SortFunc(list, func(a, b *session) int { return cmp.Compare(size(b), size(a)) })
	for _, c := range list {
		if s.backlog.Load() <= int64(s.limits.backlogs/4*3) {
			return
		}
		c.drop(errSlow)
	}
}

// sizeOf is about what a message takes.
func sizeOf(m *jsonrpc.Message) int {
	const itself = 200 // and its place in the queue
	return itself + len(m.ID) + len(m.Params) + len(m.Result) + len(m.Error)
}
