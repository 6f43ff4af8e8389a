package ofswitch

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"ofswitch/packet"
)

// coreBench runs the core without receive and transmit: extract, look up, count, execute,
// gather, in batches of frames whose memory is warm, as that of a ring is. next gives
// addresses and ports of the frames one by one.
func coreBench(b *testing.B, l *lab, batch int, next func() (src, dst uint32, ports uint32)) {
	w := l.d.workers()[0]
	in := l.b.conf.Load().ports[1]
	frames, all := make([]*packet.Frame, batch), make([]packet.Frame, batch)
	var bytes [][]byte
	for i := range all {
		all[i] = *packet.FromBytes(udp(1, 2, 3, 4))
		bytes = append(bytes, all[i].Bytes())
	}
	run := func() {
		for i := range frames {
			src, dst, ports := next()
			binary.BigEndian.PutUint32(bytes[i][26:], src)
			binary.BigEndian.PutUint32(bytes[i][30:], dst)
			binary.BigEndian.PutUint32(bytes[i][34:], ports)
			frames[i] = &all[i]
		}
		w.begin()
		w.process(frames, in)
		for _, t := range w.dirty {
			t.frames = t.frames[:0]
		}
		w.dirty = w.dirty[:0]
	}
	for range 200000 / batch {
		run()
	}
	misses := w.counts.Misses
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	report(b, batch)
	if n := float64(w.counts.Misses-misses) / float64(b.N*batch); n > 0.001 {
		b.ReportMetric(n, "translations/frame")
	}
}

// flowsOf gives n flows in turns, in an order without pattern; random: a random one each
// time. Many are made beforehand, so that making them costs little.
func flowsOf(n int) func() (src, dst, ports uint32) {
	rng := rand.New(rand.NewPCG(1, 1))
	order := make([]uint32, max(1<<16/n*n, n))
	for i := range order {
		order[i] = uint32(i % n)
	}
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	i := 0
	return func() (src, dst, ports uint32) {
		if i++; i == len(order) {
			i = 0
		}
		f := order[i]
		return 0x0a000000 | f, 0x0b000000 | f*7, f * 0x9e3779b9
	}
}

// BenchmarkCore is what a frame costs without I/O, the making of the benchmark's frames
// included (BenchmarkCoreFrames).
func BenchmarkCore(b *testing.B) {
	for _, batch := range []int{32, 64} {
		for _, n := range []int{1, 100, 1000, 10000, 1000000} {
			b.Run(fmt.Sprintf("batch-%d/flows-%d", batch, n), func(b *testing.B) {
				l := newBareLab(b)
				l.add(flowMod(b, 0, 1, "in_port=1", apply(output(2))))
				coreBench(b, l, batch, flowsOf(n))
			})
		}
	}
	// Flows that only an exact key tells apart, so that there are as many programs.
	for _, n := range []int{100, 10000} {
		b.Run(fmt.Sprintf("exact/flows-%d", n), func(b *testing.B) {
			l := newBareLab(b)
			for i := range 16 {
				l.add(flowMod(b, 0, 1, fmt.Sprintf("udp,nw_src=10.0.0.%d/255.0.0.15", i), apply(output(2))))
			}
			for i := range n {
				l.add(flowMod(b, 0, 2, fmt.Sprintf("udp,nw_src=10.%d.%d.%d", i>>16, i>>8&255, i&255), apply(output(2))))
			}
			coreBench(b, l, 32, flowsOf(n))
		})
	}
	// A million flows over as many megaflows as there are masks.
	for _, masks := range []int{1, 2, 10, 30} {
		b.Run(fmt.Sprintf("megaflow-hit/masks-%d", masks), func(b *testing.B) {
			l := newBareLab(b)
			for i := range masks {
				l.add(flowMod(b, 0, uint16(100-i), fmt.Sprintf("ip,nw_dst=%s/%[1]s", dotted(1<<i)), apply(output(2))))
			}
			flows, i := flowsOf(1000000), 0
			coreBench(b, l, 32, func() (uint32, uint32, uint32) {
				src, _, ports := flows()
				i = (i + 1) % masks
				return src, 1 << i, ports
			})
		})
	}
}

func dotted(ip uint32) string {
	return fmt.Sprintf("%d.%d.%d.%d", ip>>24, ip>>16&255, ip>>8&255, ip&255)
}

// BenchmarkCoreFrames is what making the frames costs in BenchmarkCore.
func BenchmarkCoreFrames(b *testing.B) {
	next := flowsOf(1000000)
	f := udp(1, 2, 3, 4)
	for b.Loop() {
		for range 64 {
			src, dst, ports := next()
			binary.BigEndian.PutUint32(f[26:], src)
			binary.BigEndian.PutUint32(f[30:], dst)
			binary.BigEndian.PutUint32(f[34:], ports)
		}
	}
	report(b, 64)
}
