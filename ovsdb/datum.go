package ovsdb

import (
	"slices"
	"sort"
	"strings"
)

// Datum is the value of a column (RFC 7047 §5.1, <value>): a sorted set of
// Keys without duplicates, or a map from Keys to Values. A Datum is immutable.
type Datum struct {
	Keys   []Atom
	Values []Atom // of a map: as many as Keys; nil: a set
}

// Set makes a set.
func Set(atoms ...Atom) Datum {
	keys := slices.Clone(atoms)
	slices.SortFunc(keys, Atom.Compare)
	return Datum{Keys: slices.Compact(keys)}
}

// Map makes a map of strings.
func Map(m map[string]string) Datum {
	d := Datum{Keys: make([]Atom, 0, len(m)), Values: make([]Atom, 0, len(m))}
	for k := range m {
		d.Keys = append(d.Keys, Str(k))
	}
	slices.SortFunc(d.Keys, Atom.Compare)
	for _, k := range d.Keys {
		d.Values = append(d.Values, Str(m[k.Str]))
	}
	return d
}

// Len is the number of elements or pairs.
func (d Datum) Len() int { return len(d.Keys) }

// IsMap says whether it has values. An empty map and an empty set are the same.
func (d Datum) IsMap() bool { return d.Values != nil }

// Equal says whether two data of one column are the same.
func (d Datum) Equal(o Datum) bool {
	return slices.Equal(d.Keys, o.Keys) && slices.Equal(d.Values, o.Values)
}

// Compare orders data of one column: as ovsdb-server does, short ones first.
func (d Datum) Compare(o Datum) int {
	if len(d.Keys) != len(o.Keys) {
		return len(d.Keys) - len(o.Keys)
	}
	if c := slices.CompareFunc(d.Keys, o.Keys, Atom.Compare); c != 0 {
		return c
	}
	return slices.CompareFunc(d.Values, o.Values, Atom.Compare)
}

// find is the index of a key, or where it would be.
func (d Datum) find(k Atom) (int, bool) {
	return sort.Find(len(d.Keys), func(i int) int { return k.Compare(d.Keys[i]) })
}

// Has says whether a set or map has the key.
func (d Datum) Has(k Atom) bool {
	_, ok := d.find(k)
	return ok
}

// Get is the value of a key of a map.
func (d Datum) Get(k Atom) (v Atom, ok bool) {
	i, ok := d.find(k)
	if !ok || d.Values == nil {
		return Atom{}, false
	}
	return d.Values[i], true
}

// StringMap is a map of strings as Go has it.
func (d Datum) StringMap() map[string]string {
	m := make(map[string]string, len(d.Keys))
	for i, k := range d.Keys {
		if d.Values != nil {
			m[k.Str] = d.Values[i].Str
		}
	}
	return m
}

// IncludesAll says whether every element or pair of o is in d.
func (d Datum) IncludesAll(o Datum) bool {
	for i, k := range o.Keys {
		j, ok := d.find(k)
		if !ok || o.Values != nil && (d.Values == nil || d.Values[j] != o.Values[i]) {
			return false
		}
	}
	return true
}

// ExcludesAll says whether no element or pair of o is in d.
func (d Datum) ExcludesAll(o Datum) bool {
	for i, k := range o.Keys {
		if j, ok := d.find(k); ok && (o.Values == nil || d.Values != nil && d.Values[j] == o.Values[i]) {
			return false
		}
	}
	return true
}

// merge goes through the keys of d and o in order, and gives what either has
// alone, and of a key that both have what both takes, if anything.
func (d Datum) merge(o Datum, both func(b *builder, i, j int)) Datum {
	var b builder
	i, j := 0, 0
	for i < len(d.Keys) && j < len(o.Keys) {
		switch c := d.Keys[i].Compare(o.Keys[j]); {
		case c < 0:
			b.take(d, i)
			i++
		case c > 0:
			b.take(o, j)
			j++
		default:
			both(&b, i, j)
			i++
			j++
		}
	}
	for ; i < len(d.Keys); i++ {
		b.take(d, i)
	}
	for ; j < len(o.Keys); j++ {
		b.take(o, j)
	}
	return b.d
}

// Union is d with what o has more. Of a key that both have, d's value stays.
func (d Datum) Union(o Datum) Datum {
	if len(o.Keys) == 0 {
		return d
	}
	return d.merge(o, func(b *builder, i, _ int) { b.take(d, i) })
}

// Subtract is d without the keys of o; where o is a map, only pairs with the
// same value go (RFC 7047 §5.1, "delete").
func (d Datum) Subtract(o Datum) Datum {
	var b builder
	for i, k := range d.Keys {
		j, in := o.find(k)
		if in && (o.Values == nil || d.Values != nil && o.Values[j] == d.Values[i]) {
			continue
		}
		b.take(d, i)
	}
	return b.d
}

// diff is what turns d into o (and for sets o into d): of sets what only one of
// them has; of maps the pairs that are new or changed, with o's value, and those
// that are gone, with d's.
func (d Datum) diff(o Datum) Datum {
	return d.merge(o, func(b *builder, i, j int) {
		if o.Values != nil && d.Values[i] != o.Values[j] {
			b.take(o, j)
		}
	})
}

// patch applies a diff: what d has as well goes, but for a map's pair with
// another value, which is replaced; the rest comes. That is what only one of d
// and the diff has, again.
func (d Datum) patch(diff Datum) Datum { return d.diff(diff) }

// filter keeps the elements for which keep says so.
func (d Datum) filter(keep func(i int) bool) Datum {
	var b builder
	for i := range d.Keys {
		if keep(i) {
			b.take(d, i)
		}
	}
	return b.d
}

// builder gathers elements that come in order.
type builder struct{ d Datum }

func (b *builder) take(from Datum, i int) {
	b.d.Keys = append(b.d.Keys, from.Keys[i])
	if from.Values != nil {
		b.d.Values = append(b.d.Values, from.Values[i])
	}
}

// String is the datum as ovs-vsctl prints it: scalars bare, sets in brackets,
// maps in braces.
func (d Datum) String() string {
	if len(d.Keys) == 1 && d.Values == nil {
		return d.Keys[0].String()
	}
	var b strings.Builder
	open, end := "[", "]"
	if d.Values != nil {
		open, end = "{", "}"
	}
	b.WriteString(open)
	for i, k := range d.Keys {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(k.String())
		if d.Values != nil {
			b.WriteString("=")
			b.WriteString(d.Values[i].String())
		}
	}
	b.WriteString(end)
	return b.String()
}
