package packet

import "encoding/binary"

// MPLSLen is the length of a label stack entry, in bytes.
const MPLSLen = 4

// mplsBOS is the bottom of stack bit in an entry.
const mplsBOS = 1 << 8

// MPLS is a view of one label stack entry (RFC 3032 §2.1): MPLSLen bytes at
// least.
type MPLS []byte

// Entry is the whole entry: label(20) TC(3) S(1) TTL(8).
func (h MPLS) Entry() uint32 { return binary.BigEndian.Uint32(h) }

// Label is the label value.
func (h MPLS) Label() uint32 { return h.Entry() >> 12 }

// TC is the traffic class (RFC 5462).
func (h MPLS) TC() uint8 { return h[2] >> 1 & 7 }

// BOS says whether this is the bottom of the stack.
func (h MPLS) BOS() bool { return h[2]&1 != 0 }

// TTL is the time to live.
func (h MPLS) TTL() uint8 { return h[3] }

// SetEntry writes the whole entry.
func (h MPLS) SetEntry(e uint32) { binary.BigEndian.PutUint32(h, e) }

// SetLabel writes the low 20 bits of l.
func (h MPLS) SetLabel(l uint32) { h.SetEntry(h.Entry()&0xfff | l<<12) }

// SetTC writes the low 3 bits of t.
func (h MPLS) SetTC(t uint8) { h[2] = h[2]&^0x0e | t&7<<1 }

// SetBOS writes the bottom of stack bit.
func (h MPLS) SetBOS(on bool) {
	h[2] &^= 1
	if on {
		h[2] |= 1
	}
}

// SetTTL writes the time to live.
func (h MPLS) SetTTL(t uint8) { h[3] = t }

// isMPLS says whether a label stack follows the EtherType t.
func isMPLS(t uint16) bool { return t == TypeMPLS || t == TypeMPLSMC }
