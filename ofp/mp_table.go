package ofp

// TableStats is one entry of the TABLE reply (OpenFlow 1.3.5 §7.3.5.4).
type TableStats struct {
	Table        TableID
	ActiveCount  uint32 // entries
	LookupCount  uint64 // packets looked up
	MatchedCount uint64 // packets that hit an entry
}

const tableStatsLen = 24

// Len is the entry's length.
func (*TableStats) Len() int { return tableStatsLen }

// Append encodes the entry.
func (s *TableStats) Append(b []byte) []byte {
	b = append(b, uint8(s.Table), 0, 0, 0)
	b = be.AppendUint32(b, s.ActiveCount)
	b = be.AppendUint64(b, s.LookupCount)
	return be.AppendUint64(b, s.MatchedCount)
}

func decodeTableStats(b []byte) (MultipartBody, int, error) {
	return &TableStats{
		Table:        TableID(b[0]),
		ActiveCount:  be.Uint32(b[4:]),
		LookupCount:  be.Uint64(b[8:]),
		MatchedCount: be.Uint64(b[16:]),
	}, tableStatsLen, nil
}
