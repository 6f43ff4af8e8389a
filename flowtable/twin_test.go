package flowtable

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// slow is the slow twin: one list of entries, and the rules of OpenFlow 1.3.5
// §6.4 as they are written there.
type slow struct {
	entries []*slowEntry
	limit   int
}

type slowEntry struct {
	table          ofp.TableID
	match          flow.Match
	priority       uint16
	cookie         uint64
	flags          ofp.FlowFlags
	idle, hard     uint16
	created, used  int64
	packets, bytes uint64
	ins            ofp.Instructions
	reason         uint8 // when removed
	added, gone    classifier.Version
}

func (e *slowEntry) visible(v classifier.Version) bool { return e.added <= v && v < e.gone }

func (s *slow) now(v classifier.Version) (now []*slowEntry) {
	for _, e := range s.entries {
		if e.visible(v) {
			now = append(now, e)
		}
	}
	return now
}

func code(err error) ofp.Code {
	var e *ofp.Error
	if err == nil {
		return 0xffffffff
	}
	if !errors.As(err, &e) {
		return 0xfffffffe
	}
	return e.Code
}

func sends(e *slowEntry, port ofp.PortNo, group uint32) bool {
	hasPort, hasGroup := port == ofp.PortAny, group == ofp.GroupAny
	for _, a := range append(slices.Clone(e.ins.Apply), e.ins.Write...) {
		switch a := a.(type) {
		case ofp.Output:
			hasPort = hasPort || a.Port == port
		case ofp.Group:
			hasGroup = hasGroup || a.GroupID == group
		}
	}
	return hasPort && hasGroup
}

// apply gives the code of the refusal, or 0xffffffff, and what was removed.
func (s *slow) apply(m *ofp.FlowMod, v classifier.Version, now int64) (c ofp.Code, removed []*slowEntry) {
	if m.Command > 4 {
		return ofp.FlowModFailedBadCommand, nil
	}
	if m.Flags > 31 {
		return ofp.FlowModFailedBadFlags, nil
	}
	if m.Table == 255 && m.Command < 3 || m.Table == 254 {
		return ofp.FlowModFailedBadTableID, nil
	}
	remove := func(e *slowEntry, reason uint8) {
		e.gone, e.reason = v, reason
		removed = append(removed, e)
	}
	in := func(e *slowEntry) bool { return m.Table == 255 || e.table == m.Table }
	same := func(e *slowEntry) bool { return in(e) && e.match == m.Match && e.priority == m.Priority }
	switch m.Command {
	case ofp.FlowAdd:
		var old *slowEntry
		n := 0
		for _, e := range s.now(v) {
			if !in(e) {
				continue
			}
			n++
			if m.Flags&ofp.FlowCheckOverlap != 0 && e.priority == m.Priority && e.match.Overlaps(&m.Match) {
				return ofp.FlowModFailedOverlap, nil
			}
			if same(e) {
				old = e
			}
		}
		if old == nil && n >= s.limit {
			return ofp.FlowModFailedTableFull, nil
		}
		e := &slowEntry{table: m.Table, match: m.Match, priority: m.Priority, cookie: m.Cookie, flags: m.Flags,
			idle: m.IdleTimeout, hard: m.HardTimeout, created: now, ins: m.Instructions, added: v, gone: ^classifier.Version(0)}
		if old != nil {
			remove(old, RemovedNone)
			if m.Flags&ofp.FlowResetCounts == 0 {
				e.packets, e.bytes = old.packets, old.bytes
			}
		}
		s.entries = append(s.entries, e)
	case ofp.FlowModify, ofp.FlowModifyStrict:
		for _, e := range s.now(v) {
			if (m.Command == ofp.FlowModify && in(e) && m.Match.Covers(&e.match) || m.Command == ofp.FlowModifyStrict && same(e)) &&
				(e.cookie^m.Cookie)&m.CookieMask == 0 {
				succ := *e
				succ.ins, succ.added = m.Instructions, v
				if m.Flags&ofp.FlowResetCounts != 0 {
					succ.packets, succ.bytes = 0, 0
				}
				remove(e, RemovedNone)
				s.entries = append(s.entries, &succ)
			}
		}
	default:
		for _, e := range s.now(v) {
			if (m.Command == ofp.FlowDelete && in(e) && m.Match.Covers(&e.match) || m.Command == ofp.FlowDeleteStrict && same(e)) &&
				(e.cookie^m.Cookie)&m.CookieMask == 0 && sends(e, m.OutPort, m.OutGroup) {
				remove(e, ofp.RemovedDelete)
			}
		}
	}
	return 0xffffffff, removed
}

