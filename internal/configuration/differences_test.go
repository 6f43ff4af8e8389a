package configuration

import "strings"

// differences are what is meant to be other than with Open vSwitch, and why.
// program is who differs: ovs-vsctl asks our daemon, ofctl is ours itself.
var differences = []struct{ program, line, why string }{
	{"", "--dry-run add-br br9", "ovs-vsctl waits for ever, for a change that was not made; ofctl does not wait"},
	{"ofctl", "--no-wait --dry-run add-zone-tp other zone=4 icmp_first=x", "ovs-vsctl takes what is no number for 0"},
	{"ofctl", "add-zone-tp other zone=4 foo=1", "refused before it is sent"},
	{"ofctl", "add bridge br0 external_ids x", "ovs-vsctl's message ends where the argument does"},
	{"", `--timeout=10 transact SERVER '["_Server",{"op":"delete","table":"Database","where":[]}]'`, "the same refusal, for another reason: all of _Server is read only"},
	{"ofctl", "nothing", notOne},
	{"ofctl", "--db", notOne},
	{"ofctl", "-t", notOne},
	{"ofctl", "--", notOne},
	{"ofctl", "-- --may-exist", notOne},
}

// notOne: nothing in the line is a command of ovs-vsctl.
const notOne = "ofctl has other verbs, too: what it says names --help"

// intended is why the step need not be the same; empty: it must.
func intended(program, line string) string {
	for _, d := range differences {
		if (d.program == "" || d.program == program) && d.line == line {
			return d.why
		}
	}
	return ""
}

// allowed leaves out of error messages what may differ: whose log has more.
func allowed(text string) string {
	text = strings.ReplaceAll(text, "  See ovs-vswitchd log for details.", "")
	text = strings.ReplaceAll(text, "  See ofswitchd's log for details.", "")
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "The default log directory is") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
