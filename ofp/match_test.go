package ofp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp/internal/octets"
)

// matchCase is a match in both forms.
type matchCase struct {
	name  string
	match flow.Match
	wire  string // of the fields
}

// prefixes that fields depend on
const (
	wireIPv4   = `80000a02 0800`
	wireIPv6   = `80000a02 86dd`
	wireICMPv6 = wireIPv6 + ` 80001401 3a`
)

func matchCases() []matchCase {
	ipv4, ipv6 := is(flow.EthType, 0x0800), is(flow.EthType, 0x86dd)
	proto := func(n uint64) func(*flow.Match) { return is(flow.IPProto, n) }
	return []matchCase{
		{"empty", mk(), ``},
		{"IN_PORT", mk(is(flow.InPort, 1)), `80000004 00000001`},
		{"IN_PHY_PORT", mk(is(flow.InPort, 1), is(flow.InPhyPort, 2)), `80000004 00000001 80000204 00000002`},
		{"METADATA", mk(is(flow.Metadata, 1<<63)), `80000408 8000000000000000`},
		{"METADATA masked", mk(masked(flow.Metadata, 0xf0, 0xff)), `80000510 00000000000000f0 00000000000000ff`},
		{"ETH_DST", mk(is(flow.EthDst, 0x020304050607)), `80000606 020304050607`},
		{"ETH_DST masked", mk(masked(flow.EthDst, 1<<40, 1<<40)), `8000070c 010000000000 010000000000`},
		{"ETH_SRC", mk(is(flow.EthSrc, 0xffffffffffff)), `80000806 ffffffffffff`},
		{"ETH_SRC masked", mk(masked(flow.EthSrc, 0, 0xff)), `8000090c 000000000000 0000000000ff`},
		{"ETH_TYPE", mk(is(flow.EthType, 0x88cc)), `80000a02 88cc`},
		{"VLAN_VID none", mk(is(flow.VLANVID, 0)), `80000c02 0000`},
		{"VLAN_VID", mk(is(flow.VLANVID, 0x1064)), `80000c02 1064`},
		{"VLAN_VID any", mk(masked(flow.VLANVID, 0x1000, 0x1000)), `80000d04 1000 1000`},
		{"VLAN_VID masked", mk(masked(flow.VLANVID, 0x1002, 0x1003)), `80000d04 1002 1003`},
		{"VLAN_PCP", mk(is(flow.VLANVID, 0x1001), is(flow.VLANPCP, 7)), `80000c02 1001 80000e01 07`},
		{"VLAN_PCP of any VLAN", mk(masked(flow.VLANVID, 0x1000, 0x1000), is(flow.VLANPCP, 0)), `80000d04 1000 1000 80000e01 00`},
		{"IP_DSCP", mk(ipv4, is(flow.IPDSCP, 63)), wireIPv4 + `80001001 3f`},
		{"IP_DSCP of IPv6", mk(ipv6, is(flow.IPDSCP, 0)), wireIPv6 + `80001001 00`},
		{"IP_ECN", mk(ipv4, is(flow.IPECN, 3)), wireIPv4 + `80001201 03`},
		{"IP_PROTO", mk(ipv6, is(flow.IPProto, 255)), wireIPv6 + `80001401 ff`},
		{"IPV4_SRC, IPV4_DST", mk(ipv4, is(flow.IPv4Src, 0x0a000001), is(flow.IPv4Dst, 0xffffffff)), wireIPv4 + `80001604 0a000001 80001804 ffffffff`},
		{"IPV4_SRC, IPV4_DST masked", mk(ipv4, masked(flow.IPv4Src, 0x0a000000, 0xff000000), masked(flow.IPv4Dst, 1, 0xff)), wireIPv4 + `80001708 0a000000 ff000000 80001908 00000001 000000ff`},
		{"TCP", mk(ipv4, proto(6), is(flow.TCPSrc, 1), is(flow.TCPDst, 80)), wireIPv4 + `80001401 06 80001a02 0001 80001c02 0050`},
		{"UDP", mk(ipv6, proto(17), is(flow.UDPSrc, 1), is(flow.UDPDst, 53)), wireIPv6 + `80001401 11 80001e02 0001 80002002 0035`},
		{"SCTP", mk(ipv4, proto(132), is(flow.SCTPSrc, 1), is(flow.SCTPDst, 0)), wireIPv4 + `80001401 84 80002202 0001 80002402 0000`},
		{"ICMPv4", mk(ipv4, proto(1), is(flow.ICMPv4Type, 3), is(flow.ICMPv4Code, 4)), wireIPv4 + `80001401 01 80002601 03 80002801 04`},
		{"ARP", mk(is(flow.EthType, 0x0806), is(flow.ARPOp, 0x1234), is(flow.ARPSpa, 1), is(flow.ARPTpa, 2), is(flow.ARPSha, 3), is(flow.ARPTha, 4)),
			`80000a02 0806 80002a02 1234 80002c04 00000001 80002e04 00000002 80003006 000000000003 80003206 000000000004`},
		{"ARP masked", mk(is(flow.EthType, 0x0806), masked(flow.ARPSpa, 1, 1), masked(flow.ARPTpa, 2, 2), masked(flow.ARPSha, 3, 3), masked(flow.ARPTha, 4, 4)),
			`80000a02 0806 80002d08 00000001 00000001 80002f08 00000002 00000002 8000310c 000000000003 000000000003 8000330c 000000000004 000000000004`},
		{"IPV6_SRC, IPV6_DST", mk(ipv6, is128(flow.IPv6Src, 1, 2), is128(flow.IPv6Dst, 1<<63, 0)), wireIPv6 + `80003410 0000000000000001 0000000000000002 80003610 80 00*15`},
		{"IPV6_SRC masked", mk(ipv6, func(m *flow.Match) {
			m.SetMasked(flow.IPv6Src, flow.Value{Hi: 0x20010db8 << 32}, flow.Value{Hi: 0xffffffff << 32})
		}), wireIPv6 + `80003520 20010db8 00*12 ffffffff 00*12`},
		{"IPV6_DST, low half masked", mk(ipv6, func(m *flow.Match) {
			m.SetMasked(flow.IPv6Dst, flow.Value{Lo: 5}, flow.Value{Lo: 0xff})
		}), wireIPv6 + `80003720 00*15 05 00*15 ff`},
		{"IPV6_FLABEL", mk(ipv6, is(flow.IPv6Flabel, 0xfffff)), wireIPv6 + `80003804 000fffff`},
		{"IPV6_FLABEL masked", mk(ipv6, masked(flow.IPv6Flabel, 0x10, 0xf0)), wireIPv6 + `80003908 00000010 000000f0`},
		{"ICMPv6", mk(ipv6, proto(58), is(flow.ICMPv6Type, 128), is(flow.ICMPv6Code, 1)), wireICMPv6 + `80003a01 80 80003c01 01`},
		{"neighbour solicitation", mk(ipv6, proto(58), is(flow.ICMPv6Type, 135), is128(flow.IPv6NDTarget, 1, 2), is(flow.IPv6NDSll, 3)),
			wireICMPv6 + `80003a01 87 80003e10 0000000000000001 0000000000000002 80004006 000000000003`},
		{"neighbour advertisement", mk(ipv6, proto(58), is(flow.ICMPv6Type, 136), is(flow.ICMPv6Code, 0), is128(flow.IPv6NDTarget, 1, 2), is(flow.IPv6NDTll, 3)),
			wireICMPv6 + `80003a01 88 80003c01 00 80003e10 0000000000000001 0000000000000002 80004206 000000000003`},
		// Open vSwitch refuses these two: it asks for no other code than 0.
		{"neighbour solicitation of code 1", mk(ipv6, proto(58), is(flow.ICMPv6Type, 135), is(flow.ICMPv6Code, 1), is128(flow.IPv6NDTarget, 1, 2), is(flow.IPv6NDSll, 3)),
			wireICMPv6 + `80003a01 87 80003c01 01 80003e10 0000000000000001 0000000000000002 80004006 000000000003`},
		{"neighbour advertisement of code 255", mk(ipv6, proto(58), is(flow.ICMPv6Type, 136), is(flow.ICMPv6Code, 255), is(flow.IPv6NDTll, 3)),
			wireICMPv6 + `80003a01 88 80003c01 ff 80004206 000000000003`},
		{"MPLS", mk(is(flow.EthType, 0x8847), is(flow.MPLSLabel, 0xfffff), is(flow.MPLSTC, 7), is(flow.MPLSBOS, 1)), `80000a02 8847 80004404 000fffff 80004601 07 80004801 01`},
		{"MPLS multicast", mk(is(flow.EthType, 0x8848), is(flow.MPLSLabel, 0)), `80000a02 8848 80004404 00000000`},
		{"PBB_ISID", mk(is(flow.EthType, 0x88e7), is(flow.PBBISID, 0xffffff)), `80000a02 88e7 80004a03 ffffff`},
		{"PBB_ISID masked", mk(is(flow.EthType, 0x88e7), masked(flow.PBBISID, 0x10, 0xf0)), `80000a02 88e7 80004b06 000010 0000f0`},
		{"TUNNEL_ID", mk(is(flow.TunnelID, 1<<40)), `80004c08 0000010000000000`},
		{"TUNNEL_ID masked", mk(masked(flow.TunnelID, 1, 3)), `80004d10 0000000000000001 0000000000000003`},
		{"IPV6_EXTHDR", mk(ipv6, is(flow.IPv6Exthdr, 0x1ff)), wireIPv6 + `80004e02 01ff`},
		{"IPV6_EXTHDR masked", mk(ipv6, masked(flow.IPv6Exthdr, 1, 1)), wireIPv6 + `80004f04 0001 0001`},
	}
}

