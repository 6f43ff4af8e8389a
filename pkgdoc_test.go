package ofswitch_test

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hasPackageComment says whether the file documents its package.
func hasPackageComment(t *testing.T, path string) bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	return f.Doc != nil
}

// TestCrowdedRoomsHaveMaps holds that rooms of so many files that nobody sees at once what
// is in them say where things are: every file in one line of the list in doc.go, by its
// name or with a star for those that begin alike, and no line for files that are not there.
func TestCrowdedRoomsHaveMaps(t *testing.T) {
	for _, room := range []string{"bridge", "flowtable", "ofconn", "ofswitch", "ovsdb", "ports"} {
		names, err := filepath.Glob(filepath.Join(room, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := os.ReadFile(filepath.Join(room, "doc.go"))
		if err != nil {
			t.Fatal(err)
		}
		_, list, found := strings.Cut(string(doc), "// # Where things are\n")
		list, _, _ = strings.Cut(list, "// # ")
		if !found {
			t.Errorf("%s/doc.go does not say where things are", room)
			continue
		}
		used := map[string]bool{} // by patterns of the list
		for word := range strings.FieldsSeq(list) {
			if strings.HasSuffix(word, ".go") {
				used[word] = false
			}
		}
		for _, path := range names {
			name := filepath.Base(path)
			if name == "doc.go" || strings.HasSuffix(name, "_test.go") {
				continue
			}
			in := 0
			for pattern := range used {
				if ok, err := filepath.Match(pattern, name); err != nil {
					t.Fatal(err)
				} else if ok {
					used[pattern] = true
					in++
				}
			}
			if in != 1 {
				t.Errorf("%s/doc.go has %s in %d places of its list, want 1", room, name, in)
			}
		}
		for pattern, ok := range used {
			if !ok {
				t.Errorf("%s/doc.go lists %s, which is not there", room, pattern)
			}
		}
	}
}

// TestArchitectureNamesEveryPackage holds that docs/architecture.md says of every package
// what it is for.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for pkg := range strings.Lines(string(out)) {
		room, ours := strings.CutPrefix(strings.TrimSpace(pkg), module)
		if ours && !strings.Contains(string(page), "`"+room+"`") {
			t.Errorf("docs/architecture.md does not name %s", room)
		}
	}
}
