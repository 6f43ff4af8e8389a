package ofswitch

import (
	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// normalInstructions is apply-actions of output to NORMAL.
func normalInstructions() ofp.Instructions {
	return ofp.Instructions{
		Has:   1 << ofp.InstrApplyActions,
		Apply: []ofp.Action{ofp.Output{Port: ofp.PortNormal}},
		Order: [6]uint8{ofp.InstrApplyActions},
	}
}

// SetFailOpen makes the bridge a learning switch, or ends that: with no
// controller to be had, a hidden entry above all others sends every frame to
// NORMAL. The flow entries stay as they are. Whoever decides it logs it (ofconn).
func (b *Bridge) SetFailOpen(on bool) {
	b.portMu.Lock()
	defer b.portMu.Unlock()
	if on == (b.failOpen != nil) {
		return
	}
	d := b.d
	var gone *flowtable.Entry
	_ = d.update(func(v classifier.Version) error { // fn does not fail
		if on {
			b.failOpen = b.tables.InsertHidden(&flow.Match{}, failOpenPriority, normalInstructions(), v, d.clock())
			return nil
		}
		gone, b.failOpen = b.failOpen, nil
		b.tables.RemoveHidden(gone, v)
		return nil
	})
	if gone != nil {
		d.queueRemoved(b, &flowtable.Change{Removed: []flowtable.Removed{{Entry: gone, Reason: flowtable.RemovedNone}}})
	}
}

// SetFallbackNormal makes a bridge without controllers a learning switch, as
// Open vSwitch does: an ordinary entry of priority 0 in table 0, which anybody
// may change or delete. A table-miss entry that is there already stays.
func (b *Bridge) SetFallbackNormal() {
	d := b.d
	_ = d.update(func(v classifier.Version) error {
		missing := true
		err := b.tables.Each(&ofp.FlowStatsRequest{OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, v-1, func(e *flowtable.Entry) bool {
			missing = !e.IsTableMiss()
			return missing
		})
		if err == nil && !missing {
			return errNothing
		}
		_, err = b.tables.Apply(&ofp.FlowMod{
			Command: ofp.FlowAdd, BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny,
			Instructions: normalInstructions(),
		}, v, d.clock())
		if err != nil {
			d.log.Error("learning entry not added", "bridge", b.name, "err", err)
		}
		return err
	})
}
