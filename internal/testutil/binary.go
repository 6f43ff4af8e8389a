package testutil

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built has the programs that this process has built. The files have no name any
// more, so that nothing is left of them when the process ends.
var built = struct {
	sync.Mutex
	programs map[string]*os.File
}{programs: map[string]*os.File{}}

// Binary gives the path of one of our programs ("./cmd/ofswitchd",
// "./internal/demo") in a directory of the test's own. It is built once in a test
// run: linking takes seconds.
func Binary(t testing.TB, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(pkg))
	built.Lock()
	defer built.Unlock()
	if program := built.programs[pkg]; program != nil {
		// Another process writes the copy. One forked by a parallel test while this one had
		// it open for writing would keep it from being run: text file busy.
		cp := exec.Command("cp", "/proc/self/fd/3", path)
		cp.ExtraFiles = []*os.File{program}
		if out, err := cp.CombinedOutput(); err != nil {
			t.Fatalf("copying %s: %v\n%s", pkg, err, out)
		}
		return path
	}
	cmd := exec.Command("go", "build", "-o", path, pkg)
	cmd.Dir = Root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	program, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	built.programs[pkg] = program
	return path
}
