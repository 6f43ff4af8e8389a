package ofconn

import (
	"bytes"
	"testing"
	"time"

	"ofswitch/ofp"
)

// Answers to a peer that reads nothing until it has asked for many of them: what the
// socket does not take at once follows in order, and nothing twice.
func TestAnswersToSlowReader(t *testing.T) {
	var shown []uint32
	m := newManager(t, &nothing{}, Options{Snoop: func(_ string, toPeer bool, msg []byte) {
		if h, err := ofp.ParseHeader(msg); err == nil && toPeer && h.Length > 1000 {
			shown = append(shown, h.XID)
		}
	}})
	p := socket(t, m)
	if raw := rawConn(p.nc); raw == nil {
		t.Fatal("a Unix socket cannot be written to directly")
	}
	data := bytes.Repeat([]byte{7}, 3000)
	const echoes, first = 200, 70 // the first ones are more than the socket takes, and less than what makes us wait
	begun, sent := make(chan struct{}), make(chan error, 1)
	go func() {
		for xid := range uint32(echoes) {
			if xid == first {
				close(begun)
			}
			if _, err := p.nc.Write(ofp.Encode(xid, &ofp.EchoRequest{Data: data})); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	<-begun
	for xid := range uint32(echoes) {
		if m := p.want(xid, ofp.TypeEchoReply).(*ofp.EchoReply); !bytes.Equal(m.Data, data) {
			t.Fatalf("echo %d came back changed", xid)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	p.alive()
	if err := m.SetListeners(nil); err != nil { // no more is shown
		t.Fatal(err)
	}
	for i := range echoes {
		if i >= len(shown) || shown[i] != uint32(i) {
			t.Fatalf("of %d echoes %d were shown, the first others from %d on", echoes, len(shown), i)
		}
	}
}

// What is left of a message that the socket took a part of is written by the
// writer, before what was queued meanwhile; the accounts are right in between.
func TestAnsweredInPart(t *testing.T) {
	m := newManager(t, &nothing{}, Options{})
	o := newOutbox(&m.monitorBytes, &m.pinDrops)
	msg := func(c byte) []byte { return bytes.Repeat([]byte{c}, 10) }
	o.put(outMsg{b: msg('a')}, nil)
	o.putAsync(msg('b'))
	o.putMonitor(msg('c'))
	msgs := o.takeAnswers()
	if len(msgs) != 3 {
		t.Fatalf("%d messages, want 3", len(msgs))
	}
	o.put(outMsg{b: msg('d')}, nil)
	if b, _, more := o.take(time.Time{}, batch{}); len(b.fifo) != 0 || !more {
		t.Fatal("the writer takes what comes behind an answer that is being written")
	}
	o.answered(msgs, 14)
	if o.sent != 2 || o.replyBytes != 10 || o.asyncBytes != 6 || o.asyncCount != 0 || o.monitorBytes != 10 {
		t.Errorf("%d sent, %d bytes of replies, %d of %d asynchronous messages, %d of monitors", o.sent, o.replyBytes, o.asyncBytes, o.asyncCount, o.monitorBytes)
	}
	b, _, _ := o.take(time.Time{}, batch{})
	var got []byte
	for _, m := range b.fifo {
		got = append(got, m.b...)
	}
	if want := "bbbbbbccccccccccdddddddddd"; string(got) != want {
		t.Errorf("left is %q, want %q", got, want)
	}
	if o.takeAnswers() != nil {
		t.Error("the reader takes what comes behind a message that the writer has")
	}
	for _, m := range b.fifo {
		o.written(m)
	}
	if o.sent != 4 || o.replyBytes != 0 || o.asyncBytes != 0 || o.monitorBytes != 0 || m.monitorBytes.Load() != 0 {
		t.Errorf("in the end %d sent, %d, %d and %d bytes wait", o.sent, o.replyBytes, o.asyncBytes, o.monitorBytes)
	}
	// Much is for the writer.
	o.take(time.Time{}, batch{})
	o.put(outMsg{b: make([]byte, answerDirectly+1)}, nil)
	if o.takeAnswers() != nil {
		t.Error("the reader takes more than it should write")
	}
}
