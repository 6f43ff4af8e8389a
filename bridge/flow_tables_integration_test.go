package bridge

import (
	"testing"

	"ofswitch/ofp"
)

// The limits of flow tables hold from the next Apply on, and end with another.
func TestIntegrationApplyFlowTables(t *testing.T) {
	l := newLab(t)
	b := secure("brA")
	b.FlowTables = map[uint8]FlowTable{0: {Name: "first", Limit: 1}, 1: {Limit: 1, Evict: true, Groups: []string{"nonsense"}}}
	l.mustApply(b)
	of, err := l.s.bridge("brA")
	if err != nil {
		t.Fatal(err)
	}
	add := func(table ofp.TableID, priority uint16) error {
		return of.FlowMod(&ofp.FlowMod{Table: table, Priority: priority, HardTimeout: 1000, BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny})
	}
	check := func(entries ...int) {
		t.Helper()
		for table, want := range entries {
			s, err := of.AggregateStats(&ofp.FlowStatsRequest{Table: ofp.TableID(table), OutPort: ofp.PortAny, OutGroup: ofp.GroupAny})
			if err != nil || int(s.FlowCount) != want {
				t.Errorf("table %d has %d entries, want %d, %v", table, s.FlowCount, want, err)
			}
		}
	}
	for table, wantErr := range []bool{true, false, false} {
		for priority := range uint16(2) {
			if err := add(ofp.TableID(table), priority); (err != nil) != (wantErr && priority == 1) {
				t.Errorf("table %d, flow %d: %v", table, priority, err)
			}
		}
	}
	check(1, 1, 2)
	names := map[ofp.TableID]string{}
	if err := of.TableFeatures(func(f *ofp.TableFeatures) error { names[f.Table] = f.Name; return nil }); err != nil || names[0] != "first" || names[1] != "" {
		t.Errorf("tables are called %q, %q, %v", names[0], names[1], err)
	}
	b.FlowTables = map[uint8]FlowTable{2: {Limit: 1, Evict: true}}
	l.mustApply(b)
	if err := add(0, 7); err != nil {
		t.Error(err)
	}
	check(2, 1, 1)
	l.mustApply(secure("brA"))
	if err := add(2, 7); err != nil {
		t.Error(err)
	}
	check(2, 1, 2)
}
