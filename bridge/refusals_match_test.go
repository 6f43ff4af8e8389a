package bridge

import (
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// Fields that others need before them, as OXM TLVs.
const (
	ipv4Hex = "80000a02 0800"
	ipv6Hex = "80000a02 86dd"
	udp4Hex = ipv4Hex + "80001401 11"
	icmp6   = ipv6Hex + "80001401 3a"
)

func matchRefusals() []refusal {
	rows := []refusal{
		{ofp.BadMatchBadType, "match of type STANDARD", nil, rawMsg(ofp.TypeFlowMod, strings.Repeat("00", 22), "0064 ffffffff ffffffff ffffffff 0000 0000", "0000 0058", strings.Repeat("00", 84)), nil},
		{ofp.BadMatchBadType, "match of type 2", nil, multipartRaw(ofp.MultipartFlow, everyFlowHex(0)+"0002 0004 00000000"), nil},
		{ofp.BadMatchBadLen, "match longer than the message", nil, rawMsg(ofp.TypeFlowMod, strings.Repeat("00", 22), "0064 ffffffff ffffffff ffffffff 0000 0000", "0001 0010 80000a02"), nil},
		{ofp.BadMatchBadLen, "field cut off", nil, flowRaw("80000004 0001", ""), nil},
		{ofp.BadMatchBadLen, "field header cut off", nil, flowRaw("8000", ""), nil},
		{ofp.BadMatchBadWildcards, "value beyond its mask", nil, flowRaw("8000070c 020000000003 ffffffffff00", ""), nil},
		{ofp.BadMatchBadField, "field 40", nil, flowRaw("80005001 00", ""), nil},
		{ofp.BadMatchBadField, "unknown class", nil, flowRaw("80010004 00000001", ""), nil},
		{ofp.BadMatchBadField, "experimenter's class", nil, flowRaw("ffff5406 4f4e4600 0002", ""), nil},
		{ofp.BadMatchBadValue, "VLAN_VID 0x2001", nil, flowRaw("80000c02 2001", ""), nil},
		{ofp.BadMatchBadValue, "IP_DSCP 64", nil, flowRaw(ipv4Hex+"80001001 40", ""), nil},
		{ofp.BadMatchBadValue, "IPV6_FLABEL of 21 bits", nil, flowRaw(ipv6Hex+"80003804 00100000", ""), nil},
		{ofp.BadMatchBadValue, "MPLS_BOS 2", nil, flowRaw("80000a02 8847 80004801 02", ""), nil},
		{ofp.BadMatchBadPrereq, "after its dependent", nil, flowRaw("80001604 0a000001"+ipv4Hex, ""), nil},
		{ofp.BadMatchBadPrereq, "VLAN_PCP of untagged", nil, flowRaw("80000c02 0000 80000e01 01", ""), nil},
		{ofp.BadMatchBadPrereq, "IPV6_ND_SLL of an advertisement", nil, flowRaw(icmp6+"80003a01 88 80004006 020000000001", ""), nil},
		{ofp.BadMatchBadPrereq, "of a field masked with zeros", nil, flowRaw("80001708 00000000 00000000", ""), nil},
		{ofp.BadMatchBadPrereq, "in flow statistics", nil, multipartRaw(ofp.MultipartFlow, everyFlowHex(0)+matchHex("80001604 0a000001")), nil},
	}
	// Each field by itself: twice, of another length, masked where it cannot be,
	// without what it depends on.
	for i := range flow.Table {
		f := &flow.Table[i]
		tlv := func(n int, mask string) string {
			has := 0
			if mask != "" {
				has = 1
			}
			return fmt.Sprintf("8000 %02x %02x", int(f.ID)<<1|has, n+len(unhex(mask))) + strings.Repeat("00", n) + mask
		}
		n := f.Len()
		if f.Prereq == flow.PrereqNone {
			rows = append(rows, refusal{ofp.BadMatchDupField, f.Name + " twice", nil, flowRaw(tlv(n, "")+tlv(n, ""), ""), nil})
		} else {
			rows = append(rows, refusal{ofp.BadMatchBadPrereq, f.Name + " by itself", nil, flowRaw(tlv(n, ""), ""), nil})
		}
		rows = append(rows,
			refusal{ofp.BadMatchBadLen, f.Name + " of a byte more", nil, flowRaw(tlv(n+1, ""), ""), nil},
			refusal{ofp.BadMatchBadLen, f.Name + " of no byte", nil, flowRaw(tlv(0, ""), ""), nil})
		if !f.Maskable && f.Bits > 1 {
			// A mask of all bits, or of none, says nothing: those are accepted.
			rows = append(rows, refusal{code: ofp.BadMatchBadMask, name: f.Name + " masked", msg: flowRaw(tlv(n, strings.Repeat("00", n-1)+"01"), "")})
		}
	}
	return rows
}
