package classifier

import (
	"flag"
	"math/rand/v2"
	"testing"

	"ofswitch/flow"
)

var recordSets = flag.Int("recordsets", 60, "random rule sets that TestRecordHolds tries")

// acl makes matches as access lists have them: prefixes, protocols and ports that
// share their beginnings with others.
func (g *generator) acl() flow.Match {
	var m flow.Match
	set := func(id flow.ID, v uint64, bits int) {
		full := id.Field().Bits
		m.SetMasked(id, flow.Value{Lo: v}, flow.Value{Lo: (1<<full - 1) &^ (1<<(full-bits) - 1)})
	}
	addr := func() uint64 {
		pool := []uint64{0x0a000000, 0x0a010000, 0x0a010200, 0x0a010203, 0xc0a80000, 0xc0a80101, 0x80000000}
		a := pool[g.IntN(len(pool))]
		if g.IntN(3) == 0 {
			a ^= 1 << g.IntN(32)
		}
		return a
	}
	length := func() int { return []int{8, 15, 16, 23, 24, 28, 31, 32, 1 + g.IntN(32)}[g.IntN(9)] }
	if g.IntN(8) == 0 {
		set(flow.InPort, 1+g.Uint64N(3), 32)
	}
	if g.IntN(8) == 0 {
		set(flow.EthSrc, g.Uint64N(4), 48)
	}
	if g.IntN(12) == 0 {
		m.SetMasked(flow.EthDst, flow.Value{Lo: g.Uint64N(4)}, flow.Value{Lo: 1<<g.IntN(48) | 3})
	}
	if g.IntN(10) == 0 {
		return m
	}
	if g.IntN(5) == 0 { // IPv6
		set(flow.EthType, 0x86dd, 16)
		long := func(id flow.ID) {
			a := longKey{0x20010db8_00000000 | g.Uint64N(3), g.Uint64N(4) << (8 * g.IntN(8))}
			n := []int{32, 64, 65, 120, 128, 1 + g.IntN(128)}[g.IntN(6)]
			a, ones := a.cut(n), longKey{^uint64(0), ^uint64(0)}.cut(n)
			m.SetMasked(id, flow.Value{Hi: a.hi, Lo: a.lo}, flow.Value{Hi: ones.hi, Lo: ones.lo})
		}
		if g.IntN(2) == 0 {
			long(flow.IPv6Src)
		}
		if g.IntN(2) == 0 {
			long(flow.IPv6Dst)
		}
	} else {
		set(flow.EthType, 0x0800, 16)
		if g.IntN(2) == 0 {
			set(flow.IPv4Src, addr(), length())
		}
		if g.IntN(2) == 0 {
			set(flow.IPv4Dst, addr(), length())
		}
		if g.IntN(16) == 0 {
			m.SetMasked(flow.IPv4Dst, flow.Value{Lo: addr()}, flow.Value{Lo: g.Uint64() & 0xffffffff})
		}
	}
	if g.IntN(2) == 0 {
		set(flow.IPProto, []uint64{6, 17}[g.IntN(2)], 8)
		for _, id := range []flow.ID{flow.TCPSrc, flow.TCPDst} {
			switch g.IntN(4) {
			case 0:
				set(id, []uint64{22, 80, 443, 1024}[g.IntN(4)], 16)
			case 1:
				set(id, 1<<g.IntN(16), 1+g.IntN(16))
			}
		}
	}
	return m
}

// ruleset makes a classifier of n rules, now and then of some that were removed again.
func (g *generator) ruleset(how Structure, n, priorities int, match func() flow.Match) (*Classifier[int], []flow.Match) {
	c := New[int](how)
	if g.IntN(3) == 0 { // trees that are full soon
		for i := range c.trees {
			c.trees[i].most = 1 + g.IntN(20)
		}
	}
	var ms []flow.Match
	for i := range n {
		m := match()
		r := NewRule(&m, int32(g.IntN(priorities)), i)
		c.Insert(r, 1)
		switch g.IntN(12) {
		case 0:
			c.Remove(r, 1)
			c.Unlink(r)
		case 1:
			c.Remove(r, 2) // there at 1, gone at 2
		}
		ms = append(ms, m)
	}
	return c, ms
}

