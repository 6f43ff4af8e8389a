package classifier

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"ofswitch/flow"
)

// linear is the slow twin: a list of rules and nothing clever.
type linear struct{ rules []*linearRule }

type linearRule struct {
	match          flow.Match
	priority       int32
	id             int
	added, removed Version
}

func (r *linearRule) visible(v Version) bool { return r.added <= v && v < r.removed }

func (l *linear) lookup(w *flow.Wide, v Version) (best *linearRule) {
	for _, r := range l.rules {
		if (best == nil || r.priority > best.priority) && r.visible(v) && r.match.Matches(w) {
			best = r
		}
	}
	return best
}

func (l *linear) ids(v Version, want func(*linearRule) bool) []int {
	var ids []int
	for _, r := range l.rules {
		if r.visible(v) && want(r) {
			ids = append(ids, r.id)
		}
	}
	slices.Sort(ids)
	return ids
}

// subject is what is compared with the twin: a Classifier, or one with a
// planted bug.
type subject interface {
	Insert(r *Rule[int], v Version)
	Remove(r *Rule[int], v Version)
	Unlink(r *Rule[int])
	Lookup(w *flow.Wide, v Version, wc *flow.Mask) *Rule[int]
	Find(m *flow.Match, priority int32, v Version) *Rule[int]
	FindOverlap(m *flow.Match, priority int32, v Version) *Rule[int]
	Each(v Version, fn func(*Rule[int]) bool)
	EachCovered(m *flow.Match, v Version, fn func(*Rule[int]) bool)
	Len() int
}

type counts struct{ inserts, lookups, hits, removes, replaces int }

