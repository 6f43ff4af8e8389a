package flowtable

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// newTestGroup makes a group outside of any table.
func newTestGroup(typ ofp.GroupType, id uint32, buckets ...ofp.Bucket) *Group {
	return newGroup(groupMod(ofp.GroupAdd, typ, id, buckets...), 0)
}

// outputs are select buckets to ports 1, 2, ... with these weights.
func outputs(weights ...uint16) (buckets []ofp.Bucket) {
	for i, w := range weights {
		buckets = append(buckets, bucket(w, output(ofp.PortNo(i+1))))
	}
	return buckets
}

// port is where the group sends flows of this hash; 0: nowhere.
func port(g *Group, hash uint64, l Liveness) ofp.PortNo {
	i := g.Select(hash, l)
	if i < 0 {
		return 0
	}
	return g.Buckets[i].Actions[0].(ofp.Output).Port
}

// wantShares checks that counts are as weights say, within 5 standard
// deviations; weight 0 gets nothing at all.
func wantShares(t *testing.T, counts map[ofp.PortNo]int, weights ...uint16) {
	t.Helper()
	n, sum := 0, 0.0
	for _, c := range counts {
		n += c
	}
	for _, w := range weights {
		sum += float64(w)
	}
	seen := 0
	for i, w := range weights {
		got := counts[ofp.PortNo(i+1)]
		seen += got
		share := float64(w) / sum
		if off := math.Abs(float64(got) - share*float64(n)); off > 5*math.Sqrt(float64(n)*share*(1-share)) {
			t.Errorf("weights %v: bucket %d got %d of %d flows, want %.0f", weights, i, got, n, share*float64(n))
		}
	}
	if seen != n {
		t.Errorf("%d of %d flows went elsewhere: %v", n-seen, n, counts)
	}
}

const manyFlows = 50_000

func TestSelectShares(t *testing.T) {
	for _, tc := range []struct{ weights, want []uint16 }{
		{[]uint16{1}, nil},
		{[]uint16{1, 1}, nil},
		{[]uint16{1, 2}, nil},
		{[]uint16{5, 3, 1, 1}, nil},
		{[]uint16{100, 100, 1}, nil},
		{[]uint16{65535, 1}, nil},
		{[]uint16{1, 0, 3}, nil},
		{[]uint16{0, 0, 1}, nil},
		{[]uint16{0, 0, 0}, []uint16{1, 1, 1}},
		{[]uint16{7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7}, nil},
	} {
		t.Run(fmt.Sprint(tc.weights), func(t *testing.T) {
			g := newTestGroup(choose, 1, outputs(tc.weights...)...)
			counts := map[ofp.PortNo]int{}
			for h := range uint64(manyFlows) { // hashes may be poor
				counts[port(g, h, Liveness{})]++
			}
			if tc.want == nil {
				tc.want = tc.weights
			}
			wantShares(t, counts, tc.want...)
		})
	}
	if got := newTestGroup(choose, 1).Select(1, Liveness{}); got != -1 {
		t.Errorf("a group without buckets chose bucket %d", got)
	}
}

// Buckets that do the same are told apart.
func TestSelectEqualBuckets(t *testing.T) {
	g := newTestGroup(choose, 1, bucket(1, output(1)), bucket(1, output(1)), bucket(2, output(1)))
	counts := map[ofp.PortNo]int{}
	for h := range uint64(manyFlows) {
		i := g.Select(h, Liveness{})
		counts[ofp.PortNo(i+1)]++
		if got := g.Choice(Liveness{}).Select(h); got != i {
			t.Fatalf("hash %#x: bucket %d, by the choice %d", h, i, got)
		}
	}
	wantShares(t, counts, 1, 1, 2)
}

