package ovsdb

import (
	"log/slog"
	"path/filepath"
	"testing"
)

// The commands of ovsdb-server, by what they print and refuse.
func TestCommands(t *testing.T) {
	db, l := openLog(t, filepath.Join(t.TempDir(), "conf.db"), loadSchema(t, "testdata/test.ovsschema"))
	t.Cleanup(func() { closeLog(t, l) })
	s, socket := startOurs(t, db, ServerOptions{Log: l, Logger: slog.New(slog.DiscardHandler)})
	r := NewRemotes(s, nil)
	own := "punix:" + filepath.Join(t.TempDir(), "s")
	if err := r.Set([]Remote{{Target: own}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	c := dial(t, socket)
	c.ask("transact", `["Test",{"op":"insert","table":"Free","row":{"n":1}}]`)
	commands := make(map[string]Command)
	for _, c := range s.Commands(r) {
		commands[c.Name] = c
	}
	for _, want := range []struct {
		name string
		args []string
		out  string
		err  string
	}{
		{"ovsdb-server/list-dbs", nil, "Test\n_Server\n", ""},
		{"ovsdb-server/list-remotes", nil, own + "\n", ""},
		{"ovsdb-server/compact", []string{"Nope"}, "", "no database by that name"},
		{"ovsdb-server/compact", []string{"_Server"}, "", "cannot compact built-in databases"},
		{"ovsdb-server/compact", []string{"Test"}, "", ""},
		{"ovsdb-server/get-db-storage-status", []string{"Test"}, "status: ok\n", ""},
		{"ovsdb-server/get-db-storage-status", []string{"Nope"}, "", "failed to find the database"},
		{"ovsdb-server/sync-status", nil, "state: active\n", ""},
		{"ovsdb-server/reconnect", nil, "", ""},
	} {
		out, err := commands[want.name].Run(want.args)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if out != want.out || text != want.err {
			t.Errorf("%s %v: %q, %q; want %q, %q", want.name, want.args, out, text, want.out, want.err)
		}
	}
	if l.records != 0 {
		t.Errorf("compacted, the file has %d records", l.records)
	}
	if got := c.rest(); len(got) != 1 || got[0] != "closed" {
		t.Errorf("told to reconnect, the client hears %q", got)
	}
	// A file that takes nothing shows.
	l.f.Close()
	dial(t, socket).ask("transact", `["Test",{"op":"insert","table":"Free","row":{"n":2}}]`)
	if out, err := commands["ovsdb-server/get-db-storage-status"].Run([]string{"Test"}); err != nil || out == "status: ok\n" {
		t.Errorf("after a commit that was refused: %q, %v", out, err)
	}
	l.f = nil
}
