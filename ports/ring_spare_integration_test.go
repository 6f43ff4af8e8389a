package ports

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
)

// spareFDs are the sockets that wait for a port.
func spareFDs() (fds []int) {
	spares.Lock()
	defer spares.Unlock()
	for _, s := range spares.list {
		fds = append(fds, s.fd)
	}
	return fds
}

// Ports that are opened in a row get sockets whose rings were made before, which
// receive like others; afterwards none is left.
func TestIntegrationSpareRings(t *testing.T) {
	life := spareLife
	defer func() { spareLife = life }()
	spareLife = time.Hour
	spares.Lock() // what tests before have left
	spares.dropLocked()
	spares.kind = spareKind{}
	spares.Unlock()
	host, sw := testutil.NewNS(t), testutil.NewNS(t)
	const n = 8
	for i := range n {
		host.AddVeth(fmt.Sprintf("a%d", i), fmt.Sprintf("p%d", i), sw)
	}
	before := RingMemory()
	var list []Port
	for i := range n {
		waiting := spareFDs()
		p := openSystem(t, sw, fmt.Sprintf("p%d", i), SystemOptions{})
		list = append(list, p)
		q := p.RxQueues()[0]
		if (len(waiting) > 0) != (i >= spareStreak) {
			t.Fatalf("port %d: %d spare rings", i, len(waiting))
		}
		if len(waiting) > 0 && q.FD() != waiting[0] {
			t.Errorf("port %d has not taken the spare ring", i)
		}
		sent := frame(nil, 60)
		fd := host.PacketSocket(fmt.Sprintf("a%d", i))
		host.WaitCarrier(fmt.Sprintf("a%d", i))
		if _, err := unix.Write(fd, sent); err != nil {
			t.Fatal(err)
		}
		for got := false; !got; {
			poll(t, 10*time.Second, q.FD())
			var b packet.Batch
			k, err := q.Rx(&b)
			if err != nil {
				t.Fatal(err)
			}
			for j := range b.Frames[:k] {
				got = got || string(b.Frames[j].Bytes()) == string(sent)
			}
			if k > 0 {
				b.Release()
			}
		}
	}
	// Another kind takes none of them, and has them given up.
	waiting := spareFDs()
	if err := list[0].Close(); err != nil {
		t.Fatal(err)
	}
	list[0] = openSystem(t, sw, "p0", SystemOptions{RcvBuf: 1 << 20})
	for _, fd := range waiting {
		if list[0].RxQueues()[0].FD() == fd {
			t.Error("a port with another buffer has taken a spare ring")
		}
	}
	if left := spareFDs(); len(left) != 0 {
		t.Errorf("%d spare rings of a kind that is not wanted", len(left))
	}
	for range spareStreak {
		if err := list[0].Close(); err != nil {
			t.Fatal(err)
		}
		list[0] = openSystem(t, sw, "p0", SystemOptions{RcvBuf: 1 << 20})
	}
	if len(spareFDs()) == 0 {
		t.Error("no spare rings")
	}
	for _, p := range list {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	spareLife = 0
	endSpareRings()
	testutil.Wait(t, "all rings are gone", func() bool { return RingMemory() <= before && len(spareFDs()) == 0 })
}
