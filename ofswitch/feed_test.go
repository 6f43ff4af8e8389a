package ofswitch

import (
	"fmt"
	"slices"
	"testing"

	"ofswitch/ofp"
)

// TestFeed: every way in which a flow entry comes, changes and goes is told once it is
// done, with its reason and with the message that asked for it; and nothing is told
// when nobody watches.
func TestFeed(t *testing.T) {
	l := newLab(t, 2)
	ignored := flowMod(t, 0, 9, "", apply(output(1)))
	l.add(ignored)
	if len(l.rec.flows) != 0 || l.b.feed.waiting.Load() {
		t.Fatal("changes are gathered, and nobody watches")
	}
	var at uint64
	l.b.WatchFlows(true, func(v uint64) { at = v })
	if at != uint64(l.d.Version()) {
		t.Errorf("watching begins at version %d, the tables are at %d", at, l.d.Version())
	}
	l.groupMod(&ofp.GroupMod{GroupID: 1, Buckets: []ofp.Bucket{bucket(output(2))}})
	if err := l.b.MeterMod(&ofp.MeterMod{MeterID: 1, Flags: ofp.MeterFlagKBPS, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: 1}}}); err != nil {
		t.Fatal(err)
	}
	mod := func(command uint8, priority uint16, port ofp.PortNo) *ofp.FlowMod {
		m := flowMod(t, 0, priority, "in_port=1", apply(output(port)))
		m.Command, m.Cookie = command, uint64(priority)
		return m
	}
	idle, hard := mod(ofp.FlowAdd, 5, 1), mod(ofp.FlowAdd, 6, 1)
	idle.IdleTimeout, hard.HardTimeout = 1, 1
	grouped, metered := mod(ofp.FlowAdd, 7, 1), mod(ofp.FlowAdd, 8, 1)
	grouped.Instructions = apply(ofp.Group{GroupID: 1})
	metered.Instructions.Has |= 1 << ofp.InstrMeter
	metered.Instructions.Meter, metered.Instructions.Order = 1, [6]uint8{ofp.InstrMeter, ofp.InstrApplyActions}
	for _, tt := range []struct {
		name string
		do   ofp.Message // nil: time passes
		want []string    // event, priority, reason
	}{
		{"add", mod(ofp.FlowAdd, 1, 1), []string{"0 1 0"}},
		{"add again", mod(ofp.FlowAdd, 1, 1), []string{"0 1 0 replaced"}},
		{"modify", mod(ofp.FlowModify, 1, 2), []string{"2 1 0 replaced"}},
		{"modify to what it is", mod(ofp.FlowModify, 1, 2), nil},
		{"modify nothing", mod(ofp.FlowModifyStrict, 77, 2), nil},
		{"delete", mod(ofp.FlowDeleteStrict, 1, 1), []string{"1 1 2"}},
		{"delete nothing", mod(ofp.FlowDeleteStrict, 1, 1), nil},
		{"with idle timeout", idle, []string{"0 5 0"}},
		{"with hard timeout", hard, []string{"0 6 0"}},
		{"time", nil, []string{"1 5 0", "1 6 1"}},
		{"with group", grouped, []string{"0 7 0"}},
		{"without group", &ofp.GroupMod{Command: ofp.GroupDelete, GroupID: 1}, []string{"1 7 3"}},
		{"with meter", metered, []string{"0 8 0"}},
		{"without meter", &ofp.MeterMod{Command: ofp.MeterDelete, MeterID: 1}, []string{"1 8 2"}},
	} {
		if tt.do == nil {
			l.now.Add(3e9)
			l.d.Collect()
		} else if err := one(l.b, tt.do); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var got []string
		for _, c := range l.rec.flows {
			s := fmt.Sprintf("%d %d %d", c.Update.Event, c.Update.Priority, c.Update.Reason)
			if c.Old != nil {
				s += " replaced"
			}
			got = append(got, s)
			if c.Cause != tt.do {
				t.Errorf("%s: the cause is %v", tt.name, c.Cause)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: told %q, want %q", tt.name, got, tt.want)
		}
		l.rec.flows = nil
	}
}

// TestFlowsSince: what is new between two versions is told as it was made: what was
// there before and was modified, and what was added, if in place of another.
func TestFlowsSince(t *testing.T) {
	l := newLab(t, 2)
	mod := func(command uint8, priority uint16, port ofp.PortNo) {
		m := flowMod(t, 0, priority, "in_port=1", apply(output(port)))
		m.Command = command
		l.add(m)
	}
	for p := range uint16(5) {
		mod(ofp.FlowAdd, p, 1)
	}
	from := uint64(l.d.Version())
	mod(ofp.FlowModifyStrict, 1, 2)
	mod(ofp.FlowAdd, 2, 2)
	mod(ofp.FlowModifyStrict, 2, 1)
	mod(ofp.FlowDeleteStrict, 3, 1)
	mod(ofp.FlowAdd, 9, 1)
	// Whatever is changed when the lists have been asked for, and before anybody is told so, the
	// entries of that version are found.
	var lists []ofp.FlowList
	for range 3 {
		lists = append(lists, l.b.WatchAndList(true, func(uint64) bool { return true }))
	}
	mod(ofp.FlowAdd, 10, 1)
	for p := range uint16(10) {
		mod(ofp.FlowModifyStrict, p, 3)
		mod(ofp.FlowDeleteStrict, p, 1)
	}
	if n := l.d.remains.waiting(); n == 0 {
		t.Error("nothing is kept for the lists")
	}
	list := func(from uint64) (got []string) {
		err := lists[0](from, func(u *ofp.FlowUpdate) error {
			got = append(got, fmt.Sprintf("%d %d", u.Event, u.Priority))
			return nil
		})
		lists = lists[1:]
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		return got
	}
	if got, want := list(from), []string{"0 2", "0 9", "2 1"}; !slices.Equal(got, want) {
		t.Errorf("since version %d: %q, want %q", from, got, want)
	}
	if got, want := list(0), []string{"0 0", "0 1", "0 2", "0 4", "0 9"}; !slices.Equal(got, want) {
		t.Errorf("all: %q, want %q", got, want)
	}
	if list := l.b.WatchAndList(false, func(uint64) bool { return false }); list != nil {
		t.Error("a list that nobody asked for")
	}
	if err := lists[0](0, nil); err != nil || l.d.remains.waiting() != 0 {
		t.Errorf("%d entries are kept when no list is left, %v", l.d.remains.waiting(), err)
	}
	if mod(ofp.FlowDeleteStrict, 10, 1); l.d.remains.waiting() != 0 {
		t.Error("an entry is kept for a list that nobody asked for")
	}
}
