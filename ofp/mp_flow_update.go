package ofp

import (
	"ofswitch/flow"
	"ofswitch/ofp/internal/octets"
)

// Events of flow updates.
const (
	FlowEventAdded    = 0
	FlowEventDeleted  = 1
	FlowEventModified = 2
	FlowEventAbbrev   = 3 // the change that the message with XID asked for
)

// FlowUpdates is the body of a flow monitor's multipart reply, and of the
// replies with transaction id 0 that tell of changes later.
// NewFlowUpdateWriter makes replies of any length.
type FlowUpdates struct {
	Experimenter uint32 // ExperimenterONF or ExperimenterNicira
	Updates      []FlowUpdate
}

// FlowUpdate tells about one flow entry. With FlowEventAbbrev it has XID alone.
type FlowUpdate struct {
	Event                    uint16 // FlowEventAdded...
	Reason                   uint16 // of FlowEventDeleted: RemovedIdle...
	Priority                 uint16
	IdleTimeout, HardTimeout uint16 // seconds
	Table                    TableID
	Cookie                   uint64
	Match                    flow.Match
	Instructions             Instructions // none unless FlowMonitorActions asks for them
	XID                      uint32
}

const (
	flowUpdateLen       = 24 // without match and instructions
	flowUpdateAbbrevLen = 8
)

func (u *FlowUpdate) length(experimenter uint32) int {
	if u.Event == FlowEventAbbrev {
		return flowUpdateAbbrevLen
	}
	return flowUpdateLen + octets.Pad8(monitorMatchLen(experimenter, &u.Match)) + InstructionsLen(&u.Instructions)
}

func (u *FlowUpdate) append(b []byte, experimenter uint32) []byte {
	b = be.AppendUint16(b, uint16(u.length(experimenter)))
	b = be.AppendUint16(b, u.Event)
	if u.Event == FlowEventAbbrev {
		return be.AppendUint32(b, u.XID)
	}
	b = be.AppendUint16(b, u.Reason)
	b = be.AppendUint16(b, u.Priority)
	b = be.AppendUint16(b, u.IdleTimeout)
	b = be.AppendUint16(b, u.HardTimeout)
	b = be.AppendUint16(b, uint16(monitorMatchLen(experimenter, &u.Match)))
	b = append(b, uint8(u.Table), 0)
	b = be.AppendUint64(b, u.Cookie)
	b = appendMonitorMatch(b, experimenter, &u.Match)
	return AppendInstructions(b, &u.Instructions)
}

// Len is the body's length.
func (r *FlowUpdates) Len() int {
	n := experimenterHeaderLen
	for i := range r.Updates {
		n += r.Updates[i].length(r.Experimenter)
	}
	return n
}

// Append encodes the body.
func (r *FlowUpdates) Append(b []byte) []byte {
	b = appendExperimenter(b, r.Experimenter, forONF(r.Experimenter, onfFlowMonitor, nxFlowMonitor))
	for i := range r.Updates {
		b = r.Updates[i].append(b, r.Experimenter)
	}
	return b
}

func decodeFlowUpdates(experimenter uint32, b []byte) (MultipartBody, error) {
	r := &FlowUpdates{Experimenter: experimenter}
	for len(b) > 0 {
		n, err := entryLen("flow update", b, 0, flowUpdateAbbrevLen, 8)
		if err != nil {
			return nil, err
		}
		var u FlowUpdate
		if err := u.decode(b[:n]); err != nil {
			return nil, err
		}
		r.Updates = append(r.Updates, u)
		b = b[n:]
	}
	return r, nil
}

// decode reads u from b, which it takes all of.
func (u *FlowUpdate) decode(b []byte) (err error) {
	u.Event = be.Uint16(b[2:])
	switch {
	case u.Event > FlowEventAbbrev:
		return BadRequestBadExpType.Errorf("flow update event %d does not exist", u.Event)
	case u.Event == FlowEventAbbrev:
		if len(b) != flowUpdateAbbrevLen {
			return fixed(flowUpdateAbbrevLen).errorf(BadRequestBadLen, "abbreviated flow update", 0, len(b))
		}
		u.XID = be.Uint32(b[4:])
		return nil
	case len(b) < flowUpdateLen:
		return atLeast(flowUpdateLen).errorf(BadRequestBadLen, "flow update", 0, len(b))
	}
	u.Reason = be.Uint16(b[4:])
	u.Priority = be.Uint16(b[6:])
	u.IdleTimeout = be.Uint16(b[8:])
	u.HardTimeout = be.Uint16(b[10:])
	u.Table = TableID(b[14])
	u.Cookie = be.Uint64(b[16:])
	var n int
	if u.Match, n, err = decodeMonitorMatch(b[flowUpdateLen:], int(be.Uint16(b[12:])), anyMask); err != nil {
		return err
	}
	u.Instructions, err = DecodeInstructions(b[flowUpdateLen+n:])
	return err
}

// FlowUpdateWriter makes the messages of one flow monitor's reply, as
// MultipartWriter does. It is not safe for concurrent use.
type FlowUpdateWriter struct {
	w            *MultipartWriter
	experimenter uint32
}

// NewFlowUpdateWriter starts a reply to the request with transaction id xid; 0
// for changes that come later. send is that of NewMultipartWriter.
func NewFlowUpdateWriter(experimenter, xid uint32, send func(msg []byte) error) *FlowUpdateWriter {
	w := NewMultipartWriter(MultipartExperimenter, xid, send)
	w.prefix = appendExperimenter(nil, experimenter, forONF(experimenter, onfFlowMonitor, nxFlowMonitor))
	return &FlowUpdateWriter{w, experimenter}
}

// Add adds an update. The error is as MultipartWriter.Add's.
func (w *FlowUpdateWriter) Add(u *FlowUpdate) error { return w.w.Add(updateEntry{u, w.experimenter}) }

// Close sends the last message, which may be the only one and empty.
func (w *FlowUpdateWriter) Close() error { return w.w.Close() }

// updateEntry is a FlowUpdate that knows its form.
type updateEntry struct {
	*FlowUpdate
	experimenter uint32
}

// Len is the entry's length.
func (e updateEntry) Len() int { return e.length(e.experimenter) }

// Append encodes the entry.
func (e updateEntry) Append(b []byte) []byte { return e.append(b, e.experimenter) }
