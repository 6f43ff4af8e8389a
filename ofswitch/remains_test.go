package ofswitch

import (
	"fmt"
	"testing"

	"ofswitch/classifier"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// Who changes tables does a part of the work when much waits to be taken out of memory; all but a
// little of it where the message may replace all that there is, and what is beyond a full table always. So
// what waits is bounded, however fast such messages come.
func TestRemainsAreBounded(t *testing.T) {
	modify := flowMod(t, 0, 1, "udp", apply(output(3)))
	modify.Command = ofp.FlowModify
	add := flowMod(t, 0, 1, "udp", apply(output(2)))
	bundle := func(n int) func(*Bridge) error {
		return func(b *Bridge) error {
			_, err := b.Bundle(n, func(int) (ofp.Message, error) { return modify, nil }) // changes nothing, and so leaves nothing
			return err
		}
	}
	flowMod := func(m *ofp.FlowMod) func(*Bridge) error {
		return func(b *Bridge) error { return b.FlowMod(m) }
	}
	for _, c := range []struct {
		name    string
		waiting int // parts of one group each, and the last of all that a table may leave
		message func(*Bridge) error
		left    int // at most
		took    int // at least
	}{
		{"few", maxPending, flowMod(add), maxPending, 0},
		{"many, an add", maxPending + 2*unlinkHelp, flowMod(add), maxPending + unlinkHelp, unlinkHelp},
		{"many, a modify", 2 * maxPending, flowMod(modify), maxPending, maxPending},
		{"many, a small bundle", maxPending + 2*unlinkHelp, bundle(2), maxPending + unlinkHelp, unlinkHelp},
		{"many, a large bundle", 2 * maxPending, bundle(maxPending + 1), maxPending, maxPending},
		{"more than a full table, an add", maxRemains + 3*unlinkBatch, flowMod(add), maxRemains, 3 * unlinkBatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := NewDatapath(Options{Manual: true})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			b, err := d.AddBridge("br0", BridgeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			singles, last := c.waiting, 0
			if singles > maxRemains {
				singles, last = c.waiting-maxRemains, maxRemains
			}
			for range singles {
				d.remains.add(removal{bridge: b, change: &flowtable.Change{Groups: make([]flowtable.GroupChange, 1)}})
			}
			if last > 0 {
				d.remains.add(removal{bridge: b, change: &flowtable.Change{Groups: make([]flowtable.GroupChange, last)}})
			}
			if err := c.message(b); err != nil {
				t.Fatal(err)
			}
			if n := d.remains.waiting(); n > c.left || n > c.waiting-c.took {
				t.Errorf("of %d that waited %d are left, want %d or fewer", c.waiting, n, min(c.left, c.waiting-c.took))
			}
		})
	}
}

// A list that lost entries since too many went says so.
func TestListingOverrun(t *testing.T) {
	for _, c := range []struct {
		name    string
		went    int
		refused bool
	}{{"as many as may wait", listingHeld, false}, {"more", listingHeld + 1, true}} {
		d, err := NewDatapath(Options{Manual: true})
		if err != nil {
			t.Fatal(err)
		}
		b, err := d.AddBridge("br0", BridgeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		err = b.listing(d.Version, func(v classifier.Version) error {
			d.remains.add(removal{bridge: b, change: &flowtable.Change{Groups: make([]flowtable.GroupChange, c.went)}, version: v + 1})
			d.unlinkLater()
			return nil
		})
		if (err != nil) != c.refused || d.remains.waiting() != 0 {
			t.Errorf("%s: %v, %d wait", c.name, err, d.remains.waiting())
		}
		d.Close()
	}
}

// A limit that is lowered takes out as many as it says, however many that are, and permanent ones not.
func TestLimitLowered(t *testing.T) {
	d, err := NewDatapath(Options{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	b, err := d.AddBridge("br0", BridgeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 10_000
	for i := range n {
		m := flowMod(t, 0, uint16(i), "udp", apply(output(2)))
		if i >= 3 {
			m.HardTimeout = 60
		}
		if err := b.FlowMod(m); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ limit, want int }{{n - 1, n - 1}, {100, 100}, {1, 3}} {
		b.SetTableConfig(map[ofp.TableID]flowtable.TableConfig{0: {Limit: c.limit, Evict: true}})
		if got := b.tables.Len(); got != c.want || d.remains.waiting() != 0 {
			t.Errorf("%d entries are left with a limit of %d, and %d wait; want %d", got, c.limit, d.remains.waiting(), c.want)
		}
	}
}

// What a bundle adds, replaces and takes away again is as if done one by one, or, if one message is refused,
// as it was, also where changes that only add are kept as one.
func TestBundleOfAdds(t *testing.T) {
	mod := func(command uint8, priority uint16, cookie uint64) ofp.Message {
		m := flowMod(t, 0, priority, "udp", apply(output(ofp.PortNo(cookie%100+1))))
		m.Command, m.Cookie = command, cookie
		return m
	}
	newBridge := func() *Bridge {
		d, err := NewDatapath(Options{Manual: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		b, err := d.AddBridge("br0", BridgeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for p := range uint16(3) {
			if err := b.FlowMod(mod(ofp.FlowAdd, 2*p, 1).(*ofp.FlowMod)); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	state := func(b *Bridge) (all [10]string) {
		all[9] = fmt.Sprint(b.tables.Len())
		req := &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
		if err := b.FlowStats(req, func(s *ofp.FlowStats) error {
			all[s.Priority] += fmt.Sprint(s.Cookie, s.Instructions.Apply)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	msgs := []ofp.Message{
		mod(ofp.FlowAdd, 1, 2), mod(ofp.FlowAdd, 3, 3), mod(ofp.FlowAdd, 1, 4), mod(ofp.FlowAdd, 5, 5), mod(ofp.FlowAdd, 0, 6), mod(ofp.FlowAdd, 6, 7),
		mod(ofp.FlowAdd, 7, 8), mod(ofp.FlowModifyStrict, 3, 9), mod(ofp.FlowDeleteStrict, 5, 0), mod(ofp.FlowAdd, 5, 10), mod(ofp.FlowDeleteStrict, 2, 0), mod(ofp.FlowAdd, 2, 11),
		mod(ofp.FlowAdd, 8, 12),
	}
	for n := range msgs {
		one, all, refused := newBridge(), newBridge(), newBridge()
		for _, m := range msgs[:n] {
			if err := one.FlowMod(m.(*ofp.FlowMod)); err != nil {
				t.Fatal(err)
			}
		}
		if i, err := bundle(all, msgs[:n]...); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		if got, want := state(all), state(one); got != want {
			t.Errorf("after a bundle of the first %d\n%v, want\n%v", n, got, want)
		}
		before := state(refused)
		if i, err := bundle(refused, append(msgs[:n:n], flowMod(t, 0, 1, "udp", apply(ofp.Group{GroupID: 99})))...); err == nil || i != n {
			t.Fatalf("message %d: %v", i, err)
		}
		if got := state(refused); got != before {
			t.Errorf("after a bundle of %d that was refused\n%v, want\n%v", n, got, before)
		}
	}
}
