package ports

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"ofswitch/packet"
)

// Values of options:io of system ports, besides IOAuto.
const (
	IOAFPacket = "afpacket"
	IOAFXDP    = "afxdp"
)

// ParseIO reads how frames are to be moved from configuration. The empty
// string is IOAuto.
func ParseIO(s string) (string, error) {
	switch s {
	case "":
		return IOAuto, nil
	case IOAuto, IOAFPacket, IOAFXDP:
		return s, nil
	}
	return "", fmt.Errorf("%q is not known; use %s, %s or %s", s, IOAuto, IOAFPacket, IOAFXDP)
}

// CheckTapIO says what is wrong with the IO and the Queues of TapOptions, if anything.
func CheckTapIO(io string, queues int) error {
	if io != "" && io != IOAuto && io != IOPlain {
		return fmt.Errorf("%q is not known; use %s or %s", io, IOAuto, IOPlain)
	}
	if queues > MaxTapQueues || queues > 1 && io == IOPlain {
		return fmt.Errorf("%d receive queues: there may be 1 to %d, with io=%s one", queues, MaxTapQueues, IOPlain)
	}
	return nil
}

// IOChoice is how a port moves its frames, and why so.
type IOChoice struct {
	IO   string  // of system ports IOAFPacket or IOAFXDP, of TAPs IOTap or IOPlain
	Mode XDPMode // of IOAFXDP: where in the driver's way; else ""
	Why  string  // one line
}

// ioFacts are what the choice depends on.
type ioFacts struct {
	kind     string // as in "ip link add ... type KIND", or kindHardware
	features xdpFeatures
	unknown  error // why features are not known
	mtu      int
	qdisc    string // at the device's root; "": none
}

// kindHardware is the kind of devices that are not made by software.
const kindHardware = "device"

// maxXDPMTU is the largest MTU whose frames, with a VLAN tag, fit a slot.
const maxXDPMTU = umemFrame - packet.EthernetLen - packet.VLANLen

// plainQdiscs are what the kernel puts there by itself: nobody misses them.
var plainQdiscs = []string{"", "noqueue", "mq", "pfifo_fast", "fq_codel", "fq"}

// choose says whether AF_XDP is to be tried.
func (f *ioFacts) choose(want string) (xdp bool, why string) {
	switch {
	case want == IOAFPacket:
		return false, "as configured"
	case f.mtu > maxXDPMTU:
		return false, fmt.Sprintf("MTU %d: frames beyond %d do not fit the memory of AF_XDP", f.mtu, maxXDPMTU)
	case want == IOAFXDP:
		return true, "as configured"
	case f.kind != kindHardware:
		return false, fmt.Sprintf("a device of kind %s: XDP would break the offloads of hosts behind it", f.kind)
	case f.unknown != nil:
		return false, f.unknown.Error()
	case !f.features.native():
		return false, "the driver has no native XDP"
	case !slices.Contains(plainQdiscs, f.qdisc):
		return false, fmt.Sprintf("queueing discipline %s: AF_XDP would send past it", f.qdisc)
	}
	return true, "the driver has native XDP"
}

// attempts leaves out of best-effort what the driver cannot do anyway.
func (f *ioFacts) attempts(mode XDPMode) []xdpAttempt {
	all := mode.attempts()
	if mode != XDPBestEffort || f.unknown != nil {
		return all
	}
	return slices.DeleteFunc(all, func(a xdpAttempt) bool {
		return a.zeroCopy && f.features&xdpZeroCopy == 0 || !a.generic && !f.features.native()
	})
}

// ioFactsOf looks at a device of this thread's network namespace.
func (p *System) ioFactsOf(l netlink.Link) *ioFacts {
	f := &ioFacts{kind: l.Type(), mtu: l.Attrs().MTU}
	if p.opt.IO == IOAFPacket || p.opt.IO == IOAuto && f.kind != kindHardware {
		return f // the choice is made: nothing that takes time
	}
	f.features, f.unknown = readXDPFeatures(p.dev.ifindex)
	f.qdisc = rootQdisc(p.dev.nl, l)
	return f
}

// parseIO checks and completes what concerns the choice.
func (o *SystemOptions) parseIO() (err error) {
	if o.IO, err = ParseIO(o.IO); err != nil {
		return fmt.Errorf("io: %w", err)
	}
	o.XDPMode, err = ParseXDPMode(string(o.XDPMode))
	return err
}

// openXDP makes the port one of AF_XDP if that is wanted and can be had, and
// notes the choice. With AF_XDP the port receives from then on.
func (p *System) openXDP(l netlink.Link) error {
	f := p.ioFactsOf(l)
	xdp, why := f.choose(p.opt.IO)
	p.io = IOChoice{IO: IOAFPacket, Why: why}
	if xdp {
		// From the first frame that the switch sees, the host's stack is out.
		if err := p.isolateAndRaise(); err != nil {
			return err
		}
		x, err := p.tryXDP(l, f)
		if err == nil {
			p.xdp, p.io.IO, p.io.Mode = x, IOAFXDP, x.mode
			p.warnPeer(f.kind)
			return nil
		}
		p.io.Why = "AF_XDP cannot be had: " + inOneLine(err)
	}
	if xdp || p.opt.IO == IOAFXDP {
		p.opt.Logger.Warn("the port goes on with AF_PACKET", "port", p.dev.name, "reason", p.io.Why)
	}
	return nil
}

// tryXDP takes the device over by AF_XDP.
func (p *System) tryXDP(l netlink.Link, f *ioFacts) (x *xdpIO, err error) {
	var tags []string
	if f.kind == kindHardware {
		if tags, err = p.dev.keepTags(); err != nil {
			return nil, errors.Join(err, p.dev.takeTags(tags))
		}
	}
	rx, tx := p.xdpQueueCounts(l.Attrs())
	if x, err = openXDP(p, f.attempts(p.opt.XDPMode), rx, tx); err != nil {
		return nil, errors.Join(err, p.dev.takeTags(tags))
	}
	x.tags = tags
	p.opt.Logger.Debug("AF_XDP", "port", p.dev.name, "mode", x.mode, "receive queues", rx, "send queues", min(rx, tx), "bytes", x.memory(), "turned off", tags)
	return x, nil
}

// inOneLine is the text of errors that were joined.
func inOneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// warnPeer says what AF_XDP needs of the host behind a device that passes its
// offloads on.
func (p *System) warnPeer(kind string) {
	switch kind {
	case "veth", "tuntap", "tun":
		p.opt.Logger.Warn("frames come without the checksums and VLAN tags that the host behind the port leaves to its device: turn that off there",
			"port", p.dev.name, "by hand", "ethtool -K DEVICE tx off txvlan off")
	}
}

// IOChoice is how the port moves its frames.
func (p *System) IOChoice() IOChoice { return p.io }

// xdpQueueCounts are the numbers of queues that the device receives on and
// sends from.
func (p *System) xdpQueueCounts(l *netlink.LinkAttrs) (rx, tx int) {
	if rx, tx, ok := ethtoolChannels(p.dev.ctl, p.dev.name); ok {
		return rx, tx
	}
	return max(l.NumRxQueues, 1), max(l.NumTxQueues, 1)
}
