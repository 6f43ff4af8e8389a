package packet

import "encoding/binary"

// SetEthDst writes the destination address: the low 48 bits of a.
func SetEthDst(f *Frame, a uint64) bool {
	b := f.Bytes()
	if len(b) < EthernetLen {
		return false
	}
	Ethernet(b).SetDst(a)
	return true
}

// SetEthSrc writes the source address: the low 48 bits of a.
func SetEthSrc(f *Frame, a uint64) bool {
	b := f.Bytes()
	if len(b) < EthernetLen {
		return false
	}
	Ethernet(b).SetSrc(a)
	return true
}

// SetEthType writes the EtherType behind the VLAN tags. IEEE 802.3 frames,
// which have none, are left alone.
func SetEthType(f *Frame, t uint16) bool {
	b := f.Bytes()
	at := f.l2end(b)
	if at < 0 || binary.BigEndian.Uint16(b[at:]) < TypeMin {
		return false
	}
	binary.BigEndian.PutUint16(b[at:], t)
	return true
}

// outerTag is the outermost VLAN tag, or nil.
func outerTag(b []byte) VLAN {
	if len(b) < EthernetLen+VLANLen || !IsVLAN(Ethernet(b).Type()) {
		return nil
	}
	return VLAN(b[ethType:])
}

// SetVLANVID writes the VLAN identifier of the outermost tag: the low 12 bits
// of vid.
func SetVLANVID(f *Frame, vid uint16) bool {
	h := outerTag(f.Bytes())
	if h == nil {
		return false
	}
	h.SetVID(vid)
	return true
}

// SetVLANPCP writes the priority of the outermost tag: the low 3 bits of pcp.
func SetVLANPCP(f *Frame, pcp uint8) bool {
	h := outerTag(f.Bytes())
	if h == nil {
		return false
	}
	h.SetPCP(pcp)
	return true
}

// outerLabel is the outermost MPLS label stack entry, or nil.
func (f *Frame) outerLabel() MPLS {
	b := f.Bytes()
	at := f.l2end(b)
	if at < 0 || !isMPLS(binary.BigEndian.Uint16(b[at:])) || at+2+MPLSLen > len(b) {
		return nil
	}
	return MPLS(b[at+2:])
}

// SetMPLSLabel writes the outermost label: the low 20 bits of l.
func SetMPLSLabel(f *Frame, l uint32) bool {
	h := f.outerLabel()
	if h == nil {
		return false
	}
	h.SetLabel(l)
	return true
}

// SetMPLSTC writes the outermost label's traffic class: the low 3 bits of tc.
func SetMPLSTC(f *Frame, tc uint8) bool {
	h := f.outerLabel()
	if h == nil {
		return false
	}
	h.SetTC(tc)
	return true
}

// SetMPLSBOS writes the outermost label's bottom of stack bit.
func SetMPLSBOS(f *Frame, on bool) bool {
	h := f.outerLabel()
	if h == nil {
		return false
	}
	h.SetBOS(on)
	return true
}

// SetMPLSTTL writes the outermost label's time to live.
func SetMPLSTTL(f *Frame, ttl uint8) bool {
	h := f.outerLabel()
	if h == nil {
		return false
	}
	h.SetTTL(ttl)
	return true
}

// MPLSTTL is the outermost label's time to live.
func MPLSTTL(f *Frame) (ttl uint8, found bool) {
	h := f.outerLabel()
	if h == nil {
		return 0, false
	}
	return h.TTL(), true
}

// SetPBBISID writes the service identifier of the I-tag: the low 24 bits of
// isid.
func SetPBBISID(f *Frame, isid uint32) bool {
	h := f.outerPBB(f.Bytes())
	if h == nil {
		return false
	}
	h.SetISID(isid)
	return true
}

// SetARPOp writes the operation of an ARP packet.
func SetARPOp(f *Frame, op uint16) bool {
	h := f.arp(f.Bytes())
	if h == nil {
		return false
	}
	h.SetOp(op)
	return true
}

// SetARPSpa writes the sender protocol address of an ARP packet.
func SetARPSpa(f *Frame, a uint32) bool {
	h := f.arp(f.Bytes())
	if h == nil {
		return false
	}
	h.SetSPA(a)
	return true
}

// SetARPTpa writes the target protocol address of an ARP packet.
func SetARPTpa(f *Frame, a uint32) bool {
	h := f.arp(f.Bytes())
	if h == nil {
		return false
	}
	h.SetTPA(a)
	return true
}

// SetARPSha writes the sender hardware address of an ARP packet.
func SetARPSha(f *Frame, a uint64) bool {
	h := f.arp(f.Bytes())
	if h == nil {
		return false
	}
	h.SetSHA(a)
	return true
}

// SetARPTha writes the target hardware address of an ARP packet.
func SetARPTha(f *Frame, a uint64) bool {
	h := f.arp(f.Bytes())
	if h == nil {
		return false
	}
	h.SetTHA(a)
	return true
}
