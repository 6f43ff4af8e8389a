package ports

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// namespaceID says which network namespace one is: device and inode.
type namespaceID [2]uint64

// namespaceOf is the network namespace of a socket.
func namespaceOf(sock int) (id namespaceID, err error) {
	fd, err := unix.IoctlRetInt(sock, unix.SIOCGSKNS)
	if err != nil {
		return id, err
	}
	defer func() { _ = unix.Close(fd) }() // a read-only descriptor: nothing can be lost
	return namespaceAt(fd)
}

// namespaceAt is the network namespace that a descriptor stands for.
func namespaceAt(fd int) (namespaceID, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return namespaceID{st.Dev, st.Ino}, err
}

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
	a, errA := namespaceAt(there)
	b, errB := namespaceAt(here)
	if err := errors.Join(errA, errB); err != nil {
		return -1, fmt.Errorf("comparing network namespaces: %w", err)
	}
	if a == b {
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
