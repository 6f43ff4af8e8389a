package ports

import (
	"net"
	"sync"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// Defaults of a port in memory.
const (
	DefaultMemRing    = 512
	DefaultMemCapture = 1 << 16
)

// MemOptions shapes a port in memory. The zero value is usable.
type MemOptions struct {
	Ring    int  // frames that wait to be received; 0: DefaultMemRing
	Capture int  // frames that Sent keeps until it is called; 0: DefaultMemCapture, negative: none
	Caps    Caps // of its transmit queues
	MTU     int  // 0: 1500
}

// Mem is a port in memory, for tests and benchmarks without root. What Inject
// is given, Rx lends; what Tx is given goes to the other end of a pair, or is
// kept for Sent. It allocates only while its ring's memory warms up, and for
// frames that it captures.
type Mem struct {
	name string

	mu      sync.Mutex // everything below; taken once per Rx, Release, Tx, Inject
	efd     int
	raised  bool // efd is readable
	closed  bool
	ring    []memSlot // slots [head, tail) hold frames, by number modulo len
	head    uint64    // first frame not yet given back
	next    uint64    // first frame not yet lent
	tail    uint64
	lent    bool
	replay  []memSlot
	replayN int // next of replay to lend
	restore bool

	peer     *Mem
	caps     Caps
	status   Status
	downErr  bool // Rx owes one ENETDOWN
	sent     []*packet.Frame
	sentMax  int
	sentLost uint64

	c counters
}

type memSlot struct {
	buf     []byte
	end     int
	offload packet.Offload
	orig    []byte // replay: what the bytes were
	packets uint64
	bytes   uint64
}

// NewMem makes a port in memory with default options and no peer.
func NewMem(name string) *Mem { return NewMemWith(name, MemOptions{}) }

// NewPair makes two ports joined like a cable: what one sends, the other
// receives.
func NewPair(a, b string) (*Mem, *Mem) {
	pa, pb := NewMemWith(a, MemOptions{Capture: -1}), NewMemWith(b, MemOptions{Capture: -1})
	pa.Wire(pb)
	return pa, pb
}

// NewMemWith makes a port in memory. It panics when the process has no
// descriptors left.
func NewMemWith(name string, o MemOptions) *Mem {
	if o.Ring <= 0 {
		o.Ring = DefaultMemRing
	}
	if o.Capture == 0 {
		o.Capture = DefaultMemCapture
	}
	if o.MTU == 0 {
		o.MTU = 1500
	}
	efd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		panic("ports: eventfd: " + err.Error())
	}
	mac := net.HardwareAddr{0x02, 0, 0, 0, 0, 0}
	for i := 0; i < len(name); i++ {
		mac[1+i%5] ^= name[i] * byte(i/5+1)
	}
	return &Mem{
		name: name, efd: efd, ring: make([]memSlot, o.Ring), caps: o.Caps, sentMax: o.Capture,
		status: Status{MAC: mac, MTU: o.MTU, AdminUp: true, LinkUp: true, SpeedMbps: 10000, Duplex: "full"},
	}
}

// Wire joins m and p like a cable.
func (m *Mem) Wire(p *Mem) {
	m.mu.Lock()
	m.peer = p
	m.mu.Unlock()
	p.mu.Lock()
	p.peer = m
	p.mu.Unlock()
}

// Name is the name given to NewMem.
func (m *Mem) Name() string { return m.name }

// Type is "mem".
func (m *Mem) Type() string { return "mem" }

// RxQueues is the one queue.
func (m *Mem) RxQueues() []RxQueue { return []RxQueue{(*memRx)(m)} }

// NewTx opens a transmit handle. Several threads may have one each.
func (m *Mem) NewTx() (TxQueue, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, portErr(m.name, net.ErrClosed, "port is closed")
	}
	return (*memTx)(m), nil
}

// Status is what SetStatus set.
func (m *Mem) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.status
}

// SetStatus changes what Status says. Link and administrative state also
// decide whether frames pass.
func (m *Mem) SetStatus(s Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.setStatus(s)
}

func (m *Mem) setStatus(s Status) {
	wasUp := m.status.AdminUp && m.status.LinkUp
	m.status = s
	if wasUp && !(s.AdminUp && s.LinkUp) {
		m.downErr = true
	}
	m.signal()
}