// wireMatch makes a struct ofp_match of fields.
func wireMatch(t testing.TB, fields string) []byte {
	f := wire(t, fields)
	b := be.AppendUint16(nil, matchOXM)
	b = be.AppendUint16(b, uint16(4+len(f)))
	return octets.Zeros(append(b, f...), octets.Pad8(4+len(f))-4-len(f))
}

func TestMatch(t *testing.T) {
	fields := map[flow.ID]bool{}
	for _, tt := range matchCases() {
		t.Run(tt.name, func(t *testing.T) {
			want := wireMatch(t, tt.wire)
			if got := AppendMatch(nil, &tt.match); !bytes.Equal(got, want) {
				t.Errorf("encoded\n%s want\n%s", hex.Dump(got), hex.Dump(want))
			}
			if n := MatchLen(&tt.match); n != len(want) {
				t.Errorf("MatchLen is %d, want %d", n, len(want))
			}
			got, n, err := DecodeMatch(append(want, 0xaa)) // what follows is not its business
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.match || n != len(want) {
				t.Errorf("decoded %d bytes to\n%v want\n%v", n, got, tt.match)
			}
			for i := range want {
				if _, _, err := DecodeMatch(want[:i]); codeOf(err) != BadMatchBadLen {
					t.Errorf("%d bytes of it: %v, want BAD_LEN", i, err)
				}
			}
			tt.match.Fields(func(f *flow.Field, _, _ flow.Value) bool { fields[f.ID] = true; return true })
		})
	}
	if len(fields) != flow.NumFields {
		t.Errorf("%d fields are tested, there are %d", len(fields), flow.NumFields)
	}
}

