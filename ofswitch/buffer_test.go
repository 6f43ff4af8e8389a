package ofswitch

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// newBufferLab has a table-miss entry that sends 32 bytes to the controller.
func newBufferLab(t *testing.T, n int) *lab {
	t.Helper()
	l := newLab(t, 3)
	l.b.SetPacketBuffers(n)
	l.add(flowMod(t, 0, 0, "", apply(ofp.Output{Port: ofp.PortController, MaxLen: 32})))
	return l
}

// buffered lets a frame in at port 1 and gives the id of its buffer.
func (l *lab) buffered(frame []byte) uint32 {
	l.t.Helper()
	l.send(1, frame)
	ins := l.rec.takeIns()
	if len(ins) != 1 || ins[0].Buffer == nil {
		l.t.Fatalf("packet-ins %+v: want one that can be buffered", ins)
	}
	return ins[0].Buffer()
}

func packetOutOf(id uint32, actions ...ofp.Action) *ofp.PacketOut {
	return &ofp.PacketOut{BufferID: id, InPort: 1, Actions: actions}
}

// wantCode checks the code of a refusal; none: there must be no error.
func wantCode(t *testing.T, what string, err error, code ofp.Code) {
	t.Helper()
	if code == noCode {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	var refused *ofp.Error
	if !errors.As(err, &refused) || refused.Code != code {
		t.Errorf("%s: got %v, want %v", what, err, code)
	}
}

const noCode = ^ofp.Code(0)

func TestBufferIsUsedOnce(t *testing.T) {
	l := newBufferLab(t, 4)
	if got := l.b.Features().NumBuffers; got != 4 {
		t.Errorf("features report %d buffers, want 4", got)
	}
	frame := udp(1, 2, 1000, 2000)
	id := l.buffered(frame)

	wantCode(t, "packet-out with a bad action", l.b.PacketOut(packetOutOf(id, ofp.Output{Port: 0})), ofp.BadActionBadOutPort)
	wantCode(t, "packet-out from a port that there is not", l.b.PacketOut(&ofp.PacketOut{BufferID: id, InPort: 77}), ofp.BadRequestBadPort)
	wantCode(t, "packet-out", l.b.PacketOut(packetOutOf(id, output(2))), noCode)
	if got := l.sent(2); len(got) != 1 || !bytes.Equal(got[0], frame) {
		t.Errorf("port 2 sent %x, want the frame", got)
	}
	wantCode(t, "second packet-out", l.b.PacketOut(packetOutOf(id, output(2))), ofp.BadRequestBufferEmpty)
	wantCode(t, "packet-out of an id never given", l.b.PacketOut(packetOutOf(id+1<<16, output(2))), ofp.BadRequestBufferUnknown)
	wantCode(t, "packet-out of a slot that there is not", l.b.PacketOut(packetOutOf(9, output(2))), ofp.BadRequestBufferUnknown)
	if got := l.sent(2); len(got) != 0 {
		t.Errorf("refused packet-outs sent %x", got)
	}
	// The slot is used again: the old id stays used up.
	for range 5 {
		if l.buffered(frame) == id {
			t.Errorf("buffer id %#x is given twice", id)
		}
	}
	wantCode(t, "packet-out of a stale id", l.b.PacketOut(packetOutOf(id, output(2))), ofp.BadRequestBufferEmpty)
	l.b.SetPacketBuffers(0)
	wantCode(t, "packet-out without buffers", l.b.PacketOut(packetOutOf(id, output(2))), ofp.BadRequestBufferUnknown)
}

func TestBufferOfFlowMod(t *testing.T) {
	l := newBufferLab(t, 4)
	frame := udp(1, 2, 1000, 2000)
	id := l.buffered(frame)
	mod := func(m *ofp.FlowMod) error {
		m.BufferID = id
		return l.b.FlowMod(m)
	}
	bad := flowMod(t, 0, 5, "udp", apply(ofp.Output{Port: 0}))
	wantCode(t, "bad flow-mod", mod(bad), ofp.BadActionBadOutPort)
	overlap := flowMod(t, 0, 0, "", apply(output(2)))
	overlap.Flags = ofp.FlowCheckOverlap
	wantCode(t, "flow-mod that overlaps", mod(overlap), ofp.FlowModFailedOverlap)
	del := flowMod(t, 0, 5, "tcp", ofp.Instructions{})
	del.Command = ofp.FlowDelete
	wantCode(t, "deletion", mod(del), noCode)

	// The frame goes through table 0 whatever table the flow-mod is about, and finds
	// the entry there.
	l.add(flowMod(t, 0, 5, "in_port=1,udp", then(ofp.Instructions{}, 7)))
	l.add(&ofp.FlowMod{Command: ofp.FlowModify, Table: 0, BufferID: ofp.NoBuffer, Priority: 5, Match: mustMatch(t, "udp"),
		Instructions: ofp.Instructions{Has: 1 << ofp.InstrGotoTable, Goto: 7, Order: [6]uint8{ofp.InstrGotoTable}}, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny})
	wantCode(t, "flow-mod", mod(flowMod(t, 7, 5, "udp", apply(set(flow.UDPDst, 53), output(3)))), noCode)
	if got, want := l.sent(3), udp(1, 2, 1000, 53); len(got) != 1 || !bytes.Equal(got[0], want) {
		t.Errorf("port 3 sent %x, want %x", got, want)
	}
	wantCode(t, "second flow-mod", mod(flowMod(t, 7, 6, "udp", apply(output(2)))), ofp.BadRequestBufferEmpty)
	if c := counts(t, l.b); len(c) != 1 {
		t.Errorf("entries by cookie: %v", c)
	}
	n := 0
	_ = l.b.FlowStats(&ofp.FlowStatsRequest{Table: 7, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, func(*ofp.FlowStats) error { n++; return nil })
	if n != 1 {
		t.Errorf("the refused flow-mod left %d entries in table 7, want 1", n)
	}
	// A modification that finds nothing is no error, and uses the buffer.
	id = l.buffered(arpFrame())
	change := flowMod(t, 9, 1, "", apply(output(2)))
	change.Command = ofp.FlowModify
	wantCode(t, "modification of nothing", mod(change), noCode)
	if ins := l.rec.takeIns(); len(ins) != 0 {
		t.Errorf("packet-ins %+v before the executor's queue was drained", ins)
	}
	wantCode(t, "again", mod(change), ofp.BadRequestBufferEmpty)
}

// arpFrame is a frame that no flow of these tests names.
func arpFrame() []byte {
	b := make([]byte, 60)
	copy(b, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1})
	return b
}

func mustMatch(t *testing.T, s string) flow.Match {
	t.Helper()
	m, err := flow.ParseMatch(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBuffersAreBounded(t *testing.T) {
	l := newBufferLab(t, 3)
	frame := udp(1, 2, 1000, 2000)
	var ids []uint32
	for range 3 {
		ids = append(ids, l.buffered(frame))
	}
	if id := l.buffered(frame); id != ofp.NoBuffer {
		t.Errorf("a fourth frame got buffer %#x of 3", id)
	}
	wantCode(t, "packet-out", l.b.PacketOut(packetOutOf(ids[1], output(2))), noCode)
	if id := l.buffered(frame); id == ofp.NoBuffer {
		t.Error("a buffer that was used is not free again")
	}
	// After their time they are gone.
	l.now.Add(int64(bufferTime) - 1)
	wantCode(t, "packet-out in time", l.b.PacketOut(packetOutOf(ids[0], output(2))), noCode)
	l.now.Add(1)
	wantCode(t, "packet-out too late", l.b.PacketOut(packetOutOf(ids[2], output(2))), ofp.BadRequestBufferUnknown)
	l.d.Collect()
	if s := l.b.buffers.Load(); s.bytes != 0 {
		t.Errorf("%d bytes are kept of no frames", s.bytes)
	}
	for range 3 {
		if id := l.buffered(frame); id == ofp.NoBuffer {
			t.Error("a buffer whose time is over is not free again")
		}
	}
	s := newBuffers(1000, l.now.Load)
	big := make([]byte, 1<<20)
	for i := range 33 {
		if got := s.keep(bufferedFrame{data: big}) != ofp.NoBuffer; got != (i < bufferBytes>>20) {
			t.Errorf("frame %d of a megabyte: kept %v", i, got)
		}
	}
}

// Ids of the last 64 frames of a slot are told apart; what is older is unknown.
func TestBufferCookies(t *testing.T) {
	now := int64(1)
	s := newBuffers(1, func() int64 { return now })
	type given struct {
		id   uint32
		used bool
	}
	var all []given
	for i := range 100 {
		g := given{s.keep(bufferedFrame{data: []byte{1}}), i%3 != 0}
		if g.used {
			c, err := s.claim("test", g.id)
			if err != nil {
				t.Fatal(err)
			}
			c.done()
		} else {
			now += int64(bufferTime)
		}
		all = append(all, g)
	}
	s.expire()
	for i, g := range all {
		want := ofp.BadRequestBufferUnknown
		if g.used && i >= 100-64 {
			want = ofp.BadRequestBufferEmpty
		}
		_, err := s.claim("test", g.id)
		wantCode(t, "claim", err, want)
	}
}

func TestWhichPacketInsAreBuffered(t *testing.T) {
	for _, test := range []struct {
		name    string
		buffers int
		actions []ofp.Action
		reason  uint8
		want    bool
	}{
		{"max_len", 2, []ofp.Action{ofp.Output{Port: ofp.PortController, MaxLen: 10}}, ofp.PacketInAction, true},
		{"max_len 0", 2, []ofp.Action{ofp.Output{Port: ofp.PortController}}, ofp.PacketInAction, true},
		{"greatest max_len", 2, []ofp.Action{ofp.Output{Port: ofp.PortController, MaxLen: ofp.ControllerMaxLenMax}}, ofp.PacketInAction, true},
		{"no buffer asked", 2, []ofp.Action{output(ofp.PortController)}, ofp.PacketInAction, false},
		{"invalid TTL", 2, []ofp.Action{ofp.SetNwTTL{TTL: 1}, ofp.DecNwTTL{}}, ofp.PacketInInvalidTTL, true},
		{"no buffers", 0, []ofp.Action{ofp.Output{Port: ofp.PortController, MaxLen: 10}}, ofp.PacketInAction, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t, 1)
			l.b.SetPacketBuffers(test.buffers)
			l.add(flowMod(t, 0, 1, "ip", apply(test.actions...)))
			l.send(1, udp(1, 2, 3, 4))
			ins := l.rec.takeIns()
			if len(ins) != 1 || ins[0].Msg.Reason != test.reason || (ins[0].Buffer != nil) != test.want || len(ins[0].Msg.Data) != 64 || ins[0].Msg.TotalLen != 64 {
				t.Errorf("packet-ins %+v", ins)
			}
		})
	}
}

// Segments of a GSO frame are packet-ins of their own, with buffers of their own.
func TestSegmentsAreBufferedApart(t *testing.T) {
	l := newBufferLab(t, 8)
	l.ports[0].Inject(tcpFrame(t, 300, 100))
	for l.d.Poll() > 0 {
	}
	var ids []uint32
	for _, in := range l.rec.takeIns() {
		ids = append(ids, in.Buffer())
	}
	if len(ids) != 3 {
		t.Fatalf("%d packet-ins, want 3", len(ids))
	}
	for i, id := range ids {
		wantCode(t, "packet-out", l.b.PacketOut(packetOutOf(id, output(2))), noCode)
		if got := l.sent(2); len(got) != 1 || len(got[0]) != 14+20+20+100 || packet.TCP(got[0][34:]).Seq() != uint32(1000+100*i) {
			t.Errorf("segment %d: %x", i, got)
		}
	}
}

func TestBufferClaims(t *testing.T) {
	now := int64(0)
	s := newBuffers(2, func() int64 { return now })
	a := s.keep(bufferedFrame{data: []byte{1}})
	c, err := s.claim("test", a)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.claim("test", a)
	wantCode(t, "claim of what is claimed", err, ofp.BadRequestBufferEmpty)
	now += int64(2 * time.Minute)
	s.expire() // what is claimed does not go away
	c.undo()
	now -= int64(2 * time.Minute)
	if c, err = s.claim("test", a); err != nil {
		t.Fatalf("claim after undo: %v", err)
	}
	c.done()
	if s.bytes != 0 {
		t.Errorf("%d bytes are kept of no frames", s.bytes)
	}
}

// A bundle uses buffers if it is carried out, and leaves them if it is not.
func TestBuffersInBundles(t *testing.T) {
	l := newBufferLab(t, 4)
	frame := udp(1, 2, 1000, 2000)
	a, b := l.buffered(frame), l.buffered(frame)
	mod := flowMod(t, 0, 5, "udp", apply(output(3)))
	mod.BufferID = a
	list := []ofp.Message{mod, packetOutOf(b, output(2)), packetOutOf(b, output(2))}
	bundle := func(n int) (int, error) {
		return l.b.Bundle(n, func(i int) (ofp.Message, error) { return list[i], nil })
	}
	failed, err := bundle(3)
	wantCode(t, "bundle that uses a buffer twice", err, ofp.BadRequestBufferEmpty)
	if failed != 2 {
		t.Errorf("message %d was refused, want 2", failed)
	}
	if len(l.sent(2))+len(l.sent(3)) != 0 {
		t.Error("a refused bundle sent frames")
	}
	_, err = bundle(2)
	wantCode(t, "bundle", err, noCode)
	for port := 2; port <= 3; port++ {
		if got := l.sent(port); len(got) != 1 || !bytes.Equal(got[0], frame) {
			t.Errorf("port %d sent %x", port, got)
		}
	}
	_, err = bundle(1)
	wantCode(t, "bundle again", err, ofp.BadRequestBufferEmpty)
}

// A frame whose ingress port has gone cannot go through the tables; the flow-mod is
// carried out.
func TestBufferWithoutPort(t *testing.T) {
	l := newBufferLab(t, 4)
	id := l.buffered(udp(1, 2, 1000, 2000))
	if err := l.b.RemovePort(1); err != nil {
		t.Fatal(err)
	}
	mod := flowMod(t, 0, 5, "udp", apply(output(3)))
	mod.BufferID, mod.Cookie = id, 7
	wantCode(t, "flow-mod", l.b.FlowMod(mod), noCode)
	if _, found := counts(t, l.b)[7]; !found || len(l.sent(3)) != 0 || l.d.Drops()["no_such_port"] != 1 {
		t.Errorf("entry there %v, drops %v", found, l.d.Drops())
	}
	wantCode(t, "again", l.b.FlowMod(mod), ofp.BadRequestBufferEmpty)
}
