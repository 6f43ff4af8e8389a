package flowtable

import (
	"slices"

	"ofswitch/classifier"
	"ofswitch/ofp"
)

// Change is what a flow-mod or the passing of time did.
type Change struct {
	Added    []*Entry   // by an add, whether it replaced one or not
	Modified []Modified // successors of entries whose instructions changed
	Removed  []Removed  // all that is visible no more

	Groups []GroupChange // by a group-mod
	Meters []MeterChange // by a meter-mod
}

// Modified is an entry and its successor. The old one is in Removed too.
type Modified struct{ Old, New *Entry }

// Removed is an entry that is visible no more. Reason is that of the
// flow-removed message, which is due if the entry's flags ask for it; RemovedNone: the
// entry has a successor, and none is.
type Removed struct {
	Entry  *Entry
	Reason uint8
}

// RemovedNone is the Reason of an entry that was replaced or modified.
const RemovedNone = 0xff

// RemovedSilently is the Reason of an entry that went when the features of its
// table changed: none is due either.
const RemovedSilently = 0xfe

// Notify says whether a flow-removed message is due.
func (r *Removed) Notify() bool {
	return r.Reason < RemovedSilently && r.Entry.Flags&ofp.FlowSendFlowRem != 0
}

// Empty says whether nothing changed.
func (c *Change) Empty() bool {
	return len(c.Added) == 0 && len(c.Removed) == 0 && len(c.Groups) == 0 && len(c.Meters) == 0
}

// Reset empties the change, of which nobody keeps anything, for another.
func (c *Change) Reset() {
	clear(c.Added)
	*c = Change{Added: c.Added[:0]}
}

// Dead are the entries to unlink when no reader is left before the change's
// version.
func (c *Change) Dead() []*Entry {
	dead := make([]*Entry, len(c.Removed))
	for i := range c.Removed {
		dead[i] = c.Removed[i].Entry
	}
	return dead
}

// allFlags are the flags of OpenFlow 1.3.
const allFlags = ofp.FlowSendFlowRem | ofp.FlowCheckOverlap | ofp.FlowResetCounts | ofp.FlowNoPktCounts | ofp.FlowNoBytCounts

// checkHeader refuses commands, flags and table numbers that there are not
// (OpenFlow 1.3.5 §6.4, §7.3.4.1).
func checkHeader(m *ofp.FlowMod, tables int) error {
	if m.Command > ofp.FlowDeleteStrict {
		return ofp.FlowModFailedBadCommand.Errorf("flow-mod command %d: there are 0 (add) to 4 (delete strict)", m.Command)
	}
	if bad := m.Flags &^ allFlags; bad != 0 {
		return ofp.FlowModFailedBadFlags.Errorf("flow-mod flags %#x are unknown", uint16(bad))
	}
	deletes := m.Command == ofp.FlowDelete || m.Command == ofp.FlowDeleteStrict
	if m.Legacy && m.Command != ofp.FlowAdd {
		deletes = true // OpenFlow 1.0 changes entries of all tables, too
	}
	if int(m.Table) >= tables && !(deletes && m.Table == ofp.TableAll) {
		return ofp.FlowModFailedBadTableID.Errorf("flow-mod for table %d: tables are 0 to %d, and all (255) may be named by deletes only", m.Table, tables-1)
	}
	return nil
}

// Apply does what a flow-mod says, as of version v, which is not published yet
// (OpenFlow 1.3.5 §6.4). now is nanoseconds of the datapath's clock.
//
// A refusal is an *ofp.Error and changes nothing. The table's features are looked at
// here, and what instructions refer to, groups and meters; for the rest see
// [Validate]. The buffer is the caller's.
func (t *Tables) Apply(m *ofp.FlowMod, v classifier.Version, now int64) (*Change, error) {
	c := new(Change)
	if err := t.ApplyTo(c, m, v, now); err != nil {
		return nil, err
	}
	return c, nil
}

