package ports

import (
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ports/isolate"
	"ofswitch/ports/kernelpath"
)

// openKernel opens a table that is closed when the test ends.
func openKernel(t testing.TB) *kernelpath.Table {
	t.Helper()
	table, err := kernelpath.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	return table
}

// path is the port in the kernel's table.
func path(t testing.TB, p KernelPath) *kernelpath.Port {
	t.Helper()
	k, why := p.KernelPath()
	if k == nil {
		t.Fatalf("no kernel path: %s", why)
	}
	return k
}

// prepared is path, once the kernel is ready for flows from the port and all frames are
// known that the switch has yet to see.
func prepared(t testing.TB, table *kernelpath.Table, p KernelPath) *kernelpath.Port {
	t.Helper()
	k := path(t, p)
	if err := table.Prepare(k); err != nil {
		t.Fatal(err)
	}
	testutil.Wait(t, "a moment without frames", func() bool { return path(t, p).Missing() == 0 })
	return k
}

// byClass adds a flow for all frames of a class.
func byClass(t testing.TB, table *kernelpath.Table, in, out *kernelpath.Port, c kernelpath.Class) *kernelpath.Flow {
	t.Helper()
	var key, mask kernelpath.Key
	key.SetClass(c)
	f, err := table.Add(in, []*kernelpath.Port{out}, &key, &mask)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TCP between two hosts goes through the kernel, whole GSO packets included, and what the
// flows and the ports have counted is what the hosts sent.
func TestIntegrationKernelPathTCP(t *testing.T) {
	a, sw, b := twoHosts(t)
	table := openKernel(t)
	o := SystemOptions{KernelPath: table, Isolation: isolate.TCX}
	p0, p1 := openSystem(t, sw, "p0", o), openSystem(t, sw, "p1", o)
	fw := forward(t, p0, p1)
	k0, k1 := path(t, p0), path(t, p1)
	for _, c := range []struct {
		class kernelpath.Class
		addr  string
	}{{kernelpath.ClassTCPv4, "10.0.0.2"}, {kernelpath.ClassTCPv6, "fd00::2"}} {
		there := byClass(t, table, k0, k1, c.class)
		back := byClass(t, table, k1, k0, c.class)
		before := fw.snapshot()
		rate := transfer(t, a, b, c.addr, transferSize)
		s := fw.snapshot()
		packets, bytes, used := there.Count()
		packets2, bytes2, _ := back.Count()
		t.Logf("%s: %.1f Gbit/s, %d and %d packets, %d and %d bytes, used %d; by the switch %v", c.addr, rate, packets, packets2, bytes, bytes2, used, [2]int{s.frames[0] - before.frames[0], s.frames[1] - before.frames[1]})
		if !there.Active() || !back.Active() {
			t.Errorf("%s: active %v, %v", c.addr, there.Active(), back.Active())
		}
		if bytes < transferSize*9/10 {
			t.Errorf("%s: %d bytes by the kernel", c.addr, bytes)
		}
		table.Remove(there, back)
		table.Wait()
	}
}

// TCP between a host and the switch's own, by a TAP.
func TestIntegrationKernelPathTap(t *testing.T) {
	a, sw := testutil.NewNS(t), testutil.NewNS(t)
	a.AddVeth("a0", "p0", sw)
	a.Addr("a0", "10.0.0.1/24")
	a.Addr("a0", "fd00::1/64")
	table := openKernel(t)
	tap := openTapIn(t, sw, OpenInternal, "br0", TapOptions{KernelPath: table})
	sw.Addr("br0", "10.0.0.2/24")
	sw.Addr("br0", "fd00::2/64")
	p0 := openSystem(t, sw, "p0", SystemOptions{KernelPath: table, Isolation: isolate.TCX})
	fw := forward(t, p0, tap)
	k0, k1 := path(t, p0), prepared(t, table, tap)
	for _, c := range []struct {
		class kernelpath.Class
		addr  string
	}{{kernelpath.ClassTCPv4, "10.0.0."}, {kernelpath.ClassTCPv6, "fd00::"}} {
		in := byClass(t, table, k0, k1, c.class)
		out := byClass(t, table, k1, k0, c.class)
		rate := transfer(t, a, sw, c.addr+"2", transferSize/4)
		rate2 := transfer(t, sw, a, c.addr+"1", transferSize/4)
		_, bytes, _ := in.Count()
		_, bytes2, _ := out.Count()
		s := fw.snapshot()
		t.Logf("%s: %.1f Gbit/s in, %.1f out; %d and %d bytes; by the switch %v", c.addr, rate, rate2, bytes, bytes2, s.frames)
		if !in.Active() || !out.Active() || bytes < transferSize/4*9/10 || bytes2 < transferSize/4*9/10 {
			t.Errorf("%s: active %v, %v, bytes %d, %d", c.addr, in.Active(), out.Active(), bytes, bytes2)
		}
	}
}
