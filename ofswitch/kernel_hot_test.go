package ofswitch

import "testing"

// TestKernelSoon: programs with very many frames are given to the kernel before the time when others are looked for.
func TestKernelSoon(t *testing.T) {
	for _, c := range []struct{ frames, want int }{{hotMany - 2, 0}, {hotMany, 1}} {
		l := newKernelLab(t, 2)
		for _, w := range l.d.workers() {
			w.hot.always = false
		}
		l.add(flowMod(t, 0, 10, "udp,nw_dst=10.0.0.2", apply(output(2))))
		l.add(flowMod(t, 0, 10, "udp,nw_dst=10.0.0.5", apply(output(2))))
		l.now.Add(hotEvery)
		l.in(1, flows1(udp(1, 5, 3, 4), hotFrames)...)
		if l.k.adds != 1 {
			t.Fatalf("%d flows are with the kernel, want 1", l.k.adds)
		}
		l.now.Add(hotSoon / 2)
		f := udp(1, 2, 3, 4)
		l.in(1, flows1(f, c.frames)...)
		if l.k.adds != 1 {
			t.Errorf("%d frames: looked at before the time", c.frames)
		}
		l.now.Add(hotSoon)
		l.in(1, f)
		if got := l.k.adds - 1; got != c.want {
			t.Errorf("%d frames: %d flows are with the kernel, want %d", c.frames, got, c.want)
		}
	}
}
