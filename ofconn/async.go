package ofconn

import (
	"encoding/binary"

	"ofswitch/ofp"
)

// asyncConfig says which asynchronous messages a connection gets
// (OpenFlow 1.3.5 §7.3.10): for each kind a mask with bit 1<<reason, index 0
// while the controller is master or equal, 1 while it is slave. Immutable.
type asyncConfig struct {
	packetIn, portStatus, flowRemoved [2]uint32
}

// asyncConfigLen is the length of the body of ofp_async_config.
const asyncConfigLen = 24

// defaultAsync is what a connection gets that has not asked for anything else
// (OpenFlow 1.3.5 §6.3.5): packet-ins except for invalid TTLs and flow-removed
// as master or equal, port-status always.
var defaultAsync = asyncConfig{
	packetIn:    [2]uint32{1<<ofp.PacketInNoMatch | 1<<ofp.PacketInAction, 0},
	portStatus:  [2]uint32{1<<ofp.PortAdd | 1<<ofp.PortDelete | 1<<ofp.PortModify, 1<<ofp.PortAdd | 1<<ofp.PortDelete | 1<<ofp.PortModify},
	flowRemoved: [2]uint32{1<<ofp.RemovedIdle | 1<<ofp.RemovedHard | 1<<ofp.RemovedDelete | 1<<ofp.RemovedGroup, 0},
}

// parseAsync reads a body of asyncConfigLen bytes. Bits that name no reason are
// kept, so that GET_ASYNC gives back what SET_ASYNC brought.
func parseAsync(b []byte) *asyncConfig {
	be := binary.BigEndian
	return &asyncConfig{
		packetIn:    [2]uint32{be.Uint32(b), be.Uint32(b[4:])},
		portStatus:  [2]uint32{be.Uint32(b[8:]), be.Uint32(b[12:])},
		flowRemoved: [2]uint32{be.Uint32(b[16:]), be.Uint32(b[20:])},
	}
}

func (a *asyncConfig) body() []byte {
	b := make([]byte, 0, asyncConfigLen)
	for _, m := range [][2]uint32{a.packetIn, a.portStatus, a.flowRemoved} {
		b = binary.BigEndian.AppendUint32(b, m[0])
		b = binary.BigEndian.AppendUint32(b, m[1])
	}
	return b
}

// wants says whether the connection gets messages of a kind for this reason.
func (c *conn) wants(masks func(*asyncConfig) *[2]uint32, reason uint8) bool {
	if reason > 31 {
		return false
	}
	if c.tool && c.missSendLen.Load() == 0 {
		// A tool that lists flows has no use for packet-ins; one that monitors
		// asks for them by a miss_send_len, as with Open vSwitch.
		return false
	}
	i := 0
	if Role(c.role.Load()) == RoleSlave {
		i = 1
	}
	return masks(c.async.Load())[i]&(1<<reason) != 0
}

func packetInMasks(a *asyncConfig) *[2]uint32    { return &a.packetIn }
func portStatusMasks(a *asyncConfig) *[2]uint32  { return &a.portStatus }
func flowRemovedMasks(a *asyncConfig) *[2]uint32 { return &a.flowRemoved }

// asyncXID is the transaction id of messages that answer nothing.
const asyncXID = 0

// PacketIn sends a frame to the controllers that want it, except to those with
// too many waiting. It does not block and keeps nothing of in.
func (m *Manager) PacketIn(in PacketIn) {
	var msg []byte // made once, when the first connection takes it
	encode := func() []byte {
		if msg == nil {
			msg = ofp.Encode(asyncXID, &in.Msg)
		}
		return msg
	}
	for _, c := range m.established() {
		if c.wants(packetInMasks, in.Msg.Reason) {
			c.out.putPacketIn(in.InPort, len(in.Msg.Data), encode)
		}
	}
}

// FlowRemoved tells the controllers that want it of a removed entry. It does
// not block.
func (m *Manager) FlowRemoved(msg *ofp.FlowRemoved) {
	var b []byte
	for _, c := range m.established() {
		if c.wants(flowRemovedMasks, msg.Reason) {
			if b == nil {
				b = ofp.Encode(asyncXID, msg)
			}
			if !c.out.putAsync(b) && !c.warned.Swap(true) {
				c.log.Warn("the controller reads too slowly: flow-removed messages are dropped")
			}
		}
	}
}

// PortStatus tells the controllers that want it of a port's change. It does not
// block.
func (m *Manager) PortStatus(msg *ofp.PortStatus) {
	var b []byte
	for _, c := range m.established() {
		if c.wants(portStatusMasks, msg.Reason) {
			if b == nil {
				b = ofp.Encode(asyncXID, msg)
			}
			if !c.out.putAsync(b) {
				// A controller must not go on with a wrong picture of the ports.
				c.close(errOverrun)
			}
		}
	}
}
