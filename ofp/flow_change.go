package ofp

// FlowChange is what became of one flow entry, and what decides who is told of it by
// flow monitors.
type FlowChange struct {
	// Update tells the entry as it is now or, of a deletion, was last.
	Update FlowUpdate
	// Old is what the entry, or the one that it replaced, had before; nil: there was
	// none.
	Old *Instructions
	// Cause is the message that asked for it; nil: time, or the switch's own doing.
	Cause Message
	// Since is the version from which on there has been an entry of this table, match
	// and priority.
	Since uint64
}

// FlowList gives the flow entries of one version of the tables, those that are not in version from; it
// ends with fn's error if it has one. The event is FlowEventAdded or, of what was added before from,
// FlowEventModified. Version 0 has no entries. It is to be called once, with nil for fn by who does not want
// it any more: until then, entries that have gone since stay in memory for it.
type FlowList func(from uint64, fn func(*FlowUpdate) error) error
