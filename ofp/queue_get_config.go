package ofp

import "ofswitch/ofp/internal/octets"

// QueueGetConfigRequest asks for the queues of a port; PortAny: of all ports
// (OpenFlow 1.3.5 §7.3.6).
type QueueGetConfigRequest struct{ Port PortNo }

// Type is TypeQueueGetConfigRequest.
func (*QueueGetConfigRequest) Type() Type { return TypeQueueGetConfigRequest }

// Len is the body's length.
func (*QueueGetConfigRequest) Len() int { return 8 }

// Append encodes the body.
func (m *QueueGetConfigRequest) Append(b []byte) []byte {
	return octets.Zeros(be.AppendUint32(b, uint32(m.Port)), 4)
}

func decodeQueueGetConfigRequest(b []byte) (Message, error) {
	return &QueueGetConfigRequest{Port: PortNo(be.Uint32(b))}, nil
}

// QueueGetConfigReply answers a QueueGetConfigRequest (OpenFlow 1.3.5 §7.3.6);
// Port is the request's. It is one message and cannot be split.
type QueueGetConfigReply struct {
	Port   PortNo
	Queues []PacketQueue
}

// Type is TypeQueueGetConfigReply.
func (*QueueGetConfigReply) Type() Type { return TypeQueueGetConfigReply }

// Len is the body's length.
func (m *QueueGetConfigReply) Len() int {
	n := 8
	for i := range m.Queues {
		n += m.Queues[i].Len()
	}
	return n
}

// Append encodes the body.
func (m *QueueGetConfigReply) Append(b []byte) []byte {
	b = octets.Zeros(be.AppendUint32(b, uint32(m.Port)), 4)
	for i := range m.Queues {
		b = m.Queues[i].Append(b)
	}
	return b
}

func decodeQueueGetConfigReply(b []byte) (Message, error) {
	m := &QueueGetConfigReply{Port: PortNo(be.Uint32(b))}
	for b = b[8:]; len(b) > 0; {
		q, n, err := decodePacketQueue(b)
		if err != nil {
			return nil, err
		}
		m.Queues = append(m.Queues, q)
		b = b[n:]
	}
	return m, nil
}
