package ofswitch

import (
	"fmt"
	"testing"
	"time"

	"ofswitch/classifier"
	"ofswitch/flowtable"
	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

// What waits to be taken out of memory is handed out by parts, each entry once and in
// order, groups and meters with the last entries of their change.
func TestRemains(t *testing.T) {
	var r remains
	b := &Bridge{}
	entries := make([]*flowtable.Entry, 10)
	removed := make([]flowtable.Removed, len(entries))
	for i := range entries {
		entries[i] = &flowtable.Entry{Cookie: uint64(i)}
		removed[i].Entry = entries[i]
	}
	r.add(removal{bridge: b, change: &flowtable.Change{Removed: removed[:7], Groups: make([]flowtable.GroupChange, 2)}})
	r.add(removal{bridge: b, change: &flowtable.Change{Meters: make([]flowtable.MeterChange, 1)}})
	r.add(removal{bridge: b, change: &flowtable.Change{Removed: removed[7:]}})
	var got []string
	for next := 0; ; {
		of, part, some := r.take(3)
		if !some {
			break
		}
		if of != b {
			t.Error("a part of another bridge")
		}
		for _, x := range part.Removed {
			if x.Entry != entries[next] {
				t.Fatalf("entry %d came in place of %d", x.Entry.Cookie, next)
			}
			next++
		}
		got = append(got, fmt.Sprint(len(part.Removed), len(part.Groups), len(part.Meters), r.entries))
	}
	want := "[3 0 0 10 3 0 0 7 1 2 0 4 0 0 1 3 3 0 0 0]"
	if fmt.Sprint(got) != want {
		t.Errorf("parts (entries, groups, meters, and what is left of all): %v, want %s", got, want)
	}
}

// A barrier's answer waits for no memory: it comes while entries wait to be taken out, and
// in the end they are, by the collector.
func TestBarrierBeforeUnlinking(t *testing.T) {
	d, err := NewDatapath(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	b, err := d.AddBridge("br0", BridgeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 3 * unlinkBatch
	for i := range n {
		if err := b.FlowMod(flowMod(t, 0, uint16(i), "udp", apply(output(2)))); err != nil {
			t.Fatal(err)
		}
	}
	var change *flowtable.Change
	err = d.updateFlows(func(v classifier.Version) (err error) {
		change, err = b.tables.Apply(deleteAll(), v, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan struct{})
	func() {
		d.mu.Lock() // nothing leaves memory
		defer d.mu.Unlock()
		d.queueRemoved(b, change)
		go func() {
			b.Barrier()
			close(answered)
		}()
		select {
		case <-answered:
		case <-time.After(time.Minute):
			t.Error("the barrier waits for entries to leave memory")
		}
	}()
	<-answered
	testutil.Wait(t, "the entries are out of memory", func() bool { return d.unlinked.Load() == n })
}

func deleteAll() *ofp.FlowMod {
	return &ofp.FlowMod{Command: ofp.FlowDelete, Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny, BufferID: ofp.NoBuffer}
}
