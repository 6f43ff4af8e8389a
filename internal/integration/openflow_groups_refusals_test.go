package integration

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"ofswitch/ofp"
)

// TestIntegrationOpenFlowGroupRefusals: group-mods, and flows that use groups, that
// cannot be accepted get the exact code, and change nothing (OpenFlow 1.3.5
// §6.5, §7.4.4).
func TestIntegrationOpenFlowGroupRefusals(t *testing.T) {
	l := newOFLab(t, 2)
	l.reset()
	l.c.groups("add group_id=1,type=all", "add group_id=2,type=all,bucket=group:1", "add group_id=3,type=indirect,bucket=group:2",
		"add group_id=4,type=ff,bucket=watch_group:1,output:1", "add group_id=5,type=select,bucket=output:1,bucket=output:2")
	l.c.mod("add priority=5,ip,actions=group:1")
	before := l.c.multipart(ofp.MultipartGroupDesc, nil)

	group := func(s string) []byte { return ofp.Encode(0x55, groupMod(t, s)) }
	mod := func(m ofp.GroupMod) []byte { return ofp.Encode(0x56, &m) }
	bucket := func(actions ...ofp.Action) ofp.Bucket {
		return ofp.Bucket{WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny, Actions: actions}
	}
	with := func(typ ofp.GroupType, b ofp.Bucket) []byte {
		return mod(ofp.GroupMod{GroupID: 9, GroupType: typ, Buckets: []ofp.Bucket{b}})
	}
	watching := func(typ ofp.GroupType, port ofp.PortNo, id uint32) []byte {
		return with(typ, ofp.Bucket{WatchPort: port, WatchGroup: id})
	}
	weighing := func(typ ofp.GroupType) []byte {
		b := bucket()
		b.Weight = 1
		if typ == ofp.GroupTypeFastFailover {
			b.WatchPort = 1
		}
		return with(typ, b)
	}
	raw := func(s string) []byte { return rawMsg(ofp.TypeGroupMod, unhex(t, s)) }
	// One bucket of a group of type ALL, as bytes.
	oneBucket := func(s string) []byte { return raw("0000 00 00 00000009" + s) }
	flow := func(s string) []byte { return ofp.Encode(0x57, flowMod(t, s)) }

	for _, tc := range []struct {
		name string
		msg  []byte
		want ofp.Code
	}{
		{"command 3", raw("0003 00 00 00000009"), ofp.GroupModFailedBadCommand},
		{"command 0xffff", raw("ffff 00 00 00000009"), ofp.GroupModFailedBadCommand},
		{"type 4", raw("0000 04 00 00000009"), ofp.GroupModFailedBadType},
		{"modify to type 255", raw("0001 ff 00 00000001"), ofp.GroupModFailedBadType},
		{"7 bytes", raw("0000 00 00 000000"), ofp.BadRequestBadLen},
		{"add what exists", group("add group_id=1,type=all"), ofp.GroupModFailedGroupExists},
		{"add ANY", mod(ofp.GroupMod{GroupID: ofp.GroupAny}), ofp.GroupModFailedInvalidGroup},
		{"add ALL", mod(ofp.GroupMod{GroupID: ofp.GroupAll}), ofp.GroupModFailedInvalidGroup},
		{"add the number above the highest", mod(ofp.GroupMod{GroupID: ofp.GroupMax + 1}), ofp.GroupModFailedInvalidGroup},
		{"modify what is not there", group("modify group_id=9,type=all"), ofp.GroupModFailedUnknownGroup},
		{"modify ALL", mod(ofp.GroupMod{Command: ofp.GroupModify, GroupID: ofp.GroupAll}), ofp.GroupModFailedUnknownGroup},
		{"indirect without bucket", mod(ofp.GroupMod{GroupID: 9, GroupType: ofp.GroupTypeIndirect}), ofp.GroupModFailedInvalidGroup},
		{"indirect with two", mod(ofp.GroupMod{GroupID: 9, GroupType: ofp.GroupTypeIndirect, Buckets: []ofp.Bucket{bucket(), bucket()}}), ofp.GroupModFailedInvalidGroup},
		{"modify to indirect with two", mod(ofp.GroupMod{Command: ofp.GroupModify, GroupID: 1, GroupType: ofp.GroupTypeIndirect, Buckets: []ofp.Bucket{bucket(), bucket()}}), ofp.GroupModFailedInvalidGroup},
		{"weight in all", weighing(ofp.GroupTypeAll), ofp.GroupModFailedInvalidGroup},
		{"weight in indirect", weighing(ofp.GroupTypeIndirect), ofp.GroupModFailedInvalidGroup},
		{"weight in fast failover", weighing(ofp.GroupTypeFastFailover), ofp.GroupModFailedInvalidGroup},
		{"fast failover that watches nothing", with(ofp.GroupTypeFastFailover, bucket()), ofp.GroupModFailedInvalidGroup},
		{"1025 buckets", mod(ofp.GroupMod{GroupID: 9, Buckets: make([]ofp.Bucket, 1025)}), ofp.GroupModFailedOutOfBuckets},
		{"watch in all", watching(ofp.GroupTypeAll, 1, ofp.GroupAny), ofp.GroupModFailedWatchUnsupported},
		{"watch in indirect", watching(ofp.GroupTypeIndirect, ofp.PortAny, 1), ofp.GroupModFailedWatchUnsupported},
		{"watch a port that is not there", watching(ofp.GroupTypeFastFailover, 99, ofp.GroupAny), ofp.GroupModFailedBadWatch},
		{"watch port 0", watching(ofp.GroupTypeSelect, 0, ofp.GroupAny), ofp.GroupModFailedBadWatch},
		{"watch CONTROLLER", watching(ofp.GroupTypeFastFailover, ofp.PortController, ofp.GroupAny), ofp.GroupModFailedBadWatch},
		{"watch a group that is not there", watching(ofp.GroupTypeFastFailover, ofp.PortAny, 99), ofp.GroupModFailedBadWatch},
		{"watch itself", watching(ofp.GroupTypeFastFailover, ofp.PortAny, 9), ofp.GroupModFailedLoop},
		{"send to itself", group("add group_id=9,type=all,bucket=group:9"), ofp.GroupModFailedLoop},
		{"modify to send to itself", group("modify group_id=1,type=all,bucket=group:1"), ofp.GroupModFailedLoop},
		{"a ring of two", group("modify group_id=1,type=all,bucket=group:2"), ofp.GroupModFailedLoop},
		{"a ring of three", group("modify group_id=1,type=all,bucket=group:3"), ofp.GroupModFailedLoop},
		{"a ring of watches", group("modify group_id=1,type=ff,bucket=watch_group:4,actions=drop"), ofp.GroupModFailedLoop},
		{"send to a group that is not there", group("add group_id=9,type=all,bucket=group:99"), ofp.GroupModFailedUnknownGroup},
		{"delete a group that another sends to", group("delete group_id=2"), ofp.GroupModFailedChainedGroup},
		{"delete a group that another watches", group("delete group_id=1"), ofp.GroupModFailedChainedGroup},
		{"bucket of 8 bytes", oneBucket("0008 0000 ffffffff"), ofp.GroupModFailedBadBucket},
		{"bucket of 17 bytes", oneBucket("0011 0000 ffffffff ffffffff 00000000 0000000000000000"), ofp.GroupModFailedBadBucket},
		{"bucket longer than the message", oneBucket("0020 0000 ffffffff ffffffff 00000000"), ofp.GroupModFailedBadBucket},
		{"bucket of no bytes", oneBucket("0000 0000 ffffffff ffffffff 00000000"), ofp.GroupModFailedBadBucket},
		{"action of 4 bytes", oneBucket("0018 0000 ffffffff ffffffff 00000000 0012 0004 00000000"), ofp.BadActionBadLen},
		{"action longer than its bucket", oneBucket("0018 0000 ffffffff ffffffff 00000000 0012 0010 00000000"), ofp.BadActionBadLen},
		{"action 1", oneBucket("0018 0000 ffffffff ffffffff 00000000 0001 0008 00000000"), ofp.BadActionBadType},
		{"experimenter action", oneBucket("0020 0000 ffffffff ffffffff 00000000 ffff 0010 00123456 0000000000000000"), ofp.BadActionBadExperimenter},
		{"output to 0", with(ofp.GroupTypeAll, bucket(ofp.Output{})), ofp.BadActionBadOutPort},
		{"output to ANY", with(ofp.GroupTypeAll, bucket(ofp.Output{Port: ofp.PortAny})), ofp.BadActionBadOutPort},
		{"output to TABLE", with(ofp.GroupTypeAll, bucket(ofp.Output{Port: ofp.PortTable})), ofp.BadActionBadOutPort},
		{"send to ALL", with(ofp.GroupTypeAll, bucket(ofp.Group{GroupID: ofp.GroupAll})), ofp.BadActionBadOutGroup},
		{"push VLAN 0x9100", with(ofp.GroupTypeAll, bucket(ofp.PushVLAN{EtherType: 0x9100})), ofp.BadActionBadArgument},
		{"set field 40", oneBucket("0020 0000 ffffffff ffffffff 00000000 0019 0010 80005001 00 00000000000000"), ofp.BadActionBadSetType},
		{"set IN_PORT", oneBucket("0020 0000 ffffffff ffffffff 00000000 0019 0010 80000004 00000001 00000000"), ofp.BadActionBadSetArgument},
		{"set METADATA", oneBucket("0020 0000 ffffffff ffffffff 00000000 0019 0010 80000408 0000000000000001"), ofp.BadActionBadSetArgument},
		{"a flow to a group that is not there", flow("add udp,actions=group:99"), ofp.BadActionBadOutGroup},
		{"a flow to group ALL", rawMsg(ofp.TypeFlowMod, flowModBytes(oxmMatch(nil), unhex(t, "0004 0010 00000000 0016 0008 fffffffc"))), ofp.BadActionBadOutGroup},
		{"a flow's written action set", flow("add udp,actions=write_actions(group:99)"), ofp.BadActionBadOutGroup},
		{"a modified flow", flow("modify ip,actions=group:99"), ofp.BadActionBadOutGroup},
		{"a packet-out to a group that is not there", ofp.Encode(0x58, &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController,
			Actions: []ofp.Action{ofp.Group{GroupID: 99}}, Data: udp4.frame()}), ofp.BadActionBadOutGroup},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l.use(t)
			if got := l.c.answer(tc.msg); got != tc.want {
				t.Errorf("%s, want %s", codeName(got), codeName(tc.want))
			}
		})
	}
	if after := l.c.multipart(ofp.MultipartGroupDesc, nil); !reflect.DeepEqual(after, before) {
		t.Errorf("refused messages have changed the groups to %+v", after)
	}
	if list := l.c.flows(everyFlow); len(list) != 2 {
		t.Errorf("%d flows, want 2", len(list))
	}
	for _, m := range []string{"group_id=4", "group_id=5", "group_id=99", ""} {
		if got := l.c.answer(group("delete " + m)); got != accepted {
			t.Errorf("delete %s: %s", m, codeName(got))
		}
	}
}

