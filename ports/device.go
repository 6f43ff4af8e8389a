package ports

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// device is a kernel device as seen through netlink sockets of the network
// namespace in which it was opened, whatever thread asks later.
type device struct {
	name    string
	ifindex int
	nl      *netlink.Handle
	ctl     int // datagram socket for ethtool
	ethtool bool
	counted *netlink.LinkStatistics // when it was opened; nil: it counts nothing
}

func openDevice(name string) (*device, netlink.Link, error) {
	if err := validName(name); err != nil {
		return nil, nil, err
	}
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, nil, sysErr(name, "netlink socket", err, "CAP_NET_ADMIN")
	}
	link, err := nl.LinkByName(name)
	if err != nil {
		nl.Close()
		return nil, nil, linkErr(name, err)
	}
	ctl, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		// A kernel without IPv4: any socket does for ethtool.
		ctl, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	}
	if err != nil {
		nl.Close()
		return nil, nil, sysErr(name, "control socket", err, "")
	}
	return &device{name: name, ifindex: link.Attrs().Index, nl: nl, ctl: ctl, counted: link.Attrs().Statistics}, link, nil
}

func linkErr(name string, err error) error {
	var absent netlink.LinkNotFoundError
	if errors.As(err, &absent) {
		return portErr(name, fmt.Errorf("%w: %w", ErrNotExist, unix.ENODEV), "no such network device (see 'ip link'); the port comes up when it appears")
	}
	return sysErr(name, "reading the device", err, "CAP_NET_ADMIN")
}

func (d *device) close() error {
	d.nl.Close()
	return unix.Close(d.ctl)
}

// link reads the device by its index; a device that was renamed is still ours.
func (d *device) link() (netlink.Link, error) {
	l, err := d.nl.LinkByIndex(d.ifindex)
	if err != nil {
		return nil, linkErr(d.name, err)
	}
	return l, nil
}

// status is the device's state; a device that is gone is down in every sense.
func (d *device) status() Status {
	l, err := d.link()
	if err != nil {
		return Status{Ifindex: d.ifindex}
	}
	s := statusOf(l.Attrs())
	if d.ethtool {
		s.SpeedMbps, s.Duplex = ethtoolSpeed(d.ctl, l.Attrs().Name)
	}
	return s
}

func statusOf(a *netlink.LinkAttrs) Status {
	return Status{
		Ifindex: a.Index,
		MAC:     append(net.HardwareAddr(nil), a.HardwareAddr...),
		MTU:     a.MTU,
		AdminUp: a.RawFlags&unix.IFF_UP != 0,
		LinkUp:  a.RawFlags&unix.IFF_RUNNING != 0,
	}
}

// addDriverStats fills in what the device's driver has counted since it was opened. A
// device that is gone, or has no such counters, leaves them Uncounted.
func (d *device) addDriverStats(s *Stats) {
	l, err := d.link()
	if err != nil || l.Attrs().Statistics == nil || d.counted == nil {
		return
	}
	now, base := l.Attrs().Statistics, d.counted
	s.RxFrameErr = now.RxFrameErrors - base.RxFrameErrors
	s.RxOverErr = now.RxOverErrors - base.RxOverErrors
	s.RxCRCErr = now.RxCrcErrors - base.RxCrcErrors
	s.Collisions = now.Collisions - base.Collisions
}

func (d *device) setAdmin(up bool) error {
	l, err := d.link()
	if err != nil {
		return err
	}
	if up {
		err = d.nl.LinkSetUp(l)
	} else {
		err = d.nl.LinkSetDown(l)
	}
	if err != nil {
		return sysErr(d.name, fmt.Sprintf("setting the device up=%v", up), err, "CAP_NET_ADMIN")
	}
	return nil
}

// checkEthernet refuses what does not carry Ethernet frames.
func checkEthernet(name string, l netlink.Link) error {
	a := l.Attrs()
	if a.EncapType == "ether" && len(a.HardwareAddr) == 6 && a.RawFlags&unix.IFF_LOOPBACK == 0 {
		return nil
	}
	kind := a.EncapType
	if a.RawFlags&unix.IFF_LOOPBACK != 0 {
		kind = "the loopback device"
	}
	return portErr(name, ErrNotSupported, "not an Ethernet device (%s): give a physical device, a veth or a TAP", kind)
}
