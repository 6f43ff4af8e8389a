package ports

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/songgao/water"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ofswitch/ports/kernelpath"
)

// Values of options:io for TAP devices.
const (
	IOAuto  = "auto"  // with the virtio-net header: checksums and segmentation are left to whom it concerns
	IOPlain = "plain" // without: the kernel does both before the switch sees a frame
)

// IOTap is what IOAuto comes to: see IOChoice.
const IOTap = "tap"

const tunDevice = "/dev/net/tun"

// MaxTapQueues bounds TapOptions.Queues.
const MaxTapQueues = 64

// TapOptions are the choices for a TAP port.
type TapOptions struct {
	MAC net.HardwareAddr // nil: as the kernel chooses, or as it is
	MTU int              // 0: 1500, or as it is
	IO  string           // IOAuto (also ""), IOPlain
	// Queues are how many receive queues the device is to have, up to MaxTapQueues; 0: one.
	// A device that exists must have been made for several ("ip tuntap add ... multi_queue").
	// With IOPlain there is one only.
	Queues int
	// NoCoalesce has frames sent one by one, and none put together to GSO packets.
	NoCoalesce bool
	// Down leaves a new device administratively down. An existing device is
	// never brought up or down.
	Down bool
	// Logger gets one line when the kernel refuses offloads; nil: slog's default.
	Logger *slog.Logger
	// Provider opens descriptors; nil: from the kernel.
	Provider Provider
	// KernelPath is the kernel's flow table, if the kernel may forward frames of the port
	// by itself; nil: it may not.
	KernelPath *kernelpath.Table
}

// OpenInternal makes a TAP device, in the network namespace of the calling
// thread. It disappears on Close and when the process ends.
func OpenInternal(name string, o TapOptions) (Port, error) { return openTap(name, o, "internal") }

// OpenTap attaches to an existing persistent TAP device, which stays after
// Close.
func OpenTap(name string, o TapOptions) (Port, error) { return openTap(name, o, "tap") }

func openTap(name string, o TapOptions, typ string) (Port, error) {
	if err := validName(name); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if err := CheckTapIO(o.IO, o.Queues); err != nil {
		return nil, portErr(name, unix.EINVAL, "%s", err)
	}
	o.IO = cmp.Or(o.IO, IOAuto)
	o.Queues = max(o.Queues, 1)
	p := &Tap{typ: typ, created: typ == "internal"}
	multi, err := o.Queues > 1, error(nil)
	if !p.created {
		if multi, err = checkTapName(name, false); err != nil {
			return nil, err
		}
		if !multi && o.Queues > 1 {
			return nil, portErr(name, ErrNotSupported, "the device has one queue: make it with 'ip tuntap add dev %s mode tap multi_queue', or leave n_rxq out", name)
		}
	}
	p.io = IOChoice{IO: IOPlain, Why: "as configured"}
	if o.IO == IOAuto {
		err = p.openAuto(name, o, multi)
		if p.created && errors.Is(err, ErrBusy) { // the name: looked at only now, since it costs as much as the rest
			if _, why := checkTapName(name, true); why != nil {
				err = why
			}
		}
		var refused *refusedError
		if errors.As(err, &refused) {
			o.Logger.Warn("the kernel gives this TAP no offloads: frames are checksummed and segmented one by one", "port", name, "reason", refused.err)
			o.IO, err = IOPlain, nil
			p.io.Why = "the kernel gives no offloads: " + inOneLine(refused.err)
		}
		if err != nil {
			return nil, err
		}
	}
	if o.IO == IOPlain {
		if p.created { // the library takes what is there
			if _, err := checkTapName(name, true); err != nil {
				return nil, err
			}
		}
		if err := p.openPlain(name, multi); err != nil {
			return nil, err
		}
	}
	if o.IO == IOAuto {
		p.io = IOChoice{IO: IOTap, Why: fmt.Sprintf("with offloads, receive queues: %d", len(p.queues))}
	}
	p.fd = p.queues[0].fd
	if err := p.configure(name, o); err != nil {
		return nil, errors.Join(err, p.closeQueues())
	}
	return p, nil
}

