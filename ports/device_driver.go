package ports

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Driver is what drives a network device, as ethtool -i shows it.
type Driver struct{ Name, Version, Firmware string }

// DriverOf asks for the driver of a device of this thread's network namespace. Errors:
// there is no such device, or it has nothing to say.
func DriverOf(name string) (Driver, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return Driver{}, fmt.Errorf("driver of %s: %w", name, err)
	}
	defer unix.Close(fd)
	return driverOf(fd, name)
}

// driverOf asks by a socket of the device's namespace.
func driverOf(fd int, name string) (Driver, error) {
	info, err := unix.IoctlGetEthtoolDrvinfo(fd, name)
	if err != nil {
		return Driver{}, fmt.Errorf("driver of %s: %w", name, err)
	}
	return Driver{unix.ByteSliceToString(info.Driver[:]), unix.ByteSliceToString(info.Version[:]), unix.ByteSliceToString(info.Fw_version[:])}, nil
}
