package ofp

import "ofswitch/ofp/internal/octets"

// AggregateStats is the one entry of the AGGREGATE reply (OpenFlow 1.3.5
// §7.3.5.3); its request is a FlowStatsRequest.
type AggregateStats struct {
	PacketCount, ByteCount uint64
	FlowCount              uint32
}

const aggregateStatsLen = 24

// Len is the entry's length.
func (*AggregateStats) Len() int { return aggregateStatsLen }

// Append encodes the entry.
func (s *AggregateStats) Append(b []byte) []byte {
	b = be.AppendUint64(b, s.PacketCount)
	b = be.AppendUint64(b, s.ByteCount)
	b = be.AppendUint32(b, s.FlowCount)
	return octets.Zeros(b, 4)
}

func decodeAggregateStats(b []byte) (MultipartBody, int, error) {
	return &AggregateStats{
		PacketCount: be.Uint64(b),
		ByteCount:   be.Uint64(b[8:]),
		FlowCount:   be.Uint32(b[16:]),
	}, aggregateStatsLen, nil
}
