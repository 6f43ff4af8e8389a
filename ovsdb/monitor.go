package ovsdb

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
)

// monitorKind is the form in which a monitor's client wants to hear of changes.
type monitorKind uint8

const (
	monitorPlain monitorKind = iota // "monitor", "update" (RFC 7047 §4.1.5)
	monitorCond                     // "monitor_cond", "update2" (ovsdb-server(7) §4.1.12)
	monitorSince                    // "monitor_cond_since", "update3" (§4.1.15)
)

// monitor is what one client wants to know of one database.
type monitor struct {
	id     json.RawMessage // as the client gave it
	kind   monitorKind
	asks   string // the same for monitors that hear the same; empty: like no other
	size   int    // of what it was asked for by, in bytes
	db     *Database
	tables map[string]*monitoredTable
}

// monitoredTable is a monitor's part of a table.
type monitoredTable struct {
	table   *Table
	columns []monitoredColumn
	cond    condition
}

type monitoredColumn struct {
	*Column
	on changeSet
}

// changeSet are kinds of change.
type changeSet uint8

const (
	onInitial changeSet = 1 << iota
	onInsert
	onDelete
	onModify

	onAny = onInitial | onInsert | onDelete | onModify
)

// asked is the same for the same requests in the same form.
func asked(kind monitorKind, requests json.RawMessage) string {
	sum := sha256.Sum256(requests)
	return string('0'+rune(kind)) + string(sum[:])
}

// parseMonitor reads the <monitor-requests> of a request.
func parseMonitor(db *Database, id json.RawMessage, kind monitorKind, requests json.RawMessage) (*monitor, *Error) {
	j, err := decodeJSON(requests)
	if err != nil {
		return nil, errorf(ErrSyntax, "monitor-requests: %v", err)
	}
	m, ok := j.(map[string]any)
	if !ok {
		return nil, syntaxf(j, "monitor-requests must be object")
	}
	mon := &monitor{id: id, kind: kind, asks: asked(kind, requests), size: len(id) + len(requests), db: db, tables: make(map[string]*monitoredTable)}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		t := db.schema.Tables[name]
		if t == nil {
			return nil, errorf(ErrSyntax, "no table named %s", name)
		}
		mt := &monitoredTable{table: t}
		list, isList := m[name].([]any)
		if !isList {
			list = []any{m[name]}
		}
		for _, r := range list {
			if bad := mt.parse(r, kind); bad != nil {
				return nil, bad
			}
		}
		mon.tables[name] = mt
	}
	return mon, nil
}

// parse adds one <monitor-request>.
func (mt *monitoredTable) parse(j any, kind monitorKind) *Error {
	o := newObject(j, "table "+mt.table.Name)
	columnsJ, selectJ := o.opt("columns"), o.opt("select")
	var where any
	if kind != monitorPlain {
		where = o.opt("where")
	}
	if err := o.finish(); err != nil {
		return err
	}
	on := onAny
	if selectJ != nil {
		s := newObject(selectJ, "table "+mt.table.Name+" select")
		on = 0
		for name, bit := range map[string]changeSet{"initial": onInitial, "insert": onInsert, "delete": onDelete, "modify": onModify} {
			if s.optBool(name, true) {
				on |= bit
			}
		}
		if err := s.finish(); err != nil {
			return err
		}
	}
	columns := append([]*Column{versionColumn}, mt.table.Columns...)
	if columnsJ != nil {
		names, ok := columnsJ.([]any)
		if !ok {
			return syntaxf(columnsJ, "array of column names expected")
		}
		columns = nil
		for _, n := range names {
			name, ok := n.(string)
			c := mt.table.Column(name)
			if !ok || c == nil {
				return syntaxf(columnsJ, "%v is not a valid column name", n)
			}
			columns = append(columns, c)
		}
	}
	for _, c := range columns {
		if slices.ContainsFunc(mt.columns, func(m monitoredColumn) bool { return m.Column == c }) {
			return syntaxf(columnsJ, "column %s mentioned more than once", c.Name)
		}
		mt.columns = append(mt.columns, monitoredColumn{c, on})
	}
	if where == nil {
		return nil
	}
	clauses, ok := where.([]any)
	if !ok {
		return syntaxf(where, "array of clauses expected")
	}
	cond, err := mt.table.parseCondition(clauses, nil)
	mt.cond = append(mt.cond, cond...)
	return err
}

// initial is what the monitor tells at its beginning: <table-updates>.
func (m *monitor) initial() json.RawMessage {
	return m.updates(func(mt *monitoredTable, each func(u UUID, old, new *Row)) {
		m.db.Each(mt.table.Name, func(r *Row) bool {
			each(r.UUID, nil, r)
			return true
		})
	}, onInitial)
}

// changed is what the monitor tells of a commit; nil: nothing.
func (m *monitor) changed(c *Changes) json.RawMessage {
	b := m.updates(func(mt *monitoredTable, each func(u UUID, old, new *Row)) {
		for i := range c.Rows {
			if r := &c.Rows[i]; r.Table == mt.table {
				each(r.UUID, r.Old, r.New)
			}
		}
	}, 0)
	if string(b) == "{}" {
		return nil
	}
	return b
}

