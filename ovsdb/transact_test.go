package ovsdb

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// raw are the operations of a request, given as one JSON array.
func raw(t testing.TB, text string) []json.RawMessage {
	t.Helper()
	var ops []json.RawMessage
	if err := json.Unmarshal([]byte(text), &ops); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return ops
}

func testDB(t testing.TB) *Database { return NewDatabase(loadSchema(t, "testdata/test.ovsschema")) }

// A wait that does not hold asks to be run again; when its time is up it is an
// error.
func TestWait(t *testing.T) {
	db := testDB(t)
	ops := raw(t, `[{"op":"wait","timeout":50,"table":"Free","where":[],"columns":["n"],"until":"==","rows":[{"n":7}]},
		{"op":"mutate","table":"Free","where":[],"mutations":[["n","+=",1]]}]`)
	r := ParseRequest(ops)
	if got := db.Run(r, 0); got.WaitMS != 50 || got.Reply != nil {
		t.Errorf("at once: %+v", got)
	}
	db.Run(ParseRequest(raw(t, `[{"op":"insert","table":"Free","row":{"n":7}}]`)), 0)
	if got := db.Run(r, 20); got.WaitMS != 0 || string(got.Reply) != `[{},{"count":1}]` {
		t.Errorf("after the row came: %s", got.Reply)
	}
	if got := db.Run(r, 50); got.WaitMS != 0 || string(got.Reply) != `[{"details":"\"wait\" timed out after 50 ms","error":"timed out"},null]` {
		t.Errorf("after its time: %s", got.Reply)
	}
	forever := ParseRequest(raw(t, `[{"op":"wait","table":"Free","where":[],"columns":["n"],"until":"==","rows":[{"n":7}]}]`))
	if got := db.Run(forever, 1e9); got.WaitMS != Forever {
		t.Errorf("a wait without limit: %+v", got)
	}
}

func TestAssert(t *testing.T) {
	db := testDB(t)
	r := ParseRequest(raw(t, `[{"op":"assert","lock":"mine"}]`))
	r.HoldsLock = func(name string) bool { return name == "mine" }
	if got := db.Run(r, 0); string(got.Reply) != `[{}]` {
		t.Errorf("held: %s", got.Reply)
	}
	r.HoldsLock = func(string) bool { return false }
	if got := db.Run(r, 0); string(got.Reply) != `[{"details":"Asserted lock mine not held.","error":"not owner"}]` {
		t.Errorf("not held: %s", got.Reply)
	}
}

// What cannot be written to disk is not done.
func TestVeto(t *testing.T) {
	db := testDB(t)
	r := ParseRequest(raw(t, `[{"op":"insert","table":"Free","row":{"n":7}}]`))
	r.Check = func(c *Changes) error {
		if len(c.Rows) != 1 || c.Rows[0].New == nil {
			t.Errorf("asked about %+v", c)
		}
		return errors.New("disk full")
	}
	if got := db.Run(r, 0); got.Changes != nil || db.Len("Free") != 0 {
		t.Errorf("a vetoed commit did %+v", got)
	}
}

func TestReadOnly(t *testing.T) {
	db := testDB(t)
	r := ParseRequest(raw(t, `[{"op":"select","table":"Free","where":[]},{"op":"insert","table":"Free","row":{}}]`))
	r.ReadOnly = true
	want := `[{"rows":[]},{"details":"insert operation not allowed when the database is read only","error":"not allowed"}]`
	if got := db.Run(r, 0); string(got.Reply) != want || db.Len("Free") != 0 {
		t.Errorf("%s", got.Reply)
	}
}

// Whatever a client sends, the reply is JSON, with a member for each operation
// or one more, and the database stays whole.
func FuzzRun(f *testing.F) {
	text, err := os.ReadFile("testdata/test.ovsschema")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		`[]`, `[{"op":"insert","table":"Root","row":{"name":"a","options":["map",[["a","b"]]]},"uuid-name":"x"},{"op":"select","table":"Root","where":[]}]`,
		`[{"op":"mutate","table":"Root","where":[["number",">",3]],"mutations":[["numbers","insert",["set",[1,2]]]]}]`,
		`[{"op":"insert","table":"Child","row":{},"uuid-name":"c"},{"op":"insert","table":"Root","row":{"children":["named-uuid","c"]}},{"op":"delete","table":"Root","where":[]}]`,
		`[{"op":"wait","timeout":0,"table":"Free","where":[],"until":"!=","columns":["n"],"rows":[{"n":["set",[]]}]},{"op":"abort"}]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		var list []json.RawMessage
		if json.Unmarshal(ops, &list) != nil {
			return
		}
		schema, err := ParseSchema(text)
		if err != nil {
			t.Fatal(err)
		}
		db := NewDatabase(schema)
		got := db.Run(ParseRequest(list), 0)
		if got.WaitMS > 0 {
			return
		}
		var results []any
		if err := json.Unmarshal(got.Reply, &results); err != nil {
			t.Fatalf("%s: %v", got.Reply, err)
		}
		if len(results) != len(list) && len(results) != len(list)+1 {
			t.Fatalf("%d operations, %d results", len(list), len(results))
		}
		db.check(t)
	})
}

// check holds what must hold between two commits: rows satisfy their types, no
// reference dangles, counts and indexes are right, nothing is kept that could go.
func (db *Database) check(t *testing.T) {
	t.Helper()
	refs := make(refCounts)
	for name, td := range db.tables {
		for u, r := range td.rows {
			if r.UUID != u {
				t.Fatalf("row %v of %s calls itself %v", u, name, r.UUID)
			}
			r.references(td.strong, Strong, func(table string, to UUID, _ *Column) { refs.add(table, to, 1) })
			r.references(td.weak, Weak, func(table string, to UUID, c *Column) {
				if db.Row(table, to) == nil {
					t.Fatalf("%s of %s refers weakly to a row that is gone", c.Name, name)
				}
			})
			for i, index := range td.Indexes {
				if td.indexes[i][indexKey(r, index)] != u {
					t.Fatalf("row %v of %s is not in its index", u, name)
				}
			}
			for _, c := range td.Columns {
				if err := c.Type.checkCount(r.Columns[c.Index]); err != nil {
					t.Fatalf("%s of %s: %v", c.Name, name, err)
				}
			}
		}
		for i := range td.Indexes {
			if len(td.indexes[i]) != len(td.rows) {
				t.Fatalf("%s has %d rows and %d in its index", name, len(td.rows), len(td.indexes[i]))
			}
		}
	}
	for name, td := range db.tables {
		for u := range refs[name] {
			if td.rows[u] == nil {
				t.Fatalf("a reference to a row of %s that is not there", name)
			}
		}
		for u := range td.rows {
			if td.refs[u] != refs[name][u] {
				t.Fatalf("row %v of %s counts %d references of %d", u, name, td.refs[u], refs[name][u])
			}
			if !td.IsRoot && refs[name][u] == 0 {
				t.Fatalf("row %v of %s should have been collected", u, name)
			}
		}
		if len(td.refs) > len(td.rows) {
			t.Fatalf("%s counts references to rows that are gone", name)
		}
	}
}
