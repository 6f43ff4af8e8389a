package ovsdb

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
)

// ParseSchema reads a <database-schema>.
func ParseSchema(text []byte) (*Schema, error) {
	j, err := decodeJSON(text)
	if err != nil {
		return nil, errorf(ErrSyntax, "the schema is not valid JSON: %v", err)
	}
	s, bad := parseSchema(j)
	if bad != nil {
		return nil, bad
	}
	return s, nil
}

// decodeJSON reads one value, numbers as they are written.
func decodeJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var j any
	err := d.Decode(&j)
	return j, err
}

func parseSchema(j any) (*Schema, *Error) {
	o := newObject(j, "a database schema")
	s := &Schema{
		Name:    o.str("name"),
		Version: o.optStr("version"),
		Cksum:   o.optStr("cksum"),
		Tables:  make(map[string]*Table),
	}
	tables := o.obj("tables")
	if err := o.finish(); err != nil {
		return nil, err
	}
	for name, tj := range tables {
		t, err := parseTable(name, tj)
		if err != nil {
			return nil, err
		}
		s.Tables[name] = t
	}
	if !s.hasRoots() {
		for _, t := range s.Tables {
			t.IsRoot = true
		}
	}
	return s, s.check()
}

func parseTable(name string, j any) (*Table, *Error) {
	o := newObject(j, "a table schema")
	columns := o.obj("columns")
	maxRows, hasMax := o.optInt("maxRows")
	isRoot := o.optBool("isRoot", false)
	indexes, _ := o.opt("indexes").([]any)
	if err := o.finish(); err != nil {
		return nil, err
	}
	list := make([]*Column, 0, len(columns))
	for cname, cj := range columns {
		c, err := parseColumn(cname, cj)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	t := NewTable(name, list...)
	t.IsRoot = isRoot
	if hasMax {
		if maxRows < 1 || maxRows > math.MaxUint32 {
			return nil, syntaxf(j, "maxRows must be at least 1")
		}
		t.MaxRows = int(maxRows)
	}
	for _, ij := range indexes {
		index, err := t.parseColumnSet(ij)
		if err != nil {
			return nil, err
		}
		for _, c := range index {
			if c.Index < 0 || c.Ephemeral {
				return nil, syntaxf(ij, "ephemeral columns such as %s may not be indexed", c.Name)
			}
		}
		t.Indexes = append(t.Indexes, index)
	}
	return t, nil
}

// parseColumnSet reads an array of column names.
func (t *Table) parseColumnSet(j any) ([]*Column, *Error) {
	names, ok := j.([]any)
	if !ok {
		return nil, syntaxf(j, "array of distinct column names expected")
	}
	var list []*Column
	for _, n := range names {
		name, ok := n.(string)
		if !ok {
			return nil, syntaxf(j, "array of distinct column names expected")
		}
		c := t.Column(name)
		if c == nil || slices.Contains(list, c) {
			return nil, syntaxf(j, "array of distinct column names expected")
		}
		list = append(list, c)
	}
	return list, nil
}

func parseColumn(name string, j any) (*Column, *Error) {
	o := newObject(j, "schema for column "+name)
	c := &Column{Name: name, Ephemeral: o.optBool("ephemeral", false), Mutable: o.optBool("mutable", true)}
	tj := o.need("type")
	if err := o.finish(); err != nil {
		return nil, err
	}
	t, err := parseColumnType(tj)
	c.Type = t
	return c, err
}

func parseColumnType(j any) (ColumnType, *Error) {
	if _, isName := j.(string); isName {
		b, err := parseBaseType(j)
		return Scalar(b), err
	}
	o := newObject(j, "a type")
	kj, vj := o.need("key"), o.opt("value")
	least, hasMin := o.optInt("min")
	maxJ := o.opt("max")
	if err := o.finish(); err != nil {
		return ColumnType{}, err
	}
	t := ColumnType{Min: 1, Max: 1}
	var err *Error
	if t.Key, err = parseBaseType(kj); err != nil {
		return t, err
	}
	if vj != nil {
		if t.Value, err = parseBaseType(vj); err != nil {
			return t, err
		}
	}
	if hasMin {
		if least != 0 && least != 1 {
			return t, syntaxf(j, "min must be 0 or 1")
		}
		t.Min = int(least)
	}
	switch m := maxJ.(type) {
	case nil:
	case string:
		if m != "unlimited" {
			return t, syntaxf(j, `max must be a number of at least 1 or "unlimited"`)
		}
		t.Max = Unlimited
	case json.Number:
		n, ok := parseInteger(m)
		if !ok || n < 1 || n > math.MaxUint32 {
			return t, syntaxf(j, `max must be a number of at least 1 or "unlimited"`)
		}
		t.Max = int(n)
	default:
		return t, syntaxf(j, `max must be a number of at least 1 or "unlimited"`)
	}
	return t, nil
}

func parseBaseType(j any) (BaseType, *Error) {
	if name, ok := j.(string); ok {
		t, known := atomTypeByName(name)
		if !known {
			return BaseType{}, syntaxf(j, "%q is not an atomic-type", name)
		}
		return Base(t), nil
	}
	o := newObject(j, "a base type")
	name := o.str("type")
	t, known := atomTypeByName(name)
	if o.err == nil && !known {
		return BaseType{}, syntaxf(j, "%q is not an atomic-type", name)
	}
	b := Base(t)
	enum := o.opt("enum")
	if t == Integer && enum == nil {
		if v, ok := o.optInt("minInteger"); ok {
			b.MinInt = v
		}
		if v, ok := o.optInt("maxInteger"); ok {
			b.MaxInt = v
		}
		if b.MinInt > b.MaxInt {
			return b, syntaxf(j, "minInteger exceeds maxInteger")
		}
	}
	if t == Real && enum == nil {
		if v, ok := o.optReal("minReal"); ok {
			b.MinReal = v
		}
		if v, ok := o.optReal("maxReal"); ok {
			b.MaxReal = v
		}
		if b.MinReal > b.MaxReal {
			return b, syntaxf(j, "minReal exceeds maxReal")
		}
	}
	if t == String && enum == nil {
		if v, ok := o.optInt("minLength"); ok {
			b.MinLen = int(v)
		}
		if v, ok := o.optInt("maxLength"); ok {
			b.MaxLen = int(v)
		}
		if b.MinLen < 0 || b.MinLen > b.MaxLen {
			return b, syntaxf(j, "minLength exceeds maxLength or is negative")
		}
	}
	if t == UUIDType {
		b.RefTable = o.optStr("refTable")
		if b.RefTable != "" {
			switch kind := o.optStr("refType"); kind {
			case "", "strong":
			case "weak":
				b.RefType = Weak
			default:
				return b, syntaxf(j, `refType must be "strong" or "weak" (not %q)`, kind)
			}
		}
	}
	if err := o.finish(); err != nil {
		return b, err
	}
	if enum != nil {
		plain := ColumnType{Key: Base(t), Min: 1, Max: Unlimited}
		d, err := plain.parseDatum(enum, nil)
		if err != nil {
			return b, err
		}
		b.Enum = &d
	}
	return b, nil
}

// MarshalJSON writes the <database-schema> in ovsdb-server's form: the
// shortest, with names in order.
func (s *Schema) MarshalJSON() ([]byte, error) {
	var w jsonWriter
	w.open('{')
	if s.Cksum != "" {
		w.field("cksum").str(s.Cksum)
	}
	w.field("name").str(s.Name)
	w.field("tables").open('{')
	rooted := false
	for _, t := range s.Tables {
		rooted = rooted || !t.IsRoot
	}
	for _, name := range s.tableNames() {
		s.Tables[name].write(w.field(name), rooted)
	}
	w.close('}')
	if s.Version != "" {
		w.field("version").str(s.Version)
	}
	w.close('}')
	return w.b, nil
}

func (t *Table) write(w *jsonWriter, rooted bool) {
	w.open('{')
	w.field("columns").open('{')
	for _, c := range t.Columns {
		w.field(c.Name).open('{')
		if c.Ephemeral {
			w.field("ephemeral").raw("true")
		}
		if !c.Mutable {
			w.field("mutable").raw("false")
		}
		c.Type.write(w.field("type"))
		w.close('}')
	}
	w.close('}')
	if len(t.Indexes) > 0 {
		w.field("indexes").open('[')
		for _, index := range t.Indexes {
			w.open('[')
			for _, c := range index {
				w.str(c.Name)
			}
			w.close(']')
		}
		w.close(']')
	}
	if t.IsRoot && rooted {
		w.field("isRoot").raw("true")
	}
	if t.MaxRows != Unlimited {
		w.field("maxRows").raw(strconv.Itoa(t.MaxRows))
	}
	w.close('}')
}

func (t *ColumnType) write(w *jsonWriter) {
	if t.IsScalar() && t.Key.isPlain() {
		w.str(t.Key.Type.String())
		return
	}
	w.open('{')
	t.Key.write(w.field("key"))
	switch {
	case t.Max == Unlimited:
		w.field("max").str("unlimited")
	case t.Max != 1:
		w.field("max").raw(strconv.Itoa(t.Max))
	}
	if t.Min != 1 {
		w.field("min").raw(strconv.Itoa(t.Min))
	}
	if t.IsMap() {
		t.Value.write(w.field("value"))
	}
	w.close('}')
}

// isPlain says whether it has no constraint.
func (b *BaseType) isPlain() bool {
	p := Base(b.Type)
	return b.Enum == nil && b.RefTable == "" && b.MinInt == p.MinInt && b.MaxInt == p.MaxInt &&
		b.MinReal == p.MinReal && b.MaxReal == p.MaxReal && b.MinLen == 0 && b.MaxLen == p.MaxLen
}

func (b *BaseType) write(w *jsonWriter) {
	if b.isPlain() {
		w.str(b.Type.String())
		return
	}
	w.open('{')
	if b.Enum != nil {
		t := ColumnType{Key: Base(b.Type), Max: Unlimited}
		w.field("enum").raw(string(t.appendJSON(nil, *b.Enum)))
	}
	number := func(name string, set bool, text string) {
		if set {
			w.field(name).raw(text)
		}
	}
	number("maxInteger", b.MaxInt != math.MaxInt64, strconv.FormatInt(b.MaxInt, 10))
	number("maxLength", b.MaxLen != math.MaxInt, strconv.Itoa(b.MaxLen))
	number("maxReal", !math.IsInf(b.MaxReal, 1), formatReal(b.MaxReal))
	number("minInteger", b.MinInt != math.MinInt64, strconv.FormatInt(b.MinInt, 10))
	number("minLength", b.MinLen != 0, strconv.Itoa(b.MinLen))
	number("minReal", !math.IsInf(b.MinReal, -1), formatReal(b.MinReal))
	if b.RefTable != "" {
		w.field("refTable").str(b.RefTable)
		if b.RefType == Weak {
			w.field("refType").str("weak")
		}
	}
	w.field("type").str(b.Type.String())
	w.close('}')
}
