package ports

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ofswitch/ports/isolate"
	"ofswitch/ports/kernelpath"
)

// Default socket buffers of a system port, in bytes. The kernel doubles them
// and counts its own bookkeeping against them: about 20,000 small frames, or
// 200 GSO packets, each way.
const (
	DefaultRcvBuf = 8 << 20
	DefaultSndBuf = 8 << 20
)

// SystemOptions are the choices for a system port. The zero value is right for
// most.
type SystemOptions struct {
	// Isolation is how the host's stack is kept out. Empty: auto, and a device
	// with the default route is refused; any explicit mode takes it.
	Isolation isolate.Mode
	// IO is how frames are moved: IOAuto (also if empty), IOAFPacket or IOAFXDP.
	// Where AF_XDP cannot be had the port goes on with AF_PACKET, and says so.
	IO string
	// XDPMode is where AF_XDP takes frames from; empty: XDPBestEffort.
	XDPMode XDPMode
	// QdiscBypass sends past the device's queueing discipline: 5 to 15 %
	// faster, but hidden from tcpdump and from tc's shaping.
	QdiscBypass bool
	// Queues are how many receive queues the port is to have with AF_PACKET, up to
	// MaxSystemQueues; 0: one. All frames of a flow go to the same.
	Queues int
	// RxDesc is how many frames a receive ring should hold; 0: as many as the
	// bound on the memory of all rings allows, 1,250 ordinary ones at most.
	RxDesc int
	// TxDesc is how many frames a transmit ring should hold, which each thread then
	// has from the start; 0: 78, and only once it has sent some frames.
	TxDesc int
	// NoRing has frames received by recvmmsg and sent by sendmmsg alone, as where
	// the kernel gives no packet ring.
	NoRing bool
	// NoCoalesce has frames sent one by one, and none put together to GSO packets.
	NoCoalesce bool
	// RcvBuf and SndBuf are socket buffer sizes in bytes; 0: the defaults.
	RcvBuf, SndBuf int
	// Up has a device that is down brought up, once it is isolated.
	Up bool
	// Changed is called when Isolation tells something else than it did, from another
	// goroutine. It must not wait for one that may be in Close.
	Changed func()
	// Bridge is the name used in hints to the user; empty: "BRIDGE".
	Bridge string
	// Logger gets one line where something is less than asked; nil: slog's default.
	Logger *slog.Logger
	// Provider opens descriptors; nil: from the kernel.
	Provider Provider
	// KernelPath is the kernel's flow table, if the kernel may forward frames of the port
	// by itself; nil: it may not.
	KernelPath *kernelpath.Table
}

// System is a network device attached by AF_PACKET or AF_XDP sockets.
type System struct {
	dev     *device
	opt     SystemOptions
	opened  Opened
	raised  bool       // by us
	raising chan error // one comes when the device is up; nil: none is to come
	iso     *isolate.Isolation
	rxs     []systemQueue
	claim   int    // see claim
	vlan    uint16 // of a VLAN device; else 0
	usoOK   bool
	mtu     atomic.Int32                   // of layer 3, as last seen
	bypass  struct{ tso4, tso6, uso bool } // what the device segments itself

	mu       sync.Mutex
	txs      []*systemTx
	closed   atomic.Bool
	io       IOChoice
	xdp      *xdpIO                          // nil: AF_PACKET
	kernel   atomic.Pointer[kernelpath.Port] // nil: the kernel forwards nothing by itself
	noKernel string                          // why, if something has failed
	// isolated: the host's stack is out, as far as it can be.
	isolated bool
	dropped  uint64 // PACKET_STATISTICS, summed: reading it clears it

	c counters
}

// OpenSystem attaches to the network device name, in the network namespace of
// the calling thread: a raw socket for reception, isolation from the host's
// stack, promiscuous mode. Errors are of type *PortError and wrap one of the
// package's sentinels where it fits.
func OpenSystem(name string, o SystemOptions) (Port, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.RcvBuf == 0 {
		o.RcvBuf = DefaultRcvBuf
	}
	if o.SndBuf == 0 {
		o.SndBuf = DefaultSndBuf
	}
	if _, err := isolate.ParseMode(string(o.Isolation)); err != nil {
		return nil, portErr(name, err, "%v", err)
	}
	if err := o.parseIO(); err != nil {
		return nil, portErr(name, err, "%v", err)
	}
	dev, link, err := openDevice(name)
	if err != nil {
		return nil, err
	}
	dev.ethtool = true
	p := &System{dev: dev, opt: o, usoOK: kernelAtLeast(6, 2), claim: -1}
	p.setMTU(link.Attrs().MTU)
	if v, ok := link.(*netlink.Vlan); ok {
		p.vlan = uint16(v.VlanId)
	}
	if err := p.open(link); err != nil {
		return nil, errors.Join(err, p.lower(), p.Close())
	}
	return p, nil
}

