package ports

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// XDPMode says where AF_XDP takes frames from. It is the value of
// options:xdp-mode, with the names of Open vSwitch.
type XDPMode string

// The modes. XDPBestEffort tries the others in the order given.
const (
	XDPBestEffort XDPMode = "best-effort"
	XDPZeroCopy   XDPMode = "native-with-zerocopy" // in the driver, in its own memory
	XDPNative     XDPMode = "native"               // in the driver, one copy
	XDPGeneric    XDPMode = "generic"              // behind the driver, on every device
)

// ParseXDPMode reads a mode from configuration. The empty string is
// XDPBestEffort.
func ParseXDPMode(s string) (XDPMode, error) {
	switch m := XDPMode(s); m {
	case "":
		return XDPBestEffort, nil
	case XDPBestEffort, XDPZeroCopy, XDPNative, XDPGeneric:
		return m, nil
	}
	return "", fmt.Errorf("XDP mode %q: want %s, %s, %s or %s", s, XDPBestEffort, XDPZeroCopy, XDPNative, XDPGeneric)
}

// xdpIO moves a system port's frames by AF_XDP.
type xdpIO struct {
	dev     *device
	ifindex int
	mode    XDPMode // what came of it
	c       *counters
	closed  *atomic.Bool
	mtu     atomic.Int32 // of the device when it was last looked at
	queues  []*xdpQueue
	prog    *xdpProgram
	tags    []string  // features turned off by keepTags
	promisc int       // a socket that keeps the device promiscuous; -1: none
	until   time.Time // how long queues may be busy while it opens

	// The rest belongs to who holds System.mu.
	counted unix.XDPStatistics // of sockets that are closed
}

// xdpQueue is one queue of the device: two sockets in the kernel's one pool for
// it. The transmit ring has a socket of its own since waiting for input on a
// socket with a transmit ring makes the kernel send.
type xdpQueue struct {
	id       int
	zeroCopy bool
	rx       *xdpRx
	tx       *xdpTx // always there, since it has the pool; used if the device has such a queue
}

var errNoneToShare = errors.New("no socket to share memory with")

// xdpAttempt is one way to receive by AF_XDP.
type xdpAttempt struct {
	mode              XDPMode
	generic, zeroCopy bool
}

// attempts are the ways that a mode allows, the best first.
func (m XDPMode) attempts() []xdpAttempt {
	all := []xdpAttempt{{XDPZeroCopy, false, true}, {XDPNative, false, false}, {XDPGeneric, true, false}}
	for i, a := range all {
		if a.mode == m {
			return all[i : i+1]
		}
	}
	return all
}

// openXDP makes the sockets of all rx queues of p's device and attaches the
// program: from then on the device's frames come by AF_XDP. tx is the number
// of queues that the device sends from. The errors of all attempts are in err.
func openXDP(p *System, attempts []xdpAttempt, rx, tx int) (*xdpIO, error) {
	var errs []error
	until := time.Now().Add(xdpBusy)
	for _, a := range attempts {
		x := &xdpIO{dev: p.dev, ifindex: p.dev.ifindex, mode: a.mode, c: &p.c, closed: &p.closed, promisc: -1, until: until}
		x.mtu.Store(int32(p.dev.status().MTU))
		err := x.open(a, rx, tx)
		if err == nil {
			return x, nil
		}
		if errors.Is(err, ErrPermission) { // in any mode
			return nil, errors.Join(err, x.close())
		}
		errs = append(errs, fmt.Errorf("%s: %w", a.mode, errors.Join(err, x.close())))
	}
	return nil, errors.Join(errs...)
}

func (x *xdpIO) open(a xdpAttempt, rx, tx int) error {
	var err error
	if x.prog, err = loadXDPProgram(rx); err != nil {
		return err
	}
	if err := x.promiscuous(); err != nil {
		return fmt.Errorf("promiscuous mode: %w", err)
	}
	for id := range rx {
		q, err := x.openQueue(id, a.zeroCopy)
		if err != nil {
			return fmt.Errorf("queue %d: %w", id, err)
		}
		if err := x.prog.sockets.Put(uint32(id), uint32(q.rx.fd)); err != nil {
			return fmt.Errorf("queue %d: %w", id, err)
		}
		q.tx.open = id < tx
	}
	return x.prog.attach(x.ifindex, a.generic)
}

// promiscuous makes the device take frames for other addresses, as long as the
// socket is open.
func (x *xdpIO) promiscuous() (err error) {
	if x.promisc, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	mreq := unix.PacketMreq{Ifindex: int32(x.ifindex), Type: unix.PACKET_MR_PROMISC}
	return unix.SetsockoptPacketMreq(x.promisc, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &mreq)
}

