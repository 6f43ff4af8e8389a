package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/internal/testutil"
	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

// told is one flow as ovs-ofctl is told it. Its normal form is what ovs-ofctl must
// read back.
type told struct {
	what    string // the field, action, instruction or flag that it is about
	match   string // with what is no match before it: "table=1,idle_timeout=5"
	actions string // normal form
	// ours: ovs-ofctl 3.1 has no words for it, ofctl has.
	ours bool
	// only13: OpenFlow 1.0 and its extensions have no way to say it, or it is no flow
	// that both versions show.
	only13 bool
}

// otherWords is what comes back over OpenFlow 1.0 where Open vSwitch keeps by which
// of two equal actions or matches a flow was told, and this switch what it means.
var otherWords = map[string]string{
	"load:0xbcde5->OXM_OF_MPLS_LABEL[]":       "set_mpls_label(773605)",
	"load:0x5->OXM_OF_MPLS_TC[]":              "set_mpls_tc(5)",
	"load:0x123456789abcde5->NXM_NX_TUN_ID[]": "set_tunnel64:0x123456789abcde5",
	"vlan_tci=0x0000/0x1fff":                  "vlan_tci=0x0000",
}

// Fields and actions that ovs-ofctl 3.1 does not know, or refuses to set. The test
// holds that it refuses them: one that it learns has to be taken from here.
var (
	stockCannotMatch = []flow.ID{flow.InPhyPort, flow.PBBISID, flow.IPv6Exthdr}
	stockCannotSet   = []flow.ID{flow.EthType, flow.IPProto, flow.MPLSBOS, flow.PBBISID}
	stockCannotDo    = []ofp.ActionType{ofp.ActionCopyTTLOut, ofp.ActionCopyTTLIn, ofp.ActionPushPBB, ofp.ActionPopPBB}
)

// prerequisites are the shortest matches after which a field may stand.
var prerequisites = map[flow.Prereq][]string{
	flow.PrereqNone:      {""},
	flow.PrereqInPort:    {"in_port=1"},
	flow.PrereqVLAN:      {"dl_vlan=7"},
	flow.PrereqIP:        {"ip", "ipv6"},
	flow.PrereqIPv4:      {"ip"},
	flow.PrereqIPv6:      {"ipv6"},
	flow.PrereqARP:       {"arp"},
	flow.PrereqMPLS:      {"mpls", "mplsm"},
	flow.PrereqPBB:       {"dl_type=0x88e7"},
	flow.PrereqTCP:       {"tcp", "tcp6"},
	flow.PrereqUDP:       {"udp", "udp6"},
	flow.PrereqSCTP:      {"sctp", "sctp6"},
	flow.PrereqICMPv4:    {"icmp"},
	flow.PrereqICMPv6:    {"icmp6"},
	flow.PrereqND:        {"icmp6,icmp_type=135", "icmp6,icmp_type=136"},
	flow.PrereqNDSolicit: {"icmp6,icmp_type=135"},
	flow.PrereqNDAdvert:  {"icmp6,icmp_type=136"},
}

// exampleOf is a value of a field and a mask for it.
func exampleOf(f *flow.Field) (v, mask flow.Value) {
	cut := func(hi, lo uint64) flow.Value { return flow.Value{Hi: hi & f.Full().Hi, Lo: lo & f.Full().Lo} }
	v, mask = cut(0xfe80000000000000, 0x123456789abcde5), cut(^uint64(0), 0xfffffffffffffff0)
	switch f.ID {
	case flow.InPort, flow.InPhyPort:
		v.Lo = 2
	case flow.VLANVID:
		v.Lo, mask.Lo = flow.VIDPresent|0x123, flow.VIDPresent|0xf
	case flow.EthType:
		v.Lo = 0x88b5
	case flow.IPProto:
		v.Lo = 253
	case flow.ARPOp:
		v.Lo = 2
	case flow.ICMPv4Type, flow.ICMPv6Type:
		v.Lo = 130
	}
	return v, mask
}

