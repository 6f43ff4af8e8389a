package of10

import (
	"ofswitch/ofp"
	"ofswitch/ofp/internal/octets"
)

// TableStats is an entry of the table statistics: OpenFlow 1.0 has the name and
// the room of a table in it.
type TableStats struct {
	ofp.TableStats
	Name       string
	MaxEntries uint32
}

// Writer makes the messages of one statistics reply out of a stream of entries,
// as ofp.MultipartWriter does for OpenFlow 1.3. At most one message is held in
// memory. It is not safe for concurrent use.
type Writer struct {
	kind uint16
	form form
	xid  uint32
	send func(msg []byte) error
	head int // length of the headers at the start of a message
	buf  []byte
	next []byte // scratch: the entry that is added
	err  error
}

// statsMore is OFPSF_REPLY_MORE.
const statsMore = 1

// Writer starts the reply to the request that was decoded last. send gets each
// message as it becomes full, and owns its bytes from then on.
func (c *Codec) Writer(kind uint16, xid uint32, send func(msg []byte) error) *Writer {
	return &Writer{kind: kind, form: c.stats, xid: xid, send: send}
}

// Add adds an entry. One that OpenFlow 1.0 cannot tell is left out: a port without
// a number of 16 bits, a group that is longer than any message. The error is that of send, or says that the
// entry is too long for any message; no entry can be added after it.
func (w *Writer) Add(e ofp.MultipartBody) error {
	if w.err != nil {
		return w.err
	}
	w.next = w.entry(w.next[:0], e)
	return w.addNext()
}

// TryAdd is Add, but leaves out an entry that is too long for any message, too, and
// says whether it fitted.
func (w *Writer) TryAdd(e ofp.MultipartBody) (fits bool, err error) {
	if w.err != nil {
		return false, w.err
	}
	w.next = w.entry(w.next[:0], e)
	if w.begin(); w.head+len(w.next) > ofp.MaxLen {
		return false, nil
	}
	return true, w.addNext()
}

// addNext adds the entry that stands in next.
func (w *Writer) addNext() error {
	w.begin()
	if w.head+len(w.next) > ofp.MaxLen {
		w.err = ofp.BadRequestBadLen.Errorf("statistics entry of %d bytes does not fit into a message", len(w.next))
		return w.err
	}
	if len(w.buf) > w.head && len(w.buf)+len(w.next) > ofp.MultipartMaxLen {
		if err := w.flush(statsMore); err != nil {
			return err
		}
		w.begin()
	}
	w.buf = append(w.buf, w.next...)
	return nil
}

// Close sends the last message, which may be the only one and empty.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	w.begin()
	return w.flush(0)
}

// begin puts the headers at the start of an empty message.
func (w *Writer) begin() {
	if len(w.buf) != 0 {
		return
	}
	w.buf = header(w.buf, typeStatsReply, w.xid)
	kind := w.kind
	if w.form != formStandard {
		kind = ofp.MultipartExperimenter
	}
	w.buf = octets.Zeros(be.AppendUint16(w.buf, kind), 2)
	if w.form != formStandard {
		subtype := uint32(nxstFlow)
		switch {
		case w.form == formMonitor:
			subtype = nxstFlowMonitor
		case w.kind == ofp.MultipartAggregate:
			subtype = nxstAggregate
		case w.kind == ofp.MultipartGroup:
			subtype = nxstGroup
		case w.kind == ofp.MultipartGroupDesc:
			subtype = nxstGroupDesc
		case w.kind == ofp.MultipartGroupFeatures:
			subtype = nxstGroupFeatures
		}
		w.buf = be.AppendUint32(w.buf, ofp.ExperimenterNicira)
		w.buf = octets.Zeros(be.AppendUint32(w.buf, subtype), 4)
	}
	w.head = len(w.buf)
}

func (w *Writer) flush(flags uint16) error {
	be.PutUint16(w.buf[ofp.HeaderLen+2:], flags)
	w.err = w.send(finish(w.buf))
	w.buf = nil
	return w.err
}

