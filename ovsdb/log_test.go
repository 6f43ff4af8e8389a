package ovsdb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
)

// content is all that a database holds on disk, as text.
func (db *Database) content() string {
	var b strings.Builder
	for _, name := range db.schema.tableNames() {
		t := db.tables[name]
		var rows []string
		for _, r := range t.rows {
			var w jsonWriter
			w.open('{')
			w.field("_uuid").str(r.UUID.String())
			for _, c := range t.Columns {
				if !c.Ephemeral {
					w.field(c.Name).datum(&c.Type, r.Columns[c.Index])
				}
			}
			w.close('}')
			rows = append(rows, string(w.b))
		}
		slices.Sort(rows)
		fmt.Fprintf(&b, "%s\n%s\n", name, strings.Join(rows, "\n"))
	}
	return b.String()
}

// playRandom runs n random transactions, logging their commits.
func playRandom(t *testing.T, db *Database, l *Log, seed uint64, n int, after func()) {
	t.Helper()
	g := &generator{rng: rand.New(rand.NewPCG(seed, 0)), schema: db.Schema(), uuids: make(map[string][]UUID)}
	for i := range n {
		g.names, g.inserted = nil, make(map[string]bool)
		var ops []json.RawMessage
		for range 1 + g.rng.IntN(3) {
			b, err := json.Marshal(g.operation())
			if err != nil {
				t.Fatal(err)
			}
			ops = append(ops, b)
		}
		r := ParseRequest(ops)
		r.Check = func(c *Changes) error { return l.Append(c) }
		if db.Run(r, 0).Changes != nil && after != nil {
			after()
		}
		if i%20 == 0 {
			for name := range g.uuids {
				g.uuids[name] = nil
				db.Each(name, func(r *Row) bool { g.uuids[name] = append(g.uuids[name], r.UUID); return true })
				slices.SortFunc(g.uuids[name], UUID.compare)
			}
		}
	}
}

