package flowtable

import (
	"sync/atomic"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// DefaultMaxEntries is the limit of a new table: a million entries, and room for those that
// every table has besides, as for what nothing else matches.
const DefaultMaxEntries = 1 << 20

// Table is one flow table.
type Table struct {
	ID ofp.TableID
	// MaxEntries is the number of entries beyond which adding is refused with
	// TABLE_FULL; hidden ones do not count. The writer's.
	MaxEntries int

	lookups, matches atomic.Uint64 // packets
	sums             sums          // of entries

	rules  *classifier.Classifier[*Entry]
	active atomic.Int64 // entries, hidden ones apart
	log    changeLog

	rows   rows   // the writer's, and the next two
	timers timers // of rows
	timed  bool   // in Tables.timed

	name    atomic.Pointer[string] // by configuration; nil: none
	evicts  bool                   // a full table gives up entries for others. The writer's, and the next
	groupBy []Subfield             // what makes groups for that; nil: there is one
}

// Lookup finds the entry of highest priority that matches w at version v, nil
// on a miss; the bits of w that the answer depends on are added to wc (if not
// nil).
func (tb *Table) Lookup(w *flow.Wide, v classifier.Version, wc *flow.Mask) *Entry {
	if r := tb.rules.Lookup(w, v, wc); r != nil {
		return r.Value()
	}
	return nil
}

// Affects says whether a change as of a version after from, up to to, may have
// given a lookup another answer, when the answer for all frames of region had this
// priority (-1: a miss). It says true also when it does not know any more.
func (tb *Table) Affects(from, to classifier.Version, region *flow.Match, priority int32) bool {
	return tb.log.affects(from, to, region, priority)
}

// Active is the number of entries, hidden ones apart, at the newest version.
func (tb *Table) Active() int { return int(tb.active.Load()) }

// Masks is the number of distinct masks: the most probes that a lookup makes.
func (tb *Table) Masks() int { return tb.rules.Masks() }

// Tables are the flow tables, groups and meters of one bridge. Make them with
// NewTables.
type Tables struct {
	// MaxEntries is the limit that tables begin with.
	MaxEntries int

	tables   [ofp.NumTables]atomic.Pointer[Table]
	pipeline atomic.Pointer[pipeline] // nil: all tables, with all capabilities
	timed    []*Table                 // that have had entries with timeouts. The writer's

	groups     registry[Group]
	groupsOf   [4]int // groups of each type. The writer's
	meters     registry[Meter]
	realMeters int // meters, virtual ones apart. The writer's
}

// NewTables makes 254 empty tables. Those that nobody asks for take no memory.
func NewTables() *Tables { return &Tables{MaxEntries: DefaultMaxEntries} }

// Table is the table with this number, nil if there is none such. It may be
// called from any thread.
func (t *Tables) Table(id ofp.TableID) *Table {
	if int(id) >= len(t.tables) {
		return nil
	}
	if tb := t.tables[id].Load(); tb != nil {
		return tb
	}
	fresh := &Table{ID: id, MaxEntries: t.MaxEntries, rules: classifier.New[*Entry]()}
	if t.tables[id].CompareAndSwap(nil, fresh) {
		return fresh
	}
	return t.tables[id].Load()
}

// peek is the table, nil if nobody asked for it yet.
func (t *Tables) peek(id ofp.TableID) *Table { return t.tables[id].Load() }

// some calls fn for the table with this number, or for all with TableAll, as
// far as they were ever used, in order, until it returns false.
func (t *Tables) some(id ofp.TableID, fn func(*Table) bool) {
	for i := range t.tables {
		if id != ofp.TableAll && int(id) != i {
			continue
		}
		if tb := t.tables[i].Load(); tb != nil && !fn(tb) {
			return
		}
	}
}

// Len is the number of entries of all tables, hidden ones apart.
func (t *Tables) Len() (n int) {
	t.some(ofp.TableAll, func(tb *Table) bool {
		n += tb.Active()
		return true
	})
	return n
}
