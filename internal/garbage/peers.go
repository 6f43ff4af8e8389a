package garbage

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"

	"ofswitch/ofp"
)

// Peers are hostile peers of one switch. Close ends them all.
type Peers struct {
	dial  func() (net.Conn, error)
	seeds [][]byte
	rng   *rand.Rand

	bytes atomic.Int64 // written
	sated atomic.Int32

	mu     sync.Mutex
	closed bool
	conns  []net.Conn // held open until Close
	wg     sync.WaitGroup
}

// New makes peers that come through dial and twist the seeds. The same seed
// number gives the same bytes.
func New(dial func() (net.Conn, error), seeds [][]byte, seed uint64) *Peers {
	return &Peers{dial: dial, seeds: seeds, rng: rand.New(rand.NewPCG(seed, 1))}
}

// Close closes what is still open and waits for the peers' goroutines.
func (p *Peers) Close() {
	p.mu.Lock()
	p.closed = true
	for _, c := range p.conns {
		c.Close() // the switch may have closed it already
	}
	p.conns = nil
	p.mu.Unlock()
	p.wg.Wait()
}

// Bytes is how many bytes the switch, or its socket, has taken from them.
func (p *Peers) Bytes() int64 { return p.bytes.Load() }

// Sated is how many of those that never read had all their requests taken. A
// switch whose memory is bounded leaves it at none: it stops reading first.
func (p *Peers) Sated() int { return int(p.sated.Load()) }

// Conns is how many connections are held open.
func (p *Peers) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// hold dials a connection that stays open until Close.
func (p *Peers) hold() (net.Conn, error) {
	c, err := p.dial()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		return nil, net.ErrClosed
	}
	p.conns = append(p.conns, c)
	return c, nil
}

// write writes what the switch takes. That it closes the connection is its
// right and no error.
func (p *Peers) write(c net.Conn, b []byte) bool {
	n, err := c.Write(b)
	p.bytes.Add(int64(n))
	return err == nil
}

// play sends one stream on a connection, reading and forgetting what comes,
// and waits until both ends have closed.
func (p *Peers) play(c net.Conn, stream []byte) {
	defer c.Close()
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, c) // until it ends, however it does
	}()
	p.write(c, stream)
	if h, ok := c.(interface{ CloseWrite() error }); !ok || h.CloseWrite() != nil {
		c.Close()
	}
	<-read
}

// Serve plays the streams to those who connect to l, one after the other and
// again, holding every fifth connection open in silence, until l is closed. For
// a switch that dials its controllers.
func (p *Peers) Serve(l net.Listener) {
	var streams [][]byte
	for _, make := range []func(*rand.Rand, [][]byte) [][]byte{randomStreams, outOfOrder, wrongLengths, truncated, millions} {
		list := make(p.rng, p.seeds)
		p.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		streams = append(streams, list[:min(len(list), 12)]...)
	}
	p.rng.Shuffle(len(streams), func(i, j int) { streams[i], streams[j] = streams[j], streams[i] })
	p.wg.Go(func() {
		for i := 0; ; i++ {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			p.play(c, streams[i%len(streams)])
		}
	})
}

// Kind is one way to be hostile.
type Kind struct {
	Name string
	// Send does it once. Connections that the kind keeps stay open until
	// Close; goroutines that are still writing to them too. The error is
	// that of dialling: what the switch does to a connection is none.
	Send func(p *Peers) error
}

// Kinds are all ways.
func Kinds() []Kind {
	return []Kind{
		{"random bytes", streamed(randomStreams)},
		{"truncated messages", streamed(truncated)},
		{"connections cut off within a message", streamed(cutOff)},
		{"wrong lengths", streamed(wrongLengths)},
		{"mangled messages", streamed(mangled)},
		{"messages out of order", streamed(outOfOrder)},
		{"a million bytes", streamed(millions)},
		{"echoes never read", deaf(8, 2000, echo65000)},
		{"flow statistics never read", deaf(8, 2_000_000, flowStats)},
		{"table features never read", deaf(4, 5_000_000, tableFeatures)},
		{"packet-ins never read", wantPacketIns},
		{"a thousand connections", thousand},
	}
}

// streamed plays every stream on a connection of its own, a few at a time.
func streamed(streams func(*rand.Rand, [][]byte) [][]byte) func(*Peers) error {
	return func(p *Peers) error {
		const atOnce = 4
		list := make(chan []byte)
		errs := make(chan error, atOnce)
		var wg sync.WaitGroup
		for range atOnce {
			wg.Go(func() {
				var failed error
				for s := range list {
					if failed != nil {
						continue
					}
					c, err := p.dial()
					if err != nil {
						failed = err
						continue
					}
					p.play(c, s)
				}
				errs <- failed
			})
		}
		for _, s := range streams(p.rng, p.seeds) {
			list <- s
		}
		close(list)
		wg.Wait()
		for range atOnce {
			if err := <-errs; err != nil {
				return err
			}
		}
		return nil
	}
}

// Requests with large replies.
var (
	echo65000     = ofp.Encode(2, &ofp.EchoRequest{Data: make([]byte, 65000)})
	flowStats     = ofp.Encode(3, &ofp.MultipartRequest{Kind: ofp.MultipartFlow, Body: &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}})
	tableFeatures = ofp.Encode(4, &ofp.MultipartRequest{Kind: ofp.MultipartTableFeatures})
)

// deaf makes connections that ask, times times over, and never read. A switch
// stops reading from one whose replies pile up, long before the last request:
// all together they are more than the buffers of any socket hold.
func deaf(conns, times int, request []byte) func(*Peers) error {
	return func(p *Peers) error {
		for range conns {
			c, err := p.hold()
			if err != nil {
				return err
			}
			p.wg.Go(func() {
				ok := p.write(c, hello)
				for i := 0; ok && i < times; i++ {
					ok = p.write(c, request)
				}
				if ok {
					p.sated.Add(1)
				}
			})
		}
		return nil
	}
}

// wantPacketIns makes connections that want packet-ins, whole, and never read.
func wantPacketIns(p *Peers) error {
	for range 4 {
		c, err := p.hold()
		if err != nil {
			return err
		}
		p.write(c, after(ofp.Encode(5, &ofp.SetConfig{MissSendLen: ofp.ControllerNoBuffer})))
	}
	return nil
}

// Thousand is how many connections "a thousand connections" makes: more than a
// listener takes at once.
const Thousand = 1100

// thousand makes that many at once: silent, with half a hello, with half a
// message, asking and never reading, and idle.
func thousand(p *Peers) error {
	for i := range Thousand {
		c, err := p.hold()
		if err != nil {
			return fmt.Errorf("connection %d: %w", i+1, err)
		}
		switch i % 5 {
		case 1:
			p.write(c, hello[:5])
		case 2:
			p.write(c, after([]byte{4, byte(ofp.TypeFlowMod), 0xff, 0xff, 0, 0, 0, 1, 0, 0}))
		case 3:
			p.write(c, after(flowStats, flowStats, tableFeatures))
		case 4:
			p.write(c, hello)
		}
	}
	return nil
}
