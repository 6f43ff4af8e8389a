package bridge

import (
	"slices"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// fewTables is a request for tables 0 and 1 that can do little: table 0 holds two
// entries, must match in_port, and matches and sets eth_dst without a mask.
func fewTables(change ...func(table0 *ofp.TableFeatures)) *ofp.MultipartRequest {
	ids := func(types ...int) (list []ofp.FeatureID) {
		for _, t := range types {
			list = append(list, ofp.FeatureID{Type: uint16(t)})
		}
		return list
	}
	oxm := func(list ...flow.ID) (fields []ofp.OXMID) {
		for _, id := range list {
			fields = append(fields, ofp.FieldID(id.Field(), false))
		}
		return fields
	}
	table := func(id ofp.TableID, next ...ofp.TableID) *ofp.TableFeatures {
		return &ofp.TableFeatures{Table: id, MetadataWrite: 0xff, MaxEntries: 2, Properties: []ofp.TableProperty{
			{Type: ofp.TableInstructions, IDs: ids(ofp.InstrGotoTable, ofp.InstrWriteMetadata, ofp.InstrApplyActions)},
			{Type: ofp.TableNextTables, Tables: next},
			{Type: ofp.TableWriteActions},
			{Type: ofp.TableApplyActions, IDs: ids(int(ofp.ActionOutput), int(ofp.ActionSetField))},
			{Type: ofp.TableMatch, Fields: oxm(flow.InPort, flow.EthDst)},
			{Type: ofp.TableWildcards, Fields: oxm(flow.EthDst)},
			{Type: ofp.TableWriteSetField},
			{Type: ofp.TableApplySetField, Fields: oxm(flow.EthDst)},
		}}
	}
	tables := ofp.TableFeaturesRequest{table(0, 1), table(1)}
	for _, c := range change {
		c(tables[0])
	}
	return &ofp.MultipartRequest{Kind: ofp.MultipartTableFeatures, Body: tables}
}

// featureRefusals are what table features bring with them. They come last: each
// sets the tables anew, and none sets them back.
func featureRefusals() []refusal {
	few := []ofp.Message{fewTables(), flowOf("in_port=1,actions=output:2")}
	full := append(slices.Clone(few), flowOf("in_port=2,actions=output:1"))
	flowMod := func(s string) []byte { return encoded(flowOf(s)) }
	property := func(p ofp.TableProperty) []byte {
		return encoded(fewTables(func(f *ofp.TableFeatures) { f.Properties = append(f.Properties, p) }))
	}
	rows := []refusal{
		{ofp.FlowModFailedBadTableID, "table that was taken away", few, flowMod("table=2,actions=drop"), nil},
		{ofp.FlowModFailedTableFull, "more than max_entries", full, flowMod("in_port=3,actions=drop"), nil},
		{ofp.BadRequestBadTableID, "statistics of a table that was taken away", few, multipartRaw(ofp.MultipartFlow, "02 000000 ffffffff ffffffff 00000000 0000000000000000 0000000000000000"+matchHex("")), nil},
		{ofp.TableModFailedBadTable, "table that was taken away", few, rawMsg(ofp.TypeTableMod, "02 000000 00000000"), nil},

		{ofp.BadInstructionUnsupInst, "instruction that is not in the features", few, flowMod("in_port=1,actions=clear_actions"), nil},
		{ofp.BadInstructionBadTableID, "GOTO_TABLE to a table that was taken away", few, flowMod("in_port=1,actions=goto_table:2"), nil},
		{ofp.BadInstructionUnsupMetadataMask, "mask of metadata bits that are not in the features", few, flowMod("in_port=1,actions=write_metadata:0x1/0x101"), nil},
		{ofp.BadInstructionUnsupMetadata, "metadata bits that are not in the features", few, flowRaw("80000004 00000001", "0002 0018 00000000 0000000000000101 00000000000000ff"), nil},
		{ofp.BadActionBadType, "action that is not in the features", few, flowMod("in_port=1,actions=push_vlan:0x8100"), nil},
		{ofp.BadActionBadSetType, "field to set that is not in the features", few, flowMod("in_port=1,actions=set_field:02:00:00:00:00:01->eth_src"), nil},
		{ofp.BadMatchBadField, "field to match that is not in the features", few, flowMod("in_port=1,dl_src=02:00:00:00:00:01,actions=drop"), nil},
		{ofp.BadMatchBadMask, "mask that is not in the features", few, flowMod("in_port=1,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions=drop"), nil},
		{ofp.BadMatchBadWildcards, "field that may not be left out", few, flowMod("actions=drop"), nil},

		{ofp.TableFeaturesFailedBadTable, "features of table 254", few, encoded(fewTables(func(f *ofp.TableFeatures) { f.Table = 254 })), nil},
		{ofp.TableFeaturesFailedBadTable, "features of one table twice", few, encoded(fewTables(func(f *ofp.TableFeatures) { f.Table = 1 })), nil},
		{ofp.TableFeaturesFailedBadType, "property of an experimenter", few, property(ofp.TableProperty{Type: ofp.TableExperimenter, Experimenter: 0xabcdef}), nil},
		{ofp.TableFeaturesFailedBadArgument, "property twice", few, property(ofp.TableProperty{Type: ofp.TableNextTables}), nil},
		{ofp.TableFeaturesFailedBadArgument, "instruction that there is not", few, property(ofp.TableProperty{Type: ofp.TableInstructionsMiss, IDs: []ofp.FeatureID{{Type: 7}}}), nil},
		{ofp.TableFeaturesFailedBadArgument, "more entries than the switch holds", few, encoded(fewTables(func(f *ofp.TableFeatures) { f.MaxEntries = 1 << 31 })), nil},
	}
	var open []ofp.Message
	for range 16 {
		open = append(open, &ofp.MultipartRequest{Kind: ofp.MultipartTable, Flags: ofp.MultipartMore})
	}
	return append(rows, refusal{ofp.BadRequestMultipartBufferOverflow, "more unfinished requests than are kept", open,
		encoded(&ofp.MultipartRequest{Kind: ofp.MultipartTable, Flags: ofp.MultipartMore}), nil})
}
