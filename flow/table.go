package flow

import (
	"slices"
	"strings"
)

// none marks a field that has no NXM number with the same payload. in_port
// (16 bits there), the VLAN TCI and the TOS byte exist as NXM, but mean
// something else.
const none = -1

// Table is the field table, indexed by ID. Nobody writes to it.
var Table = [NumFields]Field{
	InPort:       {Name: "IN_PORT", Text: "in_port", Aliases: []string{"in_port_oxm"}, Bits: 32, Format: FormatPort, Word: WInPort, Shift: 32, NXMNumber: none},
	InPhyPort:    {Name: "IN_PHY_PORT", Text: "in_phy_port", Bits: 32, Prereq: PrereqInPort, Format: FormatPort, Word: WInPort, Shift: 0, NXMNumber: none},
	Metadata:     {Name: "METADATA", Text: "metadata", Bits: 64, Maskable: true, OVSMask: true, Format: FormatHex, Word: WMetadata, NXMNumber: none},
	EthDst:       {Name: "ETH_DST", Text: "dl_dst", SetText: "eth_dst", Bits: 48, Maskable: true, OVSMask: true, Writable: true, Format: FormatMAC, Word: WEthDst, Shift: 16, NXMNumber: 1},
	EthSrc:       {Name: "ETH_SRC", Text: "dl_src", SetText: "eth_src", Bits: 48, Maskable: true, OVSMask: true, Writable: true, Format: FormatMAC, Word: WEthSrc, Shift: 16, NXMNumber: 2},
	EthType:      {Name: "ETH_TYPE", Text: "dl_type", SetText: "eth_type", Bits: 16, Writable: true, Format: FormatHex, Word: WEthDst, Shift: 0, NXMNumber: 3},
	VLANVID:      {Name: "VLAN_VID", Text: "vlan_vid", Bits: 13, Maskable: true, OVSMask: true, Writable: true, Format: FormatVLAN, Word: WVLAN, Shift: 32, NXMNumber: none},
	VLANPCP:      {Name: "VLAN_PCP", Text: "dl_vlan_pcp", SetText: "vlan_pcp", Bits: 3, Writable: true, Prereq: PrereqVLAN, Word: WVLAN, Shift: 45, NXMNumber: none},
	IPDSCP:       {Name: "IP_DSCP", Text: "ip_dscp", Bits: 6, Writable: true, Prereq: PrereqIP, Word: WIP, Shift: 18, NXMNumber: none},
	IPECN:        {Name: "IP_ECN", Text: "nw_ecn", Bits: 2, Writable: true, Prereq: PrereqIP, Word: WIP, Shift: 16, NXMClass: ClassNXM1, NXMNumber: 28},
	IPProto:      {Name: "IP_PROTO", Text: "nw_proto", Bits: 8, Writable: true, Prereq: PrereqIP, Word: WIP, Shift: 24, NXMNumber: 6},
	IPv4Src:      {Name: "IPV4_SRC", Text: "nw_src", SetText: "ip_src", Bits: 32, Maskable: true, OVSMask: true, Writable: true, Prereq: PrereqIPv4, Format: FormatIPv4, Word: WIPv4, Shift: 32, NXMNumber: 7},
	IPv4Dst:      {Name: "IPV4_DST", Text: "nw_dst", SetText: "ip_dst", Bits: 32, Maskable: true, OVSMask: true, Writable: true, Prereq: PrereqIPv4, Format: FormatIPv4, Word: WIPv4, Shift: 0, NXMNumber: 8},
	TCPSrc:       {Name: "TCP_SRC", Text: "tp_src", SetText: "tcp_src", Bits: 16, OVSMask: true, Writable: true, Prereq: PrereqTCP, Word: WL4, Shift: 48, NXMNumber: 9},
	TCPDst:       {Name: "TCP_DST", Text: "tp_dst", SetText: "tcp_dst", Bits: 16, OVSMask: true, Writable: true, Prereq: PrereqTCP, Word: WL4, Shift: 32, NXMNumber: 10},
	UDPSrc:       {Name: "UDP_SRC", Text: "tp_src", SetText: "udp_src", Bits: 16, OVSMask: true, Writable: true, Prereq: PrereqUDP, Word: WL4, Shift: 48, NXMNumber: 11},
	UDPDst:       {Name: "UDP_DST", Text: "tp_dst", SetText: "udp_dst", Bits: 16, OVSMask: true, Writable: true, Prereq: PrereqUDP, Word: WL4, Shift: 32, NXMNumber: 12},
	SCTPSrc:      {Name: "SCTP_SRC", Text: "tp_src", SetText: "sctp_src", Bits: 16, OVSMask: true, Writable: true, Prereq: PrereqSCTP, Word: WL4, Shift: 48, NXMNumber: none},
	SCTPDst:      {Name: "SCTP_DST", Text: "tp_dst", SetText: "sctp_dst", Bits: 16, OVSMask: true, Writable: true, Prereq: PrereqSCTP, Word: WL4, Shift: 32, NXMNumber: none},
	ICMPv4Type:   {Name: "ICMPV4_TYPE", Text: "icmp_type", Bits: 8, Writable: true, Prereq: PrereqICMPv4, Word: WL4, Shift: 48, NXMNumber: 13},
	ICMPv4Code:   {Name: "ICMPV4_CODE", Text: "icmp_code", Bits: 8, Writable: true, Prereq: PrereqICMPv4, Word: WL4, Shift: 32, NXMNumber: 14},
	ARPOp:        {Name: "ARP_OP", Text: "arp_op", Bits: 16, Writable: true, Prereq: PrereqARP, Word: WARPSha, Shift: 0, NXMNumber: 15},
	ARPSpa:       {Name: "ARP_SPA", Text: "arp_spa", Bits: 32, Maskable: true, OVSMask: true, Writable: true, Prereq: PrereqARP, Format: FormatIPv4, Word: WARP, Shift: 32, NXMNumber: 16},
	ARPTpa:       {Name: "ARP_TPA", Text: "arp_tpa", Bits: 32, Maskable: true, OVSMask: true, Writable: true, Prereq: PrereqARP, Format: FormatIPv4, Word: WARP, Shift: 0, NXMNumber: 17},
	ARPSha:       {Name: "ARP_SHA", Text: "arp_sha", Bits: 48, Maskable: true, OVSMask: true, Writable: true, Prereq: PrereqARP, Format: FormatMAC, Word: WARPSha, Shift: 16, NXMClass: ClassNXM1, NXMNumber: 17},
	ARPTha:       {Name: "ARP_THA", Text: "arp_tha", Bits: 48, Maskable: true, OVSMask: true, Writable: true, Prereq: PrereqARP, Format: FormatMAC, Word: WARPTha, Shift: 16, NXMClass: ClassNXM1, NXMNumber: 18},
	IPv6Src:      {Name: "IPV6_SRC", Text: "ipv6_src", Bits: 128, Maskable: true, OVSMask: true, Writable: true, Prereq: PrereqIPv6, Format: FormatIPv6, Word: WIPv6Src, NXMClass: ClassNXM1, NXMNumber: 19},
	IPv6Dst:      {Name: "IPV6_DST", Text: "ipv6_dst", Bits: 128, Maskable: true, OVSMask: true, Writable: true, Prereq: PrereqIPv6, Format: FormatIPv6, Word: WIPv6Dst, NXMClass: ClassNXM1, NXMNumber: 20},
	IPv6Flabel:   {Name: "IPV6_FLABEL", Text: "ipv6_label", Bits: 20, Maskable: true, OVSMask: true, Writable: true, Prereq: PrereqIPv6, Format: FormatHex, Word: WIP, Shift: 41, NXMClass: ClassNXM1, NXMNumber: 27},
	ICMPv6Type:   {Name: "ICMPV6_TYPE", Text: "icmp_type", SetText: "icmpv6_type", Bits: 8, Writable: true, Prereq: PrereqICMPv6, Word: WL4, Shift: 48, NXMClass: ClassNXM1, NXMNumber: 21},
	ICMPv6Code:   {Name: "ICMPV6_CODE", Text: "icmp_code", SetText: "icmpv6_code", Bits: 8, Writable: true, Prereq: PrereqICMPv6, Word: WL4, Shift: 32, NXMClass: ClassNXM1, NXMNumber: 22},
	IPv6NDTarget: {Name: "IPV6_ND_TARGET", Text: "nd_target", Bits: 128, OVSMask: true, Writable: true, Prereq: PrereqND, Format: FormatIPv6, Word: WNDTarget, NXMClass: ClassNXM1, NXMNumber: 23},
	IPv6NDSll:    {Name: "IPV6_ND_SLL", Text: "nd_sll", Bits: 48, OVSMask: true, Writable: true, Prereq: PrereqNDSolicit, Format: FormatMAC, Word: WNDSll, Shift: 16, NXMClass: ClassNXM1, NXMNumber: 24},
	IPv6NDTll:    {Name: "IPV6_ND_TLL", Text: "nd_tll", Bits: 48, OVSMask: true, Writable: true, Prereq: PrereqNDAdvert, Format: FormatMAC, Word: WNDTll, Shift: 16, NXMClass: ClassNXM1, NXMNumber: 25},
	MPLSLabel:    {Name: "MPLS_LABEL", Text: "mpls_label", Bits: 20, Writable: true, Prereq: PrereqMPLS, Word: WMPLS, Shift: 44, NXMNumber: none},
	MPLSTC:       {Name: "MPLS_TC", Text: "mpls_tc", Bits: 3, Writable: true, Prereq: PrereqMPLS, Word: WMPLS, Shift: 41, NXMNumber: none},
	MPLSBOS:      {Name: "MPLS_BOS", Text: "mpls_bos", Bits: 1, Writable: true, Prereq: PrereqMPLS, Word: WMPLS, Shift: 40, NXMNumber: none},
	PBBISID:      {Name: "PBB_ISID", Text: "pbb_isid", Bits: 24, Maskable: true, OVSMask: true, Writable: true, Prereq: PrereqPBB, Format: FormatHex, Word: WMPLS2, Shift: 8, NXMNumber: none},
	TunnelID:     {Name: "TUNNEL_ID", Text: "tun_id", Bits: 64, Maskable: true, OVSMask: true, Writable: true, Format: FormatHex, Word: WTunnel, NXMClass: ClassNXM1, NXMNumber: 16},
	IPv6Exthdr:   {Name: "IPV6_EXTHDR", Text: "ipv6_exthdr", Bits: 9, Maskable: true, OVSMask: true, Prereq: PrereqIPv6, Format: FormatExthdr, Word: WIP, Shift: 32, NXMNumber: none},
}

