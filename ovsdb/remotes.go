package ovsdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"ofswitch/stream"
)

// DefaultPort is where OVSDB is spoken over TCP and TLS (RFC 7047 §6).
const DefaultPort = 6640

// Times of remotes.
const (
	defaultMaxBackoff = 8 * time.Second
	dialTimeout       = 10 * time.Second
	handshakeTimeout  = 10 * time.Second
	acceptRetry       = time.Second
)

// Remote is one way in which clients and the server come together: an address
// to listen at ("punix:PATH", "ptcp:[PORT][:ADDRESS]", "pssl:...") or a manager
// to connect to ("tcp:HOST[:PORT]", "ssl:...", "unix:PATH").
type Remote struct {
	Target     string
	MaxBackoff time.Duration // longest wait between attempts; 0: 8 s
	// Probe is after how much silence the other end is asked whether it is there; 0: the
	// server's, less: never (column inactivity_probe of table Manager).
	Probe time.Duration
}

// RemoteStatus is how a remote fares (columns is_connected and status of table
// Manager).
type RemoteStatus struct {
	Target      string
	Connections int       // now
	State       string    // "ACTIVE", "BACKOFF", "CONNECTING", "LISTENING"
	Since       time.Time // of State, or of the first connection
	// Connected and Disconnected are when the first connection came, and the last
	// one went; zero: never.
	Connected, Disconnected time.Time
	LastError               string
	// LastErrno is the system's error in it; 0: there is none.
	LastErrno syscall.Errno
	Address   string // where a listener listens
}

// Remotes are the remotes of a server. Their methods may be called from any
// goroutine.
type Remotes struct {
	s   *Server
	tls *stream.Credentials
	log *slog.Logger
	// OnChange is called after the status of a remote has changed, from any goroutine;
	// it must not block nor call the Remotes. Nil: nobody wants to know. It is set
	// before the first Set.
	OnChange func()

	setMu sync.Mutex // held by Set and Close
	mu    sync.Mutex
	list  map[string]*remote
}

// remote is one of them at work.
type remote struct {
	Remote
	r      *Remotes
	e      stream.Endpoint
	ln     net.Listener // nil: we dial
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu     sync.Mutex
	status RemoteStatus
}

// NewRemotes makes an empty set for s. tls may be nil: then none uses TLS.
// Close it before the server.
func NewRemotes(s *Server, tls *stream.Credentials) *Remotes {
	return &Remotes{s: s, tls: tls, log: s.log, list: make(map[string]*remote)}
}

// Set makes list the remotes. Those that were there before keep their
// connections; it returns when those that are gone have ended. What cannot be
// used is told in the error and left out.
func (r *Remotes) Set(list []Remote) error {
	r.setMu.Lock()
	defer r.setMu.Unlock()
	var errs []error
	want := make(map[string]Remote)
	for _, c := range list {
		if _, twice := want[c.Target]; twice {
			errs = append(errs, fmt.Errorf("remote %q is given twice", c.Target))
			continue
		}
		want[c.Target] = c
	}
	r.mu.Lock()
	var gone []*remote
	for target, old := range r.list {
		if c, ok := want[target]; !ok || c != old.Remote {
			gone = append(gone, old)
			delete(r.list, target)
		}
	}
	r.mu.Unlock()
	for _, old := range gone {
		errs = append(errs, old.stop())
	}
	for _, c := range list {
		r.mu.Lock()
		_, there := r.list[c.Target]
		r.mu.Unlock()
		if there {
			continue
		}
		started, err := r.start(c)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		r.mu.Lock()
		r.list[c.Target] = started
		r.mu.Unlock()
	}
	return errors.Join(errs...)
}

// Close ends all remotes.
func (r *Remotes) Close() error { return r.Set(nil) }

// Status lists the remotes by target.
func (r *Remotes) Status() []RemoteStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []RemoteStatus
	for _, m := range r.list {
		m.mu.Lock()
		list = append(list, m.status)
		m.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b RemoteStatus) int { return strings.Compare(a.Target, b.Target) })
	return list
}

