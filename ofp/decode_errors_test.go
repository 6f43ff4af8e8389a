package ofp

import (
	"fmt"
	"strings"
	"testing"
)

// Wrappers that make a whole message around the part that is wrong; the lengths
// of messages, matches and instructions are filled in.

func inMessage(ty Type) func(t *testing.T, body string) []byte {
	return func(t *testing.T, body string) []byte {
		b := wire(t, body)
		h := Header{Version: Version, Type: ty, Length: uint16(HeaderLen + len(b)), XID: 1}
		return append(h.Append(nil), b...)
	}
}

// inMatch puts fields into the match of a flow-mod.
func inMatch(t *testing.T, fields string) []byte {
	return inMessage(TypeFlowMod)(t, fmt.Sprintf("00*40 %x", wireMatch(t, fields)))
}

// afterMatch puts bytes behind the match of a flow-mod: its instructions.
func afterMatch(t *testing.T, instructions string) []byte {
	return inMessage(TypeFlowMod)(t, "00*40 0001 0004 00000000"+instructions)
}

// inApply puts actions into a flow-mod.
func inApply(t *testing.T, actions string) []byte {
	return afterMatch(t, fmt.Sprintf("0004 %04x 00000000 %s", 8+len(wire(t, actions)), actions))
}

// inPacketOut puts actions into a packet-out.
func inPacketOut(t *testing.T, actions string) []byte {
	return inMessage(TypePacketOut)(t, fmt.Sprintf("ffffffff fffffffd %04x 00*6 %s 0102", len(wire(t, actions)), actions))
}

// inTable puts properties into the features of a table.
func inTable(t *testing.T, properties string) []byte {
	return inMessage(TypeMultipartRequest)(t, fmt.Sprintf("000c 0000 00000000 %04x 00*62 %s", tableFeaturesLen+len(wire(t, properties)), properties))
}

func whole(t *testing.T, s string) []byte { return wire(t, s) }

