package isolate

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
)

// The test binary runs itself as a process that holds an isolation until it is
// killed.
const helperEnv = "OFSWITCH_TEST_HOLD_ISOLATION"

func TestMain(m *testing.M) {
	if mode := os.Getenv(helperEnv); mode != "" {
		dev, err := net.InterfaceByName("p0")
		if err == nil {
			_, err = attach(dev.Index, "p0", Mode(mode), func() {})
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("ready")
		select {}
	}
	os.Exit(m.Run())
}

// rig is a host "a0" wired to the switch's device "p0", which has addresses as
// a careless administrator leaves them.
type rig struct {
	t              *testing.T
	host, sw       *testutil.NS
	hostMAC, swMAC net.HardwareAddr
	in, out        int // raw sockets: the host's end, and the switch's with our mark
	udp4, udp6     int // sockets of the switch's host
	fence          uint32
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, host: testutil.NewNS(t), sw: testutil.NewNS(t)}
	r.host.NoIPv6()
	r.host.AddVeth("a0", "p0", r.sw)
	r.host.WaitCarrier("a0")
	r.sw.WaitCarrier("p0")
	r.hostMAC, r.swMAC = r.host.MAC("a0"), r.sw.MAC("p0")
	r.sw.Addr("p0", "10.0.0.2/24")
	r.sw.Addr("p0", "fd00::2/64")
	p0 := r.sw.Link("p0").Attrs().Index
	for _, ip := range []string{"10.0.0.1", "fd00::1"} {
		err := r.sw.Netlink.NeighSet(&netlink.Neigh{LinkIndex: p0, IP: net.ParseIP(ip), HardwareAddr: r.hostMAC, State: netlink.NUD_PERMANENT})
		if err != nil {
			t.Fatalf("neighbour: %v", err)
		}
	}
	r.in, r.out = r.host.PacketSocket("a0"), r.sw.PacketSocket("p0")
	if err := unix.SetsockoptInt(r.out, unix.SOL_SOCKET, unix.SO_MARK, int(Mark)); err != nil {
		t.Fatal(err)
	}
	r.sw.Do(func() {
		for fd, family := range map[*int]int{&r.udp4: unix.AF_INET, &r.udp6: unix.AF_INET6} {
			var err error
			if *fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Cleanup(func() {
		if err := errors.Join(unix.Close(r.udp4), unix.Close(r.udp6)); err != nil {
			t.Error(err)
		}
	})
	return r
}

func serialize(t *testing.T, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// probes are frames that a host's stack answers.
func (r *rig) probes() map[string][]byte {
	t := r.t
	ip4 := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
	tcpIP := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
	tcp := &layers.TCP{SrcPort: 1234, DstPort: 9, SYN: true, Window: 1000}
	v6 := func() *layers.IPv6 {
		return &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: net.ParseIP("fd00::1"), DstIP: net.ParseIP("fd00::2")}
	}
	ip6a, ip6b := v6(), v6()
	echo6 := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoRequest, 0)}
	ns := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborSolicitation, 0)}
	for _, err := range []error{echo6.SetNetworkLayerForChecksum(ip6a), ns.SetNetworkLayerForChecksum(ip6b), tcp.SetNetworkLayerForChecksum(tcpIP)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	eth := func(typ layers.EthernetType) *layers.Ethernet {
		return &layers.Ethernet{SrcMAC: r.hostMAC, DstMAC: r.swMAC, EthernetType: typ}
	}
	return map[string][]byte{
		"ARP": serialize(t, eth(layers.EthernetTypeARP), &layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: layers.ARPRequest,
			SourceHwAddress: r.hostMAC, SourceProtAddress: []byte{10, 0, 0, 1}, DstHwAddress: make([]byte, 6), DstProtAddress: []byte{10, 0, 0, 2},
		}),
		"IPv4 echo": serialize(t, eth(layers.EthernetTypeIPv4), ip4, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: 1, Seq: 1}),
		"TCP SYN":   serialize(t, eth(layers.EthernetTypeIPv4), tcpIP, tcp),
		"IPv6 echo": serialize(t, eth(layers.EthernetTypeIPv6), ip6a, echo6, &layers.ICMPv6Echo{Identifier: 1, SeqNumber: 1}),
		"ND": serialize(t, eth(layers.EthernetTypeIPv6), ip6b, ns, &layers.ICMPv6NeighborSolicitation{
			TargetAddress: net.ParseIP("fd00::2"),
			Options:       layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: r.hostMAC}},
		}),
	}
}

const fenceType = 0x88b5 // local experimental

func (r *rig) fenceFrame(src, dst net.HardwareAddr) []byte {
	r.fence++
	b := append(append([]byte(nil), dst...), src...)
	b = binary.BigEndian.AppendUint16(b, fenceType)
	b = binary.BigEndian.AppendUint32(b, r.fence)
	return append(b, make([]byte, 42)...)
}

func (r *rig) send(fd int, b []byte) {
	r.t.Helper()
	if _, err := unix.Write(fd, b); err != nil {
		r.t.Fatalf("sending: %v", err)
	}
}

