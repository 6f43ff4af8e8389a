package of10

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/ofp/internal/octets"
)

// sent has messages as ovs-ofctl 3.1 sends them without -O, each with the flow that
// it was given. A setting before them has the codec read their tables.
var sent = []struct{ flow, hex string }{
	{"in_port=1,actions=output:2", `010e005000000006003820fe00010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000008000ffffffffffff00000000000800020000`},
	{"tcp,tp_src=80,nw_src=10.0.0.0/8,actions=mod_vlan_vid:5,mod_vlan_pcp:3,strip_vlan,mod_dl_src:02:00:00:00:00:01,mod_nw_tos:8,mod_tp_src:7,enqueue:2:1,controller:100", `010e0098000000060038188f0000000000000000000000000000000000000800000600000a000000000000000050000000000000000000000000000000008000ffffffffffff00000001000800050000000200080300000000030008000000000004001002000000000100000000000000080008080000000009000800070000000b001000020000000000000000000100000008fffd0064`},
	{"ipv6,actions=set_queue:3,output:1,pop_queue,dec_ttl,controller", `010e008800000008003820ef00000000000000000000000000000000000086dd0000000000000000000000000000000000000000000000000000000000008000ffffffffffff0000ffff00100000232000040000000000030000000800010000ffff0010000023200005000000000000ffff001000002320001200000000000000000008fffdffff`},
	{"ip,actions=mod_nw_ttl:5,mod_nw_ecn:1,mod_tp_dst:9,output:2", `010e008800000006003820ef00000000000000000000000000000000000008000000000000000000000000000000000000000000000000000000000000008000ffffffffffff0000ffff0018000023200007000700013a010000000000000005ffff00180000232000070001000138010000000000000001000a0008000900000000000800020000`},
	{"mpls,actions=set_mpls_ttl:3,dec_mpls_ttl,pop_mpls:0x0800", `010e007800000006003820ef00000000000000000000000000000000000088470000000000000000000000000000000000000000000000000000000000008000ffffffffffff0000ffff0010000023200019030000000000ffff001000002320001a000000000000ffff0010000023200018080000000000`},
	{"mpls,actions=set_mpls_label:4,set_mpls_tc:1", `010e006800000006003820ef00000000000000000000000000000000000088470000000000000000000000000000000000000000000000000000000000008000ffffffffffff0000ffff001000002320001e000000000004ffff001000002320001f010000000000`},
	{"actions=group:1", `010e005800000006003820ff00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000008000ffffffffffff0000ffff0010000023200028000000000001`},
	{"actions=goto_table:1", `010e005800000006003820ff00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000008000ffffffffffff0000ffff001000002320000efff801000000`},
	{"vlan_tci=0x1005/0x1fff,actions=mod_vlan_vid:5", `0104004000000008000023200000000d00000000000000000000000000008000ffffffffffff000000080000000000000000090410051fff0001000800050000`},
	{"vlan_tci=0,actions=mod_vlan_vid:5", `010e005000000006002820fd0000000000000000000000000000ffff000000000000000000000000000000000000000000000000000000000000000000008000ffffffffffff00000001000800050000`},
	{"sctp,tp_src=5,actions=output:1", `0104005000000008000023200000000d00000000000000000000000000008000ffffffffffff0000001100000000000000000602080000000c0184800022020005000000000000000000000800010000`},
	{"mpls,mpls_label=4,actions=output:1", `0104004800000008000023200000000d00000000000000000000000000008000ffffffffffff0000000e000000000000000006028847800044040000000400000000000800010000`},
	{"metadata=0x5/0x7,actions=output:1", `0104005000000008000023200000000d00000000000000000000000000008000ffffffffffff000000140000000000008000051000000000000000050000000000000007000000000000000800010000`},
	{"cookie=0x7,idle_timeout=3,priority=7,send_flow_rem,check_overlap,in_port=3,actions=output:1", `010e005000000006003820fe00030000000000000000000000000000000000000000000000000000000000000000000000000000000000070000000300000007ffffffffffff00030000000800010000`},
	{"ipv6,actions=set_field:::1->ipv6_src", `0104006800000008000023200000000d00000000000000000000000000008000ffffffffffff000000060000000000000000060286dd0000ffff0018000023200007003f000126100000000000000001ffff0018000023200007103f000126100000000000000000`},
	{"tcp6,actions=mod_tp_src:5", `0104004800000008000023200000000d00000000000000000000000000008000ffffffffffff0000000b0000000000000000060286dd00000c010600000000000009000800050000`},
	{"actions=push_mpls:0x8847,set_tunnel:0x1,write_metadata:0x5", `0104007000000008000023200000000d00000000000000000000000000008000ffffffffffff00000000000000000000ffff0010000023200017884700000000ffff0010000023200002000000000001ffff00200000232000160000000000000000000000000005ffffffffffffffff`},
}

func decodeHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decode reads a message, whose header it checks.
func decode(c *Codec, b []byte) (ofp.Header, ofp.Message, error) {
	h, err := ofp.ParseHeader(b)
	if err != nil || h.Version != Version || int(h.Length) != len(b) {
		return h, nil, errors.New("no message of OpenFlow 1.0")
	}
	m, err := c.Decode(h, b[ofp.HeaderLen:])
	return h, m, err
}

// TestDecodeFlowMods reads what ovs-ofctl sends and writes it as ovs-ofctl writes
// flows.
func TestDecodeFlowMods(t *testing.T) {
	for _, tt := range sent {
		_, m, err := decode(new(Codec), decodeHex(t, tt.hex))
		if err != nil {
			t.Errorf("%s: %v", tt.flow, err)
			continue
		}
		f := m.(*ofp.FlowMod)
		if !f.Legacy || f.Table != 0 || f.Command != ofp.FlowAdd || f.BufferID != ofp.NoBuffer {
			t.Errorf("%s: %+v", tt.flow, f)
		}
		want, err := flow.ParseMatch(matchOf(tt.flow))
		if err != nil {
			t.Fatal(err)
		}
		if f.Match != want {
			t.Errorf("%s: match is %v", tt.flow, f.Match.String())
		}
	}
}

// matchOf is the match of a flow alone.
func matchOf(s string) string {
	s, _, _ = strings.Cut(s, "actions=")
	var fields []string
	for _, part := range strings.Split(strings.TrimSuffix(s, ","), ",") {
		name, _, _ := strings.Cut(part, "=")
		switch name {
		case "cookie", "idle_timeout", "priority", "send_flow_rem", "check_overlap":
		default:
			fields = append(fields, part)
		}
	}
	return strings.Join(fields, ",")
}

// TestStatsGiveFlowsBack holds that statistics, in both forms, give match and actions
// back as they came, byte by byte.
func TestStatsGiveFlowsBack(t *testing.T) {
	for _, tt := range sent {
		b := decodeHex(t, tt.hex)
		_, m, err := decode(new(Codec), b)
		if err != nil {
			t.Fatal(err)
		}
		f := m.(*ofp.FlowMod)
		s := &ofp.FlowStats{Priority: f.Priority, Match: f.Match, Instructions: f.Instructions}
		if b[1] == typeVendor {
			n := int(be.Uint16(b[40:]))
			old, actions := b[48:48+n], b[48+octets.Pad8(n):]
			got := appendNXFlowStats(nil, s)
			if int(be.Uint16(got[18:])) != n || !bytes.Equal(got[48:48+n], old) {
				t.Errorf("%s: match % x, want % x", tt.flow, got[48:], old)
			}
			if !bytes.Equal(got[48+octets.Pad8(n):], actions) {
				t.Errorf("%s: actions % x, want % x", tt.flow, got[48+octets.Pad8(n):], actions)
			}
			continue
		}
		old, actions := b[8:48], b[72:]
		got := appendFlowStats(nil, s)
		if !bytes.Equal(got[4:44], old) {
			t.Errorf("%s: match\n% x, want\n% x", tt.flow, got[4:44], old)
		}
		if !bytes.Equal(got[88:], actions) {
			t.Errorf("%s: actions\n% x, want\n% x", tt.flow, got[88:], actions)
		}
	}
}

