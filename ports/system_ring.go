package ports

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
	"ofswitch/ports/kernelpath"
)

// ringRx is a receive queue of a system port that the kernel fills without a
// system call: a TPACKET_V2 ring. Frames are lent where they lie; Release gives
// their slots back.
//
// A frame that is longer than a slot, a GSO packet above all, the kernel keeps
// whole at the socket and says so in its slot (TP_STATUS_COPY, asked for by
// PACKET_COPY_THRESH): it is fetched into memory of the queue. So slots need not
// be 64 KiB long, and the order of frames is that of slots.
type ringRx struct {
	p    *System
	fd   int
	r    *packetRing
	v    *rxVector // for long frames; nil until the first
	head int       // offset of the slot that is filled next
	tail int       // of the first one that is lent
	lent int       // slots from tail to head
	end  int       // of the last one that is lent
	most int       // slots that are lent at once

	empty uint32 // calls without a frame, in a row
	down  bool   // said ENETDOWN: look whether the device is gone for good

	// For the watch (ring_watch.go).
	state    atomic.Uint32
	released atomic.Uint64 // how often slots were given back, and offset of the last one (32 bits each)
	times    uint64        // how often
	seen     watched       // under System.mu
	maker    sync.WaitGroup

	kernel *kernelpath.Port // nil: the kernel forwards nothing by itself
}

// emptyLooks is how many calls of Rx without a frame go by between two looks
// whether the device went down: what the ring cannot say.
const emptyLooks = 16

// ringKernel is the first Linux whose rings are used. Before it the kernel has no
// virtio-net header for UDP segmentation, and a slot for which it can write none is
// lost for ever, and with it the ring.
var ringKernel = [2]int{6, 2}

// openRingRx gives the socket fd, made ready by setupSocket and not bound yet, a ring.
func openRingRx(p *System, fd, mtu int) (*ringRx, error) {
	r, err := openRxRing(fd, mtu, p.opt.RxDesc)
	if err != nil {
		return nil, err
	}
	return newRingRx(p, fd, r), nil
}

// openRxRing gives the socket fd its ring.
func openRxRing(fd, mtu, desc int) (*packetRing, error) {
	if !kernelAtLeast(ringKernel[0], ringKernel[1]) {
		return nil, fmt.Errorf("takes Linux %d.%d", ringKernel[0], ringKernel[1])
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_COPY_THRESH, 1); err != nil {
		return nil, err
	}
	return openPacketRing(fd, unix.PACKET_RX_RING, mtu, desc, ringMaxBlocks)
}

// newRingRx is the queue of a socket with a ring.
func newRingRx(p *System, fd int, r *packetRing) *ringRx {
	q := &ringRx{p: p, fd: fd, r: r}
	q.openKernelPath()
	q.rewind()
	watchRing(q)
	return q
}

// FD is the socket: readable while a slot is filled that has not been given back.
func (q *ringRx) FD() int { return q.fd }

func (q *ringRx) close() error {
	unwatchRing(q)
	q.maker.Wait()
	errs := []error{unix.Close(q.fd), q.r.close()}
	if q.v != nil {
		errs = append(errs, putArena(q.v.arena))
	}
	return errors.Join(errs...)
}

// Offsets in struct tpacket2_hdr: status, len, snaplen u32; mac, net u16; sec,
// nsec u32; vlan_tci, vlan_tpid u16.
const (
	tp2Len     = 4
	tp2SnapLen = 8
	tp2Mac     = 12
	tp2TCI     = 24
	tp2TPID    = 26
	tp2Used    = 4 // bytes of a lent slot that are not ours: the status
)

// Rx lends what has arrived, up to a batch, without a system call unless there
// is nothing or a frame is long.
func (q *ringRx) Rx(b *packet.Batch) (int, error) {
	if q.p.closed.Load() {
		return 0, net.ErrClosed
	}
	if q.state.Load() != ringLive {
		q.giveRing()
		return 0, nil
	}
	for range rxRetries {
		n, taken := q.lend(b)
		if taken == 0 {
			return q.idle()
		}
		q.empty, q.down = 0, false
		if n != 0 {
			return n, nil
		}
		q.Release(b)
	}
	return 0, nil
}

