package ofswitch

import (
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// newLimits are what b's messages are checked against. An output may name a
// port that does not come yet; what a bucket watches must be there.
func newLimits(b *Bridge) flowtable.Limits {
	l := flowtable.DefaultLimits().WithGroupsAndMeters(b.tables)
	l.Groups.PortExists = func(no ofp.PortNo) bool { return b.conf.Load().ports[no] != nil }
	return l
}
