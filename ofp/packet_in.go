package ofp

import (
	"ofswitch/flow"
	"ofswitch/ofp/internal/octets"
)

// PacketIn brings a frame to a controller (OpenFlow 1.3.5 §7.4.1). Match holds
// IN_PORT and, when not zero, METADATA, TUNNEL_ID and the like.
//
// A received PacketIn may name pipeline fields that we do not know (Open
// vSwitch adds its registers); those are left out of Match.
type PacketIn struct {
	BufferID uint32 // NoBuffer: Data is the whole frame
	TotalLen uint16 // bytes of the frame
	Reason   uint8  // PacketInNoMatch...
	Table    TableID
	Cookie   uint64 // all ones when no single entry sent it
	Match    flow.Match
	Data     []byte // at most what fits into a message: the rest is cut off
}

// Type is TypePacketIn.
func (*PacketIn) Type() Type { return TypePacketIn }

// Len is the body's length.
func (m *PacketIn) Len() int {
	n := 16 + MatchLen(&m.Match) + 2
	return n + min(len(m.Data), MaxLen-HeaderLen-n)
}

// Append encodes the body.
func (m *PacketIn) Append(b []byte) []byte {
	start := len(b)
	b = be.AppendUint32(b, m.BufferID)
	b = be.AppendUint16(b, m.TotalLen)
	b = append(b, m.Reason, uint8(m.Table))
	b = be.AppendUint64(b, m.Cookie)
	b = AppendMatch(b, &m.Match)
	b = octets.Zeros(b, 2)
	room := MaxLen - HeaderLen - (len(b) - start)
	return append(b, m.Data[:min(len(m.Data), room)]...)
}

func decodePacketIn(b []byte) (Message, error) {
	match, n, err := decodeMatch(b[16:], skipUnknown)
	if err != nil {
		return nil, err
	}
	data := b[16+n:]
	if len(data) < 2 {
		return nil, BadRequestBadLen.Errorf("packet-in ends %d bytes after its match: 2 bytes of padding are missing", len(data))
	}
	return &PacketIn{
		BufferID: be.Uint32(b),
		TotalLen: be.Uint16(b[4:]),
		Reason:   b[6],
		Table:    TableID(b[7]),
		Cookie:   be.Uint64(b[8:]),
		Match:    match,
		Data:     octets.Clone(data[2:]),
	}, nil
}