func (s *slow) expire(v classifier.Version, now int64) (removed []*slowEntry) {
	for _, e := range s.now(v) {
		hard, idle := int64(1)<<62, int64(1)<<62
		if e.hard > 0 {
			hard = e.created + int64(e.hard)*1e9
		}
		if e.idle > 0 {
			idle = max(e.created, e.used) + int64(e.idle)*1e9
		}
		if now < hard && now < idle {
			continue
		}
		e.gone, e.reason = v, ofp.RemovedHard
		if idle < hard {
			e.reason = ofp.RemovedIdle
		}
		removed = append(removed, e)
	}
	return removed
}

func (s *slow) lookup(table ofp.TableID, w *flow.Wide, v classifier.Version) (best *slowEntry) {
	for _, e := range s.now(v) {
		if e.table == table && e.match.Matches(w) && (best == nil || e.priority > best.priority) {
			best = e
		}
	}
	return best
}

// subject is what is compared with the twin: Tables, or Tables with a planted bug.
type subject interface {
	Apply(m *ofp.FlowMod, v classifier.Version, now int64) (*Change, error)
	Expire(v classifier.Version, now int64) *Change
	Unlink(entries []*Entry)
	Each(req *ofp.FlowStatsRequest, v classifier.Version, fn func(*Entry) bool) error
	Affects(id ofp.TableID, from, to classifier.Version, w *flow.Wide, priority int32) bool
	Lookup(id ofp.TableID, w *flow.Wide, v classifier.Version) *Entry
}

// plain is a correct subject.
type plain struct{ *Tables }

func (p plain) Affects(id ofp.TableID, from, to classifier.Version, w *flow.Wide, priority int32) bool {
	return p.Table(id).Affects(from, to, exactly(w), priority)
}
func (p plain) Lookup(id ofp.TableID, w *flow.Wide, v classifier.Version) *Entry {
	return p.Table(id).Lookup(w, v, nil)
}

// line is an entry as text, all of it that a controller can see.
func line(table ofp.TableID, priority uint16, cookie uint64, flags ofp.FlowFlags, idle, hard uint16, created int64,
	packets, bytes uint64, match flow.Match, ins *ofp.Instructions) string {
	return fmt.Sprintf("table %d, priority %d, cookie %#x, flags %#x, timeouts %d/%d, created %d, packets %d, bytes %d, %s, %v",
		table, priority, cookie, uint16(flags), idle, hard, created, packets, bytes, match.String(), *ins)
}

func (e *slowEntry) String() string {
	packets, bytes := e.packets, e.bytes
	if e.flags&ofp.FlowNoPktCounts != 0 {
		packets = ^uint64(0)
	}
	if e.flags&ofp.FlowNoBytCounts != 0 {
		bytes = ^uint64(0)
	}
	return line(e.table, e.priority, e.cookie, e.flags, e.idle, e.hard, e.created, packets, bytes, e.match, &e.ins)
}

func (e *Entry) text() string {
	packets, bytes := e.Counts()
	return line(e.Table, uint16(e.Priority), e.Cookie, e.Flags, e.IdleTimeout, e.HardTimeout, e.Created, packets, bytes, e.Match(), e.Instructions)
}

// random makes flow-mods over a few tables, matches, cookies and ports, so that
// they meet each other often.
type random struct{ *rand.Rand }

