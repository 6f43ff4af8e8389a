package flowtable

import (
	"container/heap"
	"encoding/binary"
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
// go at once if the table evicts; a table that does not keeps them.
//
// The entry to go is that of the largest group that expires soonest; entries
// without a timeout never go. It has the reason DELETE.
func (t *Tables) SetConfig(id ofp.TableID, c TableConfig, v classifier.Version) *Change {
	tb := t.Table(id)
	change := new(Change)
	if tb == nil {
		return change
	}
	tb.MaxEntries = t.MaxEntries
	if c.Limited || c.Limit > 0 {
		tb.MaxEntries = min(c.Limit, t.MaxEntries)
	}
	tb.name.Store(&c.Name)
	tb.evictions = nil
	if !c.Evict {
		return change
	}
	tb.evictions = &evictions{subfields: c.Groups, groups: map[string]*evictionGroup{}, of: map[*Entry]*eviction{}}
	tb.rules.Each(v, func(r *classifier.Rule[*Entry]) bool {
		tb.evictions.add(r.Value())
		return true
	})
	for tb.Active() > t.maxEntries(tb) {
		e := tb.evictions.choose()
		if e == nil {
			break
		}
		t.remove(e, ofp.RemovedDelete, v, change)
	}
	t.log(change, v)
	return change
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
	if tb.evictions == nil || tb.Active() > t.maxEntries(tb) {
		return false // beyond a limit that was lowered: one is not enough
	}
	e := tb.evictions.choose()
	if e == nil {
		return false
	}
	t.remove(e, ofp.RemovedDelete, v, c)
	return true
}

// evictions are the entries of a table that may be given up, those with timeouts, in
// groups: a heap of the groups, the largest first. The writer's.
type evictions struct {
	subfields []Subfield
	groups    map[string]*evictionGroup
	heap      placeHeap[*evictionGroup]
	of        map[*Entry]*eviction
}

// evictionGroup is a heap of its entries, the one that expires soonest first.
type evictionGroup struct {
	key     string
	index   int // in evictions.heap
	entries placeHeap[*eviction]
}

// eviction is the place of an entry in a group.
type eviction struct {
	entry *Entry
	group *evictionGroup
	index int   // in group.entries
	at    int64 // it does not expire sooner, in nanoseconds
}

// add puts an entry in if it has a timeout. It does nothing without eviction.
func (ev *evictions) add(e *Entry) {
	if ev == nil {
		return
	}
	at, _ := e.due()
	if at == 0 {
		return
	}
	key := ev.key(e)
	g := ev.groups[key]
	if g == nil {
		g = &evictionGroup{key: key}
		ev.groups[key] = g
		heap.Push(&ev.heap, g)
	}
	x := &eviction{entry: e, group: g, at: at}
	ev.of[e] = x
	heap.Push(&g.entries, x)
	heap.Fix(&ev.heap, g.index)
}

// remove takes an entry out if it is in.
func (ev *evictions) remove(e *Entry) {
	if ev == nil {
		return
	}
	x := ev.of[e]
	if x == nil {
		return
	}
	delete(ev.of, e)
	g := x.group
	heap.Remove(&g.entries, x.index)
	if len(g.entries) > 0 {
		heap.Fix(&ev.heap, g.index)
		return
	}
	heap.Remove(&ev.heap, g.index)
	delete(ev.groups, g.key)
}

// choose gives the entry to go, nil if there is none. The counters say how
// long ago an entry was hit: what has been hit since it was last looked at moves back.
func (ev *evictions) choose() *Entry {
	for len(ev.heap) > 0 {
		g := ev.heap[0]
		x := g.entries[0]
		at, _ := x.entry.due()
		if at <= x.at {
			return x.entry
		}
		x.at = at
		heap.Fix(&g.entries, 0)
		heap.Fix(&ev.heap, g.index)
	}
	return nil
}

// key is the group of an entry: the values of the subfields in its match, 0 where it
// has none.
func (ev *evictions) key(e *Entry) string {
	m := e.Match()
	var b []byte
	for _, s := range ev.subfields {
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
	return string(b)
}

// Before says that g is to give an entry up sooner than h.
func (g *evictionGroup) Before(h *evictionGroup) bool {
	a, b := g.entries, h.entries
	if len(a) != len(b) || len(a) == 0 {
		return len(a) > len(b)
	}
	return a[0].at < b[0].at
}

func (g *evictionGroup) SetIndex(i int) { g.index = i }

// Before says that x is to go sooner than y.
func (x *eviction) Before(y *eviction) bool { return x.at < y.at }

func (x *eviction) SetIndex(i int) { x.index = i }

// placeHeap is a heap, for package heap, whose elements know their places.
type placeHeap[T interface {
	Before(T) bool
	SetIndex(int)
}] []T

func (h placeHeap[T]) Len() int           { return len(h) }
func (h placeHeap[T]) Less(i, j int) bool { return h[i].Before(h[j]) }

func (h placeHeap[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].SetIndex(i)
	h[j].SetIndex(j)
}

func (h *placeHeap[T]) Push(x any) {
	e := x.(T)
	e.SetIndex(len(*h))
	*h = append(*h, e)
}

func (h *placeHeap[T]) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	clear((*h)[last:])
	*h = (*h)[:last]
	return e
}