// entry encodes an entry.
func (w *Writer) entry(b []byte, e ofp.MultipartBody) []byte {
	switch e := e.(type) {
	case *ofp.FlowStats:
		if w.form == formNXM {
			return appendNXFlowStats(b, e)
		}
		return appendFlowStats(b, e)
	case *TableStats:
		b = append(b, uint8(e.Table), 0, 0, 0)
		b = octets.AppendString(b, e.Name, 32)
		b = be.AppendUint32(b, wildAll)
		b = be.AppendUint32(b, e.MaxEntries)
		b = be.AppendUint32(b, e.ActiveCount)
		b = be.AppendUint64(b, e.LookupCount)
		return be.AppendUint64(b, e.MatchedCount)
	case *ofp.PortStats:
		no, ok := portOut(e.Port)
		if !ok {
			return b
		}
		b = octets.Zeros(be.AppendUint16(b, no), 6)
		for _, c := range [...]uint64{
			e.RxPackets, e.TxPackets, e.RxBytes, e.TxBytes, e.RxDropped, e.TxDropped, e.RxErrors, e.TxErrors,
			e.RxFrameErr, e.RxOverErr, e.RxCRCErr, e.Collisions,
		} {
			b = be.AppendUint64(b, c)
		}
		return b
	case *ofp.QueueStats:
		no, ok := portOut(e.Port)
		if !ok {
			return b
		}
		b = octets.Zeros(be.AppendUint16(b, no), 2)
		b = be.AppendUint32(b, e.QueueID)
		for _, c := range [...]uint64{e.TxBytes, e.TxPackets, e.TxErrors} {
			b = be.AppendUint64(b, c)
		}
		return b
	case *ofp.PortDesc:
		b, _ = appendPort(b, e)
		return b
	case *ofp.GroupDesc:
		return appendGroupDesc(b, e)
	case *ofp.GroupFeatures:
		return appendGroupFeatures(b, e)
	}
	return e.Append(b) // the same in both: the description, the aggregate, a group's counters
}

func appendFlowStats(b []byte, s *ofp.FlowStats) []byte {
	start := len(b)
	b = octets.Zeros(b, 2) // the length, below
	b = append(b, uint8(s.Table), 0)
	b = appendMatch(b, &s.Match)
	b = be.AppendUint32(b, s.DurationSec)
	b = be.AppendUint32(b, s.DurationNsec)
	b = be.AppendUint16(b, s.Priority)
	b = be.AppendUint16(b, s.IdleTimeout)
	b = be.AppendUint16(b, s.HardTimeout)
	b = octets.Zeros(b, 6)
	b = be.AppendUint64(b, s.Cookie)
	b = be.AppendUint64(b, s.PacketCount)
	b = be.AppendUint64(b, s.ByteCount)
	b = appendInstructions(b, &s.Instructions)
	be.PutUint16(b[start:], uint16(len(b)-start))
	return b
}

func appendNXFlowStats(b []byte, s *ofp.FlowStats) []byte {
	start := len(b)
	b = octets.Zeros(b, 2) // the length, below
	b = append(b, uint8(s.Table), 0)
	b = be.AppendUint32(b, s.DurationSec)
	b = be.AppendUint32(b, s.DurationNsec)
	b = be.AppendUint16(b, s.Priority)
	b = be.AppendUint16(b, s.IdleTimeout)
	b = be.AppendUint16(b, s.HardTimeout)
	at := len(b)
	b = octets.Zeros(b, 2) // the length of the match, below
	// The ages are one too high, since 0 means that they are not told.
	b = be.AppendUint16(b, age(s.IdleAge))
	b = be.AppendUint16(b, age(s.HardAge))
	b = be.AppendUint64(b, s.Cookie)
	b = be.AppendUint64(b, s.PacketCount)
	b = be.AppendUint64(b, s.ByteCount)
	b, n := appendNXMatch(b, &s.Match)
	be.PutUint16(b[at:], uint16(n))
	b = appendInstructions(b, &s.Instructions)
	be.PutUint16(b[start:], uint16(len(b)-start))
	return b
}

// age is an age as it is sent.
func age(seconds uint16) uint16 { return min(seconds, 0xfffe) + 1 }
