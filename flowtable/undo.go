package flowtable

import "ofswitch/classifier"

// Undo takes back a change as of version v, which was not published: nobody has
// seen it. Of several changes of one version the last is undone first. What
// only its own entries knew, like their counters, is lost; everything else is as
// it was before. The change must not be used any more, and nothing of it be
// unlinked.
//
// The version may be used for another change. Table.Affects then also says true
// for what was undone.
func (t *Tables) Undo(c *Change, v classifier.Version) {
	for _, e := range c.Added {
		t.uninsert(e, v)
	}
	for _, m := range c.Modified {
		t.uninsert(m.New, v)
	}
	for i := range c.Groups {
		t.undoGroup(&c.Groups[i])
	}
	for i := range c.Meters {
		t.undoMeter(&c.Meters[i])
	}
	for i := range c.Removed {
		e := c.Removed[i].Entry
		tb := t.peek(e.Table)
		tb.rules.Restore(e.rule)
		tb.active.Add(1)
		tb.sums.include(e)
		t.use(e)
		t.put(tb, e)
	}
}

// uninsert takes out an entry that nobody has seen.
func (t *Tables) uninsert(e *Entry, v classifier.Version) {
	tb := t.peek(e.Table)
	tb.rules.Remove(e.rule, v)
	tb.rules.Unlink(e.rule)
	tb.active.Add(-1)
	t.disuse(e)
	tb.takeOut(e)
}

// OnlyAdds says whether the change is nothing but entries that were not there before: several such
// may be undone in any order, and so be one.
func (c *Change) OnlyAdds() bool {
	return len(c.Modified)+len(c.Removed)+len(c.Groups)+len(c.Meters) == 0
}

func (t *Tables) undoGroup(c *GroupChange) {
	if g := c.New; g != nil {
		t.linkGroup(g, -1)
		t.groupsOf[g.Type]--
	}
	if g := c.Old; g != nil {
		g.edition.gone.Store(never)
		t.linkGroup(g, 1)
		t.groupsOf[g.Type]++
	}
	if c.New != nil {
		t.groups.unlink(c.New.edition)
	}
}

func (t *Tables) undoMeter(c *MeterChange) {
	if m := c.New; m != nil {
		t.meters.unlink(m.edition)
		t.countMeter(m, -1)
	}
	if m := c.Old; m != nil {
		m.edition.gone.Store(never)
		t.countMeter(m, 1)
	}
}
