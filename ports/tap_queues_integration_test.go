package ports

import (
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
)

// flowFrame is frame n of a UDP flow.
func flowFrame(flow, n int) []byte {
	b := frame(nil, 64)
	copy(b[12:], []byte{8, 0, 0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2})
	packet.IPv4(b[14:]).UpdateChecksum()
	u := b[34:]
	binary.BigEndian.PutUint16(u, uint16(1000+flow))
	binary.BigEndian.PutUint16(u[2:], 2000)
	binary.BigEndian.PutUint16(u[4:], 30)
	binary.BigEndian.PutUint16(u[6:], 0)
	binary.BigEndian.PutUint32(u[8:], uint32(n))
	return b
}

// TestIntegrationTapQueues: the kernel shares flows out among the queues, each in order, and
// has them come where the switch last wrote their other direction.
func TestIntegrationTapQueues(t *testing.T) {
	ns := testutil.NewNS(t)
	ns.NoIPv6()
	p := openTapIn(t, ns, OpenInternal, "t0", TapOptions{Queues: 4})
	queues := p.RxQueues()
	if len(queues) != 4 {
		t.Fatalf("%d queues", len(queues))
	}
	const flows, frames = 64, 5
	fd := ns.PacketSocket("t0")
	for n := range frames {
		for flow := range flows {
			if _, err := unix.Write(fd, flowFrame(flow, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen, at := make([]int, flows), make([]int, flows)
	drain := func(each func(queue, flow, n int)) {
		t.Helper()
		for i, q := range queues {
			var b packet.Batch
			for {
				n, err := q.Rx(&b)
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					break
				}
				for j := range n {
					u := b.Frames[j].Bytes()[34:]
					each(i, int(binary.BigEndian.Uint16(u))-1000, int(binary.BigEndian.Uint32(u[8:])))
				}
				b.Release()
			}
		}
	}
	used := map[int]bool{}
	drain(func(queue, flow, n int) {
		if n != seen[flow] {
			t.Errorf("flow %d: frame %d came in place of %d", flow, n, seen[flow])
		}
		if n > 0 && queue != at[flow] {
			t.Errorf("flow %d changed its queue", flow)
		}
		seen[flow], at[flow] = n+1, queue
		used[queue] = true
	})
	for flow, n := range seen {
		if n != frames {
			t.Errorf("flow %d: %d of %d frames", flow, n, frames)
		}
	}
	if len(used) < 2 {
		t.Errorf("all %d flows by one queue", flows)
	}
	// A transmit handle writes through a queue of its own, and what goes the other way
	// follows.
	for i := range queues {
		tx := newTx(t, p)
		b := flowFrame(0, 0)
		copy(b[26:], []byte{10, 0, 0, 2, 10, 0, 0, 1})
		binary.BigEndian.PutUint16(b[34:], 2000)
		binary.BigEndian.PutUint16(b[36:], 1000)
		if n := tx.Tx([]*packet.Frame{packet.FromBytes(b)}); n != 1 {
			t.Fatalf("handle %d sent nothing", i)
		}
		if _, err := unix.Write(fd, flowFrame(0, 100+i)); err != nil {
			t.Fatal(err)
		}
		drain(func(queue, flow, n int) {
			if n == 100+i && queue != i {
				t.Errorf("after a frame by queue %d the answer came by queue %d", i, queue)
			}
			if n == 100+i {
				used[100+i] = true
			}
		})
		if !used[100+i] {
			t.Errorf("the frame behind that of queue %d did not come", i)
		}
	}
	if s := p.Stats(); s.RxPackets != flows*frames+4 || s.TxPackets != 4 {
		t.Errorf("stats %+v", s)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for i, q := range queues {
		if _, err := q.Rx(&packet.Batch{}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("queue %d of a closed port: %v", i, err)
		}
	}
	if ns.HasLink("t0") {
		t.Error("the device is still there")
	}
}

// TestIntegrationTapQueuesRefused: what has one queue is not taken for more.
func TestIntegrationTapQueuesRefused(t *testing.T) {
	ns := testutil.NewNS(t)
	ns.NoIPv6()
	ns.Run("ip", "tuntap", "add", "dev", "one", "mode", "tap")
	ns.Run("ip", "tuntap", "add", "dev", "many", "mode", "tap", "multi_queue")
	for _, c := range []struct {
		open func(string, TapOptions) (Port, error)
		name string
		o    TapOptions
		want string
	}{
		{OpenTap, "one", TapOptions{Queues: 2}, "multi_queue"},
		{OpenInternal, "new", TapOptions{Queues: 65}, "there may be 1 to 64"},
		{OpenInternal, "new", TapOptions{Queues: 2, IO: IOPlain}, "with io=plain one"},
	} {
		ns.Do(func() {
			p, err := c.open(c.name, c.o)
			if err == nil {
				_ = p.Close() // the test has failed already
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		})
		if c.name == "new" && ns.HasLink("new") {
			t.Error("the device is there all the same")
		}
	}
	for _, n := range []int{1, 3} {
		p := openTapIn(t, ns, OpenTap, "many", TapOptions{Queues: n})
		if len(p.RxQueues()) != n {
			t.Errorf("%d queues, want %d", len(p.RxQueues()), n)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if !ns.HasLink("many") {
		t.Error("the device that was there before is gone")
	}
}