// Every refusal that decoding can produce.
func TestDecodeErrors(t *testing.T) {
	flowMod := inMessage(TypeFlowMod)
	multipart := inMessage(TypeMultipartRequest)
	reply := inMessage(TypeMultipartReply)
	for _, tt := range []decodeError{
		{"version 1.0", whole, `01 05 0008 00000001`, BadRequestBadVersion},
		{"version 1.4", whole, `05 0e 0008 00000001`, BadRequestBadVersion},
		{"version 0", whole, `00 02 0008 00000001`, BadRequestBadVersion},
		{"message type 30", whole, `04 1e 0008 00000001`, BadRequestBadType},
		{"message type 255", whole, `04 ff 0008 00000001`, BadRequestBadType},
		{"length below the header's", whole, `04 02 0007 00000001`, BadRequestBadLen},

		{"error of 3 bytes", inMessage(TypeError), `0001 00`, BadRequestBadLen},
		{"experimenter without type", inMessage(TypeExperimenter), `00002320`, BadRequestBadLen},
		{"features request with body", inMessage(TypeFeaturesRequest), `00`, BadRequestBadLen},
		{"get config request with body", inMessage(TypeGetConfigRequest), `00*8`, BadRequestBadLen},
		{"set config cut off", inMessage(TypeSetConfig), `0000`, BadRequestBadLen},
		{"set config too long", inMessage(TypeSetConfig), `00*8`, BadRequestBadLen},
		{"port mod of OpenFlow 1.0", inMessage(TypePortMod), `00*24`, BadRequestBadLen},
		{"table mod too long", inMessage(TypeTableMod), `00*16`, BadRequestBadLen},
		{"barrier with body", inMessage(TypeBarrierRequest), `00*4`, BadRequestBadLen},
		{"group mod cut off", inMessage(TypeGroupMod), `00*7`, BadRequestBadLen},
		{"meter mod cut off", inMessage(TypeMeterMod), `00*7`, BadRequestBadLen},
		{"role request cut off", inMessage(TypeRoleRequest), `00*15`, BadRequestBadLen},
		{"role request too long", inMessage(TypeRoleRequest), `00*17`, BadRequestBadLen},
		{"get async with body", inMessage(TypeGetAsyncRequest), `00`, BadRequestBadLen},
		{"set async cut off", inMessage(TypeSetAsync), `00*20`, BadRequestBadLen},
		{"queue get config cut off", inMessage(TypeQueueGetConfigRequest), `00*4`, BadRequestBadLen},
		{"features reply cut off", inMessage(TypeFeaturesReply), `00*23`, BadRequestBadLen},
		{"flow mod without match", flowMod, `00*40`, BadRequestBadLen},
		{"flow removed with bytes behind the match", inMessage(TypeFlowRemoved), `00*40 0001 0004 00*4 00*8`, BadRequestBadLen},
		{"packet in without padding", inMessage(TypePacketIn), `00*16 0001 000c 80000004 00000001 00*4 00`, BadRequestBadLen},
		{"packet out, more actions than bytes", inMessage(TypePacketOut), `ffffffff 00000001 0010 00*6 00*8`, BadRequestBadLen},
		{"packet out, actions not a multiple of 8", inMessage(TypePacketOut), `ffffffff 00000001 0004 00*6 00*8`, BadRequestBadLen},

		{"flow mod command 5", flowMod, `00*16 00 05 00*22 0001 0004 00000000`, FlowModFailedBadCommand},
		{"flow mod flag 5", flowMod, `00*36 0020 0000 0001 0004 00000000`, FlowModFailedBadFlags},
		{"flow mod too long to be reported", inApply, `0000001000000001 00*8` + strings.Repeat(` 0000001000000001 0000000000000000`, 4090), BadActionTooMany},

		{"match of OpenFlow 1.1", flowMod, `00*40 0000 0058 00*84`, BadMatchBadType},
		{"match type 2", flowMod, `00*40 0002 0004 00000000`, BadMatchBadType},
		{"match length 3", flowMod, `00*40 0001 0003 00000000`, BadMatchBadLen},
		{"match longer than the message", flowMod, `00*40 0001 0009 00000000`, BadMatchBadLen},
		{"match field without payload", inMatch, `80000004`, BadMatchBadLen},
		{"match field header cut off", inMatch, `800000`, BadMatchBadLen},
		{"match field longer than the match", inMatch, `80000004 0000`, BadMatchBadLen},
		{"in_port of 2 bytes", inMatch, `80000002 0001`, BadMatchBadLen},
		{"in_port of 0 bytes", inMatch, `80000000`, BadMatchBadLen},
		{"masked eth_dst with the length of an exact one", inMatch, `80000706 000000000000`, BadMatchBadLen},
		{"exact eth_dst with the length of a masked one", inMatch, `8000060c 00*12`, BadMatchBadLen},
		{"basic field 40", inMatch, `80005004 00000000`, BadMatchBadField},
		{"basic field 127", inMatch, `8000fe02 0000`, BadMatchBadField},
		{"class 0x8001", inMatch, `80010004 00000001`, BadMatchBadField},
		{"class 0x0002", inMatch, `00020004 00000001`, BadMatchBadField},
		{"experimenter class", inMatch, `ffff5406 4f4e4600 0012`, BadMatchBadField},
		{"experimenter class without experimenter", inMatch, `ffff5402 4f4e`, BadMatchBadField},
		{"value outside the mask", inMatch, `8000070c 030000000000 010000000000`, BadMatchBadWildcards},
		{"value outside a mask of zeros", inMatch, `8000070c 010000000000 000000000000`, BadMatchBadWildcards},
		{"in_port masked", inMatch, `80000108 00000000 000000ff`, BadMatchBadMask},
		{"eth_type masked", inMatch, `80000b04 0800 ff00`, BadMatchBadMask},
		{"tcp_dst masked", inMatch, wireIPv4 + `80001401 06 80001d04 0000 ff00`, BadMatchBadMask},
		{"nd_target masked", inMatch, wireICMPv6 + `80003a01 87 80003f20 00*16 ff*8 00*8`, BadMatchBadMask},
		{"nd_sll masked", inMatch, wireICMPv6 + `80003a01 87 8000410c 00*6 ff*3 00*3`, BadMatchBadMask},
		{"mpls_label masked", inMatch, `80000a02 8847 80004508 00000000 000000ff`, BadMatchBadMask},
		{"vlan_vid of 14 bits", inMatch, `80000c02 2000`, BadMatchBadValue},
		{"vlan_pcp 8", inMatch, `80000c02 1005 80000e01 08`, BadMatchBadValue},
		{"ip_dscp 64", inMatch, wireIPv4 + `80001001 40`, BadMatchBadValue},
		{"ip_ecn 4", inMatch, wireIPv4 + `80001201 04`, BadMatchBadValue},
		{"ipv6_flabel of 21 bits", inMatch, wireIPv6 + `80003804 00100000`, BadMatchBadValue},
		{"mpls_label of 21 bits", inMatch, `80000a02 8847 80004404 00100000`, BadMatchBadValue},
		{"mpls_tc 8", inMatch, `80000a02 8847 80004601 08`, BadMatchBadValue},
		{"mpls_bos 2", inMatch, `80000a02 8847 80004801 02`, BadMatchBadValue},
		{"ipv6_exthdr of 10 bits", inMatch, wireIPv6 + `80004e02 0200`, BadMatchBadValue},
		{"in_port twice", inMatch, `80000004 00000001 80000004 00000001`, BadMatchDupField},
		{"eth_dst twice, masked and not", inMatch, `80000606 000000000001 8000070c 000000000000 000000000000`, BadMatchDupField},
		{"in_phy_port without in_port", inMatch, `80000204 00000001`, BadMatchBadPrereq},
		{"vlan_pcp without vlan_vid", inMatch, `80000e01 01`, BadMatchBadPrereq},
		{"vlan_pcp of untagged frames", inMatch, `80000c02 0000 80000e01 01`, BadMatchBadPrereq},
		{"ipv4_src without eth_type", inMatch, `80001604 0a000001`, BadMatchBadPrereq},
		{"ipv4_src with a mask of zeros, without eth_type", inMatch, `80001708 00000000 00000000`, BadMatchBadPrereq},
		{"ipv4_src of IPv6", inMatch, wireIPv6 + `80001604 0a000001`, BadMatchBadPrereq},
		{"ipv4_src before eth_type", inMatch, `80001604 0a000001` + wireIPv4, BadMatchBadPrereq},
		{"ip_dscp of ARP", inMatch, `80000a02 0806 80001001 01`, BadMatchBadPrereq},
		{"tcp_dst without ip_proto", inMatch, wireIPv4 + `80001c02 0050`, BadMatchBadPrereq},
		{"tcp_dst of UDP", inMatch, wireIPv4 + `80001401 11 80001c02 0050`, BadMatchBadPrereq},
		{"icmpv4_type of IPv6", inMatch, wireIPv6 + `80001401 01 80002601 08`, BadMatchBadPrereq},
		{"arp_op of IPv4", inMatch, wireIPv4 + `80002a02 0001`, BadMatchBadPrereq},
		{"icmpv6_type of IPv4", inMatch, wireIPv4 + `80001401 3a 80003a01 80`, BadMatchBadPrereq},
		{"nd_target of an echo request", inMatch, wireICMPv6 + `80003a01 80 80003e10 00*16`, BadMatchBadPrereq},
		{"nd_tll of a solicitation", inMatch, wireICMPv6 + `80003a01 87 80004206 00*6`, BadMatchBadPrereq},
		{"mpls_label of IPv4", inMatch, wireIPv4 + `80004404 00000001`, BadMatchBadPrereq},
		{"pbb_isid of IPv4", inMatch, wireIPv4 + `80004a03 000001`, BadMatchBadPrereq},
		{"ipv6_exthdr of IPv4", inMatch, wireIPv4 + `80004e02 0001`, BadMatchBadPrereq},

		{"instruction of 4 bytes", afterMatch, `0005 0008`, BadInstructionBadLen},
		{"instruction length 0", afterMatch, `0005 0000 00000000`, BadInstructionBadLen},
		{"instruction length 4", afterMatch, `0005 0004 00000000`, BadInstructionBadLen},
		{"instruction length 12", afterMatch, `0004 000c 00*12`, BadInstructionBadLen},
		{"instruction longer than the message", afterMatch, `0005 0010 00000000`, BadInstructionBadLen},
		{"goto of 16 bytes", afterMatch, `0001 0010 00*12`, BadInstructionBadLen},
		{"pop_queue in the action set", afterMatch, `0003 0018 00*4 ffff 0010 00002320 0005 00*6`, BadActionBadType},
		{"write metadata of 16 bytes", afterMatch, `0002 0010 00*12`, BadInstructionBadLen},
		{"meter of 16 bytes", afterMatch, `0006 0010 00*12`, BadInstructionBadLen},
		{"clear with actions", afterMatch, `0005 0018 00000000 0000 0010 00000001 00*8`, BadInstructionBadLen},
		{"instruction type 0", afterMatch, `0000 0008 00000000`, BadInstructionUnknownInst},
		{"instruction type 7", afterMatch, `0007 0008 00000000`, BadInstructionUnknownInst},
		{"instruction type 0xfffe", afterMatch, `fffe 0008 00000000`, BadInstructionUnknownInst},
		{"experimenter instruction", afterMatch, `ffff 0008 00002320`, BadInstructionBadExperimenter},
		{"goto twice", afterMatch, `0001 0008 01000000 0001 0008 02000000`, BadInstructionUnsupInst},
		{"apply twice, with clear between", afterMatch, `0004 0008 00000000 0005 0008 00000000 0004 0008 00000000`, BadInstructionUnsupInst},

		{"action of 4 bytes", inApply, `0012 0004 0000 0000`, BadActionBadLen},
		{"action length 0", inApply, `0012 0000 00000000`, BadActionBadLen},
		{"action length 12", inApply, `0000 000c 00*12`, BadActionBadLen},
		{"action longer than the list", inApply, `0012 0010 00000000`, BadActionBadLen},
		{"output of 8 bytes", inApply, `0000 0008 00000001`, BadActionBadLen},
		{"output of 24 bytes", inApply, `0000 0018 00000001 00*16`, BadActionBadLen},
		{"pop_vlan of 16 bytes", inApply, `0012 0010 00*12`, BadActionBadLen},
		{"group of 16 bytes", inApply, `0016 0010 00*12`, BadActionBadLen},
		{"action type 1", inApply, `0001 0008 00000000`, BadActionBadType},
		{"action type 13", inApply, `000d 0008 00000000`, BadActionBadType},
		{"action type 28", inApply, `001c 0008 00000000`, BadActionBadType},
		{"action type 28 in a packet-out", inPacketOut, `001c 0008 00000000`, BadActionBadType},
		{"experimenter action", inApply, `ffff 0010 00001111 00*8`, BadActionBadExperimenter},
		{"action of Nicira that does not exist", inApply, `ffff 0010 00002320 00*8`, BadActionBadExpType},
		{"short action of Nicira", inApply, `ffff 0008 00002320`, BadActionBadLen},
		{"long pop_queue", inApply, `ffff 0018 00002320 0005 00*14`, BadActionBadLen},
		{"push_vlan 0x0800", inApply, `0011 0008 0800 0000`, BadActionBadArgument},
		{"push_mpls 0x8100", inApply, `0013 0008 8100 0000`, BadActionBadArgument},
		{"push_pbb 0x88a8", inApply, `001a 0008 88a8 0000`, BadActionBadArgument},
		{"set_field of nothing", inApply, `0019 0008 00000000`, BadActionBadSetType},
		{"set_field of basic field 40", inApply, `0019 0010 80005004 00*8`, BadActionBadSetType},
		{"set_field of class 2", inApply, `0019 0010 00020004 00*8`, BadActionBadSetType},
		{"set_field of the experimenter class", inApply, `0019 0010 ffff5406 4f4e4600 0012 0000`, BadActionBadSetType},
		{"set_field that cuts off its field", inApply, `0019 0008 80001604`, BadActionBadSetLen},
		{"set_field of eth_dst with 4 bytes", inApply, `0019 0010 80000604 00*8`, BadActionBadSetLen},
		{"set_field longer than its field", inApply, `0019 0018 80000606 00*16`, BadActionBadSetLen},
		{"set_field with a mask", inApply, `0019 0018 8000070c 00*12 00*4`, BadActionBadSetArgument},
		{"set_field of ip_dscp 64", inApply, `0019 0010 80001001 40 00*7`, BadActionBadSetArgument},
		{"set_field of in_port", inApply, `0019 0010 80000004 00000001 00*4`, BadActionBadSetArgument},
		{"set_field of in_phy_port", inApply, `0019 0010 80000204 00000001 00*4`, BadActionBadSetArgument},
		{"set_field of metadata", inApply, `0019 0010 80000408 00*8`, BadActionBadSetArgument},
		{"set_field of ipv6_exthdr", inApply, `0019 0010 80004e02 0001 00*6`, BadActionBadSetArgument},
		{"set_field of vlan_vid without OFPVID_PRESENT", inApply, `0019 0010 80000c02 0064 00*6`, BadActionBadSetArgument},
		{"the first of two wrong actions counts", inApply, `0011 0008 0800 0000 001c 0008 00000000`, BadActionBadArgument},

		{"multipart of 4 bytes", multipart, `0000 0000`, BadRequestBadLen},
		{"multipart type 14", multipart, `000e 0000 00000000`, BadRequestBadMultipart},
		{"multipart type 0xfffe", multipart, `fffe 0000 00000000`, BadRequestBadMultipart},
		{"desc request with body", multipart, `0000 0000 00000000 00`, BadRequestBadLen},
		{"flow request without match", multipart, `0001 0000 00000000 00*32`, BadRequestBadLen},
		{"flow request with bytes behind the match", multipart, `0001 0000 00000000 00*32 0001 0004 00000000 00*8`, BadRequestBadLen},
		{"flow request with a wrong match", multipart, `0001 0000 00000000 00*32 0000 0004 00000000`, BadMatchBadType},
		{"aggregate request cut off", multipart, `0002 0000 00000000 00*39`, BadRequestBadLen},
		{"table request with body", multipart, `0003 0000 00000000 00*8`, BadRequestBadLen},
		{"port stats request without port", multipart, `0004 0000 00000000`, BadRequestBadLen},
		{"port stats request too long", multipart, `0004 0000 00000000 00*16`, BadRequestBadLen},
		{"queue request cut off", multipart, `0005 0000 00000000 00*4`, BadRequestBadLen},
		{"group request cut off", multipart, `0006 0000 00000000 00*4`, BadRequestBadLen},
		{"group desc request with body", multipart, `0007 0000 00000000 00*8`, BadRequestBadLen},
		{"group features request with body", multipart, `0008 0000 00000000 00*8`, BadRequestBadLen},
		{"meter request cut off", multipart, `0009 0000 00000000`, BadRequestBadLen},
		{"meter config request cut off", multipart, `000a 0000 00000000`, BadRequestBadLen},
		{"meter features request with body", multipart, `000b 0000 00000000 00*8`, BadRequestBadLen},
		{"table features request of 63 bytes", multipart, `000c 0000 00000000 00*63`, BadRequestBadLen},
		{"table features of 56 bytes", multipart, `000c 0000 00000000 0038 00*54`, TableFeaturesFailedBadLen},
		{"table features, entry length 0", multipart, `000c 0000 00000000 0000 00*62`, TableFeaturesFailedBadLen},
		{"table features, entry length 56", multipart, `000c 0000 00000000 0038 00*62`, TableFeaturesFailedBadLen},
		{"table features, entry length 65", multipart, `000c 0000 00000000 0041 00*70`, TableFeaturesFailedBadLen},
		{"table features, entry longer than the message", multipart, `000c 0000 00000000 0048 00*62`, TableFeaturesFailedBadLen},
		{"table features, second entry cut off", multipart, `000c 0000 00000000 0040 00*62 0040 00*6`, TableFeaturesFailedBadLen},
		{"table property length 3", inTable, `0002 0003 00*4`, TableFeaturesFailedBadLen},
		{"table property longer than the entry", inTable, `0002 0009 00*4`, TableFeaturesFailedBadLen},
		{"table property type 9", inTable, `0009 0004 00*4`, TableFeaturesFailedBadType},
		{"table property type 11", inTable, `000b 0008 80000004`, TableFeaturesFailedBadType},
		{"table property type 16", inTable, `0010 0004 00*4`, TableFeaturesFailedBadType},
		{"table property type 0xfffd", inTable, `fffd 0008 00*4`, TableFeaturesFailedBadType},
		{"instruction id cut off", inTable, `0000 0007 000100 00`, TableFeaturesFailedBadLen},
		{"instruction id of 0 bytes", inTable, `0000 0008 0001 0000`, TableFeaturesFailedBadLen},
		{"instruction id of 5 bytes", inTable, `0000 0009 0001 0005 00*8`, TableFeaturesFailedBadLen},
		{"action id longer than the property", inTable, `0004 0008 0000 0008`, TableFeaturesFailedBadLen},
		{"experimenter's action id without experimenter", inTable, `0006 0008 ffff 0004`, TableFeaturesFailedBadLen},
		{"match field id cut off", inTable, `0008 0006 8000 00*2`, TableFeaturesFailedBadLen},
		{"experimenter's match field id without experimenter", inTable, `0008 0008 ffff5406`, TableFeaturesFailedBadLen},
		{"experimenter property of 8 bytes", inTable, `fffe 0008 00002320`, TableFeaturesFailedBadLen},
		{"experimenter property without type", inTable, `ffff 000b 00002320 000000 00*5`, TableFeaturesFailedBadLen},
		{"table features reply, property type 9", reply, `000c 0000 00000000 0048 00*62 0009 0004 00*4`, TableFeaturesFailedBadType},
		{"port desc request with body", multipart, `000d 0000 00000000 00*8`, BadRequestBadLen},
		{"experimenter request without type", multipart, `ffff 0000 00000000 00002320`, BadRequestBadLen},

		{"multipart reply type 14", reply, `000e 0000 00000000`, BadRequestBadMultipart},
		{"desc reply of 1055 bytes", reply, `0000 0000 00000000 00*1055`, BadRequestBadLen},
		{"table reply of one and a half entries", reply, `0003 0000 00000000 00*36`, BadRequestBadLen},
		{"flow reply, entry length 0", reply, `0001 0000 00000000 0000 00*54`, BadRequestBadLen},
		{"flow reply, entry longer than the message", reply, `0001 0000 00000000 0040 00*46 0001 0004 00000000`, BadRequestBadLen},
		{"flow reply, wrong action", reply, `0001 0000 00000000 0048 00*46 0001 0004 00000000 0004 0010 00000000 001c 0008 00000000`, BadActionBadType},
	} {
		t.Run(tt.name, tt.test)
	}
}

// decodeError is a message that is refused.
type decodeError struct {
	name string
	wrap func(*testing.T, string) []byte
	wire string
	want Code
}

func (tt decodeError) test(t *testing.T) {
	_, m, err := decodeAll(tt.wrap(t, tt.wire))
	if m != nil {
		t.Errorf("decoded to %+v", m)
	}
	if codeOf(err) != tt.want {
		t.Errorf("%v, want %v", err, tt.want)
	}
}

// Hellos and errors are read in every version.
func TestDecodeOtherVersions(t *testing.T) {
	for version := range 256 {
		for ty := Type(0); ty < 32; ty++ {
			_, err := Decode(Header{Version: uint8(version), Type: ty}, make([]byte, 8))
			anyVersion := ty == TypeHello || ty == TypeError
			if refused := codeOf(err) == BadRequestBadVersion; refused != (version != Version && !anyVersion) {
				t.Errorf("%v of version %d: %v", ty, version, err)
			}
		}
	}
}
