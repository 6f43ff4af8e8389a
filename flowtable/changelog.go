package flowtable

import (
	"sync/atomic"

	"ofswitch/classifier"
	"ofswitch/flow"
)

// logLen is the number of changes that a table remembers. To walk them all costs
// about as much as to translate a flow again, so that more would not help.
const logLen = 256

// changeLog remembers a table's last changes. One writer; any number of
// lock-free readers.
type changeLog struct {
	newest atomic.Uint64 // version of the last change
	floor  atomic.Uint64 // changes up to this version may be missing
	head   atomic.Uint64 // changes written ever
	ring   atomic.Pointer[[logLen]atomic.Pointer[change]]
}

// change is immutable.
type change struct {
	version  classifier.Version
	priority int32
	pattern  classifier.Pattern
}

// add notes that an entry with r's match and priority came, went or changed as
// of version v.
func (l *changeLog) add(r *classifier.Rule[*Entry], v classifier.Version) {
	ring := l.ring.Load()
	if ring == nil {
		ring = new([logLen]atomic.Pointer[change])
		l.ring.Store(ring)
	}
	seq := l.head.Load()
	if lost := ring[seq%logLen].Load(); lost != nil {
		l.floor.Store(max(l.floor.Load(), uint64(lost.version)))
	}
	ring[seq%logLen].Store(&change{v, r.Priority(), r.Pattern()})
	l.head.Store(seq + 1)
	l.newest.Store(uint64(v))
}

// addAll notes that more changed as of version v than the log can hold.
func (l *changeLog) addAll(v classifier.Version) {
	l.floor.Store(uint64(v))
	l.newest.Store(uint64(v))
}

// affects is Table.Affects. All changes up to version to were written before to
// was published, so a reader that knows of to finds them. Later ones may be
// written meanwhile, and push out earlier ones.
func (l *changeLog) affects(from, to classifier.Version, w *flow.Wide, priority int32) bool {
	if l.newest.Load() <= uint64(from) {
		return false
	}
	if l.floor.Load() > uint64(from) {
		return true
	}
	return l.walk(l.head.Load(), from, to, w, priority)
}

// walk looks at the changes before head, the latest first. Changes that are
// overwritten meanwhile look later than they were, and all before them are
// overwritten too: the walk goes to its end and finds that something was lost.
func (l *changeLog) walk(head uint64, from, to classifier.Version, w *flow.Wide, priority int32) bool {
	ring := l.ring.Load()
	for n := head; n > 0 && head-n < logLen; n-- {
		c := ring[(n-1)%logLen].Load()
		if c.version <= from {
			return false // older ones are older still
		}
		if c.version <= to && c.priority >= priority && c.pattern.Matches(w) {
			return true
		}
	}
	return l.floor.Load() > uint64(from) // more may have been lost since we asked
}
