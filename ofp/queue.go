package ofp

import (
	"fmt"

	"ofswitch/ofp/internal/octets"
)

// QueueAll is OFPQ_ALL, all queues of a port.
const QueueAll uint32 = 0xffffffff

// QueuePropertyType is OFPQT_*.
type QueuePropertyType uint16

// Types of queue properties (OpenFlow 1.3.5 §7.2.2). Rates are in tenths of a
// per cent of the port's speed; above QueueRateMax the queue has none.
const (
	QueueMinRate      QueuePropertyType = 1
	QueueMaxRate      QueuePropertyType = 2
	QueueExperimenter QueuePropertyType = 0xffff

	QueueRateMax   = 1000
	QueueRateUnset = 0xffff
)

// String is the name as ovs-ofctl writes it: "min_rate".
func (t QueuePropertyType) String() string {
	switch t {
	case QueueMinRate:
		return "min_rate"
	case QueueMaxRate:
		return "max_rate"
	case QueueExperimenter:
		return "experimenter"
	}
	return fmt.Sprintf("queue property type %d", uint16(t))
}

// QueueProperty is one property of a queue (OpenFlow 1.3.5 §7.2.2).
type QueueProperty struct {
	Type         QueuePropertyType
	Rate         uint16 // of QueueMinRate and QueueMaxRate
	Experimenter uint32 // of QueueExperimenter
	// Data is what an experimenter's property has behind the experimenter's
	// number and its padding, and one of unknown type behind its header; padded
	// with zeros to a multiple of 8.
	Data []byte
}

// PacketQueue is one queue as a QueueGetConfigReply describes it (OpenFlow 1.3.5
// §7.2.2).
type PacketQueue struct {
	QueueID    uint32
	Port       PortNo
	Properties []QueueProperty
}

const (
	packetQueueLen         = 16 // without properties
	queuePropertyHeaderLen = 8
	queueRatePropertyLen   = 16
)

// Len is the property's length.
func (p *QueueProperty) Len() int {
	switch p.Type {
	case QueueMinRate, QueueMaxRate:
		return queueRatePropertyLen
	case QueueExperimenter:
		return queuePropertyHeaderLen + 8 + octets.Pad8(len(p.Data))
	}
	return queuePropertyHeaderLen + octets.Pad8(len(p.Data))
}

// Append encodes the property.
func (p *QueueProperty) Append(b []byte) []byte {
	b = be.AppendUint16(b, uint16(p.Type))
	b = be.AppendUint16(b, uint16(p.Len()))
	b = octets.Zeros(b, 4)
	switch p.Type {
	case QueueMinRate, QueueMaxRate:
		return octets.Zeros(be.AppendUint16(b, p.Rate), 6)
	case QueueExperimenter:
		b = octets.Zeros(be.AppendUint32(b, p.Experimenter), 4)
	}
	b = append(b, p.Data...)
	return octets.Zeros(b, octets.Pad8(len(p.Data))-len(p.Data))
}

// Len is the description's length.
func (q *PacketQueue) Len() int {
	n := packetQueueLen
	for i := range q.Properties {
		n += q.Properties[i].Len()
	}
	return n
}

// Append encodes the description.
func (q *PacketQueue) Append(b []byte) []byte {
	b = be.AppendUint32(b, q.QueueID)
	b = be.AppendUint32(b, uint32(q.Port))
	b = be.AppendUint16(b, uint16(q.Len()))
	b = octets.Zeros(b, 6)
	for i := range q.Properties {
		b = q.Properties[i].Append(b)
	}
	return b
}

// decodePacketQueue reads the description at the start of b and says how many
// bytes it took.
func decodePacketQueue(b []byte) (q PacketQueue, n int, err error) {
	if n, err = entryLen("queue", b, 8, packetQueueLen, 8); err != nil {
		return q, 0, err
	}
	q.QueueID, q.Port = be.Uint32(b), PortNo(be.Uint32(b[4:]))
	for b = b[packetQueueLen:n]; len(b) > 0; {
		p := QueueProperty{Type: QueuePropertyType(be.Uint16(b))}
		least := queuePropertyHeaderLen
		if p.Type == QueueMinRate || p.Type == QueueMaxRate || p.Type == QueueExperimenter {
			least = queueRatePropertyLen
		}
		length, err := entryLen("queue property", b, 2, least, 8)
		if err != nil {
			return q, 0, err
		}
		switch {
		case p.Type == QueueExperimenter:
			p.Experimenter, p.Data = be.Uint32(b[8:]), octets.Clone(b[16:length])
		case least == queuePropertyHeaderLen:
			p.Data = octets.Clone(b[queuePropertyHeaderLen:length])
		case length != queueRatePropertyLen:
			return q, 0, fixed(queueRatePropertyLen).errorf(BadRequestBadLen, p.Type.String()+" queue property", 0, length)
		default:
			p.Rate = be.Uint16(b[8:])
		}
		q.Properties = append(q.Properties, p)
		b = b[length:]
	}
	return q, n, nil
}
