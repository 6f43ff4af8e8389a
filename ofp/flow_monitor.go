package ofp

// Types of the flow monitor's messages and, first, of its multipart.
const (
	onfFlowMonitor        = 1870
	onfFlowMonitorCancel  = 1870
	onfFlowMonitorPaused  = 1871
	onfFlowMonitorResumed = 1872

	nxFlowMonitor        = 2
	nxFlowMonitorCancel  = 21
	nxFlowMonitorPaused  = 22
	nxFlowMonitorResumed = 23
)

// forONF chooses the type of an experimenter's message: ONF's, or Nicira's.
func forONF(experimenter, onf, nicira uint32) uint32 {
	if experimenter == ExperimenterNicira {
		return nicira
	}
	return onf
}

// FlowMonitorCancel ends a flow monitor. Experimenter is ExperimenterONF (ONF
// extension 187, as in Open vSwitch) or ExperimenterNicira; so it is in the other
// messages of flow monitors.
type FlowMonitorCancel struct {
	Experimenter uint32
	ID           uint32 // of the monitor
}

// Type is TypeExperimenter.
func (*FlowMonitorCancel) Type() Type { return TypeExperimenter }

// Len is the body's length.
func (*FlowMonitorCancel) Len() int { return experimenterHeaderLen + 4 }

// Append encodes the body.
func (m *FlowMonitorCancel) Append(b []byte) []byte {
	b = appendExperimenter(b, m.Experimenter, forONF(m.Experimenter, onfFlowMonitorCancel, nxFlowMonitorCancel))
	return be.AppendUint32(b, m.ID)
}

func decodeFlowMonitorCancel(experimenter, _ uint32, b []byte) (Message, error) {
	return &FlowMonitorCancel{Experimenter: experimenter, ID: be.Uint32(b)}, nil
}

// FlowMonitorPaused tells that updates are left out from now on, since the
// controller does not read them fast enough.
type FlowMonitorPaused struct{ Experimenter uint32 }

// Type is TypeExperimenter.
func (*FlowMonitorPaused) Type() Type { return TypeExperimenter }

// Len is the body's length.
func (*FlowMonitorPaused) Len() int { return experimenterHeaderLen }

// Append encodes the body.
func (m *FlowMonitorPaused) Append(b []byte) []byte {
	return appendExperimenter(b, m.Experimenter, forONF(m.Experimenter, onfFlowMonitorPaused, nxFlowMonitorPaused))
}

func decodeFlowMonitorPaused(experimenter, _ uint32, _ []byte) (Message, error) {
	return &FlowMonitorPaused{Experimenter: experimenter}, nil
}

// FlowMonitorResumed ends what FlowMonitorPaused began, once updates have told
// all that was left out.
type FlowMonitorResumed struct{ Experimenter uint32 }

// Type is TypeExperimenter.
func (*FlowMonitorResumed) Type() Type { return TypeExperimenter }

// Len is the body's length.
func (*FlowMonitorResumed) Len() int { return experimenterHeaderLen }

// Append encodes the body.
func (m *FlowMonitorResumed) Append(b []byte) []byte {
	return appendExperimenter(b, m.Experimenter, forONF(m.Experimenter, onfFlowMonitorResumed, nxFlowMonitorResumed))
}

func decodeFlowMonitorResumed(experimenter, _ uint32, _ []byte) (Message, error) {
	return &FlowMonitorResumed{Experimenter: experimenter}, nil
}
