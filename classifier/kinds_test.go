package classifier

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"ofswitch/flow"
)

// ruleKind is a way to make rules over addresses, Ethernet source and ports: what masks look like, and from what values
// are taken.
type ruleKind struct {
	name string
	// shape gives a mask. A kind that has fewer than are asked for gives some twice.
	shape func(rng *rand.Rand) flow.Mask
	// pool is how many values a field of a rule has; 0: any.
	pool int
	// byBits has the rules of most bits come first, instead of any.
	byBits bool
}

// ruleKinds are what the benchmarks of lookups with wildcards go through.
var ruleKinds = []ruleKind{
	{name: "fields", shape: wholeFields},
	{name: "fields-pool", shape: wholeFields, pool: 16},
	{name: "fields-256", shape: wholeFields, pool: 256},
	{name: "ovs", shape: anyFields, pool: 2},
	{name: "prefixes", shape: func(rng *rand.Rand) flow.Mask { return someOf(rng, 8+rng.IntN(25), 8+rng.IntN(25), 50) }},
	{name: "all-lengths", shape: func(rng *rand.Rand) flow.Mask { return someOf(rng, rng.IntN(33), rng.IntN(33), 50) }},
	{name: "bytes", shape: func(rng *rand.Rand) flow.Mask { return someOf(rng, 8*rng.IntN(5), 8*rng.IntN(5), 50) }},
	{name: "bytes-pool", shape: func(rng *rand.Rand) flow.Mask { return someOf(rng, 8*rng.IntN(5), 8*rng.IntN(5), 50) }, pool: 64},
	{name: "bytes-by-bits", shape: func(rng *rand.Rand) flow.Mask { return someOf(rng, 8*rng.IntN(5), 8*rng.IntN(5), 50) }, byBits: true},
	{name: "long", shape: func(rng *rand.Rand) flow.Mask { return someOf(rng, 16+rng.IntN(17), 16+rng.IntN(17), 100) }},
	{name: "single", shape: oneField},
	{name: "ranges", shape: portRanges},
}

func prefixMask(id flow.ID, n int) (m flow.Mask) {
	if full := id.Field().Bits; n > 0 {
		var x flow.Match
		x.SetMasked(id, flow.Value{}, flow.Value{Lo: ^uint64(0) >> (64 - full) &^ (1<<(full-n) - 1)})
		m = x.Mask
	}
	return m
}

// someOf is a mask of prefixes of both addresses, and of the other fields each with some chance in percent.
func someOf(rng *rand.Rand, src, dst, chance int) (m flow.Mask) {
	for _, x := range []flow.Mask{prefixMask(flow.EthType, 16), prefixMask(flow.IPProto, 8), prefixMask(flow.IPv4Src, src), prefixMask(flow.IPv4Dst, dst)} {
		m.Or(&x)
	}
	for _, id := range []flow.ID{flow.TCPSrc, flow.TCPDst, flow.EthSrc} {
		if x := prefixMask(id, id.Field().Bits); rng.IntN(100) < chance {
			m.Or(&x)
		}
	}
	return m
}

// wholeFields is any of the fields, whole.
func wholeFields(rng *rand.Rand) (m flow.Mask) {
	m = someOf(rng, 32*rng.IntN(2), 32*rng.IntN(2), 50)
	if x := prefixMask(flow.InPort, 32); rng.IntN(2) == 0 {
		m.Or(&x)
	}
	return m
}

// anyFields is any of many fields, whole.
func anyFields(rng *rand.Rand) (m flow.Mask) {
	m = prefixMask(flow.EthType, 16)
	for _, id := range []flow.ID{flow.IPv4Src, flow.IPv4Dst, flow.TunnelID, flow.Metadata, flow.InPort, flow.VLANVID, flow.TCPSrc, flow.TCPDst, flow.EthSrc, flow.EthDst, flow.IPProto, flow.IPDSCP} {
		if x := prefixMask(id, id.Field().Bits); rng.IntN(2) == 0 {
			m.Or(&x)
		}
	}
	return m
}

// oneField is a prefix of one field.
func oneField(rng *rand.Rand) (m flow.Mask) {
	m = someOf(rng, 0, 0, 0)
	id := []flow.ID{flow.IPv4Src, flow.IPv4Dst, flow.TCPSrc, flow.TCPDst, flow.EthSrc}[rng.IntN(5)]
	n := id.Field().Bits
	x := prefixMask(id, n-rng.IntN(n*3/4))
	m.Or(&x)
	return m
}

// portRanges are prefixes of addresses, and of ports.
func portRanges(rng *rand.Rand) (m flow.Mask) {
	m = someOf(rng, 8*rng.IntN(5), 8*rng.IntN(5), 0)
	for _, id := range []flow.ID{flow.TCPSrc, flow.TCPDst} {
		x := prefixMask(id, rng.IntN(3)*(1+rng.IntN(8)))
		m.Or(&x)
	}
	return m
}

