package ports

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
)

// longPort is a TAP whose other end is in the test's hands, as a system port.
type longPort struct {
	t      *testing.T
	fd     int
	p      *System
	q      *ringRx
	sent   uint32 // numbered frames
	got    uint32
	latest time.Time // no frame may be missing then
}

func newLongPort(t *testing.T) *longPort {
	defer func(on bool) { longRings = on }(longRings)
	longRings = true
	sw := testutil.NewNS(t)
	sw.NoIPv6()
	l := &longPort{t: t, fd: openTestTap(t, sw, "t0"), latest: time.Now().Add(time.Minute)}
	l.p = openSystem(t, sw, "t0", SystemOptions{})
	l.q = l.p.RxQueues()[0].(*ringRx)
	return l
}

// openTestTap makes a TAP with virtio-net headers that is up, and returns its descriptor.
func openTestTap(t *testing.T, ns *testutil.NS, name string) (fd int) {
	t.Helper()
	ns.Do(func() {
		var err error
		if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unix.Close(fd); err != nil {
				t.Error(err)
			}
		})
		ifr, err := unix.NewIfreq(name)
		if err != nil {
			t.Fatal(err)
		}
		ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
			t.Fatal(err)
		}
	})
	ns.Run("ip", "link", "set", name, "up")
	return fd
}

func (l *longPort) write(gso byte, n int) {
	l.t.Helper()
	b := udpWithVnet(gso, n)
	binary.BigEndian.PutUint32(b[vnetLen+42:], l.sent)
	if _, err := unix.Write(l.fd, b); err != nil {
		l.t.Fatal(err)
	}
	l.sent++
}

// send writes a numbered frame: a GSO packet where it is longer than an ordinary one.
func (l *longPort) send(n int) {
	l.t.Helper()
	if n > 1500 {
		l.write(packet.GSOUDPL4, n)
	} else {
		l.write(0, n)
	}
}

// readable says whether a descriptor of the queue says that there are frames.
func (l *longPort) readable() bool {
	for fd := range FDs(l.q) {
		if canRead(l.t, fd) {
			return true
		}
	}
	return false
}

// receive takes what is there. Numbers go up; gaps says whether some may be missing.
func (l *longPort) receive(gaps bool) (n int) {
	l.t.Helper()
	var b packet.Batch
	n, err := l.q.Rx(&b)
	if err != nil {
		l.t.Fatal(err)
	}
	for i := range b.Frames[:n] {
		no := binary.BigEndian.Uint32(b.Frames[i].Bytes()[42:])
		if no < l.got || no > l.got && !gaps {
			l.t.Fatalf("frame %d came, %d is next", no, l.got)
		}
		l.got = no + 1
	}
	b.Release()
	return n
}

// receiveAll takes all that was sent, nothing missing.
func (l *longPort) receiveAll() {
	l.t.Helper()
	for l.got < l.sent {
		if l.readable() {
			l.receive(false)
		} else if time.Now().After(l.latest) {
			l.t.Fatalf("frame %d is missing", l.got)
		}
	}
	if l.readable() {
		l.t.Fatal("readable without a frame")
	}
}

// awaitRing sends long frames until the ring for them has had one.
func (l *longPort) awaitRing() *ringRx {
	l.t.Helper()
	for time.Now().Before(l.latest) {
		l.send(40000)
		l.receiveAll()
		if r := l.q.long.ring.Load(); r != nil && r.times > 0 {
			return r
		}
	}
	l.t.Fatal("no ring for long frames")
	return nil
}

// Long and short frames come in the order in which they were sent, whichever way they
// take: before there is a ring for long ones, while it appears, and from it.
func TestIntegrationLongFramesInOrder(t *testing.T) {
	l := newLongPort(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	fits := l.q.r.slot - ringFrame // and the next byte does not
	sizes := []int{60, 1514, fits - 1, fits, fits + 1, 3000, 65000}
	rounds := 0
	for more := 100; more > 0; rounds++ {
		for range 1 + r.IntN(60) {
			l.send(sizes[r.IntN(len(sizes))])
		}
		l.receiveAll()
		if ring := l.q.long.ring.Load(); ring != nil && ring.times > 0 {
			more--
		} else if time.Now().After(l.latest) {
			t.Fatal("no ring for long frames")
		}
	}
	before := l.q.long.ring.Load().times
	l.send(fits)
	l.receiveAll()
	if l.q.long.ring.Load().times != before {
		t.Error("a frame that fits a slot came through the ring of long ones")
	}
	l.send(fits + 1)
	l.receiveAll()
	if l.q.long.ring.Load().times != before+1 {
		t.Error("a frame that fits no slot did not come through the ring of long ones")
	}
	if s := l.p.Stats(); s.RxDropped+s.RxErrors != 0 {
		t.Errorf("stats %+v", s)
	}
}

// Frames beyond what the ring of long ones holds are counted as dropped.
func TestIntegrationLongFramesDropped(t *testing.T) {
	l := newLongPort(t)
	ring := l.awaitRing()
	const more = 10
	for range ring.r.slots() + more {
		l.send(30000)
	}
	for l.readable() {
		l.receive(false)
	}
	if s := l.p.Stats(); s.RxDropped != more || s.RxErrors != 0 {
		t.Errorf("%d of %d dropped; %+v", s.RxDropped, more, s)
	}
}

// A GSO packet for which the kernel has no virtio-net header ends either ring, and it is
// made anew. Then long frames have theirs again, and nothing else goes there.
func TestIntegrationLongFramesRevive(t *testing.T) {
	defer func(d time.Duration) { ringWatchEvery = d }(ringWatchEvery)
	ringWatchEvery = 5 * time.Millisecond
	const ufo = 3 // VIRTIO_NET_HDR_GSO_UDP
	l := newLongPort(t)
	for _, n := range []int{1200, 30000, 1200} { // dead: the ring of short frames, that of long ones
		ring := l.awaitRing()
		l.write(ufo, n)
		for came := false; !came; {
			if time.Now().After(l.latest) {
				t.Fatalf("after a packet of %d bytes nothing comes any more", n)
			}
			l.send(n)
			for l.readable() {
				came = l.receive(true) > 0 || came
			}
		}
		// Those that were sent when the ring was made anew may be missing, later ones not.
		l.got = l.sent
		l.awaitRing()
		before, short := ring.times, l.q.times
		l.send(60)
		l.receiveAll()
		if ring.times != before || l.q.times != short+1 {
			t.Errorf("after a packet of %d bytes a short frame goes to the wrong ring", n)
		}
	}
}

// A device that goes down and up keeps the two rings apart.
func TestIntegrationLongFramesDownUp(t *testing.T) {
	l := newLongPort(t)
	ring := l.awaitRing()
	var b packet.Batch
	for _, up := range []bool{false, true} {
		if err := l.p.SetAdmin(up); err != nil {
			t.Fatal(err)
		}
		for range 2 * emptyLooks { // says that it is down, and takes that off both sockets
			if n, err := l.q.Rx(&b); n != 0 || err != nil && err != unix.ENETDOWN {
				t.Fatal(n, err)
			}
		}
		if l.readable() {
			t.Fatalf("up %t: readable without a frame", up)
		}
	}
	before, short := ring.times, l.q.times
	l.send(40000)
	l.receiveAll()
	l.send(60)
	l.receiveAll()
	if ring.times != before+1 || l.q.times != short+1 {
		t.Errorf("%d long frames, %d short ones", ring.times-before, l.q.times-short)
	}
}
