package of10

import (
	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/ofp/internal/octets"
)

// NXM fields that are not in the field table, since their payload differs from
// the one that OpenFlow 1.3 gives the field: number in class 0.
const (
	nxmInPort  = 0
	nxmVLANTCI = 4
	nxmIPTOS   = 5
	// In class 1:
	nxmCookie = 30
	nxmIPTTL  = 29
)

// nxmEntry is one field of a match, or the field that an action names.
type nxmEntry struct {
	class   uint16
	number  uint8
	hasMask bool
	value   []byte
	mask    []byte // nil without
}

// nextNXM reads the field at the start of b and gives what follows it.
func nextNXM(b []byte) (e nxmEntry, rest []byte, err error) {
	if len(b) < 4 {
		return e, nil, ofp.BadMatchBadLen.Errorf("match field cut off: %d bytes are left", len(b))
	}
	e.class, e.number, e.hasMask = be.Uint16(b), b[2]>>1, b[2]&1 != 0
	n := int(b[3])
	if n > len(b)-4 {
		return e, nil, ofp.BadMatchBadLen.Errorf("match field %d of class %#04x says %d bytes, %d are left", e.number, e.class, n, len(b)-4)
	}
	e.value, rest = b[4:4+n], b[4+n:]
	if e.hasMask {
		if n%2 != 0 {
			return e, nil, ofp.BadMatchBadLen.Errorf("match field %d of class %#04x with mask has %d bytes", e.number, e.class, n)
		}
		e.value, e.mask = e.value[:n/2], e.value[n/2:]
	}
	return e, rest, nil
}

// is says whether the entry is the field of a class that number names.
func (e *nxmEntry) is(class uint16, number uint8) bool {
	return e.class == class && e.number == number
}

// sized checks the length of the value.
func (e *nxmEntry) sized(n int) error {
	if len(e.value) != n {
		return ofp.BadMatchBadLen.Errorf("match field %d of class %#04x has %d bytes, want %d", e.number, e.class, len(e.value), n)
	}
	return nil
}

// nxMatch is a match as the Nicira extension has it: besides the fields it may
// name the cookies that are meant.
type nxMatch struct {
	match              flow.Match
	cookie, cookieMask uint64
}

// decodeNXMatch reads a list of fields that takes n bytes of b and what pads it
// to a multiple of 8, and gives the rest.
func decodeNXMatch(b []byte, n int) (nm nxMatch, rest []byte, err error) {
	if octets.Pad8(n) > len(b) {
		return nm, nil, ofp.BadMatchBadLen.Errorf("match says %d bytes, %d are left", n, len(b))
	}
	list, rest := b[:n], b[octets.Pad8(n):]
	var seen [3]uint64 // by number, of classes 0, 1 and 0x8000
	for len(list) > 0 {
		var e nxmEntry
		if e, list, err = nextNXM(list); err != nil {
			return nm, nil, err
		}
		row := 2
		if e.class <= flow.ClassNXM1 {
			row = int(e.class)
		}
		if e.number < 64 {
			if seen[row]&(1<<e.number) != 0 {
				return nm, nil, ofp.BadMatchDupField.Errorf("match field %d of class %#04x stands twice", e.number, e.class)
			}
			seen[row] |= 1 << e.number
		}
		if err := nm.add(&e); err != nil {
			return nm, nil, err
		}
	}
	return nm, rest, nil
}

