package ofswitch

import (
	mathbits "math/bits"
	"slices"

	"ofswitch/ofp"
	"ofswitch/packet"
)

// actionSet is what write-actions gather for the end of the pipeline: one
// action of each type, one set-field of each field (OpenFlow 1.3.5 §5.10).
type actionSet struct {
	has      uint32         // bit 1<<type for the types below 32
	pushVLAN uint16         // TPID
	pushMPLS uint16         // EtherType
	popMPLS  uint16         // EtherType
	ttl      uint8          // of set_nw_ttl
	mplsTTL  uint8          // of set_mpls_ttl
	fields   []ofp.SetField // by field; copied before it is changed
	output   ofp.Output
	group    uint32
	queue    uint32
	miss     bool         // a table-miss entry wrote the output
	strip    bool         // the tag is popped if there is one
	legacy   []ofp.Action // of OpenFlow 1.0, the last of each; never changed in place
}

// write merges a write-actions list into the set. miss: it is that of a
// table-miss entry.
func (s *actionSet) write(list []ofp.Action, miss bool) {
	for _, a := range list {
		if s.writeLegacy(a) {
			continue
		}
		if a, ok := a.(ofp.SetField); ok {
			s.writeField(a)
			continue
		}
		s.has |= 1 << a.ActionType()
		switch a := a.(type) {
		case ofp.PopVLAN:
			s.strip = false
		case ofp.PushVLAN:
			s.pushVLAN = a.EtherType
		case ofp.PushMPLS:
			s.pushMPLS = a.EtherType
		case ofp.PopMPLS:
			s.popMPLS = a.EtherType
		case ofp.SetNwTTL:
			s.ttl = a.TTL
		case ofp.SetMPLSTTL:
			s.mplsTTL = a.TTL
		case ofp.SetQueue:
			s.queue = a.QueueID
		case ofp.Group:
			s.group = a.GroupID
		case ofp.Output:
			s.output, s.miss = a, miss
		}
	}
}

func (s *actionSet) writeField(a ofp.SetField) {
	i, found := slices.BinarySearchFunc(s.fields, a, func(x, y ofp.SetField) int { return int(x.Field) - int(y.Field) })
	s.fields = slices.Clone(s.fields)
	if found {
		s.fields[i] = a
	} else {
		s.fields = slices.Insert(s.fields, i, a)
	}
}

// writeLegacy merges an action of OpenFlow 1.0 into the set, as buckets of groups
// may have it, and says whether a is one. Those that set a field come behind the
// fields, in the order in which they came first.
func (s *actionSet) writeLegacy(a ofp.Action) bool {
	var same func(ofp.Action) bool
	switch a := a.(type) {
	case ofp.StripVLAN:
		s.has |= 1 << ofp.ActionPopVLAN
		s.strip = true
		return true
	case ofp.Enqueue:
		s.has |= 1<<ofp.ActionSetQueue | 1<<ofp.ActionOutput
		s.queue, s.output, s.miss = a.QueueID, ofp.Output{Port: a.Port}, false
		return true
	case ofp.PopQueue:
		s.has &^= 1 << ofp.ActionSetQueue
		return true
	case ofp.SetVLANVID:
		same = func(b ofp.Action) bool { _, ok := b.(ofp.SetVLANVID); return ok }
	case ofp.SetVLANPCP:
		same = func(b ofp.Action) bool { _, ok := b.(ofp.SetVLANPCP); return ok }
	case ofp.SetTransport:
		same = func(b ofp.Action) bool { t, ok := b.(ofp.SetTransport); return ok && t.Dst == a.Dst }
	default:
		return false
	}
	s.legacy = slices.Clone(s.legacy)
	if i := slices.IndexFunc(s.legacy, same); i >= 0 {
		s.legacy[i] = a
	} else {
		s.legacy = append(s.legacy, a)
	}
	return true
}

func (s *actionSet) contains(t ofp.ActionType) bool { return s.has&(1<<t) != 0 }

// list gives the set's actions in the order in which they are carried out
// (OpenFlow 1.3.5 §5.10): copy TTL inwards, pop, push, copy TTL outwards,
// decrement TTL, set, queue, group or output. With a group the output does not
// count. With neither the frame goes nowhere, but the set is executed all the same:
// what is seen of it is that a controller hears of a TTL that was exhausted. (Open
// vSwitch does not execute it.)
func (s *actionSet) list() []ofp.Action {
	dropped := !s.contains(ofp.ActionOutput) && !s.contains(ofp.ActionGroup)
	if dropped && !s.contains(ofp.ActionDecNwTTL) && !s.contains(ofp.ActionDecMPLSTTL) {
		return nil
	}
	list := make([]ofp.Action, 0, mathbits.OnesCount32(s.has)+len(s.fields))
	add := func(t ofp.ActionType, a ofp.Action) {
		if s.contains(t) {
			list = append(list, a)
		}
	}
	add(ofp.ActionCopyTTLIn, ofp.CopyTTLIn{})
	if s.strip {
		list = append(list, ofp.StripVLAN{})
	} else {
		add(ofp.ActionPopVLAN, ofp.PopVLAN{})
	}
	add(ofp.ActionPopMPLS, ofp.PopMPLS{EtherType: s.popMPLS})
	add(ofp.ActionPopPBB, ofp.PopPBB{})
	add(ofp.ActionPushMPLS, ofp.PushMPLS{EtherType: s.pushMPLS})
	add(ofp.ActionPushPBB, ofp.PushPBB{EtherType: packet.TypePBB})
	add(ofp.ActionPushVLAN, ofp.PushVLAN{EtherType: s.pushVLAN})
	add(ofp.ActionCopyTTLOut, ofp.CopyTTLOut{})
	add(ofp.ActionDecMPLSTTL, ofp.DecMPLSTTL{})
	add(ofp.ActionDecNwTTL, ofp.DecNwTTL{})
	if dropped {
		return list
	}
	add(ofp.ActionSetMPLSTTL, ofp.SetMPLSTTL{TTL: s.mplsTTL})
	add(ofp.ActionSetNwTTL, ofp.SetNwTTL{TTL: s.ttl})
	for _, f := range s.fields {
		list = append(list, f)
	}
	list = append(list, s.legacy...)
	add(ofp.ActionSetQueue, ofp.SetQueue{QueueID: s.queue})
	if s.contains(ofp.ActionGroup) {
		return append(list, ofp.Group{GroupID: s.group})
	}
	return append(list, s.output)
}

// actionSet carries out the set at the end of a walk.
func (t *translator) actionSet(wk *walk) {
	list := wk.set.list()
	if list == nil {
		return
	}
	if t.rec != nil {
		t.rec.executesSet()
	}
	wk.inSet, wk.miss = true, wk.set.miss
	wk.cookie = ^uint64(0) // OpenFlow 1.3.5 §7.4.1: not of one entry
	t.list(wk, list, nil)
}
