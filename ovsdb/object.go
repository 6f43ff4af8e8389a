package ovsdb

import (
	"encoding/json"
	"slices"
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
		o.err = syntaxf(j, "Parsing %s failed: Object expected.", what)
	}
	o.m = m
	return o
}

func (o *object) fail(format string, a ...any) {
	if o.err == nil {
		o.err = syntaxf(o.j, "Parsing "+o.what+" failed: "+format, a...)
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
		o.fail("Required '%s' member is missing.", name)
	}
	return v
}

func (o *object) str(name string) string {
	s, ok := o.need(name).(string)
	if !ok {
		o.fail("Type mismatch for member '%s'.", name)
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
		o.fail("Type mismatch for member '%s'.", name)
	}
	return m
}

func (o *object) array(name string) []any {
	a, ok := o.need(name).([]any)
	if !ok {
		o.fail("Type mismatch for member '%s'.", name)
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
		o.fail("Type mismatch for member '%s'.", name)
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
		o.fail("Type mismatch for member '%s'.", name)
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
		o.fail("Type mismatch for member '%s'.", name)
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
		switch n := len(unknown) - 1; n {
		case 0:
			o.fail("Member '%s' is present but not allowed here.", unknown[0])
		case 1:
			o.fail("Member '%s' and 1 other member are present but not allowed here.", unknown[0])
		default:
			o.fail("Member '%s' and %d other members are present but not allowed here.", unknown[0], n)
		}
	}
	return o.err
}