// checkTapName looks what stands under the name, so that a wrong one gets a
// better answer than TUNSETIFF's. multi: an existing device wants the
// multi-queue flag.
func checkTapName(name string, create bool) (multi bool, err error) {
	d, l, err := openDevice(name)
	if errors.Is(err, ErrNotExist) {
		if create {
			return false, nil
		}
		return false, portErr(name, fmt.Errorf("%w: %w", ErrNotExist, unix.ENODEV),
			"no such TAP device: make it with 'ip tuntap add dev %s mode tap', or use type=internal", name)
	}
	if err != nil {
		return false, err
	}
	if err := d.close(); err != nil {
		return false, portErr(name, err, "closing: %v", err)
	}
	t, isTun := l.(*netlink.Tuntap)
	switch {
	case !isTun || t.Mode != netlink.TUNTAP_MODE_TAP:
		hint := "choose another name"
		if !create {
			hint = "add it with type=system"
		}
		return false, portErr(name, ErrNotSupported, "a device of this name exists and is no TAP (%s): %s", l.Type(), hint)
	case create && t.NonPersist:
		return false, portErr(name, ErrBusy, "a TAP of this name is held by another process: end that, or choose another name")
	case create:
		return false, portErr(name, ErrBusy, "a TAP of this name exists: remove it with 'ip tuntap del dev %s mode tap', or use type=tap", name)
	}
	return t.Flags&netlink.TUNTAP_MULTI_QUEUE != 0, nil
}

// refusedError: the kernel has TAP devices but not with the virtio-net header.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }

// openAuto opens the TAP's queues with the virtio-net header.
func (p *Tap) openAuto(name string, o TapOptions, multi bool) error {
	for i := range o.Queues {
		if err := p.openQueue(name, i, o, multi); err != nil {
			err = errors.Join(err, p.closeQueues())
			p.queues = nil
			return err
		}
	}
	return nil
}

func (p *Tap) openQueue(name string, id int, o TapOptions, multi bool) error {
	fd, inherited, err := descriptor(o.Provider, fmt.Sprintf("tap/%s/%d", name, id), func() (int, error) {
		return unix.Open(tunDevice, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return tunErr(name, err)
	}
	if !inherited {
		flags := uint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		if p.created && id == 0 {
			flags |= unix.IFF_TUN_EXCL
		}
		if multi {
			flags |= unix.IFF_MULTI_QUEUE
		}
		if err := tunSetIff(fd, name, flags); err != nil {
			if errors.Is(err, unix.EINVAL) {
				return closing(fd, &refusedError{fmt.Errorf("TUNSETIFF with IFF_VNET_HDR: %w", err)})
			}
			return closing(fd, tunErr(name, err))
		}
		if err := unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, vnetLen); err != nil {
			return closing(fd, &refusedError{fmt.Errorf("TUNSETVNETHDRSZ: %w", err)})
		}
	}
	offloads, err := tunOffloads(fd)
	if err != nil {
		return closing(fd, &refusedError{err})
	}
	p.queues, p.vnet = append(p.queues, &tapRx{Tap: p, fd: fd}), true
	// What the switch may write does not depend on what it asked to read, but
	// the same kernels know both.
	p.caps = Caps{Csum: true, GSOTCPv4: true, GSOTCPv6: true, GSOUDPL4: offloads&unix.TUN_F_USO4 != 0, Coalesce: !o.NoCoalesce}
	return nil
}

func tunSetIff(fd int, name string, flags uint16) error {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	ifr.SetUint16(flags)
	return unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
}

// tunOffloads asks for all that the switch can carry, then for less: USO came
// with Linux 6.2.
func tunOffloads(fd int) (uint, error) {
	var err error
	const tso = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6
	for _, f := range []uint{
		tso | unix.TUN_F_TSO_ECN | unix.TUN_F_USO4 | unix.TUN_F_USO6,
		tso | unix.TUN_F_TSO_ECN,
		tso,
		unix.TUN_F_CSUM,
	} {
		if err = unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, int(f)); err == nil {
			return f, nil
		}
	}
	return 0, fmt.Errorf("TUNSETOFFLOAD: %w", err)
}

