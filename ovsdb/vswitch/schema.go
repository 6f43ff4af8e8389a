package vswitch

import (
	"maps"

	"ofswitch/ovsdb"
)

// Name and Version of the schema.
const (
	Name    = "Open_vSwitch"
	Version = "8.3.1"
	// cksum is that of Open vSwitch's own file of the schema: tools compare it
	// to see whether a database has to be converted.
	cksum = "3012963480 26720"
)

// table is a table of the schema.
type table struct {
	columns []*ovsdb.Column
	indexes [][]string
	maxRows int // 0: any number
	root    bool
}

// Schema makes the schema. Callers may change theirs.
func Schema() *ovsdb.Schema {
	s := &ovsdb.Schema{Name: Name, Version: Version, Cksum: cksum, Tables: make(map[string]*ovsdb.Table)}
	for _, tables := range []map[string]table{switchTables, monitoringTables} {
		for name, t := range maps.All(tables) {
			s.Tables[name] = t.make(name)
		}
	}
	return s
}

func (t *table) make(name string) *ovsdb.Table {
	columns := make([]*ovsdb.Column, len(t.columns))
	for i, c := range t.columns {
		own := *c
		columns[i] = &own
	}
	made := ovsdb.NewTable(name, columns...)
	made.IsRoot = t.root
	if t.maxRows > 0 {
		made.MaxRows = t.maxRows
	}
	for _, names := range t.indexes {
		index := make([]*ovsdb.Column, len(names))
		for i, n := range names {
			index[i] = made.Column(n)
		}
		made.Indexes = append(made.Indexes, index)
	}
	return made
}

// The words in which the tables are written.

var (
	text    = ovsdb.Base(ovsdb.String)
	integer = ovsdb.Base(ovsdb.Integer)
	boolean = ovsdb.Base(ovsdb.Boolean)
)

func between(least, most int64) ovsdb.BaseType {
	b := integer
	b.MinInt, b.MaxInt = least, most
	return b
}

func atLeast(n int64) ovsdb.BaseType {
	b := integer
	b.MinInt = n
	return b
}

func oneOf(words ...string) ovsdb.BaseType {
	b := text
	atoms := make([]ovsdb.Atom, len(words))
	for i, w := range words {
		atoms[i] = ovsdb.Str(w)
	}
	enum := ovsdb.Set(atoms...)
	b.Enum = &enum
	return b
}

func ref(table string) ovsdb.BaseType {
	b := ovsdb.Base(ovsdb.UUIDType)
	b.RefTable = table
	return b
}

func weak(table string) ovsdb.BaseType {
	b := ref(table)
	b.RefType = ovsdb.Weak
	return b
}

func one(b ovsdb.BaseType) ovsdb.ColumnType      { return ovsdb.Scalar(b) }
func optional(b ovsdb.BaseType) ovsdb.ColumnType { return ovsdb.Optional(b) }
func set(b ovsdb.BaseType) ovsdb.ColumnType      { return ovsdb.SetOf(b) }
func pairs(k, v ovsdb.BaseType) ovsdb.ColumnType { return ovsdb.MapOf(k, v) }

func some(least, most int, b ovsdb.BaseType) ovsdb.ColumnType {
	return ovsdb.ColumnType{Key: b, Min: least, Max: most}
}

func column(name string, t ovsdb.ColumnType) *ovsdb.Column {
	return &ovsdb.Column{Name: name, Type: t, Mutable: true}
}

func ephemeral(c *ovsdb.Column) *ovsdb.Column {
	c.Ephemeral = true
	return c
}

func immutable(c *ovsdb.Column) *ovsdb.Column {
	c.Mutable = false
	return c
}
