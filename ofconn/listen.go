package ofconn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// listener takes connections at one address.
type listener struct {
	Listener
	m      *Manager
	ln     net.Listener
	file   os.FileInfo // the socket file that we made; nil for TCP
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
	if e.network == "unix" {
		if err := removeStaleSocket(e.address); err != nil {
			return nil, fmt.Errorf("listener %q: %w", conf.Target, err)
		}
	}
	lc := net.ListenConfig{Control: privateSocket}
	ln, err := lc.Listen(context.Background(), e.network, e.address)
	if err != nil {
		return nil, fmt.Errorf("listener %q: %w", conf.Target, err)
	}
	l := &listener{Listener: conf, m: m, ln: ln, conns: make(map[*conn]bool)}
	if u, ok := ln.(*net.UnixListener); ok {
		// We remove the file ourselves, and only if it is still ours.
		u.SetUnlinkOnClose(false)
		if l.file, err = os.Lstat(e.address); err != nil {
			return nil, errors.Join(fmt.Errorf("listener %q: %w", conf.Target, err), ln.Close())
		}
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.wg.Add(1)
	go l.accept()
	return l, nil
}

// privateSocket makes a Unix socket one for its owner and group only, as Open
// vSwitch does: who may connect may change the switch. Linux gives the file the
// mode that the socket has when it is bound.
func privateSocket(network, _ string, c syscall.RawConn) error {
	if network != "unix" {
		return nil
	}
	var serr error
	err := c.Control(func(fd uintptr) { serr = unix.Fchmod(int(fd), 0o770) })
	return errors.Join(err, serr)
}

// removeStaleSocket removes the socket that a dead process has left at path.
func removeStaleSocket(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s exists and is no socket: remove it or choose another path", path)
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		_ = c.Close() // only asked whether somebody is there
		return fmt.Errorf("%s: another process listens there", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("cannot tell whether somebody listens at %s: %w", path, err)
	}
	return os.Remove(path)
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
	var err error
	if l.file != nil {
		// Before closing: afterwards a successor's file may stand there.
		path := l.ln.Addr().String()
		if st, serr := os.Lstat(path); serr == nil && os.SameFile(st, l.file) {
			err = os.Remove(path)
		}
	}
	err = errors.Join(err, l.ln.Close())
	l.wg.Wait()
	return err
}
