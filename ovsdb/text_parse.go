package ovsdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxRange is how many integers a range such as 1-10 may stand for.
const maxRange = 4096

// textError is an error in the words of ovs-vsctl, which are whole sentences.
type textError string

func (e textError) Error() string { return string(e) }

// RowNames gives the row that a name such as "@port" stands for in a reference
// of a kind to a table. It is nil where there are no names.
type RowNames func(name string, to *BaseType) UUID

// ParseText reads a value of the type as ovs-vsctl does: elements with commas
// or spaces between, in brackets or braces or without; KEY=VALUE pairs of a map;
// ranges of integers. Constraints of the type hold for it.
func (t *ColumnType) ParseText(s string, names RowNames) (Datum, error) {
	p := &textParser{whole: s, rest: skipSpaces(s), t: t, names: names}
	opening, closing, empty, what := byte('['), byte(']'), `use "[]" to specify the empty set`, "value(s)"
	if t.IsMap() {
		opening, closing, empty, what = '{', '}', `use "{}" to specify the empty map`, "pair(s)"
	}
	if p.rest == "" {
		return Datum{}, errors.New(empty)
	}
	bracket := p.rest[0] == opening
	if bracket {
		p.rest = skipSpaces(p.rest[1:])
	}
	for p.rest != "" && (!bracket || p.rest[0] != closing) {
		if isDelimiter(p.rest[0]) {
			return Datum{}, fmt.Errorf("%s: unexpected \"%c\" parsing %s", s, p.rest[0], t.english())
		}
		if err := p.element(); err != nil {
			return Datum{}, err
		}
		p.rest = skipSpaces(p.rest)
		if p.rest != "" && p.rest[0] == ',' {
			p.rest = skipSpaces(p.rest[1:])
		}
	}
	if bracket {
		if p.rest == "" {
			return Datum{}, fmt.Errorf("%s: missing \"%c\" at end of data", s, closing)
		}
		if p.rest = skipSpaces(p.rest[1:]); p.rest != "" {
			return Datum{}, fmt.Errorf("%s: trailing garbage after \"%c\"", s, closing)
		}
	}
	if n := len(p.pairs); n < t.Min {
		return Datum{}, fmt.Errorf("%s: %d %s specified but the minimum number is %d", s, n, what, t.Min)
	} else if n > t.Max {
		return Datum{}, fmt.Errorf("%s: %d %s specified but the maximum number is %d", s, n, what, t.Max)
	}
	slices.SortFunc(p.pairs, func(a, b [2]Atom) int { return a[0].Compare(b[0]) })
	var d Datum
	for i, pair := range p.pairs {
		if i > 0 && pair[0] == p.pairs[i-1][0] {
			if t.IsMap() {
				return Datum{}, fmt.Errorf("%s: map contains duplicate key", s)
			}
			return Datum{}, fmt.Errorf("%s: set contains duplicate value", s)
		}
		d.Keys = append(d.Keys, pair[0])
		if t.IsMap() {
			d.Values = append(d.Values, pair[1])
		}
	}
	return d, nil
}

// textParser reads the elements of one value.
type textParser struct {
	whole, rest string
	t           *ColumnType
	names       RowNames
	pairs       [][2]Atom
}

// element reads one element, pair, or range.
func (p *textParser) element() error {
	word, rest, err := Token(p.rest)
	if err != nil {
		return err
	}
	p.rest = rest
	if p.t.IsMap() {
		k, err := p.t.Key.ParseText(word, p.names)
		if err != nil {
			return err
		}
		if p.rest = skipSpaces(p.rest); p.rest == "" {
			return fmt.Errorf("%s: syntax error at end of data expecting \"=\"", p.whole)
		}
		if p.rest[0] != '=' {
			return fmt.Errorf("%s: syntax error at \"%c\" expecting \"=\"", p.whole, p.rest[0])
		}
		p.rest = skipSpaces(p.rest[1:])
		if word, p.rest, err = Token(p.rest); err != nil {
			return err
		}
		v, err := p.t.Value.ParseText(word, p.names)
		p.pairs = append(p.pairs, [2]Atom{k, v})
		return err
	}
	first, last, ok := parseRange(word)
	if !ok || p.t.Key.Type != Integer {
		a, err := p.t.Key.ParseText(word, p.names)
		p.pairs = append(p.pairs, [2]Atom{a})
		return err
	}
	switch {
	case last < first:
		return textError(fmt.Sprintf("%q is not a valid range. Range end cannot be before start.", word))
	case uint64(last)-uint64(first) >= maxRange:
		if err := p.t.Key.checkEnds(first, last); err != nil {
			return err
		}
		return textError(fmt.Sprintf("Range \"%d-%d\" is too big. Maximum allowed size is %d.", first, last, maxRange))
	}
	if err := p.t.Key.checkEnds(first, last); err != nil {
		return err
	}
	for i := first; ; i++ {
		p.pairs = append(p.pairs, [2]Atom{Int(i)})
		if i == last {
			return nil
		}
	}
}

