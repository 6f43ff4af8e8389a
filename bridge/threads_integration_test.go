package bridge

import (
	"encoding/binary"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/ofp"
)

// numberedFrame is frame n of a UDP flow.
func numberedFrame(flow, n int) []byte {
	b := make([]byte, 64)
	copy(b, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0x66, 0xb9, 10, 0, 0, 1, 10, 0, 0, 2})
	binary.BigEndian.PutUint16(b[34:], uint16(1000+flow))
	binary.BigEndian.PutUint16(b[36:], 2000)
	binary.BigEndian.PutUint16(b[38:], 30)
	copy(b[46:], "flow")
	binary.BigEndian.PutUint32(b[50:], uint32(flow))
	binary.BigEndian.PutUint32(b[54:], uint32(n))
	return b
}

// TestIntegrationThreadsChange changes the number of threads, and which of them polls which
// queue, again and again while a cable and a TAP with four queues carry frames: none is
// lost, and those of a flow stay in order.
func TestIntegrationThreadsChange(t *testing.T) {
	l := newLab(t)
	for _, dev := range []string{"v1", "w2"} {
		// Else frames of the cable wait in the queues of processors, one for each that
		// sends, where all traffic of the machine fills them up or goes first: a frame
		// is lost there, or overtaken. So the device has one queue of its own.
		l.ns.Run("ethtool", "-K", dev, "gro", "on")
	}
	br := secure("br0", Port{Name: "v1"}, Port{Name: "v2"}, Port{Name: "t0", Type: TypeInternal, Options: map[string]string{"n_rxq": "4"}})
	l.mustApply(br)
	of, err := l.s.bridge("br0")
	if err != nil {
		t.Fatal(err)
	}
	if err := of.FlowMod(&ofp.FlowMod{
		Priority: 1, BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny,
		Instructions: apply(ofp.Output{Port: 2}),
	}); err != nil {
		t.Fatal(err)
	}
	l.ns.Up("w1")
	l.ns.Up("w2")
	l.ns.WaitCarrier("w2")
	in := []int{l.ns.PacketSocket("w1"), l.ns.PacketSocket("t0")}
	out := l.ns.PacketSocket("w2")
	// No queue on the way is too short for so many at once.
	if err := unix.SetsockoptInt(out, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20); err != nil {
		t.Fatal(err)
	}
	const flows, perFlow, window = 8, 2500, 128 // no more than half of what the queue of a cable holds
	var got atomic.Int64
	var sender sync.WaitGroup
	defer sender.Wait()
	changes := make(chan int)
	go func() {
		n := 0
		for ; got.Load() < 2*flows*perFlow && !t.Failed(); n++ {
			if err := l.s.dp.SetWorkers([]int{4, 1, 2, 3, 1}[n%5]); err != nil {
				t.Error(err)
			}
			if _, err := l.s.dp.Rebalance(); err != nil {
				t.Error(err)
			}
		}
		changes <- n
	}()
	sender.Go(func() {
		// What one thread sends by several processors may overtake itself in the kernel.
		runtime.LockOSThread()
		var one unix.CPUSet
		one.Set(l.s.dp.Processors()[0])
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			t.Error(err)
		}
		for i := range 2 * flows * perFlow {
			for int64(i)-got.Load() >= window && !t.Failed() {
				time.Sleep(20 * time.Microsecond)
			}
			if t.Failed() {
				return
			}
			if _, err := unix.Write(in[i%2], numberedFrame(i%(2*flows), i/(2*flows))); err != nil {
				t.Error(err)
				return
			}
		}
	})
	next := make([]int, 2*flows)
	buf := make([]byte, 2048)
	for got.Load() < 2*flows*perFlow && !t.Failed() {
		n, from, err := unix.Recvfrom(out, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			t.Errorf("after %d frames: %v", got.Load(), err)
			break
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); n < 58 || string(buf[46:50]) != "flow" || ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		flow, number := binary.BigEndian.Uint32(buf[50:]), int(binary.BigEndian.Uint32(buf[54:]))
		if number != next[flow] {
			t.Errorf("flow %d: frame %d came in place of %d", flow, number, next[flow])
		}
		next[flow] = number + 1
		got.Add(1)
	}
	if n := <-changes; n < 5 && !t.Failed() {
		t.Errorf("%d changes: too few to test anything", n)
	}
}