// TestRefusals has what is wrong with messages.
func TestRefusals(t *testing.T) {
	flowMod := func(actions string) string {
		b := append(make([]byte, matchLen+24), decodeHex(t, strings.ReplaceAll(actions, " ", ""))...)
		b[15+matchLen] = 1
		return "0e " + hex.EncodeToString(b)
	}
	match := func(n, fields string) string {
		return "04 00002320 0000000d 00000000 00000000 0000 0000 0000 8000 ffffffff ffff 0000" + n + "000000000000" + fields
	}
	tests := []struct {
		name, body string // type, and the rest in hex
		want       ofp.Code
	}{
		{"reply", "13", ofp.BadRequestBadType},
		{"type 22", "16", ofp.BadRequestBadType},
		{"long barrier", "12 00", ofp.BadRequestBadLen},
		{"short flow-mod", "0e 00", ofp.BadRequestBadLen},
		{"vendor", "04 00001111 00000000", ofp.BadRequestBadExperimenter},
		{"short set-flow-format", "04 00002320 0000000c", ofp.BadRequestBadLen},
		{"statistics type 9", "10 0009 0000", ofp.BadRequestBadMultipart},
		{"statistics of a vendor", "10 ffff 0000 00001111", ofp.BadRequestBadExperimenter},
		{"statistics 99 of Nicira", "10 ffff 0000 00002320 00000063 00000000", ofp.BadRequestBadExpType},
		{"description with a body", "10 0000 0000 00", ofp.BadRequestBadLen},
		{"role 3", "04 00002320 0000000a 00000003", ofp.RoleRequestFailedBadRole},
		{"port-mod with an unknown bit", "0f 0001 000000000000 00000080 00000080 00000000 00000000", ofp.PortModFailedBadConfig},
		{"packet-out with too long actions", "0d ffffffff ffff 0010 0000000800020000", ofp.BadRequestBadLen},

		{"action cut off", flowMod("0000"), ofp.BadActionBadLen},
		{"action of 4 bytes", flowMod("0000 0004 0000 0000"), ofp.BadActionBadLen},
		{"action 12", flowMod("000c 0008 0000 0000"), ofp.BadActionBadType},
		{"VLAN id 4096", flowMod("0001 0008 1000 0000"), ofp.BadActionBadArgument},
		{"VLAN priority 8", flowMod("0002 0008 0800 0000"), ofp.BadActionBadArgument},
		{"type of service with ECN", flowMod("0008 0008 0100 0000"), ofp.BadActionBadArgument},
		{"enqueue to FLOOD", flowMod("000b 0010 fffb 000000000000 00000000"), ofp.BadActionBadOutPort},
		{"vendor's action", flowMod("ffff 0008 00001111"), ofp.BadActionBadExperimenter},
		{"short action of Nicira", flowMod("ffff 0008 00002320"), ofp.BadActionBadLen},
		{"action 16 of Nicira, learn", flowMod("ffff 0010 00002320 0010 000000000000"), ofp.BadActionBadExpType},
		{"long dec_ttl", flowMod("ffff 0018 00002320 0012 0000 00000000 0000000000000000"), ofp.BadActionBadLen},
		{"resubmit to another port", flowMod("ffff 0010 00002320 000e 0005 01 000000"), ofp.BadActionBadArgument},
		{"resubmit that is not the last", flowMod("ffff 0010 00002320 000e fff8 01 000000 0000 0008 0001 0000"), ofp.BadActionUnsupportedOrder},
		{"load of half an address", flowMod("ffff 0018 00002320 0007 003f 00012610 0000000000000001"), ofp.BadActionBadSetArgument},
		{"load of the other half first", flowMod("ffff 0018 00002320 0007 103f 00012610 0000000000000001"), ofp.BadActionBadSetArgument},
		{"load of a part", flowMod("ffff 0018 00002320 0007 0007 00000e04 0000000000000001"), ofp.BadActionBadSetArgument},
		{"load into register 0", flowMod("ffff 0018 00002320 0007 001f 00010004 0000000000000001"), ofp.BadActionBadSetType},
		{"load of more than fits", flowMod("ffff 0018 00002320 0007 0007 00010e01 0000000000000100"), ofp.BadActionBadArgument},

		{"match longer than the message", match("0010", "00000002 0001 0000"), ofp.BadMatchBadLen},
		{"field cut off", match("0006", "00000004 0001 0000"), ofp.BadMatchBadLen},
		{"in_port of 4 bytes", match("0008", "00000004 00000001"), ofp.BadMatchBadLen},
		{"register", match("0008", "00010004 00000001"), ofp.BadMatchBadField},
		{"field twice", match("000c", "00000002 0001 00000002 0001 00000000"), ofp.BadMatchDupField},
		{"in_port twice, by both its names", match("000e", "00000002 0001 80000004 00000001 0000"), ofp.BadMatchDupField},
		{"the other way round", match("000e", "80000004 00000001 00000002 0001 0000"), ofp.BadMatchDupField},
		{"EtherType twice, by both its names", match("000c", "00000602 0800 80000a02 0005 00000000"), ofp.BadMatchDupField},
		{"VLAN tag and VLAN id", match("000c", "00000802 1001 80000c02 1002 00000000"), ofp.BadMatchDupField},
		{"the other way round", match("000c", "80000c02 1002 00000802 1001 00000000"), ofp.BadMatchDupField},
		{"no prerequisite", match("0005", "00000c01 06 000000"), ofp.BadMatchBadPrereq},
		{"a bit of the VLAN priority", match("0008", "00000904 2000 2000"), ofp.BadMatchBadMask},
		{"no priority, or no tag", match("0008", "00000904 0000 e000"), ofp.BadMatchBadMask},
		{"masked EtherType", match("0008", "00000704 0800 ff00"), ofp.BadMatchBadMask},
		{"value beyond its mask", match("0008", "00000904 0001 1000"), ofp.BadMatchBadWildcards},
		{"type of service with ECN in a match", match("000b", "00000602 0800 00000a01 01 0000000000"), ofp.BadMatchBadValue},
	}
	for _, tt := range tests {
		b := decodeHex(t, strings.ReplaceAll(tt.body, " ", ""))
		body := b[1:]
		_, err := new(Codec).Decode(ofp.Header{Version: Version, Type: ofp.Type(b[0])}, body)
		if m, isExp := expRefusal(b, body, err); isExp {
			err = m
		}
		var e *ofp.Error
		if !errors.As(err, &e) || e.Code != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// expRefusal stands for what the channel does with vendors' messages that are not
// known here.
func expRefusal(b, body []byte, err error) (error, bool) {
	if err != nil || b[0] != typeVendor || be.Uint32(body) == ofp.ExperimenterNicira {
		return nil, false
	}
	return ofp.BadRequestBadExperimenter.Errorf("not known"), true
}

// TestMatchBothWays holds each field of the match of OpenFlow 1.0, and of its
// reserved numbers.
func TestMatchBothWays(t *testing.T) {
	for _, s := range []string{
		"", "in_port=1", "in_port=LOCAL", "in_port=65279", "dl_src=02:00:00:00:00:01", "dl_dst=02:00:00:00:00:01", "dl_vlan=5", "dl_vlan_pcp=3",
		"dl_vlan=5,dl_vlan_pcp=3", "vlan_tci=0", "dl_type=0x1234", "ip", "ip,nw_src=1.2.3.4", "ip,nw_dst=1.2.0.0/16", "ip,nw_tos=32",
		"ip,nw_proto=50", "tcp,tp_src=1,tp_dst=65535", "udp,tp_dst=53", "sctp,tp_src=4", "icmp,icmp_type=8,icmp_code=3",
		"arp,arp_op=2,arp_spa=1.2.3.4,arp_tpa=1.0.0.0/8", "ipv6,nw_proto=6", "icmp6,icmp_type=128",
	} {
		m, err := flow.ParseMatch(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := decodeMatch(appendMatch(nil, &m)); got != m {
			t.Errorf("%q becomes %v", s, got.String())
		}
		b, n := appendNXMatch(nil, &m)
		if nm, rest, err := decodeNXMatch(b, n); err != nil || len(rest) != 0 || nm.match != m {
			t.Errorf("%q becomes %v in NXM, %v", s, nm.match.String(), err)
		}
	}
}

// TestNXMBothWays holds every field of the field table, and masks, in NXM.
func TestNXMBothWays(t *testing.T) {
	for _, s := range []string{
		"in_port=65536", "metadata=5/7", "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00", "vlan_vid=0x1004/0x1004", "ip,nw_ecn=1", "ip,nw_src=1.0.0.4/255.0.0.255",
		"tcp,tp_dst=0x10/0xf0", "arp,arp_sha=02:00:00:00:00:01,arp_tha=02:00:00:00:00:02/0f:00:00:00:00:02", "ipv6,ipv6_src=::1,ipv6_dst=fe80::/10,ipv6_label=5",
		"icmp6,icmp_type=135,nd_target=::1,nd_sll=02:00:00:00:00:01", "icmp6,icmp_type=136,nd_tll=02:00:00:00:00:01", "mpls,mpls_label=5,mpls_tc=1,mpls_bos=1",
		"tun_id=5/0xff", "dl_type=0x88e7,pbb_isid=5", "ipv6,ipv6_exthdr=nonext", "in_port=1,in_phy_port=2",
	} {
		m, err := flow.ParseMatch(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		b, n := appendNXMatch(nil, &m)
		if nm, _, err := decodeNXMatch(b, n); err != nil || nm.match != m {
			t.Errorf("%q becomes %q, %v", s, nm.match.String(), err)
		}
	}
}

// TestErrorCodes holds that codes become those that Open vSwitch 3.1 sends.
func TestErrorCodes(t *testing.T) {
	for _, tt := range []struct {
		code ofp.Code
		want string // behind the header
	}{
		{ofp.BadRequestBadLen, "0001 0006"},
		{ofp.BadRequestIsSlave, "0001 0005"},
		{ofp.BadRequestBadTableID, "b0c2 0000 00002320 0001 0200"},
		{ofp.BadActionBadQueue, "0002 0008"},
		{ofp.BadActionBadOutGroup, "b0c2 0000 00002320 0002 0009"},
		{ofp.BadActionMatchInconsistent, "b0c2 0000 00002320 0001 020a"},
		{ofp.BadMatchBadPrereq, "b0c2 0000 00002320 0001 0104"},
		{ofp.FlowModFailedOverlap, "0003 0001"},
		{ofp.FlowModFailedBadTableID, "b0c2 0000 00002320 0001 0209"},
		{ofp.PortModFailedBadHWAddr, "0004 0001"},
		{ofp.QueueOpFailedBadQueue, "0005 0001"},
		{ofp.GroupModFailedLoop, "b0c2 0000 00002320 0006 0007"},
		{ofp.FlowMonitorFailedBadFlags, "b0c2 0000 00002320 0001 0206"},
		{ofp.MeterModFailedUnknownMeter, "b0c2 0000 00002320 0001 0209"},
	} {
		request := []byte("request!")
		b := new(Codec).Encode(7, ofp.ErrorFor(tt.code.Errorf("x"), request))
		want := strings.ReplaceAll(tt.want, " ", "") + hex.EncodeToString(request)
		if got := hex.EncodeToString(b[8:]); got != want || b[0] != Version || b[1] != byte(ofp.TypeError) {
			t.Errorf("%v: % x, want %s", tt.code, b, want)
		}
	}
}

// TestWriterSplits holds that statistics are split on whole entries, and that ports
// without a number of 16 bits are left out.
func TestWriterSplits(t *testing.T) {
	c := new(Codec)
	if _, err := c.Decode(ofp.Header{Version: Version, Type: typeStatsRequest}, []byte{0, 4, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	var parts [][]byte
	w := c.Writer(ofp.MultipartPortStats, 7, func(b []byte) error {
		parts = append(parts, b)
		return nil
	})
	const ports = 2000
	for i := range ports {
		no := ofp.PortNo(i + 1)
		if i%10 == 0 {
			no += 0x10000
		}
		if err := w.Add(&ofp.PortStats{Port: no}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, p := range parts {
		h, err := ofp.ParseHeader(p)
		if err != nil || int(h.Length) != len(p) || (len(p)-statsHeaderLen)%104 != 0 || be.Uint16(p[8:]) != 4 {
			t.Fatalf("part %d: %v, %v, %d bytes", i, h, err, len(p))
		}
		if more := be.Uint16(p[10:]) == 1; more != (i < len(parts)-1) {
			t.Errorf("part %d says more: %v", i, more)
		}
		n += (len(p) - statsHeaderLen) / 104
	}
	if n != ports*9/10 || len(parts) < 2 {
		t.Errorf("%d entries in %d parts", n, len(parts))
	}
}
