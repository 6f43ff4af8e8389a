package ports

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// systemQueue is a receive queue of a system port with its socket.
type systemQueue interface {
	RxQueue
	close() error
}

// systemRx is a system port's receive queue where it cannot have a ring: one raw
// socket read by recvmmsg.
type systemRx struct {
	p    *System
	fd   int
	v    *rxVector
	down bool // said ENETDOWN: look whether the device is gone for good
}

// openSystemRx makes the socket ready to be bound; an inherited one is bound.
func openSystemRx(p *System, key string, mtu int) (q systemQueue, inherited bool, err error) {
	if spare := p.takeSpareRing(mtu); spare != nil {
		if <-spare.done; spare.err == nil {
			q, err := p.openSpareRing(spare)
			return q, false, err
		}
		if err := spare.close(); err != nil {
			return nil, false, portErr(p.dev.name, err, "closing a raw socket: %v", err)
		}
	}
	fd, inherited, err := p.packetSocket(key)
	if err != nil {
		return nil, false, err
	}
	if inherited {
		// The predecessor may have had a ring, of which nobody knows how far it was
		// read.
		if err := unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq{}); err != nil {
			return nil, false, closing(fd, sysErr(p.dev.name, "taking the packet ring off an inherited socket", err, "CAP_NET_RAW"))
		}
	} else {
		if err := p.setupRx(fd); err != nil {
			return nil, false, closing(fd, err)
		}
		// Before the ring, for which the kernel waits less while it is busy with this:
		// its synchronize_net then takes the short way.
		if err := p.isolate(); err != nil {
			return nil, false, closing(fd, err)
		}
		if !p.opt.NoRing {
			q, err := openRingRx(p, fd, mtu)
			if err == nil {
				return q, false, nil
			}
			p.opt.Logger.Warn("frames are received by a system call for each batch: the kernel gives no packet ring", "port", p.dev.name, "reason", err)
		}
	}
	v, err := newRxVector()
	if err != nil {
		return nil, false, closing(fd, portErr(p.dev.name, err, "%v", err))
	}
	return &systemRx{p: p, fd: fd, v: v}, inherited, nil
}

// openSpareRing makes a spare ring the port's, ready to be bound.
func (p *System) openSpareRing(spare *spareRing) (systemQueue, error) {
	err := p.promiscuous(spare.fd)
	if err == nil {
		err = p.isolate()
	}
	if err != nil {
		return nil, errors.Join(err, spare.close())
	}
	return newRingRx(p, spare.fd, spare.r), nil
}

func (q *systemRx) close() error { return errors.Join(unix.Close(q.fd), putArena(q.v.arena)) }

// closing closes fd after a failure, which it returns.
func closing(fd int, err error) error {
	if err2 := unix.Close(fd); err2 != nil {
		return errors.Join(err, err2)
	}
	return err
}

// setupRx makes a socket ready for the device.
func (p *System) setupRx(fd int) error {
	if err := p.setupSocket(fd); err != nil {
		return err
	}
	return p.promiscuous(fd)
}

// setupSocket sets all options before the socket is bound to a protocol: a frame
// that came in between would lack its virtio-net header or its VLAN tag, or be
// one of our own.
func (p *System) setupSocket(fd int) error {
	name := p.dev.name
	for _, o := range []struct {
		opt  int
		what string
	}{
		{unix.PACKET_VNET_HDR, "PACKET_VNET_HDR"},
		{unix.PACKET_AUXDATA, "PACKET_AUXDATA"},
		{unix.PACKET_IGNORE_OUTGOING, "PACKET_IGNORE_OUTGOING"},
	} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, o.opt, 1); err != nil {
			return sysErr(name, "setting "+o.what+" (Linux 5.15 or later is needed)", err, "CAP_NET_RAW")
		}
	}
	if err := setBuf(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, p.opt.RcvBuf); err != nil {
		return sysErr(name, "setting the receive buffer", err, "CAP_NET_ADMIN")
	}
	return nil
}

// promiscuous has the device take all frames for as long as the socket lives.
func (p *System) promiscuous(fd int) error {
	mreq := unix.PacketMreq{Ifindex: int32(p.dev.ifindex), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &mreq); err != nil {
		return sysErr(p.dev.name, "setting promiscuous mode", err, "CAP_NET_RAW")
	}
	return nil
}

// FD is the socket.
func (q *systemRx) FD() int { return q.fd }

// rxRetries bounds how often Rx goes past a frame that the kernel could not
// hand over.
const rxRetries = packet.BatchSize

// Rx receives up to a batch by one system call.
func (q *systemRx) Rx(b *packet.Batch) (int, error) {
	if q.p.closed.Load() {
		return 0, net.ErrClosed
	}
	for range rxRetries {
		n, errno := recvmmsg(q.fd, q.v.msgs[:])
		switch errno {
		case 0:
			q.down = false
			if n = q.lend(b, n); n == 0 {
				continue
			}
			return n, nil
		case unix.EAGAIN, unix.EINTR:
			if q.down && gone(q.fd) {
				return 0, errGone
			}
			return 0, nil
		case unix.EINVAL:
			// A GSO packet of a kind that this kernel's virtio-net header
			// cannot describe; the kernel has thrown it away.
			q.p.c.rxErrors.Add(1)
		case unix.ENETDOWN:
			q.down = true
			if gone(q.fd) {
				return 0, errGone
			}
			return 0, unix.ENETDOWN
		default:
			return 0, portErr(q.p.dev.name, errno, "receiving: %v", errno)
		}
	}
	return 0, nil
}

// lend makes the n messages received into frames of b and returns how many
// were good.
func (q *systemRx) lend(b *packet.Batch, n int) int {
	v := q.v
	var packets, bytes, bad uint64
	out := 0
	for i := range v.msgs[:n] {
		m := &v.msgs[i]
		// Cut off: longer than any frame that the switch carries (a jumbo
		// GSO packet, "BIG TCP"). Too short for Ethernet: not for us.
		if m.hdr.Flags&unix.MSG_TRUNC != 0 || m.len < vnetLen+packet.EthernetLen {
			bad++
			continue
		}
		buf := slot(v.arena, i)
		start, end := slotFrame, slotFrame+int(m.len)-vnetLen
		var o packet.Offload
		getVnet(v.vnet[i][:], &o)
		if tpid, tci, ok := v.vlanTag(i); ok {
			start = restoreVLAN(buf, start, &o, tpid, tci)
		}
		f := &b.Frames[out]
		f.Set(buf, start, end)
		f.Offload = o
		out++
		if o.IsGSO() {
			p, w := f.Segments()
			packets, bytes = packets+p, bytes+w
		} else {
			packets, bytes = packets+1, bytes+uint64(end-start)
		}
	}
	v.reset(n)
	if bad != 0 {
		q.p.c.rxErrors.Add(bad)
	}
	if out == 0 {
		return 0
	}
	b.N, b.Lender = out, q
	q.p.c.rxPackets.Add(packets)
	q.p.c.rxBytes.Add(bytes)
	return out
}

// Release has nothing to do: the next Rx overwrites the slots.
func (q *systemRx) Release(*packet.Batch) {}
