package kernelpath

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapShared maps the value of the map fd.
func mapShared(fd int) (*shared, []byte, error) {
	mem, err := unix.Mmap(fd, 0, int(unsafe.Sizeof(shared{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return (*shared)(unsafe.Pointer(unsafe.SliceData(mem))), mem, nil
}
