package ports

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// fakeDevice plays a driver with zero-copy: it takes slots out of the fill ring,
// puts frames into them, and takes frames out of the transmit ring.
type fakeDevice struct {
	q          *xdpQueue
	counters   counters
	closed     atomic.Bool
	held       []uint64 // from the fill ring
	sent       [][]byte // what has left
	inFlight   []uint64 // from the transmit ring, not complete
	fillTaken  uint32
	sendTaken  uint32
	rxFilled   uint32
	compFilled uint32
}

func fakeRing() xdpRing {
	return xdpRing{producer: new(uint32), consumer: new(uint32), flags: new(uint32), mask: xdpEntries - 1}
}

func newFakeDevice(t testing.TB) *fakeDevice {
	t.Helper()
	rx, tx, err := newUmemSides(xdpEntries)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rx.release(); err != nil {
			t.Error(err)
		}
		if err := tx.release(); err != nil {
			t.Error(err)
		}
	})
	d := &fakeDevice{}
	x := &xdpIO{c: &d.counters, closed: &d.closed}
	x.mtu.Store(1500)
	d.q = &xdpQueue{
		zeroCopy: true,
		rx: &xdpRx{io: x, fd: -1, side: rx, ring: fakeRing(), fill: fakeRing(),
			descs: make([]unix.XDPDesc, xdpEntries), addrs: make([]uint64, xdpEntries)},
		tx: &xdpTx{io: x, fd: -1, side: tx, zeroCopy: true, open: true, ring: fakeRing(), comp: fakeRing(),
			descs: make([]unix.XDPDesc, xdpEntries), addrs: make([]uint64, xdpEntries), free: tx.owned()},
	}
	d.q.rx.prime()
	return d
}

// stock takes up to n slots out of the fill ring.
func (d *fakeDevice) stock(n int) {
	r := d.q.rx
	for ; n > 0 && d.fillTaken != r.fill.filled(); n-- {
		d.held = append(d.held, r.addrs[d.fillTaken&r.fill.mask])
		d.fillTaken++
	}
	atomic.StoreUint32(r.fill.consumer, d.fillTaken)
}

// receive puts a frame into the receive ring; false: no slot for it.
func (d *fakeDevice) receive(b []byte) bool {
	if len(d.held) == 0 {
		return false
	}
	r := d.q.rx
	addr := d.held[0] + umemHeadroom
	d.held = d.held[1:]
	copy(r.side.u.mem[addr:], b)
	r.descs[d.rxFilled&r.ring.mask] = unix.XDPDesc{Addr: addr, Len: uint32(len(b))}
	d.rxFilled++
	atomic.StoreUint32(r.ring.producer, d.rxFilled)
	return true
}

// send takes up to n frames out of the transmit ring.
func (d *fakeDevice) send(n int, look bool) {
	r := d.q.tx
	for ; n > 0 && d.sendTaken != r.ring.filled(); n-- {
		e := r.descs[d.sendTaken&r.ring.mask]
		d.sendTaken++
		if look {
			d.sent = append(d.sent, bytes.Clone(r.side.u.mem[e.Addr:e.Addr+uint64(e.Len)]))
		}
		d.inFlight = append(d.inFlight, e.Addr)
	}
	atomic.StoreUint32(r.ring.consumer, d.sendTaken)
}

// complete gives up to n slots of sent frames back, in the order of pick.
func (d *fakeDevice) complete(n int, pick func(n int) int) {
	r := d.q.tx
	for ; n > 0 && len(d.inFlight) > 0; n-- {
		i := pick(len(d.inFlight))
		r.addrs[d.compFilled&r.comp.mask] = d.inFlight[i]
		d.compFilled++
		last := len(d.inFlight) - 1
		d.inFlight[i] = d.inFlight[last]
		d.inFlight = d.inFlight[:last]
	}
	atomic.StoreUint32(r.comp.producer, d.compFilled)
}

