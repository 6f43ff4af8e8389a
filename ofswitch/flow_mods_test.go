package ofswitch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// Flow-mods that come together do what they do one by one, and each is refused for itself.
func TestFlowModsTogether(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	matches := []string{"udp", "udp,nw_dst=10.0.0.0/8", "ip", "tcp,nw_src=10.1.2.3,tp_dst=80", "udp,nw_src=10.1.2.3,nw_dst=10.2.0.1,tp_src=1,tp_dst=2"}
	random := func() *ofp.FlowMod {
		m := flowMod(t, ofp.TableID(r.IntN(2)), uint16(r.IntN(2)), matches[r.IntN(len(matches))], apply(output(ofp.PortNo(1+r.IntN(3)))))
		if some := m.Match.Mask[flow.WIPv4]; some != 0 {
			m.Match.Value[flow.WIPv4] = some & (10<<56 | uint64(r.IntN(64))<<32 | 10<<24 | uint64(r.IntN(64)))
		}
		m.Cookie = uint64(r.IntN(8))
		m.Command = []uint8{ofp.FlowAdd, ofp.FlowAdd, ofp.FlowAdd, ofp.FlowAdd, ofp.FlowModifyStrict, ofp.FlowDeleteStrict, ofp.FlowModify, ofp.FlowDelete}[r.IntN(8)]
		if m.Command == ofp.FlowDelete {
			m.Cookie, m.CookieMask = 3, 7
		}
		m.Flags = []ofp.FlowFlags{0, 0, ofp.FlowCheckOverlap, ofp.FlowSendFlowRem, ofp.FlowResetCounts}[r.IntN(5)]
		switch r.IntN(20) {
		case 0:
			m.Table = 1
			m.Instructions = then(m.Instructions, 1) // to where it is
		case 1:
			m.Instructions = apply(ofp.Group{GroupID: 7})
		case 2:
			m.BufferID = 12345
		}
		return m
	}
	type side struct {
		b *Bridge
		recorder
	}
	var sides [2]side
	for i := range sides {
		s := &sides[i]
		d, err := NewDatapath(Options{Manual: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		if s.b, err = d.AddBridge("br0", BridgeOptions{Controllers: &s.recorder}); err != nil {
			t.Fatal(err)
		}
		s.b.SetTableConfig(map[ofp.TableID]flowtable.TableConfig{0: {Limit: 150}, 1: {Limit: 150, Evict: true}})
	}
	alone, together := &sides[0], &sides[1]
	for round := range 200 {
		for i := range sides {
			sides[i].b.WatchFlows(round%20 < 10, func(uint64) {})
		}
		ms := make([]*ofp.FlowMod, 1+r.IntN(60))
		for i := range ms {
			ms[i] = random()
		}
		errs := make([]error, len(ms))
		errs[0] = errors.New("of the last time")
		together.b.FlowMods(ms, errs)
		for i, m := range ms {
			if err := alone.b.FlowMod(m); codeOf(err) != codeOf(errs[i]) {
				t.Fatalf("round %d, message %d of %d, %+v: together %v, alone %v", round, i, len(ms), m, errs[i], err)
			}
		}
		if a, b := dumped(t, alone.b), dumped(t, together.b); !slices.Equal(a, b) {
			t.Fatalf("round %d: together there are\n%v\nalone\n%v", round, b, a)
		}
		if a, b := alone.heard(), together.heard(); !slices.Equal(a, b) {
			t.Fatalf("round %d: together they hear\n%v\nalone\n%v", round, b, a)
		}
	}
}

// codeOf is the code of a refusal, or nil.
func codeOf(err error) any {
	var refused *ofp.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return err
}

// heard is what was told of flow entries, durations apart, and forgets it.
func (r *recorder) heard() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.removed {
		all = append(all, fmt.Sprint("removed ", m.Table, m.Priority, m.Cookie, m.Reason, m.Match))
	}
	for i := range r.flows {
		u := &r.flows[i].Update
		all = append(all, fmt.Sprint("flow ", u.Event, u.Reason, u.Table, u.Priority, u.Cookie, u.Match, u.Instructions.Apply))
	}
	r.removed, r.flows = nil, nil
	return all
}

// dumped are the entries of b in no order of theirs.
func dumped(t *testing.T, b *Bridge) (all []string) {
	t.Helper()
	err := b.FlowStats(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, func(s *ofp.FlowStats) error {
		all = append(all, fmt.Sprint(s.Table, s.Priority, s.Cookie, s.Flags, s.Match, s.Instructions.Apply))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}
