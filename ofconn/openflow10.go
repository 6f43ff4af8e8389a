package ofconn

import (
	"fmt"
	"runtime/debug"
	"slices"

	"ofswitch/ofp"
	"ofswitch/ofp/of10"
)

// A connection that speaks OpenFlow 1.0 has a codec, which turns its messages
// into those of OpenFlow 1.3 and back; what is done with them is the same. This
// file has what is not.

// handlers10 is handlers for OpenFlow 1.0. Messages that it has not are refused
// before.
var handlers10 = func() (list [len(handlers)]handler) {
	for t := range list {
		list[t] = handlers[t]
	}
	list[ofp.TypeFeaturesRequest].do = (*conn).handleFeatures10
	list[ofp.TypeGetConfigRequest].do = (*conn).handleGetConfig10
	list[ofp.TypeSetConfig].do = (*conn).handleSetConfig10
	list[ofp.TypeExperimenter].do = (*conn).handleVendor10
	return list
}()

// dispatch10 is dispatch for a connection that speaks OpenFlow 1.0.
func (c *conn) dispatch10(wire ofp.Header, msg []byte) error {
	t, err := of10.Kind(wire, msg[ofp.HeaderLen:])
	h := wire
	if err == nil {
		h.Type = t
		if int(t) >= len(handlers10) || handlers10[t].do == nil {
			err = ofp.BadRequestBadType.Errorf("%v is not for a switch to receive, or not supported", h.Type)
		}
	}
	if err != nil {
		return c.refuse(h, msg, err)
	}
	hd := &handlers10[t]
	if err := c.slaveMay(hd.slave, h); err != nil {
		return c.refuse(h, msg, err)
	}
	m, err := c.decode10(wire, msg)
	if err != nil {
		return c.undecodable(h, msg, err)
	}
	return hd.do(c, h, msg, m)
}

// decode10 is decode for OpenFlow 1.0. It gives its failure a code by itself, since
// by the message's type, another than in OpenFlow 1.3, it would get a wrong one.
func (c *conn) decode10(h ofp.Header, msg []byte) (m ofp.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("a message could not be decoded", "message", h.String(), "panic", p, "stack", string(debug.Stack()))
			m, err = nil, ofp.BadRequestEPerm.Errorf("decoding %v failed: %v", h, p)
		}
	}()
	return c.v10.Decode(h, msg[ofp.HeaderLen:])
}

// encode makes a message in the connection's version; nil: it has none like it.
func (c *conn) encode(xid uint32, m ofp.Message) []byte {
	if c.v10 != nil {
		return c.v10.Encode(xid, m)
	}
	return ofp.Encode(xid, m)
}

// entryWriter makes the messages of a multipart reply out of its entries.
type entryWriter interface {
	// TryAdd leaves out an entry that is too long for any message.
	TryAdd(ofp.MultipartBody) (fits bool, err error)
	Close() error
}

// writer starts the reply to a multipart request.
func (c *conn) writer(kind uint16, xid uint32) entryWriter {
	if c.v10 != nil {
		return c.v10.Writer(kind, xid, c.send)
	}
	w := ofp.NewMultipartWriter(kind, xid, c.sendPart)
	w.Room = replyRoom
	return w
}

// updateWriter makes the messages that tell of changes of flow entries.
type updateWriter interface {
	Add(*ofp.FlowUpdate) error
	Close() error
}

// updates starts a reply about flow entries, in the form of an experimenter.
func (c *conn) updates(experimenter, xid uint32, send func([]byte) error) updateWriter {
	if c.v10 != nil {
		return of10.NewUpdateWriter(xid, send)
	}
	return ofp.NewFlowUpdateWriter(experimenter, xid, send)
}

func (c *conn) handleFeatures10(h ofp.Header, _ []byte, _ ofp.Message) error {
	return c.reply(h.XID, &of10.Features{FeaturesReply: c.m.sw.Features(), Ports: c.m.sw.PortDescs()})
}

// invalidTTL10 is OFPC_INVALID_TTL_TO_CONTROLLER, a flag of OpenFlow 1.1 and 1.2
// that Open vSwitch knows in 1.0 too: in 1.3 it became a bit of the asynchronous
// configuration.
const invalidTTL10 = 1 << 2

func (c *conn) handleGetConfig10(h ofp.Header, _ []byte, _ ofp.Message) error {
	r := &ofp.GetConfigReply{Flags: c.m.sw.FragFlags(), MissSendLen: uint16(c.missSendLen.Load())}
	if c.async.Load().PacketIn[0]&(1<<ofp.PacketInInvalidTTL) != 0 {
		r.Flags |= invalidTTL10
	}
	return c.reply(h.XID, r)
}