// fieldsTold has every field of the table: matched exactly, masked if it can be,
// and set if it can be, behind each of its prerequisites.
func fieldsTold(t *testing.T) (list []told) {
	for i := range flow.Table {
		f := &flow.Table[i]
		v, mask := exampleOf(f)
		befores := prerequisites[f.Prereq]
		if befores == nil {
			t.Errorf("%s has a prerequisite that this test does not know", f.Name)
		}
		for _, before := range befores {
			base, err := text.ParseFlow(strings.TrimPrefix(before+",actions=drop", ","), text.ParseOptions{})
			if err != nil {
				t.Fatal(err)
			}
			m := base.Match
			m.Set(f.ID, v)
			cannot := slices.Contains(stockCannotMatch, f.ID)
			list = append(list, told{what: "match " + f.Name, match: m.String(), actions: "drop", ours: cannot})
			if f.Maskable {
				m = base.Match
				m.SetMasked(f.ID, flow.Value{Hi: v.Hi & mask.Hi, Lo: v.Lo & mask.Lo}, mask)
				list = append(list, told{what: "match " + f.Name + " masked", match: m.String(), actions: "drop", ours: cannot})
			}
			if f.Writable {
				match := before
				if f.ID == flow.VLANVID {
					match = "dl_vlan=7"
				}
				set := text.FormatAction(ofp.SetField{Field: f.ID, Value: v}, text.Options{})
				list = append(list, told{what: "set-field " + f.Name, match: match, actions: set, ours: cannot || slices.Contains(stockCannotSet, f.ID)})
			}
		}
	}
	return list
}

// actionsTold has every action but set-field.
var actionsTold = map[ofp.ActionType][]told{
	ofp.ActionOutput: {
		{actions: "output:1"}, {actions: "output:1,output:2,output:3"}, {actions: "IN_PORT"}, {actions: "NORMAL"}, {actions: "FLOOD"}, {actions: "ALL"},
		{actions: "LOCAL"}, {actions: "CONTROLLER:65535"}, {actions: "CONTROLLER:128"}, {actions: "CONTROLLER:0"},
	},
	ofp.ActionCopyTTLOut: {{match: "mpls", actions: "copy_ttl_out"}},
	ofp.ActionCopyTTLIn:  {{match: "mpls", actions: "copy_ttl_in"}},
	ofp.ActionSetMPLSTTL: {{match: "mpls", actions: "set_mpls_ttl(7)"}},
	ofp.ActionDecMPLSTTL: {{match: "mpls", actions: "dec_mpls_ttl"}},
	ofp.ActionPushVLAN:   {{actions: "push_vlan:0x8100", only13: true}, {actions: "push_vlan:0x88a8", only13: true}},
	ofp.ActionPopVLAN:    {{match: "dl_vlan=7", actions: "pop_vlan"}},
	ofp.ActionPushMPLS:   {{actions: "push_mpls:0x8847"}, {actions: "push_mpls:0x8848"}},
	ofp.ActionPopMPLS:    {{match: "mpls", actions: "pop_mpls:0x0800"}, {match: "mplsm", actions: "pop_mpls:0x8848"}},
	ofp.ActionSetQueue:   {{actions: "set_queue:5,output:1"}},
	ofp.ActionGroup:      {{actions: "group:1", only13: true}},
	ofp.ActionSetNwTTL:   {{match: "ip", actions: "mod_nw_ttl:9"}, {match: "ipv6", actions: "mod_nw_ttl:9"}},
	ofp.ActionDecNwTTL:   {{match: "ip", actions: "dec_ttl"}, {match: "ipv6", actions: "dec_ttl"}},
	ofp.ActionPushPBB:    {{actions: "push_pbb:0x88e7"}},
	ofp.ActionPopPBB:     {{match: "dl_type=0x88e7", actions: "pop_pbb"}},
}

// instructionsTold has every instruction.
var instructionsTold = map[int][]told{
	ofp.InstrGotoTable:     {{actions: "goto_table:253", only13: true}, {match: "table=7", actions: "output:1,goto_table:9", only13: true}},
	ofp.InstrWriteMetadata: {{actions: "write_metadata:0x5"}, {actions: "write_metadata:0x500/0xff00"}},
	ofp.InstrWriteActions:  {{match: "ip", actions: "write_actions(set_field:10.1.1.1->ip_dst,output:1)", only13: true}},
	ofp.InstrApplyActions:  {{actions: "push_vlan:0x8100,set_field:4101->vlan_vid,output:1", only13: true}},
	ofp.InstrClearActions:  {{actions: "clear_actions", only13: true}},
	ofp.InstrMeter:         {{actions: "meter:1,output:1", only13: true}},
}

