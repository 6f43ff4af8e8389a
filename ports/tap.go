package ports

import (
	"cmp"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ofswitch/packet"
	"ofswitch/ports/kernelpath"
)

// Tap is a TAP device: what the host's stack sends through the device, the
// switch receives, and the other way round. A frame takes one system call.
type Tap struct {
	dev       *device
	typ       string
	fd        int      // of the first queue
	file      *os.File // of io=plain, which owns fd; else nil
	vnet      bool     // frames carry a virtio-net header
	caps      Caps
	queues    []*tapRx
	created   bool
	io        IOChoice
	kernel    *kernelpath.Port // nil: the kernel forwards nothing by itself
	noKernel  string           // why
	kernelLog *slog.Logger     // where there is kernel

	mu     sync.Mutex
	closed atomic.Bool
	base   uint64 // the device's drop counter when it was opened
	last   uint64 // and when it was closed

	c counters
}

// Name is the device's name.
func (p *Tap) Name() string { return p.dev.name }

// Type is "internal" for a device that the port made, else "tap".
func (p *Tap) Type() string { return p.typ }

// IOChoice is how the port moves its frames.
func (p *Tap) IOChoice() IOChoice { return p.io }

// RxQueues are as many as TapOptions.Queues asked for. All frames of a flow come by the
// same one: at first that to which a hash of the flow belongs, then that through which the
// switch last wrote frames of the flow's other direction.
func (p *Tap) RxQueues() []RxQueue {
	list := make([]RxQueue, len(p.queues))
	for i, q := range p.queues {
		list[i] = q
	}
	return list
}

// NewTx opens a transmit handle. Writing to a TAP needs no state: handles share the
// descriptors of the queues, each that of which the fewest have it.
func (p *Tap) NewTx() (TxQueue, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return nil, portErr(p.dev.name, net.ErrClosed, "port is closed")
	}
	q := slices.MinFunc(p.queues, func(a, b *tapRx) int { return cmp.Compare(a.writers, b.writers) })
	q.writers++
	return &tapTx{p: p, q: q, fd: q.fd}, nil
}

// Status reads the device's present state; that of a closed port is the one that was last
// read. A TAP has no speed.
func (p *Tap) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return p.dev.lastStatus()
	}
	return p.dev.status()
}

// SetAdmin sets or clears IFF_UP.
func (p *Tap) SetAdmin(up bool) error { return p.dev.setAdmin(up) }

// SetMAC changes the device's address.
func (p *Tap) SetMAC(mac net.HardwareAddr) error { return p.dev.setMAC(mac) }

// SetMTU changes the device's MTU, in bytes of layer 3.
func (p *Tap) SetMTU(mtu int) error { return p.dev.setMTU(mtu) }

// Stats are the frames read and written. RxDropped is what the device dropped
// because the switch was slow to read.
func (p *Tap) Stats() Stats {
	s := p.c.stats()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed.Load() {
		now := p.dev.statistics()
		p.noteDropped(now)
		p.dev.addDriverStats(&s, now)
	}
	if p.last > p.base {
		s.RxDropped += p.last - p.base
	}
	return s
}

// noteDropped takes note of the device's own count of frames that found no room in its
// queue. A device that is gone has its last count.
func (p *Tap) noteDropped(now *netlink.LinkStatistics) {
	if now == nil {
		return
	}
	if p.kernel != nil && now.TxDropped > p.last {
		p.kernel.Dropped(now.TxDropped - p.last)
	}
	p.last = now.TxDropped
}

// Close closes the descriptor; a device that OpenInternal made disappears.
func (p *Tap) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Swap(true) {
		return nil
	}
	p.noteDropped(p.dev.statistics())
	errs := []error{p.closeKernelPath(), p.closeQueues(), p.dev.close()}
	if err := errors.Join(errs...); err != nil {
		return portErr(p.dev.name, err, "closing: %v", err)
	}
	return nil
}

// closeQueues closes the descriptors and gives back the receive memory.
func (p *Tap) closeQueues() error {
	var errs []error
	for _, q := range p.queues {
		if p.file == nil {
			errs = append(errs, unix.Close(q.fd))
		}
		if q.arena != nil {
			errs = append(errs, putArena(q.arena))
		}
	}
	if p.file != nil {
		errs = append(errs, p.file.Close())
	}
	return errors.Join(errs...)
}

