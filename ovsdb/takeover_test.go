package ovsdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
)

// command runs a program to its end, which a kill brings if it has none.
func command(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	return string(out), err
}

// vswitchSchema is Open vSwitch's schema as a tree, to change it.
func vswitchSchema(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile("/usr/share/openvswitch/vswitch.ovsschema")
	if err != nil {
		t.Fatal(err)
	}
	j, err := decodeJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	return j.(map[string]any)
}

// A file of a host with another version of Open vSwitch is taken over as it is:
// it keeps its schema, and what we do not know of stays, written to, compacted and
// read by ovsdb-tool.
func TestIntegrationTakeOver(t *testing.T) {
	tool := testutil.NeedProgram(t, "ovsdb-tool", "openvswitch-common")
	newer, older := vswitchSchema(t), vswitchSchema(t)
	tables := newer["tables"].(map[string]any)
	newer["version"] = "8.99.0"
	tables["Bridge"].(map[string]any)["columns"].(map[string]any)["novelty"] = map[string]any{
		"type": map[string]any{"key": map[string]any{"type": "uuid", "refTable": "Novelty"}, "min": 0, "max": "unlimited"}}
	tables["Novelty"] = map[string]any{"columns": map[string]any{"what": map[string]any{"type": "string"}}}
	older["version"] = "8.1.0"
	tables = older["tables"].(map[string]any)
	delete(tables["Bridge"].(map[string]any)["columns"].(map[string]any), "mcast_snooping_enable")
	delete(tables["Interface"].(map[string]any)["columns"].(map[string]any), "options")
	for _, c := range []struct {
		version string
		schema  map[string]any
		ops     string
		selects string
	}{
		{"8.99.0", newer, `{"op":"insert","table":"Novelty","uuid-name":"n","row":{"what":"of tomorrow"}},` +
			`{"op":"insert","table":"Bridge","uuid-name":"b","row":{"name":"br0","novelty":["named-uuid","n"]}},`, `{"op":"select","table":"Novelty","where":[]}`},
		{"8.1.0", older, `{"op":"insert","table":"Bridge","uuid-name":"b","row":{"name":"br0"}},`, `{"op":"select","table":"Interface","where":[]}`},
	} {
		file := filepath.Join(t.TempDir(), "conf.db")
		text := string(mustJSON(t, c.schema))
		run := func(args ...string) string {
			t.Helper()
			out, err := command(t, tool, args...)
			if err != nil {
				t.Fatalf("ovsdb-tool %v: %v\n%s", args, err, out)
			}
			return out
		}
		run("create", file, schemaFile(t, text))
		run("transact", file, `["Open_vSwitch",`+c.ops+`{"op":"insert","table":"Open_vSwitch","row":{"bridges":["named-uuid","b"]}}]`)
		if err := os.Chmod(file, 0o604); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(file, 12, 34); err != nil {
			t.Fatal(err)
		}
		query := func() string {
			return normalText(t, []byte(run("query", file, `["Open_vSwitch",`+c.selects+`,{"op":"select","table":"Bridge","where":[["name","==","br0"]]}]`)))
		}
		before := query()
		db, l := openLog(t, file, loadSchema(t, "/usr/share/openvswitch/vswitch.ovsschema"))
		write := func(name string) {
			t.Helper()
			r := ParseRequest(raw(t, fmt.Sprintf(`[{"op":"insert","table":"Bridge","uuid-name":"b","row":{"name":%q}},`+
				`{"op":"mutate","table":"Open_vSwitch","where":[],"mutations":[["bridges","insert",["named-uuid","b"]]]}]`, name)))
			r.Check = l.Append
			if res := db.Run(r, 0); res.Changes == nil {
				t.Fatalf("%s", res.Reply)
			}
		}
		write("br1")
		if err := l.Compact(db); err != nil {
			t.Fatal(err)
		}
		write("br2")
		closeLog(t, l)
		if got := query(); got != before {
			t.Errorf("%s: ovsdb-tool reads\n%s\nbefore\n%s", c.version, got, before)
		}
		if got := strings.TrimSpace(run("db-version", file)); got != c.version {
			t.Errorf("the file of version %s has version %s", c.version, got)
		}
		if got := strings.TrimSpace(run("needs-conversion", file, schemaFile(t, text))); got != "no" {
			t.Errorf("%s: needs conversion to its own schema: %s", c.version, got)
		}
		if n := strings.Count(run("query", file, `["Open_vSwitch",{"op":"select","table":"Bridge","where":[],"columns":["name"]}]`), "br"); n != 3 {
			t.Errorf("%s: %d bridges", c.version, n)
		}
		var st unix.Stat_t
		if err := unix.Stat(file, &st); err != nil || st.Mode&0o777 != 0o604 || st.Uid != 12 || st.Gid != 34 {
			t.Errorf("%s: mode %o, owner %d:%d after compaction; %v", c.version, st.Mode&0o777, st.Uid, st.Gid, err)
		}
	}
}

