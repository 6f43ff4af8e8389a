package bridge

import "testing"

// Alive waits for who changes the configuration, and returns of a switch that
// has been closed.
func TestAlive(t *testing.T) {
	s, err := New(Options{RunDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s.Alive()
	returned := make(chan struct{})
	s.mu.Lock()
	go func() {
		s.Alive()
		close(returned)
	}()
	select {
	case <-returned:
		t.Error("Alive has returned while the configuration was being changed")
	default:
	}
	s.mu.Unlock()
	<-returned
	s.Close()
	s.Alive()
}
