package classifier

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

func (l *lengths) has(n int) bool { return l[(n-1)>>6]>>((n-1)&63)&1 != 0 }

// checkPrefixes compares a tree with the counts that it should have, by fmt.Sprint of
// key and length.
func checkPrefixes(t *testing.T, tree *prefixTree, want map[string]uint32) {
	t.Helper()
	nodes, found := 0, 0
	var visit func(i uint32, above longKey, length int)
	visit = func(i uint32, above longKey, length int) {
		n := tree.node(i)
		nodes++
		k, info := tree.keyOf(i, n), n.info.Load()
		have := int(info & 0xff)
		if have <= length || k.common(above) < length || k != k.cut(have) {
			t.Fatalf("node %v/%d stands below %v/%d", k, have, above, length)
		}
		if (n.n > 0) != (info&isPrefix != 0) {
			t.Fatalf("node %v/%d: added %d times, info %x", k, have, n.n, info)
		}
		if n.n > 0 {
			found++
			if want[fmt.Sprint(k, uint8(have))] != n.n {
				t.Fatalf("prefix %v/%d: added %d times, want %d", k, have, n.n, want[fmt.Sprint(k, uint8(have))])
			}
		}
		kids := 0
		for b := range n.kids {
			if j := n.kids[b].Load(); j != 0 {
				kids++
				if tree.keyOf(j, tree.node(j)).bit(have) != b {
					t.Fatalf("node %v/%d: wrong side", k, have)
				}
				visit(j, k, have)
			}
		}
		if n.n == 0 && kids < 2 {
			t.Fatalf("node %v/%d is of no use", k, have)
		}
	}
	page := func(p *frontPage, above longKey, before int, below func(b uint64) bool) {
		t.Helper()
		var exists func(h, depth int) bool
		exists = func(h, depth int) bool {
			some := p.added(h)
			if some {
				found++
				k := above
				k.hi |= uint64(h-1<<depth) << (64 - before - depth)
				if want[fmt.Sprint(k, uint8(before+depth))] != p.count[h] {
					t.Fatalf("prefix %v/%d: added %d times, want %d", k, before+depth, p.count[h], want[fmt.Sprint(k, uint8(before+depth))])
				}
			}
			if depth == 8 {
				some = below(uint64(h)-256) || some
			} else {
				a, b := exists(2*h, depth+1), exists(2*h+1, depth+1)
				some = some || a || b
			}
			if h > 1 && p.has(h) != some {
				t.Fatalf("page of %v/%d: node %x exists: %v, noted as %v", above, before, h, some, p.has(h))
			}
			return some
		}
		exists(1, 0)
	}
	if top := tree.top.Load(); top != nil {
		empty := 0
		page(&top.frontPage, longKey{}, 0, func(b uint64) bool {
			p := top.below[b].Load()
			if p == nil {
				return false
			}
			k := longKey{b << 56, 0}
			page(p, k, 8, func(b uint64) bool {
				root := p.child[b].Load()
				if root != 0 {
					visit(root, longKey{k.hi | b<<48, 0}, frontBits-1)
				}
				return root != 0
			})
			if p.empty() {
				empty++
			}
			return !p.empty()
		})
		if empty > 1 {
			t.Fatalf("%d empty pages", empty)
		}
	}
	if found != len(want) || nodes != tree.nodes() {
		t.Fatalf("%d prefixes in %d nodes, want %d in %d", found, nodes, len(want), tree.nodes())
	}
}

type prefixOf struct {
	k longKey
	n int
}

func (p prefixOf) covers(k longKey) bool { return p.k.common(k) >= p.n }