// SetAdmin brings the port up or down. Down: Rx says ENETDOWN once, frames
// injected or sent are dropped.
func (m *Mem) SetAdmin(up bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.status
	s.AdminUp = up
	m.setStatus(s)
	return nil
}

// SetCaps changes what the transmit queues take. Call it before the port is
// used: the switch may have read Caps already.
func (m *Mem) SetCaps(c Caps) {
	m.mu.Lock()
	m.caps = c
	m.mu.Unlock()
}

// Stats are the counters since NewMem.
func (m *Mem) Stats() Stats { return m.c.stats() }

// Close makes Rx and NewTx fail with net.ErrClosed and frees the descriptor.
func (m *Mem) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	return unix.Close(m.efd)
}

// Inject copies frames, with their offload state, to where Rx finds them. It
// returns how many had room; the others are counted as RxDropped.
func (m *Mem) Inject(frames ...*packet.Frame) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, f := range frames {
		if m.put(f.Bytes(), f) {
			n++
		}
	}
	m.signal()
	return n
}

// InjectBytes is Inject for plain frames.
func (m *Mem) InjectBytes(frames ...[]byte) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, b := range frames {
		if m.put(b, nil) {
			n++
		}
	}
	m.signal()
	return n
}

// put copies one frame into the ring. f may be nil: no offload state.
func (m *Mem) put(b []byte, f *packet.Frame) bool {
	if m.closed || !m.status.AdminUp || !m.status.LinkUp || m.tail-m.head >= uint64(len(m.ring)) {
		n := uint64(1)
		if f != nil {
			n, _ = wire(f)
		}
		m.c.rxDropped.Add(n)
		return false
	}
	s := &m.ring[m.tail%uint64(len(m.ring))]
	s.set(b, f)
	m.tail++
	return true
}

func (s *memSlot) set(b []byte, f *packet.Frame) {
	end := packet.Headroom + len(b)
	if cap(s.buf) < end {
		s.buf = make([]byte, max(end, 2048))
	}
	s.buf = s.buf[:cap(s.buf)]
	copy(s.buf[packet.Headroom:], b)
	s.end, s.packets, s.bytes = end, 1, uint64(len(b))
	if f == nil {
		s.offload = packet.Offload{}
		return
	}
	s.offload = f.Offload
	if f.Offload.IsGSO() {
		s.packets, s.bytes = wire(f)
	}
}

// Replay makes Rx lend copies of frames for ever, from the first to the last
// and again, always a full batch: for benchmarks. restore: each time with the
// bytes they had, whatever the last user wrote into them; without, the caller
// vouches that nobody writes. No frames: replay ends.
func (m *Mem) Replay(restore bool, frames ...*packet.Frame) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.replay, m.replayN, m.restore = nil, 0, restore
	if len(frames) > 0 {
		// A batch never lends one slot twice: the list stands in memory as
		// often as a batch needs.
		for len(m.replay) < packet.BatchSize {
			for _, f := range frames {
				var s memSlot
				s.set(f.Bytes(), f)
				if restore {
					s.orig = append([]byte(nil), f.Bytes()...)
				}
				m.replay = append(m.replay, s)
			}
		}
	}
	m.signal()
}

// Sent returns the frames that were sent since it was last called, copied, in
// order. A port in a pair has none: they went to its peer.
func (m *Mem) Sent() []*packet.Frame {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sent
	m.sent = nil
	return s
}

// SentLost is the number of frames that Sent could not keep for want of room.
func (m *Mem) SentLost() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sentLost
}

// Pending is the number of injected frames that Rx has not lent yet.
func (m *Mem) Pending() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int(m.tail - m.next)
}

// signal makes the descriptor readable exactly while Rx has something to say.
func (m *Mem) signal() {
	want := m.next != m.tail || len(m.replay) > 0 || m.downErr
	if want == m.raised || m.closed {
		return
	}
	// An eventfd that is raised once and lowered once neither blocks nor fails.
	if want {
		rawWrite(m.efd, eventOne[:])
	} else {
		var b [8]byte
		rawRead(m.efd, b[:])
	}
	m.raised = want
}

var eventOne = func() (b [8]byte) { native.PutUint64(b[:], 1); return b }()
