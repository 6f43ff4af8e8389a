package ofswitch

import (
	"bytes"
	"cmp"
	"sync"
	"sync/atomic"

	"ofswitch/classifier"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// FlowChange is what became of one flow entry. Its cause is the pointer that was given to
// the bridge.
type FlowChange = ofp.FlowChange

// flowFeed tells of the changes of the flow entries of a bridge, in their order and
// each once it is published. Nobody waits in it for anything but the telling, which
// does not block; and with nobody to be told it costs a change one comparison.
type flowFeed struct {
	on    bool // guarded by the writer lock
	queue []fed
	// waiting says whether there is something in queue.
	waiting atomic.Bool
	// mu is held while changes are told, so that they are told in order. It is taken
	// before the writer lock.
	mu sync.Mutex
}

// fed is a change of the tables that is to be told.
type fed struct {
	version classifier.Version
	change  *flowtable.Change
	cause   ofp.Message
}

// feedLocked leaves a change, which is about to be published, to tellFlows. The
// writer lock is held.
func (b *Bridge) feedLocked(v classifier.Version, c *flowtable.Change, cause ofp.Message) {
	if b.feed.on && c != nil && (len(c.Added) > 0 || len(c.Removed) > 0) {
		b.feed.queue = append(b.feed.queue, fed{v, c, cause})
		b.feed.waiting.Store(true)
	}
}

// tellFlows returns when all that was published before the call has been told.
func (b *Bridge) tellFlows() {
	if !b.feed.waiting.Load() {
		return
	}
	b.feed.mu.Lock()
	defer b.feed.mu.Unlock()
	b.d.mu.Lock()
	queue := b.takeFedLocked()
	b.d.mu.Unlock()
	b.tell(queue)
}

func (b *Bridge) takeFedLocked() []fed {
	queue := b.feed.queue
	b.feed.queue = nil
	// waiting stays: who finds nothing in the queue then has waited for feed.mu, and
	// so until what was in it is told.
	return queue
}

// tell tells of changes. feed.mu is held.
func (b *Bridge) tell(queue []fed) {
	c := b.opts.Controllers
	for _, f := range queue {
		if list := flowChanges(f.change, f.cause); len(list) > 0 && c != nil {
			c.FlowsChanged(uint64(f.version), list)
		}
	}
	b.d.mu.Lock()
	if len(b.feed.queue) == 0 {
		b.feed.waiting.Store(false)
	}
	b.d.mu.Unlock()
}

// WatchFlows begins or ends the telling of changes (Controllers.FlowsChanged), and
// calls fn between two of them, with the version that the last one made: what was
// told, and what stands in the tables at that version, make up all there is. fn
// must not block nor call the bridge.
func (b *Bridge) WatchFlows(on bool, fn func(version uint64)) {
	b.WatchAndList(on, func(version uint64) bool {
		fn(version)
		return false
	})
}

// WatchAndList is WatchFlows that, if fn says true, gives the list of the entries at that version; else
// nil. They stay in memory from before fn is called, so that whatever is changed meanwhile or since, the
// list and what is told make up all there is.
func (b *Bridge) WatchAndList(on bool, fn func(version uint64) (list bool)) ofp.FlowList {
	b.feed.mu.Lock()
	defer b.feed.mu.Unlock()
	l, queue := b.watch(on)
	b.tell(queue)
	if !fn(uint64(l.version)) {
		b.endListing(l)
		return nil
	}
	return func(from uint64, fn func(*ofp.FlowUpdate) error) error {
		if fn == nil {
			b.endListing(l)
			return nil
		}
		return b.flowsSince(l, from, fn)
	}
}

// watch begins or ends the feed, at a version of which a listing begins. feed.mu is held.
func (b *Bridge) watch(on bool) (*listing, []fed) {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	b.feed.on = on
	return b.d.remains.begin(b.d.Version), b.takeFedLocked()
}

// flowsSince is what an ofp.FlowList gives, table by table.
func (b *Bridge) flowsSince(l *listing, from uint64, fn func(*ofp.FlowUpdate) error) error {
	var failed error
	all := &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	return b.list(l, func(v classifier.Version) error {
		err := b.tables.Each(all, v, func(e *flowtable.Entry) bool {
			if from != 0 && e.VisibleAt(classifier.Version(from)) {
				return true
			}
			event := uint16(ofp.FlowEventAdded)
			if uint64(e.Added) <= from {
				event = ofp.FlowEventModified
			}
			c := flowChange(event, 0, e, nil)
			failed = fn(&c.Update)
			return failed == nil
		})
		return cmp.Or(err, failed)
	})
}

// flowChanges lists what a change did to flow entries. An entry that was modified to
// what it was before is none.
func flowChanges(c *flowtable.Change, cause ofp.Message) (list []FlowChange) {
	list = make([]FlowChange, 0, len(c.Added)+max(len(c.Modified), len(c.Removed)))
	for _, e := range c.Added {
		u := flowChange(ofp.FlowEventAdded, 0, e, cause)
		for i := range c.Removed {
			if r := &c.Removed[i]; r.Reason == flowtable.RemovedNone {
				u.Old = r.Entry.Instructions
			}
		}
		list = append(list, u)
	}
	for _, m := range c.Modified {
		if !sameInstructions(m.Old.Instructions, m.New.Instructions) {
			u := flowChange(ofp.FlowEventModified, 0, m.New, cause)
			u.Old = m.Old.Instructions
			list = append(list, u)
		}
	}
	for i := range c.Removed {
		r := &c.Removed[i]
		reason := uint16(r.Reason)
		switch r.Reason {
		case flowtable.RemovedNone:
			continue // told as added or modified
		case flowtable.RemovedSilently:
			reason = ofp.RemovedDelete
		}
		list = append(list, flowChange(ofp.FlowEventDeleted, reason, r.Entry, cause))
	}
	return list
}

func flowChange(event, reason uint16, e *flowtable.Entry, cause ofp.Message) FlowChange {
	return FlowChange{
		Update: ofp.FlowUpdate{
			Event: event, Reason: reason, Priority: uint16(e.Priority),
			IdleTimeout: e.IdleTimeout, HardTimeout: e.HardTimeout,
			Table: e.Table, Cookie: e.Cookie, Match: e.Match(), Instructions: *e.Instructions,
		},
		Cause: cause, Since: uint64(e.Since),
	}
}

func sameInstructions(a, b *ofp.Instructions) bool {
	return a == b || bytes.Equal(ofp.AppendInstructions(nil, a), ofp.AppendInstructions(nil, b))
}
