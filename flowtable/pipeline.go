package flowtable

import (
	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// pipeline says which tables there are and how they are set up. Immutable: each
// change makes a new one. Before the first there is none, which means all tables
// with all capabilities.
type pipeline struct {
	tables [ofp.NumTables]*tableSetup // nil: there is no such table
}

// tableSetup is what controllers have set of a table.
type tableSetup struct {
	name   string
	config uint32
	caps   *capabilities // nil: all that the switch has
}

// tableConfigBits are OFPTC_DEPRECATED_MASK.
const tableConfigBits = 3

// fullPipeline is what a switch begins with.
func fullPipeline() *pipeline {
	p := &pipeline{}
	for i := range p.tables {
		p.tables[i] = &tableSetup{}
	}
	return p
}

// setup is that of a table, nil if there is no such table.
func (t *Tables) setup(id ofp.TableID) *tableSetup {
	if int(id) >= len(t.tables) {
		return nil
	}
	if p := t.pipeline.Load(); p != nil {
		return p.tables[id]
	}
	return &defaultSetup
}

var defaultSetup tableSetup

// Has says whether there is a table with this number. Unless a controller has set
// other tables there are all (SetFeatures).
func (t *Tables) Has(id ofp.TableID) bool { return t.setup(id) != nil }

// Count is the number of tables that there are.
func (t *Tables) Count() (n int) {
	for i := range t.tables {
		if t.Has(ofp.TableID(i)) {
			n++
		}
	}
	return n
}

// all are the capabilities that a table can have.
func (t *Tables) all(sw *Limits, id ofp.TableID) capabilities {
	limit := t.MaxEntries
	if tb := t.peek(id); tb != nil {
		limit = tb.MaxEntries
	}
	return allCapabilities(sw, id, limit)
}

// maxEntries is the limit of tb that is in force.
func (t *Tables) maxEntries(tb *Table) int {
	if s := t.setup(tb.ID); s != nil && s.caps != nil {
		return min(tb.MaxEntries, int(s.caps.maxEntries))
	}
	return tb.MaxEntries
}

// SetFeatures makes the tables those of the request, with the features that
// it asks for, as of version v: a table that the request lacks is gone, and so are
// the entries of each table whose features are others than before, its name and
// configuration apart; no flow-removed messages tell of them (OpenFlow 1.3.5
// §7.3.5.5.1). sw is what there can be at most.
//
// A refusal is an *ofp.Error (TABLE_FEATURES_FAILED) and changes nothing. The
// change is not for Undo.
func (t *Tables) SetFeatures(request ofp.TableFeaturesRequest, sw Limits, v classifier.Version) (*Change, error) {
	var present tableSet
	for _, f := range request {
		switch {
		case int(f.Table) >= min(len(t.tables), sw.Tables):
			return nil, ofp.TableFeaturesFailedBadTable.Errorf("table features: table %d: tables are 0 to %d", f.Table, min(len(t.tables), sw.Tables)-1)
		case present.contains(f.Table):
			return nil, ofp.TableFeaturesFailedBadTable.Errorf("table features: table %d stands there twice", f.Table)
		}
		present.add(f.Table)
	}
	if !present.contains(0) {
		return nil, ofp.TableFeaturesFailedBadTable.Errorf("table features: table 0 is missing, in which all frames begin")
	}
	next, changed := &pipeline{}, [ofp.NumTables]bool{}
	for _, f := range request {
		all := t.all(&sw, f.Table)
		c, err := readCapabilities(f, &all, &present)
		if err != nil {
			return nil, err
		}
		s := &tableSetup{name: f.Name, config: f.Config}
		if c != all {
			s.caps = &c
		}
		next.tables[f.Table] = s
		was := t.setup(f.Table)
		changed[f.Table] = was == nil || c != *was.capabilities(&all)
	}
	t.pipeline.Store(next)
	c := new(Change)
	for i := range t.tables {
		if tb := t.peek(ofp.TableID(i)); tb != nil && (changed[i] || next.tables[i] == nil) {
			t.empty(tb, v, c)
		}
	}
	t.log(c, v)
	return c, nil
}

// capabilities are those in force, of all that there can be.
func (s *tableSetup) capabilities(all *capabilities) *capabilities {
	if s.caps != nil {
		return s.caps
	}
	return all
}

// empty removes the entries of a table, hidden ones apart.
func (t *Tables) empty(tb *Table, v classifier.Version, c *Change) {
	all := filter{outPort: ofp.PortAny, outGroup: ofp.GroupAny}
	t.removeAll(tb.covered(&flow.Match{}, &all, v, nil), RemovedSilently, v, c)
}

// Configure carries out a table-mod: it keeps the configuration bits, which are
// deprecated and have no effect, for the report (OpenFlow 1.3.5 §7.3.3).
func (t *Tables) Configure(m *ofp.TableMod) error {
	if m.Table != ofp.TableAll && !t.Has(m.Table) {
		return ofp.TableModFailedBadTable.Errorf("table-mod: there is no table %d", m.Table)
	}
	if bad := m.Config &^ tableConfigBits; bad != 0 {
		return ofp.TableModFailedBadConfig.Errorf("table-mod: configuration bits %#x do not exist", bad)
	}
	p := t.pipeline.Load()
	if p == nil {
		p = fullPipeline()
	}
	next := *p
	for i, s := range p.tables {
		if s != nil && s.config != m.Config && (m.Table == ofp.TableAll || int(m.Table) == i) {
			changed := *s
			changed.config = m.Config
			next.tables[i] = &changed
		}
	}
	t.pipeline.Store(&next)
	return nil
}
