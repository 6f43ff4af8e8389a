package ofswitch

import (
	"ofswitch/classifier"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// GroupMod adds, changes or deletes groups (OpenFlow 1.3.5 §6.5). Flows that
// send to a deleted group go with it.
func (b *Bridge) GroupMod(m *ofp.GroupMod) error {
	return b.change(m, func(v classifier.Version) (*flowtable.Change, error) {
		return b.tables.ApplyGroup(m, v, b.d.clock(), b.limits)
	})
}

// MeterMod adds, changes or deletes meters (OpenFlow 1.3.5 §6.6). Flows that use a
// deleted meter go with it.
func (b *Bridge) MeterMod(m *ofp.MeterMod) error {
	return b.change(m, func(v classifier.Version) (*flowtable.Change, error) {
		c, err := b.tables.ApplyMeter(m, v, b.d.clock(), b.limits)
		if err == nil {
			b.keepVirtual(v)
		}
		return c, err
	})
}

// change carries out a change of the tables that cause asks for, and leaves what it
// removed to the collector.
func (b *Bridge) change(cause ofp.Message, fn func(v classifier.Version) (*flowtable.Change, error)) error {
	d := b.d
	d.waitPending(false)
	var change *flowtable.Change
	err := d.update(func(v classifier.Version) (err error) {
		change, err = fn(v)
		b.feedLocked(v, change, cause)
		return err
	})
	if err != nil {
		return err
	}
	d.queueRemoved(b, change)
	b.tellFlows()
	return nil
}

// GroupStats calls fn for a group, or for each with ofp.GroupAll (OpenFlow 1.3.5
// §7.3.5.9), and ends with fn's error if it has one. A number that no group has
// gives none.
func (b *Bridge) GroupStats(id uint32, fn func(*ofp.GroupStats) error) error {
	b.d.foldExact()
	now := b.d.clock()
	return b.listing(b.d.Version, func(v classifier.Version) (err error) {
		b.tables.EachGroup(id, v, func(g *flowtable.Group) bool {
			err = fn(g.Stats(now))
			return err == nil
		})
		return err
	})
}

// GroupDescs calls fn for every group (OpenFlow 1.3.5 §7.3.5.10).
func (b *Bridge) GroupDescs(fn func(*ofp.GroupDesc) error) error {
	return b.listing(b.d.Version, func(v classifier.Version) (err error) {
		b.tables.EachGroup(ofp.GroupAll, v, func(g *flowtable.Group) bool {
			err = fn(g.Desc())
			return err == nil
		})
		return err
	})
}

// GroupFeatures says what groups can do (OpenFlow 1.3.5 §7.3.5.11).
func (b *Bridge) GroupFeatures() *ofp.GroupFeatures { return b.limits.GroupFeatures() }

// MeterStats calls fn for a meter, or for each with ofp.MeterAll (OpenFlow 1.3.5
// §7.3.5.12). A number that no meter has is UNKNOWN_METER: the specification says
// nothing, Open vSwitch does so.
func (b *Bridge) MeterStats(id uint32, fn func(*ofp.MeterStats) error) error {
	if err := b.checkMeter(id); err != nil {
		return err
	}
	b.d.Sync()
	now := b.d.clock()
	return b.listing(b.d.Version, func(v classifier.Version) (err error) {
		b.tables.EachMeter(id, v, func(m *flowtable.Meter) bool {
			err = fn(m.Stats(now))
			return err == nil
		})
		return err
	})
}

// MeterConfigs calls fn for a meter, or for each with ofp.MeterAll (OpenFlow
// 1.3.5 §7.3.5.13). A number that no meter has is UNKNOWN_METER, as in MeterStats.
func (b *Bridge) MeterConfigs(id uint32, fn func(*ofp.MeterConfig) error) error {
	if err := b.checkMeter(id); err != nil {
		return err
	}
	return b.listing(b.d.Version, func(v classifier.Version) (err error) {
		b.tables.EachMeter(id, v, func(m *flowtable.Meter) bool {
			err = fn(m.Config())
			return err == nil
		})
		return err
	})
}

// checkMeter refuses to tell of a meter that there is not.
func (b *Bridge) checkMeter(id uint32) error {
	if id != ofp.MeterAll && !b.tables.HasMeter(id) {
		return ofp.MeterModFailedUnknownMeter.Errorf("meter %d does not exist", id)
	}
	return nil
}

// MeterFeatures says what meters can do (OpenFlow 1.3.5 §7.3.5.14).
func (b *Bridge) MeterFeatures() *ofp.MeterFeatures { return b.limits.Meters.MeterFeatures() }
