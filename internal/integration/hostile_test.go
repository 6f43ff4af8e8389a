package integration

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// hostileLab is a switch under attack. Port 1 is the attacker's; between ports
// 2 and 3 go well-formed frames, one at a time, of which none may be lost,
// changed or overtaken whatever happens beside them.
//
//	attacker: eth1 --port1--+
//	source:   eth2 --port2-- br0
//	sink:     eth3 --port3--+
type hostileLab struct {
	t        *testing.T
	d        *daemon
	sw, peer *netlab.Namespace
	attacker *cable // frames with a virtio-net header before them
	source   *cable
	sink     *cable
	sent     uint32 // well-formed frames
}

// canaryFlow carries the well-formed frames.
const canaryFlow = "priority=65000,in_port=2,actions=output:3"

func newHostileLab(t *testing.T, prepare func(*hostileLab), flags ...string) *hostileLab {
	t.Helper()
	testutil.NeedRoot(t)
	l := &hostileLab{t: t}
	for _, ns := range []**netlab.Namespace{&l.sw, &l.peer} {
		n, err := netlab.NewNamespace()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
		err = n.Do(func() error {
			return os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
		*ns = n
	}
	// The attacker's comes last, so that it may be made again.
	for _, i := range []int{2, 3, 1} {
		if err := l.sw.AddVeth(fmt.Sprint("port", i), l.peer, fmt.Sprint("eth", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	l.attack()
	l.source, l.sink = newCable(t, l.peer, "eth2"), newCable(t, l.peer, "eth3")
	if err := unix.SetsockoptInt(l.sink.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20); err != nil {
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(l)
	}
	l.d = startDaemon(t, l.sw, append([]string{"--bridge", "br0", "--fail-mode", "secure", "--port", "port1", "--port", "port2", "--port", "port3"}, flags...)...)
	l.d.awaitLog("msg=ready")
	l.flows(canaryFlow)
	l.canary()
	t.Cleanup(func() {
		if strings.Contains(l.d.log.text(), "forwarding failed") {
			t.Error("a frame made the switch panic")
		}
	})
	return l
}

// attack opens the attacker's socket, anew after its device was made anew.
func (l *hostileLab) attack() {
	l.t.Helper()
	l.attacker = newCable(l.t, l.peer, "eth1")
	for opt, v := range map[int]int{unix.SO_RCVBUF: 0, unix.SO_SNDBUFFORCE: 8 << 20} {
		if err := unix.SetsockoptInt(l.attacker.fd, unix.SOL_SOCKET, opt, v); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := unix.SetsockoptInt(l.attacker.fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
		l.t.Fatal(err)
	}
}

// throw sends a frame and says whether the kernel let it pass.
func (l *hostileLab) throw(h vnetHdr, frame []byte) bool {
	_, err := unix.Write(l.attacker.fd, append(h.append(nil), frame...))
	return err == nil
}

func (l *hostileLab) flows(list ...string) {
	l.t.Helper()
	for _, f := range list {
		l.d.ctl("add-flow", "br0", f)
	}
}

// canary sends a well-formed frame and waits for it. Frames of the attacker's
// that come to the sink meanwhile are passed over.
func (l *hostileLab) canary() {
	l.t.Helper()
	f := l.nextCanary()
	l.source.send(f)
	l.awaitCanary(f)
}

func (l *hostileLab) nextCanary() []byte {
	l.sent++
	f := ipPacket{src: "10.0.0.2", dst: "10.0.0.3", ttl: 64, proto: 17, id: uint16(l.sent), l4: udp(7, 7), csumAt: 6}.frame()
	copy(f[6:], "\x02canar") // the source address tells it from the attacker's
	binary.BigEndian.PutUint32(f[len(f)-4:], l.sent)
	return f
}

func (l *hostileLab) awaitCanary(f []byte) {
	l.t.Helper()
	for {
		got := l.sink.recv()
		if len(got) >= 12 && bytes.Equal(got[6:12], f[6:12]) {
			if !bytes.Equal(got, f) {
				l.t.Fatalf("a well-formed frame came out as\n%x, not\n%x", got, f)
			}
			return
		}
	}
}

// signal sends the daemon a signal.
func (l *hostileLab) signal(s syscall.Signal) {
	l.t.Helper()
	if err := l.d.cmd.Process.Signal(s); err != nil {
		l.t.Fatal(err)
	}
}

func (l *hostileLab) run(ns *netlab.Namespace, command string) {
	l.t.Helper()
	words := strings.Fields(command)
	mustRun(l.t, ns, words[0], words[1:]...)
}

// portCounts are a port's packets and bytes received, and sent, and what it
// dropped and refused of the latter.
type portCounts struct{ rx, rxBytes, tx, txBytes, txDrop, txErrs uint64 }

var portLine = regexp.MustCompile(`rx pkts=(\d+), bytes=(\d+), .*\s+tx pkts=(\d+), bytes=(\d+), drop=(\d+), errs=(\d+)`)

func (l *hostileLab) counts(port string) (c portCounts) {
	l.t.Helper()
	out := l.d.ctl("dump-ports", "br0", port)
	m := portLine.FindStringSubmatch(out)
	if m == nil {
		l.t.Fatalf("counters of %s:\n%s", port, out)
	}
	for i, to := range []*uint64{&c.rx, &c.rxBytes, &c.tx, &c.txBytes, &c.txDrop, &c.txErrs} {
		*to, _ = strconv.ParseUint(m[i+1], 10, 64) // digits, by the expression
	}
	return c
}

// Frames and offload state of every dishonest kind, through flows that rewrite
// them, to ports that take offloads, ports that do not, and ports too narrow.
func TestIntegrationHostileFrames(t *testing.T) {
	l := newHostileLab(t, func(l *hostileLab) {
		l.run(l.sw, "ip link set port1 mtu 65535")
		l.run(l.peer, "ip link set eth1 mtu 65535")
		if err := l.sw.AddVeth("narrow", l.peer, "eth4", nil); err != nil {
			l.t.Fatal(err)
		}
		l.run(l.sw, "ip link set narrow mtu 700")
	}, "--workers", "2", "--port", "narrow", "--port", "plain0,type=internal,options:io=plain")
	l.flows(
		"priority=10,in_port=1,tcp actions=output:3,set_field:10.9.9.9->ip_dst,push_vlan:0x8100,set_field:5000->vlan_vid,output:4,output:5,pop_vlan,set_field:777->tcp_dst,output:5,output:4,output:LOCAL",
		"priority=10,in_port=1,udp actions=output:4,dec_ttl,output:3,output:5,set_field:9->udp_dst,push_vlan:0x88a8,output:LOCAL,push_vlan:0x88a8,push_vlan:0x88a8,output:4,output:5",
		"priority=10,in_port=1,tcp6 actions=dec_ttl,output:3,set_field:fd00::9->ipv6_dst,output:4,output:5,output:LOCAL,CONTROLLER:65535",
		"priority=10,in_port=1,udp6 actions=set_field:fd00::9->ipv6_src,output:3,output:4,output:5,CONTROLLER:65535",
		"priority=12,in_port=1,vlan_tci=0x1000/0x1000 actions=output:5,pop_vlan,goto_table:1",
		"table=1,priority=5,vlan_tci=0x1000/0x1000 actions=pop_vlan,output:4,goto_table:2",
		"table=1,priority=0 actions=output:5,goto_table:3",
		"table=2,priority=5,vlan_tci=0x1000/0x1000 actions=pop_vlan,output:5,goto_table:3",
		"table=2,priority=0 actions=NORMAL",
		"table=3,priority=0 actions=set_field:02:00:00:00:00:99->eth_dst,NORMAL",
		"priority=0 actions=NORMAL,push_vlan:0x8100,output:4,CONTROLLER:65535",
	)
	h := hostile{rand.New(rand.NewPCG(1, 2))}
	passed := 0
	for i := range 4000 {
		f, l4 := h.frame()
		if l.throw(h.offload(f, l4), f) {
			passed++
		}
		if i%16 == 0 {
			l.canary()
		}
	}
	// The kernel knows many of the lies.
	if passed < 400 {
		t.Errorf("only %d frames passed the kernel: this test tests nothing", passed)
	}
	testutil.Eventually(t, "packets from the attacker", func() error {
		if c := l.counts("port1"); c.rx < uint64(passed) {
			return fmt.Errorf("%d counted of %d frames", c.rx, passed)
		}
		return nil
	})
	t.Logf("%d frames passed the kernel", passed)
}

// GSO frames count as their segments on every port, whoever cuts them, and none
// is lost on the way to a port too narrow for them.
func TestIntegrationOffloadCounters(t *testing.T) {
	l := newHostileLab(t, func(l *hostileLab) {
		if err := l.sw.AddVeth("narrow", l.peer, "eth4", nil); err != nil {
			l.t.Fatal(err)
		}
		l.run(l.sw, "ip link set narrow mtu 700")
	}, "--port", "narrow", "--port", "plain0,type=internal,mtu_request=1500,options:io=plain") // which else is as narrow as the narrowest
	l.flows("priority=1,in_port=1 actions=output:3,output:4,output:5")
	const size = 20000
	for _, tc := range []struct {
		name   string
		p      ipPacket
		tags   []tag
		gso    uint8
		mss    int
		narrow int // data bytes of a segment that fits the narrow port
	}{
		{"TCP", tcp4, nil, 1, 1448, 660},
		{"TCP with ECN", tcp4, nil, 0x81, 1000, 660},
		{"TCP, small segments", tcp4, nil, 1, 100, 100},
		{"TCP, one tag", tcp4, []tag{{0x8100, 5}}, 1, 1448, 660},
		{"TCP, two tags", tcp4, []tag{{0x88a8, 5}, {0x8100, 6}}, 1, 1448, 652},
		{"TCP over IPv6", tcp6, nil, 4, 1428, 640},
		{"UDP", udp4, nil, 5, 600, 600},
		{"UDP over IPv6", udp6, nil, 5, 600, 600},
	} {
		t.Run(tc.name, func(t *testing.T) {
			head := 20
			if tc.p.proto == 17 {
				head = 8
			}
			p := tc.p.with(func(p *ipPacket) { p.l4 = append(bytes.Clone(p.l4[:head]), make([]byte, size)...) })
			if tc.p.proto == 17 {
				binary.BigEndian.PutUint16(p.l4[4:], uint16(len(p.l4)))
			}
			h, frame := p.partial(tc.tags...)
			h.gsoType, h.gsoSize, h.hdrLen = tc.gso, uint16(tc.mss), h.csumStart+uint16(head)
			before := map[string]portCounts{}
			for _, port := range []string{"port1", "port3", "narrow", "plain0"} {
				before[port] = l.counts(port)
			}
			if !l.throw(h, frame) {
				t.Fatal("the kernel refuses the frame")
			}
			wire := func(mss int) (packets, bytes uint64) {
				n := (size + mss - 1) / mss
				return uint64(n), uint64(size + n*(len(frame)-size))
			}
			for port, mss := range map[string]int{"port1": tc.mss, "port3": tc.mss, "plain0": tc.mss, "narrow": tc.narrow} {
				n, b := wire(mss)
				want := before[port]
				if port == "port1" {
					want.rx, want.rxBytes = want.rx+n, want.rxBytes+b
				} else {
					want.tx, want.txBytes = want.tx+n, want.txBytes+b
				}
				testutil.Eventually(t, port, func() error {
					if got := l.counts(port); got != want {
						return fmt.Errorf("counters %+v, want %+v", got, want)
					}
					return nil
				})
			}
		})
	}
}

// Floods cost the flooder frames, not the others, and memory stays bounded.
func TestIntegrationFloods(t *testing.T) {
	const canaryEvery = 1000
	for _, tc := range []struct {
		name   string
		flow   string
		frames int
		most   int // MiB resident
		change func(i int, frame []byte)
		check  func(t *testing.T, l *hostileLab)
	}{
		{"source addresses", "priority=1,in_port=1 actions=NORMAL", 300_000, 250,
			func(i int, f []byte) { binary.BigEndian.PutUint32(f[8:], uint32(i)*2654435761) },
			func(t *testing.T, l *hostileLab) {
				lines := strings.Split(strings.TrimSpace(l.d.ctl("fdb/show", "br0")), "\n")
				if n := len(lines) - 1; n != 8192 {
					t.Errorf("%d addresses are known, want the table full with 8192", n)
				}
			}},
		{"flows", "priority=1,in_port=1,udp actions=dec_ttl,set_field:1.2.3.4->ip_dst,output:LOCAL", 300_000, 250,
			func(i int, f []byte) { binary.BigEndian.PutUint32(f[34:], uint32(i)*2654435761) }, nil},
		{"packet-ins for nobody", "priority=1,in_port=1,udp actions=CONTROLLER:65535", 300_000, 250,
			func(i int, f []byte) { binary.BigEndian.PutUint32(f[34:], uint32(i)*2654435761) }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newHostileLab(t, nil, "--workers", "2")
			l.flows(tc.flow)
			f := udp4.frame()
			passed, most := 0, 0
			for i := range tc.frames {
				tc.change(i, f)
				if l.throw(vnetHdr{}, f) {
					passed++
				}
				if i%canaryEvery == 0 {
					l.canary()
				}
				if i%(10*canaryEvery) == 0 {
					most = max(most, residentMB(t, l.d))
				}
			}
			most = max(most, residentMB(t, l.d))
			t.Logf("%d of %d frames sent, at most %d MiB resident", passed, tc.frames, most)
			if most > tc.most {
				t.Errorf("%d MiB resident, want %d at most", most, tc.most)
			}
			if tc.check != nil {
				tc.check(t, l)
			}
		})
	}
}

// Frames that stand for thousands of segments each do not take the memory of
// all at once.
func TestIntegrationTinySegments(t *testing.T) {
	flags := []string{"--workers", "2"}
	outputs := ""
	for i := range 4 {
		flags = append(flags, "--port", fmt.Sprintf("plain%d,type=internal,options:io=plain", i))
		outputs += fmt.Sprint(",output:", 4+i)
	}
	l := newHostileLab(t, nil, flags...)
	l.flows("priority=1,in_port=1 actions=" + outputs[1:])
	h, frame := tcp4.with(func(p *ipPacket) { p.l4 = append(bytes.Clone(p.l4[:20]), make([]byte, 64000)...) }).partial()
	h.gsoType, h.gsoSize, h.hdrLen = 1, 36, h.csumStart+20
	passed, most := 0, 0
	for range 5 {
		// Frames that wait come in one batch.
		l.signal(syscall.SIGSTOP)
		for range 60 {
			if l.throw(h, frame) {
				passed++
			}
		}
		l.signal(syscall.SIGCONT)
		l.canary()
		testutil.Eventually(t, "all frames to be taken", func() error {
			const segments = (64000 + 35) / 36
			if c := l.counts("port1"); c.rx != uint64(passed*segments) {
				return fmt.Errorf("%d segments counted of %d", c.rx, passed*segments)
			}
			return nil
		})
		most = max(most, residentMB(t, l.d))
	}
	t.Logf("%d frames sent, at most %d MiB resident", passed, most)
	if passed == 0 {
		t.Error("the kernel refuses the frame: this test tests nothing")
	}
	if most > 200 {
		t.Errorf("%d MiB resident, want 200 at most", most)
	}
}

// Two ports cabled to each other make every broadcast go round for ever. The
// tools get through, memory stays bounded, and a flow ends it.
func TestIntegrationCableLoop(t *testing.T) {
	l := newHostileLab(t, func(l *hostileLab) {
		for _, pair := range [][2]string{{"loop1", "loop2"}, {"loop3", "loop4"}} {
			if err := l.sw.AddVeth(pair[0], l.sw, pair[1], nil); err != nil {
				l.t.Fatal(err)
			}
		}
	}, "--port", "loop1", "--port", "loop2", "--port", "loop3", "--port", "loop4")
	l.flows("priority=1 actions=output:4,output:5,output:6,output:7,output:1")
	broadcast := ethFrame{dst: 0xffffffffffff, typ: 0x88b6, body: make([]byte, 50)}.bytes()
	if !l.throw(vnetHdr{}, broadcast) {
		t.Fatal("the broadcast cannot be sent")
	}
	testutil.Eventually(t, "a storm", func() error {
		if n := l.counts("loop1").rx; n < 100_000 {
			return fmt.Errorf("%d frames went round", n)
		}
		return nil
	})
	for range 20 {
		l.canary()
		l.d.ctl("dump-flows", "br0")
	}
	if mb := residentMB(t, l.d); mb > 200 {
		t.Errorf("%d MiB resident in a storm", mb)
	}
	l.flows("priority=2,dl_type=0x88b6 actions=drop")
	testutil.Eventually(t, "the end of the storm", func() error {
		before := l.counts("loop1")
		l.canary()
		if after := l.counts("loop1"); after != before {
			return fmt.Errorf("%d frames, then %d", before.rx, after.rx)
		}
		return nil
	})
}

// Two bridges joined twice by patch ports, and a patch port that is its own
// peer: a frame goes round a bounded number of times, and that is all.
func TestIntegrationPatchLoop(t *testing.T) {
	l := newHostileLab(t, nil,
		"--port", "a0,type=patch,options:peer=b0", "--port", "a1,type=patch,options:peer=b1", "--port", "me,type=patch,options:peer=me",
		"--bridge", "br1", "--fail-mode", "secure", "--port", "b0,type=patch,options:peer=a0", "--port", "b1,type=patch,options:peer=a1")
	l.flows("priority=1 actions=NORMAL")
	l.d.ctl("add-flow", "br1", "actions=NORMAL")
	const frames = 300
	for i := range frames {
		f := ethFrame{dst: 0xffffffffffff, src: 0x020000000100 + uint64(i%7), typ: 0x88b6, body: make([]byte, 50)}.bytes()
		if !l.throw(vnetHdr{}, f) {
			t.Fatal("the broadcast cannot be sent")
		}
		if i%20 == 0 {
			l.canary()
			l.d.ctl("dump-flows", "br0")
		}
	}
	testutil.Eventually(t, "all broadcasts to be taken", func() error {
		if n := l.counts("port1").rx; n != frames {
			return fmt.Errorf("%d of %d", n, frames)
		}
		return nil
	})
	if n := l.counts("port3").tx; n > frames*200 {
		t.Errorf("%d frames came out for %d broadcasts", n, frames)
	}
}

// Devices that go up and down, away and come back, under other names and in
// other namespaces, while frames arrive.
func TestIntegrationPortsUnderFire(t *testing.T) {
	l := newHostileLab(t, nil, "--workers", "2")
	l.flows("priority=1,in_port=1 actions=NORMAL")
	fds := func() int {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", l.d.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	open := fds()
	flood := udp4.frame()
	for _, tc := range []struct {
		name  string
		times int
		do    func()
	}{
		{"port down and up", 60, func() {
			l.run(l.sw, "ip link set port1 down")
			l.run(l.sw, "ip link set port1 up")
		}},
		{"host down and up", 60, func() {
			l.run(l.peer, "ip link set eth1 down")
			l.run(l.peer, "ip link set eth1 up")
		}},
		{"other MTU", 60, func() {
			l.run(l.sw, "ip link set port1 mtu 68")
			l.run(l.sw, "ip link set port1 mtu 9000")
			l.run(l.sw, "ip link set port1 mtu 1500")
		}},
		{"other name", 30, func() {
			l.run(l.sw, "ip link set port1 down")
			l.run(l.sw, "ip link set port1 name other")
			l.run(l.sw, "ip link set other up")
			l.run(l.sw, "ip link set other down")
			l.run(l.sw, "ip link set other name port1")
			l.run(l.sw, "ip link set port1 up")
		}},
		{"other namespace", 15, func() {
			err := l.moveLink("port1", l.sw, l.peer)
			if err == nil {
				err = l.moveLink("port1", l.peer, l.sw)
			}
			if err != nil {
				t.Fatal(err)
			}
			l.run(l.sw, "ip link set port1 up")
		}},
		{"deleted and made again", 60, func() {
			l.run(l.sw, "ip link del port1")
			if err := l.sw.AddVeth("port1", l.peer, "eth1", nil); err != nil {
				t.Fatal(err)
			}
		}},
		{"frozen", 5, func() {
			l.signal(syscall.SIGSTOP)
			var waiting [][]byte
			for range 50 {
				f := l.nextCanary()
				l.source.send(f)
				waiting = append(waiting, f)
			}
			l.signal(syscall.SIGCONT)
			for _, f := range waiting {
				l.awaitCanary(f)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for range tc.times {
				for range 20 {
					l.throw(vnetHdr{}, flood) // fails while the device is away
				}
				tc.do()
				l.canary()
			}
			l.attack()
			testutil.Eventually(t, "frames from the port", func() error {
				out, err := l.d.tryCtl("dump-ports", "br0", "port1")
				before := portLine.FindString(out)
				if err != nil {
					return errors.New(out)
				}
				l.throw(vnetHdr{}, flood)
				l.canary()
				if out, _ := l.d.tryCtl("dump-ports", "br0", "port1"); portLine.FindString(out) == before {
					return fmt.Errorf("no frame was counted:\n%s", out)
				}
				return nil
			})
		})
	}
	testutil.Eventually(t, "descriptors", func() error {
		// A transmit ring for each port and thread comes with its thousandth frame.
		if n, most := fds(), open+4*2; n > most {
			return fmt.Errorf("%d are open, %d before, want %d at most", n, open, most)
		}
		return nil
	})
}

// moveLink moves a device to another namespace.
func (l *hostileLab) moveLink(name string, from, to *netlab.Namespace) error {
	fd := int(to.Handle)
	out, err := from.Run("ip", "link", "set", name, "netns", fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd))
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// A switch with nothing to do uses no processor: of some five seconds, less than
// a hundredth.
func TestIntegrationIdle(t *testing.T) {
	l := newLab(t, 10)
	d := startSwitch(t, l, "--workers", "2")
	ping(t, l.Hosts[0], l.Hosts[9].IP.String())
	used := func() int {
		stat := readFile(t, fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
		fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
		sum := 0
		for _, f := range fields[11:13] { // utime, stime: ticks of 10 ms
			n, err := strconv.Atoi(f)
			if err != nil {
				t.Fatalf("%q: %v", stat, err)
			}
			sum += n
		}
		return sum
	}
	// The hosts say a little by themselves, neighbour discovery and the like, and a
	// machine may be busy: some five seconds will be quiet.
	testutil.Eventually(t, "the switch idles", func() error {
		before := used()
		time.Sleep(5 * time.Second)
		if n := used() - before; n > 5 {
			return fmt.Errorf("it used %d0 ms of processor in five seconds", n)
		}
		return nil
	})
}
