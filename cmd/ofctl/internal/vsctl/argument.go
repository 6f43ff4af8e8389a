package vsctl

import (
	"fmt"
	"strings"

	"ofswitch/ovsdb"
)

// setting is COLUMN[:KEY] or COLUMN[:KEY]OPERATOR VALUE.
type setting struct {
	column   *ovsdb.Column
	hasKey   bool
	key      string
	operator string
	value    string
}

// Operators of settings.
var (
	noOperators     []string
	assignment      = []string{"="}
	relations       = []string{"=", "!=", "<", ">", "<=", ">=", "{=}", "{!=}", "{<}", "{>}", "{<=}", "{>=}", "{in}", "{not-in}"}
	settingExpected = `%s: argument does not end in %s followed by a value.`
)

// parseSetting reads a setting with one of several operators.
func parseSetting(t *ovsdb.Table, arg string, operators []string) (s setting, err error) {
	name, rest, err := columnName(arg)
	if err != nil {
		return s, err
	}
	if s.column, err = column(t, name); err != nil {
		return s, err
	}
	if strings.HasPrefix(rest, ":") {
		s.hasKey = true
		if s.key, rest, err = ovsdb.Token(rest[1:]); err != nil {
			return s, err
		}
	}
	if len(operators) == 0 {
		if rest != "" {
			return s, fmt.Errorf("%s: trailing garbage %q in argument", arg, rest)
		}
		return s, nil
	}
	for _, o := range operators {
		if strings.HasPrefix(rest, o) && len(rest) > len(o) && len(o) > len(s.operator) {
			s.operator = o
		}
	}
	if s.operator == "" {
		return s, fmt.Errorf(settingExpected, arg, alternatives(operators))
	}
	s.value = rest[len(s.operator):]
	return s, nil
}

// columnName is the word that an argument begins with.
func columnName(arg string) (name, rest string, err error) {
	name, rest, err = ovsdb.Token(arg)
	if err == nil && name == "" {
		err = fmt.Errorf("%s: missing column name", arg)
	}
	return name, rest, err
}

// alternatives lists words for a person: "a", "b", or "c".
func alternatives(words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case len(words) == 2:
			b.WriteString(" or ")
		case i == len(words)-1:
			b.WriteString(", or ")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", w)
	}
	return b.String()
}

// holds says whether a condition holds for a row.
func (r *run) holds(x *row, arg string) (bool, error) {
	s, err := parseSetting(x.table, arg, relations)
	if err != nil {
		return false, err
	}
	t := &s.column.Type
	have := x.get(s.column.Name)
	if !s.hasKey {
		want, err := t.ParseText(s.value, r.names)
		if err != nil {
			return false, err
		}
		return compare(have, want, s.operator), nil
	}
	if !t.IsMap() {
		return false, fmt.Errorf("cannot specify key to check for non-map column %s", s.column.Name)
	}
	key, err := t.Key.ParseText(s.key, r.names)
	if err != nil {
		return false, err
	}
	values := ovsdb.ColumnType{Key: t.Value, Min: t.Min, Max: ovsdb.Unlimited}
	want, err := values.ParseText(s.value, r.names)
	if err != nil {
		return false, err
	}
	v, ok := have.Get(key)
	switch {
	case ok:
		have = ovsdb.Set(v)
	case strings.HasPrefix(s.operator, "{"):
		have = ovsdb.Datum{} // to sets, no key is no element
	default:
		return false, nil
	}
	return compare(have, want, s.operator), nil
}

func compare(a, b ovsdb.Datum, operator string) bool {
	switch operator {
	case "=", "{=}":
		return a.Compare(b) == 0
	case "!=", "{!=}":
		return a.Compare(b) != 0
	case "<":
		return a.Compare(b) < 0
	case ">":
		return a.Compare(b) > 0
	case "<=":
		return a.Compare(b) <= 0
	case ">=":
		return a.Compare(b) >= 0
	case "{<}":
		return a.Len() < b.Len() && b.IncludesAll(a)
	case "{>}":
		return a.Len() > b.Len() && a.IncludesAll(b)
	case "{<=}", "{in}":
		return b.IncludesAll(a)
	case "{>=}":
		return a.IncludesAll(b)
	}
	return a.ExcludesAll(b) // {not-in}
}

// names gives the row of a name such as "@port": what get or create have
// called so, or a row that is to be created by a later command.
func (r *run) names(name string, to *ovsdb.BaseType) ovsdb.UUID {
	s := r.symbol(name)
	switch {
	case to.RefTable == "":
	case to.RefType == ovsdb.Strong:
		s.strong = true
	default:
		s.weak = true
	}
	return s.uuid
}

// symbol is a name for a row.
type symbol struct {
	uuid                  ovsdb.UUID
	created, strong, weak bool
}

func (r *run) symbol(name string) *symbol {
	s := r.symbols[name]
	if s == nil {
		s = &symbol{uuid: ovsdb.NewUUID()}
		r.symbols[name] = s
	}
	return s
}

// define gives a row a name.
func (r *run) define(name string) (*symbol, error) {
	if !strings.HasPrefix(name, "@") {
		return nil, fmt.Errorf("row id %q does not begin with \"@\"", name)
	}
	s := r.symbol(name)
	if s.created {
		return nil, fmt.Errorf("row id %q may only be specified on one --id option", name)
	}
	s.created = true
	return s, nil
}

// setColumn carries out a setting COLUMN[:KEY]=VALUE.
func (r *run) setColumn(x *row, arg string) error {
	s, err := parseSetting(x.table, arg, assignment)
	if err != nil {
		return err
	}
	if err := mutable(x, s.column); err != nil {
		return err
	}
	t, name := &s.column.Type, s.column.Name
	if !s.hasKey {
		d, err := t.ParseText(s.value, r.names)
		if err == nil {
			x.write(name, d)
		}
		return err
	}
	if !t.IsMap() {
		return fmt.Errorf("cannot specify key to set for non-map column %s", name)
	}
	key, err := t.Key.ParseText(s.key, r.names)
	if err != nil {
		return err
	}
	value, err := t.Value.ParseText(s.value, r.names)
	if err != nil {
		return err
	}
	pair := ovsdb.Datum{Keys: []ovsdb.Atom{key}, Values: []ovsdb.Atom{value}}
	x.verify(name)
	x.write(name, pair.Union(x.get(name)))
	return nil
}

// mutable refuses columns that may be set in new rows only.
func mutable(x *row, c *ovsdb.Column) error {
	if !c.Mutable && x.old != nil {
		return fmt.Errorf("cannot modify read-only column %s in table %s", c.Name, x.table.Name)
	}
	return nil
}
