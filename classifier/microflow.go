package classifier

import (
	"math/bits"

	"ofswitch/flow"
)

// ways is the number of places that a hash may stand in: a set's tags and
// pointers fill one cache line, and four keys at most are compared.
const ways = 4

// Microflow remembers a P for each of a bounded number of exact keys. It is
// set-associative: a hash names a set of four places, and a full set loses one of
// its own entries, one that was not hit since the hand last passed (CLOCK within the set), so
// that a flood of keys seen once does not drive out those in use.
//
// Many keys may lead to one P. Whoever takes a P away from all of them need not
// find them: it marks the P, treats what Lookup finds as a miss if it is marked, and
// has [Microflow.Sweep] take the entries out in its own time.
//
// It belongs to one thread. The hash must be the same for equal keys
// ([flow.Key.Hash]); hash and whole key are compared.
type Microflow[P any] struct {
	sets  []set[P]
	keys  []packedKey // ways for each set
	shift uint        // 32 - log2(len(sets))
	n     int
}

// set holds what is looked at to decide whether a key is worth comparing: one
// cache line.
type set[P any] struct {
	tags [ways]uint32
	vals [ways]*P // nil: free
	used uint8    // bit i: place i was hit since the hand passed it
	hand uint8
	_    [14]byte
}

// packedWords is the room for words in a packedKey. A frame has at most 15 words in
// use together, tunnels and connection state aside: ingress port, recirculation,
// addresses, tags, six of IPv6 and its transport, four of neighbour discovery.
const packedWords = 15

// packedKey has the words of a key that are in use, one behind the other. Those of an
// IPv4 packet, with a tag, fill the first of its two cache lines.
type packedKey struct {
	bits uint32
	_    uint32
	w    [packedWords]uint64
}

func (p *packedKey) pack(k *flow.Key) {
	p.bits = k.Bits
	i := 0
	for use := k.Bits; use != 0 && i < len(p.w); use &= use - 1 {
		p.w[i] = k.W[bits.TrailingZeros32(use)&31]
		i++
	}
}

func (p *packedKey) unpack(k *flow.Key) {
	*k = flow.Key{Bits: p.bits}
	i := 0
	for use := p.bits; use != 0 && i < len(p.w); use &= use - 1 {
		k.W[bits.TrailingZeros32(use)&31] = p.w[i]
		i++
	}
}

func (p *packedKey) equal(k *flow.Key) bool {
	if p.bits != k.Bits {
		return false
	}
	i := 0
	for use := k.Bits; use != 0 && i < len(p.w); use &= use - 1 {
		if p.w[i] != k.W[bits.TrailingZeros32(use)&31] {
			return false
		}
		i++
	}
	return true
}

// NewMicroflow makes a cache of at least the given number of entries, rounded
// up to a power of two, and at least four.
func NewMicroflow[P any](entries int) *Microflow[P] {
	sets := 1
	for sets*ways < entries {
		sets *= 2
	}
	return &Microflow[P]{
		sets:  make([]set[P], sets),
		keys:  make([]packedKey, sets*ways),
		shift: uint(32 - bits.TrailingZeros(uint(sets))),
	}
}

// set is the number of the set of a hash: its upper bits.
func (c *Microflow[P]) set(hash uint32) int { return int(uint64(hash) >> c.shift) }

// Lookup returns what was inserted for k, nil if nothing was or it was driven
// out.
func (c *Microflow[P]) Lookup(k *flow.Key, hash uint32) *P {
	i := c.set(hash)
	s := &c.sets[i]
	for w := range ways {
		if s.tags[w] == hash && s.vals[w] != nil && c.keys[i*ways+w].equal(k) {
			if s.used&(1<<w) == 0 {
				s.used |= 1 << w
			}
			return s.vals[w]
		}
	}
	return nil
}

// HasRoom says whether inserting a key with this hash costs no other key its place,
// as far as tags tell.
func (c *Microflow[P]) HasRoom(hash uint32) bool {
	s := &c.sets[c.set(hash)]
	for w := range ways {
		if s.vals[w] == nil || s.tags[w] == hash {
			return true
		}
	}
	return false
}

// Insert remembers p, which is not nil, for k. It returns what lost its place for
// it: another key's entry, or the one that k had; or p itself if the key has more
// words in use than any frame has.
func (c *Microflow[P]) Insert(k *flow.Key, hash uint32, p *P) (evicted *P) {
	if p == nil {
		panic("classifier: nil in a microflow cache")
	}
	if bits.OnesCount32(k.Bits) > packedWords {
		return p
	}
	i := c.set(hash)
	s := &c.sets[i]
	place := -1
	for w := range ways {
		if s.vals[w] == nil {
			if place < 0 {
				place = w
			}
		} else if s.tags[w] == hash && c.keys[i*ways+w].equal(k) {
			evicted, s.vals[w] = s.vals[w], p
			return evicted
		}
	}
	if place < 0 {
		for s.used&(1<<s.hand) != 0 {
			s.used &^= 1 << s.hand
			s.hand = (s.hand + 1) % ways
		}
		place = int(s.hand)
		s.hand = (s.hand + 1) % ways
		evicted = s.vals[place]
		c.n--
	}
	s.tags[place], s.vals[place] = hash, p
	s.used &^= 1 << place
	c.keys[i*ways+place].pack(k)
	c.n++
	return evicted
}

// Delete forgets k and returns what it had, nil if nothing.
func (c *Microflow[P]) Delete(k *flow.Key, hash uint32) *P {
	i := c.set(hash)
	s := &c.sets[i]
	for w := range ways {
		if p := s.vals[w]; p != nil && s.tags[w] == hash && c.keys[i*ways+w].equal(k) {
			c.free(s, w)
			return p
		}
	}
	return nil
}

func (c *Microflow[P]) free(s *set[P], w int) {
	s.vals[w] = nil
	s.used &^= 1 << w
	c.n--
}

// Sweep takes out the entries of up to sets sets of four, from set number from on, for
// which gone says so, and returns the number of the set to go on with; 0: that was the
// last.
func (c *Microflow[P]) Sweep(from, sets int, gone func(*P) bool) (next int) {
	for next = from; next < len(c.sets) && next < from+sets; next++ {
		s := &c.sets[next]
		for w, p := range s.vals {
			if p != nil && gone(p) {
				c.free(s, w)
			}
		}
	}
	if next >= len(c.sets) {
		return 0
	}
	return next
}

// Len is the number of entries.
func (c *Microflow[P]) Len() int { return c.n }

// Cap is the number of entries that there is room for.
func (c *Microflow[P]) Cap() int { return len(c.keys) }

// Each calls fn for every entry until it returns false. The key is valid until
// fn returns; fn may delete that key.
func (c *Microflow[P]) Each(fn func(*flow.Key, *P) bool) {
	var k flow.Key
	for i := range c.sets {
		for w, p := range c.sets[i].vals {
			if p == nil {
				continue
			}
			c.keys[i*ways+w].unpack(&k)
			if !fn(&k, p) {
				return
			}
		}
	}
}

// Clear forgets everything.
func (c *Microflow[P]) Clear() {
	clear(c.sets)
	c.n = 0
}
