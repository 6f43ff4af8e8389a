package ports

import (
	"net"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// xdpRx is one receive queue of an AF_XDP port: the fill ring, by which the
// kernel gets free slots, and the receive ring, by which they come back with
// frames.
type xdpRx struct {
	io   *xdpIO
	fd   int
	side umemSide

	ring    xdpRing
	descs   []unix.XDPDesc
	next    uint32 // of ring, to be read
	fill    xdpRing
	addrs   []uint64
	filled  uint32 // index in fill up to which it has entries
	idle    uint32 // polls in a row that found nothing
	unlucky bool   // the device is gone
}

// goneEvery is how many polls without a frame go by between two looks whether
// the device is still there: an AF_XDP socket tells of that by SO_ERROR alone,
// and wakes nobody, so those who sleep leave it to the watch of devices.
const goneEvery = 16

// FD is the socket with the receive ring.
func (q *xdpRx) FD() int { return q.fd }

// Rx lends what is in the receive ring.
func (q *xdpRx) Rx(b *packet.Batch) (int, error) {
	if q.io.closed.Load() {
		return 0, net.ErrClosed
	}
	n := min(q.ring.filled()-q.next, packet.BatchSize)
	if n == 0 {
		return 0, q.nothing()
	}
	q.idle = 0
	u := q.side.u
	var bytes, bad uint64
	out := 0
	filled := q.filled
	for i := range n {
		d := q.descs[(q.next+i)&q.ring.mask]
		slot, at := u.at(d.Addr), int(d.Addr%umemSlot)
		if d.Len < packet.EthernetLen {
			bad++
			q.addrs[filled&q.fill.mask] = u.offset(slot)
			filled++
			continue
		}
		b.Frames[out].Lend(u.bytes(slot), at, at+int(d.Len), slot)
		bytes += uint64(d.Len)
		out++
	}
	q.next += n
	q.ring.consume(q.next)
	if bad != 0 {
		q.io.c.rxErrors.Add(bad)
		q.refill(filled)
	}
	if out == 0 {
		return 0, nil
	}
	b.N, b.Lender = out, q
	q.io.c.rxPackets.Add(uint64(out))
	q.io.c.rxBytes.Add(bytes)
	return out, nil
}

// nothing looks now and then whether the device is gone, and says so.
func (q *xdpRx) nothing() error {
	q.idle++
	if q.unlucky {
		return errGone
	}
	if q.idle%goneEvery != 0 {
		return nil
	}
	if e, err := unix.GetsockoptInt(q.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || e != 0 {
		q.unlucky = true
		return errGone
	}
	if q.fill.needsWakeup() {
		xdpWakeRx(q.fd) // fails while the device is down: then nothing comes
	}
	return nil
}

// Release puts the slots that the frames have now into the fill ring.
func (q *xdpRx) Release(b *packet.Batch) {
	u, filled := q.side.u, q.filled
	for i := range b.Frames[:b.N] {
		q.addrs[filled&q.fill.mask] = u.offset(b.Frames[i].Lent())
		filled++
	}
	q.refill(filled)
}

// refill hands the entries of the fill ring before index filled to the kernel.
// There is always room: the ring is as large as the number of the side's slots.
func (q *xdpRx) refill(filled uint32) {
	q.filled = filled
	q.fill.submit(filled)
	if q.fill.needsWakeup() {
		xdpWakeRx(q.fd)
	}
}

// prime fills the fill ring for the first time.
func (q *xdpRx) prime() {
	filled := q.filled
	for _, slot := range q.side.owned() {
		q.addrs[filled&q.fill.mask] = q.side.u.offset(slot)
		filled++
	}
	q.filled = filled
	q.fill.submit(filled)
}
