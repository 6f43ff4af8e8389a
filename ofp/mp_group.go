package ofp

import "ofswitch/ofp/internal/octets"

// GroupStatsRequest says which group GROUP is about; GroupAll: all of them
// (OpenFlow 1.3.5 §7.3.5.9).
type GroupStatsRequest struct{ GroupID uint32 }

// Len is the body's length.
func (*GroupStatsRequest) Len() int { return 8 }

// Append encodes the body.
func (r *GroupStatsRequest) Append(b []byte) []byte {
	return octets.Zeros(be.AppendUint32(b, r.GroupID), 4)
}

func decodeGroupStatsRequest(b []byte) (MultipartBody, error) {
	return &GroupStatsRequest{GroupID: be.Uint32(b)}, nil
}

// GroupStats is one entry of the GROUP reply (OpenFlow 1.3.5 §7.3.5.9).
// Counters that are not kept are all ones.
type GroupStats struct {
	GroupID                   uint32
	RefCount                  uint32 // flows and groups that use the group directly
	PacketCount, ByteCount    uint64
	DurationSec, DurationNsec uint32
	Buckets                   []BucketStats // in the order of the buckets
}

// BucketStats counts what one bucket has processed.
type BucketStats struct{ PacketCount, ByteCount uint64 }

const groupStatsLen = 40 // without buckets

// Len is the entry's length.
func (s *GroupStats) Len() int { return groupStatsLen + bucketStatsLen*len(s.Buckets) }

// Append encodes the entry.
func (s *GroupStats) Append(b []byte) []byte {
	b = be.AppendUint16(b, uint16(s.Len()))
	b = octets.Zeros(b, 2)
	b = be.AppendUint32(b, s.GroupID)
	b = be.AppendUint32(b, s.RefCount)
	b = octets.Zeros(b, 4)
	b = be.AppendUint64(b, s.PacketCount)
	b = be.AppendUint64(b, s.ByteCount)
	b = be.AppendUint32(b, s.DurationSec)
	b = be.AppendUint32(b, s.DurationNsec)
	for _, k := range s.Buckets {
		b = be.AppendUint64(b, k.PacketCount)
		b = be.AppendUint64(b, k.ByteCount)
	}
	return b
}

func decodeGroupStats(b []byte) (MultipartBody, int, error) {
	n, err := entryLen("group statistics", b, 0, groupStatsLen, bucketStatsLen)
	if err != nil {
		return nil, 0, err
	}
	s := &GroupStats{
		GroupID:      be.Uint32(b[4:]),
		RefCount:     be.Uint32(b[8:]),
		PacketCount:  be.Uint64(b[16:]),
		ByteCount:    be.Uint64(b[24:]),
		DurationSec:  be.Uint32(b[32:]),
		DurationNsec: be.Uint32(b[36:]),
	}
	for k := b[groupStatsLen:n]; len(k) > 0; k = k[bucketStatsLen:] {
		s.Buckets = append(s.Buckets, BucketStats{PacketCount: be.Uint64(k), ByteCount: be.Uint64(k[8:])})
	}
	return s, n, nil
}
