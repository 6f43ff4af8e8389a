package integration

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// answered is a stream of numbered datagrams of which so many are always on their way: the receiver answers each, and
// only answers let more be sent. So there are always some in the switch, in both directions.
type answered struct {
	t        *testing.T
	sent     atomic.Uint64 // datagrams
	answers  atomic.Uint64 // that came
	stop     atomic.Bool
	over     atomic.Bool
	done     chan error
	from, to *net.UDPConn
}

// answeredWindow is how many are on their way at most.
const answeredWindow = 200

// room gives a socket room for all of them, which it has not by default.
func room(c *net.UDPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1<<20)
	})
	return errors.Join(err, failed)
}

// startAnswered begins one from a host to an address and UDP port of another.
func startAnswered(t *testing.T, from, to *netlab.Namespace, addr net.IP, port int) *answered {
	t.Helper()
	s := &answered{t: t, done: make(chan error, 3)}
	err := to.Do(func() (err error) {
		s.to, err = net.ListenUDP("udp", &net.UDPAddr{IP: addr, Port: port})
		return err
	})
	if err == nil {
		err = from.Do(func() (err error) {
			s.from, err = net.DialUDP("udp", nil, &net.UDPAddr{IP: addr, Port: port})
			return err
		})
	}
	if err == nil {
		err = errors.Join(room(s.to), room(s.from))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range []func() error{s.send, s.answer, s.count} {
		go func() { s.done <- run() }()
	}
	t.Cleanup(func() {
		s.stop.Store(true)
		s.from.Close()
		s.to.Close()
	})
	return s
}

func (s *answered) send() error {
	defer s.over.Store(true)
	b := make([]byte, 100)
	for waiting := time.Now(); !s.stop.Load(); {
		n := s.sent.Load()
		if n-s.answers.Load() >= answeredWindow {
			if time.Since(waiting) > patience {
				return fmt.Errorf("answer %d does not come", s.answers.Load())
			}
			time.Sleep(20 * time.Microsecond)
			continue
		}
		waiting = time.Now()
		binary.BigEndian.PutUint64(b, n)
		s.sent.Add(1)
		if _, err := s.from.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// numbered reads numbered datagrams until all have come that were sent.
func (s *answered) numbered(c *net.UDPConn, got func(n uint64, b []byte, from *net.UDPAddr) error) error {
	b := make([]byte, 2048)
	next := uint64(0)
	for last := time.Now(); !s.over.Load() || next != s.sent.Load(); {
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, from, err := c.ReadFromUDP(b)
		if errors.Is(err, os.ErrDeadlineExceeded) && time.Since(last) < patience {
			continue
		}
		if err != nil {
			return fmt.Errorf("after %d of %d: %w", next, s.sent.Load(), err)
		}
		if is := binary.BigEndian.Uint64(b[:n]); is != next {
			return fmt.Errorf("%d came when %d was due", is, next)
		}
		next++
		if err := got(next, b[:n], from); err != nil {
			return err
		}
		last = time.Now()
	}
	return nil
}

func (s *answered) answer() error {
	err := s.numbered(s.to, func(_ uint64, b []byte, from *net.UDPAddr) error {
		_, err := s.to.WriteToUDP(b, from)
		return err
	})
	if err != nil {
		err = fmt.Errorf("datagrams: %w", err)
	}
	return err
}

func (s *answered) count() error {
	err := s.numbered(s.from, func(n uint64, _ []byte, _ *net.UDPAddr) error {
		s.answers.Store(n)
		return nil
	})
	if err != nil {
		err = fmt.Errorf("answers: %w", err)
	}
	return err
}

// check fails the test when the stream has gone wrong already.
func (s *answered) check() {
	s.t.Helper()
	select {
	case err := <-s.done:
		s.t.Fatalf("the stream has ended: %v", err)
	default:
	}
}

// await waits for n more answers.
func (s *answered) await(n uint64) {
	s.t.Helper()
	until := s.answers.Load() + n
	testutil.Wait(s.t, fmt.Sprintf("%d more answers", n), func() bool {
		s.check()
		return s.answers.Load() >= until
	})
}

// end stops the stream, and gives how many datagrams there were, and answers.
func (s *answered) end() uint64 {
	s.t.Helper()
	s.stop.Store(true)
	for range 3 {
		if err := <-s.done; err != nil {
			s.t.Error(err)
		}
	}
	return s.sent.Load()
}

// A stream that always has a frame before the switch becomes the kernel's, and again after it was taken back: all of it
// comes in order, and is counted once.
func TestIntegrationKernelPathSaturated(t *testing.T) {
	l := newLab(t, 2)
	d := startSwitch(t, l, "--fail-mode", "secure")
	mustRun(t, l.Switch, "ip", "address", "add", "10.0.0.100/24", "dev", "br0")
	for _, f := range []string{"arp", "icmp"} {
		d.ctl("add-flow", "br0", "priority=1,"+f+",actions=normal")
	}
	for _, p := range []string{"port1", "port2", "br0"} {
		d.awaitPath(p, "yes")
	}
	local := net.IPv4(10, 0, 0, 100)
	for i, c := range []struct {
		name     string
		from, to *netlab.Namespace
		addr     net.IP
		in, out  string // ports
		no1, no2 string // their numbers
	}{
		{"TAP to ring", l.Switch, l.Hosts[0].Namespace, l.Hosts[0].IP, "br0", "port1", "LOCAL", "1"},
		{"ring to TAP", l.Hosts[0].Namespace, l.Switch, local, "port1", "br0", "1", "LOCAL"},
		{"ring to ring", l.Hosts[0].Namespace, l.Hosts[1].Namespace, l.Hosts[1].IP, "port1", "port2", "1", "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			port := 7777 + i
			entries := []string{
				fmt.Sprintf("cookie=0x%x,priority=5,in_port=%s,udp,tp_dst=%d,actions=output:%s", 2*i+1, c.no1, port, c.no2),
				fmt.Sprintf("cookie=0x%x,priority=5,in_port=%s,udp,tp_src=%d,actions=output:%s", 2*i+2, c.no2, port, c.no1),
			}
			for _, e := range entries {
				d.ctl("add-flow", "br0", e)
			}
			mustRun(t, c.from, "ping", "-n", "-c", "1", "-W", "5", c.addr.String())
			s := startAnswered(t, c.from, c.to, c.addr, port)
			for range 5 {
				for _, p := range []string{c.in, c.out} {
					testutil.Eventually(t, "the kernel forwards", func() error {
						s.check()
						if _, active, _ := d.kernelFlows(p); active == 0 {
							return fmt.Errorf("nothing of %s:\n%s", p, d.ctl("kernel-path/show"))
						}
						return nil
					})
				}
				s.await(3000)
				for _, e := range entries { // another entry, and the kernel has to be told anew
					d.ctl("mod-flows", "br0", "--strict", e)
				}
			}
			n := s.end()
			for j := range entries {
				if got := d.packetsOf(fmt.Sprintf("0x%x", 2*i+1+j)); got != n {
					t.Errorf("%q counted %d frames, want %d", entries[j], got, n)
				}
			}
		})
	}
}
