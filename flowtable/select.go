package flowtable

import (
	"cmp"
	"slices"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// selected are the entries that a modify or delete is about. They are gathered
// before anything changes: a walk must not meet what it made.
func (t *Tables) selected(m *ofp.FlowMod, f filter, v classifier.Version) (found []*Entry) {
	if f.outGroup != ofp.GroupAny {
		return t.usersOf(m, f)
	}
	strict := m.Command == ofp.FlowModifyStrict || m.Command == ofp.FlowDeleteStrict
	t.some(m.Table, func(tb *Table) bool {
		if strict {
			if r := tb.rules.Find(&m.Match, int32(m.Priority), v); r != nil && f.passes(r.Value()) {
				found = append(found, r.Value())
			}
			return true
		}
		found = tb.covered(&m.Match, &f, v, found)
		return true
	})
	return found
}

// usersOf is selected for a delete by group: of the flows that the group knows.
func (t *Tables) usersOf(m *ofp.FlowMod, f filter) (found []*Entry) {
	s := t.groups.current(f.outGroup)
	if s == nil {
		return nil
	}
	for e := range s.flows {
		match := e.Match()
		named := m.Table == ofp.TableAll || m.Table == e.Table
		if m.Command == ofp.FlowDeleteStrict {
			named = named && match == m.Match && e.Priority == int32(m.Priority)
		}
		if named && m.Match.Covers(&match) && f.passes(e) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b *Entry) int { return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.row, b.row)) })
	return found
}

// rowCost is how many rows are passed by in the time in which one rule is looked at, which
// is elsewhere in memory.
const rowCost = 64

// covered adds the entries that m covers and that pass f. Which way is the shorter: by
// the match, as the classifier finds rules, or by what the rows have of each entry.
func (tb *Table) covered(m *flow.Match, f *filter, v classifier.Version, found []*Entry) []*Entry {
	if m.IsCatchAll() {
		if !f.selective() {
			found = slices.Grow(found, tb.rows.n)
		}
		tb.rows.each(f, func(e *Entry) bool {
			if f.passesActions(e) {
				found = append(found, e)
			}
			return true
		})
		return found
	}
	// Rows lead to many rules at a time, the classifier's list only from one to the next,
	// which takes twice as long.
	cost := 2 * tb.rules.CoverCost(m)
	if cost > tb.rows.n/rowCost {
		if found, ok := tb.coveredRows(m, f, cost, found); ok {
			return found
		}
	}
	tb.rules.EachCovered(m, v, func(r *classifier.Rule[*Entry]) bool {
		if f.passes(r.Value()) {
			found = append(found, r.Value())
		}
		return true
	})
	return found
}

// coveredRows is covered by the rows. It gives up, with ok false, when more than so many
// entries pass the filter.
func (tb *Table) coveredRows(m *flow.Match, f *filter, most int, found []*Entry) (_ []*Entry, ok bool) {
	if !f.selective() && tb.rows.n > most {
		return nil, false
	}
	cover := classifier.NewCover(m)
	tb.rows.each(f, func(e *Entry) bool {
		if most--; most < 0 {
			return false
		}
		if e.rule.CoveredBy(&cover) && f.passesActions(e) {
			found = append(found, e)
		}
		return true
	})
	return found, most >= 0
}
