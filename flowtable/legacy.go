package flowtable

import (
	"ofswitch/classifier"
	"ofswitch/ofp"
)

// keepCookie as the new cookie of a Legacy modify leaves the cookies as they
// are, and adds nothing.
const keepCookie = ^uint64(0)

// modifyLegacy is MODIFY of OpenFlow 1.0 (§4.6): it sets the cookie too, is about all
// tables if none is named, and adds an entry where it finds none. As with Open
// vSwitch it adds none when it looks for a cookie, or has none to give.
func (t *Tables) modifyLegacy(m *ofp.FlowMod, v classifier.Version, now int64, c *Change) error {
	var found []*Entry
	checked := *m // the modify of one table
	for i := range t.tables {
		checked.Table = ofp.TableID(i)
		if m.Table != ofp.TableAll && m.Table != checked.Table || !t.Has(checked.Table) {
			continue
		}
		selected := t.selected(&checked, filter{m.Cookie, m.CookieMask, ofp.PortAny, ofp.GroupAny}, v)
		if len(selected) == 0 {
			continue
		}
		if m.Instructions.Has.Contains(ofp.InstrGotoTable) && m.Instructions.Goto <= checked.Table {
			return ofp.BadInstructionBadTableID.Errorf("goto table %d from table %d: want a later one", m.Instructions.Goto, checked.Table)
		}
		if err := t.checkFeatures(&checked); err != nil {
			return err
		}
		if err := t.checkSuccessors(&checked, selected); err != nil {
			return err
		}
		found = append(found, selected...)
	}
	if len(found) == 0 {
		if m.CookieMask != 0 || m.NewCookie == keepCookie {
			return nil
		}
		add := *m
		add.Command, add.Cookie, add.Legacy = ofp.FlowAdd, m.NewCookie, false
		if add.Table == ofp.TableAll {
			add.Table = 0
		}
		if err := t.checkTable(&add); err != nil {
			return err
		}
		if err := t.checkFeatures(&add); err != nil {
			return err
		}
		return t.add(&add, v, now, c)
	}
	t.modifyAll(found, m, v, now, c)
	if m.NewCookie != keepCookie {
		for _, s := range c.Modified {
			s.New.Cookie = m.NewCookie // nobody sees it before v
			t.peek(s.New.Table).rows.setCookie(s.New)
		}
	}
	return nil
}
