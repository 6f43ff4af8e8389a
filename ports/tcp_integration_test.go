package ports

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
)

// forwarder joins two ports and notes what passes.
type forwarder struct {
	stop   int // eventfd
	done   sync.WaitGroup
	mu     sync.Mutex
	max    [2]int // longest frame received from each port
	gso    [2]int
	frames [2]int
	bytes  [2]uint64
	udpGSO int
	csum   int // frames with a partial checksum
	soft   int // frames that were segmented or finished here
}

// forward copies frames between two ports until the test ends, doing what the
// switch's executor does with offload state.
func forward(t *testing.T, a, b Port) *forwarder {
	t.Helper()
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	fw := &forwarder{stop: stop}
	txs := [2]TxQueue{newTx(t, b), newTx(t, a)}
	rxs := [2]RxQueue{a.RxQueues()[0], b.RxQueues()[0]}
	mtu := [2]int{b.Status().MTU, a.Status().MTU}
	fw.done.Add(1)
	go func() {
		defer fw.done.Done()
		pools := packet.NewPools()
		batch := new(packet.Batch)
		fds := []unix.PollFd{{Fd: int32(stop), Events: unix.POLLIN}, {Fd: int32(rxs[0].FD()), Events: unix.POLLIN}, {Fd: int32(rxs[1].FD()), Events: unix.POLLIN}}
		for {
			if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
				t.Errorf("poll: %v", err)
				return
			}
			if fds[0].Revents != 0 {
				return
			}
			for i, rx := range rxs {
				if _, err := rx.Rx(batch); err != nil {
					t.Errorf("Rx: %v", err)
					return
				}
				fw.pass(t, i, batch, txs[i], mtu[i], pools)
				batch.Release()
			}
		}
	}()
	t.Cleanup(func() {
		if _, err := unix.Write(stop, eventOne[:]); err != nil {
			t.Error(err)
		}
		fw.done.Wait()
		if err := unix.Close(stop); err != nil {
			t.Error(err)
		}
	})
	return fw
}

func (fw *forwarder) pass(t *testing.T, dir int, batch *packet.Batch, tx TxQueue, mtu int, pools *packet.Pools) {
	fw.mu.Lock()
	defer fw.mu.Unlock()
	var out, made []*packet.Frame
	for i := range batch.Frames[:batch.N] {
		f := &batch.Frames[i]
		fw.frames[dir]++
		fw.bytes[dir] += uint64(f.Len())
		fw.max[dir] = max(fw.max[dir], f.Len())
		if f.Offload.IsGSO() {
			fw.gso[dir]++
			if f.Offload.GSOType == packet.GSOUDPL4 {
				fw.udpGSO++
			}
		}
		if f.Offload.NeedsCsum {
			fw.csum++
		}
		switch {
		case tx.Caps().Takes(f, mtu):
			out = append(out, f)
		case f.Offload.IsGSO():
			fw.soft++
			segs, err := packet.Segment(f, 0, pools, nil)
			if err != nil {
				t.Errorf("segmenting: %v", err)
			}
			made = append(made, segs...)
			out = append(out, segs...)
		default:
			fw.soft++
			if err := packet.FinishChecksum(f); err != nil {
				t.Errorf("checksum: %v", err)
			}
			out = append(out, f)
		}
	}
	tx.Tx(out)
	for _, f := range made {
		pools.Put(f)
	}
}

// snapshot copies what was counted so far.
func (fw *forwarder) snapshot() forwarder {
	fw.mu.Lock()
	defer fw.mu.Unlock()
	return forwarder{max: fw.max, gso: fw.gso, frames: fw.frames, bytes: fw.bytes, udpGSO: fw.udpGSO, csum: fw.csum, soft: fw.soft}
}

