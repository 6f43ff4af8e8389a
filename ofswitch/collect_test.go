package ofswitch

import (
	"sync"
	"testing"
)

// Whoever has a round of the collector made, in tests above all, may do so beside the
// collector's own goroutine: -race must find nothing.
func TestCollectBesideCollector(t *testing.T) {
	d, err := NewDatapath(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.AddBridge("br0", BridgeOptions{}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 20 {
				d.Collect()
			}
		})
	}
	wg.Wait()
}
