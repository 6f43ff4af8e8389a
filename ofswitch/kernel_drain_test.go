package ofswitch

import (
	"slices"
	"testing"
	"time"

	"ofswitch/ofp"
)

// TestKernelHold: frames of a port wait while another is to be read first, not those of others, and not
// beyond the time.
func TestKernelHold(t *testing.T) {
	l := newKernelLab(t, 3)
	l.add(flowMod(t, 0, 10, "", apply(output(3))))
	p := l.b.conf.Load().ports[2]
	p.hold.Store(&kernelHold{in: l.paths[0].path, own: l.paths[1].path, until: l.now.Load()})
	for _, c := range []struct {
		in, want int
	}{{2, 0}, {1, 1}, {2, 0}} {
		l.paths[c.in-1].InjectBytes(udp(1, 2, 3, 4))
		n := 0
		for range 2 * maxFalseWakes { // not parked for want of frames either
			n += l.d.Poll()
		}
		if n != c.want {
			t.Errorf("%d frames of port %d were forwarded, want %d", n, c.in, c.want)
		}
	}
	l.now.Add(1)
	if n := l.d.Poll(); n != 2 {
		t.Errorf("%d frames were forwarded after the time, want 2", n)
	}
}

// TestKernelDrain: while a flow is helped to become active, the flows in its opposite direction are held and no
// others, and all is as before afterwards. A port with which that was in vain is left alone.
func TestKernelDrain(t *testing.T) {
	l := newKernelLab(t, 3)
	for in, to := range map[string]ofp.PortNo{"in_port=1": 2, "in_port=2": 1, "in_port=3": 1} {
		l.add(flowMod(t, 0, 10, in, apply(output(to))))
	}
	flowOf := func(no ofp.PortNo) *kernelFlow {
		for _, f := range l.d.kernel.live {
			if f.prog.in.no == no {
				return f
			}
		}
		t.Fatalf("the kernel has no flow of port %d", no)
		return nil
	}
	for no := 1; no <= 3; no++ {
		l.k.armed = no == 1
		l.in(no, udp(1, 2, 3, 4))
	}
	f, back := flowOf(1), flowOf(2)
	out := f.outs[0]
	helps := true
	holds := 0
	l.k.onHold = func(slots []kernelSlot) {
		holds++
		if !slices.Equal(slots, back.slots) {
			t.Errorf("held: %v, want %v", slots, back.slots)
		}
		if back.active() || !flowOf(3).active() {
			t.Errorf("active while held: the opposite flow %v, another %v", back.active(), flowOf(3).active())
		}
		if helps {
			l.k.set(f.slots, false)
		}
	}
	after := func(what string) {
		t.Helper()
		if out.hold.Load() != nil || !back.active() {
			t.Errorf("%s: the port is held: %v; the opposite flow is active: %v", what, out.hold.Load() != nil, back.active())
		}
	}
	if !l.d.kernel.drain(f) {
		t.Error("the flow is not active")
	}
	after("active")

	helps = false
	l.k.set(f.slots, true)
	holds = 0
	var d drains
	d.add(f)
	try := func(want int) {
		t.Helper()
		d.list[0].due, d.next = time.Time{}, time.Time{}
		if again := d.run(&l.d.kernel); again <= 0 {
			t.Error("it is not to be tried again")
		}
		if holds != want {
			t.Errorf("tried %d times, want %d", holds, want)
		}
		after("in vain")
	}
	try(1)
	v := d.vain[f.prog.in]
	if v == nil {
		t.Fatal("the port is not left alone")
	}
	v.until = time.Now().Add(time.Hour)
	try(1)
	v.until = time.Time{}
	try(2)
	v.until = time.Time{}
	helps = true
	try(3)
	if len(d.vain) != 0 {
		t.Error("the port is left alone though it was not in vain")
	}
	if again := d.run(&l.d.kernel); again != 0 || len(d.list) != 0 {
		t.Errorf("%d flows are left, again after %v", len(d.list), again)
	}
	// One that has gone meanwhile.
	l.k.set(f.slots, true)
	d.add(f)
	f.end(0)
	if again := d.run(&l.d.kernel); again != 0 {
		t.Errorf("a flow that has gone is to be tried again after %v", again)
	}
}

// TestKernelDrainNone: nothing is done for flows with which no other port's frames could wait: those that the switch
// drops, and those that leave by the port by which they came, whose own frames would wait.
func TestKernelDrainNone(t *testing.T) {
	l := newKernelLab(t, 3)
	l.add(flowMod(t, 0, 10, "in_port=1", apply(output(ofp.PortInPort))))
	l.add(flowMod(t, 0, 10, "in_port=2", apply()))
	l.add(flowMod(t, 0, 10, "in_port=3", apply(output(1))))
	for no := 1; no <= 3; no++ {
		l.in(no, udp(1, 2, 3, 4))
	}
	if n := len(l.d.kernel.live); n != 3 {
		t.Fatalf("the kernel has %d flows, want 3", n)
	}
	var d drains
	for _, f := range l.d.kernel.live {
		d.add(f)
	}
	if len(d.list) != 1 || d.list[0].f.prog.in.no != 3 {
		t.Errorf("%d flows are to be helped, want that of port 3 alone", len(d.list))
	}
}