// until reads fd up to the frame want and returns what came before it from src.
func (r *rig) until(fd int, want []byte, src net.HardwareAddr) [][]byte {
	r.t.Helper()
	var got [][]byte
	for {
		buf := make([]byte, 2048)
		n, from, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			r.t.Fatalf("the frame that must come did not: %v", err)
		}
		if ll := from.(*unix.SockaddrLinklayer); ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if bytes.Equal(buf[:n], want) {
			return got
		}
		if n >= 14 && bytes.Equal(buf[6:12], src) {
			got = append(got, buf[:n])
		}
	}
}

// leaks sends each probe, has the switch's host send datagrams, and returns
// what came out of p0, by cause. Nothing is left to time: a frame with our mark
// follows on the same path.
func (r *rig) leaks() []string {
	r.t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var leaks []string
	for what, frame := range r.probes() {
		r.send(r.in, frame)
		f := r.fenceFrame(r.hostMAC, r.swMAC)
		r.send(r.in, f)
		seen := r.until(r.out, f, r.hostMAC)
		if len(seen) != 1 || !bytes.Equal(seen[0], frame) {
			r.t.Errorf("%s: the switch's socket saw %d frames before the fence, want the probe", what, len(seen))
		}
		if n := r.left(); n > 0 {
			leaks = append(leaks, "answer to "+what)
		}
	}
	to6 := &unix.SockaddrInet6{Port: 9}
	copy(to6.Addr[:], net.ParseIP("fd00::1"))
	for what, err := range map[string]error{
		"IPv4 datagram": unix.Sendto(r.udp4, []byte("x"), 0, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{10, 0, 0, 1}}),
		"IPv6 datagram": unix.Sendto(r.udp6, []byte("x"), 0, to6),
	} {
		// nftables' drop at egress may show as EPERM or ENOBUFS.
		if err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOBUFS) {
			r.t.Errorf("%s: %v", what, err)
		}
	}
	if n := r.left(); n > 0 {
		leaks = append(leaks, fmt.Sprintf("%d datagrams of the host", n))
	}
	return leaks
}

// left counts what left p0 since it was last called.
func (r *rig) left() int {
	r.t.Helper()
	f := r.fenceFrame(r.swMAC, r.hostMAC)
	r.send(r.out, f)
	return len(r.until(r.in, f, r.swMAC))
}

const allLeaks = 6

func TestIntegrationIsolation(t *testing.T) {
	for _, mode := range []Mode{TCX, NFT, Auto} {
		t.Run(string(mode), func(t *testing.T) {
			r := newRig(t)
			if l := r.leaks(); len(l) != allLeaks {
				t.Fatalf("positive control: without isolation only %q leaks", l)
			}
			var iso *Isolation
			r.sw.Do(func() {
				var err error
				if iso, err = attach(r.sw.Link("p0").Attrs().Index, "p0", mode, func() {}); err != nil {
					t.Fatal(err)
				}
			})
			want := mode
			if mode == Auto {
				want = TCX
			}
			if iso.Method() != string(want) || iso.Missing() != "" {
				t.Errorf("method %q, missing %q", iso.Method(), iso.Missing())
			}
			r.left() // what left before
			if l := r.leaks(); len(l) != 0 {
				t.Errorf("isolated, yet: %q", l)
			}
			if err := iso.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			r.left()
			if l := r.leaks(); len(l) != allLeaks {
				t.Errorf("after Close only %q leaks", l)
			}
			r.nothingLeft()
		})
	}
}

// TestIntegrationIsolationEndsWithProcess kills the process that isolates.
func TestIntegrationIsolationEndsWithProcess(t *testing.T) {
	for _, mode := range []Mode{TCX, NFT} {
		t.Run(string(mode), func(t *testing.T) {
			r := newRig(t)
			if l := r.leaks(); len(l) != allLeaks {
				t.Fatalf("positive control: without isolation only %q leaks", l)
			}
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), helperEnv+"="+string(mode))
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			r.sw.Start(cmd)
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil || strings.TrimSpace(line) != "ready" {
				t.Fatalf("helper says %q, %v", line, err)
			}
			r.left()
			if l := r.leaks(); len(l) != 0 {
				t.Errorf("isolated, yet: %q", l)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) {
				t.Fatalf("helper ended by itself: %v", err)
			}
			// Detaching may finish a moment after the process is reaped.
			deadline := time.Now().Add(10 * time.Second)
			for {
				r.left()
				l := r.leaks()
				if len(l) == allLeaks {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("after SIGKILL only %q leaks", l)
				}
			}
			r.nothingLeft()
		})
	}
}

// nothingLeft checks that p0 has no program and the namespace no table.
func (r *rig) nothingLeft() {
	t := r.t
	t.Helper()
	r.sw.Do(func() {
		for _, at := range []ebpf.AttachType{ebpf.AttachTCXIngress, ebpf.AttachTCXEgress} {
			res, err := link.QueryPrograms(link.QueryOptions{Target: r.sw.Link("p0").Attrs().Index, Attach: at})
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Programs) != 0 {
				t.Errorf("%d programs left at %v", len(res.Programs), at)
			}
		}
		c, err := nftables.New()
		if err != nil {
			t.Fatal(err)
		}
		tables, err := c.ListTables()
		if err != nil {
			t.Fatal(err)
		}
		if len(tables) != 0 {
			t.Errorf("%d nftables tables left, first %q", len(tables), tables[0].Name)
		}
	})
}

