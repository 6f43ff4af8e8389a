package ofswitch

import (
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
