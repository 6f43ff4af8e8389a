package ofswitch

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// doze is epoll_wait without the runtime being told: the thread keeps its Go processor,
// and nobody else is woken when it returns. A signal ends it (EINTR), as when the runtime
// wants the thread to stop: with GODEBUG=asyncpreemptoff=1 it sends none, and the collector
// of garbage waits for the end of the doze.
func doze(epfd int, events []unix.EpollEvent, ms int) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(ms), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