// lend makes frames of b of the slots that are filled, and returns how many, and
// how many slots it took: those of bad frames, too.
func (q *ringRx) lend(b *packet.Batch) (out, taken int) {
	var packets, bytes, lost, bad uint64
	for out < packet.BatchSize && taken < q.most {
		status := q.r.slotStatus(q.head)
		if status&unix.TP_STATUS_USER == 0 {
			break
		}
		f := &b.Frames[out]
		switch q.take(f, q.head, out, status) {
		case frameGood:
			out++
			p, w := wire(f)
			packets, bytes = packets+p, bytes+w
		case frameBad:
			bad++
		case frameLost:
			lost++
		}
		q.end, q.head = q.head, q.r.next(q.head)
		taken++
	}
	q.lent = taken
	c := &q.p.c
	if bad != 0 {
		c.rxErrors.Add(bad)
	}
	if lost != 0 {
		c.rxDropped.Add(lost)
	}
	if out != 0 {
		b.N, b.Lender = out, q
		c.rxPackets.Add(packets)
		c.rxBytes.Add(bytes)
	}
	return out, taken
}

// What became of a slot's frame.
const (
	frameGood = iota
	frameBad  // malformed
	frameLost // there was no room to keep it
)

// take makes f, the i-th frame of the batch, of the slot at off.
func (q *ringRx) take(f *packet.Frame, off, i int, status uint32) int {
	h := q.r.mem[off : off+q.r.slot : off+q.r.slot]
	mac, n := int(native.Uint16(h[tp2Mac:])), int(native.Uint32(h[tp2SnapLen:]))
	tpid, tci := uint16(packet.TypeVLAN), native.Uint16(h[tp2TCI:])
	if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		tpid = native.Uint16(h[tp2TPID:])
	}
	var buf []byte
	var start, end int
	var o packet.Offload
	switch {
	case status&unix.TP_STATUS_COPY != 0:
		var ok bool
		if end, ok = q.fetch(i, &o); !ok {
			return frameBad
		}
		buf, start = slot(q.v.arena, i), slotFrame
	case n < int(native.Uint32(h[tp2Len:])):
		return frameLost // long, and the socket's buffer is full
	case n < packet.EthernetLen || mac < vnetLen || mac+n > len(h):
		return frameBad
	default:
		getVnet(h[mac-vnetLen:], &o)
		buf, start, end = h[tp2Used:], mac-tp2Used, mac-tp2Used+n
	}
	if status&unix.TP_STATUS_VLAN_VALID != 0 {
		start = restoreVLAN(buf, start, &o, tpid, tci)
	}
	f.Set(buf, start, end)
	f.Offload = o
	return frameGood
}

// fetch reads the long frame that comes next at the socket into slot i of the
// arena, and returns its end there.
func (q *ringRx) fetch(i int, o *packet.Offload) (end int, ok bool) {
	if q.v == nil {
		v, err := newRxVector()
		if err != nil {
			q.p.opt.Logger.Error("a long frame is lost", "port", q.p.dev.name, "err", err)
			return 0, false
		}
		q.v = v
	}
	m := q.v.msgs[i : i+1]
	_, errno := recvmmsg(q.fd, m)
	if errno == unix.ENETDOWN {
		// That waited at the socket before the frame; the next call for which
		// there is nothing else finds the device down by itself.
		q.down = true
		_, errno = recvmmsg(q.fd, m)
	}
	q.v.reset(i + 1)
	if errno != 0 || m[0].hdr.Flags&unix.MSG_TRUNC != 0 || m[0].len < vnetLen+packet.EthernetLen {
		return 0, false
	}
	getVnet(q.v.vnet[i][:], o)
	return slotFrame + int(m[0].len) - vnetLen, true
}

// idle is Rx where the ring has nothing.
func (q *ringRx) idle() (int, error) {
	q.empty++
	if q.empty%emptyLooks != 1 {
		return 0, nil
	}
	switch errno := socketError(q.fd); errno {
	case 0:
	case unix.ENETDOWN:
		q.down = true
		if !gone(q.fd) {
			return 0, unix.ENETDOWN
		}
	default:
		return 0, portErr(q.p.dev.name, errno, "receiving: %v", errno)
	}
	if q.down && gone(q.fd) {
		return 0, errGone
	}
	return 0, nil
}

// Release gives the slots of the last Rx back to the kernel.
func (q *ringRx) Release(*packet.Batch) {
	if q.lent == 0 {
		return
	}
	q.times++
	q.tail = q.r.clearStatus(q.tail, q.lent, q.times<<32|uint64(q.end), &q.released)
	if q.kernel != nil {
		q.kernel.Done(q.lent)
	}
	q.lent = 0
}
