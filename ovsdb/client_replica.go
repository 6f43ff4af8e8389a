package ovsdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// replica is the copy of a server's database that a monitor keeps up to date:
// chosen columns of chosen tables.
type replica struct {
	text   []byte  // the server's schema, as it came
	server *Schema // all of it
	schema *Schema // what is copied
	db     *Database
	full   bool // db has been filled once
	// last is the last transaction that the copy knows of, by which a server
	// of monitor_cond_since can resume; zero: it cannot.
	last UUID
}

// updateForm is a way to tell changes.
type updateForm uint8

const (
	updatePlain updateForm = iota // <table-updates> (RFC 7047 §4.1.6)
	updateDiff                    // <table-updates2> (ovsdb-server(7) §4.1.14)
)

// newReplica is an empty copy of a database whose schema a server gave. want are
// columns by table; nil: all; of a table without a list: all of its columns.
// missing are those that the schema does not have.
func newReplica(text []byte, want map[string][]string) (r *replica, missing []string, err error) {
	j, err := decodeJSON(text)
	if err != nil {
		return nil, nil, err
	}
	server, bad := parseSchema(j)
	if bad != nil {
		return nil, nil, bad
	}
	r = &replica{text: text, server: server, schema: &Schema{Name: server.Name, Version: server.Version, Cksum: server.Cksum, Tables: make(map[string]*Table)}}
	if want == nil {
		want = make(map[string][]string)
		for name := range server.Tables {
			want[name] = nil
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		t := server.Tables[name]
		if t == nil {
			missing = append(missing, "table "+name)
			continue
		}
		columns := t.Columns
		if want[name] != nil {
			columns = nil
			for _, cname := range want[name] {
				c := t.Column(cname)
				switch {
				case c == nil:
					missing = append(missing, fmt.Sprintf("column %s of table %s", cname, name))
				case c.Index >= 0 && !slices.Contains(columns, c): // rows have the others anyway
					columns = append(columns, c)
				}
			}
		}
		own := make([]*Column, len(columns)) // NewTable numbers them
		for i, c := range columns {
			copied := *c
			own[i] = &copied
		}
		ct := NewTable(name, own...)
		ct.MaxRows, ct.IsRoot = t.MaxRows, t.IsRoot
		r.schema.Tables[name] = ct
	}
	r.db = NewDatabase(r.schema)
	return r, missing, nil
}

// requests are the <monitor-requests> of the copy.
func (r *replica) requests() json.RawMessage {
	var w jsonWriter
	w.open('{')
	for _, name := range r.schema.tableNames() {
		w.field(name).open('[')
		w.open('{')
		w.field("columns").open('[')
		for _, c := range r.schema.Tables[name].Columns {
			w.str(c.Name)
		}
		w.close(']')
		w.close('}')
		w.close(']')
	}
	w.close('}')
	return w.b
}

// replicaChange is a row as an update wants it; nil: gone.
type replicaChange struct {
	t   *tableData
	u   UUID
	row *Row
}

// refill replaces the copy by what a monitor tells at its beginning. Rows that
// are as they were stay the same.
func (r *replica) refill(text json.RawMessage, form updateForm) error {
	db := NewDatabase(r.schema)
	if err := r.update(db, text, form); err != nil {
		return err
	}
	for name, t := range db.tables {
		for u, row := range t.rows {
			if old := r.db.Row(name, u); old != nil && old.sameColumns(row) {
				t.rows[u] = old
			}
		}
	}
	r.db, r.full = db, true
	return nil
}

// apply carries out an update: all of it, or nothing where it makes no sense.
func (r *replica) apply(text json.RawMessage, form updateForm) error {
	return r.update(r.db, text, form)
}

func (r *replica) update(db *Database, text json.RawMessage, form updateForm) error {
	j, err := decodeJSON(text)
	if err != nil {
		return err
	}
	tables, ok := j.(map[string]any)
	if !ok {
		return errors.New("an update is no object")
	}
	var changes []replicaChange
	for name, tj := range tables {
		t := db.tables[name]
		if t == nil {
			return fmt.Errorf("an update of table %q, which was not asked for", name)
		}
		rows, ok := tj.(map[string]any)
		if !ok {
			return fmt.Errorf("an update of table %s is no object", name)
		}
		for id, rj := range rows {
			u, ok := ParseUUID(id)
			if !ok {
				return fmt.Errorf("an update of row %q of table %s, which is no UUID", id, name)
			}
			row, err := t.updatedRow(u, rj, form)
			if err != nil {
				return fmt.Errorf("an update of row %s of table %s: %w", u, name, err)
			}
			changes = append(changes, replicaChange{t, u, row})
		}
	}
	for _, c := range changes {
		if c.row == nil {
			delete(c.t.rows, c.u)
			continue
		}
		c.row.Version = NewUUID()
		c.t.rows[c.u] = c.row
	}
	return nil
}

// updatedRow is what a <row-update> makes of a row; nil: it is deleted.
func (t *tableData) updatedRow(u UUID, j any, form updateForm) (*Row, error) {
	m, ok := j.(map[string]any)
	if !ok {
		return nil, errors.New("it is no object")
	}
	was := t.rows[u]
	if form == updatePlain {
		now, there := m["new"]
		if !there {
			if was == nil {
				return nil, errors.New("it is deleted and was not there")
			}
			return nil, nil
		}
		return t.filledRow(u, was, now)
	}
	if len(m) != 1 {
		return nil, errors.New("it is not one change")
	}
	for word, value := range m {
		switch {
		case word == "initial" || word == "insert":
			return t.filledRow(u, nil, value)
		case word != "modify" && word != "delete":
			return nil, fmt.Errorf("the change %q is not known", word)
		case was == nil:
			return nil, fmt.Errorf("%q of a row that was not there", word)
		case word == "modify":
			return t.patchedRow(was, value)
		}
	}
	return nil, nil
}

// filledRow has the columns of a <row>; others are as in was, or default.
func (t *tableData) filledRow(u UUID, was *Row, j any) (*Row, error) {
	m, ok := j.(map[string]any)
	if !ok {
		return nil, errors.New("its columns are no object")
	}
	r := t.newRow(u)
	if was != nil {
		r = was.clone()
	}
	for name, v := range m {
		c, ok := t.byName[name]
		if !ok {
			return nil, fmt.Errorf("column %q was not asked for", name)
		}
		d, bad := c.Type.parseDatum(v, nil)
		if bad != nil {
			return nil, fmt.Errorf("column %s: %w", name, bad)
		}
		r.Columns[c.Index] = d
	}
	return r, nil
}

// patchedRow is was with differences applied.
func (t *tableData) patchedRow(was *Row, j any) (*Row, error) {
	m, ok := j.(map[string]any)
	if !ok {
		return nil, errors.New("its columns are no object")
	}
	r := was.clone()
	for name, v := range m {
		c, ok := t.byName[name]
		if !ok {
			return nil, fmt.Errorf("column %q was not asked for", name)
		}
		d, bad := c.Type.parseUnbounded(v, nil)
		if bad == nil {
			d = c.Type.patch(r.Columns[c.Index], d)
			bad = c.Type.checkCount(d)
		}
		if bad != nil {
			return nil, fmt.Errorf("column %s: %w", name, bad)
		}
		r.Columns[c.Index] = d
	}
	return r, nil
}