// openQueue makes the sockets of a queue and gives them slots.
func (x *xdpIO) openQueue(id int, zeroCopy bool) (*xdpQueue, error) {
	rx, tx, err := newUmemSides(xdpEntries)
	if err != nil {
		return nil, err
	}
	q := &xdpQueue{
		id: id, zeroCopy: zeroCopy,
		rx: &xdpRx{io: x, fd: -1, side: rx},
		tx: &xdpTx{io: x, fd: -1, side: tx, zeroCopy: zeroCopy},
	}
	x.queues = append(x.queues, q)
	u := rx.u
	// With another socket's registration of the umem if there is one that
	// still has its device, else with a new one of the same memory: in the
	// end it is the same pages.
	err = u.share(zeroCopy, func(other *xdpQueue) error {
		return q.bind(x.ifindex, unix.SockaddrXDP{Flags: unix.XDP_SHARED_UMEM, SharedUmemFD: uint32(other.tx.fd)})
	})
	if err != nil {
		flags := uint16(unix.XDP_USE_NEED_WAKEUP | unix.XDP_COPY)
		if zeroCopy {
			flags = unix.XDP_USE_NEED_WAKEUP | unix.XDP_ZEROCOPY
		}
		err = q.bind(x.ifindex, unix.SockaddrXDP{Flags: flags})
	}
	if err != nil {
		return nil, err
	}
	u.join(q)
	if err := q.bindRx(x.ifindex); err != nil {
		return nil, err
	}
	q.tx.free = q.tx.side.owned()
	q.rx.prime()
	return q, nil
}

// bind makes the socket with the queue's pool.
func (q *xdpQueue) bind(ifindex int, sa unix.SockaddrXDP) (err error) {
	t, r := q.tx, q.rx
	defer func() {
		if err != nil {
			err = errors.Join(err, t.unmap(), unmapRings(&r.fill))
		}
	}()
	if t.fd, err = newXDPSocket(unix.XDP_UMEM_FILL_RING, unix.XDP_UMEM_COMPLETION_RING, unix.XDP_TX_RING); err != nil {
		return err
	}
	if sa.Flags&unix.XDP_SHARED_UMEM == 0 {
		if err := registerUmem(t.fd, t.side.u.mem); err != nil {
			return umemError(err, len(t.side.u.mem))
		}
	}
	// More frames for each system call, since Linux 6.17; without it we ask
	// again.
	_ = unix.SetsockoptInt(t.fd, unix.SOL_XDP, xdpMaxTxSkbBudget, xdpTxBudget)
	// What is on its way is bounded by the slots.
	_ = setBuf(t.fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, DefaultSndBuf)
	var o unix.XDPMmapOffsets
	if err := xdpOption(t.fd, unix.XDP_MMAP_OFFSETS, &o); err != nil {
		return fmt.Errorf("layout of the rings: %w", err)
	}
	if t.ring, t.descs, err = mapRing[unix.XDPDesc](t.fd, unix.XDP_PGOFF_TX_RING, o.Tx, "transmit"); err != nil {
		return err
	}
	if t.comp, t.addrs, err = mapRing[uint64](t.fd, unix.XDP_UMEM_PGOFF_COMPLETION_RING, o.Cr, "completion"); err != nil {
		return err
	}
	if r.fill, r.addrs, err = mapRing[uint64](t.fd, unix.XDP_UMEM_PGOFF_FILL_RING, o.Fr, "fill"); err != nil {
		return err
	}
	sa.Ifindex, sa.QueueID = uint32(ifindex), uint32(q.id)
	if err := onceFree(r.io.until, func() error { return unix.Bind(t.fd, &sa) }); err != nil {
		return fmt.Errorf("binding: %w", err)
	}
	return nil
}

// xdpBusy is how long the opening of a port waits for queues of its device to be free. When
// a socket is closed, the kernel takes its pool from the queue some time later, in a thread of
// its own: who opens the port again in the meantime finds the queue busy.
const xdpBusy = 2 * time.Second

