package flowtable

import (
	"errors"
	"reflect"
	"testing"

	"ofswitch/ofp"
)

// TestGroupBuckets changes single buckets of a group: which there are then, in which
// order and by which numbers, and what a refusal says. Those that stay go on counting.
func TestGroupBuckets(t *testing.T) {
	const exists, unknown = ofp.GroupModFailedBucketExists, ofp.GroupModFailedUnknownBucket
	insert := func(at uint32, ids ...uint32) *ofp.GroupMod {
		m := groupMod(ofp.GroupInsertBuckets, all, 1)
		m.CommandBucket, m.BucketIDs = at, ids
		for _, id := range ids {
			m.Buckets = append(m.Buckets, bucket(0, output(ofp.PortNo(id))))
		}
		return m
	}
	remove := func(at uint32) *ofp.GroupMod {
		m := groupMod(ofp.GroupRemoveBuckets, 0, 1)
		m.CommandBucket = at
		return m
	}
	for _, tt := range []struct {
		name string
		m    *ofp.GroupMod
		code ofp.Code // 0: none
		ids  []uint32 // of 3, 4 and 5; their outputs are their numbers
	}{
		{"insert first", insert(ofp.BucketIDFirst, 7, 8), 0, []uint32{7, 8, 3, 4, 5}},
		{"insert last", insert(ofp.BucketIDLast, 7, 8), 0, []uint32{3, 4, 5, 7, 8}},
		{"insert behind one", insert(4, 7), 0, []uint32{3, 4, 7, 5}},
		{"insert behind none", insert(6, 7), unknown, nil},
		{"insert behind all", insert(ofp.BucketIDAll, 7), unknown, nil},
		{"insert what is there", insert(3, 7, 5), exists, nil},
		{"remove first", remove(ofp.BucketIDFirst), 0, []uint32{4, 5}},
		{"remove last", remove(ofp.BucketIDLast), 0, []uint32{3, 4}},
		{"remove one", remove(4), 0, []uint32{3, 5}},
		{"remove all", remove(ofp.BucketIDAll), 0, []uint32{}},
		{"remove none", remove(9), unknown, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStory(t)
			add := insert(0, 3, 4, 5)
			add.Command = ofp.GroupAdd
			s.group(add)
			before := s.Group(1, s.v)
			for i := range before.Buckets {
				before.Buckets[i].Counters.Add(uint64(i+3), 1, 0)
			}
			sent := *tt.m
			_, err := s.tryGroup(tt.m)
			var e *ofp.Error
			if tt.code != 0 && (!errors.As(err, &e) || e.Code != tt.code) || tt.code == 0 && err != nil {
				t.Fatalf("answered %v, want %v", err, tt.code)
			}
			if !reflect.DeepEqual(sent, *tt.m) {
				t.Errorf("the message became %+v", *tt.m)
			}
			after := s.Group(1, s.v)
			if tt.code != 0 {
				if after != before {
					t.Error("a refused message changed the group")
				}
				return
			}
			d := after.Desc()
			if !reflect.DeepEqual(d.BucketIDs, tt.ids) || len(d.Buckets) != len(tt.ids) {
				t.Fatalf("buckets %v, want %v", d.BucketIDs, tt.ids)
			}
			for i, id := range tt.ids {
				want := uint64(id)
				if id > 5 {
					want = 0 // a new one
				}
				if got := after.Buckets[i].Counters.Packets(); got != want {
					t.Errorf("bucket %d has counted %d, want %d", id, got, want)
				}
				if d.Buckets[i].Actions[0].(ofp.Output).Port != ofp.PortNo(id) {
					t.Errorf("bucket %d has actions %v", id, d.Buckets[i].Actions)
				}
			}
			if before.Desc().BucketIDs[1] != 4 || len(before.Buckets) != 3 {
				t.Error("the edition before became another")
			}
		})
	}
	s := newStory(t)
	for _, m := range []*ofp.GroupMod{insert(ofp.BucketIDFirst, 1), remove(ofp.BucketIDAll)} {
		var e *ofp.Error
		if _, err := s.tryGroup(m); !errors.As(err, &e) || e.Code != ofp.GroupModFailedUnknownGroup {
			t.Errorf("of no group: %v", err)
		}
	}
	// Of a group without numbers; one that must have one bucket keeps it.
	s.group(groupMod(ofp.GroupAdd, ofp.GroupTypeIndirect, 1, bucket(0, output(1))))
	for _, m := range []*ofp.GroupMod{insert(0, 7), remove(0)} {
		var e *ofp.Error
		if _, err := s.tryGroup(m); !errors.As(err, &e) || e.Code != ofp.GroupModFailedInvalidGroup {
			t.Errorf("of an indirect group: %v", err)
		}
	}
}

// TestGroupAddOrModify adds a group, and then modifies it.
func TestGroupAddOrModify(t *testing.T) {
	s := newStory(t)
	if c := s.group(groupMod(ofp.GroupAddOrModify, all, 1, bucket(0, output(1)))); c.Groups[0].Old != nil {
		t.Error("not added")
	}
	if c := s.group(groupMod(ofp.GroupAddOrModify, all, 1, bucket(0, output(2)))); c.Groups[0].Old == nil || c.Groups[0].New == nil {
		t.Error("not modified")
	}
}

// TestGroupTooLongToDescribe: such a group is refused, however it came.
func TestGroupTooLongToDescribe(t *testing.T) {
	s := newStory(t)
	var list []ofp.Action
	for range 100 {
		list = append(list, output(1))
	}
	m := groupMod(ofp.GroupAdd, all, 1)
	for range 41 {
		m.Buckets = append(m.Buckets, bucket(0, list...))
	}
	var e *ofp.Error
	if _, err := s.tryGroup(m); !errors.As(err, &e) || e.Code != ofp.GroupModFailedOutOfBuckets {
		t.Errorf("%d bytes: %v", m.Len(), err)
	}
	m.Buckets = m.Buckets[1:]
	s.group(m)
}

// TestHardAge is the time since an entry was added or last modified.
func TestHardAge(t *testing.T) {
	s := newStory(t)
	s.add(5, "in_port=1", cookie(3, 0))
	hardAge := func() (age uint16) {
		_ = s.Each(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, s.v, func(e *Entry) bool {
			age = e.Stats(s.now).HardAge
			return true
		})
		return age
	}
	s.now += 5 * second
	if got := hardAge(); got != 5 {
		t.Errorf("5 seconds old, says %d", got)
	}
	for _, legacyMod := range []bool{false, true} {
		s.do(s.mod(ofp.FlowModify, 5, "in_port=1", func(m *ofp.FlowMod) { m.Legacy = legacyMod }))
		s.now += 2 * second
		if got := hardAge(); got != 2 {
			t.Errorf("modified 2 seconds ago, says %d", got)
		}
	}
}