func (r random) match() (m flow.Match) {
	set := func(id flow.ID, v, mask uint64) { m.SetMasked(id, flow.Value{Lo: v & mask}, flow.Value{Lo: mask}) }
	if r.IntN(2) == 0 {
		set(flow.InPort, uint64(1+r.IntN(2)), 0xffffffff)
	}
	switch r.IntN(4) {
	case 0:
		set(flow.EthType, 0x0800, 0xffff)
		set(flow.IPv4Dst, 0x0a000000|uint64(r.IntN(4)), uint64(0xffffffff)<<r.IntN(3)&0xffffffff)
		if r.IntN(2) == 0 {
			set(flow.IPProto, 6, 0xff)
			set(flow.TCPDst, uint64(80+r.IntN(2)), 0xffff)
		}
	case 1:
		set(flow.EthDst, uint64(r.IntN(3)), 0xffffffffffff)
	case 2:
		set(flow.Metadata, uint64(r.IntN(4)), uint64(1+r.IntN(3)))
	}
	return m
}

func (r random) actions() (list []ofp.Action) {
	for range r.IntN(3) {
		switch r.IntN(4) {
		case 0:
			list = append(list, ofp.Group{GroupID: uint32(r.IntN(3))})
		case 1:
			list = append(list, ofp.SetField{Field: flow.EthSrc, Value: flow.Value{Lo: uint64(r.IntN(9))}})
		default:
			list = append(list, ofp.Output{Port: ofp.PortNo(1 + r.IntN(3))})
		}
	}
	return list
}

func (r random) table(all int) ofp.TableID {
	switch r.IntN(40) {
	case 0:
		return 254
	case 1:
		return 253
	}
	if r.IntN(10) < all {
		return 255
	}
	return ofp.TableID(r.IntN(3))
}

func (r random) flowMod() *ofp.FlowMod {
	m := &ofp.FlowMod{
		Command:  uint8([]int{0, 0, 0, 0, 0, 0, 1, 2, 3, 4}[r.IntN(10)]),
		Cookie:   uint64(r.IntN(4)),
		Priority: uint16(r.IntN(3)),
		BufferID: ofp.NoBuffer,
		OutPort:  ofp.PortAny,
		OutGroup: ofp.GroupAny,
		Match:    r.match(),
	}
	m.Table = r.table(int(m.Command))
	if r.IntN(100) == 0 {
		m.Command = uint8(5 + r.IntN(251))
	}
	if r.IntN(3) == 0 {
		m.CookieMask = uint64(1 + r.IntN(3))
	}
	if r.IntN(4) == 0 {
		m.OutPort = ofp.PortNo(1 + r.IntN(3))
	}
	if r.IntN(6) == 0 {
		m.OutGroup = uint32(r.IntN(3))
	}
	for i, chance := range []int{3, 6, 4, 6, 6, 200} {
		if r.IntN(chance) == 0 {
			m.Flags |= 1 << i
		}
	}
	if r.IntN(3) == 0 {
		m.IdleTimeout = uint16(1 + r.IntN(4))
	}
	if r.IntN(4) == 0 {
		m.HardTimeout = uint16(1 + r.IntN(9))
	}
	if r.IntN(4) != 0 {
		m.Instructions.Has |= 1 << ofp.InstrApplyActions
		m.Instructions.Apply = r.actions()
	}
	if r.IntN(4) == 0 {
		m.Instructions.Has |= 1 << ofp.InstrWriteActions
		m.Instructions.Write = r.actions()
	}
	return m
}

func (r random) frame() (w flow.Wide) {
	set := func(id flow.ID, v uint64) { id.Field().Set(&w, flow.Value{Lo: v}) }
	set(flow.InPort, uint64(1+r.IntN(3)))
	set(flow.EthDst, uint64(r.IntN(3)))
	set(flow.Metadata, uint64(r.IntN(4)))
	if r.IntN(2) == 0 {
		set(flow.EthType, 0x0800)
		set(flow.IPv4Dst, 0x0a000000|uint64(r.IntN(5)))
		set(flow.IPProto, uint64(5+r.IntN(2)))
		set(flow.TCPDst, uint64(80+r.IntN(2)))
	}
	return w
}

type coverage struct {
	mods, refused, replaced, modified, deleted, expired, lookups, hits, held, affected int
	codes                                                                              map[ofp.Code]int
}