func (p *System) open(link netlink.Link) error {
	name, o := p.dev.name, p.opt
	if err := checkEthernet(name, link); err != nil {
		return err
	}
	if o.Isolation == "" {
		if err := p.dev.checkDefaultRoute(o.Bridge); err != nil {
			return err
		}
	}
	p.warnMaster(link)
	var err error
	if p.claim, _, err = descriptor(o.Provider, "system/"+name+"/claim", func() (int, error) { return claim(name, p.dev.ifindex) }); err != nil {
		return err
	}
	if o.QdiscBypass {
		f := ethtoolFeatures(p.dev.ctl, name)
		p.bypass.tso4, p.bypass.tso6, p.bypass.uso = f["tx-tcp-segmentation"], f["tx-tcp6-segmentation"], f["tx-udp-segmentation"]
	}
	p.prepare()
	if err := p.openXDP(link); err != nil || p.xdp != nil {
		return err
	}
	return p.openQueues(link.Attrs().MTU)
}

// warnMaster says when the kernel itself forwards the device's frames: each would
// go two ways, and loops are near.
func (p *System) warnMaster(link netlink.Link) {
	index := link.Attrs().MasterIndex
	if index == 0 {
		return
	}
	master, err := p.dev.nl.LinkByIndex(index)
	if err != nil {
		return // it has just left
	}
	switch kind := master.Type(); kind {
	case "bridge", "bond", "team", "openvswitch":
		p.opt.Logger.Warn("the device is a member of another switch, in the kernel: take it out there, or frames are lost or go round",
			"port", p.dev.name, "member of", master.Attrs().Name, "type", kind, "by hand", fmt.Sprintf("ip link set dev %s nomaster", p.dev.name))
	}
}

// isolate begins to keep the host's stack out, and to bring up a device that is to be: see
// isolateAndRaise.
func (p *System) isolate() error {
	if p.isolated {
		return nil
	}
	p.isolated = true
	// An attempt that fails may have come as far as that before.
	var once sync.Once
	silenced := func() {}
	if p.opt.Up && !p.opened.Status.AdminUp {
		p.raising = make(chan error, 1)
		silenced = func() { once.Do(func() { p.raising <- p.raise() }) }
	}
	name := p.dev.name
	iso, err := isolate.Start(p.dev.ifindex, name, p.opt.Isolation, silenced, p.isolatedOtherwise)
	switch {
	case err == nil:
		p.iso = iso
		p.warnMissing(iso)
		return nil
	case p.opt.Isolation == "" || p.opt.Isolation == isolate.Auto:
		// The switch works all the same, and says once what is missing.
		p.notIsolated(err)
		silenced()
		return nil
	}
	once.Do(func() { p.raising = nil })
	return portErr(name, errors.Join(ErrNotSupported, err), "stack-isolation=%s: %v; use auto, or off and these rules: %q", p.opt.Isolation, err, isolate.ManualRules(name))
}

// warnMissing says what isolation does not do.
func (p *System) warnMissing(iso *isolate.Isolation) {
	if iso.Missing() != "" {
		p.opt.Logger.Warn("the host's own frames still leave through the port: this kernel has no nftables egress hook (Linux 5.16)",
			"port", p.dev.name, "by hand", fmt.Sprintf("tc qdisc add dev %[1]s clsact; tc filter add dev %[1]s egress prio 1 handle %#[2]x fw action pass; tc filter add dev %[1]s egress prio 2 matchall action drop", p.dev.name, isolate.Mark))
	}
}

// notIsolated says that the host's stack is still in.
func (p *System) notIsolated(reason error) {
	p.opt.Logger.Warn("the host's stack is not kept out of the port: it answers frames that the switch forwards; set these rules by hand",
		"port", p.dev.name, "rules", isolate.ManualRules(p.dev.name), "reason", reason)
}

// Name is the device's name at the time it was opened.
func (p *System) Name() string { return p.dev.name }

// Type is "system".
func (p *System) Type() string { return "system" }

// RxQueues is the one queue, or as many as were asked for, or with AF_XDP one for
// each queue of the device.
func (p *System) RxQueues() []RxQueue {
	if p.xdp != nil {
		return p.xdp.rxQueues()
	}
	list := make([]RxQueue, len(p.rxs))
	for i, q := range p.rxs {
		list[i] = q
	}
	return list
}

