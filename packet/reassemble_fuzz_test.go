package packet

import (
	"bytes"
	"testing"
)

// FuzzReassemble lets the input choose pieces of a datagram, whole or damaged, and
// their order. Nothing panics, the bounds hold, and what comes out of undamaged
// pieces is the datagram.
func FuzzReassemble(f *testing.F) {
	f.Add(false, uint8(64), []byte{0, 1, 2, 3})
	f.Add(true, uint8(64), []byte{3, 2, 1, 0})
	f.Add(false, uint8(8), []byte{0, 0x81, 3, 2, 4, 5, 0, 1, 1})
	f.Add(true, uint8(200), []byte{0x80, 6, 44, 1, 0})
	f.Fuzz(func(t *testing.T, v6 bool, size uint8, script []byte) {
		whole := sampleDatagram(v6, int(size)%3, 250)
		pieces := cut(whole, max(int(size)&^7, 8))
		r, pools := NewReassembler(), NewPools()
		clean := true
		for i := 0; i < len(script); i++ {
			op := script[i]
			p := pieces[int(op&0x7f)%len(pieces)]
			if op&0x80 != 0 && i+2 < len(script) { // damaged at a place
				at, v := int(script[i+1]), script[i+2]
				i += 2
				g := FromBytes(p.Bytes())
				g.Layers = p.Layers
				if b := g.Bytes(); at >= int(p.Layers.L3) && at < len(b) {
					b[at] ^= v
				}
				g.Truncate(g.Len() - int(v&1)*20)
				p, clean = g, false
			}
			before := bytes.Clone(p.Bytes())
			got, v := r.Add(p, testOrigin, int64(i), pools)
			if (got != nil) != (v == FragmentComplete) {
				t.Fatalf("verdict %d with frame %v", v, got)
			}
			if !bytes.Equal(before, p.Bytes()) {
				t.Fatal("the fragment was written to")
			}
			if r.bytes > ReassemblyPortBytes {
				t.Fatalf("%d bytes are kept", r.bytes)
			}
			if got == nil {
				continue
			}
			if clean && !bytes.Equal(got.Bytes(), whole.Bytes()) {
				t.Fatalf("got %x, want %x", got.Bytes(), whole.Bytes())
			}
			for _, mtu := range []int{0, 68, 200, 1500} {
				out, err := Fragment(got, mtu, pools, nil)
				if err != nil && len(out) != 0 {
					t.Fatalf("%v, and %d frames", err, len(out))
				}
				for _, o := range out {
					pools.Put(o)
				}
			}
			pools.Put(got)
		}
		r.Clear()
		r.empty(t)
	})
}
