package packet

import "encoding/binary"

// Offsets in a TCP header (RFC 9293 §3.1).
const (
	tcpSrc      = 0
	tcpDst      = 2
	tcpSeq      = 4
	tcpAck      = 8
	tcpOffset   = 12
	tcpFlags    = 13
	tcpWindow   = 14
	tcpChecksum = 16
	tcpUrgent   = 18

	// TCPMinLen is the length of a TCP header without options, in bytes.
	TCPMinLen = 20
)

// Control bits.
const (
	TCPFin = 0x01
	TCPSyn = 0x02
	TCPRst = 0x04
	TCPPsh = 0x08
	TCPAck = 0x10
	TCPUrg = 0x20
	TCPEce = 0x40
	TCPCwr = 0x80
)

// TCP is a view of a TCP header: TCPMinLen bytes at least, with options
// HeaderLen.
type TCP []byte

// SrcPort is the source port.
func (h TCP) SrcPort() uint16 { return binary.BigEndian.Uint16(h[tcpSrc:]) }

// DstPort is the destination port.
func (h TCP) DstPort() uint16 { return binary.BigEndian.Uint16(h[tcpDst:]) }

// Seq is the sequence number.
func (h TCP) Seq() uint32 { return binary.BigEndian.Uint32(h[tcpSeq:]) }

// Ack is the acknowledgment number.
func (h TCP) Ack() uint32 { return binary.BigEndian.Uint32(h[tcpAck:]) }

// HeaderLen is the header's length with options, in bytes, as the header
// claims: below TCPMinLen it is malformed.
func (h TCP) HeaderLen() int { return int(h[tcpOffset]>>4) * 4 }

// Flags are the eight control bits (TCPFin, ...).
func (h TCP) Flags() uint8 { return h[tcpFlags] }

// Flags12 are the control bits with the four reserved bits above them.
func (h TCP) Flags12() uint16 { return binary.BigEndian.Uint16(h[tcpOffset:]) & 0xfff }

// Window is the window.
func (h TCP) Window() uint16 { return binary.BigEndian.Uint16(h[tcpWindow:]) }

// Checksum is the checksum.
func (h TCP) Checksum() uint16 { return binary.BigEndian.Uint16(h[tcpChecksum:]) }

// Urgent is the urgent pointer.
func (h TCP) Urgent() uint16 { return binary.BigEndian.Uint16(h[tcpUrgent:]) }

// SetSrcPort writes the source port.
func (h TCP) SetSrcPort(p uint16) { binary.BigEndian.PutUint16(h[tcpSrc:], p) }

// SetDstPort writes the destination port.
func (h TCP) SetDstPort(p uint16) { binary.BigEndian.PutUint16(h[tcpDst:], p) }

// SetSeq writes the sequence number.
func (h TCP) SetSeq(s uint32) { binary.BigEndian.PutUint32(h[tcpSeq:], s) }

// SetAck writes the acknowledgment number.
func (h TCP) SetAck(a uint32) { binary.BigEndian.PutUint32(h[tcpAck:], a) }

// SetHeaderLen writes the data offset for a header of n bytes, a multiple of
// 4 up to 60.
func (h TCP) SetHeaderLen(n int) { h[tcpOffset] = h[tcpOffset]&15 | uint8(n/4)<<4 }

// SetFlags writes the eight control bits.
func (h TCP) SetFlags(f uint8) { h[tcpFlags] = f }

// SetWindow writes the window.
func (h TCP) SetWindow(w uint16) { binary.BigEndian.PutUint16(h[tcpWindow:], w) }

// SetChecksum writes the checksum.
func (h TCP) SetChecksum(c uint16) { binary.BigEndian.PutUint16(h[tcpChecksum:], c) }

// SetUrgent writes the urgent pointer.
func (h TCP) SetUrgent(u uint16) { binary.BigEndian.PutUint16(h[tcpUrgent:], u) }
