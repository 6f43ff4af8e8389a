package traffic

import (
	"math/rand/v2"
	"testing"

	"ofswitch/flow"
	"ofswitch/packet"
)

// The frame of a key has what a switch would match by it, whatever frame stood there
// before.
func TestFillKey(t *testing.T) {
	b := template(netlabMAC(1), netlabMAC(2))
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 2000 {
		var w flow.Wide
		for i := range w {
			w[i] = rng.Uint64()
		}
		proto := []uint64{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoICMP, 47}[rng.IntN(4)]
		w[flow.WIP] = proto << 24
		fillKey(b, &w)
		if packet.Checksum(b[offIP:offUDP], 0) != 0 {
			t.Fatalf("seed %d: wrong checksum of %x", seed, b)
		}
		var k flow.Key
		var got flow.Wide
		flow.Extract(packet.FromBytes(b), 1, &k)
		got.SetKey(&k)
		ports := uint64(0)
		if proto == packet.ProtoTCP || proto == packet.ProtoUDP {
			ports = w[flow.WL4] >> 32
		}
		if got[flow.WIPv4] != w[flow.WIPv4] || got[flow.WIP]>>24&0xff != proto || ports != 0 && got[flow.WL4]>>32 != ports {
			t.Fatalf("seed %d: key %x of %x, want %x", seed, got, b, w)
		}
	}
}
