package integration

import (
	"bytes"
	"testing"

	"ofswitch/ofp"
)

// TestIntegrationPacketBuffers: with buffers a controller gets as much of a frame as
// it or the flow wants, and says by the buffer's id what becomes of it; the default
// is whole frames.
func TestIntegrationPacketBuffers(t *testing.T) {
	features := func(l *ofLab) *ofp.FeaturesReply {
		xid := l.c.send(&ofp.FeaturesRequest{})
		m := l.c.take(func(m *ofMessage) bool { return m.h.XID == xid })
		return m.m.(*ofp.FeaturesReply)
	}
	packetIn := func(c *ofClient) *ofp.PacketIn {
		m := c.take(func(m *ofMessage) bool { return m.h.Type == ofp.TypePacketIn })
		return m.m.(*ofp.PacketIn)
	}
	frame := udp4.frame()

	plain := newOFLab(t, 1)
	plain.reset("add udp,actions=CONTROLLER:20")
	plain.cables[0].send(frame)
	if in := packetIn(plain.c); in.BufferID != ofp.NoBuffer || !bytes.Equal(in.Data, frame) || features(plain).NumBuffers != 0 {
		t.Errorf("without buffers: packet-in %+v", in)
	}

	l := newOFLab(t, 2, "--other-config", "packet-buffers=2")
	if n := features(l).NumBuffers; n != 2 {
		t.Errorf("the features reply has %d buffers, want 2", n)
	}
	second := l.dial()
	second.send(&ofp.SetConfig{MissSendLen: 40})
	all := &ofp.SetAsync{}
	all.PacketIn[0] = 7
	for _, c := range []*ofClient{l.c, second} {
		c.send(all)
		c.barrier()
	}
	l.c.send(&ofp.SetConfig{MissSendLen: 0xffff})
	l.reset("add priority=5,udp,actions=CONTROLLER:20")

	// max_len; both get the same buffer. What one has used is empty to the other.
	l.cables[0].send(frame)
	in, in2 := packetIn(l.c), packetIn(second)
	if in.BufferID == ofp.NoBuffer || in.BufferID != in2.BufferID || !bytes.Equal(in.Data, frame[:20]) || int(in.TotalLen) != len(frame) {
		t.Errorf("packet-ins %+v, %+v", in, in2)
	}
	out := &ofp.PacketOut{BufferID: in.BufferID, InPort: 1, Actions: []ofp.Action{ofp.Output{Port: 2}}}
	l.c.must(out)
	if got := l.cables[1].recv(); !bytes.Equal(got, frame) {
		t.Errorf("port 2 sent %x, want %x", got, frame)
	}
	if code := second.answer(ofp.Encode(1, out)); code != ofp.BadRequestBufferEmpty {
		t.Errorf("a used buffer: %v, want BUFFER_EMPTY", code)
	}
	out.BufferID ^= 1 << 31
	if code := second.answer(ofp.Encode(2, out)); code != ofp.BadRequestBufferUnknown {
		t.Errorf("a buffer never given out: %v, want BUFFER_UNKNOWN", code)
	}

	// A flow-mod that names the buffer sends the frame by the tables as they are then.
	l.cables[0].send(frame)
	in, _ = packetIn(l.c), packetIn(second)
	mod := flowMod(t, "add priority=9,udp,actions=set_field:7->udp_dst,output:2")
	mod.BufferID = in.BufferID
	l.c.must(mod)
	if got, want := l.cables[1].recv(), udp4.with(func(p *ipPacket) { p.l4 = udp(1000, 7) }).frame(); !bytes.Equal(got, want) {
		t.Errorf("port 2 sent %x, want %x", got, want)
	}

	// An exhausted TTL: each connection's miss_send_len.
	l.reset("add udp,actions=dec_ttl,output:2")
	dead := udp4.with(func(p *ipPacket) { p.ttl = 1 }).frame()
	l.cables[0].send(dead)
	in, in2 = packetIn(l.c), packetIn(second)
	if in.Reason != ofp.PacketInInvalidTTL || in.BufferID != ofp.NoBuffer || !bytes.Equal(in.Data, dead) {
		t.Errorf("with miss_send_len 0xffff: packet-in %+v", in)
	}
	if in2.Reason != ofp.PacketInInvalidTTL || in2.BufferID == ofp.NoBuffer || !bytes.Equal(in2.Data, dead[:40]) {
		t.Errorf("with miss_send_len 40: packet-in %+v", in2)
	}

	// Without a free buffer the whole frame goes.
	l.reset("add udp,actions=CONTROLLER:20")
	for i := range 3 {
		l.cables[0].send(frame)
		in = packetIn(l.c)
		if full := i > 0; (in.BufferID == ofp.NoBuffer) != full || len(in.Data) != map[bool]int{false: 20, true: len(frame)}[full] {
			t.Errorf("frame %d: packet-in %+v", i, in)
		}
	}
}
