package ofp

import (
	"fmt"
	"io"
)

// HeaderLen is the length of the header that every message begins with.
const HeaderLen = 8

// MaxLen is the length of the longest message, header included: its length
// field has 16 bits.
const MaxLen = 65535

// Header is struct ofp_header (OpenFlow 1.3.5 §7.1.1).
type Header struct {
	Version uint8
	Type    Type
	Length  uint16 // of the whole message, at least HeaderLen
	XID     uint32
}

// ParseHeader reads the header at the start of b. A header whose length field
// is less than HeaderLen is returned together with BAD_LEN: the end of such a
// message cannot be found, so the connection has to be closed.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderLen {
		return Header{}, BadRequestBadLen.Errorf("%d bytes are no message header, which has %d", len(b), HeaderLen)
	}
	h := Header{Version: b[0], Type: Type(b[1]), Length: be.Uint16(b[2:]), XID: be.Uint32(b[4:])}
	if h.Length < HeaderLen {
		return h, BadRequestBadLen.Errorf("%v says that it has %d bytes, the header alone has %d", h.Type, h.Length, HeaderLen)
	}
	return h, nil
}

// Append encodes the header.
func (h Header) Append(b []byte) []byte {
	b = append(b, h.Version, uint8(h.Type))
	b = be.AppendUint16(b, h.Length)
	return be.AppendUint32(b, h.XID)
}

// String is like ovs-ofctl's: "OFPT_HELLO (OF1.3) (xid=0x1)".
func (h Header) String() string {
	return fmt.Sprintf("%v (%s) (xid=%#x)", h.Type, versionName(h.Version), h.XID)
}

// versionName is the name of a wire version.
func versionName(v uint8) string {
	if v >= 1 && v <= 6 {
		return "OF1." + string('0'+rune(v-1))
	}
	return fmt.Sprintf("version %#02x", v)
}

// readStep bounds the memory that a peer gets for a length that it only
// promises: the buffer grows to the double of what has really arrived, from
// this on.
const readStep = 4096

// ReadMessage reads one whole message from r, which should be buffered, and
// returns its header and all its bytes, header included; the body is
// msg[HeaderLen:]. msg uses buf's memory where it suffices, so giving back the
// msg of one call as buf of the next reads without allocating; msg is then
// valid until that call.
//
// The error is io.EOF when r ends between two messages and
// io.ErrUnexpectedEOF when it ends within one. It is an *Error (BAD_LEN) when
// the header's length is impossible; the header and its 8 bytes are returned
// too, for the answer, and r must not be read any further.
func ReadMessage(r io.Reader, buf []byte) (h Header, msg []byte, err error) {
	msg = grow(buf[:0], HeaderLen)
	if _, err = io.ReadFull(r, msg); err != nil {
		return Header{}, nil, err
	}
	if h, err = ParseHeader(msg); err != nil {
		return h, msg, err
	}
	for len(msg) < int(h.Length) {
		have := len(msg)
		msg = grow(msg, min(int(h.Length), max(cap(msg), 2*have, readStep)))
		if _, err = io.ReadFull(r, msg[have:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return Header{}, nil, err
		}
	}
	return h, msg, nil
}

// grow makes b n bytes long, keeping what is in it.
func grow(b []byte, n int) []byte {
	if n <= cap(b) {
		return b[:n]
	}
	c := make([]byte, n)
	copy(c, b)
	return c
}

// Encode makes a message of version 1.3. See AppendMessage.
func Encode(xid uint32, m Message) []byte {
	return AppendMessage(make([]byte, 0, HeaderLen+m.Len()), xid, m)
}

// AppendMessage appends a message of version 1.3. A MultipartReply that is too
// long for one message becomes several, as MultipartWriter makes them.
//
// Any other message of more than MaxLen bytes is a mistake of the caller, and
// AppendMessage panics: use Check before on a message made from what a user
// wrote. What the switch itself sends always fits: ErrorFor and PacketIn bound
// their data.
func AppendMessage(b []byte, xid uint32, m Message) []byte {
	n := HeaderLen + m.Len()
	if n > MaxLen {
		if r, ok := m.(*MultipartReply); ok {
			return r.appendSplit(b, xid)
		}
		panic(Check(m))
	}
	b = Header{Version: Version, Type: m.Type(), Length: uint16(n), XID: xid}.Append(b)
	return m.Append(b)
}

// Check says whether m fits into one message.
func Check(m Message) error {
	if n := HeaderLen + m.Len(); n > MaxLen {
		return BadRequestBadLen.Errorf("%v would have %d bytes; an OpenFlow message has at most %d", m.Type(), n, MaxLen)
	}
	return nil
}
