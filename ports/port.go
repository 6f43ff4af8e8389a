package ports

import (
	"net"

	"ofswitch/packet"
)

// Port is one attachment of the datapath: a network device through AF_PACKET,
// a TAP, a file, a pair in memory. Its methods may be called from any
// goroutine; its queues belong to one thread each.
type Port interface {
	// Name is the device's name, at most 15 bytes for kernel devices.
	Name() string
	// Type is the Interface type: "system", "internal", "tap", "mem".
	Type() string
	// RxQueues are the port's receive queues, the same for its whole life.
	RxQueues() []RxQueue
	// NewTx opens a transmit handle for one thread. Its Close frees it, at the latest the port's.
	NewTx() (TxQueue, error)
	// Status reads the device's present state.
	Status() Status
	// Stats are the frames that this port received and sent since it was
	// opened; GSO frames count as their segments.
	Stats() Stats
	// SetAdmin brings the device up or down (OpenFlow's OFPPC_PORT_DOWN).
	SetAdmin(up bool) error
	// Close stops the port, removes what it created (TAP, isolation) and
	// frees its memory. The caller has first made sure, by Sync, that no
	// worker uses a queue of it.
	Close() error
}

// RxQueue lends received frames.
type RxQueue interface {
	// Rx fills b with up to packet.BatchSize frames in memory of the port and
	// never blocks. n == 0 and err == nil: nothing there. The frames live
	// until b.Release. One batch of a queue at a time. err is net.ErrClosed
	// or a device error (ENETDOWN: the device went down and may come back).
	Rx(b *packet.Batch) (n int, err error)
	// FD is pollable for input while frames wait (epoll, level-triggered).
	FD() int
}

// TxQueue sends frames. One thread owns it.
type TxQueue interface {
	// Tx sends frames in order and borrows them until it returns. Every frame
	// meets Caps. A frame that cannot be sent is counted in Stats by its
	// reason and skipped, never retried. It returns the number sent.
	Tx(frames []*packet.Frame) (sent int)
	// Caps says what offload state the queue takes; the caller finishes
	// checksums and segments for what it does not.
	Caps() Caps
	// Close frees the handle before its port is closed: nobody uses it any more. After the
	// port's Close it does nothing.
	Close() error
}

// Caps is what a transmit queue takes off the switch's hands.
type Caps struct {
	Csum     bool // partial checksums (Offload.NeedsCsum)
	GSOTCPv4 bool
	GSOTCPv6 bool
	GSOUDPL4 bool
	// Coalesce: single frames of a TCP connection may be put together to the GSO packets
	// that the queue takes (packet.Coalesce).
	Coalesce bool
}

// Status is a device's state at one moment.
type Status struct {
	Ifindex   int
	MAC       net.HardwareAddr
	MTU       int    // bytes of layer 3
	AdminUp   bool   // IFF_UP
	LinkUp    bool   // carrier
	SpeedMbps uint64 // 0: unknown
	Duplex    string // "full", "half", ""
}

// Uncounted is a counter of Stats that the port does not have (OpenFlow 1.3.5
// §5.8).
const Uncounted = ^uint64(0)

// Stats counts frames of a port since it was opened, in frames and bytes as on
// the wire (without FCS).
type Stats struct {
	RxPackets, RxBytes uint64
	TxPackets, TxBytes uint64
	RxDropped          uint64 // lost before the switch read them (socket buffer, ring)
	TxDropped          uint64 // not sent: no buffer in the device, port down, larger than its MTU
	RxErrors           uint64 // malformed receptions
	TxErrors           uint64 // refused by the device for another reason
	RxFrameErr         uint64 // this and the next three: the device's own counts, or Uncounted
	RxOverErr          uint64
	RxCRCErr           uint64
	Collisions         uint64
	TxDropReasons      map[string]uint64 // TxDropped and TxErrors by reason: "down", "mtu", "nobuf", an errno name
}