// TestIntegrationOpenFlowMeterRefusals is the same for meters (OpenFlow 1.3.5
// §6.6).
func TestIntegrationOpenFlowMeterRefusals(t *testing.T) {
	l := newOFLab(t, 2)
	l.reset()
	l.c.meter(ofp.MeterAdd, "meter=1,kbps,bands=type=drop,rate=1000")
	l.c.mod("add priority=5,ip,actions=meter:1,output:2")
	before := l.c.multipart(ofp.MultipartMeterConfig, &ofp.MeterRequest{MeterID: ofp.MeterAll})

	const drop = "0001 0010 000003e8 00000000 00000000"
	raw := func(s string) []byte { return rawMsg(ofp.TypeMeterMod, unhex(t, s)) }
	add := func(id string, flags, bands string) []byte { return raw("0000" + flags + id + bands) }
	flow := func(s string) []byte { return ofp.Encode(0x57, flowMod(t, s)) }
	goodBand := ofp.MeterBand{Type: ofp.MeterBandDrop, Rate: 1}

	for _, tc := range []struct {
		name string
		msg  []byte
		want ofp.Code
	}{
		{"command 3", raw("0003 0001 00000009" + drop), ofp.MeterModFailedBadCommand},
		{"7 bytes", raw("0000 0001 000000"), ofp.BadRequestBadLen},
		{"add what exists", add("00000001", "0001", drop), ofp.MeterModFailedMeterExists},
		{"modify what is not there", raw("0001 0001 00000009" + drop), ofp.MeterModFailedUnknownMeter},
		{"number 0", add("00000000", "0001", drop), ofp.MeterModFailedInvalidMeter},
		{"the number above the highest", add("ffff0001", "0001", drop), ofp.MeterModFailedInvalidMeter},
		{"number ALL", add("ffffffff", "0001", drop), ofp.MeterModFailedInvalidMeter},
		{"modify number 0", raw("0001 0001 00000000" + drop), ofp.MeterModFailedInvalidMeter},
		{"kbps and pktps", add("00000009", "0003", drop), ofp.MeterModFailedBadFlags},
		{"flag 16", add("00000009", "0011", drop), ofp.MeterModFailedBadFlags},
		{"rate 0", add("00000009", "0001", "0001 0010 00000000 00000000 00000000"), ofp.MeterModFailedBadRate},
		{"modify to rate 0", raw("0001 0001 00000001 0001 0010 00000000 00000000 00000000"), ofp.MeterModFailedBadRate},
		{"no band", add("00000009", "0001", ""), ofp.MeterModFailedOutOfBands},
		{"17 bands", ofp.Encode(0x59, &ofp.MeterMod{MeterID: 9, Bands: bytesOf(goodBand, 17)}), ofp.MeterModFailedOutOfBands},
		{"band type 0", add("00000009", "0001", "0000 0010 00000001 00000000 00000000"), ofp.MeterModFailedBadBand},
		{"band type 3", add("00000009", "0001", "0003 0010 00000001 00000000 00000000"), ofp.MeterModFailedBadBand},
		{"experimenter band", add("00000009", "0001", "ffff 0010 00000001 00000000 00002320"), ofp.MeterModFailedBadBand},
		{"band of 12 bytes", add("00000009", "0001", "0001 000c 00000001 00000000"), ofp.BadRequestBadLen},
		{"band longer than the message", add("00000009", "0001", "0001 0020 00000001 00000000 00000000"), ofp.BadRequestBadLen},
		{"precedence level 3", add("00000009", "0001", "0002 0010 00000001 00000000 03 000000"), ofp.MeterModFailedBadBandValue},
		{"precedence level 255", add("00000009", "0001", "0002 0010 00000001 00000000 ff 000000"), ofp.MeterModFailedBadBandValue},
		{"a flow with a meter that is not there", flow("add udp,actions=meter:9,output:2"), ofp.MeterModFailedInvalidMeter},
		{"a flow with meter 0", rawMsg(ofp.TypeFlowMod, flowModBytes(oxmMatch(nil), unhex(t, "0006 0008 00000000"))), ofp.MeterModFailedInvalidMeter},
		{"a flow with CONTROLLER", rawMsg(ofp.TypeFlowMod, flowModBytes(oxmMatch(nil), unhex(t, "0006 0008 fffffffe"))), ofp.MeterModFailedInvalidMeter},
		{"a modified flow", flow("modify ip,actions=meter:9,output:2"), ofp.MeterModFailedInvalidMeter},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l.use(t)
			if got := l.c.answer(tc.msg); got != tc.want {
				t.Errorf("%s, want %s", codeName(got), codeName(tc.want))
			}
		})
	}
	if after := l.c.multipart(ofp.MultipartMeterConfig, &ofp.MeterRequest{MeterID: ofp.MeterAll}); !reflect.DeepEqual(after, before) {
		t.Errorf("refused messages have changed the meters to %+v", after)
	}
	if list := l.c.flows(everyFlow); len(list) != 2 {
		t.Errorf("%d flows, want 2", len(list))
	}
	for _, s := range []string{"0002 0000 00000009", "0002 0003 00000001", "0002 0000 ffffffff" + drop, "0002 0000 00000000"} {
		if got := l.c.answer(raw(s)); got != accepted { // flags and bands of a deletion do not count
			t.Errorf("deletion %s: %s", s, codeName(got))
		}
	}
}

