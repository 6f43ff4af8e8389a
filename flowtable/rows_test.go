package flowtable

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// checkRows holds what rows and timers say of each other and of the entries.
func checkRows(t *testing.T, tables *Tables) {
	t.Helper()
	tables.some(ofp.TableAll, func(tb *Table) bool {
		if tb.rows.n != tb.Active() {
			t.Fatalf("table %d has %d entries and %d rows", tb.ID, tb.Active(), tb.rows.n)
		}
		timed := 0
		for row := range int32(tb.rows.n) {
			p, i := tb.rows.page(row)
			e := p.entries[i]
			if e == nil || e.row != row+1 || p.cookies[i] != e.Cookie || p.sends[i] != sendsTo(e.Instructions) {
				t.Fatalf("table %d, row %d: %+v, cookie %#x, sends to %#x", tb.ID, row, e, p.cookies[i], p.sends[i])
			}
			if e.IdleTimeout|e.HardTimeout != 0 {
				timed++
				g, at := tb.timerOf(row)
				if at == nil || tb.timers.groups[g].heap[*at-1].row != row {
					t.Fatalf("table %d, row %d: its timer is not there", tb.ID, row)
				}
			}
		}
		if timed != tb.timers.n {
			t.Fatalf("table %d: %d entries have timeouts, there are %d timers", tb.ID, timed, tb.timers.n)
		}
		checkTimers(t, tb)
		for i := tb.rows.n; i < len(tb.rows.pages)*pageRows; i++ {
			p, j := tb.rows.page(int32(i))
			if p.entries[j] != nil || p.timers != nil && p.timers[j] != 0 {
				t.Fatalf("table %d, row %d of %d is not empty", tb.ID, i, tb.rows.n)
			}
		}
		return true
	})
}