func TestSelectRemapping(t *testing.T) {
	before := newTestGroup(choose, 1, outputs(1, 2, 3, 2)...)
	all := outputs(1, 2, 3, 2)
	heavier := outputs(1, 4, 3, 2)
	more := outputs(1, 2, 3, 2, 4)
	for _, tc := range []struct {
		what    string
		buckets []ofp.Bucket
		live    Liveness
		from    ofp.PortNo // flows leave this bucket alone; 0: any
		to      ofp.PortNo // flows go to this bucket alone; 0: any
		moved   float64    // share of the flows
	}{
		{"first bucket goes", all[1:], Liveness{}, 1, 0, 1. / 8},
		{"middle bucket goes", append(append([]ofp.Bucket{}, all[:2]...), all[3]), Liveness{}, 3, 0, 3. / 8},
		{"buckets change places", []ofp.Bucket{all[3], all[1], all[2], all[0]}, Liveness{}, 0, 0, 0},
		{"weight is raised", heavier, Liveness{}, 0, 2, 4./10 - 2./8},
		{"bucket comes", more, Liveness{}, 0, 5, 4. / 12},
		{"bucket dies", func() (watching []ofp.Bucket) {
			for i, b := range all {
				watching = append(watching, watchPort(b, ofp.PortNo(i+1)))
			}
			return watching
		}(), Liveness{Port: func(p ofp.PortNo) bool { return p != 2 }}, 2, 0, 2. / 8},
	} {
		t.Run(tc.what, func(t *testing.T) {
			was := before
			after := newTestGroup(choose, 1, tc.buckets...)
			if tc.live.Port != nil {
				was = after // the same, with all of them alive
			}
			moved := 0
			targets := map[ofp.PortNo]int{}
			for h := range uint64(manyFlows) {
				from, to := port(was, h, Liveness{}), port(after, h, tc.live)
				if from == to {
					continue
				}
				moved++
				targets[to]++
				if tc.from != 0 && from != tc.from || tc.to != 0 && to != tc.to {
					t.Fatalf("flow %d moved from %d to %d", h, from, to)
				}
			}
			if off := math.Abs(float64(moved) - tc.moved*manyFlows); off > 5*math.Sqrt(manyFlows*tc.moved) {
				t.Errorf("%d flows moved, want %.0f", moved, tc.moved*manyFlows)
			}
			if tc.what == "first bucket goes" {
				delete(targets, 1)
				wantShares(t, map[ofp.PortNo]int{1: targets[2], 2: targets[3], 3: targets[4]}, 2, 3, 2)
			}
		})
	}
}

// Groups one after the other choose independently.
func TestSelectChained(t *testing.T) {
	first, second := newTestGroup(choose, 1, outputs(1, 1)...), newTestGroup(choose, 2, outputs(1, 1)...)
	counts := map[ofp.PortNo]int{}
	for h := range uint64(manyFlows) {
		if port(first, h, Liveness{}) == 1 {
			counts[port(second, h, Liveness{})]++
		}
	}
	wantShares(t, counts, 1, 1)
}

func TestFirstLive(t *testing.T) {
	tables := NewTables()
	add := func(m *ofp.GroupMod) {
		t.Helper()
		if _, err := tables.ApplyGroup(m, 1, 0, able(tables)); err != nil {
			t.Fatal(err)
		}
	}
	b := bucket(0, output(1))
	add(groupMod(ofp.GroupAdd, failover, 1, watchPort(b, 1), watchPort(b, 2), watchPort(b, 3)))
	add(groupMod(ofp.GroupAdd, failover, 2, watchGroup(b, 1), watchPort(b, 4)))
	add(groupMod(ofp.GroupAdd, failover, 3, watchPort(watchGroup(b, 2), 5), watchGroup(b, 1)))
	add(groupMod(ofp.GroupAdd, failover, 4))
	add(groupMod(ofp.GroupAdd, all, 5, b))
	add(groupMod(ofp.GroupAdd, failover, 6, watchGroup(b, 4), watchGroup(b, 5)))
	add(groupMod(ofp.GroupAdd, choose, 7, watchPort(bucket(1, output(1)), 1), watchPort(bucket(1, output(2)), 2)))
	for _, tc := range []struct {
		group uint32
		live  []ofp.PortNo
		want  int
	}{
		{1, []ofp.PortNo{1, 2, 3}, 0},
		{1, []ofp.PortNo{2, 3}, 1},
		{1, []ofp.PortNo{3}, 2},
		{1, []ofp.PortNo{4}, -1},
		{2, []ofp.PortNo{3, 4}, 0}, // group 1 lives by port 3
		{2, []ofp.PortNo{4}, 1},
		{2, nil, -1},
		{3, []ofp.PortNo{5}, 0}, // port or group
		{3, []ofp.PortNo{4}, 0},
		{3, []ofp.PortNo{1}, 0},
		{3, nil, -1},
		{4, []ofp.PortNo{1}, -1}, // no buckets
		{5, nil, 0},              // watches nothing
		{6, nil, 1},
		{7, []ofp.PortNo{2}, 1},
		{7, nil, -1},
	} {
		l := tables.Liveness(1, func(p ofp.PortNo) bool {
			for _, live := range tc.live {
				if p == live {
					return true
				}
			}
			return false
		})
		g := tables.Group(tc.group, 1)
		if got := g.FirstLive(l); got != tc.want || g.Live(l) != (got >= 0) {
			t.Errorf("group %d, live ports %v: bucket %d, live %v, want %d", tc.group, tc.live, got, g.Live(l), tc.want)
		}
		if g.Type == choose {
			for h := range uint64(100) {
				if c := g.Choice(l); tc.want < 0 && c != nil || tc.want >= 0 && (c.Group() != g || c.Select(h) != tc.want) {
					t.Errorf("live ports %v: hash %d, choice %v; want bucket %d", tc.live, h, c, tc.want)
				}
				if got := g.Select(h, l); got != tc.want {
					t.Errorf("live ports %v: hash %d chose %d", tc.live, h, got)
				}
			}
		}
	}
	// Groups of another version.
	if l := tables.Liveness(0, nil); l.Group(5) {
		t.Error("group 5 lives before it was added")
	}
	if !newTestGroup(failover, 9, watchPort(b, 1), watchGroup(b, 2)).Live(Liveness{}) {
		t.Error("without functions all live")
	}
	// A ring, where checks are switched off, ends.
	lim := able(tables)
	lim.Groups.Capabilities &^= ofp.GroupCapChainingChecks
	if _, err := tables.ApplyGroup(groupMod(ofp.GroupModify, failover, 4, watchGroup(b, 4)), 2, 0, lim); err != nil {
		t.Fatal(err)
	}
	if tables.Group(4, 2).Live(tables.Liveness(2, nil)) {
		t.Error("a group lives by itself")
	}
}

