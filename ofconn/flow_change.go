package ofconn

import "ofswitch/ofp"

// FlowChange is what became of one flow entry.
type FlowChange struct {
	// Update tells the entry as it is now or, of a deletion, was last.
	Update ofp.FlowUpdate
	// Old is what the entry, or the one that it replaced, had before; nil: there was
	// none.
	Old *ofp.Instructions
	// Cause is the message that asked for it, the same pointer that was given to the
	// Switch; nil: time, or the switch's own doing.
	Cause ofp.Message
	// Since is the version from which on there has been an entry of this table, match
	// and priority.
	Since uint64
}

// FlowsChanged tells the flow monitors of what a version has brought. It does not
// block. Calls come in the order of the versions, one at a time, and none is in
// progress while Switch.WatchFlows calls its function.
func (m *Manager) FlowsChanged(version uint64, list []FlowChange) {
	for _, c := range m.established() {
		c.monitors.tell(version, list)
	}
}
