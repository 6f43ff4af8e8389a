package packet

// PushVLAN puts a VLAN tag behind the addresses: the new outermost one. It
// reports false, and changes nothing, when the headroom is too small (the
// caller clones the frame and tries again) or the frame has no whole Ethernet
// header. Offload and Layers move along.
func PushVLAN(f *Frame, tpid, tci uint16) bool {
	if f.Len() < EthernetLen {
		return false
	}
	b, ok := f.Prepend(VLANLen)
	if !ok {
		return false
	}
	copy(b, b[VLANLen:VLANLen+ethType])
	tag := VLAN(b[ethType:])
	tag.SetTPID(tpid)
	tag.SetTCI(tci)
	f.Layers.shift(VLANLen)
	return true
}

// PopVLAN takes the outermost VLAN tag off. It reports false, and changes
// nothing, when there is none. Offload and Layers move along.
func PopVLAN(f *Frame) bool {
	b := f.Bytes()
	if outerTag(b) == nil {
		return false
	}
	copy(b[VLANLen:], b[:ethType])
	f.TrimFront(VLANLen)
	f.Layers.shift(-VLANLen)
	return true
}

// shift moves the offsets that are there by n bytes. Those that lead out of
// their range, or into the addresses, are gone.
func (l *Layers) shift(n int) {
	for _, at := range [...]*int16{&l.L2End, &l.MPLS, &l.L3, &l.L4} {
		if *at <= 0 {
			continue
		}
		to := int(*at) + n
		if to < ethType || to > 1<<15-1 {
			to = -1
		}
		*at = int16(to)
	}
}
