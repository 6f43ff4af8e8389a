package ofp

import "ofswitch/flow"

func sampleBuckets() []Bucket {
	return []Bucket{
		{Weight: 50, WatchPort: PortAny, WatchGroup: GroupAny, Actions: []Action{
			PushVLAN{EtherType: 0x8100}, SetField{Field: flow.VLANVID, Value: flow.Value{Lo: 0x1064}}, Output{Port: 1},
		}},
		{WatchPort: 3, WatchGroup: 4},
		{Weight: 0xffff, WatchPort: PortAny, WatchGroup: GroupAny, Actions: []Action{Group{GroupID: 9}}},
	}
}

const sampleBucketsWire = `
	0038 0032 ffffffff ffffffff 00000000
	  0011 0008 8100 0000                     # push_vlan
	  0019 0010 80000c02 1064 00*6            # set vlan_vid
	  0000 0010 00000001 0000 00*6            # output 1
	0010 0000 00000003 00000004 00000000    # watches
	0018 ffff ffffffff ffffffff 00000000
	  0016 0008 00000009                      # group
`

func sampleBands() []MeterBand {
	return []MeterBand{
		{Type: MeterBandDrop, Rate: 1000, BurstSize: 100},
		{Type: MeterBandDSCPRemark, Rate: 500, BurstSize: 50, PrecLevel: 2},
	}
}

const sampleBandsWire = `
	0001 0010 000003e8 00000064 00000000        # drop
	0002 0010 000001f4 00000032 02 000000       # remark
`

