package flow

import (
	"math/bits"
	"math/rand/v2"
)

// The seeds differ from process to process, so that nobody outside can choose
// frames that fall into one hash bucket.
var seedA, seedB, seedC, seedD, seedE, seedF = rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64()

// Hash mixes the words in use into 32 bits. Equal keys have equal hashes
// within a process, not across processes.
func (k *Key) Hash() uint32 {
	// wyhash's step: xor two words into two secrets, multiply to 128 bits and
	// fold. The set of words in use goes in at the start, so that the order of
	// the others tells which they are.
	if k.Bits == bitsUsual {
		return k.hashUsual()
	}
	h := seedA ^ uint64(k.Bits)*0x9e3779b97f4a7c15
	for use := k.Bits; use != 0; {
		v := k.W[bits.TrailingZeros32(use)&31]
		use &= use - 1
		var v2 uint64
		if use != 0 {
			v2 = k.W[bits.TrailingZeros32(use)&31]
			use &= use - 1
		}
		hi, lo := bits.Mul64(v^seedB, v2^h)
		h = hi ^ lo
	}
	hi, lo := bits.Mul64(h^seedA, seedB)
	h = hi ^ lo
	return uint32(h ^ h>>32)
}

// hashUsual is Hash for the most frequent words in use: the same steps side by side instead of
// one after the other, each with a secret of its own.
func (k *Key) hashUsual() uint32 {
	h1, l1 := bits.Mul64(k.W[WInPort]^seedB, k.W[WEthDst]^seedA)
	h2, l2 := bits.Mul64(k.W[WEthSrc]^seedC, k.W[WIPv4]^seedD)
	h3, l3 := bits.Mul64(k.W[WIP]^seedE, k.W[WL4]^seedF)
	hi, lo := bits.Mul64(h1^l1^seedA, h2^l2^bits.RotateLeft64(h3^l3, 21)^seedB)
	h := hi ^ lo
	return uint32(h ^ h>>32)
}

// Equal says whether k and o have the same words in use, with the same
// contents.
func (k *Key) Equal(o *Key) bool {
	if k.Bits != o.Bits {
		return false
	}
	for use := k.Bits; use != 0; use &= use - 1 {
		i := bits.TrailingZeros32(use) & 31
		if k.W[i] != o.W[i] {
			return false
		}
	}
	return true
}
