package ofswitch

import (
	"encoding/binary"
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/ports"
)

// selectLab sends what comes in at port 1 by a select group to ports 2 and 3, and then by port 4.
func selectLab(t *testing.T) *lab {
	l := newLab(t, 4)
	g := &ofp.GroupMod{GroupID: 1, GroupType: ofp.GroupTypeSelect, Buckets: []ofp.Bucket{bucket(set(flow.EthDst, 0x99), output(2)), bucket(output(3))}}
	g.Buckets[0].Weight, g.Buckets[1].Weight = 1, 3
	g.Buckets[0].WatchPort = 2
	l.groupMod(g)
	l.add(flowMod(t, 0, 1, "in_port=1", apply(ofp.Group{GroupID: 1}, output(4))))
	return l
}

// many sends a frame each of n flows from first on, in batches, and notes at which port each came out.
// Frames that are not as they should be are errors.
func (l *lab) many(first, n int, at map[uint16]int) {
	l.t.Helper()
	for i := first; i < first+n; i += 50 {
		var frames [][]byte
		for j := i; j < min(i+50, first+n); j++ {
			frames = append(frames, udp(1, 2, uint16(j), 7))
		}
		l.send(1, frames...)
		if got := l.sent(4); len(got) != len(frames) || got[0][5] != 2 {
			l.t.Fatalf("%d of %d frames went on behind the group", len(got), len(frames))
		}
		for no, mac := range map[int]byte{2: 0x99, 3: 2} {
			for _, f := range l.sent(no) {
				flow := binary.BigEndian.Uint16(f[34:])
				if was, known := at[flow]; known && was != no {
					l.t.Fatalf("flow %d came out at port %d, and now at %d", flow, was, no)
				}
				if f[5] != mac {
					l.t.Fatalf("port %d sent %x", no, f)
				}
				at[flow] = no
			}
		}
	}
}

// TestSelectManyFlows: where more flows come to a select group than the caches are for, each goes by the
// same bucket as before, with few programs for all; counters are exact, a bucket that dies is left, and
// after a while flows have programs of their own again.
func TestSelectManyFlows(t *testing.T) {
	l := selectLab(t)
	misses := func() uint64 { return l.d.workers()[0].counts.read().Misses }
	at := map[uint16]int{}
	l.many(0, selectAfter, at)
	if n := misses(); n < selectAfter {
		t.Errorf("%d translations of %d flows", n, selectAfter)
	}
	before := misses()
	l.many(0, 4*selectAfter, at)
	if n := misses() - before; n > selectAfter+3 { // the caches of the test have fewer places
		t.Errorf("%d translations where three were to do", n)
	}
	before = misses()
	l.many(4*selectAfter, 4*selectAfter, at)
	if n := misses() - before; n != 0 {
		t.Errorf("%d translations for new flows", n)
	}
	if len(at) != 8*selectAfter {
		t.Errorf("%d of %d flows came out", len(at), 8*selectAfter)
	}
	two := 0
	for _, no := range at {
		if no == 2 {
			two++
		}
	}
	if two < len(at)/5 || two > len(at)*3/10 {
		t.Errorf("%d of %d flows by the bucket with a quarter of the weight", two, len(at))
	}
	all := uint64(9 * selectAfter)
	var sum uint64
	err := l.b.GroupStats(1, func(s *ofp.GroupStats) error {
		if s.PacketCount != all || s.ByteCount != 64*all {
			t.Errorf("the group counted %d packets, %d bytes; want %d", s.PacketCount, s.ByteCount, all)
		}
		sum = s.Buckets[0].PacketCount + s.Buckets[1].PacketCount
		return nil
	})
	if err != nil || sum != all {
		t.Errorf("buckets counted %d packets, %v; want %d", sum, err, all)
	}
	if c := counts(t, l.b)[0]; c[0] != all {
		t.Errorf("the entry counted %d packets, want %d", c[0], all)
	}

	// The programs say in datapath's words what they do.
	var text strings.Builder
	for _, f := range l.d.CachedFlows() {
		text.WriteString(f.Text(false) + "\n")
	}
	if !strings.Contains(text.String(), "hash(sym_l4(0)),recirc(") {
		t.Errorf("no program chooses buckets frame by frame:\n%.500s", text.String())
	}

	l.b.PortChanged(2, ports.Status{AdminUp: true, MTU: 1500})
	for f := range at {
		at[f] = 3
	}
	l.many(0, 4*selectAfter, at)
	l.b.PortChanged(2, ports.Status{AdminUp: true, LinkUp: true, MTU: 1500})

	// Flows that have had no program of their own.
	at = map[uint16]int{}
	l.many(10*selectAfter, 50, at)
	l.now.Add(selectTime - 1)
	before = misses()
	l.many(11*selectAfter, 50, at)
	if n := misses() - before; n != 0 {
		t.Errorf("%d translations of 50 flows before the time was over", n)
	}
	l.now.Add(2)
	l.many(12*selectAfter, 50, at) // one by the program for all, which goes
	if n := misses() - before; n != 49 {
		t.Errorf("%d translations of 50 flows when the time was over", n)
	}
}
