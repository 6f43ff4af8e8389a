package ofconn

import "ofswitch/ofp"

// packetInMessages makes the messages of one packet-in: each once, when the first
// connection takes it. Connections that want a part of the frame share one
// buffer.
type packetInMessages struct {
	in    *PacketIn
	whole []byte // not buffered
	part  []byte // the last one made, of partLen bytes of the frame
	// partLen is valid if part is not nil, buffer if asked.
	partLen int
	buffer  uint32
	asked   bool
}

// maxLenFor is how many bytes of a packet-in's frame a connection wants with it:
// what the output action asked for or, where none did, its miss_send_len (OpenFlow
// 1.3.5 §7.3.2, §7.4.1). ofp.ControllerNoBuffer: all, and no buffer.
func (c *conn) maxLenFor(in *PacketIn) uint16 {
	if in.NoEntry || in.Msg.Reason == ofp.PacketInInvalidTTL {
		return uint16(c.missSendLen.Load())
	}
	return in.MaxLen
}

// message is the packet-in with maxLen bytes of the frame and its buffer's id, or
// with the whole frame if that is wanted or there is no buffer.
func (p *packetInMessages) message(c *conn, maxLen uint16) []byte {
	if c.v10 != nil {
		return p.message10(c.v10, maxLen)
	}
	id := p.bufferFor(maxLen)
	if id == ofp.NoBuffer {
		if p.whole == nil {
			p.whole = encodePacketIn(&p.in.Msg)
		}
		return p.whole
	}
	n := min(int(maxLen), len(p.in.Msg.Data))
	if p.part == nil || p.partLen != n {
		m := p.in.Msg // a copy: connections differ
		m.BufferID, m.Data = id, m.Data[:n]
		p.part, p.partLen = encodePacketIn(&m), n
	}
	return p.part
}

// encodePacketIn is ofp.Encode, for which m would have to be on the heap.
func encodePacketIn(m *ofp.PacketIn) []byte {
	n := ofp.HeaderLen + m.Len()
	b := ofp.Header{Version: ofp.Version, Type: ofp.TypePacketIn, Length: uint16(n), XID: asyncXID}.Append(make([]byte, 0, n))
	return m.Append(b)
}

// bufferFor is the id of the frame's buffer for a connection that wants maxLen
// bytes with it; ofp.NoBuffer: it wants the whole frame, or there is no room.
func (p *packetInMessages) bufferFor(maxLen uint16) uint32 {
	if maxLen == ofp.ControllerNoBuffer || p.in.Buffer == nil {
		return ofp.NoBuffer
	}
	if !p.asked {
		p.buffer, p.asked = p.in.Buffer(), true
	}
	return p.buffer
}
