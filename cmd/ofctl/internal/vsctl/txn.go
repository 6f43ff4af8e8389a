package vsctl

import (
	"bytes"
	"slices"
	"strings"

	"ofswitch/ovsdb"
)

// txn is what the commands have done so far, laid over a copy of the database.
type txn struct {
	db       *ovsdb.Database
	schema   *ovsdb.Schema // ours
	rows     map[ovsdb.UUID]*row
	inserted []*row
	order    []*row // all that were touched
}

// row is a row that a command has looked at or made.
type row struct {
	table     *ovsdb.Table
	uuid      ovsdb.UUID   // of a new row: its name until it is committed, or what it is to be
	fixed     bool         // it is to be
	old       *ovsdb.Row   // nil: new
	oldTable  *ovsdb.Table // of old, as the server has it
	written   ovsdb.Values
	mutations map[string][]ovsdb.Mutation // instead of what is written, by column
	verified  map[string]bool
	deleted   bool
}

func newTxn(db *ovsdb.Database, schema *ovsdb.Schema) *txn {
	return &txn{db: db, schema: schema, rows: make(map[ovsdb.UUID]*row)}
}

func (t *txn) touch(r *row) *row {
	r.written = make(ovsdb.Values)
	r.mutations = make(map[string][]ovsdb.Mutation)
	r.verified = make(map[string]bool)
	t.rows[r.uuid] = r
	t.order = append(t.order, r)
	return r
}

// row is a row of a table; nil: there is none.
func (t *txn) row(table string, u ovsdb.UUID) *row {
	if r := t.rows[u]; r != nil {
		if r.deleted || r.table.Name != table {
			return nil
		}
		return r
	}
	old := t.db.Row(table, u)
	if old == nil {
		return nil
	}
	return t.touch(&row{table: t.schema.Tables[table], uuid: u, old: old, oldTable: t.db.Schema().Tables[table]})
}

// all are the rows of a table by UUID.
func (t *txn) all(table string) []*row {
	var list []*row
	t.db.Each(table, func(old *ovsdb.Row) bool {
		if r := t.row(table, old.UUID); r != nil {
			list = append(list, r)
		}
		return true
	})
	for _, r := range t.inserted {
		if r.table.Name == table && !r.deleted {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *row) int { return bytes.Compare(a.uuid[:], b.uuid[:]) })
	return list
}

// first is the row of a table that has one at most.
func (t *txn) first(table string) *row {
	if list := t.all(table); len(list) > 0 {
		return list[0]
	}
	return nil
}

// insert makes a row. u is the UUID that it is to have; zero: any.
func (t *txn) insert(table string, u ovsdb.UUID, fixed bool) *row {
	if u.IsZero() {
		u = ovsdb.NewUUID()
	}
	r := t.touch(&row{table: t.schema.Tables[table], uuid: u, fixed: fixed})
	t.inserted = append(t.inserted, r)
	return r
}

// remove deletes a row. Whether it goes from the database is the server's
// decision, unless its table is a root: others go when nothing refers to them.
func (t *txn) remove(r *row) { r.deleted = true }

// get is the value of a column as the transaction leaves it.
func (r *row) get(column string) ovsdb.Datum {
	if d, ok := r.written[column]; ok {
		return d
	}
	c := r.table.Column(column)
	if r.old == nil {
		return c.Type.Default()
	}
	return r.was(c)
}

// was is the value of a column in the copy.
func (r *row) was(c *ovsdb.Column) ovsdb.Datum {
	d := r.old.Get(r.oldTable.Column(c.Name))
	if d.Len() < c.Type.Min { // the server's schema does not have it
		return c.Type.Default()
	}
	return d
}

func (r *row) str(column string) string {
	if d := r.get(column); d.Len() > 0 {
		return d.Keys[0].Str
	}
	return ""
}

func (r *row) refs(column string) []ovsdb.UUID {
	var list []ovsdb.UUID
	for _, k := range r.get(column).Keys {
		list = append(list, k.UUID)
	}
	return list
}

// verify makes the transaction rest upon a column: it fails if somebody else
// changes it before.
func (r *row) verify(columns ...string) {
	for _, c := range columns {
		if r.old != nil {
			r.verified[c] = true
		}
	}
}

// write sets a column.
func (r *row) write(column string, d ovsdb.Datum) {
	delete(r.mutations, column)
	r.written[column] = d
}

