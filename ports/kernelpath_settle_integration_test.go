package ports

import (
	"fmt"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ports/kernelpath"
)

// openFirst opens as many TAPs as are made ready when they are opened.
func openFirst(t *testing.T, ns *testutil.NS, table *kernelpath.Table) (list []*Tap) {
	t.Helper()
	for i := range 100 {
		p := openTapIn(t, ns, OpenInternal, fmt.Sprint("first", i), TapOptions{KernelPath: table, Down: true})
		if path(t, p).Missing() != 0 {
			return list
		}
		list = append(list, p)
	}
	t.Fatal("all TAPs are made ready at once: of a thousand bridges too")
	return nil
}

// What the host has sent through a TAP before its frames were counted is done with when
// the switch has read and forwarded it, and not before.
func TestIntegrationKernelPathSettle(t *testing.T) {
	const etype = 0x88b5
	sw := testutil.NewNS(t)
	sw.NoIPv6()
	table := openKernel(t)
	openFirst(t, sw, table)
	tap := openTapIn(t, sw, OpenInternal, "br0", TapOptions{KernelPath: table})
	k := path(t, tap)
	s := &steps{t: t, from: socketAt{sw, "br0"}.open(), rx: tap.RxQueues()[0], table: table}
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

// Of the first TAPs all frames are counted, so that the first flows need no moment without any.
func TestIntegrationKernelPathFirst(t *testing.T) {
	const etype = 0x88b5
	sw := testutil.NewNS(t)
	sw.NoIPv6()
	table := openKernel(t)
	first := openFirst(t, sw, table)
	if len(first) == 0 {
		t.Fatal("not one TAP is made ready at once")
	}
	if err := first[0].SetAdmin(true); err != nil {
		t.Fatal(err)
	}
	k := path(t, first[0])
	s := &steps{t: t, from: socketAt{sw, first[0].Name()}.open(), rx: first[0].RxQueues()[0], table: table}
	for range 3 {
		s.send(etype)
	}
	if n := k.Missing(); n != 3 {
		t.Errorf("%d frames missing, of three that were sent", n)
	}
	s.read(3)
	s.release()
	if n := k.Missing(); n != 0 {
		t.Errorf("%d frames missing, where the switch is done with all", n)
	}
	// One that goes makes room for another.
	if err := first[1].Close(); err != nil {
		t.Fatal(err)
	}
	up := openTapIn(t, sw, OpenInternal, "next", TapOptions{KernelPath: table})
	if n := path(t, up).Missing(); n != 0 {
		t.Errorf("%d frames missing at a TAP in the place of one that has been closed", n)
	}
}

// Frames for which a TAP has had no room are not waited for.
func TestIntegrationKernelPathLook(t *testing.T) {
	sw := testutil.NewNS(t)
	sw.NoIPv6()
	table := openKernel(t)
	tap := openTapIn(t, sw, OpenInternal, "br0", TapOptions{KernelPath: table})
	k := path(t, tap)
	s := &steps{t: t, from: socketAt{sw, "br0"}.open(), rx: tap.RxQueues()[0], table: table}
	const room = 1000 // txqueuelen
	for range room + 10 {
		s.send(0x88b5)
	}
	if n := k.Missing(); n != room+10 {
		t.Errorf("%d frames missing before anybody looks, want %d", n, room+10)
	}
	k.Look()
	if n := k.Missing(); n != room {
		t.Errorf("%d frames missing, where %d have room", n, room)
	}
}