// TestXDPZeroCopyRandom forwards between two devices that take their time, in
// random steps: every frame that was taken leaves once, in order and unchanged,
// and no slot is ever lost or in two places.
func TestXDPZeroCopyRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	a, b := newFakeDevice(t), newFakeDevice(t)
	tx := xdpTxHandle{b.q.tx}
	var batch packet.Batch
	var want [][]byte
	number, looked, copies := uint32(0), 0, 0
	for range 2000 {
		a.stock(rnd.IntN(200))
		for range rnd.IntN(100) {
			f := binary.BigEndian.AppendUint32(make([]byte, 14), number)
			f = append(f, make([]byte, rnd.IntN(1400))...)
			f[len(f)-1] = byte(number)
			if !a.receive(f) {
				break
			}
			number++
		}
		n, err := a.q.rx.Rx(&batch)
		if err != nil {
			t.Fatal(err)
		}
		var list []*packet.Frame
		for i := range n {
			f := &batch.Frames[i]
			switch rnd.IntN(8) {
			case 0: // somebody else reads it
				f.Shared = true
				copies++
			case 1: // it has been copied
				f = packet.FromBytes(f.Bytes())
				copies++
			case 2: // a tag
				if b, ok := f.Prepend(4); ok {
					copy(b, b[4:16])
				}
			case 3:
				continue // dropped
			}
			list = append(list, f)
		}
		var bytesOf [][]byte
		for _, f := range list {
			bytesOf = append(bytesOf, bytes.Clone(f.Bytes()))
		}
		lostBefore := b.counters.txDropped.Load()
		sent := tx.Tx(list)
		if lost := int(b.counters.txDropped.Load() - lostBefore); sent+lost != len(list) {
			t.Fatalf("%d sent, %d lost of %d", sent, lost, len(list))
		}
		// Without room the last ones are lost.
		want = append(want, bytesOf[:sent]...)
		batch.Release()
		b.send(rnd.IntN(120), true)
		b.complete(rnd.IntN(120), rnd.IntN)
		for _, got := range b.sent {
			if !bytes.Equal(got, want[0]) {
				t.Fatalf("frame %d of %d bytes left, want %d bytes: % x", looked, len(got), len(want[0]), got[:min(len(got), 40)])
			}
			want = want[1:]
			looked++
		}
		b.sent = b.sent[:0]
	}
	if looked < 500 || copies < 100 {
		t.Errorf("only %d frames left, %d of them copied", looked, copies)
	}
	b.send(xdpEntries, true)
	b.complete(xdpEntries, rnd.IntN)
	b.q.tx.reap()
	// All slots are somewhere, once.
	seen := map[uint32]uint16{}
	note := func(addr uint64, side umemSide) {
		s := side.u.at(addr)
		if _, twice := seen[s]; twice {
			t.Fatalf("slot %d is in two places", s)
		}
		seen[s] = side.id
	}
	a.stock(xdpEntries)
	for _, addr := range a.held {
		note(addr, a.q.rx.side)
	}
	for {
		n, err := a.q.rx.Rx(&batch)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		for i := range n {
			note(a.q.rx.side.u.offset(batch.Frames[i].Lent()), a.q.rx.side)
		}
		batch.Release()
		a.fillTaken = a.q.rx.filled // the driver does not take these
	}
	for _, s := range b.q.tx.free {
		note(b.q.tx.side.u.offset(s), b.q.tx.side)
	}
	if len(seen) != 2*xdpEntries {
		t.Errorf("%d slots found, want %d", len(seen), 2*xdpEntries)
	}
	for s, id := range seen {
		if u := a.q.rx.side.u; u.owner[s-u.first] != id {
			t.Fatalf("slot %d is side %d's, its owner is called %d", s, id, u.owner[s-u.first])
		}
	}
	// Frames from one umem to another are copied.
	if c := b.counters.stats(); c.TxPackets == 0 {
		t.Errorf("%+v", c)
	}
}

// BenchmarkXDP is what we do for a frame between two AF_XDP ports, the kernel's
// part apart.
func BenchmarkXDP(bench *testing.B) {
	for name, shared := range map[string]bool{"exchange": false, "copy": true} {
		bench.Run(name, func(bench *testing.B) {
			a, b := newFakeDevice(bench), newFakeDevice(bench)
			tx := xdpTxHandle{b.q.tx}
			var batch packet.Batch
			var list [packet.BatchSize]*packet.Frame
			f := udp(nil, 60, 1)
			last := func(n int) int { return n - 1 }
			var device time.Duration
			bench.ResetTimer()
			for done := 0; done < bench.N; done += packet.BatchSize {
				start := time.Now()
				a.stock(packet.BatchSize)
				for range packet.BatchSize {
					a.receive(f)
				}
				device += time.Since(start)
				n, err := a.q.rx.Rx(&batch)
				if err != nil || n != packet.BatchSize {
					bench.Fatal(n, err)
				}
				for i := range n {
					list[i] = &batch.Frames[i]
					list[i].Shared = shared
				}
				if tx.Tx(list[:]) != n {
					bench.Fatal(b.counters.stats().TxDropReasons)
				}
				batch.Release()
				start = time.Now()
				b.send(packet.BatchSize, false)
				b.complete(packet.BatchSize, last)
				device += time.Since(start)
			}
			bench.ReportMetric(float64((bench.Elapsed()-device).Nanoseconds())/float64(bench.N), "ours-ns/frame")
		})
	}
}
