package flowtable

import (
	"ofswitch/classifier"
	"ofswitch/ofp"
)

// EachGroup calls fn for the group with this number, or for all of them with
// ofp.GroupAll, by number, as they are at version v, until it returns false. It
// says whether there was one to call it for. To get exact counters the caller has folded
// them before.
func (t *Tables) EachGroup(id uint32, v classifier.Version, fn func(*Group) bool) bool {
	return t.groups.some(id, id == ofp.GroupAll, v, fn)
}

// some is EachGroup and EachMeter.
func (r *registry[T]) some(id uint32, all bool, v classifier.Version, fn func(*T) bool) bool {
	if !all {
		x := r.at(id, v)
		if x != nil {
			fn(x)
		}
		return x != nil
	}
	list := r.all(v)
	for _, x := range list {
		if !fn(x) {
			break
		}
	}
	return len(list) > 0
}

// Stats is the group's entry of a GROUP reply (OpenFlow 1.3.5 §7.3.5.9).
func (g *Group) Stats(now int64) *ofp.GroupStats {
	s := &ofp.GroupStats{
		GroupID:     g.ID,
		RefCount:    uint32(g.References()),
		PacketCount: g.Counters.Packets(),
		ByteCount:   g.Counters.Bytes(),
		Buckets:     make([]ofp.BucketStats, len(g.Buckets)),
	}
	s.DurationSec, s.DurationNsec = since(g.Created, now)
	for i := range g.Buckets {
		c := g.Buckets[i].Counters
		s.Buckets[i] = ofp.BucketStats{PacketCount: c.Packets(), ByteCount: c.Bytes()}
	}
	return s
}

// Desc is the group's entry of a GROUP_DESC reply (OpenFlow 1.3.5 §7.3.5.10):
// the buckets as they were sent.
func (g *Group) Desc() *ofp.GroupDesc {
	d := &ofp.GroupDesc{GroupType: g.Type, GroupID: g.ID, Buckets: make([]ofp.Bucket, len(g.Buckets)), BucketIDs: g.bucketIDs}
	for i := range g.Buckets {
		b := &g.Buckets[i]
		d.Buckets[i] = ofp.Bucket{Weight: b.Weight, WatchPort: b.WatchPort, WatchGroup: b.WatchGroup, Actions: b.Actions}
	}
	return d
}

// GroupFeatures fills the GROUP_FEATURES reply (OpenFlow 1.3.5 §7.3.5.11).
func (l *Limits) GroupFeatures() *ofp.GroupFeatures {
	f := &ofp.GroupFeatures{Types: l.Groups.Types, Capabilities: l.Groups.Capabilities}
	actions := uint32(l.Actions)
	if f.Capabilities&ofp.GroupCapChaining == 0 {
		actions &^= 1 << ofp.ActionGroup
	}
	for i := range f.MaxGroups {
		if f.Types&(1<<i) != 0 {
			f.MaxGroups[i], f.Actions[i] = uint32(l.Groups.Max[i]), actions
		}
	}
	return f
}

// since splits the time since created as OpenFlow wants it.
func since(created, now int64) (sec, nsec uint32) {
	d := max(now-created, 0)
	return uint32(d / second), uint32(d % second)
}
