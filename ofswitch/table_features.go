package ofswitch

import (
	"ofswitch/classifier"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// TableFeatures calls fn for every table with what its entries can have
// (OpenFlow 1.3.5 §7.3.5.5), and ends with fn's error if it has one. It is what
// FlowMod accepts.
func (b *Bridge) TableFeatures(fn func(*ofp.TableFeatures) error) error {
	all := make([]*ofp.TableFeatures, 0, ofp.NumTables)
	b.d.mu.Lock() // fn may wait for a controller that reads slowly: not under the lock
	b.tables.Features(b.limits, func(f *ofp.TableFeatures) bool {
		all = append(all, f)
		return true
	})
	b.d.mu.Unlock()
	for _, f := range all {
		if err := fn(f); err != nil {
			return err
		}
	}
	return nil
}

// SetTableFeatures makes the flow tables those of the request, with the features
// that it asks for, or changes nothing (OpenFlow 1.3.5 §7.3.5.5). Every frame
// sees the tables as they were or as they are then, never some of each. For what
// becomes of flow entries see [flowtable.Tables.SetFeatures].
func (b *Bridge) SetTableFeatures(r ofp.TableFeaturesRequest) error {
	d := b.d
	d.waitPending(false)
	var change *flowtable.Change
	err := d.update(func(v classifier.Version) (err error) {
		change, err = b.tables.SetFeatures(r, b.limits, v)
		b.feedLocked(v, change, nil)
		return err
	})
	if err != nil {
		return err
	}
	d.queueRemoved(b, change)
	b.tellFlows()
	return nil
}

// TableMod keeps the configuration of a table for the report: both of its bits
// are deprecated and have no effect (OpenFlow 1.3.5 §7.3.3).
func (b *Bridge) TableMod(m *ofp.TableMod) error {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	return b.tables.Configure(m)
}