// The frames of the public tests of select groups: each varies some fields
// at random and wants the flows spread.
func TestSelectHashSpreads(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	set := func(w *flow.Wide, id flow.ID, v flow.Value) { id.Field().Set(w, v) }
	ether := func(w *flow.Wide, t uint64) {
		set(w, flow.EthDst, flow.Value{Lo: 0x222222222222})
		set(w, flow.EthSrc, flow.Value{Lo: 0x121111111111})
		set(w, flow.EthType, flow.Value{Lo: t})
	}
	random := func(w *flow.Wide, ids ...flow.ID) {
		for _, id := range ids {
			full := id.Field().Full()
			set(w, id, flow.Value{Hi: rng.Uint64() & full.Hi, Lo: rng.Uint64() & full.Lo})
		}
	}
	n := uint64(0)
	kinds := map[string]func(w *flow.Wide){
		"ethernet":    func(w *flow.Wide) { ether(w, 0x0800); random(w, flow.EthDst, flow.EthSrc) },
		"one address": func(w *flow.Wide) { ether(w, 0x88b5); random(w, flow.EthSrc) },
		"ipv4":        func(w *flow.Wide) { ether(w, 0x0800); random(w, flow.IPv4Src, flow.IPv4Dst) },
		"ipv6":        func(w *flow.Wide) { ether(w, 0x86dd); random(w, flow.IPv6Src, flow.IPv6Dst) },
		"arp":         func(w *flow.Wide) { ether(w, 0x0806); random(w, flow.ARPSpa, flow.ARPTpa) },
		"mpls":        func(w *flow.Wide) { ether(w, 0x8847); random(w, flow.MPLSLabel) },
		"tcp port":    func(w *flow.Wide) { ether(w, 0x0800); set(w, flow.IPProto, flow.Value{Lo: 6}); random(w, flow.TCPSrc) },
		"udp6 port":   func(w *flow.Wide) { ether(w, 0x86dd); set(w, flow.IPProto, flow.Value{Lo: 17}); random(w, flow.UDPDst) },
		"sctp port": func(w *flow.Wide) {
			ether(w, 0x0800)
			set(w, flow.IPProto, flow.Value{Lo: 132})
			random(w, flow.SCTPSrc)
		},
		"in step ipv4": func(w *flow.Wide) {
			n++
			ether(w, 0x0800)
			set(w, flow.IPv4Src, flow.Value{Lo: 0x0a000000 + n})
			set(w, flow.IPv4Dst, flow.Value{Lo: 0x0a010000 + n})
		},
		"equal ends": func(w *flow.Wide) {
			n++
			ether(w, 0x0800)
			set(w, flow.EthDst, flow.Value{Lo: n})
			set(w, flow.EthSrc, flow.Value{Lo: n})
		},
	}
	g := newTestGroup(choose, 0, outputs(1, 2)...)
	for name, frame := range kinds {
		t.Run(name, func(t *testing.T) {
			counts := map[ofp.PortNo]int{}
			hashes := map[uint64]bool{}
			for range 5000 { // about as many as the tests send
				var w flow.Wide
				frame(&w)
				h := SelectHash(&w, nil)
				hashes[h] = true
				counts[port(g, h, Liveness{})]++
			}
			wantShares(t, counts, 1, 2)
			if len(hashes) < 4000 {
				t.Errorf("%d hashes of 5000 frames", len(hashes))
			}
		})
	}
}

