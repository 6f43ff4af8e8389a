package ovsdb

import (
	"math"
	"slices"
)

// mutation changes a column relative to what it is (RFC 7047 §5.1, <mutation>).
type mutation struct {
	column *Column
	op     string
	arg    Datum
}

// parseMutations reads the mutations of an operation.
func (t *Table) parseMutations(list []any, names *symbols) ([]mutation, *Error) {
	ms := make([]mutation, 0, len(list))
	for _, j := range list {
		m, err := t.parseMutation(j, names)
		if err != nil {
			return nil, err
		}
		ms = append(ms, m)
	}
	return ms, nil
}

func (t *Table) parseMutation(j any, names *symbols) (mutation, *Error) {
	a, ok := j.([]any)
	if !ok || len(a) != 3 {
		return mutation{}, syntaxf(j, "parse error in mutation: it is [<column>, <mutator>, <value>]")
	}
	name, ok1 := a[0].(string)
	op, ok2 := a[1].(string)
	if !ok1 || !ok2 {
		return mutation{}, syntaxf(j, "parse error in mutation: it is [<column>, <mutator>, <value>]")
	}
	col := t.Column(name)
	if col == nil {
		return mutation{}, unknownColumn(j, t, name)
	}
	if !col.Mutable {
		return mutation{}, syntaxTagged(j, ErrConstraint, "Cannot mutate immutable column %s in table %s.", name, t.Name)
	}
	m := mutation{column: col, op: op}
	var err *Error
	switch op {
	case "+=", "-=", "*=", "/=", "%=":
		number := col.Type.Key.Type == Integer || col.Type.Key.Type == Real && op != "%="
		if !number || col.Type.IsMap() {
			return m, m.mismatch(j, t)
		}
		scalar := Scalar(Base(col.Type.Key.Type))
		m.arg, err = scalar.parseDatum(a[2], names)
	case "insert":
		if col.Type.IsScalar() {
			return m, m.mismatch(j, t)
		}
		m.arg, err = col.Type.parse(a[2], names, 0, col.Type.Max)
	case "delete":
		if col.Type.IsScalar() {
			return m, m.mismatch(j, t)
		}
		m.arg, err = col.Type.parseUnbounded(a[2], names)
		if err != nil && col.Type.IsMap() {
			keys := SetOf(col.Type.Key) // they go whatever their values
			m.arg, err = keys.parseUnbounded(a[2], names)
		}
	default:
		return m, errorf(ErrUnknownMutator, "No mutator named %s.", op)
	}
	return m, err
}

func (m *mutation) mismatch(j any, t *Table) *Error {
	return syntaxf(j, "Type mismatch: \"%s\" operator may not be applied to column %s of type %s.", m.op, m.column.Name, m.column.Type.english())
}

// apply gives the column's new value, checked against its type.
func (m *mutation) apply(d Datum) (Datum, *Error) {
	t := &m.column.Type
	switch m.op {
	case "insert":
		d = d.Union(m.arg)
		return d, t.checkCount(d)
	case "delete":
		d = d.Subtract(m.arg)
		return d, t.checkCount(d)
	}
	keys := make([]Atom, len(d.Keys))
	for i, k := range d.Keys {
		a, err := arithmetic(m.op, k, m.arg.Keys[0])
		if err == nil {
			err = t.Key.check(a)
		}
		if err != nil {
			return d, err
		}
		keys[i] = a
	}
	slices.SortFunc(keys, Atom.Compare)
	if n := len(keys); len(slices.Compact(keys)) != n {
		return d, errorf(ErrConstraint, "result of the mutator %q is a set with duplicates", m.op)
	}
	return Datum{Keys: keys}, nil
}

// arithmetic is a op b of two numbers of one type.
func arithmetic(op string, a, b Atom) (Atom, *Error) {
	if (op == "/=" || op == "%=") && b == defaultAtom(b.Type) {
		return a, errorf(ErrDomain, "division by zero")
	}
	if a.Type == Real {
		return realArithmetic(op, a.Real, b.Real)
	}
	x, y := a.Int, b.Int
	overflow := false
	var v int64
	switch op {
	case "+=":
		v = x + y
		overflow = (v > x) != (y > 0) && y != 0
	case "-=":
		v = x - y
		overflow = (v < x) != (y > 0) && y != 0
	case "*=":
		v = x * y
		overflow = x != 0 && (v/x != y || x == -1 && y == math.MinInt64)
	case "/=":
		overflow = x == math.MinInt64 && y == -1
		if !overflow {
			v = x / y
		}
	case "%=":
		if y != -1 { // the processor divides, and would overflow
			v = x % y
		}
	}
	if overflow {
		return a, errorf(ErrRange, "result of the mutator %q on %d and %d is out of range", op, x, y)
	}
	return Int(v), nil
}

func realArithmetic(op string, x, y float64) (Atom, *Error) {
	var v float64
	switch op {
	case "+=":
		v = x + y
	case "-=":
		v = x - y
	case "*=":
		v = x * y
	case "/=":
		v = x / y
	}
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return Atom{}, errorf(ErrRange, "result of the mutator %q on %s and %s is out of range", op, formatReal(x), formatReal(y))
	}
	return RealAtom(v), nil
}
