package ofp

import (
	"fmt"

	"ofswitch/ofp/internal/octets"
)

// Experimenters whose messages are known here.
const (
	ExperimenterNicira uint32 = 0x00002320
	ExperimenterONF    uint32 = 0x4f4e4600
)

// Experimenter is any OFPT_EXPERIMENTER (OpenFlow 1.3.5 §7.5.4), as Decode gives
// it; Parse makes the message of it.
type Experimenter struct {
	Experimenter uint32
	ExpType      uint32
	Data         []byte
}

// Type is TypeExperimenter.
func (*Experimenter) Type() Type { return TypeExperimenter }

const experimenterHeaderLen = 8 // experimenter and its type

// Len is the body's length.
func (m *Experimenter) Len() int { return experimenterHeaderLen + len(m.Data) }

// Append encodes the body.
func (m *Experimenter) Append(b []byte) []byte {
	return append(appendExperimenter(b, m.Experimenter, m.ExpType), m.Data...)
}

func appendExperimenter(b []byte, experimenter, expType uint32) []byte {
	return be.AppendUint32(be.AppendUint32(b, experimenter), expType)
}

func decodeExperimenter(b []byte) (Message, error) {
	return &Experimenter{
		Experimenter: be.Uint32(b),
		ExpType:      be.Uint32(b[4:]),
		Data:         octets.Clone(b[experimenterHeaderLen:]),
	}, nil
}

// expKey names a type of an experimenter.
type expKey struct{ experimenter, expType uint32 }

// expMessages has the experimenters' messages that are known: their names as
// ovs-ofctl prints them, the shape of what follows the type, and the decoder of
// it, which gets the transaction id of the message.
var expMessages = map[expKey]struct {
	name   string
	shape  shape
	decode func(experimenter, xid uint32, b []byte) (Message, error)
}{
	{ExperimenterONF, onfFlowMonitorCancel}:    {"ONFT_FLOW_MONITOR_CANCEL", fixed(4), decodeFlowMonitorCancel},
	{ExperimenterONF, onfFlowMonitorPaused}:    {"ONFT_FLOW_MONITOR_PAUSED", fixed(0), decodeFlowMonitorPaused},
	{ExperimenterONF, onfFlowMonitorResumed}:   {"ONFT_FLOW_MONITOR_RESUMED", fixed(0), decodeFlowMonitorResumed},
	{ExperimenterONF, onfRoleStatus}:           {"ONFT_ROLE_STATUS", shape{roleStatusLen, 8}, decodeRoleStatus},
	{ExperimenterONF, onfBundleControl}:        {"ONFT_BUNDLE_CONTROL", shape{bundleHeaderLen, 8}, decodeBundleControl},
	{ExperimenterONF, onfBundleAdd}:            {"ONFT_BUNDLE_ADD_MESSAGE", atLeast(bundleHeaderLen), decodeBundleAdd},
	{ExperimenterNicira, nxSetPacketInFormat}:  {"NXT_SET_PACKET_IN_FORMAT", fixed(4), decodeSetPacketInFormat},
	{ExperimenterNicira, nxFlowMonitorCancel}:  {"NXT_FLOW_MONITOR_CANCEL", fixed(4), decodeFlowMonitorCancel},
	{ExperimenterNicira, nxFlowMonitorPaused}:  {"NXT_FLOW_MONITOR_PAUSED", fixed(0), decodeFlowMonitorPaused},
	{ExperimenterNicira, nxFlowMonitorResumed}: {"NXT_FLOW_MONITOR_RESUMED", fixed(0), decodeFlowMonitorResumed},
}

// expMultiparts has the experimenters' multiparts that are known. The shapes are
// those of what follows the experimenter's type.
var expMultiparts = map[expKey]struct {
	name          string
	request       shape
	decodeRequest func(experimenter uint32, b []byte) (MultipartBody, error)
	reply         shape
	decodeReply   func(experimenter uint32, b []byte) (MultipartBody, error)
}{
	{ExperimenterONF, onfFlowMonitor}:   {"ONFST_FLOW_MONITOR", shape{0, 8}, decodeFlowMonitors, shape{0, 8}, decodeFlowUpdates},
	{ExperimenterNicira, nxFlowMonitor}: {"NXST_FLOW_MONITOR", shape{0, 8}, decodeFlowMonitors, shape{0, 8}, decodeFlowUpdates},
}

