package integration

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"ofswitch/ofp"
)

// rawMsg is a message of any type with any body, header made right.
func rawMsg(typ ofp.Type, body []byte) []byte {
	return append(ofp.Header{Version: ofp.Version, Type: typ, Length: uint16(8 + len(body)), XID: 0xabcd}.Append(nil), body...)
}

// unhex reads hexadecimal with spaces.
func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// oxmMatch makes a struct ofp_match of TLVs.
func oxmMatch(tlvs []byte) []byte {
	b := append([]byte{0, 1, 0, byte(4 + len(tlvs))}, tlvs...)
	return append(b, make([]byte, (8-len(b)%8)%8)...)
}

// flowModBytes is an ADD in table 0 with the given match and instructions.
func flowModBytes(match, instructions []byte) []byte {
	b := make([]byte, 40)
	binary.BigEndian.PutUint16(b[22:], 100)
	for i := 24; i < 36; i++ {
		b[i] = 0xff // no buffer, any port, any group
	}
	return append(append(b, match...), instructions...)
}

func codeName(c ofp.Code) string {
	if c == accepted {
		return "no error"
	}
	return c.String()
}

// TestIntegrationOpenFlowRefusals: what cannot be accepted gets the exact type
// and code, its transaction id and its first bytes, and changes nothing
// (OpenFlow 1.3.5 §7.4.4).
func TestIntegrationOpenFlowRefusals(t *testing.T) {
	l := newOFLab(t, 2)
	before := l.c.multipart(ofp.MultipartPortDesc, nil)
	portMAC := before[0].(*ofp.PortDesc).HWAddr
	field := func(num, mask, n byte) []byte { return []byte{0x80, 0, num<<1 | mask, n} }
	cat := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	num := func(v uint64, n int) []byte { return binary.BigEndian.AppendUint64(nil, v)[8-n:] }
	ethType := func(v uint64) []byte { return cat(field(5, 0, 2), num(v, 2)) }
	proto := func(v byte) []byte { return cat(field(10, 0, 1), []byte{v}) }
	match := func(tlvs ...[]byte) []byte { return rawMsg(ofp.TypeFlowMod, flowModBytes(oxmMatch(cat(tlvs...)), nil)) }
	inst := func(s string) []byte { return rawMsg(ofp.TypeFlowMod, flowModBytes(oxmMatch(nil), unhex(t, s))) }
	apply := func(actions string) []byte {
		a := unhex(t, actions)
		return rawMsg(ofp.TypeFlowMod, flowModBytes(oxmMatch(nil), append([]byte{0, 4, 0, byte(8 + len(a)), 0, 0, 0, 0}, a...)))
	}
	applyOn := func(m []byte, actions string) []byte {
		a := unhex(t, actions)
		return rawMsg(ofp.TypeFlowMod, flowModBytes(oxmMatch(m), append([]byte{0, 4, 0, byte(8 + len(a)), 0, 0, 0, 0}, a...)))
	}
	output := func(port string) string { return "0000 0010 " + port + " ffff 000000000000" }
	mod := func(change func([]byte)) []byte {
		b := flowModBytes(oxmMatch(nil), nil)
		change(b)
		return rawMsg(ofp.TypeFlowMod, b)
	}
	portMod := func(change func(*ofp.PortMod)) []byte {
		m := &ofp.PortMod{Port: 1, HWAddr: portMAC}
		change(m)
		return ofp.Encode(0x77, m)
	}
	packetOut := func(in, actions string, data []byte) []byte {
		a := unhex(t, actions)
		return rawMsg(ofp.TypePacketOut, cat(unhex(t, "ffffffff"+in), num(uint64(len(a)), 2), make([]byte, 6), a, data))
	}
	multipart := func(kind uint16, body string) []byte {
		return rawMsg(ofp.TypeMultipartRequest, cat(num(uint64(kind), 2), make([]byte, 6), unhex(t, body)))
	}
	flowStats := func(table byte, m []byte) []byte {
		return rawMsg(ofp.TypeMultipartRequest, cat([]byte{0, 1, 0, 0, 0, 0, 0, 0, table, 0, 0, 0}, bytes.Repeat([]byte{0xff}, 8), make([]byte, 20), m))
	}
	u := udp4.frame()

	for _, tc := range []struct {
		name string
		msg  []byte
		want ofp.Code
	}{
		// The header, and who sends what.
		{"version 1 after negotiation", append([]byte{1}, rawMsg(ofp.TypeBarrierRequest, nil)[1:]...), ofp.BadRequestBadVersion},
		{"type 30", rawMsg(30, nil), ofp.BadRequestBadType},
		{"type 255", rawMsg(255, nil), ofp.BadRequestBadType},
		{"second hello", rawMsg(ofp.TypeHello, nil), ofp.BadRequestBadType},
		{"features reply to a switch", rawMsg(ofp.TypeFeaturesReply, nil), ofp.BadRequestBadType},
		{"packet-in to a switch", rawMsg(ofp.TypePacketIn, nil), ofp.BadRequestBadType},
		{"barrier reply to a switch", rawMsg(ofp.TypeBarrierReply, nil), ofp.BadRequestBadType},
		{"role reply to a switch", rawMsg(ofp.TypeRoleReply, make([]byte, 16)), ofp.BadRequestBadType},
		{"multipart reply to a switch", rawMsg(ofp.TypeMultipartReply, make([]byte, 8)), ofp.BadRequestBadType},
		{"features request with garbage behind", rawMsg(ofp.TypeFeaturesRequest, make([]byte, 8)), ofp.BadRequestBadLen},
		{"barrier with garbage behind", rawMsg(ofp.TypeBarrierRequest, make([]byte, 1)), ofp.BadRequestBadLen},
		{"port-mod with garbage behind", rawMsg(ofp.TypePortMod, make([]byte, 40)), ofp.BadRequestBadLen},
		{"short flow-mod", rawMsg(ofp.TypeFlowMod, make([]byte, 40)), ofp.BadRequestBadLen},
		{"short packet-out", rawMsg(ofp.TypePacketOut, make([]byte, 8)), ofp.BadRequestBadLen},
		{"short set-config", rawMsg(ofp.TypeSetConfig, make([]byte, 2)), ofp.BadRequestBadLen},
		{"an error is not answered", rawMsg(ofp.TypeError, []byte{0, 1, 0, 2}), accepted},
		{"echo reply", rawMsg(ofp.TypeEchoReply, []byte{1}), accepted},
		{"experimenter", rawMsg(ofp.TypeExperimenter, unhex(t, "00123456 00000010 00000000")), ofp.BadRequestBadExperimenter},
		{"type of a known experimenter", rawMsg(ofp.TypeExperimenter, unhex(t, "00002320 0000ffff 00000000")), ofp.BadRequestBadExpType},

		// Configuration.
		{"fragment mask", rawMsg(ofp.TypeSetConfig, unhex(t, "0003 0080")), ofp.SwitchConfigFailedBadFlags},
		{"flag of 1.2", rawMsg(ofp.TypeSetConfig, unhex(t, "0004 0080")), ofp.SwitchConfigFailedBadFlags},
		{"flag 8", rawMsg(ofp.TypeSetConfig, unhex(t, "0008 0080")), ofp.SwitchConfigFailedBadFlags},

		// What is not there yet: whoever brings it changes its line.
		{"queue-get-config", rawMsg(ofp.TypeQueueGetConfigRequest, unhex(t, "00000063 00000000")), ofp.QueueOpFailedBadPort},
		{"table features without properties", multipart(ofp.MultipartTableFeatures, "0040 00 0000000000"+strings.Repeat("00", 56)), ofp.TableFeaturesFailedBadArgument},
		{"queue statistics", multipart(ofp.MultipartQueue, "ffffffff 00000005"), ofp.QueueOpFailedBadQueue},
		{"to a group", apply("0016 0008 00000001"), ofp.BadActionBadOutGroup},
		{"set-queue", apply("0015 0008 ffffffff"), ofp.BadActionBadQueue},
		{"meter", inst("0006 0008 00000001"), ofp.MeterModFailedInvalidMeter},

		// Multiparts.
		{"unknown multipart", multipart(14, ""), ofp.BadRequestBadMultipart},
		{"experimenter multipart", multipart(0xffff, "00123456 00000000"), ofp.BadRequestBadExperimenter},
		{"multipart of a known experimenter", multipart(0xffff, "00002320 0000ffff"), ofp.BadRequestBadExpType},
		{"DESC with a body", multipart(ofp.MultipartDesc, "00000000 00000000"), ofp.BadRequestBadLen},
		{"PORT_STATS without", multipart(ofp.MultipartPortStats, ""), ofp.BadRequestBadLen},
		{"statistics of an unknown port", multipart(ofp.MultipartPortStats, "00000063 00000000"), ofp.BadRequestBadPort},
		{"statistics of port 0", multipart(ofp.MultipartPortStats, "00000000 00000000"), ofp.BadRequestBadPort},
		{"statistics of CONTROLLER", multipart(ofp.MultipartPortStats, "fffffffd 00000000"), ofp.BadRequestBadPort},
		{"flow statistics of table 254", flowStats(254, oxmMatch(nil)), ofp.BadRequestBadTableID},
		{"flow statistics, match without prerequisite", flowStats(255, oxmMatch(cat(field(11, 0, 4), num(1, 4)))), ofp.BadMatchBadPrereq},
		{"flow statistics with garbage behind", flowStats(255, append(oxmMatch(nil), 0, 0, 0, 0, 0, 0, 0, 0)), ofp.BadRequestBadLen},

		// Flow-mod: the fixed part.
		{"command 5", mod(func(b []byte) { b[17] = 5 }), ofp.FlowModFailedBadCommand},
		{"flag 32", mod(func(b []byte) { b[37] = 32 }), ofp.FlowModFailedBadFlags},
		{"flag 0x8000", mod(func(b []byte) { b[36] = 0x80 }), ofp.FlowModFailedBadFlags},
		{"add to all tables", mod(func(b []byte) { b[16] = 255 }), ofp.FlowModFailedBadTableID},
		{"modify in all tables", mod(func(b []byte) { b[16], b[17] = 255, 1 }), ofp.FlowModFailedBadTableID},
		{"modify strict in all tables", mod(func(b []byte) { b[16], b[17] = 255, 2 }), ofp.FlowModFailedBadTableID},
		{"add to table 254", mod(func(b []byte) { b[16] = 254 }), ofp.FlowModFailedBadTableID},
		{"delete in table 254", mod(func(b []byte) { b[16], b[17] = 254, 3 }), ofp.FlowModFailedBadTableID},
		{"add with a buffer", mod(func(b []byte) { copy(b[24:], []byte{0, 0, 0, 1}) }), ofp.BadRequestBufferUnknown},
		{"delete does not look at the buffer", mod(func(b []byte) { b[17] = 3; copy(b[24:], []byte{0, 0, 0, 1}) }), accepted},
		{"delete strict in all tables", mod(func(b []byte) { b[16], b[17] = 255, 4 }), accepted},
		{"importance is padding", mod(func(b []byte) { b[17], b[38], b[39] = 1, 1, 1 }), accepted},

		// Match.
		{"match type 0", rawMsg(ofp.TypeFlowMod, flowModBytes(unhex(t, "0000 0004 00000000"), nil)), ofp.BadMatchBadType},
		{"match longer than the message", rawMsg(ofp.TypeFlowMod, flowModBytes(unhex(t, "0001 0020 00000000"), nil)), ofp.BadMatchBadLen},
		{"match of 3 bytes", rawMsg(ofp.TypeFlowMod, flowModBytes(unhex(t, "0001 0003 00000000"), nil)), ofp.BadMatchBadLen},
		{"field longer than the match", rawMsg(ofp.TypeFlowMod, flowModBytes(unhex(t, "0001 000a 80000004 0001 000000000000"), nil)), ofp.BadMatchBadLen},
		{"twice", match(field(0, 0, 4), num(1, 4), field(0, 0, 4), num(1, 4)), ofp.BadMatchDupField},
		{"field 40", match(field(40, 0, 1), []byte{0}), ofp.BadMatchBadField},
		{"unknown class", match([]byte{0x80, 1, 0, 4}, num(1, 4)), ofp.BadMatchBadField},
		{"experimenter class", match([]byte{0xff, 0xff, 42 << 1, 6}, unhex(t, "4f4e4600 0002")), ofp.BadMatchBadField},
		{"IN_PORT of 2 bytes", match(field(0, 0, 2), num(1, 2)), ofp.BadMatchBadLen},
		{"IPV4_SRC of 8 bytes without mask", match(ethType(0x800), field(11, 0, 8), num(1, 8)), ofp.BadMatchBadLen},
		{"masked IN_PORT", match(field(0, 1, 8), num(1, 4), num(1, 4)), ofp.BadMatchBadMask},
		{"masked TCP_SRC", match(ethType(0x800), proto(6), field(13, 1, 4), num(0x100, 2), num(0xff00, 2)), ofp.BadMatchBadMask},
		{"masked ETH_TYPE", match(field(5, 1, 4), num(0x800, 2), num(0xff00, 2)), ofp.BadMatchBadMask},
		{"value beyond the mask", match(field(3, 1, 12), num(3, 6), num(2, 6)), ofp.BadMatchBadWildcards},
		{"DSCP 64", match(ethType(0x800), field(8, 0, 1), []byte{64}), ofp.BadMatchBadValue},
		{"ECN 4", match(ethType(0x800), field(9, 0, 1), []byte{4}), ofp.BadMatchBadValue},
		{"PCP 8", match(field(6, 0, 2), num(0x1001, 2), field(7, 0, 1), []byte{8}), ofp.BadMatchBadValue},
		{"VID 0x2001", match(field(6, 0, 2), num(0x2001, 2)), ofp.BadMatchBadValue},
		{"flow label of 21 bits", match(ethType(0x86dd), field(28, 0, 4), num(1<<20, 4)), ofp.BadMatchBadValue},
		{"MPLS label of 21 bits", match(ethType(0x8847), field(34, 0, 4), num(1<<20, 4)), ofp.BadMatchBadValue},
		{"extension header bit 9", match(ethType(0x86dd), field(39, 0, 2), num(1<<9, 2)), ofp.BadMatchBadValue},
		{"IN_PHY_PORT without IN_PORT", match(field(1, 0, 4), num(1, 4)), ofp.BadMatchBadPrereq},
		{"PCP without VID", match(field(7, 0, 1), []byte{1}), ofp.BadMatchBadPrereq},
		{"PCP of untagged", match(field(6, 0, 2), num(0, 2), field(7, 0, 1), []byte{1}), ofp.BadMatchBadPrereq},
		{"DSCP of ARP", match(ethType(0x806), field(8, 0, 1), []byte{1}), ofp.BadMatchBadPrereq},
		{"IPV4_SRC of IPv6", match(ethType(0x86dd), field(11, 0, 4), num(1, 4)), ofp.BadMatchBadPrereq},
		{"IPV4_SRC before ETH_TYPE", match(field(11, 0, 4), num(1, 4), ethType(0x800)), ofp.BadMatchBadPrereq},
		{"TCP_SRC of UDP", match(ethType(0x800), proto(17), field(13, 0, 2), num(1, 2)), ofp.BadMatchBadPrereq},
		{"ICMPv4 over IPv6", match(ethType(0x86dd), proto(1), field(19, 0, 1), []byte{1}), ofp.BadMatchBadPrereq},
		{"ARP_OP without type", match(field(21, 0, 2), num(1, 2)), ofp.BadMatchBadPrereq},
		{"ND_SLL of an advertisement", match(ethType(0x86dd), proto(58), field(29, 0, 1), []byte{136}, field(32, 0, 6), num(1, 6)), ofp.BadMatchBadPrereq},
		{"ND_TLL of a solicitation", match(ethType(0x86dd), proto(58), field(29, 0, 1), []byte{135}, field(33, 0, 6), num(1, 6)), ofp.BadMatchBadPrereq},
		{"ND_TARGET without type", match(ethType(0x86dd), proto(58), field(31, 0, 16), num(0, 8), num(1, 8)), ofp.BadMatchBadPrereq},
		{"MPLS_BOS without type", match(field(36, 0, 1), []byte{1}), ofp.BadMatchBadPrereq},
		{"PBB_ISID without type", match(field(37, 0, 3), num(1, 3)), ofp.BadMatchBadPrereq},
		{"IPV6_EXTHDR of IPv4", match(ethType(0x800), field(39, 0, 2), num(1, 2)), ofp.BadMatchBadPrereq},

		// Instructions.
		{"instruction 0", inst("0000 0008 00000000"), ofp.BadInstructionUnknownInst},
		{"instruction 7", inst("0007 0008 00000000"), ofp.BadInstructionUnknownInst},
		{"experimenter instruction", inst("ffff 0008 00002320"), ofp.BadInstructionBadExperimenter},
		{"instruction of 4 bytes", inst("0001 0004 00000000"), ofp.BadInstructionBadLen},
		{"instruction longer than the message", inst("0004 0018 00000000"), ofp.BadInstructionBadLen},
		{"goto of 16 bytes", inst("0001 0010 01000000 0000000000000000"), ofp.BadInstructionBadLen},
		{"clear with actions", inst("0005 0018 00000000" + output("00000001")), ofp.BadInstructionBadLen},
		{"twice the same instruction", inst("0005 0008 00000000 0005 0008 00000000"), ofp.BadInstructionUnsupInst},
		{"goto itself", inst("0001 0008 00000000"), ofp.BadInstructionBadTableID},
		{"goto 254", inst("0001 0008 fe000000"), ofp.BadInstructionBadTableID},
		{"goto 255", inst("0001 0008 ff000000"), ofp.BadInstructionBadTableID},

		// Actions.
		{"output to 0", apply(output("00000000")), ofp.BadActionBadOutPort},
		{"output to ANY", apply(output("ffffffff")), ofp.BadActionBadOutPort},
		{"output to TABLE", apply(output("fffffff9")), ofp.BadActionBadOutPort},
		{"output to 0xffffff01", apply(output("ffffff01")), ofp.BadActionBadOutPort},
		{"output to 0xfffffff7", apply(output("fffffff7")), ofp.BadActionBadOutPort},
		{"write output to 0", inst("0003 0018 00000000" + output("00000000")), ofp.BadActionBadOutPort},
		{"output of 8 bytes", apply("0000 0008 00000001"), ofp.BadActionBadLen},
		{"action of 4 bytes", apply("0012 0004 00000000"), ofp.BadActionBadLen},
		{"action of 12 bytes", apply("0012 000c 00000000 00000000 00000000"), ofp.BadActionBadLen},
		{"action longer than the list", apply("0012 0010 00000000"), ofp.BadActionBadLen},
		{"action 1", apply("0001 0008 00000000"), ofp.BadActionBadType},
		{"action 28", apply("001c 0008 00000000"), ofp.BadActionBadType},
		{"experimenter action", apply("ffff 0010 00123456 0000000000000000"), ofp.BadActionBadExperimenter},
		{"action of a known experimenter", apply("ffff 0010 00002320 ffff000000000000"), ofp.BadActionBadExpType},
		{"push VLAN 0x9100", apply("0011 0008 9100 0000"), ofp.BadActionBadArgument},
		{"push MPLS 0x0800", apply("0013 0008 0800 0000"), ofp.BadActionBadArgument},
		{"push PBB 0x88a8", apply("001a 0008 88a8 0000"), ofp.BadActionBadArgument},
		{"pop MPLS of anything", apply("0014 0008 0800 0000"), ofp.BadActionMatchInconsistent},
		{"pop PBB of MPLS", applyOn(ethType(0x8847), "001b 0008 00000000"), ofp.BadActionMatchInconsistent},
		{"set MPLS TTL of IP", applyOn(ethType(0x800), "000f 0008 40 000000"), ofp.BadActionMatchInconsistent},
		{"decrement MPLS TTL of anything", apply("0010 0008 00000000"), ofp.BadActionMatchInconsistent},
		{"copy TTL out of anything", apply("000b 0008 00000000"), ofp.BadActionMatchInconsistent},
		{"copy TTL into anything", apply("000c 0008 00000000"), ofp.BadActionMatchInconsistent},
		{"pop VLAN of anything", apply("0012 0008 00000000"), ofp.BadActionMatchInconsistent},
		{"decrement TTL of anything", apply("0018 0008 00000000"), ofp.BadActionMatchInconsistent},
		{"set TTL of ARP", applyOn(ethType(0x806), "0017 0008 40000000"), ofp.BadActionMatchInconsistent},
		{"set IN_PORT", apply("0019 0010 80000004 00000001 00000000"), ofp.BadActionBadSetArgument},
		{"set IN_PHY_PORT", apply("0019 0010 80000204 00000001 00000000"), ofp.BadActionBadSetArgument},
		{"set METADATA", apply("0019 0010 80000408 0000000000000001"), ofp.BadActionBadSetArgument},
		{"set IPV6_EXTHDR", applyOn(ethType(0x86dd), "0019 0010 80004e02 0001 000000000000"), ofp.BadActionBadSetArgument},
		{"set field 40", apply("0019 0010 80005001 00 00000000000000"), ofp.BadActionBadSetType},
		{"set a field of another class", apply("0019 0010 80010006 020000000001 0000"), ofp.BadActionBadSetType},
		{"set ETH_DST of 4 bytes", apply("0019 0010 80000604 02000000 00000000"), ofp.BadActionBadSetLen},
		{"set ETH_DST in 24 bytes", apply("0019 0018 80000606 020000000001 0000 0000000000000000"), ofp.BadActionBadSetLen},
		{"set a masked field", apply("0019 0018 8000070c 020000000001 ffffffffffff 00000000"), ofp.BadActionBadSetArgument},
		{"set DSCP to 64", applyOn(ethType(0x800), "0019 0010 80001001 40 00000000000000"), ofp.BadActionBadSetArgument},
		{"set VID to 0x2001", applyOn(cat(field(6, 0, 2), num(0x1001, 2)), "0019 0010 80000c02 2001 000000000000"), ofp.BadActionBadSetArgument},
		{"set VID of anything", apply("0019 0010 80000c02 1001 000000000000"), ofp.BadActionMatchInconsistent},
		{"set IPV4_SRC of IPv6", applyOn(ethType(0x86dd), "0019 0010 80001604 01020304 00000000"), ofp.BadActionMatchInconsistent},
		{"set TCP_DST of UDP", applyOn(cat(ethType(0x800), proto(17)), "0019 0010 80001c02 0001 000000000000"), ofp.BadActionMatchInconsistent},

		// Packet-out.
		{"no frame and no buffer", packetOut("fffffffd", output("00000001"), nil), ofp.BadRequestBadPacket},
		{"13 bytes", packetOut("fffffffd", output("00000001"), u[:13]), ofp.BadRequestBadPacket},
		{"with a buffer", rawMsg(ofp.TypePacketOut, cat(unhex(t, "00000007 fffffffd 0000 000000000000"))), ofp.BadRequestBufferUnknown},
		{"from an unknown port", packetOut("00000063", output("00000001"), u), ofp.BadRequestBadPort},
		{"from ALL", packetOut("fffffffc", output("00000001"), u), ofp.BadRequestBadPort},
		{"actions longer than the message", rawMsg(ofp.TypePacketOut, cat(unhex(t, "ffffffff fffffffd 0100 000000000000"), u)), ofp.BadRequestBadLen},
		{"packet-out to 0", packetOut("fffffffd", output("00000000"), u), ofp.BadActionBadOutPort},
		{"packet-out sets a field of another frame", packetOut("fffffffd", "0019 0010 80001c02 0001 000000000000", u), ofp.BadActionMatchInconsistent},
		{"packet-out to TABLE", packetOut("fffffffd", output("fffffff9"), u), accepted},
		{"packet-out from ANY", packetOut("ffffffff", output("00000001"), u), accepted},
		{"packet-out from LOCAL", packetOut("fffffffe", output("00000001"), u), accepted},
		{"packet-out to an unknown port", packetOut("fffffffd", output("00000063"), u), accepted},

		// Ports and tables.
		{"port-mod of an unknown port", portMod(func(m *ofp.PortMod) { m.Port = 99 }), ofp.PortModFailedBadPort},
		{"port-mod of ALL", portMod(func(m *ofp.PortMod) { m.Port = ofp.PortAll }), ofp.PortModFailedBadPort},
		{"port-mod with another address", portMod(func(m *ofp.PortMod) { m.HWAddr[5] ^= 1 }), ofp.PortModFailedBadHWAddr},
		{"port-mod with bit 1", portMod(func(m *ofp.PortMod) { m.Config, m.Mask = 2, 2 }), ofp.PortModFailedBadConfig},
		{"port-mod with bit 31", portMod(func(m *ofp.PortMod) { m.Mask = 1 << 31 }), ofp.PortModFailedBadConfig},
		{"port-mod advertising bit 16", portMod(func(m *ofp.PortMod) { m.Advertise = 1 << 16 }), ofp.PortModFailedBadAdvertise},
		{"table-mod of table 254", rawMsg(ofp.TypeTableMod, unhex(t, "fe000000 00000000")), ofp.TableModFailedBadTable},
		{"table-mod bit 2", rawMsg(ofp.TypeTableMod, unhex(t, "00000000 00000004")), ofp.TableModFailedBadConfig},
		{"table-mod deprecated bits", rawMsg(ofp.TypeTableMod, unhex(t, "ff000000 00000003")), accepted},

		// Roles.
		{"role 4", rawMsg(ofp.TypeRoleRequest, unhex(t, "00000004 00000000 0000000000000000")), ofp.RoleRequestFailedBadRole},
		{"role request of 8 bytes", rawMsg(ofp.TypeRoleRequest, make([]byte, 8)), ofp.BadRequestBadLen},
		{"set-async of 20 bytes", rawMsg(ofp.TypeSetAsync, make([]byte, 20)), ofp.BadRequestBadLen},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l.use(t)
			if got := l.c.answer(tc.msg); got != tc.want {
				t.Errorf("%s, want %s", codeName(got), codeName(tc.want))
			}
		})
	}
	if list := l.c.flows(everyFlow); len(list) != 0 {
		t.Errorf("refused messages have added %d flows: %+v", len(list), list[0])
	}
	after := l.c.multipart(ofp.MultipartPortDesc, nil)
	for i := range before {
		if *before[i].(*ofp.PortDesc) != *after[i].(*ofp.PortDesc) {
			t.Errorf("port %+v is now %+v", before[i], after[i])
		}
	}
}