var (
	byName = make(map[string]*Field, 4*NumFields)
	byNXM  [2][64]*Field
)

// Names that mean another field when the frame is not TCP (tp_src) or not
// ICMPv4 (icmp_type) belong to the first of those rows; the text parser
// resolves them.
func init() {
	for i := range Table {
		f := &Table[i]
		f.ID = ID(i)
		if f.SetText == "" {
			f.SetText = f.Text
		}
		if f.NXMNumber >= 0 {
			byNXM[f.NXMClass][f.NXMNumber] = f
		}
		lower := strings.ToLower(f.Name)
		for _, s := range []string{f.SetText, lower} {
			if s != f.Text && !slices.Contains(f.Aliases, s) {
				f.Aliases = append(f.Aliases, s)
			}
		}
		for _, s := range append([]string{f.Text, "oxm_of_" + lower}, f.Aliases...) {
			if byName[s] == nil {
				byName[s] = f
			}
		}
	}
}

// ByName finds a field by its name in the specification ("IPV4_SRC", with or
// without OXM_OF_) or by any of ovs-ofctl's names, in either case. Nil: there is none.
func ByName(s string) *Field { return byName[strings.ToLower(s)] }

// ByOXM finds a field by its OXM class and number: class 0x8000 as in OpenFlow
// 1.3, or 0x0000 and 0x0001 for the NXM numbers of the fields whose payload is
// the same there. Nil: there is none.
func ByOXM(class uint16, number uint8) *Field {
	switch {
	case class == ClassBasic && number < NumFields:
		return &Table[number]
	case class <= ClassNXM1 && number < 64:
		return byNXM[class][number]
	}
	return nil
}

