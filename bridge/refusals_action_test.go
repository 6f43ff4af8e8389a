package bridge

import (
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// outputHex is an OUTPUT.
func outputHex(port uint32) string { return fmt.Sprintf("0000 0010 %08x ffff 000000000000", port) }

func actionRefusals() []refusal {
	one := func(actions string) []byte { return flowRaw("", applyHex(actions)) }
	on := func(oxm, actions string) []byte { return flowRaw(oxm, applyHex(actions)) }
	write := func(actions string) []byte {
		return flowRaw("", "0003"+fmt.Sprintf("%04x 00000000", 8+len(unhex(actions)))+actions)
	}
	const (
		mplsHex = "80000a02 8847"
		pbbHex  = "80000a02 88e7"
	)
	rows := []refusal{
		{ofp.BadActionBadType, "action 1", nil, one("0001 0008 00000000"), nil},
		{ofp.BadActionBadType, "action 28", nil, one("001c 0008 00000000"), nil},
		{ofp.BadActionBadType, "action 28 in a packet-out", nil, packetOutRaw("fffffffd", "001c 0008 00000000", udpHex), nil},
		{ofp.BadActionBadType, "action 28 in a bucket", nil, groupRaw(ofp.GroupAdd, 0, 1, bucketHex(0, watchNothing, "001c 0008 00000000")), nil},
		{ofp.BadActionBadLen, "action of 4 bytes", nil, one("0012 0004 00000000"), nil},
		{ofp.BadActionBadLen, "action of 12 bytes", nil, one("0012 000c 00000000 00000000 00000000"), nil},
		{ofp.BadActionBadLen, "action longer than its list", nil, one("0012 0010 00000000"), nil},
		{ofp.BadActionBadLen, "OUTPUT of 8 bytes", nil, one("0000 0008 00000001"), nil},
		{ofp.BadActionBadLen, "GROUP of 16 bytes", nil, one("0016 0010 00000001 0000000000000000"), nil},
		{ofp.BadActionBadExperimenter, "action of an unknown experimenter", nil, one("ffff 0010 00abcdef 0000000000000000"), nil},
		{ofp.BadActionBadOutPort, "output to 0", nil, one(outputHex(0)), nil},
		{ofp.BadActionBadOutPort, "output to 0xffffff01", nil, one(outputHex(0xffffff01)), nil},
		{ofp.BadActionBadOutPort, "output to 0xfffffff7", nil, one(outputHex(0xfffffff7)), nil},
		{ofp.BadActionBadOutPort, "output to TABLE in a flow", nil, one(outputHex(uint32(ofp.PortTable))), nil},
		{ofp.BadActionBadOutPort, "output to ANY", nil, write(outputHex(uint32(ofp.PortAny))), nil},
		{ofp.BadActionBadOutPort, "output to 0 in a packet-out", nil, packetOutRaw("fffffffd", outputHex(0), udpHex), nil},
		{ofp.BadActionBadArgument, "PUSH_VLAN 0x9100", nil, one("0011 0008 9100 0000"), nil},
		{ofp.BadActionBadArgument, "PUSH_MPLS 0x0800", nil, one("0013 0008 0800 0000"), nil},
		{ofp.BadActionBadArgument, "PUSH_PBB 0x88a8", nil, one("001a 0008 88a8 0000"), nil},
		{ofp.BadActionBadOutGroup, "group that there is not", nil, one("0016 0008 00000063"), nil},
		{ofp.BadActionBadOutGroup, "group ALL", nil, write("0016 0008 fffffffc"), nil},
		{ofp.BadActionBadOutGroup, "group that there is not, in a packet-out", nil, packetOutRaw("fffffffd", "0016 0008 00000063", udpHex), nil},
		{ofp.BadActionMatchInconsistent, "POP_VLAN of anything", nil, one("0012 0008 00000000"), nil},
		{ofp.BadActionMatchInconsistent, "POP_MPLS of IPv4", nil, on(ipv4Hex, "0014 0008 0800 0000"), nil},
		{ofp.BadActionMatchInconsistent, "POP_PBB of MPLS", nil, on(mplsHex, "001b 0008 00000000"), nil},
		{ofp.BadActionMatchInconsistent, "SET_MPLS_TTL of IPv4", nil, on(ipv4Hex, "000f 0008 40 000000"), nil},
		{ofp.BadActionMatchInconsistent, "DEC_MPLS_TTL of anything", nil, one("0010 0008 00000000"), nil},
		{ofp.BadActionMatchInconsistent, "SET_NW_TTL of ARP", nil, on("80000a02 0806", "0017 0008 40 000000"), nil},
		{ofp.BadActionMatchInconsistent, "DEC_NW_TTL of anything", nil, one("0018 0008 00000000"), nil},
		{ofp.BadActionMatchInconsistent, "DEC_NW_TTL behind PUSH_MPLS", nil, on(ipv4Hex, "0013 0008 8847 0000 0018 0008 00000000"), nil},
		{ofp.BadActionMatchInconsistent, "set-field of UDP_DST in a packet-out of ARP", nil,
			packetOutRaw("fffffffd", "0019 0010 80002002 0001 000000000000", strings.Replace(udpHex, "0800", "0806", 1)), nil},
		{ofp.BadActionMatchInconsistent, "set-field of PBB_ISID behind POP_PBB", nil, on(pbbHex, "001b 0008 00000000 0019 0010 80004a03 000001 0000000000"), nil},
		{ofp.BadActionBadSetType, "field 40", nil, one("0019 0010 80005001 00 00000000000000"), nil},
		{ofp.BadActionBadSetType, "unknown class", nil, one("0019 0010 80010006 020000000001 0000"), nil},
		{ofp.BadActionBadSetLen, "ETH_DST of 4 bytes", nil, one("0019 0010 80000604 02000000 00000000"), nil},
		{ofp.BadActionBadSetLen, "ETH_DST with 8 bytes of padding too many", nil, one("0019 0018 80000606 020000000001 0000 0000000000000000"), nil},
		{ofp.BadActionBadSetArgument, "ETH_DST with a mask", nil, one("0019 0018 8000070c 020000000001 ffffffffffff 00000000"), nil},
		{ofp.BadActionBadSetArgument, "IP_DSCP 64", nil, on(ipv4Hex, "0019 0010 80001001 40 00000000000000"), nil},
		{ofp.BadActionBadSetArgument, "VLAN_VID without OFPVID_PRESENT", nil, on("80000c02 1001", "0019 0010 80000c02 0001 000000000000"), nil},
	}
	for i := range flow.Table {
		f := &flow.Table[i]
		n := (8 + f.Len() + 7) / 8 * 8
		set := fmt.Sprintf("0019 %04x 8000 %02x %02x", n, int(f.ID)<<1, f.Len()) + strings.Repeat("00", n-8)
		if f.ID == flow.VLANVID {
			set = "0019 0010 80000c02 1001 000000000000"
		}
		switch {
		case !f.Writable:
			rows = append(rows, refusal{ofp.BadActionBadSetArgument, f.Name + ", which cannot be set", nil, one(set), nil})
		case f.Prereq != flow.PrereqNone || f.ID == flow.VLANVID:
			rows = append(rows, refusal{ofp.BadActionMatchInconsistent, "set-field of " + f.Name + " of anything", nil, one(set), nil})
		}
	}
	return rows
}

func instructionRefusals() []refusal {
	inst := func(s string) []byte { return flowRaw("", s) }
	return []refusal{
		{ofp.BadInstructionUnknownInst, "instruction 0", nil, inst("0000 0008 00000000"), nil},
		{ofp.BadInstructionUnknownInst, "instruction 7", nil, inst("0007 0008 00000000"), nil},
		{ofp.BadInstructionUnsupInst, "the same instruction twice", nil, inst("0005 0008 00000000 0005 0008 00000000"), nil},
		{ofp.BadInstructionBadTableID, "GOTO_TABLE to its own table", nil, inst("0001 0008 00 000000"), nil},
		{ofp.BadInstructionBadTableID, "GOTO_TABLE to an earlier table", nil, patched(flowOf("add table=5,actions=goto_table:6"), 60, "04"), nil},
		{ofp.BadInstructionBadTableID, "GOTO_TABLE to a table that there is not", nil, inst("0001 0008 fe 000000"), nil},
		{ofp.BadInstructionBadTableID, "GOTO_TABLE to ALL", nil, inst("0001 0008 ff 000000"), nil},
		{ofp.BadInstructionBadExperimenter, "instruction of an unknown experimenter", nil, inst("ffff 0008 00abcdef"), nil},
		{ofp.BadInstructionBadLen, "instruction of 4 bytes", nil, inst("0001 0004 01 000000"), nil},
		{ofp.BadInstructionBadLen, "instruction longer than the message", nil, inst("0004 0018 00000000"), nil},
		{ofp.BadInstructionBadLen, "GOTO_TABLE of 16 bytes", nil, inst("0001 0010 01 000000 0000000000000000"), nil},
		{ofp.BadInstructionBadLen, "CLEAR_ACTIONS with actions", nil, inst("0005 0018 00000000" + outHex), nil},
		{ofp.BadInstructionBadLen, "WRITE_METADATA of 16 bytes", nil, inst("0002 0010 00000000 0000000000000000"), nil},
	}
}

func flowRefusals() []refusal {
	wide := []ofp.Message{flowOf("add priority=7,ip,actions=output:1")}
	add := flowOf("add actions=output:1")
	return []refusal{
		{ofp.FlowModFailedBadTableID, "add to table 254", nil, patched(add, 24, "fe"), nil},
		{ofp.FlowModFailedBadTableID, "add to all tables", nil, patched(add, 24, "ff"), nil},
		{ofp.FlowModFailedBadTableID, "modify in all tables", nil, patched(add, 24, "ff 01"), nil},
		{ofp.FlowModFailedBadTableID, "modify strictly in all tables", nil, patched(add, 24, "ff 02"), nil},
		{ofp.FlowModFailedBadTableID, "delete in table 254", nil, patched(flowOf("delete "), 24, "fe"), nil},
		{ofp.FlowModFailedOverlap, "narrower entry of the same priority", wide, encoded(flowOf("add priority=7,check_overlap,tcp,actions=output:2")), nil},
		{ofp.FlowModFailedOverlap, "crossing entry of the same priority", wide, encoded(flowOf("add priority=7,check_overlap,in_port=1,actions=output:2")), nil},
		{ofp.FlowModFailedOverlap, "identical entry", wide, encoded(flowOf("add priority=7,check_overlap,ip,actions=output:2")), nil},
		{ofp.FlowModFailedBadCommand, "command 5", nil, patched(add, 25, "05"), nil},
		{ofp.FlowModFailedBadCommand, "command 255", nil, patched(add, 25, "ff"), nil},
		{ofp.FlowModFailedBadFlags, "flag 32", nil, patched(add, 44, "0020"), nil},
		{ofp.FlowModFailedBadFlags, "flag 0x8000 of a deletion", wide, patched(flowOf("delete "), 44, "8000"), nil},
	}
}
