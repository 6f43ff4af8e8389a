package ofp

import "ofswitch/ofp/internal/octets"

// PortStatsRequest says which port PORT_STATS is about; PortAny: all of them
// (OpenFlow 1.3.5 §7.3.5.6).
type PortStatsRequest struct{ Port PortNo }

const portStatsRequestLen = 8

// Len is the body's length.
func (*PortStatsRequest) Len() int { return portStatsRequestLen }

// Append encodes the body.
func (r *PortStatsRequest) Append(b []byte) []byte {
	return octets.Zeros(be.AppendUint32(b, uint32(r.Port)), 4)
}

func decodePortStatsRequest(b []byte) (MultipartBody, error) {
	return &PortStatsRequest{Port: PortNo(be.Uint32(b))}, nil
}

// PortStats is one entry of the PORT_STATS reply (OpenFlow 1.3.5 §7.3.5.6).
// Counters that are not kept are all ones.
type PortStats struct {
	Port                                        PortNo
	RxPackets, TxPackets, RxBytes, TxBytes      uint64
	RxDropped, TxDropped, RxErrors, TxErrors    uint64
	RxFrameErr, RxOverErr, RxCRCErr, Collisions uint64
	DurationSec, DurationNsec                   uint32
}

const portStatsLen = 112

// counters lists the counters in the order of the wire.
func (s *PortStats) counters() [12]*uint64 {
	return [12]*uint64{
		&s.RxPackets, &s.TxPackets, &s.RxBytes, &s.TxBytes,
		&s.RxDropped, &s.TxDropped, &s.RxErrors, &s.TxErrors,
		&s.RxFrameErr, &s.RxOverErr, &s.RxCRCErr, &s.Collisions,
	}
}

// Len is the entry's length.
func (*PortStats) Len() int { return portStatsLen }

// Append encodes the entry.
func (s *PortStats) Append(b []byte) []byte {
	b = be.AppendUint32(b, uint32(s.Port))
	b = octets.Zeros(b, 4)
	for _, c := range s.counters() {
		b = be.AppendUint64(b, *c)
	}
	b = be.AppendUint32(b, s.DurationSec)
	return be.AppendUint32(b, s.DurationNsec)
}

func decodePortStats(b []byte) (MultipartBody, int, error) {
	s := &PortStats{
		Port:         PortNo(be.Uint32(b)),
		DurationSec:  be.Uint32(b[104:]),
		DurationNsec: be.Uint32(b[108:]),
	}
	for i, c := range s.counters() {
		*c = be.Uint64(b[8+8*i:])
	}
	return s, portStatsLen, nil
}