// compare runs random operations on s and on the twin, with several versions
// alive, and returns the first difference. live is about the number of rules
// held; steps the number of versions.
func compare(s subject, g *generator, live, steps int) (n counts, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	const window = 4 // versions alive
	var (
		twin  linear
		rules = map[int]*Rule[int]{} // by id, linked ones
		id    int
		v     Version
		gone  []*linearRule // removed, not unlinked
	)
	insert := func(m *flow.Match, priority int32) {
		id++
		r := NewRule(m, priority, id)
		s.Insert(r, v)
		rules[id] = r
		twin.rules = append(twin.rules, &linearRule{*m, priority, id, v, never})
		n.inserts++
	}
	remove := func(r *linearRule) {
		s.Remove(rules[r.id], v)
		r.removed = v
		gone = append(gone, r)
		n.removes++
	}
	find := func(m *flow.Match, priority int32, v Version) *linearRule {
		for _, r := range twin.rules {
			if r.priority == priority && r.match == *m && r.visible(v) {
				return r
			}
		}
		return nil
	}
	check := func(got *Rule[int], want *linearRule) error {
		switch {
		case got == nil && want == nil:
			return nil
		case got == nil:
			return fmt.Errorf("nothing found, want rule %d, priority %d", want.id, want.priority)
		case want == nil:
			return fmt.Errorf("rule %d found, want nothing", got.Value())
		case got.Priority() != want.priority:
			return fmt.Errorf("rule %d of priority %d found, want rule %d of priority %d", got.Value(), got.Priority(), want.id, want.priority)
		}
		return nil
	}
	for v = 1; v <= Version(steps); v++ {
		visible := 0
		for _, r := range twin.rules {
			if r.removed == never {
				visible++
			}
		}
		for range 1 + g.IntN(4) {
			m, priority := g.match(), int32(g.IntN(20))
			if m.IsCatchAll() && g.IntN(2) == 0 {
				priority = 0
			}
			if len(twin.rules) > 0 && g.IntN(4) == 0 { // aim at one that is there
				r := twin.rules[g.IntN(len(twin.rules))]
				m, priority = r.match, r.priority
			}
			old := find(&m, priority, v)
			switch {
			case old == nil && visible < live:
				insert(&m, priority)
				visible++
			case old == nil:
				for _, i := range g.Perm(len(twin.rules)) {
					if r := twin.rules[i]; r.removed == never {
						remove(r)
						visible--
						break
					}
				}
			case g.IntN(2) == 0:
				insert(&m, priority)
				remove(old)
				n.replaces++
			default:
				remove(old)
				visible--
			}
		}
		if s.Len() != visible {
			return n, fmt.Errorf("version %d: Len is %d, want %d", v, s.Len(), visible)
		}
		oldest := Version(0)
		if v > window {
			oldest = v - window
		}
		for i := 0; i < len(gone); i++ {
			r := gone[i]
			if r.removed > oldest || g.IntN(8) == 0 {
				continue
			}
			s.Unlink(rules[r.id])
			delete(rules, r.id)
			twin.rules = slices.DeleteFunc(twin.rules, func(x *linearRule) bool { return x == r })
			gone = slices.Delete(gone, i, i+1)
			i--
		}
		if len(twin.rules) == 0 {
			continue
		}
		for range 6 {
			at := oldest + Version(g.IntN(int(v-oldest)+1))
			a, b := twin.rules[g.IntN(len(twin.rules))], twin.rules[g.IntN(len(twin.rules))]
			w := g.key(&a.match, &b.match)
			var wc flow.Mask
			got := s.Lookup(&w, at, &wc)
			want := twin.lookup(&w, at)
			n.lookups++
			if want != nil && !want.match.IsCatchAll() {
				n.hits++
			}
			if err := check(got, want); err != nil {
				return n, fmt.Errorf("version %d, lookup at %d: %w", v, at, err)
			}
			if got != nil {
				i := slices.IndexFunc(twin.rules, func(r *linearRule) bool { return r.id == got.Value() })
				if i < 0 || !twin.rules[i].visible(at) || !twin.rules[i].match.Matches(&w) {
					return n, fmt.Errorf("version %d, lookup at %d: rule %d is not a match", v, at, got.Value())
				}
			}
			if plain := s.Lookup(&w, at, nil); plain != got {
				return n, fmt.Errorf("version %d, lookup at %d: another result without a record", v, at)
			}
			flipped := g.flip(w, &wc)
			if err := check(s.Lookup(&flipped, at, nil), twin.lookup(&flipped, at)); err != nil {
				return n, fmt.Errorf("version %d, flipped lookup at %d: %w", v, at, err)
			}
			if again := s.Lookup(&flipped, at, nil); again != got {
				return n, fmt.Errorf("version %d, lookup at %d: bits outside the record changed the result", v, at)
			}
		}
		if v%16 != 0 {
			continue
		}
		at := oldest + Version(g.IntN(int(v-oldest)+1))
		m, priority := g.match(), int32(g.IntN(20))
		if g.IntN(2) == 0 {
			m = twin.rules[g.IntN(len(twin.rules))].match
		}
		if err := check(s.Find(&m, priority, at), find(&m, priority, at)); err != nil {
			return n, fmt.Errorf("version %d, find at %d: %w", v, at, err)
		}
		overlaps := twin.ids(at, func(r *linearRule) bool { return r.priority == priority && r.match.Overlaps(&m) })
		if r := s.FindOverlap(&m, priority, at); (r == nil) != (len(overlaps) == 0) || r != nil && !slices.Contains(overlaps, r.Value()) {
			return n, fmt.Errorf("version %d, overlap at %d: %v, want one of %v", v, at, r, overlaps)
		}
		for _, walk := range []struct {
			name string
			each func(fn func(*Rule[int]) bool)
			want func(*linearRule) bool
		}{
			{"each", func(fn func(*Rule[int]) bool) { s.Each(at, fn) }, func(*linearRule) bool { return true }},
			{"covered", func(fn func(*Rule[int]) bool) { s.EachCovered(&m, at, fn) }, func(r *linearRule) bool { return m.Covers(&r.match) }},
		} {
			var ids []int
			var bad error
			walk.each(func(r *Rule[int]) bool {
				ids = append(ids, r.Value())
				i := slices.IndexFunc(twin.rules, func(x *linearRule) bool { return x.id == r.Value() })
				if i < 0 || twin.rules[i].match != r.Match() || twin.rules[i].priority != r.Priority() {
					bad = fmt.Errorf("rule %d has another match or priority", r.Value())
				}
				return true
			})
			slices.Sort(ids)
			if want := twin.ids(at, walk.want); bad != nil || !slices.Equal(ids, want) {
				return n, fmt.Errorf("version %d, %s at %d: %v, want %v (%v)", v, walk.name, at, ids, want, bad)
			}
		}
	}
	return n, nil
}

