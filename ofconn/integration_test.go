package ofconn

import (
	"os/exec"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

// TestIntegrationOfctl has stock ovs-ofctl talk to the channel of a fake switch.
func TestIntegrationOfctl(t *testing.T) {
	ofctl := testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	path := socketDir(t) + "/br0.mgmt"
	sw := &fakeSwitch{flows: 3000, actions: 2}
	m := newManager(t, sw, Options{})
	if err := m.SetListeners([]Listener{{Target: "punix:" + path, Management: true}, {Target: "ptcp:0:127.0.0.1"}}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args string
		ok   bool
		want []string
	}{
		{"-O OpenFlow13 probe S", true, nil},
		{"-O OpenFlow13 ping S 100", true, []string{"100 bytes from"}},
		{"-O OpenFlow13 show S", true, []string{"dpid:0000000000001234", "n_tables:254, n_buffers:0", "1(eth1)", "LOCAL(br0)", "frags=normal miss_send_len=0"}},
		{"-O OpenFlow13 dump-desc S", true, []string{"Manufacturer: the ofswitch project", "DP Description: br0"}},
		{"-O OpenFlow13 dump-aggregate S", true, []string{"flow_count=3"}},
		{"-O OpenFlow13 dump-tables S", true, []string{"tables 1...253: ditto"}},
		{"-O OpenFlow13 dump-ports S", true, []string{"1 ports"}},
		{"-O OpenFlow13 dump-ports S 7", true, []string{"OFPBRC_BAD_PORT"}},
		{"-O OpenFlow13 dump-ports-desc S", true, []string{"LOCAL(br0)"}},
		{"-O OpenFlow13 add-flow S priority=7,actions=output:1", true, nil},
		{"-O OpenFlow13 add-flow S table=254,actions=output:1", false, []string{"OFPFMFC_BAD_TABLE_ID"}},
		{"-O OpenFlow13 del-flows S", true, nil},
		{"-O OpenFlow13 set-frags S drop", true, nil},
		{"-O OpenFlow13 get-frags S", true, []string{"drop"}},
		{"-O OpenFlow13 dump-group-features S", true, []string{"Types:  0xf"}},
		{"-O OpenFlow13 dump-table-features S", true, []string{"table 0:", "instructions: apply_actions clear_actions write_actions write_metadata goto_table"}},
		{"-O OpenFlow13 add-group S group_id=1,type=all", false, []string{"OFPGMFC_GROUP_EXISTS"}},
		{"-O OpenFlow10 show S", true, []string{"dpid:0000000000001234", "1(eth1): addr:02:00:00:00:00:01", "LOCAL(br0)"}},
		{"-O OpenFlow11 show S", false, []string{"version negotiation failed"}},
		{"add-flow S in_port=1,actions=2", true, nil},
		{"dump-flows S", true, []string{"NXST_FLOW reply"}},
		{"dump-tables S", true, []string{"OFPST_TABLE reply"}},
		{"dump-ports S", true, []string{"OFPST_PORT reply"}},
		{"-O OpenFlow10,OpenFlow13,OpenFlow15 probe S", true, nil},
	}
	for _, target := range []string{"unix:" + path, "tcp:" + m.Listeners()[0].Address} {
		for _, tt := range tests {
			args := strings.Fields(strings.Replace(tt.args, " S", " "+target, 1))
			out, err := exec.Command(ofctl, append([]string{"--timeout=20"}, args...)...).CombinedOutput()
			if (err == nil) != tt.ok {
				t.Errorf("%v: %v\n%s", args, err, out)
				continue
			}
			for _, want := range tt.want {
				if strings.HasPrefix(target, "tcp:") {
					want = strings.Replace(want, "frags=normal miss_send_len=0", "miss_send_len=128", 1)
				}
				if !strings.Contains(string(out), want) {
					t.Errorf("%v: no %q in\n%s", args, want, out)
				}
			}
		}
	}
	out, err := exec.Command(ofctl, "--timeout=20", "-O", "OpenFlow13", "dump-flows", "unix:"+path).CombinedOutput()
	if n := strings.Count(string(out), "cookie="); err != nil || n != 3000 {
		t.Errorf("dump-flows: %v, %d entries", err, n)
	}
	sw.mu.Lock()
	defer sw.mu.Unlock()
	found := false
	for _, f := range sw.flowMods {
		found = found || f.Command == ofp.FlowAdd && f.Priority == 7
	}
	if !found {
		t.Error("the flow that was added never came")
	}
}
