package integration

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
)

// matrixKinds are the ways in which a port can move frames. Where there is no TAP,
// the port is one end of a cable.
var matrixKinds = []struct {
	name, options string
	tap           bool
}{
	{"ring", ",options:n_txq_desc=256", false},
	{"noring", ",options:packet-ring=off", false},
	{"bypass", ",options:qdisc-bypass=on,options:n_txq_desc=256", false},
	{"xdp", ",options:io=afxdp", false},
	{"tap", ",type=internal", true},
	{"plain", ",type=internal,options:io=plain", true},
}

// A host reaches the others under four numbers: straight, by flows that translate
// addresses, ports and the time to live, and both also over a cable by which the
// switch sends to itself, with a VLAN tag on the way.
const (
	netStraight = iota // fd00::/64 and 10.0.0.0/24, where all hosts are
	netTranslated
	netTagged
	netTaggedTranslated
	matrixNets

	matrixVLAN = 5
	matrixPort = 7001 // where servers listen; through translation it is 7000
)

func isTranslated(number int) bool { return number == netTranslated || number == netTaggedTranslated }

func isTagged(number int) bool { return number >= netTagged }

// matrixTrunk is a cable between two ports of the switch: numbers and kinds of its ends.
type matrixTrunk struct {
	ports, kinds [2]int
	dev          [2]string
}

func matrixAddr(number, host int, v6 bool) string {
	if v6 {
		return fmt.Sprintf("fd%02d::%x", number, host)
	}
	return fmt.Sprintf("10.%d.0.%d", number, host)
}

// matrixHost is a namespace with a device eth0 at port number id.
type matrixHost struct {
	*testutil.NS
	name string
	id   int
	kind int
	tcp  net.Listener

	mu sync.Mutex
	// Datagrams that the switch receives from this host: frames and bytes on the wire.
	frames, bytes uint64
}

// count adds n bytes of UDP data sent in datagrams of at most size bytes.
func (h *matrixHost) count(n, size int, v6 bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ; n > 0; n -= size {
		data := min(n, size) + 8
		head, room := 20, 1480
		if v6 {
			head, room = 40, 1460
			if data > room {
				head, room = 48, 1448
			}
		}
		pieces := (data + room - 1) / room
		h.frames += uint64(pieces)
		h.bytes += uint64(data + pieces*(14+head))
	}
}

// matrixMAC is a host's address; behind translation it has another.
func matrixMAC(number, host int) string {
	if !isTranslated(number) {
		number = netStraight
	}
	return fmt.Sprintf("02:00:00:00:%02x:%02x", number, host)
}

