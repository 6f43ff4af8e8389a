package ports

import (
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// cpu is the processor time of the calling thread, in ns.
func cpu(b *testing.B) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return t.Nano()
}

// What it costs to send a batch of frames of one size, a frame: by sendmmsg and by a
// ring. It is the thread's processor time that counts, cpu-ns/frame.
func BenchmarkIntegrationSystemTx(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"60", 60}, {"512", 512}, {"1514", 1514}} {
		for _, way := range []struct {
			name string
			o    SystemOptions
		}{{"sendmmsg", SystemOptions{NoRing: true}}, {"ring", SystemOptions{TxDesc: 64}},
			{"sendmmsg,bypass", SystemOptions{NoRing: true, QdiscBypass: true}}, {"ring,bypass", SystemOptions{TxDesc: 64, QdiscBypass: true}}} {
			b.Run("size="+size.name+"/"+way.name, func(b *testing.B) {
				_, sw := veth(b)
				tx := newTx(b, openSystem(b, sw, "p0", way.o))
				var frames []*packet.Frame
				for i := range packet.BatchSize {
					frames = append(frames, numberedFrame(i, size.n))
				}
				start := cpu(b)
				for b.Loop() {
					if n := tx.Tx(frames); n != len(frames) {
						b.Fatalf("sent %d", n)
					}
				}
				b.ReportMetric(float64(cpu(b)-start)/float64(b.N*len(frames)), "cpu-ns/frame")
			})
		}
	}
}
