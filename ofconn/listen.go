package ofconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"ofswitch/stream"
)

// listener takes connections at one address.
type listener struct {
	Listener
	m      *Manager
	ln     net.Listener
	tls    *stream.Credentials // nil: no TLS
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup // accept and one per connection

	mu      sync.Mutex
	conns   map[*conn]bool
	refused uint64 // over MaxConns
}

func startListener(m *Manager, conf Listener) (*listener, error) {
	e, err := parsePassive(conf.Target)
	if err != nil {
		return nil, err
	}
	ln, err := stream.Listen(e)
	if err != nil {
		return nil, fmt.Errorf("listener %q: %w", conf.Target, err)
	}
	l := &listener{Listener: conf, m: m, ln: ln, conns: make(map[*conn]bool)}
	if e.TLS {
		l.tls = m.o.TLS
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.wg.Add(1)
	go l.accept()
	return l, nil
}

// address is where the listener can be reached.
func (l *listener) address() string { return l.ln.Addr().String() }

func (l *listener) accept() {
	defer l.wg.Done()
	maxConns := l.MaxConns
	if maxConns <= 0 {
		maxConns = DefaultMaxConns
	}
	var byDefault time.Duration
	if !l.Management {
		byDefault = DefaultInactivityProbe
	}
	full := false
	for {
		nc, err := l.ln.Accept()
		if err != nil {
			if l.ctx.Err() != nil {
				return
			}
			// Out of descriptors, commonly: those of others may come free.
			l.m.log.Warn("cannot accept OpenFlow connections", "target", l.Target, "error", err)
			select {
			case <-l.ctx.Done():
				return
			case <-time.After(acceptRetry):
			}
			continue
		}
		if l.tls != nil {
			nc = l.tls.Server(nc)
		}
		c := newConn(l.m, nc, connOptions{
			target:     l.Target,
			management: l.Management,
			probe:      probeInterval(l.InactivityProbe, byDefault),
			rate:       l.PacketInRate,
			burst:      l.PacketInBurst,
		})
		l.mu.Lock()
		if len(l.conns) >= maxConns {
			l.refused++
			l.mu.Unlock()
			if !full {
				full = true // one line for each time that it fills up
				l.m.log.Warn("too many OpenFlow connections; more are closed", "target", l.Target, "limit", maxConns)
			}
			_ = nc.Close() // it never was one of ours
			continue
		}
		full = false
		l.conns[c] = true
		l.mu.Unlock()
		l.wg.Add(1)
		go l.serve(c)
	}
}

func (l *listener) serve(c *conn) {
	defer l.wg.Done()
	err := c.run(l.ctx)
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
	switch {
	case errors.Is(err, errPeerClosed), errors.Is(err, errStopped):
		c.log.Debug("OpenFlow connection ended", "reason", err)
	default:
		c.log.Info("OpenFlow connection closed", "reason", err)
	}
}

// stop ends the listener and its connections, and waits for them.
func (l *listener) stop() error {
	l.cancel()
	err := l.ln.Close()
	l.wg.Wait()
	return err
}
