package ofp

import "ofswitch/ofp/internal/octets"

// PacketOut sends a frame through an action list (OpenFlow 1.3.5 §7.3.7).
type PacketOut struct {
	BufferID uint32 // NoBuffer: the frame is Data
	InPort   PortNo // PortController when it came from nowhere else
	Actions  []Action
	Data     []byte

	// Legacy: the packet-out came as OpenFlow 1.0, and never stands in a message of
	// 1.3. Its actions need not fit the frame: they have no effect then.
	Legacy bool
}

// Type is TypePacketOut.
func (*PacketOut) Type() Type { return TypePacketOut }

// Len is the body's length.
func (m *PacketOut) Len() int { return 16 + ActionsLen(m.Actions) + len(m.Data) }

// Append encodes the body.
func (m *PacketOut) Append(b []byte) []byte {
	b = be.AppendUint32(b, m.BufferID)
	b = be.AppendUint32(b, uint32(m.InPort))
	b = be.AppendUint16(b, uint16(ActionsLen(m.Actions)))
	b = octets.Zeros(b, 6)
	b = AppendActions(b, m.Actions)
	return append(b, m.Data...)
}

func decodePacketOut(b []byte) (Message, error) {
	n := int(be.Uint16(b[8:]))
	if n > len(b)-16 {
		return nil, BadRequestBadLen.Errorf("packet-out says %d bytes of actions, %d bytes follow", n, len(b)-16)
	}
	if n%8 != 0 {
		return nil, BadRequestBadLen.Errorf("packet-out says %d bytes of actions, not a multiple of 8", n)
	}
	actions, err := DecodeActions(b[16 : 16+n])
	if err != nil {
		return nil, err
	}
	return &PacketOut{
		BufferID: be.Uint32(b),
		InPort:   PortNo(be.Uint32(b[4:])),
		Actions:  actions,
		Data:     octets.Clone(b[16+n:]),
	}, nil
}
