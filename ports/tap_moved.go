package ports

import (
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Relocate looks where the port's device is now. It says false when the device is
// gone for good. One that somebody has renamed or moved to another network
// namespace ("ip link set NAME netns OTHER") is still the port's: frames go on, its
// state can be read where the process may enter that namespace, and it counts as up,
// since nobody tells of changes there.
func (p *Tap) Relocate() (alive bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return false
	}
	defer p.leaveKernelPath()
	name, err := tunName(p.fd)
	if err != nil {
		return false // EBADFD: the descriptor has no device any more
	}
	d := p.dev
	there, err := unix.IoctlRetInt(p.fd, unix.TUNGETDEVNETNS)
	if err != nil {
		// Not permitted, or Linux before 5.2: if it is here, it has its index.
		d.moveTo(nil, d.homeIndex, !d.has(d.homeIndex, name))
		return true
	}
	defer func() { _ = unix.Close(there) }() // a read-only descriptor: nothing can be lost
	if d.isHome(there) {
		if l, err := d.nl.LinkByName(name); err == nil {
			d.homeIndex = l.Attrs().Index
		}
		d.moveTo(nil, d.homeIndex, false)
		return true
	}
	nl, err := netlink.NewHandleAt(netns.NsHandle(there), unix.NETLINK_ROUTE)
	if err != nil {
		d.moveTo(nil, d.homeIndex, true)
		return true
	}
	l, err := nl.LinkByName(name)
	if err != nil { // on its way somewhere else again
		nl.Close()
		d.moveTo(nil, d.homeIndex, true)
		return true
	}
	d.moveTo(nl, l.Attrs().Index, true)
	return true
}

// Away says whether the device has left the network namespace that it was opened
// in, as Relocate last found it.
func (p *Tap) Away() bool {
	p.dev.mu.Lock()
	defer p.dev.mu.Unlock()
	return p.dev.away
}

// Renamed says whether the device has another name than the port's. One that is gone has
// none.
func (p *Tap) Renamed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return false
	}
	name, err := tunName(p.fd)
	return err == nil && name != p.dev.name
}

// tunName is the present name of the descriptor's device.
func tunName(fd int) (string, error) {
	ifr, err := unix.NewIfreq("x") // the kernel fills in the name
	if err != nil {
		return "", err
	}
	if err := unix.IoctlIfreq(fd, unix.TUNGETIFF, ifr); err != nil {
		return "", err
	}
	return ifr.Name(), nil
}

// isHome says whether ns is the network namespace that the device was opened in.
func (d *device) isHome(ns int) bool {
	home, errHome := namespaceOf(d.ctl)
	is, errIs := namespaceAt(ns)
	return errHome == nil && errIs == nil && home == is
}

// has says whether the device with this index, at home, has this name.
func (d *device) has(ifindex int, name string) bool {
	l, err := d.nl.LinkByIndex(ifindex)
	return err == nil && l.Attrs().Name == name
}

// moveTo notes where the device is: its index there and, if it is not at home, the
// handle of that namespace, nil where that cannot be had.
func (d *device) moveTo(nl *netlink.Handle, ifindex int, away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.awayNL != nil {
		d.awayNL.Close()
	}
	d.roamed = d.roamed || away || ifindex != d.ifindex
	d.awayNL, d.ifindex, d.away = nl, ifindex, away
}
