package flowtable

import (
	"math"
	"slices"

	"ofswitch/classifier"
	"ofswitch/ofp"
)

// Candidates are entries of which some may be what a request for statistics asks for, and no others are, at
// the newest version, v: they are found by what the rows and groups have of each entry, without a look at entries. ok is
// false where that would give more of them than Each would look at, by the match. [Tables.Passes] says which
// of them it is. The caller is the writer, or keeps him out.
func (t *Tables) Candidates(req *ofp.FlowStatsRequest, v classifier.Version) (found []*Entry, ok bool) {
	f := filterOf(req)
	if f.outGroup != ofp.GroupAny {
		if s := t.groups.current(f.outGroup); s != nil {
			for e := range s.flows {
				if req.Table == ofp.TableAll || req.Table == e.Table {
					found = append(found, e)
				}
			}
		}
		return found, true
	}
	ok = true
	t.some(req.Table, func(tb *Table) bool {
		found, ok = tb.candidates(req, &f, v, found)
		return ok
	})
	return found, ok
}

func (tb *Table) candidates(req *ofp.FlowStatsRequest, f *filter, v classifier.Version, found []*Entry) (_ []*Entry, ok bool) {
	most := math.MaxInt
	if m := &req.Match; !m.IsCatchAll() {
		// One after the other is twice as slow as all at once.
		most = 2 * tb.rules.CoverCost(m)
		if most <= tb.rows.n/rowCost {
			tb.rules.EachCovered(m, v, func(r *classifier.Rule[*Entry]) bool {
				found = append(found, r.Value())
				return true
			})
			return found, true
		}
	}
	if !f.selective() && tb.rows.n > most {
		return nil, false
	}
	if !f.selective() {
		found = slices.Grow(found, tb.rows.n)
	}
	tb.rows.each(f, func(e *Entry) bool {
		if most--; most >= 0 {
			found = append(found, e)
		}
		return most >= 0
	})
	return found, most >= 0
}

// Passes gives a function that says whether an entry of the tables that a request names is what it asks
// for. It may be called by any thread.
func Passes(req *ofp.FlowStatsRequest) func(*Entry) bool {
	f, cover := filterOf(req), classifier.NewCover(&req.Match)
	return func(e *Entry) bool { return e.rule.CoveredBy(&cover) && f.passes(e) }
}

func filterOf(req *ofp.FlowStatsRequest) filter {
	return filter{req.Cookie, req.CookieMask, req.OutPort, req.OutGroup}
}
