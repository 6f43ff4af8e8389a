package of10

import (
	"ofswitch/ofp"
	"ofswitch/ofp/internal/octets"
)

// flowMonitorLen is the length of nx_flow_monitor_request without match.
const flowMonitorLen = 16

// The flags of flow monitors are those of package ofp, of which some must ask for
// events.
const (
	flowMonitorEvents = ofp.FlowMonitorAdd | ofp.FlowMonitorDelete | ofp.FlowMonitorModify
	flowMonitorFlags  = flowMonitorEvents | ofp.FlowMonitorInitial | ofp.FlowMonitorActions | ofp.FlowMonitorOwn
)

// decodeFlowMonitors reads a request for flow monitors (NXST_FLOW_MONITOR).
func decodeFlowMonitors(b []byte) (ofp.MultipartBody, error) {
	r := &ofp.FlowMonitors{Experimenter: ofp.ExperimenterNicira}
	for len(b) > 0 {
		if len(b) < flowMonitorLen {
			return nil, ofp.BadRequestBadLen.Errorf("flow monitor cut off: %d bytes are left", len(b))
		}
		m := ofp.FlowMonitor{
			ID:      be.Uint32(b),
			Flags:   ofp.FlowMonitorFlags(be.Uint16(b[4:])),
			OutPort: portIn(be.Uint16(b[6:])),
			Table:   ofp.TableID(b[10]),
		}
		if m.Flags&^flowMonitorFlags != 0 || m.Flags&flowMonitorEvents == 0 {
			return nil, ofp.FlowMonitorFailedBadFlags.Errorf("flow monitor %d: flags %#x do not exist, or ask for no events", m.ID, uint16(m.Flags))
		}
		nm, rest, err := decodeNXMatch(b[flowMonitorLen:], int(be.Uint16(b[8:])))
		if err != nil {
			return nil, err
		}
		if nm.cookieMask != 0 {
			return nil, ofp.BadMatchBadField.Errorf("flow monitor %d: monitors do not look at cookies", m.ID)
		}
		m.Match = nm.match
		r.Monitors = append(r.Monitors, m)
		b = rest
	}
	return r, nil
}

// UpdateWriter makes the messages of one flow monitor's reply, as
// ofp.FlowUpdateWriter does for OpenFlow 1.3. It is not safe for concurrent use.
type UpdateWriter struct{ w *Writer }

// NewUpdateWriter starts a reply to the request with transaction id xid; 0 for
// changes that come later. send is that of Codec.Writer.
func NewUpdateWriter(xid uint32, send func(msg []byte) error) *UpdateWriter {
	return &UpdateWriter{&Writer{kind: ofp.MultipartExperimenter, form: formMonitor, xid: xid, send: send}}
}

// Add adds an update. The error is as Writer.Add's.
func (w *UpdateWriter) Add(u *ofp.FlowUpdate) error {
	if w.w.err != nil {
		return w.w.err
	}
	w.w.next = appendFlowUpdate(w.w.next[:0], u)
	return w.w.addNext()
}

// Close sends the last message, which may be the only one and empty.
func (w *UpdateWriter) Close() error { return w.w.Close() }

func appendFlowUpdate(b []byte, u *ofp.FlowUpdate) []byte {
	start := len(b)
	b = octets.Zeros(b, 2) // the length, below
	b = be.AppendUint16(b, u.Event)
	if u.Event == ofp.FlowEventAbbrev {
		b = be.AppendUint32(b, u.XID)
	} else {
		b = be.AppendUint16(b, u.Reason)
		b = be.AppendUint16(b, u.Priority)
		b = be.AppendUint16(b, u.IdleTimeout)
		b = be.AppendUint16(b, u.HardTimeout)
		at := len(b)
		b = octets.Zeros(b, 2)
		b = append(b, uint8(u.Table), 0)
		b = be.AppendUint64(b, u.Cookie)
		var n int
		b, n = appendNXMatch(b, &u.Match)
		be.PutUint16(b[at:], uint16(n))
		b = appendInstructions(b, &u.Instructions)
	}
	be.PutUint16(b[start:], uint16(len(b)-start))
	return b
}
