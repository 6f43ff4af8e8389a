package ofswitch

import (
	"errors"
	"slices"
	"testing"

	"ofswitch/flowtable"
	"ofswitch/ofp"
)

func TestTableFeatures(t *testing.T) {
	l := newLab(t, 1)
	var got []*ofp.TableFeatures
	err := l.b.TableFeatures(func(f *ofp.TableFeatures) error {
		got = append(got, f)
		return nil
	})
	if err != nil || len(got) != int(l.b.Features().NumTables) {
		t.Fatalf("%d tables, want %d; error %v", len(got), l.b.Features().NumTables, err)
	}
	for i, f := range got {
		if f.Table != ofp.TableID(i) || f.Name != "" || f.MaxEntries != flowtable.DefaultMaxEntries {
			t.Errorf("entry %d: table %d, name %q, %d entries", i, f.Table, f.Name, f.MaxEntries)
		}
		// Without it Floodlight never asks for packet-ins.
		miss := f.Property(ofp.TableApplyActionsMiss)
		if miss == nil || !slices.Contains(miss.IDs, ofp.FeatureID{Type: uint16(ofp.ActionOutput)}) {
			t.Errorf("table %d: APPLY_ACTIONS_MISS is %+v", i, miss)
		}
	}
}

// While a controller reads slowly, or stops, flow-mods go on.
func TestTableFeaturesHoldNoLock(t *testing.T) {
	l := newLab(t, 1)
	enough := errors.New("enough")
	calls := 0
	err := l.b.TableFeatures(func(*ofp.TableFeatures) error {
		calls++
		m := &ofp.FlowMod{Command: ofp.FlowAdd, BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
		if err := l.b.FlowMod(m); err != nil {
			t.Error(err)
		}
		return enough
	})
	if err != enough || calls != 1 {
		t.Errorf("error %v after %d calls", err, calls)
	}
}
