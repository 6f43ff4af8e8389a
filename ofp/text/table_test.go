package text

import (
	"testing"

	"ofswitch/ofp"
)

// Names of tables are read and printed where numbers are, but for those that two
// tables have.
func TestTableNames(t *testing.T) {
	tables := NewTables([]*ofp.TableFeatures{
		{Table: 1, Name: "acl"}, {Table: 2, Name: "two words"}, {Table: 3, Name: "twin"}, {Table: 4, Name: "twin"}, {Table: 5, Name: "twin"}, {Table: 6}, {Table: 7, Name: "\xff"},
	})
	for _, tt := range []struct{ text, want string }{
		{"table=acl,actions=goto_table:\"two words\"", "table=acl,actions=goto_table:\"two words\""},
		{"table=1,actions=goto_table:3", "table=acl,actions=goto_table:3"},
		{"table=\"acl\",actions=drop", "table=acl,actions=drop"},
		{"table=6,actions=goto_table:7", "table=6,actions=goto_table:7"},
		{"table=twin,actions=drop", ""},
		{"table=256,actions=drop", ""},
		{"actions=goto_table:nobody", ""},
		{"table=\"two words\",actions=goto_table:acl", ""}, // backwards
	} {
		fm, err := ParseFlow(tt.text, ParseOptions{Tables: tables.Number})
		got := ""
		if err == nil {
			got = FormatFlow(fm, Options{Tables: tables.Name})
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q; error %v", tt.text, got, tt.want, err)
		}
		if _, err := ParseFlow(tt.text, ParseOptions{}); err == nil && tt.text[len("table=")] != '6' && tt.text[len("table=")] != '1' {
			t.Errorf("%s is read without knowing the names", tt.text)
		}
	}
	fs := &ofp.FlowStats{Table: 1}
	if got, want := FormatFlowStats(fs, Options{Tables: tables.Name}), " table=acl, priority=0 actions=drop"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