// Large tables: deletes of a few, of many and of all entries, by all that they can be
// selected by, find what a look at each entry finds, whether they are taken back or not.
func TestRowsRandom(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	tables := NewTables()
	for _, id := range []uint32{1, 2} {
		m := &ofp.GroupMod{Command: ofp.GroupAdd, GroupType: ofp.GroupTypeIndirect, GroupID: id, Buckets: []ofp.Bucket{{WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny, Actions: []ofp.Action{ofp.Output{Port: 1}}}}}
		if _, err := tables.ApplyGroup(m, 1, 0, able(tables)); err != nil {
			t.Fatal(err)
		}
	}
	v, now, serial := classifier.Version(1), int64(second), uint64(0)
	reserved := []ofp.PortNo{ofp.PortInPort, ofp.PortTable, ofp.PortNormal, ofp.PortFlood, ofp.PortAll, ofp.PortController, ofp.PortLocal, ofp.PortMax}
	port := func() ofp.PortNo {
		if r.IntN(4) == 0 {
			return reserved[r.IntN(len(reserved))]
		}
		return ofp.PortNo(1 + r.IntN(70))
	}
	tables.InsertHidden(&flow.Match{}, 1<<16, out(1), v, now) // no message is about it
	live := map[uint64]*Entry{}                               // by number, which the cookie has in its upper half
	add := func() {
		serial++
		m := &ofp.FlowMod{Table: ofp.TableID(r.IntN(2)), Priority: 5, Cookie: serial<<32 | uint64(r.IntN(1<<8)), OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
		list := []ofp.Action{ofp.Output{Port: port()}}
		switch r.IntN(4) {
		case 0:
			list = []ofp.Action{ofp.Group{GroupID: 1 + uint32(r.IntN(2))}}
		case 1:
			list = append(list, ofp.Enqueue{Port: port(), QueueID: 1})
		}
		if r.IntN(4) == 0 {
			m.Instructions = ofp.Instructions{Has: 1 << ofp.InstrWriteActions, Write: list, Order: [6]uint8{ofp.InstrWriteActions}}
		} else {
			m.Instructions = ofp.Instructions{Has: 1 << ofp.InstrApplyActions, Apply: list, Order: [6]uint8{ofp.InstrApplyActions}}
		}
		if r.IntN(2) == 0 {
			m.IdleTimeout = uint16(1 + r.IntN(1000))
		}
		m.Match.Set(flow.EthType, flow.Value{Lo: 0x0800})
		m.Match.Set(flow.IPv4Src, flow.Value{Lo: serial})
		if r.IntN(2) == 0 {
			m.Match.Set(flow.IPv4Dst, flow.Value{Lo: uint64(r.IntN(4))})
		}
		v++
		c, err := tables.Apply(m, v, now)
		if err != nil {
			t.Fatal(err)
		}
		live[serial] = c.Added[0]
	}
	for range 60 {
		for range r.IntN(1500) {
			add()
		}
		m := &ofp.FlowMod{Command: ofp.FlowDelete, Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
		if r.IntN(2) == 0 {
			m.Table = ofp.TableID(r.IntN(2))
		}
		if r.IntN(2) == 0 {
			m.CookieMask = uint64(1)<<(1+r.IntN(8)) - 1
			m.Cookie = uint64(r.IntN(1 << 8))
		}
		if r.IntN(3) == 0 {
			m.OutPort = port()
		}
		if r.IntN(3) == 0 {
			m.OutGroup = uint32(1 + r.IntN(3))
		}
		if r.IntN(2) == 0 {
			m.Match.Set(flow.EthType, flow.Value{Lo: 0x0800})
			m.Match.Set(flow.IPv4Dst, flow.Value{Lo: uint64(r.IntN(4))})
		}
		if r.IntN(4) == 0 {
			m.Command, m.Priority = ofp.FlowDeleteStrict, uint16(5+r.IntN(8)/7)
			for _, e := range live { // any one
				m.Match = e.Match()
				break
			}
		}
		what := fmt.Sprintf("seed %d, delete %+v of %d", seed, *m, len(live))
		f := filter{m.Cookie, m.CookieMask, m.OutPort, m.OutGroup}
		want := map[*Entry]bool{}
		for _, e := range live {
			if match := e.Match(); (m.Table == ofp.TableAll || m.Table == e.Table) && m.Match.Covers(&match) && f.passes(e) &&
				(m.Command == ofp.FlowDelete || match == m.Match && m.Priority == uint16(e.Priority)) {
				want[e] = true
			}
		}
		if m.Command == ofp.FlowDelete {
			checkCandidates(t, what, tables, v, m, want)
		}
		v++
		c, err := tables.Apply(m, v, now)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Removed) != len(want) {
			t.Fatalf("%s: %d were removed, want %d", what, len(c.Removed), len(want))
		}
		for _, x := range c.Removed {
			if !want[x.Entry] {
				t.Fatalf("%s: removed %+v", what, x.Entry)
			}
		}
		checkRows(t, tables)
		if r.IntN(3) == 0 {
			tables.Undo(c, v)
			checkRows(t, tables)
			continue
		}
		tables.UnlinkAll(c)
		for e := range want {
			delete(live, e.Cookie>>32)
		}
	}
	if len(live) != tables.Len() {
		t.Errorf("seed %d: %d entries, want %d", seed, tables.Len(), len(live))
	}
}

// checkCandidates holds what statistics find for a request, by the rows and groups as by a walk, against
// the entries that they are to find.
func checkCandidates(t *testing.T, what string, tables *Tables, v classifier.Version, m *ofp.FlowMod, want map[*Entry]bool) {
	t.Helper()
	req := &ofp.FlowStatsRequest{Table: m.Table, Match: m.Match, Cookie: m.Cookie, CookieMask: m.CookieMask, OutPort: m.OutPort, OutGroup: m.OutGroup}
	check := func(how string, each func(func(*Entry) bool)) {
		t.Helper()
		n := 0
		each(func(e *Entry) bool {
			if n++; !want[e] {
				t.Fatalf("%s: %s finds %+v", what, how, e)
			}
			return true
		})
		if n != len(want) {
			t.Fatalf("%s: %s finds %d entries, want %d", what, how, n, len(want))
		}
	}
	check("a walk", func(fn func(*Entry) bool) {
		if err := tables.Each(req, v, fn); err != nil {
			t.Fatal(err)
		}
	})
	list, ok := tables.Candidates(req, v)
	if !ok {
		if m.Match.IsCatchAll() {
			t.Fatalf("%s: no candidates", what)
		}
		return
	}
	passes := Passes(req)
	check("a look at candidates", func(fn func(*Entry) bool) {
		for _, e := range list {
			if passes(e) {
				fn(e)
			}
		}
	})
}
