package ofswitch

import (
	"errors"
	"time"

	"ofswitch/classifier"
	"ofswitch/flowtable"
)

// removal is a set of flow entries that no lookup finds any more, waiting for
// their last count.
type removal struct {
	bridge *Bridge
	change *flowtable.Change
	at     int64 // when they were removed
	// version is the first that certainly has none of them.
	version classifier.Version
}

// size is how many entries, groups and meters it has.
func (r *removal) size() int {
	return len(r.change.Removed) + len(r.change.Groups) + len(r.change.Meters)
}

// collectLoop is the collector's goroutine: every second it folds counters,
// keeps MAC entries young, ends timeouts, and between that it finishes
// removed flow entries, takes them out of memory by and by, and buries programs
// that left their caches, when many. It ends with the datapath.
func (d *Datapath) collectLoop() {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.Collect()
			d.trim()
		case <-d.collectWake:
			d.reap()
		case <-d.unlinkWake:
			if d.unlink(unlinkBatch) {
				d.unlinkLater()
			}
		case <-d.buryWake:
			d.bury()
		case <-d.stop:
			return
		}
	}
}

// Collect is one round of the collector. With Options.Manual the caller does
// what the collector would do every second.
func (d *Datapath) Collect() {
	now := d.clock()
	d.Sync()
	d.tend(now)
	d.kernel.tend(now)
	aged := 0
	for _, b := range d.bridgeList() {
		b.expireFlows(now)
		b.settleFlows()
		aged += b.fdb.Expire(now)
		if s := b.buffers.Load(); s != nil {
			s.expire()
		}
		b.expireFragments(now)
		if b.conf.Load().bonds {
			b.runBonds()
		}
	}
	if d.unsettled.Swap(false) || aged > 0 {
		d.macsChanged()
	}
	d.reap()
	d.trimQueues()
	d.balance(now)
	d.unpark()
}

// errNothing keeps update from publishing a version in which nothing is new.
var errNothing = errors.New("nothing to change")

// expireFlows removes entries whose time has come, by parts: others who change the tables
// wait for one. The counters are folded.
func (b *Bridge) expireFlows(now int64) {
	for more := true; more; {
		var change *flowtable.Change
		err := b.d.updateFlows(func(v classifier.Version) error {
			if at, some := b.tables.NextExpiry(); !some || at > now {
				more = false
				return errNothing
			}
			if change = b.tables.Expire(v, now); change.Empty() {
				return errNothing
			}
			b.feedLocked(v, change, nil)
			return nil
		})
		if err == nil {
			b.tellFlows()
			b.d.queueRemoved(b, change)
		}
	}
}

// settleFlows prepares tables that are full for evictions, by parts. The counters are folded.
func (b *Bridge) settleFlows() {
	for b.settlePart() {
	}
}

func (b *Bridge) settlePart() bool {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	return b.tables.Settle()
}

// queueRemoved leaves the removed entries of a published change to the
// collector.
func (d *Datapath) queueRemoved(b *Bridge, c *flowtable.Change) {
	if c == nil || len(c.Removed) == 0 && len(c.Groups) == 0 && len(c.Meters) == 0 {
		return
	}
	d.pendMu.Lock()
	r := removal{b, c, d.clock(), d.Version()}
	d.pending = append(d.pending, r)
	d.pendingEntries += r.size()
	d.pendMu.Unlock()
	if d.manual {
		d.reap()
		return
	}
	select {
	case d.collectWake <- struct{}{}:
	default:
	}
}

// waitPending keeps a flood of flow-mods from outrunning the collector: who sends them
// does a part of its work, and whose message may replace all that there is, with mass, most of it.
func (d *Datapath) waitPending(mass bool) {
	d.pendMu.Lock()
	many := d.pendingEntries > maxPending
	d.pendMu.Unlock()
	if many {
		d.reap()
	}
	most := maxRemains
	if mass {
		most = maxPending
	}
	switch n := d.remains.waiting(); {
	case n > most:
		for d.remains.waiting() > most && d.unlink(unlinkBatch) {
		}
	case n > maxPending:
		d.unlink(unlinkHelp)
	}
}

// reap gives removed entries their last count, tells controllers, and leaves
// them to be taken out of memory. When it returns, everything that was queued before the
// call is done, by it or by another caller.
func (d *Datapath) reap() {
	d.reapMu.Lock()
	defer d.reapMu.Unlock()
	d.pendMu.Lock()
	list := d.pending
	d.pending, d.pendingEntries = nil, 0
	d.pendMu.Unlock()
	if len(list) == 0 {
		return
	}
	// From here on no frame finds them; those that did have been counted.
	d.Sync()
	if notifies(list) {
		d.fold()
	}
	for _, r := range list {
		c := r.bridge.opts.Controllers
		for i := range r.change.Removed {
			if e := &r.change.Removed[i]; c != nil && e.Notify() {
				c.FlowRemoved(e.Entry.Removed(e.Reason, r.at))
			}
		}
		d.remains.add(r)
	}
	d.unlinkLater()
}

func notifies(list []removal) bool {
	for _, r := range list {
		for i := range r.change.Removed {
			if r.change.Removed[i].Notify() {
				return true
			}
		}
	}
	return false
}

// duration splits nanoseconds as OpenFlow wants them.
func duration(ns int64) (sec, nsec uint32) {
	ns = max(ns, 0)
	return uint32(ns / int64(time.Second)), uint32(ns % int64(time.Second))
}