func (r *Remotes) start(c Remote) (*remote, error) {
	m := &remote{Remote: c, r: r, status: RemoteStatus{Target: c.Target, State: "CONNECTING", Since: time.Now()}}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	passive := strings.HasPrefix(c.Target, "p")
	parse := stream.ParseActive
	if passive {
		parse = stream.ParsePassive
	}
	var err error
	if m.e, err = parse("manager", c.Target, DefaultPort); err != nil {
		return nil, err
	}
	if m.e.TLS && r.tls == nil {
		return nil, fmt.Errorf("manager %q: TLS needs a private key, a certificate and a CA certificate", c.Target)
	}
	if !passive {
		m.done.Go(m.dial)
		return m, nil
	}
	if m.ln, err = stream.Listen(m.e); err != nil {
		return nil, fmt.Errorf("manager %q: %w", c.Target, err)
	}
	m.status.State, m.status.Address = "LISTENING", m.ln.Addr().String()
	m.done.Go(m.accept)
	return m, nil
}

// stop ends the remote with its connections and waits for them.
func (m *remote) stop() error {
	m.cancel()
	var err error
	if m.ln != nil {
		err = m.ln.Close()
	}
	m.done.Wait()
	return err
}

func (m *remote) accept() {
	for {
		nc, err := m.ln.Accept()
		if err != nil {
			if m.ctx.Err() != nil {
				return
			}
			// Out of descriptors, commonly: those of others may come free.
			m.r.log.Warn("cannot accept database connections", "target", m.Target, "err", err)
			select {
			case <-m.ctx.Done():
				return
			case <-time.After(acceptRetry):
			}
			continue
		}
		if m.e.TLS {
			nc = m.r.tls.Server(nc)
		}
		m.done.Go(func() {
			if err := m.serve(nc); err != nil && m.ctx.Err() == nil && !errors.Is(err, io.EOF) {
				m.r.log.Info("database connection closed", "target", m.Target, "peer", nc.RemoteAddr(), "reason", err)
			}
		})
	}
}

// serve speaks on one connection until it ends.
func (m *remote) serve(nc net.Conn) error {
	stop := context.AfterFunc(m.ctx, func() { _ = nc.Close() }) // what is said on it ends with the remote
	defer stop()
	if err := stream.Handshake(m.ctx, nc, handshakeTimeout); err != nil {
		_ = nc.Close() // the handshake's error is the one that matters
		return err
	}
	m.count(1)
	defer m.count(-1)
	return m.r.s.serve(nc, cmp.Or(m.Probe, m.r.s.o.Probe))
}

// changed tells of a new status.
func (m *remote) changed() {
	if m.r.OnChange != nil {
		m.r.OnChange()
	}
}

func (m *remote) count(n int) {
	defer m.changed()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status.Connections += n
	switch now := time.Now(); {
	case n > 0 && m.status.Connections == 1:
		m.status.Since, m.status.Connected = now, now
		if m.ln == nil {
			m.status.State, m.status.LastError, m.status.LastErrno = "ACTIVE", "", 0
		}
	case m.status.Connections == 0:
		m.status.Disconnected = now
	}
}

// dial connects, serves, and connects again.
func (m *remote) dial() {
	var backoff stream.Backoff
	for {
		lasted, err := m.connect()
		if m.ctx.Err() != nil {
			return
		}
		m.failed(err)
		if !stream.Pause(m.ctx, backoff.Next(lasted, cmp.Or(max(m.MaxBackoff, 0), defaultMaxBackoff))) {
			return
		}
	}
}

// connect makes one attempt. lasted is how long the manager was served, 0 if it did not
// come so far.
func (m *remote) connect() (lasted time.Duration, err error) {
	m.mu.Lock()
	m.status.State, m.status.Since = "CONNECTING", time.Now()
	m.mu.Unlock()
	m.changed()
	ctx, cancel := context.WithTimeout(m.ctx, dialTimeout)
	nc, err := stream.Dial(ctx, m.e)
	cancel()
	if err != nil {
		return 0, err
	}
	if m.e.TLS {
		secure, err := m.r.tls.Client(nc, m.e)
		if err != nil {
			_ = nc.Close() // nothing was said on it
			return 0, err
		}
		nc = secure
	}
	began := time.Now()
	err = m.serve(nc)
	return time.Since(began), err
}

func (m *remote) failed(err error) {
	defer m.changed()
	m.mu.Lock()
	defer m.mu.Unlock()
	text := "the manager closed the connection"
	if err != nil && !errors.Is(err, io.EOF) {
		text = err.Error()
	}
	if m.status.LastError != text {
		m.r.log.Info("manager not connected", "target", m.Target, "reason", text)
	}
	m.status.State, m.status.Since, m.status.LastError, m.status.LastErrno = "BACKOFF", time.Now(), text, 0
	_ = errors.As(err, &m.status.LastErrno) // it may be none of the system
}
