package ports

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
)

// xdpRig is a switch's namespace with hosts a0 at p0 and b0 at p1.
type xdpRig struct {
	a, b, sw *testutil.NS
	from, to int // raw sockets of the hosts
}

func newXDPRig(t testing.TB) *xdpRig {
	r := &xdpRig{a: testutil.NewNS(t), b: testutil.NewNS(t), sw: testutil.NewNS(t)}
	for _, ns := range []*testutil.NS{r.a, r.b, r.sw} {
		ns.NoIPv6()
	}
	r.a.AddVeth("a0", "p0", r.sw)
	r.b.AddVeth("b0", "p1", r.sw)
	r.ready()
	r.from, r.to = r.a.PacketSocket("a0"), r.b.PacketSocket("b0")
	return r
}

// patient lets frames wait at b0 until they are looked at.
func (r *xdpRig) patient(t testing.TB) {
	t.Helper()
	if err := unix.SetsockoptInt(r.to, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20); err != nil {
		t.Fatal(err)
	}
}

func (r *xdpRig) ready() {
	r.a.WaitCarrier("a0")
	r.b.WaitCarrier("b0")
	r.sw.WaitCarrier("p0")
	r.sw.WaitCarrier("p1")
}

// pass forwards what comes on the queues to tx, until n frames have come.
func pass(t testing.TB, n int, tx TxQueue, queues ...RxQueue) {
	t.Helper()
	var fds []int
	for _, q := range queues {
		fds = append(fds, q.FD())
	}
	var b packet.Batch
	for got := 0; got < n; {
		poll(t, 10*time.Second, fds...)
		for _, q := range queues {
			k, err := q.Rx(&b)
			if err != nil {
				t.Fatal(err)
			}
			list := make([]*packet.Frame, k)
			for i := range list {
				list[i] = &b.Frames[i]
			}
			if k > 0 {
				if sent := tx.Tx(list); sent != k {
					t.Fatalf("sent %d of %d", sent, k)
				}
			}
			got += k
			b.Release()
		}
	}
}

// checkSlots holds that every side of these ports has as many slots as it was
// given, and that none is in two places.
func checkSlots(t testing.TB, list ...*System) {
	t.Helper()
	seen := map[uint32]bool{}
	for _, p := range list {
		for _, q := range p.xdp.queues {
			for what, side := range map[string]umemSide{"rx": q.rx.side, "tx": q.tx.side} {
				own := side.owned()
				if len(own) != xdpEntries {
					t.Errorf("%s: %s has %d slots, want %d", p.Name(), what, len(own), xdpEntries)
				}
				for _, s := range own {
					if seen[s] {
						t.Fatalf("%s: slot %d has two owners", p.Name(), s)
					}
					seen[s] = true
				}
			}
			q.tx.mu.Lock()
			q.tx.reap()
			free := slices.Clone(q.tx.free)
			q.tx.mu.Unlock()
			for _, s := range free {
				if q.tx.side.u.owner[s-q.tx.side.u.first] != q.tx.side.id {
					t.Fatalf("%s: free slot %d is another's", p.Name(), s)
				}
			}
		}
	}
}