// TestIntegrationOffloadMatrix: between ports of every kind all that stacks leave to
// their devices arrives right, tagged or not, translated or not; and flows and ports
// count what would stand on a wire. The hosts keep their default offloads, but for
// those at AF_XDP, which has none.
func TestIntegrationOffloadMatrix(t *testing.T) {
	hosts, trunks, d := newMatrix(t)
	n := len(matrixKinds)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for j := range n {
				a, b := hosts[i], hosts[n+(i+j)%n]
				for number := range matrixNets {
					for _, v6 := range []bool{false, true} {
						if err := exchangeMatrix(a, b, number, v6); err != nil {
							t.Errorf("%s to %s, network %d, IPv6 %v: %v", a.name, b.name, number, v6, err)
							return
						}
					}
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.Log(d.ctl("dump-ports", "br0"))
		return
	}
	for _, h := range hosts {
		for _, m := range regexp.MustCompile(`(?m)^(\w*)InCsumErrors\s+(\d+)`).FindAllStringSubmatch(h.Run("cat", "/proc/net/snmp6"), -1) {
			if m[2] != "0" {
				t.Errorf("%s: %s", h.name, m[0])
			}
		}
		for _, proto := range []string{"Tcp", "Udp", "Icmp"} {
			if v := h.snmp(t, proto, "InCsumErrors"); v != 0 {
				t.Errorf("%s: %s: %d wrong checksums", h.name, proto, v)
			}
		}
		if v := h.snmp(t, "Ip", "InHdrErrors"); v != 0 {
			t.Errorf("%s: %d wrong IP headers", h.name, v)
		}
	}
	testutil.Eventually(t, "all frames to be counted", func() error { return checkMatrix(t, d, hosts, trunks) })
}

// snmp reads a counter of the host's stack.
func (h *matrixHost) snmp(t *testing.T, proto, name string) uint64 {
	t.Helper()
	var names []string
	for line := range strings.Lines(h.Run("cat", "/proc/net/snmp")) {
		f := strings.Fields(line)
		if f[0] != proto+":" {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		for i := range names {
			if names[i] == name {
				v, err := strconv.ParseUint(f[i], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
		}
	}
	t.Fatalf("%s: no counter %s %s", h.name, proto, name)
	return 0
}

// newMatrix starts a switch with two hosts of each kind.
func newMatrix(t *testing.T) (hosts []*matrixHost, trunks []matrixTrunk, d *daemon) {
	sw := testutil.NewNS(t)
	sw.NoIPv6()
	args := []string{"--bridge", "br0", "--fail-mode", "secure"}
	for i := range 2 * len(matrixKinds) {
		kind := i % len(matrixKinds)
		k := matrixKinds[kind]
		h := &matrixHost{NS: testutil.NewNS(t), name: fmt.Sprint(k.name, i/len(matrixKinds)), id: i + 1, kind: kind}
		hosts = append(hosts, h)
		if !k.tap {
			sw.AddVeth(h.name, "eth0", h.NS)
			h.Down("eth0") // nothing is to come before there are flows that count it
		}
		args = append(args, "--port", h.name+k.options+",ofport_request="+strconv.Itoa(h.id))
	}
	for i, kinds := range [][2]int{{0, 1}, {0, 2}, {3, 0}, {1, 2}, {1, 3}, {3, 2}} {
		c := matrixTrunk{kinds: kinds}
		for side, kind := range kinds {
			c.ports[side] = 2*len(matrixKinds) + 1 + 2*i + side
			c.dev[side] = fmt.Sprintf("trunk%d-%d", i, side)
			args = append(args, "--port", c.dev[side]+matrixKinds[kind].options+",ofport_request="+strconv.Itoa(c.ports[side]))
		}
		sw.AddVeth(c.dev[0], c.dev[1], sw)
		for side, kind := range kinds {
			if matrixKinds[kind].name == "xdp" {
				sw.Run("ethtool", "-K", c.dev[1-side], "tx", "off")
			}
		}
		trunks = append(trunks, c)
	}
	d = startDaemon(t, sw.Namespace, args...)
	d.awaitLog("msg=ready")
	file := filepath.Join(t.TempDir(), "flows")
	if err := os.WriteFile(file, []byte(matrixFlows(hosts, trunks)), 0o600); err != nil {
		t.Fatal(err)
	}
	d.ctl("add-flows", "br0", file)
	for _, h := range hosts {
		if matrixKinds[h.kind].tap {
			sw.Move(h.name, h.NS)
			h.Run("ip", "link", "set", h.name, "name", "eth0")
		}
		h.batch(t, hosts)
		h.Do(func() {
			var err error
			if h.tcp, err = net.Listen("tcp", fmt.Sprintf(":%d", matrixPort)); err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = h.tcp.Close() })
			udp, err := net.ListenPacket("udp4", fmt.Sprintf("0.0.0.0:%d", matrixPort))
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = udp.Close() })
			udp6, err := net.ListenPacket("udp6", fmt.Sprintf("[::]:%d", matrixPort))
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = udp6.Close() })
			go echo(udp)
			go echo(udp6)
		})
		if t.Failed() {
			t.FailNow()
		}
		go echoStreams(h.tcp)
	}
	return hosts, trunks, d
}

