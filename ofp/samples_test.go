package ofp

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ofswitch/flow"
)

// wire reads annotated bytes: hexadecimal in groups, "xx*n" for n times the
// same byte, a comment from # to the end of the line.
func wire(t testing.TB, s string) []byte {
	t.Helper()
	var b []byte
	for _, line := range strings.Split(s, "\n") {
		line, _, _ = strings.Cut(line, "#")
		for _, word := range strings.Fields(line) {
			word, times, repeated := strings.Cut(word, "*")
			n := 1
			if repeated {
				var err error
				if n, err = strconv.Atoi(times); err != nil {
					t.Fatal(err)
				}
			}
			part, err := hex.DecodeString(word)
			if err != nil {
				t.Fatalf("%q: %v", word, err)
			}
			for range n {
				b = append(b, part...)
			}
		}
	}
	return b
}

// sample is one message in both forms, with transaction id 0x11223344.
type sample struct {
	name string
	msg  Message
	wire string
}

const sampleXID = 0x11223344

// mk makes a match of pairs id, value and triples id, value, mask given as
// setter functions.
func mk(set ...func(*flow.Match)) (m flow.Match) {
	for _, f := range set {
		f(&m)
	}
	return m
}

func is(id flow.ID, v uint64) func(*flow.Match) {
	return func(m *flow.Match) { m.Set(id, flow.Value{Lo: v}) }
}

func is128(id flow.ID, hi, lo uint64) func(*flow.Match) {
	return func(m *flow.Match) { m.Set(id, flow.Value{Hi: hi, Lo: lo}) }
}

func masked(id flow.ID, v, mask uint64) func(*flow.Match) {
	return func(m *flow.Match) { m.SetMasked(id, flow.Value{Lo: v}, flow.Value{Lo: mask}) }
}

func samplePort() PortDesc {
	return PortDesc{
		Port: 7, HWAddr: [6]byte{2, 0, 0, 0, 0, 7}, Name: "eth7",
		Config: PortConfigNoFwd, State: PortStateLive,
		Curr: 0x2820, Advertised: 1, Supported: 2, Peer: 3, CurrSpeed: 10000000, MaxSpeed: 20000000,
	}
}

const samplePortWire = `
	00000007 00000000
	020000000007 0000
	65746837 00*12          # "eth7"
	00000020 00000004       # NO_FWD, LIVE
	00002820 00000001 00000002 00000003
	00989680 01312d00
`

// allInstructions has every instruction, in another order than that of
// execution.
func allInstructions() Instructions {
	return Instructions{
		Has: 1<<InstrClearActions | 1<<InstrApplyActions | 1<<InstrWriteActions |
			1<<InstrGotoTable | 1<<InstrWriteMetadata | 1<<InstrMeter,
		Order: [6]uint8{InstrClearActions, InstrApplyActions, InstrWriteActions, InstrGotoTable, InstrWriteMetadata, InstrMeter},
		Meter: 9,
		Apply: []Action{
			Output{Port: PortController, MaxLen: ControllerNoBuffer},
			CopyTTLOut{}, CopyTTLIn{}, SetMPLSTTL{TTL: 64}, DecMPLSTTL{},
			PushVLAN{EtherType: 0x88a8}, PopVLAN{}, PushMPLS{EtherType: 0x8847}, PopMPLS{EtherType: 0x0800},
			SetQueue{QueueID: 5}, Group{GroupID: 6}, SetNwTTL{TTL: 63}, DecNwTTL{},
			SetField{Field: flow.EthDst, Value: flow.Value{Lo: 0x020000000001}},
			SetField{Field: flow.VLANVID, Value: flow.Value{Lo: 0x1064}},
			SetField{Field: flow.IPv6Dst, Value: flow.Value{Hi: 0x20010db800000000, Lo: 0x02}},
			PushPBB{EtherType: 0x88e7}, PopPBB{},
		},
		Write:    []Action{Output{Port: 2}},
		Metadata: 0x0102030405060708, MetadataMask: 0xffffffff00000000,
		Goto: 253,
	}
}

