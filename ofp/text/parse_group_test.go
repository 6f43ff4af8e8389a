package text

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"ofswitch/ofp"
)

// readGroups are texts of groups and what is printed of the group-mod.
var readGroups = []struct{ in, want string }{
	{"group_id=1,type=all", "ADD group_id=1,type=all"},
	{"add group_id=0x10 type=all bucket=actions=1", "ADD group_id=16,type=all,bucket=actions=output:1"},
	{"group_id=1,type=select,bucket=weight:2,actions=output:1,bucket=output:2", "ADD group_id=1,type=select,bucket=weight:2,actions=output:1,bucket=actions=output:2"},
	{"group_id=1,type=select,bucket=weight=0,watch_port=3,watch_group:7,actions=1,2,3", "ADD group_id=1,type=select,bucket=weight:0,watch_port:3,watch_group:7,actions=output:1,output:2,output:3"},
	{"modify group_id=2,type=ff,bucket=watch_port:1,actions=1,bucket=watch_group:5,actions=drop", "MOD group_id=2,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_group:5,actions=drop"},
	{"group_id=2,type=fast_failover,bucket=actions=1,watch_port:1,set_field:1.2.3.4->ip_dst", "ADD group_id=2,type=ff,bucket=watch_port:1,actions=output:1,set_field:1.2.3.4->ip_dst"},
	{"group_id=3,type=indirect,bucket=actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:1", "ADD group_id=3,type=indirect,bucket=actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:1"},
	{"group_id=3,type=indirect,bucket=actions=mod_dl_dst:02:00:00:00:00:01,dec_ttl,group:9", "ADD group_id=3,type=indirect,bucket=actions=set_field:02:00:00:00:00:01->eth_dst,dec_ttl,group:9"},
	{"group_id=4,type=all,bucket=actions=", "ADD group_id=4,type=all,bucket=actions=drop"},
	{"group_id=4,type=all,bucket=action=controller(max_len=128),bucket=action=IN_PORT", "ADD group_id=4,type=all,bucket=actions=CONTROLLER:128,bucket=actions=IN_PORT"},
	{"delete group_id=5", "DEL group_id=5,type=all"},
	{"delete group_id=all", "DEL group_id=4294967292,type=all"},
	{"delete", "DEL group_id=4294967292,type=all"},
}

func TestParseGroup(t *testing.T) {
	for _, c := range readGroups {
		gm, err := ParseGroup(c.in, GroupOptions{AnyCommand: true, Ports: testPorts.Number})
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := FormatGroupMod(gm, Options{}); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
	}
	gm, err := ParseGroup(`group_id=1,type=ff,bucket=watch_port:p1,actions=output:p2,bucket=watch_port:LOCAL,"eth 0"`, GroupOptions{Ports: testPorts.Number})
	if err != nil {
		t.Fatal(err)
	}
	const want = `ADD group_id=1,type=ff,bucket=watch_port:p1,actions=output:p2,bucket=watch_port:LOCAL,actions=output:"eth 0"`
	if got := FormatGroupMod(gm, Options{Names: testPorts.Name}); got != want {
		t.Errorf("with names: %s, want %s", got, want)
	}
}