func openLog(t *testing.T, path string, s *Schema) (*Database, *Log) {
	t.Helper()
	db, l, err := OpenLog(path, s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return db, l
}

func closeLog(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// What was logged is there when the file is opened again, compacted or not.
func TestLogKeeps(t *testing.T) {
	schema := loadSchema(t, "testdata/test.ovsschema")
	path := filepath.Join(t.TempDir(), "conf.db")
	db, l := openLog(t, path, schema)
	for round := range 4 {
		playRandom(t, db, l, uint64(round), 400, nil)
		want := db.content()
		if round == 2 {
			before := l.end
			if err := l.Compact(db); err != nil {
				t.Fatal(err)
			}
			if l.end >= before {
				t.Errorf("compaction made %d bytes of %d", l.end, before)
			}
		}
		closeLog(t, l)
		db, l = openLog(t, path, nil)
		if got := db.content(); got != want {
			t.Fatalf("round %d: the file has\n%s\nwant\n%s", round, got, want)
		}
		db.check(t)
	}
	closeLog(t, l)
}

// A file that ends anywhere in its last record is the file without it, and the
// next commit cuts the rest off.
func TestLogTornTail(t *testing.T) {
	schema := loadSchema(t, "testdata/test.ovsschema")
	path := filepath.Join(t.TempDir(), "conf.db")
	db, l := openLog(t, path, schema)
	var ends []int64
	var contents []string
	note := func() {
		ends = append(ends, l.end)
		contents = append(contents, db.content())
	}
	note()
	playRandom(t, db, l, 5, 200, note)
	closeLog(t, l)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := len(ends) - 1
	for size := ends[last-1]; size < ends[last]; size++ {
		for _, damage := range []bool{false, true} {
			b := slices.Clone(whole[:size])
			if damage {
				// As long as it was, with zeros where nothing had come to disk.
				b = append(b, make([]byte, ends[last]-size)...)
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			db, l := openLog(t, path, nil)
			if got := db.content(); got != contents[last-1] {
				t.Fatalf("cut at %d of %d (zeros %v): the file has\n%s\nwant\n%s", size-ends[last-1], ends[last]-ends[last-1], damage, got, contents[last-1])
			}
			r := ParseRequest(raw(t, `[{"op":"insert","table":"Free","row":{"n":77}}]`))
			r.Check = func(c *Changes) error { return l.Append(c) }
			db.Run(r, 0)
			want := db.content()
			closeLog(t, l)
			db, l = openLog(t, path, nil)
			if got := db.content(); got != want {
				t.Fatalf("cut at %d, then one commit: the file has\n%s\nwant\n%s", size, got, want)
			}
			closeLog(t, l)
		}
	}
}

// A file that is none, or whose content cannot be true, is refused and left
// alone.
func TestLogRefuses(t *testing.T) {
	schema := loadSchema(t, "testdata/test.ovsschema")
	text, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	head := slices.Clip(appendRecord(nil, text))
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":         {nil, "is empty"},
		"clustered":     {[]byte("OVSDB CLUSTER 5 da39a3ee5e6b4b0d3255bfef95601890afd80709\n1234\n"), "clustered"},
		"text":          {[]byte("hello\n"), "no record header"},
		"no schema":     {appendRecord(nil, []byte(`{"name":3}`)), "Type mismatch for member 'name'."},
		"unknown table": {appendRecord(head, []byte(`{"Other":{}}`)), `"Other"`},
		"bad row":       {appendRecord(head, []byte(`{"Free":{"x":{}}}`)), "no UUID"},
		"bad reference": {appendRecord(head, []byte(`{"Free":{"00000000-0000-4000-8000-000000000001":{"must":["uuid","00000000-0000-4000-8000-000000000002"]}}}`)), ErrReference},
		"delete none":   {appendRecord(head, []byte(`{"Free":{"00000000-0000-4000-8000-000000000001":null}}`)), "was not there"},
	} {
		path := filepath.Join(t.TempDir(), "conf.db")
		if err := os.WriteFile(path, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := OpenLog(path, schema, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want something with %q", name, err, c.want)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != string(c.file) {
			t.Errorf("%s: the file was touched: %v", name, err)
		}
	}
}

// What is no file is refused at once: the open of a pipe would wait for a writer.
func TestLogRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, dir, "/dev/null"} {
		_, _, err := OpenLog(path, loadSchema(t, "testdata/test.ovsschema"), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "not an ordinary file") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v is in the directory: %v", left, err)
	}
}

// A full disk refuses the commit; what was there stays, and when there is room
// again it goes on.
func TestIntegrationLogDiskFull(t *testing.T) {
	testutil.NeedRoot(t)
	schema := loadSchema(t, "testdata/test.ovsschema")
	dir := t.TempDir()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread has mounts of its own
		if err := errors.Join(unix.Unshare(unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
			unix.Mount("none", dir, "tmpfs", 0, "size=64k")); err != nil {
			t.Error(err)
			return
		}
		path := filepath.Join(dir, "conf.db")
		db, l, err := OpenLog(path, schema, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer l.Close()
		insert := func() bool {
			r := ParseRequest([]json.RawMessage{json.RawMessage(`{"op":"insert","table":"Root","row":{"options":["map",[["k","` + strings.Repeat("x", 3000) + `"]]]}}`),
				json.RawMessage(`{"op":"delete","table":"Root","where":[["number","==",0]]}`), json.RawMessage(`{"op":"insert","table":"Free","row":{"n":1}}`)})
			r.Check = func(c *Changes) error { return errors.Join(l.Append(c), l.Sync()) }
			return db.Run(r, 0).Changes != nil
		}
		n := 0
		for n < 10000 && insert() {
			n++
		}
		want, size := db.content(), l.end
		if n == 10000 {
			t.Error("the disk never filled up")
			return
		}
		if insert() {
			t.Error("a commit went through although the disk is full")
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if db, l, err = OpenLog(path, nil, nil); err != nil {
			t.Error(err)
			return
		}
		if got := db.content(); got != want || l.end != size {
			t.Errorf("after %d commits the disk was full; %d bytes of %d are there", n, l.end, size)
		}
		if err := unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT, "size=1m"); err != nil {
			t.Error(err)
		} else if !insert() {
			t.Error("there is room again, and no commit goes through")
		}
	}()
	<-done
}

// ovsdb-tool reads our file, and we read what ovsdb-server wrote.
func TestIntegrationLogIsOVSDBs(t *testing.T) {
	tool := testutil.NeedProgram(t, "ovsdb-tool", "openvswitch-common")
	const schemaFile = "testdata/test.ovsschema"
	schema := loadSchema(t, schemaFile)
	path := filepath.Join(t.TempDir(), "conf.db")
	db, l := openLog(t, path, schema)
	playRandom(t, db, l, 9, 400, nil)
	closeLog(t, l)
	ask := func(args ...string) string {
		out, err := exec.Command(tool, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("ovsdb-tool %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := ask("db-name", path) + " " + ask("db-version", path) + ask("db-is-standalone", path); got != "Test 1.2.3" {
		t.Errorf("ovsdb-tool calls it %q", got)
	}
	ask("show-log", "-m", path)
	var ops []string
	for _, name := range schema.tableNames() {
		ops = append(ops, fmt.Sprintf(`{"op":"select","table":%q,"where":[]}`, name))
	}
	all := strings.Join(ops, ",")
	// Ephemeral columns are not on disk.
	again, l2 := openLog(t, path, nil)
	closeLog(t, l2)
	ours := normalText(t, again.Run(ParseRequest(raw(t, "["+all+"]")), 0).Reply)
	if theirs := normalText(t, []byte(ask("query", path, `["Test",`+all+`]`))); theirs != ours {
		t.Errorf("ovsdb-tool reads\n%s\nwant\n%s", theirs, ours)
	}
	ask("compact", path)
	compacted, l3 := openLog(t, path, nil)
	if out, err := exec.Command(tool, "compact", path).CombinedOutput(); err == nil {
		t.Errorf("ovsdb-tool compacts a file that is in use: %s", out)
	}
	closeLog(t, l3)
	if got, want := compacted.content(), again.content(); got != want {
		t.Errorf("compacted by ovsdb-tool we read\n%s\nwant\n%s", got, want)
	}

	real := startReal(t, schemaFile)
	g := &generator{rng: rand.New(rand.NewPCG(11, 0)), schema: schema, uuids: make(map[string][]UUID)}
	for i := range 600 {
		g.names, g.inserted = nil, make(map[string]bool)
		reply := real.call("transact", real.name, g.operation(), g.operation())
		if i%20 == 0 && len(reply) > 0 {
			for name := range g.uuids {
				if n := len(g.uuids[name]); n > 20 {
					g.uuids[name] = g.uuids[name][n-20:]
				}
			}
		}
	}
	var params []any
	for _, op := range ops {
		params = append(params, json.RawMessage(op))
	}
	theirs := normalText(t, real.call("transact", append([]any{real.name}, params...)...))
	read := readCopy(t, real.file)
	ours = normalText(t, read.Run(ParseRequest(raw(t, "["+all+"]")), 0).Reply)
	// What is ephemeral is not in the file.
	if strip(ours) != strip(theirs) {
		t.Errorf("of ovsdb-server's file we read\n%s\nwant\n%s", ours, theirs)
	}
}

// readCopy reads a copy of a file that another server has open.
func readCopy(t *testing.T, file string) *Database {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	db, l := openLog(t, path, nil)
	closeLog(t, l)
	return db
}

// strip takes the value of the ephemeral column out of a normal text.
func strip(s string) string {
	for {
		i := strings.Index(s, `"volatile":`)
		if i < 0 {
			return s
		}
		depth, j := 0, i+len(`"volatile":`)
		for ; j < len(s); j++ {
			if s[j] == '[' {
				depth++
			}
			if s[j] == ']' {
				if depth--; depth == 0 {
					break
				}
			}
		}
		s = s[:i] + s[j+1:]
	}
}

// Whatever stands in a file, reading it ends with a whole database or an error.
func FuzzReadLog(f *testing.F) {
	text, err := os.ReadFile("testdata/test.ovsschema")
	if err != nil {
		f.Fatal(err)
	}
	schema, err := ParseSchema(text)
	if err != nil {
		f.Fatal(err)
	}
	compact, err := json.Marshal(schema)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(compact, []byte(`{"_date":1,"_is_diff":true,"Free":{"00000000-0000-4000-8000-000000000001":{"n":3}}}`), []byte("OVSDB JSON 3 "))
	f.Add(compact, []byte(`{"Free":{"00000000-0000-4000-8000-000000000001":null}}`), []byte{})
	f.Add([]byte(`{"name":"D","tables":{}}`), []byte(`{}`), []byte("\n"))
	f.Fuzz(func(t *testing.T, schema, record, tail []byte) {
		b := appendRecord(appendRecord(nil, schema), record)
		whole := int64(len(b))
		db, end, _, err := readLog(bytes.NewReader(append(b, tail...)), func(int, int64, error) {})
		if err != nil {
			return
		}
		if end < whole {
			t.Fatalf("%d bytes of whole records, %d were read", whole, end)
		}
		db.check(t)
	})
}
