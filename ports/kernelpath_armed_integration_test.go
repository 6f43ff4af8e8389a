package ports

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
	"ofswitch/ports/isolate"
	"ofswitch/ports/kernelpath"
)

// steps sends frames through a switch that a test plays by hand.
type steps struct {
	t        *testing.T
	from, to int // sockets of the hosts
	rx       RxQueue
	table    *kernelpath.Table
	batch    packet.Batch
	sent     int
}

// send sends a frame of an EtherType, which is at the switch afterwards, or was forwarded.
func (s *steps) send(etype uint16) {
	s.t.Helper()
	b := frame(nil, 100)
	binary.BigEndian.PutUint16(b[12:], etype)
	s.sent++
	binary.BigEndian.PutUint32(b[40:], uint32(s.sent))
	if _, err := unix.Write(s.from, b); err != nil {
		s.t.Fatal(err)
	}
	// A processor may have others' frames to handle before, and be late: each wait is one of milliseconds at most.
	for range 50 {
		s.table.Drain()
	}
}

// read takes n frames from the ring, which has them already, and holds them.
func (s *steps) read(n int) {
	s.t.Helper()
	poll(s.t, testutil.Patience, s.rx.FD())
	got, err := s.rx.Rx(&s.batch)
	if err != nil || got != n {
		s.t.Fatalf("%d frames at the switch, want %d; %v", got, n, err)
	}
}

// release is what the switch does when it has sent them.
func (s *steps) release() { s.batch.Release() }

// arrives says that the frame sent last has come to its receiver by the kernel.
func (s *steps) arrives() {
	s.t.Helper()
	buf := make([]byte, 2048)
	for {
		n, at, err := unix.Recvfrom(s.to, buf, 0)
		if err != nil {
			s.t.Fatalf("the frame did not come: %v", err)
		}
		if ll, ok := at.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING || n != 100 {
			continue
		}
		if got := binary.BigEndian.Uint32(buf[40:]); got != uint32(s.sent) {
			s.t.Fatalf("frame %d came, want %d", got, s.sent)
		}
		return
	}
}

// state compares a flow's.
func (s *steps) state(f *kernelpath.Flow, active bool, packets uint64) {
	s.t.Helper()
	if got, _, _ := f.Count(); f.Active() != active || got != packets {
		s.t.Fatalf("active %v, %d packets; want %v, %d", f.Active(), got, active, packets)
	}
}

