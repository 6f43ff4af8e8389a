package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/packet"
	"ofswitch/ports"
)

const (
	// pacedRate is the load of the paced measurement in frames per second:
	// what leaves the switch idle for a good part of the time.
	pacedRate = 500_000
	// pacedRing is how many frames the paced source keeps for a switch that is
	// late, as a device's ring does: 8 ms. What does not fit is lost.
	pacedRing = 4096
	// benchFlows is the number of connections that the frames belong to.
	benchFlows = 64
	// benchFillers is the number of flow entries beside those in use: they
	// make the replies to statistics requests long.
	benchFillers = 5000
)

// memPort is what source and sink have in common with a device.
type memPort struct{ name string }

func (p memPort) Name() string              { return p.name }
func (p memPort) Type() string              { return "mem" }
func (p memPort) Stats() ports.Stats        { return ports.Stats{} }
func (p memPort) SetAdmin(bool) error       { return nil }
func (p memPort) RxQueues() []ports.RxQueue { return nil }
func (p memPort) NewTx() (ports.TxQueue, error) {
	return discard{}, nil
}
func (p memPort) Status() ports.Status {
	return ports.Status{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, MTU: 1500, AdminUp: true, LinkUp: true}
}
func (p memPort) Close() error { return nil }

// discard is the transmit side of a port that only receives.
type discard struct{}

func (discard) Tx(frames []*packet.Frame) int { return len(frames) }
func (discard) Caps() ports.Caps              { return ports.Caps{} }
func (discard) Close() error                  { return nil }

// source is a port whose numbered frames come into being when the switch
// reads: as many as it takes, or as many as are due since the last time. No
// other thread has a part in it, so a gap is the switch's own.
type source struct {
	memPort
	fd    int // an eventfd, readable while frames come
	rate  atomic.Int64
	lost  atomic.Uint64
	slots [packet.BatchSize][]byte

	// Of the thread that reads.
	paced int64 // rate in force
	began time.Time
	given uint64 // frames since then, lost ones included
	seq   uint64 // of the next frame
}

// newSource makes a source that is silent.
func newSource() (*source, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	s := &source{memPort: memPort{"source"}, fd: fd}
	s.rate.Store(-1)
	for i := range s.slots {
		s.slots[i] = make([]byte, packet.Headroom+len(benchFrame))
		copy(s.slots[i][packet.Headroom:], benchFrame)
	}
	return s, nil
}

// benchFrame is UDP over IPv4, 64 bytes; source port and number change.
var benchFrame = func() []byte {
	b := make([]byte, 64)
	copy(b, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45})
	ip := packet.IPv4(b[14:])
	ip.SetTotalLen(50)
	ip.SetTTL(64)
	ip.SetProto(packet.ProtoUDP)
	ip.SetSrc(0x0a000001)
	ip.SetDst(0x0a000002)
	ip.UpdateChecksum()
	packet.UDP(b[34:]).SetLength(30)
	return b
}()

// start has frames come at a rate in frames per second; 0: as fast as they are
// read; less: none.
func (s *source) start(rate int64) error {
	was := s.rate.Swap(rate)
	var err error
	one := []byte{1, 0, 0, 0, 0, 0, 0, 0}
	switch {
	case was < 0 && rate >= 0:
		_, err = unix.Write(s.fd, one)
	case was >= 0 && rate < 0:
		_, err = unix.Read(s.fd, one)
	}
	return err
}

func (s *source) RxQueues() []ports.RxQueue { return []ports.RxQueue{s} }

// FD is readable while frames come.
func (s *source) FD() int { return s.fd }

func (s *source) Close() error { return unix.Close(s.fd) }

// Rx lends a batch of new frames.
func (s *source) Rx(b *packet.Batch) (int, error) {
	rate := s.rate.Load()
	n := packet.BatchSize
	switch {
	case rate < 0:
		n = 0
	case rate > 0:
		if s.paced != rate {
			s.began, s.given = time.Now(), 0
		}
		due := uint64(time.Since(s.began).Seconds()*float64(rate)) - s.given
		if due > pacedRing {
			s.lost.Add(due - pacedRing)
			s.given += due - pacedRing
			due = pacedRing
		}
		n = int(min(due, packet.BatchSize))
		s.given += uint64(n)
	}
	s.paced = rate
	for i := range n {
		f := s.slots[i]
		binary.BigEndian.PutUint16(f[packet.Headroom+34:], uint16(s.seq%benchFlows))
		binary.BigEndian.PutUint64(f[packet.Headroom+42:], s.seq)
		s.seq++
		b.Frames[i].Set(f, packet.Headroom, len(f))
	}
	b.N = n
	return n, nil
}

