package ofp

// QueueStatsRequest says which queues QUEUE is about (OpenFlow 1.3.5 §7.3.5.8).
type QueueStatsRequest struct {
	Port    PortNo // PortAny: all ports
	QueueID uint32 // QueueAll: all queues
}

// Len is the body's length.
func (*QueueStatsRequest) Len() int { return 8 }

// Append encodes the body.
func (r *QueueStatsRequest) Append(b []byte) []byte {
	return be.AppendUint32(be.AppendUint32(b, uint32(r.Port)), r.QueueID)
}

func decodeQueueStatsRequest(b []byte) (MultipartBody, error) {
	return &QueueStatsRequest{Port: PortNo(be.Uint32(b)), QueueID: be.Uint32(b[4:])}, nil
}

// QueueStats is one entry of the QUEUE reply (OpenFlow 1.3.5 §7.3.5.8). Counters
// that are not kept are all ones.
type QueueStats struct {
	Port                         PortNo
	QueueID                      uint32
	TxBytes, TxPackets, TxErrors uint64 // TxErrors: dropped because the queue was full
	DurationSec, DurationNsec    uint32
}

const queueStatsLen = 40

// Len is the entry's length.
func (*QueueStats) Len() int { return queueStatsLen }

// Append encodes the entry.
func (s *QueueStats) Append(b []byte) []byte {
	b = be.AppendUint32(b, uint32(s.Port))
	b = be.AppendUint32(b, s.QueueID)
	b = be.AppendUint64(b, s.TxBytes)
	b = be.AppendUint64(b, s.TxPackets)
	b = be.AppendUint64(b, s.TxErrors)
	b = be.AppendUint32(b, s.DurationSec)
	return be.AppendUint32(b, s.DurationNsec)
}

func decodeQueueStats(b []byte) (MultipartBody, int, error) {
	return &QueueStats{
		Port:         PortNo(be.Uint32(b)),
		QueueID:      be.Uint32(b[4:]),
		TxBytes:      be.Uint64(b[8:]),
		TxPackets:    be.Uint64(b[16:]),
		TxErrors:     be.Uint64(b[24:]),
		DurationSec:  be.Uint32(b[32:]),
		DurationNsec: be.Uint32(b[36:]),
	}, queueStatsLen, nil
}
