package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// point is one of a curve.
type point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// Contenders of the curves of lookups. They are structures of the same classifier.
const linearSearch = "linear search"

var structures = map[string]classifier.Structure{ours: classifier.Merged, plainSearch: classifier.Plain, linearSearch: classifier.Linear}

// Points of the curves.
var (
	ruleCounts  = []int{100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000}
	maskCounts  = []int{1, 3, 10, 30, 100, 300, 1000, 2000, 4000}
	tableSizes  = []int{1000, 10_000, 100_000, 1_000_000}
	memorySizes = []int{10_000, 30_000, 100_000, 300_000, 1_000_000}
)

// Settings of the curves of lookups.
const (
	curveMasks = 50     // of the curve over rules
	curveRules = 10_000 // of the curve over masks
	curveHits  = 70     // percent of the keys that some rule was made for
	// updatesEach is how many entries are deleted and added again at a point of the curve of
	// updates, if there are so many.
	updatesEach = 20_000
)

func curveLines(o *options) []line {
	lookups := []contender{{name: ours}, {name: plainSearch}, {name: linearSearch}}
	curve := func(name, unit, axis, about string, less bool, cs []contender, beside time.Duration, measure func(*setup, time.Duration) (measured, error)) line {
		return line{name: name, unit: unit, axis: axis, about: about, less: less, rounds: 3, named: true, free: true, beside: beside, contenders: cs, measure: measure}
	}
	over := func(axis string, wildcards bool, points []int) func(*setup, time.Duration) (measured, error) {
		return func(s *setup, length time.Duration) (measured, error) {
			return measureLookups(s, length, axis, wildcards, points)
		}
	}
	lines := []line{
		curve("curve-rules", "ns", "rules", fmt.Sprintf("a lookup without wildcards in rules of %d masks", curveMasks), true, lookups, 10*second, over("rules", false, ruleCounts)),
		curve("curve-rules-wildcards", "ns", "rules", fmt.Sprintf("a lookup with wildcards in rules of %d masks", curveMasks), true, lookups, 10*second, over("rules", true, ruleCounts)),
		curve("curve-masks", "ns", "masks", fmt.Sprintf("a lookup without wildcards in %d rules", curveRules), true, lookups, 4*second, over("masks", false, maskCounts)),
		curve("curve-masks-wildcards", "ns", "masks", fmt.Sprintf("a lookup with wildcards in %d rules", curveRules), true, lookups, 4*second, over("masks", true, maskCounts)),
	}
	for i := range lines {
		lines[i].bare, lines[i].length = true, second/10
	}
	cs := controlContenders(o)
	return append(lines,
		curve("curve-updates", "k/s", "flows", "flow entries deleted and added again in a table of so many", false, cs, 20*second, measureUpdates),
		curve("curve-memory", "bytes", "flows", "memory a flow", true, cs, 15*second, measureMemoryCurve))
}

// measureLookups makes a classifier for each point and looks keys up in it.
func measureLookups(s *setup, length time.Duration, axis string, wildcards bool, points []int) (m measured, err error) {
	for _, x := range points {
		rules, masks := x, curveMasks
		if axis == "masks" {
			rules, masks = curveRules, x
		}
		if s.opt.small && rules*masks > 1e6 {
			break
		}
		c, keys := randomRules(structures[s.contender.name], rules, masks)
		ns := lookupTime(c, keys, wildcards, length)
		m.curve = append(m.curve, point{float64(x), ns})
		m.value = ns
		if s.ctx.Err() != nil {
			return m, s.ctx.Err()
		}
	}
	return m, nil
}

// lookupTime is nanoseconds a lookup, the best of three times: what else the machine
// does only adds.
func lookupTime(c *classifier.Classifier[int], keys []flow.Wide, wildcards bool, length time.Duration) float64 {
	best, at := 0.0, 0
	for range 3 {
		n, began := 0, time.Now()
		for time.Since(began) < length/3 || n == 0 {
			for range 32 {
				var wc *flow.Mask
				if wildcards {
					wc = new(flow.Mask)
				}
				c.Lookup(&keys[at], 1, wc)
				if at++; at == len(keys) {
					at = 0
				}
			}
			n += 32
		}
		if ns := float64(time.Since(began).Nanoseconds()) / float64(n); best == 0 || ns < best {
			best = ns
		}
	}
	return best
}

