package ovsdb

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"testing"
)

// whole is a copy of all of the test's database, empty.
func whole(t testing.TB) *replica {
	t.Helper()
	text, err := os.ReadFile("testdata/test.ovsschema")
	if err != nil {
		t.Fatal(err)
	}
	r, missing, err := newReplica(text, nil)
	if err != nil || missing != nil {
		t.Fatal(err, missing)
	}
	return r
}

// minusZero is a real of -0 in a row that was written: arithmetic makes it, but
// JSON that is read has none, so a copy holds the 0 that it equals.
var minusZero = regexp.MustCompile(`([:,\[])-0([,\]}])`)

// everything is what a database holds, ephemeral columns too.
func (db *Database) everything() string {
	var list []string
	for name, t := range db.tables {
		for _, r := range t.rows {
			var w jsonWriter
			writeRow(&w, r, append([]*Column{uuidColumn}, t.Columns...))
			list = append(list, name+minusZero.ReplaceAllString(string(w.b), "${1}0$2"))
		}
	}
	slices.Sort(list)
	return fmt.Sprint(list)
}

// Whatever is done to a database, a copy fed by each form of monitor is the
// same, and never another in between.
func TestReplicaFollows(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, kind := range []monitorKind{monitorPlain, monitorCond} {
		db := testDB(t)
		form := updateDiff
		if kind == monitorPlain {
			form = updatePlain
		}
		g := &generator{rng: rand.New(rand.NewPCG(seed, uint64(kind))), schema: db.Schema(), uuids: make(map[string][]UUID)}
		r := whole(t)
		m, err := parseMonitor(db, copyMonitor, kind, r.requests())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.refill(m.initial(), form); err != nil {
			t.Fatal(err)
		}
		told := 0
		for i := range 3000 {
			g.names, g.inserted = nil, make(map[string]bool)
			var ops []json.RawMessage
			for range 1 + g.rng.IntN(3) {
				ops = append(ops, mustJSON(t, g.operation()))
			}
			res := db.Run(ParseRequest(ops), 0)
			if res.Changes == nil {
				continue
			}
			if text := m.changed(res.Changes); text != nil {
				told++
				if err := r.apply(text, form); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
			}
			if ours, theirs := r.db.everything(), db.everything(); ours != theirs {
				t.Fatalf("after transaction %d the copy has\n%s\nand the database\n%s", i, ours, theirs)
			}
			if i%20 == 0 {
				for name := range g.uuids {
					g.uuids[name] = nil
					db.Each(name, func(r *Row) bool { g.uuids[name] = append(g.uuids[name], r.UUID); return true })
					slices.SortFunc(g.uuids[name], UUID.compare)
				}
			}
		}
		if told < 100 {
			t.Errorf("only %d transactions were told", told)
		}
		if err := r.refill(m.initial(), form); err != nil || r.db.everything() != db.everything() {
			t.Errorf("filled anew: %v", err)
		}
	}
}

// Whatever a server sends as update, the copy takes all of it or nothing, and
// is a database as its schema describes it.
func FuzzReplicaUpdate(f *testing.F) {
	const row = `"` + aRow + `"`
	for _, s := range []string{
		`{"Free":{` + row + `:{"insert":{"n":1,"watch":["set",[["uuid",` + row + `]]]}}}}`,
		`{"Free":{` + row + `:{"new":{"n":["set",[]]},"old":{"n":1}}}}`,
		`{"Root":{` + row + `:{"initial":{"options":["map",[["a","b"]]],"numbers":["set",[1,2]],"mode":"one"}}}}`,
		`{"Root":{` + row + `:{"modify":{"options":["map",[["a","b"]]],"numbers":["set",[2,3]],"mode":["set",[]]}}}}`,
		`{"Root":{` + row + `:{"delete":null}},"Child":{}}`, `{"Root":{` + row + `:{"new":{"ratio":1e5}}}}`, `{"Root":{"x":{}}}`, `[]`,
	} {
		f.Add([]byte(s), []byte(`{"Root":{`+row+`:{"modify":{"numbers":["set",[1]]}}}}`), true)
		f.Add([]byte(`{"Root":{`+row+`:{"initial":{"numbers":["set",[1,2]]}}}}`), []byte(s), false)
	}
	base := whole(f)
	f.Fuzz(func(t *testing.T, first, second []byte, plain bool) {
		r := &replica{server: base.server, schema: base.schema, db: NewDatabase(base.schema)}
		form := updateDiff
		if plain {
			form = updatePlain
		}
		if err := r.refill(first, form); err != nil && r.full {
			t.Fatal("filled by an error")
		}
		was := r.db.everything()
		if err := r.apply(second, form); err != nil && r.db.everything() != was {
			t.Fatalf("%s: %v, and the copy has changed", second, err)
		}
		for _, td := range r.db.tables {
			for u, row := range td.rows {
				if row.UUID != u || len(row.Columns) != len(td.Columns) {
					t.Fatalf("row %s is %s with %d columns", u, row.UUID, len(row.Columns))
				}
				for _, c := range td.Columns {
					again, err := c.Type.parseUnbounded(mustDecode(t, c.Type.appendJSON(nil, row.Get(c))), nil)
					if err == nil {
						err = c.Type.checkCount(again)
					}
					// Defaults may break constraints, but nothing else does.
					if d := row.Get(c); err != nil && !d.Equal(c.Type.Default()) || err == nil && !again.Equal(d) {
						t.Fatalf("column %s is %v: %v", c.Name, d, err)
					}
				}
			}
		}
	})
}

func mustDecode(t *testing.T, text []byte) any {
	t.Helper()
	j, err := decodeJSON(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return j
}

// Whatever a server sends as schema or as reply to a transaction, nothing worse
// comes of it than an error.
func FuzzClientReplies(f *testing.F) {
	text, err := os.ReadFile("testdata/test.ovsschema")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{`[{"count":1},{"uuid":["uuid","` + aRow + `"]},{"rows":[{"n":1}]}]`, `[{},null,{"error":"x","details":"y"}]`, `[{"error":3},{},{}]`, `[{},{},{},{"error":"constraint violation"}]`, `{"locked":true}`, `[false,"` + aRow + `",{}]`} {
		f.Add(text, []byte(s))
	}
	f.Add([]byte(serverSchema), []byte(`{}`))
	base := whole(f)
	f.Fuzz(func(t *testing.T, schema, reply []byte) {
		r, _, err := newReplica(schema, nil)
		if err != nil {
			r = &replica{server: base.server, schema: base.schema, db: NewDatabase(base.schema)}
		}
		r.requests()
		results, refused, err := parseResults(reply, r.server, []Operation{Delete("Free", nil), Insert("Root", "", nil), Select("Free", nil)})
		if err == nil && len(results) != 3 {
			t.Fatalf("%+v %v", results, refused)
		}
		if _, resumed, err := r.since(reply); err == nil && resumed {
			t.Fatal("goes on from nothing")
		}
		s := &clientSession{c: &Client{log: quiet, changed: make(chan struct{}, 1)}, about: r}
		_ = s.lockReply(reply) // any of these may be refused
		_ = r.refill(reply, updateDiff)
		_ = s.checkServer()
	})
}
