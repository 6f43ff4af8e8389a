package packet

// The two classes of pooled frames: room for bytes behind the headroom.
const (
	SmallFrame = 2048
	LargeFrame = MaxFrame
)

// poolKeep bounds the memory that an idle Pool holds on to, in bytes. A batch
// of 64 GSO frames of 64 KiB in segments for one port needs 6 MiB of the small
// class.
const poolKeep = 8 << 20

// Pool is a stock of frames of one class. Thread-safety: none; every thread
// has its own, and a frame goes back to the pool that it came from.
type Pool struct {
	size int // bytes behind the headroom
	keep int // most frames to stock
	free []stocked
}

// stocked is a frame in stock. Its bytes are kept apart from it, so that a
// holder of a frame that was put back finds nothing rather than somebody
// else's packet.
type stocked struct {
	f   *Frame
	buf []byte
}

// NewPool makes a pool of frames with room for size bytes each.
func NewPool(size int) *Pool {
	if size <= 0 {
		panic("packet: pool of frames without room")
	}
	return &Pool{size: size, keep: max(poolKeep/(size+Headroom), 1)}
}

// Get returns an empty frame (Len is 0; grow it with Append) with Headroom
// before it and room for n bytes. A request beyond the pool's class is served
// with new memory that is not stocked later. The bytes are those of an earlier
// frame.
func (p *Pool) Get(n int) *Frame {
	if n > p.size {
		f := &Frame{}
		p.lend(f, make([]byte, Headroom+n))
		return f
	}
	last := len(p.free) - 1
	if last < 0 {
		f := &Frame{}
		p.lend(f, make([]byte, Headroom+p.size))
		return f
	}
	s := p.free[last]
	p.free[last] = stocked{}
	p.free = p.free[:last]
	p.lend(s.f, s.buf)
	return s.f
}

func (p *Pool) lend(f *Frame, buf []byte) {
	*f = Frame{buf: buf, start: Headroom, end: Headroom, pool: p, self: f}
}

// Put takes f back. It panics when f is not a frame that p lent, or was put
// back before: both mean that two holders write to the same bytes.
func (p *Pool) Put(f *Frame) {
	if f.self != f {
		panic("packet: a frame that no pool made was put into a pool")
	}
	if f.pool == nil {
		panic("packet: frame put back twice")
	}
	if f.pool != p {
		panic("packet: frame put into another pool than its own")
	}
	buf := f.buf
	*f = Frame{self: f} // no references: stale holders see an empty frame
	if len(buf) == Headroom+p.size && len(p.free) < p.keep {
		p.free = append(p.free, stocked{f, buf})
	}
}

// Clone copies f: bytes, offload state, layers and in-port. The copy is not
// shared and has at least Headroom before it.
func (p *Pool) Clone(f *Frame) *Frame {
	c := p.Get(f.Len())
	b, _ := c.Append(f.Len()) // Get made room
	copy(b, f.Bytes())
	c.Offload, c.Layers, c.InPort = f.Offload, f.Layers, f.InPort
	return c
}

// Pools is one thread's stock of both classes.
type Pools struct {
	Small, Large *Pool
}

// NewPools makes empty pools; memory is taken as it is asked for.
func NewPools() *Pools {
	return &Pools{Small: NewPool(SmallFrame), Large: NewPool(LargeFrame)}
}

// Get is Pool.Get on the class that has room for n bytes.
func (p *Pools) Get(n int) *Frame { return p.class(n).Get(n) }

// Clone is Pool.Clone on the class that has room for f.
func (p *Pools) Clone(f *Frame) *Frame { return p.class(f.Len()).Clone(f) }

func (p *Pools) class(n int) *Pool {
	if n <= p.Small.size {
		return p.Small
	}
	return p.Large
}

// Put takes back a frame of either class; see Pool.Put.
func (p *Pools) Put(f *Frame) {
	if f.pool == p.Small {
		p.Small.Put(f)
		return
	}
	p.Large.Put(f)
}

// Pooled says whether a pool lent the frame: its holder owes a Put.
func (f *Frame) Pooled() bool { return f.pool != nil && f.self == f }