// Files that cannot be used are refused with a line that says why; links lead to
// the file.
func TestIntegrationTakeOverRefuses(t *testing.T) {
	tool := testutil.NeedProgram(t, "ovsdb-tool", "openvswitch-common")
	testutil.NeedRoot(t)
	schema := loadSchema(t, "testdata/test.ovsschema")
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, args := range [][]string{{"create", path("plain"), "testdata/test.ovsschema"}, {"create-cluster", path("cluster"), path("plain"), "tcp:127.0.0.1:6644"}} {
		if out, err := command(t, tool, args...); err != nil {
			t.Fatalf("ovsdb-tool %v: %v\n%s", args, err, out)
		}
	}
	err := errors.Join(os.Mkdir(path("dir"), 0o700), os.Symlink("loop", path("loop")), os.Symlink("dir/new", path("dangling")),
		os.Mkdir(path("closed"), 0o755), os.WriteFile(path("closed/conf.db"), nil, 0o644))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, want string }{
		{path("cluster"), "clustered database"},
		{path("dir"), "it is not an ordinary file"},
		{path("loop"), "too many levels of symbolic links"},
		{path("missing/conf.db"), "create its directory"},
	} {
		_, _, err := OpenLog(c.file, schema, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want something with %q", c.file, err, c.want)
		}
	}
	// A link to nothing yet: the file is made where it leads, and the link stays.
	db, l := openLog(t, path("dangling"), schema)
	if err := l.Compact(db); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	if to, err := os.Readlink(path("dangling")); err != nil || to != "dir/new" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if _, err := os.Stat(path("dir/.new.~lock~")); err != nil {
		t.Errorf("the lock is not where ovsdb-server looks for it: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread is nobody from here on
		if err := unix.Setfsuid(65534); err != nil {
			t.Error(err)
			return
		}
		_, _, err := OpenLog(path("closed/conf.db"), schema, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("a file that may not be written: %v", err)
		}
	}()
	<-done
	if b, err := os.ReadFile(path("closed/conf.db")); err != nil || len(b) != 0 {
		t.Errorf("the file that may not be written has %q, %v", b, err)
	}
}

// Half a record is told of, with its place.
func TestTornTailIsReported(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conf.db")
	db, l := openLog(t, file, loadSchema(t, "testdata/test.ovsschema"))
	playRandom(t, db, l, 3, 20, nil)
	end := l.end
	closeLog(t, l)
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("OVSDB JSON 40 "); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	_, l, err = OpenLog(file, nil, slog.New(slog.NewJSONHandler(&told, nil)))
	if err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	var line map[string]any
	if err := json.Unmarshal([]byte(told.String()), &line); err != nil {
		t.Fatalf("%v: %s", err, told.String())
	}
	if line["level"] != "WARN" || line["file"] != file || line["offset"] != float64(end) {
		t.Errorf("told: %s", told.String())
	}
}
