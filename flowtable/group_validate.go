package flowtable

import "ofswitch/ofp"

// GroupLimits say what groups the switch can do. The zero GroupLimits have none.
type GroupLimits struct {
	Types        uint32 // bit 1<<ofp.GroupTypeAll...
	Capabilities uint32 // ofp.GroupCapSelectWeight...
	Max          [4]int // groups of each type
	MaxBuckets   int    // of one group
	// PortExists says whether there is such a port, LOCAL among them, for buckets
	// to watch. nil: it is not asked.
	PortExists func(ofp.PortNo) bool
}

// DefaultGroupLimits are those of a switch that can do all of OpenFlow 1.3's
// groups. A group of 1024 buckets sends 1024 frames for one.
func DefaultGroupLimits() GroupLimits {
	const many = 1 << 18
	return GroupLimits{
		Types: 1<<ofp.GroupTypeAll | 1<<ofp.GroupTypeSelect | 1<<ofp.GroupTypeIndirect | 1<<ofp.GroupTypeFastFailover,
		Capabilities: ofp.GroupCapSelectWeight | ofp.GroupCapSelectLiveness |
			ofp.GroupCapChaining | ofp.GroupCapChainingChecks,
		Max:        [4]int{many, many, many, many},
		MaxBuckets: 1024,
	}
}

// ValidateGroup checks a group-mod by itself against the switch (OpenFlow 1.3.5
// §6.5): command, and, unless it deletes, type, number and buckets with their
// actions. The refusal is an *ofp.Error.
func ValidateGroup(m *ofp.GroupMod, sw Limits) error {
	if m.Command > ofp.GroupDelete {
		return ofp.GroupModFailedBadCommand.Errorf("group-mod command %d: there are 0 (add), 1 (modify) and 2 (delete)", m.Command)
	}
	if m.Command == ofp.GroupDelete {
		return nil // type and buckets need not be given
	}
	lim := &sw.Groups
	if m.GroupType > 31 || lim.Types&(1<<m.GroupType) == 0 {
		return ofp.GroupModFailedBadType.Errorf("group %d: groups of type %v are not supported", m.GroupID, m.GroupType)
	}
	if m.Command == ofp.GroupAdd && m.GroupID > ofp.GroupMax {
		return ofp.GroupModFailedInvalidGroup.Errorf("group number %#x is reserved: numbers are 0 to %#x", m.GroupID, ofp.GroupMax)
	}
	if m.GroupType == ofp.GroupTypeIndirect && len(m.Buckets) != 1 {
		return ofp.GroupModFailedInvalidGroup.Errorf("group %d: an indirect group has 1 bucket, not %d", m.GroupID, len(m.Buckets))
	}
	if len(m.Buckets) > lim.MaxBuckets {
		return ofp.GroupModFailedOutOfBuckets.Errorf("group %d: %d buckets; a group may have %d", m.GroupID, len(m.Buckets), lim.MaxBuckets)
	}
	// What could never be reported is refused. The decoder of OpenFlow 1.3 does so
	// too; it is here for buckets that come otherwise.
	const descMax = ofp.MaxLen - ofp.HeaderLen - 8
	if n := (&ofp.GroupDesc{Buckets: m.Buckets}).Len(); n > descMax {
		return ofp.GroupModFailedOutOfBuckets.Errorf("group %d: its description of %d bytes fits into no message, which take %d", m.GroupID, n, descMax)
	}
	for i := range m.Buckets {
		if err := checkBucket(m, i, &sw); err != nil {
			return err
		}
	}
	return nil
}

func checkBucket(m *ofp.GroupMod, i int, sw *Limits) error {
	b, lim := &m.Buckets[i], &sw.Groups
	watched := b.WatchPort != ofp.PortAny || b.WatchGroup != ofp.GroupAny
	switch m.GroupType {
	case ofp.GroupTypeSelect:
		if lim.Capabilities&ofp.GroupCapSelectWeight == 0 && b.Weight != 1 {
			return ofp.GroupModFailedWeightUnsupported.Errorf("group %d, bucket %d: weight %d; only 1 is supported", m.GroupID, i, b.Weight)
		}
		if watched && lim.Capabilities&ofp.GroupCapSelectLiveness == 0 {
			return ofp.GroupModFailedWatchUnsupported.Errorf("group %d, bucket %d: a select group watches nothing here", m.GroupID, i)
		}
	case ofp.GroupTypeFastFailover:
		if !watched {
			return ofp.GroupModFailedInvalidGroup.Errorf("group %d, bucket %d: a fast failover bucket has to watch a port or a group", m.GroupID, i)
		}
	default:
		// The specification leaves open whether these watch (§6.5).
		if watched {
			return ofp.GroupModFailedWatchUnsupported.Errorf("group %d, bucket %d: only select and fast failover groups watch ports and groups", m.GroupID, i)
		}
	}
	if b.Weight != 0 && m.GroupType != ofp.GroupTypeSelect {
		return ofp.GroupModFailedInvalidGroup.Errorf("group %d, bucket %d: weight %d; only select groups have weights, others 0", m.GroupID, i, b.Weight)
	}
	if p := b.WatchPort; p != ofp.PortAny {
		if p == 0 || p > ofp.PortMax && p != ofp.PortLocal || lim.PortExists != nil && !lim.PortExists(p) {
			return ofp.GroupModFailedBadWatch.Errorf("group %d, bucket %d: there is no port %d to watch", m.GroupID, i, uint32(p))
		}
	}
	// Whether the groups exist is the group table's business: see ApplyGroup.
	known := *sw
	known.GroupExists = func(uint32) bool { return true }
	if err := checkActions(inSetOrder(b.Actions), &frame{}, &known, false); err != nil {
		return err
	}
	if lim.Capabilities&ofp.GroupCapChaining == 0 {
		for _, a := range b.Actions {
			if a, ok := a.(ofp.Group); ok {
				return ofp.GroupModFailedChainingUnsupported.Errorf("group %d, bucket %d sends to group %d: groups in groups are not supported", m.GroupID, i, a.GroupID)
			}
		}
	}
	return nil
}
