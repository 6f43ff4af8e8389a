package integration

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
)

// flowsOfAllKinds is what a user would add; each line must come back as it is
// from both tools.
var flowsOfAllKinds = []string{
	"priority=10,in_port=1 actions=output:2",
	"priority=11,arp,arp_tpa=10.0.0.2 actions=FLOOD",
	"priority=12,tcp,nw_src=10.0.0.0/24,tp_dst=80 actions=dec_ttl,set_field:02:00:00:00:00:09->eth_dst,output:2",
	"priority=13,ipv6,ipv6_dst=fd00::/64 actions=CONTROLLER:65535",
	"priority=14,dl_vlan=5 actions=pop_vlan,output:3",
	"priority=15,in_port=3 actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:1",
	"priority=16,metadata=0x1/0xff actions=drop",
	"idle_timeout=60, hard_timeout=600, priority=17,udp6,tp_src=53 actions=NORMAL",
	"priority=18,icmp,icmp_type=8 actions=write_metadata:0x5/0xf,goto_table:7",
	"table=7, priority=19,ip,in_port=LOCAL actions=write_actions(set_field:10.1.1.1->ip_dst,output:1)",
}

// volatile is what differs between two runs of a tool.
var volatile = regexp.MustCompile(`duration=[0-9.]+s(, )?|xid=0x[0-9a-f]+`)

