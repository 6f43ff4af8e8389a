package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

// ovsGroups are groups that stand in a file of add-groups.
const ovsGroups = `group_id=1,type=all
add group_id=0x10 type=all bucket=actions=1
group_id=2,type=select,bucket=weight:2,actions=output:1,bucket=output:2
group_id=3,type=select,bucket=weight=0,watch_port=3,watch_group:7,actions=1,2,3
modify group_id=4,type=ff,bucket=watch_port:1,actions=1,bucket=watch_group:5,actions=drop
group_id=5,type=fast_failover,bucket=actions=1,watch_port:1,set_field:1.2.3.4->ip_dst
group_id=6,type=indirect,bucket=actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:1
group_id=7,type=indirect,bucket=actions=mod_dl_dst:02:00:00:00:00:01,dec_ttl,group:9
group_id=8,type=all,bucket=actions=
group_id=9,type=all,bucket=action=controller(max_len=128),bucket=action=IN_PORT
group_id=10,type=all,bucket=actions=mod_vlan_vid:5,2,bucket=mod_nw_src:1.2.3.4,mod_nw_ttl:5,3
group_id=11,type=all,bucket=actions=mod_vlan_pcp:5,2
group_id=12,type=all,bucket=actions=set_queue:5,strip_vlan,push_mpls:0x8847,set_mpls_label:7,output:1
# a comment

delete group_id=1
`

// ovsBundle is a file of the bundle verb.
const ovsBundle = `flow in_port=1,actions=2
flow add in_port=2,actions=group:1
flow delete_strict priority=3,ip
group group_id=1,type=all
group modify group_id=2,type=indirect,bucket=actions=1
# a comment
packet-out in_port=1,packet=0102030405060708090a0b0c0800,actions=2
`

