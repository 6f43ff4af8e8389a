package ports

import (
	"testing"

	"ofswitch/packet"
)

// A transmit handle that is closed leaves nothing open, and the others go on.
func TestIntegrationTxClose(t *testing.T) {
	_, ns := veth(t)
	tap := openTapIn(t, ns, OpenInternal, "t0", TapOptions{Queues: 2})
	for name, p := range map[string]Port{"system": openSystem(t, ns, "p0", SystemOptions{TxDesc: 64}), "tap": tap} {
		kept := newTx(t, p)
		before := openFiles(t)
		for range 3 {
			if err := newTx(t, p).Close(); err != nil {
				t.Error(err)
			}
		}
		if n := openFiles(t); n != before {
			t.Errorf("%s: %d descriptors, before the handles %d", name, n, before)
		}
		f := packet.FromBytes(frame(nil, 100))
		if n := kept.Tx([]*packet.Frame{f}); n != 1 {
			t.Errorf("%s: the handle that is left sends %d frames", name, n)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := kept.Close(); err != nil {
			t.Errorf("%s: a handle closed after its port: %v", name, err)
		}
	}
}

// Handles share the queues of a TAP evenly, whichever of them come and go: a flow comes back
// by the queue that it was written to.
func TestIntegrationTapHandlesSpread(t *testing.T) {
	_, ns := veth(t)
	p := openTapIn(t, ns, OpenInternal, "t0", TapOptions{Queues: 2})
	first, second := newTx(t, p).(*tapTx), newTx(t, p).(*tapTx)
	for range 3 {
		if first.fd == second.fd {
			t.Fatal("two handles write to one of two queues")
		}
		if err := second.Close(); err != nil {
			t.Error(err)
		}
		second = newTx(t, p).(*tapTx)
	}
}
