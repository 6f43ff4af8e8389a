package ofp

import (
	"fmt"
	"strconv"
)

// typeNames is indexed by message type.
var typeNames = [...]string{
	"HELLO", "ERROR", "ECHO_REQUEST", "ECHO_REPLY", "EXPERIMENTER",
	"FEATURES_REQUEST", "FEATURES_REPLY", "GET_CONFIG_REQUEST", "GET_CONFIG_REPLY", "SET_CONFIG",
	"PACKET_IN", "FLOW_REMOVED", "PORT_STATUS", "PACKET_OUT", "FLOW_MOD",
	"GROUP_MOD", "PORT_MOD", "TABLE_MOD", "MULTIPART_REQUEST", "MULTIPART_REPLY",
	"BARRIER_REQUEST", "BARRIER_REPLY", "QUEUE_GET_CONFIG_REQUEST", "QUEUE_GET_CONFIG_REPLY", "ROLE_REQUEST",
	"ROLE_REPLY", "GET_ASYNC_REQUEST", "GET_ASYNC_REPLY", "SET_ASYNC", "METER_MOD",
}

// String is the specification's name, "OFPT_FLOW_MOD".
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return "OFPT_" + typeNames[t]
	}
	return fmt.Sprintf("message type %d", uint8(t))
}

// multipartNames is indexed by multipart type.
var multipartNames = [...]string{
	"DESC", "FLOW", "AGGREGATE", "TABLE", "PORT_STATS", "QUEUE", "GROUP", "GROUP_DESC",
	"GROUP_FEATURES", "METER", "METER_CONFIG", "METER_FEATURES", "TABLE_FEATURES", "PORT_DESC",
}

// MultipartName is the specification's name of a multipart type, "OFPMP_FLOW".
func MultipartName(kind uint16) string {
	switch {
	case int(kind) < len(multipartNames):
		return "OFPMP_" + multipartNames[kind]
	case kind == MultipartExperimenter:
		return "OFPMP_EXPERIMENTER"
	}
	return fmt.Sprintf("multipart type %d", kind)
}

// String is the number, or the name of a reserved port as ovs-ofctl writes it:
// "LOCAL".
func (p PortNo) String() string {
	switch p {
	case PortInPort:
		return "IN_PORT"
	case PortTable:
		return "TABLE"
	case PortNormal:
		return "NORMAL"
	case PortFlood:
		return "FLOOD"
	case PortAll:
		return "ALL"
	case PortController:
		return "CONTROLLER"
	case PortLocal:
		return "LOCAL"
	case PortAny:
		return "ANY"
	}
	return strconv.FormatUint(uint64(p), 10)
}

var flowFlagNames = []bitName{
	{uint32(FlowSendFlowRem), "send_flow_rem"},
	{uint32(FlowCheckOverlap), "check_overlap"},
	{uint32(FlowResetCounts), "reset_counts"},
	{uint32(FlowNoPktCounts), "no_packet_counts"},
	{uint32(FlowNoBytCounts), "no_byte_counts"},
}

// String lists the flags as ovs-ofctl does; "0": none.
func (f FlowFlags) String() string { return bitNames(uint32(f), flowFlagNames) }

var portConfigNames = []bitName{
	{uint32(PortConfigDown), "PORT_DOWN"},
	{uint32(PortConfigNoRecv), "NO_RECV"},
	{uint32(PortConfigNoFwd), "NO_FWD"},
	{uint32(PortConfigNoPacketIn), "NO_PACKET_IN"},
}

// String lists the bits as ovs-ofctl does; "0": none.
func (c PortConfig) String() string { return bitNames(uint32(c), portConfigNames) }

var portStateNames = []bitName{
	{uint32(PortStateLinkDown), "LINK_DOWN"},
	{uint32(PortStateBlocked), "BLOCKED"},
	{uint32(PortStateLive), "LIVE"},
}

// String lists the bits as ovs-ofctl does; "0": none.
func (s PortState) String() string { return bitNames(uint32(s), portStateNames) }
