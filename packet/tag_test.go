package packet

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket/layers"
)

func TestVLANTags(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for tags := range 3 {
		s := build(t, r, kind{proto: layers.IPProtocolTCP, tags: tags, payload: 5})
		f := s.frame()
		s.partial(f)
		f.Offload.HdrLen, f.Offload.GSOType, f.Offload.GSOSize = uint16(s.layers.L4)+20, GSOTCPv4, 3
		before, offload := bytes.Clone(f.Bytes()), f.Offload
		if !PushVLAN(f, TypeQinQ, 0xa123) {
			t.Fatal("push failed")
		}
		want := append(append(bytes.Clone(before[:12]), 0x88, 0xa8, 0xa1, 0x23), before[12:]...)
		if !bytes.Equal(f.Bytes(), want) {
			t.Errorf("pushed: % x, want % x", f.Bytes(), want)
		}
		if f.Offload.CsumStart != offload.CsumStart+4 || f.Offload.HdrLen != offload.HdrLen+4 {
			t.Errorf("offload %+v, was %+v", f.Offload, offload)
		}
		if f.Layers != (Layers{L2End: s.layers.L2End + 4, MPLS: -1, L3: s.layers.L3 + 4, L4: s.layers.L4 + 4}) {
			t.Errorf("layers %+v, were %+v", f.Layers, s.layers)
		}
		if !PopVLAN(f) || !bytes.Equal(f.Bytes(), before) || f.Offload != offload || f.Layers != s.layers {
			t.Errorf("popped: % x %+v %+v", f.Bytes(), f.Offload, f.Layers)
		}
		for n := range tags + 1 {
			if got := PopVLAN(f); got != (n < tags) {
				t.Errorf("pop %d of %d tags: %v", n+1, tags, got)
			}
		}
		checked := f.Headroom() / VLANLen
		for n := range checked + 1 {
			if got := PushVLAN(f, TypeVLAN, uint16(n)); got != (n < checked) {
				t.Fatalf("push %d with room for %d: %v", n+1, checked, got)
			}
		}
		// The next push needs a copy, which has room again.
		if c := NewPools().Clone(f); !PushVLAN(c, TypeVLAN, 1) || c.Len() != f.Len()+4 {
			t.Error("push after clone failed")
		}
	}
	if f := FromBytes(make([]byte, EthernetLen-1)); PushVLAN(f, TypeVLAN, 1) || PopVLAN(f) {
		t.Error("tag in a frame without a whole header")
	}
}
