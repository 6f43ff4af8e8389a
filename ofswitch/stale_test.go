package ofswitch

import (
	"fmt"
	"testing"
	"time"

	"ofswitch/ofp"
)

// TestStaleness: a change costs only the flows that it concerns a new
// translation.
func TestStaleness(t *testing.T) {
	l := newLab(t, 3)
	w := l.d.workers()[0]
	l.add(flowMod(t, 0, 10, "udp,nw_dst=10.0.0.2", then(apply(), 1)))
	l.add(flowMod(t, 1, 10, "udp", apply(output(2))))
	l.add(flowMod(t, 0, 5, "udp,nw_dst=10.0.0.3", apply(output(ofp.PortNormal))))
	two, three := udp(1, 2, 3, 4), udp(1, 3, 3, 4)
	l.send(1, two, three)
	l.send(1, two, three)
	misses := func(what string, want uint64, frames ...[]byte) {
		t.Helper()
		before := w.counts.Misses
		l.send(1, frames...)
		if got := w.counts.Misses - before; got != want {
			t.Errorf("%s: %d translations, want %d", what, got, want)
		}
	}
	misses("no change", 0, two, three)

	l.add(flowMod(t, 0, 20, "tcp", apply(output(3))))
	misses("an entry for other frames", 0, two, three)
	l.add(flowMod(t, 0, 4, "udp", apply(output(3))))
	misses("an entry for these frames below theirs", 0, two, three)
	l.add(flowMod(t, 7, 4, "udp", apply(output(3))))
	misses("an entry in a table that they do not come to", 0, two, three)
	for i := range 200 {
		l.add(flowMod(t, 0, 30, fmt.Sprintf("udp,nw_dst=10.9.9.%d", i), apply(output(3))))
	}
	misses("200 entries for other frames", 0, two, three)

	l.add(flowMod(t, 1, 20, "udp,tp_dst=4", apply(output(3))))
	misses("an entry above that of the first, in its second table", 1, two, three)
	mod := flowMod(t, 0, 5, "udp,nw_dst=10.0.0.3", apply(output(ofp.PortNormal)))
	mod.Command = ofp.FlowModifyStrict
	l.add(mod)
	misses("the entry of the second modified", 1, two, three)
	mod.Command = ofp.FlowDeleteStrict
	l.add(mod)
	misses("the entry of the second deleted", 1, two, three)
	l.add(flowMod(t, 0, 5, "udp,nw_dst=10.0.0.3", apply(output(ofp.PortNormal))))
	misses("the entry of the second added", 1, two, three)
	misses("no change again", 0, two, three)

	// MAC tables concern those who asked them. Station 3 appears, then
	// another one.
	l.send(3, udp(3, 3, 1, 1))
	misses("the station of the second learnt", 1, two, three)
	l.send(3, udp(5, 3, 1, 1))
	misses("another station learnt", 0, two, three)
	l.b.FlushMACs()
	misses("addresses forgotten", 1, two, three)

	// Another bridge is no concern.
	b2, err := l.d.AddBridge("br1", BridgeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b2.AddPatch(1, "x"); err != nil {
		t.Fatal(err)
	}
	misses("a port of another bridge", 0, two, three)
	if err := l.b.AddPatch(77, "y"); err != nil {
		t.Fatal(err)
	}
	misses("a port of this bridge", 2, two, three)
}

// TestPrune: programs that are not used for long leave cache and memory.
func TestPrune(t *testing.T) {
	l := newLab(t, 2, exactMasks)
	l.add(flowMod(t, 0, 10, "", apply(output(2))))
	w := l.d.workers()[0]
	programs := func() (n int) {
		for p := w.programs.head.Load(); p != nil; p = p.next {
			n++
		}
		return n
	}
	for _, f := range flows(100) {
		l.send(1, f)
	}
	if n := programs(); n != 100 {
		t.Fatalf("%d programs, want 100", n)
	}
	f := flows(1)[0]
	for range 6 {
		l.now.Add(int64(4 * time.Second))
		l.send(1, f)
		l.d.Collect()
	}
	if n := w.mega.Len(); n != 1 {
		t.Errorf("%d megaflows, want the one in use", n)
	}
	if n := programs(); n > 2 {
		t.Errorf("%d programs, want the one in use and the newest", n)
	}
	if c := counts(t, l.b)[0]; c[0] != 106 {
		t.Errorf("%d frames counted, want 106", c[0])
	}
}

// TestEviction: a full cache costs translations and nothing else.
func TestEviction(t *testing.T) {
	l := newLab(t, 2, exactMasks, func(o *Options) { o.MicroflowEntries, o.MegaflowEntries = 16, 16 })
	l.add(flowMod(t, 0, 10, "", apply(output(2))))
	all := flows(64)
	for range 5 {
		l.send(1, all...)
		if n := len(l.sent(2)); n != 64 {
			t.Fatalf("%d frames sent, want 64", n)
		}
		l.d.Collect()
	}
	if c := counts(t, l.b)[0]; c[0] != 320 {
		t.Errorf("%d frames counted, want 320", c[0])
	}
	n := 0
	for p := l.d.workers()[0].programs.head.Load(); p != nil; p = p.next {
		n++
	}
	if n > 16+64+1 {
		t.Errorf("%d programs alive; want those of the cache and the last round's", n)
	}
}

// TestNoAllocations holds the path of cached flows free of allocations: what
// is extracted, looked up, counted, executed and sent.
func TestNoAllocations(t *testing.T) {
	f := udp(1, 2, 3, 4)
	tests := map[string]struct {
		ins   ofp.Instructions
		frame []byte
	}{
		"output":            {apply(output(2)), f},
		"flood":             {apply(output(ofp.PortAll)), f},
		"NORMAL":            {apply(output(ofp.PortNormal)), f},
		"set-field":         {apply(set(11, 1), set(15, 3), output(2)), f},
		"copy on write":     {apply(output(2), set(12, 1), output(3), set(12, 2), output(2)), f},
		"push VLAN":         {apply(ofp.PushVLAN{EtherType: 0x8100}, set(6, 0x1005), output(2)), f},
		"TTL":               {apply(ofp.DecNwTTL{}, output(2)), f},
		"nothing":           {apply(), f},
		"recirculation":     {apply(ofp.PushVLAN{EtherType: 0x8100}, output(2)), tagged(tagged(f, 0x8100, 1), 0x8100, 2)},
		"several tables":    {then(apply(set(3, 7)), 1), f},
		"write-actions":     {write(set(4, 1), output(2)), f},
		"port that is none": {apply(output(99)), f},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newBareLab(t, tt.frame)
			match := "udp"
			if name == "recirculation" {
				match = ""
			}
			l.add(flowMod(t, 0, 1, match, tt.ins))
			l.add(flowMod(t, 1, 1, match, apply(output(2))))
			for range 10 {
				l.d.Poll()
			}
			before := l.d.workers()[0].counts.Misses
			if n := testing.AllocsPerRun(100, func() { l.d.Poll() }); n != 0 && !raceEnabled { // the detector allocates
				t.Errorf("%v allocations per batch", n)
			}
			if n := l.d.workers()[0].counts.Misses - before; n != 0 {
				t.Errorf("%d translations: not the path of cached flows", n)
			}
		})
	}
}
