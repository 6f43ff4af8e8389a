package ofconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ofswitch/stream"
)

// Options are fixed for a Manager's life, but for what has a setter.
type Options struct {
	// Logger takes one line for each change of a connection; refused messages
	// go to its debug level. Nil: slog.Default.
	Logger *slog.Logger

	// FailMode says what happens without controllers; see SetFailMode.
	FailMode FailMode
	// OnFailOpen is called with true when the switch is to forward by itself,
	// since no controller can be reached, and with false when one is back. Calls
	// come one at a time, alternating, from a goroutine of the Manager's.
	OnFailOpen func(on bool)
	// OnConnected is called with the number of connected controllers after it
	// has changed, one call at a time. Quick changes may be left out.
	OnConnected func(n int)
	// OnStatus is called after what Status tells of a controller's state or role has
	// changed, from any goroutine, also with locks held: it must neither block nor
	// call the Manager. Statistics change without.
	OnStatus func()

	// TLS is what ssl: and pssl: targets use. Nil: they are taken, and each
	// connection fails for want of it.
	TLS *stream.Credentials

	// OnMissPacketIn is called with true when the first controller of OpenFlow 1.0
	// that takes packet-ins has come, which gets frames that no flow entry matches
	// (PacketIn.NoEntry), and with false when the last has gone. Calls come one at
	// a time, alternating; it must not call the Manager.
	OnMissPacketIn func(on bool)

	// FlowHash gives a number, spread evenly over its bits, that is the same for
	// all frames of a flow: it chooses among a controller's auxiliary
	// connections, and is called only where there are several. Nil: all
	// packet-ins go over the first.
	FlowHash func(frame []byte) uint64

	// Snoop, if not nil, sees every message of every controller, of those that a
	// management listener took none: peer names the other end, toPeer is
	// the direction. It must not block nor keep msg. Connections call it
	// concurrently.
	Snoop func(peer string, toPeer bool, msg []byte)

	// For tests: dial connects in place of the network, handshake and stall are in
	// place of handshakeTimeout and stallTimeout.
	dial      func(ctx context.Context, e endpoint) (net.Conn, error)
	handshake time.Duration
	stall     time.Duration
}

// Controller is one that we connect to.
type Controller struct {
	// Target is "tcp:HOST[:PORT]", "ssl:HOST[:PORT]" or "unix:PATH".
	Target string
	// MaxBackoff is the longest wait between attempts; 0 means
	// DefaultMaxBackoff.
	MaxBackoff time.Duration
	// InactivityProbe is after how long a silence an echo request is sent; after
	// another the connection is closed. 0 means DefaultInactivityProbe, less than
	// 0 none.
	InactivityProbe time.Duration
	// AuxConnections is how many auxiliary connections are kept besides the main
	// one while that lives, at most MaxAuxConnections.
	AuxConnections int
	// PacketInRate limits packet-ins per second, 0 for no limit, and
	// PacketInBurst is how many may come at once.
	PacketInRate, PacketInBurst int
}

// Listener is an address where controllers and tools connect to us.
type Listener struct {
	// Target is "ptcp:[PORT][:ADDRESS]", "pssl:[PORT][:ADDRESS]" or
	// "punix:PATH". Port 0 is one that the
	// kernel chooses: see ListenerStatus.Address.
	Target string
	// Management: those who connect are tools; they get asynchronous messages
	// only after a SET_CONFIG with a miss_send_len that is not zero, and are not
	// probed by default. Open vSwitch treats all its listeners so.
	Management bool
	// MaxConns is how many connections are open at once, more are closed at
	// once; 0 means DefaultMaxConns.
	MaxConns int
	// InactivityProbe is as in Controller; 0 means DefaultInactivityProbe, or
	// none if Management.
	InactivityProbe time.Duration
	// PacketInRate and PacketInBurst are as in Controller, for each connection.
	PacketInRate, PacketInBurst int
}

// Manager is the OpenFlow channel of one switch. Its methods may be called from
// any goroutine.
type Manager struct {
	sw  Switch
	o   Options
	log *slog.Logger

	// conns are the main connections with a negotiated version: an immutable
	// snapshot, replaced under mu.
	conns atomic.Pointer[[]*conn]

	// configMu is held while controllers and listeners are changed.
	configMu  sync.Mutex
	dialers   map[string]*dialer   // by target; guarded by configMu and mu
	listeners map[string]*listener // likewise

	mu            sync.Mutex
	closed        bool
	failMode      FailMode
	failOpen      bool
	connected     int       // dialled ones in conns
	lonelySince   time.Time // when connected became 0, or the first controller was configured
	generation    uint64    // of roles
	generationSet bool

	missMu sync.Mutex // held while OnMissPacketIn is called
	missOn bool       // what it was called with last

	versions atomic.Uint32 // versions that connections may speak: bit 1<<version

	watchMu  sync.Mutex // held while the switch is asked to tell of flows; before flowMonitors.mu
	watchers int        // connections with flow monitors

	bundleBytes atomic.Int64 // of the open bundles of all connections
	partBytes   atomic.Int64 // of the unfinished multipart requests of all
	// monitorBytes are what waits to be written of all flow monitors.
	monitorBytes atomic.Int64
	pinDrops     PacketInDrops

	changed chan struct{} // wakes watch; room for one
	done    chan struct{} // closed by Close
	watched chan struct{} // closed when watch has ended
}

