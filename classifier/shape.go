package classifier

import (
	"math/bits"
	"math/rand/v2"
	"sync/atomic"

	"ofswitch/flow"
)

// shape is a mask compiled to the words in use. Immutable.
type shape struct {
	n    int                // words in use
	ends [numStages]uint8   // how many of them belong to a stage up to this one
	runs [numLanes]uint8    // bits that lead each lane
	idx  [flow.Words]uint8  // their numbers, in the order of stageWords
	mask [flow.Words]uint64 // their masks, none zero
	full flow.Mask          // the mask
}

func newShape(m *flow.Mask) *shape {
	s := &shape{full: *m}
	for stage, words := range stageWords {
		for _, i := range words {
			if m[i] != 0 {
				s.idx[s.n], s.mask[s.n] = i, m[i]
				s.n++
			}
		}
		s.ends[stage] = uint8(s.n)
	}
	for i := range lanes {
		if m[lanes[i].word] != 0 {
			s.runs[i] = lanes[i].run(m)
		}
	}
	return s
}

// recentShapes are shapes made lately, by hash of mask: most rules have the mask of one
// before them, and share its shape.
var recentShapes [256]atomic.Pointer[shape]

// shapeOf is the shape of a mask, made only if it was not made lately.
func shapeOf(m *flow.Mask) *shape {
	if s := lastShape.Load(); s != nil && s.full == *m {
		return s
	}
	recent := &recentShapes[hashMask(m)>>56]
	s := recent.Load()
	if s == nil || s.full != *m {
		s = newShape(m)
		recent.Store(s)
	}
	lastShape.Store(s)
	return s
}

// lastShape is the one that shapeOf gave last.
var lastShape atomic.Pointer[shape]

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

// hashFrom mixes the masked words of w numbered from to before to into h.
func (s *shape) hashFrom(h uint64, w *flow.Wide, from, to uint8) uint64 {
	for i := from; i < to && int(i) < len(s.idx); i++ {
		h = mix(h, w[s.idx[i]]&s.mask[i])
	}
	return h
}

// costUpTo is the number of bits that orInto would add to m, counted until there are more than most.
func (s *shape) costUpTo(m *flow.Mask, most int) (n int) {
	for i := 0; i < s.n && i < len(s.idx) && n <= most; i++ {
		n += bits.OnesCount64(s.mask[i] &^ m[s.idx[i]])
	}
	return n
}

// within says whether all bits of s are in o.
func (s *shape) within(o *shape) bool {
	j := 0
	for i := range s.n {
		for j < o.n && o.idx[j] != s.idx[i] {
			j++
		}
		if j == o.n || s.mask[i]&^o.mask[j] != 0 {
			return false
		}
	}
	return true
}

// hashStages hashes words that o, which has all bits of s, has packed, as s sees
// them: after each stage, and so in the end the whole.
func (s *shape) hashStages(o *shape, vals []uint64) (out [numStages]uint64) {
	h, i, j := hashSeed, 0, 0
	for stage, end := range s.ends {
		for ; i < int(end); i++ {
			for o.idx[j] != s.idx[i] {
				j++
			}
			h = mix(h, vals[j]&s.mask[i])
		}
		out[stage] = h
	}
	return out
}

// bits is the number of bits.
func (s *shape) bits() (n int) {
	for _, b := range s.mask[:s.n] {
		n += bits.OnesCount64(b)
	}
	return n
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
