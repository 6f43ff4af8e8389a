package ofswitch

import (
	"fmt"
	"testing"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// TestFlowStatsWhileFlowsChange: who lists flow entries sees each that lives all along
// once, whatever else becomes of the table meanwhile, and however long it takes.
func TestFlowStatsWhileFlowsChange(t *testing.T) {
	const n = 500
	all := &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	match := func(i int) string { return fmt.Sprintf("udp,tp_src=%d", i) }
	for _, tt := range []struct {
		name   string
		change func(l *lab, t *testing.T)
	}{
		{"modified", func(l *lab, t *testing.T) {
			m := flowMod(t, 0, 0, "", apply(output(3)))
			m.Command = ofp.FlowModify
			l.add(m)
		}},
		{"replaced", func(l *lab, t *testing.T) {
			for i := range n {
				l.add(flowMod(t, 0, 9, match(i), apply(output(3))))
			}
		}},
		{"others come and go", func(l *lab, t *testing.T) {
			for i := range n {
				l.add(flowMod(t, 0, 9, match(n+i), apply(output(3))))
			}
			for i := range n {
				m := flowMod(t, 0, 9, match(n+i), ofp.Instructions{})
				m.Command = ofp.FlowDeleteStrict
				l.add(m)
			}
		}},
	} {
		for _, at := range []int{0, 1, n / 2, n - 1} {
			t.Run(fmt.Sprintf("%s after %d", tt.name, at), func(t *testing.T) {
				l := newLab(t, 2)
				for i := range n {
					m := flowMod(t, 0, 9, match(i), apply(output(2)))
					m.Cookie = uint64(i)
					l.add(m)
				}
				seen := make([]int, 2*n)
				calls := 0
				err := l.b.FlowStats(all, func(s *ofp.FlowStats) error {
					if calls++; calls == at+1 {
						tt.change(l, t)
						l.b.Barrier()
						l.d.Collect()
					}
					v, _, ok := s.Match.Get(flow.UDPSrc)
					if !ok {
						t.Fatalf("an entry with the match %v", s.Match)
					}
					seen[v.Lo]++
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				for i, times := range seen[:n] {
					if times != 1 {
						t.Fatalf("entry %d stands there %d times", i, times)
					}
				}
				if calls != n {
					t.Errorf("%d entries, want %d", calls, n)
				}
			})
		}
	}
}

// TestRemainsOfListings: what a listing may still find stays until it ends, or until it is
// too much; then the listing knows.
func TestRemainsOfListings(t *testing.T) {
	at := func(v classifier.Version) func() classifier.Version {
		return func() classifier.Version { return v }
	}
	removalOf := func(v classifier.Version, n int) removal {
		return removal{bridge: &Bridge{}, change: &flowtable.Change{Removed: make([]flowtable.Removed, n)}, version: v}
	}
	taken := func(r *remains) (n int) {
		for {
			_, part, some := r.take(1000)
			if !some {
				return n
			}
			n += len(part.Removed)
		}
	}
	t.Run("held", func(t *testing.T) {
		var r remains
		old, young := r.begin(at(5)), r.begin(at(6))
		r.add(removalOf(5, 3))
		r.add(removalOf(6, 20))
		r.add(removalOf(7, 100))
		if got := taken(&r); got != 3 {
			t.Errorf("%d entries were taken out, want the 3 that nobody sees", got)
		}
		if !r.end(old) {
			t.Error("nothing waits for the older listing")
		}
		if got := taken(&r); got != 20 {
			t.Errorf("%d entries were taken out, want 20", got)
		}
		r.end(young)
		if got := taken(&r); got != 100 || r.overran(young) {
			t.Errorf("%d entries were taken out, want 100", got)
		}
		if r.end(young) {
			t.Error("something waits")
		}
	})
	t.Run("too many", func(t *testing.T) {
		var r remains
		l := r.begin(at(5))
		r.add(removalOf(6, listingHeld))
		if got := taken(&r); got != 0 || r.overran(l) {
			t.Fatalf("%d entries were taken out, want none", got)
		}
		r.add(removalOf(7, 1))
		if got := taken(&r); got != listingHeld+1 || !r.overran(l) {
			t.Errorf("%d entries were taken out, the listing knows: %v", got, r.overran(l))
		}
	})
	t.Run("too many groups and meters", func(t *testing.T) {
		var r remains
		l := r.begin(at(5))
		change := &flowtable.Change{Groups: make([]flowtable.GroupChange, listingHeld), Meters: make([]flowtable.MeterChange, 1)}
		r.add(removal{bridge: &Bridge{}, change: change, version: 6})
		_, part, some := r.take(1)
		if !some || len(part.Groups) != listingHeld || len(part.Meters) != 1 || !r.overran(l) {
			t.Errorf("%d groups and %d meters were taken out, the listing knows: %v", len(part.Groups), len(part.Meters), r.overran(l))
		}
		if r.entries != 0 {
			t.Errorf("%d are left", r.entries)
		}
	})
}
