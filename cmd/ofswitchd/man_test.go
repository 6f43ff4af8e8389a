package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
)

// The manual names every flag, and no flag that there is not.
func TestManPage(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(testutil.Root(t), "docs", "ofswitchd.8"))
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(b), `\-`, "-")
	var help strings.Builder
	if _, err := parseArgs([]string{"ofswitchd", "--help"}, &help); err != errDone {
		t.Fatal(err)
	}
	flag := regexp.MustCompile(`--[a-z][a-z-]*[a-z]`)
	_, options, ok := strings.Cut(help.String(), "OPTIONS:")
	if !ok {
		t.Fatalf("--help has no options:\n%s", help.String())
	}
	known := map[string]bool{}
	for line := range strings.Lines(options) {
		if f := flag.FindString(line); strings.HasPrefix(strings.TrimSpace(line), "--") {
			known[f] = true
		}
	}
	if len(known) < 10 {
		t.Errorf("--help has only the flags %v: is the expression right?", known)
	}
	described := map[string]bool{}
	before, control, ok := strings.Cut(page, "\n.SH CONTROL COMMANDS\n") // whose options are no flags
	_, after, ok2 := strings.Cut(control, "\n.SH ")
	if !ok || !ok2 {
		t.Fatal("the manual has no section of control commands, or nothing behind it")
	}
	for _, f := range flag.FindAllString(before+after, -1) {
		described[f] = true
		if !known[f] {
			t.Errorf("the manual speaks of a flag %s, which there is not", f)
		}
	}
	for f := range known {
		if !described[f] {
			t.Errorf("no flag %s in the manual", f)
		}
	}
}
