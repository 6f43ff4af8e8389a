package packet

import "encoding/binary"

// PushMPLS puts a label stack entry before all others and makes ethertype,
// TypeMPLS or TypeMPLSMC, the EtherType of the frame (OpenFlow 1.3.5 §5.12,
// §7.2.5). Label, traffic class and TTL are those of the label that was the
// outermost one (§5.12.1); the first label of a frame gets the TTL of IPv4 or
// the hop limit of IPv6, the bottom of stack bit, and zeros.
//
// The entry goes behind the VLAN tags, as in every other switch: RFC 3032 §2.1
// knows labels between the data link header, to which tags belong, and the
// network header.
//
// It reports false, and changes nothing, when the headroom is too small (the
// caller clones the frame and tries again), the label stack is cut short,
// ethertype announces no labels, or the frame is IEEE 802.3 with a length,
// which could not announce any. Offload moves along. Layers are afterwards what
// extraction finds: IP below a label is nobody's business.
func PushMPLS(f *Frame, ethertype uint16) bool {
	b := f.Bytes()
	at := f.l2end(b)
	if at < 0 || !isMPLS(ethertype) {
		return false
	}
	e := uint32(mplsBOS)
	switch t := binary.BigEndian.Uint16(b[at:]); {
	case t < TypeMin:
		return false
	case isMPLS(t):
		if at+2+MPLSLen > len(b) {
			return false
		}
		e = MPLS(b[at+2:]).Entry() &^ mplsBOS
	case t == TypeIPv4 || t == TypeIPv6:
		ttl, _ := IPTTL(f)
		e |= uint32(ttl)
	}
	b, ok := f.Prepend(MPLSLen)
	if !ok {
		return false
	}
	copy(b, b[MPLSLen:MPLSLen+at])
	binary.BigEndian.PutUint16(b[at:], ethertype)
	MPLS(b[at+2:]).SetEntry(e)
	f.Layers = opaque(b, at)
	return true
}

// PopMPLS takes the outermost label off and makes ethertype the EtherType of
// the frame: of what follows only the sender of the flow knows what it is
// (OpenFlow 1.3.5 §7.2.5). It reports false, and changes nothing, when there is
// no label. Offload moves along. Layers are right up to labels and I-tag;
// for all that a label hid the frame is to be extracted again.
func PopMPLS(f *Frame, ethertype uint16) bool {
	if f.outerLabel() == nil {
		return false
	}
	b, at := f.Bytes(), int(f.Layers.L2End)
	copy(b[MPLSLen:], b[:at])
	f.TrimFront(MPLSLen)
	b = f.Bytes()
	binary.BigEndian.PutUint16(b[at:], ethertype)
	f.Layers = opaque(b, at)
	return true
}

// opaque gives the layers of a frame with the EtherType at the given place, of
// which extraction sees no more than labels or an I-tag.
func opaque(b []byte, at int) Layers {
	l := Layers{L2End: int16(at), MPLS: -1, L3: -1, L4: -1}
	// Label and I-TCI are of one length.
	if t := binary.BigEndian.Uint16(b[at:]); (isMPLS(t) || t == TypePBB) && at+2+MPLSLen <= len(b) {
		l.MPLS = l.L2End + 2
	}
	return l
}

// SegmentBeforeMPLS says whether f is to be segmented before a label is pushed:
// it is a GSO frame that has neither IP nor labels where the new label goes, but
// more VLAN tags than extraction parses or an I-tag. Behind a label Segment
// could not know them.
func SegmentBeforeMPLS(f *Frame) bool {
	if !f.Offload.IsGSO() {
		return false
	}
	b := f.Bytes()
	at := f.l2end(b)
	if at < 0 {
		return false
	}
	t := binary.BigEndian.Uint16(b[at:])
	return IsVLAN(t) || t == TypePBB
}
