package flow

// Word numbers of a Key. A Key is a row of 64-bit words; fields never straddle
// words except the 128-bit addresses, which take two, high half first. Bit
// positions inside a word are in the field table (field.go); the words that
// hold what OpenFlow 1.3 does not name (TPIDs, deeper tags, TTL, fragment bits)
// are laid out here.
const (
	WInPort  = iota // in_port(32) in_phy_port(32)
	WRecirc         // recirculation id(32) reserved for a hash(32)
	WTunnel         // tunnel_id(64)
	WConn           // reserved for connection state
	WEthDst         // eth_dst(48) eth_type(16)
	WEthSrc         // eth_src(48) 0(15) more tags(1)
	WVLAN           // outer tpid(16) outer tci(16) inner tpid(16) inner tci(16); tci: pcp(3) present(1) vid(12)
	WMPLS           // label stack entry 0 (32) label stack entry 1 (32)
	WMPLS2          // label stack entry 2 (32) pbb_isid(24) pbb flags(8)
	WIPv4           // ipv4_src(32) ipv4_dst(32)
	WIPv6Src        // two words
	WIPv6SrcLo
	WIPv6Dst // two words
	WIPv6DstLo
	WIP       // 0(3) ipv6_flabel(20) ipv6_exthdr(9) ip_proto(8) dscp(6) ecn(2) ttl(8) frag(8)
	WL4       // src port or ICMP type(16) dst port or ICMP code(16) tcp_flags(16) 0(16)
	WARP      // arp_spa(32) arp_tpa(32)
	WARPSha   // arp_sha(48) arp_op(16)
	WARPTha   // arp_tha(48) 0(16)
	WNDTarget // two words
	WNDTargetLo
	WNDSll // nd_sll(48) 0(16)
	WNDTll // nd_tll(48) 0(16)

	// KeyWords is the length of a Key.
	KeyWords = iota
)

// Words of State, counted on from the Key's: one Mask and one Wide cover both.
const (
	WMetadata = KeyWords + iota // OpenFlow metadata(64)

	// Words is the length of a Wide and of a Mask.
	Words = KeyWords + iota
	// StateWords is the length of the translation-only part.
	StateWords = Words - KeyWords
)

// MoreTags is the bit of WEthSrc that says that the frame has more VLAN tags than the two that
// the key holds. The fields are those behind all of them.
const MoreTags = 1

// Where in their words the parts are that the field table has no row for: shifts of their
// lowest bits.
const (
	TTLShift      = 8  // TTL or hop limit (8 bits), in WIP
	MPLSTTLShift  = 32 // TTL of the outermost label (8 bits), in WMPLS
	TCPFlagsShift = 16 // TCP flags (12 bits), in WL4
)

// Fragment bits (low byte of WIP).
const (
	FragAny   = 1 // the packet is a fragment
	FragLater = 2 // and not the first one: it has no layer 4 header
)

// Key is what the data path knows of one frame: its header fields and the
// datapath's metadata. Comparable; two frames with equal keys get the same
// program.
//
// Invariant: words whose bit in Bits is clear are zero.
type Key struct {
	W    [KeyWords]uint64
	Bits uint32 // bit i: word i is in use
}

// Wide is a key together with the translation-only state (OpenFlow metadata,
// later registers): what a flow table is looked up with. The first KeyWords
// words are laid out as in Key.
type Wide [Words]uint64

// SetKey copies k into the key part and clears the state part.
func (w *Wide) SetKey(k *Key) {
	copy(w[:KeyWords], k.W[:])
	clear(w[KeyWords:])
}

// Mask has a 1 for every bit of a Wide that counts.
type Mask [Words]uint64

// Or adds the bits of o to m.
func (m *Mask) Or(o *Mask) {
	for i := range m {
		m[i] |= o[i]
	}
}