func bytesOf[T any](v T, n int) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = v
	}
	return list
}

// TestIntegrationOpenFlowSlaveGroups: a slave changes neither groups nor meters,
// and may read both.
func TestIntegrationOpenFlowSlaveGroups(t *testing.T) {
	l := newOFLab(t, 1)
	l.c.groups("add group_id=1,type=all")
	l.c.meter(ofp.MeterAdd, "meter=1,kbps,bands=type=drop,rate=1000")
	l.c.send(&ofp.RoleRequest{Role: ofp.RoleSlave, GenerationID: 1})
	l.c.barrier()
	for _, m := range []ofp.Message{
		groupMod(t, "add group_id=2,type=all"), groupMod(t, "modify group_id=1,type=select"), groupMod(t, "delete"),
		&ofp.MeterMod{MeterID: 2, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: 1}}}, &ofp.MeterMod{Command: ofp.MeterDelete, MeterID: ofp.MeterAll},
	} {
		if got := l.c.answer(ofp.Encode(0x5a, m)); got != ofp.BadRequestIsSlave {
			t.Errorf("%+v of a slave: %s, want IS_SLAVE", m, codeName(got))
		}
	}
	if g := l.c.multipart(ofp.MultipartGroupDesc, nil); len(g) != 1 || g[0].(*ofp.GroupDesc).GroupType != ofp.GroupTypeAll {
		t.Errorf("a slave reads the groups %+v", g)
	}
	l.c.groupStats(1)
	l.c.meterStats(1)
	features := l.c.multipart(ofp.MultipartGroupFeatures, nil)[0].(*ofp.GroupFeatures)
	if features.Types != 0xf || features.Capabilities != 0xf {
		t.Errorf("group features %+v", features)
	}
	meters := l.c.multipart(ofp.MultipartMeterFeatures, nil)[0].(*ofp.MeterFeatures)
	if meters.BandTypes != 1<<ofp.MeterBandDrop|1<<ofp.MeterBandDSCPRemark || meters.Capabilities != 0xf || meters.MaxColor != 2 {
		t.Errorf("meter features %+v", meters)
	}
}

