package ofp

// nxSetPacketInFormat is the type of SetPacketInFormat among Nicira's messages.
const nxSetPacketInFormat = 16

// Formats of packet-in messages.
const (
	PacketInStandard = 0 // OFPT_PACKET_IN
	PacketInNicira   = 1 // NXT_PACKET_IN
	PacketInNicira2  = 2 // NXT_PACKET_IN2
)

// SetPacketInFormat asks for another format of packet-in messages, as ovs-ofctl
// does when it monitors (NXT_SET_PACKET_IN_FORMAT).
type SetPacketInFormat struct {
	Format uint32 // PacketInStandard...; others may come too
}

// Type is TypeExperimenter.
func (*SetPacketInFormat) Type() Type { return TypeExperimenter }

// Len is the body's length.
func (*SetPacketInFormat) Len() int { return experimenterHeaderLen + 4 }

// Append encodes the body.
func (m *SetPacketInFormat) Append(b []byte) []byte {
	return be.AppendUint32(appendExperimenter(b, ExperimenterNicira, nxSetPacketInFormat), m.Format)
}

func decodeSetPacketInFormat(_, _ uint32, b []byte) (Message, error) {
	return &SetPacketInFormat{Format: be.Uint32(b)}, nil
}
