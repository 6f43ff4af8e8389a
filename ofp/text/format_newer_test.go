package text

import (
	"math"
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// bucket makes a bucket that watches nothing.
func bucket(weight uint16, actions ...ofp.Action) ofp.Bucket {
	return ofp.Bucket{Weight: weight, WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny, Actions: actions}
}

func request(kind uint16, body ofp.MultipartBody) *ofp.MultipartRequest {
	return &ofp.MultipartRequest{Kind: kind, Body: body}
}

const asyncOff = "       PACKET_IN: (off)\n     PORT_STATUS: (off)\n    FLOW_REMOVED: (off)\n" + asyncLater
const asyncLater = "     ROLE_STATUS: (off)\n    TABLE_STATUS: (off)\n  REQUESTFORWARD: (off)\n"

// newerMessages are messages that OpenFlow 1.0 did not have, and what ovs-ofctl
// 3.1 prints of them.
var newerMessages = []struct {
	m    ofp.Message
	want string
}{
	{&ofp.GroupMod{GroupType: ofp.GroupTypeSelect, GroupID: 1, Buckets: []ofp.Bucket{bucket(1, ofp.Output{Port: 1}), bucket(2), bucket(0, ofp.Group{GroupID: 7}, ofp.Output{Port: 3})}},
		"OFPT_GROUP_MOD (OF1.3) (xid=0x5):\n ADD group_id=1,type=select,bucket=actions=output:1,bucket=weight:2,actions=drop,bucket=weight:0,actions=group:7,output:3\n"},
	{&ofp.GroupMod{Command: ofp.GroupModify, GroupType: ofp.GroupTypeFastFailover, GroupID: 2, Buckets: []ofp.Bucket{
		{WatchPort: ofp.PortLocal, WatchGroup: ofp.GroupAny}, {WatchPort: ofp.PortAny, WatchGroup: 5, Actions: mustActions("1")}}},
		"OFPT_GROUP_MOD (OF1.3) (xid=0x5):\n MOD group_id=2,type=ff,bucket=watch_port:LOCAL,actions=drop,bucket=watch_group:5,actions=output:1\n"},
	{&ofp.GroupMod{Command: ofp.GroupDelete, GroupID: ofp.GroupAll}, "OFPT_GROUP_MOD (OF1.3) (xid=0x5):\n DEL group_id=4294967292,type=all\n"},
	{&ofp.GroupMod{GroupType: ofp.GroupTypeIndirect, GroupID: 3, Buckets: []ofp.Bucket{bucket(0, ofp.Output{Port: 1})}},
		"OFPT_GROUP_MOD (OF1.3) (xid=0x5):\n ADD group_id=3,type=indirect,bucket=actions=output:1\n"},
	{request(ofp.MultipartGroup, &ofp.GroupStatsRequest{GroupID: 7}), "OFPST_GROUP request (OF1.3) (xid=0x5): group_id=7\n"},
	{request(ofp.MultipartGroup, &ofp.GroupStatsRequest{GroupID: ofp.GroupAny}), "OFPST_GROUP request (OF1.3) (xid=0x5): group_id=ANY\n"},
	{reply(ofp.MultipartGroup, 0), "OFPST_GROUP reply (OF1.3) (xid=0x5):\n"},
	{reply(ofp.MultipartGroup, ofp.MultipartMore,
		&ofp.GroupStats{GroupID: 1, DurationSec: 5, DurationNsec: 6, RefCount: 2, PacketCount: 3, ByteCount: 4, Buckets: []ofp.BucketStats{{PacketCount: math.MaxUint64}, {PacketCount: 1, ByteCount: 2}}},
		&ofp.GroupStats{GroupID: 2, DurationSec: math.MaxUint32, PacketCount: math.MaxUint64}),
		"OFPST_GROUP reply (OF1.3) (xid=0x5): flags=[more]\n group_id=1,duration=5.000000006s,ref_count=2,packet_count=3,byte_count=4,bucket1:packet_count=1,byte_count=2\n" +
			" group_id=2,ref_count=0,packet_count=18446744073709551615,byte_count=0\n"},
	{request(ofp.MultipartGroupDesc, nil), "OFPST_GROUP_DESC request (OF1.3) (xid=0x5): group_id=ALL\n"},
	{reply(ofp.MultipartGroupDesc, 0, &ofp.GroupDesc{GroupID: 6}, &ofp.GroupDesc{GroupID: 7, GroupType: ofp.GroupTypeAll, Buckets: []ofp.Bucket{bucket(0, ofp.Output{Port: 1})}}),
		"OFPST_GROUP_DESC reply (OF1.3) (xid=0x5):\n group_id=6,type=all\n group_id=7,type=all,bucket=actions=output:1\n"},
	{request(ofp.MultipartGroupFeatures, nil), "OFPST_GROUP_FEATURES request (OF1.3) (xid=0x5):\n"},
	{reply(ofp.MultipartGroupFeatures, 0, &ofp.GroupFeatures{Types: 0x8000000d, Capabilities: 0xf, MaxGroups: [4]uint32{0, 1, math.MaxUint32, 3}, Actions: [4]uint32{0x3f98001 | 1<<22 | 1<<24 | 1<<16 | 1<<18 | 1<<17, 1, 1, 0}}),
		"OFPST_GROUP_FEATURES reply (OF1.3) (xid=0x5):\n Group table:\n    Types:  0x8000000d\n    Capabilities:  0xf\n    all group:\n       max_groups=0\n" +
			"       actions: output group set_field strip_vlan push_vlan mod_nw_ttl dec_ttl set_mpls_ttl dec_mpls_ttl push_mpls pop_mpls set_queue\n" +
			"    indirect group:\n       max_groups=0xffffffff\n       actions: output\n    fast failover group:\n       max_groups=0x3\n       actions: <none>\n"},
	{reply(ofp.MultipartGroupFeatures, 0, &ofp.GroupFeatures{}), "OFPST_GROUP_FEATURES reply (OF1.3) (xid=0x5):\n Group table:\n    Types:  0x0\n    Capabilities:  0x0\n"},

	{&ofp.MeterMod{MeterID: 5}, "OFPT_METER_MOD (OF1.3) (xid=0x5): ADD meter=5 bands=\n"},
	{&ofp.MeterMod{Command: ofp.MeterModify, MeterID: ofp.MeterController, Flags: 13, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: 5}, {Type: ofp.MeterBandDSCPRemark, Rate: 6, BurstSize: 7, PrecLevel: 8}}},
		"OFPT_METER_MOD (OF1.3) (xid=0x5): MOD meter=controller kbps burst stats bands=\ntype=drop rate=5 burst_size=0\ntype=dscp_remark rate=6 burst_size=7 prec_level=8\n"},
	{&ofp.MeterMod{Command: ofp.MeterDelete, MeterID: ofp.MeterAll}, "OFPT_METER_MOD (OF1.3) (xid=0x5): DEL meter=all bands=\n"},
	{request(ofp.MultipartMeter, &ofp.MeterRequest{MeterID: ofp.MeterSlowpath}), "OFPST_METER request (OF1.3) (xid=0x5): meter=slowpath\n"},
	{request(ofp.MultipartMeterConfig, &ofp.MeterRequest{MeterID: 7}), "OFPST_METER_CONFIG request (OF1.3) (xid=0x5): meter=7\n"},
	{request(ofp.MultipartMeterFeatures, nil), "OFPST_METER_FEATURES request (OF1.3) (xid=0x5):\n"},
	{reply(ofp.MultipartMeter, 0), "OFPST_METER reply (OF1.3) (xid=0x5):\n"},
	{reply(ofp.MultipartMeter, 0, &ofp.MeterStats{MeterID: 1, FlowCount: 2, PacketInCount: 3, ByteInCount: 4, DurationSec: math.MaxUint32, Bands: []ofp.MeterBandStats{{PacketCount: 1, ByteCount: math.MaxUint64}}}, &ofp.MeterStats{MeterID: ofp.MeterSlowpath}),
		"OFPST_METER reply (OF1.3) (xid=0x5):\nmeter:1 flow_count:2 packet_in_count:3 byte_in_count:4 duration:4294967295s bands:\n0: packet_count:1 byte_count:18446744073709551615\n" +
			"\nmeter:slowpath flow_count:0 packet_in_count:0 byte_in_count:0 duration:0s bands:\n"},
	{reply(ofp.MultipartMeterConfig, 0, &ofp.MeterConfig{MeterID: 1, Flags: 2, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: 5, BurstSize: 6}}}, &ofp.MeterConfig{MeterID: 2}),
		"OFPST_METER_CONFIG reply (OF1.3) (xid=0x5):\nmeter=1 pktps bands=\ntype=drop rate=5\n\nmeter=2 bands=\n"},
	{reply(ofp.MultipartMeterFeatures, 0, &ofp.MeterFeatures{}), "OFPST_METER_FEATURES reply (OF1.3) (xid=0x5):\nmax_meter:0 max_bands:0 max_color:0\nband_types: 0\ncapabilities: 0\n"},
	{reply(ofp.MultipartMeterFeatures, 0, &ofp.MeterFeatures{MaxMeters: 1, BandTypes: math.MaxUint32, Capabilities: math.MaxUint32, MaxBands: 2, MaxColor: 3}),
		"OFPST_METER_FEATURES reply (OF1.3) (xid=0x5):\nmax_meter:1 max_bands:2 max_color:3\nband_types: drop dscp_remark 0xfffffff9\ncapabilities: kbps pktps burst stats 0xfffffff0\n"},

	{request(ofp.MultipartQueue, &ofp.QueueStatsRequest{Port: ofp.PortAny, QueueID: ofp.QueueAll}), "OFPST_QUEUE request (OF1.3) (xid=0x5): port=ANY queue=ALL\n"},
	{request(ofp.MultipartQueue, &ofp.QueueStatsRequest{Port: ofp.PortLocal, QueueID: 5}), "OFPST_QUEUE request (OF1.3) (xid=0x5): port=LOCAL queue=5\n"},
	{reply(ofp.MultipartQueue, 0), "OFPST_QUEUE reply (OF1.3) (xid=0x5): 0 queues\n"},
	{reply(ofp.MultipartQueue, 0, &ofp.QueueStats{Port: 1, QueueID: 2, TxBytes: math.MaxUint64, TxPackets: math.MaxUint64, TxErrors: math.MaxUint64, DurationSec: math.MaxUint32}, &ofp.QueueStats{Port: 12, DurationNsec: 5000000}),
		"OFPST_QUEUE reply (OF1.3) (xid=0x5): 2 queues\n  port 1 queue 2: bytes=?, pkts=?, errors=?, duration=?\n  port 12 queue 0: bytes=0, pkts=0, errors=0, duration=0.005s\n"},
	{&ofp.QueueGetConfigRequest{Port: ofp.PortAny}, "OFPT_QUEUE_GET_CONFIG_REQUEST (OF1.3) (xid=0x5): port=ANY\n"},
	{&ofp.QueueGetConfigReply{Port: 1}, "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.3) (xid=0x5):\n"},
	{&ofp.QueueGetConfigReply{Port: 1, Queues: []ofp.PacketQueue{
		{QueueID: 3, Port: 1, Properties: []ofp.QueueProperty{{Type: ofp.QueueMaxRate, Rate: 1000}, {Type: ofp.QueueMinRate, Rate: 5}}},
		{QueueID: 2, Port: 1, Properties: []ofp.QueueProperty{{Type: ofp.QueueMinRate, Rate: 1001}, {Type: ofp.QueueMaxRate, Rate: ofp.QueueRateUnset}}},
		{QueueID: 4, Port: 1, Properties: []ofp.QueueProperty{{Type: ofp.QueueExperimenter, Experimenter: 1}, {Type: ofp.QueueMinRate, Rate: 0}}}, {QueueID: 1, Port: 1},
	}}, "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.3) (xid=0x5): port=1\nqueue 1:\nqueue 2: min_rate:(disabled)\nqueue 3: min_rate:0.5% max_rate:100.0%\nqueue 4: min_rate:0.0%\n"},

	{&ofp.RoleRequest{Role: ofp.RoleNoChange, GenerationID: 3}, "OFPT_ROLE_REQUEST (OF1.3) (xid=0x5): role=nochange\n"},
	{&ofp.RoleRequest{Role: ofp.RoleEqual, GenerationID: 3}, "OFPT_ROLE_REQUEST (OF1.3) (xid=0x5): role=equal generation_id=3\n"},
	{&ofp.RoleRequest{Role: ofp.RoleMaster, GenerationID: 3}, "OFPT_ROLE_REQUEST (OF1.3) (xid=0x5): role=primary generation_id=3\n"},
	{&ofp.RoleRequest{Role: ofp.RoleSlave, GenerationID: math.MaxUint64}, "OFPT_ROLE_REQUEST (OF1.3) (xid=0x5): role=secondary\n"},
	{&ofp.RoleReply{Role: ofp.RoleMaster, GenerationID: math.MaxUint64}, "OFPT_ROLE_REPLY (OF1.3) (xid=0x5): role=primary\n"},
	{&ofp.RoleReply{Role: ofp.RoleNoChange, GenerationID: 5}, "OFPT_ROLE_REPLY (OF1.3) (xid=0x5): role=nochange generation_id=5\n"},
	{&ofp.GetAsyncRequest{}, "OFPT_GET_ASYNC_REQUEST (OF1.3) (xid=0x5):\n"},
	{&ofp.GetAsyncReply{}, "OFPT_GET_ASYNC_REPLY (OF1.3) (xid=0x5):\n primary:\n" + asyncOff + "\n secondary:\n" + asyncOff},
	{&ofp.SetAsync{AsyncConfig: ofp.AsyncConfig{PacketIn: [2]uint32{math.MaxUint32, 2}, PortStatus: [2]uint32{math.MaxUint32, 1}, FlowRemoved: [2]uint32{math.MaxUint32, 8}}},
		"OFPT_SET_ASYNC (OF1.3) (xid=0x5):\n primary:\n       PACKET_IN: no_match action invalid_ttl\n     PORT_STATUS: add delete modify\n" +
			"    FLOW_REMOVED: idle hard delete group_delete meter_delete eviction\n" + asyncLater +
			"\n secondary:\n       PACKET_IN: action\n     PORT_STATUS: add\n    FLOW_REMOVED: group_delete\n" + asyncLater},

	{&ofp.RoleStatus{Role: ofp.RoleMaster, Reason: 2, GenerationID: math.MaxUint64}, "ONFT_ROLE_STATUS (OF1.3) (xid=0x5): role=primary reason=experimenter_data_changed\n"},
	{&ofp.RoleStatus{Role: ofp.RoleSlave, Reason: 9, GenerationID: 5}, "ONFT_ROLE_STATUS (OF1.3) (xid=0x5): role=secondary generation_id=5 reason=(unknown)\n"},
	{&ofp.BundleControl{BundleID: 5}, "ONFT_BUNDLE_CONTROL (OF1.3) (xid=0x5):\n bundle_id=0x5 type=OPEN_REQUEST flags=0\n"},
	{&ofp.BundleControl{Op: ofp.BundleCommitReply, Flags: 3}, "ONFT_BUNDLE_CONTROL (OF1.3) (xid=0x5):\n bundle_id=0 type=COMMIT_REPLY flags=atomic ordered\n"},
	{ofp.NewBundleAdd(0x12, 3, 5, flowModMsg(ofp.FlowAdd, "in_port=1", "2")),
		"ONFT_BUNDLE_ADD_MESSAGE (OF1.3) (xid=0x5):\n bundle_id=0x12 flags=atomic ordered\nOFPT_FLOW_MOD (OF1.3) (xid=0x5): ADD in_port=1 actions=output:2\n"},
	{ofp.NewBundleAdd(0, 0, 5, &ofp.GroupMod{GroupID: 4}), "ONFT_BUNDLE_ADD_MESSAGE (OF1.3) (xid=0x5):\n bundle_id=0 flags=0\nOFPT_GROUP_MOD (OF1.3) (xid=0x5):\n ADD group_id=4,type=all\n"},
	{ofp.NewBundleAdd(0, 3, 5, &ofp.BarrierRequest{}), "ONFT_BUNDLE_ADD_MESSAGE (OF1.3) (xid=0x5): ***decode error: OFPBFC_MSG_UNSUP***\n" +
		"00000000  04 04 00 20 00 00 00 05-4f 4e 46 00 00 00 08 fd |... ....ONF.....|\n00000010  00 00 00 00 00 00 00 03-04 14 00 08 00 00 00 05 |................|\n"},
	{&ofp.SetPacketInFormat{Format: 1}, "NXT_SET_PACKET_IN_FORMAT (OF1.3) (xid=0x5): format=nxt_packet_in\n"},
	{&ofp.FlowMonitorCancel{Experimenter: ofp.ExperimenterONF, ID: 5}, "ONFT_FLOW_MONITOR_CANCEL (OF1.3) (xid=0x5): id=5\n"},
	{&ofp.FlowMonitorPaused{Experimenter: ofp.ExperimenterONF}, "ONFT_FLOW_MONITOR_PAUSED (OF1.3) (xid=0x5):\n"},
	{&ofp.FlowMonitorResumed{Experimenter: ofp.ExperimenterONF}, "ONFT_FLOW_MONITOR_RESUMED (OF1.3) (xid=0x5):\n"},
	{request(ofp.MultipartExperimenter, &ofp.FlowMonitors{Experimenter: ofp.ExperimenterONF}), "ONFST_FLOW_MONITOR request (OF1.3) (xid=0x5):\n"},
	{request(ofp.MultipartExperimenter, &ofp.FlowMonitors{Experimenter: ofp.ExperimenterONF, Monitors: []ofp.FlowMonitor{
		{ID: 1, Flags: 0x3f, OutPort: ofp.PortAny, Table: ofp.TableAll}, {ID: 2, Flags: ofp.FlowMonitorAdd, OutPort: 5, Table: 7, Match: mustMatch("arp")}, {ID: 3, Flags: ofp.FlowMonitorDelete, OutPort: ofp.PortLocal}}}),
		"ONFST_FLOW_MONITOR request (OF1.3) (xid=0x5):\n id=1 flags=initial,add,delete,modify,actions,own\n id=2 flags=add out_port=5 table=7 arp\n id=3 flags=delete out_port=LOCAL table=0\n"},
	{reply(ofp.MultipartExperimenter, 0, &ofp.FlowUpdates{Experimenter: ofp.ExperimenterONF, Updates: []ofp.FlowUpdate{
		{Event: ofp.FlowEventAdded, Priority: 5, Cookie: 7, Match: mustMatch("in_port=1"), Instructions: mustInstructions("2,goto_table:5")},
		{Event: ofp.FlowEventDeleted, Reason: 3, Table: 255, HardTimeout: 7}, {Event: ofp.FlowEventDeleted, Reason: 9, Match: mustMatch("arp")},
		{Event: ofp.FlowEventAbbrev, XID: 0x77}, {Event: ofp.FlowEventModified, IdleTimeout: 5}}}),
		"ONFST_FLOW_MONITOR reply (OF1.3) (xid=0x5):\n event=ADDED table=0 cookie=0x7 in_port=1 actions=output:2,goto_table:5\n event=DELETED reason=group_delete table=255 hard_timeout=7 cookie=0 \n" +
			" event=DELETED reason=9 table=0 cookie=0 arp\n event=ABBREV xid=0x77\n event=MODIFIED table=0 idle_timeout=5 cookie=0\n"},
	{&ofp.Experimenter{Experimenter: 0x123456, ExpType: 7, Data: []byte("abcd")}, "***decode error: OFPBRC_BAD_VENDOR***\n" +
		"00000000  04 04 00 14 00 00 00 05-00 12 34 56 00 00 00 07 |..........4V....|\n00000010  61 62 63 64                                     |abcd            |\n"},
	{&ofp.Experimenter{Experimenter: ofp.ExperimenterNicira, ExpType: 99}, "***decode error: OFPBRC_BAD_SUBTYPE***\n" +
		"00000000  04 04 00 10 00 00 00 05-00 00 23 20 00 00 00 63 |..........# ...c|\n"},
	{&ofp.ErrorMsg{ErrType: ofp.ErrBadRequest, Code: 10, Data: ofp.Encode(5, &ofp.BarrierRequest{})}, "OFPT_ERROR (OF1.3) (xid=0x5): OFPBRC_IS_SECONDARY\nOFPT_BARRIER_REQUEST (OF1.3) (xid=0x5):\n"},

	{request(ofp.MultipartTableFeatures, nil), "OFPST_TABLE_FEATURES request (OF1.3) (xid=0x5):\n"},
	{request(ofp.MultipartTableFeatures, ofp.TableFeaturesRequest{table(0, "x", 1, 2, 3, 5, 254)}), "OFPST_TABLE_FEATURES request (OF1.3) (xid=0x5):\n  table 0 (\"x\"):\n" + featuresText("1-3,5,254")},
	{reply(ofp.MultipartTableFeatures, 0, table(0, "x", 1), table(1, "y", 1), table(2, "", 1), table(3, "", 1), table(4, "", 1, 2), table(5, "", 1, 2), table(6, "z", 1), table(7, "", 1)),
		"OFPST_TABLE_FEATURES reply (OF1.3) (xid=0x5):\n  table 0 (\"x\"):\n" + featuresText("1") + "\n  table 1 (\"y\"): ditto\n  tables 2...3: ditto\n" +
			"\n  table 4:\n" + featuresAgain("1-2") + "\n  table 5: ditto\n\n  table 6 (\"z\"):\n" + featuresAgain("1") + "\n  table 7: ditto\n"},
}

