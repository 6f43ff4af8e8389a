package ports

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
)

func openTapIn(t testing.TB, ns *testutil.NS, open func(string, TapOptions) (Port, error), dev string, o TapOptions) *Tap {
	t.Helper()
	var p Port
	ns.Do(func() {
		var err error
		if p, err = open(dev, o); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return p.(*Tap)
}

func TestIntegrationInternal(t *testing.T) {
	for _, io := range []string{IOAuto, IOPlain} {
		t.Run(io, func(t *testing.T) {
			ns := testutil.NewNS(t)
			ns.NoIPv6()
			mac := net.HardwareAddr{2, 1, 2, 3, 4, 5}
			p := openTapIn(t, ns, OpenInternal, "t0", TapOptions{IO: io, MAC: mac, MTU: 1400})
			if p.Type() != "internal" || p.Name() != "t0" {
				t.Errorf("type %q name %q", p.Type(), p.Name())
			}
			want := map[string]IOChoice{IOAuto: {IO: IOTap, Why: "with offloads, receive queues: 1"}, IOPlain: {IO: IOPlain, Why: "as configured"}}[io]
			if c := p.IOChoice(); c != want {
				t.Errorf("%+v, want %+v", c, want)
			}
			st := p.Status()
			if !bytes.Equal(st.MAC, mac) || st.MTU != 1400 || !st.AdminUp || !st.LinkUp || st.SpeedMbps != 0 || st.Ifindex != ns.Link("t0").Attrs().Index {
				t.Errorf("status %+v", st)
			}
			// What the host sends, the switch receives; tags are in place.
			fd := ns.PacketSocket("t0")
			q, tx := p.RxQueues()[0], newTx(t, p)
			for _, b := range [][]byte{frame(nil, 60), frame([]uint16{packet.TypeVLAN}, 100), frame([]uint16{packet.TypeQinQ, packet.TypeVLAN}, 1414)} {
				if _, err := unix.Write(fd, b); err != nil {
					t.Fatal(err)
				}
				if got := next(t, q); !bytes.Equal(got.Bytes(), b) {
					t.Errorf("received % x\nwant     % x", got.Bytes()[:32], b[:32])
				}
			}
			b := frame(nil, 200)
			runt := packet.FromBytes([]byte{1})
			if n := tx.Tx([]*packet.Frame{packet.FromBytes(b), runt}); n != 1 {
				t.Errorf("sent %d, want 1", n)
			}
			buf := make([]byte, 4096)
			n, _, err := unix.Recvfrom(fd, buf, 0)
			for err == nil && n != 200 { // its own frames leave by the device, too
				n, _, err = unix.Recvfrom(fd, buf, 0)
			}
			if err != nil || !bytes.Equal(buf[:n], b) {
				t.Errorf("the host received % x, %v", buf[:n], err)
			}
			if s := p.Stats(); s.RxPackets != 3 || s.RxBytes != 60+100+1414 || s.TxPackets != 1 || s.TxBytes != 200 || s.TxErrors != 1 {
				t.Errorf("stats %+v", s)
			}
			if err := p.SetAdmin(false); err != nil {
				t.Fatal(err)
			}
			if n := tx.Tx([]*packet.Frame{packet.FromBytes(b)}); n != 0 || p.Stats().TxDropReasons["down"] != 1 {
				t.Errorf("down: sent %d, %v", n, p.Stats().TxDropReasons)
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			if ns.HasLink("t0") {
				t.Error("the device stays after Close")
			}
			var batch packet.Batch
			if _, err := q.Rx(&batch); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Rx after Close: %v", err)
			}
		})
	}
}

// Frames that the switch does not read in time are counted.
func TestIntegrationTapRxDropped(t *testing.T) {
	ns := testutil.NewNS(t)
	ns.NoIPv6()
	p := openTapIn(t, ns, OpenInternal, "t0", TapOptions{})
	fd := ns.PacketSocket("t0")
	const n = 3000
	for range n {
		// ENOBUFS: a queueing discipline dropped it, not the device.
		if _, err := unix.Write(fd, frame(nil, 60)); err != nil && !errors.Is(err, unix.ENOBUFS) {
			t.Fatal(err)
		}
	}
	q := p.RxQueues()[0]
	var b packet.Batch
	for {
		k, err := q.Rx(&b)
		if err != nil {
			t.Fatal(err)
		}
		if k == 0 {
			break
		}
		b.Release()
	}
	s := p.Stats()
	if s.RxDropped == 0 || s.RxPackets == 0 || s.RxPackets+s.RxDropped > n {
		t.Errorf("%d received, %d dropped of %d", s.RxPackets, s.RxDropped, n)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if after := p.Stats(); after.RxDropped != s.RxDropped {
		t.Errorf("after Close: %d dropped, before: %d", after.RxDropped, s.RxDropped)
	}
}

// TCP between the host's own stack, over the TAP, and a host on a veth.
func TestIntegrationTapTCP(t *testing.T) {
	for _, io := range []string{IOAuto, IOPlain} {
		t.Run(io, func(t *testing.T) {
			a, sw := testutil.NewNS(t), testutil.NewNS(t)
			a.AddVeth("a0", "p0", sw)
			a.Addr("a0", "10.0.0.1/24")
			a.Addr("a0", "fd00::1/64")
			tap := openTapIn(t, sw, OpenInternal, "br0", TapOptions{IO: io})
			sw.Addr("br0", "10.0.0.2/24")
			sw.Addr("br0", "fd00::2/64")
			p0 := openSystem(t, sw, "p0", SystemOptions{})
			fw := forward(t, p0, tap)
			for _, addr := range []string{"10.0.0.", "fd00::"} {
				in := transfer(t, a, sw, addr+"2", transferSize/4)
				out := transfer(t, sw, a, addr+"1", transferSize/4)
				t.Logf("%s: to the TAP %.1f Gbit/s, from it %.1f", addr, in, out)
			}
			s := fw.snapshot()
			if s.max[0] <= 10000 {
				t.Errorf("longest frame to the TAP: %d bytes", s.max[0])
			}
			if whole := s.max[1] > 10000; whole != (io == IOAuto) {
				t.Errorf("longest frame from the TAP: %d bytes", s.max[1])
			}
			if (s.soft == 0) != (io == IOAuto) {
				t.Errorf("%d frames were segmented or finished in software", s.soft)
			}
			if st := tap.Stats(); st.TxErrors != 0 || st.RxErrors != 0 {
				t.Errorf("stats %+v", st)
			}
		})
	}
}

func TestIntegrationExistingTap(t *testing.T) {
	for _, io := range []string{IOAuto, IOPlain} {
		for _, multi := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/multi=%v", io, multi), func(t *testing.T) {
				ns := testutil.NewNS(t)
				ns.NoIPv6()
				args := []string{"tuntap", "add", "dev", "tap7", "mode", "tap"}
				if multi {
					args = append(args, "multi_queue")
				}
				ns.Run("ip", args...)
				p := openTapIn(t, ns, OpenTap, "tap7", TapOptions{IO: io})
				if p.Type() != "tap" || p.Status().AdminUp {
					t.Errorf("type %q, status %+v", p.Type(), p.Status())
				}
				ns.Up("tap7")
				fd := ns.PacketSocket("tap7")
				want := frame(nil, 60)
				if _, err := unix.Write(fd, want); err != nil {
					t.Fatal(err)
				}
				if got := next(t, p.RxQueues()[0]); !bytes.Equal(got.Bytes(), want) {
					t.Errorf("received % x", got.Bytes())
				}
				ns.Do(func() {
					// Held by us: nobody else has it, and the error says so.
					if multi {
						return // any number of processes may hold one queue each
					}
					if _, err := OpenTap("tap7", TapOptions{}); !errors.Is(err, ErrBusy) {
						t.Errorf("second holder: %v", err)
					}
				})
				if err := p.Close(); err != nil {
					t.Fatal(err)
				}
				if l, ok := ns.Link("tap7").(*netlink.Tuntap); !ok || l.NonPersist {
					t.Errorf("the device is not as it was: %+v", l)
				}
			})
		}
	}
}

