package ofswitch

import (
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// TestFilteredStats: however entries are found, statistics and aggregates tell of those that were asked for,
// each once, with what they have counted; also of so many that no list of them is kept.
func TestFilteredStats(t *testing.T) {
	d, err := NewDatapath(Options{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	b, err := d.AddBridge("br0", BridgeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const n = gatheredMost + gatheredMost/2
	matchOf := func(text string) flow.Match { return flowMod(t, 0, 1, text, apply()).Match }
	m := flowMod(t, 0, 1, "udp,nw_src=0.0.0.1", apply(output(2)))
	for i := range n {
		m.Match.Set(flow.IPv4Src, flow.Value{Lo: uint64(i)})
		m.Cookie, m.Instructions = uint64(i), apply(output(ofp.PortNo(1+i%4)))
		if err := b.FlowMod(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.FlowMod(flowMod(t, 3, 1, "tcp,nw_src=0.0.0.1", apply(output(1)))); err != nil {
		t.Fatal(err)
	}
	all := func() *ofp.FlowStatsRequest {
		return &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	}
	for _, c := range []struct {
		name string
		req  func(*ofp.FlowStatsRequest)
		want int
		kept bool // in a list
	}{
		{"all", func(*ofp.FlowStatsRequest) {}, n + 1, false},
		{"a cookie", func(r *ofp.FlowStatsRequest) { r.Cookie, r.CookieMask = 77, ^uint64(0) }, 1, true},
		{"a cookie, another table", func(r *ofp.FlowStatsRequest) { r.Cookie, r.CookieMask, r.Table = 77, ^uint64(0), 3 }, 0, true},
		{"a quarter, by cookie", func(r *ofp.FlowStatsRequest) { r.CookieMask = 3 }, n/4 + 1, true},
		{"a protocol", func(r *ofp.FlowStatsRequest) { r.Match = matchOf("udp") }, n, false},
		{"a port", func(r *ofp.FlowStatsRequest) { r.OutPort = 1 }, n/4 + 1, true},
		{"a port, of UDP", func(r *ofp.FlowStatsRequest) {
			r.OutPort = 1
			r.Match = m.Match
			r.Match.Set(flow.IPv4Src, flow.Value{Lo: 4})
		}, 1, true},
		{"a match", func(r *ofp.FlowStatsRequest) { r.Match = m.Match }, 1, true},
		{"a group", func(r *ofp.FlowStatsRequest) { r.OutGroup = 9 }, 0, true},
	} {
		req := all()
		c.req(req)
		seen := map[[2]uint64]bool{}
		err := b.FlowStats(req, func(s *ofp.FlowStats) error {
			id := [2]uint64{uint64(s.Table), s.Cookie}
			if seen[id] {
				t.Errorf("%s: table %d, cookie %d comes twice", c.name, s.Table, s.Cookie)
			}
			seen[id] = true
			return nil
		})
		if err != nil || len(seen) != c.want {
			t.Errorf("%s: %d entries, %v; want %d", c.name, len(seen), err, c.want)
		}
		if s, err := b.AggregateStats(req); err != nil || int(s.FlowCount) != c.want {
			t.Errorf("%s: an aggregate of %d, %v; want %d", c.name, s.FlowCount, err, c.want)
		}
		if _, kept := b.gathered(req); kept != c.kept {
			t.Errorf("%s: kept in a list: %v, want %v", c.name, kept, c.kept)
		}
	}
	bad := all()
	bad.Table = 254
	_, err = b.AggregateStats(bad)
	if other := b.FlowStats(bad, nil); err == nil || other == nil {
		t.Errorf("statistics of a table that there is not: %v, %v", err, other)
	}
}
