package flowtable

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// checkTimers holds the heaps of a table's timers, and of their groups, against what they are made of.
func checkTimers(t *testing.T, tb *Table) {
	t.Helper()
	x := &tb.timers
	n, some := 0, 0
	for i := range x.groups {
		g := &x.groups[i]
		n += len(g.heap)
		if len(g.heap) > 0 {
			some++
		}
		for j, y := range g.heap {
			if j > 0 && g.heap[(j-1)/2].at > y.at {
				t.Fatalf("heap %d is out of order at %d", i, j)
			}
			e := tb.rows.entry(y.row)
			if at, _ := e.due(); at < y.at {
				t.Fatalf("entry is due at %d, but looked at only at %d", at, y.at)
			}
			if x.byKey != nil && (g.key != groupKey(tb.groupBy, e) || x.byKey[g.key] != int32(i)) {
				t.Fatalf("an entry is in group %d, which is another's", i)
			}
		}
	}
	if n != x.n {
		t.Fatalf("%d timers, the table counts %d", n, x.n)
	}
	if (x.byKey != nil) != (len(tb.groupBy) > 0) {
		t.Fatalf("groups: %v, want %v", x.byKey != nil, len(tb.groupBy) > 0)
	}
	if x.byKey == nil {
		return
	}
	if len(x.byKey) != some || len(x.byKey)+len(x.unused) != len(x.groups) {
		t.Fatalf("%d groups, %d known, %d with timers, %d unused", len(x.groups), len(x.byKey), some, len(x.unused))
	}
	for _, h := range []*groupHeap{&x.first, &x.largest} {
		if len(h.list) != some {
			t.Fatalf("%d groups in a heap, want %d", len(h.list), some)
		}
		for i, g := range h.list {
			if *h.place(&x.groups[g]) != int32(i) {
				t.Fatalf("group %d does not know its place", g)
			}
			if h.before(&x.groups[g], &x.groups[h.list[(i-1)/2]]) && i > 0 {
				t.Fatalf("the heap of groups is out of order at %d", i)
			}
		}
	}
}

// Entries of many groups come, are hit, modified and expire, one by one and by hundreds, while the groups
// change and the limit, too: all heaps stay as they are to be, who is given up is the right one, and nobody
// expires early or late.
func TestTimersRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	tables := NewTables()
	tb := tables.Table(0)
	v, now := classifier.Version(1), int64(100*second)
	configs := []TableConfig{
		{},
		{Limit: 1500, Evict: true},
		{Limit: 1500, Evict: true, Groups: []Subfield{{Field: flow.IPv4Dst, Bits: 4}}},
		{Limit: 1500, Evict: true, Groups: []Subfield{{Field: flow.IPv4Dst, Bits: 8}, {Field: flow.IPv4Src, Start: 3, Bits: 1}}},
		{Limit: 900, Evict: true, Groups: []Subfield{{Field: flow.IPv4Dst, Bits: 4}}},
		{Limit: 900},
		{Limit: 900, Groups: []Subfield{{Field: flow.IPv4Dst, Bits: 4}}}, // groups of no use
	}
	var config *TableConfig
	group := func(e *Entry) string { return fmt.Sprint(groupKey(config.Groups, e)) }
	evicted, expired := 0, 0
	for step := range 400 {
		if step%20 == 0 {
			config = &configs[r.IntN(len(configs))]
			v++
			tables.UnlinkAll(tables.SetConfig(0, *config, v))
			checkRows(t, tables)
			if grouped := config.Evict && len(config.Groups) > 0; grouped != (tb.timers.byKey != nil) {
				t.Fatalf("timers in groups: %v, want %v", !grouped, grouped)
			}
		}
		for range r.IntN(100) {
			m := &ofp.FlowMod{OutPort: ofp.PortAny, OutGroup: ofp.GroupAny, Instructions: out(1)}
			m.IdleTimeout, m.HardTimeout = uint16(r.IntN(3)*r.IntN(100)), uint16(r.IntN(2)*r.IntN(200))
			m.Match.Set(flow.EthType, flow.Value{Lo: 0x0800})
			m.Match.Set(flow.IPv4Src, flow.Value{Lo: uint64(r.IntN(2000))})
			m.Match.Set(flow.IPv4Dst, flow.Value{Lo: uint64(r.IntN(20) * r.IntN(20))})
			if r.IntN(8) == 0 {
				m.Command = ofp.FlowModifyStrict
			}
			v++
			c, err := tables.Apply(m, v, now)
			if err != nil {
				continue
			}
			if r.IntN(4) == 0 {
				tables.Undo(c, v)
				continue
			}
			evicted += len(c.Removed)
			tables.UnlinkAll(c)
		}
		switch r.IntN(6) {
		case 0: // many at once
			v++
			m := &ofp.FlowMod{Command: ofp.FlowDelete, Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
			m.Match.Set(flow.EthType, flow.Value{Lo: 0x0800})
			m.Match.Set(flow.IPv4Dst, flow.Value{Lo: uint64(r.IntN(20))})
			switch r.IntN(4) {
			case 0:
				m.Match = flow.Match{}
			case 1: // half of them
				m.Match = match(t, fmt.Sprintf("ip,nw_src=0.0.0.%d/0.0.0.1", r.IntN(2)))
			}
			c, err := tables.Apply(m, v, now)
			if err != nil {
				t.Fatal(err)
			}
			checkRows(t, tables)
			if r.IntN(2) == 0 {
				tables.Undo(c, v)
			} else {
				tables.UnlinkAll(c)
			}
		case 1: // hit
			tb.rules.Each(v, func(r2 *classifier.Rule[*Entry]) bool {
				if r.IntN(3) == 0 {
					r2.Value().Counters.Add(1, 60, now)
				}
				return true
			})
		case 2:
			now += r.Int64N(30 * second)
			want := 0
			tb.rules.Each(v, func(x *classifier.Rule[*Entry]) bool {
				if at, _ := x.Value().due(); at != 0 && at <= now {
					want++
				}
				return true
			})
			v++
			c := tables.Expire(v, now)
			if len(c.Removed) != want {
				t.Fatalf("%d expired, want %d", len(c.Removed), want)
			}
			expired += want
			tables.UnlinkAll(c)
		case 3:
			tables.Settle()
			if config.Evict && tb.Active() >= tb.MaxEntries && tb.timers.n > 0 {
				first := tb.timers.groups[tb.timers.most()].heap[0]
				if at, _ := tb.rows.entry(first.row).due(); at != first.at {
					t.Fatal("the next to go was hit since, and stands where it stood")
				}
			}
		case 4: // a lower limit, for a while
			if !config.Evict {
				break
			}
			low := *config
			low.Limit = max(tb.Active()-1, 1)
			size, at, of := evictable(tb, v, group)
			v++
			for _, x := range tables.SetConfig(0, low, v).Removed {
				if n, due := of(x.Entry); n != size || due != at {
					t.Fatalf("one of %d went that expires at %d, want of %d at %d", n, due, size, at)
				}
				tables.UnlinkAll(&Change{Removed: []Removed{x}})
			}
			v++
			tables.SetConfig(0, *config, v)
		}
		checkRows(t, tables)
	}
	if evicted == 0 || expired == 0 {
		t.Errorf("seed %d: %d replaced or given up, %d expired: the test tests little", seed, evicted, expired)
	}
}

