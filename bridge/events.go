package bridge

import (
	"sync/atomic"

	"ofswitch/ofconn"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
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

func (e *events) PacketIn(p ofswitch.PacketIn) {
	if m := e.m.Load(); m != nil {
		m.PacketIn(ofconn.PacketIn{Msg: p.Msg, InPort: p.InPort, MaxLen: p.MaxLen})
	}
}

func (e *events) FlowRemoved(msg *ofp.FlowRemoved) {
	if m := e.m.Load(); m != nil {
		m.FlowRemoved(msg)
	}
}

func (e *events) PortStatus(msg *ofp.PortStatus) {
	if m := e.m.Load(); m != nil {
		m.PortStatus(msg)
	}
}
