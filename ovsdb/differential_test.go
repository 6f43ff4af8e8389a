package ovsdb

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/jsonrpc"
)

// realServer is an ovsdb-server with an empty database of the schema.
type realServer struct {
	t      *testing.T
	peer   *jsonrpc.Peer
	name   string
	file   string
	socket string
	stop   func() // before the end of the test
}

func startReal(t *testing.T, schemaFile string) *realServer {
	t.Helper()
	server := testutil.NeedProgram(t, "ovsdb-server", "openvswitch-switch")
	tool := testutil.NeedProgram(t, "ovsdb-tool", "openvswitch-common")
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "db"), filepath.Join(dir, "s")
	if out, err := exec.Command(tool, "create", file, schemaFile).CombinedOutput(); err != nil {
		t.Fatalf("ovsdb-tool create: %v\n%s", err, out)
	}
	cmd := exec.Command(server, "--remote=punix:"+socket, "--unixctl="+filepath.Join(dir, "ctl"), "--no-chdir", "-vconsole:off", file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	t.Cleanup(stop)
	var nc net.Conn
	testutil.Wait(t, "ovsdb-server to listen", func() bool {
		var err error
		nc, err = net.Dial("unix", socket)
		return err == nil
	})
	var p *jsonrpc.Peer
	conn := jsonrpc.NewConn(nc, jsonrpc.Options{})
	p = jsonrpc.NewPeer(conn, func(m *jsonrpc.Message) {
		if m.Method == "echo" {
			if err := conn.Reply(m.ID, json.RawMessage(m.Params)); err != nil {
				t.Log(err)
			}
		}
	})
	served := make(chan struct{})
	go func() { defer close(served); p.Serve() }()
	t.Cleanup(func() { nc.Close(); <-served })
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseSchema(text)
	if err != nil {
		t.Fatal(err)
	}
	return &realServer{t: t, peer: p, name: s.Name, file: file, socket: socket, stop: stop}
}

func (r *realServer) call(method string, params ...any) json.RawMessage {
	r.t.Helper()
	reply, err := r.try(method, params...)
	if err != nil {
		r.t.Fatalf("%s: %v", method, err)
	}
	return reply
}

func (r *realServer) try(method string, params ...any) (json.RawMessage, error) {
	return r.peer.Call(context.Background(), method, params)
}

