package ovsdb

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ofswitch/internal/testutil"
)

// Remotes that stay keep their connections when others come and go; those that
// go leave no socket.
func TestRemotes(t *testing.T) {
	s, err := NewServer(testDB(t), ServerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := NewRemotes(s, nil)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	manager, err := net.Listen("unix", filepath.Join(dir, "manager"))
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	if err := r.Set([]Remote{{Target: "punix:" + a}, {Target: "punix:" + b}, {Target: "ptcp:0:127.0.0.1"}, {Target: "unix:" + manager.Addr().String()}}); err != nil {
		t.Fatal(err)
	}
	onA, onB := dial(t, a), dial(t, b)
	ask := func(c *client) {
		t.Helper()
		if _, m := c.ask("list_dbs", `[]`); fmt.Sprint(m["result"]) != "[Test _Server]" {
			t.Errorf("%v", m)
		}
	}
	ask(onA)
	ask(onB)
	nc, err := manager.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	dialled := dialOver(t, nc)
	ask(dialled)
	tcp := ""
	for _, st := range r.Status() {
		if strings.HasPrefix(st.Target, "ptcp:") {
			tcp = st.Address
		}
		if strings.HasPrefix(st.Target, "unix:") && (st.State != "ACTIVE" || st.Connections != 1) {
			t.Errorf("the manager: %+v", st)
		}
	}
	over, err := net.Dial("tcp", tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	ask(dialOver(t, over))

	if err := r.Set([]Remote{{Target: "punix:" + a}, {Target: "unix:" + manager.Addr().String()}}); err != nil {
		t.Fatal(err)
	}
	ask(onA)
	ask(dialled)
	if _, err := os.Stat(b); !os.IsNotExist(err) {
		t.Errorf("the socket of a remote that is gone: %v", err)
	}
	if _, err := onB.nc.Read(make([]byte, 1)); err == nil {
		t.Error("a connection of a remote that is gone goes on")
	}
	err = r.Set([]Remote{{Target: "punix:" + a}, {Target: "nonsense"}, {Target: "ssl:127.0.0.1"}})
	if err == nil || !strings.Contains(err.Error(), `"nonsense"`) || !strings.Contains(err.Error(), "TLS needs") {
		t.Errorf("wrong remotes: %v", err)
	}
	ask(onA)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	s.Close()
	if _, err := os.Stat(a); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// A manager that cannot be reached is told of, and tried again.
func TestRemoteBackoff(t *testing.T) {
	s, err := NewServer(testDB(t), ServerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := NewRemotes(s, nil)
	defer s.Close()
	defer r.Close()
	path := filepath.Join(t.TempDir(), "later")
	if err := r.Set([]Remote{{Target: "unix:" + path}}); err != nil {
		t.Fatal(err)
	}
	testutil.Wait(t, "the first attempt to fail", func() bool {
		st := r.Status()[0]
		return st.State == "BACKOFF" && strings.Contains(st.LastError, "no such file")
	})
	if st := r.Status()[0]; st.LastErrno != syscall.ENOENT || !st.Disconnected.IsZero() || !st.Connected.IsZero() {
		t.Errorf("one that never was connected: %+v", st)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	testutil.Wait(t, "the connection", func() bool { return r.Status()[0].State == "ACTIVE" })
	if st := r.Status()[0]; st.Connected.IsZero() || st.LastErrno != 0 {
		t.Errorf("one that is connected: %+v", st)
	}
	nc.Close()
	testutil.Wait(t, "the end of the connection", func() bool { return !r.Status()[0].Disconnected.IsZero() })
}