// A TAP deleted from outside ends the port and disturbs nothing else.
func TestIntegrationTapDeleted(t *testing.T) {
	ns := testutil.NewNS(t)
	p := openTapIn(t, ns, OpenInternal, "t0", TapOptions{})
	tx := newTx(t, p)
	ns.DelLink("t0")
	var b packet.Batch
	if _, err := p.RxQueues()[0].Rx(&b); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Rx: %v, want net.ErrClosed", err)
	}
	if n := tx.Tx([]*packet.Frame{packet.FromBytes(frame(nil, 60))}); n != 0 || p.Stats().TxDropReasons["down"] != 1 {
		t.Errorf("sent %d, %v", n, p.Stats().TxDropReasons)
	}
	if st := p.Status(); st.AdminUp || st.LinkUp {
		t.Errorf("status %+v", st)
	}
}

// The device goes with the process that made it; while that lives, another
// gets a clear refusal.
func TestIntegrationInternalEndsWithProcess(t *testing.T) {
	for _, what := range []string{"internal", "plain"} {
		t.Run(what, func(t *testing.T) {
			ns := testutil.NewNS(t)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), openEnv+"="+what+" t0")
			startHelper(t, ns, cmd)
			ns.Do(func() {
				_, err := OpenInternal("t0", TapOptions{})
				oneLine(t, err, ErrBusy, "t0: a TAP of this name is held by another process")
			})
			endHelper(t, cmd)
			testutil.Wait(t, "the TAP to go", func() bool { return !ns.HasLink("t0") })
		})
	}
}

// stubborn is a provider whose TAP descriptors know nothing of TAPs.
type stubborn struct{ t *testing.T }

func (s stubborn) Descriptor(key string, open func() (int, error)) (int, bool, error) {
	if key != "tap/t0/0" {
		s.t.Errorf("key %q", key)
	}
	fd, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	return fd, true, err
}

// A kernel that refuses the offloads gives a plain TAP, and one line says so.
func TestIntegrationTapFallsBackToPlain(t *testing.T) {
	ns := testutil.NewNS(t)
	var log bytes.Buffer
	fds := openFiles(t)
	p := openTapIn(t, ns, OpenInternal, "t0", TapOptions{Provider: stubborn{t}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if c := p.IOChoice(); c.IO != IOPlain || !strings.HasPrefix(c.Why, "the kernel gives no offloads: ") || newTx(t, p).Caps() != (Caps{}) {
		t.Errorf("%+v", c)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "port=t0") {
		t.Errorf("log: %s", log.String())
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if n := openFiles(t); n > fds {
		t.Errorf("%d descriptors were left open", n-fds)
	}
}
