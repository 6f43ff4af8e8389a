package main

import (
	"bytes"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ofp/text"
)

// notSame are the parts of the output that differ from run to run.
var notSame = regexp.MustCompile(`xid=(0x)?[0-9a-f]+|time=[0-9.]+ ms|from \S+:`)

// TestIntegrationOvsOfctlSame runs the same command lines with ofctl and with the
// installed ovs-ofctl against the same switch: they print the same, exit alike
// and leave the same flows.
func TestIntegrationOvsOfctlSame(t *testing.T) {
	ovs := testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	// ovs-ofctl knows neither the switch's port names nor commands in these files.
	same := writeFile(t, strings.NewReplacer("add ", "", "p1", "1").Replace(testFlows))
	other := writeFile(t, otherFlows)
	for _, args := range []string{
		"show SWITCH",
		"dump-desc SWITCH",
		"dump-tables SWITCH",
		"dump-flows SWITCH",
		"dump-flows SWITCH --no-stats",
		"--names dump-flows SWITCH",
		"--names --no-stats dump-flows SWITCH table=1,ip",
		"dump-flows --sort SWITCH",
		"dump-flows SWITCH --rsort",
		"--sort=nw_dst dump-flows SWITCH",
		"--rsort=nw_dst --sort=priority dump-flows SWITCH",
		"dump-flows SWITCH table=1",
		"dump-flows SWITCH in_port=p1",
		"dump-flows SWITCH cookie=5/-1",
		"dump-flows SWITCH priority=10",
		"dump-aggregate SWITCH",
		"dump-aggregate SWITCH table=1",
		"dump-ports SWITCH",
		"dump-ports SWITCH p1",
		"dump-ports SWITCH LOCAL",
		"--names dump-ports SWITCH",
		"dump-ports-desc SWITCH",
		"probe SWITCH",
		"ping SWITCH",
		"ping SWITCH 0",
		"ping SWITCH 70000",
		"mod-port SWITCH p1 down",
		"mod-port SWITCH 9 down",
		"mod-port SWITCH 1 sideways",
		"packet-out SWITCH 1 2 " + testFrame,
		"packet-out SWITCH in_port=p1,packet=" + testFrame + ",actions=mod_vlan_vid:3,2",
		"packet-out SWITCH in_port=1,actions=2",
		"add-flow SWITCH priority=99,udp,tp_dst=53,actions=mod_vlan_vid:3,mod_tp_dst:54,p2",
		"add-flow SWITCH priority=99,foo,actions=2",
		"mod-flows SWITCH ip,table=1,actions=drop",
		"del-flows SWITCH ip",
		"--strict del-flows SWITCH priority=5,ip,nw_dst=10.0.0.0/8",
		"--strict del-flows SWITCH priority=10,in_port=1,table=0",
		"del-flows SWITCH",
		"add-flows SWITCH " + other,
		"replace-flows SWITCH " + other,
		"diff-flows SWITCH " + same,
	} {
		run := func(name string, exec func(args []string) (status int, out string)) (status int, out string, flows string) {
			f := newFakeSwitch(t)
			f.ok(testFlows, "add-flows", "br0", "-")
			words := append([]string{"-O", "OpenFlow13"}, strings.Fields(strings.ReplaceAll(args, "SWITCH", "unix:"+f.sock))...)
			status, out = exec(words)
			var lines []string // in no order that would mean anything
			for _, fm := range f.table() {
				lines = append(lines, text.FormatFlow(fm, text.Options{})+"\n")
			}
			slices.Sort(lines)
			return status, notSame.ReplaceAllString(out, ""), strings.Join(lines, "")
		}
		status, out, flows := run("ofctl", func(words []string) (int, string) {
			status, out, errs := runOfctl("", words...)
			if (status == exitFailure) != (errs != "") {
				t.Errorf("ofctl %s: status %d, message %q", args, status, errs)
			}
			return status, out
		})
		wantStatus, wantOut, wantFlows := run("ovs-ofctl", func(words []string) (int, string) {
			var out, errs bytes.Buffer
			cmd := exec.Command(ovs, words...)
			cmd.Stdout, cmd.Stderr = &out, &errs
			if err := cmd.Run(); cmd.ProcessState == nil {
				t.Fatalf("ovs-ofctl %s: %v", args, err)
			}
			return cmd.ProcessState.ExitCode(), out.String()
		})
		if status != wantStatus || out != wantOut {
			t.Errorf("%s\nofctl:     status %d, %q\novs-ofctl: status %d, %q", args, status, out, wantStatus, wantOut)
		}
		if flows != wantFlows {
			t.Errorf("%s: afterwards the flows are\n%s, and with ovs-ofctl\n%s", args, flows, wantFlows)
		}
	}
}
