package ofswitch

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// BenchmarkCoreChanges is the core while flow-mods arrive that concern no frame: one every 64
// frames is ten thousand a second beside 640,000 frames. What the flow-mods cost themselves,
// which another thread pays, is not in it.
func BenchmarkCoreChanges(b *testing.B) {
	kinds := map[string]func(i int) string{
		"alike":  func(i int) string { return fmt.Sprintf("udp,nw_dst=172.16.%d.%d", i>>8&255, i&255) },
		"random": func(int) string { return fmt.Sprintf("dl_dst=%v", mac(rand.Uint64())) },
	}
	for _, programs := range []int{1, 1000, 10000} {
		for _, kind := range []string{"quiet", "alike", "random"} {
			for _, every := range []int{64, 640} {
				if kind == "quiet" && every != 64 {
					continue
				}
				b.Run(fmt.Sprintf("programs-%d/%s-every-%d", programs, kind, every), func(b *testing.B) {
					l := newBareLab(b)
					l.add(flowMod(b, 0, 1, "in_port=1", apply(output(2))))
					if programs > 1 {
						for i := range programs {
							l.add(flowMod(b, 0, 2, fmt.Sprintf("udp,nw_src=10.%d.%d.%d,nw_dst=11.0.0.1,tp_src=7,tp_dst=9", i>>16, i>>8&255, i&255), apply(output(2))))
						}
					}
					w := l.d.workers()[0]
					in := l.b.conf.Load().ports[1]
					next := flowsOf(programs)
					const batch = 64
					frames, all := make([]*packet.Frame, batch), make([]packet.Frame, batch)
					for i := range all {
						all[i] = *packet.FromBytes(to(0, 0x0b000001, 7, 9))
					}
					var spent time.Duration
					run := func() {
						for i := range frames {
							src, _, _ := next()
							packet.IPv4(all[i].Bytes()[14:]).SetSrc(src)
							frames[i] = &all[i]
						}
						start := time.Now()
						w.begin()
						w.process(frames, in)
						spent += time.Since(start)
						for _, t := range w.dirty {
							t.frames = t.frames[:0]
						}
						w.dirty = w.dirty[:0]
					}
					for range 100000 / batch {
						run()
					}
					spent = 0
					misses := w.counts.Misses
					var mods [2]*ofp.FlowMod
					n, sent := 0, 0
					for b.Loop() {
						if sent += batch; kind != "quiet" && sent%every == 0 {
							m := mods[0]
							if n++; n%2 == 1 {
								m = flowMod(b, 0, 9, kinds[kind](n), apply(output(3)))
								mods[0] = m
							} else {
								d := *m
								d.Command = ofp.FlowDeleteStrict
								m = &d
							}
							if err := l.b.FlowMod(m); err != nil {
								b.Fatal(err)
							}
						}
						run()
					}
					b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N)/batch, "ns/frame")
					b.ReportMetric(float64(w.counts.Misses-misses)/float64(b.N*batch), "translations/frame")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	}
}

func mac(v uint64) string {
	return flow.FormatValue(flow.EthDst.Field(), flow.Value{Lo: v & 0xfeffffffffff}, flow.EthDst.Field().Full())
}

// BenchmarkCoreExplosion is the core for one port, alone and while a peer at another port, one frame for
// every ten, makes us build masks. The peer's frames are not in it.
func BenchmarkCoreExplosion(b *testing.B) {
	for _, attack := range []bool{false, true} {
		b.Run(fmt.Sprintf("attack-%v", attack), func(b *testing.B) {
			l := newBareLab(b)
			explosion(b, l)
			w := l.d.workers()[0]
			ports := l.b.conf.Load().ports
			rng := rand.New(rand.NewPCG(1, 1))
			next := flowsOf(10000)
			const batch = 64
			frames, all := make([]*packet.Frame, batch), make([]packet.Frame, batch)
			for i := range all {
				all[i] = *packet.FromBytes(to(0, 0x0b000001, 7, 9))
			}
			var spent, his time.Duration
			clear := func() {
				for _, t := range w.dirty {
					t.frames = t.frames[:0]
				}
				w.dirty = w.dirty[:0]
			}
			n := 0
			for b.Loop() {
				if attack {
					var list []*packet.Frame
					for range 6 {
						list = append(list, packet.FromBytes(hostile(rng, n%explosionMasks)))
						n++
					}
					start := time.Now()
					w.begin()
					w.process(list, ports[1])
					his += time.Since(start)
					clear()
				}
				for i := range frames {
					src, _, _ := next()
					packet.IPv4(all[i].Bytes()[14:]).SetSrc(src)
					frames[i] = &all[i]
				}
				start := time.Now()
				w.begin()
				w.process(frames, ports[2])
				spent += time.Since(start)
				clear()
			}
			b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N)/batch, "ns/frame")
			if attack {
				b.ReportMetric(float64(his.Nanoseconds())/float64(b.N)/6, "ns/hostile-frame")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