// table makes the features of a table that can do a little.
func table(id ofp.TableID, name string, next ...ofp.TableID) *ofp.TableFeatures {
	ids := func(types ...uint16) (list []ofp.FeatureID) {
		for _, t := range types {
			list = append(list, ofp.FeatureID{Type: t})
		}
		return list
	}
	fields := func(mask bool, of ...flow.ID) (list []ofp.OXMID) {
		for _, id := range of {
			list = append(list, ofp.FieldID(id.Field(), mask && id.Field().Maskable))
		}
		return list
	}
	set := fields(false, flow.EthDst, flow.EthSrc, flow.MPLSLabel)
	return &ofp.TableFeatures{Table: id, Name: name, Properties: []ofp.TableProperty{
		{Type: ofp.TableInstructions, IDs: ids(ofp.InstrGotoTable, ofp.InstrApplyActions, ofp.InstrMeter)},
		{Type: ofp.TableNextTables, Tables: next},
		{Type: ofp.TableWriteActions, IDs: ids(0, 25, 22)}, {Type: ofp.TableApplyActions, IDs: ids(0, 25, 22)},
		{Type: ofp.TableMatch, Fields: fields(true, flow.InPort, flow.EthDst, flow.EthType, flow.IPv4Src, flow.IPv4Dst, flow.IPDSCP)},
		{Type: ofp.TableWildcards, Fields: fields(false, flow.InPort, flow.EthType, flow.IPProto)},
		{Type: ofp.TableWriteSetField, Fields: set}, {Type: ofp.TableApplySetField, Fields: set},
	}}
}

