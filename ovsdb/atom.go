package ovsdb

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// AtomType is the type of an Atom (RFC 7047 §3.2, <atomic-type>).
type AtomType uint8

// Atomic types. Void is the value type of a column that is no map.
const (
	Void AtomType = iota
	Integer
	Real
	Boolean
	String
	UUIDType
)

var atomTypeNames = [...]string{"void", "integer", "real", "boolean", "string", "uuid"}

// String is the name in a schema.
func (t AtomType) String() string { return atomTypeNames[t] }

func atomTypeByName(s string) (AtomType, bool) {
	for i, n := range atomTypeNames {
		if n == s && i != int(Void) {
			return AtomType(i), true
		}
	}
	return Void, false
}

// Atom is one value of an atomic type. Atoms are equal where == says so: a
// real is never NaN. It may be -0, which equals 0 and is written "-0", where
// arithmetic made it: what is read is 0 (as in ovsdb-server).
type Atom struct {
	Type AtomType
	Int  int64 // Integer; Boolean: 0 or 1
	Real float64
	Str  string
	UUID UUID
}

// Int makes an Atom of type Integer, and so on.
func Int(v int64) Atom { return Atom{Type: Integer, Int: v} }

// Bool makes an Atom of type Boolean.
func Bool(v bool) Atom {
	a := Atom{Type: Boolean}
	if v {
		a.Int = 1
	}
	return a
}

// Str makes an Atom of type String.
func Str(s string) Atom { return Atom{Type: String, Str: s} }

// RealAtom makes an Atom of type Real.
func RealAtom(v float64) Atom { return Atom{Type: Real, Real: v} }

// Ref makes an Atom of type UUIDType.
func Ref(u UUID) Atom { return Atom{Type: UUIDType, UUID: u} }

// defaultAtom is what a column has that nobody has set (RFC 7047 §5.2.1).
func defaultAtom(t AtomType) Atom { return Atom{Type: t} }

// Compare orders atoms of one type: below 0, 0, or above.
func (a Atom) Compare(o Atom) int {
	switch a.Type {
	case Integer, Boolean:
		return cmp.Compare(a.Int, o.Int)
	case Real:
		return cmp.Compare(a.Real, o.Real)
	case String:
		return cmp.Compare(a.Str, o.Str)
	case UUIDType:
		return a.UUID.compare(o.UUID)
	}
	return 0
}

// String is the atom as ovsdb-client prints it in a table.
func (a Atom) String() string {
	switch a.Type {
	case Boolean:
		return strconv.FormatBool(a.Int != 0)
	case Real:
		return formatReal(a.Real)
	case String:
		return a.Str
	case UUIDType:
		return a.UUID.String()
	}
	return strconv.FormatInt(a.Int, 10)
}

// formatReal keeps a real a real when it is read again where that matters:
// a whole number is written without fraction, as JSON has one kind of number.
func formatReal(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 && (f != 0 || !math.Signbit(f)) {
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// appendJSON appends the <atom>.
func (a Atom) appendJSON(b []byte) []byte {
	switch a.Type {
	case Boolean:
		return strconv.AppendBool(b, a.Int != 0)
	case Real:
		return append(b, formatReal(a.Real)...)
	case String:
		return appendString(b, a.Str)
	case UUIDType:
		if a.Str != "" { // see NamedRef
			b = append(b, `["named-uuid",`...)
			return append(appendString(b, a.Str), ']')
		}
		b = append(b, `["uuid","`...)
		b = a.UUID.append(b)
		return append(b, `"]`...)
	}
	return strconv.AppendInt(b, a.Int, 10)
}

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// parseAtom reads an <atom> of a type, whose JSON was decoded with UseNumber.
// names gives UUIDs to named ones; nil: there are none.
func parseAtom(t AtomType, j any, names *symbols) (Atom, *Error) {
	switch t {
	case Integer:
		if n, ok := j.(json.Number); ok {
			if v, ok := parseInteger(n); ok {
				return Int(v), nil
			}
		}
	case Real:
		if n, ok := j.(json.Number); ok {
			if v, err := n.Float64(); err == nil {
				return RealAtom(v + 0), nil // -0 + 0 is 0
			}
		}
	case Boolean:
		if v, ok := j.(bool); ok {
			return Bool(v), nil
		}
	case String:
		if s, ok := j.(string); ok {
			if !utf8.ValidString(s) {
				return Atom{}, errorf(ErrConstraint, "the string %q is not valid UTF-8", s)
			}
			if strings.Contains(s, "\x00") {
				// Clients in C would see another string.
				return Atom{}, syntaxf(j, "the string %q has a null byte", s)
			}
			return Str(s), nil
		}
	case UUIDType:
		return parseUUIDAtom(j, names)
	}
	return Atom{}, syntaxf(j, "expected %s", t)
}

// parseInteger takes what is a whole number, however it is written.
func parseInteger(n json.Number) (int64, bool) {
	if v, err := n.Int64(); err == nil {
		return v, true
	}
	f, err := n.Float64()
	if err != nil || f != math.Trunc(f) || f < -(1<<63) || f >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}

func parseUUIDAtom(j any, names *symbols) (Atom, *Error) {
	pair, ok := j.([]any)
	if !ok || len(pair) != 2 {
		return Atom{}, syntaxf(j, `expected ["uuid", "<uuid>"] or ["named-uuid", "<name>"]`)
	}
	kind, ok1 := pair[0].(string)
	text, ok2 := pair[1].(string)
	switch {
	case ok1 && ok2 && kind == "uuid":
		u, ok := ParseUUID(text)
		if !ok {
			return Atom{}, syntaxf(j, "%q is not a valid UUID", text)
		}
		return Ref(u), nil
	case ok1 && ok2 && kind == "named-uuid" && names != nil && isName(text):
		return Ref(names.use(text)), nil
	}
	return Atom{}, syntaxf(j, `expected ["uuid", "<uuid>"] or ["named-uuid", "<name>"]`)
}

// symbols are the named UUIDs of one request (RFC 7047 §5.1).
type symbols struct {
	byName map[string]*symbol
}

type symbol struct {
	uuid    UUID
	created bool
}

func newSymbols() *symbols { return &symbols{byName: make(map[string]*symbol)} }

func (s *symbols) get(name string) *symbol {
	y := s.byName[name]
	if y == nil {
		y = &symbol{uuid: NewUUID()}
		s.byName[name] = y
	}
	return y
}

// use is the UUID of a name, which may be created later.
func (s *symbols) use(name string) UUID { return s.get(name).uuid }