// batch sets up the host's devices, addresses, routes and neighbours.
func (h *matrixHost) batch(t *testing.T, all []*matrixHost) {
	t.Helper()
	if matrixKinds[h.kind].name == "xdp" {
		h.Run("ethtool", "-K", "eth0", "tx", "off", "txvlan", "off")
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("link set eth0 address %s up", matrixMAC(netStraight, h.id))
	for number := range matrixNets {
		for _, v6 := range []bool{false, true} {
			bits, nodad := 24, ""
			if v6 {
				bits, nodad = 64, " nodad"
			}
			if !isTranslated(number) {
				line("addr add %s/%d dev eth0%s", matrixAddr(number, h.id, v6), bits, nodad)
			} else {
				line("route add %s/%d dev eth0 src %s", matrixAddr(number, 0, v6), bits, matrixAddr(netStraight, h.id, v6))
			}
			for _, other := range all {
				if other != h {
					line("neigh add %s lladdr %s dev eth0", matrixAddr(number, other.id, v6), matrixMAC(number, other.id))
				}
			}
		}
	}
	file := filepath.Join(t.TempDir(), "batch")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h.Run("ip", "-batch", file)
}

// matrixFlows are the flows; a cookie tells the port where its frames come from, and
// whether it is TCP (1), UDP (2; later fragments have protocol 44 over IPv6), or anything else (0). Table 0
// translates the sender, table 1 the ports, table 2 the receiver; table 3 is for what
// is not translated, table 4 for what comes from a trunk.
func matrixFlows(hosts []*matrixHost, trunks []matrixTrunk) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for i, h := range hosts {
		line("table=0,priority=0,cookie=%#x,in_port=%d,actions=drop", h.id<<4, h.id)
		for number := range matrixNets {
			for _, v6 := range []bool{false, true} {
				version, ip, field, bits := "", "ip", "nw_dst", 24
				if v6 {
					version, ip, field, bits = "6", "ipv6", "ipv6_dst", 64
				}
				acts, table := "", 3
				if isTagged(number) {
					acts = fmt.Sprintf("push_vlan:0x8100,set_field:%#x->vlan_vid,", 0x1000|matrixVLAN)
				}
				if isTranslated(number) {
					acts += fmt.Sprintf("set_field:%s->eth_src,set_field:%s->%s_src,dec_ttl,", matrixMAC(number, h.id), matrixAddr(number, h.id, v6), ip)
					table = 1
				}
				acts += fmt.Sprintf("goto_table:%d", table)
				for proto, cookie := range map[string]int{"tcp" + version: 1, "udp" + version: 2, ip + ",nw_proto=44": 2} {
					line("table=0,priority=9,cookie=%#x,in_port=%d,%s,%s=%s/%d,actions=%s", h.id<<4|cookie, h.id, proto, field, matrixAddr(number, 0, v6), bits, acts)
				}
				// To this host.
				match := fmt.Sprintf("%s,%s=%s", ip, field, matrixAddr(number, h.id, v6))
				if table == 1 {
					table = 2
				}
				deliver := fmt.Sprintf("output:%d", h.id)
				if isTranslated(number) {
					deliver = fmt.Sprintf("set_field:%s->%s_dst,set_field:%s->eth_dst,%s", matrixAddr(netStraight, h.id, v6), ip, matrixMAC(netStraight, h.id), deliver)
				}
				if !isTagged(number) {
					line("table=%d,%s,actions=%s", table, match, deliver)
					continue
				}
				line("table=4,dl_vlan=%d,%s,actions=pop_vlan,%s", matrixVLAN, match, deliver)
				for other, c := range trunks {
					if i < len(trunks) {
						line("table=%d,%s,actions=output:%d", table, match, trunks[i].ports[1])
						break
					}
					line("table=%d,in_port=%d,%s,actions=output:%d", table, hosts[other].id, match, c.ports[0])
				}
			}
		}
	}
	for _, c := range trunks {
		for _, port := range c.ports {
			line("table=0,cookie=%#x,in_port=%d,dl_vlan=%d,actions=goto_table:4", port<<4, port, matrixVLAN)
			line("table=0,priority=0,cookie=%#x,in_port=%d,actions=drop", port<<4, port)
		}
	}
	for _, p := range []string{"tcp", "udp", "tcp6", "udp6"} {
		l4 := strings.TrimSuffix(p, "6")
		line("table=1,%s,%s_dst=7000,actions=set_field:%d->%s_dst,goto_table:2", p, l4, matrixPort, l4)
		line("table=1,%s,%s_src=%d,actions=set_field:7000->%s_src,goto_table:2", p, l4, matrixPort, l4)
	}
	line("table=1,priority=0,actions=goto_table:2")
	return b.String()
}