// ApplyTo is Apply with the memory of a Change that is empty. With an error what is in it means nothing.
func (t *Tables) ApplyTo(c *Change, m *ofp.FlowMod, v classifier.Version, now int64) error {
	if err := t.checkTable(m); err != nil {
		return err
	}
	if m.Command <= ofp.FlowModifyStrict {
		if m.Table != ofp.TableAll {
			if err := t.checkFeatures(m); err != nil {
				return err
			}
		}
		if err := t.checkReferences(&m.Instructions); err != nil {
			return err
		}
	}
	var err error
	switch m.Command {
	case ofp.FlowAdd:
		err = t.add(m, v, now, c)
	case ofp.FlowModify, ofp.FlowModifyStrict:
		if m.Legacy {
			err = t.modifyLegacy(m, v, now, c)
			break
		}
		// out_port and out_group are for deletes alone.
		selected := t.selected(m, filter{m.Cookie, m.CookieMask, ofp.PortAny, ofp.GroupAny}, v)
		if err = t.checkSuccessors(m, selected); err != nil {
			break
		}
		t.modifyAll(selected, m, v, now, c)
	default:
		t.removeAll(t.selected(m, filter{m.Cookie, m.CookieMask, m.OutPort, m.OutGroup}, v), ofp.RemovedDelete, v, c)
	}
	if err != nil {
		return err
	}
	t.log(c, v)
	return nil
}

// add is ADD: cookie_mask, out_port and out_group do not matter.
func (t *Tables) add(m *ofp.FlowMod, v classifier.Version, now int64, c *Change) error {
	tb := t.Table(m.Table)
	if m.Flags&ofp.FlowCheckOverlap != 0 {
		// An identical entry overlaps too.
		if r := tb.rules.FindOverlap(&m.Match, int32(m.Priority), v); r != nil {
			return ofp.FlowModFailedOverlap.Errorf("flow overlaps one of the same priority %d in table %d, cookie %#x", m.Priority, m.Table, r.Value().Cookie)
		}
	}
	e := &Entry{
		Table:       m.Table,
		Priority:    int32(m.Priority),
		Cookie:      m.Cookie,
		Flags:       m.Flags,
		IdleTimeout: m.IdleTimeout,
		HardTimeout: m.HardTimeout,
		Created:     now,
		Modified:    now,
		Added:       v,
		Since:       v,
	}
	e.rule = classifier.NewRule(&m.Match, e.Priority, e)
	old := tb.rules.FindSame(e.rule, v)
	if old == nil && tb.Active() >= t.maxEntries(tb) && !t.evict(tb, v, c) {
		return ofp.FlowModFailedTableFull.Errorf("table %d has its %d flows", m.Table, t.maxEntries(tb))
	}
	e.Instructions = m.Instructions.Share()
	if old != nil {
		e.Since = old.Value().Since
	}
	if old != nil && m.Flags&ofp.FlowResetCounts == 0 {
		e.Counters = old.Value().Counters
	} else {
		e.Counters = new(Counters)
	}
	tb.rules.Insert(e.rule, v)
	tb.active.Add(1)
	t.use(e)
	if old != nil {
		t.remove(old.Value(), RemovedNone, v, c)
		tb.sums.succeed(old.Value(), e)
	}
	t.put(tb, e)
	c.Added = append(c.Added, e)
	return nil
}

// modifyAll gives entries successors with m's instructions; all else stays.
func (t *Tables) modifyAll(entries []*Entry, m *ofp.FlowMod, v classifier.Version, now int64, c *Change) {
	if len(entries) == 0 {
		return
	}
	ins := m.Instructions.Share()
	for _, e := range entries {
		t.modify(e, m, ins, v, now, c)
	}
}

