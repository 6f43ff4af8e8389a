package ofconn

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"syscall"
	"time"

	"ofswitch/ofp"
)

// State is where a connection stands, in Open vSwitch's words.
type State uint8

// States.
const (
	StateBackoff    State = iota // waiting to try again
	StateConnecting              // dialling, or waiting for the hello
	StateActive                  // past the hello
)

func (s State) String() string {
	switch s {
	case StateConnecting:
		return "CONNECTING"
	case StateActive:
		return "ACTIVE"
	}
	return "BACKOFF"
}

// ConnStatus is one configured controller, connected or not, or one connection
// that a listener took.
type ConnStatus struct {
	// Target is the controller's, or the listener's.
	Target string
	// Peer is the other end's address.
	Peer string
	// Auxiliary is 0 for a controller's main connection, and the auxiliary id of
	// the others.
	Auxiliary uint8
	// Passive: taken by a listener.
	Passive bool
	State   State
	// Role is the controller's, while it is active.
	Role ofp.Role
	// Since is when it came to be connected, or disconnected.
	Since time.Time
	// LastError is why the last attempt or connection ended, if any did.
	LastError string
	// LastErrno is the system's error in it; 0: there is none.
	LastErrno syscall.Errno
	// Connected and Disconnected are when it last came to be so; zero: never.
	Connected, Disconnected time.Time
	// Attempts failed in a row.
	Attempts int
	// MissSendLen is what the peer has set, in bytes.
	MissSendLen uint16
	// Sent counts messages written to the present connection.
	Sent uint64
	// PacketIns counts those of the present connection.
	PacketIns PacketInStats
	// DroppedAsync counts flow-removed messages that did not fit in the queue.
	DroppedAsync uint64
}

// ListenerStatus is one address where we listen.
type ListenerStatus struct {
	Target  string
	Address string // host:port or path
	Conns   int
	Refused uint64 // connections over the limit
}

// Status gives every configured controller, its auxiliary connections while it
// is connected, and every connection taken by a listener, sorted by target and
// auxiliary id.
func (m *Manager) Status() []ConnStatus {
	m.mu.Lock()
	dialers := make([]*dialer, 0, len(m.dialers))
	for _, d := range m.dialers {
		dialers = append(dialers, d)
	}
	listeners := make([]*listener, 0, len(m.listeners))
	for _, l := range m.listeners {
		listeners = append(listeners, l)
	}
	m.mu.Unlock()
	var all []ConnStatus
	for _, d := range dialers {
		all = append(all, d.status())
		for _, a := range d.auxiliaries() {
			all = append(all, a.status())
		}
	}
	for _, l := range listeners {
		l.mu.Lock()
		for c := range l.conns {
			s := ConnStatus{Target: l.Target, Peer: c.peer, Passive: true, State: StateConnecting, Since: c.since}
			c.fill(&s)
			all = append(all, s)
		}
		l.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b ConnStatus) int {
		if c := cmp.Or(strings.Compare(a.Target, b.Target), cmp.Compare(a.Auxiliary, b.Auxiliary)); c != 0 {
			return c
		}
		return a.Since.Compare(b.Since)
	})
	return all
}

// auxiliaries are the dialers of the auxiliary connections that are wanted now.
func (d *dialer) auxiliaries() []*dialer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.aux.list), func(a *dialer) bool { return a.ctx.Err() != nil })
}

func (d *dialer) status() ConnStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := ConnStatus{Target: d.conf.Target, Auxiliary: d.auxID, Peer: d.conf.Target, State: d.state, Since: d.changed, Attempts: d.attempts}
	if d.lastErr != nil {
		s.LastError = d.lastErr.Error()
		_ = errors.As(d.lastErr, &s.LastErrno) // it may be none of the system
	}
	s.Connected, s.Disconnected = d.cameUp, d.wentDown
	if d.conn != nil {
		s.Peer = d.conn.nc.RemoteAddr().String()
		s.State = StateConnecting
		d.conn.fill(&s)
	}
	return s
}

// fill puts in what is known of a connection.
func (c *conn) fill(s *ConnStatus) {
	if at := c.helloAt.Load(); at != nil {
		s.State = StateActive
		s.Since, s.Connected = *at, *at
		s.Attempts = 0
		s.Role = ofp.Role(c.role.Load())
	}
	s.MissSendLen = uint16(c.missSendLen.Load())
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	s.Sent = c.out.sent
	s.PacketIns = c.out.pins.stats
	s.PacketIns.Queued = c.out.pins.total
	s.DroppedAsync = c.out.droppedAsync
}

// PacketInDrops counts the packet-ins that no controller or tool was sent.
func (m *Manager) PacketInDrops() *PacketInDrops { return &m.pinDrops }

// Listeners gives the addresses where we listen, sorted by target.
func (m *Manager) Listeners() []ListenerStatus {
	m.mu.Lock()
	listeners := make([]*listener, 0, len(m.listeners))
	for _, l := range m.listeners {
		listeners = append(listeners, l)
	}
	m.mu.Unlock()
	var all []ListenerStatus
	for _, l := range listeners {
		l.mu.Lock()
		all = append(all, ListenerStatus{Target: l.Target, Address: l.address(), Conns: len(l.conns), Refused: l.refused})
		l.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b ListenerStatus) int { return strings.Compare(a.Target, b.Target) })
	return all
}
