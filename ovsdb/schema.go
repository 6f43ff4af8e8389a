package ovsdb

import (
	"fmt"
	"slices"
	"strings"
)

// Schema describes a database (RFC 7047 §3.2, <database-schema>).
type Schema struct {
	Name    string
	Version string // "x.y.z"; empty: none
	Cksum   string // of the schema's file; empty: none
	Tables  map[string]*Table
}

// Table describes a table (RFC 7047 §3.2, <table-schema>).
type Table struct {
	Name    string
	Columns []*Column // by name, without _uuid and _version
	MaxRows int       // Unlimited: any number
	IsRoot  bool      // its rows live without being referred to
	Indexes [][]*Column

	byName map[string]*Column
	strong []*Column // with strong references
	weak   []*Column // with weak references
}

// Column describes a column (RFC 7047 §3.2, <column-schema>).
type Column struct {
	Name      string
	Type      ColumnType
	Ephemeral bool // not kept on disk
	Mutable   bool // may be changed after the insert
	Index     int  // in Table.Columns; uuidIndex, versionIndex
}

// Indexes of the columns that every row has.
const (
	uuidIndex    = -1
	versionIndex = -2
)

var (
	uuidColumn    = &Column{Name: "_uuid", Type: Scalar(Base(UUIDType)), Index: uuidIndex}
	versionColumn = &Column{Name: "_version", Type: Scalar(Base(UUIDType)), Index: versionIndex}
)

// Column is a column by name, also _uuid and _version; nil: there is none.
func (t *Table) Column(name string) *Column {
	switch name {
	case "_uuid":
		return uuidColumn
	case "_version":
		return versionColumn
	}
	return t.byName[name]
}

// isName says whether s may name a table or column (RFC 7047 §3.1, <id>).
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// NewTable makes a table of its columns.
func NewTable(name string, columns ...*Column) *Table {
	t := &Table{Name: name, MaxRows: Unlimited, Columns: columns, byName: make(map[string]*Column, len(columns))}
	slices.SortFunc(t.Columns, func(a, b *Column) int { return strings.Compare(a.Name, b.Name) })
	for i, c := range t.Columns {
		c.Index = i
		t.byName[c.Name] = c
		if c.Type.hasRef(Strong) {
			t.strong = append(t.strong, c)
		}
		if c.Type.hasRef(Weak) {
			t.weak = append(t.weak, c)
		}
	}
	return t
}

// check refuses a schema that cannot work: references to tables that are not
// there, names that are none, twice the same.
func (s *Schema) check() *Error {
	if !isName(s.Name) {
		return errorf(ErrBadSchema, "%q is not a valid name of a database", s.Name)
	}
	for name, t := range s.Tables {
		if !isName(name) || strings.HasPrefix(name, "_") {
			return errorf(ErrBadSchema, "%q is not a valid name of a table", name)
		}
		for _, c := range t.Columns {
			if !isName(c.Name) || strings.HasPrefix(c.Name, "_") {
				return errorf(ErrBadSchema, "%q is not a valid name of a column", c.Name)
			}
			for _, b := range []*BaseType{&c.Type.Key, &c.Type.Value} {
				if b.RefTable != "" && s.Tables[b.RefTable] == nil {
					return errorf(ErrBadSchema, "column %s of table %s refers to table %s, which is not there", c.Name, name, b.RefTable)
				}
			}
			if c.Ephemeral && c.Type.hasRef(Strong) && !rootsOnly(s, c) {
				// Rows held by nothing else would be gone after a restart.
				return errorf(ErrBadSchema, "column %s of table %s is ephemeral and has strong references", c.Name, name)
			}
		}
	}
	return nil
}

// rootsOnly says whether all tables that a column refers to are root tables.
func rootsOnly(s *Schema, c *Column) bool {
	for _, b := range []*BaseType{&c.Type.Key, &c.Type.Value} {
		if b.RefTable != "" && !s.Tables[b.RefTable].IsRoot {
			return false
		}
	}
	return true
}

// tableNames are in order.
func (s *Schema) tableNames() []string {
	names := make([]string, 0, len(s.Tables))
	for n := range s.Tables {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// hasRoots says whether any table is marked as root: in a schema without, all
// are (RFC 7047 §3.2, "isRoot").
func (s *Schema) hasRoots() bool {
	for _, t := range s.Tables {
		if t.IsRoot {
			return true
		}
	}
	return false
}

// String is "NAME VERSION".
func (s *Schema) String() string { return fmt.Sprintf("%s %s", s.Name, s.Version) }
