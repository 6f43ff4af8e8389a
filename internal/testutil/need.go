package testutil

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// NeedRoot skips a test that cannot run without root, or in a container whose
// root has not what it takes.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, for network namespaces and raw sockets: sudo make test")
	}
	if missing := missingCapabilities(); missing != "" {
		t.Skipf("needs %s, which this root does not have: run it on a machine, or in a privileged container", missing)
	}
}

// missingCapabilities names those of the capabilities for network namespaces
// and raw sockets that this process lacks.
func missingCapabilities() string {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return "" // the test itself will say what is wrong
	}
	var missing []string
	for _, c := range []struct {
		bit  int
		name string
	}{{unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}, {unix.CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {unix.CAP_NET_RAW, "CAP_NET_RAW"}} {
		if data[c.bit/32].Effective&(1<<(c.bit%32)) == 0 {
			missing = append(missing, c.name)
		}
	}
	return strings.Join(missing, ", ")
}

// NeedProgram skips a test whose peer program is missing, with the Debian
// package that has it, and returns the program's path.
func NeedProgram(t testing.TB, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		for _, dir := range []string{"/usr/sbin", "/sbin"} {
			if p := filepath.Join(dir, name); isExecutable(p) {
				return p
			}
		}
		t.Skipf("needs %s: apt-get install %s", name, debianPackage)
	}
	return path
}

func isExecutable(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode()&0o111 != 0
}

// NeedOSKen skips a test when Debian's python3-os-ken is missing. The package
// belongs to /usr/bin/python3, whatever python3 is first in the path.
func NeedOSKen(t testing.TB) (python string) {
	t.Helper()
	const debianPython = "/usr/bin/python3"
	if err := exec.Command(debianPython, "-c", "import os_ken").Run(); err != nil {
		t.Skip("needs os-ken: apt-get install python3-os-ken")
	}
	return debianPython
}

// Root is the module's root directory.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = parent
	}
}