// A lower limit takes entries out by parts, until there is nothing more to give up.
func TestShrink(t *testing.T) {
	tables := NewTables()
	for i := range 2*expireMost + 10 {
		m := &ofp.FlowMod{OutPort: ofp.PortAny, OutGroup: ofp.GroupAny, HardTimeout: uint16(1 + i%100)}
		if i < 5 {
			m.HardTimeout = 0
		}
		m.Match.Set(flow.InPort, flow.Value{Lo: uint64(i)})
		if _, err := tables.Apply(m, 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	var got []int
	c := tables.SetConfig(0, TableConfig{Limit: 3, Evict: true}, 2)
	for last := uint16(0); !c.Empty(); c = tables.Shrink(0, 2) {
		got = append(got, len(c.Removed))
		for _, r := range c.Removed {
			if r.Entry.HardTimeout < last || r.Reason != ofp.RemovedDelete {
				t.Fatalf("an entry of %d s, reason %d, goes after one of %d s", r.Entry.HardTimeout, r.Reason, last)
			}
			last = r.Entry.HardTimeout
		}
	}
	if want := []int{expireMost, expireMost, 5}; !slices.Equal(got, want) || tables.Len() != 5 {
		t.Errorf("went by %v, %d are left; want %v and 5", got, tables.Len(), want)
	}
	// While one is still to go, none comes.
	m := &ofp.FlowMod{OutPort: ofp.PortAny, OutGroup: ofp.GroupAny, HardTimeout: 1}
	for i := range 2 {
		m.Match.Set(flow.InPort, flow.Value{Lo: uint64(i)})
		if i == 0 {
			m.Priority = 9
		}
		tables.SetConfig(0, TableConfig{}, 3)
		if _, err := tables.Apply(m, 3, 0); err != nil {
			t.Fatal(err)
		}
	}
	tb := tables.Table(0)
	tb.evicts, tb.MaxEntries = true, tb.Active()-1
	m.Priority = 10
	if _, err := tables.Apply(m, 4, 0); code(err) != ofp.FlowModFailedTableFull {
		t.Errorf("one beyond the limit, and: %v", err)
	}
	tb.MaxEntries++
	if c, err := tables.Apply(m, 4, 0); err != nil || len(c.Removed) != 1 {
		t.Errorf("at the limit: %v", err)
	}
}

// Settle looks at no more than so many entries at once, and in the end at all that were hit.
func TestSettle(t *testing.T) {
	tables := NewTables()
	const n = 2*expireMost + 10
	for i := range n {
		m := &ofp.FlowMod{OutPort: ofp.PortAny, OutGroup: ofp.GroupAny, IdleTimeout: 10}
		if i == n/2 {
			m.IdleTimeout++ // later than the others were to be looked at, and sooner than they are due
		}
		m.Match.Set(flow.InPort, flow.Value{Lo: uint64(i)})
		c, err := tables.Apply(m, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		if i != n/2 {
			c.Added[0].Counters.Add(1, 60, 5*second)
		}
	}
	tables.SetConfig(0, TableConfig{Limit: n, Evict: true}, 2)
	parts := 1
	for tables.Settle() {
		parts++
	}
	tb := tables.Table(0)
	if e := tb.rows.entry(tb.timers.groups[0].heap[0].row); parts < 2 || parts > 4 || e.Counters.Packets() != 0 {
		t.Errorf("after %d parts one that has %d packets is the next to go", parts, e.Counters.Packets())
	}
	tables.SetConfig(0, TableConfig{Limit: n + 1, Evict: true}, 3)
	tb.later(0, 0)
	if tables.Settle(); tb.timers.groups[0].heap[0].at != 0 {
		t.Error("a table that has room was looked at")
	}
}
