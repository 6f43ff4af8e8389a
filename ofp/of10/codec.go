package of10

import (
	"sync/atomic"

	"ofswitch/ofp"
	"ofswitch/ofp/internal/octets"
)

// Flow formats (NXT_SET_FLOW_FORMAT): how flow entries are written to the peer.
const (
	FlowFormatOpenFlow10 = 0
	FlowFormatNXM        = 2
)

// Codec reads and writes OpenFlow 1.0 for one connection. The zero value is
// that of a new connection.
type Codec struct {
	tableID bool // flow-mods name a table (NXT_FLOW_MOD_TABLE_ID)
	stats   form // of the statistics request that was decoded last

	// Read by whoever encodes asynchronous messages.
	nxm      atomic.Bool   // flow-removed as NXT_FLOW_REMOVED
	packetIn atomic.Uint32 // ofp.PacketInStandard...
}

// form is how entries of statistics are written.
type form uint8

const (
	formStandard form = iota
	formNXM
	formMonitor
)

// The settings of a connection, as Decode gives them. Apply carries them out.
type (
	// SetFlowFormat chooses how flow entries are written (NXT_SET_FLOW_FORMAT).
	SetFlowFormat struct{ Format uint32 }

	// FlowModTableID says whether flow-mods name a table in the upper half of their
	// command (NXT_FLOW_MOD_TABLE_ID).
	FlowModTableID struct{ On bool }

	// SetControllerID numbers the controller, for actions that send to one of
	// several (NXT_SET_CONTROLLER_ID). There are no such actions here.
	SetControllerID struct{ ID uint16 }

	// FlowAge asks for ages of flow entries in statistics (NXT_FLOW_AGE), which
	// are always there.
	FlowAge struct{}
)

// Setting is a message about the connection itself.
type Setting interface {
	ofp.Message
	setting()
}

func (*SetFlowFormat) setting()   {}
func (*FlowModTableID) setting()  {}
func (*SetControllerID) setting() {}
func (*FlowAge) setting()         {}

// Type is TypeExperimenter.
func (*SetFlowFormat) Type() ofp.Type { return ofp.TypeExperimenter }

// Type is TypeExperimenter.
func (*FlowModTableID) Type() ofp.Type { return ofp.TypeExperimenter }

// Type is TypeExperimenter.
func (*SetControllerID) Type() ofp.Type { return ofp.TypeExperimenter }

// Type is TypeExperimenter.
func (*FlowAge) Type() ofp.Type { return ofp.TypeExperimenter }

// Len is the body's length.
func (*SetFlowFormat) Len() int { return vendorHeaderLen + 4 }

// Len is the body's length.
func (*FlowModTableID) Len() int { return vendorHeaderLen + 8 }

// Len is the body's length.
func (*SetControllerID) Len() int { return vendorHeaderLen + 8 }

// Len is the body's length.
func (*FlowAge) Len() int { return vendorHeaderLen }

// Append encodes the body.
func (m *SetFlowFormat) Append(b []byte) []byte {
	return be.AppendUint32(appendVendor(b, nxtSetFlowFormat), m.Format)
}

// Append encodes the body.
func (m *FlowModTableID) Append(b []byte) []byte {
	on := uint8(0)
	if m.On {
		on = 1
	}
	return append(appendVendor(b, nxtFlowModTableID), on, 0, 0, 0, 0, 0, 0, 0)
}

// Append encodes the body.
func (m *SetControllerID) Append(b []byte) []byte {
	return be.AppendUint16(octets.Zeros(appendVendor(b, nxtSetControllerID), 6), m.ID)
}

// Append encodes the body.
func (*FlowAge) Append(b []byte) []byte { return appendVendor(b, nxtFlowAge) }

func appendVendor(b []byte, subtype uint32) []byte {
	return be.AppendUint32(be.AppendUint32(b, ofp.ExperimenterNicira), subtype)
}

// Apply carries out a setting, or refuses it.
func (c *Codec) Apply(m Setting) error {
	switch m := m.(type) {
	case *SetFlowFormat:
		if m.Format != FlowFormatOpenFlow10 && m.Format != FlowFormatNXM {
			return ofp.BadRequestEPerm.Errorf("flow format %d does not exist", m.Format)
		}
		c.nxm.Store(m.Format == FlowFormatNXM)
	case *FlowModTableID:
		c.tableID = m.On
	}
	return nil
}

// SetPacketInFormat chooses how packet-ins are written, ofp.PacketInStandard...
func (c *Codec) SetPacketInFormat(format uint32) error {
	if format > ofp.PacketInNicira2 {
		return ofp.BadRequestEPerm.Errorf("packet-in format %d does not exist", format)
	}
	c.packetIn.Store(format)
	return nil
}

// Kind is the type that a message has in OpenFlow 1.3, of which h is the header
// and body what follows it; its refusal is that of a type that does not exist.
func Kind(h ofp.Header, body []byte) (ofp.Type, error) {
	if int(h.Type) >= len(toType) {
		return 0, ofp.BadRequestBadType.Errorf("message type %d does not exist in OpenFlow 1.0", uint8(h.Type))
	}
	t := toType[h.Type]
	if t == ofp.TypeExperimenter && len(body) >= vendorHeaderLen && be.Uint32(body) == ofp.ExperimenterNicira {
		switch be.Uint32(body[4:]) {
		case nxtFlowMod:
			return ofp.TypeFlowMod, nil
		case nxtGroupMod:
			return ofp.TypeGroupMod, nil
		case nxtRoleRequest:
			return ofp.TypeRoleRequest, nil
		case nxtSetAsyncConfig:
			return ofp.TypeSetAsync, nil
		}
	}
	return t, nil
}
