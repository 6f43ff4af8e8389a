package ofswitch

import "ofswitch/l2"

// MACs lists the bridge's MAC table, the entry that was unused for longest
// first. Use by cached programs is noted once a second, so an age may be a
// second too high.
func (b *Bridge) MACs() []l2.Row { return b.fdb.List(b.d.clock()) }