// featuresText is what is printed of such a table after the first line.
func featuresText(next string) string {
	return "    instructions (table miss and others):\n      next tables: " + next + "\n      instructions: meter apply_actions goto_table\n" +
		"      Write-Actions and Apply-Actions features:\n        actions: output group set_field\n        supported on Set-Field: eth_{src,dst} mpls_label\n" +
		"    matching:\n      arbitrary mask: eth_dst ip_{src,dst}\n      exact match or wildcard: in_port_oxm eth_type\n      must exact match: ip_dscp\n"
}

// featuresAgain is what is printed when only the next tables are others than
// before.
func featuresAgain(next string) string {
	return "    instructions (table miss and others):\n      next tables: " + next + "\n      (same instructions)\n      (same actions)\n    (same matching)\n"
}

func TestFormatNewerMessages(t *testing.T) {
	for _, c := range newerMessages {
		if got := FormatBytes(ofp.Encode(5, c.m), Options{}); got != c.want {
			t.Errorf("%T\n got %q\nwant %q", c.m, got, c.want)
		}
	}
}

// What Open vSwitch does not know has a name here all the same.
func TestFormatFeaturesOfOurs(t *testing.T) {
	f := reply(ofp.MultipartGroupFeatures, 0, &ofp.GroupFeatures{Types: 1, Actions: [4]uint32{1<<ofp.ActionCopyTTLOut | 1<<ofp.ActionCopyTTLIn | 1<<ofp.ActionPushPBB | 1<<ofp.ActionPopPBB}})
	if got := FormatBytes(ofp.Encode(5, f), Options{}); !strings.Contains(got, "actions: copy_ttl_out copy_ttl_in push_pbb pop_pbb\n") {
		t.Errorf("actions: %s", got)
	}
	all := make([]ofp.OXMID, 0, flow.NumFields)
	for i := range flow.Table {
		all = append(all, ofp.FieldID(&flow.Table[i], false))
	}
	tf := table(0, "")
	tf.Property(ofp.TableMatch).Fields = all
	got := FormatBytes(ofp.Encode(5, reply(ofp.MultipartTableFeatures, 0, tf)), Options{})
	if !strings.Contains(got, " nd_{target,sll,tll} in_phy_port pbb_isid ipv6_exthdr\n") {
		t.Errorf("fields: %s", got)
	}
	band := reply(ofp.MultipartMeterConfig, 0, &ofp.MeterConfig{MeterID: 1, Bands: []ofp.MeterBand{{Type: ofp.MeterBandExperimenter, Experimenter: 0x77, Rate: 5}}})
	if got := FormatBytes(ofp.Encode(5, band), Options{}); !strings.Contains(got, "type=experimenter rate=5 experimenter=0x77\n") {
		t.Errorf("band: %s", got)
	}
}

