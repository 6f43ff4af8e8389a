package l2

import "fmt"

// MAC is an Ethernet address in the low 48 bits.
type MAC uint64

// Broadcast is the address of all stations.
const Broadcast MAC = 1<<48 - 1

// IsMulticast says whether the address is that of a group (the broadcast
// address is).
func (m MAC) IsMulticast() bool { return m>>40&1 != 0 }

// String is the address in lower case with colons.
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", byte(m>>40), byte(m>>32), byte(m>>24), byte(m>>16), byte(m>>8), byte(m))
}

// IsReserved says whether frames to m speak to the next bridge only: a switch
// does not forward them, unless told to (other_config:forward-bpdu). These are
// the addresses of IEEE 802.1D §7.12.6, and those of vendors' protocols that
// Open vSwitch treats alike.
func (m MAC) IsReserved() bool {
	switch m {
	case 0x00e02b000000, // Extreme Discovery Protocol
		0x00e02b000004, 0x00e02b000006, // Ethernet Automatic Protection Switching
		0x01000c000000, // Cisco ISL
		0x01000ccccccc, // CDP, VTP, DTP, PAgP, UDLD
		0x01000ccccccd, // PVST+
		0x01000ccdcdcd: // STP uplink fast, FlexLink
		return true
	}
	return m>>4 == 0x0180c200000 || m>>4 == 0x01000cccccc // STP, pause, LACP, LLDP, ...; Cisco CFM
}
