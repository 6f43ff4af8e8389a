package flowtable

import (
	"slices"

	"ofswitch/ofp"
)

// keptBuckets says, for each bucket of a group that is made out of another, which one
// of that it is; -1: a new one.
type keptBuckets []int

// resolveGroup makes an ADD, MODIFY or DELETE of the commands that later versions
// have: those about single buckets become the MODIFY that gives the whole group.
func (t *Tables) resolveGroup(m *ofp.GroupMod) (*ofp.GroupMod, keptBuckets, error) {
	r := *m
	switch m.Command {
	case ofp.GroupAddOrModify:
		r.Command = ofp.GroupAdd
		if t.HasGroup(m.GroupID) {
			r.Command = ofp.GroupModify
		}
		return &r, nil, nil
	case ofp.GroupInsertBuckets, ofp.GroupRemoveBuckets:
	default:
		return m, nil, nil
	}
	s := t.groups.current(m.GroupID)
	if s == nil {
		return nil, nil, ofp.GroupModFailedUnknownGroup.Errorf("group %d has no buckets to change: it does not exist", m.GroupID)
	}
	old := s.now().value
	was := old.Desc()
	if was.BucketIDs == nil {
		was.BucketIDs = make([]uint32, len(was.Buckets))
		for i := range was.BucketIDs {
			was.BucketIDs[i] = uint32(i)
		}
	}
	first, end, err := bucketsMeant(m, was.BucketIDs)
	if err != nil {
		return nil, nil, err
	}
	kept := make(keptBuckets, len(was.Buckets))
	for i := range kept {
		kept[i] = i
	}
	r.Command, r.GroupType = ofp.GroupModify, old.Type
	if m.Command == ofp.GroupRemoveBuckets {
		r.Buckets = slices.Delete(was.Buckets, first, end)
		r.BucketIDs = slices.Delete(slices.Clone(was.BucketIDs), first, end)
		return &r, slices.Delete(kept, first, end), nil
	}
	for _, id := range m.BucketIDs {
		if slices.Contains(was.BucketIDs, id) {
			return nil, nil, ofp.GroupModFailedBucketExists.Errorf("group %d has a bucket %d already", m.GroupID, id)
		}
	}
	r.Buckets = slices.Insert(was.Buckets, first, m.Buckets...)
	r.BucketIDs = slices.Insert(slices.Clone(was.BucketIDs), first, m.BucketIDs...)
	return &r, slices.Insert(kept, first, slices.Repeat([]int{-1}, len(m.Buckets))...), nil
}

// bucketsMeant gives the places of the buckets that m removes, or the place where
// it inserts: behind the one that it names. ids are those of the group's buckets.
func bucketsMeant(m *ofp.GroupMod, ids []uint32) (first, end int, err error) {
	insert := m.Command == ofp.GroupInsertBuckets
	switch {
	case m.CommandBucket == ofp.BucketIDFirst && insert:
		return 0, 0, nil
	case m.CommandBucket == ofp.BucketIDFirst:
		return 0, min(1, len(ids)), nil
	case m.CommandBucket == ofp.BucketIDLast && insert:
		return len(ids), len(ids), nil
	case m.CommandBucket == ofp.BucketIDLast:
		return max(len(ids)-1, 0), len(ids), nil
	case m.CommandBucket == ofp.BucketIDAll && !insert:
		return 0, len(ids), nil
	}
	i := slices.Index(ids, m.CommandBucket)
	if i < 0 {
		return 0, 0, ofp.GroupModFailedUnknownBucket.Errorf("group %d has no bucket %d", m.GroupID, m.CommandBucket)
	}
	if insert {
		return i + 1, i + 1, nil
	}
	return i, i + 1, nil
}

// count has the buckets that stayed go on counting. Nobody sees the group before the
// change is published.
func (k keptBuckets) count(c *Change) {
	for i, was := range k {
		if was >= 0 {
			c.Groups[0].New.Buckets[i].Counters = c.Groups[0].Old.Buckets[was].Counters
		}
	}
}
