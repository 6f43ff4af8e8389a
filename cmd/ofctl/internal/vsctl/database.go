package vsctl

import (
	"fmt"
	"strings"

	"ofswitch/ovsdb"
)

// The database commands: ovs-vsctl(8), "Database Command Syntax".

// needTable needs the table that is named first, and what names its rows.
func needTable(r *run, c *call) error {
	t, err := r.table(c.args[0])
	if err == nil {
		r.needRecord(t)
	}
	return err
}

// needSettings needs the columns of the settings from the i'th argument on.
func needSettings(i int) func(*run, *call) error {
	return func(r *run, c *call) error {
		t, err := r.table(c.args[0])
		if err != nil {
			return err
		}
		r.needRecord(t)
		for _, arg := range c.args[i:] {
			if isUUIDColumn(arg) {
				continue
			}
			name, _, err := columnName(arg)
			if err != nil {
				return err
			}
			col, err := column(t, name)
			if err != nil {
				return err
			}
			r.need(t.Name, col.Name)
		}
		return nil
	}
}

func isUUIDColumn(s string) bool {
	return strings.EqualFold(s, "_uuid") || strings.EqualFold(s, "-uuid")
}

// needColumns needs the columns that the arguments from the i'th to before the
// j'th name.
func needColumns(i, j int) func(*run, *call) error {
	return func(r *run, c *call) error {
		t, err := r.table(c.args[0])
		if err != nil {
			return err
		}
		r.needRecord(t)
		for _, arg := range c.args[i:min(j, len(c.args))] {
			col, err := column(t, arg)
			if err != nil {
				return err
			}
			r.need(t.Name, col.Name)
		}
		return nil
	}
}

// listed are the columns that --columns asks for; nil stands for _uuid.
func listed(c *call, t *ovsdb.Table) ([]*ovsdb.Column, error) {
	if !c.has("--columns") {
		return append([]*ovsdb.Column{nil}, t.Columns...), nil
	}
	var list []*ovsdb.Column
	for _, name := range strings.FieldsFunc(c.options["--columns"], func(r rune) bool { return r == ',' || r == ' ' }) {
		if isUUIDColumn(name) {
			list = append(list, nil)
			continue
		}
		col, err := column(t, name)
		if err != nil {
			return nil, err
		}
		list = append(list, col)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("must specify at least one column name")
	}
	return list, nil
}

// needList needs what list and find print, and find's conditions.
func needList(r *run, c *call) error {
	t, err := r.table(c.args[0])
	if err != nil {
		return err
	}
	columns, err := listed(c, t)
	if err != nil {
		return err
	}
	for _, col := range columns {
		if col != nil {
			r.need(t.Name, col.Name)
		}
	}
	if c.name == "find" {
		return needSettings(1)(r, c)
	}
	return needTable(r, c)
}

// listTable begins the table that list and find print.
func listTable(r *run, c *call) (*ovsdb.Table, []*ovsdb.Column, *table, error) {
	t, err := r.table(c.args[0])
	if err != nil {
		return nil, nil, nil, err
	}
	columns, err := listed(c, t)
	out := &table{}
	for _, col := range columns {
		name := "_uuid"
		if col != nil {
			name = col.Name
		}
		out.headings = append(out.headings, name)
	}
	return t, columns, out, err
}

var uuidType = ovsdb.Scalar(ovsdb.Base(ovsdb.UUIDType))

func (t *table) add(x *row, columns []*ovsdb.Column) {
	cells := make([]cell, len(columns))
	for i, c := range columns {
		if c == nil {
			cells[i] = cell{&uuidType, ovsdb.Set(ovsdb.Ref(x.uuid))}
		} else {
			cells[i] = cell{&c.Type, x.get(c.Name)}
		}
	}
	t.rows = append(t.rows, cells)
}