// transfer sends n random bytes by TCP from one namespace to an address of
// another and checks that they arrive whole. It returns the rate.
func transfer(t *testing.T, from, to *testutil.NS, addr string, n int) float64 {
	t.Helper()
	var l net.Listener
	var c net.Conn
	var err error
	to.Do(func() { l, err = net.Listen("tcp", net.JoinHostPort(addr, "0")) })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	type result struct {
		sum []byte
		n   int64
		err error
	}
	got := make(chan result, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			got <- result{err: err}
			return
		}
		defer c.Close()
		h := sha256.New()
		n, err := io.Copy(h, c)
		got <- result{h.Sum(nil), n, err}
	}()
	// On this thread: net.Dial may go on goroutines, whose threads are in
	// another namespace.
	from.Do(func() { c, err = net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr)) })
	if err != nil {
		t.Fatalf("TCP to %s: %v", l.Addr(), err)
	}
	if err := c.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, n)
	var seed [32]byte
	if _, err := rand.NewChaCha8(seed).Read(data); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := c.Write(data); err != nil {
		t.Fatalf("TCP to %s: %v", l.Addr(), err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	r := <-got
	rate := float64(n) * 8 / time.Since(start).Seconds() / 1e9
	want := sha256.Sum256(data)
	if r.err != nil || r.n != int64(n) || !bytes.Equal(r.sum, want[:]) {
		t.Fatalf("TCP to %s: %d of %d bytes, whole %v, %v", l.Addr(), r.n, n, bytes.Equal(r.sum, want[:]), r.err)
	}
	return rate
}

// twoHosts are two namespaces with addresses, wired to p0 and p1 of a third.
func twoHosts(t *testing.T) (a, sw, b *testutil.NS) {
	t.Helper()
	a, sw, b = testutil.NewNS(t), testutil.NewNS(t), testutil.NewNS(t)
	a.AddVeth("a0", "p0", sw)
	b.AddVeth("b0", "p1", sw)
	a.Addr("a0", "10.0.0.1/24")
	b.Addr("b0", "10.0.0.2/24")
	a.Addr("a0", "fd00::1/64")
	b.Addr("b0", "fd00::2/64")
	return a, sw, b
}

const transferSize = 64 << 20

// Hosts with their default offloads: GSO packets and partial checksums pass
// whole from port to port, and TCP arrives whole.
func TestIntegrationTCPWhole(t *testing.T) {
	for _, o := range []SystemOptions{{NoRing: true}, {QdiscBypass: true}, {TxDesc: 64}} {
		t.Run(fmt.Sprintf("bypass=%v,noring=%v", o.QdiscBypass, o.NoRing), func(t *testing.T) {
			a, sw, b := twoHosts(t)
			p0 := openSystem(t, sw, "p0", o)
			p1 := openSystem(t, sw, "p1", o)
			fw := forward(t, p0, p1)
			for _, addr := range []string{"10.0.0.2", "fd00::2"} {
				before := fw.snapshot()
				rate := transfer(t, a, b, addr, transferSize)
				s := fw.snapshot()
				frames := s.frames[0] - before.frames[0]
				mean := (s.bytes[0] - before.bytes[0]) / uint64(frames)
				t.Logf("%s: %.1f Gbit/s, %d frames from the sender, mean %d bytes, longest %d", addr, rate, frames, mean, s.max[0])
				if s.gso[0] == before.gso[0] || s.max[0] <= 10000 {
					t.Errorf("%s: %d GSO frames, longest %d bytes: not whole", addr, s.gso[0]-before.gso[0], s.max[0])
				}
				if s.csum == before.csum {
					t.Errorf("%s: no partial checksum came through", addr)
				}
				if s.soft != 0 {
					t.Errorf("%s: %d frames were segmented or finished in software", addr, s.soft)
				}
			}
			for _, p := range []*System{p0, p1} {
				if s := p.Stats(); s.TxErrors != 0 || s.RxErrors != 0 {
					t.Errorf("%s: %+v", p.Name(), s)
				}
			}
			// A GSO frame counts as its segments, on both sides alike.
			in, out := p0.Stats(), p1.Stats()
			if in.RxPackets < transferSize/1460*2 || in.RxPackets != out.TxPackets+out.TxDropped || in.RxBytes < 2*transferSize {
				t.Errorf("received %d packets %d bytes, sent %d, dropped %d", in.RxPackets, in.RxBytes, out.TxPackets, out.TxDropped)
			}
		})
	}
}

// Towards a port that takes nothing, GSO frames are segmented and checksums
// finished.
func TestIntegrationTCPUntakenGSO(t *testing.T) {
	a, sw, b := twoHosts(t)
	p0, p1 := openSystem(t, sw, "p0", SystemOptions{}), openSystem(t, sw, "p1", SystemOptions{})
	fw := forward(t, plainPort{p0}, plainPort{p1})
	for _, addr := range []string{"10.0.0.2", "fd00::2"} {
		before := fw.snapshot().soft
		transfer(t, a, b, addr, transferSize/8)
		if fw.snapshot().soft == before {
			t.Errorf("%s: nothing was done in software", addr)
		}
	}
}

// plainPort hides what a port's transmit queue takes.
type plainPort struct{ Port }

func (p plainPort) NewTx() (TxQueue, error) {
	tx, err := p.Port.NewTx()
	return plainTx{tx}, err
}

type plainTx struct{ TxQueue }

func (plainTx) Caps() Caps { return Caps{} }

// UDP segmentation passes whole, too, where the kernel has it.
func TestIntegrationUDPSegmentation(t *testing.T) {
	if !kernelAtLeast(6, 2) {
		t.Skip("needs Linux 6.2, which passes whole UDP packets of segments through packet sockets: run it on a newer kernel")
	}
	a, sw, b := twoHosts(t)
	p0, p1 := openSystem(t, sw, "p0", SystemOptions{}), openSystem(t, sw, "p1", SystemOptions{})
	fw := forward(t, p0, p1)
	for _, addr := range []string{"10.0.0.2", "fd00::2"} {
		var in *net.UDPConn
		var out *net.UDPConn
		var err error
		b.Do(func() { in, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(addr)}) })
		if err != nil {
			t.Fatal(err)
		}
		a.Do(func() { out, err = net.DialUDP("udp", nil, in.LocalAddr().(*net.UDPAddr)) })
		if err != nil {
			t.Fatal(err)
		}
		raw, err := out.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if cerr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, 1000) }); cerr != nil || err != nil {
			t.Fatal(cerr, err)
		}
		data := make([]byte, 20500)
		for i := range data {
			data[i] = byte(i / 500)
		}
		before := fw.snapshot().udpGSO
		if _, err := out.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := in.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 65536)
		for at := 0; at < len(data); {
			n, err := in.Read(buf)
			if err != nil {
				t.Fatalf("%s: after %d bytes: %v", addr, at, err)
			}
			if want := min(1000, len(data)-at); n != want || !bytes.Equal(buf[:n], data[at:at+n]) {
				t.Fatalf("%s: datagram of %d bytes at %d, want %d", addr, n, at, want)
			}
			at += n
		}
		if fw.snapshot().udpGSO == before {
			t.Errorf("%s: no UDP GSO frame", addr)
		}
		if err := errors.Join(in.Close(), out.Close()); err != nil {
			t.Error(err)
		}
	}
}
