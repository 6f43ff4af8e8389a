package flow

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	maskable, writable := 0, 0
	place := map[[2]int]ID{}
	for id := ID(0); id < NumFields; id++ {
		f := id.Field()
		if f.ID != id || f.Name == "" || f.Text == "" || f.SetText == "" || f.Bits == 0 {
			t.Errorf("row %d is incomplete: %+v", id, f)
		}
		if ByOXM(ClassBasic, uint8(id)) != f {
			t.Errorf("%s is not found by its OXM number %d", f.Name, id)
		}
		if f.NXMNumber >= 0 && ByOXM(f.NXMClass, uint8(f.NXMNumber)) != f {
			t.Errorf("%s is not found by its NXM number %d/%d", f.Name, f.NXMClass, f.NXMNumber)
		}
		for _, s := range []string{f.Name, strings.ToLower(f.Name), "OXM_OF_" + f.Name, f.SetText} {
			if got := ByName(s); got == nil || got != f {
				t.Errorf("ByName(%q) = %v, want %s", s, got, f.Name)
			}
		}
		if ByName(f.Text) == nil {
			t.Errorf("ByName(%q) finds nothing", f.Text)
		}
		if f.Maskable {
			maskable++
			if !f.OVSMask {
				t.Errorf("%s may be masked, but its text not", f.Name)
			}
		}
		if f.Writable {
			writable++
		}
		// Fields share their bits only where their protocols exclude each other.
		if f.Word != WL4 {
			for bit := range min(f.Bits, 64) {
				p := [2]int{f.Word, f.Shift + bit}
				if other, taken := place[p]; taken {
					t.Errorf("%s and %s share bit %v", f.Name, other, p)
				}
				place[p] = id
			}
		}
		if f.Shift+min(f.Bits, 64) > 64 || f.Word >= Words {
			t.Errorf("%s does not fit its word", f.Name)
		}
		if f.InKey() != (id != Metadata) {
			t.Errorf("%s: InKey() = %v", f.Name, f.InKey())
		}
	}
	// OpenFlow 1.3.5 table 12 and §7.2.5: all but the two ports, the metadata
	// and the pseudo-field of extension headers can be set.
	if maskable != 16 || writable != 36 {
		t.Errorf("%d fields maskable and %d writable, want 16 and 36", maskable, writable)
	}
}

func TestByOXMUnknown(t *testing.T) {
	for _, c := range []struct {
		class  uint16
		number uint8
	}{{ClassBasic, NumFields}, {ClassBasic, 127}, {ClassNXM0, 0}, {ClassNXM0, 4}, {ClassNXM0, 5}, {ClassNXM1, 0}, {ClassNXM1, 255}, {2, 0}, {0x8001, 0}, {ClassExperiment, 1}} {
		if f := ByOXM(c.class, c.number); f != nil {
			t.Errorf("ByOXM(%#x, %d) = %s", c.class, c.number, f.Name)
		}
	}
	if f := ByName("nosuch"); f != nil {
		t.Errorf("ByName finds %s", f.Name)
	}
	if s := ID(200).String(); s != "UNKNOWN" {
		t.Errorf("ID(200) is called %s", s)
	}
}

// Payload lengths are those of the OXM headers in the specification.
func TestFieldLen(t *testing.T) {
	want := [NumFields]int{4, 4, 8, 6, 6, 2, 2, 1, 1, 1, 1, 4, 4, 2, 2, 2, 2, 2, 2, 1, 1, 2, 4, 4, 6, 6, 16, 16, 4, 1, 1, 16, 6, 6, 4, 1, 1, 3, 8, 2}
	for id := ID(0); id < NumFields; id++ {
		if got := id.Field().Len(); got != want[id] {
			t.Errorf("%s: %d bytes, want %d", id, got, want[id])
		}
	}
}

// Set changes the field and nothing else; Get reads it back; OrMask marks
// just the bits that Set changes.
func TestFieldSetGet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for id := ID(0); id < NumFields; id++ {
		f := id.Field()
		var area Mask
		f.OrMask(&area)
		for range 100 {
			var before Wide
			for i := range before {
				before[i] = r.Uint64()
			}
			v := Value{r.Uint64(), r.Uint64()}
			after := before
			f.Set(&after, v)
			full := f.Full()
			if got, want := f.Get(&after), (Value{v.Hi & full.Hi, v.Lo & full.Lo}); got != want {
				t.Fatalf("%s: set %x, got %x", id, want, got)
			}
			for i := range after {
				if (after[i]^before[i])&^area[i] != 0 {
					t.Fatalf("%s: Set changed other bits of word %d: %#x", id, i, after[i]^before[i])
				}
			}
			f.Set(&after, Value{^v.Hi, ^v.Lo})
			var w Wide
			f.Set(&w, Value{^uint64(0), ^uint64(0)})
			if Mask(w) != area {
				t.Fatalf("%s: OrMask marks other bits than Set writes", id)
			}
		}
	}
}

func TestCheckValue(t *testing.T) {
	for _, c := range []struct {
		id ID
		v  Value
		ok bool
	}{
		{VLANVID, Value{Lo: 0x1fff}, true},
		{VLANVID, Value{Lo: 0x2000}, false},
		{IPDSCP, Value{Lo: 63}, true},
		{IPDSCP, Value{Lo: 64}, false},
		{EthDst, Value{Hi: 1}, false},
		{Metadata, Value{Lo: ^uint64(0)}, true},
		{Metadata, Value{Hi: 1}, false},
		{IPv6Src, Value{^uint64(0), ^uint64(0)}, true},
	} {
		if err := c.id.Field().CheckValue(c.v); (err == nil) != c.ok {
			t.Errorf("%s: CheckValue(%x) = %v", c.id, c.v, err)
		}
	}
}