// make makes a classifier of rules, with a hundred priorities, and keys, of which so many percent are made for a rule; the
// others are as near, with one bit changed that the rule asks for, or any.
func (k *ruleKind) make(how Structure, rules, masks, hits int, seed uint64) (*Classifier[int], []flow.Wide) {
	rng := rand.New(rand.NewPCG(seed, uint64(rules*1000+masks)))
	shapes := make([]flow.Mask, 0, masks)
	seen := map[flow.Mask]bool{}
	for tries := 0; len(shapes) < masks; tries++ {
		if m := k.shape(rng); !seen[m] || tries > 100*masks {
			seen[m] = true
			shapes = append(shapes, m)
		}
	}
	var used flow.Mask
	for i := range shapes {
		used.Or(&shapes[i])
	}
	pool := make([]flow.Wide, max(1, k.pool))
	for i := range pool {
		for j := range pool[i] {
			pool[i][j] = rng.Uint64()
		}
	}
	c := New[int](how)
	const most = 8192
	keys := make([]flow.Wide, 0, most)
	every := max(1, rules/most)
	for i := range rules {
		m := flow.Match{Mask: shapes[i%masks]}
		for w := range m.Value {
			for _, part := range parts[w] {
				v := rng.Uint64()
				if k.pool > 0 {
					v = pool[rng.IntN(len(pool))][w]
				}
				m.Value[w] |= v & part & m.Mask[w]
			}
		}
		m.Value[flow.WEthDst] |= 0x0800
		m.Value[flow.WIP] = m.Value[flow.WIP]&^protoMask | 6<<24&protoMask
		p := int32(1 + rng.IntN(100))
		if k.byBits {
			p = int32(newShape(&m.Mask).bits()) * 100 / 192
		}
		c.Insert(NewRule(&m, p, i), 1)
		if i%every != 0 || len(keys) == most {
			continue
		}
		var w flow.Wide
		for j := range w {
			w[j] = (m.Value[j] | rng.Uint64()&^m.Mask[j]) & used[j]
		}
		if rng.IntN(100) >= hits {
			if rng.IntN(2) == 0 {
				for _, j := range []int{flow.WIPv4, flow.WL4, flow.WEthSrc, flow.WInPort} {
					if k.pool > 0 {
						w[j] = pool[rng.IntN(len(pool))][j] & used[j]
						continue
					}
					w[j] = rng.Uint64() & used[j]
				}
			} else {
				word := []int{flow.WIPv4, flow.WL4, flow.WEthSrc}[rng.IntN(3)]
				for m.Mask[word] != 0 {
					if b := uint64(1) << rng.IntN(64); m.Mask[word]&b != 0 {
						w[word] ^= b
						break
					}
				}
			}
		}
		w[flow.WEthDst] |= 0x0800
		w[flow.WIP] = w[flow.WIP]&^protoMask | 6<<24&protoMask
		keys = append(keys, w)
	}
	rng.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return c, keys
}

// Over rules of all kinds, merged tables give the answers of plain search, and keys equal in the recorded bits the same.
func TestKinds(t *testing.T) {
	seed := rand.Uint64()
	for _, k := range ruleKinds {
		for _, masks := range []int{10, 50} {
			c, keys := k.make(Merged, 400, masks, 50, seed)
			plain, _ := k.make(Plain, 400, masks, 50, seed)
			g := newGenerator(seed)
			hits := 0
			for i := range keys {
				w := &keys[i]
				var wc flow.Mask
				got, want := c.Lookup(w, 1, &wc), plain.Lookup(w, 1, nil)
				if (got == nil) != (want == nil) || got != nil && got.Priority() != want.Priority() {
					t.Fatalf("%s of %d masks, seed %d, key %d: %v instead of %v", k.name, masks, seed, i, got, want)
				}
				if got != nil {
					hits++
				}
				for range 4 {
					flipped := g.flip(*w, &wc)
					if again := c.Lookup(&flipped, 1, nil); again != got {
						t.Fatalf("%s of %d masks, seed %d, key %d: bits outside the record change the answer", k.name, masks, seed, i)
					}
				}
			}
			if hits == 0 || hits == len(keys) && k.pool == 0 {
				t.Errorf("%s of %d masks, seed %d: %d hits of %d", k.name, masks, seed, hits, len(keys))
			}
		}
	}
}

// BenchmarkKinds is the time of a lookup over rules of several kinds.
func BenchmarkKinds(b *testing.B) {
	for _, k := range ruleKinds {
		for _, n := range []int{1000, 10000} {
			for _, masks := range []int{10, 50} {
				for _, hits := range []int{70, 12} {
					made := sync.OnceValues(func() (*Classifier[int], []flow.Wide) {
						return k.make(Merged, n, masks, hits, 1)
					})
					name := fmt.Sprintf("kind=%s/rules=%d/masks=%d/hits=%d", k.name, n, masks, hits)
					b.Run(name+"/lookup", func(b *testing.B) {
						c, keys := made()
						for i := 0; b.Loop(); {
							c.Lookup(&keys[i], 1, nil)
							if i++; i == len(keys) {
								i = 0
							}
						}
					})
					b.Run(name+"/wildcards", func(b *testing.B) {
						c, keys := made()
						bits := 0
						for i := 0; b.Loop(); {
							var wc flow.Mask
							c.Lookup(&keys[i], 1, &wc)
							if i++; i == len(keys) {
								i = 0
							}
						}
						b.StopTimer()
						hit := 0
						records := map[flow.Mask]bool{}
						for i := range keys {
							var wc flow.Mask
							if c.Lookup(&keys[i], 1, &wc) != nil {
								hit++
							}
							bits += ones(&wc)
							records[wc] = true
						}
						b.ReportMetric(float64(bits)/float64(len(keys)), "bits")
						b.ReportMetric(float64(100*hit)/float64(len(keys)), "%hit")
						b.ReportMetric(float64(c.Probes()), "tables")
						b.ReportMetric(float64(len(records)), "records")
					})
				}
			}
		}
	}
}
