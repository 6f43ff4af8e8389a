package ofswitch

import "ofswitch/ofp"

// TableFeatures calls fn for every table with what its entries can have
// (OpenFlow 1.3.5 §7.3.5.5), and ends with fn's error if it has one. It is what
// FlowMod accepts; no table has a name.
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
