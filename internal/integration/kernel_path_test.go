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

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// datagrams is a stream of numbered datagrams from one host to another, as fast as the receiver
// takes them: none may be lost, come twice or out of its turn.
type datagrams struct {
	t         *testing.T
	sent, got atomic.Uint64
	stop      atomic.Bool
	over      atomic.Bool // no more are sent
	done      chan error
}

// datagramWindow is how many datagrams are on their way at most.
const datagramWindow = 200

// datagramPause is after how many datagrams all that were sent have come before the next goes: only where
// none waits in the switch does the kernel take a flow.
const datagramPause = 512

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
	defer s.over.Store(true)
	b := make([]byte, 100)
	for waiting := time.Now(); !s.stop.Load(); {
		n := s.sent.Load()
		if got := s.got.Load(); n-got >= datagramWindow || n%datagramPause == 0 && n != got {
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
	for last := time.Now(); !s.over.Load() || s.got.Load() != s.sent.Load(); {
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := c.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) && time.Since(last) < patience {
			continue
		}
		if err != nil {
			return fmt.Errorf("after datagram %d of %d: %w", s.got.Load(), s.sent.Load(), err)
		}
		if is := binary.BigEndian.Uint64(b[:n]); is != s.got.Load() {
			return fmt.Errorf("datagram %d came when %d was due", is, s.got.Load())
		}
		s.got.Add(1)
		last = time.Now()
	}
	return nil
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
	early, _ := d.portPackets("1") // some before there were entries
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
	rx -= early
	_, tx := d.portPackets("2")
	// What hosts say of their own accord may come between.
	if all := d.packetsOf("0x1") + n; rx < n+1 || rx > all || tx < n || tx > all {
		t.Errorf("port 1 received %d and port 2 sent %d, want %d or a few less", rx, tx, all)
	}
}

// kernelLab is a switch with two hosts and the entries 1 (from host 1 to host 2), 2 (back), and 3: UDP port
// 7777 from host 1 to host 2. The kernel may forward.
func kernelLab(t *testing.T, flags ...string) (*netlab.Lab, *daemon) {
	t.Helper()
	l := newLab(t, 2)
	d := startSwitch(t, l, append([]string{"--fail-mode", "secure"}, flags...)...)
	d.ctl("add-flow", "br0", "cookie=0x2,priority=1,in_port=2,actions=output:1")
	d.ctl("add-flow", "br0", "cookie=0x1,priority=1,in_port=1,actions=output:2")
	d.ctl("add-flow", "br0", "cookie=0x3,priority=5,in_port=1,udp,tp_dst=7777,actions=output:2")
	d.awaitPath("port1", "yes")
	d.awaitPath("port2", "yes")
	ping(t, l.Hosts[0], l.Hosts[1].IP.String())
	return l, d
}

// awaitPath waits for what kernel-path/show says of a port.
func (d *daemon) awaitPath(port, want string) {
	d.t.Helper()
	testutil.Eventually(d.t, port, func() error {
		if _, _, path := d.kernelFlows(port); path != want {
			return fmt.Errorf("kernel path: %s, want %s", path, want)
		}
		return nil
	})
}

// What the kernel must not forward past comes back to the switch while frames are on their way: the stream
// goes on in order, and what is to happen to each frame happens from then on.
func TestIntegrationKernelPathTakenBack(t *testing.T) {
	l, d := kernelLab(t)
	s := startDatagrams(t, l.Hosts[0].Namespace, l.Hosts[1].Namespace, l.Hosts[1].IP, 7777)
	d.awaitKernel("port1")
	// Another entry, which counts: not one frame that comes after the answer counts on the former.
	d.ctl("add-flow", "br0", "cookie=0x4,priority=6,in_port=1,udp,tp_dst=7777,actions=output:2")
	before := d.packetsOf("0x3")
	s.await(1000)
	d.awaitKernel("port1")
	if n := d.packetsOf("0x3"); n != before {
		t.Errorf("%d frames counted on an entry that is covered by another", n-before)
	}
	// A frame that is to be changed: the kernel does not.
	d.ctl("mod-flows", "br0", "cookie=0x4/-1,udp,actions=set_field:48->ip_dscp,output:2")
	s.await(1000)
	if n, _, _ := d.kernelFlows("port1"); n != 0 {
		t.Errorf("the kernel has %d flows of a port whose frames are changed", n)
	}
	d.ctl("del-flows", "br0", "cookie=0x4/-1")
	s.await(1000)
	d.awaitKernel("port1")
	s.end()
}

