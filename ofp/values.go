package ofp

// PortNo is an OpenFlow port number.
type PortNo uint32

// Reserved ports (OpenFlow 1.3.5 §7.2.1).
const (
	PortMax        PortNo = 0xffffff00 // highest number of a real port
	PortInPort     PortNo = 0xfffffff8
	PortTable      PortNo = 0xfffffff9
	PortNormal     PortNo = 0xfffffffa
	PortFlood      PortNo = 0xfffffffb
	PortAll        PortNo = 0xfffffffc
	PortController PortNo = 0xfffffffd
	PortLocal      PortNo = 0xfffffffe
	PortAny        PortNo = 0xffffffff
)

// TableID numbers a flow table.
type TableID uint8

// Tables (OpenFlow 1.3.5 §7.2.2). Ours has 254, numbered 0 to 253; 254 is OFPTT_MAX.
const (
	NumTables         = 254
	TableMax  TableID = 0xfe
	TableAll  TableID = 0xff
)

// Group numbers (OpenFlow 1.3.5 §7.3.4.2).
const (
	GroupMax uint32 = 0xffffff00
	GroupAll uint32 = 0xfffffffc
	GroupAny uint32 = 0xffffffff
)

// NoBuffer is OFP_NO_BUFFER.
const NoBuffer uint32 = 0xffffffff

// Flow-mod commands (OpenFlow 1.3.5 §7.3.4.1).
const (
	FlowAdd          = 0
	FlowModify       = 1
	FlowModifyStrict = 2
	FlowDelete       = 3
	FlowDeleteStrict = 4
)

// FlowFlags is OFPFF_*.
type FlowFlags uint16

// Flow-mod flags (OpenFlow 1.3.5 §7.3.4.1).
const (
	FlowSendFlowRem  FlowFlags = 1 << 0
	FlowCheckOverlap FlowFlags = 1 << 1
	FlowResetCounts  FlowFlags = 1 << 2
	FlowNoPktCounts  FlowFlags = 1 << 3
	FlowNoBytCounts  FlowFlags = 1 << 4

	flowFlagsAll = FlowSendFlowRem | FlowCheckOverlap | FlowResetCounts | FlowNoPktCounts | FlowNoBytCounts
)

// Reasons of flow-removed (OpenFlow 1.3.5 §7.4.2).
const (
	RemovedIdle   = 0
	RemovedHard   = 1
	RemovedDelete = 2
	RemovedGroup  = 3
)

// Reasons of packet-in (OpenFlow 1.3.5 §7.4.1).
const (
	PacketInNoMatch    = 0
	PacketInAction     = 1
	PacketInInvalidTTL = 2
)

// Reasons of port-status (OpenFlow 1.3.5 §7.4.3).
const (
	PortAdd    = 0
	PortDelete = 1
	PortModify = 2
)

// PortConfig is OFPPC_*.
type PortConfig uint32

// Port configuration bits (OpenFlow 1.3.5 §7.2.1).
const (
	PortConfigDown       PortConfig = 1 << 0
	PortConfigNoRecv     PortConfig = 1 << 2
	PortConfigNoFwd      PortConfig = 1 << 5
	PortConfigNoPacketIn PortConfig = 1 << 6
	PortConfigAll                   = PortConfigDown | PortConfigNoRecv | PortConfigNoFwd | PortConfigNoPacketIn
)

// PortState is OFPPS_*.
type PortState uint32

// Port state bits (OpenFlow 1.3.5 §7.2.1).
const (
	PortStateLinkDown PortState = 1 << 0
	PortStateBlocked  PortState = 1 << 1
	PortStateLive     PortState = 1 << 2
)

// Capabilities (OpenFlow 1.3.5 §7.3.1).
const (
	CapFlowStats   = 1 << 0
	CapTableStats  = 1 << 1
	CapPortStats   = 1 << 2
	CapGroupStats  = 1 << 3
	CapIPReasm     = 1 << 5
	CapQueueStats  = 1 << 6
	CapPortBlocked = 1 << 8
)

// Switch configuration flags: fragment handling (OpenFlow 1.3.5 §7.3.2).
const (
	FragNormal = 0
	FragDrop   = 1
	FragReasm  = 2
	FragMask   = 3
)
