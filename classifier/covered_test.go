package classifier

import (
	"math/rand/v2"
	"testing"

	"ofswitch/flow"
)

// CoveredBy and CoverCost say what flow.Match.Covers and a walk say.
func TestCoveredBy(t *testing.T) {
	seed := rand.Uint64()
	g := rand.New(rand.NewPCG(seed, 0))
	random := func() (m flow.Match) {
		for _, id := range []flow.ID{flow.InPort, flow.EthType, flow.IPv4Src, flow.IPv4Dst, flow.TCPDst, flow.VLANVID, flow.IPv6Dst} {
			switch full := id.Field().Full(); g.IntN(5) {
			case 0:
				m.Set(id, flow.Value{Lo: uint64(g.IntN(2))})
			case 1:
				m.SetMasked(id, flow.Value{Lo: uint64(g.IntN(4))}, flow.Value{Lo: full.Lo &^ uint64(g.IntN(4)), Hi: full.Hi})
			case 2:
				m.SetMasked(id, flow.Value{Lo: uint64(g.IntN(2))}, flow.Value{Lo: 1})
			}
		}
		return m
	}
	c := New[int]()
	var rules []*Rule[int]
	for i := range 300 {
		m := random()
		r := NewRule(&m, 1, i)
		c.Insert(r, 1)
		rules = append(rules, r)
	}
	hits := 0
	for range 3000 {
		m := random()
		if g.IntN(2) == 0 { // less of some rule's
			of := rules[g.IntN(len(rules))].Match()
			for i := range m.Mask {
				m.Mask[i] = of.Mask[i] & g.Uint64()
				m.Value[i] = of.Value[i] & m.Mask[i]
			}
		}
		cover := NewCover(&m)
		covered := 0
		for _, r := range rules {
			match := r.Match()
			want := m.Covers(&match)
			if got := r.CoveredBy(&cover); got != want {
				t.Fatalf("seed %d: %+v covered by %+v: %t", seed, match, m, got)
			}
			if want {
				covered++
			}
		}
		hits += covered
		found := 0
		c.EachCovered(&m, 1, func(*Rule[int]) bool { found++; return true })
		if found != covered {
			t.Fatalf("seed %d: a walk finds %d rules, %d are covered", seed, found, covered)
		}
		if cost := c.CoverCost(&m); cost == 0 && covered > 0 || cost > len(rules) {
			t.Fatalf("seed %d: the walk costs %d for %d of %d rules", seed, cost, covered, len(rules))
		}
	}
	if hits == 0 {
		t.Errorf("seed %d: nothing was ever covered", seed)
	}
}
