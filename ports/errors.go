package ports

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Errors of the Open functions, wrapped in a line that names the device and
// says what to do. Test with errors.Is.
var (
	// ErrNotExist: no device of that name. It may still appear: see Watch.
	ErrNotExist = errors.New("no such device")
	// ErrPermission: the process lacks a capability.
	ErrPermission = errors.New("permission denied")
	// ErrDefaultRoute: the device carries the host's default route.
	ErrDefaultRoute = errors.New("device carries the default route")
	// ErrNotSupported: the device is not of a kind that the port type takes,
	// or the kernel cannot do what was asked.
	ErrNotSupported = errors.New("not supported")
	// ErrBusy: another process or port holds the device or the name.
	ErrBusy = errors.New("device is in use")
)

// PortError is a failure to open a port: one line for a person, and a sentinel
// or system error inside for programs.
type PortError struct {
	Port string // device name
	Text string // what was wrong and what to do, without the name
	Err  error  // sentinel or errno; never nil
}

// Error is "port NAME: TEXT", as in the other rooms.
func (e *PortError) Error() string { return "port " + e.Port + ": " + e.Text }

// Unwrap gives the sentinel.
func (e *PortError) Unwrap() error { return e.Err }

func portErr(name string, err error, format string, args ...any) error {
	return &PortError{Port: name, Text: fmt.Sprintf(format, args...), Err: err}
}

// sysErr is a system call's failure on a device. A refusal for want of
// permission is turned into ErrPermission with the capability that it takes.
func sysErr(name, what string, err error, caps string) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		prog := "ofswitchd"
		if exe, err2 := os.Executable(); err2 == nil {
			prog = exe
		}
		return portErr(name, fmt.Errorf("%w: %w", ErrPermission, err),
			"%s: permission denied (needs %s): run as root, or 'setcap cap_net_raw,cap_net_admin,cap_bpf+ep %s'", what, caps, prog)
	}
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
		return portErr(name, fmt.Errorf("%w: %w", ErrNotExist, err), "%s: the device went away", what)
	}
	return portErr(name, err, "%s: %v", what, err)
}

// validName checks what the kernel would refuse less clearly.
func validName(name string) error {
	if name == "" || len(name) >= unix.IFNAMSIZ || name == "." || name == ".." {
		return portErr(name, unix.EINVAL, "not a device name: want 1 to %d bytes", unix.IFNAMSIZ-1)
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; c <= ' ' || c == '/' || c == ':' || c == '%' || c == 0x7f {
			return portErr(name, unix.EINVAL, "not a device name: %q is not allowed in it", c)
		}
	}
	return nil
}
