package ovsdb

import (
	"strings"
	"testing"
)

func TestParseSchemaErrors(t *testing.T) {
	column := func(s string) string { return `{"name":"D","tables":{"T":{"columns":{"c":` + s + `}}}}` }
	for _, c := range []struct{ text, want string }{
		{`{`, "not valid JSON"},
		{`[]`, "Object expected"},
		{`{"name":"D"}`, `Required 'tables' member is missing`},
		{`{"name":3,"tables":{}}`, "Type mismatch for member 'name'"},
		{`{"name":"9","tables":{}}`, "not a valid name"},
		{`{"name":"D","tables":{},"x":1}`, `Member 'x' is present but not allowed here`},
		{`{"name":"D","tables":{"_T":{"columns":{}}}}`, "not a valid name of a table"},
		{`{"name":"D","tables":{"T":{"columns":{"_c":{"type":"string"}}}}}`, "not a valid name of a column"},
		{`{"name":"D","tables":{"T":{"columns":{},"maxRows":0}}}`, "at least 1"},
		{`{"name":"D","tables":{"T":{"columns":{},"indexes":[["c"]]}}}`, "distinct column names"},
		{`{"name":"D","tables":{"T":{"columns":{"c":{"type":"string","ephemeral":true}},"indexes":[["c"]]}}}`, "may not be indexed"},
		{column(`{"type":"number"}`), "not an atomic-type"},
		{column(`{"type":{"key":"string","min":2}}`), "min must be 0 or 1"},
		{column(`{"type":{"key":"string","max":0}}`), "max must be"},
		{column(`{"type":{"key":"string","max":"many"}}`), "max must be"},
		{column(`{"type":{"key":{"type":"integer","minInteger":2,"maxInteger":1}}}`), "exceeds"},
		{column(`{"type":{"key":{"type":"string","minInteger":2}}}`), "is present but not allowed here"},
		{column(`{"type":{"key":{"type":"uuid","refTable":"X"}}}`), "refers to table X"},
		{column(`{"type":{"key":{"type":"uuid","refTable":"T","refType":"soft"}}}`), "refType must be"},
		{column(`{"type":{"key":{"type":"string","enum":["set",[]]}}}`), "must have 1 to unlimited members"},
		{column(`{"type":{"key":{"type":"string","enum":["set",[3]]}}}`), "expected string"},
	} {
		_, err := ParseSchema([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want something with %q", c.text, err, c.want)
		}
	}
}
