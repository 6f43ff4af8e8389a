package ofswitch

import (
	"math"
	"testing"

	"ofswitch/ofp"
	"ofswitch/packet"
)

// What a port receives is bounded: first the burst passes, then the rate, in bits as on
// the wire and in packets, GSO frames counted as their segments; the rest is
// counted as dropped.
func TestPolicing(t *testing.T) {
	small, gso := packet.FromBytes(sized(1000, 1, 1)), tcpFrame(t, 64000, 1400)
	for _, c := range []struct {
		name    string
		conf    Policing
		frame   *packet.Frame
		first   float64 // packets that pass at once
		seconds float64 // packets that pass in each second then
		tol     float64 // packets
	}{
		{"none", Policing{}, small, 20000, 60000, 0},
		{"bits", Policing{Rate: 8e6, Burst: 80000}, small, 11, 1000, 2},
		{"fast", Policing{Rate: 400e6, Burst: 8e6}, small, 1001, 50000, 2},
		{"slow", Policing{Rate: 8000, Burst: 8000}, small, 2, 1, 1},
		{"packets", Policing{Packets: 2000, PktBurst: 500}, small, 501, 2000, 2},
		{"both, packets count", Policing{Rate: 100e6, Burst: 1e6, Packets: 1000, PktBurst: 10}, small, 11, 1000, 2},
		{"both, bits count", Policing{Rate: 8e6, Burst: 8000, Packets: 100000, PktBurst: 1000}, small, 2, 1000, 2},
		{"GSO", Policing{Rate: 100e6, Burst: 8e6}, gso, 750, 8570, 100},
		{"GSO, packets", Policing{Packets: 10000, PktBurst: 1000}, gso, 1000, 10000, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, 2)
			l.add(flowMod(t, 0, 1, "in_port=1", apply(output(2))))
			if err := l.b.SetPolicing(1, c.conf); err != nil {
				t.Fatal(err)
			}
			each, _ := c.frame.Segments()
			offered := uint64(0)
			pass := func(packets float64) (passed float64) {
				for range int(packets / float64(each)) {
					l.ports[0].Inject(c.frame)
					offered += each
					l.d.Poll()
				}
				for _, f := range l.ports[1].Sent() {
					n, _ := f.Segments()
					passed += float64(n)
				}
				return passed
			}
			near := func(what string, got, want float64) {
				t.Helper()
				if math.Abs(got-want) > c.tol {
					t.Errorf("%s: %.0f packets passed, want %.0f", what, got, want)
				}
			}
			total := pass(20000)
			near("at once", total, c.first)
			// Steps so short that no burst builds up.
			sum := 0.0
			for range 1000 {
				l.now.Add(1e6)
				sum += pass(60)
			}
			near("in a second", sum, c.seconds)
			total += sum
			var s ofp.PortStats
			if err := l.b.PortStats(1, func(p *ofp.PortStats) error { s = *p; return nil }); err != nil {
				t.Fatal(err)
			}
			if s.RxDropped != offered-uint64(total) {
				t.Errorf("%d of %d packets passed, %d are counted as dropped", int(total), offered, s.RxDropped)
			}
			// Without bounds all pass again.
			if err := l.b.SetPolicing(1, Policing{}); err != nil {
				t.Fatal(err)
			}
			if n := pass(1000); n < 1000-float64(each) {
				t.Errorf("%.0f of 1000 packets passed without bounds", n)
			}
		})
	}
}

// The bounds cost a cached frame nothing that blocks or allocates.
func TestPolicingAllocatesNothing(t *testing.T) {
	l := newLab(t, 1)
	if err := l.b.SetPolicing(1, Policing{Rate: 8e6, Burst: 8e5}); err != nil {
		t.Fatal(err)
	}
	w := l.d.workers()[0]
	q := w.rx.Load().list[0]
	frames := []*packet.Frame{packet.FromBytes(sized(1000, 1, 1)), packet.FromBytes(sized(1000, 1, 2))}
	if n := testing.AllocsPerRun(100, func() {
		w.now = l.now.Add(1e5)
		w.admit(q, frames)
	}); n != 0 {
		t.Errorf("%.0f allocations a batch", n)
	}
}

func TestPolicingRefused(t *testing.T) {
	l := newLab(t, 1)
	if err := l.b.AddPatch(7, "p"); err != nil {
		t.Fatal(err)
	}
	for _, no := range []ofp.PortNo{7, 8} {
		if err := l.b.SetPolicing(no, Policing{Rate: 1}); err == nil {
			t.Errorf("port %d: taken", no)
		}
	}
	if err := l.b.SetPolicing(7, Policing{}); err != nil {
		t.Errorf("no bounds for a patch port: %v", err)
	}
}