func (c *conn) handleSetConfig10(h ofp.Header, msg []byte, m ofp.Message) error {
	s := *m.(*ofp.SetConfig)
	if s.Flags&^(ofp.FragMask|invalidTTL10) != 0 || s.Flags&ofp.FragMask == ofp.FragMask {
		return c.refuse(h, msg, ofp.SwitchConfigFailedBadFlags.Errorf("configuration flags %#x do not exist", s.Flags))
	}
	if err := c.m.sw.SetFragFlags(s.Flags & ofp.FragMask); err != nil {
		return c.refuse(h, msg, err)
	}
	a := *c.async.Load()
	a.PacketIn[0] &^= 1 << ofp.PacketInInvalidTTL
	if s.Flags&invalidTTL10 != 0 {
		a.PacketIn[0] |= 1 << ofp.PacketInInvalidTTL
	}
	c.async.Store(&a)
	c.missSendLen.Store(uint32(s.MissSendLen))
	c.m.updateMiss()
	return nil
}

// updateMiss tells the switch whether frames that no flow entry matches are wanted.
// It is called after every change of a connection that may count.
func (m *Manager) updateMiss() {
	if m.o.OnMissPacketIn == nil {
		return
	}
	m.missMu.Lock()
	defer m.missMu.Unlock()
	on := slices.ContainsFunc(m.established(), func(c *conn) bool {
		return c.v10 != nil && (!c.tool || c.missSendLen.Load() != 0)
	})
	if on != m.missOn {
		m.missOn = on
		m.o.OnMissPacketIn(on)
	}
}

// handleVendor10 takes Nicira's messages about the connection. Bundles and the rest
// of ONF's extensions are of OpenFlow 1.3.
func (c *conn) handleVendor10(h ofp.Header, msg []byte, m ofp.Message) error {
	switch m := m.(type) {
	case of10.Setting:
		return c.result(h, msg, c.v10.Apply(m))
	case *of10.SetAsync2:
		a := m.Change(*c.async.Load())
		c.async.Store(&a)
		return nil
	case *ofp.SetPacketInFormat:
		return c.result(h, msg, c.v10.SetPacketInFormat(m.Format))
	case *ofp.Experimenter:
		if m.Experimenter != ofp.ExperimenterNicira {
			return c.refuse(h, msg, ofp.BadRequestBadExperimenter.Errorf("message of vendor %#x is not known in OpenFlow 1.0", m.Experimenter))
		}
		return c.handleExperimenter(h, msg, m) // the end of a flow monitor
	}
	return c.refuse(h, msg, fmt.Errorf("message %T is not handled", m))
}

// tableStats10 gives the entries of the table statistics of OpenFlow 1.0, with the
// name and the room of each table.
func tableStats10(sw Switch, _ ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
	type table struct {
		name string
		room uint32
	}
	var tables [256]table
	if err := sw.TableFeatures(func(f *ofp.TableFeatures) error {
		tables[f.Table] = table{f.Name, f.MaxEntries}
		return nil
	}); err != nil {
		return err
	}
	return sw.TableStats(func(s *ofp.TableStats) error {
		t := tables[s.Table]
		return add(&of10.TableStats{TableStats: *s, Name: t.name, MaxEntries: t.room})
	})
}

// groupDescs10 gives the groups, or the one that Nicira's request names.
func groupDescs10(sw Switch, body ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
	id := body.(*ofp.GroupStatsRequest).GroupID
	return sw.GroupDescs(func(d *ofp.GroupDesc) error {
		if id != ofp.GroupAll && id != d.GroupID {
			return nil
		}
		return add(d)
	})
}

// multipartHandler is what answers a kind of multipart request in the
// connection's version.
func (c *conn) multipartHandler(kind uint16) func(Switch, ofp.MultipartBody, func(ofp.MultipartBody) error) error {
	if c.v10 != nil && kind == ofp.MultipartTable {
		return tableStats10
	}
	if c.v10 != nil && kind == ofp.MultipartGroupDesc {
		return groupDescs10
	}
	return multiparts[kind]
}

// message10 is message for a connection that speaks OpenFlow 1.0.
func (p *packetInMessages) message10(codec *of10.Codec, maxLen uint16) []byte {
	m := p.in.Msg // a copy: connections differ
	if id := p.bufferFor(maxLen); id != ofp.NoBuffer {
		m.BufferID, m.Data = id, m.Data[:min(int(maxLen), len(m.Data))]
	}
	return codec.Encode(asyncXID, &m)
}

// sharedMessage is one asynchronous message for several connections: those of
// OpenFlow 1.3 share its bytes.
type sharedMessage struct {
	msg ofp.Message
	v13 []byte
}

// in is the message as c reads it; nil: its version has none like it.
func (s *sharedMessage) in(c *conn) []byte {
	if c.v10 != nil {
		return c.v10.Encode(asyncXID, s.msg)
	}
	if s.v13 == nil {
		s.v13 = ofp.Encode(asyncXID, s.msg)
	}
	return s.v13
}
