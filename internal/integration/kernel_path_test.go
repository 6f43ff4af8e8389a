package integration

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// datagrams is a stream of numbered datagrams from one host to another, as fast as the receiver
// takes them: none may be lost, come twice or out of its turn.
type datagrams struct {
	t         *testing.T
	sent, got atomic.Uint64
	stop      atomic.Bool
	done      chan error
}

// datagramWindow is how many datagrams are on their way at most.
const datagramWindow = 200

// startDatagrams begins one to UDP port port of a host, or of the address to.
func startDatagrams(t *testing.T, from, to *netlab.Namespace, addr net.IP, port int) *datagrams {
	t.Helper()
	var rx, tx *net.UDPConn
	err := to.Do(func() (err error) {
		rx, err = net.ListenUDP("udp", &net.UDPAddr{Port: port})
		return err
	})
	if err == nil {
		err = from.Do(func() (err error) {
			tx, err = net.DialUDP("udp", nil, &net.UDPAddr{IP: addr, Port: port})
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = rx.SetReadBuffer(8 << 20) // what the system allows is enough for the window
	s := &datagrams{t: t, done: make(chan error, 2)}
	go func() { s.done <- s.send(tx) }()
	go func() { s.done <- s.receive(rx) }()
	t.Cleanup(func() {
		s.stop.Store(true)
		tx.Close()
		rx.Close()
	})
	return s
}

func (s *datagrams) send(c *net.UDPConn) error {
	b := make([]byte, 100)
	for waiting := time.Now(); !s.stop.Load(); {
		n := s.sent.Load()
		if n-s.got.Load() >= datagramWindow {
			if time.Since(waiting) > patience {
				return fmt.Errorf("datagram %d does not come", s.got.Load())
			}
			time.Sleep(20 * time.Microsecond)
			continue
		}
		waiting = time.Now()
		binary.BigEndian.PutUint64(b, n)
		if _, err := c.Write(b); err != nil {
			return err
		}
		s.sent.Add(1)
	}
	return nil
}

func (s *datagrams) receive(c *net.UDPConn) error {
	b := make([]byte, 2048)
	for {
		if s.stop.Load() && s.got.Load() == s.sent.Load() {
			return nil
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if s.stop.Load() {
			_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		}
		n, err := c.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) && s.stop.Load() && s.got.Load() == s.sent.Load() {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after datagram %d of %d: %w", s.got.Load(), s.sent.Load(), err)
		}
		if is := binary.BigEndian.Uint64(b[:n]); is != s.got.Load() {
			return fmt.Errorf("datagram %d came when %d was due", is, s.got.Load())
		}
		s.got.Add(1)
	}
}

// end stops the stream, and gives how many datagrams there were. All of them have come.
func (s *datagrams) end() uint64 {
	s.t.Helper()
	s.stop.Store(true)
	for range 2 {
		if err := <-s.done; err != nil {
			s.t.Error(err)
		}
	}
	if s.got.Load() != s.sent.Load() {
		s.t.Errorf("%d of %d datagrams came", s.got.Load(), s.sent.Load())
	}
	return s.sent.Load()
}

// check fails the test when the stream has gone wrong already.
func (s *datagrams) check() {
	s.t.Helper()
	select {
	case err := <-s.done:
		s.t.Fatalf("the stream has ended: %v", err)
	default:
	}
}

// await waits for n more.
func (s *datagrams) await(n uint64) {
	s.t.Helper()
	until := s.got.Load() + n
	testutil.Wait(s.t, fmt.Sprintf("%d more datagrams", n), func() bool {
		s.check()
		return s.got.Load() >= until
	})
}

// kernelFlows gives the numbers of kernel-path/show for a port: flows, and those that are active.
func (d *daemon) kernelFlows(port string) (flows, active int, path string) {
	d.t.Helper()
	for line := range strings.Lines(d.ctl("kernel-path/show")) {
		f := strings.Fields(line)
		if len(f) > 4 && f[1] == port {
			flows, _ = strconv.Atoi(f[2])
			active, _ = strconv.Atoi(f[3])
			return flows, active, strings.Join(f[4:], " ")
		}
	}
	d.t.Fatalf("kernel-path/show lacks %s", port)
	return 0, 0, ""
}

// awaitKernel waits until the kernel forwards some flow of the port.
func (d *daemon) awaitKernel(port string) {
	d.t.Helper()
	testutil.Eventually(d.t, "the kernel forwards", func() error {
		if _, active, _ := d.kernelFlows(port); active == 0 {
			return fmt.Errorf("nothing of %s:\n%s%s", port, d.ctl("kernel-path/show"), d.ctl("dpctl/dump-flows", "-m"))
		}
		return nil
	})
}

// offloaded is how many frames the kernel has forwarded by the flows that it has now.
func (d *daemon) offloaded() (n uint64) {
	d.t.Helper()
	for _, m := range regexp.MustCompile(`packets:(\d+)`).FindAllStringSubmatch(d.ctl("dpctl/dump-flows", "type=offloaded"), -1) {
		v, _ := strconv.ParseUint(m[1], 10, 64)
		n += v
	}
	return n
}

// packetsOf is the count of the flow entry with this cookie.
func (d *daemon) packetsOf(cookie string) uint64 {
	d.t.Helper()
	out := d.ctl("dump-flows", "br0", "cookie="+cookie+"/-1")
	m := regexp.MustCompile(`n_packets=(\d+)`).FindStringSubmatch(out)
	if m == nil {
		d.t.Fatalf("no entry with cookie %s: %s", cookie, out)
	}
	n, _ := strconv.ParseUint(m[1], 10, 64)
	return n
}

// portPackets are the counts of dump-ports.
func (d *daemon) portPackets(no string) (rx, tx uint64) {
	d.t.Helper()
	out := d.ctl("dump-ports", "br0", no)
	m := regexp.MustCompile(`(?s)rx pkts=(\d+).*tx pkts=(\d+)`).FindStringSubmatch(out)
	if m == nil {
		d.t.Fatalf("dump-ports: %s", out)
	}
	rx, _ = strconv.ParseUint(m[1], 10, 64)
	tx, _ = strconv.ParseUint(m[2], 10, 64)
	return rx, tx
}

// Numbered datagrams while the kernel takes a flow, is told of changes that concern it and of others, and
// gives it back: none is lost, comes twice or out of its turn, and each is counted once.
func TestIntegrationKernelPathExact(t *testing.T) {
	l := newLab(t, 2)
	d := startSwitch(t, l, "--fail-mode", "secure")
	d.ctl("add-flow", "br0", "cookie=0x2,priority=1,in_port=2,actions=output:1")
	d.ctl("add-flow", "br0", "cookie=0x1,priority=1,in_port=1,actions=output:2")
	d.ctl("add-flow", "br0", "cookie=0x3,priority=5,in_port=1,udp,tp_dst=7777,actions=output:2")
	testutil.Wait(t, "a kernel path", func() bool { _, _, path := d.kernelFlows("port1"); return path == "yes" })
	ping(t, l.Hosts[0], l.Hosts[1].IP.String())
	s := startDatagrams(t, l.Hosts[0].Namespace, l.Hosts[1].Namespace, l.Hosts[1].IP, 7777)
	d.awaitKernel("port1")
	s.await(2000)
	if n := d.offloaded(); n < 500 {
		t.Errorf("the kernel has forwarded %d of %d frames", n, s.got.Load())
	}
	for i := range 20 {
		switch i % 4 {
		case 0: // no concern of the stream
			d.ctl("add-flow", "br0", fmt.Sprintf("priority=9,in_port=1,udp,tp_dst=%d,actions=drop", 8000+i))
		case 1: // the same is done by another entry
			d.ctl("mod-flows", "br0", "--strict", "priority=5,in_port=1,udp,tp_dst=7777,actions=output:2")
		case 2:
			d.ctl("mod-port", "br0", "1", "no-packet-in")
		case 3:
			s.await(500)
		}
		s.check()
	}
	d.awaitKernel("port1")
	n := s.end()
	if c := d.packetsOf("0x3"); c != n {
		t.Errorf("the entry counted %d frames, want %d", c, n)
	}
	rx, _ := d.portPackets("1")
	_, tx := d.portPackets("2")
	// What hosts say of their own accord may come between.
	if all := d.packetsOf("0x1") + n; rx < n+1 || rx > all || tx < n || tx > all {
		t.Errorf("port 1 received %d and port 2 sent %d, want %d or a few less", rx, tx, all)
	}
}
