package classifier

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"ofswitch/flow"
)

// adversaries make rules that tuple-space search likes least.
var adversaries = []struct {
	name string
	make func(g *generator, i int) flow.Match
}{
	{"a mask for each rule, and all match one key", func(g *generator, i int) (m flow.Match) {
		for _, w := range []int{flow.WEthSrc, flow.WIPv4, flow.WL4, flow.WEthDst} {
			m.Mask[w] = g.Uint64()
		}
		return m
	}},
	{"a mask for each rule, random values", func(g *generator, i int) (m flow.Match) {
		for _, w := range []int{flow.WEthSrc, flow.WIPv4, flow.WL4} {
			m.Mask[w] = g.Uint64()
			m.Value[w] = g.Uint64() & m.Mask[w]
		}
		return m
	}},
	{"prefixes of all lengths of one pair, and ports", func(g *generator, i int) (m flow.Match) {
		lanes[laneIPv4Src].addTo(&m.Mask, 1+i%32)
		lanes[laneIPv4Dst].addTo(&m.Mask, 1+i/32%32)
		lanes[laneL4Dst].addTo(&m.Mask, i/1024)
		return m
	}},
	{"one pair of hosts, all ports", func(g *generator, i int) (m flow.Match) {
		m.Mask[flow.WIPv4] = ^uint64(0)
		m.Mask[flow.WL4], m.Value[flow.WL4] = 0xffff<<32, uint64(i)<<32
		m.Mask[flow.WEthSrc] = uint64(i % 5) // masks enough for merging
		return m
	}},
	{"one match, all priorities", func(g *generator, i int) (m flow.Match) {
		m.Mask[flow.WIPv4] = 1 << (i % 7)
		return m
	}},
}

// However many masks there are, a lookup probes a bounded number of tables, finds what
// it should, with a record that holds; and nothing is left of rules that went.
func TestAdversaries(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	n := 3000
	if testing.Short() || raceEnabled {
		n = 800
	}
	for _, a := range adversaries {
		t.Run(a.name, func(t *testing.T) {
			g := newGenerator(seed)
			c := New[int]()
			var rules []*Rule[int]
			for i := range n {
				m := a.make(g, i)
				r := NewRule(&m, int32(1+g.IntN(60000)), i)
				c.Insert(r, 1)
				rules = append(rules, r)
				if p := c.Probes(); p > mergedLimit+ownTables+1 {
					t.Fatalf("%d tables for %d masks", p, c.Masks())
				}
			}
			t.Logf("%d masks, %d tables", c.Masks(), c.Probes())
			check(t, c)
			for range 60 {
				m, o := rules[g.IntN(n)].Match(), rules[g.IntN(n)].Match()
				w := g.key(&m, &o)
				if g.IntN(3) == 0 {
					w = flow.Wide{}
				}
				var wc flow.Mask
				got := c.Lookup(&w, 1, &wc)
				var want *Rule[int]
				for _, r := range rules {
					if (want == nil || r.priority > want.priority) && r.Matches(&w) {
						want = r
					}
				}
				if (got == nil) != (want == nil) || got != nil && got.priority != want.priority {
					t.Fatalf("%v found, want %v", got, want)
				}
				flipped := g.flip(w, &wc)
				if again := c.Lookup(&flipped, 1, nil); again != got {
					t.Fatal("bits outside the record change the answer")
				}
			}
			g.Shuffle(n, func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
			for i, r := range rules {
				if i == n/2 {
					check(t, c)
				}
				c.Remove(r, 2)
				c.Unlink(r)
			}
			check(t, c)
			if c.Probes() != 0 || c.Masks() != 0 || len(c.merged) != 0 || c.own != 0 {
				t.Errorf("%d tables and %d subtables left", c.Probes(), c.Masks())
			}
		})
	}
}

// BenchmarkAdversaries is what these rules cost a lookup, beside plain tuple-space
// search.
func BenchmarkAdversaries(b *testing.B) {
	for i, a := range adversaries {
		for _, s := range structures[:3] {
			g := newGenerator(1)
			c := New[int](s.how)
			for i := range 5000 {
				m := a.make(g, i)
				c.Insert(NewRule(&m, int32(1+g.IntN(60000)), i), 1)
			}
			var keys [1024]flow.Wide
			for k := range keys {
				for w := range keys[k] {
					keys[k][w] = g.Uint64() // matches next to nothing
				}
			}
			b.Run(fmt.Sprintf("kind=%d/how=%s", i, s.name), func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					c.Lookup(&keys[i&1023], 1, nil)
				}
				b.ReportMetric(float64(c.Masks()), "masks")
				b.ReportMetric(float64(c.Probes()), "tables")
			})
		}
	}
}
