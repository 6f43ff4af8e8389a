package bridge

import (
	"fmt"
	"log/slog"
	"testing"

	"ofswitch/internal/testutil"
)

// BenchmarkIntegrationApply is the time to make many bridges at once, to add ports one
// by one, and to find that nothing has changed.
func BenchmarkIntegrationApply(b *testing.B) {
	var bridges []Bridge
	for i := range 1000 {
		bridges = append(bridges, secure(fmt.Sprint("br", i)))
	}
	var all []Port
	for i := range 500 {
		all = append(all, Port{Name: fmt.Sprint("vm", i), Type: TypeInternal})
	}
	run := func(name string, fn func(b *testing.B, apply func(...Bridge))) {
		b.Run(name, func(b *testing.B) {
			ns := testutil.NewNS(b)
			ns.NoIPv6()
			s, err := New(Options{RunDir: socketDir(b), Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			s.onLost = func() {}
			defer ns.Do(s.Close)
			ns.Do(func() {
				fn(b, func(list ...Bridge) {
					if err := s.Apply(Config{Bridges: list}); err != nil {
						b.Fatal(err)
					}
				})
			})
		})
	}
	run("1000 bridges", func(b *testing.B, apply func(...Bridge)) {
		for b.Loop() {
			apply(bridges...)
			b.StopTimer()
			apply()
			b.StartTimer()
		}
	})
	run("1000 bridges again", func(b *testing.B, apply func(...Bridge)) {
		apply(bridges...)
		for b.Loop() {
			apply(bridges...)
		}
	})
	run("500 ports one by one", func(b *testing.B, apply func(...Bridge)) {
		for b.Loop() {
			for i := range all {
				apply(secure("br0", all[:i+1]...))
			}
			b.StopTimer()
			apply()
			b.StartTimer()
		}
	})
}
