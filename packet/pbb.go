package packet

import "encoding/binary"

// Offsets in an I-tag as it stands in the frame: the EtherType is where that
// of the customer's frame would be.
const (
	pbbType = 0
	pbbTCI  = 2
	pbbCDst = 6
	pbbCSrc = 12

	// pbbTCIEnd is the length of an I-tag without the customer's addresses.
	pbbTCIEnd = 6

	// PBBLen is the length of an I-tag with the customer's addresses,
	// EtherType included, in bytes (IEEE 802.1Q §9.7).
	PBBLen = 18
)

// PBB is a view of an I-tag of provider backbone bridging, EtherType first:
// PBBLen bytes at least.
type PBB []byte

// TCI is the tag control information: PCP(3) DEI(1) UCA(1) reserved(3)
// I-SID(24).
func (h PBB) TCI() uint32 { return binary.BigEndian.Uint32(h[pbbTCI:]) }

// ISID is the service identifier.
func (h PBB) ISID() uint32 { return h.TCI() & 0xffffff }

// PCP is the priority code point.
func (h PBB) PCP() uint8 { return h[pbbTCI] >> 5 }

// DEI is the drop eligible indicator.
func (h PBB) DEI() bool { return h[pbbTCI]&0x10 != 0 }

// UCA is the "use customer addresses" bit.
func (h PBB) UCA() bool { return h[pbbTCI]&0x08 != 0 }

// CDst is the customer's destination address in the low 48 bits.
func (h PBB) CDst() uint64 { return mac(h[pbbCDst:]) }

// CSrc is the customer's source address in the low 48 bits.
func (h PBB) CSrc() uint64 { return mac(h[pbbCSrc:]) }

// SetType writes the EtherType, TypePBB.
func (h PBB) SetType(t uint16) { binary.BigEndian.PutUint16(h[pbbType:], t) }

// SetTCI writes the tag control information.
func (h PBB) SetTCI(t uint32) { binary.BigEndian.PutUint32(h[pbbTCI:], t) }

// SetISID writes the low 24 bits of isid.
func (h PBB) SetISID(isid uint32) { h.SetTCI(h.TCI()&0xff000000 | isid&0xffffff) }

// SetPCP writes the low 3 bits of p.
func (h PBB) SetPCP(p uint8) { h[pbbTCI] = h[pbbTCI]&0x1f | p<<5 }

// SetDEI writes the drop eligible indicator.
func (h PBB) SetDEI(on bool) { h.setBit(0x10, on) }

// SetUCA writes the "use customer addresses" bit.
func (h PBB) SetUCA(on bool) { h.setBit(0x08, on) }

func (h PBB) setBit(bit byte, on bool) {
	h[pbbTCI] &^= bit
	if on {
		h[pbbTCI] |= bit
	}
}

// SetCDst writes the low 48 bits of a as the customer's destination address.
func (h PBB) SetCDst(a uint64) { putMAC(h[pbbCDst:], a) }

// SetCSrc writes the low 48 bits of a as the customer's source address.
func (h PBB) SetCSrc(a uint64) { putMAC(h[pbbCSrc:], a) }

// outerPBB is the outermost I-tag, which may end behind its TCI, or nil.
func (f *Frame) outerPBB(b []byte) PBB {
	at := f.l2end(b)
	if at < 0 || binary.BigEndian.Uint16(b[at:]) != TypePBB || at+pbbTCIEnd > len(b) {
		return nil
	}
	return PBB(b[at:])
}