// The classifier agrees with the twin on hundreds of thousands of random rules
// and lookups.
func TestAgainstLinear(t *testing.T) {
	steps := 25000
	if testing.Short() || raceEnabled {
		steps = 2000
	}
	var total counts
	var fields [flow.NumFields]int
	rules := 0
	for seed, live := range []int{2, 10, 60, 60, 150, 400} {
		g := newGenerator(uint64(seed))
		c := New[int]()
		n, err := compare(c, g, live, steps)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		check(t, c)
		total.inserts += n.inserts
		total.lookups += n.lookups
		total.hits += n.hits
		total.removes += n.removes
		total.replaces += n.replaces
		for i := range fields {
			fields[i] += g.fields[i]
		}
		rules += g.rules
	}
	t.Logf("%+v", total)
	if total.hits*2 < total.lookups {
		t.Errorf("%d of %d lookups hit a rule other than the catch-all, want half", total.hits, total.lookups)
	}
	if total.replaces*20 < total.inserts {
		t.Errorf("%d of %d inserts were replacements", total.replaces, total.inserts)
	}
	for i, n := range fields {
		if n*100 < rules {
			t.Errorf("%v stands in %d of %d rules, want one in a hundred", flow.ID(i), n, rules)
		}
	}
}

// check verifies the invariants of doc.go that can be seen from inside.
func check(t *testing.T, c *Classifier[int]) {
	t.Helper()
	own, merged := map[*table[int]]bool{}, map[*table[int]]bool{}
	rules := 0
	var prefixes [numLanes]map[string]uint32
	var away [numLanes]uint32
	for i := range prefixes {
		prefixes[i] = map[string]uint32{}
	}
	c.index.each(func(s *subtable[int]) bool {
		checkTable(t, &s.rules)
		mask := s.shape.full
		if c.subtable(&mask) != s {
			t.Errorf("index does not know %v", mask)
		}
		if s.own != nil {
			own[s.own] = true
		}
		s.rules.each(func(r *Rule[int]) bool {
			rules++
			if r.priority > s.top.Load() || r.shape != s.shape || (r.merged == nil) != (s.own != nil) {
				t.Errorf("rule %d: priority %d above %d, or another shape or place", r.value, r.priority, s.top.Load())
			}
			w := r.Match().Value
			for i, run := range s.shape.runs {
				if run > 0 && r.away>>i&1 != 0 {
					away[i]++
				} else if run > 0 {
					prefixes[i][fmt.Sprint(lanes[i].get(&w).cut(int(run)), run)]++
				}
			}
			return true
		})
		return true
	})
	for _, m := range c.merged {
		merged[m] = true
		n := 0
		checkPages(t, m.pages)
		m.pages.each(func(p *place) bool {
			n += checkPlace(t, m, p)
			return true
		})
		rules -= n
		if n == 0 || n != m.n {
			t.Errorf("%d rules in a table of %d", n, m.n)
		}
	}
	seen, last := 0, int32(1<<30)
	for _, chunk := range c.order.Load().chunks {
		if len(chunk) == 0 || len(chunk) > chunkMax {
			t.Errorf("chunk of %d", len(chunk))
		}
		for _, e := range chunk {
			if e.max > last || e.max != e.table.max || e.max != e.table.prio.max() || !own[e.table] && !merged[e.table] {
				t.Errorf("order: %d after %d, table says %d and %d", e.max, last, e.table.max, e.table.prio.max())
			}
			last = e.max
			seen++
			if e.table.rules != nil {
				rules -= e.table.rules.count
			}
			checkStages(t, e.table)
			checkNumbers(t, c, e.table)
			for r := range e.table.all {
				if w := r.Match().Value; e.table.lacks(&w) {
					t.Errorf("rule %d is not in its table's filter", r.value)
				}
			}
		}
	}
	if c.index.count != c.Masks() || c.Probes() != seen || seen != len(own)+len(merged) || c.own != len(own) || rules != 0 {
		t.Errorf("%d subtables, %d tables of their own, %d merged, %d in the order, %d rules without a place",
			c.index.count, len(own), len(merged), seen, rules)
	}
	checkTable(t, &c.index)
	if c.how < Plain {
		for i := range c.trees {
			checkPrefixes(t, &c.trees[i], prefixes[i])
			if rest := c.trees[i].rest.Load(); rest != nil {
				for _, n := range rest.count {
					away[i] -= n
				}
			}
			if away[i] != 0 {
				t.Errorf("%d rules were turned away from tree %d and are not noted there", int32(away[i]), i)
			}
		}
	}
}