func TestSelectHashFlows(t *testing.T) {
	wide := func(text string) *flow.Wide {
		m := match(t, text)
		return &m.Value
	}
	const there = "tcp,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=1000,tp_dst=80"
	base := SelectHash(wide(there), nil)
	for _, tc := range []struct {
		text string
		same bool
	}{
		{"tcp,dl_src=00:00:00:00:00:02,dl_dst=00:00:00:00:00:01,nw_src=10.0.0.2,nw_dst=10.0.0.1,tp_src=80,tp_dst=1000", true}, // back
		{there + ",in_port=7,ip_dscp=12,metadata=9,tun_id=3,dl_vlan=5", true},
		{"udp,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=1000,tp_dst=80", false},
		{"tcp,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=80,tp_dst=1000", false},
		{"tcp,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.3,tp_src=1000,tp_dst=80", false},
		{"tcp,dl_src=00:00:00:00:00:03,dl_dst=00:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=1000,tp_dst=80", false},
	} {
		if got := SelectHash(wide(tc.text), nil) == base; got != tc.same {
			t.Errorf("%s: same hash %v, want %v", tc.text, got, tc.same)
		}
	}
	// The type of an ICMP message is no port.
	if SelectHash(wide("icmp,nw_src=10.0.0.1,nw_dst=10.0.0.2,icmp_type=8"), nil) != SelectHash(wide("icmp,nw_src=10.0.0.1,nw_dst=10.0.0.2,icmp_type=0"), nil) {
		t.Error("echo request and reply differ")
	}
	// First and later fragments.
	first, later := *wide(there), *wide(there)
	first[flow.WIP] |= flow.FragAny
	later[flow.WIP] |= flow.FragAny | flow.FragLater
	later[flow.WL4] = 0
	if SelectHash(&first, nil) != SelectHash(&later, nil) {
		t.Error("fragments of one packet differ")
	}
}

// Bits that are not in the mask do not matter, and the mask names no others than
// those of the fields that count.
func TestSelectHashMask(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 20_000 {
		var w flow.Wide
		for i := range w {
			w[i] = rng.Uint64()
		}
		flow.IPProto.Field().Set(&w, flow.Value{Lo: []uint64{1, 6, 17, 132, 58}[rng.IntN(5)]})
		if rng.IntN(2) == 0 {
			w[flow.WIP] &^= 0xff
		}
		var wc flow.Mask
		h := SelectHash(&w, &wc)
		other := w
		for i := range other {
			other[i] ^= rng.Uint64() &^ wc[i]
		}
		if SelectHash(&other, nil) != h {
			t.Fatalf("the hash depends on bits that it does not name: %x and %x, mask %x", w, other, wc)
		}
		if wc[flow.WInPort]|wc[flow.WMetadata]|wc[flow.WVLAN]|wc[flow.WRecirc] != 0 {
			t.Fatalf("mask %x", wc)
		}
	}
}

func BenchmarkSelect(b *testing.B) {
	for _, n := range []int{2, 8, 64} {
		b.Run(fmt.Sprintf("buckets=%d", n), func(b *testing.B) {
			weights := make([]uint16, n)
			for i := range weights {
				weights[i] = uint16(i + 1)
			}
			g := newTestGroup(choose, 1, outputs(weights...)...)
			for h := uint64(0); b.Loop(); h++ {
				g.Select(h, Liveness{})
			}
		})
	}
}