// Field is the row that id names.
func (id ID) Field() *Field { return &Table[id] }

// String is the field's name in the specification.
func (id ID) String() string {
	if int(id) < NumFields {
		return Table[id].Name
	}
	return "UNKNOWN"
}

// InKey says whether frames have the field. The others live in translation only.
func (f *Field) InKey() bool { return f.Word < KeyWords }

// Full is a value with all bits of the field set: the exact mask.
func (f *Field) Full() Value {
	switch {
	case f.Bits == 128:
		return Value{^uint64(0), ^uint64(0)}
	case f.Bits == 64:
		return Value{0, ^uint64(0)}
	}
	return Value{0, 1<<f.Bits - 1}
}

// Get reads the field.
func (f *Field) Get(w *Wide) Value {
	if f.Bits == 128 {
		return Value{w[f.Word], w[f.Word+1]}
	}
	return Value{0, w[f.Word] >> f.Shift & f.Full().Lo}
}

// Set writes the field. Bits of v beyond its width are ignored.
func (f *Field) Set(w *Wide, v Value) {
	if f.Bits == 128 {
		w[f.Word], w[f.Word+1] = v.Hi, v.Lo
		return
	}
	full := f.Full().Lo
	w[f.Word] = w[f.Word]&^(full<<f.Shift) | v.Lo&full<<f.Shift
}

// OrMask marks the whole field in m.
func (f *Field) OrMask(m *Mask) {
	if f.Bits == 128 {
		m[f.Word], m[f.Word+1] = ^uint64(0), ^uint64(0)
		return
	}
	m[f.Word] |= f.Full().Lo << f.Shift
}

// CheckValue says what is wrong with v as a value or mask of the field: nil, or
// a *ParseError when it has bits beyond the field's width.
func (f *Field) CheckValue(v Value) error {
	full := f.Full()
	if v.Hi&^full.Hi == 0 && v.Lo&^full.Lo == 0 {
		return nil
	}
	return &ParseError{Field: f.Text, Value: hexValue(v), Want: "at most " + hexValue(full)}
}