// onceFree calls bind until the queue is not busy, or until then.
func onceFree(until time.Time, bind func() error) error {
	for {
		last := time.Now().After(until)
		if err := bind(); last || !errors.Is(err, unix.EBUSY) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// xdpTxBudget is how many frames one system call may send.
const xdpTxBudget = 128

// bindRx makes the socket that frames are received by, in the pool of the
// other one.
func (q *xdpQueue) bindRx(ifindex int) (err error) {
	r := q.rx
	if r.fd, err = newXDPSocket(unix.XDP_RX_RING); err != nil {
		return err
	}
	var o unix.XDPMmapOffsets
	if err := xdpOption(r.fd, unix.XDP_MMAP_OFFSETS, &o); err != nil {
		return fmt.Errorf("layout of the rings: %w", err)
	}
	if r.ring, r.descs, err = mapRing[unix.XDPDesc](r.fd, unix.XDP_PGOFF_RX_RING, o.Rx, "receive"); err != nil {
		return err
	}
	sa := unix.SockaddrXDP{Flags: unix.XDP_SHARED_UMEM, SharedUmemFD: uint32(q.tx.fd), Ifindex: uint32(ifindex), QueueID: uint32(q.id)}
	if err := unix.Bind(r.fd, &sa); err != nil {
		return fmt.Errorf("binding for reception: %w", err)
	}
	return nil
}

// newXDPSocket makes a socket with these rings.
func newXDPSocket(rings ...int) (int, error) {
	fd, err := unix.Socket(unix.AF_XDP, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("AF_XDP socket: %w", err)
	}
	for _, ring := range rings {
		if err := unix.SetsockoptInt(fd, unix.SOL_XDP, ring, xdpEntries); err != nil {
			return -1, closing(fd, fmt.Errorf("rings: %w", err))
		}
	}
	return fd, nil
}

// umemError says what a refusal to register n bytes means.
func umemError(err error, n int) error {
	if errors.Is(err, unix.ENOBUFS) {
		return fmt.Errorf("memory lock limit: %d MiB cannot be locked (give CAP_IPC_LOCK, or LimitMEMLOCK=infinity): %w", n>>20, err)
	}
	return fmt.Errorf("registering %d MiB of memory: %w", n>>20, err)
}

// rxQueues are the port's.
func (x *xdpIO) rxQueues() (list []RxQueue) {
	for _, q := range x.queues {
		list = append(list, q.rx)
	}
	return list
}

// newTx gives a handle on the next transmit ring in turn.
func (x *xdpIO) newTx() TxQueue {
	rings := 0
	for rings < len(x.queues) && x.queues[rings].tx.open {
		rings++
	}
	q := slices.MinFunc(x.queues[:rings], func(a, b *xdpQueue) int { return cmp.Compare(a.tx.handles.Load(), b.tx.handles.Load()) })
	q.tx.handles.Add(1)
	return xdpTxHandle{q.tx}
}

// addStats adds what the kernel has dropped.
func (x *xdpIO) addStats(s *Stats) {
	all := x.counted
	for _, q := range x.queues {
		q.addStats(&all)
	}
	// Without a free slot, longer than a slot; without room in the ring.
	s.RxDropped += all.Rx_dropped + all.Rx_ring_full
	s.RxErrors += all.Rx_invalid_descs
}

func (q *xdpQueue) addStats(all *unix.XDPStatistics) {
	if q.rx.fd < 0 {
		return
	}
	var st unix.XDPStatistics
	if xdpOption(q.rx.fd, unix.XDP_STATISTICS, &st) == nil { // cannot fail on our socket
		all.Rx_dropped += st.Rx_dropped
		all.Rx_ring_full += st.Rx_ring_full
		all.Rx_invalid_descs += st.Rx_invalid_descs
	}
}

// memory is how many bytes of umem the port has.
func (x *xdpIO) memory() int { return len(x.queues) * 2 * xdpEntries * umemSlot }

// close gives the device back, then the memory. No worker uses a queue any
// more; what was given for sending is let go.
func (x *xdpIO) close() error {
	var errs []error
	if x.prog != nil {
		errs = append(errs, x.prog.close())
		x.prog = nil
	}
	for _, q := range x.queues {
		q.addStats(&x.counted)
		q.tx.shut()
		q.rx.side.u.leave(q)
		q.tx.drain()
		errs = append(errs, q.rx.unmap(), q.tx.unmap(), q.rx.side.release(), q.tx.side.release())
	}
	x.queues = nil
	errs = append(errs, x.dev.takeTags(x.tags))
	x.tags = nil
	if x.promisc >= 0 {
		errs = append(errs, unix.Close(x.promisc))
		x.promisc = -1
	}
	return errors.Join(errs...)
}

// drain waits a moment for frames on their way: where the kernel does not copy
// them, their slots still hold what is to be sent.
func (r *xdpTx) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range 10 {
		if r.comp.mem == nil {
			return
		}
		if r.reap(); len(r.free) >= xdpEntries {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func (q *xdpRx) unmap() error {
	err := errors.Join(unmapRings(&q.ring, &q.fill), closeFD(&q.fd))
	q.descs, q.addrs = nil, nil
	return err
}

func (r *xdpTx) unmap() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := errors.Join(unmapRings(&r.ring, &r.comp), closeFD(&r.fd))
	r.descs, r.addrs = nil, nil
	return err
}

func unmapRings(rings ...*xdpRing) error {
	var errs []error
	for _, r := range rings {
		if r.mem != nil {
			errs = append(errs, unix.Munmap(r.mem))
		}
		*r = xdpRing{}
	}
	return errors.Join(errs...)
}

func closeFD(fd *int) error {
	if *fd < 0 {
		return nil
	}
	err := unix.Close(*fd)
	*fd = -1
	return err
}
