package packet

import "encoding/binary"

// Offsets in a VLAN tag as it stands in the frame: the TPID is where the
// EtherType would be.
const (
	vlanTPID = 0
	vlanTCI  = 2

	// VLANLen is the length of a tag, in bytes.
	VLANLen = 4
)

// VLAN is a view of a VLAN tag, TPID first: VLANLen bytes at least.
type VLAN []byte

// IsVLAN says whether t is a TPID that the switch takes for a VLAN tag:
// OpenFlow 1.3.5 §7.2.5 knows these two.
func IsVLAN(t uint16) bool { return t == TypeVLAN || t == TypeQinQ }

// TPID is the tag protocol identifier.
func (h VLAN) TPID() uint16 { return binary.BigEndian.Uint16(h[vlanTPID:]) }

// TCI is the tag control information: PCP(3) DEI(1) VID(12).
func (h VLAN) TCI() uint16 { return binary.BigEndian.Uint16(h[vlanTCI:]) }

// VID is the VLAN identifier.
func (h VLAN) VID() uint16 { return h.TCI() & 0x0fff }

// PCP is the priority code point.
func (h VLAN) PCP() uint8 { return h[vlanTCI] >> 5 }

// DEI is the drop eligible indicator.
func (h VLAN) DEI() bool { return h[vlanTCI]&0x10 != 0 }

// SetTPID writes the tag protocol identifier.
func (h VLAN) SetTPID(t uint16) { binary.BigEndian.PutUint16(h[vlanTPID:], t) }

// SetTCI writes PCP, DEI and VID.
func (h VLAN) SetTCI(t uint16) { binary.BigEndian.PutUint16(h[vlanTCI:], t) }

// SetVID writes the low 12 bits of v.
func (h VLAN) SetVID(v uint16) { h.SetTCI(h.TCI()&0xf000 | v&0x0fff) }

// SetPCP writes the low 3 bits of p.
func (h VLAN) SetPCP(p uint8) { h[vlanTCI] = h[vlanTCI]&0x1f | p<<5 }

// SetDEI writes the drop eligible indicator.
func (h VLAN) SetDEI(on bool) {
	h[vlanTCI] &^= 0x10
	if on {
		h[vlanTCI] |= 0x10
	}
}
