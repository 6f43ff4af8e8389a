package ovsdb

import (
	"fmt"
	"slices"
	"strings"
)

// commit makes the transaction's rows those of the database, or changes
// nothing. The order is ovsdb-server's: what is unchanged, references,
// collection, weak references, limits, indexes.
func (x *Txn) commit(veto func(*Changes) error) (*Changes, *Error) {
	x.forgetUnchanged((*Row).sameColumns)
	refs, err := x.collect()
	if err != nil {
		return nil, err
	}
	if err := x.dropWeak(); err != nil {
		return nil, err
	}
	// A row that is as it was but for the sign of a zero stays, here.
	x.forgetUnchanged((*Row).identicalColumns)
	if err := x.checkLimits(); err != nil {
		return nil, err
	}
	if err := x.checkIndexes(); err != nil {
		return nil, err
	}
	changes := &Changes{Comments: x.comments, Durable: x.durable}
	for _, p := range x.order {
		changes.Rows = append(changes.Rows, RowChange{Table: p.table.Table, UUID: p.uuid, Old: p.old, New: p.new})
	}
	if len(changes.Rows) == 0 {
		return nil, nil
	}
	if veto != nil {
		if e := veto(changes); e != nil {
			return nil, errorf(ErrIO, "%v", e)
		}
	}
	x.publish(refs)
	return changes, nil
}

// refCounts are changes of the numbers of strong references to rows.
type refCounts map[string]map[UUID]int

func (r refCounts) add(table string, u UUID, n int) {
	m := r[table]
	if m == nil {
		m = make(map[UUID]int)
		r[table] = m
	}
	m[u] += n
}

// collect counts references and deletes rows that nothing refers to, until
// none is left that could go. A reference to a row that is not there is refused.
func (x *Txn) collect() (refCounts, *Error) {
	refs := make(refCounts)
	count := func(r *Row, t *tableData, n int) {
		if r != nil && len(t.strong) > 0 {
			r.references(t.strong, Strong, func(table string, u UUID, _ *Column) { refs.add(table, u, n) })
		}
	}
	for _, p := range x.order {
		count(p.old, p.table, -1)
		count(p.new, p.table, 1)
	}
	total := func(t *tableData, u UUID) int { return t.refs[u] + refs[t.Name][u] }
	// Every row referred to is there, and none that was deleted is referred to:
	// not even by a row that goes itself, below.
	for table, m := range refs {
		t := x.db.tables[table]
		for u := range m {
			if n := total(t, u); n > 0 && x.row(t, u) == nil {
				return nil, x.dangling(t, u, n)
			}
		}
	}
	for _, p := range x.order {
		if n := total(p.table, p.uuid); p.new == nil && n > 0 {
			return nil, x.dangling(p.table, p.uuid, n)
		}
	}

	// What may have lost its last reference: rows of this transaction, and
	// those that it no longer refers to.
	type item struct {
		t *tableData
		u UUID
	}
	var work []item
	for _, p := range x.order {
		work = append(work, item{p.table, p.uuid})
	}
	for table, m := range refs {
		for u, n := range m {
			if n < 0 {
				work = append(work, item{x.db.tables[table], u})
			}
		}
	}
	for len(work) > 0 {
		it := work[len(work)-1]
		work = work[:len(work)-1]
		if it.t.IsRoot || total(it.t, it.u) > 0 {
			continue
		}
		r := x.row(it.t, it.u)
		if r == nil {
			continue
		}
		x.delete(it.t, it.u)
		r.references(it.t.strong, Strong, func(table string, u UUID, _ *Column) {
			refs.add(table, u, -1)
			work = append(work, item{x.db.tables[table], u})
		})
	}
	return refs, nil
}

func (x *Txn) dangling(t *tableData, u UUID, n int) *Error {
	if t.rows[u] != nil {
		return errorf(ErrReference, "cannot delete %s row %s because of %d remaining reference(s)", t.Name, u, n)
	}
	for _, p := range x.order {
		if p.new == nil {
			continue
		}
		var col *Column
		p.new.references(p.table.strong, Strong, func(table string, to UUID, c *Column) {
			if table == t.Name && to == u {
				col = c
			}
		})
		if col != nil {
			return errorf(ErrReference, "Table %s column %s row %s references nonexistent row %s in table %s.", p.table.Name, col.Name, p.uuid, u, t.Name)
		}
	}
	return errorf(ErrReference, "row %s of table %s is referred to and does not exist", u, t.Name)
}

