package ofp

import (
	"ofswitch/flow"
	"ofswitch/ofp/internal/octets"
)

// FlowMod changes flow tables (OpenFlow 1.3.5 §7.3.4.1).
type FlowMod struct {
	Cookie, CookieMask       uint64
	Table                    TableID
	Command                  uint8  // FlowAdd...
	IdleTimeout, HardTimeout uint16 // seconds
	Priority                 uint16
	BufferID                 uint32
	OutPort                  PortNo // filter of the delete commands, PortAny: none
	OutGroup                 uint32 // likewise, GroupAny: none
	Flags                    FlowFlags
	Match                    flow.Match
	Instructions             Instructions

	// Legacy: the flow-mod came as OpenFlow 1.0, and never stands in a message of
	// 1.3. A modify that finds no entry adds one, with NewCookie, and gives those
	// that it finds NewCookie unless that is all ones. It may name TableAll, and then adds to
	// table 0. Its actions need not fit the match: they have no effect on
	// frames without what they are about.
	Legacy    bool
	NewCookie uint64
}

// Type is TypeFlowMod.
func (*FlowMod) Type() Type { return TypeFlowMod }

// Len is the body's length.
func (m *FlowMod) Len() int {
	return 40 + MatchLen(&m.Match) + InstructionsLen(&m.Instructions)
}

// Append encodes the body.
func (m *FlowMod) Append(b []byte) []byte {
	b = be.AppendUint64(b, m.Cookie)
	b = be.AppendUint64(b, m.CookieMask)
	b = append(b, uint8(m.Table), m.Command)
	b = be.AppendUint16(b, m.IdleTimeout)
	b = be.AppendUint16(b, m.HardTimeout)
	b = be.AppendUint16(b, m.Priority)
	b = be.AppendUint32(b, m.BufferID)
	b = be.AppendUint32(b, uint32(m.OutPort))
	b = be.AppendUint32(b, m.OutGroup)
	b = be.AppendUint16(b, uint16(m.Flags))
	b = octets.Zeros(b, 2) // OpenFlow 1.4 has importance here
	b = AppendMatch(b, &m.Match)
	return AppendInstructions(b, &m.Instructions)
}

// flowModMax is the longest flow-mod body whose entry, which is 8 bytes longer,
// still fits into a flow-stats reply of its own. What could never be reported
// is refused.
const flowModMax = MaxLen - multipartHeaderLen - 8

func decodeFlowMod(b []byte) (Message, error) {
	m := &FlowMod{
		Cookie:      be.Uint64(b),
		CookieMask:  be.Uint64(b[8:]),
		Table:       TableID(b[16]),
		Command:     b[17],
		IdleTimeout: be.Uint16(b[18:]),
		HardTimeout: be.Uint16(b[20:]),
		Priority:    be.Uint16(b[22:]),
		BufferID:    be.Uint32(b[24:]),
		OutPort:     PortNo(be.Uint32(b[28:])),
		OutGroup:    be.Uint32(b[32:]),
		Flags:       FlowFlags(be.Uint16(b[36:])),
	}
	if m.Command > FlowDeleteStrict {
		return nil, FlowModFailedBadCommand.Errorf("flow-mod command %d, want 0 to 4", m.Command)
	}
	if bad := m.Flags &^ flowFlagsAll; bad != 0 {
		return nil, FlowModFailedBadFlags.Errorf("flow-mod flags %#x: %#x is not defined in OpenFlow 1.3", uint16(m.Flags), uint16(bad))
	}
	var n int
	var err error
	if m.Match, n, err = DecodeMatch(b[40:]); err != nil {
		return nil, err
	}
	if m.Instructions, err = DecodeInstructions(b[40+n:]); err != nil {
		return nil, err
	}
	if len(b) > flowModMax {
		return nil, BadActionTooMany.Errorf("flow-mod of %d bytes: more than %d cannot be given back in flow statistics", HeaderLen+len(b), HeaderLen+flowModMax)
	}
	return m, nil
}
