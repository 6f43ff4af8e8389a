package ports

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// claim marks a device as this process's port, for as long as the descriptor
// is open: two switches on one device would each forward every frame. The mark
// is the name of an abstract Unix socket, which belongs to the network namespace,
// needs no file and goes with the process, however that ends.
func claim(name string, ifindex int) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, sysErr(name, "socket", err, "")
	}
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("@ofswitch-port-%d", ifindex)})
	if err == nil {
		return fd, nil
	}
	_ = unix.Close(fd) // nothing was done with it
	if errors.Is(err, unix.EADDRINUSE) {
		return -1, portErr(name, ErrBusy, "the device is a port of a switch already, maybe of another ofswitchd: take it away from that one first")
	}
	return -1, sysErr(name, "marking the device as taken", err, "")
}
