package classifier

import (
	"fmt"
	"slices"
	"testing"

	"ofswitch/flow"
)

// spread makes a classifier of n rules over the given number of masks, with
// distinct priorities up to 100, and keys that hit rules all over it: 5-tuple
// like masks of address prefixes, ports and Ethernet source.
func spread(masks, n int) (*Classifier[int], []flow.Wide) {
	g := newGenerator(42)
	shapes := make([]flow.Mask, masks)
	for i := range shapes {
		m := &shapes[i]
		m[flow.WEthDst] = 0xffff
		m[flow.WIPv4] = ^uint64(0) << (i % 24) &^ (1<<32 - 1)
		m[flow.WIPv4] |= uint64(^uint32(0) << (i / 3 % 16))
		if i%2 == 1 {
			m[flow.WL4] = 0xffff << 32
			m[flow.WIP] = 0xff << 24
		}
		if i%5 == 4 {
			m[flow.WEthSrc] = 0xffffffffffff << 16
		}
		m[flow.WTunnel] = 1 << (i / 16) // no two alike
	}
	c := New[int]()
	var keys []flow.Wide
	for i := range n {
		var m flow.Match
		m.Mask = shapes[i%masks]
		for w := range m.Value {
			m.Value[w] = g.Uint64() & m.Mask[w]
		}
		c.Insert(NewRule(&m, int32(1+g.IntN(100)), i), 1)
		w := g.key(&m, &m)
		if g.IntN(100) >= 70 {
			w[flow.WEthDst] ^= 0x5555 // no hit
		}
		keys = append(keys, w)
	}
	g.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return c, keys
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{1000, 10000, 100000} {
		for _, masks := range []int{1, 10, 50, 64} {
			c, keys := spread(masks, n)
			b.Run(fmt.Sprintf("rules=%d/masks=%d/plain", n, masks), func(b *testing.B) {
				i := 0
				for b.Loop() {
					c.Lookup(&keys[i], 1, nil)
					if i++; i == len(keys) {
						i = 0
					}
				}
			})
			few := slices.Clone(keys) // of which one in eight hits
			for i := range few {
				if i%100 >= 17 {
					few[i][flow.WEthDst] ^= 0x3333
				}
			}
			for name, keys := range map[string][]flow.Wide{"wildcards": keys, "wildcards-hits=12": few} {
				b.Run(fmt.Sprintf("rules=%d/masks=%d/%s", n, masks, name), func(b *testing.B) {
					i := 0
					for b.Loop() {
						var wc flow.Mask
						c.Lookup(&keys[i], 1, &wc)
						if i++; i == len(keys) {
							i = 0
						}
					}
				})
			}
		}
	}
}

func BenchmarkInsertDelete(b *testing.B) {
	for _, n := range []int{0, 1000, 100000, 1000000} {
		for _, masks := range []int{1, 50} {
			b.Run(fmt.Sprintf("rules=%d/masks=%d", n, masks), func(b *testing.B) {
				c, _ := spread(masks, n)
				g := newGenerator(9)
				var m flow.Match
				m.Mask[flow.WEthDst], m.Mask[flow.WIPv4] = 0xffff, ^uint64(0)
				b.ReportAllocs()
				for v := Version(2); b.Loop(); v++ {
					m.Value[flow.WIPv4] = g.Uint64()
					r := NewRule(&m, int32(v%100), 0)
					c.Insert(r, v)
					c.Remove(r, v+1)
					c.Unlink(r)
				}
			})
		}
	}
}

// BenchmarkFill is the price of a rule in a table that grows.
func BenchmarkFill(b *testing.B) {
	b.ReportAllocs()
	var m flow.Match
	m.Mask[flow.WEthDst], m.Mask[flow.WIPv4] = 0xffff, ^uint64(0)
	c := New[int]()
	for i := 0; b.Loop(); i++ {
		m.Value[flow.WIPv4] = uint64(i) * 0x9e3779b97f4a7c15
		c.Insert(NewRule(&m, 10, i), 1)
	}
}

func BenchmarkMicroflow(b *testing.B) {
	for _, flows := range []int{1, 1000, 8000} {
		c := NewMicroflow[int](8192)
		keys := make([]flow.Key, flows)
		hashes := make([]uint32, flows)
		for i := range keys {
			k := &keys[i]
			for _, w := range []int{flow.WInPort, flow.WEthDst, flow.WEthSrc, flow.WIPv4, flow.WIP, flow.WL4} {
				k.W[w] = uint64(i+1) * 0x9e3779b97f4a7c15
				k.Bits |= 1 << w
			}
			hashes[i] = k.Hash()
			c.Insert(k, hashes[i], new(int))
		}
		b.Run(fmt.Sprintf("hit/flows=%d", flows), func(b *testing.B) {
			i := 0
			for b.Loop() {
				c.Lookup(&keys[i], hashes[i])
				if i++; i == flows {
					i = 0
				}
			}
		})
		b.Run(fmt.Sprintf("miss/flows=%d", flows), func(b *testing.B) {
			i := 0
			for b.Loop() {
				c.Lookup(&keys[i], ^hashes[i])
				if i++; i == flows {
					i = 0
				}
			}
		})
	}
	b.Run("churn", func(b *testing.B) {
		c := NewMicroflow[int](8192)
		p := new(int)
		var k flow.Key
		k.Bits = 1<<flow.WIPv4 | 1<<flow.WEthDst
		for i := uint64(0); b.Loop(); i++ {
			k.W[flow.WIPv4] = i
			h := k.Hash()
			if c.Lookup(&k, h) == nil {
				c.Insert(&k, h, p)
			}
		}
	})
}