// add takes one field into the match.
func (nm *nxMatch) add(e *nxmEntry) error {
	m := &nm.match
	switch {
	case e.is(flow.ClassNXM0, nxmInPort):
		if err := e.sized(2); err != nil {
			return err
		}
		if e.hasMask && flow.ReadValue(e.mask).Lo != portFieldMax {
			return ofp.BadMatchBadMask.Errorf("in_port cannot be masked")
		}
		if err := nm.once(flow.InPort.Field()); err != nil {
			return err
		}
		m.Set(flow.InPort, flow.Value{Lo: uint64(portIn(be.Uint16(e.value)))})
		return nil
	case e.is(flow.ClassNXM0, nxmVLANTCI):
		if err := e.sized(2); err != nil {
			return err
		}
		mask := uint16(0xffff)
		if e.hasMask {
			mask = be.Uint16(e.mask)
		}
		for _, f := range [...]flow.ID{flow.VLANVID, flow.VLANPCP} {
			if err := nm.once(f.Field()); err != nil {
				return err
			}
		}
		v := be.Uint16(e.value)
		if v&^mask != 0 {
			return ofp.BadMatchBadWildcards.Errorf("vlan_tci: value %#x has bits outside its mask %#x", v, mask)
		}
		if v == 0 && mask == 0xffff {
			mask &^= tciPCP // no tag
		}
		setTCI(m, v, mask)
		// What OpenFlow 1.3 could not tell about such an entry would leave its
		// whole flow statistics unreadable there.
		mask = uint16(m.Mask[flow.WVLAN] >> tciShift)
		if p := mask & tciPCP; p != 0 && (p != tciPCP || mask&tciPresent == 0) {
			return ofp.BadMatchBadMask.Errorf("vlan_tci=%#04x/%#04x: all bits of the priority 0xe000 can be asked for of tagged frames, or none", v, mask)
		}
		return nil
	case e.is(flow.ClassNXM0, nxmIPTOS):
		if err := e.sized(1); err != nil {
			return err
		}
		if e.hasMask && e.mask[0] != 0xfc && e.mask[0] != 0xff {
			return ofp.BadMatchBadMask.Errorf("nw_tos cannot be masked")
		}
		if e.value[0]&3 != 0 {
			return ofp.BadMatchBadValue.Errorf("nw_tos %#x: the two low bits are not of it", e.value[0])
		}
		return nm.set(flow.IPDSCP.Field(), flow.Value{Lo: uint64(e.value[0] >> 2)}, flow.IPDSCP.Field().Full())
	case e.is(flow.ClassNXM1, nxmCookie):
		if err := e.sized(8); err != nil {
			return err
		}
		nm.cookie, nm.cookieMask = be.Uint64(e.value), ^uint64(0)
		if e.hasMask {
			nm.cookieMask = be.Uint64(e.mask)
		}
		if nm.cookie&^nm.cookieMask != 0 {
			return ofp.BadMatchBadWildcards.Errorf("cookie: value %#x has bits outside its mask %#x", nm.cookie, nm.cookieMask)
		}
		return nil
	}
	f := flow.ByOXM(e.class, e.number)
	if f == nil {
		return ofp.BadMatchBadField.Errorf("match field %d of class %#04x is not known", e.number, e.class)
	}
	if err := e.sized(f.Len()); err != nil {
		return err
	}
	full := f.Full()
	v, mask := flow.ReadValue(e.value), full
	if e.hasMask {
		mask = flow.ReadValue(e.mask)
		if v.Hi&^mask.Hi != 0 || v.Lo&^mask.Lo != 0 {
			return ofp.BadMatchBadWildcards.Errorf("%s: value %x has bits outside its mask %x", f.Name, e.value, e.mask)
		}
		mask.Hi &= full.Hi
		mask.Lo &= full.Lo
	}
	if v.Hi&^full.Hi != 0 || v.Lo&^full.Lo != 0 {
		return ofp.BadMatchBadValue.Errorf("%s: value %x does not fit into %d bits", f.Name, e.value, f.Bits)
	}
	return nm.set(f, v, mask)
}

// set asks for a field. NXM allows masks where OpenFlow 1.3 does not, for the
// ports of TCP and UDP among them.
func (nm *nxMatch) set(f *flow.Field, v, mask flow.Value) error {
	if mask == (flow.Value{}) {
		return nil
	}
	if mask != f.Full() && !f.OVSMask {
		return ofp.BadMatchBadMask.Errorf("%s cannot be masked", f.Name)
	}
	if !nm.match.PrereqsMet(f.ID) {
		return ofp.BadMatchBadPrereq.Errorf("%s may stand only after the fields that it depends on", f.Name)
	}
	if err := nm.once(f); err != nil {
		return err
	}
	nm.match.SetMasked(f.ID, v, mask)
	return nil
}

// once says no where a field is asked for already: by its name in another class, maybe.
func (nm *nxMatch) once(f *flow.Field) error {
	if _, _, ok := nm.match.Get(f.ID); ok {
		return ofp.BadMatchDupField.Errorf("match field %s stands twice", f.Name)
	}
	return nil
}

// appendNXMatch appends the fields of m and, if there are bits in it, the mask
// of a cookie; the length of the list goes to the caller, who knows where it
// belongs. The list is padded to a multiple of 8.
func appendNXMatch(b []byte, m *flow.Match) (_ []byte, length int) {
	start := len(b)
	m.Fields(func(f *flow.Field, v, mask flow.Value) bool {
		switch f.ID {
		case flow.InPort:
			p, ok := portOut(ofp.PortNo(v.Lo))
			if ok {
				b = appendNXM(b, flow.ClassNXM0, nxmInPort, flow.Value{Lo: uint64(p)}, flow.Value{Lo: portFieldMax}, 2, false)
				return true
			}
		case flow.VLANVID, flow.VLANPCP:
			if _, _, both := m.Get(flow.VLANVID); f.ID == flow.VLANVID || !both {
				v, mask := tci(m)
				b = appendNXM(b, flow.ClassNXM0, nxmVLANTCI, flow.Value{Lo: uint64(v)}, flow.Value{Lo: uint64(mask)}, 2, mask != 0xffff)
			}
			return true
		case flow.IPDSCP:
			b = appendNXM(b, flow.ClassNXM0, nxmIPTOS, flow.Value{Lo: v.Lo << 2}, flow.Value{Lo: 0xfc}, 1, false)
			return true
		}
		class, number := nxmOf(f)
		b = appendNXM(b, class, number, v, mask, f.Len(), mask != f.Full())
		return true
	})
	n := len(b) - start
	return octets.Zeros(b, octets.Pad8(n)-n), n
}

// nxmOf is the class and number of a field: its NXM ones if it has such.
func nxmOf(f *flow.Field) (class uint16, number uint8) {
	if f.NXMNumber >= 0 {
		return f.NXMClass, uint8(f.NXMNumber)
	}
	return flow.ClassBasic, uint8(f.ID)
}

func appendNXM(b []byte, class uint16, number uint8, v, mask flow.Value, n int, masked bool) []byte {
	b = be.AppendUint16(b, class)
	if !masked {
		b = append(b, number<<1, uint8(n))
		return v.Append(b, n)
	}
	b = append(b, number<<1|1, uint8(2*n))
	b = v.Append(b, n)
	return mask.Append(b, n)
}
