package ovsdb

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"ofswitch/internal/testutil"
	"ofswitch/jsonrpc"
)

// A manager may have a probe of its own, and its state is told.
func TestRemoteProbe(t *testing.T) {
	s, err := NewServer(testDB(t), ServerOptions{Probe: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	manager, err := net.Listen("unix", filepath.Join(t.TempDir(), "manager"))
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	r := NewRemotes(s, nil)
	changed := make(chan struct{}, 100)
	r.OnChange = func() { changed <- struct{}{} }
	defer r.Close()
	if err := r.Set([]Remote{{Target: "unix:" + manager.Addr().String(), Probe: time.Millisecond}}); err != nil {
		t.Fatal(err)
	}
	nc, err := manager.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	testutil.Wait(t, "the state to be told", func() bool {
		select {
		case <-changed:
			return r.Status()[0].State == "ACTIVE"
		default:
			return false
		}
	})
	if err := nc.SetReadDeadline(time.Now().Add(testutil.Patience)); err != nil {
		t.Fatal(err)
	}
	m, err := jsonrpc.NewConn(nc, jsonrpc.Options{}).Read()
	if err != nil || m.Method != "echo" {
		t.Errorf("the manager is sent %+v, %v", m, err)
	}
}
