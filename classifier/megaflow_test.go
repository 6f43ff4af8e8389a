package classifier

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"ofswitch/flow"
)

// megaValue is what the cache under test leads to, with all that the naive one needs.
type megaValue struct {
	key   flow.Key
	tuple *Tuple[megaValue]
	used  bool
}

func (v *megaValue) wasUsed() bool {
	u := v.used
	v.used = false
	return u
}

// matches is the naive answer: the entry's key and k are equal in the bits of its mask.
func (v *megaValue) matches(k *flow.Key) bool {
	if v.key.Bits != k.Bits || v.key.W[flow.WInPort] != k.W[flow.WInPort] {
		return false
	}
	m := v.tuple.Mask()
	for i := range k.W {
		if (k.W[i]^v.key.W[i])&m[i] != 0 {
			return false
		}
	}
	return true
}

func megaKey(rng *rand.Rand, ports int) (k flow.Key) {
	k.Bits = 1<<flow.WInPort | 1<<flow.WEthDst | 1<<flow.WEthSrc
	port := uint64(rng.IntN(ports))
	k.W[flow.WInPort] = port<<32 | port
	k.W[flow.WEthDst], k.W[flow.WEthSrc] = uint64(rng.IntN(4))<<16|0x0800, uint64(rng.IntN(4))<<16
	if rng.IntN(4) > 0 {
		k.Bits |= 1 << flow.WIPv4
		k.W[flow.WIPv4] = uint64(rng.IntN(8))<<32 | uint64(rng.IntN(8))
	}
	return k
}

func megaMask(rng *rand.Rand) (m flow.Mask) {
	m[flow.WInPort] = ^uint64(0)
	for _, w := range []int{flow.WEthDst, flow.WEthSrc, flow.WIPv4} {
		if rng.IntN(2) == 0 {
			m[w] = ^uint64(0) << (rng.IntN(3) * 16)
		}
	}
	if rng.IntN(3) == 0 {
		m[flow.WIPv4] |= 7
	}
	m[flow.WMetadata] = rng.Uint64() // no bits of a key
	return m
}

// compareMegaflow holds the cache against a list: what it finds matches and is there
// still, what it does not find is not there, what it gives back as evicted was there.
func compareMegaflow(rng *rand.Rand, c *Megaflow[megaValue], masks, steps int, corrupt func(i int)) (hits, covered int, bad string) {
	has := map[*megaValue]bool{}
	for i := range steps {
		k := megaKey(rng, 3)
		switch rng.IntN(6) {
		case 0, 1:
			m := megaMask(rng)
			v := &megaValue{key: k}
			full := c.MasksOf(uint32(k.W[flow.WInPort])) == masks
			t, evicted := c.Insert(&k, &m, v)
			if evicted != nil {
				if !has[evicted] || evicted == v {
					return hits, covered, "evicted what was not there"
				}
				delete(has, evicted)
			}
			if t == nil {
				if !full || evicted != nil {
					return hits, covered, "refused, though there was room for a mask"
				}
				continue
			}
			v.tuple = t
			has[v] = true
			got := t.Mask()
			for w := range flow.KeyWords {
				want := m[w]
				if w == flow.WInPort || k.Bits>>w&1 == 0 {
					want = 0
				}
				if want&^got[w] != 0 || want != got[w] && !full {
					return hits, covered, fmt.Sprintf("mask %x of word %d became %x", want, w, got[w])
				}
				if want != got[w] {
					covered++
				}
			}
		case 2:
			for v := range has {
				if rng.IntN(2) == 0 {
					k := v.key
					if !c.Delete(&k, v.tuple, v) {
						return hits, covered, "an entry cannot be deleted"
					}
					if c.Delete(&k, v.tuple, v) {
						return hits, covered, "an entry was deleted twice"
					}
					delete(has, v)
				}
				break
			}
		default:
			got, _ := c.Lookup(&k)
			if got != nil {
				got.used = true
				hits++
				if !has[got] || !got.matches(&k) {
					return hits, covered, "found what does not match"
				}
				continue
			}
			for v := range has {
				if v.matches(&k) {
					return hits, covered, "did not find what is there"
				}
			}
		}
		if c.Len() != len(has) || c.Len() > c.Cap() {
			return hits, covered, fmt.Sprintf("%d entries, want %d", c.Len(), len(has))
		}
		sum := 0
		for port := range uint32(3) {
			if c.MasksOf(port) > masks {
				return hits, covered, "too many masks"
			}
			sum += c.MasksOf(port)
		}
		if sum != c.Masks() {
			return hits, covered, "masks counted wrongly"
		}
		corrupt(i)
	}
	n := 0
	c.Each(func(v *megaValue) bool { n++; return has[v] })
	if n != len(has) {
		bad = "walk shows something else"
	}
	return hits, covered, bad
}

func TestMegaflowAgainstList(t *testing.T) {
	seed := rand.Uint64()
	covered := 0
	for i, tt := range []struct{ entries, masks int }{{1, 1}, {8, 2}, {30, 4}, {100, 1000}, {1000, 3}, {1000, 1000}} {
		c := NewMegaflow(tt.entries, tt.masks, (*megaValue).wasUsed)
		hits, cov, bad := compareMegaflow(rand.New(rand.NewPCG(seed, uint64(i))), c, tt.masks, 20000, func(int) {})
		if bad != "" || hits == 0 {
			t.Errorf("seed %#x, %+v: %s (%d hits)", seed, tt, bad, hits)
		}
		covered += cov
		c.Clear()
		if c.Len() != 0 || c.Masks() != 0 {
			t.Error("something is left after Clear")
		}
	}
	if covered == 0 {
		t.Errorf("seed %#x: no entry went into a tuple of more bits", seed)
	}
}

