package packet

import (
	"bytes"
	"container/list"
	"encoding/binary"
	"slices"
	"sync"
)

// Limits of a Reassembler.
const (
	// ReassemblyTime is how long the fragments of a datagram are waited for, in
	// nanoseconds: that of Linux for IPv4. RFC 8200 §4.5 gives hosts 60 s, RFC 791 15.
	ReassemblyTime = 30e9
	// ReassemblyBytes bounds the memory of all incomplete datagrams, and
	// ReassemblyPortBytes of those that came in by one port, in bytes.
	ReassemblyBytes     = 8 << 20
	ReassemblyPortBytes = ReassemblyBytes / 4
	// ReassemblyPerSource bounds the incomplete datagrams of one source address.
	ReassemblyPerSource = 64
	// ReassemblyPieces bounds the fragments of one datagram. 64 KiB in fragments
	// for the smallest MTU of IPv6 are 53, of IPv4 hosts 120.
	ReassemblyPieces = 256

	// pieceOverhead is charged for each fragment besides its bytes, so that tiny
	// ones do not take memory for nothing.
	pieceOverhead = 256
	// maxDatagram is the longest IP packet, in bytes; for IPv6, its payload.
	maxDatagram = 0xffff
)

// Origin is where a fragment came from besides what its IP header says.
// Fragments of different origins do not belong together.
type Origin struct {
	Port uint32 // by which it came in
	Tags uint64 // VLAN identifiers and tunnel, however the caller packs them
}

// fragKey says which fragments are one datagram's (RFC 791 §3.2, RFC 8200 §4.5).
type fragKey struct {
	from     Origin
	src, dst [16]byte
	id       uint32
	proto    uint8 // IPv4 only
	v6       bool
}

// fragSource is whose incomplete datagrams are counted together.
type fragSource struct {
	from Origin
	src  [16]byte
}

// Verdict says what became of a fragment.
type Verdict uint8

// Verdicts.
const (
	FragmentKept     Verdict = iota // others are waited for
	FragmentComplete                // it was the last missing one
	FragmentWhole                   // it is no fragment: an atomic one of IPv6 (RFC 6946)
	FragmentRepeated                // the very same came before
	FragmentBad                     // it cannot be right, or contradicts the others: RFC 5722
)

// fragPiece is the data of one fragment.
type fragPiece struct {
	at   int // from the start of the datagram's data, in bytes
	data []byte
}

// datagram is one that is not complete.
type datagram struct {
	key    fragKey
	at     int64 // when its first fragment came
	pieces []fragPiece
	bytes  int // of data
	cost   int // charged
	total  int // bytes of data in all; -1: the last fragment is missing
	// head is the first fragment up to its data: link layer and IP headers. nil: it
	// is missing.
	head    []byte
	l3      int   // in head
	longest int   // IP packet among the fragments, in bytes
	df      bool  // the longest had "don't fragment"
	ecn     uint8 // bit 1<<codepoint for those seen
	bad     bool  // nothing of it is wanted any more, nor kept

	// Where it stands in the lists, each oldest first.
	all, ofPort, ofSource *list.Element
}

// Reassembler puts IP datagrams together (RFC 791 §3.2, RFC 8200 §4.5). Its
// memory is bounded: in all, for each port, so that whoever floods one port with
// fragments finds only his own dropped, and for each source address. Where there
// is too much the oldest datagram goes.
//
// Overlapping fragments make their whole datagram worthless, also in what is still
// to come of it (RFC 5722, RFC 8200 §4.5; for IPv4 as Linux has it): every host
// would read it its own way. A repetition of the same fragment is no overlap.
// Where the first fragment of IPv6 lacks a part of the headers the datagram is
// dropped (RFC 7112).
//
// Methods may be called from any goroutine.
type Reassembler struct {
	mu      sync.Mutex
	byKey   map[fragKey]*datagram
	all     *list.List
	ports   map[uint32]*fragPort
	sources map[fragSource]*list.List
	bytes   int
	evicted uint64 // fragments whose datagram went for want of room
	late    uint64 // fragments whose datagram's time was over
}

type fragPort struct {
	list  *list.List
	bytes int
}

