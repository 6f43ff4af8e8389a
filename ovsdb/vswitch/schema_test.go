package vswitch

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ovsdb"
)

// What is printed is a schema, and the same one.
func TestSchemaRoundTrip(t *testing.T) {
	text, err := json.Marshal(Schema())
	if err != nil {
		t.Fatal(err)
	}
	s, err := ovsdb.ParseSchema(text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, again) {
		t.Errorf("printed  %s\nand again %s", text, again)
	}
	columns := 0
	for _, tb := range s.Tables {
		columns += len(tb.Columns)
	}
	if len(s.Tables) != 19 || columns != 184 {
		t.Errorf("%d tables with %d columns, want 19 and 184", len(s.Tables), columns)
	}
}

// The schema is the one that Open vSwitch installs.
func TestIntegrationSchemaIsOpenVSwitchs(t *testing.T) {
	testutil.NeedProgram(t, "ovsdb-tool", "openvswitch-common")
	const file = "/usr/share/openvswitch/vswitch.ovsschema"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := ovsdb.ParseSchema(text)
	if err != nil {
		t.Fatal(err)
	}
	if theirs.Version != Version {
		t.Skipf("%s is version %s, and ours %s: install Open vSwitch 3.1 to compare", file, theirs.Version, Version)
	}
	want, err := json.Marshal(theirs)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(Schema())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("ours   %s\ntheirs %s", got, want)
	}
}
