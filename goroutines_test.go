package ofswitch_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// starts matches a statement that starts a goroutine, now or later.
var starts = regexp.MustCompile(`(?m)^\s*go (func\b|\w)|\.Go\(|\.AfterFunc\(`)

// TestGoroutinesAreListed fails when a file of the programs starts a goroutine
// and docs/goroutines.md does not name the file.
func TestGoroutinesAreListed(t *testing.T) {
	doc, err := os.ReadFile("docs/goroutines.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "-f",
		`{{range .GoFiles}}{{$.ImportPath}}/{{.}}{{"\n"}}{{end}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := 0
	for path := range strings.Lines(string(out)) {
		path = strings.TrimPrefix(strings.TrimSpace(path), module)
		room, _, _ := strings.Cut(path, "/")
		if _, program := rooms[room]; !program {
			continue
		}
		code, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !starts.Match(code) {
			continue
		}
		found++
		if !strings.Contains(string(doc), "`"+path+"`") {
			t.Errorf("%s starts a goroutine; docs/goroutines.md has no row for it", path)
		}
	}
	if found < 5 {
		t.Errorf("only %d files start goroutines: is the expression right?", found)
	}
}
