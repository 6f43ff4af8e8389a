package ovsdb

import (
	"encoding/json"
	"slices"
	"strings"
)

// object reads the members of a JSON object. Its first error stays; finish
// gives it, or one about a member that nobody asked for.
type object struct {
	j    any
	what string
	m    map[string]any
	used map[string]bool
	err  *Error
}

func newObject(j any, what string) *object {
	o := &object{j: j, what: what, used: make(map[string]bool)}
	m, ok := j.(map[string]any)
	if !ok {
		o.err = syntaxf(j, "parsing %s: object expected", what)
	}
	o.m = m
	return o
}

func (o *object) fail(format string, a ...any) {
	if o.err == nil {
		o.err = syntaxf(o.j, "parsing "+o.what+": "+format, a...)
	}
}

func (o *object) opt(name string) any {
	o.used[name] = true
	return o.m[name]
}

func (o *object) need(name string) any {
	v, ok := o.m[name]
	o.used[name] = true
	if !ok {
		o.fail("required %q member is missing", name)
	}
	return v
}

func (o *object) str(name string) string {
	s, ok := o.need(name).(string)
	if !ok {
		o.fail("type mismatch for member %q: a string is expected", name)
	}
	return s
}

func (o *object) optStr(name string) string {
	if _, ok := o.m[name]; !ok {
		return ""
	}
	return o.str(name)
}

func (o *object) obj(name string) map[string]any {
	m, ok := o.need(name).(map[string]any)
	if !ok {
		o.fail("type mismatch for member %q: an object is expected", name)
	}
	return m
}

func (o *object) array(name string) []any {
	a, ok := o.need(name).([]any)
	if !ok {
		o.fail("type mismatch for member %q: an array is expected", name)
	}
	return a
}

func (o *object) optBool(name string, otherwise bool) bool {
	v, ok := o.m[name]
	o.used[name] = true
	if !ok {
		return otherwise
	}
	b, isBool := v.(bool)
	if !isBool {
		o.fail("type mismatch for member %q: true or false is expected", name)
	}
	return b
}

func (o *object) optInt(name string) (v int64, ok bool) {
	j, there := o.m[name]
	o.used[name] = true
	if !there {
		return 0, false
	}
	n, isNumber := j.(json.Number)
	if isNumber {
		v, ok = parseInteger(n)
	}
	if !ok {
		o.fail("type mismatch for member %q: an integer is expected", name)
	}
	return v, ok
}

func (o *object) optReal(name string) (v float64, ok bool) {
	j, there := o.m[name]
	o.used[name] = true
	if !there {
		return 0, false
	}
	n, isNumber := j.(json.Number)
	v, err := n.Float64()
	if !isNumber || err != nil {
		o.fail("type mismatch for member %q: a number is expected", name)
		return 0, false
	}
	return v, true
}

// finish gives the first error, or one about members that are not known.
func (o *object) finish() *Error {
	if o.err != nil {
		return o.err
	}
	var unknown []string
	for name := range o.m {
		if !o.used[name] {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		o.fail("unexpected member %q", strings.Join(unknown, `", "`))
	}
	return o.err
}
