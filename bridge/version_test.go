package bridge

import (
	"testing"

	"ofswitch/ofswitch"
)

// TestVersion: what the program says of its version reaches controllers.
func TestVersion(t *testing.T) {
	s, err := New(Options{RunDir: socketDir(t), Version: "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	b, err := s.dp.AddBridge("br0", ofswitch.BridgeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Desc().SW; got != "v1.2.3" {
		t.Errorf("controllers are told %q", got)
	}
}
