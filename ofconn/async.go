package ofconn

import "ofswitch/ofp"

// defaultAsync is what a connection gets that has not asked for anything else
// (OpenFlow 1.3.5 §6.3.5): packet-ins except for invalid TTLs and flow-removed
// as master or equal, port-status always.
var defaultAsync = ofp.AsyncConfig{
	PacketIn:    [2]uint32{1<<ofp.PacketInNoMatch | 1<<ofp.PacketInAction, 0},
	PortStatus:  [2]uint32{1<<ofp.PortAdd | 1<<ofp.PortDelete | 1<<ofp.PortModify, 1<<ofp.PortAdd | 1<<ofp.PortDelete | 1<<ofp.PortModify},
	FlowRemoved: [2]uint32{1<<ofp.RemovedIdle | 1<<ofp.RemovedHard | 1<<ofp.RemovedDelete | 1<<ofp.RemovedGroup, 0},
}

// wants says whether the connection gets messages of a kind for this reason.
func (c *conn) wants(masks func(*ofp.AsyncConfig) *[2]uint32, reason uint8) bool {
	if reason > 31 {
		return false
	}
	if c.tool && c.missSendLen.Load() == 0 {
		// A tool that lists flows has no use for packet-ins; one that monitors
		// asks for them by a miss_send_len, as with Open vSwitch.
		return false
	}
	i := 0
	if ofp.Role(c.role.Load()) == ofp.RoleSlave {
		i = 1
	}
	return masks(c.async.Load())[i]&(1<<reason) != 0
}

func packetInMasks(a *ofp.AsyncConfig) *[2]uint32    { return &a.PacketIn }
func portStatusMasks(a *ofp.AsyncConfig) *[2]uint32  { return &a.PortStatus }
func flowRemovedMasks(a *ofp.AsyncConfig) *[2]uint32 { return &a.FlowRemoved }

// asyncXID is the transaction id of messages that answer nothing.
const asyncXID = 0

// PacketIns sends frames to the controllers that want them, except to those with
// too many waiting. It does not block and keeps nothing of list.
func (m *Manager) PacketIns(list []PacketIn) {
	conns := m.established()
	var few [8]*conn
	waiting := few[:0] // those for which nothing had waited
	for i := range list {
		in := &list[i]
		messages := packetInMessages{in: in}
		for _, c := range conns {
			if in.NoEntry && c.v10 == nil {
				continue // in OpenFlow 1.3 such frames are dropped
			}
			if !c.wants(packetInMasks, in.Msg.Reason) {
				continue
			}
			to := c.packetInConn(m.o.FlowHash, in.Msg.Data)
			if to.out.putPacketIn(in.InPort, len(in.Msg.Data), func() []byte { return messages.message(c, c.maxLenFor(in)) }) {
				waiting = append(waiting, to)
			}
		}
	}
	for _, c := range waiting {
		c.writePacketIns()
	}
}

// FlowRemoved tells the controllers that want it of a removed entry. It does
// not block.
func (m *Manager) FlowRemoved(msg *ofp.FlowRemoved) {
	shared := sharedMessage{msg: msg}
	for _, c := range m.established() {
		if c.wants(flowRemovedMasks, msg.Reason) {
			b := shared.in(c)
			if b != nil && !c.out.putAsync(b) && !c.warned.Swap(true) {
				c.log.Warn("the controller reads too slowly: flow-removed messages are dropped")
			}
		}
	}
}

// PortStatus tells the controllers that want it of a port's change. It does not
// block.
func (m *Manager) PortStatus(msg *ofp.PortStatus) {
	shared := sharedMessage{msg: msg}
	for _, c := range m.established() {
		if c.wants(portStatusMasks, msg.Reason) {
			b := shared.in(c)
			if b != nil && !c.out.putAsync(b) {
				// A controller must not go on with a wrong picture of the ports.
				c.close(errOverrun)
			}
		}
	}
}
