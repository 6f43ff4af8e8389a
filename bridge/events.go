package bridge

import (
	"sync/atomic"

	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofconn"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/packet"
)

// events hands what the data path tells on to the bridge's controllers. It
// exists because each side is made before the other is known.
type events struct {
	m atomic.Pointer[ofconn.Manager]
}

var (
	_ ofswitch.Controllers = (*events)(nil)
	_ ofconn.Switch        = (*ofswitch.Bridge)(nil)
)

func (e *events) set(m *ofconn.Manager) { e.m.Store(m) }

func (e *events) PacketIns(list []ofswitch.PacketIn) {
	if m := e.m.Load(); m != nil {
		m.PacketIns(list)
	}
}

// flowHash is the same for all frames of a flow, in both directions.
func flowHash(frame []byte) uint64 {
	var k flow.Key
	var w flow.Wide
	flow.Extract(packet.FromBytes(frame), 0, &k)
	w.SetKey(&k)
	return flowtable.SelectHash(&w, nil)
}

func (e *events) FlowRemoved(msg *ofp.FlowRemoved) {
	if m := e.m.Load(); m != nil {
		m.FlowRemoved(msg)
	}
}

func (e *events) FlowsChanged(version uint64, list []ofswitch.FlowChange) {
	if m := e.m.Load(); m != nil {
		m.FlowsChanged(version, list)
	}
}

func (e *events) PortStatus(msg *ofp.PortStatus) {
	if m := e.m.Load(); m != nil {
		m.PortStatus(msg)
	}
}
