package ports

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From linux/if_xdp.h, and not in x/sys.
const (
	xdpRingNeedWakeup = unix.XDP_RING_NEED_WAKEUP
	xdpMaxTxSkbBudget = 9 // XDP_MAX_TX_SKB_BUDGET, Linux 6.17
)

// registerUmem makes mem the umem of an AF_XDP socket. The kernel pins its
// pages. ENOBUFS: RLIMIT_MEMLOCK.
func registerUmem(fd int, mem []byte) error {
	reg := unix.XDPUmemReg{Addr: uint64(uintptr(unsafe.Pointer(&mem[0]))), Len: uint64(len(mem)), Size: umemSlot}
	_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_XDP, unix.XDP_UMEM_REG, uintptr(unsafe.Pointer(&reg)), unsafe.Sizeof(reg), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// xdpOption reads an option of an AF_XDP socket into *v.
func xdpOption[T any](fd, opt int, v *T) error {
	n := uint32(unsafe.Sizeof(*v))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_XDP, uintptr(opt), uintptr(unsafe.Pointer(v)), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// mapRing maps a ring of an AF_XDP socket that has been given its size, and its entries:
// unix.XDPDesc of the receive and the transmit ring, uint64 of the other two.
func mapRing[T any](fd int, page int64, o unix.XDPRingOffset, name string) (r xdpRing, entries []T, err error) {
	var entry T
	mem, err := unix.Mmap(fd, page, int(o.Desc)+xdpEntries*int(unsafe.Sizeof(entry)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return r, nil, fmt.Errorf("%s ring: %w", name, err)
	}
	word := func(at uint64) *uint32 { return (*uint32)(unsafe.Pointer(&mem[at])) }
	r = xdpRing{mem: mem, producer: word(o.Producer), consumer: word(o.Consumer), flags: word(o.Flags), mask: xdpEntries - 1}
	return r, unsafe.Slice((*T)(unsafe.Pointer(&mem[o.Desc])), xdpEntries), nil
}

// xdpSend has the kernel send what is in the transmit ring.
func xdpSend(fd int) unix.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), 0, 0, unix.MSG_DONTWAIT, 0, 0)
	return errno
}

// xdpWakeRx has the driver look into the fill ring.
func xdpWakeRx(fd int) unix.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), 0, 0, unix.MSG_DONTWAIT, 0, 0)
	return errno
}

// ethtoolChannelCounts is struct ethtool_channels.
type ethtoolChannelCounts struct {
	cmd                                uint32
	maxRx, maxTx, maxOther, maxCombind uint32
	rx, tx, other, combined            uint32
}

// ethtoolChannels are the numbers of queues that a device uses; false: its
// driver does not say.
func ethtoolChannels(fd int, name string) (rx, tx int, ok bool) {
	c := ethtoolChannelCounts{cmd: unix.ETHTOOL_GCHANNELS}
	if ethtool(fd, name, unsafe.Pointer(&c)) != 0 {
		return 0, 0, false
	}
	rx, tx = int(c.rx+c.combined), int(c.tx+c.combined)
	return rx, tx, rx > 0 && tx > 0
}
