package ovsdb

import (
	"strconv"
	"strings"
)

// The text of values as people write them and Open vSwitch's tools print them
// (ovs-vsctl(8), "Database Values"). What Text gives, ParseText reads back.

// Text is the atom as ovs-vsctl prints it: strings in quotes, with JSON's
// escapes, where they would be taken for something else without.
func (a Atom) Text() string {
	switch a.Type {
	case Real:
		return strconv.FormatFloat(a.Real, 'g', 15, 64)
	case String:
		if needsQuotes(a.Str) {
			return string(appendString(nil, a.Str))
		}
	}
	return a.String()
}

// needsQuotes says whether a string is no bare word, or one with a meaning.
func needsQuotes(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			return true
		}
	}
	if s == "" || s == "true" || s == "false" {
		return true
	}
	return len(s) >= 36 && isUUID(s[:36])
}

func isUUID(s string) bool {
	_, ok := ParseUUID(s)
	return ok
}

// Text is a value of the type as ovs-vsctl prints it: what may have several
// elements, or has none, stands in brackets, a map in braces.
func (t *ColumnType) Text(d Datum) string {
	opening, closing := "[", "]"
	if t.IsMap() {
		opening, closing = "{", "}"
	}
	s := joinElements(d, ", ", Atom.Text)
	if t.Max > 1 || len(d.Keys) == 0 {
		return opening + s + closing
	}
	return s
}

// Bare is a value without brackets and quotes, its elements with spaces
// between, for scripts (ovs-vsctl's --data=bare).
func (t *ColumnType) Bare(d Datum) string { return joinElements(d, " ", Atom.String) }

func joinElements(d Datum, between string, text func(Atom) string) string {
	var b strings.Builder
	for i, k := range d.Keys {
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(text(k))
		if d.Values != nil {
			b.WriteByte('=')
			b.WriteString(text(d.Values[i]))
		}
	}
	return b.String()
}

// JSON is the <value> of RFC 7047 §5.1.
func (t *ColumnType) JSON(d Datum) []byte { return t.appendJSON(nil, d) }

// IsDefault says whether a column has the value of one that nobody has set.
func (t *ColumnType) IsDefault(d Datum) bool { return d.Equal(t.Default()) }
