package ports

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
)

// xdpAttached says whether a program stands at the device's XDP hook.
func xdpAttached(ns *testutil.NS, dev string) bool {
	x := ns.Link(dev).Attrs().Xdp
	return x != nil && x.Attached
}

// What cannot be sent is counted by its reason, and costs itself alone.
func TestIntegrationXDPTxSkips(t *testing.T) {
	host, sw := veth(t)
	fd := host.PacketSocket("a0")
	p := openXDPPort(t, sw, "p0", XDPNative)
	tx := newTx(t, p)
	send := func(want int, list ...*packet.Frame) {
		t.Helper()
		if n := tx.Tx(list); n != want {
			t.Errorf("sent %d, want %d: %v", n, want, p.Stats().TxDropReasons)
		}
	}
	good := func(n int) *packet.Frame { return packet.FromBytes(udp(nil, 100, n)) }
	received := func(numbers ...int) {
		t.Helper()
		for _, n := range numbers {
			if got := nextOn(t, fd); !bytes.Equal(got, udp(nil, 100, n)) {
				t.Fatalf("frame %d: % x", n, got)
			}
		}
	}
	send(2, good(1), packet.FromBytes(udp(nil, 1515, 0)), packet.FromBytes([]byte{1, 2, 3}), packet.FromBytes(udp(nil, 2500, 0)), good(2))
	received(1, 2)
	// Tagged frames may have four bytes more.
	send(1, packet.FromBytes(udp([]uint16{packet.TypeVLAN}, 1518, 3)))
	if got := nextOn(t, fd); !bytes.Equal(got, udp([]uint16{packet.TypeVLAN}, 1518, 3)) {
		t.Errorf("% x", got)
	}
	want := map[string]uint64{"mtu": 2, "EINVAL": 1}
	check := func() {
		t.Helper()
		s := p.Stats()
		for reason, n := range want {
			if s.TxDropReasons[reason] != n {
				t.Errorf("reason %s: %d, want %d", reason, s.TxDropReasons[reason], n)
			}
		}
		if len(s.TxDropReasons) != len(want) {
			t.Errorf("reasons %v, want %v", s.TxDropReasons, want)
		}
		if s.TxDropped+s.TxErrors != sumOf(want) || s.TxErrors != 1 {
			t.Errorf("%d dropped, %d errors; want %v", s.TxDropped, s.TxErrors, want)
		}
	}
	check()

	// No carrier: the device drops each.
	host.Down("a0")
	testutil.Wait(t, "the carrier to go", func() bool { return !p.Status().LinkUp })
	for range 3 {
		send(0, good(4), packet.FromBytes(udp(nil, 500, 5)))
	}
	want["nobuf"] = 6
	check()
	host.Up("a0")
	host.WaitCarrier("a0")
	sw.WaitCarrier("p0")
	send(2, good(6), good(7))
	received(6, 7)

	// Down: nothing is taken, nothing comes out later.
	sw.Down("p0")
	for range 3 {
		send(0, good(8), good(9))
	}
	want["down"] = 6
	check()
	sw.Up("p0")
	host.WaitCarrier("a0")
	sw.WaitCarrier("p0")
	send(3, good(10), good(11), good(12))
	received(10, 11, 12)
	check()
	checkSlots(t, p)

	if s := p.Stats(); s.TxPackets != 8 || s.TxBytes != 7*100+1518 {
		t.Errorf("%d packets and %d bytes, want 8 and %d", s.TxPackets, s.TxBytes, 7*100+1518)
	}
}

func sumOf(m map[string]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}

