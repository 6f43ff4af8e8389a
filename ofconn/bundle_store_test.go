package ofconn

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"ofswitch/ofp"
)

// TestBundleStore: messages of all lengths are found in their order and in any other, and the memory they
// take is what was said before.
func TestBundleStore(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var s bundleStore
	var want [][]byte
	said := 0
	for range 3000 {
		n := ofp.HeaderLen + rng.IntN(200)
		if rng.IntN(300) == 0 {
			n = 0xffff
		}
		msg := make([]byte, n)
		msg[0], msg[1] = ofp.Version, byte(ofp.TypeExperimenter)
		binary.BigEndian.PutUint16(msg[2:], uint16(n))
		binary.BigEndian.PutUint32(msg[4:], uint32(len(want)))
		said += s.grows(msg)
		s.add(msg)
		want = append(want, bytes.Clone(msg))
		clear(msg) // it is the caller's
	}
	took, pieces := 0, 0
	for _, p := range s.pieces {
		took, pieces = took+cap(p.b), pieces+1
	}
	if took != said || s.n != len(want) || pieces > 20 {
		t.Errorf("%d bytes in %d pieces for %d messages, want %d bytes for %d", took, pieces, s.n, said, len(want))
	}
	check := func(i int) {
		if got := s.message(i); !bytes.Equal(got, want[i]) {
			t.Fatalf("message %d has %d bytes, want %d", i, len(got), len(want[i]))
		}
	}
	for range 2 {
		for i := range want {
			check(i)
		}
		for range 100 {
			i := rng.IntN(len(want))
			check(i)
			if i+1 < len(want) {
				check(i + 1)
			}
		}
	}
}