// Planted bugs: the comparison finds a changed value, a lost tag and swapped values.
func TestMegaflowPlantedBugs(t *testing.T) {
	for name, corrupt := range map[string]func(t *Tuple[megaValue]){
		"value changed": func(t *Tuple[megaValue]) {
			for i := range t.keys {
				t.keys[i] ^= 1 << 17
			}
		},
		"tags lost": func(t *Tuple[megaValue]) { clear(t.tags) },
		"mask has a bit less": func(t *Tuple[megaValue]) {
			if len(t.words) > 0 {
				t.words[0].mask &= t.words[0].mask - 1
			}
		},
	} {
		c := NewMegaflow(1000, 1000, (*megaValue).wasUsed)
		_, _, bad := compareMegaflow(rand.New(rand.NewPCG(1, 1)), c, 1000, 20000, func(i int) {
			if i%5000 == 4999 {
				for _, p := range c.ports {
					for _, t := range p.tuples {
						corrupt(t)
					}
				}
			}
		})
		if bad == "" {
			t.Errorf("%s: not found", name)
		}
	}
}

// A port that floods the cache with entries used once drives out its own, however many,
// and none of those that others use.
func TestMegaflowKeepsWhatOthersUse(t *testing.T) {
	c := NewMegaflow(1000, 64, (*megaValue).wasUsed)
	entry := func(port, n uint64) *megaValue {
		v := &megaValue{}
		v.key.Bits = 1<<flow.WInPort | 1<<flow.WEthSrc
		v.key.W[flow.WInPort], v.key.W[flow.WEthSrc] = port<<32|port, n<<16
		return v
	}
	var m flow.Mask
	m[flow.WEthSrc] = ^uint64(0)
	var mine []*megaValue
	for i := range uint64(300) {
		v := entry(1, i)
		v.tuple, _ = c.Insert(&v.key, &m, v)
		mine = append(mine, v)
	}
	lost := map[*megaValue]bool{}
	for i := range uint64(20000) {
		mine[i%300].used = true
		v := entry(2, i)
		var evicted *megaValue
		if v.tuple, evicted = c.Insert(&v.key, &m, v); evicted != nil {
			lost[evicted] = true
		}
	}
	for i, v := range mine {
		if lost[v] {
			t.Fatalf("entry %d of the other port was evicted", i)
		}
	}
	if c.Len() != 1000 {
		t.Errorf("%d entries, want as many as fit", c.Len())
	}
	// A third port whose entries are all in use gets its share of those of the flooder, and then
	// no more than that.
	var third []*megaValue
	for i := range uint64(2000) {
		v := entry(3, i)
		v.tuple, _ = c.Insert(&v.key, &m, v)
		third = append(third, v)
		for _, v := range third {
			v.used = true
		}
		for _, v := range mine {
			v.used = true
		}
	}
	n := map[uint64]int{}
	c.Each(func(v *megaValue) bool { n[v.key.W[flow.WInPort]>>32]++; v.used = true; return true })
	if n[1] < 290 || n[3] < 300 {
		t.Errorf("ports have %v entries", n)
	}
}

// Masks that one port makes us build make no other port's searches longer.
func TestMegaflowMasksOfOthers(t *testing.T) {
	c := NewMegaflow(100000, 50, (*megaValue).wasUsed)
	rng := rand.New(rand.NewPCG(1, 2))
	insert := func(port uint64, mask uint64) (*Tuple[megaValue], *megaValue) {
		v := &megaValue{}
		v.key.Bits = 1<<flow.WInPort | 1<<flow.WIPv4
		v.key.W[flow.WInPort], v.key.W[flow.WIPv4] = port<<32|port, rng.Uint64()
		var m flow.Mask
		m[flow.WIPv4] = mask
		v.tuple, _ = c.Insert(&v.key, &m, v)
		return v.tuple, v
	}
	_, mine := insert(1, 0xff)
	refused := 0
	for range 5000 {
		if t, _ := insert(2, rng.Uint64()); t == nil {
			refused++
		}
	}
	if c.MasksOf(2) != 50 || refused < 4000 {
		t.Errorf("%d masks, %d refused", c.MasksOf(2), refused)
	}
	if v, probes := c.Lookup(&mine.key); v != mine || probes != 1 {
		t.Errorf("%d tuples searched for the other port, want 1", probes)
	}
}

// The tuples with the most hits are searched first.
func TestMegaflowOrder(t *testing.T) {
	c := NewMegaflow(1000, 50, (*megaValue).wasUsed)
	var last *megaValue
	for i := range 20 {
		v := &megaValue{}
		v.key.Bits = 1<<flow.WInPort | 1<<flow.WIPv4
		v.key.W[flow.WIPv4] = 1 << i
		var m flow.Mask
		m[flow.WIPv4] = 3 << i
		v.tuple, _ = c.Insert(&v.key, &m, v)
		last = v
	}
	if _, probes := c.Lookup(&last.key); probes != 20 {
		t.Fatalf("%d tuples searched, want 20: this test tests nothing", probes)
	}
	for range 2 * orderEvery {
		c.Lookup(&last.key)
	}
	if v, probes := c.Lookup(&last.key); v != last || probes != 1 {
		t.Errorf("%d tuples searched for what is asked for most, want 1", probes)
	}
}
