package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"ofswitch/stream"
)

// endpoint is one of the servers that a client may use.
type endpoint struct {
	target string
	e      stream.Endpoint
	err    error  // the target makes no sense
	told   string // why it was not connected, as logged last
}

// parseTargets reads the targets: at least one endpoint.
func (c *Client) parseTargets() []endpoint {
	if c.o.Dial != nil {
		return []endpoint{{target: "embedded"}}
	}
	var list []endpoint
	for _, target := range c.o.Targets {
		e, err := stream.ParseActive("database", target, DefaultPort)
		if err == nil && e.TLS && c.o.TLS == nil {
			err = fmt.Errorf("database %q: TLS needs a private key, a certificate and a CA certificate", target)
		}
		list = append(list, endpoint{target: target, e: e, err: err})
	}
	if len(list) == 0 {
		list = []endpoint{{err: errors.New("no target of a database is given")}}
	}
	return list
}

// run connects, keeps the copy, and connects again, until the client is closed.
// A server that is no good is followed by the next at once; when none was, there
// is a pause.
func (c *Client) run() {
	var backoff stream.Backoff
	failures := 0
	for i := 0; ; i = (i + 1) % len(c.endpoints) {
		p := &c.endpoints[i]
		lasted, err := c.connect(p)
		if c.ctx.Err() != nil {
			c.disconnected("the client is closed")
			return
		}
		c.failed(p, err, lasted)
		if lasted > 0 {
			failures = 0
		}
		if failures++; failures < len(c.endpoints) {
			continue
		}
		failures = 0
		if !stream.Pause(c.ctx, backoff.Next(lasted, c.o.MaxBackoff)) {
			c.disconnected("the client is closed")
			return
		}
	}
}

// connect makes one attempt. lasted is how long the copy was kept up to date, 0
// if it did not come so far.
func (c *Client) connect(p *endpoint) (lasted time.Duration, err error) {
	c.mu.Lock()
	c.status.Target = p.target
	c.mu.Unlock()
	nc, err := c.dial(p)
	if err != nil {
		return 0, err
	}
	s := newClientSession(c, nc)
	err = s.run()
	if !s.since.IsZero() {
		lasted = max(time.Since(s.since), 1)
	}
	return lasted, err
}

func (c *Client) dial(p *endpoint) (net.Conn, error) {
	if p.err != nil {
		return nil, p.err
	}
	ctx, cancel := context.WithTimeout(c.ctx, dialTimeout)
	defer cancel()
	if c.o.Dial != nil {
		return c.o.Dial(ctx)
	}
	nc, err := stream.Dial(ctx, p.e)
	if err != nil || !p.e.TLS {
		return nc, err
	}
	secure, err := c.o.TLS.Client(nc, p.e)
	if err == nil {
		nc = secure
		err = stream.Handshake(c.ctx, nc, handshakeTimeout)
	}
	if err != nil {
		_ = nc.Close() // nothing was said on it
		return nil, err
	}
	return nc, nil
}

// failed takes note of why there is no connection, and logs it, for each server
// once as long as the reason stays the same.
func (c *Client) failed(p *endpoint, err error, lasted time.Duration) {
	text := err.Error()
	if errors.Is(err, io.EOF) {
		text = "the server closed the connection"
	}
	c.disconnected(text)
	news := text != p.told || lasted >= stream.MinBackoff
	p.told = text
	c.mu.Lock()
	c.again = lasted > 0 && !news
	c.mu.Unlock()
	switch {
	case news && lasted > 0:
		c.log.Warn("database connection lost; connecting again", "target", p.target, "reason", text)
	case news:
		c.log.Warn("database not connected; trying on", "target", p.target, "reason", text)
	}
}

// disconnected makes the copy one that is not kept up to date.
func (c *Client) disconnected(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status.Connected {
		c.status.Since = time.Now()
	}
	c.session = nil
	c.status.Connected, c.status.HasLock, c.status.LastError = false, false, why
	c.tell()
}
