package ports

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// canRead says whether there is something to read at once.
func canRead(t *testing.T, fd int) bool {
	t.Helper()
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Poll(p, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n == 1
}

// A ring's descriptor is readable as long as a slot is filled that was not given
// back, and frames may be written to, headroom and all, while they are lent.
func TestIntegrationRingLends(t *testing.T) {
	host, sw := veth(t)
	fd := host.PacketSocket("a0")
	p := openSystem(t, sw, "p0", SystemOptions{RxDesc: 64})
	q := p.RxQueues()[0]
	if _, ok := q.(*ringRx); !ok {
		t.Fatalf("%T, want a ring", q)
	}
	if canRead(t, q.FD()) {
		t.Error("readable before anything came")
	}
	var b packet.Batch
	for round := range 100 { // several times round the ring
		const k = 5
		for i := range k {
			f := frame(nil, 60)
			f[20], f[21] = byte(round), byte(i)
			if _, err := unix.Write(fd, f); err != nil {
				t.Fatal(err)
			}
		}
		got := 0
		for got < k {
			poll(t, 10*time.Second, q.FD())
			n, err := q.Rx(&b)
			if err != nil {
				t.Fatal(err)
			}
			for i := range b.Frames[:n] {
				f := &b.Frames[i]
				if by := f.Bytes(); len(by) != 60 || by[20] != byte(round) || by[21] != byte(got+i) {
					t.Fatalf("round %d, frame %d: % x", round, got+i, by)
				}
				room, ok := f.Prepend(packet.Headroom)
				if !ok {
					t.Fatal("no headroom")
				}
				for j := range room {
					room[j] = 0xff
				}
			}
			if n > 0 && !canRead(t, q.FD()) {
				t.Fatal("not readable while frames are lent")
			}
			got += n
			b.Release()
		}
		if canRead(t, q.FD()) {
			t.Fatal("readable after all was given back")
		}
	}
	if s := p.Stats(); s.RxDropped != 0 || s.RxErrors != 0 || s.RxPackets != 500 {
		t.Errorf("stats %+v", s)
	}
}

// Frames that are longer than a slot take their turn among the others: of an MTU
// that the device got later, and GSO packets.
func TestIntegrationRingKeepsOrder(t *testing.T) {
	host, sw := veth(t)
	p := openSystem(t, sw, "p0", SystemOptions{})
	host.Run("ip", "link", "set", "a0", "mtu", "9000")
	sw.Run("ip", "link", "set", "p0", "mtu", "9000")
	fd := host.PacketSocket("a0")
	q := p.RxQueues()[0]
	sizes := []int{60, 9014, 1514, 1518, 1600, 200, 5000, 60, 9018}
	make1 := func(i int) []byte {
		var tags []uint16
		if i%3 == 1 {
			tags = []uint16{packet.TypeVLAN}
		}
		n := sizes[i%len(sizes)]
		if tags == nil {
			n = min(n, 9014)
		}
		b := frame(tags, n)
		binary.BigEndian.PutUint32(b[20:], uint32(i))
		return b
	}
	const n = 3000
	var b packet.Batch
	want := 0
	for i := range n {
		if _, err := unix.Write(fd, make1(i)); err != nil {
			t.Fatal(err)
		}
		if i%50 != 49 {
			continue
		}
		for want <= i {
			poll(t, 10*time.Second, q.FD())
			k, err := q.Rx(&b)
			if err != nil {
				t.Fatal(err)
			}
			for j := range b.Frames[:k] {
				if got, want := b.Frames[j].Bytes(), make1(want+j); !bytes.Equal(got, want) {
					t.Fatalf("%d bytes % x\nwant %d bytes % x", len(got), got[:32], len(want), want[:32])
				}
				if h := b.Frames[j].Headroom(); h < packet.Headroom {
					t.Fatalf("headroom %d", h)
				}
			}
			want += k
			b.Release()
		}
	}
	if s := p.Stats(); s.RxDropped != 0 || s.RxErrors != 0 || s.RxPackets != n {
		t.Errorf("stats %+v", s)
	}
}

// Without a ring frames are received all the same, and one line says why.
func TestIntegrationRingRefused(t *testing.T) {
	before := RingMemory()
	defer func(v [2]int) { ringKernel = v }(ringKernel)
	ringKernel = [2]int{99, 0}
	host, sw := veth(t)
	fd := host.PacketSocket("a0")
	var log bytes.Buffer
	p := openSystem(t, sw, "p0", SystemOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if n := strings.Count(log.String(), "no packet ring"); n != 1 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("log: %s", log.String())
	}
	if now := RingMemory(); now != before {
		t.Errorf("%d bytes are booked for no ring", now-before)
	}
	want := frame([]uint16{packet.TypeVLAN}, 100)
	if _, err := unix.Write(fd, want); err != nil {
		t.Fatal(err)
	}
	if got := next(t, p.RxQueues()[0]); !bytes.Equal(got.Bytes(), want) {
		t.Errorf("% x", got.Bytes())
	}
}

// numberedFrame is a frame of n bytes that says which it is.
func numberedFrame(i, n int) *packet.Frame {
	b := frame(nil, n)
	binary.BigEndian.PutUint32(b[20:], uint32(i))
	return packet.FromBytes(b)
}

func inOrder(t *testing.T, fd, n int) { t.Helper(); inOrderFrom(t, fd, 0, n) }

// inOrderFrom reads n numbered frames, the first of which is number first, from a
// host's socket.
func inOrderFrom(t *testing.T, fd, first, n int) {
	t.Helper()
	buf := make([]byte, 4096)
	for i := first; i < first+n; i++ {
		k, _, err := unix.Recvfrom(fd, buf, 0)
		for errors.Is(err, unix.EINTR) {
			k, _, err = unix.Recvfrom(fd, buf, 0)
		}
		if err != nil || k < 60 {
			t.Fatalf("frame %d of %d: %d bytes, %v", i, n, k, err)
		}
		if got := binary.BigEndian.Uint32(buf[20:]); got != uint32(i) {
			t.Fatalf("frame %d came when %d was due", got, i)
		}
	}
}

// A queue that has traffic gets a transmit ring, and frames keep their order when
// it does.
func TestIntegrationTxRingComes(t *testing.T) {
	host, sw := veth(t)
	fd := host.PacketSocket("a0")
	p := openSystem(t, sw, "p0", SystemOptions{})
	tx := newTx(t, p).(*systemTx)
	sent, after := 0, 0
	deadline := time.Now().Add(time.Minute)
	for after < 10 {
		var frames []*packet.Frame
		for range 50 {
			frames = append(frames, numberedFrame(sent+len(frames), 60+10*(sent%7)))
		}
		if n := tx.Tx(frames); n != len(frames) {
			t.Fatalf("sent %d of %d: %v", n, len(frames), p.Stats().TxDropReasons)
		}
		inOrderFrom(t, fd, sent, len(frames))
		sent += len(frames)
		if tx.ring.Load() != nil {
			after++
		}
		if time.Now().After(deadline) {
			t.Fatalf("no ring after %d frames", sent)
		}
	}
	if s := p.Stats(); s.TxPackets != uint64(sent) || s.TxDropped != 0 || s.TxErrors != 0 {
		t.Errorf("%d sent, stats %+v", sent, s)
	}
}

// Where frames leave slowly, and so hold on to their slots, those for which there
// is none go another way, in their turn.
func TestIntegrationTxRingFull(t *testing.T) {
	host, sw := veth(t)
	fd := host.PacketSocket("a0")
	p := openSystem(t, sw, "p0", SystemOptions{TxDesc: 1})
	tx := newTx(t, p).(*systemTx)
	sw.Run("tc", "qdisc", "add", "dev", "p0", "root", "tbf", "rate", "4mbit", "burst", "2k", "latency", "20s")
	const n = 300
	slots := tx.ring.Load().r.slots()
	if slots >= n/2 {
		t.Fatalf("%d slots are too many for this test", slots)
	}
	var frames []*packet.Frame
	for i := range n {
		frames = append(frames, numberedFrame(i, 60+i%200))
	}
	if k := tx.Tx(frames); k != n {
		t.Fatalf("sent %d: %v", k, p.Stats().TxDropReasons)
	}
	inOrder(t, fd, n)
}

// A socket whose buffer is full costs what does not fit, and says so.
func TestIntegrationTxRingNoRoom(t *testing.T) {
	host, sw := veth(t)
	fd := host.PacketSocket("a0")
	p := openSystem(t, sw, "p0", SystemOptions{TxDesc: 64, SndBuf: 8 << 10})
	tx := newTx(t, p)
	sw.Run("tc", "qdisc", "add", "dev", "p0", "root", "tbf", "rate", "4mbit", "burst", "2k", "latency", "20s")
	const n = 60
	var frames []*packet.Frame
	for i := range n {
		frames = append(frames, numberedFrame(i, 1000))
	}
	sent := tx.Tx(frames)
	s := p.Stats()
	if sent == 0 || sent == n || s.TxPackets != uint64(sent) || s.TxDropped != uint64(n-sent) || s.TxDropReasons["nobuf"] != uint64(n-sent) {
		t.Fatalf("%d of %d sent, stats %+v", sent, n, s)
	}
	inOrder(t, fd, sent)
	// And what comes later finds the ring as it should be.
	if k := tx.Tx([]*packet.Frame{numberedFrame(sent, 60)}); k != 1 {
		t.Fatalf("not sent afterwards: %v", p.Stats().TxDropReasons)
	}
	inOrderFrom(t, fd, sent, 1)
}

// A port with several queues gets each frame once, the frames of a flow by one
// queue and in order, and none of its own.
func TestIntegrationFanout(t *testing.T) {
	for name, o := range map[string]SystemOptions{"ring": {Queues: 3}, "recvmmsg": {Queues: 3, NoRing: true}} {
		t.Run(name, func(t *testing.T) { fanout(t, o) })
	}
}

func fanout(t *testing.T, o SystemOptions) {
	const flows, each = 40, 20
	host, sw := veth(t)
	fd := host.PacketSocket("a0")
	p := openSystem(t, sw, "p0", o)
	tx := newTx(t, p)
	qs := p.RxQueues()
	if len(qs) != 3 {
		t.Fatalf("%d queues", len(qs))
	}
	for i := range each {
		for flow := range flows {
			b := udpWithVnet(0, 60)[vnetLen:]
			b[34], b[42], b[43] = byte(flow), byte(flow), byte(i)
			if _, err := unix.Write(fd, b); err != nil {
				t.Fatal(err)
			}
		}
		if n := tx.Tx([]*packet.Frame{numberedFrame(i, 60)}); n != 1 {
			t.Fatal("not sent")
		}
	}
	var next [flows]int
	var home [flows]RxQueue
	used := map[RxQueue]bool{}
	var b packet.Batch
	for got := 0; got < flows*each; {
		fds := make([]int, len(qs))
		for i, q := range qs {
			fds[i] = q.FD()
		}
		poll(t, 10*time.Second, fds...)
		for _, q := range qs {
			n, err := q.Rx(&b)
			if err != nil {
				t.Fatal(err)
			}
			for i := range b.Frames[:n] {
				f := b.Frames[i].Bytes()
				flow := f[42]
				if int(flow) >= flows || int(f[43]) != next[flow] {
					t.Fatalf("frame %d of flow %d, want %d", f[43], flow, next[flow])
				}
				if home[flow] != nil && home[flow] != q {
					t.Fatalf("flow %d changed its queue", flow)
				}
				home[flow], used[q] = q, true
				next[flow]++
			}
			got += n
			b.Release()
		}
	}
	if len(used) < 2 {
		t.Error("all flows went through one queue")
	}
	if s := p.Stats(); s.RxPackets != flows*each || s.RxDropped != 0 {
		t.Errorf("stats %+v", s)
	}
}
