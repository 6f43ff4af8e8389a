package ports

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
	"ofswitch/ports/isolate"
	"ofswitch/ports/kernelpath"
)

// bursts sends numbered datagrams from one host to another, where a queue forwards what the kernel does not.
type bursts struct {
	t        *testing.T
	from, to *net.UDPConn
	sent     uint32
	next     uint32 // number that is to come next
	late     int
	ring     int // datagrams forwarded
	rx       RxQueue
	tx       TxQueue
	batch    packet.Batch
	frames   [packet.BatchSize]*packet.Frame
}

const (
	burstSegment = 100 // bytes of a datagram
	burstMost    = 60  // datagrams
)

// write sends n datagrams as one packet, which the device has the kernel segment: all of them are in the backlog of the
// sender's processor before the first goes on.
func (s *bursts) write(n int) {
	b := make([]byte, n*burstSegment)
	for at := 0; at < len(b); at += burstSegment {
		binary.BigEndian.PutUint32(b[at:], s.sent)
		s.sent++
	}
	if _, err := s.from.Write(b); err != nil {
		s.t.Error(err)
	}
}

// forward sends what the queue has.
func (s *bursts) forward() {
	n, err := s.rx.Rx(&s.batch)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range n {
		s.frames[i] = &s.batch.Frames[i]
		if s.frames[i].Len() == packet.EthernetLen+20+8+burstSegment { // and nothing that hosts say of their own accord
			s.ring++
		}
	}
	if n > 0 {
		s.tx.Tx(s.frames[:n])
		s.batch.Release()
	}
}

// receive takes n datagrams, forwarding meanwhile, and counts those that come after a later one.
func (s *bursts) receive(n int) {
	s.t.Helper()
	var b [burstSegment]byte
	for end := time.Now().Add(testutil.Patience); n > 0; {
		s.forward()
		_ = s.to.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, err := s.to.Read(b[:])
		if errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(end) {
			continue
		}
		if err != nil {
			s.t.Fatalf("after datagram %d of %d: %v", s.next, s.sent, err)
		}
		n--
		is := binary.BigEndian.Uint32(b[:])
		if is < s.next {
			s.late++
		}
		s.next = max(s.next, is+1)
	}
}

// onProcessor binds the thread to the first or the last of the processors that it may use, and gives what takes that back.
func onProcessor(t *testing.T, last bool) (back func()) {
	runtime.LockOSThread()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Error(err)
	}
	at := -1
	for i := range len(all) * 64 {
		if all.IsSet(i) && (at < 0 || last) {
			at = i
		}
	}
	one.Set(at)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Error(err)
	}
	return func() {
		if err := unix.SchedSetaffinity(0, &all); err != nil {
			t.Error(err)
		}
		runtime.UnlockOSThread()
	}
}

// A flow leaves the kernel, for good or for a while, while many of its frames wait in the backlog of a processor: what
// the switch sends afterwards does not overtake what the kernel has sent before.
func TestIntegrationKernelPathLeft(t *testing.T) {
	const rounds, most = 10, 500
	a, sw, b := twoHosts(t)
	a.Run("ethtool", "-K", "a0", "tx-udp-segmentation", "off")
	table := openKernel(t)
	o := SystemOptions{KernelPath: table, Isolation: isolate.TCX}
	tap := openTapIn(t, sw, OpenInternal, "br0", TapOptions{KernelPath: table})
	p0, p1 := openSystem(t, sw, "p0", o), openSystem(t, sw, "p1", o)
	sw.Addr("br0", "10.0.0.3/24")
	for _, c := range []struct {
		name  string
		to    KernelPath
		at    *testutil.NS
		dev   string
		addr  string
		leave func(...*kernelpath.Flow)
	}{
		{"removed, to ring", p1, b, "b0", "10.0.0.2", table.Remove},
		{"held, to ring", p1, b, "b0", "10.0.0.2", table.Hold},
		{"removed, to TAP", tap, sw, "br0", "10.0.0.3", table.Remove},
		{"held, to TAP", tap, sw, "br0", "10.0.0.3", table.Hold},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer onProcessor(t, true)()
			a.Run("ip", "neigh", "replace", c.addr, "lladdr", c.at.MAC(c.dev).String(), "dev", "a0")
			s := &bursts{t: t, rx: p0.RxQueues()[0], tx: newTx(t, c.to.(Port))}
			var err error
			addr := &net.UDPAddr{IP: net.ParseIP(c.addr), Port: 7777}
			c.at.Do(func() { s.to, err = net.ListenUDP("udp4", addr) })
			if err != nil {
				t.Fatal(err)
			}
			defer s.to.Close()
			a.Do(func() { s.from, err = net.DialUDP("udp4", nil, addr) })
			if err != nil {
				t.Fatal(err)
			}
			defer s.from.Close()
			raw, err := s.from.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			var refused error
			err = raw.Control(func(fd uintptr) { refused = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, burstSegment) })
			if err = errors.Join(err, refused); err != nil {
				t.Fatal(err)
			}
			send, sent := make(chan bool), make(chan bool)
			defer close(send)
			go func() {
				onProcessor(t, false) // the thread ends with the goroutine
				for range send {
					s.write(burstMost)
					sent <- true
				}
			}()
			in, out := path(t, p0), path(t, c.to)
			if err := table.Prepare(in); err != nil {
				t.Fatal(err)
			}
			both := 0
			for round := 0; both < rounds && round < most; round++ {
				f := byClass(t, table, in, out, kernelpath.ClassUDPv4)
				for !f.Active() {
					s.write(1)
					s.receive(1)
				}
				before, _, _ := f.Count()
				s.ring = 0
				send <- true
				for n := before; n < before+10; n, _, _ = f.Count() {
				}
				c.leave(f)
				table.Drain()
				s.receive(burstMost)
				<-sent
				if n, _, _ := f.Count(); n-before+uint64(s.ring) != burstMost {
					t.Errorf("%d datagrams were sent, %d counted by the kernel and %d by the switch", burstMost, n-before, s.ring)
				}
				if s.ring > 0 {
					both++
				}
				table.Remove(f)
				table.Wait()
			}
			t.Logf("%d bursts came by both ways", both)
			if s.late > 0 {
				t.Errorf("%d datagrams came late", s.late)
			}
		})
	}
}
