package ports

import (
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// Memory of AF_XDP ports: a umem is cut into slots of one frame each, which the
// kernel calls chunks.
//
//	| umemHeadroom bytes that the kernel leaves free | frame | room behind it |
//
// All workers share a umem, and all ports, as long as it has slots left. One
// for each worker would leave nothing for a second worker to send from: the
// kernel knows one umem for each queue of a device, and most devices have fewer
// queues than the switch has workers. What a worker has for itself are the
// slots: every receive queue and every transmit ring owns as many as it was
// given when it was opened, for good. A frame that goes from one to the other
// changes places with a free slot of the ring (packet.Frame.Exchange), so
// nothing is shared that would need a lock, and no port can take the memory of
// another.
//
// A umem is never unmapped, only emptied and used again, as the memory of
// AF_PACKET ports is (arenas).
const (
	umemSlot     = 2048
	umemHeadroom = 256 // XDP_PACKET_HEADROOM; more than packet.Headroom
	umemFrame    = umemSlot - umemHeadroom
	umemMinSlots = 8192 // of the first umem; each one after it has twice as many
)

// The headroom suffices (a constant below 0 does not compile).
const _ = uint(umemHeadroom - packet.Headroom)

// umem is one piece of memory that the kernel has registered, maybe several
// times.
type umem struct {
	mem   []byte
	first uint32 // number of the slot at its beginning
	slots uint32

	// owner is the side that has a slot, by slot: written by who owns it.
	owner []uint16

	mu     sync.Mutex // guards the rest
	free   []uint32   // slots that no side has
	used   []bool     // sides, by number; 0 is none
	queues []*xdpQueue
}

// umems are those of the process. Slot numbers begin at 1 and are never given
// twice.
var umems struct {
	sync.Mutex
	list []*umem
	next uint32
}

// umemSide is a receive queue or a transmit ring as an owner of slots.
type umemSide struct {
	u  *umem
	id uint16
}

// newUmemSides gives two sides of one umem n slots each.
func newUmemSides(n int) (a, b umemSide, err error) {
	umems.Lock()
	defer umems.Unlock()
	for _, u := range umems.list {
		if a, b, ok := u.sides(n); ok {
			return a, b, nil
		}
	}
	size := max(umemMinSlots<<len(umems.list), 2*n)
	u, err := newUmem(size)
	if err != nil {
		return a, b, err
	}
	a, b, _ = u.sides(n) // it has room for both
	return a, b, nil
}

// newUmem maps memory for n slots. The lock on umems is held.
func newUmem(n int) (*umem, error) {
	mem, err := unix.Mmap(-1, 0, n*umemSlot, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("memory for AF_XDP (%d bytes): %w", n*umemSlot, err)
	}
	// Helps with the TLB where there are huge pages; else nothing is lost.
	_ = unix.Madvise(mem, unix.MADV_HUGEPAGE)
	u := &umem{mem: mem, first: umems.next + 1, slots: uint32(n), owner: make([]uint16, n), used: []bool{true}}
	for i := range u.slots {
		u.free = append(u.free, u.first+u.slots-1-i)
	}
	umems.next += u.slots
	umems.list = append(umems.list, u)
	return u, nil
}

// sides takes 2n slots for two new sides, if there are as many.
func (u *umem) sides(n int) (a, b umemSide, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.free) < 2*n {
		return a, b, false
	}
	return u.side(n), u.side(n), true
}

func (u *umem) side(n int) umemSide {
	id := slices.Index(u.used, false)
	if id < 0 {
		id = len(u.used)
		u.used = append(u.used, false)
	}
	u.used[id] = true
	at := len(u.free) - n
	for _, s := range u.free[at:] {
		u.owner[s-u.first] = uint16(id)
	}
	u.free = u.free[:at]
	return umemSide{u, uint16(id)}
}

// owned are the slots of a side. Nobody uses them meanwhile.
func (s umemSide) owned() (list []uint32) {
	for i, id := range s.u.owner {
		if id == s.id {
			list = append(list, s.u.first+uint32(i))
		}
	}
	return list
}

// release gives the side's slots back. The kernel and the workers have let go
// of them. The pages of a umem that nobody uses any more go back to the kernel.
func (s umemSide) release() error {
	u := s.u
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, n := range s.owned() {
		u.owner[n-u.first] = 0
		u.free = append(u.free, n)
	}
	u.used[s.id] = false
	if uint32(len(u.free)) < u.slots {
		return nil
	}
	return unix.Madvise(u.mem, unix.MADV_DONTNEED)
}

// has says whether a slot is one of this umem.
func (u *umem) has(slot uint32) bool { return slot-u.first < u.slots }

// offset is where a slot of this umem begins.
func (u *umem) offset(slot uint32) uint64 { return uint64(slot-u.first) * umemSlot }

// at is the slot that an address lies in, as the kernel counts them.
func (u *umem) at(addr uint64) uint32 { return u.first + uint32(addr/umemSlot) }

// bytes is the memory of a slot of this umem.
func (u *umem) bytes(slot uint32) []byte {
	o := u.offset(slot)
	return u.mem[o : o+umemSlot : o+umemSlot]
}

// join makes a bound queue one that others can share the kernel's registration
// with.
func (u *umem) join(q *xdpQueue) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.queues = append(u.queues, q)
}

// leave undoes join.
func (u *umem) leave(q *xdpQueue) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.queues = slices.DeleteFunc(u.queues, func(x *xdpQueue) bool { return x == q })
}

// share calls try with the bound queues whose registration is of the same kind,
// zero-copy or not, until one succeeds. They stay open meanwhile.
func (u *umem) share(zeroCopy bool, try func(*xdpQueue) error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	err := errNoneToShare
	for _, q := range u.queues {
		if q.zeroCopy == zeroCopy {
			if err = try(q); err == nil {
				return nil
			}
		}
	}
	return err
}
