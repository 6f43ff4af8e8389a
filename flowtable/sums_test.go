package flowtable

import (
	"math/rand/v2"
	"testing"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// checkSums holds that sums are what a walk finds.
func checkSums(t *testing.T, tables *Tables, v classifier.Version) {
	t.Helper()
	for _, id := range []ofp.TableID{ofp.TableAll, 0, 1, 2, 253} {
		want, err := tables.Aggregate(&ofp.FlowStatsRequest{Table: id, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, v)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tables.Sum(id); err != nil || got != want {
			t.Fatalf("table %d: the sums are %+v, %v; the entries have %+v", id, got, err, want)
		}
	}
}

// TestSumsRandom: sums are what a walk finds, whatever is done to entries while frames count for them
// and for those that have gone: all commands, with flags, timeouts, limits, changes that are taken back, and
// entries of the switch's own.
func TestSumsRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := random{rand.New(rand.NewPCG(seed, 1))}
	tables := NewTables()
	tables.MaxEntries = 60
	addGroups(t, tables, 0, 1, 2)
	tables.SetConfig(1, TableConfig{Limit: 8, Evict: true}, 1)
	now, v := int64(second), classifier.Version(1)
	hidden := tables.InsertHidden(&flow.Match{}, 1<<16, ofp.Instructions{}, v, now)
	ever := []*Entry{hidden}
	counts := false
	for range 300 {
		// Frames that are in flight.
		counted := make(chan struct{})
		frames := rand.New(rand.NewPCG(r.Uint64(), 2))
		go func(entries []*Entry, now int64) {
			defer close(counted)
			for range 100 {
				e := entries[max(0, len(entries)-1-frames.IntN(100))]
				n := 1 + frames.Uint64N(9)
				packets, bytes := n, n*64
				if e.Flags&ofp.FlowNoPktCounts != 0 {
					packets = 0
				}
				if e.Flags&ofp.FlowNoBytCounts != 0 {
					bytes = 0
				}
				tables.Table(e.Table).Credit(e.Counters, n, packets, bytes, now)
			}
		}(ever, now)
		for range 1 + r.IntN(5) {
			v++
			var done []*Change
			for range 1 + r.IntN(4) {
				if c, err := tables.Apply(r.flowMod(), v, now); err == nil {
					done = append(done, c)
				}
			}
			if r.IntN(3) == 0 {
				for i := len(done) - 1; i >= 0; i-- {
					tables.Undo(done[i], v)
				}
				continue
			}
			for _, c := range done {
				ever = append(ever, c.Added...)
				for _, m := range c.Modified {
					ever = append(ever, m.New)
				}
			}
		}
		if r.IntN(10) == 0 {
			now += 2 * second
			v++
			tables.Expire(v, now)
		}
		<-counted
		checkSums(t, tables, v)
		if s, err := tables.Sum(ofp.TableAll); err != nil || s.PacketCount > 0 {
			counts = true
		}
	}
	if !counts {
		t.Error("no sum was ever more than 0")
	}
	v++
	tables.RemoveHidden(hidden, v)
	checkSums(t, tables, v)
	// A table with other features loses its entries.
	var request ofp.TableFeaturesRequest
	tables.Features(DefaultLimits(), func(f *ofp.TableFeatures) bool {
		other := *f
		if f.Table == 0 {
			other.MaxEntries--
		}
		request = append(request, &other)
		return true
	})
	v++
	if c, err := tables.SetFeatures(request, DefaultLimits(), v); err != nil || tables.Table(0).Active() != 0 || c.Empty() {
		t.Fatalf("table 0 has %d entries; error: %v", tables.Table(0).Active(), err)
	}
	checkSums(t, tables, v)
	if _, err := tables.Sum(254); code(err) != ofp.BadRequestBadTableID {
		t.Errorf("the sum of table 254: %v", err)
	}
}

// TestSumsRace: a packet that is counted in the moment in which its entry goes or comes back is part
// of the sums if and only if the entry is.
func TestSumsRace(t *testing.T) {
	tables := NewTables()
	tb, e := tables.Table(0), &Entry{Counters: new(Counters)}
	begun, stop, counted := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(counted)
		tb.Credit(e.Counters, 1, 1, 64, 0)
		close(begun)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for range 1000 {
				tb.Credit(e.Counters, 1, 1, 64, 0)
			}
		}
	}()
	<-begun // on one processor it might not begin before this loop has ended
	for range 200_000 {
		tb.sums.exclude(e.Counters)
		tb.sums.include(e)
	}
	close(stop)
	<-counted
	if p, b := tb.sums.packets.Load(), tb.sums.bytes.Load(); p != e.Counters.Packets() || b != e.Counters.Bytes() || p == 0 {
		t.Errorf("the sums are %d packets and %d bytes, the entry has %d and %d", p, b, e.Counters.Packets(), e.Counters.Bytes())
	}
	tb.sums.exclude(e.Counters)
	if p, b := tb.sums.packets.Load(), tb.sums.bytes.Load(); p != 0 || b != 0 {
		t.Errorf("with no entry the sums are %d packets and %d bytes", p, b)
	}
}
