package classifier

import (
	"math/bits"

	"ofswitch/flow"
)

// ways is the number of places that a hash may stand in: one set's tags fill
// a quarter of a cache line, and four keys at most are compared.
const ways = 4

// Microflow remembers a P for each of a bounded number of exact keys. It is
// set-associative: a hash names a set of four places, and a full set loses one of
// its own entries, one that was not hit since the hand last passed (CLOCK within the set), so
// that a flood of keys seen once does not drive out those in use.
//
// It belongs to one thread. The hash must be the same for equal keys
// ([flow.Key.Hash]); hash and whole key are compared.
type Microflow[P any] struct {
	sets  []set[P]
	keys  []flow.Key // ways for each set
	shift uint       // 32 - log2(len(sets))
	n     int
}

// set holds what is looked at to decide whether a key is worth comparing.
type set[P any] struct {
	tags [ways]uint32
	vals [ways]*P // nil: free
	used uint8    // bit i: place i was hit since the hand passed it
	hand uint8
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
		keys:  make([]flow.Key, sets*ways),
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
		if s.tags[w] == hash && s.vals[w] != nil && c.keys[i*ways+w].Equal(k) {
			if s.used&(1<<w) == 0 {
				s.used |= 1 << w
			}
			return s.vals[w]
		}
	}
	return nil
}

// Insert remembers p, which is not nil, for k. It returns what lost its place for
// it: another key's entry, or the one that k had.
func (c *Microflow[P]) Insert(k *flow.Key, hash uint32, p *P) (evicted *P) {
	if p == nil {
		panic("classifier: nil in a microflow cache")
	}
	i := c.set(hash)
	s := &c.sets[i]
	place := -1
	for w := range ways {
		if s.vals[w] == nil {
			if place < 0 {
				place = w
			}
		} else if s.tags[w] == hash && c.keys[i*ways+w].Equal(k) {
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
	c.keys[i*ways+place] = *k
	c.n++
	return evicted
}

// Delete forgets k and returns what it had, nil if nothing.
func (c *Microflow[P]) Delete(k *flow.Key, hash uint32) *P {
	i := c.set(hash)
	s := &c.sets[i]
	for w := range ways {
		if p := s.vals[w]; p != nil && s.tags[w] == hash && c.keys[i*ways+w].Equal(k) {
			s.vals[w] = nil
			s.used &^= 1 << w
			c.n--
			return p
		}
	}
	return nil
}

// Len is the number of entries.
func (c *Microflow[P]) Len() int { return c.n }

// Cap is the number of entries that there is room for.
func (c *Microflow[P]) Cap() int { return len(c.keys) }

// Each calls fn for every entry until it returns false. The key is valid until
// fn returns; fn may delete that key.
func (c *Microflow[P]) Each(fn func(*flow.Key, *P) bool) {
	for i := range c.sets {
		for w, p := range c.sets[i].vals {
			if p != nil && !fn(&c.keys[i*ways+w], p) {
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
