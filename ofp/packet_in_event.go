package ofp

// PacketInEvent is a frame for the controllers of a switch, as its data path hands it to
// its channel.
type PacketInEvent struct {
	// Msg is the message of a controller that gets all of the frame: Data is the whole frame,
	// checksums finished, one segment of a GSO frame, and BufferID NoBuffer. Nobody
	// writes to Data any more.
	Msg PacketIn
	// InPort is the OpenFlow port that the frame came in by: packet-ins are queued
	// fairly among ports.
	InPort PortNo
	// NoEntry: no flow entry sent it, but the lack of one. That is for controllers
	// of OpenFlow 1.0 alone, and each connection's miss_send_len counts.
	NoEntry bool
	// MaxLen is what the output action asked for, in bytes; where none did (reason
	// INVALID_TTL, or NoEntry), each connection's miss_send_len counts. Without a packet
	// buffer the whole frame goes to the controller whatever they say, since
	// the rest would be lost (as Open vSwitch does).
	MaxLen uint16
	// Buffer keeps the frame for a packet-out or flow-mod, and gives the buffer's
	// id, NoBuffer if there is no room. The receiver calls it once at most, before it
	// returns, if any controller is to be sent a part of the frame; it takes leaf locks only.
	// Nil: the frame cannot be buffered, or the output action does not want it to be.
	Buffer func() uint32
}
