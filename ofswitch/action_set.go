package ofswitch

import (
	"slices"

	"ofswitch/ofp"
)

// actionSet is what write-actions gather for the end of the pipeline: one
// action of each type, one set-field of each field (OpenFlow 1.3.5 §5.10).
type actionSet struct {
	has    uint32         // bit 1<<type for the types below 32
	push   uint16         // TPID
	ttl    uint8          // of set_nw_ttl
	fields []ofp.SetField // by field; copied before it is changed
	output ofp.Output
	miss   bool // a table-miss entry wrote the output
}

// write merges a write-actions list into the set. miss: it is that of a
// table-miss entry.
func (s *actionSet) write(list []ofp.Action, miss bool) {
	for _, a := range list {
		if a, ok := a.(ofp.SetField); ok {
			s.writeField(a)
			continue
		}
		s.has |= 1 << a.ActionType()
		switch a := a.(type) {
		case ofp.PushVLAN:
			s.push = a.EtherType
		case ofp.SetNwTTL:
			s.ttl = a.TTL
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

func (s *actionSet) contains(t ofp.ActionType) bool { return s.has&(1<<t) != 0 }

// list gives the set's actions in the order in which they are carried out
// (OpenFlow 1.3.5 §5.10): pop, push, decrement TTL, set, output. Without an
// output the frame goes nowhere, whatever else is in the set.
func (s *actionSet) list() []ofp.Action {
	if !s.contains(ofp.ActionOutput) {
		return nil
	}
	list := make([]ofp.Action, 0, 6+len(s.fields))
	if s.contains(ofp.ActionPopVLAN) {
		list = append(list, ofp.PopVLAN{})
	}
	if s.contains(ofp.ActionPushVLAN) {
		list = append(list, ofp.PushVLAN{EtherType: s.push})
	}
	if s.contains(ofp.ActionDecNwTTL) {
		list = append(list, ofp.DecNwTTL{})
	}
	for _, f := range s.fields {
		list = append(list, f)
	}
	if s.contains(ofp.ActionSetNwTTL) {
		list = append(list, ofp.SetNwTTL{TTL: s.ttl})
	}
	return append(list, s.output)
}

// actionSet carries out the set at the end of a walk.
func (t *translator) actionSet(wk *walk) {
	list := wk.set.list()
	if list == nil {
		return
	}
	wk.inSet, wk.miss = true, wk.set.miss
	wk.cookie = ^uint64(0) // OpenFlow 1.3.5 §7.4.1: not of one entry
	t.list(wk, list, nil)
}
