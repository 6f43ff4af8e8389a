package flowtable

import (
	"sync/atomic"

	"ofswitch/classifier"
	"ofswitch/flow"
)

const (
	// blockLen is the number of changes that a block has, which are passed over
	// together where what they have in common says that they can be.
	blockLen = 32
	// logBlocks is the number of blocks that a table remembers.
	logBlocks = 128
	// logLen is the number of changes that a table remembers at least. A program that
	// was not in use while so many came is translated again, which costs about as
	// much as to walk them all.
	logLen = blockLen * (logBlocks - 1)
)

// changeLog remembers a table's last changes. One writer; any number of
// lock-free readers.
type changeLog struct {
	newest atomic.Uint64 // version of the last change
	floor  atomic.Uint64 // changes up to this version may be missing
	head   atomic.Uint64 // changes written ever
	ring   atomic.Pointer[[logBlocks]atomic.Pointer[changeBlock]]
}

// changeBlock has the changes first to first+blockLen-1, of those ever written. The
// writer fills it from the front and publishes each by changeLog.head; what is
// published never changes.
type changeBlock struct {
	first   uint64
	changes [blockLen]change
	room    []uint64 // of their patterns; the writer's

	// What all have in common, for readers that know the block to be full.
	oldest, latest classifier.Version
	highest        int32      // priority
	common         flow.Match // each change's pattern lies in it
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
		ring = new([logBlocks]atomic.Pointer[changeBlock])
		l.ring.Store(ring)
	}
	seq := l.head.Load()
	place := &ring[seq/blockLen%logBlocks]
	b := place.Load()
	if seq%blockLen == 0 {
		if b != nil {
			l.floor.Store(max(l.floor.Load(), uint64(b.latest)))
		}
		b = &changeBlock{first: seq, oldest: v, highest: -1, room: make([]uint64, 0, blockLen*r.Words())}
		place.Store(b)
	}
	c := &b.changes[seq%blockLen]
	c.version, c.priority = v, r.Priority()
	c.pattern, b.room = r.PatternIn(b.room)
	b.latest, b.highest = v, max(b.highest, c.priority)
	if seq%blockLen == 0 {
		b.common = c.pattern.Match()
	} else {
		c.pattern.Common(&b.common)
	}
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
func (l *changeLog) affects(from, to classifier.Version, w *flow.Match, priority int32) bool {
	if l.newest.Load() <= uint64(from) {
		return false
	}
	if l.floor.Load() > uint64(from) {
		return true
	}
	return l.walk(l.head.Load(), from, to, w, priority)
}

// walk looks at the changes before head, the latest first. A block that is
// not there any more was pushed out by later ones, and the floor raised before that.
func (l *changeLog) walk(head uint64, from, to classifier.Version, w *flow.Match, priority int32) bool {
	ring := l.ring.Load()
	for n := head; n > 0; {
		first := (n - 1) / blockLen * blockLen
		b := ring[first/blockLen%logBlocks].Load()
		if b.first != first {
			break
		}
		if n == first+blockLen {
			if b.latest <= from {
				return false // older ones are older still
			}
			if b.highest < priority || !b.common.Overlaps(w) {
				if b.oldest <= from {
					return false
				}
				n = first
				continue
			}
		}
		for ; n > first; n-- {
			c := &b.changes[n-1-first]
			if c.version <= from {
				return false
			}
			if c.version <= to && c.priority >= priority && c.pattern.Overlaps(w) {
				return true
			}
		}
	}
	return l.floor.Load() > uint64(from) // more may have been lost since we asked
}
