package ports

import (
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ports/isolate"
	"ofswitch/ports/kernelpath"
)

// A flow that is held goes by the switch, and when it is released by the kernel only when the
// switch has sent all that it got of it meanwhile.
func TestIntegrationKernelPathHeld(t *testing.T) {
	const one, none = 0x88b5, 0x88cc
	host, sw := veth(t)
	other := testutil.NewNS(t)
	other.NoIPv6()
	other.AddVeth("b0", "p1", sw)
	other.WaitCarrier("b0")
	table := openKernel(t)
	o := SystemOptions{KernelPath: table, Isolation: isolate.TCX}
	tap := openTapIn(t, sw, OpenInternal, "br0", TapOptions{KernelPath: table})
	p0, p1 := openSystem(t, sw, "p0", o), openSystem(t, sw, "p1", o)
	for _, c := range []struct {
		name string
		in   KernelPath
		at   socketAt
	}{{"ring", p0, socketAt{host, "a0"}}, {"TAP", tap, socketAt{sw, "br0"}}} {
		t.Run(c.name, func(t *testing.T) {
			in, out := prepared(t, table, c.in), path(t, p1)
			s := &steps{t: t, from: c.at.open(), to: other.PacketSocket("b0"), rx: c.in.(Port).RxQueues()[0], table: table}
			f := byType(t, table, in, out, one)
			s.send(none)
			s.send(one) // notes that it went to the switch
			s.read(2)
			s.release()
			s.send(one)
			s.arrives()
			s.state(f, true, 1)
			table.Hold(f)
			s.state(f, false, 1)
			s.send(one)
			s.read(1) // and the switch has it
			s.send(none)
			table.Release(f)
			s.send(one)
			s.state(f, false, 1)
			s.release()
			s.read(2)
			s.send(one) // two wait
			s.state(f, false, 1)
			s.release()
			s.read(1)
			s.release()
			s.send(one)
			s.arrives()
			s.state(f, true, 2)
			table.Remove(f)
			table.Wait()
			table.Hold(f) // does no harm
			table.Release(f)
			s.send(one)
			s.read(1)
			s.release()
			s.state(f, true, 2)
		})
	}
}

// While frames flow, a flow is held and released: every frame arrives once and in its turn, and
// is counted once.
func TestIntegrationKernelPathHeldInStream(t *testing.T) {
	a, sw, b := testutil.NewNS(t), testutil.NewNS(t), testutil.NewNS(t)
	for _, ns := range []*testutil.NS{a, sw, b} {
		ns.NoIPv6()
	}
	a.AddVeth("a0", "p0", sw)
	b.AddVeth("b0", "p1", sw)
	a.WaitCarrier("a0")
	b.WaitCarrier("b0")
	table := openKernel(t)
	tap := openTapIn(t, sw, OpenInternal, "br0", TapOptions{KernelPath: table})
	o := SystemOptions{KernelPath: table, Isolation: isolate.TCX}
	p0, p1 := openSystem(t, sw, "p0", o), openSystem(t, sw, "p1", o)
	for _, c := range []struct {
		name     string
		from, to KernelPath
		send     socketAt
		receive  socketAt
	}{
		{"ring to ring", p0, p1, socketAt{a, "a0"}, socketAt{b, "b0"}},
		{"ring to TAP", p0, tap, socketAt{a, "a0"}, socketAt{sw, "br0"}},
		{"TAP to ring", tap, p1, socketAt{sw, "br0"}, socketAt{b, "b0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fw := forward(t, c.from.(Port), c.to.(Port))
			f := byClass(t, table, prepared(t, table, c.from), path(t, c.to), kernelpath.ClassL2)
			s := startStream(t, c.send.open(), c.receive.open(), nil)
			active := 0
			for round := range 200 {
				table.Hold(f)
				// One that was sent while it was held.
				wait := s.sent.Load() + 1 + uint64(round%300)
				testutil.Wait(t, "frames", func() bool { return s.got.Load() > wait })
				table.Release(f)
				wait = s.got.Load() + uint64(round%500)
				testutil.Wait(t, "frames", func() bool { return s.got.Load() >= wait })
				if f.Active() {
					active++
				}
				path(t, c.from)
			}
			sent := s.end(t)
			table.Remove(f)
			table.Wait()
			kernel, _, _ := f.Count()
			ring := uint64(fw.snapshot().frames[0])
			t.Logf("%d frames, %d by the kernel, %d by the switch, active %d times", sent, kernel, ring, active)
			if kernel+ring != sent {
				t.Errorf("%d frames sent, %d counted by the kernel and %d by the switch", sent, kernel, ring)
			}
			if ring == 0 || kernel == 0 {
				t.Error("all went one way")
			}
		})
	}
}
