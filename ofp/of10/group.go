package of10

import (
	"ofswitch/ofp"
	"ofswitch/ofp/internal/octets"
)

// Groups over OpenFlow 1.0 are Nicira's extension: messages and statistics in the
// form of OpenFlow 1.5 (§7.3.4.3, §7.3.5.11), with actions of OpenFlow 1.0.

const (
	groupModLen  = 16 // of NXT_GROUP_MOD behind its type, without buckets
	groupDescLen = 16 // of an entry of NXST_GROUP_DESC, without buckets
	bucketLen    = 8  // without actions and properties
)

// Properties of buckets.
const (
	bucketWeight     = 0
	bucketWatchPort  = 1
	bucketWatchGroup = 2

	bucketPropertyLen = 8 // of each of them
)

func decodeGroupMod(b []byte) (ofp.Message, error) {
	if len(b) < groupModLen {
		return nil, ofp.BadRequestBadLen.Errorf("group-mod of Nicira has %d bytes, want at least %d behind its type", len(b), groupModLen)
	}
	m := &ofp.GroupMod{
		Command:       be.Uint16(b),
		GroupType:     ofp.GroupType(b[2]),
		GroupID:       be.Uint32(b[4:]),
		CommandBucket: be.Uint32(b[12:]),
	}
	switch m.Command {
	case ofp.GroupAdd, ofp.GroupModify, ofp.GroupAddOrModify, ofp.GroupInsertBuckets:
	case ofp.GroupDelete, ofp.GroupRemoveBuckets: // what else they say does not count
		return m, nil
	default:
		return nil, ofp.GroupModFailedBadCommand.Errorf("group-mod command %d, want 0 to 3, 5 or %#x", m.Command, ofp.GroupAddOrModify)
	}
	if m.GroupType > ofp.GroupTypeFastFailover {
		return nil, ofp.GroupModFailedBadType.Errorf("group type %d, want 0 to 3", m.GroupType)
	}
	n := int(be.Uint16(b[8:]))
	if n > len(b)-groupModLen {
		return nil, ofp.GroupModFailedBadBucket.Errorf("group-mod says %d bytes of buckets, %d follow", n, len(b)-groupModLen)
	}
	if len(b) > groupModLen+n {
		return nil, ofp.BadRequestBadExpType.Errorf("group %d: properties of groups (selection_method) are not supported", m.GroupID)
	}
	weight := uint16(0)
	if m.GroupType == ofp.GroupTypeSelect {
		weight = 1
	}
	seen := make(map[uint32]bool) // thousands of buckets may come
	for b = b[groupModLen:]; len(b) > 0; b = b[be.Uint16(b):] {
		k, id, err := decodeBucket(b, weight)
		if err != nil {
			return nil, err
		}
		if seen[id] {
			return nil, ofp.GroupModFailedBadBucket.Errorf("group %d: two buckets have the number %d", m.GroupID, id)
		}
		seen[id] = true
		m.Buckets, m.BucketIDs = append(m.Buckets, k), append(m.BucketIDs, id)
	}
	return m, nil
}

// decodeBucket reads the bucket at the start of b, and its number. weight is that of
// buckets that do not say it.
func decodeBucket(b []byte, weight uint16) (k ofp.Bucket, id uint32, err error) {
	if len(b) < bucketLen {
		return k, 0, ofp.GroupModFailedBadBucket.Errorf("bucket cut off: %d bytes are left", len(b))
	}
	n, actions := int(be.Uint16(b)), int(be.Uint16(b[2:]))
	if n < bucketLen || n > len(b) || actions > n-bucketLen {
		return k, 0, ofp.GroupModFailedBadBucket.Errorf("bucket says %d bytes with %d of actions, %d are left", n, actions, len(b))
	}
	if id = be.Uint32(b[4:]); id > ofp.BucketIDMax {
		return k, 0, ofp.GroupModFailedBadBucket.Errorf("bucket number %#x, want at most %#x", id, ofp.BucketIDMax)
	}
	ins, err := decodeActions(b[bucketLen:bucketLen+actions], nil)
	if err != nil {
		return k, 0, err
	}
	k = ofp.Bucket{Weight: weight, WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny, Actions: ins.Apply}
	for p := b[bucketLen+actions : n]; len(p) > 0; p = p[bucketPropertyLen:] {
		if len(p) < bucketPropertyLen || be.Uint16(p[2:]) != bucketPropertyLen && !shortWeight(p) {
			return k, 0, ofp.GroupModFailedBadBucket.Errorf("bucket %d: property cut off, or not of %d bytes", id, bucketPropertyLen)
		}
		switch t := be.Uint16(p); t {
		case bucketWeight:
			k.Weight = be.Uint16(p[4:])
		case bucketWatchPort:
			k.WatchPort = ofp.PortNo(be.Uint32(p[4:]))
		case bucketWatchGroup:
			k.WatchGroup = be.Uint32(p[4:])
		default:
			return k, 0, ofp.GroupModFailedBadBucket.Errorf("bucket %d: property %d is not known", id, t)
		}
	}
	return k, id, nil
}

// shortWeight says whether the property is a weight whose padding does not count
// in its length; it has both forms.
func shortWeight(p []byte) bool { return be.Uint16(p) == bucketWeight && be.Uint16(p[2:]) == 6 }

// appendGroupDesc encodes an entry of NXST_GROUP_DESC; one that is too long for any
// message is left out.
func appendGroupDesc(b []byte, d *ofp.GroupDesc) []byte {
	start := len(b)
	b = octets.Zeros(b, 2) // the length, below
	b = append(b, uint8(d.GroupType), 0)
	b = be.AppendUint32(b, d.GroupID)
	b = octets.Zeros(b, 8) // two bytes of it: the length of the buckets, below
	for i := range d.Buckets {
		id := uint32(i)
		if d.BucketIDs != nil {
			id = d.BucketIDs[i]
		}
		b = appendBucket(b, &d.Buckets[i], id, d.GroupType)
		if len(b)-start > ofp.MaxLen-statsHeaderLen-niciraStatsLen {
			return b[:start]
		}
	}
	n := len(b) - start
	be.PutUint16(b[start:], uint16(n))
	be.PutUint16(b[start+8:], uint16(n-groupDescLen))
	return b
}

func appendBucket(b []byte, k *ofp.Bucket, id uint32, t ofp.GroupType) []byte {
	start := len(b)
	b = be.AppendUint32(octets.Zeros(b, 4), id)
	b = appendActions(b, k.Actions)
	actions := len(b) - start - bucketLen
	property := func(t uint16, v uint32) {
		b = be.AppendUint32(appendActionHeader(b, t, bucketPropertyLen), v)
	}
	if t == ofp.GroupTypeSelect {
		property(bucketWeight, uint32(k.Weight)<<16)
	}
	if k.WatchPort != ofp.PortAny {
		property(bucketWatchPort, uint32(k.WatchPort))
	}
	if k.WatchGroup != ofp.GroupAny {
		property(bucketWatchGroup, k.WatchGroup)
	}
	be.PutUint16(b[start:], uint16(len(b)-start))
	be.PutUint16(b[start+2:], uint16(actions))
	return b
}

// appendGroupFeatures encodes NXST_GROUP_FEATURES: the same words, but that actions
// are those of OpenFlow 1.0.
func appendGroupFeatures(b []byte, f *ofp.GroupFeatures) []byte {
	r := *f
	for i := range r.Actions {
		if r.Actions[i] != 0 {
			r.Actions[i] = actionBits
		}
	}
	return r.Append(b)
}
