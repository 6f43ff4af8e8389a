package ofconn

import (
	"bytes"
	"testing"
	"time"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

// tell makes one message of each kind and reason.
func tell(m *Manager) {
	for reason := range uint8(3) {
		m.PacketIns([]PacketIn{{Msg: ofp.PacketIn{BufferID: ofp.NoBuffer, Reason: reason, Data: make([]byte, 60)}, InPort: ofp.PortNo(reason)}})
	}
	for reason := range uint8(4) {
		m.FlowRemoved(&ofp.FlowRemoved{Reason: reason})
	}
	for reason := range uint8(3) {
		m.PortStatus(&ofp.PortStatus{Reason: reason})
	}
}

// gets gives what arrives of what tell told, as reason masks.
func (p *peer) gets(m *Manager) (packetIn, flowRemoved, portStatus uint32) {
	p.t.Helper()
	tell(m)
	p.settle(func(msg ofp.Message) {
		switch msg := msg.(type) {
		case *ofp.PacketIn:
			packetIn |= 1 << msg.Reason
		case *ofp.FlowRemoved:
			flowRemoved |= 1 << msg.Reason
		case *ofp.PortStatus:
			portStatus |= 1 << msg.Reason
		default:
			p.t.Fatalf("got %v", msg.Type())
		}
	})
	return packetIn, flowRemoved, portStatus
}

func TestAsyncFilters(t *testing.T) {
	own := &ofp.SetAsync{AsyncConfig: ofp.AsyncConfig{PacketIn: [2]uint32{7, 4}, PortStatus: [2]uint32{1, 2}, FlowRemoved: [2]uint32{0x3f, 1}}}
	tests := []struct {
		name                              string
		o                                 connOptions
		before                            []ofp.Message
		packetIn, flowRemoved, portStatus uint32
	}{
		{"by default", connOptions{}, nil, 3, 0xf, 7},
		{"master", connOptions{}, []ofp.Message{roleRequest(ofp.RoleMaster, 0)}, 3, 0xf, 7},
		{"slave", connOptions{}, []ofp.Message{roleRequest(ofp.RoleSlave, 0)}, 0, 0, 7},
		{"own filter", connOptions{}, []ofp.Message{own}, 7, 0xf, 1},
		{"own filter as slave", connOptions{}, []ofp.Message{own, roleRequest(ofp.RoleSlave, 0)}, 4, 1, 2},
		{"no miss_send_len", connOptions{}, []ofp.Message{&ofp.SetConfig{}}, 3, 0xf, 7}, // Faucet
		{"tool", connOptions{management: true}, nil, 0, 0, 0},
		{"tool with own filter", connOptions{management: true}, []ofp.Message{own}, 0, 0, 0},
		{"tool that monitors", connOptions{management: true}, []ofp.Message{&ofp.SetConfig{MissSendLen: 128}}, 3, 0xf, 7},
		{"tool that has enough", connOptions{management: true}, []ofp.Message{&ofp.SetConfig{MissSendLen: 128}, &ofp.SetConfig{}}, 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newManager(t, &fakeSwitch{}, Options{})
			p := connected(t, m, tt.o)
			for i, msg := range tt.before {
				p.send(uint32(i), msg)
				if msg.Type() == ofp.TypeRoleRequest {
					p.want(uint32(i), ofp.TypeRoleReply)
				}
			}
			p.alive()
			packetIn, flowRemoved, portStatus := p.gets(m)
			if packetIn != tt.packetIn || flowRemoved != tt.flowRemoved || portStatus != tt.portStatus {
				t.Errorf("got packet-ins %#x, flow-removed %#x, port-status %#x; want %#x, %#x, %#x",
					packetIn, flowRemoved, portStatus, tt.packetIn, tt.flowRemoved, tt.portStatus)
			}
		})
	}
}

