package ofswitch

import (
	"ofswitch/flow"
	"ofswitch/ofp"
)

// reshape does to a frame that has the field what changes which headers it has,
// or what may not reach them: labels and I-tags behind LLC and SNAP look like
// others in the key, and no operation writes there. Only the frame tells, so it is
// extracted again.
func (t *translator) reshape(needs flow.ID, o op) (again bool) {
	if !t.has(needs) {
		if t.rec != nil {
			t.rec.lacks(needs)
		}
		return false
	}
	t.emit(o)
	t.shared = nil
	return true
}

// copyTTL copies a TTL between the outermost two headers that have one. The
// inner one may be beyond the key, so the frame is extracted again.
func (t *translator) copyTTL(kind opKind) (again bool) {
	if !t.has(flow.MPLSLabel) && !t.has(flow.IPProto) {
		return false
	}
	t.emit(op{kind: kind})
	return true
}

// decMPLSTTL decrements the TTL of the outermost label, or tells the controller
// that there is none left (OpenFlow 1.3.5 §5.12, §7.4.1). It says whether the
// frame goes on.
func (t *translator) decMPLSTTL(wk *walk) bool {
	if !t.has(flow.MPLSLabel) {
		return true
	}
	t.look(flow.WMPLS, 0xff<<flow.MPLSTTLShift)
	if t.wide[flow.WMPLS]>>flow.MPLSTTLShift&0xff <= 1 {
		if t.rec != nil {
			t.rec.warn("MPLS decrement TTL exception")
		}
		t.packetIn(wk, ofp.PacketInInvalidTTL, ofp.ControllerNoBuffer)
		t.drop(dropTTL)
		return false
	}
	t.emit(op{kind: opDecMPLSTTL})
	t.wide[flow.WMPLS] -= 1 << flow.MPLSTTLShift
	t.fixed[flow.WMPLS] |= 0xff << flow.MPLSTTLShift
	t.shared = nil
	return true
}