// TestIntegrationOvsOfctlSameNewer does the same as TestIntegrationOvsOfctlSame
// with the verbs for groups, meters, queues and tables: ofctl and ovs-ofctl print
// the same, exit alike and leave the same groups, meters and tables.
func TestIntegrationOvsOfctlSameNewer(t *testing.T) {
	ovs := testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	flows := writeFile(t, "ip,priority=3,actions=1\nin_port=2,actions=drop\n")
	for _, args := range []string{
		"dump-groups SWITCH",
		"dump-groups SWITCH ALL",
		"--names dump-groups SWITCH",
		"dump-group-stats SWITCH",
		"dump-group-stats SWITCH group_id=2",
		"dump-group-stats SWITCH group_id=9",
		"dump-group-features SWITCH",
		"dump-meters SWITCH",
		"dump-meters SWITCH meter=2",
		"dump-meter SWITCH meter=1",
		"meter-stats SWITCH",
		"meter-stats SWITCH meter=all",
		"meter-stats SWITCH meter=1",
		"meter-features SWITCH",
		"queue-stats SWITCH",
		"queue-stats SWITCH 1",
		"queue-stats SWITCH p1 1",
		"queue-stats SWITCH ALL 0",
		"--names queue-stats SWITCH",
		"queue-get-config SWITCH",
		"queue-get-config SWITCH ANY",
		"queue-get-config SWITCH p1",
		"queue-get-config SWITCH 2",
		"dump-table-features SWITCH",
		"mod-table SWITCH 0 name:first",
		"mod-table SWITCH t3 name:third",
		"mod-table SWITCH 9 name:x",
		"mod-table SWITCH 0 drop",
		"mod-table SWITCH 0 noevict",
		"get-frags SWITCH",
		"set-frags SWITCH drop",
		"set-frags SWITCH reassemble",
		"set-frags SWITCH sideways",
		"add-groups SWITCH -",
		"add-group SWITCH -",
		"add-group SWITCH group_id=7,type=all,bucket=actions=mod_vlan_vid:5,p2",
		"add-group SWITCH group_id=7,type=ff,bucket=watch_port:p1,actions=p2",
		"add-group SWITCH group_id=7,type=ff,bucket=p2",
		"add-group SWITCH group_id=7,type=indirect,bucket=1,bucket=2",
		"add-group SWITCH group_id=7,type=all,bucket=weight:2,1",
		"add-group SWITCH group_id=7,type=all,bucket=weight:0",
		"add-group SWITCH group_id=4294967041,type=all",
		"add-group SWITCH group_id=7",
		"add-group SWITCH type=all",
		"add-group SWITCH group_id=7,type=any",
		"mod-group SWITCH group_id=1,type=select,bucket=1",
		"del-groups SWITCH",
		"del-groups SWITCH group_id=1",
		"del-groups SWITCH group_id=all",
		"del-groups SWITCH group_id=1,type=all",
		"del-groups SWITCH 1",
		"insert-buckets SWITCH group_id=1,command_bucket_id=first,bucket=1",
		"remove-buckets SWITCH group_id=1,command_bucket_id=0",
		"add-meter SWITCH meter=5,kbps,bands=type=drop,rate=5",
		"add-meter SWITCH meter=5,stats,bands=type=drop,rate=5",
		"add-meter SWITCH meter=controller,pktps,burst,band=type=drop,rate=5,burst_size=3,type=dscp_remark,rate=7,burst_size=1,prec_level=2",
		"add-meter SWITCH meter=5,bands=type=drop,rate=5",
		"add-meter SWITCH meter=5,kbps",
		"add-meter SWITCH meter=5,kbps,bands=",
		"add-meter SWITCH meter=5,kbps,bands=type=drop",
		"add-meter SWITCH meter=5,kbps,bands=type=drop,rate=5,burst_size=6",
		"add-meter SWITCH meter=5,kbps,bands=type=drop,rate=5,prec_level=6",
		"add-meter SWITCH meter=5,kbps,bands=type=dscp_remark,rate=5",
		"add-meter SWITCH meter=0,kbps,bands=type=drop,rate=5",
		"mod-meter SWITCH meter=1,pktps,bands=type=drop,rate=5",
		"del-meters SWITCH",
		"del-meters SWITCH meter=all",
		"del-meter SWITCH meter=1",
		"bundle SWITCH -",
		"bundle SWITCH /nonexistent",
		"--bundle add-group SWITCH group_id=7,type=all",
		"--bundle add-groups SWITCH -",
		"--bundle mod-group SWITCH group_id=1,type=all",
		"--bundle del-groups SWITCH",
		"--bundle add-flow SWITCH in_port=1,actions=2",
		"--bundle mod-flows SWITCH ip,actions=2",
		"--bundle --strict del-flows SWITCH priority=3,ip",
		"--bundle add-flow SWITCH in_port=9,actions=2",
		"--bundle replace-flows SWITCH " + flows,
	} {
		stdin := ovsGroups
		if strings.HasPrefix(args, "bundle") {
			stdin = ovsBundle
		}
		run := func(exec func(args []string) (status int, out string)) (status int, out, has string) {
			f := newNewerSwitch(t)
			f.ok("ip,priority=3,actions=1\nip,priority=4,actions=drop\n", "add-flows", "br0", "-")
			f.refuse = func(fm *ofp.FlowMod) *ofp.Error {
				if fm.Match == match(t, "in_port=9") {
					return ofp.FlowModFailedTableFull.Errorf("full")
				}
				return nil
			}
			f.tables = newTables(6)
			f.tables[3].Name = "t3"
			f.tables[1].MaxEntries, f.tables[2].MaxEntries = 1000, 1000
			f.tables[3].Properties[0].IDs = []ofp.FeatureID{{Type: ofp.InstrApplyActions}}
			f.tables[4].Properties[0].IDs = f.tables[3].Properties[0].IDs
			words := append([]string{"-O", "OpenFlow13"}, strings.Fields(strings.ReplaceAll(args, "SWITCH", "unix:"+f.sock))...)
			status, out = exec(words)
			return status, notSame.ReplaceAllString(out, ""), f.newerText()
		}
		status, out, has := run(func(words []string) (int, string) {
			status, out, errs := runOfctl(stdin, words...)
			if (status == exitFailure) != (errs != "") {
				t.Errorf("ofctl %s: status %d, message %q", args, status, errs)
			}
			return status, out
		})
		wantStatus, wantOut, wantHas := run(func(words []string) (int, string) {
			var out, errs bytes.Buffer
			cmd := exec.Command(ovs, words...)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
			if err := cmd.Run(); cmd.ProcessState == nil {
				t.Fatalf("ovs-ofctl %s: %v", args, err)
			}
			return cmd.ProcessState.ExitCode(), out.String()
		})
		if status != wantStatus || out != wantOut {
			t.Errorf("%s\nofctl:     status %d, %q\novs-ofctl: status %d, %q", args, status, out, wantStatus, wantOut)
		}
		if has != wantHas {
			t.Errorf("%s: afterwards there are\n%s, and with ovs-ofctl\n%s", args, has, wantHas)
		}
	}
}