// A table's name, as any string of a switch, cannot act on a terminal.
func TestFormatTableNameOfSwitch(t *testing.T) {
	got := FormatBytes(ofp.Encode(5, reply(ofp.MultipartTableFeatures, 0, table(0, "a\x1b[2Jb"))), Options{})
	if strings.Contains(got, "\x1b") || !strings.Contains(got, "a[2Jb") {
		t.Errorf("%q", got)
	}
}

// What can be named and not read has its name in front of the reason.
func TestFormatExperimenterBroken(t *testing.T) {
	for _, c := range []struct {
		m    *ofp.Experimenter
		want string
	}{
		{&ofp.Experimenter{Experimenter: ofp.ExperimenterONF, ExpType: 2300, Data: []byte("\x00\x00\x00\x05\x00\x09\x00\x00")}, "ONFT_BUNDLE_CONTROL (OF1.3) (xid=0x5): ***decode error: OFPBFC_BAD_TYPE***\n00000000  "},
		{&ofp.Experimenter{Experimenter: ofp.ExperimenterONF, ExpType: 2300}, "***decode error: OFPBRC_BAD_LEN***\n00000000  "},
	} {
		if got := FormatBytes(ofp.Encode(5, c.m), Options{}); !strings.HasPrefix(got, c.want) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	for _, m := range []ofp.Message{request(ofp.MultipartExperimenter, ofp.RawBody(make([]byte, 16))), reply(ofp.MultipartExperimenter, 0, ofp.RawBody(make([]byte, 16)))} {
		if got := FormatBytes(ofp.Encode(5, m), Options{}); !strings.HasPrefix(got, "***decode error: OFPBRC_BAD_VENDOR***\n00000000  ") {
			t.Errorf("got %q", got)
		}
	}
}

// Bundles do not hold bundles, nor errors: those would be printed a thousand deep.
func TestFormatBundleNested(t *testing.T) {
	m := ofp.Message(&ofp.BarrierRequest{})
	for range 1000 {
		m = ofp.NewBundleAdd(1, 0, 5, m)
		m = &ofp.ErrorMsg{ErrType: ofp.ErrBadRequest, Data: ofp.Encode(5, m)}
	}
	if got := FormatBytes(ofp.Encode(5, m), Options{}); !strings.Contains(got, "OFPBFC_MSG_UNSUP") || strings.Count(got, "OFPT_ERROR") > 1 {
		t.Errorf("%.300q", got)
	}
}
