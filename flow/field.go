package flow

// ID names a row of the field table.
type ID uint8

// The 40 match fields of OpenFlow 1.3.5 §7.2.3.7, numbered as there.
const (
	InPort ID = iota
	InPhyPort
	Metadata
	EthDst
	EthSrc
	EthType
	VLANVID
	VLANPCP
	IPDSCP
	IPECN
	IPProto
	IPv4Src
	IPv4Dst
	TCPSrc
	TCPDst
	UDPSrc
	UDPDst
	SCTPSrc
	SCTPDst
	ICMPv4Type
	ICMPv4Code
	ARPOp
	ARPSpa
	ARPTpa
	ARPSha
	ARPTha
	IPv6Src
	IPv6Dst
	IPv6Flabel
	ICMPv6Type
	ICMPv6Code
	IPv6NDTarget
	IPv6NDSll
	IPv6NDTll
	MPLSLabel
	MPLSTC
	MPLSBOS
	PBBISID
	TunnelID
	IPv6Exthdr

	NumFields = iota
)

// OXM classes (OpenFlow 1.3.5 §7.2.3.3).
const (
	ClassNXM0       = 0x0000
	ClassNXM1       = 0x0001
	ClassBasic      = 0x8000
	ClassExperiment = 0xffff
)

// VIDPresent is OFPVID_PRESENT: the frame has a VLAN tag.
const VIDPresent = 0x1000

// Prereq is what a match must hold before a field may stand in it (OpenFlow
// 1.3.5 §7.2.3.6 and table 12).
type Prereq uint8

// Prerequisites. Each includes those that it builds on: PrereqTCP asks for an
// IP EtherType and for IP protocol 6.
const (
	PrereqNone      Prereq = iota
	PrereqInPort           // in_port is matched
	PrereqVLAN             // vlan_vid is matched and asks for a tag
	PrereqIP               // eth_type 0x0800 or 0x86dd
	PrereqIPv4             // eth_type 0x0800
	PrereqIPv6             // eth_type 0x86dd
	PrereqARP              // eth_type 0x0806 (and 0x8035, as in Open vSwitch)
	PrereqMPLS             // eth_type 0x8847 or 0x8848
	PrereqPBB              // eth_type 0x88e7
	PrereqTCP              // PrereqIP, ip_proto 6
	PrereqUDP              // PrereqIP, ip_proto 17
	PrereqSCTP             // PrereqIP, ip_proto 132
	PrereqICMPv4           // PrereqIPv4, ip_proto 1
	PrereqICMPv6           // PrereqIPv6, ip_proto 58
	PrereqND               // PrereqICMPv6, icmpv6_type 135 or 136
	PrereqNDSolicit        // PrereqICMPv6, icmpv6_type 135
	PrereqNDAdvert         // PrereqICMPv6, icmpv6_type 136
)

// Format is how a field's values are written as text.
type Format uint8

// Text formats.
const (
	FormatDecimal Format = iota
	FormatHex            // 0x...
	FormatPort           // number or reserved name
	FormatMAC            // 02:00:00:00:00:01
	FormatIPv4           // dotted quad, CIDR or dotted mask
	FormatIPv6           // RFC 5952, prefix length or address mask
	FormatVLAN           // decimal VLAN id with OFPVID_PRESENT
	FormatExthdr         // names of header bits joined by "|", or hex
)

// Field is one row of the field table. Key layout, OXM codec, text parser and
// printer, validation and feature replies all read it.
type Field struct {
	ID       ID
	Name     string   // as in the specification, without OFPXMT_OFB_: "IPV4_SRC"
	Text     string   // as ovs-ofctl prints it in a match: "nw_src"
	SetText  string   // as ovs-ofctl prints it in set_field: "ip_src"
	Aliases  []string // other names that ovs-ofctl reads: "ip_src", "ipv4_src"
	Bits     int      // width
	Maskable bool     // OpenFlow 1.3.5 table 12
	OVSMask  bool     // ovs-ofctl's text (and Open vSwitch's wire) allows a mask
	Writable bool     // legal in SET_FIELD (OpenFlow 1.3.5 §7.2.5)
	Prereq   Prereq   // what the match must hold before this field may stand in it
	Format   Format   // how values are written in text
	Word     int      // word of the Key or Wide; a 128-bit field takes Word and Word+1
	Shift    int      // of its lowest bit in that word

	// NXMClass and NXMNumber are the field's older name, the Nicira extension
	// to OpenFlow 1.0, where its payload is the same; NXMNumber -1: none.
	NXMClass  uint16
	NXMNumber int
}

// Len is the length of the field's OXM payload without mask, in bytes. The two
// 20-bit labels take 4; 24 bits take 3 (OpenFlow 1.3.5 §7.2.3.7).
func (f *Field) Len() int {
	if f.Bits == 20 {
		return 4
	}
	return (f.Bits + 7) / 8
}
