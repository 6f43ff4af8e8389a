package ports

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel waits some 10 ms for its own readers before it gives a socket a ring,
// though nobody can use a socket that is bound to nothing. Where ports are opened one
// after the other, sockets with a ring are made for the next ones meanwhile.

const (
	// spareStreak is how many rings are wanted in a row before there are spare ones.
	spareStreak = 3
	// spareMost bounds them. There is one at first, and twice as many whenever the
	// next was not ready.
	spareMost = 16
)

// spareLife is how long after the last ring was wanted another belongs to the same
// row, and spare ones are kept; a variable for tests.
var spareLife = time.Second

// spareKind is what a spare ring fits.
type spareKind struct {
	namespace namespaceID
	slot      int // as in ringGeometry
	buffer    int // of the socket, in bytes
}

// spareRing is a socket that setupSocket has made ready, and that gets a ring.
type spareRing struct {
	fd   int
	done chan struct{} // closed when these are there
	r    *packetRing
	err  error
}

// spares are the rings that nobody has yet.
var spares spareRings

type spareRings struct {
	sync.Mutex
	kind   spareKind // of them all
	list   []*spareRing
	want   int // how many there should be
	streak int
	last   time.Time // when a ring was last wanted
	active bool      // a timer runs for their end
}

// takeSpareRing is a socket with a ring for the port, as openRingRx makes it; nil:
// there is none, or it is of another kind than the port wants. Others are made for
// those that come next.
func (p *System) takeSpareRing(mtu int) *spareRing {
	if p.opt.Provider != nil || p.opt.NoRing || p.opt.RxDesc != 0 || !kernelAtLeast(ringKernel[0], ringKernel[1]) {
		return nil
	}
	namespace, err := namespaceOf(p.dev.ctl)
	if err != nil {
		return nil // not permitted: each port waits for itself
	}
	s := &spares
	s.Lock()
	defer s.Unlock()
	now := time.Now()
	if kind := (spareKind{namespace, newRingGeometry(mtu, 0).slot, p.opt.RcvBuf}); kind != s.kind || now.Sub(s.last) > spareLife {
		s.dropLocked()
		s.kind, s.streak, s.want = kind, 0, 1
	}
	s.last = now
	s.streak++
	var spare *spareRing
	if len(s.list) > 0 {
		spare, s.list = s.list[0], s.list[1:]
		select {
		case <-spare.done:
		default:
			s.want = min(2*s.want, spareMost)
		}
	}
	for s.streak >= spareStreak && len(s.list) < s.want {
		next, err := p.makeSpareRing(mtu)
		if err != nil {
			break // nothing is lost: the next port tries for itself, and tells
		}
		s.list = append(s.list, next)
	}
	if len(s.list) > 0 && !s.active {
		s.active = true
		time.AfterFunc(spareLife, endSpareRings)
	}
	return spare
}

// makeSpareRing opens a socket in the port's namespace and has a ring made for it.
func (p *System) makeSpareRing(mtu int) (*spareRing, error) {
	fd, _, err := p.packetSocket("")
	if err != nil {
		return nil, err
	}
	if err := p.setupSocket(fd); err != nil {
		return nil, closing(fd, err)
	}
	spare := &spareRing{fd: fd, done: make(chan struct{})}
	go func() {
		defer close(spare.done)
		spare.r, spare.err = openRxRing(fd, mtu, 0)
	}()
	return spare, nil
}

// close lets go of a ring that nobody wants.
func (s *spareRing) close() error {
	<-s.done
	err := unix.Close(s.fd)
	if s.err == nil {
		err = errors.Join(err, s.r.close())
	}
	return err
}

// endSpareRings gives up the spare rings once the row of those that were wanted has
// come to its end.
func endSpareRings() {
	s := &spares
	s.Lock()
	defer s.Unlock()
	if early := spareLife - time.Since(s.last); early > 0 {
		time.AfterFunc(early, endSpareRings)
		return
	}
	s.active = false
	s.dropLocked()
}

// dropLocked gives them all up.
func (s *spareRings) dropLocked() {
	for _, spare := range s.list {
		go func() {
			_ = spare.close() // it was nobody's, and the kernel has taken it back whatever it says
		}()
	}
	s.list = nil
}