// NewManager makes a channel without controllers. Close it.
func NewManager(sw Switch, o Options) *Manager {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.dial == nil {
		o.dial = stream.Dial
	}
	if o.TLS == nil {
		o.TLS = stream.NewCredentials(o.Logger)
	}
	if o.handshake == 0 {
		o.handshake = handshakeTimeout
	}
	if o.stall == 0 {
		o.stall = stallTimeout
	}
	m := &Manager{
		sw:          sw,
		o:           o,
		log:         o.Logger,
		dialers:     make(map[string]*dialer),
		listeners:   make(map[string]*listener),
		failMode:    o.FailMode,
		lonelySince: time.Now(),
		changed:     make(chan struct{}, 1),
		done:        make(chan struct{}),
		watched:     make(chan struct{}),
	}
	m.conns.Store(new([]*conn))
	m.versions.Store(allVersions)
	go m.watch()
	return m
}

// established gives the main connections that are past their hello. Not to be
// changed.
func (m *Manager) established() []*conn { return *m.conns.Load() }

// add takes c into the set of those who get asynchronous messages. It fails
// when the manager is closed.
func (m *Manager) add(c *conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	if c.auxID != 0 {
		c.addAuxLocked(c)
		c.log.Debug("auxiliary OpenFlow connection established")
		return true
	}
	conns := append(slices.Clip(*m.conns.Load()), c)
	m.conns.Store(&conns)
	if c.dialled {
		m.connected++
		signal(m.changed)
	}
	m.tellStatus()
	level := slog.LevelInfo
	if c.tool {
		level = slog.LevelDebug // every command of a tool is one
	}
	c.log.Log(context.Background(), level, "OpenFlow connection established", "version", fmt.Sprintf("0x%02x", c.version))
	return true
}

// remove takes c out again, if it is in.
func (m *Manager) remove(c *conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.auxID != 0 {
		c.removeAuxLocked(c)
		return
	}
	old := *m.conns.Load()
	i := slices.Index(old, c)
	if i < 0 {
		return
	}
	conns := slices.Delete(slices.Clone(old), i, i+1)
	m.conns.Store(&conns)
	if c.dialled {
		if m.connected--; m.connected == 0 {
			m.lonelySince = time.Now()
		}
		signal(m.changed)
	}
	m.tellStatus()
}

func (m *Manager) tellStatus() {
	if m.o.OnStatus != nil {
		m.o.OnStatus()
	}
}

// Connected is how many of the configured controllers are connected.
func (m *Manager) Connected() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.connected
}

// SetControllers makes the set of controllers that we connect to be list. One
// whose target was there before keeps its connection and takes on the other
// settings. It returns after those that are gone have ended. A wrong target is an
// error and left out; the others are set all the same.
func (m *Manager) SetControllers(list []Controller) error {
	m.configMu.Lock()
	defer m.configMu.Unlock()
	var errs []error
	want := make(map[string]Controller)
	for _, c := range list {
		if _, err := parseActive(c.Target); err != nil {
			errs = append(errs, err)
			continue
		}
		if _, twice := want[c.Target]; twice {
			errs = append(errs, fmt.Errorf("controller %q is given twice", c.Target))
			continue
		}
		want[c.Target] = c
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	var gone []*dialer
	for target, d := range m.dialers {
		if _, ok := want[target]; !ok {
			gone = append(gone, d)
			delete(m.dialers, target)
		}
	}
	if len(m.dialers) == 0 && m.connected == 0 {
		m.lonelySince = time.Now() // the new ones get their time to connect
	}
	for target, c := range want {
		if d := m.dialers[target]; d != nil {
			d.configure(c)
			continue
		}
		m.dialers[target] = startDialer(m, c)
	}
	m.mu.Unlock()
	signal(m.changed)
	for _, d := range gone {
		d.cancel()
	}
	for _, d := range gone {
		<-d.done
	}
	return errors.Join(errs...)
}

// SetListeners makes the set of addresses where we listen be list. One whose
// settings are unchanged keeps its connections. It returns after those that are
// gone have ended, connections and all. One that cannot be opened is an error
// and left out.
func (m *Manager) SetListeners(list []Listener) error {
	m.configMu.Lock()
	defer m.configMu.Unlock()
	var errs []error
	want := make(map[string]Listener)
	for _, l := range list {
		if _, err := parsePassive(l.Target); err != nil {
			errs = append(errs, err)
			continue
		}
		if _, twice := want[l.Target]; twice {
			errs = append(errs, fmt.Errorf("listener %q is given twice", l.Target))
			continue
		}
		want[l.Target] = l
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	var gone []*listener
	for target, l := range m.listeners {
		if w, ok := want[target]; !ok || w != l.Listener {
			gone = append(gone, l)
			delete(m.listeners, target)
		}
	}
	m.mu.Unlock()
	for _, l := range gone {
		errs = append(errs, l.stop())
	}
	for target, l := range want {
		if m.listeners[target] != nil {
			continue
		}
		started, err := startListener(m, l)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		m.mu.Lock()
		m.listeners[target] = started
		m.mu.Unlock()
	}
	return errors.Join(errs...)
}

// Close ends all connections and everything that the Manager started, and waits
// for it. Socket files are removed.
func (m *Manager) Close() error {
	m.configMu.Lock()
	defer m.configMu.Unlock()
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	dialers, listeners := m.dialers, m.listeners
	m.dialers, m.listeners = nil, nil
	m.mu.Unlock()
	close(m.done)
	for _, d := range dialers {
		d.cancel()
	}
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.stop())
	}
	for _, d := range dialers {
		<-d.done
	}
	<-m.watched
	return errors.Join(errs...)
}
