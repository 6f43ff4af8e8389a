package ofswitch

import (
	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// The actions of OpenFlow 1.0 that OpenFlow 1.3 has not: each depends on what the
// frame is.

// setVLAN sets a part of the outermost VLAN tag, of one that it pushes if there is
// none.
func (t *translator) setVLAN(id flow.ID, v uint64) {
	if !t.tagged() {
		t.pushVLAN(packet.TypeVLAN)
	}
	t.setField(ofp.SetField{Field: id, Value: flow.Value{Lo: v}}) // the same headers follow
}

// setTransport sets a port of whichever transport protocol the frame has.
func (t *translator) setTransport(a ofp.SetTransport) {
	for _, s := range a.Standard() {
		set := s.(ofp.SetField)
		if t.has(set.Field) {
			t.setField(set)
			return
		}
	}
}

// SetMissPacketIn says whether frames that no entry matches go to the controllers
// (OpenFlow 1.0.0 §3.4). In OpenFlow 1.3 they are dropped, unless a table-miss
// entry says otherwise, so this is for as long as there is a controller of 1.0.
func (b *Bridge) SetMissPacketIn(on bool) {
	_ = b.d.update(func(classifier.Version) error { // fn does not fail
		if c := b.conf.Load(); c.missPacketIn != on {
			c = c.clone()
			c.missPacketIn = on
			b.conf.Store(c)
		}
		return nil
	})
}

// missPacketIn sends the frame, which no entry of wk's table matches, to the
// controllers of OpenFlow 1.0 if there are such.
func (t *translator) missPacketIn(wk *walk) bool {
	if !wk.conf.missPacketIn {
		return false
	}
	wk.cookie = ^uint64(0)
	n := len(t.ops)
	t.packetIn(wk, ofp.PacketInNoMatch, ofp.ControllerNoBuffer)
	if len(t.ops) == n {
		return false // the port is not to cause any, or there is too much work already
	}
	t.ops[n].in.noEntry = true
	return true
}
