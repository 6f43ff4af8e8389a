package ports

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// inNamespaceOf runs open on a thread in the network namespace of the socket
// sock, which may not be the calling thread's: workers ask a port for transmit
// sockets from their own threads.
func inNamespaceOf(sock int, open func() (int, error)) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	there, err := unix.IoctlRetInt(sock, unix.SIOCGSKNS)
	if err != nil {
		// Not permitted: then nobody could have moved a thread either.
		return open()
	}
	defer func() { _ = unix.Close(there) }() // a read-only descriptor: nothing can be lost
	here, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return open() // no /proc: containers without it have one namespace
	}
	defer func() { _ = unix.Close(here) }()
	var a, b unix.Stat_t
	if err := errors.Join(unix.Fstat(there, &a), unix.Fstat(here, &b)); err != nil {
		return -1, fmt.Errorf("comparing network namespaces: %w", err)
	}
	if a.Ino == b.Ino && a.Dev == b.Dev {
		return open()
	}
	if err := unix.Setns(there, unix.CLONE_NEWNET); err != nil {
		return -1, fmt.Errorf("entering the port's network namespace: %w", err)
	}
	fd, err := open()
	if back := unix.Setns(here, unix.CLONE_NEWNET); back != nil {
		runtime.LockOSThread() // once more than it is unlocked: the thread ends with its goroutine
		err = errors.Join(err, fmt.Errorf("leaving the port's network namespace: %w", back))
	}
	return fd, err
}
