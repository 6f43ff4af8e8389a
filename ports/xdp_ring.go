package ports

import "sync/atomic"

// xdpRing is one ring between the kernel and us, in memory of the kernel. Both
// sides count on for ever; an entry is at its index modulo the ring's size.
type xdpRing struct {
	mem      []byte // as mapped
	producer *uint32
	consumer *uint32
	flags    *uint32
	mask     uint32
}

// xdpEntries is the number of entries of each ring, a power of two.
const xdpEntries = 2048

// filled is the index up to which there are entries, for the consumer.
func (r *xdpRing) filled() uint32 { return atomic.LoadUint32(r.producer) }

// taken is the index up to which entries have been consumed, for the producer.
func (r *xdpRing) taken() uint32 { return atomic.LoadUint32(r.consumer) }

// submit hands the entries before index to the kernel.
func (r *xdpRing) submit(index uint32) { atomic.StoreUint32(r.producer, index) }

// consume gives the entries before index back to the kernel.
func (r *xdpRing) consume(index uint32) { atomic.StoreUint32(r.consumer, index) }

// needsWakeup says whether the kernel looks at the ring only when asked to.
func (r *xdpRing) needsWakeup() bool { return atomic.LoadUint32(r.flags)&xdpRingNeedWakeup != 0 }
