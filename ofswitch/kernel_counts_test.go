package ofswitch

import "testing"

// Each frame counts as a lookup, whoever forwards it: also when its flow is in the kernel no more.
func TestKernelLookups(t *testing.T) {
	l := newKernelLab(t, 2)
	l.add(flowMod(t, 0, 10, "udp", apply(output(2))))
	const frames = 10
	taken := 0
	for range frames {
		taken += l.in(1, udp(1, 2, 3, 4))
	}
	if taken < frames/2 {
		t.Fatalf("the kernel took %d of %d frames", taken, frames)
	}
	for _, name := range []string{"in the kernel", "no more"} {
		s := l.d.Lookups()
		if s.Packets != frames || s.Misses != 1 {
			t.Errorf("%s: %d lookups, %d of them missed; want %d and 1", name, s.Packets, s.Misses, frames)
		}
		l.d.SetKernelPath(false)
	}
}
