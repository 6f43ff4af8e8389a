package main

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

const (
	testGroups = "group_id=1,type=select,bucket=p1,bucket=weight:2,actions=mod_vlan_vid:5,p2\nadd group_id=2,type=ff,bucket=watch_port:p1,actions=group:1 # comment\n"
	group1     = " group_id=1,type=select,bucket=actions=output:1,bucket=weight:2,actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:2\n"
	group2     = " group_id=2,type=ff,bucket=watch_port:1,actions=group:1\n"
	testMeter1 = "meter=1,kbps,burst,stats,bands=type=drop,rate=1000,burst_size=100"
	testMeter2 = "meter=2,pktps,bands=type=drop,rate=5,type=dscp_remark,rate=4,prec_level=1"
	meter1     = "meter=1 kbps burst stats bands=\ntype=drop rate=1000 burst_size=100\n"
	meter2     = "meter=2 pktps bands=\ntype=drop rate=5\ntype=dscp_remark rate=4 prec_level=1\n"
)

// newNewerSwitch is a fake switch with two groups and two meters.
func newNewerSwitch(t *testing.T) *fakeSwitch {
	f := newFakeSwitch(t)
	f.ok(testGroups, "add-groups", "br0", "-")
	f.ok("", "add-meter", "br0", testMeter1)
	f.ok("", "add-meter", "br0", testMeter2)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = nil
	return f
}

// newerText lists the groups, meters, table names and flows that the switch has.
func (f *fakeSwitch) newerText() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := ""
	for _, g := range f.groups {
		s += " " + text.FormatGroup(g, text.Options{}) + "\n"
	}
	for _, m := range f.meters {
		s += text.FormatMeter(m)
	}
	for _, t := range f.tables {
		if t.Name != "" {
			s += "table " + t.Name + "\n"
		}
	}
	for _, fm := range f.flows {
		s += text.FormatFlow(fm, text.Options{}) + "\n"
	}
	return s
}

// TestNewerDumps holds the output of the verbs that print groups, meters, queues
// and tables.
func TestNewerDumps(t *testing.T) {
	f := newNewerSwitch(t)
	for _, c := range []struct{ args, want string }{
		{"dump-groups br0", "OFPST_GROUP_DESC reply (OF1.3) (xid=0x2):\n" + group1 + group2},
		{"dump-groups br0 ALL", "OFPST_GROUP_DESC reply (OF1.3) (xid=0x2):\n" + group1 + group2},
		{"dump-groups br0 2", group2},
		{"dump-groups --names br0 group_id=2", " group_id=2,type=ff,bucket=watch_port:p1,actions=group:1\n"},
		{"dump-group-stats br0 2", "OFPST_GROUP reply (OF1.3) (xid=0x2):\n group_id=2,duration=3s,ref_count=0,packet_count=7,byte_count=0,bucket0:packet_count=0,byte_count=0\n"},
		{"dump-group-features br0", "OFPST_GROUP_FEATURES reply (OF1.3) (xid=0x2):\n Group table:\n    Types:  0xf\n    Capabilities:  0x1\n" +
			"    all group:\n       max_groups=0x1\n       actions: output\n    select group:\n       max_groups=0x2\n       actions: output\n" +
			"    indirect group:\n       max_groups=0x3\n       actions: output\n    fast failover group:\n       max_groups=0x4\n       actions: output\n"},
		{"dump-meters br0", "OFPST_METER_CONFIG reply (OF1.3) (xid=0x2):\n" + meter1 + "\n" + meter2},
		{"dump-meter br0 meter=2", "OFPST_METER_CONFIG reply (OF1.3) (xid=0x2):\n" + meter2},
		{"dump-meters br0 1", "OFPST_METER_CONFIG reply (OF1.3) (xid=0x2):\n" + meter1},
		{"meter-stats br0 meter=1", "OFPST_METER reply (OF1.3) (xid=0x2):\nmeter:1 flow_count:0 packet_in_count:0 byte_in_count:0 duration:3s bands:\n0: packet_count:0 byte_count:0\n"},
		{"meter-features br0", "OFPST_METER_FEATURES reply (OF1.3) (xid=0x2):\nmax_meter:10 max_bands:8 max_color:0\nband_types: drop dscp_remark\ncapabilities: kbps pktps burst stats\n"},
		{"queue-stats br0 p1 1", "OFPST_QUEUE reply (OF1.3) (xid=0x3): 1 queues\n  port 1 queue 1: bytes=0, pkts=5, errors=0, duration=0s\n"},
		{"queue-stats br0 --names", "OFPST_QUEUE reply (OF1.3) (xid=0x3): 2 queues\n  port p1 queue 0: bytes=0, pkts=5, errors=0, duration=0s\n  port p1 queue 1: bytes=0, pkts=5, errors=0, duration=0s\n"},
		{"queue-get-config br0", "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.3) (xid=0x2): port=ANY\nqueue 1: max_rate:90.5%\nqueue 2: min_rate:10.0%\n"},
		{"queue-get-config br0 1 2", "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.3) (xid=0x2): port=1\nqueue 2: min_rate:10.0%\n"},
		{"dump-table-features br0", "  table 0:\n\n  table 1: ditto\n\n"},
		{"get-frags br0", "normal\n"},
	} {
		if got := f.ok("", strings.Fields(c.args)...); got != c.want {
			t.Errorf("ofctl %s\n got %q\nwant %q", c.args, got, c.want)
		}
	}
	f.fails([]string{"dump-groups", "br0", "9"}, "no group 9", "dump-groups lists them")
	f.fails([]string{"dump-groups", "br0", "x"}, "group_id=x")
	f.fails([]string{"dump-meters", "br0", "meter=7"}, "meter configuration", "OFPMMFC_UNKNOWN_METER")
	f.fails([]string{"meter-stats", "br0", "0"}, "meter=0", "from 1")
	f.fails([]string{"queue-stats", "br0", "2"}, "queue statistics", "OFPQOFC_BAD_QUEUE")
	f.fails([]string{"queue-stats", "br0", "1", "x"}, "queue x", "ALL")
	f.fails([]string{"queue-get-config", "br0", "9"}, "OFPQOFC_BAD_PORT")
}

