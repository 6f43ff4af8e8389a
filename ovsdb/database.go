package ovsdb

// Database holds the committed rows of one schema. One goroutine at a time may
// use it; rows and data that it gave out are immutable and anybody's.
type Database struct {
	schema *Schema
	tables map[string]*tableData
}

// tableData are the rows of a table.
type tableData struct {
	*Table
	rows    map[UUID]*Row
	refs    map[UUID]int      // strong references to a row; rows without have no entry
	indexes []map[string]UUID // of each of Table.Indexes: row by value
}

// NewDatabase is an empty one.
func NewDatabase(s *Schema) *Database {
	db := &Database{schema: s, tables: make(map[string]*tableData, len(s.Tables))}
	for name, t := range s.Tables {
		td := &tableData{Table: t, rows: make(map[UUID]*Row), refs: make(map[UUID]int)}
		for range t.Indexes {
			td.indexes = append(td.indexes, make(map[string]UUID))
		}
		db.tables[name] = td
	}
	return db
}

// Schema of the database.
func (db *Database) Schema() *Schema { return db.schema }

// Row is a committed row; nil: there is none.
func (db *Database) Row(table string, u UUID) *Row {
	t := db.tables[table]
	if t == nil {
		return nil
	}
	return t.rows[u]
}

// Each calls fn for the committed rows of a table, in no order, until it says
// false.
func (db *Database) Each(table string, fn func(*Row) bool) {
	if t := db.tables[table]; t != nil {
		for _, r := range t.rows {
			if !fn(r) {
				return
			}
		}
	}
}

// Len is the number of rows of a table.
func (db *Database) Len(table string) int {
	if t := db.tables[table]; t != nil {
		return len(t.rows)
	}
	return 0
}

// Changes is what one commit did.
type Changes struct {
	Rows     []RowChange
	Comments []string // of its comment operations
	Durable  bool     // its client asked for it to be on disk
}

// RowChange is one row's part of a commit.
type RowChange struct {
	Table    *Table
	UUID     UUID
	Old, New *Row // nil: inserted, deleted
}

// Changed says whether a column is not what it was.
func (r *RowChange) Changed(c *Column) bool {
	if r.Old == nil || r.New == nil {
		return true
	}
	return !r.Old.Get(c).Equal(r.New.Get(c))
}

// indexKey is the value of a row in the columns of an index.
func indexKey(r *Row, index []*Column) string {
	var b []byte
	for _, c := range index {
		b = c.Type.appendJSON(b, r.Get(c))
		b = append(b, 0)
	}
	return string(b)
}
