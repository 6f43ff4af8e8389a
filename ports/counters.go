package ports

import (
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// counters are a port's Stats while it lives. Queues add once per batch.
type counters struct {
	rxPackets, rxBytes  atomic.Uint64
	txPackets, txBytes  atomic.Uint64
	rxDropped, rxErrors atomic.Uint64
	txDropped, txErrors atomic.Uint64
	reasonMu            sync.Mutex
	reasons             map[string]uint64
	_                   [64]byte // what follows the counters in a port is not theirs to slow down
}

// dropReason names the reason for which the device did not send a frame, and
// says whether it counts as dropped (the path was full, down or too narrow) or
// as an error.
func dropReason(errno unix.Errno) (reason string, dropped bool) {
	switch errno {
	case unix.ENETDOWN, unix.ENXIO, unix.ENODEV, unix.EIO, unix.EBADFD:
		return "down", true
	case unix.EMSGSIZE:
		return "mtu", true
	case unix.ENOBUFS, unix.EAGAIN, unix.ENOMEM:
		return "nobuf", true
	}
	if name := unix.ErrnoName(errno); name != "" {
		return name, false
	}
	return "unknown", false
}

// lost counts one frame that was not sent.
func (c *counters) lost(f *packet.Frame, errno unix.Errno) {
	reason, dropped := dropReason(errno)
	c.lostBy(f, reason, dropped)
}

func (c *counters) lostBy(f *packet.Frame, reason string, dropped bool) {
	n, _ := wire(f)
	c.lostN(n, reason, dropped)
}

// lostN counts n frames that were not sent.
func (c *counters) lostN(n uint64, reason string, dropped bool) {
	if dropped {
		c.txDropped.Add(n)
	} else {
		c.txErrors.Add(n)
	}
	c.reasonMu.Lock()
	if c.reasons == nil {
		c.reasons = make(map[string]uint64)
	}
	c.reasons[reason] += n
	c.reasonMu.Unlock()
}

// stats copies the counters. What only a device's driver can know is
// Uncounted.
func (c *counters) stats() Stats {
	s := Stats{
		RxPackets: c.rxPackets.Load(), RxBytes: c.rxBytes.Load(),
		TxPackets: c.txPackets.Load(), TxBytes: c.txBytes.Load(),
		RxDropped: c.rxDropped.Load(), RxErrors: c.rxErrors.Load(),
		TxDropped: c.txDropped.Load(), TxErrors: c.txErrors.Load(),
		RxFrameErr: Uncounted, RxOverErr: Uncounted, RxCRCErr: Uncounted, Collisions: Uncounted,
	}
	c.reasonMu.Lock()
	if len(c.reasons) > 0 {
		s.TxDropReasons = make(map[string]uint64, len(c.reasons))
		for k, v := range c.reasons {
			s.TxDropReasons[k] = v
		}
	}
	c.reasonMu.Unlock()
	return s
}

// wire is what a frame counts as: a GSO frame as its segments.
func wire(f *packet.Frame) (packets, bytes uint64) {
	if !f.Offload.IsGSO() {
		return 1, uint64(f.Len())
	}
	return f.Segments()
}