// codeOf is the code of an *Error, a code that does not exist for anything
// else.
func codeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0xdeadbeef
}

// Forms of the same match that differ from the one that we send.
func TestMatchOtherForms(t *testing.T) {
	ipv4 := is(flow.EthType, 0x0800)
	for _, tt := range []struct {
		name, fields string
		want         flow.Match
	}{
		{"mask of all ones", `8000070c 020000000001 ffffffffffff`, mk(is(flow.EthDst, 0x020000000001))},
		{"mask of all ones, field that cannot be masked", `80000b04 0800 ffff`, mk(ipv4)},
		{"mask of all ones of 13 bits", `80000d04 1005 1fff`, mk(is(flow.VLANVID, 0x1005))},
		{"mask of all ones of 16 bits", `80000d04 1005 ffff`, mk(is(flow.VLANVID, 0x1005))},
		{"mask of all ones of 32 bits over a 20 bit field", wireIPv6 + `80003908 00000005 ffffffff`, mk(is(flow.EthType, 0x86dd), is(flow.IPv6Flabel, 5))},
		{"mask of all ones, 3 bits", `80000c02 1005 80000f02 05 ff`, mk(is(flow.VLANVID, 0x1005), is(flow.VLANPCP, 5))},
		{"mask of all zeros", `8000070c 000000000000 000000000000`, mk()},
		{"mask of all zeros, field that cannot be masked", `80000108 00000000 00000000`, mk()},
		{"mask of all zeros, after what the field depends on", wireIPv4 + `80001708 00000000 00000000`, mk(ipv4)},
		{"VLAN id without OFPVID_PRESENT", `80000c02 0005`, mk(is(flow.VLANVID, 5))},
		{"neighbour solicitation, the code last", wireICMPv6 + `80003a01 87 80003e10 00*15 04 80003c01 01`,
			mk(is(flow.EthType, 0x86dd), is(flow.IPProto, 58), is(flow.ICMPv6Type, 135), is(flow.ICMPv6Code, 1), is128(flow.IPv6NDTarget, 0, 4))},
		{"other order", wireIPv4 + `80001401 06 80001c02 0050 80001604 0a000001 80000004 00000001`,
			mk(is(flow.InPort, 1), ipv4, is(flow.IPProto, 6), is(flow.TCPDst, 80), is(flow.IPv4Src, 0x0a000001))},
	} {
		m, _, err := DecodeMatch(wireMatch(t, tt.fields))
		if err != nil || m != tt.want {
			t.Errorf("%s: %v, %v; want %v", tt.name, m, err, tt.want)
		}
	}
}

