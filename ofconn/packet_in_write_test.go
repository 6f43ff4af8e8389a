package ofconn

import (
	"bytes"
	"testing"
	"time"

	"ofswitch/ofp"
)

// Packet-ins to a peer that reads nothing until there are more than its socket takes: those that it gets are in
// order and whole, with answers between them, and the accounts know each.
func TestPacketInsToSlowReader(t *testing.T) {
	m := newManager(t, &nothing{}, Options{})
	p := socket(t, m)
	p.alive()
	c := m.established()[0]
	data := bytes.Repeat([]byte{7}, 1500)
	const batches, each = 40, 20
	for i := range batches {
		list := make([]PacketIn, each)
		for j := range list {
			n := i*each + j
			list[j] = PacketIn{InPort: 1, Msg: ofp.PacketIn{BufferID: ofp.NoBuffer, Reason: ofp.PacketInAction, Cookie: uint64(n), TotalLen: 1500, Data: data}}
		}
		m.PacketIns(list)
	}
	p.send(9, &ofp.EchoRequest{})
	got, next := 0, uint64(0)
	for echo := false; !echo; {
		switch h, msg := p.recv(); msg := msg.(type) {
		case *ofp.PacketIn:
			if msg.Cookie < next || !bytes.Equal(msg.Data, data) {
				t.Fatalf("packet-in %d, after %d, of %d bytes", msg.Cookie, next, len(msg.Data))
			}
			next = msg.Cookie + 1
			got++
		case *ofp.EchoReply:
			echo = true
		default:
			t.Fatalf("%v", h)
		}
	}
	p.settle(func(m ofp.Message) {
		if _, ok := m.(*ofp.PacketIn); ok {
			got++
		}
	})
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	s := c.out.pins.stats
	if s.Sent != uint64(got) || s.Sent+s.DroppedPort+s.DroppedTotal != batches*each || got < pinPerPort {
		t.Errorf("%d packet-ins came, of %d; the accounts say %+v", got, batches*each, s)
	}
}

// What the socket does not take of packet-ins goes out before what was queued meanwhile, and counts when it has.
func TestPacketInsWrittenInPart(t *testing.T) {
	const a, b, c = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"
	tests := []struct {
		name  string
		took  int
		whole uint64
		left  string
	}{
		{"all", 30, 3, ""},
		{"to the end of one", 20, 2, c},
		{"a part of one", 14, 1, b[4:] + c},
		{"nothing", 0, 0, a + b + c},
	}
	for _, tt := range tests {
		for _, dropped := range []bool{false, true} {
			var drops PacketInDrops
			m := newManager(t, &nothing{}, Options{})
			o := newOutbox(&m.monitorBytes, &drops)
			for i, s := range []string{a, b, c} {
				if first := o.putPacketIn(1, 10, func() []byte { return []byte(s) }); first != (i == 0) {
					t.Errorf("packet-in %d is the first: %v", i, first)
				}
			}
			pins := o.takePacketIns(time.Time{})
			if len(pins) != 3 {
				t.Fatalf("%d packet-ins, want 3", len(pins))
			}
			o.put(outMsg{b: []byte("dd")}, nil)
			if o.takeAnswers() != nil || o.takePacketIns(time.Time{}) != nil {
				t.Fatal("somebody takes what comes behind packet-ins that are being written")
			}
			if got, _, more := o.take(time.Time{}, batch{}); len(got.fifo) != 0 || !more {
				t.Fatal("the writer takes what comes behind packet-ins that are being written")
			}
			for len(o.wake) > 0 {
				<-o.wake
			}
			if dropped {
				o.drop()
			}
			o.wrotePacketIns(pins, []byte(a+b+c), tt.took)
			if s := o.pins.stats; s.Sent != tt.whole || o.sent != tt.whole {
				t.Errorf("%s: %d packet-ins of %d messages count as sent, want %d", tt.name, s.Sent, o.sent, tt.whole)
			}
			if dropped {
				if s := o.pins.stats; s.DroppedClosed != 3-tt.whole || drops.Closed.Load() != 3-tt.whole {
					t.Errorf("%s: %d and %d count as dropped, want %d", tt.name, s.DroppedClosed, drops.Closed.Load(), 3-tt.whole)
				}
				continue
			}
			if len(o.wake) == 0 {
				t.Errorf("%s: the writer is not told", tt.name)
			}
			got, _, _ := o.take(time.Time{}, batch{})
			var left []byte
			for _, m := range got.fifo {
				left = append(left, m.b...)
				o.written(m)
			}
			if string(left) != tt.left+"dd" {
				t.Errorf("%s: %q is left, want %q", tt.name, left, tt.left+"dd")
			}
			if s := o.pins.stats; s.Sent != 3 || o.sent != 4 || o.replyBytes != 0 {
				t.Errorf("%s: in the end %d packet-ins of %d messages were sent, and %d bytes wait", tt.name, s.Sent, o.sent, o.replyBytes)
			}
		}
	}
}

// A packet-in goes out behind what waits already, and those beyond a limit when they may.
func TestPacketInsLeftToTheWriter(t *testing.T) {
	m := newManager(t, &nothing{}, Options{})
	o := newOutbox(&m.monitorBytes, &m.pinDrops)
	msg := func() []byte { return []byte("p") }
	o.put(outMsg{b: []byte("a")}, nil)
	o.putPacketIn(1, 1, msg)
	if o.takePacketIns(time.Time{}) != nil || len(o.wake) == 0 {
		t.Error("a packet-in goes before a reply, or the writer is not told of it")
	}
	got, _, _ := o.take(time.Time{}, batch{})
	if len(got.fifo) != 1 || len(got.pins) != 1 {
		t.Fatalf("the writer gets %d replies and %d packet-ins, want 1 of each", len(got.fifo), len(got.pins))
	}
	o.take(time.Time{}, batch{})
	o.setRate(1, 1)
	<-o.wake
	now := time.Now()
	for range 3 {
		o.putPacketIn(1, 1, msg)
	}
	pins := o.takePacketIns(now)
	if len(pins) != 1 {
		t.Fatalf("%d packet-ins at once, where one a second may go", len(pins))
	}
	o.wrotePacketIns(pins, msg(), 1)
	if len(o.wake) == 0 {
		t.Error("the writer is not told of what may go later")
	}
	<-o.wake
	if o.putPacketIn(1, 1, msg); o.takePacketIns(now) != nil || len(o.wake) == 0 {
		t.Error("more went than may, or the writer is not told")
	}
	// No more than a piece at once.
	o.setRate(0, 0)
	o.pins.clear()
	for range 3 {
		o.putPacketIn(1, writeChunk/2, func() []byte { return make([]byte, writeChunk/2) })
	}
	if pins := o.takePacketIns(now); len(pins) != 2 {
		t.Errorf("%d packet-ins of half a piece at once, want 2", len(pins))
	}
}
