package bridge

import (
	"fmt"
	"strings"

	"ofswitch/ofp"
)

// everyFlowHex is the body of a FLOW or AGGREGATE request about a table, before
// its match.
func everyFlowHex(table int) string {
	return fmt.Sprintf("%02x 000000 ffffffff ffffffff 00000000 0000000000000000 0000000000000000", table)
}

// udpHex is an Ethernet frame with UDP over IPv4.
const udpHex = "020000000002 020000000001 0800" +
	"4500 001e 0000 0000 40 11 66cd 0a000001 0a000002" + "03e8 07d0 000a 0000 0102"

// packetOutRaw is a packet-out from a port without a buffer.
func packetOutRaw(in, actions, frame string) []byte {
	return rawMsg(ofp.TypePacketOut, "ffffffff", in, fmt.Sprintf("%04x", len(unhex(actions))), "000000000000", actions, frame)
}

func requestRefusals() []refusal {
	slave := []ofp.Message{&ofp.RoleRequest{Role: ofp.RoleSlave, GenerationID: 1 << 40}}
	rows := []refusal{
		{ofp.BadRequestBadVersion, "version 5 after 4 was negotiated", nil, append([]byte{5}, rawMsg(ofp.TypeBarrierRequest)[1:]...), nil},
		{ofp.BadRequestBadVersion, "version 3 after 4 was negotiated", nil, append([]byte{3}, encoded(flowOf("add actions=output:1"))[1:]...), nil},
		{ofp.BadRequestBadType, "type 30", nil, rawMsg(30), nil},
		{ofp.BadRequestBadType, "type 255", nil, rawMsg(255, "00000000"), nil},
		{ofp.BadRequestBadType, "a second hello", nil, rawMsg(ofp.TypeHello), nil},
		{ofp.BadRequestBadMultipart, "multipart 14", nil, multipartRaw(14, ""), nil},
		{ofp.BadRequestBadMultipart, "multipart 0xfffe", nil, multipartRaw(0xfffe, "00000000"), nil},
		{ofp.BadRequestBadExperimenter, "message of an unknown experimenter", nil, rawMsg(ofp.TypeExperimenter, "00abcdef 00000001"), nil},
		{ofp.BadRequestBadExperimenter, "multipart of an unknown experimenter", nil, multipartRaw(ofp.MultipartExperimenter, "00abcdef 00000001"), nil},
		{ofp.BadRequestBadExpType, "message that ONF's extensions have not", nil, rawMsg(ofp.TypeExperimenter, "4f4e4600 00000010"), nil},
		{ofp.BadRequestBadExpType, "message of ONF's for a controller", nil, encoded(&ofp.RoleStatus{}), nil},
		{ofp.BadRequestBadExpType, "multipart that Nicira's extensions have not", nil, multipartRaw(ofp.MultipartExperimenter, "00002320 000003e7"), nil},
		{ofp.BadRequestBadLen, "longer than its type", nil, rawMsg(ofp.TypeBarrierRequest, "00"), nil},
		{ofp.BadRequestBadLen, "shorter than its type", nil, rawMsg(ofp.TypeFlowMod, strings.Repeat("00", 47)), nil},
		{ofp.BadRequestBadLen, "multipart with a body that it has not", nil, multipartRaw(ofp.MultipartDesc, "00000000 00000000"), nil},
		{ofp.BadRequestBadLen, "multipart without the body that it has", nil, multipartRaw(ofp.MultipartPortStats, ""), nil},
		{ofp.BadRequestBadLen, "multipart without its header", nil, rawMsg(ofp.TypeMultipartRequest, "0000 0000"), nil},
		{ofp.BadRequestBadLen, "actions longer than the packet-out", nil, rawMsg(ofp.TypePacketOut, "ffffffff fffffffd 0100 000000000000", outHex), nil},
		{ofp.BadRequestBufferUnknown, "packet-out of a buffer never given", nil, rawMsg(ofp.TypePacketOut, "00000007 fffffffd 0010 000000000000", outHex), nil},
		{ofp.BadRequestBufferUnknown, "flow-mod of a buffer never given", nil, patched(flowOf("add actions=output:1"), 32, "00000007"), nil},
		{ofp.BadRequestBadTableID, "flow statistics of a table that there is not", nil, multipartRaw(ofp.MultipartFlow, everyFlowHex(254)+matchHex("")), nil},
		{ofp.BadRequestBadTableID, "aggregate statistics of a table that there is not", nil, multipartRaw(ofp.MultipartAggregate, everyFlowHex(254)+matchHex("")), nil},
		{ofp.BadRequestIsSlave, "packet-out from a slave", slave, packetOutRaw("fffffffd", outHex, udpHex), nil},
		{ofp.BadRequestIsSlave, "flow-mod from a slave", slave, encoded(flowOf("add actions=output:1")), nil},
		{ofp.BadRequestIsSlave, "group-mod from a slave", slave, encoded(groupOf("add group_id=1,type=all")), nil},
		{ofp.BadRequestIsSlave, "port-mod from a slave", slave, encoded(&ofp.PortMod{Port: 1}), nil},
		{ofp.BadRequestIsSlave, "table-mod from a slave", slave, encoded(&ofp.TableMod{}), nil},
		{ofp.BadRequestIsSlave, "meter-mod from a slave", slave, encoded(meterOf("meter=1,kbps,band=type=drop,rate=1")), nil},
		{ofp.BadRequestIsSlave, "table features from a slave", slave, multipartRaw(ofp.MultipartTableFeatures, "0040 00 0000000000"+strings.Repeat("00", 56)), nil},
		{ofp.BadRequestBadPort, "packet-out from a port that there is not", nil, packetOutRaw("00000063", outHex, udpHex), nil},
		{ofp.BadRequestBadPort, "packet-out from ALL", nil, packetOutRaw("fffffffc", outHex, udpHex), nil},
		{ofp.BadRequestBadPort, "statistics of a port that there is not", nil, multipartRaw(ofp.MultipartPortStats, "00000063 00000000"), nil},
		{ofp.BadRequestBadPort, "statistics of port 0", nil, multipartRaw(ofp.MultipartPortStats, "00000000 00000000"), nil},
		{ofp.BadRequestBadPacket, "packet-out without frame and buffer", nil, packetOutRaw("fffffffd", outHex, ""), nil},
		{ofp.BadRequestBadPacket, "packet-out of 13 bytes", nil, packetOutRaw("fffffffd", outHex, strings.Repeat("02", 13)), nil},
	}
	for t := range ofp.Type(30) {
		if t.SwitchOnly() {
			rows = append(rows,
				refusal{ofp.BadRequestBadType, fmt.Sprintf("%v to a switch", t), nil, rawMsg(t), nil},
				refusal{ofp.BadRequestBadType, fmt.Sprintf("%v of 64 bytes to a switch", t), nil, rawMsg(t, strings.Repeat("00", 56)), nil})
		}
	}
	return rows
}
