package ofswitch

import (
	"sync/atomic"
	"testing"
	"time"

	"ofswitch/flow"
	"ofswitch/ports"
)

// TestBarrierWaitsForBatch: a barrier is answered when no frame is on its old way any more
// (OpenFlow 1.3.5 §7.3.8), so not while a worker is in the middle of a batch.
func TestBarrierWaitsForBatch(t *testing.T) {
	m := newMachine(t, 1, 2, ports.MemOptions{})
	if err := m.b.FlowMod(flowMod(t, 0, 1, "in_port=1", apply(output(2)))); err != nil {
		t.Fatal(err)
	}
	inside, goOn := make(chan struct{}), make(chan struct{})
	w := m.d.workers()[0]
	plantIt := func(p *plant) {
		if !m.d.visit(w, func() { w.plant = p }) {
			t.Fatal("the worker has ended")
		}
	}
	plantIt(&plant{key: func(*flow.Key) {
		close(inside)
		<-goOn
	}})
	m.ports[0].InjectBytes(udp(1, 2, 3, 4))
	within(t, "the worker has the frame", func() { <-inside })
	var released atomic.Bool
	answered := make(chan bool, 1)
	go func() {
		m.b.Barrier()
		answered <- released.Load()
	}()
	var late bool
	select {
	case late = <-answered: // too early: it is false
	case <-time.After(100 * time.Millisecond):
		released.Store(true)
		close(goOn)
		within(t, "the barrier is answered", func() { late = <-answered })
	}
	if !late {
		t.Error("a barrier was answered while a frame was on its way")
		close(goOn)
	}
	if n := m.ports[1].Stats().TxPackets; late && n != 1 {
		t.Errorf("after the barrier %d frames were sent", n)
	}
	plantIt(nil)
}
