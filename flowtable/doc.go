// Package flowtable holds the flow tables, groups and meters of a bridge: what
// flow-mods, group-mods and meter-mods do to them (OpenFlow 1.3.5 §6.4 to §6.6),
// timeouts, statistics, and which of their changes concern a frame that was looked
// up before.
//
// # What?
//
// [Tables] are the 254 tables; a [Table] finds the [Entry] for a frame; an Entry is
// what a controller installed. [Tables.Apply] takes a flow-mod and returns a
// [Change]: entries added, changed and removed, as values. So do
// [Tables.ApplyGroup] and [Tables.ApplyMeter] with groups and meters. The package
// sends nothing, reads no clock and knows no threads but the caller's.
//
// # Where things are
//
//	table.go entry.go rows.go                 a table, its entries, and these side by side
//	flow_mod.go legacy.go fetch.go undo.go    flow-mods, and taking them back
//	select.go candidates.go                   which entries a deletion or request is about
//	validate*.go match_check.go limits.go     what is refused
//	pipeline.go features.go capabilities*.go  which tables there are, and what they can do
//	timeout.go timers.go eviction.go          entries that go by themselves
//	counters.go sums.go stats.go              statistics
//	changelog.go                              which change concerns which frame
//	editions.go index.go                      what groups and meters have in common
//	group*.go select_hash.go                  groups
//	meter*.go                                 meters
//
// # Memory
//
// An entry has 80 bytes and its counters 24; instructions are shared with other entries
// (ofp.Instructions.Share), and what only some entries need, a place in the heap of
// timeouts or among those that may be given up, stands there. With its rule a flow takes about
// 300 bytes of a million.
//
// # Deletion
//
// The writer has what deletes select entries by beside the match side by side ([rows]): cookies, and
// a bit for each port that an entry sends to. To look for a cookie, masked or not, or a port among a million entries
// takes 3 to 7 ms, an index by cookie would take no less memory (20 bytes an entry here) and know no masks. Groups
// know their flows. A match is looked for in the classifier where that looks at fewer rules
// (classifier.CoverCost). To delete a million entries, whatever selects them, takes 0.1 to 0.2 s, mostly
// cache misses at their rules; memory is given back later ([Tables.UnlinkAll]).
//
// Statistics and aggregates with a filter look in the same places ([Tables.Candidates]): 4 to 45 ms of a million entries, where a walk
// takes 250.
//
// # Versions
//
// Every change is made as of a version that the caller publishes afterwards
// (package classifier). An Entry is immutable: to modify one is to add a
// successor and remove the old one, both as of that version, so that a
// reader at any version sees one of them and never both. Successors share the
// [Counters] of the old entry, so that frames still in flight under the old version count in
// the right place; only RESET_COUNTS gives a successor Counters of its own: what
// the old version still forwards then counts for the old entry.
//
// The life of a change:
//
//	Apply(m, v+1) ── publish v+1 ── Sync(v+1) ── fold counters ── flow-removed ── UnlinkAll(change)
//
// Several messages may be applied as of one version, which then shows what all of them did
// and nothing between; and while the version is not published, [Tables.Undo]
// takes them back, the last first.
//
// # Table features
//
// [Tables.SetFeatures] says which tables there are and what their entries can have
// (OpenFlow 1.3.5 §7.3.5.5), as one version like any change: it removes the
// entries of tables that go or change. The data path knows nothing of it: that
// nothing leads to a table that is gone, and that entries have what
// their table can, is a matter of what Apply accepts. Until features are set a
// flow-mod costs one atomic load more. [Tables.Features] reports what is in force,
// from the same sets that flow-mods are checked against.
//
// # Stale answers
//
// A program made from a lookup whose answer, for every frame of a set, was an entry of
// priority p (-1: none) stays right for the set while no change of the table has a
// match that some frame of the set is in and a priority of at least p. For an entry that
// is added below p loses to the one found. One that is removed was either the one found,
// of priority p; or below it, which nobody sees; or above it, and then no frame
// of the set was in its match when the answer was given, so that it was added since, and
// told of as that. What is modified counts as removed and added.
//
// Each table keeps its last few thousand changes in blocks of 32; [Table.Affects] walks
// those between two versions, the latest first. A full block knows which bits all its matches ask
// for alike, and its highest priority, so that 32 changes that concern others cost one comparison where they are
// of one kind: ten thousand unrelated flow-mods a second are some tens of comparisons for a
// program that is used a hundred times a second. A program that was not used for longer than the
// log reaches is translated again. One change of more entries than the log holds (a mass deletion) is
// not written out: it concerns everybody.
//
// # Timeouts
//
// Entries with a timeout stand in a heap of their table by the time at which they are due next. A
// frame that hits an entry does not touch the heap: when an entry comes up, its last
// use is read, and if the idle time is not over it goes back with the new time. A million
// entries that wait cost nothing, and of a million that are due together a few thousand go at a
// time. Entries without timeouts are not in the heap, which has numbers of rows and no pointers: the collector of
// garbage passes it by.
//
// # Eviction
//
// The same heap says who goes where a full table gives up entries (TableConfig.Evict): so that costs what it costs to remove
// an entry, at any size. Where entries are grouped for that, each group has a heap, and two heaps of groups say
// whose first comes soonest and which is the largest. What has been hit moves back when it comes up,
// or before that, when the caller has folded the counters ([Tables.Settle]). A limit that is lowered takes entries out
// some thousands at a time ([Tables.Shrink]).
//
// # Groups
//
// A [Group] is immutable like an entry. What goes by one number has a chain of
// editions, each visible at some versions; [Tables.Group] finds the one of a
// version in a hash table of chains that never change ([index]). A program that
// was made from a group asks VisibleAt of it, one atomic load.
//
// A group knows the flows that send to it, and how many groups do and watch it. So
// a deletion finds its flows, and statistics the number of references, without a walk
// over the tables. What a message refers to always exists: flows and groups
// that name an unknown group are refused, flows go with their group, and a group that
// others send to or watch is not deleted, but with all of them. There are no rings,
// neither of groups that send to each other nor of groups that watch each other.
//
// Which bucket a frame takes is for the caller to ask: [Group.Select],
// [Group.FirstLive], with [Liveness] from the state of the ports.
//
// A modify keeps the group's counters and the time since it was added, and begins the
// buckets' counters anew (§6.5; Open vSwitch begins all of them anew). Of meters the same
// is true, with bands for buckets.
//
// # Meters
//
// A [Meter] has the state of its token buckets in it, and [Meter.Run] may be called by
// any number of threads: it takes the meter's lock for some tens of
// nanoseconds. The lock and the meter's counters outlive a modify, and so do
// the buckets of bands whose rate and burst stay; others begin full.
//
// Without a configured burst a bucket holds 50 ms of its rate, or more for
// frames that are large beside the rate: a GSO frame of 64 KiB is half a second of
// 1 Mbit/s. Such frames are judged by their segments ([Meter.Split]). What passes in
// 5 s at twice the rate is within 2 % of the rate; but for large frames that come
// again after a rest, at rates below 4 Mbit/s or 350 packets/s.
//
// # Refusals
//
// [Validate] looks at a flow-mod alone, against the [Limits] of the switch: is
// there such a table, port, group; do actions fit the match. Apply looks at it against
// the tables: overlap, space, and once more the groups and meters, since these
// may have gone meanwhile. What is refused is an *ofp.Error with the exact code,
// and nothing was changed.
//
// # Counters
//
// An entry's OFPFF_NO_PKT_COUNTS and OFPFF_NO_BYT_COUNTS: a counter that is not kept is
// reported as all ones (OpenFlow 1.3.5 §5.8: the value of a counter that is not
// available; BOFUSS does the same). It adds nothing to aggregates. The time of
// last use is kept all the same, or idle timeouts would not work.
//
// A table has the sums of its entries' counters ready ([Tables.Sum]): the aggregate of a million entries
// takes no look at them. [Table.Credit] adds to both, and what an entry has counted leaves the sums
// when it goes.
//
// # Thread-safety
//
// Apply, ApplyGroup, ApplyMeter, Undo, Expire, Unlink, UnlinkAll, InsertHidden,
// RemoveHidden, Sum: one writer at a time. Lookup, Affects, Credit, Each, Aggregate,
// TableStats, Table, Group, Meter and all methods of groups and meters: any
// number of threads, also while the writer is at work; but for a meter's own, they take
// no lock.
package flowtable
