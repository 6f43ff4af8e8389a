package ofconn

import (
	"testing"

	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// features reads a whole TABLE_FEATURES reply.
func (p *peer) features() (tables []*ofp.TableFeatures, parts int) {
	p.t.Helper()
	p.send(1, multipart(ofp.MultipartTableFeatures, nil))
	for more := true; more; parts++ {
		r := p.want(1, ofp.TypeMultipartReply).(*ofp.MultipartReply)
		more = r.Flags&ofp.MultipartMore != 0
		for _, e := range r.Entries {
			tables = append(tables, e.(*ofp.TableFeatures))
		}
	}
	return tables, parts
}

// TestTableFeaturesAreTrue holds what is reported against what flow-mods are
// checked with.
func TestTableFeaturesAreTrue(t *testing.T) {
	p := connected(t, newManager(t, &fakeSwitch{}, Options{}), connOptions{})
	tables, parts := p.features()
	if len(tables) != ofp.NumTables || parts < 2 {
		t.Fatalf("%d tables in %d parts", len(tables), parts)
	}
	limits := flowtable.DefaultLimits()
	for n, table := range tables {
		if int(table.Table) != n || table.Name != "" {
			t.Errorf("table %d %q in place of %d", table.Table, table.Name, n)
		}
		var instructions ofp.InstrSet
		for _, id := range table.Property(ofp.TableInstructions).IDs {
			instructions |= 1 << id.Type
		}
		want := limits.Instructions &^ (1 << ofp.InstrMeter) // there are no meters
		if n == ofp.NumTables-1 {
			want &^= 1 << ofp.InstrGotoTable
		}
		if instructions != want {
			t.Errorf("table %d: instructions %#x, want %#x", n, instructions, want)
		}
		if next := table.Property(ofp.TableNextTables).Tables; len(next) != ofp.NumTables-1-n || len(next) > 0 && int(next[0]) != n+1 {
			t.Errorf("table %d: next tables %v", n, next)
		}
		for _, prop := range []ofp.TablePropertyType{ofp.TableWriteActions, ofp.TableApplyActions, ofp.TableApplyActionsMiss} {
			var actions flowtable.ActionSet
			for _, id := range table.Property(prop).IDs {
				actions |= 1 << id.Type
			}
			if want := limits.Actions &^ flowtable.Actions(ofp.ActionGroup); actions != want { // there are no groups
				t.Errorf("table %d: %v %#x, want %#x", n, prop, actions, want)
			}
		}
		for _, prop := range []ofp.TablePropertyType{ofp.TableMatch, ofp.TableWildcards, ofp.TableWriteSetField, ofp.TableApplySetField} {
			var fields flowtable.FieldSet
			for _, id := range table.Property(prop).Fields {
				f := id.Field()
				if want := ofp.FieldID(f, prop == ofp.TableMatch && f.Maskable); id != want {
					t.Errorf("table %d: %v has %+v, want %+v", n, prop, id, want)
				}
				fields |= 1 << f.ID
			}
			want := limits.SetFields
			if prop == ofp.TableMatch || prop == ofp.TableWildcards {
				want = 1<<flow.NumFields - 1
			}
			if fields != want {
				t.Errorf("table %d: %v %#x, want %#x", n, prop, fields, want)
			}
		}
	}
}

// ownFeatures is a switch that describes its tables itself.
type ownFeatures struct{ fakeSwitch }

func (*ownFeatures) TableFeatures(fn func(*ofp.TableFeatures) error) error {
	return fn(&ofp.TableFeatures{Table: 7, Name: "seven"})
}

func TestOwnTableFeatures(t *testing.T) {
	p := connected(t, newManager(t, &ownFeatures{}, Options{}), connOptions{})
	if tables, _ := p.features(); len(tables) != 1 || tables[0].Name != "seven" {
		t.Errorf("got %+v", tables)
	}
}
