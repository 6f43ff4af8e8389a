package ofp

// GroupMod changes the group table (OpenFlow 1.3.5 §7.3.4.2).
type GroupMod struct {
	Command   uint16 // GroupAdd...
	GroupType GroupType
	GroupID   uint32 // GroupAll with GroupDelete: every group
	Buckets   []Bucket

	// What OpenFlow 1.3 does not have: the numbers of Buckets (nil: 0, 1, 2...), and
	// which bucket GroupInsertBuckets and GroupRemoveBuckets are about.
	BucketIDs     []uint32
	CommandBucket uint32
}

// Type is TypeGroupMod.
func (*GroupMod) Type() Type { return TypeGroupMod }

// Len is the body's length.
func (m *GroupMod) Len() int { return 8 + bucketsLen(m.Buckets) }

// Append encodes the body.
func (m *GroupMod) Append(b []byte) []byte {
	b = be.AppendUint16(b, m.Command)
	b = append(b, uint8(m.GroupType), 0)
	b = be.AppendUint32(b, m.GroupID)
	return appendBuckets(b, m.Buckets)
}

const (
	// groupBucketsMax is the longest list of buckets that a group-desc reply can
	// give back, and groupBucketsCount the number of buckets that fit into a
	// group-stats reply. What could never be reported is refused.
	groupBucketsMax   = MaxLen - multipartHeaderLen - groupDescLen
	groupBucketsCount = (MaxLen - multipartHeaderLen - groupStatsLen) / bucketStatsLen
)

func decodeGroupMod(b []byte) (Message, error) {
	m := &GroupMod{Command: be.Uint16(b), GroupType: GroupType(b[2]), GroupID: be.Uint32(b[4:])}
	if m.Command > GroupDelete {
		return nil, GroupModFailedBadCommand.Errorf("group-mod command %d, want 0 to 2", m.Command)
	}
	if m.GroupType > GroupTypeFastFailover {
		return nil, GroupModFailedBadType.Errorf("group type %d, want 0 to 3", m.GroupType)
	}
	var err error
	if m.Buckets, err = decodeBuckets(b[8:]); err != nil {
		return nil, err
	}
	if len(b)-8 > groupBucketsMax || len(m.Buckets) > groupBucketsCount {
		return nil, GroupModFailedOutOfBuckets.Errorf("group-mod with %d buckets of %d bytes: more than %d, or %d bytes, cannot be given back in group statistics",
			len(m.Buckets), len(b)-8, groupBucketsCount, groupBucketsMax)
	}
	return m, nil
}
