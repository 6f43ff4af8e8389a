package classifier

import (
	"math/bits"
	"math/rand/v2"

	"ofswitch/flow"
)

// shape is a mask compiled to the words in use. Immutable.
type shape struct {
	n    int                // words in use
	idx  [flow.Words]uint8  // their numbers, rising
	mask [flow.Words]uint64 // their masks, none zero
}

func newShape(m *flow.Mask) *shape {
	s := new(shape)
	for i, b := range m {
		if b != 0 {
			s.idx[s.n], s.mask[s.n] = uint8(i), b
			s.n++
		}
	}
	return s
}

// full is the mask that the shape was compiled from.
func (s *shape) full() (m flow.Mask) {
	s.orInto(&m)
	return m
}

// orInto adds the mask's bits to m.
func (s *shape) orInto(m *flow.Mask) {
	for i := 0; i < s.n && i < len(s.idx); i++ {
		m[s.idx[i]] |= s.mask[i]
	}
}

// pack copies the words in use from w, masked.
func (s *shape) pack(w *flow.Wide, vals []uint64) {
	for i := range vals {
		vals[i] = w[s.idx[i]] & s.mask[i]
	}
}

func (s *shape) unpack(vals []uint64, m *flow.Match) {
	for i, v := range vals {
		m.Value[s.idx[i]], m.Mask[s.idx[i]] = v, s.mask[i]
	}
}

// equal says whether the masked words of w are vals.
func (s *shape) equal(w *flow.Wide, vals []uint64) bool {
	for i, v := range vals {
		if i >= len(s.idx) || w[s.idx[i]]&s.mask[i] != v {
			return false
		}
	}
	return true
}

// Hashing: each word is mixed in by a 64x64 to 128 bit multiplication, folded.
// The upper bits choose the bucket, the lowest six the filter's bit: both halves
// of the product are in both. The seed is the process's own, so that nobody
// outside can aim at one bucket.
const hashFactor = 0x9e3779b97f4a7c15

var hashSeed = rand.Uint64() | 1

func mix(h, x uint64) uint64 {
	hi, lo := bits.Mul64(h^x, hashFactor)
	return hi ^ lo
}

// hash is the hash of the masked words of w.
func (s *shape) hash(w *flow.Wide) uint64 {
	h := hashSeed
	for i := 0; i < s.n && i < len(s.idx); i++ {
		h = mix(h, w[s.idx[i]]&s.mask[i])
	}
	return h
}

// hashPacked is hash of words that are masked already.
func (s *shape) hashPacked(vals []uint64) uint64 {
	h := hashSeed
	for _, v := range vals {
		h = mix(h, v)
	}
	return h
}

// hashMask hashes a mask, for the index of subtables.
func hashMask(m *flow.Mask) uint64 {
	h := hashSeed
	for i, b := range m {
		if b != 0 {
			h = mix(mix(h, uint64(i)), b)
		}
	}
	return h
}
