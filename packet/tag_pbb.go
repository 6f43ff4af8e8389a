package packet

// PushPBB puts a backbone Ethernet header with an I-tag before the whole frame
// (OpenFlow 1.3.5 §7.2.5): the backbone's addresses are at first the
// customer's, the I-SID is that of the outermost I-tag (0: none), the I-PCP
// that of the outermost VLAN tag (§5.12.1). No B-tag: that is PushVLAN's. It
// reports false, and changes nothing, when the headroom is too small (the
// caller clones the frame and tries again) or the frame has no whole Ethernet
// header. Offload moves along. Layers are afterwards what extraction finds:
// it does not look into the customer's frame.
func PushPBB(f *Frame) bool {
	b := f.Bytes()
	if len(b) < EthernetLen {
		return false
	}
	var tci uint32
	if tag := outerTag(b); tag != nil {
		tci = uint32(tag.PCP()) << 29
	}
	if tag := f.outerPBB(b); tag != nil {
		tci |= tag.ISID()
	}
	b, ok := f.Prepend(PBBLen)
	if !ok {
		return false
	}
	copy(b, b[PBBLen:PBBLen+ethType])
	tag := PBB(b[ethType:])
	tag.SetType(TypePBB)
	tag.SetTCI(tci)
	f.Layers = opaque(b, ethType)
	return true
}

// PopPBB takes the outermost I-tag off: the customer's addresses become those
// of the frame. VLAN tags before the I-tag stay, in front of the customer's
// own (OpenFlow 1.3.5 §7.2.5: popping the B-tag first is the controller's
// business). It reports false, and changes nothing, when there is no whole
// I-tag with an EtherType behind it. Offload moves along. Layers are empty
// afterwards: the frame is to be extracted again.
func PopPBB(f *Frame) bool {
	b := f.Bytes()
	tag := f.outerPBB(b)
	if tag == nil || len(tag) < PBBLen+2 {
		return false
	}
	dst, src := tag.CDst(), tag.CSrc()
	copy(b[ethType+PBBLen:], b[ethType:f.Layers.L2End])
	f.TrimFront(PBBLen)
	eth := Ethernet(f.Bytes())
	eth.SetDst(dst)
	eth.SetSrc(src)
	f.Layers = Layers{L2End: -1, MPLS: -1, L3: -1, L4: -1}
	return true
}
