package ports

import (
	"testing"

	"ofswitch/internal/testutil"
)

// What the host has sent through a TAP before its frames were counted is done with when
// the switch has read and forwarded it, and not before.
func TestIntegrationKernelPathSettle(t *testing.T) {
	const etype = 0x88b5
	sw := testutil.NewNS(t)
	sw.NoIPv6()
	table := openKernel(t)
	tap := openTapIn(t, sw, OpenInternal, "br0", TapOptions{KernelPath: table})
	k := path(t, tap)
	s := &steps{t: t, from: socketAt{sw, "br0"}.open(), rx: tap.RxQueues()[0]}
	s.send(etype) // not counted, or counted: nobody knows
	if err := table.Prepare(k); err != nil {
		t.Fatal(err)
	}
	settle := func(want bool) {
		t.Helper()
		for range 20 {
			tap.settleKernelPath()
		}
		if known := k.Missing() == 0; known != want {
			t.Fatalf("known %v, want %v", known, want)
		}
	}
	settle(false) // it waits
	s.read(1)
	settle(false) // it is lent
	s.release()
	testutil.Wait(t, "a moment without frames", func() bool { tap.settleKernelPath(); return k.Missing() == 0 })
	s.send(etype)
	if n := k.Missing(); n != 1 {
		t.Errorf("%d frames missing, of one that was sent", n)
	}
	s.read(1)
	s.release()
	settle(true)
}
