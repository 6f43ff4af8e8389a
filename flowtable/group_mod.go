package flowtable

import (
	"slices"

	"ofswitch/classifier"
	"ofswitch/ofp"
)

// GroupChange is what a group-mod did to one group. Old is nil if it was added,
// New if it was deleted.
type GroupChange struct{ Old, New *Group }

// ApplyGroup does what a group-mod says, as of version v, which is not published
// yet (OpenFlow 1.3.5 §6.5). now is nanoseconds of the datapath's clock. Flows
// that send to a deleted group are removed with it and stand in the change.
//
// A refusal is an *ofp.Error and changes nothing. Unlike [Tables.Apply] it
// validates too, against sw.
func (t *Tables) ApplyGroup(m *ofp.GroupMod, v classifier.Version, now int64, sw Limits) (*Change, error) {
	m, kept, err := t.resolveGroup(m)
	if err != nil {
		return nil, err
	}
	if err := ValidateGroup(m, sw); err != nil {
		return nil, err
	}
	c := new(Change)
	switch m.Command {
	case ofp.GroupAdd:
		err = t.addGroup(m, v, now, &sw.Groups, c)
	case ofp.GroupModify:
		err = t.modifyGroup(m, v, now, &sw.Groups, c)
	default:
		err = t.deleteGroups(m.GroupID, v, c)
	}
	if err != nil {
		return nil, err
	}
	kept.count(c)
	t.log(c, v)
	return c, nil
}

func (t *Tables) addGroup(m *ofp.GroupMod, v classifier.Version, now int64, lim *GroupLimits, c *Change) error {
	if t.HasGroup(m.GroupID) {
		return ofp.GroupModFailedGroupExists.Errorf("group %d exists", m.GroupID)
	}
	if err := t.checkGroupSpace(m, lim); err != nil {
		return err
	}
	g := newGroup(m, now)
	if err := t.checkChain(g, lim); err != nil {
		return err
	}
	t.putGroup(g, v)
	c.Groups = append(c.Groups, GroupChange{New: g})
	return nil
}

func (t *Tables) modifyGroup(m *ofp.GroupMod, v classifier.Version, now int64, lim *GroupLimits, c *Change) error {
	s := t.groups.current(m.GroupID)
	if s == nil {
		return ofp.GroupModFailedUnknownGroup.Errorf("group %d cannot be modified: it does not exist", m.GroupID)
	}
	old := s.now().value
	if m.GroupType != old.Type {
		if err := t.checkGroupSpace(m, lim); err != nil {
			return err
		}
	}
	g := newGroup(m, now)
	g.Created, g.Counters = old.Created, old.Counters
	if err := t.checkChain(g, lim); err != nil {
		return err
	}
	t.endGroup(old, v)
	t.putGroup(g, v)
	c.Groups = append(c.Groups, GroupChange{old, g})
	return nil
}

// deleteGroups removes one group or all. A number that has none is no error.
func (t *Tables) deleteGroups(id uint32, v classifier.Version, c *Change) error {
	var victims []*slot[Group]
	if id == ofp.GroupAll {
		t.groups.slots.each(func(_ uint32, s *slot[Group]) bool {
			if s.now() != nil {
				victims = append(victims, s)
			}
			return true
		})
	} else if s := t.groups.current(id); s != nil {
		// A watched group is referred to as well; without it its bucket would be
		// one that could not have been added.
		if s.groups > 0 || s.guards > 0 {
			return ofp.GroupModFailedChainedGroup.Errorf("group %d cannot be deleted: %d groups send to it, %d watch it", id, s.groups, s.guards)
		}
		victims = append(victims, s)
	}
	for _, s := range victims {
		for e := range s.flows {
			t.remove(e, ofp.RemovedGroup, v, c)
		}
		old := s.now().value
		t.endGroup(old, v)
		c.Groups = append(c.Groups, GroupChange{Old: old})
	}
	return nil
}

// putGroup and endGroup keep the books of a group that comes and goes.
func (t *Tables) putGroup(g *Group, v classifier.Version) {
	g.edition = t.groups.put(g.ID, g, v)
	t.linkGroup(g, 1)
	t.groupsOf[g.Type]++
}

