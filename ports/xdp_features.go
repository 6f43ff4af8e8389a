package ports

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// xdpFeatures is what a driver can do with XDP (enum netdev_xdp_act).
type xdpFeatures uint64

const (
	xdpBasic    xdpFeatures = 1 << 0 // NETDEV_XDP_ACT_BASIC
	xdpRedirect xdpFeatures = 1 << 1 // NETDEV_XDP_ACT_REDIRECT
	xdpZeroCopy xdpFeatures = 1 << 3 // NETDEV_XDP_ACT_XSK_ZEROCOPY
)

// native says whether a program in the driver can redirect frames to sockets.
func (f xdpFeatures) native() bool { return f&xdpBasic != 0 && f&xdpRedirect != 0 }

// Numbers of the generic netlink family "netdev" (linux/netdev.h).
const (
	netdevCmdDevGet     = 1
	netdevAttrIfindex   = 1
	netdevAttrFeatures  = 3
	genlHeader          = 4 // struct genlmsghdr: command, version, reserved
	genlVersion         = 1
	netdevFeaturesBytes = 8
)

// readXDPFeatures asks the kernel about a device of this thread's network
// namespace. Errors: kernels before 6.3 do not tell.
func readXDPFeatures(ifindex int) (f xdpFeatures, err error) {
	c, err := netlink.Dial(unix.NETLINK_GENERIC, nil)
	if err != nil {
		return 0, fmt.Errorf("generic netlink: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	family, err := genl(c, unix.GENL_ID_CTRL, unix.CTRL_CMD_GETFAMILY, netlink.Attribute{Type: unix.CTRL_ATTR_FAMILY_NAME, Data: []byte("netdev\x00")}, unix.CTRL_ATTR_FAMILY_ID)
	if err != nil || len(family) < 2 {
		return 0, errors.Join(errors.New("the kernel does not tell what drivers can do with XDP (Linux 6.3 does)"), err)
	}
	index := binary.NativeEndian.AppendUint32(nil, uint32(ifindex))
	v, err := genl(c, binary.NativeEndian.Uint16(family), netdevCmdDevGet, netlink.Attribute{Type: netdevAttrIfindex, Data: index}, netdevAttrFeatures)
	if err != nil {
		return 0, fmt.Errorf("XDP features: %w", err)
	}
	if len(v) < netdevFeaturesBytes {
		return 0, fmt.Errorf("XDP features: %d bytes, want %d", len(v), netdevFeaturesBytes)
	}
	return xdpFeatures(binary.NativeEndian.Uint64(v)), nil
}

// genl sends a command of a generic netlink family with one attribute, and
// returns an attribute of the answer; nil: it has none.
func genl(c *netlink.Conn, family uint16, command byte, attr netlink.Attribute, want uint16) ([]byte, error) {
	data, err := netlink.MarshalAttributes([]netlink.Attribute{attr})
	if err != nil {
		return nil, err
	}
	answer, err := c.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(family), Flags: netlink.Request | netlink.Acknowledge},
		Data:   append([]byte{command, genlVersion, 0, 0}, data...),
	})
	if err != nil {
		return nil, err
	}
	for _, m := range answer {
		if len(m.Data) < genlHeader {
			continue
		}
		attrs, err := netlink.UnmarshalAttributes(m.Data[genlHeader:])
		if err != nil {
			return nil, err
		}
		for _, a := range attrs {
			if a.Type == want {
				return a.Data, nil
			}
		}
	}
	return nil, nil
}
