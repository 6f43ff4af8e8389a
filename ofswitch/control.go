package ofswitch

import (
	"cmp"
	"slices"

	"ofswitch/classifier"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// The methods of this file are what a controller's messages call. Errors are
// *ofp.Error, with the code that the controller gets; a refused message has
// changed nothing.

// Features describes the bridge (OpenFlow 1.3.5 §7.3.1).
func (b *Bridge) Features() ofp.FeaturesReply {
	return ofp.FeaturesReply{
		DatapathID:   b.datapathID.Load(),
		NumBuffers:   uint32(b.packetBuffers()),
		NumTables:    uint8(b.tables.Count()),
		Capabilities: ofp.CapFlowStats | ofp.CapTableStats | ofp.CapPortStats | ofp.CapIPReasm | ofp.CapGroupStats | ofp.CapQueueStats,
	}
}

// Desc names the switch (OpenFlow 1.3.5 §7.3.5.1).
func (b *Bridge) Desc() ofp.Desc {
	d := *b.desc.Load()
	d.Mfr, d.HW, d.SW = "ofswitch", "ofswitch", b.d.sw
	return d
}

// SetDesc changes what Desc says of the datapath and its serial number; empty: the
// bridge's name, "None".
func (b *Bridge) SetDesc(datapath, serial string) {
	b.desc.Store(&ofp.Desc{DP: cmp.Or(datapath, b.name), Serial: cmp.Or(serial, "None")})
}

// SetDatapathID changes the number by which controllers know the bridge. They are not
// told: whoever changes it has them connect again.
func (b *Bridge) SetDatapathID(id uint64) { b.datapathID.Store(id) }

// FragFlags is how IP fragments are treated: ofp.FragNormal, FragDrop, FragReasm.
func (b *Bridge) FragFlags() uint16 { return b.conf.Load().frag }

// SetFragFlags sets it (OpenFlow 1.3.5 §7.3.2). Fragments that wait to be
// reassembled when reassembly ends are dropped.
func (b *Bridge) SetFragFlags(flags uint16) error {
	if flags > ofp.FragReasm {
		return ofp.SwitchConfigFailedBadFlags.Errorf("set-config: flags %#x; fragments are passed (0), dropped (1) or reassembled (2)", flags)
	}
	err := b.d.update(func(classifier.Version) error {
		c := b.conf.Load()
		if c.frag == flags {
			return errNothing
		}
		c = c.clone()
		c.frag = flags
		b.conf.Store(c)
		return nil
	})
	if err == nil && flags != ofp.FragReasm {
		b.d.Sync()
		b.d.drops[dropFragment].add(b.reassembler.Clear())
	}
	return nil
}

// checkFlowMod says what is wrong with a flow-mod, apart from what the tables say.
func (b *Bridge) checkFlowMod(m *ofp.FlowMod) error {
	return flowtable.Validate(m, b.limits)
}

// FlowMod adds, changes or deletes flow entries. A buffered frame that an addition
// or change names goes through the flow tables afterwards.
func (b *Bridge) FlowMod(m *ofp.FlowMod) error {
	if err := b.checkFlowMod(m); err != nil {
		return err
	}
	buffered, err := b.claimFor(m)
	if err != nil {
		return err
	}
	d := b.d
	d.waitPending(m.Command == ofp.FlowModify)
	var change *flowtable.Change
	err = d.updateFlows(func(v classifier.Version) (err error) {
		change, err = b.tables.Apply(m, v, d.clock())
		b.feedLocked(v, change, m)
		return err
	})
	if err != nil {
		buffered.undo()
		return err
	}
	d.queueRemoved(b, change)
	b.tellFlows()
	b.sendThrough(buffered)
	return nil
}

// Barrier returns when all earlier messages have taken effect: no frame takes
// an old path any more, and flow-removed messages are with the controllers.
func (b *Bridge) Barrier() {
	b.d.Sync()
	b.d.reap()
	b.tellFlows()
}

// PortMod changes a port's configuration (OpenFlow 1.3.5 §7.3.4.3).
func (b *Bridge) PortMod(m *ofp.PortMod) error {
	b.portMu.Lock()
	defer b.portMu.Unlock()
	p, err := b.checkPortMod(m)
	if err != nil {
		return err
	}
	before := p.configBits()
	config := before&^m.Mask | m.Config&m.Mask
	if m.SetNoFlood {
		config &^= portNoFlood
		if m.NoFlood {
			config |= portNoFlood
		}
	}
	if config == before {
		return nil
	}
	if err := p.setAdmin(before, config); err != nil {
		return err
	}
	b.setConfig(p, config)
	b.tellPort(ofp.PortModify, p)
	b.d.unpark()
	return nil
}

// checkPortMod gives the port that a port-mod is about, or says what is wrong with
// it. The caller holds portMu.
func (b *Bridge) checkPortMod(m *ofp.PortMod) (*port, error) {
	p := b.conf.Load().ports[m.Port]
	if p == nil {
		return nil, ofp.PortModFailedBadPort.Errorf("port-mod: bridge %s has no port %d", b.name, m.Port)
	}
	if m.HWAddr != p.desc().HWAddr {
		return nil, ofp.PortModFailedBadHWAddr.Errorf("port-mod: port %s has another address than %x", p.name, m.HWAddr)
	}
	if bad := (m.Config | m.Mask) &^ ofp.PortConfigAll; bad != 0 {
		return nil, ofp.PortModFailedBadConfig.Errorf("port-mod: port %s: unknown configuration bits %#x", p.name, uint32(bad))
	}
	if m.Advertise != 0 {
		return nil, ofp.PortModFailedBadAdvertise.Errorf("port-mod: port %s: the features %#x cannot be advertised; use 0 for no change", p.name, m.Advertise)
	}
	return p, nil
}

// setAdmin brings p's device up or down, if that is what a change of configuration
// from before to after asks for. The caller holds portMu.
func (p *port) setAdmin(before, after ofp.PortConfig) error {
	if p.dev == nil || (before^after)&ofp.PortConfigDown == 0 {
		return nil
	}
	up := after&ofp.PortConfigDown == 0
	if err := p.dev.SetAdmin(up); err != nil {
		return ofp.PortModFailedEPerm.Errorf("port-mod: port %s: %v", p.name, err)
	}
	st := *p.status.Load()
	st.AdminUp = up
	p.setStatus(&st)
	return nil
}

// PortDescs describes the ports, by number.
func (b *Bridge) PortDescs() []ofp.PortDesc {
	list := b.conf.Load().list
	descs := make([]ofp.PortDesc, len(list))
	for i, p := range list {
		descs[i] = p.desc()
	}
	return slices.Clip(descs)
}
