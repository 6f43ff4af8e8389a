package ofp

// GroupDesc is one entry of the GROUP_DESC reply: a group as it was set up
// (OpenFlow 1.3.5 §7.3.5.10). The request has no body.
type GroupDesc struct {
	GroupType GroupType
	GroupID   uint32
	Buckets   []Bucket
	BucketIDs []uint32 // as GroupMod's
}

const groupDescLen = 8 // without buckets

// Len is the entry's length.
func (d *GroupDesc) Len() int { return groupDescLen + bucketsLen(d.Buckets) }

// Append encodes the entry.
func (d *GroupDesc) Append(b []byte) []byte {
	b = be.AppendUint16(b, uint16(d.Len()))
	b = append(b, uint8(d.GroupType), 0)
	b = be.AppendUint32(b, d.GroupID)
	return appendBuckets(b, d.Buckets)
}

func decodeGroupDesc(b []byte) (MultipartBody, int, error) {
	n, err := entryLen("group description", b, 0, groupDescLen, 8)
	if err != nil {
		return nil, 0, err
	}
	d := &GroupDesc{GroupType: GroupType(b[2]), GroupID: be.Uint32(b[4:])}
	if d.Buckets, err = decodeBuckets(b[groupDescLen:n]); err != nil {
		return nil, 0, err
	}
	return d, n, nil
}
