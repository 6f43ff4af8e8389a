package ovsdb

import "slices"

// parseDatum reads a <value> of a column's type and checks its constraints.
// The number of elements is checked against the type's limits.
func (t *ColumnType) parseDatum(j any, names *symbols) (Datum, *Error) {
	return t.parse(j, names, t.Min, t.Max)
}

// parseUnbounded reads a <value> with any number of elements: what a mutation
// or a condition speaks of need not be a value of the column.
func (t *ColumnType) parseUnbounded(j any, names *symbols) (Datum, *Error) {
	return t.parse(j, names, 0, Unlimited)
}

func (t *ColumnType) parse(j any, names *symbols, least, most int) (Datum, *Error) {
	class := "set"
	if t.IsMap() {
		class = "map"
	}
	elements, tagged := tagged(j, class)
	if !tagged {
		if t.IsMap() {
			return Datum{}, syntaxf(j, `expected ["map", [[<key>, <value>] ...]]`)
		}
		elements = []any{j} // a set of one may go without its brackets
	}
	if n := len(elements); n < least || n > most {
		return Datum{}, syntaxf(j, "%s must have %d to %s members but %d are present", class, least, countText(most), n)
	}
	if t.IsMap() {
		return t.parsePairs(j, elements, names)
	}
	d := Datum{Keys: make([]Atom, 0, len(elements))}
	for _, e := range elements {
		a, err := parseAtom(t.Key.Type, e, names)
		if err == nil {
			err = t.Key.check(a)
		}
		if err != nil {
			return Datum{}, err
		}
		d.Keys = append(d.Keys, a)
	}
	if !slices.IsSortedFunc(d.Keys, Atom.Compare) {
		slices.SortFunc(d.Keys, Atom.Compare)
	}
	if n := len(d.Keys); len(slices.Compact(d.Keys)) != n {
		return Datum{}, errorf(ErrOther, "set contains duplicate")
	}
	return d, nil
}

func (t *ColumnType) parsePairs(j any, elements []any, names *symbols) (Datum, *Error) {
	type pair struct{ k, v Atom }
	pairs := make([]pair, 0, len(elements))
	for _, e := range elements {
		kv, ok := e.([]any)
		if !ok || len(kv) != 2 {
			return Datum{}, syntaxf(j, "expected 2-element array")
		}
		k, err := parseAtom(t.Key.Type, kv[0], names)
		if err == nil {
			err = t.Key.check(k)
		}
		if err != nil {
			return Datum{}, err
		}
		v, err := parseAtom(t.Value.Type, kv[1], names)
		if err == nil {
			err = t.Value.check(v)
		}
		if err != nil {
			return Datum{}, err
		}
		pairs = append(pairs, pair{k, v})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return a.k.Compare(b.k) })
	d := Datum{Keys: make([]Atom, len(pairs)), Values: make([]Atom, len(pairs))}
	for i, p := range pairs {
		if i > 0 && p.k == pairs[i-1].k {
			return Datum{}, errorf(ErrOther, "map contains duplicate key")
		}
		d.Keys[i], d.Values[i] = p.k, p.v
	}
	return d, nil
}

// tagged gives the elements of ["set", [...]] or ["map", [...]].
func tagged(j any, class string) (elements []any, ok bool) {
	pair, ok := j.([]any)
	if !ok || len(pair) != 2 || pair[0] != class {
		return nil, false
	}
	elements, ok = pair[1].([]any)
	return elements, ok
}

// appendJSON appends the <value>; a set of one goes without brackets.
func (t *ColumnType) appendJSON(b []byte, d Datum) []byte {
	if t.IsMap() {
		b = append(b, `["map",[`...)
		for i, k := range d.Keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, '[')
			b = k.appendJSON(b)
			b = append(b, ',')
			b = d.Values[i].appendJSON(b)
			b = append(b, ']')
		}
		return append(b, "]]"...)
	}
	if len(d.Keys) == 1 {
		return d.Keys[0].appendJSON(b)
	}
	b = append(b, `["set",[`...)
	for i, k := range d.Keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = k.appendJSON(b)
	}
	return append(b, "]]"...)
}
