package flowtable

import (
	"ofswitch/flow"
	"ofswitch/ofp"
)

// Fetch has the processor fetch what Apply will read for those of the flow-mods that add entries to the table
// of the first: for many together that takes little more than for one. The writer's.
func (t *Tables) Fetch(mods []*ofp.FlowMod) {
	if len(mods) < 2 {
		return
	}
	tb := t.Table(mods[0].Table)
	if tb == nil {
		return
	}
	var room [64]*flow.Match
	matches := room[:0]
	for _, m := range mods {
		if m.Command == ofp.FlowAdd && m.Table == tb.ID {
			matches = append(matches, &m.Match)
		}
	}
	tb.rules.Fetch(matches)
}
