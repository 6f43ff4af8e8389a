package ovsdb

// Txn is a transaction in the making: what it has changed lies over the
// database, which knows nothing of it before commit.
type Txn struct {
	db       *Database
	names    *symbols
	tables   map[string]map[UUID]*pending
	order    []*pending
	comments []string
	durable  bool
}

// pending is a row that the transaction has touched.
type pending struct {
	table *tableData
	uuid  UUID
	old   *Row // committed; nil: inserted by this transaction
	new   *Row // nil: deleted
	owned bool // new is this transaction's own and may be written
}

func (db *Database) begin() *Txn {
	return &Txn{db: db, names: newSymbols(), tables: make(map[string]map[UUID]*pending)}
}

// row is a row as this transaction sees it; nil: there is none.
func (x *Txn) row(t *tableData, u UUID) *Row {
	if p, ok := x.tables[t.Name][u]; ok {
		return p.new
	}
	return t.rows[u]
}

// touch makes a row part of the transaction.
func (x *Txn) touch(t *tableData, u UUID) *pending {
	m := x.tables[t.Name]
	if m == nil {
		m = make(map[UUID]*pending)
		x.tables[t.Name] = m
	}
	p := m[u]
	if p == nil {
		p = &pending{table: t, uuid: u, old: t.rows[u], new: t.rows[u]}
		m[u] = p
		x.order = append(x.order, p)
	}
	return p
}

// edit gives the row's columns to write to. The row must be there.
func (x *Txn) edit(t *tableData, u UUID) []Datum {
	p := x.touch(t, u)
	if !p.owned {
		p.new, p.owned = p.new.clone(), true
		p.new.Version = NewUUID() // which the old one keeps if nothing changes in the end
	}
	return p.new.Columns
}

// insert adds a row with default columns.
func (x *Txn) insert(t *tableData, u UUID) *Row {
	p := x.touch(t, u)
	p.new, p.owned = t.newRow(u), true
	p.new.Version = NewUUID()
	return p.new
}

// delete takes a row out.
func (x *Txn) delete(t *tableData, u UUID) {
	p := x.touch(t, u)
	p.new, p.owned = nil, false
}

// each calls fn for all rows of a table as this transaction sees them, until
// it says false. fn may change or delete the row that it is given.
func (x *Txn) each(t *tableData, fn func(*Row) bool) {
	touched := x.tables[t.Name]
	// Rows that fn touches are not to be seen twice.
	mine := make([]*Row, 0, len(touched))
	skip := make(map[UUID]bool, len(touched))
	for u, p := range touched {
		skip[u] = true
		if p.new != nil {
			mine = append(mine, p.new)
		}
	}
	for u, r := range t.rows {
		if !skip[u] && !fn(r) {
			return
		}
	}
	for _, r := range mine {
		if !fn(r) {
			return
		}
	}
}

// matching calls fn for the rows for which a condition holds.
func (x *Txn) matching(t *tableData, cond condition, fn func(*Row) bool) {
	if u, ok := cond.oneUUID(); ok {
		// Almost every operation of every tool names its row.
		if r := x.row(t, u); r != nil && cond.holds(r) {
			fn(r)
		}
		return
	}
	x.each(t, func(r *Row) bool { return !cond.holds(r) || fn(r) })
}
