package flow

import (
	"math/bits"
	"math/rand/v2"
	"testing"

	"ofswitch/packet"
)

// Each bit of each word in use changes each bit of the hash half the time.
func TestHashAvalanche(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rounds = 1500
	for _, use := range []uint32{bitsEth | 1<<WIPv4 | 1<<WIP | 1<<WL4, bitsEth, 1 << WInPort} {
		for word := range KeyWords {
			if use>>word&1 == 0 {
				continue
			}
			for bit := 0; bit < 64; bit += 7 {
				var flips [32]int
				for range rounds {
					k := Key{Bits: use}
					for i := range k.W {
						if use>>i&1 != 0 {
							k.W[i] = r.Uint64()
						}
					}
					h := k.Hash()
					k.W[word] ^= 1 << bit
					for d := h ^ k.Hash(); d != 0; d &= d - 1 {
						flips[bits.TrailingZeros32(d)]++
					}
				}
				for out, n := range flips {
					if p := float64(n) / rounds; p < 0.4 || p > 0.6 {
						t.Errorf("words %#x: bit %d of word %d flips hash bit %d with probability %.2f", use, bit, word, out, p)
					}
				}
			}
		}
	}
}

// The flows of a network, which differ in few bits, spread evenly.
func TestHashSpread(t *testing.T) {
	f := packet.FromBytes(frameUDP)
	var k Key
	Extract(f, 1, &k)
	const flows, buckets = 1 << 18, 1 << 16
	for _, shift := range []int{0, 16} {
		var n [buckets]int
		for i := range uint64(flows) {
			k.W[WIPv4] = 0x0a000000<<32 | 0x0a000000 | i&0xff | i>>8&0xff<<32
			k.W[WL4] = (1024+i>>16)<<48 | 80<<32
			n[k.Hash()>>shift%buckets]++
		}
		worst, empty := 0, 0
		for _, c := range n {
			worst = max(worst, c)
			if c == 0 {
				empty++
			}
		}
		// Four a bucket on average: Poisson leaves 1.8 % empty, and more than
		// 24 anywhere is a matter of 10^-12.
		if worst > 24 || empty > buckets/40 || empty < buckets/80 {
			t.Errorf("shift %d: fullest bucket has %d flows, %d of %d are empty", shift, worst, empty, buckets)
		}
	}
}

// The words in use are part of the identity, also where they are zero.
func TestHashEqual(t *testing.T) {
	var a, b Key
	Extract(packet.FromBytes(frameUDP), 1, &a)
	b = a
	if !a.Equal(&b) || a.Hash() != b.Hash() {
		t.Error("equal keys are not equal")
	}
	b.Bits |= 1 << WConn
	if a.Equal(&b) || a.Hash() == b.Hash() {
		t.Error("a word more in use makes no difference")
	}
	for i := range a.W {
		if a.Bits>>i&1 == 0 {
			continue
		}
		b = a
		b.W[i] ^= 1 << 63
		if a.Equal(&b) || a.Hash() == b.Hash() {
			t.Errorf("word %d makes no difference", i)
		}
	}
	// Contents that move from one word to another are noticed.
	x, y := Key{Bits: 3}, Key{Bits: 3}
	x.W[0], y.W[1] = 5, 5
	if x.Hash() == y.Hash() {
		t.Error("the place of a word makes no difference")
	}
}