// NewReassembler makes one without fragments.
func NewReassembler() *Reassembler {
	return &Reassembler{
		byKey: map[fragKey]*datagram{}, all: list.New(),
		ports: map[uint32]*fragPort{}, sources: map[fragSource]*list.List{},
	}
}

// fragment is what Add reads of a frame.
type fragment struct {
	key    fragKey
	at     int  // of its data in the datagram's
	more   bool // it is not the last
	data   []byte
	head   []byte // what stands before the data, the Fragment header left out
	nextAt int    // IPv6: where in head the type of what follows it belongs
	next   uint8
	length int // of its IP packet
	df     bool
	ecn    uint8
}

// Add takes a fragment that came from the given origin at now (nanoseconds). f's
// Layers are valid, its checksum is not partial. It copies what it needs: f stays
// the caller's. When the datagram is complete the frame is made from pools: the
// first fragment's link layer header with its tags, the IP header, all of the
// data; with Offload.GSOType GSORefragment and what Fragment wants to know. Its
// Layers are not valid.
func (r *Reassembler) Add(f *Frame, from Origin, now int64, pools *Pools) (*Frame, Verdict) {
	p, ok := readFragment(f)
	if !ok {
		return nil, FragmentBad
	}
	if p.at == 0 && !p.more {
		return nil, FragmentWhole
	}
	p.key.from = from
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expireLocked(now)
	d := r.byKey[p.key]
	if d == nil {
		d = r.newLocked(p.key, now)
	}
	switch v := d.add(&p); {
	case v == FragmentBad:
		r.spoilLocked(d)
		return nil, v
	case v != FragmentKept:
		return nil, v
	}
	d.cost += len(p.data) + pieceOverhead
	r.chargeLocked(d, len(p.data)+pieceOverhead)
	if !d.complete() {
		r.makeRoomLocked(d)
		return nil, FragmentKept
	}
	r.removeLocked(d)
	whole := d.build(pools)
	if whole == nil {
		return nil, FragmentBad
	}
	whole.InPort = f.InPort
	return whole, FragmentComplete
}

// Expire drops datagrams whose time is over. It returns how many fragments have
// been dropped since it was last called, because their time was over and for
// want of room.
func (r *Reassembler) Expire(now int64) (late, evicted uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expireLocked(now)
	late, evicted = r.late, r.evicted
	r.late, r.evicted = 0, 0
	return late, evicted
}

// Clear drops everything, and returns how many fragments that were.
func (r *Reassembler) Clear() (fragments uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.all.Len() > 0 {
		d := r.all.Front().Value.(*datagram)
		fragments += uint64(len(d.pieces))
		r.removeLocked(d)
	}
	return fragments
}

func (r *Reassembler) expireLocked(now int64) {
	for e := r.all.Front(); e != nil; e = r.all.Front() {
		d := e.Value.(*datagram)
		if now-d.at < ReassemblyTime {
			return
		}
		r.late += uint64(len(d.pieces))
		r.removeLocked(d)
	}
}

// newLocked begins a datagram, at the price of its source's oldest if that has too
// many.
func (r *Reassembler) newLocked(k fragKey, now int64) *datagram {
	s := fragSource{k.from, k.src}
	mine := r.sources[s]
	if mine != nil && mine.Len() >= ReassemblyPerSource {
		r.evictLocked(mine.Front().Value.(*datagram))
		mine = r.sources[s]
	}
	if mine == nil {
		mine = list.New()
		r.sources[s] = mine
	}
	p := r.ports[k.from.Port]
	if p == nil {
		p = &fragPort{list: list.New()}
		r.ports[k.from.Port] = p
	}
	d := &datagram{key: k, at: now, total: -1}
	r.byKey[k] = d
	d.all, d.ofPort, d.ofSource = r.all.PushBack(d), p.list.PushBack(d), mine.PushBack(d)
	d.cost = pieceOverhead
	r.chargeLocked(d, d.cost)
	return d
}

func (r *Reassembler) chargeLocked(d *datagram, n int) {
	r.bytes += n
	r.ports[d.key.from.Port].bytes += n
}

// makeRoomLocked keeps to the bounds. d is the last to go: it has just got a
// fragment.
func (r *Reassembler) makeRoomLocked(d *datagram) {
	for p := r.ports[d.key.from.Port]; p.bytes > ReassemblyPortBytes && p.list.Len() > 1; {
		r.evictLocked(oldestBut(p.list, d))
	}
	for r.bytes > ReassemblyBytes && r.all.Len() > 1 {
		r.evictLocked(oldestBut(r.all, d))
	}
}

