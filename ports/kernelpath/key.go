package kernelpath

// Class says which headers a frame has. It is part of every key, and of every mask
// whole: a flow is for the frames of one class.
//
// Only frames whose headers are beyond doubt have a class, and others are never found
// in the table: Ethernet II; no VLAN tag, or one of 802.1Q alone; IPv4 without options, no
// fragment; IPv6 without extension headers; TCP, UDP, ICMP or ICMPv6 with the whole of
// their header, ICMPv6 other than neighbour solicitations and advertisements. So the class
// implies the values of flow.Key for: the EtherType of all but ClassL2, the outer TPID, the
// second tag (none), the mark for more tags (none), ip_proto, the fragment bits (none) and
// ipv6_exthdr (none). Not in the key at all are the TTL, TCP flags, the IPv6 flow label
// and the fields of ARP, MPLS, PBB and neighbour discovery.
type Class uint16

// The classes. ClassTagged is or'ed to one of the others: there is one tag.
const (
	// ClassL2: an EtherType of 0x600 or more that is none of IPv4, IPv6, ARP, RARP, MPLS,
	// PBB and VLAN tags.
	ClassL2 Class = 1 + iota
	ClassTCPv4
	ClassUDPv4
	ClassICMPv4
	ClassTCPv6
	ClassUDPv6
	ClassICMPv6

	ClassTagged Class = 0x100
)

// Key is what the kernel knows of a frame, or a mask of it: in a mask a bit that is
// set counts. The zero value is a key of no class, and the mask that only looks at
// the class. The words:
//
//	0  port(16) class(16) eth_type(16) vlan_tci(16)
//	1  eth_dst(48) 0(16)
//	2  eth_src(48) nw_tos(8) 0(8)
//	3  tp_src(16) tp_dst(16) 0(32)
//	4  ipv4_src(32) ipv4_dst(32), or the high half of ipv6_src
//	5  the low half of ipv6_src
//	6  ipv6_dst, high half
//	7  ipv6_dst, low half
//
// Fields that frames of a class do not have are 0 in its keys; in a mask they do
// no harm. The port is Add's.
type Key [8]uint64

func (k *Key) set(word, shift int, mask, v uint64) {
	k[word] = k[word]&^(mask<<shift) | v&mask<<shift
}

// SetClass sets the class. Add completes that of a mask.
func (k *Key) SetClass(c Class) { k.set(0, 32, 0xffff, uint64(c)) }

// Class is the class.
func (k *Key) Class() Class { return Class(k[0] >> 32) }

// SetEthType sets the EtherType, behind the tag if there is one: of all classes.
func (k *Key) SetEthType(v uint16) { k.set(0, 16, 0xffff, uint64(v)) }

// SetVLAN sets the tag's control information as flow.Key has it: PCP(3), 1, VID(12), 0
// where there is no tag. The DEI bit of frames is not looked at.
func (k *Key) SetVLAN(tci uint16) { k.set(0, 0, 0xffff, uint64(tci)) }

// SetEthDst sets the destination address, 48 bits.
func (k *Key) SetEthDst(v uint64) { k.set(1, 16, 1<<48-1, v) }

// SetEthSrc sets the source address, 48 bits.
func (k *Key) SetEthSrc(v uint64) { k.set(2, 16, 1<<48-1, v) }

// SetTOS sets DSCP(6) and ECN(2).
func (k *Key) SetTOS(v uint8) { k.set(2, 8, 0xff, uint64(v)) }

// SetTransport sets the ports of TCP and UDP, the type and code of ICMP and ICMPv6.
func (k *Key) SetTransport(src, dst uint16) { k.set(3, 32, 0xffffffff, uint64(src)<<16|uint64(dst)) }

// SetIPv4 sets the addresses of the IPv4 classes.
func (k *Key) SetIPv4(src, dst uint32) { k[4] = uint64(src)<<32 | uint64(dst) }

// SetIPv6 sets the addresses of the IPv6 classes, high halves first.
func (k *Key) SetIPv6(src, dst [2]uint64) { k[4], k[5], k[6], k[7] = src[0], src[1], dst[0], dst[1] }

// setPort sets the port's index.
func (k *Key) setPort(i uint16) { k.set(0, 48, 0xffff, uint64(i)) }
