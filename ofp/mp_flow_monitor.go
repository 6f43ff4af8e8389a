package ofp

import (
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp/internal/octets"
)

// FlowMonitorFlags say what a flow monitor reports.
type FlowMonitorFlags uint16

// Flags of flow monitors.
const (
	FlowMonitorInitial FlowMonitorFlags = 1 << 0 // entries that are there already
	FlowMonitorAdd     FlowMonitorFlags = 1 << 1
	FlowMonitorDelete  FlowMonitorFlags = 1 << 2
	FlowMonitorModify  FlowMonitorFlags = 1 << 3
	FlowMonitorActions FlowMonitorFlags = 1 << 4 // updates have the instructions
	FlowMonitorOwn     FlowMonitorFlags = 1 << 5 // whole updates of the connection's own changes, not abbreviated ones

	flowMonitorEvents   = FlowMonitorAdd | FlowMonitorDelete | FlowMonitorModify
	flowMonitorFlagsAll = FlowMonitorInitial | flowMonitorEvents | FlowMonitorActions | FlowMonitorOwn
)

var flowMonitorFlagNames = []bitName{
	{uint32(FlowMonitorInitial), "initial"},
	{uint32(FlowMonitorAdd), "add"},
	{uint32(FlowMonitorDelete), "delete"},
	{uint32(FlowMonitorModify), "modify"},
	{uint32(FlowMonitorActions), "actions"},
	{uint32(FlowMonitorOwn), "own"},
}

// String lists the flags as ovs-ofctl does; "0": none.
func (f FlowMonitorFlags) String() string {
	return strings.ReplaceAll(bitNames(uint32(f), flowMonitorFlagNames), " ", ",")
}

// FlowMonitors is the body of a multipart request that sets up flow monitors,
// all of them or none: Nicira's (NXST_FLOW_MONITOR) or ONF's (extension 187, as
// in Open vSwitch). Both say the same in other places; a port number above
// 0xfeff that is not reserved does not fit into Nicira's.
type FlowMonitors struct {
	Experimenter uint32 // ExperimenterONF or ExperimenterNicira
	Monitors     []FlowMonitor
}

// FlowMonitor asks for updates about the flow entries that it selects.
type FlowMonitor struct {
	ID      uint32 // unique among the monitors of the connection
	Flags   FlowMonitorFlags
	OutPort PortNo  // PortAny: no filter
	Table   TableID // TableAll: every table
	Match   flow.Match
}

const flowMonitorLen = 16 // without match

// Len is the body's length.
func (r *FlowMonitors) Len() int {
	n := experimenterHeaderLen
	for i := range r.Monitors {
		n += flowMonitorLen + octets.Pad8(monitorMatchLen(r.Experimenter, &r.Monitors[i].Match))
	}
	return n
}

// Append encodes the body.
func (r *FlowMonitors) Append(b []byte) []byte {
	b = appendExperimenter(b, r.Experimenter, forONF(r.Experimenter, onfFlowMonitor, nxFlowMonitor))
	for i := range r.Monitors {
		m := &r.Monitors[i]
		n := uint16(monitorMatchLen(r.Experimenter, &m.Match))
		b = be.AppendUint32(b, m.ID)
		b = be.AppendUint16(b, uint16(m.Flags))
		if r.Experimenter == ExperimenterNicira {
			b = be.AppendUint16(b, uint16(m.OutPort))
			b = be.AppendUint16(b, n)
			b = octets.Zeros(append(b, uint8(m.Table)), 5)
		} else {
			b = be.AppendUint16(b, n)
			b = be.AppendUint32(b, uint32(m.OutPort))
			b = octets.Zeros(append(b, uint8(m.Table)), 3)
		}
		b = appendMonitorMatch(b, r.Experimenter, &m.Match)
	}
	return b
}

// decodeFlowMonitors reads a request. Flags that do not exist, or that ask for
// no events, are refused with Nicira's code for them, as Open vSwitch means to.
func decodeFlowMonitors(experimenter uint32, b []byte) (MultipartBody, error) {
	r := &FlowMonitors{Experimenter: experimenter}
	for len(b) > 0 {
		if len(b) < flowMonitorLen {
			return nil, BadRequestBadLen.Errorf("flow monitor cut off: %d bytes are left", len(b))
		}
		m := FlowMonitor{ID: be.Uint32(b), Flags: FlowMonitorFlags(be.Uint16(b[4:]))}
		if m.Flags&^flowMonitorFlagsAll != 0 || m.Flags&flowMonitorEvents == 0 {
			return nil, FlowMonitorFailedBadFlags.Errorf("flow monitor %d: flags %#x, want some of %#x and no others than %#x",
				m.ID, uint16(m.Flags), uint16(flowMonitorEvents), uint16(flowMonitorFlagsAll))
		}
		var length uint16
		if experimenter == ExperimenterNicira {
			m.OutPort, length, m.Table = portFrom16(be.Uint16(b[6:])), be.Uint16(b[8:]), TableID(b[10])
		} else {
			length, m.OutPort, m.Table = be.Uint16(b[6:]), PortNo(be.Uint32(b[8:])), TableID(b[12])
		}
		var n int
		var err error
		if m.Match, n, err = decodeMonitorMatch(b[flowMonitorLen:], int(length), 0); err != nil {
			return nil, err
		}
		r.Monitors = append(r.Monitors, m)
		b = b[flowMonitorLen+n:]
	}
	return r, nil
}

// portFrom16 reads a port number of 16 bits: the reserved ones are the last of
// their kind there too.
func portFrom16(p uint16) PortNo {
	if p > uint16(PortMax&0xffff) {
		return PortNo(p) | 0xffff0000
	}
	return PortNo(p)
}

// monitorMatchLen is the length that stands before a match. Nicira's form has the
// fields alone, the other a whole match without its padding.
func monitorMatchLen(experimenter uint32, m *flow.Match) int {
	if experimenter == ExperimenterNicira {
		return matchFieldsLen(m)
	}
	return matchHeaderLen + matchFieldsLen(m)
}

// appendMonitorMatch appends a match, and padding to a multiple of 8.
func appendMonitorMatch(b []byte, experimenter uint32, m *flow.Match) []byte {
	if experimenter != ExperimenterNicira {
		return AppendMatch(b, m)
	}
	n := matchFieldsLen(m)
	return octets.Zeros(appendMatchFields(b, m), octets.Pad8(n)-n)
}

// decodeMonitorMatch reads the match at the start of b, of the length that stood
// before it, and says how many bytes it took with its padding. It can be a whole
// match, with or without its padding counted, as Open vSwitch and its clients
// send, and the fields alone, as extension 187 has it and os-ken sends.
func decodeMonitorMatch(b []byte, length int, l matchLeniency) (m flow.Match, n int, err error) {
	if octets.Pad8(length) > len(b) {
		return m, 0, BadMatchBadLen.Errorf("match of %d bytes, %d are left", length, len(b))
	}
	if length >= matchHeaderLen && be.Uint16(b) == matchOXM {
		if whole := int(be.Uint16(b[2:])); whole == length || octets.Pad8(whole) == length {
			return decodeMatch(b, l)
		}
	}
	if err := decodeOXMs(&m, b[:length], l); err != nil {
		return flow.Match{}, 0, err
	}
	return m, octets.Pad8(length), nil
}
