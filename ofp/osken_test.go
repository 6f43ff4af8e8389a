package ofp

import (
	"bytes"
	"encoding/hex"
	"maps"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/internal/testutil"
)

// osKen reads what os-ken sends: bytes by name, and the names in their order.
func osKen(t testing.TB) (msgs map[string][]byte, names []string) {
	t.Helper()
	text, err := os.ReadFile("../testdata/ofp/osken.txt")
	if err != nil {
		t.Fatal(err)
	}
	msgs = map[string][]byte{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		name, digits, ok := strings.Cut(line, ": ")
		b, err := hex.DecodeString(digits)
		if !ok || err != nil || msgs[name] != nil {
			t.Fatalf("osken.txt: line %q: %v", line, err)
		}
		msgs[name] = b
		names = append(names, name)
	}
	return msgs, names
}

const (
	testMAC  = 0x020000000001
	testNet6 = 0x20010db8 << 32 // 2001:db8::/32, high half
)

// osKenFlow is what os-ken's flow-mod holds by default.
func osKenFlow(m flow.Match, in Instructions) *FlowMod {
	return &FlowMod{Match: m, Instructions: in, Priority: 0x8000, BufferID: NoBuffer}
}

func apply(actions ...Action) Instructions {
	return Instructions{Has: 1 << InstrApplyActions, Order: [6]uint8{InstrApplyActions}, Apply: actions}
}