// openPlain opens the TAP through the water library, without the header.
func (p *Tap) openPlain(name string, multi bool) error {
	// The library leaves its descriptor open when the kernel refuses: look
	// first.
	if !haveCap(unix.CAP_NET_ADMIN) {
		return tunErr(name, unix.EPERM)
	}
	if err := unix.Access(tunDevice, unix.R_OK|unix.W_OK); err != nil {
		return tunErr(name, err)
	}
	c := water.Config{DeviceType: water.TAP}
	c.Name, c.MultiQueue = name, multi
	c.Persist = !p.created // it sets the flag as given: an existing device keeps it
	w, err := water.New(c)
	if err != nil {
		return tunErr(name, err)
	}
	f, ok := w.ReadWriteCloser.(*os.File)
	if !ok {
		return errors.Join(portErr(name, ErrNotSupported, "plain TAP: not a file but %T", w.ReadWriteCloser), w.Close())
	}
	// Fd() would make the descriptor blocking; SyscallConn leaves it alone.
	// The number is good for as long as the file is kept.
	conn, err := f.SyscallConn()
	if err == nil {
		err = conn.Control(func(fd uintptr) {
			unix.CloseOnExec(int(fd)) // a child that held it would keep the device alive
			p.queues = []*tapRx{{Tap: p, fd: int(fd)}}
		})
	}
	if err != nil {
		return errors.Join(portErr(name, err, "plain TAP: %v", err), f.Close())
	}
	p.file, p.vnet, p.caps = f, false, Caps{}
	return nil
}

// configure sets what the options ask for and takes the receive memory.
func (p *Tap) configure(name string, o TapOptions) error {
	dev, link, err := openDevice(name)
	if err != nil {
		return err
	}
	fail := func(what string, err error) error {
		return errors.Join(sysErr(name, what, err, "CAP_NET_ADMIN"), p.closeKernelPath(), dev.close())
	}
	if o.MAC != nil {
		if err := dev.setMAC(o.MAC); err != nil {
			return errors.Join(err, dev.close())
		}
	}
	if o.MTU != 0 && o.MTU != link.Attrs().MTU {
		if err := dev.setMTU(o.MTU); err != nil {
			return errors.Join(err, dev.close())
		}
	}
	p.dev = dev
	if s := link.Attrs().Statistics; s != nil {
		p.base, p.last = s.TxDropped, s.TxDropped
	}
	p.openKernelPath(dev, o)
	if p.created && !o.Down {
		if err := dev.nl.LinkSetUp(link); err != nil {
			return fail("bringing the device up", err)
		}
	}
	for _, q := range p.queues {
		if q.arena, err = getArena(); err != nil {
			return fail("receive memory", err)
		}
	}
	return nil
}

// tunErr explains a refusal by /dev/net/tun.
func tunErr(name string, err error) error {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return portErr(name, fmt.Errorf("%w: %w", ErrNotSupported, err),
			"no %s: load the module ('modprobe tun'), or give the container the device ('--device %[1]s')", tunDevice)
	case errors.Is(err, unix.EBUSY):
		return portErr(name, fmt.Errorf("%w: %w", ErrBusy, err), "the TAP is held by another process: end that, or choose another name")
	case errors.Is(err, unix.EINVAL):
		return portErr(name, fmt.Errorf("%w: %w", ErrNotSupported, err), "the kernel refuses a TAP of this name: %v", err)
	case (errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)) && haveCap(unix.CAP_NET_ADMIN):
		return portErr(name, fmt.Errorf("%w: %w", ErrPermission, err),
			"%s may not be opened by this user: 'chmod 666 %[1]s' (the kernel asks for CAP_NET_ADMIN all the same), or give the container the device ('--device %[1]s')", tunDevice)
	}
	return sysErr(name, "opening the TAP", err, "CAP_NET_ADMIN and "+tunDevice)
}

// haveCap says whether the thread has a capability in effect.
func haveCap(c int) bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return true // let the kernel say
	}
	return data[c/32].Effective&(1<<(c%32)) != 0
}
