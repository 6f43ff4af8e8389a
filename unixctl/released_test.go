package unixctl

import (
	"os"
	"testing"
)

// TestReleased holds that a command which waits for Released is answered when both
// files have gone, so that another program can take the name at once.
func TestReleased(t *testing.T) {
	dir := t.TempDir()
	srv, err := NewServer(dir, "prog")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	srv.Register("exit", "", 0, 0, func([]string) (string, error) {
		close(asked)
		<-srv.Released()
		return "gone", nil
	})
	closed := make(chan error)
	go func() {
		<-asked
		closed <- srv.Close()
	}()
	c, err := DialProgram(dir, "prog")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if text, err := c.Call("exit"); err != nil || text != "gone\n" {
		t.Errorf("exit: %q, %v", text, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("after exit: %v, %v", left, err)
	}
	again, err := NewServer(dir, "prog")
	if err != nil {
		t.Fatalf("the name cannot be taken: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// TestCommandFault holds that a panic costs the command alone.
func TestCommandFault(t *testing.T) {
	dir := t.TempDir()
	srv, err := NewServer(dir, "prog")
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	srv.Register("bad", "", 0, 0, func([]string) (string, error) { panic("oh") })
	c, err := DialProgram(dir, "prog")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Call("bad"); err == nil || err.Error() != "\"bad\" failed for a fault of the program, which its log tells" {
		t.Errorf("bad: %v", err)
	}
	if _, err := c.Call("version"); err != nil {
		t.Errorf("version afterwards: %v", err)
	}
}