// stock runs the unmodified ovs-ofctl.
func (d *daemon) stock(args ...string) string {
	d.t.Helper()
	path := testutil.NeedProgram(d.t, "ovs-ofctl", "openvswitch-common")
	out, err := exec.Command(path, append([]string{"-O", "OpenFlow13"}, args...)...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("ovs-ofctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// ovs-ofctl as it comes drives our switch, and ofctl prints the same.
func TestIntegrationStockOvsOfctl(t *testing.T) {
	testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	l := newLab(t, 3)
	d := startSwitch(t, l, "--fail-mode", "secure")
	mgmt := d.mgmt("br0")
	for _, f := range flowsOfAllKinds {
		d.stock("add-flow", mgmt, strings.Replace(strings.Replace(f, " actions", ",actions", 1), ", ", ",", -1))
	}
	for _, verb := range [][]string{
		{"show"}, {"dump-desc"}, {"dump-flows"}, {"dump-flows", "tcp"}, {"dump-flows", "table=7"}, {"dump-aggregate"},
		{"dump-tables"}, {"dump-ports"}, {"dump-ports", "1"}, {"dump-ports-desc"},
		{"--no-stats", "dump-flows"}, {"--names", "dump-flows"}, {"--rsort", "dump-flows"}, {"--sort=priority", "dump-flows"},
	} {
		args := insertTarget(verb, mgmt)
		var theirs, ours string
		for range 10 { // the kernel's own frames may be counted between the two
			theirs = volatile.ReplaceAllString(d.stock(args...), "")
			ours = volatile.ReplaceAllString(d.ctl(args...), "")
			if theirs == ours {
				break
			}
		}
		if theirs != ours {
			t.Errorf("%v\novs-ofctl prints:\n%s\nofctl prints:\n%s", verb, theirs, ours)
		}
	}
	features := d.stock("dump-table-features", mgmt)
	for _, want := range []string{
		"table 0:\n", "tables 1...252: ditto", "table 253:\n", "max_entries=1048576", "next tables: 1-253\n", "instructions (table miss and others):",
		"instructions: meter apply_actions clear_actions write_actions write_metadata goto_table\n", "arbitrary mask: tun_id metadata eth_{src,dst} vlan_vid ",
	} {
		if !strings.Contains(features, want) {
			t.Errorf("dump-table-features of ovs-ofctl lacks %q:\n%s", want, features)
		}
	}
	dump := d.stock("--no-stats", "dump-flows", mgmt)
	for _, f := range flowsOfAllKinds {
		if !strings.Contains(dump, strings.TrimSuffix(f, "\n")) {
			t.Errorf("the entry %q does not come back:\n%s", f, dump)
		}
	}
	d.stock("mod-flows", mgmt, "in_port=1,actions=output:3")
	if dump := d.ctl("dump-flows", "br0", "in_port=1"); !strings.Contains(dump, "output:3") {
		t.Errorf("mod-flows of ovs-ofctl had no effect:\n%s", dump)
	}
	d.stock("mod-port", mgmt, "1", "no-packet-in")
	if show := d.ctl("show", "br0"); !strings.Contains(show, "NO_PACKET_IN") {
		t.Errorf("mod-port of ovs-ofctl had no effect:\n%s", show)
	}
	d.stock("del-flows", mgmt)
	if dump := d.ctl("dump-flows", "br0"); strings.Contains(dump, "priority") {
		t.Errorf("del-flows of ovs-ofctl left:\n%s", dump)
	}
	if out := d.stock("ping", mgmt); !strings.Contains(out, "10 bytes from") && !strings.Contains(out, "bytes from") {
		t.Errorf("ovs-ofctl ping says %q", out)
	}
	d.stock("probe", mgmt)
}

// insertTarget puts the switch after the verb, which is the first argument
// that is no option.
func insertTarget(verb []string, target string) []string {
	for i, a := range verb {
		if !strings.HasPrefix(a, "-") {
			out := append([]string{}, verb[:i+1]...)
			return append(append(out, target), verb[i+1:]...)
		}
	}
	return append(verb, target)
}

// What dump-flows prints, add-flows reads back; a wrong flow says what is
// wrong with it and changes nothing.
func TestIntegrationOfctlReadsBack(t *testing.T) {
	l := newLab(t, 1)
	d := startSwitch(t, l, "--fail-mode", "secure")
	for _, f := range flowsOfAllKinds {
		d.ctl("add-flow", "br0", f)
	}
	first := d.ctl("--no-stats", "dump-flows", "br0")
	d.ctl("del-flows", "br0")
	cmd := exec.Command(d.ofctl, "add-flows", d.mgmt("br0"), "-")
	cmd.Stdin = strings.NewReader(first)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("add-flows -: %v\n%s", err, out)
	}
	if second := d.ctl("dump-flows", "br0", "--no-stats"); second != first {
		t.Errorf("first:\n%s\nread back:\n%s", first, second)
	}
	out, err := d.tryCtl("add-flow", "br0", "tp_dst=80,actions=drop")
	if err == nil || !strings.Contains(out, "tp_dst") {
		t.Errorf("a flow without its prerequisite: error %v, message %q", err, out)
	}
	cmd = exec.Command(d.ofctl, "add-flows", d.mgmt("br0"), "-")
	cmd.Stdin = strings.NewReader("priority=99,actions=drop\npriority=98,nw_src=300.0.0.1,ip,actions=drop\n")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), ":2") || !strings.Contains(string(out), "nw_src") {
		t.Errorf("a file with a wrong flow: error %v, message %q", err, out)
	}
	if now := d.ctl("dump-flows", "br0", "--no-stats"); now != first {
		t.Errorf("refused flows changed the tables:\n%s", now)
	}
}

// ovs-appctl as it comes talks to the daemon.
func TestIntegrationStockOvsAppctl(t *testing.T) {
	path := testutil.NeedProgram(t, "ovs-appctl", "openvswitch-common")
	l := newLab(t, 2)
	d := startSwitch(t, l)
	ping(t, l.Hosts[0], l.Hosts[1].IP.String())
	appctl := func(args ...string) string {
		cmd := exec.Command(path, append([]string{"-t", "ofswitchd"}, args...)...)
		cmd.Env = []string{"OVS_RUNDIR=" + d.dir}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("ovs-appctl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if out := appctl("fdb/show", "br0"); !strings.Contains(out, l.Hosts[0].MAC.String()) {
		t.Errorf("fdb/show:\n%s", out)
	}
	for _, cmd := range []string{"exit", "fdb/flush", "fdb/show", "isolation/show", "list-commands", "version"} {
		if out := appctl("list-commands"); !strings.Contains(out, cmd) {
			t.Errorf("list-commands lacks %s:\n%s", cmd, out)
		}
	}
	appctl("version")
	appctl("exit")
	<-d.ended
	if d.err != nil {
		t.Errorf("ofswitchd after exit: %v", d.err)
	}
}
