package classbench

import (
	"math"
	"math/rand/v2"

	"ofswitch/flow"
)

// Trace makes n keys, each of which some match covers: a match is chosen evenly,
// the bits that it does not ask for are random, and the key is repeated as often as
// a Pareto distribution of shape 1 and scale locality says (ClassBench, section 5):
// 0 for no repetition, 0.1 for little, 1 for bursts of which a tenth are longer than
// ten. The words of the result that no match of the set asks for are zero. Equal
// arguments make equal traces.
func Trace(matches []flow.Match, n int, locality float64, seed uint64) []flow.Wide {
	rng := rand.New(rand.NewPCG(seed, 0xc1a55))
	var used flow.Mask
	for i := range matches {
		used.Or(&matches[i].Mask)
	}
	out := make([]flow.Wide, 0, n)
	for len(out) < n && len(matches) > 0 {
		m := &matches[rng.IntN(len(matches))]
		var w flow.Wide
		for i := range w {
			w[i] = m.Value[i] | rng.Uint64()&used[i]&^m.Mask[i]
		}
		for copies := burst(rng.Float64(), locality); copies > 0 && len(out) < n; copies-- {
			out = append(out, w)
		}
	}
	return out
}

// burst is the length of the burst for a number u in [0, 1).
func burst(u, scale float64) int {
	return max(1, int(math.Ceil(min(scale/(1-u), 1<<20))))
}
