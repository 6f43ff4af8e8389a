package of10

import "ofswitch/ofp"

// SetAsync2 asks for other asynchronous messages, kind by kind (NXT_SET_ASYNC_CONFIG2):
// what it does not name stays as it is.
type SetAsync2 struct{ Masks []AsyncMask }

// AsyncMask is which reasons of one kind of message a connection gets. The kinds are
// the properties of OpenFlow 1.4 (§7.3.10), odd ones for masters.
type AsyncMask struct {
	Kind uint16
	Mask uint32 // bit 1<<reason
}

// asyncMaskLen is the length of such a property.
const asyncMaskLen = 8

// asyncReasons has the reasons that there are for each kind, as Open vSwitch takes
// them: packet-in, port-status, flow-removed, and role-status, table-status and
// request-forward, which no connection of OpenFlow 1.0 gets.
var asyncReasons = [...]uint32{0x7, 0x7, 0x7, 0x7, 0xf, 0xf, 0x7, 0x7, 0x18, 0x18, 0x3, 0x3}

// Type is TypeExperimenter.
func (*SetAsync2) Type() ofp.Type { return ofp.TypeExperimenter }

// Len is the body's length.
func (m *SetAsync2) Len() int { return vendorHeaderLen + asyncMaskLen*len(m.Masks) }

// Append encodes the body.
func (m *SetAsync2) Append(b []byte) []byte {
	b = appendVendor(b, nxtSetAsyncConfig2)
	for _, k := range m.Masks {
		b = be.AppendUint32(appendActionHeader(b, k.Kind, asyncMaskLen), k.Mask)
	}
	return b
}

// Change is what becomes of a.
func (m *SetAsync2) Change(a ofp.AsyncConfig) ofp.AsyncConfig {
	for _, k := range m.Masks {
		role := 1 - int(k.Kind&1) // that of masters stands first
		switch k.Kind / 2 {
		case 0:
			a.PacketIn[role] = k.Mask
		case 1:
			a.PortStatus[role] = k.Mask
		case 2:
			a.FlowRemoved[role] = k.Mask
		}
	}
	return a
}

// decodeAsync2 reads it, behind its type.
func decodeAsync2(b []byte) (ofp.Message, error) {
	m := new(SetAsync2)
	for ; len(b) > 0; b = b[asyncMaskLen:] {
		if len(b) < asyncMaskLen || be.Uint16(b[2:]) != asyncMaskLen {
			return nil, ofp.BadRequestBadLen.Errorf("asynchronous configuration: property cut off, or not of %d bytes", asyncMaskLen)
		}
		k := AsyncMask{be.Uint16(b), be.Uint32(b[4:])}
		if int(k.Kind) >= len(asyncReasons) {
			return nil, ofp.SwitchConfigFailedBadFlags.Errorf("asynchronous configuration: property %d is not known", k.Kind)
		}
		if bad := k.Mask &^ asyncReasons[k.Kind]; bad != 0 {
			return nil, ofp.SwitchConfigFailedBadFlags.Errorf("asynchronous configuration: reasons %#x of property %d do not exist", bad, k.Kind)
		}
		m.Masks = append(m.Masks, k)
	}
	return m, nil
}