// partsTold has what a flow has besides: flags, timeouts, cookie, table, the
// matches without any field, and everything at once.
var partsTold = []told{
	{what: "flag send_flow_rem", match: "send_flow_rem", actions: "drop"},
	{what: "flag check_overlap", match: "check_overlap", actions: "drop"},
	{what: "flag reset_counts", match: "reset_counts", actions: "drop", only13: true},
	{what: "flag no_packet_counts", match: "no_packet_counts", actions: "drop", only13: true},
	{what: "flag no_byte_counts", match: "no_byte_counts", actions: "drop", only13: true},
	{what: "timeouts", match: "idle_timeout=600,hard_timeout=6000", actions: "drop"},
	{what: "cookie", match: "cookie=0x123456789abcdef0", actions: "drop"},
	{what: "table", match: "table=253,ip", actions: "drop"},
	{what: "no tag", match: "vlan_tci=0x0000/0x1fff", actions: "drop"},
	{what: "any tag", match: "vlan_tci=0x1000/0x1000", actions: "drop"},
	{what: "everything", match: "cookie=0x5,table=2,idle_timeout=9,send_flow_rem,tcp,in_port=1,dl_vlan=3,dl_vlan_pcp=2,nw_src=10.0.0.0/8,tp_dst=80", only13: true,
		actions: "meter:1,set_field:02:00:00:00:00:01->eth_dst,dec_ttl,output:1,clear_actions,write_actions(pop_vlan,group:1),write_metadata:0x1/0x3,goto_table:3"},
}

// flowsTold is all that can be said of flows, each once; that nothing was forgotten
// is held by going through the tables of the packages that define it.
func flowsTold(t *testing.T) []told {
	t.Helper()
	list := append(fieldsTold(t), partsTold...)
	for ty := ofp.ActionOutput; ty <= ofp.ActionPopPBB; ty++ {
		if ty == ofp.ActionSetField || !strings.HasPrefix(ty.String(), "OFPAT_") {
			continue
		}
		if len(actionsTold[ty]) == 0 {
			t.Errorf("%v is not among the actions of this test", ty)
		}
		for _, f := range actionsTold[ty] {
			f.what, f.ours = ty.String(), slices.Contains(stockCannotDo, ty)
			list = append(list, f)
		}
	}
	for i := ofp.InstrGotoTable; i <= ofp.InstrMeter; i++ {
		if len(instructionsTold[i]) == 0 {
			t.Errorf("instruction %d is not among those of this test", i)
		}
		for _, f := range instructionsTold[i] {
			f.what = fmt.Sprintf("instruction %d", i)
			list = append(list, f)
		}
	}
	for bit := range 16 {
		name := ofp.FlowFlags(1 << bit).String()
		if strings.HasPrefix(name, "0x") {
			continue
		}
		if !slices.ContainsFunc(partsTold, func(f told) bool { return f.what == "flag "+name }) {
			t.Errorf("flag %s is not among those of this test", name)
		}
	}
	return list
}

// The priority of a flow is its number in the list.
const firstPriority = 1000

// line is the flow as a line of add-flows.
func (f *told) line(i int) string {
	match := fmt.Sprintf("priority=%d", firstPriority+i)
	if f.match != "" {
		match += "," + f.match
	}
	return match + ",actions=" + strings.Replace(f.actions, "CONTROLLER:", "controller:", 1)
}

var priorityOf = regexp.MustCompile(`priority=([0-9]+)`)

// byPriority sorts the lines of dump-flows by the number of the flow.
func byPriority(t *testing.T, dump string) map[int]string {
	t.Helper()
	lines := map[int]string{}
	for _, line := range strings.Split(dump, "\n") {
		if m := priorityOf.FindStringSubmatch(line); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			lines[n-firstPriority] = strings.TrimSpace(line)
		}
	}
	return lines
}