// echoStreams sends what comes by each connection back, until the listener is closed.
func echoStreams(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(c, struct{ io.Reader }{c}) // the client sees that something is missing
			_ = c.Close()
		}()
	}
}

// exchangeMatrix has a send to b by TCP, by datagrams, small, in fragments and cut up
// by the device, and get all of it back.
func exchangeMatrix(a, b *matrixHost, number int, v6 bool) error {
	port, v := matrixPort, "4"
	if isTranslated(number) {
		port--
	}
	if v6 {
		v = "6"
	}
	addr := net.JoinHostPort(matrixAddr(number, b.id, v6), strconv.Itoa(port))
	var stream, dgram net.Conn
	err := a.Namespace.Do(func() (err error) {
		if stream, err = net.DialTimeout("tcp"+v, addr, patience); err != nil {
			return err
		}
		dgram, err = net.Dial("udp"+v, addr)
		return err
	})
	if stream != nil {
		defer func() { _ = stream.Close() }()
	}
	if err != nil {
		return err
	}
	defer func() { _ = dgram.Close() }()
	limit := time.Now().Add(patience)
	if err := stream.SetDeadline(limit); err != nil {
		return err
	}
	if err := dgram.SetDeadline(limit); err != nil {
		return err
	}
	if err := exchangeStream(stream); err != nil {
		return fmt.Errorf("TCP: %w", err)
	}
	for _, c := range []struct{ n, size int }{
		{1, 1}, {999, 999}, {1452, 1452}, {5001, 5001},
		{12*1200 + 77, 1200}, {40*536 + 1, 536}, {3 * 1452, 1452},
	} {
		if err := exchangeDatagrams(dgram.(*net.UDPConn), c.n, c.size); err != nil {
			return fmt.Errorf("UDP, %d bytes by %d: %w", c.n, c.size, err)
		}
		a.count(c.n, c.size, v6)
		b.count(c.n, c.size, v6)
	}
	return nil
}

// exchangeStream sends large and small writes.
func exchangeStream(c net.Conn) error {
	data := numbered(100_001)
	sent := make(chan error, 1)
	go func() {
		rest := data
		for _, n := range []int{1, 100, 1459, 1460, 1461, 3000, len(data)} {
			n = min(n, len(rest))
			if _, err := c.Write(rest[:n]); err != nil {
				sent <- err
				return
			}
			rest = rest[n:]
		}
		sent <- c.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if e := <-sent; e != nil {
		return e
	}
	if err == nil && !bytes.Equal(got, data) {
		err = fmt.Errorf("%d bytes came back of %d, or others", len(got), len(data))
	}
	return err
}

// exchangeDatagrams sends n bytes in datagrams of size bytes, at once.
func exchangeDatagrams(c *net.UDPConn, n, size int) error {
	data := numbered(n)
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	segment := 0
	if n > size {
		segment = size
	}
	if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, segment) }); e != nil || err != nil {
		return fmt.Errorf("UDP_SEGMENT: %v, %v", e, err)
	}
	if _, err := c.Write(data); err != nil {
		return err
	}
	buf := make([]byte, 1<<16)
	for rest := data; len(rest) > 0; {
		got, err := c.Read(buf)
		if err != nil {
			return fmt.Errorf("with %d bytes missing: %w", len(rest), err)
		}
		want := rest[:min(size, len(rest))]
		if !bytes.Equal(buf[:got], want) {
			return fmt.Errorf("with %d bytes missing: %d bytes came back, want the next %d", len(rest), got, len(want))
		}
		rest = rest[len(want):]
	}
	return nil
}