// checkPlace checks the rules of a place, and says how many there are.
func checkPlace(t *testing.T, m *table[int], p *place) (n int) {
	t.Helper()
	last := p.priority()
	one := func(r *Rule[int], priority int32) {
		n++
		if r.merged != m || priority != r.priority || !m.shape.within(r.shape) || tagOf(m.shape.hashStages(r.shape, r.vals())[stageL4]) != p.tag {
			t.Errorf("rule %d stands in another table", r.value)
		}
		if r.priority > last || n == 1 && r.priority != last {
			t.Errorf("rule %d comes after one of priority %d", r.value, last)
		}
		last = r.priority
	}
	if r := ruleOf[int](p); r != nil {
		one(r, last)
		return n
	}
	for b := blocksOf[int](p); b != nil; b = b.next.Load() {
		for i := range b.len() {
			e := &b.entries[i]
			r := e.rule
			one(r, e.priority)
			if w := r.Match().Value; e.differs(&w) || sieved(b.sieve[i], half(&w, b.half)) {
				t.Errorf("the entry of rule %d says that it does not match itself", r.value)
			}
		}
		if b.len() == 0 {
			t.Error("an empty block")
		}
	}
	if n < 2 {
		t.Errorf("blocks for %d rules", n)
	}
	return n
}

func checkPages(t *testing.T, h *pageTable) {
	t.Helper()
	places := 0
	for i := range h.buckets() {
		b := h.page(i)
		for _, p := range row(b.places.Load()) {
			places++
			if at := pageOf(p.tag, h.buckets()); at != i {
				t.Fatalf("a place of bucket %d stands in %d", at, i)
			}
			if b.filter.Load()&tagBit(p.tag) == 0 {
				t.Fatalf("filter does not know %x", p.tag)
			}
			if x := h.find(uint64(p.tag) << 32); x == nil || *x != p {
				t.Fatalf("%x is not found", p.tag)
			}
		}
	}
	if places != h.count {
		t.Fatalf("%d places, want %d", places, h.count)
	}
	checkLoad(t, h.buckets(), h.count)
}

// checkLoad checks how many buckets there are for items.
func checkLoad(t *testing.T, buckets uint32, count int) {
	t.Helper()
	if n := int(buckets); n > 1 && (n > loadShrink*max(count, 1)+1 || count > loadGrow*n+1) {
		t.Fatalf("%d buckets for %d items", n, count)
	}
}

