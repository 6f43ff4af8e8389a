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
	m := new(FlowMod)
	if err := m.decode(b); err != nil {
		return nil, err
	}
	return m, nil
}

// DecodeFlowMod is Decode of a flow-mod into m, for those who have many and keep none.
// Whatever was in m is lost, also with an error.
func DecodeFlowMod(h Header, body []byte, m *FlowMod) error {
	if h.Version != Version {
		return BadRequestBadVersion.Errorf("%v has version %#02x, want %#02x", h.Type, h.Version, Version)
	}
	if _, err := decoderOf(TypeFlowMod, len(body)); err != nil {
		return err
	}
	return m.decode(body)
}

// FlowModAdds says whether the body of a flow-mod, which may be anything, has the command
// FlowAdd.
func FlowModAdds(body []byte) bool { return len(body) > 17 && body[17] == FlowAdd }

// decode reads a body that has the shape of a flow-mod's.
func (m *FlowMod) decode(b []byte) (err error) {
	m.Cookie = be.Uint64(b)
	m.CookieMask = be.Uint64(b[8:])
	m.Table = TableID(b[16])
	m.Command = b[17]
	m.IdleTimeout = be.Uint16(b[18:])
	m.HardTimeout = be.Uint16(b[20:])
	m.Priority = be.Uint16(b[22:])
	m.BufferID = be.Uint32(b[24:])
	m.OutPort = PortNo(be.Uint32(b[28:]))
	m.OutGroup = be.Uint32(b[32:])
	m.Flags = FlowFlags(be.Uint16(b[36:]))
	m.Legacy, m.NewCookie = false, 0
	if m.Command > FlowDeleteStrict {
		return FlowModFailedBadCommand.Errorf("flow-mod command %d, want 0 to 4", m.Command)
	}
	if bad := m.Flags &^ flowFlagsAll; bad != 0 {
		return FlowModFailedBadFlags.Errorf("flow-mod flags %#x: %#x is not defined in OpenFlow 1.3", uint16(m.Flags), uint16(bad))
	}
	m.Match = flow.Match{}
	n, err := readMatch(&m.Match, b[40:], 0)
	if err != nil {
		return err
	}
	if m.Instructions, err = decodeShared(b[40+n:]); err != nil {
		return err
	}
	if len(b) > flowModMax {
		return BadActionTooMany.Errorf("flow-mod of %d bytes: more than %d cannot be given back in flow statistics", HeaderLen+len(b), HeaderLen+flowModMax)
	}
	return nil
}