// Status reads the device's present state by netlink and ethtool; that of a closed port is
// the one that was last read.
func (p *System) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return p.dev.lastStatus()
	}
	s := p.dev.status()
	if s.MTU != 0 {
		p.setMTU(s.MTU)
		if p.xdp != nil {
			p.xdp.mtu.Store(int32(s.MTU))
		}
	}
	return s
}

// SetAdmin sets or clears IFF_UP.
func (p *System) SetAdmin(up bool) error { return p.dev.setAdmin(up) }

// SetMTU changes the device's MTU, in bytes of layer 3.
func (p *System) SetMTU(mtu int) error { return p.dev.setMTU(mtu) }

// VLAN is the VLAN of a device that is one of another's (ip link add ... type vlan);
// 0: it is none.
func (p *System) VLAN() uint16 { return p.vlan }

// Isolation is the method in force: "tcx", "nft", "off", or "" where none
// could be had.
func (p *System) Isolation() string {
	if p.iso == nil {
		return ""
	}
	return p.iso.Method()
}

// Stats are the frames of the port's sockets, with what the kernel dropped for
// want of room in the receive buffer.
func (p *System) Stats() Stats {
	s := p.c.stats()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readDrops()
	s.RxDropped += p.dropped
	if p.xdp != nil {
		p.xdp.addStats(&s)
	}
	switch {
	case p.closed.Load():
	case p.iso != nil && p.iso.Underway(): // the device has just been opened, and asking would take long
		s.RxFrameErr, s.RxOverErr, s.RxCRCErr, s.Collisions = 0, 0, 0, 0
	default:
		p.dev.addDriverStats(&s, p.dev.statistics())
	}
	return s
}

// readDrops adds what the kernel counted since it was last asked.
func (p *System) readDrops() {
	if p.closed.Load() {
		return
	}
	for _, q := range p.rxs {
		p.readDropsOf(q)
	}
}

func (p *System) readDropsOf(q systemQueue) {
	// Fails only when the descriptor is no packet socket.
	st, err := unix.GetsockoptTpacketStats(q.FD(), unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return
	}
	p.dropped += uint64(st.Drops)
	if r, ok := q.(*ringRx); ok {
		r.seen.dropped += uint64(st.Drops)
		if r.kernel != nil {
			r.kernel.Dropped(uint64(st.Drops))
		}
	}
}

// Close closes the sockets, lets the host's stack in again and frees the
// receive memory.
func (p *System) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readDrops()
	if p.closed.Swap(true) {
		return nil
	}
	errs := []error{p.closeKernelPath()}
	for _, t := range p.txs {
		errs = append(errs, t.close())
	}
	p.txs = nil
	if p.xdp != nil {
		errs = append(errs, p.xdp.close())
	}
	for _, q := range p.rxs {
		errs = append(errs, q.close())
	}
	if p.iso != nil {
		errs = append(errs, p.iso.Close())
	}
	if p.claim >= 0 {
		errs = append(errs, unix.Close(p.claim))
	}
	errs = append(errs, p.dev.close())
	if err := errors.Join(errs...); err != nil {
		return portErr(p.dev.name, err, "closing: %v", err)
	}
	return nil
}

// packetSocket makes an AF_PACKET socket that receives nothing yet, with the
// options that both directions need.
func (p *System) packetSocket(key string) (fd int, inherited bool, err error) {
	name := p.dev.name
	fd, inherited, err = descriptor(p.opt.Provider, "system/"+name+"/"+key, func() (int, error) {
		open := func() (int, error) {
			return unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		}
		return inNamespaceOf(p.dev.ctl, open)
	})
	if err != nil {
		return -1, false, sysErr(name, "opening a raw socket", err, "CAP_NET_RAW")
	}
	return fd, inherited, nil
}

// bind joins the socket to the device. Protocol 0: it does not receive.
func (p *System) bind(fd int, proto uint16) error {
	err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: proto<<8 | proto>>8, Ifindex: p.dev.ifindex})
	if err != nil {
		return sysErr(p.dev.name, "binding a raw socket to the device", err, "CAP_NET_RAW")
	}
	return nil
}

// setBuf sets a socket buffer beyond the system's limit where permitted.
func setBuf(fd, force, plain, size int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size) == nil {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, size)
}

// gone says whether the socket's device has been unregistered.
func gone(fd int) bool {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return true
	}
	ll, ok := sa.(*unix.SockaddrLinklayer)
	return !ok || ll.Ifindex <= 0
}

var errGone = fmt.Errorf("the device is gone: %w", net.ErrClosed)
