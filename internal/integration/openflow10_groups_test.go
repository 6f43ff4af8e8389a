package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"ofswitch/internal/testutil"
)

// numbers10 is what we say otherwise of groups: how many there may be, that chains
// are checked, and references by groups (of group 1), which Open vSwitch does not count.
var numbers10 = regexp.MustCompile(`max_groups=0x[0-9a-f]+|Capabilities: *0x[0-9a-f]+|group_id=1,duration=D,ref_count=[01]`)

// TestIntegrationGroups10 runs every command about groups, and those about meters
// and tables, without -O against Open vSwitch and against us: they say the same.
func TestIntegrationGroups10(t *testing.T) {
	ofctl := testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	ns := testutil.NewNS(t)
	ns.NoIPv6()
	theirs := startOVS10(t, ns)
	d := startDaemon(t, ns.Namespace, "--bridge", "br0", "--datapath-id", "1", "--fail-mode", "secure",
		"--port", "p1,type=internal", "--port", "p2,type=internal", "--port", "p3,type=internal")
	d.awaitLog("msg=ready")
	ours := d.mgmt("br0")
	file := filepath.Join(t.TempDir(), "groups")
	groups := "group_id=71,type=all,bucket=output:1\ngroup_id=72,type=select,bucket=weight:3,output:1,bucket=weight:4,output:2\n"
	if err := os.WriteFile(file, []byte(groups), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"dump-groups @", "dump-group-stats @",
		"add-group @ group_id=1,type=select,bucket=weight:5,output:1,bucket=weight:7,mod_vlan_vid:5,output:2", "dump-groups @",
		"add-group @ group_id=1,type=all,bucket=output:1", // exists
		"add-group @ group_id=2,type=ff,bucket=watch_port:1,output:1,bucket=watch_group:1,output:2", "dump-groups @",
		"add-group @ group_id=3,type=all,bucket=output:1,bucket=group:1",
		"add-group @ group_id=4,type=indirect,bucket=strip_vlan,output:3",
		"add-group @ group_id=5,type=indirect", // a bucket is missing
		"add-group @ group_id=5,type=select,bucket=output:1,bucket=mod_vlan_pcp:3,mod_nw_src:1.2.3.4,enqueue:2:1",
		"add-group @ group_id=6,type=all,bucket=bucket_id:5,output:1,bucket=bucket_id:9,output:2",
		"add-group @ group_id=7,type=all,bucket=bucket_id:5,output:1,bucket=bucket_id:5,output:2", // one number, two buckets
		"dump-groups @", "dump-groups @ 3", "dump-groups @ 333", "dump-group-stats @", "dump-group-stats @ group_id=3", "dump-group-stats @ group_id=333",
		"-O OpenFlow13 dump-groups @",
		"insert-buckets @ group_id=6,command_bucket_id=5,bucket=bucket_id:5,output:3", // exists
		"insert-buckets @ group_id=6,command_bucket_id=5,bucket=bucket_id:6,output:3", "dump-groups @ 6",
		"insert-buckets @ group_id=6,command_bucket_id=first,bucket=bucket_id:1,output:1,bucket=bucket_id:2,output:2", "dump-groups @ 6",
		"insert-buckets @ group_id=6,command_bucket_id=last,bucket=bucket_id:20,output:1", "dump-groups @ 6",
		"insert-buckets @ group_id=6,command_bucket_id=99,bucket=bucket_id:21,output:1", // no such place
		"insert-buckets @ group_id=333,command_bucket_id=first,bucket=bucket_id:21,output:1",
		"remove-buckets @ group_id=6,command_bucket_id=99", "remove-buckets @ group_id=333,command_bucket_id=first",
		"remove-buckets @ group_id=6,command_bucket_id=6", "remove-buckets @ group_id=6,command_bucket_id=first", "dump-groups @ 6",
		"remove-buckets @ group_id=6,command_bucket_id=last", "dump-groups @ 6", "dump-group-stats @ group_id=6",
		"remove-buckets @ group_id=6,command_bucket_id=all", "dump-groups @ 6", "remove-buckets @ group_id=6,command_bucket_id=last",
		"insert-buckets @ group_id=1,command_bucket_id=1,bucket=bucket_id:5,weight:9,output:3", "dump-groups @ 1",
		"mod-group @ group_id=6,type=all,bucket=output:2", "dump-groups @ 6", "mod-group @ group_id=333,type=all,bucket=output:2",
		"--may-create mod-group @ group_id=13,type=all,bucket=output:2", "--may-create mod-group @ group_id=13,type=all,bucket=output:3", "dump-groups @",
		"add-flow @ in_port=1,actions=group:3", "add-flow @ in_port=2,actions=group:99", "dump-flows @", "dump-group-stats @ group_id=3",
		"del-groups @ group_id=3", "dump-flows @", "dump-groups @", "del-groups @ group_id=333",
		"add-group @ group_id=8,type=all,bucket=mod_tp_src:9,mod_tp_dst:10,dec_ttl,output:1", "dump-groups @ 8",
		"add-groups @ " + file, "dump-groups @", "dump-group-features @", "del-groups @", "dump-groups @",
		"add-meter @ meter=1,kbps,band=type=drop,rate=5", "dump-meters @", "meter-stats @", "meter-features @", "del-meters @", "add-flow @ actions=meter:1",
		"dump-table-features @", "mod-table @ 0 continue", "mod-table @ 0 evict",
	} {
		a, b := run10(ofctl, theirs, command), run10(ofctl, ours, command)
		if numbers10.ReplaceAllString(a, "") != numbers10.ReplaceAllString(b, "") {
			t.Errorf("ovs-ofctl %s: Open vSwitch\n%s\nwe\n%s", command, a, b)
		}
	}
}
