package integration

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
)

// The Debian package is built, installed in a copy of this machine's root, its
// switch started as the unit says and used, and is removed and purged without
// a trace (scripts/deb-test). Systemd, which the test stands in for, hears that
// the switch is ready and that it stops.
func TestIntegrationPackage(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.NeedProgram(t, "dpkg-deb", "dpkg")
	testutil.NeedProgram(t, "adduser", "adduser")
	testutil.NeedProgram(t, "setpriv", "util-linux")
	testutil.NeedProgram(t, "ovs-vsctl", "openvswitch-switch")
	if b, err := os.ReadFile("/proc/filesystems"); err == nil && !strings.Contains(string(b), "\toverlay\n") {
		if out, err := exec.Command("modprobe", "overlay").CombinedOutput(); err != nil {
			t.Skipf("needs the overlay file system: modprobe overlay: %v: %s", err, out)
		}
	}
	root, dir, notify := testutil.Root(t), t.TempDir(), t.TempDir()
	build := exec.Command("make", "-s", "-C", root, "deb", "DEBDIR="+dir)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make deb: %v\n%s", err, out)
	}
	debs, err := filepath.Glob(filepath.Join(dir, "ofswitch_*.deb"))
	if err != nil || len(debs) != 1 {
		t.Fatalf("make deb made %q (%v), want one package", debs, err)
	}
	path := filepath.Join(notify, "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	for path, mode := range map[string]os.FileMode{notify: 0o755, path: 0o777} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	heard := make(chan []string)
	go func() {
		var list []string
		for buf := make([]byte, 256); ; {
			n, err := systemd.Read(buf)
			if err != nil || string(buf[:n]) == "end of the test" {
				heard <- list
				return
			}
			list = append(list, string(buf[:n]))
		}
	}()
	test := exec.Command(filepath.Join(root, "scripts", "deb-test"), debs[0], notify)
	out, err := test.CombinedOutput()
	if err != nil {
		t.Fatalf("scripts/deb-test: %v\n%s", err, out)
	}
	end, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	if _, err := end.Write([]byte("end of the test")); err != nil {
		t.Fatal(err)
	}
	// It is started twice, and stopped by a signal and by its removal.
	if got, want := <-heard, []string{"READY=1", "STOPPING=1", "READY=1", "STOPPING=1"}; !slices.Equal(got, want) {
		t.Errorf("systemd hears %q, want %q", got, want)
	}
}
