package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
)

// TestManPage: the manual names every verb and every option.
func TestManPage(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(testutil.Root(t), "docs", "ofctl.8"))
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(b), `\-`, "-")
	for _, c := range (&env{}).app().Commands {
		if !strings.Contains(page, ".B "+c.Name+"\n") && !strings.Contains(page, ".BI "+c.Name+" ") {
			t.Errorf("no verb %s in the manual", c.Name)
		}
		for _, f := range c.Flags {
			for _, name := range f.Names() {
				dashes := "--"
				if len(name) == 1 {
					dashes = "-"
				}
				if !strings.Contains(page, dashes+name) {
					t.Errorf("%s: no option %s%s in the manual", c.Name, dashes, name)
				}
			}
		}
	}
	for _, a := range portActions {
		if !strings.Contains(page, a.word) {
			t.Errorf("mod-port: no action %s in the manual", a.word)
		}
	}
}
