package classifier

import (
	"sync/atomic"

	"ofswitch/flow"
)

// Version numbers the states of all tables of a datapath, in the order of their
// publication.
type Version uint64

// never is the removal version of a rule that is not removed, and the addition
// version of one that is not inserted.
const never = ^Version(0)

// Rule is one rule of a [Classifier]. Everything but its removal version is
// immutable once it is inserted.
type Rule[T any] struct {
	node     node[Rule[T]] // its place in the subtable's list; node.hash covers match alone
	merged   *table[T]     // the merged table in which it stands; nil: the subtable has a table of its own
	priority int32
	linked   bool  // writer's
	away     uint8 // writer's: bit i: the prefix tree of lane i was full

	// What a lookup reads, and vals behind it: one cache line, where there are up to four.
	shape   *shape        // the subtable's once inserted
	added   Version       // visible from here
	removed atomic.Uint64 // to before here
	value   T
}

// NewRule makes a rule for the frames that m matches. The match is copied.
// Priority is 0 to 65535 for OpenFlow entries; hidden ones may stand above.
// Negative priorities panic.
func NewRule[T any](m *flow.Match, priority int32, value T) *Rule[T] {
	if priority < 0 {
		panic("classifier: negative priority")
	}
	s := shapeOf(&m.Mask)
	r := newSized[T](s.n)
	r.shape, r.priority, r.value, r.added = s, priority, value, never
	r.removed.Store(uint64(never))
	s.pack(&m.Value, r.vals())
	r.node.hash = s.hashPacked(r.vals())
	r.node.item = r
	return r
}

// newSized allocates a rule with room for n values behind it, in one object.
func newSized[T any](n int) *Rule[T] {
	switch {
	case n == 0:
		return new(Rule[T])
	case n <= 2:
		x := new(struct {
			r Rule[T]
			_ [2]uint64
		})
		return &x.r
	case n <= 4:
		// Most rules: what a lookup reads stands in one cache line of an object of two.
		x := new(struct {
			_ [3]uint64
			r Rule[T]
			_ [4]uint64
		})
		return &x.r
	case n <= 7:
		x := new(struct {
			r Rule[T]
			_ [7]uint64
		})
		return &x.r
	case n <= 11:
		x := new(struct {
			r Rule[T]
			_ [11]uint64
		})
		return &x.r
	}
	x := new(struct {
		r Rule[T]
		_ [flow.Words]uint64
	})
	return &x.r
}

// Match is the rule's match, unpacked.
func (r *Rule[T]) Match() flow.Match {
	var m flow.Match
	r.shape.unpack(r.vals(), &m)
	return m
}

// Priority is the rule's priority; higher wins.
func (r *Rule[T]) Priority() int32 { return r.priority }

// Value is what the rule was made with.
func (r *Rule[T]) Value() T { return r.value }

// VisibleAt says whether the rule is part of version v.
func (r *Rule[T]) VisibleAt(v Version) bool {
	return r.added <= v && v < Version(r.removed.Load())
}

// IsCatchAll says whether the rule matches every frame.
func (r *Rule[T]) IsCatchAll() bool { return r.shape.n == 0 }

// Matches says whether the rule matches w, at whatever version.
func (r *Rule[T]) Matches(w *flow.Wide) bool { return r.shape.equal(w, r.vals()) }

// Pattern is a packed copy of a match. Unlike a removed [Rule] it holds on to
// nothing else, so that logs may keep it. The zero Pattern matches everything.
type Pattern struct {
	shape *shape
	vals  []uint64
}

// PatternIn copies the rule's match, its values behind those in room, which it gives back longer: patterns
// that come and go together share memory.
func (r *Rule[T]) PatternIn(room []uint64) (Pattern, []uint64) {
	at := len(room)
	room = append(room, r.vals()...)
	return Pattern{r.shape, room[at:len(room):len(room)]}, room
}

// Words is how many values a pattern of the rule has.
func (r *Rule[T]) Words() int { return r.shape.n }

// Matches says whether the pattern matches w.
func (p *Pattern) Matches(w *flow.Wide) bool {
	return p.shape == nil || p.shape.equal(w, p.vals)
}
