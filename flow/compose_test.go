package flow

import (
	"math/rand/v2"
	"testing"

	"ofswitch/packet"
)

// TestComposeIsExtractBackwards holds that a composed frame has the key that it was made
// for, for keys that were extracted from whole frames without what Compose leaves out:
// extension headers and SNAP.
func TestComposeIsExtractBackwards(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	same := 0
	const rounds = 5000
	for range rounds {
		var k, again Key
		Extract(packet.FromBytes(randomFrame(r)), 7, &k)
		var w, got Wide
		w.SetKey(&k)
		made := packet.FromBytes(Compose(&w))
		if made.Len() < minFrame {
			t.Fatalf("seed %d: a frame of %d bytes", seed, made.Len())
		}
		Extract(made, 7, &again)
		got.SetKey(&again)
		exthdr := IPv6Exthdr.Field()
		exthdr.Set(&w, Value{})
		exthdr.Set(&got, Value{})
		if w == got {
			same++
		}
		// Whatever else is left out, addresses and the EtherType of a frame that has some are there.
		if again.W[WEthSrc]&^MoreTags != k.W[WEthSrc]&^MoreTags || again.W[WEthDst]>>16 != k.W[WEthDst]>>16 {
			t.Fatalf("seed %d: addresses %x %x, want %x %x", seed, again.W[WEthDst], again.W[WEthSrc], k.W[WEthDst], k.W[WEthSrc])
		}
	}
	if same < rounds*3/4 { // some 83 percent; the others are of cut frames, SNAP, deeper tags
		t.Errorf("seed %d: %d of %d keys came back", seed, same, rounds)
	}
}
