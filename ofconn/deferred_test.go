package ofconn

import (
	"slices"
	"testing"

	"ofswitch/ofp"
)

// TestDeferredPacketOuts: packet-outs wait for those that are here already, and never
// over a message that may take long.
func TestDeferredPacketOuts(t *testing.T) {
	out := &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController, Data: make([]byte, 14)}
	refused := &ofp.PacketOut{BufferID: 1, InPort: ofp.PortController}
	add, remove := flowMod(ofp.FlowAdd, 0), flowMod(ofp.FlowDelete, 0)
	badAdd := flowMod(ofp.FlowAdd, 0xff)
	table := &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController, Actions: []ofp.Action{ofp.Output{Port: ofp.PortTable}}, Data: make([]byte, 14)}
	buffered := flowMod(ofp.FlowAdd, 0)
	buffered.BufferID = 7
	echo, barrier := &ofp.EchoRequest{}, &ofp.BarrierRequest{}
	tests := []struct {
		name string
		msgs []ofp.Message
		want []string
		outs int // sent when all is done
	}{
		{"one alone", []ofp.Message{out}, []string{"PacketOut"}, 1},
		{"three", []ofp.Message{out, out, out}, []string{"DeferPacketOut", "DeferPacketOut", "PacketOut"}, 3},
		{"with flow-mods", []ofp.Message{add, out, add, out}, []string{"FlowMod", "FlowMod", "DeferPacketOut", "PacketOut"}, 2},
		{"through the tables", []ofp.Message{add, table, add, out}, []string{"FlowMod", "DeferPacketOut", "FlowMod", "PacketOut"}, 2},
		{"with a flow-mod that has a buffer", []ofp.Message{add, out, buffered, out}, []string{"FlowMod", "DeferPacketOut", "FlowMod", "FlushPacketOuts", "PacketOut"}, 2},
		{"with a deletion", []ofp.Message{add, out, remove, out}, []string{"FlowMod", "PacketOut", "FlowMod", "PacketOut"}, 2},
		{"behind a deletion", []ofp.Message{remove, out, add, out, out, add}, []string{"FlowMod", "FlowMod", "FlowMod", "DeferPacketOut", "DeferPacketOut", "PacketOut"}, 3},
		{"that are refused", []ofp.Message{add, refused, badAdd, out, add}, []string{"FlowMod", "FlowMod", "FlowMod", "DeferPacketOut", "FlushPacketOuts", "PacketOut"}, 1},
		{"before a deletion", []ofp.Message{out, remove, out}, []string{"PacketOut", "FlowMod", "PacketOut"}, 2},
		{"before one in the end", []ofp.Message{out, add, remove}, []string{"DeferPacketOut", "FlowMod", "FlushPacketOuts", "FlowMod"}, 1},
		{"before an echo", []ofp.Message{out, add, echo}, []string{"DeferPacketOut", "FlowMod", "FlushPacketOuts"}, 1},
		{"before a barrier", []ofp.Message{out, barrier}, []string{"PacketOut", "Barrier"}, 1},
		{"with nothing behind", []ofp.Message{out, add}, []string{"DeferPacketOut", "FlowMod", "FlushPacketOuts"}, 1},
		{"before a refusal", []ofp.Message{out, refused, add, out}, []string{"DeferPacketOut", "DeferPacketOut", "FlushPacketOuts", "FlowMod", "PacketOut"}, 2},
		{"before a refusal at the end", []ofp.Message{out, refused}, []string{"DeferPacketOut", "PacketOut", "FlushPacketOuts"}, 1},
		{"before a flow-mod that is refused", []ofp.Message{out, badAdd, out}, []string{"DeferPacketOut", "FlowMod", "FlushPacketOuts", "PacketOut"}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sw := &fakeSwitch{}
			p := connected(t, newManager(t, sw, Options{}), connOptions{})
			var b []byte
			for i, m := range tt.msgs {
				b = ofp.AppendMessage(b, uint32(i), m)
			}
			p.raw(b)
			p.send(99, echo)
			for {
				if h, _ := p.recv(); h.Type == ofp.TypeEchoReply && h.XID == 99 {
					break
				}
			}
			sw.mu.Lock()
			defer sw.mu.Unlock()
			if !slices.Equal(sw.calls, tt.want) {
				t.Errorf("called %v, want %v", sw.calls, tt.want)
			}
			if len(sw.outs) != tt.outs || len(sw.deferred) > 0 {
				t.Errorf("%d sent, %d not sent; want %d sent", len(sw.outs), len(sw.deferred), tt.outs)
			}
		})
	}
}

// TestDeferredPacketOutsBound: no more than so many wait, however many there are.
func TestDeferredPacketOutsBound(t *testing.T) {
	sw := &fakeSwitch{}
	p := connected(t, newManager(t, sw, Options{}), connOptions{})
	out := &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController, Data: make([]byte, 14)}
	const n = 3 * (maxUnsent + 1)
	waits, most := 0, 0
	sw.mu.Lock()
	sw.hook = func(method string) {
		if method == "DeferPacketOut" {
			waits++
		} else {
			waits = 0
		}
		most = max(most, waits)
	}
	sw.mu.Unlock()
	var b []byte
	for i := range n {
		b = ofp.AppendMessage(b, uint32(i), out)
	}
	p.raw(b)
	p.alive()
	sw.mu.Lock()
	defer sw.mu.Unlock()
	if most > maxUnsent || most < 2 || len(sw.outs) != n {
		t.Errorf("%d waited at once, want 2 to %d; %d of %d were sent", most, maxUnsent, len(sw.outs), n)
	}
}