func loadSchema(t testing.TB, file string) *Schema {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseSchema(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// normal is a reply in a form that can be compared: of errors the tag alone,
// what sets have in order, versions not at all.
func normal(j any) any {
	switch v := j.(type) {
	case map[string]any:
		if tag, ok := v["error"]; ok {
			return map[string]any{"error": tag}
		}
		m := make(map[string]any)
		for k, e := range v {
			if k != "_version" {
				m[k] = normal(e)
			}
			if rows, ok := m[k].([]any); ok && k == "rows" {
				slices.SortFunc(rows, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = normal(e)
		}
		if len(v) == 2 && v[0] == "set" {
			if elements, ok := list[1].([]any); ok {
				slices.SortFunc(elements, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
		}
		return list
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return v
		}
		return fmt.Sprintf("%.14g", f) // ovsdb-server prints 15 digits, we as many as it takes
	}
	return j
}

func normalText(t *testing.T, reply []byte) string {
	t.Helper()
	j, err := decodeJSON(reply)
	if err != nil {
		t.Fatalf("%s: %v", reply, err)
	}
	b, err := json.Marshal(normal(j))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// generator makes random transactions, valid and not.
type generator struct {
	rng    *rand.Rand
	schema *Schema
	uuids  map[string][]UUID

	// Of the transaction in the making:
	names    []string        // uuid-names
	inserted map[string]bool // tables that got rows
}

func pick[T any](g *generator, list ...T) T { return list[g.rng.IntN(len(list))] }

func (g *generator) one(n int) bool { return g.rng.IntN(n) == 0 }

func (g *generator) uuid(table string) any {
	if g.one(6) && len(g.names) > 0 {
		return []any{"named-uuid", pick(g, g.names...)}
	}
	if list := g.uuids[table]; len(list) > 0 && !g.one(25) {
		return []any{"uuid", list[g.rng.IntN(len(list))].String()}
	}
	return []any{"uuid", g.fresh().String()}
}

func (g *generator) fresh() (u UUID) {
	for i := range u {
		u[i] = byte(g.rng.Uint32())
	}
	return u
}

func (g *generator) atom(b *BaseType) any {
	if g.one(60) {
		return pick[any](g, nil, true, "x", 3, 1.5, []any{"uuid", "bad"}, []any{}, map[string]any{}, []any{"named-uuid", "1"})
	}
	switch b.Type {
	case Integer:
		return g.rng.IntN(12) - 2
	case Real:
		return pick[any](g, 0, 1, 1.5, -1, 2.25, 1e3, 101)
	case Boolean:
		return g.one(2)
	case UUIDType:
		if b.RefTable == "" {
			return g.uuid(pick(g, g.schema.tableNames()...))
		}
		return g.uuid(b.RefTable)
	}
	if b.Enum != nil && !g.one(10) {
		return pick(g, b.Enum.Keys...).Str
	}
	return pick(g, "", "a", "b", "c", "d", "abcdef", "e", "é")
}

func (g *generator) value(t *ColumnType) any {
	if g.one(100) {
		return pick[any](g, nil, []any{"set"}, []any{"map", 3}, []any{"list", []any{}}, "x")
	}
	if t.IsMap() {
		n := g.rng.IntN(4)
		list := make([]any, n)
		for i := range list {
			list[i] = []any{g.atom(&t.Key), g.atom(&t.Value)}
		}
		return []any{"map", list}
	}
	if t.IsScalar() && !g.one(30) || t.Max != 1 && g.one(4) {
		return g.atom(&t.Key)
	}
	n := g.rng.IntN(3)
	if t.Max == 1 && n > 1 && !g.one(10) {
		n = 1
	}
	list := make([]any, n)
	for i := range list {
		list[i] = g.atom(&t.Key)
	}
	return []any{"set", list}
}

func (g *generator) column(t *Table) *Column {
	if g.one(12) {
		return pick(g, uuidColumn, versionColumn)
	}
	return pick(g, t.Columns...)
}

func (g *generator) row(t *Table) map[string]any {
	row := make(map[string]any)
	for range g.rng.IntN(4) {
		c := pick(g, t.Columns...)
		row[c.Name] = g.value(&c.Type)
	}
	if g.one(80) {
		row[pick(g, "nothing", "_uuid", "_version")] = 1
	}
	return row
}

func (g *generator) where(t *Table) []any {
	var list []any
	switch g.rng.IntN(6) {
	case 0:
		return []any{}
	case 1, 2, 3:
		list = append(list, []any{"_uuid", "==", g.uuid(t.Name)})
	}
	for range g.rng.IntN(2) + 1 - min(len(list), 1) {
		c := g.column(t)
		if c == versionColumn {
			continue
		}
		fn := pick(g, "==", "!=", "includes", "excludes")
		if c.Type.Key.Type == Integer || c.Type.Key.Type == Real || g.one(20) {
			fn = pick(g, "<", "<=", "==", "!=", ">=", ">", "includes", "excludes", "~")
		}
		list = append(list, []any{c.Name, fn, g.value(&c.Type)})
	}
	if g.one(40) {
		list = append(list, pick[any](g, true, false, []any{"name"}, 3))
	}
	if list == nil {
		list = []any{}
	}
	return list
}

func (g *generator) operation() map[string]any {
	t := g.schema.Tables[pick(g, g.schema.tableNames()...)]
	op := map[string]any{"table": t.Name}
	switch g.rng.IntN(20) {
	case 0, 1, 2, 3, 4, 5, 6:
		u := g.fresh()
		g.inserted[t.Name] = true
		op["op"], op["row"], op["uuid"] = "insert", g.row(t), u.String()
		if g.one(2) {
			name := pick(g, "n1", "n2", "n3", "n4")
			op["uuid-name"] = name
			g.names = append(g.names, name)
		}
		g.uuids[t.Name] = append(g.uuids[t.Name], u)
	case 7, 8, 9:
		op["op"], op["row"], op["where"] = "update", g.row(t), g.where(t)
	case 10, 11, 12:
		op["op"], op["where"] = "mutate", g.where(t)
		var list []any
		for range g.rng.IntN(3) {
			c := g.column(t)
			m := pick(g, "insert", "delete")
			if c.Type.Key.Type == Integer || c.Type.Key.Type == Real || g.one(20) {
				m = pick(g, "+=", "-=", "*=", "/=", "%=", "insert", "delete", "^=")
			}
			value := g.value(&c.Type)
			if (m == "/=" || m == "%=") && g.one(3) {
				value = 0
			}
			list = append(list, []any{c.Name, m, value})
		}
		if list == nil {
			list = []any{}
		}
		op["mutations"] = list
	case 13:
		// ovsdb-server keeps a weak reference to a row that came and went in
		// one transaction, for ever.
		if !g.inserted[t.Name] {
			op["op"], op["where"] = "delete", g.where(t)
		} else {
			op["op"], op["where"] = "select", g.where(t)
		}
	case 14, 15, 16:
		op["op"], op["where"] = "select", g.where(t)
		if g.one(2) {
			op["columns"] = []any{g.column(t).Name, pick(g, t.Columns...).Name}
			if g.one(20) {
				op["columns"] = []any{"nothing"}
			}
		}
	case 17:
		op["op"], op["where"], op["timeout"], op["until"] = "wait", g.where(t), 0, pick(g, "==", "!=")
		c := pick(g, t.Columns...)
		op["columns"] = []any{c.Name}
		op["rows"] = []any{map[string]any{c.Name: g.value(&c.Type)}}
	case 18:
		return pick(g, map[string]any{"op": "comment", "comment": "c"}, map[string]any{"op": "abort"}, map[string]any{"op": "assert", "lock": "l"},
			map[string]any{"op": "nothing"}, map[string]any{"op": "commit", "durable": false}, map[string]any{"op": "comment"}, map[string]any{"x": 1})
	case 19:
		g.inserted[t.Name] = true
		op["op"], op["row"] = "insert", g.row(t)
		op["uuid"] = pick[any](g, "bad", g.fresh().String(), 3)
		if g.one(2) {
			op["unknown"] = true
		}
	}
	if g.one(150) {
		op["table"] = pick[any](g, "Nothing", 3)
	}
	if g.one(200) {
		delete(op, pick(g, "where", "row", "table", "op"))
	}
	return op
}

// eitherOf says whether two replies differ only in which of several errors of
// one operation is told: ovsdb-server goes through the members of a row, and
// through rows, in the order of a hash.
func eitherOf(ops []any, ours, theirs string) bool {
	var a, b []any
	if json.Unmarshal([]byte(ours), &a) != nil || json.Unmarshal([]byte(theirs), &b) != nil || len(a) != len(b) {
		return false
	}
	for i := range a {
		x, _ := json.Marshal(a[i])
		y, _ := json.Marshal(b[i])
		if string(x) == string(y) {
			continue
		}
		_, e1 := a[i].(map[string]any)["error"]
		_, e2 := b[i].(map[string]any)["error"]
		if i >= len(ops) || !e1 || !e2 {
			return false
		}
		op, _ := ops[i].(map[string]any)
		row, _ := op["row"].(map[string]any)
		mutations, _ := op["mutations"].([]any) // of several rows, in an order of its own too
		return len(row) > 1 || len(mutations) > 1
	}
	return true
}

// dangling says whether the server holds a weak reference to a row that is not
// there. ovsdb-server keeps those of a row that a transaction changed, if the
// same transaction took away the row referred to.
func (r *realServer) dangling(schema *Schema) bool {
	there := make(map[string]bool) // "TABLE UUID"
	var refs []string
	for _, name := range schema.tableNames() {
		t := schema.Tables[name]
		var results []struct{ Rows []map[string]any }
		if err := json.Unmarshal(r.call("transact", r.name, map[string]any{"op": "select", "table": name, "where": []any{}}), &results); err != nil {
			r.t.Fatal(err)
		}
		for _, row := range results[0].Rows {
			d, err := uuidColumn.Type.parseDatum(row["_uuid"], nil)
			if err != nil {
				r.t.Fatal(err)
			}
			there[name+" "+d.String()] = true
			for _, c := range t.weak {
				d, err := c.Type.parseDatum(row[c.Name], nil)
				if err != nil {
					r.t.Fatal(err)
				}
				for _, k := range d.Keys {
					refs = append(refs, c.Type.Key.RefTable+" "+k.String())
				}
			}
		}
	}
	return slices.ContainsFunc(refs, func(ref string) bool { return !there[ref] })
}

// Random transactions to ovsdb-server and to us: the replies are the same, but
// for the words of errors, and so is what the databases hold.
func TestIntegrationDifferentialTransactions(t *testing.T) {
	const schemaFile = "testdata/test.ovsschema"
	real := startReal(t, schemaFile)
	schema := loadSchema(t, schemaFile)
	db := NewDatabase(schema)
	seed := rand.Uint64()
	if s := os.Getenv("OVSDB_SEED"); s != "" {
		fmt.Sscan(s, &seed)
	}
	t.Logf("OVSDB_SEED=%d", seed)
	g := &generator{rng: rand.New(rand.NewPCG(seed, 0)), schema: schema, uuids: make(map[string][]UUID)}
	crashes, wrongs := 0, 0
	// anew is called where ovsdb-server holds what it should not.
	anew := func() {
		if wrongs++; wrongs > 20 {
			t.Fatalf("ovsdb-server has held dangling references %d times", wrongs)
		}
		real.stop()
		real, db = startReal(t, schemaFile), NewDatabase(schema)
	}
	run := func(ops []any) (ours, theirs string) {
		reply, err := real.try("transact", append([]any{real.name}, ops...)...)
		if err != nil {
			// ovsdb-server has failed an assertion of its own: both begin anew.
			if crashes++; crashes > 5 {
				t.Fatalf("ovsdb-server has ended %d times: %v", crashes, err)
			}
			t.Logf("ovsdb-server has ended: %v; the transaction was %s", err, mustJSON(t, ops))
			real, db = startReal(t, schemaFile), NewDatabase(schema)
			return "", ""
		}
		theirs = normalText(t, reply)
		var raw []json.RawMessage
		for _, op := range ops {
			b, err := json.Marshal(op)
			if err != nil {
				t.Fatal(err)
			}
			raw = append(raw, b)
		}
		res := db.Run(ParseRequest(raw), 0)
		ours = normalText(t, res.Reply)
		if res.Changes != nil && slices.ContainsFunc(res.Changes.Rows, func(c RowChange) bool { return c.New == nil }) && real.dangling(schema) {
			anew()
		}
		return ours, theirs
	}
	tags := make(map[string]int)
	committed := 0
	for i := range 6000 {
		g.names, g.inserted = nil, make(map[string]bool)
		var ops []any
		for range 1 + g.rng.IntN(5) {
			ops = append(ops, g.operation())
		}
		ours, theirs := run(ops)
		if ours != theirs && !eitherOf(ops, ours, theirs) {
			text, _ := json.MarshalIndent(ops, "", " ")
			t.Fatalf("transaction %d:\n%s\nours   %s\ntheirs %s", i, text, ours, theirs)
		}
		if at := strings.Index(theirs, `"error":"`); at >= 0 {
			tag, _, _ := strings.Cut(theirs[at+len(`"error":"`):], `"`)
			tags[tag]++
		} else {
			committed++
		}
		if i%20 != 0 {
			continue
		}
		ops = nil
		for _, name := range schema.tableNames() {
			ops = append(ops, map[string]any{"op": "select", "table": name, "where": []any{}})
		}
		if ours, theirs := run(ops); ours != theirs {
			t.Fatalf("after transaction %d the databases hold\nours   %s\ntheirs %s", i, ours, theirs)
		}
		db.check(t)
		for name := range g.uuids {
			// Mostly rows that are there.
			g.uuids[name] = nil
			db.Each(name, func(r *Row) bool { g.uuids[name] = append(g.uuids[name], r.UUID); return true })
			slices.SortFunc(g.uuids[name], UUID.compare)
		}
	}
	t.Logf("%d committed, refused: %v; ovsdb-server ended %d times and held what it should not %d times", committed, tags, crashes, wrongs)
	for _, tag := range []string{ErrSyntax, ErrConstraint, ErrReference, ErrTimedOut, ErrAborted, ErrNotOwner, ErrDomain, ErrDuplicateName} {
		if tags[tag] == 0 {
			t.Errorf("no transaction was refused with %q", tag)
		}
	}
	if committed < 1000 {
		t.Errorf("only %d transactions were committed", committed)
	}
}
