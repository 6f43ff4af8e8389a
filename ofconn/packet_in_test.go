package ofconn

import (
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// Each connection gets as much of the frame as it, or the output action, wants;
// all that get a part get the same buffer.
func TestPacketInParts(t *testing.T) {
	const frameLen, id = 100, 0x70003
	type want struct {
		n      int
		buffer uint32
	}
	whole := want{frameLen, ofp.NoBuffer}
	// Three connections, of these miss_send_lens.
	missSendLens := []uint16{128, 40, ofp.ControllerNoBuffer}
	tests := []struct {
		name   string
		reason uint8
		maxLen uint16
		buffer uint32 // what Buffer gives; 0: there is no Buffer
		calls  int
		want   [3]want
	}{
		{"max_len", ofp.PacketInAction, 10, id, 1, [3]want{{10, id}, {10, id}, {10, id}}},
		{"max_len 0", ofp.PacketInNoMatch, 0, id, 1, [3]want{{0, id}, {0, id}, {0, id}}},
		{"max_len beyond the frame", ofp.PacketInAction, ofp.ControllerMaxLenMax, id, 1, [3]want{{frameLen, id}, {frameLen, id}, {frameLen, id}}},
		{"no buffer free", ofp.PacketInAction, 10, ofp.NoBuffer, 1, [3]want{whole, whole, whole}},
		{"no buffers", ofp.PacketInAction, 10, 0, 0, [3]want{whole, whole, whole}},
		{"no buffer wanted", ofp.PacketInAction, ofp.ControllerNoBuffer, id, 0, [3]want{whole, whole, whole}},
		{"miss_send_len", ofp.PacketInInvalidTTL, ofp.ControllerNoBuffer, id, 1, [3]want{{frameLen, id}, {40, id}, whole}},
		{"miss_send_len, no buffer free", ofp.PacketInInvalidTTL, ofp.ControllerNoBuffer, ofp.NoBuffer, 1, [3]want{whole, whole, whole}},
		{"miss_send_len, no buffers", ofp.PacketInInvalidTTL, ofp.ControllerNoBuffer, 0, 0, [3]want{whole, whole, whole}},
	}
	m := newManager(t, &fakeSwitch{}, Options{})
	var peers []*peer
	for _, n := range missSendLens {
		p := connected(t, m, connOptions{})
		p.send(1, &ofp.SetConfig{MissSendLen: n})
		all := ofp.AsyncConfig{}
		all.PacketIn[0] = 7
		p.send(2, &ofp.SetAsync{AsyncConfig: all})
		p.alive()
		peers = append(peers, p)
	}
	frame := make([]byte, frameLen)
	for i := range frame {
		frame[i] = byte(i)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := PacketIn{InPort: 1, MaxLen: test.maxLen, Msg: ofp.PacketIn{
				BufferID: ofp.NoBuffer, TotalLen: frameLen, Reason: test.reason, Data: frame,
			}}
			in.Msg.Match.Set(flow.InPort, flow.Value{Lo: 1})
			calls := 0
			if test.buffer != 0 {
				in.Buffer = func() uint32 { calls++; return test.buffer }
			}
			m.PacketIns([]PacketIn{in})
			if calls != test.calls {
				t.Errorf("the frame was buffered %d times, want %d", calls, test.calls)
			}
			for i, p := range peers {
				got := p.want(0, ofp.TypePacketIn).(*ofp.PacketIn)
				if w := test.want[i]; len(got.Data) != w.n || got.BufferID != w.buffer || got.TotalLen != frameLen || string(got.Data) != string(frame[:w.n]) {
					t.Errorf("connection %d got buffer %#x, %d of %d bytes; want %#x, %d of %d", i, got.BufferID, len(got.Data), got.TotalLen, w.buffer, w.n, frameLen)
				}
			}
		})
	}
}

// A frame that no connection takes is not buffered.
func TestPacketInForNobodyIsNotBuffered(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	p := connected(t, m, connOptions{})
	p.alive()
	in := PacketIn{InPort: 1, MaxLen: 10, Msg: ofp.PacketIn{Reason: ofp.PacketInInvalidTTL, Data: make([]byte, 60)}}
	in.Buffer = func() uint32 { t.Error("the frame was buffered for nobody"); return 1 }
	m.PacketIns([]PacketIn{in}) // the default filter does not let INVALID_TTL through
	p.alive()
}
