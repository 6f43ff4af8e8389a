package flowtable

import (
	"sync/atomic"

	"ofswitch/ofp"
)

// sums are what the entries of a table have counted together, as Aggregate would find it by
// a walk. An entry's Counters know, each number for itself, whether they are part of them: not when it has
// gone, is hidden, or does not keep that number. So a packet that was still in flight when its entry went
// counts for the entry and not for the table. Two words of each table, and a bit of each number: an
// entry takes no more memory for them.
type sums struct{ packets, bytes atomic.Uint64 }

// apart is the bit of a number that is not part of the sums of its table.
const apart = 1 << 63

// include has e's numbers be part of the sums as its flags say; new ones, which are 0, are anyhow. The
// writer's, as the next two.
func (s *sums) include(e *Entry) {
	include(&s.packets, &e.Counters.packets, !e.Hidden && e.Flags&ofp.FlowNoPktCounts == 0)
	include(&s.bytes, &e.Counters.bytes, !e.Hidden && e.Flags&ofp.FlowNoBytCounts == 0)
}

// exclude has no number of c be part of them.
func (s *sums) exclude(c *Counters) {
	include(&s.packets, &c.packets, false)
	include(&s.bytes, &c.bytes, false)
}

// include has a number be part of a sum or not. What is added to it meanwhile either is in
// what is read here, or sees the bit as it is set here.
func include(sum, number *atomic.Uint64, in bool) {
	if was := number.Load()&apart == 0; was == in {
		return
	}
	if in {
		sum.Add(number.And(^uint64(apart)) &^ apart)
	} else {
		sum.Add(-number.Or(apart))
	}
}

// succeed is include for e, which takes the place of old.
func (s *sums) succeed(old, e *Entry) {
	if old.Counters != e.Counters {
		s.exclude(old.Counters)
	}
	s.include(e)
}

// Credit counts packets that were looked up in the table, the last of them at used, in nanoseconds of the
// datapath's clock; and for the entry that they found, whose Counters c are (nil: none). What the entry does not keep
// is 0 in packets and bytes; looked is all of them. It may be called from any thread.
func (t *Table) Credit(c *Counters, looked, packets, bytes uint64, used int64) {
	t.lookups.Add(looked)
	if c == nil {
		return
	}
	t.matches.Add(looked)
	if packets != 0 && c.packets.Add(packets)&apart == 0 {
		t.sums.packets.Add(packets)
	}
	if bytes != 0 && c.bytes.Add(bytes)&apart == 0 {
		t.sums.bytes.Add(bytes)
	}
	c.use(used)
}

// All says whether a request is for all entries of the tables that it names.
func All(req *ofp.FlowStatsRequest) bool {
	f := filterOf(req)
	return req.Match.IsCatchAll() && !f.selective()
}

// Sum is Aggregate of a request for all entries of a table, or of all tables, at the newest
// version, without a look at entries. No change may be under way meanwhile, and no Credit.
func (t *Tables) Sum(id ofp.TableID) (s ofp.AggregateStats, err error) {
	if err := t.CheckStats(id); err != nil {
		return s, err
	}
	t.some(id, func(tb *Table) bool {
		s.FlowCount += uint32(tb.Active())
		s.PacketCount += tb.sums.packets.Load()
		s.ByteCount += tb.sums.bytes.Load()
		return true
	})
	return s, nil
}
