package ports

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// A receive queue has one slot for each frame of a batch:
//
//	vnet header end at slotFrame
//	| slotFrame bytes: packet.Headroom + 4 | frame, up to packet.MaxFrame |
//
// The four bytes beyond the headroom are for a VLAN tag that the kernel hands
// over beside the frame. The stride is a multiple of 64 (no two frames on one
// cache line) but not of 4096: frames of equal page offset would all want the
// same lines of the first-level cache.
const (
	slotFrame  = packet.Headroom + 4
	slotStride = (slotFrame+packet.MaxFrame+63)&^63 + 192
	arenaSize  = slotStride * packet.BatchSize
)

// Arenas are taken from the kernel beside Go's heap: their pages become
// resident only when frames arrive that need them, and they do not count for
// the collector's pacing. They are never unmapped, only emptied and reused, so
// that a stale slice in somebody's batch never points into memory that has
// become another's: the bound is the largest number of queues open at one time.
var arenas struct {
	sync.Mutex
	free [][]byte
}

func getArena() ([]byte, error) {
	arenas.Lock()
	defer arenas.Unlock()
	if n := len(arenas.free); n > 0 {
		a := arenas.free[n-1]
		arenas.free = arenas.free[:n-1]
		return a, nil
	}
	a, err := unix.Mmap(-1, 0, arenaSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("receive memory (%d bytes): %w", arenaSize, err)
	}
	return a, nil
}

// putArena gives the pages back to the kernel and keeps the addresses.
func putArena(a []byte) error {
	err := unix.Madvise(a, unix.MADV_DONTNEED)
	arenas.Lock()
	arenas.free = append(arenas.free, a)
	arenas.Unlock()
	return err
}

// slot is the i-th slot of an arena.
func slot(a []byte, i int) []byte {
	return a[i*slotStride : i*slotStride+slotFrame+packet.MaxFrame : (i+1)*slotStride]
}
