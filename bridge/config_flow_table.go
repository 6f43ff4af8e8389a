package bridge

// FlowTable are the settings of one flow table (table Flow_Table of
// ovs-vswitchd.conf.db(5)).
type FlowTable struct {
	Name string // that controllers see; empty: the bridge's choice
	// Limit is how many entries fit, if Limited or not 0; else as many as always.
	Limit   uint32
	Limited bool
	// Evict: a full table gives up an entry for a new one, instead of refusing it
	// (overflow_policy=evict).
	Evict bool
	// Groups are the fields of which equal values make a group for eviction, as
	// in flow syntax ("NXM_OF_IN_PORT[]").
	Groups []string
}