// TestIntegrationOpenFlowGroupReading: what was sent comes back; a number that
// there is not gives nothing; a long answer comes in parts.
func TestIntegrationOpenFlowGroupReading(t *testing.T) {
	l := newOFLab(t, 1)
	const groups, buckets = 40, 100
	sent := make([]*ofp.GroupMod, groups)
	for i := range sent {
		m := &ofp.GroupMod{GroupID: uint32(i), GroupType: ofp.GroupTypeSelect}
		for k := range buckets {
			m.Buckets = append(m.Buckets, ofp.Bucket{Weight: uint16(k), WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny, Actions: []ofp.Action{ofp.Output{Port: 1, MaxLen: 0xffe5}}})
		}
		sent[i] = m
		l.c.must(m)
	}
	desc := l.c.multipart(ofp.MultipartGroupDesc, nil) // 130 KB
	stats := l.c.multipart(ofp.MultipartGroup, &ofp.GroupStatsRequest{GroupID: ofp.GroupAll})
	if len(desc) != groups || len(stats) != groups {
		t.Fatalf("%d descriptions, %d statistics of %d groups", len(desc), len(stats), groups)
	}
	for i, m := range sent {
		d, s := desc[i].(*ofp.GroupDesc), stats[i].(*ofp.GroupStats)
		if d.GroupID != m.GroupID || d.GroupType != m.GroupType || !reflect.DeepEqual(d.Buckets, m.Buckets) || s.GroupID != m.GroupID || len(s.Buckets) != buckets {
			t.Errorf("group %d came back as %+v", i, d)
		}
	}
	for i := range uint32(5000) { // 16 + 24 bytes each
		l.c.send(&ofp.MeterMod{MeterID: 1 + i, Flags: ofp.MeterFlagPKTPS, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: 1 + i}}})
	}
	for _, m := range l.c.barrier() {
		t.Fatalf("meter refused: %+v", m.m)
	}
	config := l.c.multipart(ofp.MultipartMeterConfig, &ofp.MeterRequest{MeterID: ofp.MeterAll})
	if len(config) != 5000 || len(l.c.multipart(ofp.MultipartMeter, &ofp.MeterRequest{MeterID: ofp.MeterAll})) != 5000 {
		t.Fatalf("%d of 5000 meters", len(config))
	}
	for i, c := range config {
		if c := c.(*ofp.MeterConfig); c.MeterID != uint32(1+i) || c.Flags != ofp.MeterFlagPKTPS || c.Bands[0].Rate != uint32(1+i) || c.Bands[0].BurstSize != 0 {
			t.Fatalf("meter %d came back as %+v", i+1, c)
		}
	}
	if list := l.c.multipart(ofp.MultipartGroup, &ofp.GroupStatsRequest{GroupID: 99}); len(list) != 0 {
		t.Errorf("statistics of a group that there is not: %+v", list)
	}
	// As Open vSwitch: of a meter that there is not, an error.
	for _, kind := range []uint16{ofp.MultipartMeter, ofp.MultipartMeterConfig} {
		xid := l.c.send(&ofp.MultipartRequest{Kind: kind, Body: &ofp.MeterRequest{MeterID: 6000}})
		m := l.c.take(func(m *ofMessage) bool { return m.h.XID == xid })
		if e, is := m.m.(*ofp.ErrorMsg); !is || e.ErrCode() != ofp.MeterModFailedUnknownMeter {
			t.Errorf("%s of a number that there is not: %+v", ofp.MultipartName(kind), m.m)
		}
	}
}