func TestParseGroupErrors(t *testing.T) {
	del := GroupOptions{Command: ofp.GroupDelete}
	for _, c := range []struct {
		in          string
		o           GroupOptions
		field, want string
	}{
		{"", GroupOptions{}, "group_id", "missing"},
		{"type=all", GroupOptions{}, "group_id", "missing"},
		{"group_id=1", GroupOptions{}, "type", "missing"},
		{"group_id=1,type=any", GroupOptions{}, "type", "select"},
		{"group_id=all,type=all", GroupOptions{}, "group_id", "0 to 4294967040"},
		{"group_id=4294967041,type=all", GroupOptions{}, "group_id", "0 to 4294967040"},
		{"group_id=-1,type=all", GroupOptions{}, "group_id", "0 to 4294967040"},
		{"group_id=1,type=all,weight=5", GroupOptions{}, "weight", "bucket=..."},
		{"group_id=1,type=all,bucket=weight:5,actions=1", GroupOptions{}, "bucket weight", "select"},
		{"group_id=1,type=select,bucket=weight:65536,actions=1", GroupOptions{}, "bucket weight", "65535"},
		{"group_id=1,type=ff,bucket=actions=1", GroupOptions{}, "bucket", "watch_port"},
		{"group_id=1,type=ff,bucket=watch_port:FLOOD,actions=1", GroupOptions{}, "watch_port", "go down"},
		{"group_id=1,type=ff,bucket=watch_port:nosuch,actions=1", GroupOptions{Ports: testPorts.Number}, "watch_port", "port"},
		{"group_id=1,type=ff,bucket=watch_group:4294967295,actions=1", GroupOptions{}, "watch_group", "4294967040"},
		{"group_id=1,type=indirect,bucket=actions=1,bucket=actions=2", GroupOptions{}, "bucket", "one bucket"},
		{"group_id=1,type=all,bucket=weight:0", GroupOptions{}, "bucket", "actions"},
		{"group_id=1,type=all,bucket=", GroupOptions{}, "bucket", "actions"},
		{"group_id=1,type=all,bucket=actions=nosuch", GroupOptions{}, "actions", "name of an action"},
		{"group_id=1,type=all,bucket=actions=goto_table:1", GroupOptions{}, "actions", "instruction"},
		{"group_id=1,type=all,bucket=bucket_id:1,actions=1", GroupOptions{}, "bucket_id", "OpenFlow 1.5"},
		{"group_id=1,type=select,selection_method=hash", GroupOptions{}, "selection_method", "OpenFlow 1.5"},
		{"group_id=1,command_bucket_id=0", GroupOptions{}, "command_bucket_id", "OpenFlow 1.5"},
		{"add_or_mod group_id=1,type=all", GroupOptions{AnyCommand: true}, "command", "add, modify or delete"},
		{"insert_bucket group_id=1", GroupOptions{AnyCommand: true}, "command", "add, modify or delete"},
		{"group_id=1,type=all", del, "type", "group_id only"},
		{"group_id=1,bucket=actions=1", del, "bucket", "group_id only"},
		{"type=all", del, "type", "group_id only"},
		{"group_id=x", del, "group_id", "or all"},
		{`group_id=1,type=all,bucket=actions=output:"x`, GroupOptions{}, "actions", "quote"},
	} {
		_, err := ParseGroup(c.in, c.o)
		wantRefused(t, c.in, err, c.field, c.want)
	}
}

// TestGroupRoundTrip: what is printed is read back as the same group.
func TestGroupRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 5000 {
		gm := randomGroup(r)
		s := FormatGroup(&ofp.GroupDesc{GroupType: gm.GroupType, GroupID: gm.GroupID, Buckets: gm.Buckets}, Options{})
		got, err := ParseGroup(s, GroupOptions{Command: gm.Command})
		if err != nil || !reflect.DeepEqual(got, gm) {
			t.Fatalf("%s\n got %+v, %v\nwant %+v", s, got, err, gm)
		}
	}
}

func TestParseGroupID(t *testing.T) {
	for in, want := range map[string]uint32{"5": 5, "ALL": ofp.GroupAll, "all": ofp.GroupAll, "any": ofp.GroupAny, "0x10": 16, "group_id=7": 7} {
		if got, err := ParseGroupID(in); err != nil || got != want {
			t.Errorf("ParseGroupID(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "x", "-1", "4294967296"} {
		if got, err := ParseGroupID(in); err == nil {
			t.Errorf("ParseGroupID(%q) = %d", in, got)
		}
	}
}

// FuzzParseGroup: no text makes the parser panic, and what it takes is printed in
// a form that means the same.
func FuzzParseGroup(f *testing.F) {
	for _, c := range readGroups {
		f.Add(c.in)
	}
	f.Add(`group_id=1,type=ff,bucket=watch_port:"eth 0",actions=output:p1`)
	f.Fuzz(func(t *testing.T, s string) {
		gm, err := ParseGroup(s, GroupOptions{AnyCommand: true, Ports: testPorts.Number})
		if err != nil || gm.Command == ofp.GroupDelete || ofp.Check(gm) != nil {
			return
		}
		text := FormatGroup(&ofp.GroupDesc{GroupType: gm.GroupType, GroupID: gm.GroupID, Buckets: gm.Buckets}, Options{Names: testPorts.Name})
		again, err := ParseGroup(text, GroupOptions{Command: gm.Command, Ports: testPorts.Number})
		if err != nil {
			t.Fatalf("%q is printed as %q: %v", s, text, err)
		}
		if string(ofp.Encode(1, again)) != string(ofp.Encode(1, gm)) {
			t.Fatalf("%q is printed as %q, which is another group", s, text)
		}
	})
}
