package ovsdb

import (
	"strings"
	"testing"
)

// textTypes are what the tests of texts read.
var textTypes = map[string]ColumnType{
	"ints":     SetOf(rangeOf(0, 4095)),
	"strings":  SetOf(Base(String)),
	"string":   Scalar(Base(String)),
	"optional": Optional(Base(String)),
	"map":      MapOf(Base(String), Base(String)),
	"bool":     Scalar(Base(Boolean)),
	"real":     Optional(Base(Real)),
	"uuids":    SetOf(Base(UUIDType)),
	"some":     {Key: Base(Integer), Min: 1, Max: 3},
}

func rangeOf(least, most int64) BaseType {
	b := Base(Integer)
	b.MinInt, b.MaxInt = least, most
	return b
}

// What ovs-vsctl 3.1 makes of the same words.
func TestParseText(t *testing.T) {
	const u = "11111111-2222-4333-8444-555555555555"
	for _, tt := range []struct{ typ, in, want string }{
		{"ints", "3,1", "[1, 3]"},
		{"ints", "[3 1 ,]", "[1, 3]"},
		{"ints", "1-3,7", "[1, 2, 3, 7]"},
		{"ints", "[]", "[]"},
		{"strings", `"a b",c-d,"true",b2`, `["a b", b2, c-d, "true"]`},
		{"strings", `"",9`, `["", "9"]`},
		{"strings", u + "x", `["` + u + `x"]`},
		{"string", `"x\n\u0041"`, `"x\nA"`},
		{"optional", "[]", "[]"},
		{"optional", "x.y", "x.y"},
		{"map", `b=2,a="1,2"`, `{a="1,2", b="2"}`},
		{"map", "{}", "{}"},
		{"map", "{ a = b }", "{a=b}"},
		{"bool", "on", "true"},
		{"bool", "0", "false"},
		{"real", "0.5", "0.5"},
		{"uuids", u, "[" + u + "]"},

		{"ints", "", `error: use "[]" to specify the empty set`},
		{"map", "", `error: use "{}" to specify the empty map`},
		{"ints", "3-1", `error: "3-1" is not a valid range. Range end cannot be before start.`},
		{"some", "0-4096", `error: Range "0-4096" is too big. Maximum allowed size is 4096.`},
		{"some", "-9223372036854775808-9223372036854775807", `error: Range "-9223372036854775808-9223372036854775807" is too big. Maximum allowed size is 4096.`},
		{"ints", "x", `error: "x" is not a valid integer or range`},
		{"ints", "0-9999", "error: constraint violation: 9999 is not in the valid range 0 to 4095 (inclusive)"},
		{"ints", "[1,1]", "error: [1,1]: set contains duplicate value"},
		{"ints", "[1", `error: [1: missing "]" at end of data`},
		{"ints", "[1]x", `error: [1]x: trailing garbage after "]"`},
		{"ints", ",1", `error: ,1: unexpected "," parsing set of integers`},
		{"some", "{1}", `error: {1}: unexpected "{" parsing set of 1 to 3 integers`},
		{"some", "[]", "error: []: 0 value(s) specified but the minimum number is 1"},
		{"some", "1-4", "error: 1-4: 4 value(s) specified but the maximum number is 3"},
		{"optional", ",", `error: ,: unexpected "," parsing set of up to 1 strings`},
		{"bool", ",", `error: ,: unexpected "," parsing boolean`},
		{"bool", "maybe", `error: "maybe" is not a valid boolean (use "true" or "false")`},
		{"map", "a=b}", `error: a=b}: unexpected "}" parsing map of (string, string) pairs`},
		{"map", "a:b", `error: a:b: syntax error at ":" expecting "="`},
		{"map", "a", `error: a: syntax error at end of data expecting "="`},
		{"map", "a=", `error: An empty string is not valid as input; use "" to represent the empty string`},
		{"map", "a=1,a=2", "error: a=1,a=2: map contains duplicate key"},
		{"map", `"a"b=c`, `error: "a"b: missing quote at end of quoted string`},
		{"strings", `"a`, `error: "a: quoted string extends past end of argument`},
		{"strings", `a\`, `error: a\: backslash at end of argument`},
		{"strings", `"\x"`, `error: "\x": `},
		{"strings", `"\u0000"`, `error: "\u0000": null bytes not supported in quoted strings`},
		{"real", "nan", `error: "nan" is not a valid real number`},
		{"uuids", "foo", `error: "foo" is not a valid UUID`},
		{"uuids", "@p", `error: "@p" is not a valid UUID`},
	} {
		typ := textTypes[tt.typ]
		d, err := typ.ParseText(tt.in, nil)
		got := typ.Text(d)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != tt.want && !(strings.HasSuffix(tt.want, ": ") && strings.HasPrefix(got, tt.want)) {
			t.Errorf("%s %q: %s, want %s", tt.typ, tt.in, got, tt.want)
		}
	}
	row := NewUUID()
	typ := textTypes["uuids"]
	d, err := typ.ParseText("@p", func(name string, _ *BaseType) UUID {
		if name != "@p" {
			t.Errorf("asked for %q", name)
		}
		return row
	})
	if err != nil || !d.Equal(Set(Ref(row))) {
		t.Errorf("@p is %v, %v", d, err)
	}
}

func TestBare(t *testing.T) {
	typ := textTypes["map"]
	if s := typ.Bare(Map(map[string]string{"a": "x y", "b": ""})); s != "a=x y b=" {
		t.Errorf("%q", s)
	}
}

// What is read is printed so that it reads back the same.
func FuzzParseText(f *testing.F) {
	for _, s := range []string{"1-3,7", `{"a b"=c, d="\u00e4"}`, `["x,y", true]`, "@p", "on", "0.5", "a=b c=d", "[", `"\ud800"`, "[]", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, typ := range textTypes {
			d, err := typ.ParseText(s, nil)
			if err != nil {
				continue
			}
			if typ.check(d) != nil {
				t.Fatalf("%s: %q gives %v, which the type refuses", name, s, d)
			}
			if typ.Key.Type == Real {
				continue // printed with 15 digits
			}
			again, err := typ.ParseText(typ.Text(d), nil)
			if err != nil || !again.Equal(d) {
				t.Fatalf("%s: %q is %s, and that is %s, %v", name, s, typ.Text(d), typ.Text(again), err)
			}
		}
	})
}