// checkEnds refuses a range that does not lie in that of the type.
func (b *BaseType) checkEnds(first, last int64) error {
	for _, i := range []int64{first, last} {
		if err := b.check(Int(i)); err != nil {
			return err
		}
	}
	return nil
}

// parseRange reads FIRST-LAST.
func parseRange(s string) (first, last int64, ok bool) {
	if s == "" {
		return 0, 0, false
	}
	a, b, ok := strings.Cut(s[1:], "-") // the first may be negative
	if !ok {
		return 0, 0, false
	}
	first, err1 := strconv.ParseInt(s[:1]+a, 10, 64)
	last, err2 := strconv.ParseInt(b, 10, 64)
	return first, last, err1 == nil && err2 == nil
}

// ParseText reads one atom of the type, and checks its constraints.
func (b *BaseType) ParseText(s string, names RowNames) (Atom, error) {
	a, err := b.parseText(s, names)
	if err != nil {
		return Atom{}, err
	}
	if bad := b.check(a); bad != nil {
		return Atom{}, bad
	}
	return a, nil
}

func (b *BaseType) parseText(s string, names RowNames) (Atom, error) {
	if s == "" {
		return Atom{}, textError(`An empty string is not valid as input; use "" to represent the empty string`)
	}
	switch b.Type {
	case Integer:
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return Atom{}, fmt.Errorf("%q is not a valid integer or range", s)
		}
		return Int(v), nil
	case Real:
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || v != v {
			return Atom{}, fmt.Errorf("%q is not a valid real number", s)
		}
		return RealAtom(v), nil
	case Boolean:
		switch s {
		case "true", "yes", "on", "1":
			return Bool(true), nil
		case "false", "no", "off", "0":
			return Bool(false), nil
		}
		return Atom{}, fmt.Errorf("%q is not a valid boolean (use \"true\" or \"false\")", s)
	case UUIDType:
		if s[0] == '@' && names != nil {
			return Ref(names(s, b)), nil
		}
		u, ok := ParseUUID(s)
		if !ok {
			return Atom{}, fmt.Errorf("%q is not a valid UUID", s)
		}
		return Ref(u), nil
	}
	if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
		return Atom{}, fmt.Errorf("the string %q is not valid UTF-8 without null bytes", s)
	}
	if s[0] != '"' {
		return Str(s), nil
	}
	if len(s) < 2 || s[len(s)-1] != '"' {
		return Atom{}, fmt.Errorf("%s: missing quote at end of quoted string", s)
	}
	var text string
	if err := json.Unmarshal([]byte(s), &text); err != nil {
		return Atom{}, fmt.Errorf("%s: %w", s, err)
	}
	if strings.Contains(text, "\x00") {
		return Atom{}, fmt.Errorf("%s: null bytes not supported in quoted strings", s)
	}
	return Str(text), nil
}

// Token is the word at the beginning of s, up to one of the characters that
// have a meaning between words, with its quotes and escapes; rest is what
// follows.
func Token(s string) (word, rest string, err error) {
	quoted := false
	i := 0
	for i < len(s) {
		c := s[i]
		if c == '\\' {
			if i+1 == len(s) {
				return "", "", fmt.Errorf("%s: backslash at end of argument", s)
			}
			i += 2
			continue
		}
		if !quoted && isDelimiter(c) {
			break
		}
		if c == '"' {
			quoted = !quoted
		}
		i++
	}
	if quoted {
		return "", "", fmt.Errorf("%s: quoted string extends past end of argument", s)
	}
	return s[:i], s[i:], nil
}

func isDelimiter(c byte) bool { return strings.IndexByte(":=, []{}!<>", c) >= 0 }

func skipSpaces(s string) string { return strings.TrimLeft(s, " \t\n\v\f\r") }

// english is the type in words.
func (t *ColumnType) english() string {
	key := t.Key.Type.String()
	if t.IsScalar() {
		return key
	}
	count := ""
	switch {
	case t.Min == 0 && t.Max == Unlimited:
	case t.Max == Unlimited:
		count = fmt.Sprintf(" %d or more", t.Min)
	case t.Min == 0:
		count = fmt.Sprintf(" up to %d", t.Max)
	default:
		count = fmt.Sprintf(" %d to %d", t.Min, t.Max)
	}
	if t.IsMap() {
		return fmt.Sprintf("map of%s (%s, %s) pairs", count, key, t.Value.Type)
	}
	return fmt.Sprintf("set of%s %ss", count, key)
}