// flow-removed tells of each frame that the kernel has forwarded.
func TestIntegrationKernelPathFlowRemoved(t *testing.T) {
	l, d := kernelLab(t)
	d.ctl("add-flow", "br0", "cookie=0x5,priority=7,in_port=1,udp,tp_dst=7777,send_flow_rem,actions=output:2")
	heard := d.watching(false, "monitor", "br0", "128")
	s := startDatagrams(t, l.Hosts[0].Namespace, l.Hosts[1].Namespace, l.Hosts[1].IP, 7777)
	d.awaitKernel("port1")
	s.await(2000)
	d.ctl("del-flows", "br0", "cookie=0x5/-1,udp")
	line, ok := heard.await("FLOW_REMOVED")
	if !ok {
		t.Fatalf("no flow-removed: %s", heard.text())
	}
	d.awaitKernel("port1") // entry 3 goes on
	n := s.end()
	m := regexp.MustCompile(`pkts?=?(\d+)|packets[=:](\d+)`).FindStringSubmatch(heard.text())
	if m == nil {
		t.Fatalf("flow-removed without a count: %s\n%s", line, heard.text())
	}
	removed, _ := strconv.ParseUint(m[1]+m[2], 10, 64)
	if rest := d.packetsOf("0x3"); removed == 0 || removed+rest != n {
		t.Errorf("%d frames before the entry went and %d behind, want %d together:\n%s", removed, rest, n, heard.text())
	}
}

// Policing, queues and mirrors are put on a port while the kernel forwards, and taken off again.
func TestIntegrationKernelPathDatabase(t *testing.T) {
	l := newLab(t, 3)
	s := startWithDB(t, l.Switch, "")
	s.vsctl("add-br", "br0", "--", "set-fail-mode", "br0", "secure", "--", "add-port", "br0", "port1", "--", "add-port", "br0", "port2", "--", "add-port", "br0", "port3")
	s.ctl("add-flow", "br0", "cookie=0x2,priority=1,in_port=port2,actions=output:port1")
	s.ctl("add-flow", "br0", "cookie=0x1,priority=1,in_port=port1,actions=output:port2")
	s.awaitPath("port1", "yes")
	s.awaitPath("port2", "yes")
	ping(t, l.Hosts[0], l.Hosts[1].IP.String())
	stream := startDatagrams(t, l.Hosts[0].Namespace, l.Hosts[1].Namespace, l.Hosts[1].IP, 7777)
	for _, step := range []struct {
		set, unset []string
		kernel     bool // the kernel goes on, with a copy for port3
	}{
		{[]string{"set", "Interface", "port1", "ingress_policing_rate=100000000", "ingress_policing_burst=1000000"}, []string{"set", "Interface", "port1", "ingress_policing_rate=0"}, false},
		{[]string{"set", "Port", "port2", "qos=@q", "--", "--id=@q", "create", "QoS", "type=linux-htb", "other-config:max-rate=10000000000"}, []string{"clear", "Port", "port2", "qos"}, false},
		{[]string{"--", "--id=@p", "get", "Port", "port3", "--", "--id=@m", "create", "Mirror", "name=m", "select-all=true", "output-port=@p", "--", "set", "Bridge", "br0", "mirrors=@m"}, []string{"clear", "Bridge", "br0", "mirrors"}, true},
		{[]string{"set", "Open_vSwitch", ".", "other_config:kernel-path=false"}, []string{"remove", "Open_vSwitch", ".", "other_config", "kernel-path"}, false},
	} {
		s.awaitKernel("port1")
		s.vsctl(step.set...)
		if step.kernel {
			s.awaitKernel("port1")
			_, before := s.portPackets("3")
			const more = 10 * datagramWindow
			stream.await(more)
			// Those on their way are fewer than the window.
			if _, n := s.portPackets("3"); n-before < more-datagramWindow {
				t.Errorf("after %v port 3 sent %d frames, want %d or a few less", step.set, n-before, more)
			}
		} else {
			stream.await(300)
			if n, _, _ := s.kernelFlows("port1"); n != 0 {
				t.Errorf("after %v the kernel has %d flows of the port", step.set, n)
			}
		}
		stream.check()
		s.vsctl(step.unset...)
	}
	s.awaitKernel("port1")
	n := stream.end()
	if rx, _ := s.portPackets("1"); rx < n {
		t.Errorf("port 1 received %d frames, want %d", rx, n)
	}
}

