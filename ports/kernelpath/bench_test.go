package kernelpath

import "testing"

// verdictDrop is what a flow without an output comes to at a TAP (TCX_DROP).
const verdictDrop = 2

// What the filter at a ring's socket costs a frame: idle, a port that has never had a flow; empty,
// one that has none any more; other, with flows of as many masks as given, none of which is the
// frame's; hit, by as many masks: of the program at a TAP, since the filter takes no second frame before
// the first has come to ingress.
func BenchmarkIntegrationFilter(b *testing.B) {
	for _, way := range []struct {
		name  string
		masks int
		begun bool
		hit   bool
	}{{"idle", 0, false, false}, {"empty", 0, true, false}, {"other=1", 1, true, false}, {"other=4", 4, true, false}, {"hit=1", 1, true, true}, {"hit=4", 4, true, true}} {
		b.Run(way.name, func(b *testing.B) {
			t, err := Open()
			if err != nil {
				b.Fatal(err)
			}
			defer func() {
				if err := t.Close(); err != nil {
					b.Error(err)
				}
			}()
			p, err := t.TestPort(1) // the loopback device, which test runs are of
			if err != nil {
				b.Fatal(err)
			}
			if !way.begun {
				p.entry.epochs.Store(0)
			}
			for i := range way.masks {
				var key, mask Key
				key.SetClass(ClassUDPv4)
				key.SetEthDst(1) // not the frame's
				mask.SetEthDst(^uint64(0))
				mask.SetTOS(uint8(i))
				if way.hit && i == way.masks-1 {
					key.SetEthDst(0x020000000001)
				}
				if _, err := t.Add(p, nil, &key, &mask); err != nil {
					b.Fatal(err)
				}
			}
			frame := append(make([]byte, 14), 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
				0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
				0, 1, 0, 2, 0, 26, 0, 0) // of socket filters the kernel takes an Ethernet header off
			frame = append(frame, make([]byte, 14+60-len(frame))...)
			name, want := progFilter, ^uint32(0)
			if way.hit {
				name, want = progTap, verdictDrop
				frame = frame[14:]
			}
			prog, err := t.progs.get(name)
			if err != nil {
				b.Fatal(err)
			}
			verdict, each, err := prog.Benchmark(frame, b.N, nil)
			if err != nil {
				b.Fatal(err)
			}
			if verdict != want {
				b.Errorf("verdict %d", verdict)
			}
			b.ReportMetric(float64(each.Nanoseconds()), "ns/frame")
		})
	}
}
