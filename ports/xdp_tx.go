package ports

import (
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// xdpTx is one transmit ring of an AF_XDP port with the completion ring, by
// which the kernel gives the slots back. Several threads may have a handle on
// it, so it has a lock, which is taken once for each Tx call.
//
// Where the driver has no zero-copy, the kernel sends only while we are inside
// xdpSend, copying each frame; so when Tx returns, the ring is empty, and it is
// known of each frame what became of it. With zero-copy the device sends by
// itself, and what has been handed to it counts as sent.
type xdpTx struct {
	io       *xdpIO
	fd       int
	side     umemSide
	zeroCopy bool
	handles  atomic.Int32 // on it

	mu    sync.Mutex // guards the rest
	open  bool
	ring  xdpRing
	descs []unix.XDPDesc
	next  uint32 // of ring, to be written
	comp  xdpRing
	addrs []uint64
	done  uint32   // of comp, to be read
	free  []uint32 // slots that wait for a frame
	stuck bool     // the last xdpSend left something in the ring
}

// xdpTxHandle is what a thread has of an xdpTx.
type xdpTxHandle struct{ r *xdpTx }

// Caps: AF_XDP has no offload state.
func (h xdpTxHandle) Caps() Caps { return Caps{} }

// Close leaves the ring to other handles.
func (h xdpTxHandle) Close() error {
	h.r.handles.Add(-1)
	return nil
}

// Tx sends frames: those in slots of the same umem change their memory for a
// free slot, the others are copied into one.
func (h xdpTxHandle) Tx(frames []*packet.Frame) (sent int) {
	r := h.r
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(frames) > 0 {
		n := min(len(frames), packet.BatchSize)
		sent += r.batch(frames[:n])
		frames = frames[n:]
	}
	return sent
}

func (r *xdpTx) batch(frames []*packet.Frame) int {
	c := r.io.c
	if !r.open {
		for _, f := range frames {
			c.lost(f, unix.ENODEV)
		}
		return 0
	}
	r.reap()
	if r.stuck {
		if errno := r.unstick(); errno != 0 {
			for _, f := range frames {
				c.lost(f, errno)
			}
			return 0
		}
	}
	mtu := int(r.io.mtu.Load())
	room := xdpEntries - (r.next - r.ring.taken())
	from := r.next
	var bytes uint64
	for _, f := range frames {
		n := f.Len()
		if n < packet.EthernetLen {
			c.lost(f, unix.EINVAL)
			continue
		}
		if n > umemFrame || !fitsMTU(f.Bytes(), mtu) {
			c.lost(f, unix.EMSGSIZE)
			continue
		}
		if len(r.free) == 0 || r.next-from >= room {
			c.lost(f, unix.ENOBUFS)
			continue
		}
		r.descs[r.next&r.ring.mask] = unix.XDPDesc{Addr: r.place(f), Len: uint32(n)}
		r.next++
		bytes += uint64(n)
	}
	if r.next == from {
		return 0
	}
	r.ring.submit(r.next)
	packets := uint64(r.next - from)
	if r.zeroCopy {
		r.stuck = r.ring.needsWakeup() && xdpSend(r.fd) != 0 && xdpSend(r.fd) != 0
	} else {
		lost, lostBytes := r.push(from)
		packets, bytes = packets-lost, bytes-lostBytes
	}
	c.txPackets.Add(packets)
	c.txBytes.Add(bytes)
	return int(packets)
}

// place finds a place for f in the umem and returns its address. There is a
// free slot.
func (r *xdpTx) place(f *packet.Frame) uint64 {
	u := r.side.u
	last := len(r.free) - 1
	spare := r.free[last]
	r.free = r.free[:last]
	slot := f.Slot()
	if !u.has(slot) {
		copy(u.bytes(spare)[umemHeadroom:], f.Bytes())
		return u.offset(spare) + umemHeadroom
	}
	addr := u.offset(slot) + uint64(f.Headroom())
	i, j := slot-u.first, spare-u.first
	u.owner[i], u.owner[j] = r.side.id, u.owner[i]
	f.Exchange(u.bytes(spare), spare)
	return addr
}

// reap takes back the slots of frames that have left.
func (r *xdpTx) reap() {
	filled := r.comp.filled()
	if filled == r.done {
		return
	}
	for ; r.done != filled; r.done++ {
		r.free = append(r.free, r.side.u.at(r.addrs[r.done&r.comp.mask]))
	}
	r.comp.consume(r.done)
}

// pushTries is how often Tx asks in vain to send before it gives up.
const pushTries = 2

// push has the kernel send the entries from index from on, and returns what it
// did not take, by then counted. The kernel sends up to a bound of its own at a
// time (EAGAIN), and stops at a frame that the device drops (EBUSY).
func (r *xdpTx) push(from uint32) (lost, bytes uint64) {
	sent := from // entries before it are done with
	for vain := 0; sent != r.next; {
		errno := xdpSend(r.fd)
		taken := r.ring.taken()
		// Dropped frames alone do not make the kernel say how far it is.
		advanced := int32(taken-sent) > 0
		if advanced {
			sent = taken
		}
		switch {
		case errno == unix.EBUSY:
			if !advanced {
				sent++
			}
			lost++
			bytes += uint64(r.descs[(sent-1)&r.ring.mask].Len)
			r.io.c.lostN(1, "nobuf", true)
			continue
		case advanced && (errno == 0 || errno == unix.EAGAIN):
			vain = 0
			continue
		case errno == unix.EINTR:
			continue
		case errno == 0, errno == unix.EAGAIN:
			if vain++; vain < pushTries {
				continue
			}
		}
		n, b := r.abandon(sent, errno)
		return lost + n, bytes + b
	}
	return lost, bytes
}

// abandon takes the entries from index sent on back: the kernel passes over
// those without a length.
func (r *xdpTx) abandon(sent uint32, errno unix.Errno) (lost, bytes uint64) {
	for ; sent != r.next; sent++ {
		d := &r.descs[sent&r.ring.mask]
		r.free = append(r.free, r.side.u.at(d.Addr))
		bytes += uint64(d.Len)
		d.Len = 0
		lost++
	}
	if errno == 0 {
		errno = unix.ENETDOWN // the device no longer has this queue
	}
	reason, dropped := dropReason(errno)
	r.io.c.lostN(lost, reason, dropped)
	r.stuck = true
	return lost, bytes
}

// unstick tries again what an earlier call could not finish. The kernel says only
// when it looks for more that it has passed over entries without a length.
func (r *xdpTx) unstick() (errno unix.Errno) {
	for range pushTries {
		errno = xdpSend(r.fd)
		if errno == 0 && !r.zeroCopy && r.ring.taken() != r.next {
			errno = unix.ENETDOWN
		}
	}
	r.stuck = errno != 0
	return errno
}

// shut stops all handles.
func (r *xdpTx) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = false
}
