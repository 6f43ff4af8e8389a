package ofswitch

import (
	"slices"
	"testing"

	"ofswitch/ofp"
)

// onlyTables is a request for some of the tables as they are.
func (l *lab) onlyTables(ids ...ofp.TableID) (r ofp.TableFeaturesRequest) {
	l.t.Helper()
	err := l.b.TableFeatures(func(f *ofp.TableFeatures) error {
		if slices.Contains(ids, f.Table) {
			next := f.Property(ofp.TableNextTables)
			next.Tables = slices.DeleteFunc(next.Tables, func(t ofp.TableID) bool { return !slices.Contains(ids, t) })
			r = append(r, f)
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

// New tables are in force for the next frame, also for one whose way is known; a
// request that is refused, or that only names tables, changes no frame's way.
func TestSetTableFeatures(t *testing.T) {
	l := newLab(t, 3)
	flows := func() {
		for _, m := range []*ofp.FlowMod{
			flowMod(t, 0, 1, "", then(apply(output(3)), 1)),
			flowMod(t, 1, 1, "", apply(output(2))),
		} {
			m.Flags = ofp.FlowSendFlowRem
			l.add(m)
		}
	}
	flows()
	f := udp(1, 2, 3, 4)
	l.send(1, f, f)
	l.got(2, 2)
	l.got(3, 2)

	wrong := l.onlyTables(0, 1)
	wrong[1].MaxEntries++
	if err := l.b.SetTableFeatures(wrong); code(err) != ofp.TableFeaturesFailedBadArgument {
		t.Fatal(err)
	}
	all := l.onlyTables(slices.Collect(func(yield func(ofp.TableID) bool) {
		for i := range ofp.TableID(ofp.NumTables) {
			if !yield(i) {
				return
			}
		}
	})...)
	all[1].Name = "second"
	if err := l.b.SetTableFeatures(all); err != nil {
		t.Fatal(err)
	}
	l.send(1, f)
	l.got(2, 1)
	l.got(3, 1)

	if err := l.b.SetTableFeatures(l.onlyTables(0)); err != nil {
		t.Fatal(err)
	}
	l.send(1, f)
	l.got(2, 0)
	l.got(3, 0)
	l.b.Barrier()
	if n := len(l.rec.removed); n != 0 {
		t.Errorf("%d flow-removed messages", n)
	}
	if n := l.b.Features().NumTables; n != 1 {
		t.Errorf("%d tables", n)
	}
	if err := l.b.FlowMod(flowMod(t, 1, 1, "", apply(output(2)))); code(err) != ofp.FlowModFailedBadTableID {
		t.Errorf("a flow for a table that is gone: %v", err)
	}
	if err := l.b.TableMod(&ofp.TableMod{Table: 1}); code(err) != ofp.TableModFailedBadTable {
		t.Errorf("table-mod of a table that is gone: %v", err)
	}

	if err := l.b.SetTableFeatures(all); err != nil {
		t.Fatal(err)
	}
	flows()
	l.send(1, f)
	l.got(2, 1)
	l.got(3, 1)
}
