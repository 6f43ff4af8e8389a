package ports

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// A packet ring is memory of the kernel that it shares with us: blocks of
// ringBlock bytes, each divided into slots of equal size, one frame a slot.
// A slot that the kernel has filled (TPACKET_V2):
//
//	0            32                52          tp_mac-10    tp_mac
//	| tpacket2_hdr | sockaddr_ll | reserve ... | vnet header | frame ...
//
// Once the header is read, all of it but its first word, the status, is ours
// until we give the slot back: it is the frame's headroom.
const (
	ringBlock   = 64 << 10
	ringReserve = 16 // PACKET_RESERVE: with it the headroom holds wherever the kernel puts the network header
	// ringFrame is where frames begin as a rule: the header and the address,
	// rounded up with 16 bytes for the link header, and less by the 14 that an
	// Ethernet header has.
	ringFrame = 80 + ringReserve + vnetLen - packet.EthernetLen
	// ringMinSlot holds an ordinary Ethernet frame with two VLAN tags. It is no
	// power of two: headers that lie a power of two apart would all want the
	// same lines of the first-level cache.
	ringMinSlot = 26 * 64
	ringMaxSlot = 16 << 10
)

// Sizes of rings, in blocks, and what all of them together may take. Beyond a
// quarter of the bound a new ring gets a share of what is left, so that a
// thousandth port still has one.
const (
	ringMaxBlocks = 128 // 8 MiB: about 5,000 ordinary frames, what comes while the switch waits some 10 ms for a processor
	ringMinBlocks = 2
	ringShare     = 32      // a new ring gets at most this part of what is left
	ringTotalMax  = 4 << 10 // blocks: 256 MiB
	ringRAMShare  = 16      // and no more than this part of the machine's memory
)

// MaxRingFrames bounds SystemOptions.RxDesc and TxDesc.
const MaxRingFrames = 16384

// ringGeometry is how a ring is divided.
type ringGeometry struct {
	slot   int // bytes, a multiple of 64
	last   int // offset of the last slot in its block
	blocks int
}

// newRingGeometry is the division of a ring of this many blocks for a device of
// this MTU. Frames that do not fit a slot come another way (see ringRx).
func newRingGeometry(mtu, blocks int) ringGeometry {
	slot := (ringFrame+packet.EthernetLen+2*packet.VLANLen+mtu+63)&^63 | 64 // an odd number of cache lines
	slot = min(max(slot, ringMinSlot), ringMaxSlot)
	return ringGeometry{slot: slot, last: (ringBlock/slot - 1) * slot, blocks: blocks}
}

func (g *ringGeometry) perBlock() int { return ringBlock / g.slot }
func (g *ringGeometry) slots() int    { return g.perBlock() * g.blocks }
func (g *ringGeometry) size() int     { return g.blocks * ringBlock }

// next is the offset of the slot after the one at off.
func (g *ringGeometry) next(off int) int {
	if off&(ringBlock-1) < g.last {
		return off + g.slot
	}
	if off = off&^(ringBlock-1) + ringBlock; off == g.size() {
		return 0
	}
	return off
}

func (g *ringGeometry) request() *unix.TpacketReq {
	return &unix.TpacketReq{Block_size: ringBlock, Block_nr: uint32(g.blocks), Frame_size: uint32(g.slot), Frame_nr: uint32(g.slots())}
}

// rings is the account of all packet rings of this process, and the addresses of
// rings that were closed. Addresses are never given back, only emptied and
// reused, as those of arenas are and for the same reason.
var rings struct {
	sync.Mutex
	blocks int
	free   map[int][][]byte // by size
}

// RingMemory is how much memory of the kernel the packet rings of this process
// take, in bytes.
func RingMemory() int {
	rings.Lock()
	defer rings.Unlock()
	return rings.blocks * ringBlock
}

// ringTotal is how many blocks all rings together should stay below.
var ringTotal = sync.OnceValue(func() int {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return ringTotalMax / 4
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			if kb, err := strconv.Atoi(f[1]); err == nil {
				return min(ringTotalMax, kb<<10/ringRAMShare/ringBlock)
			}
		}
	}
	return ringTotalMax / 4
})

