package ofswitch

import (
	"ofswitch/classifier"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// SetTableConfig makes the configuration of flow tables what tables says, by their numbers;
// the others have none. Entries for which a table that evicts has no room any more
// go.
func (b *Bridge) SetTableConfig(tables map[ofp.TableID]flowtable.TableConfig) {
	d := b.d
	for i := range ofp.TableID(ofp.NumTables) {
		was, now := b.tableConfig[i], tables[i]
		if was.Equal(&now) {
			continue
		}
		var change *flowtable.Change
		_ = d.update(func(v classifier.Version) error { // errNothing only
			change = b.tables.SetConfig(i, now, v)
			if change.Empty() {
				return errNothing
			}
			b.feedLocked(v, change, nil)
			return nil
		})
		d.queueRemoved(b, change)
		b.shrink(i)
	}
	b.tableConfig = tables
	b.tellFlows()
}

// shrink gives up what is left of the entries beyond a table's limit, by parts: others who change the
// tables wait for one.
func (b *Bridge) shrink(id ofp.TableID) {
	for {
		b.d.waitPending(false)
		var change *flowtable.Change
		err := b.d.updateFlows(func(v classifier.Version) error {
			if change = b.tables.Shrink(id, v); change.Empty() {
				return errNothing
			}
			b.feedLocked(v, change, nil)
			return nil
		})
		if err != nil {
			return
		}
		b.tellFlows()
		b.d.queueRemoved(b, change)
	}
}