// TestIntegrationOvsOfctlRoundTrip: the unmodified ovs-ofctl sends every field,
// action, instruction, flag, group and meter, over OpenFlow 1.3 and without -O, and
// reads back what it sent. What it cannot say goes the same way with ofctl.
func TestIntegrationOvsOfctlRoundTrip(t *testing.T) {
	stock := testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	ns := testutil.NewNS(t)
	ns.NoIPv6()
	d := startDaemon(t, ns.Namespace, "--bridge", "br0", "--datapath-id", "1", "--fail-mode", "secure",
		"--port", "p1,type=internal", "--port", "p2,type=internal", "--port", "p3,type=internal")
	d.awaitLog("msg=ready")
	theirs := startOVS10(t, ns)
	mgmt := d.mgmt("br0")
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	all := flowsTold(t)

	// send writes the flows for which is says true through one process.
	send := func(is func(*told) bool, target string, command ...string) {
		t.Helper()
		var file strings.Builder
		for i := range all {
			if is(&all[i]) {
				file.WriteString(all[i].line(i) + "\n")
			}
		}
		path := filepath.Join(t.TempDir(), "flows")
		if err := os.WriteFile(path, []byte(file.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		run(append(command, "add-flows", target, path)...)
	}
	// check compares what came back with the normal form of what was sent.
	check := func(dump, name string, is func(*told) bool) {
		t.Helper()
		lines, n := byPriority(t, dump), 0
		for i := range all {
			if !is(&all[i]) {
				continue
			}
			n++
			if want := normalFlow(t, all[i].line(i)); lines[i] != want {
				t.Errorf("%s, %s: sent\n%s, want back\n%s, got\n%s", name, all[i].what, all[i].line(i), want, lines[i])
			}
		}
		if n == 0 || len(lines) != n {
			t.Errorf("%s: %d flows came back of %d", name, len(lines), n)
		}
	}

	checkMetersBack(t, run, []string{stock, "-O", "OpenFlow13"}, mgmt)
	checkGroupsBack(t, run, []string{stock, "-O", "OpenFlow13"}, mgmt)
	said := func(f *told) bool { return !f.ours }
	every := func(*told) bool { return true }

	send(said, mgmt, stock, "-O", "OpenFlow13")
	check(run(stock, "-O", "OpenFlow13", "--no-stats", "dump-flows", mgmt), "ovs-ofctl -O OpenFlow13", said)
	run(stock, "-O", "OpenFlow13", "del-flows", mgmt)

	send(every, mgmt, d.ofctl)
	check(run(d.ofctl, "--no-stats", "dump-flows", mgmt), "ofctl", every)
	run(stock, "-O", "OpenFlow13", "del-flows", mgmt)

	// Without -O set-field goes as loads and as the actions of OpenFlow 1.0: what
	// comes back is what Open vSwitch gives back.
	old := func(f *told) bool { return !f.ours && !f.only13 }
	send(old, mgmt, stock)
	send(old, theirs, stock)
	got, want := byPriority(t, run(stock, "--no-stats", "dump-flows", mgmt)), byPriority(t, run(stock, "--no-stats", "dump-flows", theirs))
	for i := range all {
		f := &all[i]
		if !old(f) {
			continue
		}
		for from, to := range otherWords {
			want[i] = strings.Replace(want[i], from, to, 1)
		}
		switch {
		case got[i] == "" || got[i] != want[i]:
			t.Errorf("ovs-ofctl without -O, %s: sent\n%s, Open vSwitch gives back\n%s, we\n%s", f.what, f.line(i), want[i], got[i])
		case strings.HasPrefix(f.what, "match ") && got[i] != normalFlow(t, f.line(i)):
			t.Errorf("ovs-ofctl without -O, %s: sent\n%s, came back\n%s", f.what, f.line(i), got[i])
		}
	}
	run(stock, "del-flows", mgmt)

	// The list of what ovs-ofctl cannot say is no longer than it must be.
	refused := map[string]bool{}
	for i := range all {
		f := &all[i]
		if !f.ours || refused[f.what] {
			continue
		}
		refused[f.what] = true
		if out, err := exec.Command(stock, "-O", "OpenFlow13", "add-flow", theirs, f.line(i)).CombinedOutput(); err == nil {
			t.Errorf("ovs-ofctl takes %s, which it is said not to know: %s\n%s", f.what, f.line(i), out)
		}
	}
}

// normalFlow is a flow in the form in which dump-flows --no-stats prints it.
func normalFlow(t *testing.T, line string) string {
	t.Helper()
	m, err := text.ParseFlow(line, text.ParseOptions{})
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.TrimSpace(text.FormatFlowStats(&ofp.FlowStats{
		Table: m.Table, Priority: m.Priority, IdleTimeout: m.IdleTimeout, HardTimeout: m.HardTimeout, Flags: m.Flags, Cookie: m.Cookie,
		Match: m.Match, Instructions: m.Instructions,
	}, text.Options{}))
}

// groupsTold are groups of each type; what follows the type is the normal form.
var groupsTold = []string{
	"group_id=1,type=all,bucket=actions=output:1,bucket=actions=output:2",
	"group_id=2,type=all",
	"group_id=3,type=select,bucket=weight:0,actions=output:1,bucket=weight:60000,actions=output:2",
	"group_id=4,type=indirect,bucket=actions=set_field:02:00:00:00:00:01->eth_dst,output:3",
	"group_id=5,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_group:1,actions=group:1,bucket=watch_port:2,watch_group:3,actions=output:2",
	"group_id=4294967040,type=select,bucket=weight:2,watch_port:1,watch_group:1,actions=push_vlan:0x88a8,set_field:4097->vlan_vid,output:1",
}

// checkGroupsBack sends groups of all types in one file and reads them back.
func checkGroupsBack(t *testing.T, run func(...string) string, command []string, target string) {
	t.Helper()
	for ty := range ofp.GroupType(255) {
		if name := ty.String(); !strings.HasPrefix(name, "group type") && !strings.Contains(strings.Join(groupsTold, "\n"), "type="+name) {
			t.Errorf("no group of type %s is told", name)
		}
	}
	path := filepath.Join(t.TempDir(), "groups")
	if err := os.WriteFile(path, []byte(strings.Join(groupsTold, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run(slices.Concat(command, []string{"add-groups", target, path})...)
	checkLines(t, run(slices.Concat(command, []string{"dump-groups", target})...), "group_id=", groupsTold)
}

// metersTold are meters in normal form, with each unit, flag and band.
var metersTold = []string{
	"meter=1 kbps bands=\ntype=drop rate=1000",
	"meter=2 pktps burst stats bands=\ntype=drop rate=100 burst_size=10",
	"meter=3 kbps burst bands=\ntype=dscp_remark rate=500 burst_size=50 prec_level=2\ntype=drop rate=1000 burst_size=100",
	"meter=4294901760 pktps stats bands=\ntype=dscp_remark rate=4000000000 prec_level=1",
	"meter=controller pktps bands=\ntype=drop rate=100000",
	"meter=slowpath pktps bands=\ntype=drop rate=100000",
}

// checkMetersBack adds the meters, reads them back, and deletes what is not for
// flows.
func checkMetersBack(t *testing.T, run func(...string) string, command []string, target string) {
	t.Helper()
	joined := strings.Join(metersTold, "\n")
	for bit := range 16 {
		if name := ofp.MeterFlags(1 << bit).String(); !strings.HasPrefix(name, "0x") && !strings.Contains(joined, " "+name+" ") {
			t.Errorf("no meter with flag %s is told", name)
		}
	}
	for ty := range ofp.MeterBandType(256) {
		if name := ty.String(); !strings.HasPrefix(name, "meter band type") && !strings.Contains(joined, "type="+name+" ") {
			t.Errorf("no meter with band %s is told", name)
		}
	}
	for _, m := range metersTold {
		m = strings.NewReplacer("bands=\n", "bands=", "\n", ",", " ", ",").Replace(m)
		run(slices.Concat(command, []string{"add-meter", target, m})...)
	}
	checkLines(t, run(slices.Concat(command, []string{"dump-meters", target})...), "meter=", metersTold)
	for _, m := range []string{"meter=controller", "meter=slowpath"} {
		run(slices.Concat(command, []string{"del-meter", target, m})...)
	}
}

// checkLines compares what a dump lists, each item beginning with a word, with what
// was sent.
func checkLines(t *testing.T, dump, word string, want []string) {
	t.Helper()
	var items []string
	for _, line := range strings.Split(dump, "\n")[1:] {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, word):
			items = append(items, line)
		case line != "" && len(items) > 0:
			items[len(items)-1] += "\n" + line
		}
	}
	if want := slices.Sorted(slices.Values(want)); !slices.Equal(slices.Sorted(slices.Values(items)), want) {
		t.Errorf("sent\n%s\ncame back\n%s", strings.Join(want, "\n"), strings.Join(items, "\n"))
	}
}