func (t *Tables) endGroup(g *Group, v classifier.Version) {
	t.groups.end(g.edition.slot, v)
	t.linkGroup(g, -1)
	t.groupsOf[g.Type]--
}

func (t *Tables) checkGroupSpace(m *ofp.GroupMod, lim *GroupLimits) error {
	if t.groupsOf[m.GroupType] >= lim.Max[m.GroupType] {
		return ofp.GroupModFailedOutOfGroups.Errorf("group %d: there are %d groups of type %v already", m.GroupID, lim.Max[m.GroupType], m.GroupType)
	}
	return nil
}

// checkChain refuses references to groups that do not exist, and rings of groups
// that send to, or watch, one another.
func (t *Tables) checkChain(g *Group, lim *GroupLimits) error {
	for _, id := range g.forwards {
		if id != g.ID && !t.HasGroup(id) {
			return ofp.GroupModFailedUnknownGroup.Errorf("group %d sends to group %d, which does not exist", g.ID, id)
		}
	}
	for _, id := range g.watches {
		if id != g.ID && !t.HasGroup(id) {
			return ofp.GroupModFailedBadWatch.Errorf("group %d watches group %d, which does not exist", g.ID, id)
		}
	}
	if lim.Capabilities&ofp.GroupCapChainingChecks == 0 {
		return nil
	}
	if t.reaches(g, func(g *Group) []uint32 { return g.forwards }) {
		return ofp.GroupModFailedLoop.Errorf("group %d would send to itself, by %v", g.ID, g.forwards)
	}
	if t.reaches(g, func(g *Group) []uint32 { return g.watches }) {
		return ofp.GroupModFailedLoop.Errorf("group %d would watch itself, by %v", g.ID, g.watches)
	}
	return nil
}

// reaches says whether the way from g by next comes back to g's number.
func (t *Tables) reaches(g *Group, next func(*Group) []uint32) bool {
	seen := map[uint32]bool{}
	queue := slices.Clone(next(g))
	for len(queue) > 0 {
		id := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if id == g.ID {
			return true
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		if s := t.groups.current(id); s != nil {
			queue = append(queue, next(s.now().value)...)
		}
	}
	return false
}

// use notes the groups and the meter that a new entry refers to; they exist.
func (t *Tables) use(e *Entry) {
	for _, id := range groupsIn(e.Instructions) {
		t.groups.slots.get(id).use(e)
	}
	if e.Instructions.Has.Contains(ofp.InstrMeter) {
		t.meters.slots.get(e.Instructions.Meter).use(e)
	}
}

// disuse takes it back.
func (t *Tables) disuse(e *Entry) {
	for _, id := range groupsIn(e.Instructions) {
		t.groups.slots.get(id).disuse(e)
	}
	if e.Instructions.Has.Contains(ofp.InstrMeter) {
		t.meters.slots.get(e.Instructions.Meter).disuse(e)
	}
}

// groupsIn are the groups that an entry sends to, by an action list or an action
// set, each once.
func groupsIn(ins *ofp.Instructions) (ids []uint32) {
	anyAction(ins, func(a ofp.Action) bool {
		if g, ok := a.(ofp.Group); ok {
			ids = appendOnce(ids, g.GroupID)
		}
		return false
	})
	return ids
}

// checkReferences refuses instructions that refer to a group or a meter that
// does not exist.
func (t *Tables) checkReferences(ins *ofp.Instructions) error {
	var err error
	anyAction(ins, func(a ofp.Action) bool {
		if g, ok := a.(ofp.Group); ok && !t.HasGroup(g.GroupID) {
			err = ofp.BadActionBadOutGroup.Errorf("group %d does not exist", g.GroupID)
		}
		return err != nil
	})
	if err == nil && ins.Has.Contains(ofp.InstrMeter) && (ins.Meter > ofp.MeterMax || !t.HasMeter(ins.Meter)) {
		err = ofp.MeterModFailedInvalidMeter.Errorf("meter %d does not exist", ins.Meter)
	}
	return err
}
