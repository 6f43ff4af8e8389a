package classifier

import (
	"math/rand/v2"
	"testing"
)

// What is said of a type is true, also where types have more different sets of tables than there are numbers: then
// nothing is ruled out. When all is gone, nothing is left.
func TestTypeTables(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	var x typeTables
	const tables = 12
	for i := range int32(tables) {
		x.typed.put(i, true)
	}
	has := map[uint16]map[int32]bool{}
	put := func(table int32, kind uint16, in bool) {
		x.put(table, kind, in)
		if has[kind] == nil {
			has[kind] = map[int32]bool{}
		}
		has[kind][table] = in
	}
	told, any := 0, 0
	check := func() {
		t.Helper()
		for kind, in := range has {
			lack := x.lack(kind)
			for i := range int32(tables) {
				if lack.has(i) && in[i] {
					t.Fatalf("seed %d: table %d is ruled out, and has rules of type %x", seed, i, kind)
				}
			}
			if lack == (tableSet{}) {
				any++
			} else {
				told++
			}
		}
	}
	for range 600 { // more sets than numbers
		kind := uint16(r.IntN(1000))
		for range 4 {
			i := r.Int32N(tables)
			put(i, kind, !has[kind][i])
		}
	}
	check()
	if any == 0 || told == 0 {
		t.Errorf("seed %d: of %d types something is ruled out, of %d nothing; want some of both", seed, told, any)
	}
	for kind, in := range has {
		for i, some := range in {
			if some {
				put(i, kind, false)
			}
		}
	}
	for i := range x.pages {
		if x.pages[i].Load() != nil {
			t.Errorf("seed %d: a page is left", seed)
		}
	}
	for n, uses := range x.sets.uses {
		if uses != 0 {
			t.Errorf("seed %d: set %d is left in use", seed, n)
		}
	}
	put(3, 0x800, true)
	if lack := x.lack(0x800); lack.has(3) || !lack.has(4) {
		t.Errorf("seed %d: %x ruled out, want all but table 3", seed, lack)
	}
}
