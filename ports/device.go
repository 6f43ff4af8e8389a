package ports

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// device is a kernel device as seen through netlink sockets of the network
// namespace in which it was opened, whatever thread asks later.
type device struct {
	name      string
	homeIndex int             // its index when it was last seen at home
	nl        *netlink.Handle // at home
	ctl       int             // socket for routing, at home: for ethtool and counters
	ethtool   bool
	counted   *netlink.LinkStatistics // when it was opened; nil: it counts nothing

	mu      sync.Mutex // guards the rest
	ifindex int        // where it is
	// away: it has been moved to another network namespace, where awayNL is if the
	// process may enter it.
	away   bool
	awayNL *netlink.Handle
	roamed bool   // it has been away, or has got another index
	last   Status // when it was last read
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
	ctl, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		nl.Close()
		return nil, nil, sysErr(name, "control socket", err, "")
	}
	return &device{
		name: name, ifindex: link.Attrs().Index, homeIndex: link.Attrs().Index,
		nl: nl, ctl: ctl, counted: link.Attrs().Statistics,
	}, link, nil
}

func linkErr(name string, err error) error {
	var absent netlink.LinkNotFoundError
	if errors.As(err, &absent) {
		return portErr(name, fmt.Errorf("%w: %w", ErrNotExist, unix.ENODEV), "no such network device (see 'ip link'); the port comes up when it appears")
	}
	return sysErr(name, "reading the device", err, "CAP_NET_ADMIN")
}

func (d *device) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.nl.Close()
	if d.awayNL != nil {
		d.awayNL.Close()
		d.awayNL = nil
	}
	return unix.Close(d.ctl)
}

// handle is the netlink handle that reaches the device, and the device's index
// there.
func (d *device) handle() (*netlink.Handle, int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !d.away:
		return d.nl, d.ifindex, nil
	case d.awayNL == nil:
		return nil, 0, portErr(d.name, ErrPermission, "the device is in another network namespace, which takes CAP_SYS_ADMIN to enter")
	}
	return d.awayNL, d.ifindex, nil
}

// link reads the device by its index; a device that was renamed is still ours.
func (d *device) link() (netlink.Link, error) {
	nl, ifindex, err := d.handle()
	if err != nil {
		return nil, err
	}
	l, err := nl.LinkByIndex(ifindex)
	if err != nil {
		return nil, linkErr(d.name, err)
	}
	return l, nil
}

// status is the device's state; a device that is gone is down in every sense. One
// in another network namespace counts as up.
func (d *device) status() Status {
	l, err := d.link()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil:
		d.last = statusOf(l.Attrs())
		if d.ethtool {
			d.last.SpeedMbps, d.last.Duplex = ethtoolSpeed(d.ctl, l.Attrs().Name)
		}
	case !d.away:
		return Status{Ifindex: d.ifindex}
	}
	return d.lastLocked()
}

// lastStatus is what status last said.
func (d *device) lastStatus() Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lastLocked()
}

func (d *device) lastLocked() Status {
	s := d.last
	if d.away {
		s.AdminUp, s.LinkUp = true, true
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

// addDriverStats fills in what the device's driver has counted since it was opened, now
// being what statistics says. A device that is gone, or has no such counters, leaves them
// Uncounted.
func (d *device) addDriverStats(s *Stats, now *netlink.LinkStatistics) {
	base := d.counted
	if now == nil || base == nil {
		return
	}
	s.RxFrameErr = now.RxFrameErrors - base.RxFrameErrors
	s.RxOverErr = now.RxOverErrors - base.RxOverErrors
	s.RxCRCErr = now.RxCrcErrors - base.RxCrcErrors
	s.Collisions = now.Collisions - base.Collisions
}

func (d *device) setAdmin(up bool) error {
	return d.change(fmt.Sprintf("setting the device up=%v", up), func(nl *netlink.Handle, l netlink.Link) error {
		if up {
			return nl.LinkSetUp(l)
		}
		return nl.LinkSetDown(l)
	})
}

func (d *device) setMAC(mac net.HardwareAddr) error {
	return d.change("setting the MAC address "+mac.String(), func(nl *netlink.Handle, l netlink.Link) error {
		return nl.LinkSetHardwareAddr(l, mac)
	})
}

func (d *device) setMTU(mtu int) error {
	return d.change(fmt.Sprintf("setting the MTU %d", mtu), func(nl *netlink.Handle, l netlink.Link) error {
		return nl.LinkSetMTU(l, mtu)
	})
}

// change has fn change the device, wherever it is; what says what is done.
func (d *device) change(what string, fn func(*netlink.Handle, netlink.Link) error) error {
	nl, ifindex, err := d.handle()
	if err != nil {
		return err
	}
	l := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: d.name, Index: ifindex}}
	if err := fn(nl, l); err != nil {
		return sysErr(d.name, what, err, "CAP_NET_ADMIN")
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
