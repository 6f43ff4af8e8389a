package flowtable

import (
	"cmp"

	"ofswitch/ofp"
)

// Features calls fn for each table that there is, in order, with what [Validate],
// sw and SetFeatures let its entries have, until fn returns false (OpenFlow 1.3.5
// §7.3.5.5). fn may keep what it gets and must not write to it. It must not run
// concurrently with a writer of MaxEntries.
func (t *Tables) Features(sw Limits, fn func(*ofp.TableFeatures) bool) {
	for i := range min(len(t.tables), sw.Tables) {
		id := ofp.TableID(i)
		s := t.setup(id)
		if s == nil {
			continue
		}
		all := t.all(&sw, id)
		f := s.capabilities(&all).report(id)
		f.Name, f.Config = cmp.Or(s.name, t.configuredName(id)), s.config
		if !fn(f) {
			return
		}
	}
}