func oldestBut(l *list.List, d *datagram) *datagram {
	e := l.Front()
	if e.Value.(*datagram) == d {
		e = e.Next()
	}
	return e.Value.(*datagram)
}

func (r *Reassembler) evictLocked(d *datagram) {
	r.evicted += uint64(len(d.pieces))
	r.removeLocked(d)
}

func (r *Reassembler) removeLocked(d *datagram) {
	delete(r.byKey, d.key)
	r.all.Remove(d.all)
	r.chargeLocked(d, -d.cost)
	if p := r.ports[d.key.from.Port]; p.list.Len() == 1 {
		delete(r.ports, d.key.from.Port)
	} else {
		p.list.Remove(d.ofPort)
	}
	s := fragSource{d.key.from, d.key.src}
	if l := r.sources[s]; l.Len() == 1 {
		delete(r.sources, s)
	} else {
		l.Remove(d.ofSource)
	}
}

// spoilLocked gives up a datagram. It stays known until its time is over, so that
// what is still to come of it is not taken for another one's.
func (r *Reassembler) spoilLocked(d *datagram) {
	r.chargeLocked(d, pieceOverhead-d.cost)
	d.cost = pieceOverhead
	d.bad, d.pieces, d.head = true, nil, nil
}

// readFragment reads f, an IP fragment by its Layers.
func readFragment(f *Frame) (p fragment, ok bool) {
	b := f.Bytes()
	l3 := int(f.Layers.L3)
	if h := f.ipv4(b); h != nil {
		n, total := h.HeaderLen(), h.TotalLen()
		if n < IPv4MinLen || total < n || l3+total > len(b) || Checksum(h[:n], 0) != 0 {
			return p, false
		}
		word := h.FlagsOffset()
		p.key = fragKey{id: uint32(h.ID()), proto: h.Proto()}
		copy(p.key.src[:], h[ipv4Src:ipv4Dst])
		copy(p.key.dst[:], h[ipv4Dst:IPv4MinLen])
		p.at, p.more, p.df = int(word&IPv4OffsetMask)*8, word&IPv4MoreFragments != 0, word&IPv4DontFragment != 0
		p.head, p.data = b[:l3+n], b[l3+n:l3+total]
		p.length, p.ecn = total, h.TOS()&ecnMask
		return p, n+p.at+len(p.data) <= maxDatagram && p.sound()
	}
	h := f.ipv6(b)
	if h == nil {
		return p, false
	}
	end := IPv6Len + h.PayloadLen()
	if end > len(h) {
		return p, false
	}
	w := h[:end].Walk()
	for w.Step() && w.Type != ProtoFragment {
	}
	if w.Truncated || w.Type != ProtoFragment || w.Header == nil {
		return p, false
	}
	word := binary.BigEndian.Uint16(w.Header[ipv6FragOffset:])
	p.key = fragKey{id: binary.BigEndian.Uint32(w.Header[ipv6FragID:]), v6: true}
	copy(p.key.src[:], h.Src())
	copy(p.key.dst[:], h.Dst())
	p.at, p.more = int(word>>3)*8, word&1 != 0
	at := w.At - ipv6FragLen // of the Fragment header
	p.head, p.data = b[:l3+at], h[w.At:end]
	p.length, p.ecn = end, h.TrafficClass()&ecnMask
	// The byte before the Fragment header that names it.
	p.nextAt, p.next = l3+fragNextAt(h[:end]), w.Header[0]
	return p, at-IPv6Len+p.at+len(p.data) <= maxDatagram && p.sound() && (p.at != 0 || wholeChain(p.data, p.next))
}

// fragNextAt is the place of the byte that names the first Fragment header of h.
func fragNextAt(h IPv6) int {
	w := h.Walk()
	for w.Next != ProtoFragment && w.Step() {
	}
	return w.NextAt
}