// TestNewerMods: what is written is what the switch has afterwards.
func TestNewerMods(t *testing.T) {
	const groups, meters = group1 + group2, meter1 + meter2
	for _, c := range []struct {
		stdin string
		args  []string
		want  string
	}{
		{"", []string{"add-group", "br0", "group_id=3,type=indirect,bucket=actions=LOCAL"}, groups + " group_id=3,type=indirect,bucket=actions=LOCAL\n" + meters},
		{"delete group_id=1\ngroup_id=4,type=all\n", []string{"add-group", "br0", "-"}, group2 + " group_id=4,type=all\n" + meters},
		{"", []string{"mod-group", "br0", "group_id=1,type=all"}, group2 + " group_id=1,type=all\n" + meters},
		{"", []string{"del-groups", "br0", "group_id=2"}, group1 + meters},
		{"group_id=1\ngroup_id=2", []string{"del-groups", "br0", "-"}, meters},
		{"", []string{"del-groups", "br0"}, meters},
		{"OFPST_GROUP_DESC reply (OF1.3) (xid=0x2):\n" + group2, []string{"add-groups", "br0", "-"}, groups + meters},
		{"", []string{"mod-meter", "br0", "meter=1,pktps,bands=type=drop,rate=7"}, groups + meter2 + "meter=1 pktps bands=\ntype=drop rate=7\n"},
		{"", []string{"add-meter", "br0", strings.ReplaceAll(meter1, "meter=1 ", "meter=9 ")}, groups + meters + strings.ReplaceAll(meter1, "meter=1 ", "meter=9 ")},
		{"", []string{"del-meter", "br0", "meter=1"}, groups + meter2},
		{"", []string{"del-meters", "br0"}, groups},
		{"", []string{"mod-table", "br0", "1", "name:acl"}, groups + meters + "table acl\n"},
	} {
		f := newNewerSwitch(t)
		if out := f.ok(c.stdin, c.args...); out != "" {
			t.Errorf("ofctl %q printed %q", c.args, out)
		}
		if got := f.newerText(); got != c.want {
			t.Errorf("ofctl %q: the switch has\n%s, want\n%s", c.args, got, c.want)
		}
	}
}

