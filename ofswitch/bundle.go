package ofswitch

import (
	"ofswitch/classifier"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// CheckBundled says what is wrong with a message that is put into a bundle, as far
// as that can be said before the messages ahead of it are carried out: groups and
// meters that it refers to may be made by them.
func (b *Bridge) CheckBundled(m ofp.Message) error {
	f, ok := m.(*ofp.FlowMod)
	if !ok {
		return nil
	}
	limits := b.limits
	limits.GroupExists = func(uint32) bool { return true }
	limits.MeterExists = limits.GroupExists
	return flowtable.Validate(f, limits)
}

// Bundle carries out n messages, in their order, as one change: every frame sees
// all of it or nothing. message gives the i-th or refuses it, a *ofp.FlowMod, *ofp.GroupMod,
// *ofp.MeterMod, *ofp.PortMod or *ofp.PacketOut; it is called once for each, in
// order. Packet-outs go out when all else is done, and see all of it.
//
// If one is refused nothing has changed: failed is its index, and err an
// *ofp.Error. Otherwise failed is -1, and when Bundle returns no frame takes an old
// path any more.
func (b *Bridge) Bundle(n int, message func(i int) (ofp.Message, error)) (failed int, err error) {
	d := b.d
	d.waitPending(n > maxPending)
	b.portMu.Lock() // ports stay while their port-mods and packet-outs are under way
	defer b.portMu.Unlock()
	t := transaction{b: b}
	err = d.update(func(v classifier.Version) (err error) {
		t.v, t.now = v, d.clock()
		for failed = 0; failed < n && err == nil; failed++ {
			var m ofp.Message
			if m, err = message(failed); err == nil {
				err = t.apply(m, failed)
			}
		}
		failed--
		if err == nil {
			failed, err = t.setPorts()
		}
		if err != nil {
			t.undo()
			return err
		}
		t.finish()
		return nil
	})
	if err != nil {
		return failed, err
	}
	t.published()
	return -1, nil
}

// transaction is a bundle under way. The caller holds portMu and, until published,
// the writer lock.
type transaction struct {
	b       *Bridge
	v       classifier.Version // as of which it changes the tables
	now     int64
	changes []*flowtable.Change
	causes  []ofp.Message // of each, if somebody is told
	meters  bool          // some are changed
	ports   []portChange
	outs    []*packetOut
}

// portChange is what port-mods make of the configuration of one port.
type portChange struct {
	port          *port
	before, after ofp.PortConfig
	message       int // the last one about it
}

// apply does what the i-th message says, or refuses it and does nothing.
func (t *transaction) apply(m ofp.Message, i int) (err error) {
	var c *flowtable.Change
	b := t.b
	switch msg := m.(type) {
	case *ofp.FlowMod:
		if err = b.checkFlowMod(msg); err == nil {
			c, err = t.flowMod(msg)
		}
	case *ofp.GroupMod:
		c, err = b.tables.ApplyGroup(msg, t.v, t.now, b.limits)
	case *ofp.MeterMod:
		t.meters = true
		c, err = b.tables.ApplyMeter(msg, t.v, t.now, b.limits)
	case *ofp.PortMod:
		return t.portMod(msg, i)
	case *ofp.PacketOut:
		o, err := b.checkPacketOut(msg)
		if err == nil {
			t.outs = append(t.outs, o)
		}
		return err
	default:
		return ofp.BundleFailedMsgUnsup.Errorf("a bundle cannot hold a message %v", m.Type())
	}
	if err == nil && !c.Empty() {
		t.note(c, m)
	}
	return err
}

// note keeps a change, so that it can be undone, and its cause where somebody is told. Entries that
// were added one after the other are one change then: a million of them take no more memory than that.
func (t *transaction) note(c *flowtable.Change, cause ofp.Message) {
	switch last := len(t.changes) - 1; {
	case t.b.feed.on:
		t.causes = append(t.causes, cause)
	case last >= 0 && c.OnlyAdds() && t.changes[last].OnlyAdds():
		t.changes[last].Added = append(t.changes[last].Added, c.Added...)
		return
	}
	t.changes = append(t.changes, c)
}

func (t *transaction) portMod(m *ofp.PortMod, i int) error {
	p, err := t.b.checkPortMod(m)
	if err != nil {
		return err
	}
	for j := range t.ports {
		if c := &t.ports[j]; c.port == p {
			c.after, c.message = c.after&^m.Mask|m.Config&m.Mask, i
			return nil
		}
	}
	before := p.configBits()
	t.ports = append(t.ports, portChange{p, before, before&^m.Mask | m.Config&m.Mask, i})
	return nil
}

// setPorts brings devices up and down. It is the last that can fail: then those
// before are as they were, and the message is named that did it.
func (t *transaction) setPorts() (message int, err error) {
	for i, c := range t.ports {
		if err := c.port.setAdmin(c.before, c.after); err != nil {
			for _, done := range t.ports[:i] {
				if back := done.port.setAdmin(done.after, done.before); back != nil {
					t.b.d.log.Error("a bundle failed, and a port cannot be put back", "port", done.port.name, "err", back)
				}
			}
			return c.message, err
		}
	}
	return 0, nil
}

// undo takes back what was done to the tables.
func (t *transaction) undo() {
	for i := len(t.changes) - 1; i >= 0; i-- {
		t.b.tables.Undo(t.changes[i], t.v)
	}
	for _, o := range t.outs {
		o.undo()
	}
}

// finish does what cannot fail, just before the version is published.
func (t *transaction) finish() {
	for _, c := range t.ports {
		if c.before != c.after {
			c.port.config.Store(uint32(c.after))
			c.port.touchLocked()
		}
	}
	for i, cause := range t.causes {
		t.b.feedLocked(t.v, t.changes[i], cause)
	}
	if t.meters {
		t.b.keepVirtual(t.v)
	}
}

// published does what follows when the tables are as they will be. portMu is held.
func (t *transaction) published() {
	b := t.b
	for _, c := range t.changes {
		b.d.queueRemoved(b, c)
	}
	b.tellFlows()
	for _, c := range t.ports {
		if c.before != c.after {
			b.tellPort(ofp.PortModify, c.port)
		}
	}
	if len(t.ports) > 0 {
		b.d.unpark()
	}
	b.d.Sync()
	for _, o := range t.outs {
		if err := o.send(); err != nil {
			b.d.log.Error("a packet-out of a bundle was not sent", "bridge", b.name, "err", err)
		}
	}
}
