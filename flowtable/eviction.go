package flowtable

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// TableConfig is what the switch's configuration says of a table
// (ovs-vswitchd.conf.db(5), table Flow_Table). The zero TableConfig: nothing.
type TableConfig struct {
	Name  string // that controllers see, unless they have set another
	Limit int    // how many entries fit, if Limited or not 0; else as many as always
	// Limited: a Limit of 0 is one: no entry fits.
	Limited bool
	// Evict: a full table gives up an entry for a new one, instead of refusing it with
	// TABLE_FULL. See [Tables.SetConfig].
	Evict bool
	// Groups are the parts of fields of which equal values make a group for eviction.
	Groups []Subfield
}

// Equal says whether two configurations are the same.
func (c *TableConfig) Equal(o *TableConfig) bool {
	return c.Name == o.Name && c.Limit == o.Limit && c.Limited == o.Limited && c.Evict == o.Evict && slices.Equal(c.Groups, o.Groups)
}

// Subfield is some bits of a field, from Start on, the lowest being 0.
type Subfield struct {
	Field       flow.ID
	Start, Bits int
}

// SetConfig makes the configuration of a table c, as of version v. Entries beyond a new limit
// go if the table evicts, as many as [Tables.Shrink] takes: the rest is for the caller to ask that for.
// A table that does not evict keeps them.
//
// The entry to go is that of the largest group that expires soonest; entries
// without a timeout never go. It has the reason DELETE.
func (t *Tables) SetConfig(id ofp.TableID, c TableConfig, v classifier.Version) *Change {
	tb := t.Table(id)
	if tb == nil {
		return new(Change)
	}
	tb.MaxEntries = t.MaxEntries
	if c.Limited || c.Limit > 0 {
		tb.MaxEntries = min(c.Limit, t.MaxEntries)
	}
	tb.name.Store(&c.Name)
	tb.evicts = c.Evict
	groups := c.Groups
	if !c.Evict {
		groups = nil
	}
	if !slices.Equal(groups, tb.groupBy) {
		tb.regroup(groups)
	}
	return t.Shrink(id, v)
}

// Shrink gives up entries, as of version v, that a table which evicts has beyond its limit. It takes no more
// than 4,096, so that others who change the tables need not wait for a million: the caller asks
// again until nothing has changed.
func (t *Tables) Shrink(id ofp.TableID, v classifier.Version) *Change {
	c := new(Change)
	tb := t.peek(id)
	if tb == nil || !tb.evicts {
		return c
	}
	for range min(tb.Active()-t.maxEntries(tb), expireMost) {
		e := tb.choose()
		if e == nil {
			break
		}
		t.remove(e, ofp.RemovedDelete, v, c)
	}
	t.log(c, v)
	return c
}

// configuredName is the name that the configuration gives a table; empty: none.
func (t *Tables) configuredName(id ofp.TableID) string {
	if tb := t.peek(id); tb != nil {
		if name := tb.name.Load(); name != nil {
			return *name
		}
	}
	return ""
}

// evict makes room for one entry in a full table, as of version v, if it can.
func (t *Tables) evict(tb *Table, v classifier.Version, c *Change) bool {
	if !tb.evicts || tb.Active() > t.maxEntries(tb) {
		return false // beyond a limit that was lowered: one is not enough
	}
	e := tb.choose()
	if e == nil {
		return false
	}
	t.remove(e, ofp.RemovedDelete, v, c)
	return true
}

// regroup makes groups of equal values of these parts of fields; nil: there is one.
func (tb *Table) regroup(by []Subfield) {
	tb.groupBy = slices.Clone(by)
	tb.timers.reset(len(by) > 0)
	for _, p := range tb.rows.pages {
		p.timers, p.groups = nil, nil
	}
	for row := range int32(tb.rows.n) {
		tb.addTimer(tb.rows.entry(row))
	}
}

// choose gives the entry to go, nil if there is none. The counters say how
// long ago an entry was hit: what has been hit since it was last looked at moves back, for which the
// hit pays.
func (tb *Table) choose() *Entry {
	e, _ := tb.settle(math.MaxInt)
	return e
}

// settle is choose for who looks at n entries at most: enough says whether that was enough.
func (tb *Table) settle(n int) (e *Entry, enough bool) {
	if tb.timers.n == 0 {
		return nil, true
	}
	for range n {
		g := tb.timers.most()
		first := &tb.timers.groups[g].heap[0]
		e := tb.rows.entry(first.row)
		at, _ := e.due()
		if at <= first.at {
			return e, true
		}
		tb.later(g, at)
	}
	return nil, false
}

// Settle prepares full tables for evictions: entries that were hit since they were last looked at
// move back, so that no eviction needs to do this for many. It looks at no more than 4,096 of each table, and
// says whether more may be left. The caller has folded the counters.
func (t *Tables) Settle() (more bool) {
	for _, tb := range t.timed {
		if tb.evicts && tb.Active() >= t.maxEntries(tb) {
			if _, enough := tb.settle(expireMost); !enough {
				more = true
			}
		}
	}
	return more
}

// groupSeed is that of groups' keys.
var groupSeed = maphash.MakeSeed()

// groupKey is the group of an entry: a hash of the values of the subfields in its match, 0 where it
// has none.
func groupKey(by []Subfield, e *Entry) uint64 {
	m := e.Match()
	b := make([]byte, 0, 64)
	for _, s := range by {
		v, mask, _ := m.Get(s.Field)
		hi, lo := v.Hi&mask.Hi, v.Lo&mask.Lo
		if s.Start >= 64 {
			hi, lo = 0, hi
		}
		shift := s.Start % 64
		hi, lo = hi>>shift, lo>>shift|hi<<(64-shift)
		hi &= 1<<max(s.Bits-64, 0) - 1
		lo &= 1<<min(s.Bits, 64) - 1
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, hi), lo)
	}
	return maphash.Bytes(groupSeed, b)
}
