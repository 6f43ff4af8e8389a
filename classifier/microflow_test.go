package classifier

import (
	"math/rand/v2"
	"testing"

	"ofswitch/flow"
)

func keyOf(i uint64) (k flow.Key) {
	k.W[flow.WEthDst], k.W[flow.WIPv4] = i>>8, i
	k.Bits = 1<<flow.WEthDst | 1<<flow.WIPv4
	return k
}

// The cache against a map: what it returns is what was inserted last, and what
// it no longer has it gave back as evicted. hashes narrows the hash, so
// that different keys share one.
func compareMicroflow(c *Microflow[int], hashes uint32, corrupt func(i int)) (hits int, bad string) {
	rng := rand.New(rand.NewPCG(1, 2))
	has := map[uint64]*int{} // what must be in there
	by := map[*int]uint64{}
	for i := range 200000 {
		x := uint64(rng.IntN(400))
		k := keyOf(x)
		h := k.Hash() % hashes * (0xffffffff / hashes)
		switch rng.IntN(8) {
		case 0:
			if got := c.Delete(&k, h); got != has[x] {
				return hits, "delete returned another entry"
			}
			delete(has, x)
		case 1, 2, 3:
			p := new(int)
			old := has[x]
			evicted := c.Insert(&k, h, p)
			switch {
			case old != nil && evicted != old:
				return hits, "the old entry of the key was not returned"
			case old == nil && evicted != nil:
				y := by[evicted]
				if has[y] != evicted {
					return hits, "evicted what was not there"
				}
				delete(has, y)
			}
			has[x], by[p] = p, x
		default:
			got := c.Lookup(&k, h)
			if got != has[x] {
				return hits, "lookup returned another entry"
			}
			if got != nil {
				hits++
			}
		}
		if c.Len() != len(has) {
			return hits, "wrong length"
		}
		corrupt(i)
	}
	seen := 0
	for range has {
		seen++
	}
	c.Each(func(k *flow.Key, p *int) bool {
		if has[k.W[flow.WIPv4]] != p {
			bad = "walk shows another entry"
		}
		seen--
		return true
	})
	if seen != 0 {
		bad = "walk is not complete"
	}
	return hits, bad
}

func TestMicroflowAgainstMap(t *testing.T) {
	for _, tc := range []struct {
		entries int
		hashes  uint32
	}{{1, 1 << 20}, {64, 1 << 20}, {256, 1 << 20}, {1024, 1 << 20}, {64, 3}, {256, 1}, {1024, 50}} {
		c := NewMicroflow[int](tc.entries)
		hits, bad := compareMicroflow(c, tc.hashes, func(int) {})
		if bad != "" || hits == 0 {
			t.Errorf("%+v: %s (%d hits)", tc, bad, hits)
		}
		if c.Cap() < tc.entries || c.Len() > c.Cap() {
			t.Errorf("%+v: %d of %d entries", tc, c.Len(), c.Cap())
		}
		c.Clear()
		if c.Len() != 0 {
			t.Errorf("%d left after Clear", c.Len())
		}
		c.Each(func(*flow.Key, *int) bool { t.Error("an entry after Clear"); return false })
	}
}

// Planted bugs: a stored key with a bit changed, and places swapped.
func TestMicroflowPlantedBugs(t *testing.T) {
	c := NewMicroflow[int](256)
	if _, bad := compareMicroflow(c, 1<<20, func(i int) {
		if i == 5000 {
			for j := range c.keys {
				c.keys[j].w[1] ^= 1 // the second word in use
			}
		}
	}); bad == "" {
		t.Error("changed keys not detected")
	}
	c = NewMicroflow[int](256)
	if _, bad := compareMicroflow(c, 1<<20, func(i int) {
		if i == 5000 {
			for j := range c.sets {
				s := &c.sets[j]
				s.vals[0], s.vals[1] = s.vals[1], s.vals[0]
			}
		}
	}); bad == "" {
		t.Error("swapped entries not detected")
	}
}

// Entries in use survive a flood of keys that come once.
func TestMicroflowKeepsWhatIsUsed(t *testing.T) {
	c := NewMicroflow[int](1024)
	const hot = 200
	ps := map[uint64]*int{}
	for i := range uint64(hot) {
		k := keyOf(i)
		ps[i] = new(int)
		c.Insert(&k, fixedHash(i), ps[i])
	}
	misses := 0
	for i := range uint64(20000) {
		for j := range uint64(2) {
			x := (2*i + j) % hot
			k := keyOf(x)
			if c.Lookup(&k, fixedHash(x)) == nil {
				misses++
				c.Insert(&k, fixedHash(x), ps[x])
			}
		}
		k := keyOf(1000 + i)
		c.Insert(&k, fixedHash(1000+i), new(int))
	}
	// Five hot lookups to each new key in a set: sets with more than three hot keys lose some.
	if misses > 40000/10 {
		t.Errorf("%d of 40000 lookups of keys in use missed", misses)
	}
}

// fixedHash spreads numbers the same in every run: a Key's own hash has a seed
// of the process, and how many hot keys share a set would be luck.
func fixedHash(i uint64) uint32 {
	i *= 0x9e3779b97f4a7c15
	i ^= i >> 29
	return uint32(i * 0xbf58476d1ce4e5b9 >> 32)
}

func TestMicroflowAllocatesNothing(t *testing.T) {
	c := NewMicroflow[int](64)
	p := new(int)
	i := uint64(0)
	if n := testing.AllocsPerRun(1000, func() {
		k := keyOf(i)
		i++
		h := k.Hash()
		c.Insert(&k, h, p)
		c.Lookup(&k, h)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