// Fields of the Nicira classes whose payload is the same are read too.
func TestMatchNXM(t *testing.T) {
	for _, tt := range []struct {
		name, fields string
		want         flow.Match
	}{
		{"addresses and TCP", `00000206 020000000001 0000050c 020000000000 ff0000000000 00000602 0800 00000c01 06
			00000e04 0a000001 00001108 0a000000 ff000000 00001202 0001 00001402 0050`,
			mk(is(flow.EthDst, 0x020000000001), masked(flow.EthSrc, 0x020000000000, 0xff0000000000), is(flow.EthType, 0x0800), is(flow.IPProto, 6),
				is(flow.IPv4Src, 0x0a000001), masked(flow.IPv4Dst, 0x0a000000, 0xff000000), is(flow.TCPSrc, 1), is(flow.TCPDst, 80))},
		{"UDP", `00000602 0800 00000c01 11 00001602 0001 00001802 0035`,
			mk(is(flow.EthType, 0x0800), is(flow.IPProto, 17), is(flow.UDPSrc, 1), is(flow.UDPDst, 53))},
		{"ICMPv4", `00000602 0800 00000c01 01 00001a01 08 00001c01 00`,
			mk(is(flow.EthType, 0x0800), is(flow.IPProto, 1), is(flow.ICMPv4Type, 8), is(flow.ICMPv4Code, 0))},
		{"ARP", `00000602 0806 00001e02 0001 00002004 00000001 00002204 00000002 00012206 000000000003 00012406 000000000004`,
			mk(is(flow.EthType, 0x0806), is(flow.ARPOp, 1), is(flow.ARPSpa, 1), is(flow.ARPTpa, 2), is(flow.ARPSha, 3), is(flow.ARPTha, 4))},
		{"IPv6 and neighbour discovery", `00000602 86dd 00000c01 3a 00012610 00*15 01 00012810 00*15 02 00013604 00000003 00013801 01
			00012a01 87 00012c01 00 00012e10 00*15 04 00013006 000000000005`,
			mk(is(flow.EthType, 0x86dd), is(flow.IPProto, 58), is(flow.IPv6Src, 1), is(flow.IPv6Dst, 2), is(flow.IPv6Flabel, 3), is(flow.IPECN, 1),
				is(flow.ICMPv6Type, 135), is(flow.ICMPv6Code, 0), is(flow.IPv6NDTarget, 4), is(flow.IPv6NDSll, 5))},
		{"neighbour advertisement", `00000602 86dd 00000c01 3a 00012a01 88 00013206 000000000005`,
			mk(is(flow.EthType, 0x86dd), is(flow.IPProto, 58), is(flow.ICMPv6Type, 136), is(flow.IPv6NDTll, 5))},
		{"tunnel id", `00012008 0000000000000005`, mk(is(flow.TunnelID, 5))},
	} {
		m, _, err := DecodeMatch(wireMatch(t, tt.fields))
		if err != nil || m != tt.want {
			t.Errorf("%s: %v, %v; want %v", tt.name, m, err, tt.want)
		}
	}
	for _, tt := range []struct{ name, fields string }{
		{"in_port of 16 bits", `00000002 0001`},
		{"VLAN TCI", `00000802 1005`},
		{"type of service", wireIPv4 + `00000a01 04`},
		{"register", `00010004 00000001`},
	} {
		if _, _, err := DecodeMatch(wireMatch(t, tt.fields)); codeOf(err) != BadMatchBadField {
			t.Errorf("%s: %v, want BAD_FIELD", tt.name, err)
		}
	}
	if _, _, err := DecodeMatch(wireMatch(t, `80000606 020000000001 00000206 020000000001`)); codeOf(err) != BadMatchDupField {
		t.Errorf("a field under both its names: %v, want DUP_FIELD", err)
	}
}