// osKenMessages says what each message of osken.txt holds.
func osKenMessages() map[string]Message {
	request := func(kind uint16, body MultipartBody) Message { return &MultipartRequest{Kind: kind, Body: body} }
	msgs := map[string]Message{
		"hello":                         &Hello{},
		"error":                         &ErrorMsg{ErrType: ErrBadMatch, Code: 9, Data: []byte("refused")},
		"echo request":                  &EchoRequest{Data: []byte("are you there")},
		"echo reply":                    &EchoReply{Data: []byte("here")},
		"set packet in format":          &SetPacketInFormat{Format: PacketInNicira},
		"features request":              &FeaturesRequest{},
		"get config request":            &GetConfigRequest{},
		"set config":                    &SetConfig{Flags: FragDrop, MissSendLen: 128},
		"barrier request":               &BarrierRequest{},
		"barrier reply":                 &BarrierReply{},
		"get async request":             &GetAsyncRequest{},
		"set async":                     &SetAsync{AsyncConfig{PacketIn: [2]uint32{1, 2}, PortStatus: [2]uint32{3, 4}, FlowRemoved: [2]uint32{5, 6}}},
		"role request":                  &RoleRequest{Role: RoleMaster, GenerationID: 9},
		"role request, which":           &RoleRequest{Role: RoleNoChange},
		"queue get config request":      &QueueGetConfigRequest{Port: 3},
		"queue get config request, all": &QueueGetConfigRequest{Port: PortAny},
		"port mod":                      &PortMod{Port: 7, HWAddr: [6]byte{2, 0, 0, 0, 0, 7}, Config: PortConfigDown, Mask: PortConfigDown | PortConfigNoFwd, Advertise: 0x20},
		"table mod":                     &TableMod{Table: TableAll, Config: 3},
		"packet out": &PacketOut{BufferID: NoBuffer, InPort: PortController, Data: []byte("frame"),
			Actions: []Action{Output{Port: PortFlood, MaxLen: ControllerMaxLenMax}, Output{Port: 3, MaxLen: ControllerMaxLenMax}}},
		"packet out of a buffer": &PacketOut{BufferID: 5, InPort: 1, Actions: []Action{Output{Port: 2, MaxLen: ControllerMaxLenMax}}},

		"flow mod, nothing": osKenFlow(mk(), Instructions{}),
		"flow mod, fields": &FlowMod{Cookie: 1, CookieMask: 2, Table: 3, Command: FlowDeleteStrict, IdleTimeout: 4, HardTimeout: 5, Priority: 6,
			BufferID: 7, OutPort: 8, OutGroup: 9, Flags: FlowSendFlowRem | FlowNoBytCounts},
		"instructions": osKenFlow(mk(), Instructions{
			Has: 0x7e, Order: [6]uint8{InstrMeter, InstrApplyActions, InstrClearActions, InstrWriteActions, InstrWriteMetadata, InstrGotoTable},
			Meter: 1, Apply: []Action{Output{Port: PortController, MaxLen: 128}}, Write: []Action{Group{GroupID: 2}}, Metadata: 0x1234, MetadataMask: 0xffff, Goto: 5,
		}),
		"instructions, other order": osKenFlow(mk(), Instructions{Has: 1<<InstrGotoTable | 1<<InstrApplyActions, Order: [6]uint8{InstrGotoTable, InstrApplyActions}, Goto: 5}),

		"desc request":           &MultipartRequest{Kind: MultipartDesc},
		"flow request":           &MultipartRequest{Kind: MultipartFlow, Body: &FlowStatsRequest{Table: TableAll, OutPort: PortAny, OutGroup: GroupAny, Cookie: 1, CookieMask: 2, Match: mk(is(flow.InPort, 1))}},
		"aggregate request":      &MultipartRequest{Kind: MultipartAggregate, Body: &FlowStatsRequest{Table: 3, OutPort: 4, OutGroup: 5, Cookie: 6, CookieMask: 7, Match: mk(is(flow.InPort, 1))}},
		"table request":          &MultipartRequest{Kind: MultipartTable},
		"port stats request":     &MultipartRequest{Kind: MultipartPortStats, Body: &PortStatsRequest{Port: 7}},
		"port desc request":      &MultipartRequest{Kind: MultipartPortDesc},
		"queue request":          request(MultipartQueue, &QueueStatsRequest{Port: PortAny, QueueID: QueueAll}),
		"queue request, one":     request(MultipartQueue, &QueueStatsRequest{Port: 3, QueueID: 4}),
		"group request":          request(MultipartGroup, &GroupStatsRequest{GroupID: GroupAll}),
		"group request, one":     request(MultipartGroup, &GroupStatsRequest{GroupID: 5}),
		"group desc request":     request(MultipartGroupDesc, nil),
		"group features request": request(MultipartGroupFeatures, nil),
		"meter request":          request(MultipartMeter, &MeterRequest{MeterID: MeterAll}),
		"meter request, one":     request(MultipartMeter, &MeterRequest{MeterID: 5}),
		"meter config request":   request(MultipartMeterConfig, &MeterRequest{MeterID: MeterAll}),
		"meter features request": request(MultipartMeterFeatures, nil),
		"table features request": request(MultipartTableFeatures, nil),
		"table features request, set": &MultipartRequest{Kind: MultipartTableFeatures, Body: TableFeaturesRequest{
			{Table: 1, Name: "acl", MetadataMatch: 0xff, MetadataWrite: 0xf0, MaxEntries: 9, Properties: []TableProperty{
				{Type: TableInstructions, IDs: []FeatureID{{Type: InstrGotoTable}, {Type: InstrMeter}}},
				{Type: TableNextTables, Tables: []TableID{2, 3, 4, 5, 6}},
				{Type: TableNextTablesMiss},
				{Type: TableWriteActions, IDs: []FeatureID{{Type: uint16(ActionOutput)}}},
				{Type: TableApplyActionsMiss, IDs: []FeatureID{{Type: uint16(ActionGroup)}, {Type: uint16(ActionPopPBB)}}},
				// Its lengths are all 0.
				{Type: TableMatch, Fields: []OXMID{{Class: flow.ClassBasic, Number: uint8(flow.InPort)}, {Class: flow.ClassBasic, Number: uint8(flow.IPv6Src), HasMask: true}}},
				{Type: TableApplySetField, Fields: []OXMID{{Class: flow.ClassBasic, Number: uint8(flow.PBBISID)}}},
			}},
			{Table: 2},
		}},
		"experimenter request": request(MultipartExperimenter, &FlowMonitors{Experimenter: ExperimenterNicira}),
	}
	maps.Copy(msgs, osKenGroups())
	for name, a := range map[string]Action{
		"output": Output{Port: PortNormal}, "copy_ttl_out": CopyTTLOut{}, "copy_ttl_in": CopyTTLIn{}, "set_mpls_ttl": SetMPLSTTL{TTL: 64},
		"dec_mpls_ttl": DecMPLSTTL{}, "push_vlan": PushVLAN{EtherType: 0x8100}, "pop_vlan": PopVLAN{}, "push_mpls": PushMPLS{EtherType: 0x8848},
		"pop_mpls": PopMPLS{EtherType: 0x86dd}, "set_queue": SetQueue{QueueID: 5}, "group": Group{GroupID: 6}, "set_nw_ttl": SetNwTTL{TTL: 1},
		"dec_nw_ttl": DecNwTTL{}, "push_pbb": PushPBB{EtherType: 0x88e7}, "pop_pbb": PopPBB{},
	} {
		msgs["action "+name] = osKenFlow(mk(), apply(a))
	}
	for name, v := range map[string]flow.Value{
		"eth_dst": {Lo: testMAC}, "eth_src": {Lo: testMAC}, "eth_type": {Lo: 0x0800}, "vlan_vid": {Lo: 0x1064}, "vlan_pcp": {Lo: 5},
		"ip_dscp": {Lo: 46}, "ip_ecn": {Lo: 2}, "ip_proto": {Lo: 6}, "ipv4_src": {Lo: 0x0a000001}, "ipv4_dst": {Lo: 0x0a000002},
		"tcp_src": {Lo: 1}, "tcp_dst": {Lo: 2}, "udp_src": {Lo: 3}, "udp_dst": {Lo: 4}, "sctp_src": {Lo: 5}, "sctp_dst": {Lo: 6},
		"icmpv4_type": {Lo: 7}, "icmpv4_code": {Lo: 8}, "arp_op": {Lo: 2}, "arp_spa": {Lo: 0x0a000003}, "arp_tpa": {Lo: 0x0a000004},
		"arp_sha": {Lo: testMAC}, "arp_tha": {Lo: testMAC}, "ipv6_src": {Hi: testNet6, Lo: 1}, "ipv6_dst": {Hi: testNet6, Lo: 2},
		"ipv6_flabel": {Lo: 0x12345}, "icmpv6_type": {Lo: 9}, "icmpv6_code": {Lo: 10}, "ipv6_nd_target": {Hi: testNet6, Lo: 3},
		"ipv6_nd_sll": {Lo: testMAC}, "ipv6_nd_tll": {Lo: testMAC}, "mpls_label": {Lo: 0x54321}, "mpls_tc": {Lo: 3}, "mpls_bos": {Lo: 1},
		"pbb_isid": {Lo: 0xabcdef}, "tunnel_id": {Lo: 0x123456789},
	} {
		msgs["set "+name] = osKenFlow(mk(), apply(SetField{Field: flow.ByName(name).ID, Value: v}))
	}
	ip4, ip6, arp := is(flow.EthType, 0x0800), is(flow.EthType, 0x86dd), is(flow.EthType, 0x0806)
	proto := func(n uint64) func(*flow.Match) { return is(flow.IPProto, n) }
	masked128 := func(id flow.ID, v, mask flow.Value) func(*flow.Match) {
		return func(m *flow.Match) { m.SetMasked(id, v, mask) }
	}
	for name, m := range map[string]flow.Match{
		"in_port": mk(is(flow.InPort, 1)), "in_phy_port": mk(is(flow.InPort, 1), is(flow.InPhyPort, 2)),
		"metadata": mk(is(flow.Metadata, 0x123456789abcdef0)), "metadata masked": mk(masked(flow.Metadata, 0x10, 0xf0)),
		"eth_dst": mk(is(flow.EthDst, testMAC)), "eth_dst masked": mk(masked(flow.EthDst, 1<<40, 1<<40)),
		"eth_src": mk(is(flow.EthSrc, testMAC)), "eth_src masked": mk(masked(flow.EthSrc, 2<<40, 0xffffff000000)),
		"eth_type": mk(is(flow.EthType, 0x88cc)), "vlan_vid": mk(is(flow.VLANVID, 0x1064)), "vlan_vid none": mk(is(flow.VLANVID, 0)),
		"vlan_vid any": mk(masked(flow.VLANVID, 0x1000, 0x1000)), "vlan_pcp": mk(is(flow.VLANVID, 0x1064), is(flow.VLANPCP, 5)),
		"ip_dscp": mk(ip4, is(flow.IPDSCP, 46)), "ip_ecn": mk(ip6, is(flow.IPECN, 2)), "ip_proto": mk(ip4, proto(6)),
		"ipv4":        mk(ip4, is(flow.IPv4Src, 0x0a000001), is(flow.IPv4Dst, 0x0a000002)),
		"ipv4 masked": mk(ip4, masked(flow.IPv4Src, 0x0a000000, 0xff000000), masked(flow.IPv4Dst, 2, 0xff)),
		"tcp":         mk(ip4, proto(6), is(flow.TCPSrc, 1), is(flow.TCPDst, 2)),
		"udp":         mk(ip6, proto(17), is(flow.UDPSrc, 3), is(flow.UDPDst, 4)),
		"sctp":        mk(ip4, proto(132), is(flow.SCTPSrc, 5), is(flow.SCTPDst, 6)),
		"icmpv4":      mk(ip4, proto(1), is(flow.ICMPv4Type, 7), is(flow.ICMPv4Code, 8)),
		"arp":         mk(arp, is(flow.ARPOp, 2), is(flow.ARPSpa, 0x0a000003), is(flow.ARPTpa, 0x0a000004), is(flow.ARPSha, testMAC), is(flow.ARPTha, testMAC)),
		"arp masked": mk(arp, masked(flow.ARPSpa, 10<<24, 255<<24), masked(flow.ARPTpa, 11<<24, 255<<24),
			masked(flow.ARPSha, 2<<40, 255<<40), masked(flow.ARPTha, 3<<40, 255<<40)),
		"ipv6": mk(ip6, is128(flow.IPv6Src, testNet6, 1), is128(flow.IPv6Dst, testNet6, 2), is(flow.IPv6Flabel, 0x12345)),
		"ipv6 masked": mk(ip6, masked128(flow.IPv6Src, flow.Value{Hi: testNet6}, flow.Value{Hi: 0xffffffff << 32}),
			masked128(flow.IPv6Dst, flow.Value{Lo: 5}, flow.Value{Lo: 0xff}), masked(flow.IPv6Flabel, 0x45, 0xff)),
		"icmpv6":           mk(ip6, proto(58), is(flow.ICMPv6Type, 128), is(flow.ICMPv6Code, 0)),
		"nd solicitation":  mk(ip6, proto(58), is(flow.ICMPv6Type, 135), is128(flow.IPv6NDTarget, testNet6, 3), is(flow.IPv6NDSll, testMAC)),
		"nd advertisement": mk(ip6, proto(58), is(flow.ICMPv6Type, 136), is128(flow.IPv6NDTarget, testNet6, 3), is(flow.IPv6NDTll, testMAC)),
		"mpls":             mk(is(flow.EthType, 0x8847), is(flow.MPLSLabel, 0x54321), is(flow.MPLSTC, 3), is(flow.MPLSBOS, 1)),
		"pbb_isid":         mk(is(flow.EthType, 0x88e7), is(flow.PBBISID, 0xabcdef)), "pbb_isid masked": mk(is(flow.EthType, 0x88e7), masked(flow.PBBISID, 0xab0000, 0xff0000)),
		"tunnel_id": mk(is(flow.TunnelID, 0x123456789)), "tunnel_id masked": mk(masked(flow.TunnelID, 1, 3)),
		"ipv6_exthdr": mk(ip6, is(flow.IPv6Exthdr, 0x41)), "ipv6_exthdr masked": mk(ip6, masked(flow.IPv6Exthdr, 0x40, 0x41)),
	} {
		msgs["match "+name] = osKenFlow(m, Instructions{})
	}
	return msgs
}

