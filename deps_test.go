package ofswitch_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rooms is the import table of docs/architecture.md: which of our packages a
// room may import. Sub-packages belong to their room; a room may always import
// its own.
var rooms = map[string][]string{
	"packet":     {},
	"flow":       {"packet"},
	"classifier": {"flow"},
	"ofp":        {"packet", "flow"},
	"flowtable":  {"packet", "flow", "classifier", "ofp"},
	"ports":      {"packet"},
	"l2":         {"flow"},
	"ofswitch":   {"packet", "flow", "classifier", "ofp", "flowtable", "ports", "l2"},
	"stream":     {},
	"ofconn":     {"ofp", "stream"},
	"jsonrpc":    {},
	"vlog":       {},
	"unixctl":    {"jsonrpc", "stream"},
	"ovsdb":      {"jsonrpc", "stream"},
	"bridge": {"ofswitch", "ofconn", "ports", "ovsdb", "unixctl", "stream",
		"packet", "flow", "classifier", "ofp", "flowtable", "l2"},
	"cmd": {"packet", "flow", "classifier", "ofp", "flowtable", "ports", "l2", "ofswitch",
		"ofconn", "stream", "jsonrpc", "unixctl", "ovsdb", "bridge", "vlog"},
}

const module = "ofswitch/"

// TestRoomsImportDownwardsOnly fails when a room imports one that the table
// does not give it. Test files are free to import any room.
func TestRoomsImportDownwardsOnly(t *testing.T) {
	out, err := exec.Command("go", "list", "-f",
		`{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg, ours := strings.CutPrefix(words[0], module)
		if !ours {
			continue // the root, which holds only tests
		}
		room, _, _ := strings.Cut(pkg, "/")
		if room == "internal" || room == "bench" || room == "testdata" {
			continue // test helpers and benchmark programs
		}
		allowed, known := rooms[room]
		if !known {
			t.Errorf("package %s is in no room of the table", pkg)
			continue
		}
		seen++
		for _, imp := range words[1:] {
			imp, ours := strings.CutPrefix(imp, module)
			if !ours {
				continue
			}
			to, _, _ := strings.Cut(imp, "/")
			if to != room && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s: the table allows %v", pkg, imp, allowed)
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d packages seen: did go list run in the module's root?", seen)
	}
}

// TestOnePackageComment holds that every package has exactly one package
// comment, in doc.go where the package is more than a program.
func TestOnePackageComment(t *testing.T) {
	out, err := exec.Command("go", "list", "-f",
		`{{.ImportPath}}|{{join .GoFiles " "}}|{{.Dir}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		part := strings.Split(strings.TrimSpace(line), "|")
		if part[1] == "" {
			continue // only tests
		}
		n := 0
		for _, f := range strings.Fields(part[1]) {
			if hasPackageComment(t, filepath.Join(part[2], f)) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s has %d package comments, want 1", part[0], n)
		}
	}
}
