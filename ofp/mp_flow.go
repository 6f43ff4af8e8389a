package ofp

import (
	"ofswitch/flow"
	"ofswitch/ofp/internal/octets"
)

// FlowStatsRequest says which entries FLOW and AGGREGATE are about (OpenFlow
// 1.3.5 §7.3.5.2).
type FlowStatsRequest struct {
	Table              TableID // TableAll: every table
	OutPort            PortNo  // PortAny: no filter
	OutGroup           uint32  // GroupAny: no filter
	Cookie, CookieMask uint64
	Match              flow.Match
}

// flowRequestMin is the length of a request with an empty match.
const flowRequestMin = 32 + matchMin

// Len is the body's length.
func (r *FlowStatsRequest) Len() int { return 32 + MatchLen(&r.Match) }

// Append encodes the body.
func (r *FlowStatsRequest) Append(b []byte) []byte {
	b = append(b, uint8(r.Table), 0, 0, 0)
	b = be.AppendUint32(b, uint32(r.OutPort))
	b = be.AppendUint32(b, r.OutGroup)
	b = octets.Zeros(b, 4)
	b = be.AppendUint64(b, r.Cookie)
	b = be.AppendUint64(b, r.CookieMask)
	return AppendMatch(b, &r.Match)
}

func decodeFlowStatsRequest(b []byte) (MultipartBody, error) {
	match, n, err := DecodeMatch(b[32:])
	if err != nil {
		return nil, err
	}
	if 32+n != len(b) {
		return nil, BadRequestBadLen.Errorf("flow statistics request has %d bytes after its match", len(b)-32-n)
	}
	return &FlowStatsRequest{
		Table:      TableID(b[0]),
		OutPort:    PortNo(be.Uint32(b[4:])),
		OutGroup:   be.Uint32(b[8:]),
		Cookie:     be.Uint64(b[16:]),
		CookieMask: be.Uint64(b[24:]),
		Match:      match,
	}, nil
}

// FlowStats is one entry of the FLOW reply (OpenFlow 1.3.5 §7.3.5.2).
type FlowStats struct {
	Table                     TableID
	DurationSec, DurationNsec uint32
	Priority                  uint16
	IdleTimeout, HardTimeout  uint16 // seconds
	Flags                     FlowFlags
	Cookie                    uint64
	PacketCount, ByteCount    uint64 // all ones: not counted
	Match                     flow.Match
	Instructions              Instructions

	// IdleAge and HardAge are how long ago, in seconds, the entry was last used, and
	// added or modified. They stand in statistics of Nicira's only.
	IdleAge, HardAge uint16
}

// Len is the entry's length.
func (s *FlowStats) Len() int { return 48 + MatchLen(&s.Match) + InstructionsLen(&s.Instructions) }

// Append encodes the entry.
func (s *FlowStats) Append(b []byte) []byte {
	start := len(b)
	b = be.AppendUint16(b, 0) // the length, below
	b = append(b, uint8(s.Table), 0)
	b = be.AppendUint32(b, s.DurationSec)
	b = be.AppendUint32(b, s.DurationNsec)
	b = be.AppendUint16(b, s.Priority)
	b = be.AppendUint16(b, s.IdleTimeout)
	b = be.AppendUint16(b, s.HardTimeout)
	b = be.AppendUint16(b, uint16(s.Flags))
	b = octets.Zeros(b, 4)
	b = be.AppendUint64(b, s.Cookie)
	b = be.AppendUint64(b, s.PacketCount)
	b = be.AppendUint64(b, s.ByteCount)
	b = AppendMatch(b, &s.Match)
	b = AppendInstructions(b, &s.Instructions)
	be.PutUint16(b[start:], uint16(len(b)-start))
	return b
}

func decodeFlowStats(b []byte) (MultipartBody, int, error) {
	if len(b) < 48+matchMin {
		return nil, 0, BadRequestBadLen.Errorf("flow statistics entry cut off: %d bytes are left", len(b))
	}
	length := int(be.Uint16(b))
	if length < 48+matchMin || length > len(b) {
		return nil, 0, BadRequestBadLen.Errorf("flow statistics entry says %d bytes, %d are left", length, len(b))
	}
	b = b[:length]
	s := &FlowStats{
		Table:        TableID(b[2]),
		DurationSec:  be.Uint32(b[4:]),
		DurationNsec: be.Uint32(b[8:]),
		Priority:     be.Uint16(b[12:]),
		IdleTimeout:  be.Uint16(b[14:]),
		HardTimeout:  be.Uint16(b[16:]),
		Flags:        FlowFlags(be.Uint16(b[18:])),
		Cookie:       be.Uint64(b[24:]),
		PacketCount:  be.Uint64(b[32:]),
		ByteCount:    be.Uint64(b[40:]),
	}
	var n int
	var err error
	if s.Match, n, err = decodeMatch(b[48:], anyMask); err != nil {
		return nil, 0, err
	}
	if s.Instructions, err = DecodeInstructions(b[48+n:]); err != nil {
		return nil, 0, err
	}
	return s, length, nil
}
