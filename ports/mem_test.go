package ports

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

func readable(t *testing.T, fd int) bool {
	t.Helper()
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(p, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatalf("poll: %v", err)
		}
		return n == 1
	}
}

func numbered(i int) []byte {
	b := make([]byte, 60)
	copy(b, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x12, 0x34, byte(i >> 8), byte(i)})
	return b
}

func TestMemLendsInOrder(t *testing.T) {
	m := NewMem("m0")
	defer m.Close()
	q := m.RxQueues()[0]
	if readable(t, q.FD()) {
		t.Error("readable before any frame came")
	}
	want := 0
	var b packet.Batch
	for i := 0; i < 200; i++ {
		if m.InjectBytes(numbered(i)) != 1 {
			t.Fatalf("frame %d had no room", i)
		}
	}
	for readable(t, q.FD()) {
		n, err := q.Rx(&b)
		if err != nil || n == 0 || n != b.N {
			t.Fatalf("Rx = %d, %v with N %d on a readable descriptor", n, err, b.N)
		}
		for i := range b.Frames[:n] {
			f := &b.Frames[i]
			if !bytes.Equal(f.Bytes(), numbered(want)) {
				t.Fatalf("frame %d: % x", want, f.Bytes())
			}
			if f.Headroom() < packet.Headroom {
				t.Fatalf("headroom %d", f.Headroom())
			}
			want++
		}
		b.Release()
	}
	if want != 200 {
		t.Errorf("%d frames lent, want 200", want)
	}
	if n, err := q.Rx(&b); n != 0 || err != nil {
		t.Errorf("Rx of an empty ring = %d, %v", n, err)
	}
	if s := m.Stats(); s.RxPackets != 200 || s.RxBytes != 200*60 || s.RxDropped != 0 {
		t.Errorf("stats %+v", s)
	}
}

// Frames are not overwritten while they are lent, whatever comes in meanwhile.
func TestMemKeepsLentFrames(t *testing.T) {
	m := NewMemWith("m0", MemOptions{Ring: 8})
	defer m.Close()
	for i := 0; i < 8; i++ {
		m.InjectBytes(numbered(i))
	}
	var b packet.Batch
	if n, err := m.RxQueues()[0].Rx(&b); n != 8 || err != nil {
		t.Fatalf("Rx = %d, %v", n, err)
	}
	if n := m.InjectBytes(numbered(100)); n != 0 {
		t.Errorf("a frame went into memory that is lent")
	}
	if d := m.Stats().RxDropped; d != 1 {
		t.Errorf("RxDropped = %d, want 1", d)
	}
	for i := range b.Frames[:b.N] {
		if !bytes.Equal(b.Frames[i].Bytes(), numbered(i)) {
			t.Errorf("frame %d changed while lent", i)
		}
	}
	b.Release()
	if n := m.InjectBytes(numbered(101)); n != 1 {
		t.Errorf("no room after release")
	}
}

func TestMemPairCarriesOffload(t *testing.T) {
	a, b := NewPair("a", "b")
	defer a.Close()
	defer b.Close()
	a.SetCaps(Caps{Csum: true, GSOTCPv4: true})
	tx, err := a.NewTx()
	if err != nil {
		t.Fatal(err)
	}
	gso := gsoTCP4(t, 3, 1000)
	plain := packet.FromBytes(numbered(7))
	if n := tx.Tx([]*packet.Frame{plain, gso}); n != 2 {
		t.Fatalf("sent %d of 2", n)
	}
	var batch packet.Batch
	if n, err := b.RxQueues()[0].Rx(&batch); n != 2 || err != nil {
		t.Fatalf("Rx = %d, %v", n, err)
	}
	if !bytes.Equal(batch.Frames[0].Bytes(), plain.Bytes()) || batch.Frames[0].Offload != plain.Offload {
		t.Error("plain frame changed")
	}
	if !bytes.Equal(batch.Frames[1].Bytes(), gso.Bytes()) || batch.Frames[1].Offload != gso.Offload {
		t.Errorf("GSO frame changed: %+v", batch.Frames[1].Offload)
	}
	batch.Release()
	wantBytes := uint64(60 + 3*(54+1000))
	if s := a.Stats(); s.TxPackets != 4 || s.TxBytes != wantBytes {
		t.Errorf("sender counts %d packets %d bytes, want 4, %d", s.TxPackets, s.TxBytes, wantBytes)
	}
	if s := b.Stats(); s.RxPackets != 4 || s.RxBytes != wantBytes {
		t.Errorf("receiver counts %d packets %d bytes, want 4, %d", s.RxPackets, s.RxBytes, wantBytes)
	}
}

func TestMemTxRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		frame  *packet.Frame
		down   bool
		reason string
		n      uint64
	}{
		{"down", packet.FromBytes(numbered(0)), true, "down", 1},
		{"longer than the MTU", packet.FromBytes(make([]byte, 1515)), false, "mtu", 1},
		{"GSO without the capability", gsoTCP4(t, 3, 1000), false, "EINVAL", 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := NewMem("m")
			defer m.Close()
			if err := m.SetAdmin(!tc.down); err != nil {
				t.Fatal(err)
			}
			tx, err := m.NewTx()
			if err != nil {
				t.Fatal(err)
			}
			ok := packet.FromBytes(numbered(1))
			want := 1
			if tc.down {
				want = 0
			}
			if n := tx.Tx([]*packet.Frame{tc.frame, ok}); n != want {
				t.Errorf("sent %d, want %d", n, want)
			}
			s := m.Stats()
			if got := s.TxDropReasons[tc.reason]; got != tc.n && !tc.down {
				t.Errorf("reasons %v, want %s: %d", s.TxDropReasons, tc.reason, tc.n)
			}
			if sent := m.Sent(); len(sent) != want {
				t.Errorf("%d frames captured, want %d", len(sent), want)
			}
			if s.TxDropped+s.TxErrors == 0 {
				t.Error("the refused frame is not counted")
			}
		})
	}
}

