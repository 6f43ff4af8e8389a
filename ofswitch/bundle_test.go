package ofswitch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ofswitch/ofp"
	"ofswitch/ports"
)

// bundle carries out messages as one.
func bundle(b *Bridge, msgs ...ofp.Message) (int, error) {
	return b.Bundle(len(msgs), func(i int) (ofp.Message, error) { return msgs[i], nil })
}

// all is everything that a controller can read of a bridge, in an order of its own.
func all(t *testing.T, b *Bridge) string {
	t.Helper()
	var lines []string
	note := func(x any) { lines = append(lines, fmt.Sprintf("%T %+v", x, x)) }
	err := errors.Join(
		b.FlowStats(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, func(s *ofp.FlowStats) error { note(*s); return nil }),
		b.TableStats(func(s *ofp.TableStats) error { note(*s); return nil }),
		b.GroupStats(ofp.GroupAll, func(s *ofp.GroupStats) error { note(*s); return nil }),
		b.GroupDescs(func(s *ofp.GroupDesc) error { note(*s); return nil }),
		b.MeterStats(ofp.MeterAll, func(s *ofp.MeterStats) error { note(*s); return nil }),
		b.MeterConfigs(ofp.MeterAll, func(s *ofp.MeterConfig) error { note(*s); return nil }),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range b.PortDescs() {
		note(p)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// randomMessage is one that a bundle takes. Many are refused.
func randomMessage(t *testing.T, rng *rand.Rand) ofp.Message {
	switch rng.IntN(10) {
	case 0, 1:
		g := &ofp.GroupMod{Command: uint16(rng.IntN(3)), GroupID: uint32(rng.IntN(4) + 1)}
		if g.Command != ofp.GroupDelete {
			g.Buckets = []ofp.Bucket{bucket(output(ofp.PortNo(rng.IntN(3) + 1)))}
			if rng.IntN(3) == 0 {
				g.Buckets = append(g.Buckets, bucket(ofp.Group{GroupID: uint32(rng.IntN(4) + 1)}))
			}
		}
		return g
	case 2:
		m := &ofp.MeterMod{Command: uint16(rng.IntN(3)), MeterID: uint32(rng.IntN(3) + 1), Flags: ofp.MeterFlagPKTPS}
		if m.Command != ofp.MeterDelete {
			m.Bands = []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: uint32(rng.IntN(5) + 1)}}
		}
		return m
	case 3:
		return &ofp.PortMod{Port: ofp.PortNo(rng.IntN(3) + 1), Config: ofp.PortConfig(rng.IntN(2)) * ofp.PortConfigNoFwd, Mask: ofp.PortConfigNoFwd}
	}
	ins := apply(output(ofp.PortNo(rng.IntN(3) + 1)))
	switch rng.IntN(6) {
	case 0:
		ins = apply(ofp.Group{GroupID: uint32(rng.IntN(4) + 1)})
	case 1:
		ins.Has |= 1 << ofp.InstrMeter
		ins.Meter = uint32(rng.IntN(3) + 1)
		ins.Order = [6]uint8{ofp.InstrMeter, ofp.InstrApplyActions}
	}
	// A priority of its own for each match: which of two entries of one takes a frame
	// that both match is open.
	n := rng.IntN(4)
	m := flowMod(t, ofp.TableID(rng.IntN(2)), uint16(n), []string{"", "in_port=1", "in_port=2", "udp,nw_dst=10.0.0.2"}[n], ins)
	m.Command = []uint8{ofp.FlowAdd, ofp.FlowAdd, ofp.FlowAdd, ofp.FlowModify, ofp.FlowModifyStrict, ofp.FlowDelete, ofp.FlowDeleteStrict}[rng.IntN(7)]
	m.Cookie = uint64(rng.IntN(3))
	m.Flags = ofp.FlowSendFlowRem * ofp.FlowFlags(rng.IntN(2))
	m.IdleTimeout, m.HardTimeout = uint16(rng.IntN(3)), uint16(rng.IntN(4))
	if rng.IntN(8) == 0 {
		m.Flags |= ofp.FlowResetCounts
	}
	return m
}

// one carries out a message by itself.
func one(b *Bridge, m ofp.Message) error {
	switch m := m.(type) {
	case *ofp.FlowMod:
		return b.FlowMod(m)
	case *ofp.GroupMod:
		return b.GroupMod(m)
	case *ofp.MeterMod:
		return b.MeterMod(m)
	}
	return b.PortMod(m.(*ofp.PortMod))
}

// TestBundleTwin: a bundle leaves the switch as its messages would one by one, or, if
// one of them would be refused there, as it was, and names that one with the same
// error. Counters, times, flow-removed messages, what monitors and ports are told:
// nothing tells a bundle that failed from none.
func TestBundleTwin(t *testing.T) {
	rounds := 600
	if raceEnabled {
		rounds = 100
	}
	rng := rand.New(rand.NewPCG(4, 2))
	l, twin := newLab(t, 3), newLab(t, 3)
	labs := []*lab{l, twin}
	for _, x := range labs {
		for _, p := range x.b.conf.Load().list {
			st := *p.status.Load()
			st.MAC = nil
			p.setStatus(&st)
		}
		x.b.WatchFlows(true, func(uint64) {})
	}
	heard := func(x *lab) string {
		x.rec.mu.Lock()
		defer x.rec.mu.Unlock()
		s := ""
		for _, m := range x.rec.removed {
			s += fmt.Sprintf("%+v\n", *m)
		}
		for _, c := range x.rec.flows {
			s += fmt.Sprintf("%+v\n", c.Update)
		}
		for _, p := range x.rec.ports {
			s += fmt.Sprintf("%d %v\n", p.Desc.Port, p.Desc.Config)
		}
		x.rec.removed, x.rec.flows, x.rec.ports = nil, nil, nil
		return s
	}
	failures := 0
	for round := range rounds {
		for _, x := range labs {
			x.now.Add(3e8)
		}
		for range rng.IntN(4) {
			no, f := rng.IntN(2)+1, udp(1, byte(rng.IntN(2)+2), 3, 4)
			for _, x := range labs {
				x.send(no, f)
			}
		}
		if rng.IntN(5) == 0 {
			for _, x := range labs {
				x.d.Collect()
			}
		}
		heard(l)
		heard(twin)
		before := all(t, l.b)
		msgs := make([]ofp.Message, rng.IntN(5)+1)
		for i := range msgs {
			msgs[i] = randomMessage(t, rng)
			if m, ok := msgs[i].(*ofp.PortMod); ok {
				m.HWAddr = [6]byte{}
			}
		}
		failed, err := bundle(l.b, msgs...)
		if err == nil {
			for i, m := range msgs {
				if err := one(twin.b, m); err != nil {
					t.Fatalf("round %d: message %d, %+v, is refused by itself: %v", round, i, m, err)
				}
			}
			a, b := heard(l), heard(twin)
			// A port tells its last state once, and every state by itself.
			if a, b := strings.Count(a, "Event"), strings.Count(b, "Event"); a != b {
				t.Fatalf("round %d: %d changes told of a bundle, %d of its messages", round, a, b)
			}
		} else {
			failures++
			if after := all(t, l.b); after != before {
				t.Fatalf("round %d: message %d of %d was refused (%v), and this changed:\n%s", round, failed, len(msgs), err, difference(before, after))
			}
			if s := heard(l); s != "" {
				t.Fatalf("round %d: of a bundle that failed was told:\n%s", round, s)
			}
			// The twin is told what stood before, one by one, and brought back by the
			// same bundle on the way.
			if f, terr := bundle(twin.b, msgs[:failed]...); terr != nil {
				t.Fatalf("round %d: message %d, before the one that failed, is refused: %v", round, f, terr)
			}
			terr := one(twin.b, msgs[failed])
			var want, got *ofp.Error
			if !errors.As(err, &got) || !errors.As(terr, &want) || want.Code != got.Code {
				t.Fatalf("round %d: message %d, %+v, is refused with %v, by itself with %v", round, failed, msgs[failed], err, terr)
			}
			// Both go on from the same.
			for _, m := range msgs[:failed] {
				if err := one(l.b, m); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
			}
		}
		if a, b := all(t, l.b), all(t, twin.b); a != b {
			t.Fatalf("round %d: differs from one by one:\n%s", round, difference(b, a))
		}
	}
	if failures < rounds/5 || failures > rounds*4/5 {
		t.Errorf("%d of %d bundles failed: the mixture is not what it should be", failures, rounds)
	}
}

// difference gives the lines that only one of two texts has.
func difference(before, after string) string {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	var s strings.Builder
	for _, l := range a {
		if !slices.Contains(b, l) {
			s.WriteString("- " + l + "\n")
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			s.WriteString("+ " + l + "\n")
		}
	}
	return s.String()
}

// TestBundleAllOrNothing: while bundles change two tables and a group, each frame sees
// one of them whole: what is between any two messages would send it out by port 3.
func TestBundleAllOrNothing(t *testing.T) {
	m := newMachine(t, 2, 3, ports.MemOptions{Ring: 1024, Capture: -1})
	state := func(n uint64) []ofp.Message {
		mark := ofp.Instructions{Has: 1<<ofp.InstrWriteMetadata | 1<<ofp.InstrGotoTable, Metadata: n, MetadataMask: ^uint64(0), Goto: 1,
			Order: [6]uint8{ofp.InstrWriteMetadata, ofp.InstrGotoTable}}
		clean := flowMod(t, 1, 0, "", ofp.Instructions{})
		clean.Command = ofp.FlowDelete
		return []ofp.Message{
			clean,
			flowMod(t, 1, 0, "", apply(output(3))),
			&ofp.GroupMod{Command: ofp.GroupDelete, GroupID: ofp.GroupAll},
			&ofp.GroupMod{GroupID: uint32(n%2 + 1), Buckets: []ofp.Bucket{bucket(output(2))}},
			flowMod(t, 1, 1, fmt.Sprintf("metadata=%d", n), apply(ofp.Group{GroupID: uint32(n%2 + 1)})),
			flowMod(t, 0, 1, "", mark),
		}
	}
	if _, err := bundle(m.b, state(0)...); err != nil {
		t.Fatal(err)
	}
	n := 100_000
	if raceEnabled {
		n /= 10
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	sent := 0
	wg.Go(func() {
		sent = feed(m.ports[0], func(i int) []byte { return udp(1, 2, uint16(i), 4) }, n, &stop)
		stop.Store(true)
	})
	bundles := 0
	within(t, "bundles under load", func() {
		for !stop.Load() || bundles < 10 {
			bundles++
			if i, err := bundle(m.b, state(uint64(bundles))...); err != nil {
				t.Errorf("message %d: %v", i, err)
				stop.Store(true)
				return
			}
			// One that fails leaves no trace either.
			bad := append(state(uint64(bundles + 1))[:5:5], flowMod(t, 0, 1, "", apply(ofp.Group{GroupID: 99})))
			if i, err := bundle(m.b, bad...); err == nil || i != 5 {
				t.Errorf("message %d: %v", i, err)
			}
		}
	})
	wg.Wait()
	m.settle()
	two, three := m.ports[1].Stats().TxPackets, m.ports[2].Stats().TxPackets
	if three != 0 || two != uint64(sent) {
		t.Errorf("of %d frames %d took the whole way, and %d saw half of a change, in %d bundles", sent, two, three, bundles)
	}
}

// TestBundleFrames: what a bundle sends out sees all of it, and what it does to a port
// holds.
func TestBundleFrames(t *testing.T) {
	l := newLab(t, 3)
	l.rec.ports = nil // ports were told when they were added
	out := &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController, Data: udp(1, 2, 3, 4), Actions: []ofp.Action{output(ofp.PortTable)}}
	mod := &ofp.PortMod{Port: 3, Config: ofp.PortConfigNoFwd, Mask: ofp.PortConfigNoFwd}
	mod.HWAddr = l.b.PortDescs()[2].HWAddr
	bad := *out
	bad.InPort = 77
	if i, err := bundle(l.b, out, flowMod(t, 0, 1, "", apply(output(2), output(3))), mod, &bad); i != 3 || !isCode(err, ofp.BadRequestBadPort) {
		t.Fatalf("message %d: %v", i, err)
	}
	if n := len(l.sent(2)) + len(l.rec.ports); n != 0 || l.b.PortDescs()[2].Config != 0 {
		t.Fatalf("a bundle that failed sent %d", n)
	}
	if i, err := bundle(l.b, out, flowMod(t, 0, 1, "", apply(output(2), output(3))), mod); err != nil {
		t.Fatalf("message %d: %v", i, err)
	}
	if two, three := len(l.sent(2)), len(l.sent(3)); two != 1 || three != 0 {
		t.Errorf("%d frames from port 2, %d from port 3, which forwards none", two, three)
	}
	if len(l.rec.ports) != 1 || l.rec.ports[0].Desc.Config != ofp.PortConfigNoFwd {
		t.Errorf("told of ports: %v", l.rec.ports)
	}
}

func isCode(err error, c ofp.Code) bool {
	var e *ofp.Error
	return errors.As(err, &e) && e.Code == c
}
