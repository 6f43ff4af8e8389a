package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "flows")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// sent lists the flow-mods that the switch was sent, as text.
func (f *fakeSwitch) sent() string {
	var s []string
	for _, fm := range f.flowMods() {
		s = append(s, text.FormatFlowMod(fm, text.Options{}))
	}
	return strings.Join(s, "\n")
}

func TestFlowMods(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"add-flow", "br0", "table=1,in_port=p1,actions=mod_vlan_vid:5,p2"}, "ADD table:1 in_port=1 actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:2"},
		{[]string{"mod-flows", "br0", "ip,actions=1"}, "MOD ip actions=output:1"},
		{[]string{"--strict", "mod-flows", "br0", "ip,priority=7,actions=1"}, "MOD_STRICT priority=7,ip actions=output:1"},
		{[]string{"del-flows", "br0"}, "DEL table:255 actions=drop"},
		{[]string{"del-flows", "br0", "out_port=p2,ip"}, "DEL table:255 ip out_port:2 actions=drop"},
		{[]string{"del-flows", "br0", "--strict", "priority=3,table=2,cookie=1/-1"}, "DEL_STRICT table:2 priority=3 cookie:0x1/0xffffffffffffffff actions=drop"},
	} {
		f := newFakeSwitch(t)
		if out := f.ok("", c.args...); out != "" {
			t.Errorf("ofctl %q printed %q", c.args, out)
		}
		if got := f.sent(); got != c.want {
			t.Errorf("ofctl %q sent %q, want %q", c.args, got, c.want)
		}
		if last := f.got[len(f.got)-1]; last.Type() != ofp.TypeBarrierRequest {
			t.Errorf("ofctl %q: last message is a %v, want a barrier request", c.args, last.Type())
		}
	}
}

// TestFlowsFromInput: "-" reads several flows, with a command each.
func TestFlowsFromInput(t *testing.T) {
	f := newFakeSwitch(t)
	f.ok("priority=1,actions=1\ndelete ip\nmodify_strict priority=1,actions=2\n", "add-flow", "br0", "-")
	const want = "ADD priority=1 actions=output:1\nDEL table:255 ip actions=drop\nMOD_STRICT priority=1 actions=output:2"
	if got := f.sent(); got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	f = newFakeSwitch(t)
	f.ok("ip\ntable=3\n", "del-flows", "br0", "-")
	if got, want := f.sent(), "DEL table:255 ip actions=drop\nDEL table:3 actions=drop"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// TestWrongFlowChangesNothing: the message names file, line, field and what was
// expected, and no flow of the file has been sent.
func TestWrongFlowChangesNothing(t *testing.T) {
	f := newFakeSwitch(t)
	file := writeFile(t, "priority=1,actions=1\n\n# comment\npriority=70000,actions=p1\n")
	f.fails([]string{"add-flows", "br0", file}, file+":4: priority=70000: want a number from 0 to 65535")
	f.fails([]string{"replace-flows", "br0", file}, file+":4: priority=70000")
	f.fails([]string{"add-flow", "br0", "actions=set_field:1.2.3->ip_dst"}, "ip_dst=1.2.3", "IPv4")
	f.fails([]string{"add-flow", "br0", "in_port=p9,actions=1"}, "in_port=p9")
	f.fails([]string{"add-flows", "br0", filepath.Join(f.dir, "none")}, "no such file")
	if got := f.sent(); got != "" {
		t.Errorf("sent %q, want nothing", got)
	}
}

// TestRefusedFlows: the flows that the switch refuses are named by file and line,
// with the error's names.
func TestRefusedFlows(t *testing.T) {
	f := newFakeSwitch(t)
	refused := map[uint64]bool{0: true, 999: true, 1000: true, 2499: true}
	f.refuse = func(fm *ofp.FlowMod) *ofp.Error {
		if refused[fm.Cookie] {
			return ofp.FlowModFailedTableFull.Errorf("full")
		}
		return nil
	}
	var b strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&b, "cookie=%d,in_port=%d,actions=drop\n", i, i)
	}
	file := writeFile(t, b.String())
	errs := f.fails([]string{"add-flows", "br0", file}, "OFPET_FLOW_MOD_FAILED, OFPFMFC_TABLE_FULL: ")
	for i := range refused {
		if !strings.Contains(errs, fmt.Sprintf("%s:%d: the switch refused \"cookie=%d,", file, i+1, i)) {
			t.Errorf("line %d is not named in %q", i+1, errs)
		}
	}
	if n := len(f.table()); n != 2496 {
		t.Errorf("the switch has %d flows, want 2496", n)
	}
	f.refuse = func(*ofp.FlowMod) *ofp.Error { return ofp.BadActionBadOutGroup.Errorf("no group") }
	f.fails([]string{"add-flow", "br0", "actions=group:5"}, `br0: the switch refused "actions=group:5": OFPET_BAD_ACTION, OFPBAC_BAD_OUT_GROUP`)
	errs = f.fails([]string{"add-flows", "br0", file}, "and 2490 more")
	if n := strings.Count(errs, "\n"); n != maxReported+1 {
		t.Errorf("%d lines of errors, want %d", n, maxReported+1)
	}
}

func TestUncomment(t *testing.T) {
	for in, want := range map[string]string{
		"actions=1 # one":                  "actions=1 ",
		"# all":                            "",
		`in_port="a#b",actions="\\#" # "x`: `in_port="a#b",actions="\\#" `,
		`in_port="a\"#",actions=1#`:        `in_port="a\"#",actions=1`,
	} {
		if got := uncomment(in); got != want {
			t.Errorf("uncomment(%q) = %q, want %q", in, got, want)
		}
	}
}
