package text

import (
	"strings"

	"ofswitch/flow"
)

// blank are the characters between key-value pairs.
const blank = ", \t\r\n"

// pair is one element of a flow or of an action list: "key", "key=value",
// "key:value" or "key(value)".
type pair struct {
	key    string
	sep    byte // '=', ':', '(' or 0 when there is no value
	value  string
	name   string // of a key in double quotes: what stands in them
	quoted bool   // the key is in double quotes
}

// text is the pair as it was written, for error messages.
func (p pair) text() string {
	switch p.sep {
	case 0:
		return p.key
	case '(':
		return p.key + "(" + p.value + ")"
	}
	return p.key + string(p.sep) + p.value
}

// nextPair takes the first pair off s. ok is false when s holds no more.
func nextPair(s string) (p pair, rest string, ok bool, err error) {
	s = strings.TrimLeft(s, blank)
	if s == "" {
		return pair{}, "", false, nil
	}
	n := 0
	if s[0] == '"' {
		name, n, err := unquote(s)
		if err != nil {
			return pair{}, "", false, err
		}
		p.key, p.name, p.quoted = s[:n], name, true
		s = s[n:]
	} else {
		n = strings.IndexAny(s, ":=("+blank)
		if n < 0 {
			n = len(s)
		}
		p.key, s = s[:n], s[n:]
	}
	if s == "" || strings.IndexByte(":=(", s[0]) < 0 {
		return p, s, true, nil
	}
	p.sep, s = s[0], s[1:]
	delims := blank
	if p.sep == '(' {
		delims = ")"
	}
	n, err = valueLen(s, delims)
	if err != nil {
		return pair{}, "", false, &flow.ParseError{Field: p.key, Value: s, Want: err.Error()}
	}
	p.value, s = s[:n], s[n:]
	if p.sep == '(' {
		if s == "" {
			return pair{}, "", false, &flow.ParseError{Field: p.key, Value: "(" + p.value, Want: "a closing parenthesis"}
		}
		s = s[1:]
	}
	return p, s, true, nil
}

type scanError string

func (e scanError) Error() string { return string(e) }

// valueLen is the length of the value that s begins with: up to a character of
// delims that is neither in parentheses nor in double quotes.
func valueLen(s, delims string) (int, error) {
	level := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case level == 0 && strings.IndexByte(delims, c) >= 0:
			return i, nil
		case c == '"':
			_, n, err := unquote(s[i:])
			if err != nil {
				return 0, scanError("a closing double quote")
			}
			i += n - 1
		case c == '(':
			level++
		case c == ')' && level > 0:
			level--
		}
	}
	if level > 0 {
		return 0, scanError("a closing parenthesis")
	}
	return len(s), nil
}