// tapRx is a receive queue of a Tap.
type tapRx struct {
	*Tap
	fd      int
	arena   []byte
	writers int          // transmit handles that write to it; under Tap.mu
	lent    atomic.Int32 // frames of the batch that is lent
}

// FD is the queue's descriptor.
func (q *tapRx) FD() int { return q.fd }

// Rx reads up to a batch, one frame a system call.
func (q *tapRx) Rx(b *packet.Batch) (int, error) {
	if q.closed.Load() {
		return 0, net.ErrClosed
	}
	hdr := 0
	if q.vnet {
		hdr = vnetLen
	}
	var packets, bytes uint64
	var fail error
	n, taken := 0, 0
	for tries := 0; tries < packet.BatchSize && n < packet.BatchSize; tries++ {
		buf := slot(q.arena, n)
		got, errno := rawRead(q.fd, buf[slotFrame-hdr:])
		if errno == unix.EINVAL {
			// A GSO packet that the virtio-net header cannot describe.
			q.c.rxErrors.Add(1)
			taken++
			continue
		}
		if errno != 0 {
			fail = tapErr(q.dev.name, errno)
			break
		}
		taken++
		end := slotFrame - hdr + got
		if end-slotFrame < packet.EthernetLen || end == len(buf) {
			q.c.rxErrors.Add(1) // no Ethernet frame, or cut off
			continue
		}
		f := &b.Frames[n]
		f.Set(buf, slotFrame, end)
		if q.vnet {
			getVnet(buf[slotFrame-vnetLen:], &f.Offload)
		}
		p, w := wire(f)
		packets, bytes = packets+p, bytes+w
		n++
	}
	q.took(taken)
	if n == 0 {
		q.Release(b)
		return 0, fail
	}
	// A failure after frames shows again on the next call.
	b.N, b.Lender = n, q
	q.c.rxPackets.Add(packets)
	q.c.rxBytes.Add(bytes)
	return n, nil
}

func tapErr(name string, errno unix.Errno) error {
	switch errno {
	case unix.EAGAIN, unix.EINTR:
		return nil
	case unix.EBADFD, unix.EFAULT, unix.ENODEV:
		// Deleted under us ("ip link del"): the descriptor has no device.
		return errGone
	case unix.ENETDOWN:
		return errno
	}
	return portErr(name, errno, "receiving: %v", errno)
}

// Release has nothing to give back: the next Rx overwrites the slots.
func (q *tapRx) Release(*packet.Batch) { q.settled() }

// tapTx is a transmit handle of a Tap.
type tapTx struct {
	p    *Tap
	q    *tapRx // whose descriptor it is
	fd   int
	vnet [vnetLen]byte
	iov  [2]unix.Iovec
}

// Close leaves the descriptor to other handles.
func (q *tapTx) Close() error {
	q.p.mu.Lock()
	defer q.p.mu.Unlock()
	q.q.writers--
	return nil
}

// Caps: with io=auto everything; the host's stack takes whole GSO packets.
func (q *tapTx) Caps() Caps { return q.p.caps }

// Tx writes the frames, one system call each.
func (q *tapTx) Tx(frames []*packet.Frame) int {
	p := q.p
	var packets, bytes uint64
	sent := 0
	for _, f := range frames {
		b := f.Bytes()
		if len(b) < packet.EthernetLen {
			p.c.lost(f, unix.EINVAL)
			continue
		}
		if p.closed.Load() {
			p.c.lost(f, unix.ENODEV)
			continue
		}
		var errno unix.Errno
		if p.vnet {
			putVnet(q.vnet[:], f)
			q.iov[0].Base, q.iov[1].Base = &q.vnet[0], &b[0]
			q.iov[0].SetLen(vnetLen)
			q.iov[1].SetLen(len(b))
			_, errno = rawWritev(q.fd, q.iov[:])
		} else if f.Offload.NeedsCsum || f.Offload.GSOType != packet.GSONone {
			errno = unix.EINVAL // the caller did not ask Caps
		} else {
			_, errno = rawWrite(q.fd, b)
		}
		if errno != 0 {
			p.c.lost(f, errno)
			continue
		}
		n, w := wire(f)
		packets, bytes = packets+n, bytes+w
		sent++
	}
	q.iov[1].Base = nil
	p.c.txPackets.Add(packets)
	p.c.txBytes.Add(bytes)
	return sent
}
