package ofp

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp/internal/octets"
)

// A property that is cut off, its header and its table's saying so, is refused,
// or is a whole shorter property.
func TestTablePropertyTruncation(t *testing.T) {
	for _, p := range everyTableProperty() {
		length := p.length()
		for n := 4; n < length; n++ {
			b := p.Append(nil)[:n]
			be.PutUint16(b[2:], uint16(n))
			b = octets.Zeros(b, octets.Pad8(n)-n)
			got, taken, err := decodeTableProperty(b)
			if err != nil {
				if err.Code != TableFeaturesFailedBadLen {
					t.Errorf("%v cut to %d bytes: %v", p.Type, n, err)
				}
				continue
			}
			if again := got.Append(nil); taken != len(b) || !bytes.Equal(again, b) {
				t.Errorf("%v cut to %d bytes is taken for %+v", p.Type, n, got)
			}
		}
	}
}

func TestTablePropertiesAreComplete(t *testing.T) {
	seen := map[TablePropertyType]bool{}
	for _, p := range everyTableProperty() {
		seen[p.Type] = true
		if p.shape() == propertyUnknown || tablePropertyNames[p.Type] == "" {
			t.Errorf("%v has no shape or name", p.Type)
		}
	}
	if len(seen) != 16 || len(tablePropertyNames) != 16 {
		t.Errorf("%d types in the samples, %d names; OpenFlow 1.3 has 16", len(seen), len(tablePropertyNames))
	}
	if got := TablePropertyType(9).String(); got != "table property type 9" {
		t.Errorf("type 9 is %q", got)
	}
	if got := TableWriteSetFieldMiss.String(); got != "OFPTFPT_WRITE_SETFIELD_MISS" {
		t.Errorf("type 13 is %q", got)
	}
}

// OpenFlow 1.3.0 had action ids of 8 bytes.
func TestTablePropertyPaddedActions(t *testing.T) {
	p, n, err := decodeTableProperty(wire(t, `0006 0014 0000 0008 00*4 0019 0008 00*4 00*4`))
	if err != nil {
		t.Fatal(err)
	}
	want := TableProperty{Type: TableApplyActions, IDs: []FeatureID{{Type: uint16(ActionOutput)}, {Type: uint16(ActionSetField)}}}
	if n != 24 || !reflect.DeepEqual(p, want) {
		t.Errorf("%d bytes: %+v", n, p)
	}
}

// A header names its field whatever its length, and without regard to a mask.
func TestOXMIDField(t *testing.T) {
	for i := range flow.Table {
		f := &flow.Table[i]
		for _, hasMask := range []bool{false, true} {
			id := FieldID(f, hasMask)
			want := appendOXMHeader(nil, f, map[bool]int{true: 1}[hasMask])
			p := TableProperty{Type: TableMatch, Fields: []OXMID{id}}
			if got := p.Append(nil)[4:8]; !bytes.Equal(got, want) {
				t.Errorf("%s: header %x, that of a match is %x", f.Name, got, want)
			}
			id.Length = 0
			if id.Field() != f {
				t.Errorf("%s: without length it is %v", f.Name, id.Field())
			}
		}
	}
	if f := (OXMID{Class: flow.ClassExperiment, Number: 1, Experimenter: 1}).Field(); f != nil {
		t.Errorf("an experimenter's field is %s", f.Name)
	}
}

func TestTableFeaturesProperty(t *testing.T) {
	tf := &TableFeatures{Properties: everyTableProperty()}
	if p := tf.Property(TableApplyActionsMiss); p != &tf.Properties[7] {
		t.Errorf("got %+v", p)
	}
	if p := tf.Property(9); p != nil {
		t.Errorf("got %+v", p)
	}
}

// The refusal of a property says which table it is about.
func TestTablePropertyErrorNamesTable(t *testing.T) {
	b := inTable(t, `0009 0004 00*4`)
	b[multipartHeaderLen+2] = 7
	var e *Error
	if _, _, err := decodeAll(b); !errors.As(err, &e) || e.Text != "table 7: table property type 9 does not exist in OpenFlow 1.3" {
		t.Errorf("%v", err)
	}
}
