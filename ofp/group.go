package ofp

import (
	"fmt"

	"ofswitch/ofp/internal/octets"
)

// Group-mod commands (OpenFlow 1.3.5 §7.3.4.2).
const (
	GroupAdd    = 0
	GroupModify = 1
	GroupDelete = 2
)

// GroupType is OFPGT_*.
type GroupType uint8

// Group types (OpenFlow 1.3.5 §7.3.4.2).
const (
	GroupTypeAll          GroupType = 0 // every bucket gets a copy
	GroupTypeSelect       GroupType = 1 // one bucket, by weight
	GroupTypeIndirect     GroupType = 2 // the only bucket
	GroupTypeFastFailover GroupType = 3 // the first live bucket
)

var groupTypeNames = [...]string{"all", "select", "indirect", "ff"}

// String is the name as ovs-ofctl writes it: "ff".
func (t GroupType) String() string {
	if int(t) < len(groupTypeNames) {
		return groupTypeNames[t]
	}
	return fmt.Sprintf("group type %d", uint8(t))
}

// Bucket is one bucket of a group: an action set and when it is used (OpenFlow
// 1.3.5 §7.3.4.2). Whether its fields suit the type of the group is the group
// table's business.
type Bucket struct {
	Weight     uint16 // of select groups
	WatchPort  PortNo // the bucket lives while this port does; PortAny: not watched
	WatchGroup uint32 // likewise a group; GroupAny: not watched
	Actions    []Action
}

const (
	bucketLen      = 16 // without actions
	bucketStatsLen = 16
)

// Len is the bucket's length.
func (k *Bucket) Len() int { return bucketLen + ActionsLen(k.Actions) }

// Append encodes the bucket.
func (k *Bucket) Append(b []byte) []byte {
	b = be.AppendUint16(b, uint16(k.Len()))
	b = be.AppendUint16(b, k.Weight)
	b = be.AppendUint32(b, uint32(k.WatchPort))
	b = be.AppendUint32(b, k.WatchGroup)
	return AppendActions(octets.Zeros(b, 4), k.Actions)
}

func bucketsLen(buckets []Bucket) (n int) {
	for i := range buckets {
		n += buckets[i].Len()
	}
	return n
}

func appendBuckets(b []byte, buckets []Bucket) []byte {
	for i := range buckets {
		b = buckets[i].Append(b)
	}
	return b
}

// decodeBuckets reads buckets that take all of b. Refusals are BAD_BUCKET, or
// BAD_ACTION for the actions in them.
func decodeBuckets(b []byte) (buckets []Bucket, err error) {
	for len(b) > 0 {
		if len(b) < bucketLen {
			return nil, GroupModFailedBadBucket.Errorf("bucket %d cut off: %d bytes are left", len(buckets), len(b))
		}
		n := int(be.Uint16(b))
		if n < bucketLen || n%8 != 0 || n > len(b) {
			return nil, GroupModFailedBadBucket.Errorf("bucket %d says %d bytes, %d are left; want a multiple of 8, at least %d", len(buckets), n, len(b), bucketLen)
		}
		actions, err := DecodeActions(b[bucketLen:n])
		if err != nil {
			return nil, err
		}
		buckets = append(buckets, Bucket{
			Weight:     be.Uint16(b[2:]),
			WatchPort:  PortNo(be.Uint32(b[4:])),
			WatchGroup: be.Uint32(b[8:]),
			Actions:    actions,
		})
		b = b[n:]
	}
	return buckets, nil
}
