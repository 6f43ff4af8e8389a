package of10

import (
	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/ofp/internal/octets"
)

// Features is a features reply with what OpenFlow 1.0 has in it and 1.3 not: the
// ports.
type Features struct {
	ofp.FeaturesReply
	Ports []ofp.PortDesc
}

// Capabilities that are not those of OpenFlow 1.3 (OpenFlow 1.0.0 §5.3.1).
const (
	capARPMatchIP = 1 << 7
	capSame       = ofp.CapFlowStats | ofp.CapTableStats | ofp.CapPortStats | ofp.CapIPReasm | ofp.CapQueueStats
)

// portLen is the length of struct ofp_phy_port (OpenFlow 1.0.0 §5.2.1).
const portLen = 48

// maxData is how much of a frame an NXT_PACKET_IN2 carries: its other properties
// take less than the rest of a message.
const maxData = 64000

// Encode makes a message of m, or nil if OpenFlow 1.0 has none like it: what
// concerns a port without a number of 16 bits, a role status.
func (c *Codec) Encode(xid uint32, m ofp.Message) []byte {
	switch m := m.(type) {
	case *ofp.PacketIn:
		return c.encodePacketIn(xid, m)
	case *ofp.FlowRemoved:
		return c.encodeFlowRemoved(xid, m)
	case *ofp.PortStatus:
		return encodePortStatus(xid, m)
	case *ofp.ErrorMsg:
		return encodeError(xid, m)
	case *Features:
		return encodeFeatures(xid, m)
	case *ofp.RoleReply:
		b := nicira(nil, xid, nxtRoleReply)
		role := uint32(0) // other
		if m.Role >= ofp.RoleMaster {
			role = uint32(m.Role) - 1
		}
		return finish(be.AppendUint32(b, role))
	case *ofp.RoleStatus:
		return nil
	case *ofp.QueueGetConfigReply:
		return encodeQueues(xid, m)
	case *ofp.Hello:
		return finish(m.Append(header(nil, uint8(ofp.TypeHello), xid)))
	}
	// Those whose bodies are the same: echoes, barriers, the configuration,
	// messages of experimenters.
	t, ok := fromType[m.Type()]
	if !ok {
		return nil
	}
	return finish(m.Append(header(make([]byte, 0, ofp.HeaderLen+m.Len()), t, xid)))
}

func encodeFeatures(xid uint32, m *Features) []byte {
	b := header(make([]byte, 0, 32+portLen*len(m.Ports)), uint8(ofp.TypeFeaturesReply), xid)
	b = be.AppendUint64(b, m.DatapathID)
	b = be.AppendUint32(b, m.NumBuffers)
	b = append(b, m.NumTables, 0, 0, 0)
	b = be.AppendUint32(b, m.Capabilities&capSame|capARPMatchIP)
	b = be.AppendUint32(b, actionBits)
	for i := range m.Ports {
		if len(b)+portLen > ofp.MaxLen {
			break // the rest is in the port descriptions alone, as with Open vSwitch
		}
		b, _ = appendPort(b, &m.Ports[i])
	}
	return finish(b)
}

// appendPort encodes a port's description. ok: it has a number.
func appendPort(b []byte, p *ofp.PortDesc) (_ []byte, ok bool) {
	no, ok := portOut(p.Port)
	if !ok {
		return b, false
	}
	b = be.AppendUint16(b, no)
	b = append(b, p.HWAddr[:]...)
	b = octets.AppendString(b, p.Name, 16)
	config := uint32(p.Config & ofp.PortConfigAll)
	if p.NoFlood {
		config |= portNoFlood
	}
	b = be.AppendUint32(b, config)
	b = be.AppendUint32(b, uint32(p.State&ofp.PortStateLinkDown))
	for _, f := range [...]uint32{p.Curr, p.Advertised, p.Supported, p.Peer} {
		b = be.AppendUint32(b, featuresOut(f))
	}
	return b, true
}

func encodePortStatus(xid uint32, m *ofp.PortStatus) []byte {
	b := header(nil, typePortStatus, xid)
	b = octets.Zeros(append(b, m.Reason), 7)
	b, ok := appendPort(b, &m.Desc)
	if !ok {
		return nil
	}
	return finish(b)
}

// removedReason is a reason of OpenFlow 1.0: of the deletion of a group it knows
// nothing.
func removedReason(r uint8) uint8 { return min(r, ofp.RemovedDelete) }