// ovsGroups and ovsMeters are groups and meters of all kinds in ovs-ofctl's
// syntax, as it prints them.
var (
	ovsGroups = []string{
		"group_id=1,type=all,bucket=actions=output:1,bucket=actions=set_field:10.1.1.1->ip_src,output:2",
		"group_id=2,type=indirect,bucket=actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:2",
		"group_id=3,type=select,bucket=weight:2,actions=output:1,bucket=weight:5,watch_port:2,actions=output:2",
		"group_id=4,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_group:2,actions=group:2",
		"group_id=4294967040,type=all",
	}
	ovsMeters = []string{
		"meter=1 kbps bands=\ntype=drop rate=1000",
		"meter=2 pktps burst stats bands=\ntype=drop rate=20000 burst_size=100",
		"meter=3 kbps bands=\ntype=dscp_remark rate=1000 prec_level=1\ntype=drop rate=2000",
		"meter=controller pktps burst bands=\ntype=drop rate=100 burst_size=10",
		"meter=slowpath pktps bands=\ntype=drop rate=5000",
	}
)

// TestIntegrationStockOvsOfctlGroups: ovs-ofctl as it comes makes groups and meters
// and reads them back, and ofctl prints the same and reads what it prints.
func TestIntegrationStockOvsOfctlGroups(t *testing.T) {
	l := newLab(t, 2)
	d := startSwitch(t, l, "--fail-mode", "secure")
	mgmt := d.mgmt("br0")
	for _, g := range ovsGroups {
		d.stock("add-group", mgmt, g)
	}
	for _, m := range ovsMeters {
		d.stock("add-meter", mgmt, strings.NewReplacer(" bands=\n", " bands=", " ", ",", "\n", ",").Replace(m))
	}
	d.stock("add-flow", mgmt, "udp,actions=group:3")
	d.stock("add-flow", mgmt, "tcp,actions=meter:2,output:1")
	// Frames of the kernel's own pass the meter slowpath; ovs-ofctl has no words
	// for actions that Open vSwitch has not.
	moving := regexp.MustCompile(`duration[=:][0-9.]+s,?|xid=0x[0-9a-f]+|packet_in_count:\d+ byte_in_count:\d+| copy_ttl_out| copy_ttl_in| push_pbb| pop_pbb`)
	same := func(args ...string) string {
		t.Helper()
		theirs := moving.ReplaceAllString(d.stock(args...), "")
		if ours := moving.ReplaceAllString(d.ctl(args...), ""); ours != theirs {
			t.Errorf("%v\novs-ofctl prints:\n%s\nofctl prints:\n%s", args, theirs, ours)
		}
		return theirs
	}
	for _, verb := range []string{"dump-groups", "dump-group-stats", "dump-group-features", "dump-meters", "meter-stats", "meter-features", "dump-flows"} {
		same(verb, mgmt)
	}
	for _, verb := range [][]string{{"dump-group-stats", mgmt, "group_id=3"}, {"dump-group-stats", mgmt, "group_id=77"},
		{"dump-meters", mgmt, "meter=2"}, {"meter-stats", mgmt, "meter=controller"}, {"meter-stats", mgmt, "meter=slowpath"}} {
		same(verb...)
	}
	groups, meters := same("dump-groups", mgmt), same("dump-meters", mgmt)
	for _, g := range ovsGroups {
		if !strings.Contains(groups, g+"\n") {
			t.Errorf("the group %q does not come back:\n%s", g, groups)
		}
	}
	for _, m := range ovsMeters {
		if !strings.Contains(meters, m+"\n") {
			t.Errorf("the meter %q does not come back:\n%s", m, meters)
		}
	}
	if s := same("dump-group-stats", mgmt, "group_id=3"); !strings.Contains(s, "ref_count=1,") {
		t.Errorf("statistics of group 3:\n%s", s)
	}
	if s := same("meter-stats", mgmt, "meter=2"); !strings.Contains(s, "flow_count:1 ") {
		t.Errorf("statistics of meter 2:\n%s", s)
	}
	if s := same("dump-group-features", mgmt); !strings.Contains(s, "Types:  0xf") || !strings.Contains(s, "Capabilities:  0xf") {
		t.Errorf("group features:\n%s", s)
	}
	if s := same("meter-features", mgmt); !strings.Contains(s, "drop dscp_remark") || !strings.Contains(s, "kbps pktps burst stats") {
		t.Errorf("meter features:\n%s", s)
	}

	d.stock("mod-group", mgmt, "group_id=3,type=all,bucket=output:1")
	d.ctl("mod-meter", "br0", "meter=2,kbps,bands=type=drop,rate=7")
	if s := d.ctl("dump-groups", "br0", "3"); !strings.Contains(s, "group_id=3,type=all,bucket=actions=output:1\n") {
		t.Errorf("mod-group of ovs-ofctl had no effect:\n%s", s)
	}
	if s := d.stock("dump-meters", mgmt, "meter=2"); !strings.Contains(s, "meter=2 kbps bands=\ntype=drop rate=7\n") {
		t.Errorf("mod-meter of ofctl had no effect:\n%s", s)
	}
	d.stock("del-meter", mgmt, "meter=2")
	d.ctl("del-groups", "br0", "group_id=3")
	if s := d.ctl("dump-flows", "br0"); strings.Contains(s, "actions=") {
		t.Errorf("flows are left without their group and their meter:\n%s", s)
	}
	d.stock("del-groups", mgmt)
	d.stock("del-meters", mgmt)
	if s := same("dump-groups", mgmt) + same("dump-meters", mgmt); strings.Contains(s, "group_id") || strings.Contains(s, "meter=") {
		t.Errorf("left:\n%s", s)
	}
	for args, want := range map[string]string{
		"add-group br0 group_id=1,type=indirect":                                "OFPGMFC_INVALID_GROUP",
		"add-group br0 group_id=1,type=all,bucket=group:1":                      "OFPGMFC_LOOP",
		"add-flow br0 udp,actions=group:1":                                      "OFPBAC_BAD_OUT_GROUP",
		"mod-meter br0 meter=1,kbps,bands=type=drop,rate=5":                     "OFPMMFC_UNKNOWN_METER",
		"add-flow br0 udp,actions=meter:1,output:1":                             "OFPMMFC_INVALID_METER",
		"add-group br0 group_id=1,type=ff,bucket=watch_port:9,actions=output:1": "OFPGMFC_BAD_WATCH",
	} {
		if out, err := d.tryCtl(strings.Split(args, " ")...); err == nil || !strings.Contains(out, want) {
			t.Errorf("ofctl %s: error %v, message %q, want %s", args, err, out, want)
		}
	}
}
