package ofswitch

import (
	"fmt"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// report adds frames per second to a benchmark whose iteration is a batch.
func report(b *testing.B, framesPerLoop int) {
	ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(framesPerLoop)
	b.ReportMetric(ns, "ns/frame")
	b.ReportMetric(1e9/ns, "frames/s")
	b.ReportMetric(0, "ns/op")
}

// flows gives n frames of different connections.
func flows(n int) [][]byte {
	var list [][]byte
	for i := range n {
		list = append(list, udp(1, 2, uint16(i), uint16(i>>16)))
	}
	return list
}

// BenchmarkForward is end to end over ports in memory: receive, extract,
// cache hit, execute, transmit.
func BenchmarkForward(b *testing.B) {
	for _, n := range []int{1, 64, 1000, 10000} {
		b.Run(fmt.Sprintf("cache-hit-%d-flows", n), func(b *testing.B) {
			l := newBareLab(b, flows(n)...)
			l.add(flowMod(b, 0, 1, "in_port=1", apply(output(2))))
			for range n/packet.BatchSize + 1 {
				l.d.Poll()
			}
			b.ReportAllocs()
			for b.Loop() {
				l.d.Poll()
			}
			report(b, packet.BatchSize)
		})
	}
	b.Run("set-field", func(b *testing.B) {
		l := newBareLab(b, flows(64)...)
		l.add(flowMod(b, 0, 1, "in_port=1,ip", apply(set(flow.EthSrc, 0x020000000009), set(flow.IPv4Dst, 0x0a000009), output(2))))
		b.ReportAllocs()
		for b.Loop() {
			l.d.Poll()
		}
		report(b, packet.BatchSize)
	})
}

// BenchmarkHit is the path of a cached flow without receive and transmit:
// extract, hash, lookup, count, gather.
func BenchmarkHit(b *testing.B) {
	for _, n := range []int{1, 64, 10000} {
		b.Run(fmt.Sprintf("%d-flows", n), func(b *testing.B) {
			l := newBareLab(b, flows(n)...)
			l.add(flowMod(b, 0, 1, "in_port=1", apply(output(2))))
			for range n/packet.BatchSize + 1 {
				l.d.Poll()
			}
			w := l.d.workers()[0]
			in := l.b.conf.Load().ports[1]
			var all []*packet.Frame
			for _, f := range flows(n + packet.BatchSize) {
				all = append(all, packet.FromBytes(f))
			}
			frames := make([]*packet.Frame, packet.BatchSize)
			b.ReportAllocs()
			for at := 0; b.Loop(); at = (at + packet.BatchSize) % n {
				copy(frames, all[at:at+packet.BatchSize])
				if n == 1 {
					for i := range frames {
						frames[i] = all[0]
					}
				}
				w.process(frames, in)
				for _, t := range w.dirty {
					t.frames = t.frames[:0]
				}
				w.dirty = w.dirty[:0]
			}
			report(b, packet.BatchSize)
		})
	}
}

// BenchmarkMiss is a translation per frame.
func BenchmarkMiss(b *testing.B) {
	for _, tables := range []int{1, 4} {
		b.Run(fmt.Sprintf("%d-tables", tables), func(b *testing.B) {
			l := newBareLab(b, udp(1, 2, 3, 4))
			for i := range tables - 1 {
				l.add(flowMod(b, ofp.TableID(i), 1, "in_port=1", then(apply(), ofp.TableID(i+1))))
			}
			l.add(flowMod(b, ofp.TableID(tables-1), 1, "in_port=1", apply(output(2))))
			w := l.d.workers()[0]
			w.begin()
			in := l.b.conf.Load().ports[1]
			f := packet.FromBytes(udp(1, 2, 3, 4))
			var k flow.Key
			flow.Extract(f, in.num, &k)
			b.ReportAllocs()
			for b.Loop() {
				w.tr.translate(&k, in, nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/miss")
		})
	}
}

// BenchmarkExecute is a program over a batch of frames, without lookup.
func BenchmarkExecute(b *testing.B) {
	for _, bm := range []struct {
		name string
		ins  ofp.Instructions
	}{
		{"output", apply(output(2))},
		{"output-to-2", apply(output(2), output(3))},
		{"set-field", apply(set(flow.EthSrc, 9), set(flow.IPv4Dst, 9), output(2))},
		{"push-vlan", apply(ofp.PushVLAN{EtherType: 0x8100}, ofp.PopVLAN{}, output(2))},
		{"copy-on-write", apply(output(2), set(flow.IPv4Dst, 9), output(3))},
	} {
		b.Run(bm.name, func(b *testing.B) {
			l := newBareLab(b, udp(1, 2, 3, 4))
			l.add(flowMod(b, 0, 1, "udp", bm.ins))
			l.d.Poll()
			w := l.d.workers()[0]
			var p *program
			w.cache.Each(func(_ *flow.Key, q *program) bool { p = q; return false })
			var all, frames [packet.BatchSize]*packet.Frame
			var k flow.Key
			for i := range all {
				all[i] = packet.FromBytes(udp(1, 2, 3, 4))
				flow.Extract(all[i], 1, &k)
			}
			b.ReportAllocs()
			for b.Loop() {
				for i, f := range all {
					f.Shared = false
					frames[i] = f
				}
				w.execute(p, frames[:])
				w.transmit()
			}
			report(b, packet.BatchSize)
		})
	}
}

// BenchmarkBarrier is a flow-mod and a barrier, without load.
func BenchmarkBarrier(b *testing.B) {
	d, err := NewDatapath(Options{Workers: 2})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	br, err := d.AddBridge("br0", BridgeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	mods := [2]*ofp.FlowMod{flowMod(b, 0, 1, "udp", apply(output(1))), flowMod(b, 0, 1, "udp", apply(output(2)))}
	for i := 0; b.Loop(); i++ {
		if err := br.FlowMod(mods[i%2]); err != nil {
			b.Fatal(err)
		}
		br.Barrier()
	}
}