const allInstructionsWire = `
	0005 0008 00000000                      # clear
	0004 00c0 00000000                      # apply
	  0000 0010 fffffffd ffff 00*6            # output CONTROLLER
	  000b 0008 00000000                      # copy_ttl_out
	  000c 0008 00000000                      # copy_ttl_in
	  000f 0008 40 000000                     # set_mpls_ttl
	  0010 0008 00000000                      # dec_mpls_ttl
	  0011 0008 88a8 0000                     # push_vlan
	  0012 0008 00000000                      # pop_vlan
	  0013 0008 8847 0000                     # push_mpls
	  0014 0008 0800 0000                     # pop_mpls
	  0015 0008 00000005                      # set_queue
	  0016 0008 00000006                      # group
	  0017 0008 3f 000000                     # set_nw_ttl
	  0018 0008 00000000                      # dec_nw_ttl
	  0019 0010 80000606 020000000001 0000    # set eth_dst
	  0019 0010 80000c02 1064 00*6            # set vlan_vid
	  0019 0018 80003610 20010db8 00*11 02    # set ipv6_dst
	  001a 0008 88e7 0000                     # push_pbb
	  001b 0008 00000000                      # pop_pbb
	0003 0018 00000000                      # write
	  0000 0010 00000002 0000 00*6            # output 2
	0001 0008 fd 000000                     # goto
	0002 0018 00000000                      # write_metadata
	  0102030405060708 ffffffff00000000
	0006 0008 00000009                      # meter
`

// everyTableProperty has each type, and each kind of id.
func everyTableProperty() []TableProperty {
	ids := func(types ...uint16) (list []FeatureID) {
		for _, t := range types {
			list = append(list, FeatureID{Type: t})
		}
		return list
	}
	field := func(id flow.ID, hasMask bool) OXMID { return FieldID(id.Field(), hasMask) }
	return []TableProperty{
		{Type: TableInstructions, IDs: ids(InstrGotoTable, InstrApplyActions)},
		{Type: TableInstructionsMiss, IDs: []FeatureID{{Type: InstrExperimenter, Experimenter: 0x2320}, {Type: InstrMeter}}},
		{Type: TableNextTables, Tables: []TableID{4, 5, 6, 7, 8}},
		{Type: TableNextTablesMiss},
		{Type: TableWriteActions, IDs: ids(uint16(ActionOutput), uint16(ActionGroup), uint16(ActionSetField))},
		{Type: TableWriteActionsMiss, IDs: []FeatureID{{Type: uint16(ActionExperimenter), Experimenter: 0x2320}}},
		{Type: TableApplyActions, IDs: ids(uint16(ActionPopPBB))},
		{Type: TableApplyActionsMiss, IDs: ids(uint16(ActionOutput))},
		{Type: TableMatch, Fields: []OXMID{
			field(flow.InPort, false), field(flow.EthDst, true), field(flow.IPv6Dst, true),
			{Class: flow.ClassExperiment, Number: 42, Length: 6, Experimenter: 0x4f4e4600},
			{Class: 0x8001, Number: 1, HasMask: true},
		}},
		{Type: TableWildcards, Fields: []OXMID{field(flow.EthDst, false)}},
		{Type: TableWriteSetField, Fields: []OXMID{field(flow.MPLSLabel, false)}},
		{Type: TableWriteSetFieldMiss},
		{Type: TableApplySetField, Fields: []OXMID{field(flow.VLANVID, false), field(flow.PBBISID, false)}},
		{Type: TableApplySetFieldMiss, Fields: []OXMID{field(flow.VLANVID, false)}},
		{Type: TableExperimenter, Experimenter: 0x2320, ExpType: 1, Data: []byte{1, 2, 3}},
		{Type: TableExperimenterMiss, Experimenter: 0x2320, ExpType: 2},
	}
}

const everyTablePropertyWire = `
	0000 000c 0001 0004 0004 0004 00*4          # instructions
	0001 0010 ffff 0008 00002320 0006 0004      # and of a miss
	0002 0009 04 05 06 07 08 00*7               # next tables
	0003 0004 00*4
	0004 0010 0000 0004 0016 0004 0019 0004     # write-actions
	0005 000c ffff 0008 00002320 00*4
	0006 0008 001b 0004                         # apply-actions
	0007 0008 0000 0004
	0008 001c 80000004 8000070c 80003720 ffff5406 4f4e4600 80010300 00*4  # match
	000a 0008 80000606                          # wildcards
	000c 0008 80004404                          # write-setfield
	000d 0004 00*4
	000e 000c 80000c02 80004a03 00*4            # apply-setfield
	000f 0008 80000c02
	fffe 000f 00002320 00000001 010203 00       # experimenter
	ffff 000c 00002320 00000002 00*4
`

// samples has every message of the package, each at least once.
func samples() []sample {
	return slices.Concat(plainSamples(), groupSamples(), roleSamples(), experimenterSamples())
}