// Thousands of frames pass in order and unchanged between every two kinds of
// ports, in bursts that the rings hold, and all are counted. Between AF_XDP
// ports they change places with free slots.
func TestIntegrationXDPBursts(t *testing.T) {
	xdp, packets := SystemOptions{IO: IOAFXDP, XDPMode: XDPNative, Logger: quiet}, SystemOptions{IO: IOAFPacket}
	generic := SystemOptions{IO: IOAFXDP, XDPMode: XDPGeneric, Logger: quiet}
	for name, o := range map[string][2]SystemOptions{
		"afxdp to afxdp": {xdp, xdp}, "afxdp to afpacket": {xdp, packets}, "afpacket to afxdp": {packets, xdp},
		"generic to native": {generic, xdp}, "generic to generic": {generic, generic},
	} {
		t.Run(name, func(t *testing.T) {
			r := newXDPRig(t)
			in, out := openSystem(t, r.sw, "p0", o[0]), openSystem(t, r.sw, "p1", o[1])
			tx := newTx(t, out)
			const bursts, burst = 50, 150
			var octets uint64
			for i := range bursts {
				var want [][]byte
				for j := range burst {
					b := udp(tagLists[(i+j)%2], sizes[(i*7+j)%(len(sizes)-1)], i*burst+j)
					want = append(want, b)
					octets += uint64(len(b))
					if _, err := unix.Write(r.from, b); err != nil {
						t.Fatal(err)
					}
				}
				pass(t, burst, tx, in.RxQueues()...)
				for j, b := range want {
					if got := nextOn(t, r.to); !bytes.Equal(got, b) {
						t.Fatalf("burst %d, frame %d: got % x\nwant % x", i, j, got, b)
					}
				}
			}
			rx, txd := in.Stats(), out.Stats()
			if rx.RxPackets != bursts*burst || rx.RxBytes != octets || rx.RxDropped+rx.RxErrors != 0 {
				t.Errorf("received: %+v", rx)
			}
			if txd.TxPackets != bursts*burst || txd.TxBytes != octets || txd.TxDropped+txd.TxErrors != 0 {
				t.Errorf("sent: %+v", txd)
			}
			for _, p := range []*System{in, out} {
				if p.xdp != nil {
					checkSlots(t, p)
				}
			}
			if in.xdp != nil && out.xdp != nil {
				checkSlots(t, in, out)
				if in.xdp.queues[0].rx.side.u != out.xdp.queues[0].tx.side.u {
					t.Error("two ports do not share a umem")
				}
			}
		})
	}
}

// A frame that is shared, or a copy of one, keeps its memory.
func TestIntegrationXDPSharedFrames(t *testing.T) {
	r := newXDPRig(t)
	in, out := openXDPPort(t, r.sw, "p0", XDPNative), openXDPPort(t, r.sw, "p1", XDPNative)
	q, tx, back := in.RxQueues()[0], newTx(t, out), newTx(t, in)
	want := udp(nil, 300, 1)
	for _, shared := range []bool{true, false} {
		if _, err := unix.Write(r.from, want); err != nil {
			t.Fatal(err)
		}
		poll(t, 10*time.Second, q.FD())
		var b packet.Batch
		if n, err := q.Rx(&b); n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		f := &b.Frames[0]
		slot := f.Lent()
		f.Shared = shared
		if tx.Tx([]*packet.Frame{f}) != 1 {
			t.Fatal("not sent")
		}
		if kept := f.Lent() == slot; kept != shared {
			t.Errorf("shared %v: kept its slot %v", shared, kept)
		}
		if shared {
			if !bytes.Equal(f.Bytes(), want) {
				t.Error("a shared frame has changed")
			}
			if back.Tx([]*packet.Frame{f}) != 1 {
				t.Fatal("not sent back")
			}
			if got := nextOn(t, r.from); !bytes.Equal(got, want) {
				t.Errorf("came back % x", got)
			}
		}
		b.Release()
		if got := nextOn(t, r.to); !bytes.Equal(got, want) {
			t.Errorf("got % x", got)
		}
	}
	checkSlots(t, in, out)
}

// Several threads send through one ring.
func TestIntegrationXDPSharedRing(t *testing.T) {
	r := newXDPRig(t)
	out := openXDPPort(t, r.sw, "p1", XDPNative)
	const threads, frames = 4, 300
	r.patient(t)
	var wg sync.WaitGroup
	for i := range threads {
		tx := newTx(t, out)
		wg.Go(func() {
			for j := range frames {
				if tx.Tx([]*packet.Frame{packet.FromBytes(udp(nil, 100, i*frames+j))}) != 1 {
					t.Errorf("thread %d, frame %d: not sent", i, j)
				}
			}
		})
	}
	wg.Wait()
	next := make([]int, threads)
	for range threads * frames {
		got := nextOn(t, r.to)
		var number int
		for i := range threads {
			if n := i*frames + next[i]; next[i] < frames && bytes.Equal(got, udp(nil, 100, n)) {
				next[i]++
				number = n + 1
				break
			}
		}
		if number == 0 {
			t.Fatalf("a frame that is none of the next: % x", got)
		}
	}
	if s := out.Stats(); s.TxPackets != threads*frames {
		t.Errorf("stats %+v", s)
	}
	checkSlots(t, out)
}

