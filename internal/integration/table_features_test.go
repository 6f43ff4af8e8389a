package integration

import (
	"os/exec"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
)

// unknownToStock are lines of features in which our switch has more than ovs-ofctl
// has names for.
func unknownToStock(features string) string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(features), "\n") {
		for _, word := range []string{"actions: ", "supported on Set-Field: ", "arbitrary mask: ", "exact match or wildcard: "} {
			if i := strings.Index(line, word); i >= 0 {
				line = line[:i+len(word)]
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// Names that one tool gives to tables, by setting the features of all, the other
// reads; and flows stay where they are.
func TestIntegrationTableNames(t *testing.T) {
	path := testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	l := newLab(t, 1)
	d := startSwitch(t, l, "--fail-mode", "secure")
	mgmt := d.mgmt("br0")
	d.stock("add-flow", mgmt, "table=3,priority=5,actions=drop")
	d.stock("mod-table", mgmt, "3", "name:acl")
	d.ctl("mod-table", "br0", "7", "name:last-stage")
	d.stock("add-flow", mgmt, "table=acl,priority=6,ip,actions=goto_table:last-stage")
	d.ctl("add-flow", "br0", "priority=7,actions=goto_table:acl")
	for _, verb := range [][]string{{"--names", "--no-stats", "dump-flows"}, {"--no-names", "--no-stats", "dump-flows"}, {"--no-stats", "dump-flows", "table=acl"}} {
		args := insertTarget(verb, mgmt)
		theirs, ours := d.stock(args...), d.ctl(args...)
		if theirs != ours {
			t.Errorf("%v\novs-ofctl prints:\n%s\nofctl prints:\n%s", verb, theirs, ours)
		}
	}
	dump := d.ctl("--names", "--no-stats", "dump-flows", "br0")
	for _, want := range []string{"table=acl, priority=5", "table=acl, priority=6", "goto_table:\"last-stage\"", "priority=7 actions=goto_table:acl"} {
		if !strings.Contains(dump, want) {
			t.Errorf("the flows lack %q:\n%s", want, dump)
		}
	}
	theirs, ours := unknownToStock(d.stock("dump-table-features", mgmt)), unknownToStock(d.ctl("dump-table-features", "br0"))
	if theirs != ours || !strings.Contains(ours, "table 3 (\"acl\"): ditto") || !strings.Contains(ours, "table 7 (\"last-stage\"): ditto") {
		t.Errorf("ovs-ofctl prints:\n%s\nofctl prints:\n%s", theirs, ours)
	}
	d.stock("mod-table", mgmt, "acl", "name:")
	if dump := d.stock("--names", "dump-flows", mgmt); !strings.Contains(dump, "table=3") || strings.Contains(dump, "acl") {
		t.Errorf("the name is still there:\n%s", dump)
	}
	for _, args := range [][]string{{"mod-table", mgmt, "254", "name:x"}, {"mod-table", mgmt, "3", "drop"}, {"add-flow", mgmt, "table=acl,actions=drop"}} {
		if out, err := exec.Command(path, append([]string{"-O", "OpenFlow13"}, args...)...).CombinedOutput(); err == nil {
			t.Errorf("ovs-ofctl %v: %s", args, out)
		}
		if out, err := d.tryCtl(args...); err == nil {
			t.Errorf("ofctl %v: %s", args, out)
		}
	}
}