// A kernel without the egress hook: auto keeps the host's stack from answering
// and says what is missing, forced nft refuses.
func TestIntegrationNFTWithoutEgress(t *testing.T) {
	r := newRig(t)
	egressHook = nftables.ChainHookRef(99)
	defer func() { egressHook = nftables.ChainHookEgress }()
	idx := r.sw.Link("p0").Attrs().Index
	r.sw.Do(func() {
		if _, err := attach(idx, "p0", NFT, func() {}); !errors.Is(err, ErrUnavailable) {
			t.Errorf("forced: %v", err)
		}
		r.nothingLeft()
		iso, err := attachNFT(idx, "p0", false)
		if err != nil {
			t.Fatal(err)
		}
		if iso.Missing() != "egress" {
			t.Errorf("missing %q", iso.Missing())
		}
		r.left()
		if l := r.leaks(); len(l) != 1 || !strings.Contains(l[0], "datagrams") {
			t.Errorf("leaks %q, want the host's own datagrams alone", l)
		}
		if err := iso.Close(); err != nil {
			t.Error(err)
		}
	})
	r.nothingLeft()
}

// The commands for doing it by hand are taken by nft and work.
func TestIntegrationManualRules(t *testing.T) {
	testutil.NeedProgram(t, "nft", "nftables")
	r := newRig(t)
	r.sw.Run("sh", "-ec", ManualRules("p0"))
	r.left()
	if l := r.leaks(); len(l) != 0 {
		t.Errorf("isolated by hand, yet: %q", l)
	}
}

// Several devices of one process share the programs; each goes by itself.
func TestIntegrationManyDevices(t *testing.T) {
	r := newRig(t)
	r.host.AddVeth("a1", "p1", r.sw)
	r.sw.Do(func() {
		for _, mode := range []Mode{TCX, NFT} {
			var isos []*Isolation
			for _, dev := range []string{"p0", "p1"} {
				i, err := attach(r.sw.Link(dev).Attrs().Index, dev, mode, func() {})
				if err != nil {
					t.Fatal(err)
				}
				isos = append(isos, i)
			}
			if err := isos[1].Close(); err != nil {
				t.Error(err)
			}
			r.left()
			if l := r.leaks(); len(l) != 0 {
				t.Errorf("%s: p1's end opened p0: %q", mode, l)
			}
			if err := isos[0].Close(); err != nil {
				t.Error(err)
			}
			r.nothingLeft()
		}
	})
}

func TestIntegrationAttachFails(t *testing.T) {
	ns := testutil.NewNS(t)
	ns.Do(func() {
		for _, mode := range []Mode{Auto, TCX, NFT} {
			if _, err := attach(4711, "absent0", mode, func() {}); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "absent0") {
				t.Errorf("%s: %v", mode, err)
			}
		}
	})
}

// Once TCX has worked, Start leaves the kernel to its waiting; what it has begun holds,
// and ends, like any other isolation.
func TestIntegrationStart(t *testing.T) {
	r := newRig(t)
	plainSpawn, plainHome := spawn, atHome
	defer func() { spawn, atHome = plainSpawn, plainHome }()
	var apart int
	spawn = func(fn func()) {
		apart++
		go r.sw.Do(fn)
	}
	atHome = func() bool { return true }
	failed := func(i *Isolation, err error) { t.Errorf("otherwise: %v, %v", i, err) }
	for round := range 3 {
		var i *Isolation
		r.sw.Do(func() {
			var err error
			if i, err = Start(r.sw.Link("p0").Attrs().Index, "p0", Auto, func() {}, failed); err != nil {
				t.Fatal(err)
			}
		})
		if i.Method() != string(TCX) {
			t.Fatalf("round %d: isolated by %q", round, i.Method())
		}
		i.Wait()
		if i.Underway() || i.Method() != string(TCX) {
			t.Fatalf("round %d: it ends as %q", round, i.Method())
		}
		r.left()
		if l := r.leaks(); len(l) != 0 {
			t.Errorf("round %d: isolated, yet: %q", round, l)
		}
		if err := i.Close(); err != nil {
			t.Error(err)
		}
		r.sw.Do(r.nothingLeft)
	}
	if apart < 2 {
		t.Errorf("%d of 3 were left to a goroutine", apart)
	}
	r.sw.Do(func() {
		// In time it is an error, later the end of a device that is gone.
		if i, err := Start(4711, "absent0", Auto, func() {}, failed); err == nil {
			err = i.Close()
			if err != nil {
				t.Error(err)
			}
		} else if !errors.Is(err, ErrUnavailable) {
			t.Error(err)
		}
		if i, err := Start(4711, "absent0", TCX, func() {}, failed); err == nil {
			t.Errorf("%s isolates a device that is not there", i.Method())
		}
	})
}