// The tree agrees with a list, and keys equal in the bits used have the same prefixes.
func TestPrefixTree(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for round := range 60 {
		wide := round%2 == 1
		tree := &prefixTree{wide: wide}
		most := 32
		if wide {
			most = 128
		}
		key := func() longKey {
			// Few values in each byte, so that prefixes share much and little.
			k := longKey{r.Uint64() & 0x8100018101000101, r.Uint64() & 0x0101010100000081}
			if r.IntN(4) == 0 {
				k = longKey{r.Uint64(), r.Uint64()}
			}
			return k.cut(most)
		}
		var list []prefixOf
		for range 300 {
			if len(list) > 0 && r.IntN(5) < 2 {
				i := r.IntN(len(list))
				tree.remove(list[i].k, list[i].n)
				list[i] = list[len(list)-1]
				list = list[:len(list)-1]
			} else {
				n := 1 + r.IntN(most)
				p := prefixOf{key().cut(n), n}
				list = append(list, p)
				tree.add(p.k, p.n)
			}
			k := key()
			found, used, sure := tree.walk(k)
			if !sure {
				t.Fatalf("seed %d: not sure", seed)
			}
			flip := longKey{k.hi ^ r.Uint64(), k.lo ^ r.Uint64()}.cut(most)
			head := k.cut(used)
			other := longKey{head.hi | flip.hi&^(longKey{^uint64(0), ^uint64(0)}.cut(used).hi), head.lo | flip.lo&^(longKey{^uint64(0), ^uint64(0)}.cut(used).lo)}
			var want lengths
			deepest := 0
			for _, p := range list {
				if p.covers(k) {
					want.add(p.n)
				}
				if p.covers(k) != p.covers(other) {
					t.Fatalf("seed %d: %v and %v share %d bits, but not the prefix %v", seed, k, other, used, p)
				}
				c := min(p.k.common(k), p.n)
				if c < p.n {
					c++
				}
				deepest = max(deepest, c)
			}
			if found != want || used != deepest {
				t.Fatalf("seed %d: %v has prefixes %x by %d bits, want %x by %d", seed, k, found, used, want, deepest)
			}
		}
		want := map[string]uint32{}
		for _, p := range list {
			want[fmt.Sprint(p.k, uint8(p.n))]++
		}
		checkPrefixes(t, tree, want)
		for _, p := range list {
			tree.remove(p.k, p.n)
		}
		checkPrefixes(t, tree, nil)
		if tree.nodes() != 0 {
			t.Fatalf("seed %d: %d nodes left", seed, tree.nodes())
		}
	}
}

// Readers find the prefixes that stay, or are told that they cannot know, while others
// come and go around them.
func TestPrefixTreeReaders(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	tree := &prefixTree{}
	var fixed []prefixOf
	for range 40 {
		n := 1 + r.IntN(32)
		p := prefixOf{longKey{r.Uint64() & 0x8181818100000000, 0}.cut(n), n}
		fixed = append(fixed, p)
		tree.add(p.k, p.n)
	}
	var stop atomic.Bool
	var sures atomic.Int64
	var wg sync.WaitGroup
	for g := range 2 {
		wg.Add(1)
		r := rand.New(rand.NewPCG(seed, uint64(g+2)))
		go func() {
			defer wg.Done()
			for !stop.Load() {
				k := longKey{r.Uint64() & 0x8181818100000000, 0}
				found, used, sure := tree.walk(k)
				if !sure {
					continue
				}
				sures.Add(1)
				for _, p := range fixed {
					if p.covers(k) && !found.has(p.n) {
						t.Errorf("seed %d: %v lacks %v", seed, k, p)
						return
					}
					if c := p.k.common(k); c < p.n && used <= c {
						t.Errorf("seed %d: %d bits of %v do not tell it from %v", seed, used, k, p)
						return
					}
				}
			}
		}()
	}
	for range 4000 {
		var more []prefixOf
		for range 1 + r.IntN(12) {
			n := 1 + r.IntN(32)
			p := prefixOf{longKey{r.Uint64() & 0x8181818100000000, 0}.cut(n), n}
			more = append(more, p)
			tree.add(p.k, p.n)
		}
		for _, p := range more {
			tree.remove(p.k, p.n)
		}
	}
	for sures.Load() == 0 && !t.Failed() {
		tree.add(fixed[0].k, fixed[0].n)
		tree.remove(fixed[0].k, fixed[0].n)
	}
	stop.Store(true)
	wg.Wait()
}