func (t *Tables) modify(e *Entry, m *ofp.FlowMod, ins *ofp.Instructions, v classifier.Version, now int64, c *Change) {
	tb := t.peek(e.Table)
	succ := &Entry{
		Table:        e.Table,
		Priority:     e.Priority,
		Cookie:       e.Cookie,
		Flags:        e.Flags,
		IdleTimeout:  e.IdleTimeout,
		HardTimeout:  e.HardTimeout,
		Created:      e.Created,
		Modified:     now,
		Added:        e.Added,
		Since:        e.Since,
		Instructions: ins,
		Counters:     e.Counters,
	}
	if m.Flags&ofp.FlowResetCounts != 0 {
		// Counters of its own; but to the idle timeout the entry is no younger.
		succ.Counters = new(Counters)
		succ.Counters.Add(0, 0, e.Counters.LastUsed())
	}
	match := e.Match()
	succ.rule = classifier.NewRule(&match, e.Priority, succ)
	tb.rules.Insert(succ.rule, v)
	tb.active.Add(1)
	t.use(succ)
	tb.rows.replace(e, succ)
	t.removeRule(tb, e, RemovedNone, v, c)
	tb.sums.succeed(e, succ)
	c.Modified = append(c.Modified, Modified{e, succ})
}

// remove takes e out as of version v.
func (t *Tables) remove(e *Entry, reason uint8, v classifier.Version, c *Change) {
	tb := t.peek(e.Table)
	tb.takeOut(e)
	t.removeRule(tb, e, reason, v, c)
}

// removeAll is remove for many entries, each once, those of a table one after the other.
func (t *Tables) removeAll(entries []*Entry, reason uint8, v classifier.Version, c *Change) {
	c.Removed = slices.Grow(c.Removed, len(entries))
	for len(entries) > 0 {
		id, n := entries[0].Table, 1
		for n < len(entries) && entries[n].Table == id {
			n++
		}
		tb := t.peek(id)
		tb.takeOutMany(entries[:n])
		for some := range slices.Chunk(entries[:n], 32) {
			// What each removal writes to is fetched for many at a time.
			for _, e := range some {
				e.Counters.Packets()
				e.Counters.Bytes()
				e.VisibleAt(v)
			}
			for _, e := range some {
				t.removeRule(tb, e, reason, v, c)
			}
		}
		entries = entries[n:]
	}
}

// removeRule is remove for an entry that has no row any more.
func (t *Tables) removeRule(tb *Table, e *Entry, reason uint8, v classifier.Version, c *Change) {
	tb.rules.Remove(e.rule, v)
	tb.active.Add(-1)
	t.disuse(e)
	if reason != RemovedNone {
		tb.sums.exclude(e.Counters)
	}
	c.Removed = append(c.Removed, Removed{e, reason})
}

// log notes the change for Affects: each match and priority once.
func (t *Tables) log(c *Change, v classifier.Version) {
	if len(c.Added)+len(c.Removed) > logLen {
		last := (*Table)(nil)
		for i := range c.Removed {
			if tb := t.peek(c.Removed[i].Entry.Table); tb != last {
				tb.log.addAll(v)
				last = tb
			}
		}
		return
	}
	replaced := false
	for i := range c.Removed {
		e := c.Removed[i].Entry
		t.peek(e.Table).log.add(e.rule, v)
		replaced = replaced || c.Removed[i].Reason == RemovedNone
	}
	if !replaced {
		for _, e := range c.Added {
			t.peek(e.Table).log.add(e.rule, v)
		}
	}
}

// Unlink takes removed entries out of memory. No reader may be left at a version
// before their removal, and their counters are folded.
func (t *Tables) Unlink(entries []*Entry) {
	for _, e := range entries {
		t.peek(e.Table).rules.Unlink(e.rule)
	}
}

// UnlinkAll takes out of memory whatever a change made invisible: entries,
// groups, meters. It is Unlink of Change.Dead, and more.
func (t *Tables) UnlinkAll(c *Change) {
	for i := range c.Removed {
		e := c.Removed[i].Entry
		t.peek(e.Table).rules.Unlink(e.rule)
	}
	for _, g := range c.Groups {
		if g.Old != nil {
			t.groups.unlink(g.Old.edition)
		}
	}
	for _, m := range c.Meters {
		if m.Old != nil {
			t.meters.unlink(m.Old.edition)
		}
	}
}
