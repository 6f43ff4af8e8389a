package ofp

import "ofswitch/flow"

// FlowRemoved tells that a flow entry is gone (OpenFlow 1.3.5 §7.4.2).
type FlowRemoved struct {
	Cookie                    uint64
	Priority                  uint16
	Reason                    uint8 // RemovedIdle...
	Table                     TableID
	DurationSec, DurationNsec uint32
	IdleTimeout, HardTimeout  uint16 // seconds
	PacketCount, ByteCount    uint64
	Match                     flow.Match
}

// Type is TypeFlowRemoved.
func (*FlowRemoved) Type() Type { return TypeFlowRemoved }

// Len is the body's length.
func (m *FlowRemoved) Len() int { return 40 + MatchLen(&m.Match) }

// Append encodes the body.
func (m *FlowRemoved) Append(b []byte) []byte {
	b = be.AppendUint64(b, m.Cookie)
	b = be.AppendUint16(b, m.Priority)
	b = append(b, m.Reason, uint8(m.Table))
	b = be.AppendUint32(b, m.DurationSec)
	b = be.AppendUint32(b, m.DurationNsec)
	b = be.AppendUint16(b, m.IdleTimeout)
	b = be.AppendUint16(b, m.HardTimeout)
	b = be.AppendUint64(b, m.PacketCount)
	b = be.AppendUint64(b, m.ByteCount)
	return AppendMatch(b, &m.Match)
}

func decodeFlowRemoved(b []byte) (Message, error) {
	match, n, err := decodeMatch(b[40:], anyMask)
	if err != nil {
		return nil, err
	}
	if 40+n != len(b) {
		return nil, BadRequestBadLen.Errorf("flow-removed has %d bytes after its match", len(b)-40-n)
	}
	return &FlowRemoved{
		Cookie:       be.Uint64(b),
		Priority:     be.Uint16(b[8:]),
		Reason:       b[10],
		Table:        TableID(b[11]),
		DurationSec:  be.Uint32(b[12:]),
		DurationNsec: be.Uint32(b[16:]),
		IdleTimeout:  be.Uint16(b[20:]),
		HardTimeout:  be.Uint16(b[22:]),
		PacketCount:  be.Uint64(b[24:]),
		ByteCount:    be.Uint64(b[32:]),
		Match:        match,
	}, nil
}
