package flow

import (
	"math/rand/v2"
	"testing"

	"ofswitch/packet"
)

// Extraction into a key that held another frame's gives what it gives into the zero key.
func TestExtractIntoUsedKey(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	var used Key
	usual := 0
	for i := range 100000 {
		data := randomFrame(r)
		if r.IntN(3) == 0 {
			data = allFrames[r.IntN(len(allFrames))].data
		}
		var fresh Key
		f, g := packet.FromBytes(data), packet.FromBytes(data)
		Extract(f, uint32(i), &fresh)
		Extract(g, uint32(i), &used)
		if fresh != used || f.Layers != g.Layers {
			t.Fatalf("seed %#x: frame %x\n got %x, %+v\nwant %x, %+v", seed, data, used, g.Layers, fresh, f.Layers)
		}
		if fresh.Bits == bitsUsual {
			usual++
		}
		if r.IntN(4) == 0 { // as recirculation leaves it
			used.Bits |= 1 << WRecirc
			used.W[WRecirc] = 7 << 32
		}
	}
	if usual < 1000 {
		t.Errorf("%d frames of the most frequent kind: this test tests nothing", usual)
	}
}
