package ovsdb

import (
	"maps"
	"slices"
)

// table is the operation's table.
func (e *execution) table() *tableData {
	name := e.o.str("table")
	if e.o.err != nil {
		return nil
	}
	t := e.db.tables[name]
	if t == nil {
		e.o.fail("No table named %s.", name)
	}
	return t
}

// where reads the operation's last member, its condition, which is parsed when
// the others are.
func (e *execution) where() ([]any, *Error) {
	clauses := e.o.array("where")
	return clauses, e.o.finish()
}

func (e *execution) insertOp() *Error {
	t := e.table()
	name, uuid := e.o.optStr("uuid-name"), e.o.optStr("uuid")
	row := e.o.obj("row")
	if err := e.o.finish(); err != nil {
		return err
	}
	u := NewUUID()
	if uuid != "" {
		given, ok := ParseUUID(uuid)
		if !ok {
			return syntaxf(e.o.j, "uuid must be a valid UUID, not %q", uuid)
		}
		if e.row(t, given) != nil || t.rows[given] != nil {
			return syntaxTagged(uuid, ErrDuplicateUUID, "This UUID would duplicate a UUID already present within the table or deleted within the same transaction.")
		}
		u = given
	}
	if name != "" {
		if !isName(name) {
			return syntaxf(e.o.j, "uuid-name %q is not a valid <id>", name)
		}
		y := e.names.get(name)
		if y.created {
			return syntaxTagged(name, ErrDuplicateName, `This "uuid-name" appeared on an earlier "insert" operation.`)
		}
		y.created = true
		if uuid != "" {
			y.uuid = u
		}
		u = y.uuid
	}
	values, err := t.parseRow(row, e.names)
	if err != nil {
		return err
	}
	for c := range values {
		if c.Index < 0 {
			return syntaxf(row, "the column %s cannot be given", c.Name)
		}
	}
	r := e.insert(t, u)
	for c, d := range values {
		r.Columns[c.Index] = d
	}
	for _, c := range t.Columns {
		// The default of a column may break its own constraints.
		if _, given := values[c]; !given {
			if err := c.Type.check(r.Columns[c.Index]); err != nil {
				return err
			}
		}
	}
	e.w.open('{')
	e.w.field("uuid").datum(&uuidColumn.Type, r.Get(uuidColumn))
	e.w.close('}')
	return nil
}

// parseRow reads a <row>: the values of some columns.
func (t *Table) parseRow(row map[string]any, names *symbols) (map[*Column]Datum, *Error) {
	values := make(map[*Column]Datum, len(row))
	// In order, so that of several errors it is always the same that is told.
	for _, name := range slices.Sorted(maps.Keys(row)) {
		c := t.Column(name)
		if c == nil {
			return nil, unknownColumn(row, t, name)
		}
		d, err := c.Type.parseDatum(row[name], names)
		if err != nil {
			return nil, err
		}
		values[c] = d
	}
	return values, nil
}

func (e *execution) selectOp() *Error {
	t := e.table()
	columns := e.o.opt("columns")
	clauses, err := e.where()
	if err != nil {
		return err
	}
	cond, list, err := e.query(t, clauses, columns)
	if err != nil {
		return err
	}
	e.w.open('{')
	e.w.field("rows").open('[')
	seen := make(map[string]bool)
	e.matching(t, cond, func(r *Row) bool {
		var w jsonWriter
		writeRow(&w, r, list)
		// Rows that differ only in what was not asked for are one (RFC 7047 §5.2.2).
		if s := string(w.b); !seen[s] {
			seen[s] = true
			e.w.raw(s)
		}
		return true
	})
	e.w.close(']')
	e.w.close('}')
	return nil
}

// query reads which rows are asked for and which of their columns.
func (e *execution) query(t *tableData, clauses []any, columns any) (condition, []*Column, *Error) {
	cond, err := t.parseCondition(clauses, e.names)
	if err != nil {
		return nil, nil, err
	}
	list, err := t.selection(columns)
	return cond, list, err
}

// selection is a list of columns; nil: all of them.
func (t *Table) selection(j any) ([]*Column, *Error) {
	if j == nil {
		return append([]*Column{uuidColumn, versionColumn}, t.Columns...), nil
	}
	return t.parseColumnSet(j)
}

func writeRow(w *jsonWriter, r *Row, columns []*Column) {
	w.open('{')
	for _, c := range columns {
		w.field(c.Name).datum(&c.Type, r.Get(c))
	}
	w.close('}')
}

// change calls fn for the rows for which a condition holds, and tells how many
// there were.
func (e *execution) change(t *tableData, clauses []any, fn func(*Row) *Error) *Error {
	cond, err := t.parseCondition(clauses, e.names)
	if err != nil {
		return err
	}
	n := 0
	e.matching(t, cond, func(r *Row) bool {
		n++
		err = fn(r)
		return err == nil
	})
	if err != nil {
		return err
	}
	e.w.open('{')
	e.w.field("count").raw(Int(int64(n)).String())
	e.w.close('}')
	return nil
}

