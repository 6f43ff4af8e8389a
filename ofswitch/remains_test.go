package ofswitch

import (
	"testing"

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