func list(r *run, c *call) error {
	t, columns, out, err := listTable(r, c)
	if err != nil {
		return err
	}
	r.printed = out
	if len(c.args) == 1 {
		for _, x := range r.txn.all(t.Name) {
			out.add(x, columns)
		}
		return nil
	}
	for _, word := range c.args[1:] {
		x, err := r.record(t, word, !c.has("--if-exists"))
		if err != nil {
			return err
		}
		if x != nil {
			out.add(x, columns)
		}
	}
	return nil
}

func find(r *run, c *call) error {
	t, columns, out, err := listTable(r, c)
	if err != nil {
		return err
	}
	r.printed = out
rows:
	for _, x := range r.txn.all(t.Name) {
		for _, arg := range c.args[1:] {
			ok, err := r.holds(x, arg)
			if err != nil {
				return err
			}
			if !ok {
				continue rows
			}
		}
		out.add(x, columns)
	}
	return nil
}

// named is the row that a command's second argument names; nil: there is none,
// and --if-exists says that there need not be.
func (r *run) named(c *call) (*row, error) {
	t, err := r.table(c.args[0])
	if err != nil {
		return nil, err
	}
	return r.record(t, c.args[1], !c.has("--if-exists"))
}

func get(r *run, c *call) error {
	if c.has("--id") && c.has("--if-exists") {
		return fmt.Errorf("--if-exists and --id may not be specified together")
	}
	x, err := r.named(c)
	if err != nil || x == nil {
		return err
	}
	if c.has("--id") {
		id := c.options["--id"]
		if r.symbols[id] != nil && !r.symbols[id].created {
			return fmt.Errorf("row id %q specified on \"get\" command was used before it was defined", id)
		}
		s, err := r.define(id)
		if err != nil {
			return err
		}
		s.uuid, s.strong = x.uuid, true
	}
	for _, arg := range c.args[2:] {
		if isUUIDColumn(arg) {
			r.println(x.uuid.String())
			continue
		}
		s, err := parseSetting(x.table, arg, noOperators)
		if err != nil {
			return err
		}
		t, name := &s.column.Type, s.column.Name
		x.verify(name)
		d := x.get(name)
		if !s.hasKey {
			r.println(t.Text(d))
			continue
		}
		if !t.IsMap() {
			return fmt.Errorf("cannot specify key to get for non-map column %s", name)
		}
		key, err := t.Key.ParseText(s.key, r.names)
		if err != nil {
			return err
		}
		v, ok := d.Get(key)
		switch {
		case ok:
			r.println(v.Text())
		case c.has("--if-exists"):
			r.println("")
		default:
			return fmt.Errorf("no key \"%s\" in %s record \"%s\" column %s", s.key, x.table.Name, c.args[1], name)
		}
	}
	return nil
}

func set(r *run, c *call) error {
	x, err := r.named(c)
	if err != nil || x == nil {
		return err
	}
	for _, arg := range c.args[2:] {
		if err := r.setColumn(x, arg); err != nil {
			return err
		}
	}
	r.forget()
	return nil
}

func add(r *run, c *call) error {
	return changeColumn(r, c, func(x *row, col *ovsdb.Column) error {
		t := col.Type
		t.Min, t.Max = 1, ovsdb.Unlimited
		var arg ovsdb.Datum
		for _, s := range c.args[3:] {
			d, err := t.ParseText(s, r.names)
			if err != nil {
				return err
			}
			arg = arg.Union(d)
		}
		d := x.get(col.Name)
		if col.Type.IsMap() {
			// A pair replaces one with the same key.
			keys := ovsdb.Datum{Keys: arg.Keys}
			d = d.Subtract(keys)
			x.mutate(col.Name, "delete", keys, d)
		}
		x.mutate(col.Name, "insert", arg, d.Union(arg))
		return nil
	})
}

