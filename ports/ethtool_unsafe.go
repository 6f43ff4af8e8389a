package ports

import (
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ifreqPtr is struct ifreq with its data pointer.
type ifreqPtr struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [40 - unix.IFNAMSIZ - unsafe.Sizeof(uintptr(0))]byte
}

func ethtool(fd int, name string, data unsafe.Pointer) unix.Errno {
	var r ifreqPtr
	copy(r.name[:unix.IFNAMSIZ-1], name)
	r.data = data
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&r)))
	return errno
}

// ethtoolCmd is struct ethtool_cmd of ETHTOOL_GSET.
type ethtoolCmd struct {
	cmd, supported, advertising  uint32
	speed                        uint16
	duplex, port, phy, transceiv uint8
	autoneg, mdio                uint8
	maxTx, maxRx                 uint32
	speedHi                      uint16
	mdix, mdixCtrl               uint8
	lpAdvertising                uint32
	_                            [2]uint32
}

// ethtoolSpeed is the link's present speed and duplex; 0 and "" when the
// device does not say.
func ethtoolSpeed(fd int, name string) (mbps uint64, duplex string) {
	c := ethtoolCmd{cmd: unix.ETHTOOL_GSET}
	if ethtool(fd, name, unsafe.Pointer(&c)) != 0 {
		return 0, ""
	}
	switch c.duplex {
	case 0:
		duplex = "half"
	case 1:
		duplex = "full"
	}
	if s := uint32(c.speedHi)<<16 | uint32(c.speed); s != 0xffffffff && s != 0xffff {
		mbps = uint64(s)
	}
	return mbps, duplex
}

const (
	ethSSFeatures  = 4
	ethGStringLen  = 32
	maxEthFeatures = 512
)

// ethtoolFeatureNames are the names of a device's features by bit, as ethtool -k
// knows them. Empty when they cannot be read.
func ethtoolFeatureNames(fd int, name string) (names []string) {
	var info struct {
		cmd, reserved uint32
		mask          uint64
		n             uint32
		_             uint32
	}
	info.cmd, info.mask = unix.ETHTOOL_GSSET_INFO, 1<<ethSSFeatures
	if ethtool(fd, name, unsafe.Pointer(&info)) != 0 || info.n == 0 || info.n > maxEthFeatures {
		return nil
	}
	strs := make([]byte, 12+int(info.n)*ethGStringLen)
	native.PutUint32(strs, unix.ETHTOOL_GSTRINGS)
	native.PutUint32(strs[4:], ethSSFeatures)
	native.PutUint32(strs[8:], info.n)
	if ethtool(fd, name, unsafe.Pointer(&strs[0])) != 0 {
		return nil
	}
	for i := range int(info.n) {
		s := string(strs[12+i*ethGStringLen : 12+(i+1)*ethGStringLen])
		names = append(names, s[:strings.IndexByte(s+"\x00", 0)])
	}
	return names
}

// ethtoolFeatures is the set of the device's active features, by the names
// that ethtool -k knows ("tx-tcp-segmentation"). Empty when it cannot be read.
func ethtoolFeatures(fd int, name string) map[string]bool {
	names := ethtoolFeatureNames(fd, name)
	blocks := (len(names) + 31) / 32
	vals := make([]byte, 8+blocks*16) // available, requested, active, never_changed
	native.PutUint32(vals, unix.ETHTOOL_GFEATURES)
	native.PutUint32(vals[4:], uint32(blocks))
	if len(names) == 0 || ethtool(fd, name, unsafe.Pointer(&vals[0])) != 0 {
		return nil
	}
	set := make(map[string]bool)
	for i, s := range names {
		if native.Uint32(vals[8+i/32*16+8:])&(1<<(i%32)) != 0 {
			set[s] = true
		}
	}
	return set
}

// ethtoolSetFeatures turns features of a device on or off. The driver may refuse
// some in silence: ask ethtoolFeatures.
func ethtoolSetFeatures(fd int, name string, on bool, features ...string) unix.Errno {
	names := ethtoolFeatureNames(fd, name)
	blocks := (len(names) + 31) / 32
	vals := make([]byte, 8+blocks*8) // valid, requested
	native.PutUint32(vals, unix.ETHTOOL_SFEATURES)
	native.PutUint32(vals[4:], uint32(blocks))
	for i, s := range names {
		if !slices.Contains(features, s) {
			continue
		}
		at, bit := 8+i/32*8, uint32(1)<<(i%32)
		native.PutUint32(vals[at:], native.Uint32(vals[at:])|bit)
		if on {
			native.PutUint32(vals[at+4:], native.Uint32(vals[at+4:])|bit)
		}
	}
	return ethtool(fd, name, unsafe.Pointer(&vals[0]))
}