// checkNumbers compares what is said of a table by its number with its rules.
func checkNumbers(t *testing.T, c *Classifier[int], x *table[int]) {
	t.Helper()
	if x.id < 0 {
		return
	}
	set := c.numbers.load()
	if !set.has(x.id) {
		t.Errorf("number %d is not in use", x.id)
	}
	if typed := c.types.typed.load(); typed.has(x.id) != x.shape.typed() || x.typed != x.shape.typed() {
		t.Errorf("table %d: that its rules ask for a type is not noted as it should be", x.id)
	}
	if x.typed {
		kinds, noted := map[uint16]uint32{}, maps.Clone(x.kinds.rest)
		for r := range x.all {
			kinds[typeOf(r.Match().Value[flow.WEthDst])]++
		}
		if noted == nil {
			noted = map[uint16]uint32{}
		}
		if x.kinds.n > 0 {
			noted[x.kinds.kind] += x.kinds.n
		}
		if !maps.Equal(kinds, noted) {
			t.Errorf("table %d has rules of the types %v, not %v", x.id, kinds, noted)
		}
		for kind := range 1 << 16 {
			has := kinds[uint16(kind)] > 0
			if lack := c.types.lack(uint16(kind)); lack.has(x.id) == has {
				t.Errorf("table %d has rules of type %x: %v, noted as %v", x.id, kind, has, !has)
			}
		}
	}
	for i := range lanes {
		longest, all := 0, true
		want := map[int]bool{}
		for r := range x.all {
			run := int(r.shape.runs[i])
			want[run], longest, all = true, max(longest, run), all && run > 0
		}
		asks := x.asks.Load()
		if int(asks>>(8*i)&0xff) != longest {
			t.Errorf("table %d: longest prefix of lane %d is %d, want %d", x.id, i, asks>>(8*i)&0xff, longest)
		}
		if listed := asks>>(asksAll+i)&1 != 0; listed != (all && longest > 0 && x.id >= 0) {
			t.Errorf("table %d: all rules ask for lane %d: %v, noted with the table as %v", x.id, i, all, listed)
		}
		l := c.asked[i].Load()
		if l == nil {
			if longest > 0 {
				t.Errorf("table %d is not noted to ask for lane %d", x.id, i)
			}
			continue
		}
		if in := l.all.load(); in.has(x.id) != all {
			t.Errorf("table %d: all rules ask for lane %d: %v, noted as %v", x.id, i, all, in.has(x.id))
		}
		for n := 1; n < len(l.by); n++ {
			if in := l.by[n].load(); in.has(x.id) != want[n] {
				t.Errorf("table %d: some rule asks for %d bits of lane %d: %v, noted as %v", x.id, n, i, want[n], in.has(x.id))
			}
		}
	}
}

// checkStages compares what the stages of a table say with its rules.
func checkStages(t *testing.T, x *table[int]) {
	t.Helper()
	for i, s := range x.stages {
		if s == nil {
			continue
		}
		want := map[uint32]uint32{}
		for r := range x.all {
			want[stageTag(x.shape.hashStages(r.shape, r.vals())[i])]++
		}
		checkStageSet(t, s, want)
	}
}

func checkTable[E any](t *testing.T, h *hashTable[E]) {
	t.Helper()
	items, markers, last := 0, uint32(1), uint64(0)
	b := h.bucket(0)
	for x := b.node.next.Load(); x != nil; x = x.next.Load() {
		if x.hash < last {
			t.Fatalf("list is not sorted")
		}
		last = x.hash
		at := h.bucket(slot(x.hash, h.buckets()))
		if x.item == nil {
			if x != &at.node {
				t.Fatalf("marker %x is not the bucket in use", x.hash)
			}
			b = at
			markers++
			continue
		}
		if at != b {
			t.Fatalf("item %x stands in another bucket", x.hash)
		}
		if b.filter.Load()&(1<<(x.hash&63)) == 0 {
			t.Fatalf("filter does not know %x", x.hash)
		}
		items++
	}
	if items != h.count || markers != h.buckets() {
		t.Fatalf("%d items, %d markers, want %d, %d", items, markers, h.count, h.buckets())
	}
	checkLoad(t, h.buckets(), h.count)
}
