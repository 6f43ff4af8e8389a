package ovsdb

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Values are a row, or part of one: column name to value.
type Values map[string]Datum

// Clause is part of a condition: COLUMN FUNCTION VALUE (RFC 7047 §5.1,
// <clause>). The functions are "<", "<=", "==", "!=", ">=", ">", "includes" and
// "excludes". The clauses of an operation must all hold; without any, it is for
// all rows of its table.
type Clause struct {
	Column, Function string
	Value            Datum
}

// Where is a condition of one clause.
func Where(column, function string, value Datum) []Clause {
	return []Clause{{column, function, value}}
}

// ByUUID is the condition that holds for one row.
func ByUUID(u UUID) []Clause { return Where("_uuid", "==", Set(Ref(u))) }

// Mutation changes a column relative to what it is (RFC 7047 §5.1,
// <mutation>). The mutators are "+=", "-=", "*=", "/=", "%=", "insert" and
// "delete".
type Mutation struct {
	Column, Mutator string
	Value           Datum
}

// NamedRef makes an Atom that refers to a row which an Insert of the same
// transaction makes under this name.
func NamedRef(name string) Atom { return Atom{Type: UUIDType, Str: name} }

// Operation is one operation of a transaction (RFC 7047 §5.2). See Insert,
// Update, Mutate, Delete, Select, Wait, Commit, Abort, Comment and Assert.
type Operation struct {
	op    string
	table string
	write func(w *jsonWriter, t *Table) // the other members; t may be nil
}

// Insert makes a row (RFC 7047 §5.2.1). name is what NamedRef calls it in the
// same transaction; empty: nothing does.
func Insert(table, name string, row Values) Operation {
	return Operation{"insert", table, func(w *jsonWriter, t *Table) {
		if name != "" {
			w.field("uuid-name").str(name)
		}
		w.field("row").values(t, row)
	}}
}

// InsertAs makes a row whose UUID is given: an extension that ovsdb-server has
// since Open vSwitch 2.13.
func InsertAs(table string, u UUID, row Values) Operation {
	return Operation{"insert", table, func(w *jsonWriter, t *Table) {
		w.field("uuid").str(u.String())
		w.field("row").values(t, row)
	}}
}

// Update sets columns of rows (RFC 7047 §5.2.3).
func Update(table string, where []Clause, row Values) Operation {
	return Operation{"update", table, func(w *jsonWriter, t *Table) {
		w.where(t, where)
		w.field("row").values(t, row)
	}}
}

// Mutate changes columns of rows relative to what they are (RFC 7047 §5.2.4).
func Mutate(table string, where []Clause, mutations ...Mutation) Operation {
	return Operation{"mutate", table, func(w *jsonWriter, t *Table) {
		w.where(t, where)
		w.field("mutations").open('[')
		for _, m := range mutations {
			w.triple(t, m.Column, m.Mutator, m.Value)
		}
		w.close(']')
	}}
}

// Delete takes rows out (RFC 7047 §5.2.5).
func Delete(table string, where []Clause) Operation {
	return Operation{"delete", table, func(w *jsonWriter, t *Table) { w.where(t, where) }}
}

// Select reads columns of rows (RFC 7047 §5.2.2); no columns: all.
func Select(table string, where []Clause, columns ...string) Operation {
	return Operation{"select", table, func(w *jsonWriter, t *Table) {
		w.where(t, where)
		if len(columns) > 0 {
			w.names("columns", columns)
		}
	}}
}

// Wait holds the transaction up until the columns of the rows that a condition
// names are (until "==") or are not ("!=") those of rows (RFC 7047 §5.2.6). A
// timeout below 0 is none; 0: the transaction fails at once if it does not hold.
func Wait(table string, where []Clause, columns []string, until string, timeout time.Duration, rows ...Values) Operation {
	return Operation{"wait", table, func(w *jsonWriter, t *Table) {
		w.where(t, where)
		w.names("columns", columns)
		w.field("until").str(until)
		if timeout >= 0 {
			w.field("timeout").raw(strconv.FormatInt(timeout.Milliseconds(), 10))
		}
		w.field("rows").open('[')
		for _, r := range rows {
			w.values(t, r)
		}
		w.close(']')
	}}
}

