package ofswitch

import (
	"ofswitch/classifier"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// FlowMods is FlowMod for messages that have come together, one after the other; errs[i] says what became of the i-th.
// A message that is refused changes nothing and is no reason for the others. What single entries are added, changed and
// deleted by is done under one lock and published at once: frames see all of it or nothing, and workers
// look once whom it concerns.
func (b *Bridge) FlowMods(ms []*ofp.FlowMod, errs []error) {
	for len(ms) > 0 {
		n := 0
		for n < len(ms) && single(ms[n]) {
			n++
		}
		if n > 1 {
			b.applyTogether(ms[:n], errs)
		} else {
			n = 1
			errs[0] = b.FlowMod(ms[0])
		}
		ms, errs = ms[n:], errs[n:]
	}
}

// single says whether a flow-mod is about one entry, or a few, and no frame waits for it.
func single(m *ofp.FlowMod) bool {
	switch m.Command {
	case ofp.FlowAdd, ofp.FlowModifyStrict:
		return m.BufferID == ofp.NoBuffer
	}
	return m.Command == ofp.FlowDeleteStrict
}

func (b *Bridge) applyTogether(ms []*ofp.FlowMod, errs []error) {
	for i, m := range ms {
		errs[i] = b.checkFlowMod(m)
	}
	d := b.d
	d.waitPending(false)
	var kept []*flowtable.Change // those with entries for the collector
	// It fails where all messages were refused, and then there is nothing more to do.
	_ = d.updateFlows(func(v classifier.Version) error {
		now := d.clock()
		did := false
		var c *flowtable.Change
		b.tables.Fetch(ms)
		for i, m := range ms {
			if errs[i] != nil {
				continue
			}
			if c == nil {
				c = new(flowtable.Change)
			}
			if errs[i] = b.tables.ApplyTo(c, m, v, now); errs[i] != nil {
				c = nil
				continue
			}
			did = true
			b.feedLocked(v, c, m)
			switch {
			case len(c.Removed) > 0:
				kept, c = append(kept, c), nil
			case b.feed.on:
				c = nil
			default:
				c.Reset()
			}
		}
		if !did {
			return errNothing
		}
		return nil
	})
	for _, c := range kept {
		d.queueRemoved(b, c)
	}
	b.tellFlows()
}
