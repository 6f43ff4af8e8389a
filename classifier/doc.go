// Package classifier finds, among many rules, the one of highest priority that
// matches a frame; and, in front of it, remembers the answer for exact keys.
//
// # What?
//
// A rule is a [flow.Match] (a value and a mask over the words of a
// [flow.Wide]), a priority, and a value of the caller's. A [Classifier] holds
// the rules of one flow table. [Classifier.Lookup] returns the matching rule of
// highest priority, and, if asked, every bit of the key that it looked at: two
// keys equal in these bits get the same rule, so the answer may be cached for
// all of them. A [Microflow] is that cache for whole keys.
//
// # Goals
//
//  1. Lookups take no lock, allocate nothing and are never held up by a writer.
//  2. Insert, replace and delete cost the same at ten rules and at a million: no
//     step copies or rehashes the table.
//  3. A lookup at version v sees exactly the rules of version v, whatever the
//     writer is doing at the time: a change of several rules in several tables is
//     seen whole or not at all.
//  4. The record of bits looked at is true. A bit too many only makes a cache
//     less useful; a bit too few makes it wrong.
//
// # Basic design
//
// Tuple-space search (Srinivasan, Suri and Varghese, "Packet Classification
// Using Tuple Space Search", SIGCOMM 1999), as Open vSwitch made it known
// (Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015,
// section 5). Rules with the same mask form a subtable. Within a subtable all
// rules look at the same bits, so that a hash table finds the matching ones with
// one probe: mask the key, hash, compare. A lookup probes the subtables one by
// one.
//
//	Classifier ── order ──> {max 900, subtable} {max 500, subtable} {max 0, ...}
//	           └─ index: mask -> subtable             |
//	                                                  v
//	                              table: marker ─> rule ─> rule ─> marker ─> ...
//
// A subtable's mask is compiled ([shape]) to the list of words in use, their
// numbers and their masks; a rule stores the values of these words only.
//
// # The hash table
//
// All rules of a subtable stand in one linked list, sorted by hash (and within a
// hash by falling priority, and within a priority newest first). Buckets are
// markers in this list: a bucket is a range of hashes, its marker stands before
// the first rule of the range. Growing by one bucket cuts one range in two with a
// new marker and moves no rule (linear hashing, Litwin 1980, over a split-ordered
// list, Shalev and Shavit, "Split-Ordered Lists", JACM 2006, with the hash's
// upper bits in place of the reversed lower ones). So every insert does the same
// small amount of work, and a reader in the middle of the list never misses a
// rule: rules never move, and a reader that found its bucket by an old number of
// buckets only starts further ahead in the list. Deleting takes markers out
// again, at most three for each rule.
//
// Price: 32 bytes a bucket (8 of them the filter below), one bucket for two rules.
//
// # Optimisations, and the price of each
//
// Order by priority. The subtables stand in falling order of their highest
// priority. A lookup that has found a rule stops at the first subtable that
// cannot beat it. Price: when a subtable's highest priority changes, its place
// changes. The order is a persistent two-level vector of chunks of up to 64: a
// change copies one or two chunks and the list of chunks, not all of it.
//
// Bucket filter. Most probes find nothing: a key matches rules of few subtables.
// Each bucket holds a word with a bit set for (six bits of the hash of) each of
// its rules; a probe whose bit is clear is over without following a pointer to a
// rule: one cache miss instead of two or three. Price: 8 bytes a bucket, and a
// second look at the number of buckets when the bit is clear (below).
//
// One allocation a rule. The values stand behind the rule in the same object.
// Price: sizes are rounded up to 2, 4, 6, 8, 12 or 24 words.
//
// What has its place here and is not done yet: staged lookup would split
// [shape.hash] by stages and stop after a stage whose hash no rule has (the
// record then gets the words of the stages that were looked at); prefix tracking
// would skip a subtable before the probe; merged tuples (Daly et al.,
// "TupleMerge", ToN 2019) would let a subtable have fewer mask bits than its rules,
// which then compare by a shape of their own. All three are inside [subtable].
//
// # Worst case
//
// A lookup probes as many subtables as have a highest priority above the best
// match: with n distinct masks of equal priority, n probes. An attacker who can
// make us build masks (tuple-space explosion, CVE-2019-25076) makes lookups slow
// in proportion. Hashes are seeded for each process, so that nobody can aim at one bucket;
// rules of equal match and different priority share one hash, and insertion
// walks them in order of priority. [Classifier.FindOverlap] and
// [Classifier.EachCovered] scan the subtables that can hold an answer: a probe
// where the mask allows it, else every rule of the subtable.
//
// # Versions
//
// A rule is visible at v if added <= v < removed. Several rules of the same match
// and priority may be linked with ranges that do not overlap: a replacement
// inserts the new one and removes the old one, both as of the same version.
// Nothing changes for anybody until the caller publishes that version. When no reader is
// left at versions before the removal, the caller unlinks the removed rule.
//
// # Thread-safety
//
// [Classifier.Insert], Remove, Restore and Unlink: one writer at a time. All
// other methods: any number of threads, also while the writer is at work. Every
// step of the writer is one atomic store that leaves a valid structure behind;
// what readers can reach is immutable except links, filters, bucket count,
// order, and a rule's removal version, all atomic.
//
// The argument, in short. A reader at version v began after v was published,
// hence after every rule visible at v was linked. (1) Order: a rule is linked
// before its subtable is published, and a subtable leaves only when its last rule is
// unlinked. (2) List: rules and markers are linked by one store; an unlinked node
// keeps its successor, so that a reader standing on it gets back into the
// list, and skips nothing that was linked when it came. (3) Buckets: a reader with an old, smaller number of
// buckets starts at a marker further ahead; one with an old, larger
// number starts at a marker that was taken out, which leads back into the list as any
// unlinked node does. (4) Filter: it is narrowed only when its bucket was cut in two or
// a rule was unlinked. In the first case the new number of buckets is published before, so a
// reader that finds its bit clear looks at the number (with a change count) again, and
// starts over if it is another one.
//
// An unlinked rule keeps its successor alive. Whoever holds on to removed rules for
// long holds on to more than these: copy what is needed ([Rule.Pattern]).
//
// A [Microflow] belongs to one thread.
package classifier