// numbered is n bytes of which no two neighbouring pieces are alike.
func numbered(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8)*7 ^ byte(i>>16)
	}
	return b
}

// checkMatrix compares the counters of flows and ports with what the hosts sent.
func checkMatrix(t *testing.T, d *daemon, hosts []*matrixHost, trunks []matrixTrunk) error {
	type counts struct{ packets, bytes uint64 }
	number := func(s string) uint64 {
		v, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	want := make([]uint64, len(hosts)) // TCP segments
	for i, h := range hosts {
		want[i] = h.snmp(t, "Tcp", "OutSegs") + h.snmp(t, "Tcp", "RetransSegs")
	}
	flows := map[uint64]counts{} // by cookie
	out := map[uint64]uint64{}   // frames by port of output
	for _, m := range regexp.MustCompile(`(?m)cookie=(\w+).*n_packets=(\d+), n_bytes=(\d+).*?(?:output:(\d+))?$`).FindAllStringSubmatch(d.ctl("dump-flows", "br0"), -1) {
		c := flows[number(m[1])]
		c.packets += number(m[2])
		c.bytes += number(m[3])
		flows[number(m[1])] = c
		if m[4] != "" {
			out[number(m[4])] += number(m[2])
		}
	}
	ports := map[uint64][]string{}
	for _, m := range regexp.MustCompile(`port +(\d+): rx pkts=(\d+), bytes=(\d+), drop=(\d+), errs=(\d+).*\n +tx pkts=(\d+), bytes=(\d+), drop=(\d+), errs=(\d+)`).FindAllStringSubmatch(d.ctl("dump-ports", "br0"), -1) {
		ports[number(m[1])] = m[2:]
	}
	for i, h := range hosts {
		id := uint64(h.id)
		rest, tcp, udp := flows[id<<4], flows[id<<4|1], flows[id<<4|2]
		if tcp.packets != want[i] {
			return fmt.Errorf("%s: flows count %d TCP segments, the host %d", h.name, tcp.packets, want[i])
		}
		if udp.packets != h.frames || udp.bytes != h.bytes {
			return fmt.Errorf("%s: flows count %d frames and %d bytes of UDP, want %d and %d", h.name, udp.packets, udp.bytes, h.frames, h.bytes)
		}
		p := ports[id]
		if p == nil {
			return fmt.Errorf("%s: no port %d", h.name, id)
		}
		if n, b := rest.packets+tcp.packets+udp.packets, rest.bytes+tcp.bytes+udp.bytes; number(p[0]) != n || number(p[1]) != b {
			return fmt.Errorf("%s: the port counts %s frames and %s bytes received, its flows %d and %d", h.name, p[0], p[1], n, b)
		}
		if number(p[4]) != out[id] {
			return fmt.Errorf("%s: the port counts %s frames sent, its flows %d", h.name, p[4], out[id])
		}
		for _, i := range []int{2, 3, 6, 7} {
			if p[i] != "0" {
				return fmt.Errorf("%s: the port has lost frames: %v", h.name, p)
			}
		}
	}
	for _, c := range trunks {
		for side, port := range c.ports {
			id := uint64(port)
			p, peer := ports[id], ports[uint64(c.ports[1-side])]
			if p == nil || peer == nil {
				return fmt.Errorf("%s: no port", c.dev[side])
			}
			flow := flows[id<<4]
			if number(p[0]) != flow.packets || number(p[1]) != flow.bytes {
				return fmt.Errorf("%s: the port counts %s frames and %s bytes received, its flows %d and %d", c.dev[side], p[0], p[1], flow.packets, flow.bytes)
			}
			if p[0] != peer[4] || p[1] != peer[5] || p[0] == "0" {
				return fmt.Errorf("%s: the port counts %s frames and %s bytes received, the other end (%s) %s and %s sent", c.dev[side], p[0], p[1], matrixKinds[c.kinds[1-side]].name, peer[4], peer[5])
			}
		}
	}
	return nil
}