// TCP between hosts, and with the switch's own port, over IPv4 and IPv6, by the kernel: and every frame that a
// port has counted is counted by an entry.
func TestIntegrationKernelPathTCP(t *testing.T) {
	testutil.NeedProgram(t, "iperf3", "iperf3")
	l := newLab(t, 2)
	d := startSwitch(t, l) // a learning switch
	d.awaitPath("port1", "yes")
	d.awaitPath("port2", "yes")
	d.awaitPath("br0", "yes")
	mustRun(t, l.Switch, "ip", "address", "add", "10.0.0.100/24", "dev", "br0")
	mustRun(t, l.Switch, "ip", "address", "add", "fd00::100/64", "dev", "br0", "nodad")
	for _, c := range []struct {
		from, to *netlab.Namespace
		addr     string
		port     string // where the data come in
	}{
		{l.Hosts[0].Namespace, l.Hosts[1].Namespace, l.Hosts[1].IP.String(), "port1"},
		{l.Hosts[0].Namespace, l.Hosts[1].Namespace, l.Hosts[1].IP6.String(), "port1"},
		{l.Switch, l.Hosts[0].Namespace, l.Hosts[0].IP.String(), "br0"},
		{l.Switch, l.Hosts[0].Namespace, l.Hosts[0].IP6.String(), "br0"},
		{l.Hosts[1].Namespace, l.Switch, "10.0.0.100", "port2"},
		{l.Hosts[1].Namespace, l.Switch, "fd00::100", "port2"},
	} {
		// A transfer is short, and the kernel takes the flow at some time within it.
		testutil.Eventually(t, "to "+c.addr, func() error {
			before := d.offloaded()
			r := iperf3(t, c.from, c.to, c.addr, "-n", "300M")
			n := int64(d.offloaded() - before)
			t.Logf("to %s: %.2f Gbit/s, %d frames by the kernel", c.addr, r.End.SumReceived.BitsPerSecond/1e9, n)
			if n < 20000 {
				return fmt.Errorf("%d frames by the kernel of 300 MB\n%s", n, d.ctl("kernel-path/show"))
			}
			return nil
		})
	}
	sum := uint64(0)
	for _, no := range []string{"1", "2", "LOCAL"} {
		rx, _ := d.portPackets(no)
		sum += rx
	}
	m := regexp.MustCompile(`n_packets=(\d+)`).FindStringSubmatch(d.ctl("dump-flows", "br0"))
	if m == nil {
		t.Fatal("no entry")
	}
	if n, _ := strconv.ParseUint(m[1], 10, 64); n < sum {
		t.Errorf("the entry counted %d frames, the ports received %d before that", n, sum)
	}
}

// Where there is no kernel path the switch forwards itself, and says why.
func TestIntegrationKernelPathNone(t *testing.T) {
	for _, c := range []struct {
		flags []string
		why   string
	}{
		{[]string{"--kernel-path", "off"}, "no: off"},
		{[]string{"--port", "port1,options:stack-isolation=nft"}, "no: isolation"},
	} {
		l := newLab(t, 2)
		args := append([]string{"--bridge", "br0", "--port", "port2"}, c.flags...)
		if len(c.flags) == 2 && c.flags[0] != "--port" {
			args = append(args, "--port", "port1")
		}
		d := startDaemon(t, l.Switch, args...)
		d.awaitLog("msg=ready")
		ping(t, l.Hosts[0], l.Hosts[1].IP.String())
		s := startDatagrams(t, l.Hosts[0].Namespace, l.Hosts[1].Namespace, l.Hosts[1].IP, 7777)
		s.await(1000)
		d.awaitPath("port1", c.why)
		if n, _, _ := d.kernelFlows("port1"); n != 0 {
			t.Errorf("%v: the kernel has %d flows", c.flags, n)
		}
		s.end()
	}
}

// noPrograms says what is attached to a device.
func noPrograms(device string) error {
	dev, err := net.InterfaceByName(device)
	if err != nil {
		return err
	}
	for _, at := range []ebpf.AttachType{ebpf.AttachTCXIngress, ebpf.AttachTCXEgress} {
		res, err := link.QueryPrograms(link.QueryOptions{Target: dev.Index, Attach: at})
		if err != nil {
			return err
		}
		if n := len(res.Programs); n != 0 {
			return fmt.Errorf("%s has %d programs", device, n)
		}
	}
	return nil
}