// compare applies random flow-mods to s and to the twin, and returns the first
// difference.
func compare(s subject, limit int, rng random, steps int) (cov coverage, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	cov.codes = map[ofp.Code]int{}
	twin := &slow{limit: limit}
	// What a program remembers of its lookup.
	type dependency struct {
		table    ofp.TableID
		w        flow.Wide
		v        classifier.Version
		entry    *Entry
		priority int32
		next     classifier.Version // when it is asked again
	}
	var deps []dependency
	now := int64(1e9)
	all := &ofp.FlowStatsRequest{Table: 255, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	var dead []*Entry
	for v := classifier.Version(1); v <= classifier.Version(steps); v++ {
		var change *Change
		var gone []*slowEntry
		if rng.IntN(5) == 0 {
			now += int64(rng.IntN(2e9))
			change = s.Expire(v, now)
			gone = twin.expire(v, now)
			cov.expired += len(gone)
		} else {
			m := rng.flowMod()
			what := fmt.Sprintf("version %d, flow-mod %+v", v, *m)
			var got error
			change, got = s.Apply(m, v, now)
			var want ofp.Code
			want, gone = twin.apply(m, v, now)
			cov.mods++
			cov.codes[want]++
			if code(got) != want {
				return cov, fmt.Errorf("%s: answered %v, want code %#x", what, got, want)
			}
			if got != nil {
				cov.refused++
				change = new(Change)
			}
			for _, e := range gone {
				switch {
				case e.reason == ofp.RemovedDelete:
					cov.deleted++
				case m.Command == ofp.FlowAdd:
					cov.replaced++
				default:
					cov.modified++
				}
			}
		}
		// What was removed, and why.
		var lines, want []string
		for i := range change.Removed {
			r := &change.Removed[i]
			lines = append(lines, fmt.Sprintf("%d %v %s", r.Reason, r.Notify(), r.Entry.text()))
			dead = append(dead, r.Entry)
		}
		for _, e := range gone {
			want = append(want, fmt.Sprintf("%d %v %s", e.reason, e.reason != RemovedNone && e.flags&1 != 0, e))
		}
		if d := difference(lines, want); d != "" {
			return cov, fmt.Errorf("version %d, removed: %s", v, d)
		}
		// What is there, and that the version before is still there too.
		lines, want = nil, nil
		if err := s.Each(all, v, func(e *Entry) bool { lines = append(lines, e.text()); return true }); err != nil {
			return cov, err
		}
		for _, e := range twin.now(v) {
			want = append(want, e.String())
		}
		if d := difference(lines, want); d != "" {
			return cov, fmt.Errorf("version %d, entries: %s", v, d)
		}
		before := 0
		if err := s.Each(all, v-1, func(e *Entry) bool { before++; return true }); err != nil {
			return cov, err
		}
		if n := len(twin.now(v - 1)); before != n {
			return cov, fmt.Errorf("version %d: the version before has %d entries, want %d", v, before, n)
		}
		if rng.IntN(8) == 0 {
			req := &ofp.FlowStatsRequest{Table: ofp.TableID(rng.IntN(3)), OutPort: ofp.PortAny, OutGroup: ofp.GroupAny, Match: rng.match()}
			if rng.IntN(2) == 0 {
				req.Table = 255
			}
			if rng.IntN(2) == 0 {
				req.OutPort = ofp.PortNo(1 + rng.IntN(3))
			}
			if rng.IntN(3) == 0 {
				req.OutGroup = uint32(rng.IntN(3))
			}
			req.Cookie, req.CookieMask = uint64(rng.IntN(4)), uint64(rng.IntN(4))
			lines, want = nil, nil
			if err := s.Each(req, v, func(e *Entry) bool { lines = append(lines, e.text()); return true }); err != nil {
				return cov, err
			}
			for _, e := range twin.now(v) {
				if (req.Table == 255 || req.Table == e.table) && req.Match.Covers(&e.match) &&
					(e.cookie^req.Cookie)&req.CookieMask == 0 && sends(e, req.OutPort, req.OutGroup) {
					want = append(want, e.String())
				}
			}
			if d := difference(lines, want); d != "" {
				return cov, fmt.Errorf("version %d, statistics %+v: %s", v, *req, d)
			}
		}
		// Programs made before: who is told to be unconcerned is.
		for i := range deps {
			d := &deps[i]
			if v < d.next {
				continue
			}
			d.next = v + 1 + classifier.Version(rng.IntN(1<<rng.IntN(11)))
			got := s.Lookup(d.table, &d.w, v)
			if s.Affects(d.table, d.v, v, &d.w, d.priority) {
				cov.affected++
				d.entry, d.priority = got, -1
				if got != nil {
					d.priority = got.Priority
				}
				d.v = v
				continue
			}
			cov.held++
			// Of several entries of one priority any one may be hit.
			if got != d.entry && (got == nil || d.entry == nil || got.Priority != d.entry.Priority || !d.entry.VisibleAt(v)) {
				return cov, fmt.Errorf("version %d: lookup in table %d as of %d is said to hold, but gives another entry", v, d.table, d.v)
			}
			d.v = v
		}
		for range 3 {
			table, w := ofp.TableID(rng.IntN(3)), rng.frame()
			got, want := s.Lookup(table, &w, v), twin.lookup(table, &w, v)
			cov.lookups++
			if (got == nil) != (want == nil) || got != nil && uint16(got.Priority) != want.priority {
				return cov, fmt.Errorf("version %d, lookup in table %d: %v, want %v", v, table, got, want)
			}
			d := dependency{table, w, v, got, -1, v + 1}
			if got != nil {
				cov.hits++
				d.priority = got.Priority
				// A frame: count it in both.
				match := got.Match()
				i := slices.IndexFunc(twin.entries, func(e *slowEntry) bool {
					return e.visible(v) && e.table == table && e.match == match && int32(e.priority) == got.Priority
				})
				if i < 0 {
					return cov, fmt.Errorf("version %d: hit an entry that is not there", v)
				}
				n := uint64(1 + rng.IntN(3))
				got.Counters.Add(n, n*100, now)
				twin.entries[i].packets += n
				twin.entries[i].bytes += n * 100
				twin.entries[i].used = now
			}
			if len(deps) < 200 {
				deps = append(deps, d)
			} else if rng.IntN(30) == 0 {
				deps[rng.IntN(len(deps))] = d
			}
		}
		if rng.IntN(6) == 0 {
			s.Unlink(dead)
			dead = nil
			twin.entries = twin.now(v)
		}
	}
	return cov, nil
}

// difference compares lists regardless of their order.
func difference(got, want []string) string {
	slices.SortFunc(got, cmp.Compare)
	slices.SortFunc(want, cmp.Compare)
	if slices.Equal(got, want) {
		return ""
	}
	for _, s := range got {
		if !slices.Contains(want, s) {
			return "not expected: " + s
		}
	}
	for _, s := range want {
		if !slices.Contains(got, s) {
			return "missing: " + s
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(got), len(want))
}

func TestAgainstSlowTwin(t *testing.T) {
	steps := 8000
	if testing.Short() || raceEnabled {
		steps = 1500
	}
	total := map[ofp.Code]int{}
	for seed, limit := range []int{1000, 1000, 12, 3} {
		tables := NewTables()
		addGroups(t, tables, 0, 1, 2)
		tables.MaxEntries = limit
		cov, err := compare(plain{tables}, limit, random{rand.New(rand.NewPCG(uint64(seed), 2))}, steps)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		t.Logf("%+v", cov)
		for c, n := range cov.codes {
			total[c] += n
		}
		if cov.hits*2 < cov.lookups && limit > 3 {
			t.Errorf("seed %d: %d of %d lookups hit", seed, cov.hits, cov.lookups)
		}
		for name, n := range map[string]int{"replaced": cov.replaced, "modified": cov.modified, "deleted": cov.deleted, "expired": cov.expired, "affected": cov.affected} {
			if n < steps/200 {
				t.Errorf("seed %d: only %d %s", seed, n, name)
			}
		}
		if cov.held < cov.affected {
			t.Errorf("seed %d: %d dependencies held, %d did not: changes concern too much", seed, cov.held, cov.affected)
		}
		checkRows(t, tables)
	}
	for _, c := range []ofp.Code{ofp.FlowModFailedBadCommand, ofp.FlowModFailedBadFlags, ofp.FlowModFailedBadTableID, ofp.FlowModFailedOverlap, ofp.FlowModFailedTableFull} {
		if total[c] == 0 {
			t.Errorf("%v was never answered", c)
		}
	}
}
