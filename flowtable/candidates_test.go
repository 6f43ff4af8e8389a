package flowtable

import (
	"fmt"
	"testing"

	"ofswitch/ofp"
)

// Candidates are given only where they are fewer than what a walk by the match would look at.
func TestCandidatesOrWalk(t *testing.T) {
	tables := NewTables()
	add := func(text string, port ofp.PortNo, cookie uint64) {
		m := &ofp.FlowMod{Match: match(t, text), Cookie: cookie, Instructions: out(port), OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
		if _, err := tables.Apply(m, 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	const many, few = 1000, 100
	for i := range many {
		add(fmt.Sprintf("in_port=%d", i+1), 1, 0)
	}
	for i := range few {
		add(fmt.Sprintf("ip,nw_dst=10.0.0.%d", i), 1, uint64(i))
	}
	for _, c := range []struct {
		name  string
		match string
		req   ofp.FlowStatsRequest
		most  int // of candidates; -1: a walk
	}{
		{"a cookie", "", ofp.FlowStatsRequest{Cookie: 7, CookieMask: ^uint64(0), OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, 1},
		{"a match that few can have", "ip", ofp.FlowStatsRequest{OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, -1},
		{"the same, and a port that all send to", "ip", ofp.FlowStatsRequest{OutPort: 1, OutGroup: ofp.GroupAny}, -1},
		{"the same, and a cookie of few", "ip", ofp.FlowStatsRequest{Cookie: 7, CookieMask: ^uint64(0), OutPort: 1, OutGroup: ofp.GroupAny}, 1},
		{"a match that one has", "in_port=5", ofp.FlowStatsRequest{OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, 1},
		{"a match that no entry can have", "metadata=5", ofp.FlowStatsRequest{OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, 0},
	} {
		c.req.Table, c.req.Match = ofp.TableAll, match(t, c.match)
		list, ok := tables.Candidates(&c.req, 1)
		if ok != (c.most >= 0) || ok && len(list) > c.most {
			t.Errorf("%s: %d candidates, %v; want %d or fewer", c.name, len(list), ok, c.most)
		}
	}
}