func (c *Codec) encodeFlowRemoved(xid uint32, m *ofp.FlowRemoved) []byte {
	var b []byte
	if c.nxm.Load() {
		b = nicira(b, xid, nxtFlowRemoved)
		b = be.AppendUint64(b, m.Cookie)
		b = be.AppendUint16(b, m.Priority)
		// The table is one too high, since 0 means that it is not told.
		b = append(b, removedReason(m.Reason), uint8(m.Table)+1)
	} else {
		b = header(b, typeFlowRemoved, xid)
		b = appendMatch(b, &m.Match)
		b = be.AppendUint64(b, m.Cookie)
		b = be.AppendUint16(b, m.Priority)
		b = append(b, removedReason(m.Reason), 0)
	}
	b = be.AppendUint32(b, m.DurationSec)
	b = be.AppendUint32(b, m.DurationNsec)
	b = be.AppendUint16(b, m.IdleTimeout)
	at := len(b)
	b = octets.Zeros(b, 2) // the length of NXT_FLOW_REMOVED's match
	b = be.AppendUint64(b, m.PacketCount)
	b = be.AppendUint64(b, m.ByteCount)
	if c.nxm.Load() {
		var n int
		b, n = appendNXMatch(b, &m.Match)
		be.PutUint16(b[at:], uint16(n))
	}
	return finish(b)
}

// inPort is the port that a packet-in came in by.
func inPort(m *ofp.PacketIn) uint16 {
	v, _, ok := m.Match.Get(flow.InPort)
	if !ok {
		return portNone
	}
	return portOr(ofp.PortNo(v.Lo))
}

func (c *Codec) encodePacketIn(xid uint32, m *ofp.PacketIn) []byte {
	switch c.packetIn.Load() {
	case ofp.PacketInNicira:
		return encodeNXPacketIn(xid, m)
	case ofp.PacketInNicira2:
		return encodeNXPacketIn2(xid, m)
	}
	b := header(make([]byte, 0, 18+len(m.Data)), typePacketIn, xid)
	b = be.AppendUint32(b, m.BufferID)
	b = be.AppendUint16(b, m.TotalLen)
	b = be.AppendUint16(b, inPort(m))
	b = append(b, m.Reason, 0)
	return finish(append(b, m.Data[:min(len(m.Data), ofp.MaxLen-len(b))]...))
}

func encodeNXPacketIn(xid uint32, m *ofp.PacketIn) []byte {
	b := nicira(make([]byte, 0, 64+len(m.Data)), xid, nxtPacketIn)
	b = be.AppendUint32(b, m.BufferID)
	b = be.AppendUint16(b, m.TotalLen)
	b = append(b, m.Reason, uint8(m.Table))
	b = be.AppendUint64(b, m.Cookie)
	at := len(b)
	b = octets.Zeros(b, 8)
	b, n := appendNXMatch(b, &m.Match)
	be.PutUint16(b[at:], uint16(n))
	b = octets.Zeros(b, 2)
	return finish(append(b, m.Data[:min(len(m.Data), ofp.MaxLen-len(b))]...))
}

// Properties of NXT_PACKET_IN2.
const (
	pinPacket   = 0
	pinFullLen  = 1
	pinBufferID = 2
	pinTableID  = 3
	pinCookie   = 4
	pinReason   = 5
	pinMetadata = 6
)

func encodeNXPacketIn2(xid uint32, m *ofp.PacketIn) []byte {
	b := nicira(make([]byte, 0, 128+len(m.Data)), xid, nxtPacketIn2)
	data := m.Data[:min(len(m.Data), maxData)]
	b = appendProperty(b, pinPacket, 0, data)
	if int(m.TotalLen) != len(data) {
		b = appendProperty(b, pinFullLen, 0, be.AppendUint32(nil, uint32(m.TotalLen)))
	}
	if m.BufferID != ofp.NoBuffer {
		b = appendProperty(b, pinBufferID, 0, be.AppendUint32(nil, m.BufferID))
	}
	b = appendProperty(b, pinTableID, 0, []byte{uint8(m.Table)})
	if m.Cookie != ^uint64(0) {
		b = appendProperty(b, pinCookie, 4, be.AppendUint64(nil, m.Cookie))
	}
	b = appendProperty(b, pinReason, 0, []byte{m.Reason})
	match, n := appendNXMatch(nil, &m.Match)
	return finish(appendProperty(b, pinMetadata, 4, match[:n]))
}

// appendProperty appends a property whose value stands behind pad bytes of
// padding, padded to a multiple of 8.
func appendProperty(b []byte, t uint16, pad int, value []byte) []byte {
	n := 4 + pad + len(value)
	b = be.AppendUint16(b, t)
	b = be.AppendUint16(b, uint16(n))
	b = append(octets.Zeros(b, pad), value...)
	return octets.Zeros(b, octets.Pad8(n)-n)
}

// queueLen is the length of struct ofp_packet_queue without properties
// (OpenFlow 1.0.0 §5.2.2).
const queueLen = 8

func encodeQueues(xid uint32, m *ofp.QueueGetConfigReply) []byte {
	b := header(nil, typeQueueGetConfigReply, xid)
	b = octets.Zeros(be.AppendUint16(b, portOr(m.Port)), 6)
	for i := range m.Queues {
		q := &m.Queues[i]
		n := queueLen
		for j := range q.Properties {
			n += q.Properties[j].Len()
		}
		if len(b)+n > ofp.MaxLen {
			break // a reply is one message
		}
		b = be.AppendUint32(b, q.QueueID)
		b = octets.Zeros(be.AppendUint16(b, uint16(n)), 2)
		for j := range q.Properties {
			b = q.Properties[j].Append(b)
		}
	}
	return finish(b)
}
