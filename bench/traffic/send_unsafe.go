package traffic

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendBatch is the number of frames a system call.
const sendBatch = 32

// mmsghdr is struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

// sendVector is the memory of sendmmsg calls.
type sendVector struct {
	frames [sendBatch][]byte
	iovs   [sendBatch]unix.Iovec
	msgs   [sendBatch]mmsghdr
}

// newSendVector has copies of a frame in all places.
func newSendVector(frame []byte) *sendVector {
	v := &sendVector{}
	for i := range v.frames {
		v.frames[i] = append([]byte(nil), frame...)
		v.iovs[i].Base = &v.frames[i][0]
		v.iovs[i].SetLen(len(frame))
		v.msgs[i].hdr.Iov = &v.iovs[i]
		v.msgs[i].hdr.SetIovlen(1)
	}
	return v
}

// send sends the first n frames and returns how many were.
func (v *sendVector) send(fd, n int) (int, unix.Errno) {
	sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&v.msgs[0])), uintptr(n), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(sent), 0
}
