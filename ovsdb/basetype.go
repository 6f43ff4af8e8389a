package ovsdb

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// RefType says what a reference does for the row that it names.
type RefType uint8

// Kinds of reference (RFC 7047 §3.2).
const (
	Strong RefType = iota // the row stays, and must be there
	Weak                  // goes when the row goes
)

// BaseType is the type of the keys or values of a column (RFC 7047 §3.2,
// <base-type>): an atomic type with constraints.
type BaseType struct {
	Type AtomType
	Enum *Datum // the allowed values; nil: any

	MinInt, MaxInt   int64   // Integer
	MinReal, MaxReal float64 // Real
	MinLen, MaxLen   int     // String, in characters

	RefTable string // UUIDType: the table referred to; empty: none
	RefType  RefType
}

// Base is a base type without constraints.
func Base(t AtomType) BaseType {
	return BaseType{Type: t, MinInt: math.MinInt64, MaxInt: math.MaxInt64,
		MinReal: math.Inf(-1), MaxReal: math.Inf(1), MaxLen: math.MaxInt}
}

// check refuses an atom that breaks a constraint.
func (b *BaseType) check(a Atom) *Error {
	if b.Enum != nil {
		if !b.Enum.Has(a) {
			return errorf(ErrConstraint, "%s is not one of the allowed values (%s)", a.Text(), anySet.Text(*b.Enum))
		}
		return nil
	}
	switch a.Type {
	case Integer:
		return b.checkRange(a.Int < b.MinInt, a.Int > b.MaxInt, b.MinInt != math.MinInt64, b.MaxInt != math.MaxInt64,
			fmt.Sprint(a.Int), fmt.Sprint(b.MinInt), fmt.Sprint(b.MaxInt))
	case Real:
		return b.checkRange(a.Real < b.MinReal, a.Real > b.MaxReal, !math.IsInf(b.MinReal, -1), !math.IsInf(b.MaxReal, 1),
			formatReal(a.Real), formatReal(b.MinReal), formatReal(b.MaxReal))
	case String:
		n := utf8.RuneCountInString(a.Str)
		switch {
		case n < b.MinLen:
			return errorf(ErrConstraint, "%s length %d is less than minimum allowed length %d", quoteAtom(a), n, b.MinLen)
		case n > b.MaxLen:
			return errorf(ErrConstraint, "%s length %d is greater than maximum allowed length %d", quoteAtom(a), n, b.MaxLen)
		}
	}
	return nil
}

func (b *BaseType) checkRange(low, high, hasMin, hasMax bool, v, least, most string) *Error {
	switch {
	case !low && !high:
		return nil
	case hasMin && hasMax:
		return errorf(ErrConstraint, "%s is not in the valid range %s to %s (inclusive)", v, least, most)
	case low:
		return errorf(ErrConstraint, "%s is less than minimum allowed value %s", v, least)
	}
	return errorf(ErrConstraint, "%s is greater than maximum allowed value %s", v, most)
}

func quoteAtom(a Atom) string {
	if a.Type == String {
		return string(appendString(nil, a.Str))
	}
	return a.String()
}

// Unlimited is the Max of a column with any number of elements.
const Unlimited = math.MaxInt

// ColumnType is the type of a column (RFC 7047 §3.2, <type>).
type ColumnType struct {
	Key      BaseType
	Value    BaseType // Type Void: a set
	Min, Max int      // elements
}

// Scalar is the type of columns with exactly one value.
func Scalar(b BaseType) ColumnType { return ColumnType{Key: b, Min: 1, Max: 1} }

// Optional is the type of columns with one value or none.
func Optional(b BaseType) ColumnType { return ColumnType{Key: b, Max: 1} }

// SetOf is the type of columns with any number of values.
func SetOf(b BaseType) ColumnType { return ColumnType{Key: b, Max: Unlimited} }

// MapOf is the type of columns with any number of pairs.
func MapOf(k, v BaseType) ColumnType { return ColumnType{Key: k, Value: v, Max: Unlimited} }

// IsMap says whether the column has pairs.
func (t *ColumnType) IsMap() bool { return t.Value.Type != Void }

// IsScalar says whether it has one value, always.
func (t *ColumnType) IsScalar() bool { return t.Min == 1 && t.Max == 1 && !t.IsMap() }

// Default is the value of a column that nobody has set.
func (t *ColumnType) Default() Datum {
	if t.Min == 0 {
		return Datum{}
	}
	d := Datum{Keys: []Atom{t.Key.defaultAtom()}}
	if t.IsMap() {
		d.Values = []Atom{t.Value.defaultAtom()}
	}
	return d
}

// defaultAtom is that of the atomic type even if a constraint forbids it, as
// in ovsdb-server: an insert that leaves the column out has it.
func (b *BaseType) defaultAtom() Atom { return defaultAtom(b.Type) }

// check refuses a datum that breaks a constraint of the type.
func (t *ColumnType) check(d Datum) *Error {
	if err := t.checkCount(d); err != nil {
		return err
	}
	for i, k := range d.Keys {
		if err := t.Key.check(k); err != nil {
			return err
		}
		if t.IsMap() {
			if err := t.Value.check(d.Values[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkCount refuses a datum with too few or too many elements.
func (t *ColumnType) checkCount(d Datum) *Error {
	if n := d.Len(); n < t.Min || n > t.Max {
		return errorf(ErrConstraint, "%d values when type requires between %d and %s", n, t.Min, countText(t.Max))
	}
	return nil
}

func countText(n int) string {
	if n == Unlimited {
		return "unlimited"
	}
	return fmt.Sprint(n)
}

// hasRef says whether rows of the column refer to others in a given way.
func (t *ColumnType) hasRef(r RefType) bool {
	return t.Key.RefTable != "" && t.Key.RefType == r || t.Value.RefTable != "" && t.Value.RefType == r
}