// A switch that is killed while the kernel forwards leaves no program at any device: the next one begins
// anew.
func TestIntegrationKernelPathKilled(t *testing.T) {
	l, d := kernelLab(t)
	s := startDatagrams(t, l.Hosts[0].Namespace, l.Hosts[1].Namespace, l.Hosts[1].IP, 7777)
	d.awaitKernel("port1")
	s.end()
	d.kill()
	for _, port := range []string{"port1", "port2"} {
		testutil.Eventually(t, "programs are gone", func() error { return l.Switch.Do(func() error { return noPrograms(port) }) })
	}
	d = startSwitch(t, l)
	d.awaitPath("port1", "yes")
	s = startDatagrams(t, l.Hosts[0].Namespace, l.Hosts[1].Namespace, l.Hosts[1].IP, 7778)
	d.awaitKernel("port1")
	s.end()
}

// An entry that the kernel forwards for is not idle; when it has been, it goes, and is told of with each
// frame that the kernel has forwarded.
func TestIntegrationKernelPathIdle(t *testing.T) {
	l, d := kernelLab(t)
	const idle = 2 * time.Second
	d.ctl("add-flow", "br0", fmt.Sprintf("cookie=0x6,priority=7,in_port=1,udp,tp_dst=7777,idle_timeout=%d,send_flow_rem,actions=output:2", idle/time.Second))
	heard := d.watching(false, "monitor", "br0", "128")
	s := startDatagrams(t, l.Hosts[0].Namespace, l.Hosts[1].Namespace, l.Hosts[1].IP, 7777)
	d.awaitKernel("port1")
	for begun := time.Now(); time.Since(begun) < 2*idle; {
		s.await(100)
	}
	if strings.Contains(heard.text(), "FLOW_REMOVED") {
		t.Fatalf("the entry has gone while there were frames:\n%s", heard.text())
	}
	n := s.end()
	if _, ok := heard.await("FLOW_REMOVED"); !ok {
		t.Fatalf("no flow-removed: %s", heard.text())
	}
	for _, want := range []string{"reason=idle", fmt.Sprintf("pkts%d ", n)} {
		if !strings.Contains(heard.text(), want) {
			t.Errorf("flow-removed lacks %q:\n%s", want, heard.text())
		}
	}
}

// A filter that somebody puts at a device's egress hook meets the frames that leave by it, though the kernel has
// forwarded them before.
func TestIntegrationKernelPathFiltered(t *testing.T) {
	testutil.NeedProgram(t, "nft", "nftables")
	l, d := kernelLab(t)
	s := startDatagrams(t, l.Hosts[0].Namespace, l.Hosts[1].Namespace, l.Hosts[1].IP, 7777)
	d.awaitKernel("port1")
	mustRun(t, l.Switch, "nft", "add table netdev z; add chain netdev z c { type filter hook egress device port2 priority 0; policy accept; }; add rule netdev z c udp dport 7777 counter")
	testutil.Eventually(t, "the kernel's flow goes", func() error {
		if n, _, _ := d.kernelFlows("port1"); n != 0 {
			return fmt.Errorf("the kernel has %d flows", n)
		}
		return nil
	})
	d.awaitPath("port2", "no: nftables")
	met := func() uint64 {
		t.Helper()
		m := regexp.MustCompile(`packets (\d+)`).FindStringSubmatch(mustRun(t, l.Switch, "nft", "list", "table", "netdev", "z"))
		if m == nil {
			t.Fatal("nft shows no counter")
		}
		n, _ := strconv.ParseUint(m[1], 10, 64)
		return n
	}
	// Those on their way are fewer than the window.
	before, from := met(), s.got.Load()
	s.await(2000)
	got := s.got.Load() - from // first: more come while the filter is asked
	if n := met() - before; n+datagramWindow < got {
		t.Errorf("the filter met %d of %d datagrams", n, got)
	}
	mustRun(t, l.Switch, "nft", "delete", "table", "netdev", "z")
	d.awaitKernel("port1")
	n := s.end()
	if c := d.packetsOf("0x3"); c != n {
		t.Errorf("the entry counted %d frames, want %d", c, n)
	}
	// Whoever forwarded them.
	m := regexp.MustCompile(`lookups: hit:(\d+) missed:(\d+)`).FindStringSubmatch(d.ctl("appctl", "dpctl/show"))
	if m == nil {
		t.Fatal("dpctl/show without lookups")
	}
	hits, _ := strconv.ParseUint(m[1], 10, 64)
	misses, _ := strconv.ParseUint(m[2], 10, 64)
	if hits+misses < n {
		t.Errorf("%d lookups hit and %d missed, of %d frames at least", hits, misses, n)
	}
}