// Frames that find no free slot, or are longer than a slot, are counted; the
// others come when there is time for them.
func TestIntegrationXDPRxDropped(t *testing.T) {
	host, sw := veth(t)
	fd := host.PacketSocket("a0")
	p := openXDPPort(t, sw, "p0", XDPNative)
	const n = xdpEntries + 300
	for i := range n {
		if _, err := unix.Write(fd, udp(nil, 60, i)); err != nil {
			t.Fatal(err)
		}
		if i%100 == 99 { // the cable holds 256
			testutil.Wait(t, "the kernel to take the frames", func() bool { return arrived(p) >= uint64(i+1) })
		}
	}
	s := p.Stats()
	if s.RxDropped != 300 {
		t.Errorf("%d dropped, want 300", s.RxDropped)
	}
	q := p.RxQueues()[0]
	var b packet.Batch
	for i := 0; i < xdpEntries; {
		k, err := q.Rx(&b)
		if err != nil || k == 0 {
			t.Fatalf("frame %d: %d, %v", i, k, err)
		}
		for j := range k {
			if !bytes.Equal(b.Frames[j].Bytes(), udp(nil, 60, i)) {
				t.Fatalf("frame %d: % x", i, b.Frames[j].Bytes())
			}
			i++
		}
		b.Release()
	}
	want := udp(nil, 80, 7)
	if _, err := unix.Write(fd, want); err != nil {
		t.Fatal(err)
	}
	if got := next(t, q); !bytes.Equal(got.Bytes(), want) {
		t.Errorf("afterwards % x", got.Bytes())
	}
	// An MTU that is raised while the port is open.
	host.Run("ip", "link", "set", "a0", "mtu", "3000")
	if err := p.SetMTU(3000); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(fd, udp(nil, umemFrame+1, 8)); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(fd, udp(nil, umemFrame, 9)); err != nil {
		t.Fatal(err)
	}
	if got := next(t, q); !bytes.Equal(got.Bytes(), udp(nil, umemFrame, 9)) {
		t.Errorf("%d bytes", got.Len())
	}
	if s := p.Stats(); s.RxDropped != 301 || s.RxPackets != xdpEntries+2 || s.RxErrors != 0 {
		t.Errorf("stats %+v", s)
	}
	checkSlots(t, p)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if s := p.Stats(); s.RxDropped != 301 {
		t.Errorf("closed: %d dropped", s.RxDropped)
	}
}

// arrived are the frames that the kernel has put into the ring, or dropped.
func arrived(p *System) uint64 {
	r := p.xdp.queues[0].rx
	return uint64(r.ring.filled()-r.next) + p.Stats().RxDropped
}

