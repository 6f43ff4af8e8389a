package ports

import (
	"cmp"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ofswitch/ports/isolate"
	"ofswitch/ports/kernelpath"
)

// KernelPath is a Port from and to which the kernel may forward frames by itself.
type KernelPath interface {
	// KernelPath is the port in the kernel's flow table, which SystemOptions and
	// TapOptions have named. nil: not now, and why in a word or a few: "off" (no table),
	// "afxdp", "queues", "no ring", "inherited", "isolation", "isolating", "bypass", "plain",
	// "tap", "moved", "promiscuous", "qdisc htb" (or another), "tcx" and "xdp" (somebody else's programs), "nftables", "closed", or the text of an error. It does not wait for
	// anything, and may be asked often.
	KernelPath() (p *kernelpath.Port, why string)
}

// KernelPathSoon is why a port has no kernel path while nftables isolates it until TCX does:
// that lasts a moment.
const KernelPathSoon = "isolating"

// kernelDevice is where the device is, for the kernel's flow table.
func (d *device) kernelDevice() (kernelpath.Device, error) {
	ns, err := namespaceOf(d.ctl)
	if err != nil {
		// Not permitted: then there is one for all ports.
		ns = namespaceID{}
	}
	return kernelpath.Device{
		Ifindex: d.ifindex, Namespace: kernelpath.Namespace(ns), Mark: isolate.Mark,
		Within: func(fn func() error) error {
			_, err := inNamespaceOf(d.ctl, func() (int, error) { return 0, fn() })
			return err
		},
	}, nil
}

// openKernelPath has the kernel count the frames of the queue, whose socket is not bound
// yet, from the first on.
func (q *ringRx) openKernelPath() {
	p := q.p
	t := p.opt.KernelPath
	if t == nil || p.opt.Queues > 1 || p.opt.QdiscBypass {
		return
	}
	d, err := p.dev.kernelDevice()
	if err == nil {
		q.kernel, err = t.OpenRing(q.fd, d)
	}
	if err != nil {
		p.noKernel = inOneLine(err)
		p.opt.Logger.Debug("the kernel forwards nothing of the port by itself", "port", p.dev.name, "reason", err)
		return
	}
	p.kernel.Store(q.kernel)
	q.kernel.SetMTU(int(p.mtu.Load()))
}

// setMTU takes note of the device's MTU.
func (p *System) setMTU(mtu int) {
	p.mtu.Store(int32(mtu))
	if k := p.kernel.Load(); k != nil {
		k.SetMTU(mtu)
	}
}

func (p *System) closeKernelPath() error {
	if k := p.kernel.Load(); k != nil {
		return k.Close()
	}
	return nil
}

// KernelPath of a system port: with AF_PACKET, one receive queue, a ring, and while TCX
// isolates it.
func (p *System) KernelPath() (*kernelpath.Port, string) {
	k := p.kernel.Load()
	switch {
	case p.closed.Load():
		return nil, "closed"
	case p.opt.KernelPath == nil:
		return nil, "off"
	case p.xdp != nil:
		return nil, IOAFXDP
	case len(p.rxs) != 1:
		return nil, "queues"
	case p.opt.QdiscBypass:
		return nil, "bypass"
	case p.noKernel != "":
		return nil, p.noKernel
	case k == nil:
		return nil, "no ring"
	case p.iso == nil || p.iso.Method() != string(isolate.TCX):
		return nil, "isolation"
	case !p.iso.ByTCX():
		return nil, KernelPathSoon
	}
	if why := cmp.Or(programsOfOthers(k), p.dev.atEgress()); why != "" {
		return nil, why
	}
	if k.Missing() != 0 && p.mu.TryLock() {
		p.readDrops() // first: what has been counted is not to be counted again
		fd := p.rxs[0].FD()
		k.Resync(func() bool { return nothingWaits(fd) })
		p.mu.Unlock()
	}
	return k, ""
}

// nothingWaits says that the descriptor has nothing to read. A ring has as long as a slot is
// lent.
func nothingWaits(fd int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return n == 0 && err == nil
}

// openKernelPath makes the TAP known to the kernel's flow table.
func (p *Tap) openKernelPath(d *device, o TapOptions) {
	switch {
	case !p.created:
		p.noKernel = "tap"
	case o.KernelPath == nil:
		p.noKernel = "off"
	case !p.vnet:
		p.noKernel = "plain"
	case len(p.queues) != 1:
		p.noKernel = "queues"
	}
	if p.noKernel != "" {
		return
	}
	at, err := d.kernelDevice()
	if err == nil {
		at.Look = p.settleKernelPath
		p.kernelLog = o.Logger
		p.kernel, err = o.KernelPath.OpenTap(at)
	}
	if err != nil {
		p.noKernel = inOneLine(err)
		o.Logger.Debug("the kernel forwards nothing of the port by itself", "port", d.name, "reason", err)
		return
	}
	p.kernel.Ahead(d.isDown)
}

