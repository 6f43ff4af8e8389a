package ofp

import "ofswitch/ofp/internal/octets"

// MultipartMaxLen is the length of the longest reply message that
// MultipartWriter makes of entries that can be split: as long as Open vSwitch's.
const MultipartMaxLen = 65488

// MultipartRoom is how much memory MultipartWriter wants for such a message: with room
// for an entry that turns out to be the first of the next one.
const MultipartRoom = 68 << 10

// MultipartWriter makes the messages of one multipart reply out of a stream of
// entries, each entry whole within one message and MultipartMore set on all but
// the last (OpenFlow 1.3.5 §7.3.5). At most one message is held in memory.
// It is not safe for concurrent use.
type MultipartWriter struct {
	kind uint16
	xid  uint32
	send func(msg []byte) error
	// Room gives memory for a message, of MultipartRoom bytes; nil: the writer makes its
	// own. send gets it back, whole but for its length.
	Room func() []byte
	// prefix stands behind the headers of each message: an experimenter's type.
	prefix []byte
	buf    []byte
	err    error
}

// NewMultipartWriter starts a reply to the request with transaction id xid.
// send gets each message as it becomes full, and owns its bytes from then on.
func NewMultipartWriter(kind uint16, xid uint32, send func(msg []byte) error) *MultipartWriter {
	return &MultipartWriter{kind: kind, xid: xid, send: send}
}

// Add adds an entry. The error is that of send, or says that the entry is too
// long for any message; no entry can be added after an error.
func (w *MultipartWriter) Add(e MultipartBody) error {
	if w.err != nil {
		return w.err
	}
	fits, err := w.TryAdd(e)
	if err == nil && !fits {
		w.err = BadRequestBadLen.Errorf("%s entry of %d bytes does not fit into a message", MultipartName(w.kind), e.Len())
		return w.err
	}
	return err
}

// TryAdd is Add, but leaves an entry out that is too long for any message, and says
// whether it fitted.
func (w *MultipartWriter) TryAdd(e MultipartBody) (fits bool, err error) {
	if w.err != nil {
		return false, w.err
	}
	w.begin()
	// To encode the entry says how long it is, and costs little more than to ask.
	at, head := len(w.buf), multipartHeaderLen+len(w.prefix)
	b := e.Append(w.buf)
	switch n := len(b) - at; {
	case head+n > MaxLen:
		w.buf = b[:at]
		return false, nil
	case at == head || len(b) <= MultipartMaxLen:
		w.buf = b
		return true, nil
	}
	var next []byte // there is likely to be as much again
	if w.Room != nil {
		next = w.Room()[:0]
	} else {
		next = make([]byte, 0, MultipartRoom)
	}
	next = append(w.appendHead(next), b[at:]...) // before send owns it
	w.buf = b[:at]
	if err := w.flush(MultipartMore); err != nil {
		return false, err
	}
	w.buf = next
	return true, nil
}

// Close sends the last message, which may be the only one and empty. A reply
// with an error is not completed: the caller answers with an ErrorMsg instead.
func (w *MultipartWriter) Close() error {
	if w.err != nil {
		return w.err
	}
	w.begin()
	return w.flush(0)
}

// begin puts room for the headers, and the prefix, at the start of an empty
// message.
func (w *MultipartWriter) begin() {
	if len(w.buf) == 0 {
		w.buf = w.appendHead(w.buf)
	}
}

func (w *MultipartWriter) appendHead(b []byte) []byte {
	return append(octets.Zeros(b, multipartHeaderLen), w.prefix...)
}

func (w *MultipartWriter) flush(flags uint16) error {
	h := Header{Version: Version, Type: TypeMultipartReply, Length: uint16(len(w.buf)), XID: w.xid}
	appendMultipartHeader(h.Append(w.buf[:0]), w.kind, flags) // over the room that begin made
	w.err = w.send(w.buf)
	w.buf = nil
	return w.err
}

// appendSplit appends m as several messages. An entry that fits into no message
// is left out: there is no way to send it.
func (m *MultipartReply) appendSplit(b []byte, xid uint32) []byte {
	w := NewMultipartWriter(m.Kind, xid, func(msg []byte) error {
		b = append(b, msg...)
		return nil
	})
	for _, e := range m.Entries {
		if multipartHeaderLen+e.Len() <= MaxLen {
			_ = w.Add(e) // it fits, and send does not fail
		}
	}
	w.begin()
	_ = w.flush(m.Flags) // send does not fail
	return b
}