func plainSamples() []sample {
	return []sample{
		{"hello", &Hello{}, `04 00 0008 11223344`},
		{"hello with version bitmap", &Hello{Versions: []uint32{0x12}}, `
			04 00 0010 11223344
			0001 0008 00000012      # VERSIONBITMAP 1.0, 1.3`},
		{"hello with two bitmap words", &Hello{Versions: []uint32{0x10, 0x1}}, `
			04 00 0018 11223344
			0001 000c 00000010 00000001 00000000  # the element's padding`},
		{"error", &ErrorMsg{ErrType: ErrBadMatch, Code: 9, Data: []byte{4, 14, 0, 8, 1, 2, 3, 4}}, `
			04 01 0014 11223344
			0004 0009               # BAD_MATCH, BAD_PREREQ
			040e000801020304        # the request`},
		{"echo request", &EchoRequest{Data: []byte("abc")}, `04 02 000b 11223344 616263`},
		{"echo request without data", &EchoRequest{}, `04 02 0008 11223344`},
		{"echo reply", &EchoReply{Data: []byte("abc")}, `04 03 000b 11223344 616263`},
		{"features request", &FeaturesRequest{}, `04 05 0008 11223344`},
		{"features reply", &FeaturesReply{DatapathID: 0xabcdef, NumBuffers: 256, NumTables: 254, AuxiliaryID: 1, Capabilities: CapFlowStats | CapTableStats | CapPortStats}, `
			04 06 0020 11223344
			0000000000abcdef
			00000100                # buffers
			fe 01 0000              # tables, auxiliary
			00000007 00000000`},
		{"get config request", &GetConfigRequest{}, `04 07 0008 11223344`},
		{"get config reply", &GetConfigReply{Flags: FragDrop, MissSendLen: 128}, `04 08 000c 11223344 0001 0080`},
		{"set config", &SetConfig{Flags: FragReasm, MissSendLen: 0xffff}, `04 09 000c 11223344 0002 ffff`},
		{"packet in", &PacketIn{
			BufferID: NoBuffer, TotalLen: 60, Reason: PacketInAction, Table: 3, Cookie: 0x1122334455667788,
			Match: mk(is(flow.InPort, 1), is(flow.Metadata, 5)), Data: []byte{1, 2, 3, 4, 5},
		}, `
			04 0a 0037 11223344
			ffffffff 003c 01 03     # buffer, total length, reason, table
			1122334455667788
			0001 0018               # match
			  80000004 00000001       # in_port
			  80000408 0000000000000005 # metadata
			0000
			0102030405`},
		{"flow removed", &FlowRemoved{
			Cookie: 1, Priority: 2, Reason: RemovedHard, Table: 3, DurationSec: 4, DurationNsec: 5,
			IdleTimeout: 6, HardTimeout: 7, PacketCount: 8, ByteCount: 9, Match: mk(is(flow.EthType, 0x0806)),
		}, `
			04 0b 0040 11223344
			0000000000000001
			0002 01 03 00000004 00000005 0006 0007
			0000000000000008 0000000000000009
			0001 000a 80000a02 0806 00*6`},
		{"port status", &PortStatus{Reason: PortModify, Desc: samplePort()}, `
			04 0c 0050 11223344
			02 00*7` + samplePortWire},
		{"packet out", &PacketOut{
			BufferID: NoBuffer, InPort: PortController,
			Actions: []Action{Output{Port: PortFlood}, Output{Port: 3, MaxLen: 9}}, Data: []byte{1, 2, 3},
		}, `
			04 0d 003b 11223344
			ffffffff fffffffd 0020 00*6
			0000 0010 fffffffb 0000 00*6
			0000 0010 00000003 0009 00*6
			010203`},
		{"packet out of a buffer", &PacketOut{BufferID: 7, InPort: 1}, `04 0d 0018 11223344 00000007 00000001 0000 00*6`},
		{"flow mod, table-miss", &FlowMod{
			BufferID: NoBuffer, OutPort: PortAny, OutGroup: GroupAny,
			Instructions: Instructions{Has: 1 << InstrApplyActions, Order: [6]uint8{InstrApplyActions}, Apply: []Action{Output{Port: PortController, MaxLen: 0xffff}}},
		}, `
			04 0e 0050 11223344
			00*8 00*8               # cookie, mask
			00 00 0000 0000 0000    # table, command, timeouts, priority
			ffffffff ffffffff ffffffff
			0000 0000               # flags
			0001 0004 00000000      # match
			0004 0018 00000000
			  0000 0010 fffffffd ffff 00*6`},
		{"flow mod, every instruction and action", &FlowMod{
			Cookie: 0x1111, CookieMask: 0xffff, Table: 1, Command: FlowModifyStrict, IdleTimeout: 10, HardTimeout: 20, Priority: 0x8000,
			BufferID: 3, OutPort: 4, OutGroup: 5, Flags: flowFlagsAll,
			Match:        mk(is(flow.InPort, 1), masked(flow.EthDst, 0x010000000000, 0x010000000000), is(flow.EthType, 0x0800)),
			Instructions: allInstructions(),
		}, `
			04 0e 0160 11223344
			0000000000001111 000000000000ffff
			01 02 000a 0014 8000
			00000003 00000004 00000005
			001f 0000
			0001 0022
			  80000004 00000001                       # in_port
			  8000070c 010000000000 010000000000      # eth_dst, masked
			  80000a02 0800                           # eth_type
			  00*6` + allInstructionsWire},
		{"flow mod, empty apply", &FlowMod{
			Command: FlowDelete, Table: TableAll, BufferID: NoBuffer, OutPort: PortAny, OutGroup: GroupAll,
			Instructions: Instructions{Has: 1 << InstrApplyActions, Order: [6]uint8{InstrApplyActions}},
		}, `
			04 0e 0040 11223344
			00*8 00*8
			ff 03 0000 0000 0000
			ffffffff ffffffff fffffffc
			0000 0000
			0001 0004 00000000
			0004 0008 00000000`},
		{"port mod", &PortMod{Port: 7, HWAddr: [6]byte{2, 0, 0, 0, 0, 7}, Config: PortConfigDown, Mask: PortConfigDown | PortConfigNoFwd, Advertise: 0x20}, `
			04 10 0028 11223344
			00000007 00000000 020000000007 0000
			00000001 00000021 00000020 00000000`},
		{"table mod", &TableMod{Table: TableAll, Config: 3}, `04 11 0010 11223344 ff 000000 00000003`},
		{"barrier request", &BarrierRequest{}, `04 14 0008 11223344`},
		{"barrier reply", &BarrierReply{}, `04 15 0008 11223344`},

		{"desc request", &MultipartRequest{Kind: MultipartDesc}, `04 12 0010 11223344 0000 0000 00000000`},
		{"flow request", &MultipartRequest{Kind: MultipartFlow, Body: &FlowStatsRequest{
			Table: TableAll, OutPort: PortAny, OutGroup: GroupAny, Cookie: 1, CookieMask: 2, Match: mk(is(flow.EthType, 0x86dd), is128(flow.IPv6Src, 0x20010db8<<32, 1)),
		}}, `
			04 12 0050 11223344
			0001 0000 00000000
			ff 000000 ffffffff ffffffff 00000000
			0000000000000001 0000000000000002
			0001 001e 80000a02 86dd 80003410 20010db8 00*11 01 0000`},
		{"aggregate request", &MultipartRequest{Kind: MultipartAggregate, Body: &FlowStatsRequest{Table: 2, OutPort: 3, OutGroup: 4}}, `
			04 12 0038 11223344
			0002 0000 00000000
			02 000000 00000003 00000004 00000000
			00*8 00*8
			0001 0004 00000000`},
		{"table request", &MultipartRequest{Kind: MultipartTable}, `04 12 0010 11223344 0003 0000 00000000`},
		{"port stats request", &MultipartRequest{Kind: MultipartPortStats, Body: &PortStatsRequest{Port: PortAny}}, `
			04 12 0018 11223344 0004 0000 00000000 ffffffff 00000000`},
		{"table features request", &MultipartRequest{Kind: MultipartTableFeatures}, `04 12 0010 11223344 000c 0000 00000000`},
		{"table features request, more to come", &MultipartRequest{Kind: MultipartTableFeatures, Flags: MultipartMore, Body: TableFeaturesRequest{
			{Table: 1, Name: "one", Properties: []TableProperty{{Type: TableNextTables, Tables: []TableID{2, 253}}}},
			{Table: 2, MaxEntries: 5},
		}}, `
			04 12 0098 11223344 000c 0001 00000000
			0048 01 00*5
			6f6e65 00*29
			00*8 00*8 00*8
			0002 0006 02 fd 00 00   # next tables
			0040 02 00*5
			00*32 00*8 00*8 00000000 00000005`},
		{"port desc request", &MultipartRequest{Kind: MultipartPortDesc}, `04 12 0010 11223344 000d 0000 00000000`},

		{"desc reply", &MultipartReply{Kind: MultipartDesc, Entries: []MultipartBody{&Desc{Mfr: "m", HW: "hw", SW: "0.1", Serial: "None", DP: "br0"}}}, `
			04 13 0430 11223344
			0000 0000 00000000
			6d 00*255
			6877 00*254
			302e31 00*253
			4e6f6e65 00*28
			627230 00*253`},
		{"flow reply", &MultipartReply{Kind: MultipartFlow, Flags: MultipartMore, Entries: []MultipartBody{
			&FlowStats{
				Table: 1, DurationSec: 2, DurationNsec: 3, Priority: 4, IdleTimeout: 5, HardTimeout: 6, Flags: FlowSendFlowRem,
				Cookie: 7, PacketCount: 8, ByteCount: 9, Match: mk(masked(flow.VLANVID, 0x1000, 0x1000)), Instructions: allInstructions(),
			},
			&FlowStats{PacketCount: ^uint64(0), ByteCount: ^uint64(0)},
		}}, `
			04 13 0190 11223344
			0001 0001 00000000
			0148 01 00 00000002 00000003 0004 0005 0006 0001 00000000
			0000000000000007 0000000000000008 0000000000000009
			0001 000c 80000d04 1000 1000 00000000` + allInstructionsWire + `
			0038 00 00 00000000 00000000 0000 0000 0000 0000 00000000
			0000000000000000 ff*8 ff*8
			0001 0004 00000000`},
		{"flow reply without entries", &MultipartReply{Kind: MultipartFlow}, `04 13 0010 11223344 0001 0000 00000000`},
		{"aggregate reply", &MultipartReply{Kind: MultipartAggregate, Entries: []MultipartBody{&AggregateStats{PacketCount: 1, ByteCount: 2, FlowCount: 3}}}, `
			04 13 0028 11223344
			0002 0000 00000000
			0000000000000001 0000000000000002 00000003 00000000`},
		{"table reply", &MultipartReply{Kind: MultipartTable, Entries: []MultipartBody{
			&TableStats{Table: 0, ActiveCount: 1, LookupCount: 2, MatchedCount: 3},
			&TableStats{Table: 253, ActiveCount: 4, LookupCount: 5, MatchedCount: 6},
		}}, `
			04 13 0040 11223344
			0003 0000 00000000
			00 000000 00000001 0000000000000002 0000000000000003
			fd 000000 00000004 0000000000000005 0000000000000006`},
		{"port stats reply", &MultipartReply{Kind: MultipartPortStats, Entries: []MultipartBody{&PortStats{
			Port: PortLocal, RxPackets: 1, TxPackets: 2, RxBytes: 3, TxBytes: 4, RxDropped: 5, TxDropped: 6, RxErrors: 7, TxErrors: 8,
			RxFrameErr: 9, RxOverErr: 10, RxCRCErr: 11, Collisions: 12, DurationSec: 13, DurationNsec: 14,
		}}}, `
			04 13 0080 11223344
			0004 0000 00000000
			fffffffe 00000000
			0000000000000001 0000000000000002 0000000000000003 0000000000000004
			0000000000000005 0000000000000006 0000000000000007 0000000000000008
			0000000000000009 000000000000000a 000000000000000b 000000000000000c
			0000000d 0000000e`},
		{"table features reply", &MultipartReply{Kind: MultipartTableFeatures, Entries: []MultipartBody{
			&TableFeatures{
				Table: 3, Name: "acl", MetadataMatch: 0xff, MetadataWrite: 0xf0, Config: 3, MaxEntries: 1000000,
				Properties: everyTableProperty(),
			},
			&TableFeatures{Table: 4},
		}}, `
			04 13 0168 11223344
			000c 0000 00000000
			0118 03 00*5
			61636c 00*29
			00000000000000ff 00000000000000f0
			00000003 000f4240` + everyTablePropertyWire + `
			0040 04 00*5
			00*32 00*8 00*8 00*8`},
		{"port desc reply", &MultipartReply{Kind: MultipartPortDesc, Entries: []MultipartBody{func() *PortDesc { p := samplePort(); return &p }()}}, `
			04 13 0050 11223344
			000d 0000 00000000` + samplePortWire},
	}
}