func TestMatchPaddingIsIgnored(t *testing.T) {
	b := wireMatch(t, `80000a02 0800`)
	for i := 10; i < len(b); i++ {
		b[i] = 0xff
	}
	if m, n, err := DecodeMatch(b); err != nil || n != len(b) || m != mk(is(flow.EthType, 0x0800)) {
		t.Errorf("%v, %d, %v", m, n, err)
	}
}

// What a field's own row says about masks is what the decoder does.
func TestMatchMaskability(t *testing.T) {
	for _, tt := range matchCases() {
		tt.match.Fields(func(f *flow.Field, v, mask flow.Value) bool {
			if f.Bits == 1 || mask != f.Full() {
				return true
			}
			// The prerequisites, then the field with all mask bits but the lowest.
			m := tt.match
			m.SetMasked(f.ID, flow.Value{}, flow.Value{})
			part := f.Full()
			part.Lo &^= 1
			fields := AppendMatch(nil, &m)[4:]
			fields = fields[:be.Uint16(AppendMatch(nil, &m)[2:])-4]
			fields = append(appendOXMHeader(fields[:len(fields):len(fields)], f, 1), flow.Value{Hi: v.Hi, Lo: v.Lo &^ 1}.Append(nil, f.Len())...)
			fields = part.Append(fields, f.Len())
			_, _, err := DecodeMatch(wireMatch(t, hex.EncodeToString(fields)))
			switch code := codeOf(err); {
			case code == BadMatchBadPrereq: // others depend on it
			case f.Maskable && err != nil:
				t.Errorf("%s cannot be masked: %v", f.Name, err)
			case !f.Maskable && code != BadMatchBadMask:
				t.Errorf("%s masked: %v, want BAD_MASK", f.Name, err)
			}
			if code := codeOf(err); code == BadMatchBadMask { // what a switch says has to be readable
				got, _, err := decodeMatch(wireMatch(t, hex.EncodeToString(fields)), anyMask)
				if _, mask, _ := got.Get(f.ID); err != nil || mask != part {
					t.Errorf("%s masked, from a switch: mask %v, %v, want %v", f.Name, mask, err, part)
				}
			}
			return true
		})
	}
}
