package ports

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// MaxSystemQueues bounds SystemOptions.Queues, as the kernel bounds the sockets of a
// fanout group.
const MaxSystemQueues = 64

// fanoutFlags of struct fanout (linux/if_packet.h): by the flow's hash, which is the
// same for both its directions, none of what the port itself sends.
const (
	fanoutType     = unix.PACKET_FANOUT_HASH
	fanoutUniqueID = 0x2000
	fanoutFlags    = 0x4000 // PACKET_FANOUT_FLAG_IGNORE_OUTGOING
)

// openQueues opens the port's receive queues and binds them to the device. Where
// there are several they are a fanout group: the kernel gives each frame to one of
// them, all frames of a flow to the same.
func (p *System) openQueues(mtu int) error {
	n := max(1, p.opt.Queues)
	if n > MaxSystemQueues {
		return portErr(p.dev.name, unix.EINVAL, "%d receive queues: want 1 to %d", n, MaxSystemQueues)
	}
	bound := true
	for i := range n {
		q, inherited, err := openSystemRx(p, fmt.Sprintf("rx%d", i), mtu)
		if err != nil {
			return err
		}
		p.rxs = append(p.rxs, q)
		bound = bound && inherited
	}
	// From the first frame that the switch sees, the host's stack is out.
	if err := p.isolateAndRaise(); err != nil {
		return err
	}
	switch {
	case bound:
		return nil
	case n == 1:
		return p.bind(p.rxs[0].FD(), unix.ETH_P_ALL)
	}
	return p.fanOut()
}

// fanOut binds the queues and joins them. Until all have joined, each would get every
// frame: so none gets any.
func (p *System) fanOut() error {
	nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}
	for _, q := range p.rxs {
		prog := unix.SockFprog{Len: 1, Filter: &nothing}
		if err := unix.SetsockoptSockFprog(q.FD(), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
			return sysErr(p.dev.name, "setting a socket filter", err, "CAP_NET_RAW")
		}
	}
	group := 0
	for i, q := range p.rxs {
		if err := p.bind(q.FD(), unix.ETH_P_ALL); err != nil {
			return err
		}
		flags := fanoutFlags
		if i == 0 {
			flags |= fanoutUniqueID
		}
		if err := unix.SetsockoptInt(q.FD(), unix.SOL_PACKET, unix.PACKET_FANOUT, group|(fanoutType|flags)<<16); err != nil {
			return sysErr(p.dev.name, "joining receive queues (PACKET_FANOUT)", err, "CAP_NET_RAW")
		}
		if i == 0 {
			v, err := unix.GetsockoptInt(q.FD(), unix.SOL_PACKET, unix.PACKET_FANOUT)
			if err != nil {
				return sysErr(p.dev.name, "joining receive queues (PACKET_FANOUT)", err, "CAP_NET_RAW")
			}
			group = v & 0xffff
		}
	}
	for _, q := range p.rxs {
		if err := unix.SetsockoptInt(q.FD(), unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0); err != nil {
			return sysErr(p.dev.name, "removing a socket filter", err, "CAP_NET_RAW")
		}
	}
	return nil
}