func TestIntegrationXDPDownUpGone(t *testing.T) {
	host, sw := veth(t)
	fd := host.PacketSocket("a0")
	p := openXDPPort(t, sw, "p0", XDPNative)
	q, tx := p.RxQueues()[0], newTx(t, p)
	if err := p.SetAdmin(false); err != nil {
		t.Fatal(err)
	}
	var b packet.Batch
	for range 3 * goneEvery {
		if n, err := q.Rx(&b); n != 0 || err != nil {
			t.Fatalf("down: %d, %v", n, err)
		}
	}
	if err := p.SetAdmin(true); err != nil {
		t.Fatal(err)
	}
	sw.WaitCarrier("p0")
	host.WaitCarrier("a0")
	want := udp([]uint16{packet.TypeVLAN}, 100, 1)
	if _, err := unix.Write(fd, want); err != nil {
		t.Fatal(err)
	}
	if got := next(t, q); !bytes.Equal(got.Bytes(), want) {
		t.Errorf("after up: % x", got.Bytes())
	}
	sw.DelLink("p0")
	testutil.Eventually(t, "the end of the queue", func() error {
		if _, err := q.Rx(&b); !errors.Is(err, net.ErrClosed) {
			return errors.New("the queue goes on")
		}
		return nil
	})
	if n := tx.Tx([]*packet.Frame{packet.FromBytes(want)}); n != 0 || p.Stats().TxDropReasons["down"] != 1 {
		t.Errorf("gone: sent %d, %v", n, p.Stats().TxDropReasons)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := q.Rx(&b); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if n := tx.Tx([]*packet.Frame{packet.FromBytes(want)}); n != 0 {
		t.Error("sent through a closed port")
	}
}

// A larger MTU lets longer frames out, up to a slot.
func TestIntegrationXDPMTU(t *testing.T) {
	host, sw := veth(t)
	host.Run("ip", "link", "set", "a0", "mtu", "1700")
	fd := host.PacketSocket("a0")
	p := openXDPPort(t, sw, "p0", XDPNative)
	tx := newTx(t, p)
	long := udp(nil, 1700, 1)
	if tx.Tx([]*packet.Frame{packet.FromBytes(long)}) != 0 {
		t.Error("sent beyond the MTU")
	}
	if err := p.SetMTU(1700); err != nil {
		t.Fatal(err)
	}
	if p.Status().MTU != 1700 { // as the switch does on every change
		t.Fatal("the MTU has not changed")
	}
	if tx.Tx([]*packet.Frame{packet.FromBytes(long)}) != 1 {
		t.Fatalf("not sent: %v", p.Stats().TxDropReasons)
	}
	if got := nextOn(t, fd); !bytes.Equal(got, long) {
		t.Errorf("%d bytes", len(got))
	}
}

// Opening and closing leaves nothing behind: no descriptor, no program, no
// slot, no umem more.
func TestIntegrationXDPReopens(t *testing.T) {
	_, sw := veth(t)
	open := func() *System {
		var p Port
		sw.Do(func() {
			var err error
			if p, err = OpenSystem("p0", SystemOptions{IO: IOAFXDP, Logger: quiet}); err != nil {
				t.Fatal(err)
			}
		})
		return p.(*System)
	}
	used := func() (fds, umemCount, free int) {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		umems.Lock()
		defer umems.Unlock()
		for _, u := range umems.list {
			u.mu.Lock()
			free += len(u.free)
			u.mu.Unlock()
		}
		return len(list), len(umems.list), free
	}
	if err := open().Close(); err != nil { // what is opened once
		t.Fatal(err)
	}
	fds, count, free := used()
	for range 5 {
		p := open()
		if p.xdp == nil || !xdpAttached(sw, "p0") {
			t.Fatalf("no AF_XDP: %s", p.IOChoice().Why)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if xdpAttached(sw, "p0") {
			t.Error("the program is still there")
		}
		if err := p.Close(); err != nil {
			t.Errorf("closed twice: %v", err)
		}
	}
	// What tests before this one have left to close by itself, such as spare rings, may be closed meanwhile.
	if f, c, n := used(); f > fds || c != count || n != free {
		t.Errorf("descriptors %d, umems %d, free slots %d; before %d, %d, %d", f, c, n, fds, count, free)
	}
}

// A process that is killed leaves no program on the device.
func TestIntegrationXDPEndsWithProcess(t *testing.T) {
	_, sw := veth(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), openEnv+"=afxdp p0")
	startHelper(t, sw, cmd)
	if !xdpAttached(sw, "p0") {
		t.Fatal("no program while the process lives")
	}
	endHelper(t, cmd)
	testutil.Wait(t, "the program to go", func() bool { return !xdpAttached(sw, "p0") })
}

// Where AF_XDP cannot be had, the port works by AF_PACKET, and one line says
// why.
func TestIntegrationXDPFallsBack(t *testing.T) {
	host, sw := veth(t)
	fd := host.PacketSocket("a0")
	var other *xdpProgram
	for name, tc := range map[string]struct {
		before, after func()
		mode          XDPMode
		why           string
	}{
		"MTU": {
			func() { sw.Run("ip", "link", "set", "p0", "mtu", "3000") }, func() { sw.Run("ip", "link", "set", "p0", "mtu", "1500") },
			"", "MTU 3000",
		},
		"peer's MTU": {
			func() { host.Run("ip", "link", "set", "a0", "mtu", "9000") }, func() { host.Run("ip", "link", "set", "a0", "mtu", "1500") },
			XDPNative, "native",
		},
		"no zero-copy": {func() {}, func() {}, XDPZeroCopy, "operation not supported"},
		"another program": {
			func() {
				sw.Do(func() {
					var err error
					if other, err = loadXDPProgram(1); err == nil {
						err = other.attach(sw.Link("p0").Attrs().Index, false)
					}
					if err != nil {
						t.Fatal(err)
					}
				})
			},
			func() {
				if err := other.close(); err != nil {
					t.Error(err)
				}
			}, "", "busy",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.before()
			defer tc.after()
			var log bytes.Buffer
			p := openSystem(t, sw, "p0", SystemOptions{IO: IOAFXDP, XDPMode: tc.mode, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			c := p.IOChoice()
			if c.IO != IOAFPacket || c.Mode != "" || !strings.Contains(c.Why, tc.why) || strings.Contains(c.Why, "\n") {
				t.Errorf("choice %+v, want a reason with %q", c, tc.why)
			}
			if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "goes on with AF_PACKET") {
				t.Errorf("log:\n%s", log.String())
			}
			if name == "another program" {
				return // it takes all frames
			}
			want := udp(nil, 100, 1)
			if _, err := unix.Write(fd, want); err != nil {
				t.Fatal(err)
			}
			if got := next(t, p.RxQueues()[0]); !bytes.Equal(got.Bytes(), want) {
				t.Errorf("% x", got.Bytes())
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Without the right to load programs the port works by AF_PACKET.
func TestIntegrationXDPWithoutPermission(t *testing.T) {
	_, sw := veth(t)
	cmd := unprivileged(t, "+net_raw,+net_admin", "afxdp p0")
	var log bytes.Buffer
	cmd.Stderr = &log
	startHelper(t, sw, cmd)
	if xdpAttached(sw, "p0") {
		t.Error("a program without the right to load one")
	}
	endHelper(t, cmd)
	if n := strings.Count(log.String(), "goes on with AF_PACKET"); n != 1 || strings.Count(log.String(), "CAP_BPF") != 1 || strings.Contains(log.String(), "MEMLOCK") {
		t.Errorf("log:\n%s", log.String())
	}
}

// A device that takes VLAN tags out of frames is told not to, and to do so again
// afterwards.
func TestIntegrationXDPKeepsTags(t *testing.T) {
	_, sw := veth(t)
	var d *device
	sw.Do(func() {
		var err error
		if d, _, err = openDevice("p0"); err != nil {
			t.Fatal(err)
		}
	})
	defer func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}()
	active := func() (list []string) {
		set := ethtoolFeatures(d.ctl, "p0")
		for _, f := range vlanFeatures {
			if set[f] {
				list = append(list, f)
			}
		}
		return list
	}
	if !slices.Equal(active(), vlanFeatures) {
		t.Fatalf("a veth is known to do that: %v", active())
	}
	others := ethtoolFeatures(d.ctl, "p0")
	off, err := d.keepTags()
	if err != nil || !slices.Equal(off, vlanFeatures) || len(active()) != 0 {
		t.Fatalf("turned off %v, left %v: %v", off, active(), err)
	}
	if again, err := d.keepTags(); err != nil || len(again) != 0 {
		t.Errorf("turned off again: %v, %v", again, err)
	}
	if err := d.takeTags(off); err != nil {
		t.Fatal(err)
	}
	if now := ethtoolFeatures(d.ctl, "p0"); !maps.Equal(now, others) {
		t.Errorf("features %v, before %v", now, others)
	}
	// What the driver does not give up.
	if errno := ethtoolSetFeatures(d.ctl, "p0", true, "no-such-feature"); errno != 0 {
		t.Errorf("a feature that nobody knows: %v", errno)
	}
	sw.DelLink("p0")
	if err := d.takeTags(off); err != nil {
		t.Errorf("a device that is gone: %v", err)
	}
}
