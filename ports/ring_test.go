package ports

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

func TestRingGeometry(t *testing.T) {
	for _, mtu := range []int{0, 68, 576, 1492, 1500, 1504, 2000, 4000, 9000, 9216, 16384, 65535} {
		for _, blocks := range []int{1, 2, 7, ringMaxBlocks} {
			t.Run(fmt.Sprintf("mtu=%d,blocks=%d", mtu, blocks), func(t *testing.T) {
				g := newRingGeometry(mtu, blocks)
				if g.slot%64 != 0 || g.slot < ringMinSlot || g.slot > ringMaxSlot+64 {
					t.Errorf("slots of %d bytes", g.slot)
				}
				if mtu <= 9216 && g.slot < ringFrame+packet.EthernetLen+2*packet.VLANLen+mtu {
					t.Errorf("a frame of this MTU does not fit %d bytes", g.slot)
				}
				req := g.request()
				if int(req.Frame_nr) != int(req.Block_nr)*(ringBlock/g.slot) {
					t.Errorf("the kernel refuses %+v", *req)
				}
				seen, off := map[int]bool{}, 0
				for range g.slots() {
					if seen[off] || off/ringBlock != (off+g.slot-1)/ringBlock || off+g.slot > g.size() || off%ringBlock%g.slot != 0 {
						t.Fatalf("slot at %d after %d others", off, len(seen))
					}
					seen[off] = true
					off = g.next(off)
				}
				if off != 0 {
					t.Errorf("the ring ends at %d", off)
				}
			})
		}
	}
	if ringFrame-tp2Used < packet.Headroom+packet.VLANLen {
		t.Error("too little headroom")
	}
}

// A thousand ports get rings, and all together do not take more than the bound
// and their least.
func TestRingMemoryIsBounded(t *testing.T) {
	before := RingMemory()
	var taken []int
	defer func() {
		for _, n := range taken {
			giveBlocks(n)
		}
		if after := RingMemory(); after != before {
			t.Errorf("%d bytes booked, %d after all were given back", before, after)
		}
	}()
	for range 1000 {
		taken = append(taken, takeBlocks(0, ringMaxBlocks))
	}
	if taken[0] < ringMinBlocks || taken[0] > ringMaxBlocks || taken[999] != ringMinBlocks {
		t.Errorf("the first has %d blocks, the last %d", taken[0], taken[999])
	}
	if sum := RingMemory() - before; sum > (ringTotal()+1000*ringMinBlocks)*ringBlock {
		t.Errorf("%d MiB", sum>>20)
	}
	taken = append(taken, takeBlocks(17, 1))
	if n := taken[1000]; n != 17 {
		t.Errorf("%d blocks of 17 asked for", n)
	}
}

// A ring with fewer slots than a batch has frames is lent once, not round and
// round: lent slots look as filled ones do.
func TestRingSmallerThanABatch(t *testing.T) {
	for _, mtu := range []int{1500, 9000, 65535} {
		for _, blocks := range []int{1, ringMinBlocks} {
			t.Run(fmt.Sprintf("mtu=%d,blocks=%d", mtu, blocks), func(t *testing.T) {
				g := newRingGeometry(mtu, blocks)
				q := &ringRx{p: &System{}, r: &packetRing{ringGeometry: g, mem: make([]byte, g.size())}}
				q.rewind()
				for round := range 3 {
					for off, i := 0, 0; i < g.slots(); off, i = g.next(off), i+1 {
						h := q.r.mem[off:]
						native.PutUint32(h[tp2Len:], packet.EthernetLen)
						native.PutUint32(h[tp2SnapLen:], packet.EthernetLen)
						native.PutUint16(h[tp2Mac:], ringFrame)
						h[ringFrame] = byte(i)
						q.r.setSlotStatus(off, unix.TP_STATUS_USER)
					}
					var b packet.Batch
					for next := 0; next < g.slots(); {
						n, taken := q.lend(&b)
						if n != taken || n != min(packet.BatchSize, g.slots()-next) {
							t.Fatalf("round %d: %d frames of %d slots, %d of %d slots were taken before", round, n, taken, next, g.slots())
						}
						for _, f := range b.Frames[:n] {
							if got := f.Bytes()[0]; got != byte(next) {
								t.Fatalf("round %d: frame %d where %d is due", round, got, byte(next))
							}
							next++
						}
						q.Release(&b)
					}
					if _, taken := q.lend(&b); taken != 0 {
						t.Fatalf("round %d: %d slots of an empty ring", round, taken)
					}
				}
			})
		}
	}
}