// byType is a flow for frames of an EtherType.
func byType(t testing.TB, table *kernelpath.Table, in, out *kernelpath.Port, etype uint16) *kernelpath.Flow {
	t.Helper()
	var key, mask kernelpath.Key
	key.SetClass(kernelpath.ClassL2)
	key.SetEthType(etype)
	mask.SetEthType(0xffff)
	outs := []*kernelpath.Port{out}
	if out == nil {
		outs = nil // dropped
	}
	f, err := table.Add(in, outs, &key, &mask)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A flow becomes active when the switch has sent all that it got of it, and no frame
// earlier: however long the switch holds them, and whatever else waits there.
func TestIntegrationKernelPathArmed(t *testing.T) {
	const one, two, none = 0x88b5, 0x88b6, 0x88cc
	host, sw := veth(t)
	other := testutil.NewNS(t)
	other.NoIPv6()
	other.AddVeth("b0", "p1", sw)
	other.WaitCarrier("b0")
	table := openKernel(t)
	o := SystemOptions{KernelPath: table, Isolation: isolate.TCX}
	tap := openTapIn(t, sw, OpenInternal, "br0", TapOptions{KernelPath: table})
	p0, p1 := openSystem(t, sw, "p0", o), openSystem(t, sw, "p1", o)
	for _, c := range []struct {
		name   string
		in     KernelPath
		at     socketAt
		byLast bool // what else waits does not matter
	}{{"ring", p0, socketAt{host, "a0"}, true}, {"TAP", tap, socketAt{sw, "br0"}, false}} {
		t.Run(c.name, func(t *testing.T) {
			in, out := prepared(t, table, c.in), path(t, p1)
			s := &steps{t: t, from: c.at.open(), to: other.PacketSocket("b0"), rx: c.in.(Port).RxQueues()[0], table: table}
			s.send(one) // waits at the switch
			f := byType(t, table, in, out, one)
			s.send(one)
			s.send(one)
			s.read(3)
			s.send(one) // the switch has them still
			s.state(f, false, 0)
			s.release()
			s.send(one) // the last one waits
			s.state(f, false, 0)
			s.read(2)
			s.send(none)
			s.release()
			s.send(none)
			s.read(2)
			s.release()
			s.send(one)
			s.arrives()
			s.state(f, true, 1)
			s.send(none) // for ever, whatever waits
			s.send(one)
			s.arrives()
			s.state(f, true, 2)

			g := byType(t, table, in, out, two)
			s.send(two)
			s.read(2)
			s.release()
			s.send(none)
			s.send(two)
			if c.byLast {
				s.arrives()
				s.state(g, true, 1)
				s.read(1)
			} else {
				s.state(g, false, 0)
				s.read(2)
			}
			s.release()
			s.send(two)
			s.arrives()
			table.Remove(f)
			s.send(one)
			s.read(1)
			s.release()
			table.Wait()
			s.state(f, true, 2)

			// A flow without an output drops. Of a TAP the sender would get an error.
			if !c.byLast {
				var key, mask kernelpath.Key
				if _, err := table.Add(in, nil, &key, &mask); !errors.Is(err, kernelpath.ErrUnavailable) {
					t.Errorf("a flow that drops what comes from a TAP: %v", err)
				}
				return
			}
			d := byType(t, table, in, nil, one)
			s.send(one)
			s.send(two)
			s.arrives()
			s.state(d, true, 1)
			table.Remove(g, d)
		})
	}
}

// Where nftables isolates a port at first, there is a kernel path when TCX has taken over.
func TestIntegrationKernelPathAfterNFT(t *testing.T) {
	host, sw := veth(t)
	table := openKernel(t)
	openSystem(t, sw, "p0", SystemOptions{}) // shows that there is TCX
	openSystem(t, host, "a0", SystemOptions{})
	host.AddVeth("a1", "p1", sw)
	p := openSystem(t, sw, "p1", SystemOptions{KernelPath: table})
	testutil.Eventually(t, "TCX", func() error {
		k, why := p.KernelPath()
		if k == nil && why != "isolating" {
			t.Fatalf("no kernel path: %s", why)
		}
		if k == nil {
			return errors.New(why)
		}
		return nil
	})
	if got := p.Isolation(); got != string(isolate.TCX) {
		t.Errorf("isolated by %q", got)
	}
}

// What stands in the way of the kernel path is told.
func TestIntegrationKernelPathWhyNot(t *testing.T) {
	_, sw := veth(t)
	table := openKernel(t)
	sw.Run("ip", "tuntap", "add", "dev", "t9", "mode", "tap")
	t.Cleanup(func() { sw.DelLink("t9") })
	system := func(o SystemOptions) func() Port {
		return func() Port { return openSystem(t, sw, "p0", o) }
	}
	for _, c := range []struct {
		why  string
		open func() Port
	}{
		{"off", system(SystemOptions{})},
		{"isolation", system(SystemOptions{KernelPath: table, Isolation: isolate.NFT})},
		{"isolation", system(SystemOptions{KernelPath: table, Isolation: isolate.Off})},
		{"queues", system(SystemOptions{KernelPath: table, Queues: 2})},
		{"bypass", system(SystemOptions{KernelPath: table, QdiscBypass: true})},
		{"no ring", system(SystemOptions{KernelPath: table, NoRing: true})},
		{IOAFXDP, system(SystemOptions{KernelPath: table, IO: IOAFXDP, XDPMode: XDPGeneric})},
		{"off", func() Port { return openTapIn(t, sw, OpenInternal, "t0", TapOptions{}) }},
		{"plain", func() Port { return openTapIn(t, sw, OpenInternal, "t0", TapOptions{KernelPath: table, IO: IOPlain}) }},
		{"queues", func() Port { return openTapIn(t, sw, OpenInternal, "t0", TapOptions{KernelPath: table, Queues: 2}) }},
		{"tap", func() Port { return openTapIn(t, sw, OpenTap, "t9", TapOptions{KernelPath: table}) }},
		{"tap", func() Port { return openTapIn(t, sw, OpenTap, "t9", TapOptions{}) }}, // as the switch opens it
	} {
		p := c.open()
		if k, why := p.(KernelPath).KernelPath(); k != nil || why != c.why {
			t.Errorf("%v, %q; want %q", k, why, c.why)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if k, why := p.(KernelPath).KernelPath(); k != nil || why != "closed" {
			t.Errorf("closed: %v, %q", k, why)
		}
	}
	// A TAP that has been elsewhere.
	tap := openTapIn(t, sw, OpenInternal, "t0", TapOptions{KernelPath: table})
	k := path(t, tap)
	// What shapes the host's frames is not gone by.
	sw.Run("tc", "qdisc", "replace", "dev", "t0", "root", "tbf", "rate", "1mbit", "burst", "10k", "latency", "50ms")
	if k, why := tap.KernelPath(); k != nil || why != "qdisc tbf" {
		t.Errorf("shaped: %v, %q", k, why)
	}
	sw.Run("tc", "qdisc", "delete", "dev", "t0", "root")
	path(t, tap)
	// Who watches the host's frames sees them.
	sw.Run("ip", "link", "set", "t0", "promisc", "on")
	if k, why := tap.KernelPath(); k != nil || why != "promiscuous" {
		t.Errorf("watched: %v, %q", k, why)
	}
	sw.Run("ip", "link", "set", "t0", "promisc", "off")
	path(t, tap)
	there := testutil.NewNS(t)
	sw.Move("t0", there)
	if !tap.Relocate() {
		t.Fatal("the TAP is gone")
	}
	if k, why := tap.KernelPath(); k != nil || why != "moved" {
		t.Errorf("elsewhere: %v, %q", k, why)
	}
	there.Move("t0", sw)
	tap.Relocate()
	if k, why := tap.KernelPath(); k != nil || why != "moved" {
		t.Errorf("back: %v, %q", k, why)
	}
	if err := table.Prepare(k); !errors.Is(err, kernelpath.ErrClosed) {
		t.Errorf("flows of a device that has been elsewhere: %v", err)
	}
	if err := tap.Close(); err != nil {
		t.Error(err)
	}
	tap = openTapIn(t, sw, OpenInternal, "t0", TapOptions{KernelPath: table})
	k = path(t, tap)
	// Another device whose index has the same place in the table.
	p := openSystem(t, sw, "p0", SystemOptions{KernelPath: table, Isolation: isolate.TCX})
	if _, err := table.TestPort(p.Status().Ifindex + 4096); err == nil || !strings.Contains(err.Error(), "taken by device") {
		t.Errorf("a second device in the same place: %v", err)
	}
	// The end of a port ends its flows.
	f := byType(t, table, path(t, p), k, 0x88b5)
	if err := tap.Close(); err != nil {
		t.Error(err)
	}
	var key kernelpath.Key
	if _, err := table.Add(path(t, p), []*kernelpath.Port{k}, &key, &key); err == nil {
		t.Error("a flow to a port that is closed")
	}
	table.Remove(f)
	table.Wait()
}