// TestNewerRefused: what the switch refuses is told with the reason; what cannot
// be read is not sent.
func TestNewerRefused(t *testing.T) {
	f := newNewerSwitch(t)
	f.refuseMod = ofp.GroupModFailedChainedGroup.Errorf("chained")
	f.fails([]string{"add-group", "br0", "group_id=1,type=all"}, `refused "group_id=1,type=all"`, "OFPET_GROUP_MOD_FAILED", "OFPGMFC_CHAINED_GROUP")
	f.refuseMod = ofp.BadRequestBadType.Errorf("no meters")
	f.fails([]string{"add-meter", "br0", testMeter1}, "refused", testMeter1, "OFPBRC_BAD_TYPE")
	f.mu.Lock()
	f.got = nil
	f.mu.Unlock()
	_, _, errs := f.ofctl("group_id=1,type=all\n\ngroup_id=1\n", "add-groups", "br0", "-")
	if !strings.Contains(errs, "<stdin>:3: type: want") {
		t.Errorf("message %q", errs)
	}
	f.fails([]string{"add-groups", "br0", filepath.Join(f.dir, "nosuch")}, "cannot read groups", "nosuch")
	f.fails([]string{"add-group", "br0", "group_id=1,type=ff,bucket=1"}, "watch_port")
	f.fails([]string{"del-groups", "br0", "1"}, "group_id=...")
	f.fails([]string{"add-meter", "br0", "meter=1,kbps"}, "bands")
	f.fails([]string{"insert-buckets", "br0", "group_id=1,command_bucket_id=0,bucket=1"}, "OpenFlow 1.5", "mod-group")
	f.fails([]string{"remove-buckets", "br0", "group_id=1"}, "OpenFlow 1.5", "mod-group")
	f.fails([]string{"mod-table", "br0", "0", "drop"}, "OpenFlow 1.1", "flow with priority 0")
	f.fails([]string{"mod-table", "br0", "0", "evict"}, "OpenFlow 1.4")
	f.fails([]string{"mod-table", "br0", "0", "sideways"}, "want name:NAME")
	f.fails([]string{"mod-table", "br0", "0", "name:" + strings.Repeat("x", 32)}, "32 bytes")
	f.fails([]string{"set-frags", "br0", "sideways"}, "normal, drop or reassemble")
	if len(f.got) != 0 {
		t.Errorf("sent %v", f.got)
	}
	f.fails([]string{"mod-table", "br0", "9", "name:x"}, "no table 9")
}

// TestModTableParts: the features go back in several messages if there are many,
// and a table can be named by its name.
func TestModTableParts(t *testing.T) {
	f := newFakeSwitch(t)
	f.tables = newTables(3)
	for _, table := range f.tables {
		table.Properties[1].Tables = make([]ofp.TableID, 30000)
	}
	f.tables[1].Name = "acl"
	f.ok("", "mod-table", "br0", "acl", "name:")
	var sizes []int
	for _, m := range f.got {
		if r, ok := m.(*ofp.MultipartRequest); ok && r.Body != nil {
			sizes = append(sizes, len(r.Body.(ofp.TableFeaturesRequest)))
			if more := r.Flags&ofp.MultipartMore != 0; more != (len(sizes) == 1) {
				t.Errorf("part %d: more is %v", len(sizes), more)
			}
		}
	}
	if len(sizes) != 2 || sizes[0] != 2 || sizes[1] != 1 {
		t.Errorf("tables in each part: %v, want 2 and 1", sizes)
	}
	if len(f.tables) != 3 || f.tables[1].Name != "" {
		t.Errorf("%d tables, the second is %q", len(f.tables), f.tables[1].Name)
	}
	f.fails([]string{"mod-table", "br0", "acl", "name:x", "--no-names"}, "no table acl")
}

func TestSetFrags(t *testing.T) {
	f := newFakeSwitch(t)
	f.ok("", "set-frags", "br0", "drop")
	if got := f.ok("", "get-frags", "br0"); got != "drop\n" {
		t.Errorf("get-frags printed %q", got)
	}
	f.keepFrags = true
	f.fails([]string{"set-frags", "br0", "reassemble"}, "keeps the fragment mode drop", "reassemble")
	f.frags = 3
	if got := f.ok("", "get-frags", "br0"); got != "nx-match\n" {
		t.Errorf("get-frags printed %q", got)
	}
}

// TestSnoop: messages of both sides are printed as they are, also what is not 1.3,
// and echo requests are not answered.
func TestSnoop(t *testing.T) {
	dir := t.TempDir()
	serve(t, filepath.Join(dir, "br0.snoop"), func(nc net.Conn) {
		if _, _, err := expect(nc, ofp.TypeHello); err != nil {
			t.Error(err)
		}
		for _, m := range []ofp.Message{&ofp.Hello{Versions: ofp.VersionBitmap(ofp.Version)}, &ofp.EchoRequest{Data: []byte("x")}, &ofp.RoleRequest{Role: ofp.RoleMaster, GenerationID: 7}} {
			if err := say(nc, 9, m); err != nil {
				t.Error(err)
			}
		}
	})
	var out bytes.Buffer
	err := snoop(context.Background(), &out, snoopOptions{common{RunDir: dir, Timeout: 5 * time.Second}, "br0", true})
	if err == nil || !strings.Contains(err.Error(), "closed the connection") {
		t.Errorf("snoop: %v", err)
	}
	const want = "OFPT_ECHO_REQUEST (OF1.3) (xid=0x9): 1 bytes of payload\n" +
		"00000000  78                                              |x               |\n" +
		"OFPT_ROLE_REQUEST (OF1.3) (xid=0x9): role=primary generation_id=7\n"
	if out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
	f := newFakeSwitch(t)
	f.fails([]string{"snoop", "br0"}, "no socket for snooping", "ofctl monitor")
}
