package ovsdb

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
)

// Commits that are to be on disk are answered when they are; those that come
// while the disk is busy share the next wait. Others are not held up.
func TestDurableCommitsShareASync(t *testing.T) {
	db, l := openLog(t, filepath.Join(t.TempDir(), "conf.db"), loadSchema(t, "testdata/test.ovsschema"))
	t.Cleanup(func() { closeLog(t, l) })
	begun, goOn := make(chan struct{}), make(chan error)
	l.sync = func(f *os.File) error {
		begun <- struct{}{}
		if err := <-goOn; err != nil {
			return err
		}
		return f.Sync()
	}
	_, socket := startOurs(t, db, ServerOptions{Log: l, Logger: slog.New(slog.DiscardHandler)})
	const clients = 5
	list := make([]*client, clients)
	for i := range list {
		list[i] = dial(t, socket)
	}
	const durable = `{"method":"transact","params":["Test",{"op":"insert","table":"Free","row":{"n":%d}},{"op":"commit","durable":true}],"id":%d}`
	// start has all of them commit, the first alone, so that the others come
	// while the disk is busy.
	start := func() {
		for i, c := range list {
			c.write(fmt.Sprintf(durable, i, i))
			if i == 0 {
				<-begun
			} else if _, r := c.ask("echo", `[]`); r["error"] != nil { // it is in line
				t.Fatal(r)
			}
		}
	}
	results := func(want string) {
		t.Helper()
		for i, c := range list {
			if m := c.read(); fmt.Sprint(m["id"]) != fmt.Sprint(i) || !strings.Contains(fmt.Sprint(m["result"]), want) || want == "" && strings.Contains(fmt.Sprint(m), ErrIO) {
				t.Errorf("client %d hears %v", i, m)
			}
		}
	}
	start()
	if _, r := list[0].ask("transact", `["Test",{"op":"insert","table":"Free","row":{"n":77}}]`); !strings.Contains(fmt.Sprint(r["result"]), "uuid") {
		t.Errorf("what need not be on disk is held up: %v", r)
	}
	goOn <- nil
	<-begun // one for all others
	goOn <- nil
	results("")

	// What did not come to disk goes there with all else.
	start()
	goOn <- errors.New("bad sector")
	<-begun
	goOn <- errors.New("bad sector")
	results("")
	if l.records != 0 {
		t.Errorf("the file has %d records more than a new one", l.records)
	}

	// Where that fails too, the clients are told.
	start()
	dir := filepath.Join(t.TempDir(), "gone")
	l.file = filepath.Join(dir, "conf.db")
	goOn <- errors.New("bad sector")
	<-begun
	goOn <- errors.New("bad sector")
	results("bad sector")
}

// Two servers never have one file, by whatever path: ours and ovsdb-server, both
// ways.
func TestIntegrationOneWriter(t *testing.T) {
	real := startReal(t, "testdata/test.ovsschema")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(real.file, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{real.file, link} {
		_, _, err := OpenLog(path, nil, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "in use by another server (process ") {
			t.Errorf("a file of ovsdb-server's opens: %v", err)
		}
	}
	real.stop()
	_, l := openLog(t, link, nil)
	for _, path := range []string{real.file, link} {
		if _, _, err := OpenLog(path, nil, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "in use by this process") {
			t.Errorf("a file opens twice in one process: %v", err)
		}
		server := testutil.NeedProgram(t, "ovsdb-server", "openvswitch-switch")
		out, err := command(t, server, "--remote=punix:"+real.socket, "--no-chdir", "--unixctl="+filepath.Join(t.TempDir(), "ctl"), path)
		if err == nil || !strings.Contains(out, "lock") {
			t.Errorf("ovsdb-server opens a file of ours: %v\n%s", err, out)
		}
	}
	closeLog(t, l)
	_, l = openLog(t, real.file, nil)
	closeLog(t, l)
}
