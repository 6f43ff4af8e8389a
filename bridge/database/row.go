package database

import (
	"iter"

	"ofswitch/ovsdb"
)

// view is a database as the switch reads it. A column or table that its schema
// does not have, since it is an older one, is empty.
type view struct{ db *ovsdb.Database }

// row is a row with its table.
type row struct {
	*ovsdb.Row
	table *ovsdb.Table
}

// openVSwitch is the one row of table Open_vSwitch.
func (v view) openVSwitch() (root row, ok bool) {
	t := v.db.Schema().Tables["Open_vSwitch"]
	v.db.Each("Open_vSwitch", func(r *ovsdb.Row) bool {
		root, ok = row{r, t}, true
		return false
	})
	return root, ok
}

// refs are the rows of a table that a column refers to, in the order of their
// UUIDs.
func (v view) refs(r row, column, table string) []row {
	keys := r.datum(column).Keys
	t := v.db.Schema().Tables[table]
	rows := make([]row, 0, len(keys))
	for _, k := range keys {
		if to := v.db.Row(table, k.UUID); to != nil {
			rows = append(rows, row{to, t})
		}
	}
	return rows
}

// refMap goes through a map to rows of a table, in the order of its keys.
func (v view) refMap(r row, column, table string) iter.Seq2[ovsdb.Atom, row] {
	d := r.datum(column)
	t := v.db.Schema().Tables[table]
	return func(yield func(ovsdb.Atom, row) bool) {
		for i, k := range d.Keys {
			if i >= len(d.Values) {
				return // no map: the schema is not ours
			}
			to := v.db.Row(table, d.Values[i].UUID)
			if to != nil && !yield(k, row{to, t}) {
				return
			}
		}
	}
}

// ref is the row that a column refers to, if it does.
func (v view) ref(r row, column, table string) (row, bool) {
	if rows := v.refs(r, column, table); len(rows) > 0 {
		return rows[0], true
	}
	return row{}, false
}

// datum is the value of a column.
func (r row) datum(column string) ovsdb.Datum {
	c := r.table.Column(column)
	if c == nil {
		return ovsdb.Datum{}
	}
	return r.Get(c)
}

// empty says whether nothing, an empty string, 0 or false is in a column.
func (r row) empty(column string) bool {
	d := r.datum(column)
	switch len(d.Keys) {
	case 0:
		return true
	case 1:
		k := d.Keys[0]
		return d.Values == nil && k.Type != ovsdb.UUIDType && k.Int == 0 && k.Str == ""
	}
	return false
}

// text is the string in a column, "" if there is none.
func (r row) text(column string) string {
	if d := r.datum(column); len(d.Keys) > 0 {
		return d.Keys[0].Str
	}
	return ""
}

// number is the integer in a column.
func (r row) number(column string) (n int64, ok bool) {
	if d := r.datum(column); len(d.Keys) > 0 {
		return d.Keys[0].Int, true
	}
	return 0, false
}

// flag is the boolean in a column.
func (r row) flag(column string) bool {
	n, _ := r.number(column)
	return n != 0
}

// texts are the strings in a column, nil if there are none.
func (r row) texts(column string) []string {
	var list []string
	for _, k := range r.datum(column).Keys {
		list = append(list, k.Str)
	}
	return list
}

// vlans are the integers in a column, nil if there are none.
func (r row) vlans(column string) []uint16 {
	var list []uint16
	for _, k := range r.datum(column).Keys {
		list = append(list, uint16(k.Int))
	}
	return list
}

// pairs are the map in a column, nil if it is empty.
func (r row) pairs(column string) map[string]string {
	d := r.datum(column)
	if d.Len() == 0 {
		return nil
	}
	return d.StringMap()
}