// recondition replaces the conditions of some tables and tells what comes and
// goes by that; nil: nothing.
func (m *monitor) recondition(requests json.RawMessage) (json.RawMessage, *Error) {
	j, err := decodeJSON(requests)
	if err != nil {
		return nil, errorf(ErrSyntax, "monitor_cond_change: %v", err)
	}
	tables, ok := j.(map[string]any)
	if !ok {
		return nil, syntaxf(j, "monitor-requests must be object")
	}
	m.asks = ""
	conds := make(map[*monitoredTable]condition)
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		mt := m.tables[name]
		if mt == nil {
			return nil, errorf(ErrSyntax, "no table named %s in this monitor", name)
		}
		list, isList := tables[name].([]any)
		if !isList {
			list = []any{tables[name]}
		}
		var cond condition
		for _, r := range list {
			o := newObject(r, "table "+name)
			clauses, isArray := o.opt("where").([]any)
			if _, there := o.m["where"]; there && !isArray {
				o.fail("where: array of clauses expected")
			}
			if bad := o.finish(); bad != nil {
				return nil, bad
			}
			more, bad := mt.table.parseCondition(clauses, nil)
			if bad != nil {
				return nil, bad
			}
			cond = append(cond, more...)
		}
		conds[mt] = cond
	}
	b := m.updates(func(mt *monitoredTable, each func(u UUID, old, new *Row)) {
		cond, changed := conds[mt]
		if !changed {
			return
		}
		was := mt.cond
		mt.cond = nil
		m.db.Each(mt.table.Name, func(r *Row) bool {
			switch before, after := was.holds(r), cond.holds(r); {
			case before && !after:
				each(r.UUID, r, nil)
			case !before && after:
				each(r.UUID, nil, r)
			}
			return true
		})
		mt.cond = cond
	}, 0)
	if string(b) == "{}" {
		return nil, nil
	}
	return b, nil
}

// updates writes <table-updates> of the rows that rows gives. initial is
// onInitial if they are the first that the client hears of.
func (m *monitor) updates(rows func(mt *monitoredTable, each func(u UUID, old, new *Row)), initial changeSet) json.RawMessage {
	var w jsonWriter
	w.open('{')
	for _, name := range slices.Sorted(maps.Keys(m.tables)) {
		mt := m.tables[name]
		any := false
		rows(mt, func(u UUID, old, new *Row) {
			if old != nil && !mt.cond.holds(old) {
				old = nil
			}
			if new != nil && !mt.cond.holds(new) {
				new = nil
			}
			var row jsonWriter
			if !mt.writeRow(&row, m.kind, old, new, initial) {
				return
			}
			if !any {
				w.field(name).open('{')
				any = true
			}
			w.field(u.String()).raw(string(row.b))
		})
		if any {
			w.close('}')
		}
	}
	w.close('}')
	return w.b
}

// writeRow writes a <row-update>, unless there is nothing to tell.
func (mt *monitoredTable) writeRow(w *jsonWriter, kind monitorKind, old, new *Row, initial changeSet) bool {
	var change changeSet
	var word string
	switch {
	case old == nil && new == nil:
		return false
	case old == nil && initial != 0:
		change, word = onInitial, "initial"
	case old == nil:
		change, word = onInsert, "insert"
	case new == nil:
		change, word = onDelete, "delete"
	default:
		change, word = onModify, "modify"
	}
	var columns []*Column
	changed := change != onModify
	for _, c := range mt.columns {
		// A new version alone is no news: it comes with the column that changed.
		// A column whose changes are not wanted makes the row's change known if
		// those of others are, as with ovsdb-server.
		changed = changed || c.Column != versionColumn && !old.Get(c.Column).Equal(new.Get(c.Column))
		if c.on&change == 0 {
			continue
		}
		columns = append(columns, c.Column)
	}
	if !changed || len(columns) == 0 && !mt.selects(change) {
		return false
	}
	if kind == monitorPlain {
		mt.writePlain(w, columns, old, new)
		return true
	}
	w.open('{')
	w.field(word)
	if change == onDelete {
		w.raw("null")
	} else {
		w.open('{')
		for _, c := range columns {
			d := new.Get(c)
			was := c.Type.Default()
			if old != nil {
				was = old.Get(c)
			}
			if d.Equal(was) {
				continue
			}
			if old != nil {
				d = c.Type.Diff(was, d)
			}
			w.field(c.Name).datum(&c.Type, d)
		}
		w.close('}')
	}
	w.close('}')
	return true
}

// selects says whether a monitor without columns wants a kind of change: it
// hears of rows that come and go.
func (mt *monitoredTable) selects(change changeSet) bool {
	return len(mt.columns) == 0 && change != onModify
}

// writePlain writes the <row-update> of RFC 7047 §4.1.6.
func (mt *monitoredTable) writePlain(w *jsonWriter, columns []*Column, old, new *Row) {
	w.open('{')
	if new != nil {
		w.field("new").open('{')
		for _, c := range columns {
			w.field(c.Name).datum(&c.Type, new.Get(c))
		}
		w.close('}')
	}
	if old != nil {
		w.field("old").open('{')
		for _, c := range columns {
			if d := old.Get(c); new == nil || !d.Equal(new.Get(c)) {
				w.field(c.Name).datum(&c.Type, d)
			}
		}
		w.close('}')
	}
	w.close('}')
}