// A device with two queues has two receive queues and two transmit rings; the
// frames of one flow keep their order.
func TestIntegrationXDPQueues(t *testing.T) {
	r := &xdpRig{a: testutil.NewNS(t), b: testutil.NewNS(t), sw: testutil.NewNS(t)}
	for _, ns := range []*testutil.NS{r.a, r.b, r.sw} {
		ns.NoIPv6()
	}
	for i, ns := range []*testutil.NS{r.a, r.b} {
		host, port := []string{"a0", "b0"}[i], fmt.Sprintf("p%d", i)
		ns.Run("ip", "link", "add", host, "numtxqueues", "2", "numrxqueues", "2", "type", "veth", "peer", "name", port, "numtxqueues", "2", "numrxqueues", "2")
		ns.Move(port, r.sw)
		ns.Run("ethtool", "-L", host, "rx", "2", "tx", "2")
		r.sw.Run("ethtool", "-L", port, "rx", "2", "tx", "2")
		ns.Up(host)
		r.sw.Up(port)
	}
	r.ready()
	r.from, r.to = r.a.PacketSocket("a0"), r.b.PacketSocket("b0")
	r.patient(t)
	in, out := openXDPPort(t, r.sw, "p0", XDPNative), openXDPPort(t, r.sw, "p1", XDPNative)
	if n := len(in.RxQueues()); n != 2 {
		t.Fatalf("%d receive queues, want 2", n)
	}
	first, second, third := newTx(t, out).(xdpTxHandle), newTx(t, out).(xdpTxHandle), newTx(t, out).(xdpTxHandle)
	if first.r == second.r || first.r != third.r {
		t.Error("the handles do not take the rings in turn")
	}
	// The kernel spreads flows over the host's transmit queues by their hash.
	const flows, each = 16, 20
	var b packet.Batch
	var came [2]uint64
	for n := range each {
		for flow := range flows {
			f := udp(nil, 200, n)
			f[len(f)-1] = byte(flow)
			f[packet.EthernetLen+15] = byte(flow + 1) // source address: the sums are not right, and nobody looks
			if _, err := unix.Write(r.from, f); err != nil {
				t.Fatal(err)
			}
		}
		for got := 0; got < flows; {
			poll(t, 10*time.Second, in.RxQueues()[0].FD(), in.RxQueues()[1].FD())
			for i, q := range in.RxQueues() {
				k, err := q.Rx(&b)
				if err != nil {
					t.Fatal(err)
				}
				for j := range k {
					if []TxQueue{first, second}[i].Tx([]*packet.Frame{&b.Frames[j]}) != 1 {
						t.Fatal("not sent")
					}
				}
				came[i] += uint64(k)
				got += k
				b.Release()
			}
		}
	}
	if came[0] == 0 || came[1] == 0 {
		t.Errorf("queues received %v: one of them nothing", came)
	}
	if s := out.Stats(); s.TxPackets != flows*each {
		t.Fatalf("sent %+v", s)
	}
	next := make([]uint32, flows)
	for range flows * each {
		f := nextOn(t, r.to)
		flow, n := f[len(f)-1], uint32(f[packet.EthernetLen+packet.IPv4MinLen+packet.UDPLen+3])
		if n != next[flow] {
			t.Fatalf("flow %d: frame %d after %d", flow, n, next[flow])
		}
		next[flow]++
	}
	checkSlots(t, in, out)
}