// sink is the port at which frames are counted, by the thread that sends.
type sink struct {
	memPort
	frames atomic.Uint64
	lost   atomic.Uint64 // gaps in the numbers
	worst  atomic.Int64  // gap between batches, ns
	reset  atomic.Bool   // forget worst

	// Of the thread that sends.
	last time.Time
	next uint64
}

func (s *sink) Name() string                  { return "sink" }
func (s *sink) NewTx() (ports.TxQueue, error) { return s, nil }
func (s *sink) Caps() ports.Caps              { return ports.Caps{} }

// Tx counts. Frames that the controllers send do not come here.
func (s *sink) Tx(frames []*packet.Frame) int {
	now := time.Now()
	if s.reset.Load() {
		s.reset.Store(false)
		s.worst.Store(0)
	} else if gap := int64(now.Sub(s.last)); gap > s.worst.Load() {
		s.worst.Store(gap)
	}
	s.last = now
	for _, f := range frames {
		n := binary.BigEndian.Uint64(f.Bytes()[42:])
		if n != s.next {
			s.lost.Add(max(n, s.next) - min(n, s.next))
		}
		s.next = n + 1
	}
	s.frames.Add(uint64(len(frames)))
	return len(frames)
}

// counted is what a sink saw in a time.
type counted struct {
	frames, lost uint64
	took, worst  time.Duration
}

func (s *sink) measure(length time.Duration) counted {
	s.reset.Store(true)
	began, frames, lost := time.Now(), s.frames.Load(), s.lost.Load()
	time.Sleep(length)
	return counted{
		frames: s.frames.Load() - frames, lost: s.lost.Load() - lost,
		took: time.Since(began), worst: time.Duration(s.worst.Load()),
	}
}

// addFlows adds the entries in use, over two tables, and the fillers.
func addFlows(of *ofswitch.Bridge) error {
	output := func(no ofp.PortNo) ofp.Instructions {
		return ofp.Instructions{Has: 1 << ofp.InstrApplyActions, Apply: []ofp.Action{ofp.Output{Port: no, MaxLen: ofp.ControllerNoBuffer}}, Order: [6]uint8{ofp.InstrApplyActions}}
	}
	var errs []error
	add := func(table ofp.TableID, priority uint16, match string, ins ofp.Instructions) {
		m, err := flow.ParseMatch(match)
		if err == nil {
			err = of.FlowMod(&ofp.FlowMod{
				Table: table, Priority: priority, Match: m, Instructions: ins,
				BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny,
			})
		}
		errs = append(errs, err)
	}
	add(0, 0, "", output(ofp.PortController))
	add(0, 1, "in_port=1", ofp.Instructions{Has: 1 << ofp.InstrGotoTable, Goto: 1, Order: [6]uint8{ofp.InstrGotoTable}})
	add(1, 1, "udp", output(2))
	for i := range benchFillers {
		add(9, uint16(i), fmt.Sprintf("eth_dst=02:00:00:00:%02x:%02x", i>>8, i&0xff), output(2))
	}
	return errors.Join(errs...)
}

// asker is a well-behaved peer: it counts the answers to its echoes.
type asker struct {
	nc      net.Conn
	answers atomic.Uint64
	err     atomic.Pointer[error]
}

// startAsker connects. It ends when its connection is closed.
func startAsker(socket string) (*asker, error) {
	nc, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	a := &asker{nc: nc}
	go func() {
		if err := a.run(); !errors.Is(err, net.ErrClosed) {
			a.err.Store(&err)
		}
	}()
	return a, nil
}

func (a *asker) run() error {
	if _, err := a.nc.Write(ofp.Encode(1, &ofp.Hello{})); err != nil {
		return err
	}
	var buf []byte
	for xid := uint32(2); ; xid++ {
		if _, err := a.nc.Write(ofp.Encode(xid, &ofp.EchoRequest{})); err != nil {
			return err
		}
		for {
			if err := a.nc.SetReadDeadline(time.Now().Add(startTimeout)); err != nil {
				return err
			}
			h, msg, err := ofp.ReadMessage(a.nc, buf)
			if err != nil {
				return fmt.Errorf("a well-behaved peer, at echo %d: %w", xid, err)
			}
			if buf = msg; h.Type == ofp.TypeEchoReply && h.XID == xid {
				break
			}
		}
		a.answers.Add(1)
		time.Sleep(time.Millisecond) // a peer, not a load
	}
}

func (a *asker) failed() error {
	if err := a.err.Load(); err != nil {
		return *err
	}
	return nil
}
