package ofswitch

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"ofswitch/ofp"
	"ofswitch/ports"
)

// downPort is a port with one receive queue that cannot be read.
type downPort struct {
	ports.Port
	q downQueue
}

func (p *downPort) RxQueues() []ports.RxQueue { return []ports.RxQueue{&p.q} }

// TestParkedQueuesMove: a queue that its worker watches again, because its turn to be read
// has come back, while it is being moved is not watched by that worker for ever, who would
// be woken for nothing and could not have it back.
func TestParkedQueuesMove(t *testing.T) {
	m := newMachine(t, 1, 0, ports.MemOptions{})
	for no := range 8 {
		fd := eventfd(t, 1)
		dev := ports.NewMem(fmt.Sprint("down", no))
		t.Cleanup(func() { dev.Close() })
		if err := m.b.AddPort(ofp.PortNo(no+1), &downPort{dev, downQueue{fd: fd}}); err != nil {
			t.Fatal(err)
		}
	}
	var stop atomic.Bool
	var reviving sync.WaitGroup
	reviving.Go(func() {
		for !stop.Load() {
			m.d.unpark()
		}
	})
	for i := range 200 {
		if err := m.d.SetWorkers(1 + (i+1)%2); err != nil {
			t.Errorf("change %d: %v", i, err)
			break
		}
	}
	stop.Store(true)
	reviving.Wait()
	for no := range 8 {
		if err := m.b.RemovePort(ofp.PortNo(no + 1)); err != nil {
			t.Error(err)
		}
	}
}
