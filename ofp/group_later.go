package ofp

// Group-mods of OpenFlow 1.5 (§7.3.4.3) that Nicira's extension has in OpenFlow
// 1.0 too: they change single buckets, which have numbers. In OpenFlow 1.3's
// messages there are none of these.

// Further commands of group-mods.
const (
	GroupInsertBuckets = 3
	GroupRemoveBuckets = 5
	// GroupAddOrModify is GroupModify if there is the group, else GroupAdd (Open
	// vSwitch's).
	GroupAddOrModify = 0x8000
)

// Numbers of buckets.
const (
	BucketIDMax   uint32 = 0xffffff00 // the largest that a bucket can have
	BucketIDFirst uint32 = 0xfffffffd // as the CommandBucket: the first
	BucketIDLast  uint32 = 0xfffffffe // likewise: the last
	BucketIDAll   uint32 = 0xffffffff // likewise: all of them
)

// Error codes of OpenFlow 1.5 for buckets by number. No message of OpenFlow 1.3
// causes them.
const (
	GroupModFailedUnknownBucket Code = 6<<16 + 15 // the group has no such bucket
	GroupModFailedBucketExists  Code = 6<<16 + 16 // the group has such a bucket already
)
