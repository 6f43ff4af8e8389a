package flowtable

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// evictable gives, of what a table has at v, the size of the largest group and when
// the first of its flows expires, and likewise for one entry: by looking at all of
// them.
func evictable(tb *Table, v classifier.Version, group func(*Entry) string) (size int, at int64, of func(*Entry) (int, int64)) {
	sizes := map[string]int{}
	var all []*Entry
	tb.rules.Each(v, func(r *classifier.Rule[*Entry]) bool {
		if due, _ := r.Value().due(); due != 0 {
			all = append(all, r.Value())
			sizes[group(r.Value())]++
		}
		return true
	})
	of = func(e *Entry) (int, int64) {
		due, _ := e.due()
		return sizes[group(e)], due
	}
	for _, e := range all {
		n, due := of(e)
		if n > size || n == size && due < at {
			size, at = n, due
		}
	}
	return size, at, of
}

// Random flows come, are hit, changed, undone and go in a table that evicts: who
// goes is always one of the largest group that expires soonest.
func TestEviction(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	tables := NewTables()
	v, now := classifier.Version(1), int64(100*second)
	const limit = 20
	config := TableConfig{Limit: limit, Evict: true, Groups: []Subfield{{Field: flow.EthType, Bits: 16}, {Field: flow.IPv4Src, Start: 24, Bits: 8}}}
	tables.SetConfig(0, config, v)
	tb := tables.Table(0)
	group := func(e *Entry) string {
		m := e.Match()
		src, _, _ := m.Get(flow.IPv4Src)
		typ, _, _ := m.Get(flow.EthType)
		return fmt.Sprint(typ.Lo, src.Lo>>24)
	}
	evicted := 0
	for range 5000 {
		v++
		now += rng.Int64N(second)
		m := &ofp.FlowMod{Command: uint8(rng.IntN(3)), OutPort: ofp.PortAny, OutGroup: ofp.GroupAny, Priority: uint16(rng.IntN(100))}
		if m.Command == ofp.FlowAdd {
			m.IdleTimeout, m.HardTimeout = uint16(rng.IntN(3)*40), uint16(rng.IntN(3)*60)
			m.Match = match(t, fmt.Sprintf("ip,nw_src=%d.0.0.1", rng.IntN(3)))
		} else {
			m.Command = []uint8{ofp.FlowModifyStrict, ofp.FlowDeleteStrict}[m.Command-1]
			m.Match = match(t, fmt.Sprintf("ip,nw_src=%d.0.0.1", rng.IntN(3)))
		}
		size, at, of := evictable(tb, v-1, group)
		was := tb.Active()
		c, err := tables.Apply(m, v, now)
		if err != nil {
			if size != 0 || was != limit {
				t.Fatalf("%d flows, some may go, and: %v", was, err)
			}
			continue
		}
		for _, r := range c.Removed {
			if m.Command == ofp.FlowAdd && r.Reason == ofp.RemovedDelete {
				evicted++
				if n, due := of(r.Entry); n != size || due != at || was != limit {
					t.Fatalf("of %d flows went one of a group of %d that expires at %d; the largest has %d, and its first expires at %d", was, n, due, size, at)
				}
			}
		}
		for _, e := range c.Added {
			if w := e.rule.Match().Value; !tb.Affects(v-1, v, exactly(&w), -1) {
				t.Fatal("an added flow concerns nobody")
			}
		}
		if tb.Active() > limit {
			t.Fatalf("%d flows", tb.Active())
		}
		switch rng.IntN(4) {
		case 0:
			tables.Undo(c, v)
		case 1:
			tables.UnlinkAll(c)
			tables.UnlinkAll(tables.Expire(v, now))
			tb.rules.Each(v, func(r *classifier.Rule[*Entry]) bool {
				if rng.IntN(3) == 0 {
					r.Value().Counters.Add(1, 60, now)
				}
				return true
			})
		default:
			tables.UnlinkAll(c)
		}
	}
	if evicted < 100 {
		t.Errorf("%d evicted: the test tests little", evicted)
	}
}

// Without eviction a full table refuses; with it, permanent flows stay. A lowered
// limit counts at once only where the table evicts.
func TestTableConfig(t *testing.T) {
	s := newStory(t)
	timeout := func(m *ofp.FlowMod) { m.HardTimeout = 60 }
	s.Tables.SetConfig(0, TableConfig{Limit: 2}, s.v)
	s.add(1, "")
	s.add(2, "", timeout)
	_, err := s.try(s.mod(ofp.FlowAdd, 3, ""))
	if code(err) != ofp.FlowModFailedTableFull {
		t.Errorf("a third flow: %v", err)
	}
	s.v++
	if c := s.Tables.SetConfig(0, TableConfig{Name: "x", Limit: 1}, s.v); !c.Empty() || s.Tables.Table(0).Active() != 2 {
		t.Error("a lower limit took flows out of a table that refuses")
	}
	if name := s.Tables.configuredName(0); name != "x" {
		t.Errorf("the table is called %q", name)
	}
	s.v++
	c := s.Tables.SetConfig(0, TableConfig{Limit: 1, Evict: true}, s.v)
	if len(c.Removed) != 1 || c.Removed[0].Entry.Priority != 2 || c.Removed[0].Reason != ofp.RemovedDelete {
		t.Errorf("a lower limit: %+v", c.Removed)
	}
	if _, err := s.try(s.mod(ofp.FlowAdd, 3, "", timeout)); code(err) != ofp.FlowModFailedTableFull {
		t.Errorf("a permanent flow in the way: %v", err)
	}
	s.v++
	s.Tables.SetConfig(0, TableConfig{}, s.v)
	s.add(3, "")
}

// A limit of 0 takes no entry, and evicts those that may be given up; no limit at all takes
// as many as always.
func TestLimitOfNone(t *testing.T) {
	s := newStory(t)
	s.add(1, "arp")
	s.add(2, "tcp", func(m *ofp.FlowMod) { m.HardTimeout = 10 })
	s.v++
	if c := s.SetConfig(0, TableConfig{Limited: true, Evict: true}, s.v); len(c.Removed) != 1 || c.Removed[0].Entry.Priority != 2 {
		t.Errorf("removed %+v, want the entry with a timeout", c.Removed)
	}
	s.v++
	if _, err := s.Apply(s.mod(ofp.FlowAdd, 3, "udp"), s.v, s.now); code(err) != ofp.FlowModFailedTableFull {
		t.Errorf("with a limit of 0: %v, want TABLE_FULL", err)
	}
	s.SetConfig(0, TableConfig{}, s.v)
	if _, err := s.Apply(s.mod(ofp.FlowAdd, 3, "udp"), s.v, s.now); err != nil {
		t.Errorf("without a limit: %v", err)
	}
}