func TestGetAsync(t *testing.T) {
	p := connected(t, newManager(t, &fakeSwitch{}, Options{}), connOptions{})
	get := func() ofp.AsyncConfig {
		p.send(1, &ofp.GetAsyncRequest{})
		return p.want(1, ofp.TypeGetAsyncReply).(*ofp.GetAsyncReply).AsyncConfig
	}
	want := ofp.AsyncConfig{PacketIn: [2]uint32{3, 0}, PortStatus: [2]uint32{7, 7}, FlowRemoved: [2]uint32{0xf, 0}}
	if got := get(); got != want {
		t.Errorf("by default: %#x, want %#x", got, want)
	}
	// Bits that name no reason come back, too.
	want = ofp.AsyncConfig{PacketIn: [2]uint32{0x00010203, 0x04050607}, PortStatus: [2]uint32{8, 9}, FlowRemoved: [2]uint32{1 << 31, 11}}
	p.send(2, &ofp.SetAsync{AsyncConfig: want})
	if got := get(); got != want {
		t.Errorf("set %#x, got %#x", want, got)
	}
}

// TestPacketInIsWhole: without buffers, whatever max_len says.
func TestPacketInIsWhole(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	p := connected(t, m, connOptions{})
	p.alive() // so it is in the set
	frame := bytes.Repeat([]byte{0xab}, 9000)
	m.PacketIns([]PacketIn{{Msg: ofp.PacketIn{BufferID: ofp.NoBuffer, TotalLen: 9000, Reason: ofp.PacketInAction, Cookie: 5, Table: 3, Data: frame}, InPort: 2, MaxLen: 96}})
	got := p.want(asyncXID, ofp.TypePacketIn).(*ofp.PacketIn)
	if got.BufferID != ofp.NoBuffer || got.TotalLen != 9000 || got.Cookie != 5 || got.Table != 3 || !bytes.Equal(got.Data, frame) {
		t.Errorf("got %d of %d bytes, buffer %#x", len(got.Data), got.TotalLen, got.BufferID)
	}
}

func TestNobodyIsTold(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	p := pipe(t, m, connOptions{}) // not past its hello
	p.want(helloXID, ofp.TypeHello)
	tell(m)
	p.send(1, &ofp.Hello{})
	p.alive() // the first message it gets
}

// TestPortStatusOverrun: a controller too slow for port-status messages is cut
// off, since it would go on with a wrong picture.
func TestPortStatusOverrun(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{stall: time.Hour})
	p := connected(t, m, connOptions{})
	p.alive()
	told := 0
	for len(m.established()) > 0 {
		m.PortStatus(&ofp.PortStatus{Reason: ofp.PortModify})
		if told++; told > 2*asyncMessages {
			t.Fatal("the queue has no bound")
		}
	}
	<-p.over
	if p.err != errOverrun {
		t.Errorf("closed because: %v", p.err)
	}
}

func TestFlowRemovedOverrun(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{stall: time.Hour})
	p := connected(t, m, connOptions{})
	p.alive()
	msg := &ofp.FlowRemoved{Reason: ofp.RemovedIdle}
	n := asyncBudget/len(ofp.Encode(0, msg)) + asyncMessages
	for range n {
		m.FlowRemoved(msg)
	}
	got := 0
	p.send(0xec40, &ofp.EchoRequest{})
	for {
		h, _ := p.recv()
		if h.Type == ofp.TypeEchoReply {
			break
		}
		got++
	}
	p.c.out.mu.Lock()
	dropped := int(p.c.out.droppedAsync)
	p.c.out.mu.Unlock()
	if dropped == 0 || got+dropped != n {
		t.Errorf("%d came, %d were dropped, of %d", got, dropped, n)
	}
	// The peer may have read a write before the writer has settled its account.
	testutil.Wait(t, "the account to be settled", func() bool {
		p.c.out.mu.Lock()
		defer p.c.out.mu.Unlock()
		return p.c.out.asyncBytes == 0 && p.c.out.asyncCount == 0
	})
}
