package flowtable

import (
	"encoding/binary"
	"hash/fnv"

	"ofswitch/classifier"
	"ofswitch/ofp"
)

// Group is one edition of a group: what it was from one group-mod to the next.
// Immutable; its counters move.
type Group struct {
	ID      uint32
	Type    ofp.GroupType
	Buckets []Bucket
	Created int64 // nanoseconds of the datapath's clock; a modify changes nothing in it
	// Counters of the packets that the group has processed. The editions of a
	// group share them: a modify continues the group's statistics and begins
	// those of the buckets anew (OpenFlow 1.3.5 §6.5).
	Counters *Counters

	bucketIDs []uint32 // numbers of the buckets; nil: 0, 1, 2...

	edition  *edition[Group]
	forwards []uint32 // groups that buckets send to, each once
	watches  []uint32 // groups that buckets watch, each once
	weighted bool     // some bucket has a weight, so that those without get nothing
}

// Bucket is one bucket of a group (OpenFlow 1.3.5 §5.6.1).
type Bucket struct {
	Weight     uint16
	WatchPort  ofp.PortNo // ofp.PortAny: none
	WatchGroup uint32     // ofp.GroupAny: none
	// Actions are an action set, in the order in which they were sent: of several
	// of one type (of set-fields: of one field) the last counts, and they are
	// carried out in the order of action sets, a group instead of an output
	// (OpenFlow 1.3.5 §5.10).
	Actions  []ofp.Action
	Counters *Counters

	identity uint64 // what Select knows the bucket by
}

// Group is the group with this number as of version v, nil if there is none. It
// takes no lock.
func (t *Tables) Group(id uint32, v classifier.Version) *Group { return t.groups.at(id, v) }

// HasGroup says whether there is such a group, counting changes that are not
// published yet: the GroupExists of [Limits].
func (t *Tables) HasGroup(id uint32) bool { return t.groups.current(id) != nil }

// GroupChanged says whether the group that was there at version from is another
// at version to, or gone. It takes no lock. A number that had no group at from
// counts as changed when any group changed since.
//
// Whoever holds the *Group can ask its VisibleAt instead.
func (t *Tables) GroupChanged(from, to classifier.Version, id uint32) bool {
	return t.groups.changed(from, to, id)
}

// VisibleAt says whether this edition of the group is the one of version v.
func (g *Group) VisibleAt(v classifier.Version) bool { return g.edition.visibleAt(v) }

// References is the number of flows and groups that send to the group directly,
// at the newest version.
func (g *Group) References() int { return int(g.edition.slot.refs.Load()) }

// newGroup makes an edition out of a group-mod that was found good.
func newGroup(m *ofp.GroupMod, now int64) *Group {
	g := &Group{ID: m.GroupID, Type: m.GroupType, Created: now, Counters: new(Counters), bucketIDs: m.BucketIDs}
	g.Buckets = make([]Bucket, len(m.Buckets))
	counters := make([]Counters, len(m.Buckets))
	seen := map[uint64]uint64{}
	for i := range m.Buckets {
		b := &m.Buckets[i]
		content := contentOf(b)
		g.Buckets[i] = Bucket{
			Weight:     b.Weight,
			WatchPort:  b.WatchPort,
			WatchGroup: b.WatchGroup,
			Actions:    b.Actions,
			Counters:   &counters[i],
			identity:   mix64(mix64(content^uint64(g.ID)) + seen[content]),
		}
		seen[content]++ // equal buckets are told apart by their order
		g.weighted = g.weighted || b.Weight != 0
		for _, a := range b.Actions {
			if to, ok := a.(ofp.Group); ok {
				g.forwards = appendOnce(g.forwards, to.GroupID)
			}
		}
		if b.WatchGroup != ofp.GroupAny {
			g.watches = appendOnce(g.watches, b.WatchGroup)
		}
	}
	return g
}

// contentOf is a number for all of a bucket but its weight.
func contentOf(b *ofp.Bucket) uint64 {
	h := fnv.New64a()
	raw := binary.BigEndian.AppendUint32(nil, uint32(b.WatchPort))
	raw = binary.BigEndian.AppendUint32(raw, b.WatchGroup)
	for _, a := range b.Actions {
		raw = a.Append(raw)
	}
	h.Write(raw) // does not fail
	return h.Sum64()
}

func appendOnce(list []uint32, id uint32) []uint32 {
	for _, x := range list {
		if x == id {
			return list
		}
	}
	return append(list, id)
}

// linkGroup notes, or takes back, that the group refers to others.
func (t *Tables) linkGroup(g *Group, n int) {
	for _, id := range g.forwards {
		s := t.groups.slots.get(id)
		s.groups += n
		s.count()
	}
	for _, id := range g.watches {
		t.groups.slots.get(id).guards += n
	}
}
