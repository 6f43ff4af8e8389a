// Package flowtable holds the flow tables of a bridge: what flow-mods do to them
// (OpenFlow 1.3.5 §6.4), timeouts, statistics, and which of their changes concern
// a frame that was looked up before.
//
// # What?
//
// [Tables] are the 254 tables; a [Table] finds the [Entry] for a frame; an Entry is
// what a controller installed. [Tables.Apply] takes a flow-mod and returns a
// [Change]: entries added, changed and removed, as values. The package sends nothing,
// reads no clock and knows no threads but the caller's.
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
//	Apply(m, v+1) ── publish v+1 ── Sync(v+1) ── fold counters ── flow-removed ── Unlink(Change.Dead())
//
// # Stale answers
//
// A program made from a lookup of words w that hit an entry of priority p stays
// right while no change of the table has a match that w is in and a priority of at
// least p. Each table keeps its last 256 changes; [Table.Affects] walks those between two
// versions. A program that was not used for longer than the log reaches is
// translated again, which is as cheap as a walk of that length. One change of
// more entries than the log holds (a mass deletion) is not written out: it
// concerns everybody.
//
// # Timeouts
//
// Entries with a timeout stand in a heap by the time at which they are due next. A
// frame that hits an entry does not touch the heap: when an entry comes up, its last
// use is read, and if the idle time is not over it goes back with the new time. A million
// entries that wait cost nothing. Entries without timeouts are not in the heap.
//
// # Refusals
//
// [Validate] looks at a flow-mod alone, against the [Limits] of the switch: is
// there such a table, port, group; do actions fit the match. Apply looks at it against
// the tables: overlap, space. What is refused is an *ofp.Error with the exact code,
// and nothing was changed.
//
// # Counters
//
// An entry's OFPFF_NO_PKT_COUNTS and OFPFF_NO_BYT_COUNTS: a counter that is not kept is
// reported as all ones (OpenFlow 1.3.5 §5.8: the value of a counter that is not
// available; BOFUSS does the same). It adds nothing to aggregates. The time of
// last use is kept all the same, or idle timeouts would not work.
//
// # Thread-safety
//
// Apply, Expire, Unlink, InsertHidden, RemoveHidden: one writer at a time.
// Lookup, Affects, Each, Aggregate, TableStats, Table: any number of
// threads, also while the writer is at work; they take no lock.
package flowtable