func (r *row) writeRefs(column string, list ...ovsdb.UUID) {
	atoms := make([]ovsdb.Atom, len(list))
	for i, u := range list {
		atoms[i] = ovsdb.Ref(u)
	}
	r.write(column, ovsdb.Set(atoms...))
}

func (r *row) addRef(column string, u ovsdb.UUID) {
	r.write(column, r.get(column).Union(ovsdb.Set(ovsdb.Ref(u))))
}

func (r *row) removeRef(column string, u ovsdb.UUID) {
	r.write(column, r.get(column).Subtract(ovsdb.Set(ovsdb.Ref(u))))
}

// mutate changes a column to d by what is added or taken out alone, so that
// others may do so at the same time.
func (r *row) mutate(column, mutator string, arg, d ovsdb.Datum) {
	_, whole := r.written[column]
	whole = whole && len(r.mutations[column]) == 0
	r.written[column] = d
	if r.old != nil && !whole {
		r.mutations[column] = append(r.mutations[column], ovsdb.Mutation{Column: column, Mutator: mutator, Value: arg})
	}
}

// operations are what the transaction asks the server for, and the rows whose
// insertion each of them is, if any. changed says whether it changes anything.
func (t *txn) operations() (ops []ovsdb.Operation, made []*row, changed bool) {
	for _, r := range t.order {
		if len(r.verified) == 0 {
			continue
		}
		var names []string
		values := make(ovsdb.Values)
		for _, c := range r.table.Columns {
			if r.verified[c.Name] {
				names = append(names, c.Name)
				values[c.Name] = r.was(c)
			}
		}
		ops = append(ops, ovsdb.Wait(r.table.Name, ovsdb.ByUUID(r.uuid), names, "==", 0, values))
	}
	for _, r := range t.order {
		switch {
		case r.old == nil && !r.deleted:
			values := make(ovsdb.Values)
			for name, d := range r.written {
				if c := r.table.Column(name); !c.Type.IsDefault(d) {
					values[name] = t.named(d)
				}
			}
			for len(made) < len(ops) {
				made = append(made, nil)
			}
			made = append(made, r)
			if r.fixed {
				ops = append(ops, ovsdb.InsertAs(r.table.Name, r.uuid, values))
			} else {
				ops = append(ops, ovsdb.Insert(r.table.Name, nameOf(r.uuid), values))
			}
			changed = true
		case r.old != nil && r.deleted && r.table.IsRoot:
			ops = append(ops, ovsdb.Delete(r.table.Name, ovsdb.ByUUID(r.uuid)))
			changed = true
		case r.old != nil && !r.deleted && len(r.written) > 0:
			values := make(ovsdb.Values)
			var mutations []ovsdb.Mutation
			for _, c := range r.table.Columns {
				d, ok := r.written[c.Name]
				if !ok {
					continue
				}
				changed = changed || !d.Equal(r.was(c))
				if list := r.mutations[c.Name]; list != nil {
					for _, m := range list {
						m.Value = t.named(m.Value)
						mutations = append(mutations, m)
					}
				} else {
					values[c.Name] = t.named(d)
				}
			}
			if len(values) > 0 {
				ops = append(ops, ovsdb.Update(r.table.Name, ovsdb.ByUUID(r.uuid), values))
			}
			if len(mutations) > 0 {
				ops = append(ops, ovsdb.Mutate(r.table.Name, ovsdb.ByUUID(r.uuid), mutations...))
			}
		}
	}
	return ops, made, changed
}

// where names a row, which may be new.
func (t *txn) where(r *row) []ovsdb.Clause {
	return ovsdb.Where("_uuid", "==", t.named(ovsdb.Set(ovsdb.Ref(r.uuid))))
}

// nameOf is what a new row is called in the transaction.
func nameOf(u ovsdb.UUID) string { return "row" + strings.ReplaceAll(u.String(), "-", "_") }

// named is a value whose references to new rows are by name.
func (t *txn) named(d ovsdb.Datum) ovsdb.Datum {
	d.Keys, d.Values = t.namedAtoms(d.Keys), t.namedAtoms(d.Values)
	return d
}

func (t *txn) namedAtoms(atoms []ovsdb.Atom) []ovsdb.Atom {
	cloned := false
	for i, a := range atoms {
		if a.Type != ovsdb.UUIDType {
			return atoms
		}
		if r := t.rows[a.UUID]; r != nil && r.old == nil && !r.fixed {
			if !cloned {
				atoms, cloned = slices.Clone(atoms), true
			}
			atoms[i] = ovsdb.NamedRef(nameOf(a.UUID))
		}
	}
	return atoms
}
