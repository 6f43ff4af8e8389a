package database

import (
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/jsonrpc"
	"ofswitch/ovsdb"
	"ofswitch/ovsdb/vswitch"
	"ofswitch/stream"
)

// socketDir is a directory whose name is short enough for sockets.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ofs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

var quiet = slog.New(slog.DiscardHandler)

// A new file has its first row, and has it still when it is opened again.
func TestOpen(t *testing.T) {
	dir := socketDir(t)
	file, socket := filepath.Join(dir, "new", "conf.db"), filepath.Join(dir, "db.sock")
	var first string
	for i := range 2 {
		e, err := Open(file, socket, nil, stream.NewCredentials(quiet), quiet)
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		e.server.Do(func(db *ovsdb.Database) {
			db.Each("Open_vSwitch", func(r *ovsdb.Row) bool {
				rows = append(rows, r.UUID.String())
				return true
			})
		})
		if len(rows) != 1 || i > 0 && rows[0] != first {
			t.Errorf("rows of Open_vSwitch: %v, first %s", rows, first)
		}
		first = rows[0]
		if _, err := Open(file, socket+"2", nil, stream.NewCredentials(quiet), quiet); err == nil || !strings.Contains(err.Error(), "is in use") {
			t.Errorf("opened twice: %v", err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(socket); !os.IsNotExist(err) {
			t.Errorf("the socket is left: %v", err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := socketDir(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("garbage"), []byte("no database\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := ovsdb.ParseSchema([]byte(`{"name": "Other", "version": "1.0.0", "tables": {}}`))
	if err != nil {
		t.Fatal(err)
	}
	_, log, err := ovsdb.OpenLog(at("other"), other, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, socket, want string }{
		{"garbage", "s", "database " + at("garbage")},
		{"other", "s", "it is of the kind Other, not " + vswitch.Name},
		{"garbage/conf.db", "s", "garbage"},
		{"new", strings.Repeat("x", 120), "x"},
	} {
		e, err := Open(at(c.file), at(c.socket), nil, stream.NewCredentials(quiet), quiet)
		if err == nil {
			_ = e.Close()
			t.Errorf("%s, %s: opened", c.file, c.socket)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.file, err, c.want)
		}
	}
}

// Managers come and go with the rows; what cannot be is told and harms no other.
func TestManagers(t *testing.T) {
	dir := socketDir(t)
	e, err := Open(filepath.Join(dir, "conf.db"), filepath.Join(dir, "db.sock"), nil, stream.NewCredentials(quiet), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	err = e.SetManagers([]ovsdb.Remote{{Target: "ptcp:0:127.0.0.1"}, {Target: "nonsense"}, {Target: "punix:" + filepath.Join(dir, "db.sock")}})
	if err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("a target that is none: %v", err)
	}
	ask := func(network, address string) {
		t.Helper()
		nc, err := net.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		c := jsonrpc.NewConn(nc, jsonrpc.Options{})
		if err := c.Request(json.RawMessage("1"), "list_dbs", []string{}); err != nil {
			t.Fatal(err)
		}
		if m, err := c.Read(); err != nil || !strings.Contains(string(m.Result), vswitch.Name) {
			t.Errorf("%s answers %v, %v", address, m, err)
		}
	}
	tcp := ""
	for _, s := range e.Managers() {
		if strings.HasPrefix(s.Target, "ptcp:") {
			tcp = s.Address
		}
	}
	ask("tcp", tcp)
	ask("unix", filepath.Join(dir, "db.sock"))
	if err := e.SetManagers(nil); err != nil {
		t.Error(err)
	}
	if n := len(e.Managers()); n != 1 {
		t.Errorf("%d left", n)
	}
	ask("unix", filepath.Join(dir, "db.sock"))
}

// A manager's row tells how it is, at once.
func TestManagerStatus(t *testing.T) {
	dir := socketDir(t)
	g := newRig(t, rootRow(ovsdb.Values{"manager_options": refTo("m")}), ovsdb.Insert("Manager", "m", ovsdb.Values{"target": text("ptcp:0:127.0.0.1")}))
	changed := make(chan struct{}, 100)
	e, err := Open(filepath.Join(dir, "conf.db"), filepath.Join(dir, "db.sock"), func() { changed <- struct{}{} }, stream.NewCredentials(quiet), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	g.r.o.Embedded = e // of another file, which makes no difference to managers
	g.round(false)
	m := g.row("Manager", "ptcp:0:127.0.0.1")
	port := m.pairs("status")["bound_port"]
	if m.flag("is_connected") || port == "" || port == "0" {
		t.Errorf("status %v", m.pairs("status"))
	}
	nc, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	<-changed
	testutil.Wait(t, "the connection", func() bool {
		g.round(false)
		return g.row("Manager", "ptcp:0:127.0.0.1").flag("is_connected")
	})
	nc.Close()
	<-changed
	testutil.Wait(t, "its end", func() bool {
		g.round(false)
		return !g.row("Manager", "ptcp:0:127.0.0.1").flag("is_connected")
	})
}
