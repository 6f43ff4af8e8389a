package ports

import (
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
	"ofswitch/ports/isolate"
	"ofswitch/ports/kernelpath"
)

// stream sends numbered frames of n bytes from one socket and receives them from another, until
// stop, at most window of them at a time on their way.
type stream struct {
	sent, got atomic.Uint64
	stop      atomic.Bool
	done      chan error
}

const streamWindow = 256

var errOrder = errors.New("a frame came out of its turn")

func startStream(t *testing.T, from, to int, tags []uint16) *stream {
	t.Helper()
	s := &stream{done: make(chan error, 2)}
	if err := unix.SetsockoptInt(to, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20); err != nil {
		t.Fatal(err)
	}
	tv := unix.NsecToTimeval(int64(10 * time.Millisecond))
	if err := unix.SetsockoptTimeval(to, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		t.Fatal(err)
	}
	go func() {
		b := frame(tags, 100)
		for !s.stop.Load() {
			n := s.sent.Load()
			if n-s.got.Load() > streamWindow {
				time.Sleep(10 * time.Microsecond)
				continue
			}
			binary.BigEndian.PutUint64(b[len(b)-8:], n)
			if _, err := unix.Write(from, b); err != nil {
				s.done <- err
				return
			}
			s.sent.Add(1)
		}
		s.done <- nil
	}()
	go func() {
		buf := make([]byte, 2048)
		var failed error
		for idle := 0; ; {
			n, at, err := unix.Recvfrom(to, buf, 0)
			if err == unix.EAGAIN || err == unix.EINTR {
				if s.stop.Load() {
					if idle++; idle > 20 || s.got.Load() == s.sent.Load() {
						break
					}
				}
				continue
			}
			if err != nil {
				s.done <- err
				return
			}
			if ll, ok := at.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING || n < 90 {
				continue
			}
			if is := binary.BigEndian.Uint64(buf[n-8:]); is != s.got.Load() && failed == nil {
				failed = errOrder
				t.Errorf("frame %d came when %d was due", is, s.got.Load())
			}
			s.got.Add(1)
		}
		s.done <- failed
	}()
	return s
}

// end stops the stream and returns how many frames it sent; they have all come, in order.
func (s *stream) end(t *testing.T) uint64 {
	t.Helper()
	s.stop.Store(true)
	for range 2 {
		if err := <-s.done; err != nil {
			t.Errorf("stream: %v", err)
		}
	}
	if got, sent := s.got.Load(), s.sent.Load(); got != sent {
		t.Errorf("%d frames were sent, %d came", sent, got)
	}
	return s.sent.Load()
}

// socketAt is where a test sends or receives.
type socketAt struct {
	ns  *testutil.NS
	dev string
}

func (s socketAt) open() int { return s.ns.PacketSocket(s.dev) }

// While frames flow, flows come and go: every frame arrives once and in its turn, and what
// the kernel and the switch have counted is what was sent.
func TestIntegrationKernelPathComesAndGoes(t *testing.T) {
	a, sw, b := testutil.NewNS(t), testutil.NewNS(t), testutil.NewNS(t)
	for _, ns := range []*testutil.NS{a, sw, b} {
		ns.NoIPv6()
	}
	a.AddVeth("a0", "p0", sw)
	b.AddVeth("b0", "p1", sw)
	a.WaitCarrier("a0")
	b.WaitCarrier("b0")
	table := openKernel(t)
	tap := openTapIn(t, sw, OpenInternal, "br0", TapOptions{KernelPath: table})
	o := SystemOptions{KernelPath: table, Isolation: isolate.TCX}
	p0, p1 := openSystem(t, sw, "p0", o), openSystem(t, sw, "p1", o)
	for _, c := range []struct {
		name     string
		from, to KernelPath
		send     socketAt
		receive  socketAt
		tags     []uint16
		class    kernelpath.Class
	}{
		{"ring to ring", p0, p1, socketAt{a, "a0"}, socketAt{b, "b0"}, nil, kernelpath.ClassL2},
		{"tagged", p0, p1, socketAt{a, "a0"}, socketAt{b, "b0"}, []uint16{packet.TypeVLAN}, kernelpath.ClassL2 | kernelpath.ClassTagged},
		{"ring to TAP", p0, tap, socketAt{a, "a0"}, socketAt{sw, "br0"}, nil, kernelpath.ClassL2},
		{"TAP to ring", tap, p1, socketAt{sw, "br0"}, socketAt{b, "b0"}, nil, kernelpath.ClassL2},
	} {
		t.Run(c.name, func(t *testing.T) {
			fw := forward(t, c.from.(Port), c.to.(Port))
			in, out := prepared(t, table, c.from), path(t, c.to)
			s := startStream(t, c.send.open(), c.receive.open(), c.tags)
			var kernel uint64
			rounds, active := 0, 0
			for ; rounds < 200; rounds++ {
				f := byClass(t, table, in, out, c.class)
				wait := s.got.Load() + uint64(rounds%500)
				testutil.Wait(t, "frames", func() bool { return s.got.Load() >= wait })
				if f.Active() {
					active++
				}
				table.Remove(f)
				table.Wait()
				n, _, _ := f.Count()
				kernel += n
				path(t, c.from)
				wait = s.sent.Load() + 1 // one that was sent without a flow
				testutil.Wait(t, "frames", func() bool { return s.got.Load() > wait })
			}
			sent := s.end(t)
			ring := uint64(fw.snapshot().frames[0])
			t.Logf("%d frames, %d by the kernel, %d by the switch, %d flows, of which %d active", sent, kernel, ring, rounds, active)
			if kernel+ring != sent {
				t.Errorf("%d frames sent, %d counted by the kernel and %d by the switch", sent, kernel, ring)
			}
			if ring == 0 || kernel == 0 {
				t.Error("all went one way")
			}
		})
	}
}
