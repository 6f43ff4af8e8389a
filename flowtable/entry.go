package flowtable

import (
	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// second in nanoseconds, as the datapath's clock counts.
const second = 1e9

// uncounted is reported for a counter that is not kept (OpenFlow 1.3.5 §5.8).
const uncounted = ^uint64(0)

// Entry is one flow entry. Immutable once it is in a table; its Counters move. There
// may be a million of them, so it holds no more than what differs: 80 bytes, with its
// Counters 24, and the rule.
type Entry struct {
	rule *classifier.Rule[*Entry]

	Instructions *ofp.Instructions // shared with other entries
	Counters     *Counters         // shared with the entries that this one succeeds
	Cookie       uint64
	Created      int64 // nanoseconds of the datapath's clock
	Modified     int64 // likewise: when it was added or last modified
	// Added is as of which version the entry was added, by a message of its own; what
	// modifies it leaves it. Since is from which version on there has been an entry
	// of this table, match and priority.
	Added, Since classifier.Version

	Priority    int32
	row         int32         // in Table.rows plus 1; 0: none. The writer's.
	Flags       ofp.FlowFlags // SEND_FLOW_REM, NO_PKT_COUNTS, NO_BYT_COUNTS
	IdleTimeout uint16        // seconds; 0: none
	HardTimeout uint16        // seconds; 0: none
	Table       ofp.TableID
	Hidden      bool // the switch's own: no message sees or touches it
}

// Match is the entry's match.
func (e *Entry) Match() flow.Match { return e.rule.Match() }

// IsTableMiss says whether this is the table-miss entry: all fields wildcarded
// and priority 0 (OpenFlow 1.3.5 §5.4).
func (e *Entry) IsTableMiss() bool { return e.Priority == 0 && !e.Hidden && e.rule.IsCatchAll() }

// VisibleAt says whether the entry is part of version v.
func (e *Entry) VisibleAt(v classifier.Version) bool { return e.rule.VisibleAt(v) }

// Counts gives the counters as they are reported: all ones for those that the
// entry's flags say are not kept.
func (e *Entry) Counts() (packets, bytes uint64) {
	packets, bytes = e.Counters.Packets(), e.Counters.Bytes()
	if e.Flags&ofp.FlowNoPktCounts != 0 {
		packets = uncounted
	}
	if e.Flags&ofp.FlowNoBytCounts != 0 {
		bytes = uncounted
	}
	return packets, bytes
}

// Duration is the time since the entry was added.
func (e *Entry) Duration(now int64) (sec, nsec uint32) {
	d := max(now-e.Created, 0)
	return uint32(d / second), uint32(d % second)
}

// Stats is the entry's part of a flow statistics reply (OpenFlow 1.3.5
// §7.3.5.2).
func (e *Entry) Stats(now int64) *ofp.FlowStats {
	s := new(ofp.FlowStats)
	e.FillStats(s, now)
	return s
}

// FillStats is Stats into s, for those who have many and keep none.
func (e *Entry) FillStats(s *ofp.FlowStats, now int64) {
	s.Table = e.Table
	s.Priority = uint16(e.Priority)
	s.IdleTimeout, s.HardTimeout = e.IdleTimeout, e.HardTimeout
	s.Flags = e.Flags
	s.Cookie = e.Cookie
	s.Match = e.Match()
	s.Instructions = *e.Instructions
	s.DurationSec, s.DurationNsec = e.Duration(now)
	s.PacketCount, s.ByteCount = e.Counts()
	s.IdleAge, s.HardAge = age(max(e.Created, e.Counters.LastUsed()), now), age(e.Modified, now)
}

// age is the time since then in seconds, as far as they fit.
func age(then, now int64) uint16 { return uint16(min(max(now-then, 0)/second, 0xffff)) }

// Removed makes the entry's flow-removed message (OpenFlow 1.3.5 §7.4.2), with
// the counters as they are now.
func (e *Entry) Removed(reason uint8, now int64) *ofp.FlowRemoved {
	m := &ofp.FlowRemoved{
		Cookie:      e.Cookie,
		Priority:    uint16(e.Priority),
		Reason:      reason,
		Table:       e.Table,
		IdleTimeout: e.IdleTimeout,
		HardTimeout: e.HardTimeout,
		Match:       e.Match(),
	}
	m.DurationSec, m.DurationNsec = e.Duration(now)
	m.PacketCount, m.ByteCount = e.Counts()
	return m
}

// due is when the entry expires if no frame hits it any more, and why; 0: never.
func (e *Entry) due() (at int64, reason uint8) {
	if e.HardTimeout != 0 {
		at, reason = e.Created+int64(e.HardTimeout)*second, ofp.RemovedHard
	}
	if e.IdleTimeout != 0 {
		idle := max(e.Created, e.Counters.LastUsed()) + int64(e.IdleTimeout)*second
		if at == 0 || idle < at {
			at, reason = idle, ofp.RemovedIdle
		}
	}
	return at, reason
}

// outputs says whether the entry sends to port, by an action list or an action
// set: the out_port filter (OpenFlow 1.3.5 §6.4).
func (e *Entry) outputs(port ofp.PortNo) bool {
	return anyAction(e.Instructions, func(a ofp.Action) bool {
		switch a := a.(type) {
		case ofp.Output:
			return a.Port == port
		case ofp.Enqueue:
			return a.Port == port
		}
		return false
	})
}

// usesGroup says whether the entry sends to the group: the out_group filter.
func (e *Entry) usesGroup(group uint32) bool {
	return anyAction(e.Instructions, func(a ofp.Action) bool {
		g, ok := a.(ofp.Group)
		return ok && g.GroupID == group
	})
}

func anyAction(ins *ofp.Instructions, is func(ofp.Action) bool) bool {
	for _, list := range [2][]ofp.Action{ins.Apply, ins.Write} {
		for _, a := range list {
			if is(a) {
				return true
			}
		}
	}
	return false
}

// filter is what modify, delete and statistics select by beside the match.
type filter struct {
	cookie, cookieMask uint64
	outPort            ofp.PortNo
	outGroup           uint32
}

func (f *filter) passes(e *Entry) bool {
	return !e.Hidden && (e.Cookie^f.cookie)&f.cookieMask == 0 && f.passesActions(e)
}

// passesActions is passes for who knows the rest.
func (f *filter) passesActions(e *Entry) bool {
	return (f.outPort == ofp.PortAny || e.outputs(f.outPort)) &&
		(f.outGroup == ofp.GroupAny || e.usesGroup(f.outGroup))
}

// selective says whether there may be entries that do not pass.
func (f *filter) selective() bool {
	return f.cookieMask != 0 || f.outPort != ofp.PortAny || f.outGroup != ofp.GroupAny
}