func TestMemDownAndClosed(t *testing.T) {
	m := NewMem("m")
	q := m.RxQueues()[0]
	var b packet.Batch
	if err := m.SetAdmin(false); err != nil {
		t.Fatal(err)
	}
	if !readable(t, q.FD()) {
		t.Error("going down wakes nobody")
	}
	if _, err := q.Rx(&b); err != unix.ENETDOWN {
		t.Errorf("Rx after down: %v, want ENETDOWN", err)
	}
	if n, err := q.Rx(&b); n != 0 || err != nil {
		t.Errorf("Rx said it twice: %d, %v", n, err)
	}
	if m.InjectBytes(numbered(0)) != 0 {
		t.Error("a port that is down takes frames")
	}
	if err := m.SetAdmin(true); err != nil {
		t.Fatal(err)
	}
	if m.InjectBytes(numbered(0)) != 1 {
		t.Error("no frame after up")
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Rx(&b); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Rx after Close: %v", err)
	}
	if _, err := m.NewTx(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("NewTx after Close: %v", err)
	}
}

func TestMemReplayRestores(t *testing.T) {
	m := NewMem("m")
	defer m.Close()
	frames := []*packet.Frame{packet.FromBytes(numbered(0)), packet.FromBytes(numbered(1)), packet.FromBytes(numbered(2))}
	m.Replay(true, frames...)
	q := m.RxQueues()[0]
	var b packet.Batch
	next := 0
	for round := range 10 {
		if n, err := q.Rx(&b); n != packet.BatchSize || err != nil {
			t.Fatalf("Rx = %d, %v", n, err)
		}
		for i := range b.Frames[:b.N] {
			f := &b.Frames[i]
			if !bytes.Equal(f.Bytes(), numbered(next)) {
				t.Fatalf("round %d: frame %d is % x", round, i, f.Bytes()[:16])
			}
			next = (next + 1) % 3
			clear(f.Bytes())
			if _, ok := f.Prepend(8); !ok {
				t.Fatal("no headroom")
			}
		}
		b.Release()
	}
	m.Replay(false)
	if n, _ := q.Rx(&b); n != 0 {
		t.Errorf("%d frames after replay ended", n)
	}
}

func TestMemAllocatesNothing(t *testing.T) {
	a, b := NewPair("a", "b")
	defer a.Close()
	defer b.Close()
	tx, err := a.NewTx()
	if err != nil {
		t.Fatal(err)
	}
	var frames []*packet.Frame
	for i := range packet.BatchSize {
		frames = append(frames, packet.FromBytes(numbered(i)))
	}
	q := b.RxQueues()[0]
	batch := new(packet.Batch)
	step := func() {
		if tx.Tx(frames) != len(frames) {
			t.Fatal("not all sent")
		}
		if n, err := q.Rx(batch); n != len(frames) || err != nil {
			t.Fatalf("Rx = %d, %v", n, err)
		}
		batch.Release()
	}
	for range 2 * DefaultMemRing / packet.BatchSize {
		step()
	}
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
}

func BenchmarkMem(b *testing.B) {
	for _, size := range []int{64, 1514} {
		b.Run(fmt.Sprintf("pair/%d", size), func(b *testing.B) {
			x, y := NewPair("x", "y")
			defer x.Close()
			defer y.Close()
			tx, err := x.NewTx()
			if err != nil {
				b.Fatal(err)
			}
			var frames []*packet.Frame
			for range packet.BatchSize {
				frames = append(frames, packet.FromBytes(make([]byte, size)))
			}
			q := y.RxQueues()[0]
			batch := new(packet.Batch)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				tx.Tx(frames)
				if _, err := q.Rx(batch); err != nil {
					b.Fatal(err)
				}
				n += batch.N
				batch.Release()
			}
			perFrame(b, n)
		})
	}
	for _, restore := range []bool{false, true} {
		b.Run(fmt.Sprintf("replay/restore=%v", restore), func(b *testing.B) {
			m := NewMemWith("m", MemOptions{Capture: -1})
			defer m.Close()
			m.Replay(restore, packet.FromBytes(make([]byte, 64)))
			tx, err := m.NewTx()
			if err != nil {
				b.Fatal(err)
			}
			q := m.RxQueues()[0]
			batch := new(packet.Batch)
			out := make([]*packet.Frame, packet.BatchSize)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				k, err := q.Rx(batch)
				if err != nil {
					b.Fatal(err)
				}
				for i := range batch.Frames[:k] {
					out[i] = &batch.Frames[i]
				}
				n += tx.Tx(out[:k])
				batch.Release()
			}
			perFrame(b, n)
		})
	}
}

func perFrame(b *testing.B, frames int) {
	ns := float64(b.Elapsed().Nanoseconds())
	b.ReportMetric(ns/float64(frames), "ns/frame")
	b.ReportMetric(float64(frames)/ns*1e9, "frames/s")
}

// What a port has no way to count is Uncounted, not zero.
func TestUncounted(t *testing.T) {
	a, b := NewPair("a", "b")
	defer a.Close()
	defer b.Close()
	s := a.Stats()
	for name, v := range map[string]uint64{"frame": s.RxFrameErr, "over": s.RxOverErr, "crc": s.RxCRCErr, "collisions": s.Collisions} {
		if v != Uncounted {
			t.Errorf("a port in memory counts %d errors of kind %s", v, name)
		}
	}
}
