package packet

// Memory that a transmit queue may keep. A receive queue whose memory is cut
// into numbered slots, of which the device's own memory for transmission is
// made as well (AF_XDP's umem), lends frames by Lend. A transmit queue that
// knows the slots asks for Slot, keeps that memory and gives the frame other
// memory of the same kind instead, by Exchange. So both sides have as many
// slots as before, and nothing was copied. The lender takes back what the frame
// has by then (Lent).

// Lend is Set for memory that is the slot of this number, which is not 0.
func (f *Frame) Lend(buf []byte, start, end int, slot uint32) {
	f.Set(buf, start, end)
	f.slot, f.self = slot, f
}

// Slot is the number of the slot that f lies in, if a transmit queue may keep
// it: 0 where f lies elsewhere, where another holder reads the same bytes, and
// for a copy of the Frame that was lent.
func (f *Frame) Slot() uint32 {
	if f.Shared || f.self != f {
		return 0
	}
	return f.slot
}

// Exchange gives f the memory buf, the slot of this number, instead of its own,
// which is the caller's from now on. f, for which Slot is not 0, is empty
// afterwards.
func (f *Frame) Exchange(buf []byte, slot uint32) {
	f.buf, f.start, f.end = buf, 0, 0
	f.Offload = Offload{}
	f.slot = slot
}

// Lent is the number of the slot that f has, whoever else reads it; 0: none.
// It is for the lender's Release.
func (f *Frame) Lent() uint32 { return f.slot }
