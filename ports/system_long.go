package ports

import (
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// longRx is where a ring queue's long frames go once there are many of them: another
// socket with a ring of its own, whose slots hold the longest. The kernel copies a
// frame there while its sender sends it; one that is kept whole at the first socket
// the worker must copy, which has to copy it once more to send it: then the worker's
// time is the bound of a bulk transfer.
//
// Both sockets are a fanout group from the start, since a socket cannot join without
// a moment in which it gets all frames or none. The group's program says by the
// length which of the two gets a frame: the first gets all until it is there. So
// nothing is lost or comes twice when that changes, and small frames have as many
// slots as ever.
//
// The order of frames is that of the stamps that the kernel puts into their slots. It
// has the frames of one flow one after the other: when it writes the second, the first
// is there to be seen.
type longRx struct {
	fd   int
	ring atomic.Pointer[ringRx] // nil: none yet, or none to be had

	// remake is held while rings of the two are made or made anew. A socket leaves the
	// group for that and joins again behind the other.
	remake sync.Mutex
}

// longRings says whether ports have such a second ring. Off: it can leave a TCP stream at
// 0.2 Gbit/s, where one ring passes 8.
var longRings = false

// longAfter is how many long frames come before there is a ring for them: making one
// takes the kernel milliseconds, and memory that most ports need not have.
const longAfter = 256

// openLong gives q, whose socket is not bound yet, a second one for long frames, and
// joins the two.
func (p *System) openLong(q *ringRx) error {
	fd, err := inNamespaceOf(p.dev.ctl, func() (int, error) {
		return unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	})
	if err != nil {
		return sysErr(p.dev.name, "opening a raw socket", err, "CAP_NET_RAW")
	}
	if err := p.setupRx(fd); err != nil {
		return closing(fd, err)
	}
	q.long = &longRx{fd: fd}
	return p.fanOut(unix.PACKET_FANOUT_CBPF, q.fd, fd)
}

func (l *longRx) close() error {
	if r := l.ring.Load(); r != nil {
		return r.close()
	}
	return unix.Close(l.fd)
}

// OtherFD is the socket of long frames, or -1 (see FDs).
func (q *ringRx) OtherFD() int {
	if q.long == nil {
		return -1
	}
	return q.long.fd
}

// longRing is the ring of long frames if it is there and may be touched. The queue's
// thread calls it.
func (q *ringRx) longRing() *ringRx {
	if q.long == nil {
		return nil
	}
	l := q.long.ring.Load()
	if l != nil && l.state.Load() != ringLive {
		l.giveRing()
		return nil
	}
	return l
}

// wantsLong counts a long frame that was fetched, and has the ring made when it is time.
func (q *ringRx) wantsLong() {
	if q.long == nil || q.fetched >= longAfter {
		return
	}
	if q.fetched++; q.fetched == longAfter {
		q.maker.Go(q.makeLong)
	}
}

// makeLong makes the ring of long frames, and has them go there.
func (q *ringRx) makeLong() {
	l := q.long
	l.remake.Lock()
	defer l.remake.Unlock()
	r, err := openLongRing(l.fd)
	if err != nil {
		q.p.opt.Logger.Info("long frames are received by a system call each: they have no packet ring of their own", "port", q.p.dev.name, "reason", err)
		return
	}
	long := &ringRx{p: q.p, fd: l.fd, r: r, remake: &l.remake}
	long.rewind()
	watchRing(long)
	l.ring.Store(long)
	if err := q.steer(); err != nil {
		q.p.opt.Logger.Warn("long frames do not go to their packet ring", "port", q.p.dev.name, "err", err)
	}
}

// steer sets the group's program: frames that do not fit a slot of the first ring go to
// the second. The length that it sees is without the Ethernet header.
func (q *ringRx) steer() error {
	fits := uint32(q.r.slot - ringFrame - packet.EthernetLen)
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_LEN},
		{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, K: fits, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.SetsockoptSockFprog(q.fd, unix.SOL_PACKET, unix.PACKET_FANOUT_DATA, &prog); err != nil {
		return fmt.Errorf("setting PACKET_FANOUT_DATA: %w", err)
	}
	return nil
}

// behind joins the socket of long frames again, behind the queue's, whose ring was made
// anew. The caller holds remake, and the queue's thread touches neither.
func (l *longRx) behind() error {
	if r := l.ring.Load(); r != nil {
		return r.replace()
	}
	// Without a ring either, this throws away what has come in between.
	if err := unix.SetsockoptTpacketReq(l.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq{}); err != nil {
		return fmt.Errorf("joining the socket of long frames: %w", err)
	}
	return nil
}

// turn says which ring the next frame is in, q or l, and the status of its slot: that of q's
// next is status, as just read. None: not filled.
func (q *ringRx) turn(l *ringRx, status uint32) (*ringRx, uint32) {
	long := l.r.slotStatus(l.head)
	if long&unix.TP_STATUS_USER == 0 {
		return q, status
	}
	if l.lent == l.most {
		return q, unix.TP_STATUS_KERNEL
	}
	if status&unix.TP_STATUS_USER == 0 {
		// A frame that came before the long one may have come since; by now it is there.
		if status = q.r.slotStatus(q.head); status&unix.TP_STATUS_USER == 0 {
			return l, long
		}
	}
	if l.stamp() < q.stamp() {
		return l, long
	}
	return q, status
}

// stamp is when the frame at head came: seconds and nanoseconds, 32 bits each.
func (q *ringRx) stamp() uint64 {
	h := q.r.mem[q.head : q.head+tp2NSec+4]
	return uint64(native.Uint32(h[tp2Sec:]))<<32 | uint64(native.Uint32(h[tp2NSec:]))
}
