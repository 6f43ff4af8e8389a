package ovsdb

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// dialSocket connects to a socket, with a bound on how long anything may take.
func dialSocket(socket string) (net.Conn, error) {
	nc, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	return nc, nc.SetDeadline(time.Now().Add(time.Minute))
}

// schemaFile puts a schema into a file.
func schemaFile(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "schema")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
