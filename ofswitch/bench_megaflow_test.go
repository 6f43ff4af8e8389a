package ofswitch

import (
	"fmt"
	"testing"

	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

// BenchmarkMegaflow is the path of a frame whose key only the cache of wildcarded
// keys has, without receive and transmit: connections come again long after the
// cache of exact keys has forgotten them. Neighbouring frames have other masks.
func BenchmarkMegaflow(b *testing.B) {
	const connections = 4096
	for _, masks := range []int{1, 10} {
		b.Run(fmt.Sprintf("%d-masks", masks), func(b *testing.B) {
			l := newLab(b, 0, func(o *Options) { o.MicroflowEntries, o.MegaflowEntries = 64, 1<<16 })
			for i := range 2 {
				p := ports.NewMemWith(fmt.Sprint("m", i+1), ports.MemOptions{Capture: -1})
				if err := l.b.AddPort(ofp.PortNo(i+1), p); err != nil {
					b.Fatal(err)
				}
			}
			// A table for each destination, with a prefix of another length.
			for i := range masks {
				next := ofp.TableID(i + 1)
				l.add(flowMod(b, 0, 1, fmt.Sprintf("in_port=1,ip,nw_dst=10.0.0.%d", i+1), then(apply(), next)))
				l.add(flowMod(b, next, 1, fmt.Sprintf("ip,nw_src=10.0.0.0/%d", 15+i), apply(output(2))))
			}
			w := l.d.workers()[0]
			in := l.b.conf.Load().ports[1]
			all := make([]*packet.Frame, connections)
			for i := range all {
				all[i] = packet.FromBytes(udp(200, byte(i%masks+1), uint16(i), 7))
			}
			w.begin()
			frames := make([]*packet.Frame, packet.BatchSize)
			run := func(at int) {
				copy(frames, all[at:at+packet.BatchSize])
				w.process(frames, in)
				for _, t := range w.dirty {
					t.frames = t.frames[:0]
				}
				w.dirty = w.dirty[:0]
			}
			for at := 0; at < connections; at += packet.BatchSize {
				run(at)
			}
			if n := w.mega.Masks(); n != masks {
				b.Fatalf("%d masks, want %d", n, masks)
			}
			b.ReportAllocs()
			for at := 0; b.Loop(); at = (at + packet.BatchSize) % connections {
				run(at)
			}
			report(b, packet.BatchSize)
		})
	}
}
