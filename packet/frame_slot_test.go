package packet

import (
	"reflect"
	"testing"
)

func TestFrameSlot(t *testing.T) {
	one, two := make([]byte, 256), make([]byte, 256)
	copy(one[100:], "first")
	copy(two[100:], "other")
	var f Frame
	f.Lend(one, 100, 105, 7)
	if f.Slot() != 7 || f.Lent() != 7 || string(f.Bytes()) != "first" || f.Pooled() {
		t.Fatalf("lent: slot %d, lent %d, %q, pooled %v", f.Slot(), f.Lent(), f.Bytes(), f.Pooled())
	}
	g := f
	if g.Slot() != 0 {
		t.Error("a copy of the frame may be kept: both would be given back")
	}
	f.Shared = true
	if f.Slot() != 0 || f.Lent() != 7 {
		t.Errorf("shared: slot %d, lent %d", f.Slot(), f.Lent())
	}
	f.Shared = false
	f.Offload = Offload{NeedsCsum: true, CsumStart: 34}
	f.Exchange(two, 9)
	if f.Slot() != 9 || f.Lent() != 9 || f.Len() != 0 || f.Offload != (Offload{}) {
		t.Errorf("exchanged: slot %d, lent %d, %d bytes, %+v", f.Slot(), f.Lent(), f.Len(), f.Offload)
	}
	if string(one[100:105]) != "first" {
		t.Error("the exchange wrote to the memory that was kept")
	}
	f.Set(one, 0, 5)
	if f.Slot() != 0 || f.Lent() != 0 {
		t.Error("Set left the slot")
	}
	p := NewPool(SmallFrame)
	c := p.Get(10)
	if c.Slot() != 0 || c.Lent() != 0 {
		t.Error("a pooled frame has a slot")
	}
	f.Lend(one, 0, 5, 3)
	if c = p.Clone(&f); c.Slot() != 0 || c.Lent() != 0 {
		t.Error("a clone has the slot of what it was made from")
	}
}

// TestFrameSize holds that frames stay small: a batch has 64 of them, and each
// is written once.
func TestFrameSize(t *testing.T) {
	if n := reflect.TypeFor[Frame]().Size(); n > 96 {
		t.Errorf("a frame's head has %d bytes, want at most 96: one and a half cache lines", n)
	}
}
