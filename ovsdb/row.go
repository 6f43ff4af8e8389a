package ovsdb

import (
	"math"
	"slices"
)

// Row is a row as of one commit. It is immutable.
type Row struct {
	UUID    UUID
	Version UUID // changes with every change of the row
	Columns []Datum
}

// Get is the value of a column, also of _uuid and _version. Of a column that is
// nil, since the schema does not have it, there is none.
func (r *Row) Get(c *Column) Datum {
	if c == nil {
		return Datum{}
	}
	switch c.Index {
	case uuidIndex:
		return Datum{Keys: []Atom{Ref(r.UUID)}}
	case versionIndex:
		return Datum{Keys: []Atom{Ref(r.Version)}}
	}
	return r.Columns[c.Index]
}

// newRow has the default in each column.
func (t *Table) newRow(u UUID) *Row {
	r := &Row{UUID: u, Columns: make([]Datum, len(t.Columns))}
	for i, c := range t.Columns {
		r.Columns[i] = c.Type.Default()
	}
	return r
}

// clone is a copy of the row that may be changed until it is committed.
func (r *Row) clone() *Row {
	return &Row{UUID: r.UUID, Version: r.Version, Columns: slices.Clone(r.Columns)}
}

// sameColumns says whether all columns are equal.
func (r *Row) sameColumns(o *Row) bool {
	return slices.EqualFunc(r.Columns, o.Columns, Datum.Equal)
}

// identicalColumns says whether all columns are equal and look the same: 0 and -0
// do not.
func (r *Row) identicalColumns(o *Row) bool {
	sameSign := func(a, b Atom) bool { return math.Signbit(a.Real) == math.Signbit(b.Real) }
	return slices.EqualFunc(r.Columns, o.Columns, func(a, b Datum) bool {
		return a.Equal(b) && slices.EqualFunc(a.Keys, b.Keys, sameSign) && slices.EqualFunc(a.Values, b.Values, sameSign)
	})
}

// references calls fn for every reference of a kind that the row holds. A strong
// one to itself does not count, as in ovsdb-server: it would never go.
func (r *Row) references(columns []*Column, kind RefType, fn func(table string, u UUID, c *Column)) {
	for _, c := range columns {
		d := r.Columns[c.Index]
		if k := &c.Type.Key; k.RefTable != "" && k.RefType == kind {
			for _, a := range d.Keys {
				if kind == Weak || a.UUID != r.UUID {
					fn(k.RefTable, a.UUID, c)
				}
			}
		}
		if v := &c.Type.Value; v.RefTable != "" && v.RefType == kind {
			for _, a := range d.Values {
				if kind == Weak || a.UUID != r.UUID {
					fn(v.RefTable, a.UUID, c)
				}
			}
		}
	}
}