// Commit asks for the transaction to be on disk before the reply, if durable
// (RFC 7047 §5.2.7).
func Commit(durable bool) Operation {
	return Operation{op: "commit", write: func(w *jsonWriter, _ *Table) {
		w.field("durable").raw(strconv.FormatBool(durable))
	}}
}

// Abort makes the transaction fail (RFC 7047 §5.2.8).
func Abort() Operation { return Operation{op: "abort", write: func(*jsonWriter, *Table) {}} }

// Comment puts a text into the database's log (RFC 7047 §5.2.9).
func Comment(text string) Operation {
	return Operation{op: "comment", write: func(w *jsonWriter, _ *Table) { w.field("comment").str(text) }}
}

// Assert makes the transaction fail unless the client holds a lock (RFC 7047
// §5.2.10).
func Assert(lock string) Operation {
	return Operation{op: "assert", write: func(w *jsonWriter, _ *Table) { w.field("lock").str(lock) }}
}

// Name is the operation's name in the protocol, such as "insert".
func (o Operation) Name() string { return o.op }

// MarshalJSON writes the <operation>. An empty value that is to be a map must
// have been made by Map; a Client needs no such help.
func (o Operation) MarshalJSON() ([]byte, error) {
	var w jsonWriter
	o.append(&w, nil)
	return w.b, nil
}

// append writes the operation, for a schema if one is known.
func (o Operation) append(w *jsonWriter, s *Schema) {
	w.open('{')
	w.field("op").str(o.op)
	var t *Table
	if o.table != "" {
		w.field("table").str(o.table)
		if s != nil {
			t = s.Tables[o.table]
		}
	}
	if o.write != nil {
		o.write(w, t)
	}
	w.close('}')
}

// transactParams are the parameters of a transact request (RFC 7047 §4.1.3). s may be
// nil.
func transactParams(db string, s *Schema, ops []Operation) json.RawMessage {
	var w jsonWriter
	w.open('[')
	w.str(db)
	for _, o := range ops {
		o.append(&w, s)
	}
	w.close(']')
	return w.b
}

func (w *jsonWriter) names(member string, list []string) {
	w.field(member).open('[')
	for _, s := range list {
		w.str(s)
	}
	w.close(']')
}

func (w *jsonWriter) where(t *Table, clauses []Clause) {
	w.field("where").open('[')
	for _, c := range clauses {
		w.triple(t, c.Column, c.Function, c.Value)
	}
	w.close(']')
}

// triple writes a clause or a mutation.
func (w *jsonWriter) triple(t *Table, column, word string, d Datum) {
	w.open('[')
	w.str(column)
	w.str(word)
	w.value(t, column, d)
	w.close(']')
}

// values writes a row.
func (w *jsonWriter) values(t *Table, row Values) {
	w.open('{')
	for _, name := range slices.Sorted(maps.Keys(row)) {
		w.field(name).value(t, name, row[name])
	}
	w.close('}')
}

// Types by which values are written whose column is not known.
var (
	anySet = ColumnType{Max: Unlimited}
	anyMap = ColumnType{Value: Base(String), Max: Unlimited}
)

// value writes a datum as what it is; if it is empty, as what its column is.
// The keys of a map that go are a set.
func (w *jsonWriter) value(t *Table, column string, d Datum) {
	isMap := d.IsMap()
	if d.Len() == 0 && t != nil {
		if c := t.Column(column); c != nil {
			isMap = c.Type.IsMap()
		}
	}
	if isMap {
		w.datum(&anyMap, d)
	} else {
		w.datum(&anySet, d)
	}
}
