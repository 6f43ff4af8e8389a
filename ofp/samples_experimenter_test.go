package ofp

import "ofswitch/flow"

// sampleProperties needs 40 bytes.
func sampleProperties() []Property {
	return []Property{
		{Type: PropertyExperimenter, Experimenter: 0x2320, ExpType: 1, Data: []byte{1, 2, 3}},
		{Type: 7, Data: []byte{4}},
		{Type: PropertyExperimenter, Experimenter: 5, ExpType: 6},
	}
}

const samplePropertiesWire = `
	ffff 000f 00002320 00000001 010203 00
	0007 0005 04 000000
	ffff 000c 00000005 00000006 00*4
`

func sampleMonitors(experimenter uint32) *FlowMonitors {
	return &FlowMonitors{Experimenter: experimenter, Monitors: []FlowMonitor{
		{ID: 1, Flags: flowMonitorFlagsAll, OutPort: PortAny, Table: TableAll},
		{ID: 2, Flags: FlowMonitorDelete, OutPort: PortLocal, Table: 3, Match: mk(is(flow.EthType, 0x0806))},
		{ID: 3, Flags: FlowMonitorAdd, OutPort: 0xfeff},
	}}
}

func sampleUpdates(experimenter uint32) []MultipartBody {
	return []MultipartBody{&FlowUpdates{Experimenter: experimenter, Updates: []FlowUpdate{
		{Event: FlowEventModified, Priority: 1, IdleTimeout: 2, HardTimeout: 3, Table: 4, Cookie: 5, Match: mk(is(flow.EthType, 0x0806)), Instructions: apply(Output{Port: 1})},
		{Event: FlowEventAbbrev, XID: 0x1234},
		{Event: FlowEventDeleted, Reason: RemovedHard},
	}}}
}

// experimenterSamples has the experimenters' messages.
func experimenterSamples() []sample {
	return []sample{
		{"set packet in format", &SetPacketInFormat{Format: PacketInNicira}, `04 04 0014 11223344 00002320 00000010 00000001`},
		{"role status", &RoleStatus{Role: RoleSlave, Reason: RoleStatusMasterRequest, GenerationID: 9}, `
			04 04 0020 11223344 4f4e4600 00000777
			00000003 00 000000 0000000000000009`},
		{"role status with properties", &RoleStatus{Role: RoleEqual, Reason: RoleStatusConfig, Properties: sampleProperties()}, `
			04 04 0048 11223344 4f4e4600 00000777
			00000001 01 000000 0000000000000000` + samplePropertiesWire},
		{"bundle control", &BundleControl{BundleID: 5, Op: BundleCommitRequest, Flags: BundleAtomic | BundleOrdered}, `
			04 04 0018 11223344 4f4e4600 000008fc
			00000005 0004 0003`},
		{"bundle control with properties", &BundleControl{BundleID: 6, Op: BundleDiscardReply, Properties: sampleProperties()}, `
			04 04 0040 11223344 4f4e4600 000008fc
			00000006 0007 0000` + samplePropertiesWire},
		{"bundle add", NewBundleAdd(5, BundleAtomic, sampleXID, &PortMod{Port: 7}), `
			04 04 0040 11223344 4f4e4600 000008fd
			00000005 0000 0001
			04 10 0028 11223344 00000007 00*28`},
		{"bundle add with properties", &BundleAdd{BundleID: 5, Flags: BundleOrdered, Message: Encode(sampleXID, &TableMod{Table: 1}), Properties: sampleProperties()}, `
			04 04 0050 11223344 4f4e4600 000008fd
			00000005 0000 0002
			04 11 0010 11223344 01 000000 00000000` + samplePropertiesWire},
		{"flow monitor cancel", &FlowMonitorCancel{Experimenter: ExperimenterONF, ID: 5}, `04 04 0014 11223344 4f4e4600 0000074e 00000005`},
		{"flow monitor paused", &FlowMonitorPaused{ExperimenterONF}, `04 04 0010 11223344 4f4e4600 0000074f`},
		{"flow monitor resumed", &FlowMonitorResumed{ExperimenterONF}, `04 04 0010 11223344 4f4e4600 00000750`},
		{"flow monitor cancel, Nicira", &FlowMonitorCancel{Experimenter: ExperimenterNicira, ID: 5}, `04 04 0014 11223344 00002320 00000015 00000005`},
		{"flow monitor paused, Nicira", &FlowMonitorPaused{ExperimenterNicira}, `04 04 0010 11223344 00002320 00000016`},
		{"flow monitor resumed, Nicira", &FlowMonitorResumed{ExperimenterNicira}, `04 04 0010 11223344 00002320 00000017`},
		{"flow monitor request", &MultipartRequest{Kind: MultipartExperimenter, Body: sampleMonitors(ExperimenterONF)}, `
			04 12 0068 11223344
			ffff 0000 00000000
			4f4e4600 0000074e
			00000001 003f 0004 ffffffff ff 000000 0001 0004 00000000
			00000002 0004 000a fffffffe 03 000000 0001 000a 80000a02 0806 00*6
			00000003 0002 0004 0000feff 00 000000 0001 0004 00000000`},
		{"flow monitor request, Nicira", &MultipartRequest{Kind: MultipartExperimenter, Body: sampleMonitors(ExperimenterNicira)}, `
			04 12 0050 11223344
			ffff 0000 00000000
			00002320 00000002
			00000001 003f ffff 0000 ff 00*5
			00000002 0004 fffe 0006 03 00*5 80000a02 0806 0000
			00000003 0002 feff 0000 00 00*5`},
		{"flow monitor request without monitors", &MultipartRequest{Kind: MultipartExperimenter, Body: &FlowMonitors{Experimenter: ExperimenterONF}}, `
			04 12 0018 11223344 ffff 0000 00000000 4f4e4600 0000074e`},
		{"flow monitor reply", &MultipartReply{Kind: MultipartExperimenter, Entries: sampleUpdates(ExperimenterONF)}, `
			04 13 0080 11223344
			ffff 0000 00000000
			4f4e4600 0000074e
			0040 0002 0000 0001 0002 0003 000a 04 00 0000000000000005
			  0001 000a 80000a02 0806 00*6
			  0004 0018 00000000 0000 0010 00000001 0000 00*6
			0008 0003 00001234
			0020 0001 0001 0000 0000 0000 0004 00 00 0000000000000000
			  0001 0004 00000000`},
		{"flow monitor reply, Nicira", &MultipartReply{Kind: MultipartExperimenter, Entries: sampleUpdates(ExperimenterNicira)}, `
			04 13 0070 11223344
			ffff 0000 00000000
			00002320 00000002
			0038 0002 0000 0001 0002 0003 0006 04 00 0000000000000005
			  80000a02 0806 0000
			  0004 0018 00000000 0000 0010 00000001 0000 00*6
			0008 0003 00001234
			0018 0001 0001 0000 0000 0000 0000 00 00 0000000000000000`},
		{"flow monitor reply without updates", &MultipartReply{Kind: MultipartExperimenter, Entries: []MultipartBody{&FlowUpdates{Experimenter: ExperimenterONF}}}, `
			04 13 0018 11223344 ffff 0000 00000000 4f4e4600 0000074e`},
	}
}