func remove(r *run, c *call) error {
	return changeColumn(r, c, func(x *row, col *ovsdb.Column) error {
		t := col.Type
		t.Min, t.Max = 1, ovsdb.Unlimited
		keys := t
		keys.Value = ovsdb.BaseType{}
		d := x.get(col.Name)
		for _, s := range c.args[3:] {
			arg, err := t.ParseText(s, r.names)
			if err != nil && t.IsMap() {
				arg, err = keys.ParseText(s, r.names)
			}
			if err != nil {
				return err
			}
			if d = d.Subtract(arg); d.Len() < col.Type.Min {
				return fmt.Errorf("\"remove\" operation would put %d %s in column %s of table %s but the minimum number is %d",
					d.Len(), elementsOf(col), col.Name, x.table.Name, col.Type.Min)
			}
			x.mutate(col.Name, "delete", arg, d)
		}
		return nil
	})
}

func elementsOf(c *ovsdb.Column) string {
	if c.Type.IsMap() {
		return "pairs"
	}
	return "values"
}

// changeColumn calls change for the column that a command's third argument
// names.
func changeColumn(r *run, c *call, change func(*row, *ovsdb.Column) error) error {
	t, err := r.table(c.args[0])
	if err != nil {
		return err
	}
	col, err := column(t, c.args[2])
	if err != nil {
		return err
	}
	x, err := r.named(c)
	if err != nil || x == nil {
		return err
	}
	if err := mutable(x, col); err != nil {
		return err
	}
	r.forget()
	return change(x, col)
}

func clearColumns(r *run, c *call) error {
	x, err := r.named(c)
	if err != nil || x == nil {
		return err
	}
	for _, arg := range c.args[2:] {
		col, err := column(x.table, arg)
		if err != nil {
			return err
		}
		if err := mutable(x, col); err != nil {
			return err
		}
		if col.Type.Min > 0 {
			return fmt.Errorf("\"clear\" operation cannot be applied to column %s of table %s, which is not allowed to be empty", col.Name, x.table.Name)
		}
		x.write(col.Name, ovsdb.Datum{})
	}
	r.forget()
	return nil
}

func needCreate(r *run, c *call) error {
	t, err := r.table(c.args[0])
	if err != nil {
		return err
	}
	if !c.has("--id") && !t.IsRoot {
		r.warn("applying \"create\" command to table %s without --id option will have no effect", t.Name)
	}
	r.need(t.Name)
	return nil
}

func create(r *run, c *call) error {
	t, err := r.table(c.args[0])
	if err != nil {
		return err
	}
	var u ovsdb.UUID
	fixed := false
	if id := c.options["--id"]; c.has("--id") {
		if u, fixed = ovsdb.ParseUUID(id); !fixed {
			s, err := r.define(id)
			if err != nil {
				return err
			}
			s.strong = s.strong || t.IsRoot // such rows need no reference
			u = s.uuid
		}
	}
	x := r.txn.insert(t.Name, u, fixed)
	for _, arg := range c.args[1:] {
		if err := r.setColumn(x, arg); err != nil {
			return err
		}
	}
	r.created = x
	return nil
}

func destroy(r *run, c *call) error {
	t, err := r.table(c.args[0])
	if err != nil {
		return err
	}
	all, records := c.has("--all"), c.args[1:]
	switch {
	case all && len(records) > 0:
		return fmt.Errorf("--all and records argument should not be specified together")
	case all && c.has("--if-exists"):
		return fmt.Errorf("--all and --if-exists should not be specified together")
	case !all && len(records) == 0:
		r.warn("either --all or records argument should be specified")
	}
	if all {
		for _, x := range r.txn.all(t.Name) {
			r.txn.remove(x)
		}
	}
	for _, word := range records {
		x, err := r.record(t, word, !c.has("--if-exists"))
		if err != nil {
			return err
		}
		if x != nil {
			r.txn.remove(x)
		}
	}
	r.forget()
	return nil
}

func waitUntil(r *run, c *call) error {
	t, err := r.table(c.args[0])
	if err != nil {
		return err
	}
	x, err := r.record(t, c.args[1], false)
	if err != nil {
		return err
	}
	if x == nil {
		return errNotYet
	}
	for _, arg := range c.args[2:] {
		ok, err := r.holds(x, arg)
		if err != nil {
			return err
		}
		if !ok {
			return errNotYet
		}
	}
	return nil
}
