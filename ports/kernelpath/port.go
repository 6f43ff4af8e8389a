package kernelpath

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Port is a port that frames can come from or go to. Ports make them (see
// ports.KernelPath); their end ends all flows from and to them.
//
// It counts the frames that the programs have let go on to the switch; the owner tells
// of those that the switch is done with (Done) and of those that have been lost between
// (Dropped). Where the two meet, the switch has nothing of the port.
type Port struct {
	t         *Table
	entry     *portEntry
	ifindex   int
	namespace Namespace
	within    func(func() error) error
	look      func()
	ring      bool
	mark      uint32
	redirect  uint32 // flags
	most      atomic.Uint32

	attaching sync.Mutex // held while the kernel is; before Table.mu
	links     []link.Link
	others    others

	quiet quiet
	known atomic.Bool // how many frames the switch has yet to see; see OpenTap

	// Under Table.mu.
	flows     map[*Flow]struct{} // from and to the port
	maskIs    [MaxMasks]Key
	maskUsers [MaxMasks]int
	ahead     bool // it counts in Table.ahead
	closed    bool // there are no flows, and will be none
	freed     bool // closed, and its place may be another's
}

// Namespace says which network namespace a port is in.
type Namespace [2]uint64

// Device is where a port is.
type Device struct {
	Ifindex   int
	Namespace Namespace
	// Within runs fn on a thread in that network namespace.
	Within func(fn func() error) error
	// Mark is the mark of frames that leave by the device, the same for all devices of a table.
	Mark uint32
	// Look has the owner call Settle; of TAPs alone.
	Look func()
}

// redirectIngress is BPF_F_INGRESS: the host's stack receives the frame as from the device.
const redirectIngress = 1

// OpenRing makes a port of the device on which the packet socket fd receives. The
// socket is not bound yet: its frames are counted from the first on. Errors wrap
// ErrUnavailable.
func (t *Table) OpenRing(fd int, d Device) (*Port, error) {
	p, err := t.openPort(d, func(p *Port) error {
		p.ring = true
		filter, err := t.progs.get(progFilter)
		if err != nil {
			return err
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ATTACH_BPF, filter.FD()); err != nil {
			return fmt.Errorf("attaching the socket filter: %w", err)
		}
		return nil
	})
	return p, err
}

// TestPort makes a port without a device, for Test. Its Close ends it.
func (t *Table) TestPort(ifindex int) (*Port, error) {
	return t.openPort(Device{Ifindex: ifindex}, func(p *Port) error {
		p.entry.epochs.Store(1)
		return nil
	})
}

// openPort takes the place of the device in the table.
func (t *Table) openPort(d Device, ready func(*Port) error) (*Port, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	e := &t.m.ports[d.Ifindex&(portEntries-1)]
	if is := e.ifindex.Load(); is != 0 || d.Ifindex <= 0 {
		return nil, fmt.Errorf("%w: its place in the table is taken by device %d", ErrUnavailable, is)
	}
	p := &Port{t: t, entry: e, ifindex: d.Ifindex, namespace: d.Namespace, within: d.Within, look: d.Look, mark: d.Mark, flows: make(map[*Flow]struct{})}
	t.reclaimLocked() // slots may have been of a device with this index
	t.forget(uint32(d.Ifindex))
	e.epochs.Store(0)
	e.order.Store(0)
	e.swallowed.Store(0)
	e.passed.Store(0)
	e.done.Store(0)
	e.dropped.Store(0)
	p.known.Store(true)
	if err := ready(p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	t.opened = time.Now()
	e.ifindex.Store(uint32(d.Ifindex))
	t.ports[p] = struct{}{}
	return p, nil
}

// forget clears what the filter may have left for ingress on a device that was closed
// between the two.
func (t *Table) forget(ifindex uint32) {
	for i := range t.m.cpus {
		c := &t.m.cpus[i]
		if s := c.scratch.Load(); uint32(s) == ifindex {
			c.scratch.CompareAndSwap(s, 0)
		}
	}
}

// Prepare makes ready for flows from the port: the kernel takes some 10 ms for that, once. Add does so
// otherwise.
func (t *Table) Prepare(p *Port) error {
	if p.t != t {
		return ErrClosed
	}
	return p.begin()
}

// begin makes ready for the first flow from the port.
func (p *Port) begin() error {
	p.attaching.Lock()
	defer p.attaching.Unlock()
	if len(p.links) > 0 || p.within == nil { // of TestPort
		return nil
	}
	if !p.ring {
		return p.beginTap()
	}
	// Before: when the kernel has attached it, it has also waited for those that did not
	// look at the epochs yet.
	p.entry.epochs.Store(1)
	err := p.attachLocked(progIngress, ebpf.AttachTCXIngress)
	if err != nil {
		p.entry.epochs.Store(0)
	}
	return err
}

// attachLocked is called with attaching held: Close waits for it.
func (p *Port) attachLocked(name string, at ebpf.AttachType) error {
	p.t.mu.Lock()
	closed := p.closed
	p.t.mu.Unlock()
	if closed {
		return ErrClosed
	}
	prog, err := p.t.progs.get(name)
	if err == nil {
		err = p.within(func() error {
			l, err := attach(prog, p.ifindex, at)
			if err == nil {
				p.links = append(p.links, l)
			}
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// Done adds n to the frames that the switch is done with: that it has sent, or dropped. Only
// one thread calls it, for each batch.
func (p *Port) Done(n int) { p.entry.done.Store(p.entry.done.Load() + uint64(n)) }

// Dropped adds n frames that the kernel has dropped on their way to the switch. Any thread
// may call it.
func (p *Port) Dropped(n uint64) { p.entry.dropped.Add(n) }

// SetMTU says how long frames may be that leave by the port, in bytes of layer 3: longer
// ones go to the switch. 0: any. It counts for flows that are added later.
func (p *Port) SetMTU(mtu int) {
	if mtu > 0 {
		mtu += ethernetLen
	}
	p.most.Store(uint32(mtu))
}

const ethernetLen = 14

// Close ends the port and its flows, and returns when no frame is on its way by them. It
// may be called more than once.
func (p *Port) Close() error { return p.end(true) }

// Leave ends the flows of a port whose device has gone elsewhere, for good, and takes the programs off it: by
// its new index they would take it for another port. Its place in the table stays its own until Close,
// so Done and Dropped may still be called. It may be called more than once.
func (p *Port) Leave() error { return p.end(false) }

func (p *Port) end(free bool) error {
	p.attaching.Lock()
	defer p.attaching.Unlock()
	t := p.t
	t.mu.Lock()
	if p.freed {
		t.mu.Unlock()
		return nil
	}
	p.closed = true
	if p.ahead {
		p.ahead = false
		t.ahead--
	}
	list := make([]*Flow, 0, len(p.flows))
	for f := range p.flows {
		list = append(list, f)
	}
	t.removeLocked(list)
	t.reclaimLocked()
	if free {
		p.freed = true
		delete(t.ports, p)
		p.entry.ifindex.Store(0) // from now on another may have its place
	}
	t.mu.Unlock()
	var errs []error
	for _, l := range p.links {
		errs = append(errs, l.Close())
	}
	p.links = nil
	return errors.Join(errs...)
}

// maskLocked is the number of the mask among the port's; isNew: it is not there yet.
func (p *Port) maskLocked(m *Key) (number int, isNew bool, err error) {
	number = -1
	for i := range p.maskIs {
		switch {
		case p.maskUsers[i] == 0:
			if number < 0 {
				number = i
			}
		case p.maskIs[i] == *m:
			return i, false, nil
		}
	}
	if number < 0 {
		return 0, false, ErrMasks
	}
	p.t.reclaimLocked() // nobody may look at it while it becomes another
	return number, true, nil
}

// orderLocked puts a mask at the end of those that are looked at, or takes it out.
func (p *Port) orderLocked(number int, in bool) {
	order, to, shift := p.entry.order.Load(), uint32(0), 0
	for ; order != 0; order >>= 8 {
		if b := order & 0xff; b != uint32(number+1) {
			to |= b << shift
			shift += 8
		}
	}
	if in {
		to |= uint32(number+1) << shift
	}
	p.entry.order.Store(to)
}
