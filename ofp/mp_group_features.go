package ofp

// GroupFeatures is the one entry of the GROUP_FEATURES reply (OpenFlow 1.3.5
// §7.3.5.11). The request has no body.
type GroupFeatures struct {
	Types        uint32    // bit 1<<GroupTypeAll...
	Capabilities uint32    // GroupCapSelectWeight...
	MaxGroups    [4]uint32 // by group type
	Actions      [4]uint32 // by group type: bit 1<<ActionOutput...
}

// Group capabilities (OpenFlow 1.3.5 §7.3.5.11).
const (
	GroupCapSelectWeight   = 1 << 0 // weights of select groups
	GroupCapSelectLiveness = 1 << 1 // liveness of the buckets of select groups
	GroupCapChaining       = 1 << 2 // groups in groups
	GroupCapChainingChecks = 1 << 3 // loops and deletions of groups in groups are checked
)

const groupFeaturesLen = 40

// words lists the fields in the order of the wire.
func (f *GroupFeatures) words() [10]*uint32 {
	return [10]*uint32{
		&f.Types, &f.Capabilities,
		&f.MaxGroups[0], &f.MaxGroups[1], &f.MaxGroups[2], &f.MaxGroups[3],
		&f.Actions[0], &f.Actions[1], &f.Actions[2], &f.Actions[3],
	}
}

// Len is the entry's length.
func (*GroupFeatures) Len() int { return groupFeaturesLen }

// Append encodes the entry.
func (f *GroupFeatures) Append(b []byte) []byte {
	for _, w := range f.words() {
		b = be.AppendUint32(b, *w)
	}
	return b
}

func decodeGroupFeatures(b []byte) (MultipartBody, int, error) {
	f := new(GroupFeatures)
	for i, w := range f.words() {
		*w = be.Uint32(b[4*i:])
	}
	return f, groupFeaturesLen, nil
}
