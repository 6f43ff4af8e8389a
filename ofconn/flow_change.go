package ofconn

import "ofswitch/ofp"

// FlowChange is what became of one flow entry. Its cause is the pointer that was given to
// the Switch.
type FlowChange = ofp.FlowChange

// FlowsChanged tells the flow monitors of what a version has brought. It does not
// block, and keeps list, which nobody changes any more: deletions stand last in it. Calls
// come in the order of the versions, one at a time, and none is in
// progress while Switch.WatchFlows calls its function.
func (m *Manager) FlowsChanged(version uint64, list []FlowChange) {
	for _, c := range m.established() {
		c.monitors.tell(version, list)
	}
}
