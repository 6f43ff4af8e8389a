package ofswitch

import (
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// TestDeferPacketOut: what a deferred packet-out sends leaves by whatever waits for
// frames, once and in order; it has been counted before.
func TestDeferPacketOut(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flush func(*lab)
	}{
		{"flush", func(l *lab) { l.b.FlushPacketOuts() }},
		{"barrier", func(l *lab) { l.b.Barrier() }},
		{"statistics", func(l *lab) {
			if err := l.b.TableStats(func(*ofp.TableStats) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}},
		{"port", func(l *lab) {
			if err := l.b.RemovePort(3); err != nil {
				t.Fatal(err)
			}
		}},
		{"trace", func(l *lab) {
			if _, err := l.b.Trace(TraceQuery{Flow: "in_port=1"}); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, 3)
			l.add(flowMod(t, 0, 9, "in_port=1", apply(output(2))))
			f := udp(1, 2, 3, 4)
			through := func(n byte) *ofp.PacketOut {
				return &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: 1, Actions: []ofp.Action{output(ofp.PortTable)}, Data: append(append([]byte(nil), f...), n)}
			}
			for n := range byte(3) {
				if err := l.b.DeferPacketOut(through(n)); err != nil {
					t.Fatal(err)
				}
			}
			if got := len(l.sent(2)); got != 0 {
				t.Fatalf("%d frames left at once", got)
			}
			tt.flush(l)
			got := l.sent(2)
			if len(got) != 3 {
				t.Fatalf("%d frames left, want 3", len(got))
			}
			for n := range got {
				if last := got[n][len(got[n])-1]; last != byte(n) {
					t.Errorf("frame %d is number %d", n, last)
				}
			}
			if err := l.b.DeferPacketOut(through(3)); err != nil {
				t.Fatal(err)
			}
			if err := l.b.PacketOut(through(4)); err != nil {
				t.Fatal(err)
			}
			l.b.FlushPacketOuts()
			l.got(2, 2)
			if got := counts(t, l.b)[0][0]; got != 5 {
				t.Errorf("the entry counts %d frames, want 5", got)
			}
		})
	}
}

// TestDeferPacketOutRefused: a refusal leaves to the next what was deferred before.
func TestDeferPacketOutRefused(t *testing.T) {
	l := newLab(t, 2)
	f := udp(1, 2, 3, 4)
	good := &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController, Actions: []ofp.Action{output(2)}, Data: f}
	if err := l.b.DeferPacketOut(good); err != nil {
		t.Fatal(err)
	}
	bad := *good
	bad.InPort = 77
	if got := code(l.b.DeferPacketOut(&bad)); got != ofp.BadRequestBadPort {
		t.Errorf("code %v", got)
	}
	l.got(2, 0)
	l.b.FlushPacketOuts()
	l.got(2, 1)
}

// A packet-out counts by itself, whatever those before it did.
func TestPacketOutsCount(t *testing.T) {
	l := newLab(t, 3)
	l.add(flowMod(t, 0, 9, "in_port=1", apply(output(2))))
	f := udp(1, 2, 3, 4)
	lists := [][]ofp.Action{
		{output(3)},
		{output(ofp.PortTable)},
		{output(ofp.PortTable), output(3)},
		{ofp.PushVLAN{EtherType: 0x8100}, output(3)},
		{ofp.SetField{Field: flow.EthDst, Value: flow.Value{Lo: 5}}, output(3), output(ofp.PortTable)},
	}
	table, sent := uint64(0), uint64(0)
	for i := range 60 {
		list := lists[(i*7+i/8)%len(lists)]
		for _, a := range list {
			switch a {
			case output(ofp.PortTable):
				table++
			case output(3):
				sent++
			}
		}
		deliver := l.b.PacketOut
		if i%3 == 0 {
			deliver = l.b.DeferPacketOut
		}
		if err := deliver(&ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: 1, Actions: list, Data: f}); err != nil {
			t.Fatal(err)
		}
	}
	l.b.FlushPacketOuts()
	if n := uint64(len(l.sent(3))); n != sent {
		t.Errorf("%d frames left by port 3, want %d", n, sent)
	}
	if n := uint64(len(l.sent(2))); n != table {
		t.Errorf("%d frames left by port 2, want %d", n, table)
	}
	for cookie, n := range counts(t, l.b) {
		if n[0] != table {
			t.Errorf("entry %#x has counted %d frames, want %d", cookie, n[0], table)
		}
	}
}
