package packet

// Headroom is the number of free bytes before a freshly received or built
// frame: room for pushed tags and, later, tunnel headers.
const Headroom = 64

// MaxFrame is the longest frame a port may lend: a 64 KiB GSO packet with its
// Ethernet header and tags.
const MaxFrame = 65536 + 64

// Frame is one Ethernet frame in memory that somebody else owns: the port
// that received it, a Pool, or a test. It is bytes, headroom, offload state
// and the header offsets that extraction found.
//
// Invariant: 0 <= start <= end <= len(buf).
type Frame struct {
	buf        []byte // the whole memory, headroom included
	start, end int    // the frame is buf[start:end]

	// Offload is the work that the sender left to the device, as the
	// virtio-net header describes it. The zero value: none.
	Offload Offload

	// Layers holds header offsets from the start of the frame. Valid after
	// flow.Extract until a header is pushed or popped.
	Layers Layers

	// InPort is the datapath number of the port that the frame came from.
	InPort uint32

	// Shared says that another holder (a transmit batch) reads the same
	// bytes: whoever wants to write clones first.
	Shared bool

	slot uint32 // see Lend; 0: none

	// pool is where the memory goes back to; nil when a port or a test owns
	// it, and while the frame lies in its pool.
	pool *Pool
	self *Frame // set by the pool or lender that made the frame: tells it from a copy
}

// Layers are byte offsets from the start of the frame. -1: the frame does not
// have that header, or it is cut short.
type Layers struct {
	L2End int16 // EtherType that follows the last VLAN tag that extraction parsed
	MPLS  int16 // first MPLS label stack entry or PBB I-TAG
	L3    int16 // IPv4, IPv6 or ARP header
	L4    int16 // TCP, UDP, SCTP, ICMP header; -1 in later fragments
}

// NewFrame makes a frame of buf[start:end]. The caller keeps ownership of buf.
func NewFrame(buf []byte, start, end int) Frame {
	if start < 0 || end < start || end > len(buf) {
		panic("packet: frame bounds outside its buffer")
	}
	return Frame{buf: buf, start: start, end: end}
}

// FromBytes copies b into new memory with the usual headroom: for tests and
// for frames that controllers send.
func FromBytes(b []byte) *Frame {
	buf := make([]byte, Headroom+len(b))
	copy(buf[Headroom:], b)
	f := NewFrame(buf, Headroom, len(buf))
	return &f
}

// Set points f, a frame that no pool owns, at buf[start:end], and clears the
// offload state. Receive paths reuse the Frame values of a batch this way.
// They set InPort; flow.Extract sets Layers.
func (f *Frame) Set(buf []byte, start, end int) {
	f.buf, f.start, f.end = buf, start, end
	f.Offload = Offload{}
	f.Shared = false
	f.slot = 0
	f.pool, f.self = nil, nil
}

// Bytes is the frame, without FCS. The slice lives as long as the frame's
// owner lends it.
func (f *Frame) Bytes() []byte { return f.buf[f.start:f.end] }

// Len is the number of bytes in memory (a GSO frame counts whole here; see
// WireBytes).
func (f *Frame) Len() int { return f.end - f.start }

// Headroom is the number of bytes that Prepend can still take.
func (f *Frame) Headroom() int { return f.start }

// Prepend grows the frame by n bytes at its front and returns the frame. It
// reports false, and changes nothing, when the headroom is too small.
// Offload.CsumStart and HdrLen move along.
func (f *Frame) Prepend(n int) ([]byte, bool) {
	if n > f.start {
		return nil, false
	}
	f.start -= n
	f.Offload.shift(n)
	return f.buf[f.start:f.end], true
}

// TrimFront removes n bytes from the front. The caller has checked n <= Len.
func (f *Frame) TrimFront(n int) {
	f.start += n
	f.Offload.shift(-n)
}

// Tailroom is the number of bytes that Append can still take.
func (f *Frame) Tailroom() int { return len(f.buf) - f.end }

// Append grows the frame by n bytes at its end and returns these bytes, whose
// contents are undefined. It reports false, and changes nothing, when the
// memory behind the frame is too small.
func (f *Frame) Append(n int) ([]byte, bool) {
	if n < 0 || n > f.Tailroom() {
		return nil, false
	}
	f.end += n
	return f.buf[f.end-n : f.end], true
}

// Truncate cuts the frame to n bytes at its end; no effect if it is shorter.
func (f *Frame) Truncate(n int) {
	if f.Len() > n {
		f.end = f.start + n
	}
}