// randomRules makes a classifier of rules over addresses, Ethernet source and ports,
// with so many masks and a hundred priorities, and keys, most of which some rule was made for.
func randomRules(how classifier.Structure, rules, masks int) (*classifier.Classifier[int], []flow.Wide) {
	rng := rand.New(rand.NewPCG(uint64(rules), uint64(masks)))
	shapes := make([]flow.Match, 0, masks)
	for seen := map[flow.Mask]bool{}; len(shapes) < masks; {
		if m := randomShape(rng); !seen[m.Mask] {
			seen[m.Mask] = true
			shapes = append(shapes, m)
		}
	}
	c := classifier.New[int](how)
	var keys []flow.Wide
	every := max(1, rules/4096)
	for i := range rules {
		m := shapes[i%masks]
		for _, w := range []int{flow.WIPv4, flow.WL4, flow.WEthSrc} {
			m.Value[w] = rng.Uint64() & m.Mask[w]
		}
		c.Insert(classifier.NewRule(&m, int32(1+rng.IntN(100)), i), 1)
		if i%every == 0 {
			keys = append(keys, randomKey(rng, &m))
		}
	}
	rng.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return c, keys
}

// randomShape is a match whose mask counts.
func randomShape(rng *rand.Rand) (m flow.Match) {
	prefix := func(n int) flow.Value { return flow.Value{Lo: ^uint64(0) << (32 - n) & 0xffffffff} }
	m.Set(flow.EthType, flow.Value{Lo: packet.TypeIPv4})
	m.Set(flow.IPProto, flow.Value{Lo: packet.ProtoTCP})
	m.SetMasked(flow.IPv4Src, flow.Value{}, prefix(8+rng.IntN(25)))
	m.SetMasked(flow.IPv4Dst, flow.Value{}, prefix(8+rng.IntN(25)))
	for _, id := range []flow.ID{flow.TCPSrc, flow.TCPDst, flow.EthSrc} {
		if rng.IntN(2) == 0 {
			m.Set(id, flow.Value{})
		}
	}
	return m
}

// randomKey is a key that m matches, or none that a rule was made for.
func randomKey(rng *rand.Rand, m *flow.Match) (k flow.Wide) {
	for w := range k {
		k[w] = m.Value[w] | rng.Uint64()&^m.Mask[w]
	}
	if rng.IntN(100) >= curveHits {
		k[flow.WIPv4], k[flow.WL4] = rng.Uint64(), rng.Uint64()
	}
	return k
}

// growing calls fn at each size of the switch's tables.
func (s *setup) growing(sizes []int, fn func(c *client, x, flows int) error) error {
	c, err := s.connect()
	if err != nil {
		return err
	}
	defer c.nc.Close() // for reading, nothing is lost
	have := 0
	for _, x := range sizes {
		n := s.opt.scaled(x)
		const part = 100_000
		for have < n {
			more := min(part, n-have)
			if _, err := c.addMany(have, more); err != nil {
				return err
			}
			have += more
		}
		if err := fn(c, x, n); err != nil {
			return err
		}
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
	}
	return nil
}

func measureUpdates(s *setup, _ time.Duration) (m measured, err error) {
	err = s.growing(tableSizes, func(c *client, x, flows int) error {
		each := min(s.opt.scaled(updatesEach), flows)
		var took time.Duration
		for _, command := range []uint8{ofp.FlowDeleteStrict, ofp.FlowAdd} {
			// The last that were added: the table is nowhere fuller than it may be.
			msgs, err := appendFlowMods(nil, command, flows-each, each)
			if err != nil {
				return err
			}
			began := time.Now()
			if err := c.barrier(msgs); err != nil {
				return err
			}
			took += time.Since(began)
		}
		m.value = 2 * float64(each) / took.Seconds() / 1e3
		m.curve = append(m.curve, point{float64(x), m.value})
		return nil
	})
	return m, err
}

func measureMemoryCurve(s *setup, _ time.Duration) (m measured, err error) {
	daemon := s.procs[len(s.procs)-1].Process.Pid
	before, err := residentMiB(daemon)
	if err != nil {
		return m, err
	}
	err = s.growing(memorySizes, func(_ *client, x, flows int) error {
		now, err := residentMiB(daemon)
		m.value = (now - before) * (1 << 20) / float64(flows)
		m.curve = append(m.curve, point{float64(x), m.value})
		return err
	})
	return m, err
}
