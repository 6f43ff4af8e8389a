package ofconn

import (
	"fmt"
	"runtime/debug"

	"ofswitch/ofp"
)

// defaultMissSendLen is in force until the controller sets another (OpenFlow
// 1.3.5 §7.3.2).
const defaultMissSendLen = 128

// handler is what is done with one type of message.
type handler struct {
	// slave says whether a slave may send it (OpenFlow 1.3.5 §6.3.6).
	slave bool
	// do handles the decoded message. Its error ends the connection; refusals
	// are sent by it.
	do func(c *conn, h ofp.Header, msg []byte, m ofp.Message) error
}

// handlers is indexed by message type. What has no row is refused with BAD_TYPE:
// messages that only switches send, a second hello, and types that we do not
// support.
var handlers = [...]handler{
	ofp.TypeError:            {true, (*conn).handleError},
	ofp.TypeEchoRequest:      {true, (*conn).handleEcho},
	ofp.TypeEchoReply:        {true, (*conn).handleNothing},
	ofp.TypeExperimenter:     {true, (*conn).handleExperimenter},
	ofp.TypeFeaturesRequest:  {true, (*conn).handleFeatures},
	ofp.TypeGetConfigRequest: {true, (*conn).handleGetConfig},
	ofp.TypeSetConfig:        {true, (*conn).handleSetConfig},
	ofp.TypePacketOut:        {false, (*conn).handlePacketOut},
	ofp.TypeFlowMod:          {false, (*conn).handleFlowMod},
	ofp.TypeGroupMod:         {false, (*conn).handleGroupMod},
	ofp.TypePortMod:          {false, (*conn).handlePortMod},
	ofp.TypeTableMod:         {false, (*conn).handleTableMod},
	ofp.TypeMultipartRequest: {true, (*conn).handleMultipart},
	ofp.TypeBarrierRequest:   {true, (*conn).handleBarrier},
	ofp.TypeRoleRequest:      {true, (*conn).handleRole},
	ofp.TypeGetAsyncRequest:  {true, (*conn).handleGetAsync},
	ofp.TypeSetAsync:         {true, (*conn).handleSetAsync},
	ofp.TypeMeterMod:         {false, (*conn).handleMeterMod},

	ofp.TypeQueueGetConfigRequest: {true, (*conn).handleQueueGetConfig},
}

// dispatch processes one message completely. The error ends the connection.
func (c *conn) dispatch(h ofp.Header, msg []byte) error {
	if h.Version != c.version {
		c.badVersions++
		if err := c.refuse(h, msg, ofp.BadRequestBadVersion.Errorf("version 0x%02x after 0x%02x was negotiated", h.Version, c.version)); err != nil {
			return err
		}
		if c.badVersions >= maxBadVersions {
			return refuse(errGarbage, "%d messages in a row of another version", c.badVersions)
		}
		return nil
	}
	c.badVersions = 0
	c.leaveAnswers(h.Type)
	if c.v10 != nil {
		return c.dispatch10(h, msg)
	}
	if int(h.Type) >= len(handlers) || handlers[h.Type].do == nil {
		return c.refuse(h, msg, ofp.BadRequestBadType.Errorf("%v is not for a switch to receive, or not supported", h.Type))
	}
	if c.partOf(h, msg) {
		return c.handlePart(h, msg)
	}
	hd := &handlers[h.Type]
	if err := c.slaveMay(hd.slave && !setsTables(h, msg), h); err != nil {
		return c.refuse(h, msg, err)
	}
	if h.Type == ofp.TypeFlowMod {
		return c.dispatchFlowMods(h, msg)
	}
	m, err := decode(h, msg)
	if err != nil {
		return c.undecodable(h, msg, err)
	}
	return hd.do(c, h, msg, m)
}

// undecodable refuses a message that could not be decoded. Errors are not answered
// by errors: two peers would never end. h.Type is that of OpenFlow 1.3.
func (c *conn) undecodable(h ofp.Header, msg []byte, err error) error {
	if h.Type == ofp.TypeError || h.Type == ofp.TypeEchoReply {
		c.log.Debug("message ignored", "message", h.String(), "reason", err)
		return nil
	}
	return c.refuse(h, msg, err)
}

// slaveMay refuses what changes the switch from a slave.
func (c *conn) slaveMay(allowed bool, h ofp.Header) error {
	if !allowed && ofp.Role(c.role.Load()) == ofp.RoleSlave {
		return ofp.BadRequestIsSlave.Errorf("%v from a slave", h.Type)
	}
	return nil
}

// decode is ofp.Decode, guarded.
func decode(h ofp.Header, msg []byte) (ofp.Message, error) {
	return guarded(h, func() (ofp.Message, error) { return ofp.Decode(h, msg[ofp.HeaderLen:]) })
}

// guarded calls a decoder for (a part of) the message with header h. One that
// panics has a bug that somebody's bytes have found: the message is refused,
// nothing was changed, the switch goes on.
func guarded[T any](h ofp.Header, decode func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoding %v failed: %v\n%s", h, p, debug.Stack())
		}
	}()
	return decode()
}