// takeBlocks books the blocks of a new ring: as many as are asked for, or, where
// want is 0, what the bound leaves for it, at most limit.
func takeBlocks(want, limit int) int {
	rings.Lock()
	defer rings.Unlock()
	if want == 0 {
		want = min(limit, max(ringMinBlocks, (ringTotal()-rings.blocks)/ringShare))
	}
	rings.blocks += want
	return want
}

func giveBlocks(n int) {
	rings.Lock()
	rings.blocks -= n
	rings.Unlock()
}

// packetRing is a packet ring of a socket, mapped.
type packetRing struct {
	ringGeometry
	mem []byte
}

// openPacketRing gives the socket fd, which is not bound yet, a ring of type which
// (PACKET_RX_RING or PACKET_TX_RING) for a device of this MTU. desc is the number
// of slots that it should have at least; 0: what the bound of all rings leaves
// for it, at most limit blocks.
func openPacketRing(fd, which, mtu, desc, limit int) (*packetRing, error) {
	g := newRingGeometry(mtu, 0)
	g.blocks = takeBlocks((min(desc, MaxRingFrames)+g.perBlock()-1)/g.perBlock(), limit)
	r := &packetRing{ringGeometry: g}
	if err := r.setUp(fd, which); err != nil {
		giveBlocks(g.blocks)
		return nil, err
	}
	return r, nil
}

func (r *packetRing) setUp(fd, which int) error {
	for _, o := range []struct {
		opt, value int
		what       string
	}{
		{unix.PACKET_VERSION, unix.TPACKET_V2, "PACKET_VERSION"},
		{unix.PACKET_RESERVE, ringReserve, "PACKET_RESERVE"},
	} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, o.opt, o.value); err != nil {
			return fmt.Errorf("setting %s: %w", o.what, err)
		}
	}
	if err := unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, which, r.request()); err != nil {
		return fmt.Errorf("a packet ring of %d KiB: %w", r.size()>>10, err)
	}
	var err error
	if r.mem, err = mapPacketRing(fd, r.size()); err != nil {
		return fmt.Errorf("mapping a packet ring of %d KiB: %w", r.size()>>10, err)
	}
	return nil
}

// mapPacketRing maps the socket's ring, where a closed one has been if there is one.
func mapPacketRing(fd, size int) ([]byte, error) {
	rings.Lock()
	var at []byte
	if list := rings.free[size]; len(list) > 0 {
		at = list[len(list)-1]
		rings.free[size] = list[:len(list)-1]
	}
	rings.Unlock()
	const prot = unix.PROT_READ | unix.PROT_WRITE
	if at == nil {
		return mmapAt(nil, size, prot, unix.MAP_SHARED, fd)
	}
	mem, err := mmapAt(at, size, prot, unix.MAP_SHARED|unix.MAP_FIXED, fd)
	if err != nil {
		rings.Lock()
		rings.free[size] = append(rings.free[size], at)
		rings.Unlock()
	}
	return mem, err
}

// close lets go of the ring's memory and keeps its addresses. The socket may be
// closed before or after; the kernel frees the ring after both.
func (r *packetRing) close() error {
	at, err := unmapPacketRing(r.mem)
	giveBlocks(r.blocks)
	if err != nil {
		return err
	}
	rings.Lock()
	if rings.free == nil {
		rings.free = make(map[int][][]byte)
	}
	rings.free[len(at)] = append(rings.free[len(at)], at)
	rings.Unlock()
	return nil
}

// unmapPacketRing puts memory without contents where a ring was mapped.
func unmapPacketRing(mem []byte) ([]byte, error) {
	at, err := mmapAt(mem, len(mem), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE|unix.MAP_FIXED, -1)
	if err != nil {
		return nil, fmt.Errorf("unmapping a packet ring: %w", err)
	}
	return at, nil
}
