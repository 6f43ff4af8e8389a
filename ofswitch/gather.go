package ofswitch

import (
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// gatheredMost is how many entries a controller's request for statistics keeps in a list while it reads: of
// more it is told by a walk over the tables, which keeps none.
const gatheredMost = 1 << 14

// gather gives the entries that a request asks for, at one version, without a walk over the tables; with ok
// false where that has to be. With the writer lock held it only notes which entries may be asked for, some
// milliseconds for a million; they are looked at afterwards. It is done by one at a time, since the list may be as
// long as the tables.
func (b *Bridge) gather(req *ofp.FlowStatsRequest, fn func([]*flowtable.Entry)) (ok bool) {
	d := b.d
	d.gatherMu.Lock()
	defer d.gatherMu.Unlock()
	entries, ok := b.candidates(req)
	if !ok {
		return false
	}
	passes, n := flowtable.Passes(req), 0
	for _, e := range entries {
		if passes(e) {
			entries[n] = e
			n++
		}
	}
	fn(entries[:n])
	return true
}

func (b *Bridge) candidates(req *ofp.FlowStatsRequest) ([]*flowtable.Entry, bool) {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	return b.tables.Candidates(req, b.d.Version())
}

// gathered is gather for who needs the list for long: it is short, or not given.
func (b *Bridge) gathered(req *ofp.FlowStatsRequest) (list []*flowtable.Entry, ok bool) {
	if flowtable.All(req) {
		return nil, false
	}
	found := b.gather(req, func(entries []*flowtable.Entry) {
		if ok = len(entries) <= gatheredMost; ok {
			list = append(list, entries...)
		}
	})
	return list, found && ok
}