// osKenGroups are those about groups and meters, and of ONF extensions.
func osKenGroups() map[string]Message {
	bucket := func(weight uint16, port PortNo, group uint32, actions ...Action) Bucket {
		return Bucket{Weight: weight, WatchPort: port, WatchGroup: group, Actions: actions}
	}
	output := func(p PortNo) Action { return Output{Port: p, MaxLen: ControllerMaxLenMax} }
	bundled := &PortMod{Port: 7, HWAddr: [6]byte{2, 0, 0, 0, 0, 7}}
	return map[string]Message{
		"group mod": &GroupMod{Command: GroupAdd, GroupType: GroupTypeIndirect, GroupID: 1, Buckets: []Bucket{bucket(0, PortAny, GroupAny, output(1))}},
		"group mod, all": &GroupMod{Command: GroupModify, GroupType: GroupTypeAll, GroupID: 2, Buckets: []Bucket{
			bucket(0, PortAny, GroupAny, PushVLAN{EtherType: 0x8100}, SetField{Field: flow.VLANVID, Value: flow.Value{Lo: 0x1064}}, output(1)),
			bucket(0, PortAny, GroupAny, Group{GroupID: 3}),
			bucket(0, PortAny, GroupAny),
		}},
		"group mod, select": &GroupMod{Command: GroupAdd, GroupType: GroupTypeSelect, GroupID: 3, Buckets: []Bucket{
			bucket(70, PortAny, GroupAny, output(1)), bucket(30, PortAny, GroupAny, output(2)),
		}},
		"group mod, fast failover": &GroupMod{Command: GroupAdd, GroupType: GroupTypeFastFailover, GroupID: 4, Buckets: []Bucket{
			bucket(0, 1, GroupAny, output(1)), bucket(0, PortAny, 3, Group{GroupID: 3}),
		}},
		"group mod, delete": &GroupMod{Command: GroupDelete, GroupType: GroupTypeSelect, GroupID: GroupAll},
		"meter mod":         &MeterMod{Command: MeterAdd, Flags: MeterFlagKBPS, MeterID: 1, Bands: []MeterBand{{Type: MeterBandDrop, Rate: 1000, BurstSize: 10}}},
		"meter mod, two bands": &MeterMod{Command: MeterModify, Flags: MeterFlagPKTPS | MeterFlagBurst | MeterFlagStats, MeterID: MeterMax, Bands: []MeterBand{
			{Type: MeterBandDSCPRemark, Rate: 500, BurstSize: 50, PrecLevel: 2}, {Type: MeterBandDrop, Rate: 1000, BurstSize: 100},
		}},
		"meter mod, delete": &MeterMod{Command: MeterDelete, MeterID: MeterAll},
		"bundle open":       &BundleControl{BundleID: 7, Op: BundleOpenRequest, Flags: BundleAtomic},
		"bundle commit":     &BundleControl{BundleID: 7, Op: BundleCommitRequest, Flags: BundleAtomic | BundleOrdered},
		"bundle add":        NewBundleAdd(7, BundleAtomic, sampleXID, bundled),
		"flow monitor request": &MultipartRequest{Kind: MultipartExperimenter, Body: &FlowMonitors{Experimenter: ExperimenterONF, Monitors: []FlowMonitor{
			{ID: 1, Flags: flowMonitorFlagsAll, OutPort: PortAny, Table: TableAll},
			{ID: 2, Flags: FlowMonitorAdd, OutPort: 4, Table: 5, Match: mk(is(flow.InPort, 3), is(flow.EthType, 0x0800))},
		}}},
	}
}

// An encoder that is not ours: what os-ken sends is read as what it means, and
// we send the same bytes for it.
func TestOSKen(t *testing.T) {
	msgs, names := osKen(t)
	want := osKenMessages()
	if len(want) != len(names) {
		t.Errorf("osken.txt has %d messages, the table %d", len(names), len(want))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			b, w := msgs[name], want[name]
			if w == nil {
				t.Fatal("not in the table")
			}
			_, m, err := decodeAll(b)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(m, w) {
				t.Errorf("decoded\n%+v want\n%+v", m, w)
			}
			if name == "flow monitor request" {
				return // its matches have no header, as extension 187 has it and Open vSwitch has not
			}
			if got := Encode(sampleXID, w); !bytes.Equal(got, b) {
				t.Errorf("encoded\n%s want\n%s", hex.Dump(got), hex.Dump(b))
			}
		})
	}
}

// osken.txt is what its script prints.
func TestIntegrationOSKenFile(t *testing.T) {
	python := testutil.NeedOSKen(t)
	got, err := exec.Command(python, "-B", "../testdata/ofp/osken_encode.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../testdata/ofp/osken.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("osken_encode.py prints\n%s\nosken.txt has\n%s", got, want)
	}
}
