package ofconn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"ofswitch/ofp"
	"ofswitch/stream"
)

// Snoop lets others listen to what a switch and its controllers say to each other:
// who connects to its socket gets a copy of every message, both ways, from then on
// (ovs-ofctl snoop). Nobody waits for a listener: what one does not read in time is
// left out for it, and the log says so. Its methods may be called from any goroutine.
type Snoop struct {
	log *slog.Logger

	some atomic.Bool // there are clients

	mu      sync.Mutex
	path    string
	ln      net.Listener // nil: not listening
	clients map[*snoopClient]bool
	wg      sync.WaitGroup // accept, and two for each client
}

// snoopClient is one who listens.
type snoopClient struct {
	nc     net.Conn
	ready  bool     // it has said hello; guarded by Snoop.mu, like the rest
	queue  [][]byte // what waits for it
	bytes  int      // of queue
	lost   uint64   // messages left out since it last had room
	wake   chan struct{}
	closed chan struct{}
}

// snoopVersions are in the hello to a listener. Messages are copied in the version
// that they have, so whatever it speaks will do.
var snoopVersions = ofp.VersionBitmap(1, 2, 3, 4, 5, 6)

// NewSnoop makes one that nobody can connect to yet.
func NewSnoop(log *slog.Logger) *Snoop {
	return &Snoop{log: log, clients: make(map[*snoopClient]bool)}
}

// Listen opens the socket, at path, unless it is open there. Close it.
func (s *Snoop) Listen(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln != nil && s.path == path {
		return nil
	}
	if s.ln != nil {
		return fmt.Errorf("snoop socket %s: it is open at %s already", path, s.path)
	}
	ln, err := stream.ListenUnix(path)
	if err != nil {
		return fmt.Errorf("snoop socket %s: %w", path, err)
	}
	s.path, s.ln = path, ln
	s.wg.Add(1)
	go s.accept(ln)
	return nil
}

// Close ends the listening and waits for all that was started. The socket file is
// removed.
func (s *Snoop) Close() error {
	s.mu.Lock()
	ln := s.ln
	s.ln = nil
	for c := range s.clients {
		s.dropLocked(c)
	}
	s.mu.Unlock()
	var err error
	if ln != nil {
		err = ln.Close()
	}
	s.wg.Wait()
	return err
}

// Copy gives every listener a message. It does not block and does not keep msg. It is
// made for Options.Snoop.
func (s *Snoop) Copy(_ string, _ bool, msg []byte) {
	if !s.some.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var b []byte // one copy for all
	for c := range s.clients {
		switch {
		case !c.ready:
		case c.bytes+len(msg) > snoopBudget:
			if c.lost++; c.lost == 1 {
				s.log.Warn("who snoops reads too slowly: messages are left out", "socket", s.path)
			}
		default:
			if c.lost > 0 {
				s.log.Warn("who snoops is told all again", "socket", s.path, "left_out", c.lost)
				c.lost = 0
			}
			if b == nil {
				b = bytes.Clone(msg)
			}
			c.queue = append(c.queue, b)
			c.bytes += len(b)
			signal(c.wake)
		}
	}
}

func (s *Snoop) accept(ln net.Listener) {
	defer s.wg.Done()
	for {
		nc, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Out of descriptors, commonly: those of others may come free.
			s.log.Warn("cannot accept who wants to snoop", "socket", s.path, "error", err)
			time.Sleep(acceptRetry)
			continue
		}
		s.add(nc)
	}
}

// add takes in a client.
func (s *Snoop) add(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln == nil || len(s.clients) >= maxSnoops {
		_ = nc.Close() // it never was one of ours
		return
	}
	c := &snoopClient{nc: nc, wake: make(chan struct{}, 1), closed: make(chan struct{})}
	s.clients[c] = true
	s.some.Store(true)
	s.wg.Add(2)
	go s.read(c)
	go s.write(c)
}

// dropLocked ends a client. mu is held.
func (s *Snoop) dropLocked(c *snoopClient) {
	if !s.clients[c] {
		return
	}
	delete(s.clients, c)
	s.some.Store(len(s.clients) > 0)
	close(c.closed)
	_ = c.nc.Close() // whatever is wrong with it, it is gone
}

func (s *Snoop) drop(c *snoopClient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLocked(c)
}

// read waits for the client's hello, in any version, and for its end. Nothing else
// that it says matters.
func (s *Snoop) read(c *snoopClient) {
	defer s.wg.Done()
	defer s.drop(c)
	var h [ofp.HeaderLen]byte
	if _, err := io.ReadFull(c.nc, h[:]); err != nil || ofp.Type(h[1]) != ofp.TypeHello {
		return
	}
	s.mu.Lock()
	c.ready = true
	s.mu.Unlock()
	_, _ = io.Copy(io.Discard, c.nc) // until the client or we end it
}

// write sends the hello, and then what there is.
func (s *Snoop) write(c *snoopClient) {
	defer s.wg.Done()
	defer s.drop(c)
	if _, err := c.nc.Write(ofp.Encode(helloXID, &ofp.Hello{Versions: snoopVersions})); err != nil {
		return
	}
	for {
		s.mu.Lock()
		queue := net.Buffers(c.queue)
		c.queue, c.bytes = nil, 0
		s.mu.Unlock()
		if len(queue) == 0 {
			select {
			case <-c.wake:
				continue
			case <-c.closed:
				return
			}
		}
		if _, err := queue.WriteTo(c.nc); err != nil {
			return
		}
	}
}