// Keys equal in the recorded bits get the same rule, whatever else they are: single bits
// flipped, and many. The best of the twins has the priority found.
func TestRecordHolds(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	lookups, hits, sets := 0, 0, *recordSets
	if testing.Short() || raceEnabled {
		sets = min(sets, 8)
	}
	for set := range sets {
		g := newGenerator(seed + uint64(set))
		how := []Structure{Merged, Merged, Staged, Plain, Linear}[g.IntN(5)]
		match := g.acl
		if g.IntN(3) == 0 {
			match = g.match
		}
		c, ms := g.ruleset(how, 1+g.IntN([]int{5, 30, 120, 400}[g.IntN(4)]), 1+g.IntN(40), match)
		if how < Plain {
			check(t, c)
		}
		for range 40 {
			a, b := ms[g.IntN(len(ms))], ms[g.IntN(len(ms))]
			w := g.key(&a, &b)
			if g.IntN(2) == 0 { // a frame that nearly matches
				i := g.IntN(len(w))
				w[i] ^= a.Mask[i] & (1 << g.IntN(64))
			}
			v := Version(1 + g.IntN(2))
			var wc flow.Mask
			got := c.Lookup(&w, v, &wc)
			lookups++
			if got != nil {
				hits++
			}
			if best := c.lookupPlain(c.order.Load(), &w, v, nil); (best == nil) != (got == nil) || best != nil && best.Priority() != got.Priority() {
				t.Fatalf("seed %d: %v instead of %v", seed+uint64(set), got, best)
			}
			for i := range w {
				for b := range 64 {
					if bit := uint64(1) << b; wc[i]&bit == 0 {
						w[i] ^= bit
						again := c.Lookup(&w, v, nil)
						w[i] ^= bit
						if again != got {
							t.Fatalf("seed %d: word %d bit %d is not in the record and changes the answer", seed+uint64(set), i, b)
						}
					}
				}
			}
			for range 30 {
				flipped := g.flip(w, &wc)
				if g.IntN(2) == 0 { // as close to another rule as the record lets it be
					o := ms[g.IntN(len(ms))]
					for i := range w {
						flipped[i] = w[i]&(wc[i]|^o.Mask[i]) | o.Value[i]&^wc[i]
					}
				}
				if again := c.Lookup(&flipped, v, nil); again != got {
					t.Fatalf("seed %d: bits outside the record change the answer", seed+uint64(set))
				}
			}
		}
	}
	t.Logf("%d lookups, %d hits", lookups, hits)
}

// What is recorded is as little as the case allows.
func TestRecordIsSmall(t *testing.T) {
	parse := func(s string) flow.Match {
		t.Helper()
		m, err := flow.ParseMatch(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	type rule struct {
		priority int32
		match    string
	}
	for _, tc := range []struct {
		name  string
		rules []rule
		key   string
		want  int // bits
	}{
		{"no rule", nil, "ip,nw_dst=10.1.2.3", 0},
		{"only the catch-all", []rule{{0, ""}}, "ip,nw_dst=10.1.2.3", 0},
		{"a route beside a longer one", []rule{{8, "ip,nw_dst=10.0.0.0/8"}, {24, "ip,nw_dst=10.1.2.0/24"}},
			"ip,nw_dst=10.128.0.1", 16 + 9},
		{"the longer one", []rule{{8, "ip,nw_dst=10.0.0.0/8"}, {24, "ip,nw_dst=10.1.2.0/24"}},
			"ip,nw_dst=10.1.2.9", 16 + 24},
		{"outside both", []rule{{8, "ip,nw_dst=10.0.0.0/8"}, {24, "ip,nw_dst=10.1.2.0/24"}},
			"ip,nw_dst=128.0.0.1", 1},
		{"lower rules do not count", []rule{{9, "ip"}, {1, "tcp,nw_dst=10.1.2.3,tp_dst=80"}, {2, "dl_src=00:00:00:00:00:01"}},
			"tcp,nw_dst=10.1.2.3,tp_dst=80", 16},
		{"ports of other hosts", []rule{{0, ""}, {5, "tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=1,tp_dst=2"}, {5, "tcp,nw_src=10.0.0.3,nw_dst=10.0.0.4,tp_src=3,tp_dst=4"}},
			"tcp,nw_src=192.168.0.1,nw_dst=10.0.0.2,tp_src=1,tp_dst=2", 1},
		{"hosts known, not this pair", []rule{{0, ""}, {5, "tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=2"}, {5, "tcp,nw_src=10.0.0.3,nw_dst=10.0.0.4,tp_dst=2"}},
			"tcp,nw_src=10.0.0.1,nw_dst=10.0.0.4,tp_dst=2", 16 + 32 + 32 + 8},
		{"another protocol", []rule{{0, ""}, {5, "tcp,nw_dst=10.0.0.2,tp_dst=80"}},
			"udp,nw_dst=10.0.0.2,tp_dst=80", 16 + 32 + 8},
		{"a port range", []rule{{1, "tcp"}, {5, "tcp,tp_dst=0x0400/0xfc00"}},
			"tcp,tp_dst=0x8000", 16 + 8 + 1},
		{"another Ethernet type", []rule{{0, ""}, {5, "dl_src=00:00:00:00:00:01,arp"}},
			"dl_src=00:00:00:00:00:01,ip", 16},
		{"hosts and another Ethernet type", []rule{{0, ""}, {7, "dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,arp"}, {6, "in_port=1,ip,nw_dst=10.0.0.0/8"}},
			"in_port=1,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,ipv6", 16},
		{"IPv6", []rule{{0, ""}, {5, "ipv6,ipv6_dst=2001:db8::/32"}, {6, "ipv6,ipv6_dst=2001:db8::1"}},
			"ipv6,ipv6_dst=2001:db8::1:0:0:1", 16 + 80},
	} {
		for name, how := range map[string]Structure{"merged": Merged, "staged": Staged} {
			c := New[int](how)
			for i, r := range tc.rules {
				m := parse(r.match)
				c.Insert(NewRule(&m, r.priority, i), 1)
			}
			w := parse(tc.key).Value
			var wc flow.Mask
			c.Lookup(&w, 1, &wc)
			t.Logf("%s, %s: %d bits", tc.name, name, ones(&wc))
			if ones(&wc) > tc.want {
				t.Errorf("%s, %s: %s recorded, %d bits, want %d", tc.name, name, flow.Match{Mask: wc}, ones(&wc), tc.want)
			}
		}
	}
}
