package ovsdb

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// record writes what a commit changed as a record of the log: rows by table
// and UUID; null where a row is gone; of new rows the columns that differ from
// their default; of changed rows the changed columns, as differences. Columns
// that are ephemeral do not appear. dateMS is the time, in milliseconds since
// 1970; at most 0 for none. It is nil if nothing is to be kept.
func (c *Changes) record(dateMS int64) []byte {
	tables := make(map[string][]*RowChange)
	for i := range c.Rows {
		r := &c.Rows[i]
		if r.Old == nil || r.New == nil || r.lasting() {
			tables[r.Table.Name] = append(tables[r.Table.Name], r)
		}
	}
	if len(tables) == 0 {
		return nil
	}
	var w jsonWriter
	w.open('{')
	if comment := strings.Join(c.Comments, "\n"); comment != "" {
		w.field("_comment").str(comment)
	}
	if dateMS > 0 {
		w.field("_date").raw(strconv.FormatInt(dateMS, 10))
	}
	w.field("_is_diff").raw("true")
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		w.field(name).open('{')
		for _, r := range tables[name] {
			r.write(w.field(r.UUID.String()))
		}
		w.close('}')
	}
	w.close('}')
	return w.b
}

// lasting says whether anything changed that is kept on disk.
func (r *RowChange) lasting() bool {
	return slices.ContainsFunc(r.Table.Columns, func(c *Column) bool { return !c.Ephemeral && r.Changed(c) })
}

func (r *RowChange) write(w *jsonWriter) {
	if r.New == nil {
		w.raw("null")
		return
	}
	w.open('{')
	for _, c := range r.Table.Columns {
		if c.Ephemeral {
			continue
		}
		now := r.New.Columns[c.Index]
		was := c.Type.Default()
		if r.Old != nil {
			was = r.Old.Columns[c.Index]
		}
		if now.Equal(was) {
			continue
		}
		if r.Old != nil {
			now = c.Type.Diff(was, now)
		}
		w.field(c.Name).datum(&c.Type, now)
	}
	w.close('}')
}

// Diff is what turns one value of a column into another, as update2 and the
// log have it: of a column with at most one element the new value, of other
// sets and of maps see Datum.diff.
func (t *ColumnType) Diff(from, to Datum) Datum {
	if t.Max == 1 {
		return to
	}
	return from.diff(to)
}

func (t *ColumnType) patch(d, diff Datum) Datum {
	if t.Max == 1 {
		return diff
	}
	return d.patch(diff)
}

// replay commits a record of the log.
func (db *Database) replay(text []byte) *Error {
	j, err := decodeJSON(text)
	if err != nil {
		return errorf(ErrSyntax, "the record is not valid JSON: %v", err)
	}
	m, ok := j.(map[string]any)
	if !ok {
		return syntaxf(json.RawMessage(text), "the record is not an object")
	}
	diff := m["_is_diff"] == true
	x := db.begin()
	for _, name := range slices.Sorted(maps.Keys(m)) {
		t := db.tables[name]
		if t == nil {
			if strings.HasPrefix(name, "_") {
				continue // _date, _comment and what is to come
			}
			return errorf(ErrSyntax, "the record speaks of table %q, which the schema does not have", name)
		}
		rows, ok := m[name].(map[string]any)
		if !ok {
			return errorf(ErrSyntax, "the record has no rows under table %s", name)
		}
		for _, id := range slices.Sorted(maps.Keys(rows)) {
			if bad := x.replayRow(t, id, rows[id], diff); bad != nil {
				return bad
			}
		}
	}
	_, bad := x.commit(nil)
	return bad
}

func (x *Txn) replayRow(t *tableData, id string, j any, diff bool) *Error {
	u, ok := ParseUUID(id)
	if !ok {
		return errorf(ErrSyntax, "table %s: %q is no UUID", t.Name, id)
	}
	was := x.row(t, u)
	if j == nil {
		if was == nil {
			return errorf(ErrSyntax, "table %s: row %s is deleted and was not there", t.Name, u)
		}
		x.delete(t, u)
		return nil
	}
	row, ok := j.(map[string]any)
	if !ok {
		return errorf(ErrSyntax, "table %s: row %s is no object", t.Name, u)
	}
	if was == nil {
		x.insert(t, u)
	}
	columns := x.edit(t, u)
	for _, name := range slices.Sorted(maps.Keys(row)) {
		c := t.Column(name)
		if c == nil || c.Index < 0 {
			return unknownColumn(row, t.Table, name)
		}
		if was == nil || !diff {
			d, err := c.Type.parseDatum(row[name], nil)
			if err != nil {
				return err
			}
			columns[c.Index] = d
			continue
		}
		d, err := c.Type.parseUnbounded(row[name], nil)
		if err != nil {
			return err
		}
		d = c.Type.patch(columns[c.Index], d)
		if err := c.Type.checkCount(d); err != nil {
			return err
		}
		columns[c.Index] = d
	}
	return nil
}

// snapshot is a record with all rows.
func (db *Database) snapshot(dateMS int64, comment string) []byte {
	c := &Changes{Comments: []string{comment}}
	for _, name := range db.schema.tableNames() {
		t := db.tables[name]
		for _, u := range slices.SortedFunc(maps.Keys(t.rows), UUID.compare) {
			c.Rows = append(c.Rows, RowChange{Table: t.Table, UUID: u, New: t.rows[u]})
		}
	}
	return c.record(dateMS)
}