func (e *execution) updateOp() *Error {
	t := e.table()
	row := e.o.obj("row")
	clauses, err := e.where()
	if err != nil {
		return err
	}
	values, err := t.parseRow(row, e.names)
	if err != nil {
		return err
	}
	for c := range values {
		if !c.Mutable {
			return syntaxTagged(e.o.j, ErrConstraint, "Cannot update immutable column %s in table %s.", c.Name, t.Name)
		}
	}
	return e.change(t, clauses, func(r *Row) *Error {
		columns := e.edit(t, r.UUID)
		for c, d := range values {
			columns[c.Index] = d
		}
		return nil
	})
}

func (e *execution) mutateOp() *Error {
	t := e.table()
	list := e.o.array("mutations")
	clauses, err := e.where()
	if err != nil {
		return err
	}
	ms, err := t.parseMutations(list, e.names)
	if err != nil {
		return err
	}
	return e.change(t, clauses, func(r *Row) *Error {
		columns := e.edit(t, r.UUID)
		for i := range ms {
			d, err := ms[i].apply(columns[ms[i].column.Index])
			if err != nil {
				return err
			}
			columns[ms[i].column.Index] = d
		}
		return nil
	})
}

func (e *execution) deleteOp() *Error {
	t := e.table()
	clauses, err := e.where()
	if err != nil {
		return err
	}
	return e.change(t, clauses, func(r *Row) *Error {
		e.delete(t, r.UUID)
		return nil
	})
}

func (e *execution) waitOp() *Error {
	timeout, limited := e.o.optInt("timeout")
	t := e.table()
	columns := e.o.opt("columns")
	until := e.o.str("until")
	rows := e.o.array("rows")
	clauses, err := e.where()
	if err != nil {
		return err
	}
	if limited && timeout < 0 {
		return syntaxf(e.o.j, "timeout %d is negative", timeout)
	}
	if until != "==" && until != "!=" {
		return syntaxf(e.o.j, `until must be "==" or "!=", not %q`, until)
	}
	cond, list, err := e.query(t, clauses, columns)
	if err != nil {
		return err
	}
	want := make(map[string]bool)
	for _, j := range rows {
		s, err := t.rowText(j, list, columns == nil, e.names)
		if err != nil {
			return err
		}
		want[s] = true
	}
	if columns == nil {
		list = t.Columns // _uuid and _version are never written in rows to wait for
	}
	got := make(map[string]bool)
	e.matching(t, cond, func(r *Row) bool {
		var w jsonWriter
		writeRow(&w, r, list)
		got[string(w.b)] = true
		return true
	})
	same := len(got) == len(want)
	for s := range got {
		same = same && want[s]
	}
	if same == (until == "==") {
		e.w.raw("{}")
		return nil
	}
	switch {
	case !limited:
		e.wait = Forever
	case e.elapsedMS < timeout:
		e.wait = timeout
	case timeout == 0:
		return errorf(ErrTimedOut, `"where" clause test failed`)
	default:
		return errorf(ErrTimedOut, `"wait" timed out after %d ms`, e.elapsedMS)
	}
	return nil
}

// rowText is a row to wait for, in the form in which rows of the table are
// compared with it: the columns of list, defaults where it says nothing.
func (t *tableData) rowText(j any, list []*Column, all bool, names *symbols) (string, *Error) {
	m, ok := j.(map[string]any)
	if !ok {
		return "", syntaxf(j, "parsing row: object expected")
	}
	values, err := t.parseRow(m, names)
	if err != nil {
		return "", err
	}
	if all {
		list = t.Columns
	}
	var w jsonWriter
	w.open('{')
	for _, c := range list {
		d, given := values[c]
		if !given {
			d = c.Type.Default()
		}
		w.field(c.Name).datum(&c.Type, d)
	}
	w.close('}')
	return string(w.b), nil
}

func (e *execution) commitOp() *Error {
	durable := e.o.optBool("durable", false)
	if _, ok := e.o.m["durable"]; !ok {
		e.o.need("durable")
	}
	if err := e.o.finish(); err != nil {
		return err
	}
	e.durable = e.durable || durable
	e.w.raw("{}")
	return nil
}

func (e *execution) abortOp() *Error {
	if err := e.o.finish(); err != nil {
		return err
	}
	return errorf(ErrAborted, "aborted by request")
}

func (e *execution) commentOp() *Error {
	text := e.o.str("comment")
	if err := e.o.finish(); err != nil {
		return err
	}
	e.comments = append(e.comments, text)
	e.w.raw("{}")
	return nil
}

func (e *execution) assertOp() *Error {
	name := e.o.str("lock")
	if err := e.o.finish(); err != nil {
		return err
	}
	if e.request.HoldsLock == nil || !e.request.HoldsLock(name) {
		return errorf(ErrNotOwner, "Asserted lock %s not held.", name)
	}
	e.w.raw("{}")
	return nil
}
