package ports

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmapAt maps size bytes of fd, or of nothing if fd is -1, at the addresses of
// at, which has that size; nil: where the kernel likes.
func mmapAt(at []byte, size, prot, flags, fd int) ([]byte, error) {
	p, err := unix.MmapPtr(fd, 0, unsafe.Pointer(unsafe.SliceData(at)), uintptr(size), prot, flags)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), size), nil
}

// slotStatus reads the first word of the slot at off, the one by which kernel and
// process hand the slot to each other. What the slot holds is read after it.
func (r *packetRing) slotStatus(off int) uint32 {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&r.mem[off])))
}

// setSlotStatus hands the slot over. What was written to it before is there for
// whoever reads the word.
func (r *packetRing) setSlotStatus(off int, status uint32) {
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&r.mem[off])), status)
}

// clearStatus gives n slots from off on back to the kernel, in order, and returns
// the offset of the next one. Before it note is stored in *at, by the one barrier
// that all share: an atomic store for each would cost some 6 ns a frame.
func (r *packetRing) clearStatus(off, n int, note uint64, at *atomic.Uint64) int {
	at.Swap(note)
	for range n {
		*(*uint32)(unsafe.Pointer(&r.mem[off])) = unix.TP_STATUS_KERNEL
		off = r.next(off)
	}
	return off
}

// socketError reads and clears the error that waits at the socket.
func socketError(fd int) unix.Errno {
	var v int32
	n := uint32(unsafe.Sizeof(v))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_ERROR, uintptr(unsafe.Pointer(&v)), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 {
		return errno
	}
	return unix.Errno(v)
}

// rawSend has the kernel send what is ready in the transmit ring of fd. It never
// blocks. n is the number of bytes that went out before err.
func rawSend(fd int) (n int, errno unix.Errno) {
	r, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), 0, 0, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}
