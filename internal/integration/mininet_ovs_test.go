package integration

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
)

// Mininet's own class for Open vSwitch, as it is, makes its bridges in our switch:
// it needs the run directory and nothing else.
func TestIntegrationMininetOVSClass(t *testing.T) {
	mn := testutil.NeedProgram(t, "mn", "mininet")
	unshare := testutil.NeedProgram(t, "unshare", "util-linux")
	testutil.NeedProgram(t, "ovs-testcontroller", "openvswitch-testcontroller")
	l := newLab(t, 0)
	s := startWithDB(t, l.Switch, "")
	for _, args := range [][]string{
		{"--controller", "ovsc", "--switch", "ovs,datapath=user"},
		{"--controller", "none", "--switch", "ovs,datapath=user,failMode=standalone"},
	} {
		// Processes of its own: when something fails Mininet kills by name.
		cmd := exec.Command(unshare, append([]string{"--pid", "--fork", "--kill-child", "--mount-proc", mn,
			"--topo", "linear,3", "--test", "pingall"}, args...)...)
		cmd.Env = s.env()
		cmd.Dir = t.TempDir()
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := l.Switch.Start(cmd); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), " 0% dropped") {
			t.Errorf("mn %v: %v\n%s", args, err, out.String())
		}
		if left := s.vsctl("list-br"); left != "" {
			t.Errorf("mn %v: left in the database: %s", args, left)
		}
	}
}