// dropWeak takes weak references to rows that are not there out of all rows
// that have them.
func (x *Txn) dropWeak() *Error {
	gone := make(map[string]bool) // tables that lost a row
	for _, p := range x.order {
		if p.new == nil && p.old != nil {
			gone[p.table.Name] = true
		}
	}
	for _, name := range x.db.schema.tableNames() {
		t := x.db.tables[name]
		if len(t.weak) == 0 {
			continue
		}
		rows := make([]*Row, 0, len(x.tables[name]))
		if slices.ContainsFunc(t.weak, func(c *Column) bool { return gone[c.Type.Key.RefTable] || gone[c.Type.Value.RefTable] }) {
			x.each(t, func(r *Row) bool { rows = append(rows, r); return true })
		} else {
			for _, p := range x.tables[name] {
				if p.new != nil {
					rows = append(rows, p.new)
				}
			}
		}
		for _, r := range rows {
			if err := x.dropWeakOf(t, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *Txn) dropWeakOf(t *tableData, r *Row) *Error {
	there := func(b *BaseType, a Atom) bool {
		return b.RefTable == "" || b.RefType != Weak || x.row(x.db.tables[b.RefTable], a.UUID) != nil
	}
	for _, c := range t.weak {
		d := r.Columns[c.Index]
		kept := d.filter(func(i int) bool {
			return there(&c.Type.Key, d.Keys[i]) && (d.Values == nil || there(&c.Type.Value, d.Values[i]))
		})
		if kept.Len() == d.Len() {
			continue
		}
		if kept.Len() < c.Type.Min {
			return errorf(ErrConstraint, "weak reference column %s in row %s of table %s would become empty, but it needs a value: %d references went with the rows that they named",
				c.Name, r.UUID, t.Name, d.Len()-kept.Len())
		}
		x.edit(t, r.UUID)[c.Index] = kept
		r = x.row(t, r.UUID)
	}
	return nil
}

// forgetUnchanged drops rows that are as they were, or came and went.
func (x *Txn) forgetUnchanged(same func(a, b *Row) bool) {
	x.order = slices.DeleteFunc(x.order, func(p *pending) bool {
		unchanged := p.old == nil && p.new == nil || p.old != nil && p.new != nil && same(p.old, p.new)
		if unchanged {
			delete(x.tables[p.table.Name], p.uuid) // it may yet be touched again
		}
		return unchanged
	})
}

func (x *Txn) checkLimits() *Error {
	grown := make(map[*tableData]int)
	for _, p := range x.order {
		switch {
		case p.old == nil:
			grown[p.table]++
		case p.new == nil:
			grown[p.table]--
		}
	}
	for t, n := range grown {
		if total := len(t.rows) + n; n > 0 && total > t.MaxRows {
			return errorf(ErrConstraint, "transaction causes %q table to contain %d rows, greater than the schema-defined limit of %d row(s)", t.Name, total, t.MaxRows)
		}
	}
	return nil
}

// checkIndexes refuses two rows with the same value of an index.
func (x *Txn) checkIndexes() *Error {
	type at struct {
		t *tableData
		i int
	}
	seen := make(map[at]map[string]UUID)
	for _, p := range x.order {
		if p.new == nil {
			continue
		}
		for i, index := range p.table.Indexes {
			k := indexKey(p.new, index)
			a := at{p.table, i}
			if seen[a] == nil {
				seen[a] = make(map[string]UUID)
			}
			other, twice := seen[a][k]
			if !twice {
				other, twice = p.table.indexes[i][k]
				if twice {
					// The row that has the value now may lose it.
					r := x.row(p.table, other)
					twice = other != p.uuid && r != nil && indexKey(r, index) == k
				}
			}
			if twice {
				return x.duplicate(p, other, index)
			}
			seen[a][k] = p.uuid
		}
	}
	return nil
}

// duplicate says which two rows have the same value in an index, as
// ovsdb-server does.
func (x *Txn) duplicate(p *pending, other UUID, index []*Column) *Error {
	var names, values []string
	for _, c := range index {
		names = append(names, fmt.Sprintf("%q", c.Name))
		values = append(values, c.Type.Text(p.new.Get(c)))
	}
	column := "column"
	if len(index) > 1 {
		column = "columns"
	}
	return errorf(ErrConstraint, "Transaction causes multiple rows in \"%s\" table to have identical values (%s) for index on %s %s.  First row, with UUID %s, %s.  Second row, with UUID %s, %s.",
		p.table.Name, strings.Join(values, " and "), column, strings.Join(names, " and "), other, x.origin(p.table, other), p.uuid, x.origin(p.table, p.uuid))
}

// origin says where a row comes from.
func (x *Txn) origin(t *tableData, u UUID) string {
	switch p := t.rows[u]; {
	case p == nil:
		return "was inserted by this transaction"
	case x.row(t, u) == p:
		return "existed in the database before this transaction and was not modified by the transaction"
	}
	return "existed in the database before this transaction and was modified by the transaction"
}

// publish replaces the rows. It cannot fail.
func (x *Txn) publish(refs refCounts) {
	for _, p := range x.order {
		t := p.table
		for i, index := range t.Indexes {
			if p.old != nil {
				if k := indexKey(p.old, index); t.indexes[i][k] == p.uuid {
					delete(t.indexes[i], k)
				}
			}
		}
		if p.new == nil {
			delete(t.rows, p.uuid)
		}
	}
	for _, p := range x.order {
		if p.new == nil {
			continue
		}
		p.table.rows[p.uuid] = p.new
		for i, index := range p.table.Indexes {
			p.table.indexes[i][indexKey(p.new, index)] = p.uuid
		}
	}
	for table, m := range refs {
		t := x.db.tables[table]
		for u, n := range m {
			if n += t.refs[u]; n == 0 {
				delete(t.refs, u)
			} else {
				t.refs[u] = n
			}
		}
	}
}