// isDown says that nothing can be sent through the device.
func (d *device) isDown() bool {
	l, err := d.link()
	return err == nil && l.Attrs().RawFlags&unix.IFF_UP == 0
}

// settleKernelPath finds out which of the host's frames are on their way.
func (p *Tap) settleKernelPath() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() || p.dev.hasRoamed() {
		return
	}
	p.noteDropped(p.dev.statistics())
	q := p.queues[0]
	p.kernel.Settle(func() bool {
		return q.lent.Load() == 0 && nothingWaits(q.fd) && p.dev.queuesNothing()
	})
}

// queuesNothing says that no frame waits in the device's queueing discipline.
func (d *device) queuesNothing() bool {
	nl, _, err := d.handle()
	if err != nil {
		return false
	}
	l, err := d.link()
	if err != nil {
		return false
	}
	list, err := nl.QdiscList(l)
	return err == nil && !slices.ContainsFunc(list, func(q netlink.Qdisc) bool {
		s := q.Attrs().Statistics
		return s != nil && s.Queue != nil && s.Queue.Qlen > 0
	})
}

func (p *Tap) closeKernelPath() error {
	if p.kernel != nil {
		return p.kernel.Close()
	}
	return nil
}

// leaveKernelPath takes the kernel's programs off a device that has been elsewhere.
func (p *Tap) leaveKernelPath() {
	if p.kernel == nil || !p.dev.hasRoamed() {
		return
	}
	if err := p.kernel.Leave(); err != nil {
		p.kernelLog.Warn("the kernel may still forward frames of a device that has been moved", "port", p.dev.name, "err", err)
	}
}

// hasRoamed says whether the device has ever been in another network namespace, as far as
// known: its frames have not been counted there.
func (d *device) hasRoamed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.roamed
}

// plainQueueing are the queueing disciplines that somebody has not set to shape traffic: what the
// kernel path takes out of a TAP does not go by them.
var plainQueueing = map[string]bool{"": true, "noop": true, "noqueue": true, "pfifo_fast": true, "fq_codel": true}

// wantsAll says what on the device is to meet all that the host sends, and would not meet what the kernel path takes
// out of a TAP before: a queueing discipline, classifiers (clsact), or somebody like tcpdump who has made the device
// promiscuous; or an XDP program, which would not meet what it puts in. Empty: nothing is known.
func (d *device) wantsAll() string {
	nl, _, err := d.handle()
	if err != nil {
		return ""
	}
	l, err := d.link()
	if err != nil {
		return ""
	}
	if l.Attrs().Promisc > 0 {
		return "promiscuous"
	}
	if x := l.Attrs().Xdp; x != nil && x.Attached {
		return "xdp"
	}
	list, err := nl.QdiscList(l)
	if err != nil {
		return ""
	}
	for _, q := range list {
		if q.Type() == "clsact" || q.Attrs().Parent == netlink.HANDLE_ROOT && !plainQueueing[q.Type()] {
			return "qdisc " + q.Type()
		}
	}
	return ""
}

// rootQdisc is the kind of queueing discipline that a device has; empty: it is not known.
func rootQdisc(nl *netlink.Handle, l netlink.Link) (kind string) {
	list, err := nl.QdiscList(l)
	if err != nil {
		return ""
	}
	for _, q := range list {
		if q.Attrs().Parent == netlink.HANDLE_ROOT {
			kind = q.Type()
		}
	}
	return kind
}

// KernelPath of a TAP: of one that the port made, with one queue and the virtio-net
// header, while it is in the network namespace where it was made.
func (p *Tap) KernelPath() (*kernelpath.Port, string) {
	switch {
	case p.closed.Load():
		return nil, "closed"
	case p.kernel == nil:
		return nil, cmp.Or(p.noKernel, "off")
	case p.dev.hasRoamed():
		return nil, "moved"
	}
	if why := cmp.Or(p.dev.wantsAll(), programsOfOthers(p.kernel)); why != "" {
		return nil, why
	}
	if p.kernel.Missing() != 0 && p.mu.TryLock() {
		if !p.closed.Load() {
			p.noteDropped(p.dev.statistics())
			q := p.queues[0]
			p.kernel.Resync(func() bool { return q.lent.Load() == 0 && nothingWaits(q.fd) })
		}
		p.mu.Unlock()
	}
	return p.kernel, ""
}

// took notes that n frames of the queue have been read and are to be forwarded.
func (q *tapRx) took(n int) {
	if q.kernel != nil {
		q.lent.Store(int32(n))
	}
}

// settled notes that they have been.
func (q *tapRx) settled() {
	if q.kernel != nil {
		q.kernel.Done(int(q.lent.Load()))
		q.lent.Store(0)
	}
}
