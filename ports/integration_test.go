package ports

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
	"ofswitch/ports/isolate"
)

// openSystem opens a system port in ns, closed when the test ends.
func openSystem(t testing.TB, ns *testutil.NS, dev string, o SystemOptions) *System {
	t.Helper()
	var p Port
	ns.Do(func() {
		var err error
		if p, err = OpenSystem(dev, o); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return p.(*System)
}

func newTx(t testing.TB, p Port) TxQueue {
	t.Helper()
	tx, err := p.NewTx()
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// next waits for one frame and returns a copy.
func next(t testing.TB, q RxQueue) *packet.Frame {
	t.Helper()
	var b packet.Batch
	for {
		poll(t, 10*time.Second, q.FD())
		n, err := q.Rx(&b)
		if err != nil {
			t.Fatalf("Rx: %v", err)
		}
		if n == 0 {
			continue
		}
		if n > 1 {
			t.Fatalf("%d frames, want one", n)
		}
		if h := b.Frames[0].Headroom(); h < packet.Headroom {
			t.Errorf("headroom %d", h)
		}
		f := packet.FromBytes(b.Frames[0].Bytes())
		f.Offload = b.Frames[0].Offload
		b.Release()
		return f
	}
}

// poll waits until one of the descriptors can be read.
func poll(t testing.TB, patience time.Duration, fds ...int) {
	t.Helper()
	var p []unix.PollFd
	for _, fd := range fds {
		p = append(p, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	for {
		n, err := unix.Poll(p, int(patience.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			t.Fatalf("poll: %v", err)
		}
		if n == 0 {
			t.Fatalf("nothing to read for %v", patience)
		}
		return
	}
}

// veth makes a host and a switch namespace joined by a0-p0, without IPv6 noise.
func veth(t testing.TB) (host, sw *testutil.NS) {
	t.Helper()
	host, sw = testutil.NewNS(t), testutil.NewNS(t)
	host.NoIPv6()
	sw.NoIPv6()
	host.AddVeth("a0", "p0", sw)
	host.WaitCarrier("a0")
	sw.WaitCarrier("p0")
	return host, sw
}

func frame(tags []uint16, n int) []byte {
	b := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	for i, tpid := range tags {
		b = binary.BigEndian.AppendUint16(b, tpid)
		b = binary.BigEndian.AppendUint16(b, uint16(0x6000+100+i))
	}
	b = binary.BigEndian.AppendUint16(b, 0x88b5)
	for len(b) < n {
		b = append(b, byte(len(b)*7))
	}
	return b
}

func TestIntegrationSystemFrames(t *testing.T) {
	for _, o := range []SystemOptions{{}, {QdiscBypass: true}, {NoRing: true}, {TxDesc: 64}} {
		t.Run(fmt.Sprintf("bypass=%v,noring=%v,txdesc=%d", o.QdiscBypass, o.NoRing, o.TxDesc), func(t *testing.T) {
			host, sw := veth(t)
			fd := host.PacketSocket("a0")
			p := openSystem(t, sw, "p0", o)
			if p.Name() != "p0" || p.Type() != "system" || p.Isolation() != "tcx" {
				t.Errorf("name %q type %q isolation %q", p.Name(), p.Type(), p.Isolation())
			}
			q, tx := p.RxQueues()[0], newTx(t, p)
			if c := tx.Caps(); !c.Csum || !c.GSOTCPv4 || !c.GSOTCPv6 {
				t.Errorf("caps %+v", c)
			}
			var rx, txd uint64
			var bytesRx, bytesTx uint64
			for _, b := range [][]byte{
				frame(nil, 60), frame(nil, 1514),
				frame([]uint16{packet.TypeVLAN}, 64), frame([]uint16{packet.TypeQinQ}, 64),
				frame([]uint16{packet.TypeQinQ, packet.TypeVLAN}, 200), frame([]uint16{packet.TypeVLAN, packet.TypeVLAN}, 200),
				frame([]uint16{packet.TypeVLAN}, 1518),
			} {
				if _, err := unix.Write(fd, b); err != nil {
					t.Fatalf("%d bytes: %v", len(b), err)
				}
				got := next(t, q)
				if !bytes.Equal(got.Bytes(), b) {
					t.Errorf("received % x\nwant     % x", got.Bytes()[:32], b[:32])
				}
				if got.Offload != (packet.Offload{}) {
					t.Errorf("offload %+v", got.Offload)
				}
				rx, bytesRx = rx+1, bytesRx+uint64(len(b))

				out := packet.FromBytes(b)
				out.Bytes()[5] = 9 // not the frame that came
				if n := tx.Tx([]*packet.Frame{out}); n != 1 {
					t.Fatalf("sent %d: %v", n, p.Stats().TxDropReasons)
				}
				txd, bytesTx = txd+1, bytesTx+uint64(len(b))
				// The host's socket gets the tag beside the frame: it saw one
				// leave, too.
				want := append([]byte(nil), out.Bytes()...)
				if len(b) > 60 && len(b) < 1514 || len(b) == 1518 {
					want = append(want[:12], want[16:]...)
				}
				for {
					buf := make([]byte, 4096)
					n, _, err := unix.Recvfrom(fd, buf, 0)
					if err != nil {
						t.Fatal(err)
					}
					if buf[5] == 9 {
						if !bytes.Equal(buf[:n], want) {
							t.Errorf("sent % x\nwant % x", buf[:32], want[:32])
						}
						break
					}
				}
			}
			// PACKET_IGNORE_OUTGOING: the port saw none of its own frames.
			s := p.Stats()
			if s.RxPackets != rx || s.RxBytes != bytesRx || s.TxPackets != txd || s.TxBytes != bytesTx {
				t.Errorf("stats %+v, want %d %d %d %d", s, rx, bytesRx, txd, bytesTx)
			}
		})
	}
}

// A frame that the device refuses costs itself alone.
func TestIntegrationSystemTxSkips(t *testing.T) {
	for name, o := range map[string]SystemOptions{"sendmmsg": {}, "ring": {TxDesc: 64}} {
		t.Run(name, func(t *testing.T) { txSkips(t, o) })
	}
}

func txSkips(t *testing.T, o SystemOptions) {
	host, sw := veth(t)
	fd := host.PacketSocket("a0")
	p := openSystem(t, sw, "p0", o)
	tx := newTx(t, p)
	big := packet.FromBytes(frame(nil, 1515))
	bad := packet.FromBytes(frame(nil, 100))
	bad.Offload = packet.Offload{NeedsCsum: true, CsumStart: 4000, CsumOffset: 6}
	runt := packet.FromBytes([]byte{1, 2, 3})
	var frames []*packet.Frame
	var good int
	for i := range 130 {
		switch {
		case i%13 == 0:
			frames = append(frames, big)
		case i%13 == 1:
			frames = append(frames, bad)
		case i%13 == 2:
			frames = append(frames, runt)
		default:
			b := frame(nil, 60)
			b[20] = byte(good)
			good++
			frames = append(frames, packet.FromBytes(b))
		}
	}
	asked := append([]*packet.Frame(nil), frames...)
	if n := tx.Tx(frames); n != good {
		t.Errorf("sent %d, want %d", n, good)
	}
	for i := range frames {
		if frames[i] != asked[i] {
			t.Fatal("Tx changed the caller's slice")
		}
	}
	for i := range good {
		buf := make([]byte, 4096)
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil || n != 60 || buf[20] != byte(i) {
			t.Fatalf("frame %d: %d bytes, number %d, %v", i, n, buf[20], err)
		}
	}
	s := p.Stats()
	if s.TxPackets != uint64(good) || s.TxDropped != 10 || s.TxErrors != 20 || s.TxDropReasons["mtu"] != 10 || s.TxDropReasons["EINVAL"] != 20 {
		t.Errorf("stats %+v", s)
	}
}

func TestIntegrationSystemDownUpGone(t *testing.T) {
	for name, o := range map[string]SystemOptions{"ring": {TxDesc: 64}, "noring": {NoRing: true}} {
		t.Run(name, func(t *testing.T) { downUpGone(t, o) })
	}
}

func downUpGone(t *testing.T, o SystemOptions) {
	host, sw := veth(t)
	fd := host.PacketSocket("a0")
	p := openSystem(t, sw, "p0", o)
	q, tx := p.RxQueues()[0], newTx(t, p)
	st := p.Status()
	if !st.AdminUp || !st.LinkUp || st.MTU != 1500 || !bytes.Equal(st.MAC, sw.MAC("p0")) || st.Ifindex != sw.Link("p0").Attrs().Index || st.SpeedMbps != 10000 || st.Duplex != "full" {
		t.Errorf("status %+v", st)
	}
	if err := p.SetAdmin(false); err != nil {
		t.Fatal(err)
	}
	if st := p.Status(); st.AdminUp || st.LinkUp {
		t.Errorf("down, but %+v", st)
	}
	var b packet.Batch
	poll(t, 10*time.Second, q.FD())
	if _, err := q.Rx(&b); !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("Rx: %v, want ENETDOWN", err)
	}
	if n, err := q.Rx(&b); n != 0 || err != nil {
		t.Errorf("Rx again: %d, %v", n, err)
	}
	if n := tx.Tx([]*packet.Frame{packet.FromBytes(frame(nil, 60))}); n != 0 {
		t.Error("sent through a device that is down")
	}
	if s := p.Stats(); s.TxDropped != 1 || s.TxDropReasons["down"] != 1 {
		t.Errorf("stats %+v", s)
	}
	if err := p.SetAdmin(true); err != nil {
		t.Fatal(err)
	}
	sw.WaitCarrier("p0")
	host.WaitCarrier("a0")
	want := frame([]uint16{packet.TypeVLAN}, 100)
	if _, err := unix.Write(fd, want); err != nil {
		t.Fatal(err)
	}
	if got := next(t, q); !bytes.Equal(got.Bytes(), want) {
		t.Errorf("after up: % x", got.Bytes())
	}
	if n := tx.Tx([]*packet.Frame{packet.FromBytes(frame(nil, 60))}); n != 1 {
		t.Errorf("not sent after up: %v", p.Stats().TxDropReasons)
	}
	sw.DelLink("p0")
	poll(t, 10*time.Second, q.FD())
	_, err := q.Rx(&b)
	if errors.Is(err, unix.ENETDOWN) { // seen between down and gone
		_, err = q.Rx(&b)
	}
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("Rx of a device that is gone: %v", err)
	}
	if n := tx.Tx([]*packet.Frame{packet.FromBytes(frame(nil, 60))}); n != 0 {
		t.Error("sent through a device that is gone")
	}
	if err := p.SetAdmin(true); !errors.Is(err, ErrNotExist) {
		t.Errorf("SetAdmin of a device that is gone: %v", err)
	}
}

// Frames that find no room are counted.
func TestIntegrationSystemRxDropped(t *testing.T) {
	for name, tc := range map[string]struct {
		o    SystemOptions
		size int // of frames
	}{
		"ring":             {SystemOptions{RxDesc: 64}, 1000},
		"buffer":           {SystemOptions{NoRing: true, RcvBuf: 4096}, 1000},
		"ring, long frame": {SystemOptions{RcvBuf: 4096}, 2000},
	} {
		t.Run(name, func(t *testing.T) { rxDropped(t, tc.o, tc.size) })
	}
}

func rxDropped(t *testing.T, o SystemOptions, size int) {
	host, sw := veth(t)
	fd := host.PacketSocket("a0")
	p := openSystem(t, sw, "p0", o)
	host.Run("ip", "link", "set", "a0", "mtu", "2000")
	sw.Run("ip", "link", "set", "p0", "mtu", "2000")
	const n = 500
	for range n {
		if _, err := unix.Write(fd, frame(nil, size)); err != nil {
			t.Fatal(err)
		}
	}
	var b packet.Batch
	for {
		k, err := p.RxQueues()[0].Rx(&b)
		if err != nil {
			t.Fatal(err)
		}
		if k == 0 {
			break
		}
		b.Release()
	}
	s := p.Stats()
	if s.RxDropped == 0 || s.RxPackets == 0 || s.RxPackets+s.RxDropped != n {
		t.Errorf("%d received, %d dropped of %d", s.RxPackets, s.RxDropped, n)
	}
	if again := p.Stats(); again.RxDropped != s.RxDropped {
		t.Errorf("asked again: %d dropped, then %d", s.RxDropped, again.RxDropped)
	}
}

func TestIntegrationSystemIsolates(t *testing.T) {
	for _, mode := range []isolate.Mode{"", isolate.TCX, isolate.NFT} {
		t.Run("mode="+string(mode), func(t *testing.T) {
			host, sw := veth(t)
			sw.Addr("p0", "10.0.0.2/24")
			host.Addr("a0", "10.0.0.1/24")
			testutil.NeedProgram(t, "ping", "iputils-ping")
			if out, err := host.Namespace.Run("ping", "-c1", "-W5", "10.0.0.2"); err != nil {
				t.Fatalf("positive control: %v\n%s", err, out)
			}
			p := openSystem(t, sw, "p0", SystemOptions{Isolation: mode})
			if _, err := host.Namespace.Run("ping", "-c1", "-W1", "10.0.0.2"); err == nil {
				t.Error("the host's stack answers a ping")
			}
			if s := p.Stats(); s.RxPackets+uint64(p.pendingFrames(t)) == 0 {
				t.Error("the switch saw no frame")
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			if out, err := host.Namespace.Run("ping", "-c1", "-W5", "10.0.0.2"); err != nil {
				t.Errorf("after Close: %v\n%s", err, out)
			}
		})
	}
}

func (p *System) pendingFrames(t *testing.T) int {
	t.Helper()
	var b packet.Batch
	n, err := p.RxQueues()[0].Rx(&b)
	if err != nil {
		t.Fatal(err)
	}
	b.Release()
	return n
}

// A device's driver counts errors of the wire: none on a cable without one,
// which is not the same as not counted.
func TestIntegrationDriverStats(t *testing.T) {
	host, sw := testutil.NewNS(t), testutil.NewNS(t)
	host.AddVeth("a0", "p0", sw)
	p := openSystem(t, sw, "p0", SystemOptions{})
	if s := p.Stats(); s.RxFrameErr != 0 || s.RxOverErr != 0 || s.RxCRCErr != 0 || s.Collisions != 0 {
		t.Errorf("a quiet veth has %+v", s)
	}
	host.DelLink("a0")
	if s := p.Stats(); s.RxCRCErr != Uncounted {
		t.Errorf("a device that is gone has %+v", s)
	}
}

// A device that is a port already is refused until that port is closed.
func TestIntegrationTakenDevice(t *testing.T) {
	host, sw := testutil.NewNS(t), testutil.NewNS(t)
	host.AddVeth("a0", "p0", sw)
	open := func() (p Port, err error) {
		sw.Do(func() { p, err = OpenSystem("p0", SystemOptions{}) })
		return p, err
	}
	first, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(); !errors.Is(err, ErrBusy) {
		t.Errorf("a device that is taken: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}