// groupSamples has what groups, meters and queues have.
func groupSamples() []sample {
	return []sample{
		{"group mod", &GroupMod{Command: GroupModify, GroupType: GroupTypeSelect, GroupID: 7, Buckets: sampleBuckets()}, `
			04 0f 0070 11223344
			0001 01 00 00000007` + sampleBucketsWire},
		{"group mod, delete all", &GroupMod{Command: GroupDelete, GroupID: GroupAll}, `04 0f 0010 11223344 0002 00 00 fffffffc`},
		{"group request", &MultipartRequest{Kind: MultipartGroup, Body: &GroupStatsRequest{GroupID: GroupAll}}, `
			04 12 0018 11223344 0006 0000 00000000 fffffffc 00000000`},
		{"group reply", &MultipartReply{Kind: MultipartGroup, Flags: MultipartMore, Entries: []MultipartBody{
			&GroupStats{GroupID: 1, RefCount: 2, PacketCount: 3, ByteCount: 4, DurationSec: 5, DurationNsec: 6, Buckets: []BucketStats{{7, 8}, {9, ^uint64(0)}}},
			&GroupStats{GroupID: 0xffffff00},
		}}, `
			04 13 0080 11223344
			0006 0001 00000000
			0048 0000 00000001 00000002 00000000
			0000000000000003 0000000000000004 00000005 00000006
			0000000000000007 0000000000000008 0000000000000009 ff*8
			0028 0000 ffffff00 00000000 00000000
			00*8 00*8 00000000 00000000`},
		{"group desc request", &MultipartRequest{Kind: MultipartGroupDesc}, `04 12 0010 11223344 0007 0000 00000000`},
		{"group desc reply", &MultipartReply{Kind: MultipartGroupDesc, Entries: []MultipartBody{
			&GroupDesc{GroupType: GroupTypeFastFailover, GroupID: 5, Buckets: sampleBuckets()},
			&GroupDesc{GroupType: GroupTypeAll, GroupID: 6},
		}}, `
			04 13 0080 11223344
			0007 0000 00000000
			0068 03 00 00000005` + sampleBucketsWire + `
			0008 00 00 00000006`},
		{"group features request", &MultipartRequest{Kind: MultipartGroupFeatures}, `04 12 0010 11223344 0008 0000 00000000`},
		{"group features reply", &MultipartReply{Kind: MultipartGroupFeatures, Entries: []MultipartBody{&GroupFeatures{
			Types:        1<<GroupTypeAll | 1<<GroupTypeSelect | 1<<GroupTypeIndirect | 1<<GroupTypeFastFailover,
			Capabilities: GroupCapSelectWeight | GroupCapChaining | GroupCapChainingChecks,
			MaxGroups:    [4]uint32{1, 2, 3, 4}, Actions: [4]uint32{0x3ff8001, 6, 7, 8},
		}}}, `
			04 13 0038 11223344
			0008 0000 00000000
			0000000f 0000000d
			00000001 00000002 00000003 00000004
			03ff8001 00000006 00000007 00000008`},

		{"meter mod", &MeterMod{Command: MeterModify, Flags: MeterFlagKBPS | MeterFlagBurst | MeterFlagStats, MeterID: 7, Bands: sampleBands()}, `
			04 1d 0030 11223344
			0001 000d 00000007` + sampleBandsWire},
		{"meter mod without bands", &MeterMod{Command: MeterAdd, Flags: MeterFlagPKTPS, MeterID: MeterController}, `04 1d 0010 11223344 0000 0002 fffffffe`},
		{"meter mod, delete all", &MeterMod{Command: MeterDelete, MeterID: MeterAll}, `04 1d 0010 11223344 0002 0000 ffffffff`},
		{"meter request", &MultipartRequest{Kind: MultipartMeter, Body: &MeterRequest{MeterID: MeterAll}}, `
			04 12 0018 11223344 0009 0000 00000000 ffffffff 00000000`},
		{"meter reply", &MultipartReply{Kind: MultipartMeter, Entries: []MultipartBody{
			&MeterStats{MeterID: 1, FlowCount: 2, PacketInCount: 3, ByteInCount: 4, DurationSec: 5, DurationNsec: 6, Bands: []MeterBandStats{{7, 8}, {9, 10}}},
			&MeterStats{MeterID: MeterSlowpath},
		}}, `
			04 13 0080 11223344
			0009 0000 00000000
			00000001 0048 00*6 00000002
			0000000000000003 0000000000000004 00000005 00000006
			0000000000000007 0000000000000008 0000000000000009 000000000000000a
			fffffffd 0028 00*6 00000000
			00*8 00*8 00000000 00000000`},
		{"meter config request", &MultipartRequest{Kind: MultipartMeterConfig, Body: &MeterRequest{MeterID: 3}}, `
			04 12 0018 11223344 000a 0000 00000000 00000003 00000000`},
		{"meter config reply", &MultipartReply{Kind: MultipartMeterConfig, Entries: []MultipartBody{
			&MeterConfig{Flags: MeterFlagPKTPS, MeterID: 1, Bands: sampleBands()},
			&MeterConfig{Flags: MeterFlagKBPS, MeterID: 2},
		}}, `
			04 13 0040 11223344
			000a 0000 00000000
			0028 0002 00000001` + sampleBandsWire + `
			0008 0001 00000002`},
		{"meter config reply, experimenter's bands", &MultipartReply{Kind: MultipartMeterConfig, Entries: []MultipartBody{
			&MeterConfig{Flags: MeterFlagKBPS, MeterID: 1, Bands: []MeterBand{
				{Type: MeterBandExperimenter, Rate: 1, BurstSize: 2, Experimenter: 0x2320, Data: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
				{Type: MeterBandExperimenter, Rate: 3, BurstSize: 4, Experimenter: 5},
			}},
		}}, `
			04 13 0040 11223344
			000a 0000 00000000
			0030 0001 00000001
			ffff 0018 00000001 00000002 00002320 0102030405060708
			ffff 0010 00000003 00000004 00000005`},
		{"meter features request", &MultipartRequest{Kind: MultipartMeterFeatures}, `04 12 0010 11223344 000b 0000 00000000`},
		{"meter features reply", &MultipartReply{Kind: MultipartMeterFeatures, Entries: []MultipartBody{&MeterFeatures{
			MaxMeters: 262144, BandTypes: 1<<MeterBandDrop | 1<<MeterBandDSCPRemark, Capabilities: 0xf, MaxBands: 8, MaxColor: 3,
		}}}, `
			04 13 0020 11223344
			000b 0000 00000000
			00040000 00000006 0000000f 08 03 0000`},

		{"queue request", &MultipartRequest{Kind: MultipartQueue, Body: &QueueStatsRequest{Port: PortAny, QueueID: QueueAll}}, `
			04 12 0018 11223344 0005 0000 00000000 ffffffff ffffffff`},
		{"queue reply", &MultipartReply{Kind: MultipartQueue, Entries: []MultipartBody{
			&QueueStats{Port: 1, QueueID: 2, TxBytes: 3, TxPackets: 4, TxErrors: 5, DurationSec: 6, DurationNsec: 7},
			&QueueStats{Port: PortLocal},
		}}, `
			04 13 0060 11223344
			0005 0000 00000000
			00000001 00000002 0000000000000003 0000000000000004 0000000000000005 00000006 00000007
			fffffffe 00*36`},
		{"queue get config request", &QueueGetConfigRequest{Port: 1}, `04 16 0010 11223344 00000001 00000000`},
		{"queue get config reply", &QueueGetConfigReply{Port: PortAny, Queues: []PacketQueue{
			{QueueID: 1, Port: 2, Properties: []QueueProperty{{Type: QueueMinRate, Rate: 100}, {Type: QueueMaxRate, Rate: QueueRateUnset}}},
			{QueueID: 3, Port: PortLocal},
		}}, `
			04 17 0050 11223344
			ffffffff 00000000
			00000001 00000002 0030 00*6
			  0001 0010 00000000 0064 00*6            # min_rate
			  0002 0010 00000000 ffff 00*6            # max_rate
			00000003 fffffffe 0010 00*6`},
		{"queue get config reply, other properties", &QueueGetConfigReply{Port: 1, Queues: []PacketQueue{
			{QueueID: 1, Port: 1, Properties: []QueueProperty{
				{Type: QueueExperimenter, Experimenter: 0x2320, Data: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
				{Type: 9, Data: []byte{1, 0, 0, 0, 0, 0, 0, 0}},
			}},
		}}, `
			04 17 0048 11223344
			00000001 00000000
			00000001 00000001 0038 00*6
			  ffff 0018 00000000 00002320 00000000 0102030405060708
			  0009 0010 00000000 01 00*7`},
	}
}