func (c *conn) handleNothing(ofp.Header, []byte, ofp.Message) error { return nil }

func (c *conn) handleError(h ofp.Header, _ []byte, m ofp.Message) error {
	e := m.(*ofp.ErrorMsg)
	c.log.Warn("the peer reports an error", "xid", fmt.Sprintf("%#x", h.XID), "error", e.ErrCode().String())
	return nil
}

func (c *conn) handleEcho(h ofp.Header, _ []byte, m ofp.Message) error {
	return c.reply(h.XID, &ofp.EchoReply{Data: m.(*ofp.EchoRequest).Data})
}

func (c *conn) handleFeatures(h ofp.Header, _ []byte, _ ofp.Message) error {
	f := c.m.sw.Features()
	f.AuxiliaryID = c.auxID
	return c.reply(h.XID, &f)
}

func (c *conn) handleGetConfig(h ofp.Header, _ []byte, _ ofp.Message) error {
	return c.reply(h.XID, &ofp.GetConfigReply{
		Flags:       c.m.sw.FragFlags(),
		MissSendLen: uint16(c.missSendLen.Load()),
	})
}

// handleSetConfig: the fragment flags are the switch's, miss_send_len is the
// connection's.
func (c *conn) handleSetConfig(h ofp.Header, msg []byte, m ofp.Message) error {
	s := m.(*ofp.SetConfig)
	if s.Flags&^ofp.FragMask != 0 || s.Flags == ofp.FragMask {
		return c.refuse(h, msg, ofp.SwitchConfigFailedBadFlags.Errorf("configuration flags %#x do not exist", s.Flags))
	}
	if s.MissSendLen > ofp.ControllerMaxLenMax && s.MissSendLen != ofp.ControllerNoBuffer {
		return c.refuse(h, msg, ofp.SwitchConfigFailedBadLen.Errorf("miss_send_len %#x is reserved", s.MissSendLen))
	}
	if err := c.m.sw.SetFragFlags(s.Flags); err != nil {
		return c.refuse(h, msg, err)
	}
	c.missSendLen.Store(uint32(s.MissSendLen))
	return nil
}

// result refuses the message if err is not nil.
func (c *conn) result(h ofp.Header, msg []byte, err error) error {
	if err != nil {
		return c.refuse(h, msg, err)
	}
	return nil
}

func (c *conn) handlePacketOut(h ofp.Header, msg []byte, m ofp.Message) error {
	return c.carryOut(h, msg, m.(*ofp.PacketOut), false)
}

// carryOut is handlePacketOut of p, which others follow that have been taken out of the buffer already if more says so.
func (c *conn) carryOut(h ofp.Header, msg []byte, p *ofp.PacketOut, more bool) error {
	if c.unsent < maxUnsent && (more || c.continues()) {
		c.unsent++
		return c.result(h, msg, c.m.sw.DeferPacketOut(p))
	}
	err := c.m.sw.PacketOut(p)
	if err == nil {
		c.unsent = 0 // what was deferred has left with this one
	}
	return c.result(h, msg, err)
}

// continues says whether the message after this one is here already, and is one that
// is carried out at once and is often sent with packet-outs: another, or a flow entry
// that is added.
func (c *conn) continues() bool {
	next := c.in.buf[c.in.r:c.in.w]
	h, err := ofp.ParseHeader(next)
	if err != nil || h.Version != c.version || len(next) < int(h.Length) {
		return false
	}
	switch h.Type {
	case ofp.TypePacketOut:
		return true
	case ofp.TypeFlowMod:
		return c.v10 == nil && ofp.FlowModAdds(next[ofp.HeaderLen:h.Length])
	}
	return false
}

// sendDeferred has packet-outs sent that were deferred, unless messages continue that
// are carried out at once.
func (c *conn) sendDeferred() {
	if c.unsent > 0 && !c.continues() {
		c.unsent = 0
		c.m.sw.FlushPacketOuts()
	}
}

// handleFlowMod carries out one that came alone; see dispatchFlowMods.
func (c *conn) handleFlowMod(h ofp.Header, msg []byte, m ofp.Message) error {
	c.monitors.doing(m, h.XID)
	defer c.monitors.done()
	return c.result(h, msg, c.m.sw.FlowMod(m.(*ofp.FlowMod)))
}

func (c *conn) handlePortMod(h ofp.Header, msg []byte, m ofp.Message) error {
	return c.result(h, msg, c.m.sw.PortMod(m.(*ofp.PortMod)))
}

func (c *conn) handleTableMod(h ofp.Header, msg []byte, m ofp.Message) error {
	return c.result(h, msg, c.m.sw.TableMod(m.(*ofp.TableMod)))
}

// handleBarrier: all earlier messages of this connection have been processed,
// and their errors queued, by the time it is called; the switch waits for them
// to have taken effect.
func (c *conn) handleBarrier(h ofp.Header, _ []byte, _ ofp.Message) error {
	c.m.sw.Barrier()
	return c.reply(h.XID, &ofp.BarrierReply{})
}
