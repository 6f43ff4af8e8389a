package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ofswitch/internal/testutil"
)

// demoDir holds the demonstration and the two programs that it runs.
func demoDir(t *testing.T) string {
	t.Helper()
	testutil.NeedRoot(t)
	dir := t.TempDir()
	for _, pkg := range []string{"./cmd/ofswitchd", "./cmd/ofctl", "./internal/demo"} {
		if err := os.Rename(testutil.Binary(t, pkg), filepath.Join(dir, filepath.Base(pkg))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// startDemo starts the demonstration with a temporary directory of its own.
func startDemo(t *testing.T, dir string) (*exec.Cmd, *logReader, string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "demo"))
	tmp := t.TempDir()
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	cmd.Stdout, cmd.Stderr = w, w
	log := newLogReader(r)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return cmd, log, tmp
}

// checkDemoLeft fails when a run left a file or a process.
func checkDemoLeft(t *testing.T, dir, tmp string) {
	t.Helper()
	entries, err := os.ReadDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("left in the temporary directory: %s", e.Name())
	}
	testutil.Eventually(t, "no process of the demonstration is left", func() error {
		procs, err := filepath.Glob("/proc/[0-9]*/exe")
		if err != nil {
			return err
		}
		for _, p := range procs {
			if exe, err := os.Readlink(p); err == nil && strings.HasPrefix(exe, dir) {
				return fmt.Errorf("%s runs %s", p, exe)
			}
		}
		return nil
	})
}

// The demonstration runs to its end, also twice at once.
func TestIntegrationDemo(t *testing.T) {
	dir := demoDir(t)
	cmd1, log1, tmp1 := startDemo(t, dir)
	cmd2, log2, tmp2 := startDemo(t, dir)
	if err := cmd1.Wait(); err != nil {
		t.Errorf("first: %v\n%s", err, log1.text())
	}
	if err := cmd2.Wait(); err != nil {
		t.Errorf("second: %v\n%s", err, log2.text())
	}
	checkDemoLeft(t, dir, tmp1)
	checkDemoLeft(t, dir, tmp2)
}

// Interrupted at any step it leaves nothing and ends with 130.
func TestIntegrationDemoInterrupted(t *testing.T) {
	dir := demoDir(t)
	for step := 1; step <= 9; step++ {
		cmd, log, tmp := startDemo(t, dir)
		if _, ok := log.await(fmt.Sprintf("== %d. ", step)); !ok {
			t.Fatalf("step %d is not reached:\n%s", step, log.text())
		}
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() // the exit status is read below
		// The last step may be over before the signal arrives.
		if code := cmd.ProcessState.ExitCode(); code != 130 && !(step == 9 && code == 0) {
			t.Errorf("interrupted at step %d: exit status %d\n%s", step, code, log.text())
		}
		checkDemoLeft(t, dir, tmp)
	}
	// Control-backslash, a closed terminal, a pager that was left.
	for _, sig := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGTERM} {
		cmd, log, tmp := startDemo(t, dir)
		if _, ok := log.await("== 3. "); !ok {
			t.Fatalf("step 3 is not reached:\n%s", log.text())
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() // the exit status is read below
		if code := cmd.ProcessState.ExitCode(); code != 130 {
			t.Errorf("after %v: exit status %d\n%s", sig, code, log.text())
		}
		checkDemoLeft(t, dir, tmp)
	}
}
