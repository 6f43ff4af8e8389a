package kernelpath

// Hold has the frames of the flows go on to the switch until Release, or until they are removed.
// None is on its way by the kernel when it returns.
func (t *Table) Hold(flows ...*Flow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range flows {
		if !f.removed {
			f.slot.state.Or(flowHeld)
			f.slot.state.And(^uint64(flowActive))
		}
	}
	t.waitLocked()
}

// Release has the flows become active as new ones do: see Flow.Active.
func (t *Table) Release(flows ...*Flow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Frames that went to the switch meanwhile did not note it: those that looked before are
	// there when the flow may become active, and count for the next that does.
	t.waitLocked()
	for _, f := range flows {
		if !f.removed {
			f.slot.last.Store(0)
			f.slot.state.And(^uint64(flowHeld))
		}
	}
}

// Look has the owner of a TAP find out which frames are on their way to the switch: it tells of those that the
// kernel has dropped, and calls Settle if it is not known yet.
func (p *Port) Look() {
	if p.look != nil {
		p.look()
	}
}
