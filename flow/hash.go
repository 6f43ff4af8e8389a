package flow

import "math/rand/v2"

var hashSeed = rand.Uint64() | 1

// Hash mixes the words in use into 32 bits. Seeded per process.
func (k *Key) Hash() uint32 {
	h := hashSeed
	for i, v := range k.W {
		if k.Bits>>i&1 != 0 {
			h = (h ^ v) * 0x9e3779b97f4a7c15
			h ^= h >> 32
		}
	}
	return uint32(h)
}

// Equal says whether k and o are the same in every word.
func (k *Key) Equal(o *Key) bool { return *k == *o }