// unknown is the refusal of a type that is in neither table.
func (k expKey) unknown(what string) *Error {
	if k.experimenter != ExperimenterNicira && k.experimenter != ExperimenterONF {
		return BadRequestBadExperimenter.Errorf("%s of experimenter %#x is not known", what, k.experimenter)
	}
	return BadRequestBadExpType.Errorf("%s %d of experimenter %#x is not known", what, k.expType, k.experimenter)
}

// Name is the message's name as ovs-ofctl prints it, "ONFT_BUNDLE_CONTROL".
func (m *Experimenter) Name() string {
	if e, ok := expMessages[expKey{m.Experimenter, m.ExpType}]; ok {
		return e.name
	}
	return fmt.Sprintf("message %d of experimenter %#x", m.ExpType, m.Experimenter)
}

// IsBundle says whether the message is one of the bundle extension's.
func (m *Experimenter) IsBundle() bool {
	return m.Experimenter == ExperimenterONF && (m.ExpType == onfBundleControl || m.ExpType == onfBundleAdd)
}

// Parse reads an experimenter's message: a *BundleControl, *BundleAdd,
// *RoleStatus, *FlowMonitorCancel, *FlowMonitorPaused, *FlowMonitorResumed or
// *SetPacketInFormat. xid is that of the message's header. An experimenter that
// is not known is refused with BAD_EXPERIMENTER, a type with BAD_EXP_TYPE.
func (m *Experimenter) Parse(xid uint32) (Message, error) {
	k := expKey{m.Experimenter, m.ExpType}
	e, ok := expMessages[k]
	if !ok {
		return nil, k.unknown("message")
	}
	if !e.shape.fits(len(m.Data)) {
		return nil, e.shape.errorf(BadRequestBadLen, e.name, HeaderLen+experimenterHeaderLen, len(m.Data))
	}
	return e.decode(m.Experimenter, xid, m.Data)
}

// Parse reads the body of an experimenter's request: *FlowMonitors. The body of
// another type is Body itself. Refusals are as Experimenter.Parse's.
func (m *MultipartRequest) Parse() (MultipartBody, error) {
	b, ok := m.Body.(RawBody)
	if !ok || m.Kind != MultipartExperimenter {
		return m.Body, nil
	}
	k, err := expMultipart(b)
	if err != nil {
		return nil, err
	}
	e := expMultiparts[k]
	if b = b[experimenterHeaderLen:]; !e.request.fits(len(b)) {
		return nil, e.request.errorf(BadRequestBadLen, e.name+" request", multipartHeaderLen+experimenterHeaderLen, len(b))
	}
	return e.decodeRequest(k.experimenter, b)
}

// Parse reads the body of an experimenter's reply: one *FlowUpdates for each
// message of it. The entries of another type are Entries themselves. Refusals
// are as Experimenter.Parse's.
func (m *MultipartReply) Parse() ([]MultipartBody, error) {
	if m.Kind != MultipartExperimenter {
		return m.Entries, nil
	}
	bodies := make([]MultipartBody, 0, len(m.Entries))
	for _, entry := range m.Entries {
		b, ok := entry.(RawBody)
		if !ok {
			bodies = append(bodies, entry)
			continue
		}
		k, err := expMultipart(b)
		if err != nil {
			return nil, err
		}
		e := expMultiparts[k]
		if b = b[experimenterHeaderLen:]; !e.reply.fits(len(b)) {
			return nil, e.reply.errorf(BadRequestBadLen, e.name+" reply", multipartHeaderLen+experimenterHeaderLen, len(b))
		}
		body, err := e.decodeReply(k.experimenter, b)
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}

// expMultipart reads the experimenter and the type at the start of a multipart
// body.
func expMultipart(b RawBody) (k expKey, err error) {
	if len(b) < experimenterHeaderLen {
		return k, BadRequestBadLen.Errorf("experimenter's multipart of %d bytes, want at least %d", multipartHeaderLen+len(b), multipartHeaderLen+experimenterHeaderLen)
	}
	k = expKey{be.Uint32(b), be.Uint32(b[4:])}
	if _, ok := expMultiparts[k]; !ok {
		return k, k.unknown("multipart")
	}
	return k, nil
}
