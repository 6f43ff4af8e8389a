package ofp

import "ofswitch/ofp/internal/octets"

// MeterRequest says which meter METER or METER_CONFIG is about; MeterAll: all
// of them (OpenFlow 1.3.5 §7.3.5.12, §7.3.5.13).
type MeterRequest struct{ MeterID uint32 }

// Len is the body's length.
func (*MeterRequest) Len() int { return 8 }

// Append encodes the body.
func (r *MeterRequest) Append(b []byte) []byte { return octets.Zeros(be.AppendUint32(b, r.MeterID), 4) }

func decodeMeterRequest(b []byte) (MultipartBody, error) {
	return &MeterRequest{MeterID: be.Uint32(b)}, nil
}

// MeterStats is one entry of the METER reply (OpenFlow 1.3.5 §7.3.5.12).
// Counters that are not kept are all ones.
type MeterStats struct {
	MeterID                    uint32
	FlowCount                  uint32 // flows that use the meter
	PacketInCount, ByteInCount uint64
	DurationSec, DurationNsec  uint32
	Bands                      []MeterBandStats // in the order of the bands
}

// MeterBandStats counts what one band has been used for.
type MeterBandStats struct{ PacketCount, ByteCount uint64 }

const meterStatsLen = 40 // without bands

// Len is the entry's length.
func (s *MeterStats) Len() int { return meterStatsLen + meterBandStatsLen*len(s.Bands) }

// Append encodes the entry.
func (s *MeterStats) Append(b []byte) []byte {
	b = be.AppendUint32(b, s.MeterID)
	b = be.AppendUint16(b, uint16(s.Len()))
	b = octets.Zeros(b, 6)
	b = be.AppendUint32(b, s.FlowCount)
	b = be.AppendUint64(b, s.PacketInCount)
	b = be.AppendUint64(b, s.ByteInCount)
	b = be.AppendUint32(b, s.DurationSec)
	b = be.AppendUint32(b, s.DurationNsec)
	for _, d := range s.Bands {
		b = be.AppendUint64(b, d.PacketCount)
		b = be.AppendUint64(b, d.ByteCount)
	}
	return b
}

func decodeMeterStats(b []byte) (MultipartBody, int, error) {
	n, err := entryLen("meter statistics", b, 4, meterStatsLen, meterBandStatsLen)
	if err != nil {
		return nil, 0, err
	}
	s := &MeterStats{
		MeterID:       be.Uint32(b),
		FlowCount:     be.Uint32(b[12:]),
		PacketInCount: be.Uint64(b[16:]),
		ByteInCount:   be.Uint64(b[24:]),
		DurationSec:   be.Uint32(b[32:]),
		DurationNsec:  be.Uint32(b[36:]),
	}
	for d := b[meterStatsLen:n]; len(d) > 0; d = d[meterBandStatsLen:] {
		s.Bands = append(s.Bands, MeterBandStats{PacketCount: be.Uint64(d), ByteCount: be.Uint64(d[8:])})
	}
	return s, n, nil
}