// wholeChain says whether all headers, the transport's included, stand in the data
// of a first fragment (RFC 7112): else a later one could bring what was not
// looked at.
func wholeChain(data []byte, next uint8) bool {
	for {
		n := 0
		switch next {
		case ProtoHopByHop, ProtoRouting, ProtoDestOpts:
			if len(data) >= 2 {
				n = (int(data[1]) + 1) * 8
			}
		case ProtoAH:
			if len(data) >= 2 {
				n = (int(data[1]) + 2) * 4
			}
		case ProtoTCP:
			return len(data) >= TCPMinLen
		case ProtoUDP, ProtoICMPv6:
			return len(data) >= UDPLen
		case ProtoSCTP:
			return len(data) >= SCTPMinLen
		default:
			return true
		}
		if n == 0 || n > len(data) {
			return false
		}
		next, data = data[0], data[n:]
	}
}

// sound: all fragments but the last hold data in units of 8 bytes, and none is
// empty (RFC 8200 §4.5).
func (p *fragment) sound() bool {
	return len(p.data) > 0 && (!p.more || len(p.data)%8 == 0)
}

// add puts a fragment in its place, copied.
func (d *datagram) add(p *fragment) Verdict {
	if d.bad || len(d.pieces) >= ReassemblyPieces {
		return FragmentBad
	}
	i, found := slices.BinarySearchFunc(d.pieces, p.at, func(q fragPiece, at int) int { return q.at - at })
	end := p.at + len(p.data)
	last := i == len(d.pieces)
	switch {
	case found:
		if bytes.Equal(d.pieces[i].data, p.data) && p.more == (d.total != end) {
			return FragmentRepeated
		}
		return FragmentBad
	case i > 0 && d.pieces[i-1].at+len(d.pieces[i-1].data) > p.at, !last && d.pieces[i].at < end:
		return FragmentBad // overlap
	case !p.more && (d.total >= 0 || !last), d.total >= 0 && end > d.total:
		return FragmentBad // another end
	}
	if !p.more {
		d.total = end
	}
	d.pieces = slices.Insert(d.pieces, i, fragPiece{p.at, bytes.Clone(p.data)})
	d.bytes += len(p.data)
	d.ecn |= 1 << p.ecn
	if p.length > d.longest {
		d.longest, d.df = p.length, p.df
	}
	if p.at == 0 {
		d.head = bytes.Clone(p.head)
		if p.key.v6 {
			d.head[p.nextAt] = p.next
		}
		d.l3 = len(p.head) - (p.length - len(p.data))
		if p.key.v6 {
			d.l3 += ipv6FragLen
		}
	}
	return FragmentKept
}

// complete: nothing overlaps, so the bytes tell.
func (d *datagram) complete() bool { return d.total >= 0 && d.bytes == d.total && d.head != nil }

// build makes the frame, or nil if the fragments together are too long or their
// marks of congestion contradict each other (RFC 3168 §5.3).
func (d *datagram) build(pools *Pools) *Frame {
	const notECT, ce = 1 << 0, 1 << 3
	n := len(d.head) + d.total
	if n > MaxFrame || d.ecn&ce != 0 && d.ecn&notECT != 0 {
		return nil
	}
	f := pools.Get(n)
	b, _ := f.Append(n) // Get made room
	copy(b, d.head)
	for _, p := range d.pieces {
		copy(b[len(d.head)+p.at:], p.data)
	}
	f.Offload = Offload{GSOType: GSORefragment, FragmentMax: uint16(min(d.longest, maxDatagram))}
	if d.key.v6 {
		h := IPv6(b[d.l3:])
		if len(h)-IPv6Len > maxDatagram {
			pools.Put(f)
			return nil
		}
		h.SetPayloadLen(len(h) - IPv6Len)
		if d.ecn&ce != 0 {
			h.SetTrafficClass(h.TrafficClass() | ecnMask)
		}
		f.Offload.FragmentID = d.key.id
		return f
	}
	h := IPv4(b[d.l3:])
	if len(h) > maxDatagram {
		pools.Put(f)
		return nil
	}
	// A header that was damaged stays so: only what changes is mended.
	h.setWord(ipv4Len, uint16(len(h)))
	flags := uint16(0)
	if d.df {
		flags = IPv4DontFragment
	}
	h.setWord(ipv4Frag, h.FlagsOffset()&0x8000|flags)
	if d.ecn&ce != 0 {
		h.setWord(ipv4IHL, uint16(h[ipv4IHL])<<8|uint16(h.TOS()|ecnMask))
	}
	return f
}
