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
// all of them. A [Microflow] is that cache for whole keys, a [Megaflow] for keys under
// these masks.
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
//  5. Thousands of masks cost a lookup little more than ten.
//
// # Basic design
//
// Tuple-space search (Srinivasan, Suri and Varghese, "Packet Classification
// Using Tuple Space Search", SIGCOMM 1999, section 3), as Open vSwitch made it known
// (Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015,
// section 5), with merged tuples (Daly et al., "TupleMerge: Fast Software Packet
// Processing for Online Packet Classification", IEEE/ACM ToN 2019, section IV).
//
// Rules with the same mask form a subtable: what finds, walks and deletes rules by their
// matches. What lookups probe are tables. All rules of a table ask for the bits of
// the table's mask, and maybe for others; they stand in a hash table by their values in
// these bits: mask the key, hash, and compare with each rule that has this hash, in falling
// order of priority. The first two subtables have tables of their own, so that where there are few
// masks nothing is paid for merging; the rules of all others share merged tables.
//
//	Classifier ── order ──> {max 900, table} {max 500, table} {max 0, ...}
//	           │                                  |
//	           │                                  v
//	           │       pages of places: page, page, page ...; place ─> rule, or blocks   (merged)
//	           │       hash table: marker ─> rule ─> rule ─> marker ─> ...               (a subtable's own)
//	           ├─ index: mask -> subtable ─> hash table of its rules
//	           ├─ trees: a prefix tree for each of 6 fields (lanes)
//	           └─ asked: for each lane and length the set of tables that ask for it
//
// A mask is compiled ([shape]) to the list of words in use, by stages, their
// numbers and their masks; a rule stores the values of these words only.
//
// # Merged tables
//
// A rule goes to the merged table of most bits, all of which it asks for, in which fewer than 64
// rules have its hash. If there is none, a table is made whose mask is the
// rule's with bits left out ([relax]), as many as give a mask that no table has: at first the shorter
// of two addresses, the last bits of prefixes (to a multiple of 8, of 32 for IPv6), ports where
// addresses are there, and parts of fields; in the end nothing. A rule stays where it was put: no
// insert moves others, so that readers see every rule at every moment.
//
// A merged table's hash table is rows of places ([pageTable]). A place has 32 bits of a hash, the highest priority, and leads to
// the rule, or, where several share the hash, to their first block. A page, most often one cache line, never changes: the writer puts
// another one there. It grows by one bucket at a time (linear hashing). A probe that finds nothing where the number of buckets has changed meanwhile starts over.
//
// Rules that share a hash stand side by side in blocks of up to 16 ([block]), in falling order of priority. Before the
// entries is a sieve: eight bytes for each rule, of the half word in which they differ most (of a range of ports that was expanded, the ports);
// an entry has one more word, of which the table's mask and the sieve lack most bits. So most rules that do not match are passed
// by without a look at them. Blocks do not change, but that entries are put behind the last one: the writer makes another
// block, with one rule more or less, and puts it in the old one's place by one store.
//
// A table for one mask alone is made only where 256 rules would share a hash. With port ranges expanded to prefixes, ClassBench sets
// of 1,000 to 100,000 rules have 170 to 1,500 masks, and 16 to 35 tables.
// Price: some 32 bytes for a rule in a merged table that shares its hash with none, 44 to 80 more for others.
//
// # The hash table
//
// This is how a subtable has its rules, which must be walked while they change. All stand in one linked list, sorted by hash (and within a
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
// # Memory
//
// Beyond a thousand rules the price of a lookup is cache lines that are not in the near caches: a machine that is shared with others may leave a program
// 4 MB of the last cache, and what does not fit costs 100 to 150 ns a line, again for each step that waits for the one before. So
// what lookups read is kept small and apart from what only the writer needs: of a rule its
// shape, versions, value and up to four words stand in one line of 64 bytes; slots of tree pages, cells of stages and bits of filters
// are 4 bytes and less, their counts elsewhere; a prefix that is alone below its first 16 bits stands in the slot itself.
//
// # The record
//
// A lookup first finds the answer, and then, if it is asked, collects bits that show why
// ([prover]): the bits that the rule found asks for, and for every table that could
// hold a rule to come before it one reason why it holds none that matches. Possible reasons are:
//
//   - The Ethernet type: all rules of the table ask for one, and none for the key's. What tables have rules of a
//     type is known by one look ([typeTables]; types of the same tables share a set), and these alone are searched: its 16 bits rule out all tables of other protocols.
//   - A stage (NSDI 2015, section 5.3): no rule of the table has the key's bits of the port and the metadata,
//     or of these and layer 2, or of these and layer 3. What rules look like up to a stage stands in a
//     [stageSet] for each table and stage that tells something more than the Ethernet type. So the ports of a rule
//     count only for frames whose addresses it has.
//   - A prefix (section 5.4): every rule of the table asks for a prefix in some field, and the key has
//     none of these lengths in the field's tree ([prefixTree]; IPv4 and IPv6 source and
//     destination, layer 4 ports), of which a few leading bits are enough evidence. Tables have numbers,
//     and there is a set of tables for each field and length ([laneTables]): one walk of a tree
//     rules many tables out at once, and its bits serve all of them.
//   - A word that no rule of the table has (the filter below).
//   - The whole mask of the table, and, for each rule with the same hash, one field in which the key
//     differs, of a prefix only the bits up to the first that differs.
//
// The search for the answer has looked at most of this: it notes, a bit for each of the first 64 tables, whether the filter let it pass
// and whether a rule of the key's hash could still come before the answer ([pruner]). Where the filter or the hash table was
// the end of a probe, the word or the whole mask is proof without another look, and costs only the bits that are not recorded yet.
//
// What is free, or adds at most 4 bits, is taken. Else the filter's word, a stage or the first field that tells, the one that adds
// fewest bits; where a prefix adds at most 16, no stage is looked at. Tables that
// could hold only rules which come later need no reason. Bits are whole fields or leading
// bits of fields, so that records are few different ones: a cache of them is searched by mask, too.
//
// A record is dearest where all rules take the values of their fields from the same few: every prefix is there then in
// every table, and walks of trees tell nothing.
//
// The first two bytes of a key are looked up in pages of a tree ([frontPage]), of 256 values each; only
// what is longer stands in binary tries. These grow to 131,072 nodes for each field.
// Longer prefixes that come later are only counted by length, and a
// length that is counted is taken for found in every key: records are then longer, and true.
//
// Price: 24 bytes a node of a tree (32 for IPv6), two nodes for each distinct prefix, 3 MB
// at most, and 2.1 KB a page, 257 at most (4.1 KB where short prefixes end in it); 8 bytes a cell of a stage's set, of which lookups read 4, two to four cells
// for each distinct value; 256 bytes for each upper byte of an Ethernet type, 5 KB for their sets, and an entry of a map for each type of a table. Deleting a rule costs about what inserting it costs, 2 us of 300,000 rules of five fields in random order,
// of which the trees are a third. A lookup with record costs one and a half to four times one without (docs/performance.md); on ClassBench sets it
// records 79 to 98 bits.
//
// # Optimisations, and the price of each
//
// Order by priority. The tables stand in falling order of their highest
// priority. A lookup that has found a rule stops at the first table that
// cannot beat it. Price: when a table's highest priority changes, its place
// changes. The order is a persistent two-level vector of chunks of up to 64: a
// change copies one or two chunks and the list of chunks, not all of it.
//
// Table filter. Most probes find nothing: a key matches rules of few tables. Each table
// has a counting Bloom filter of one hash of one word under its mask ([wordFilter]; the longer IPv4
// address, else the word of most bits): 12 to 64 counts of 4 bits for each rule, and a bit for each count, which is all that lookups read, so that the filters of all tables
// stay in the near caches. Most probes end there, without a hash of the whole mask. A count
// that got to 15 stays, which only makes the filter pass more. Price: 8 to 15 bytes a rule, 160 bytes a table at least and 80 KB at most; the filter is
// made anew when it doubles, last at 5,461 rules, then in some 0.3 ms.
//
// Pruning. A lookup without a record that finds more than 30 tables and is not done after 10 asks the prefix trees which of
// the others can hold a match (tuple pruning, SIGCOMM 1999, section 5).
// Where tables are fewer, probes that end at a filter are cheaper than the trees.
//
// Bucket filter. Each bucket holds a word with a bit set for (six bits of the hash of) each of
// its rules; a probe whose bit is clear is over without following a pointer to a
// rule: one cache miss instead of two or three. Price: 8 bytes a bucket, and a
// second look at the number of buckets when the bit is clear (below).
//
// The caller's mask stays on its stack: what a lookup hands on with a classifier's pointers the compiler would put on the
// heap, which cost 192 bytes and a third of the time. So [prover] holds no pointers.
//
// Tried, and of no use: huge pages (madvise with MADV_COLLAPSE: 5 to 20 % at 100,000 rules, nothing at 10,000); entries with two half words instead of
// words (a third slower at 1,000 rules: one field fewer is told); shapes in the order of what lookups read; 32 or 128 rules that share a hash (again, with sieves);
// to load the tree pages and nodes of both IPv4 addresses before the search, so that a walk need not wait for
// them (nothing at 1,000 rules, within what the machine varies at 10,000); to try stages before walks where the pages alone show that no
// prefix is cheaper (a fifth slower); to look at no stage or tree where the whole mask or a stage adds at most 8 or 16 bits (a seventh faster, but up to 18 bits more);
// 24 or 128 instead of 64 rules that share a hash, blocks of 32 instead of 16, pruning after 6 tables.
//
// One allocation a rule. The values stand behind the rule in the same object.
// Price: sizes are rounded up to 2, 4, 7, 11 or 24 words.
//
// # Worst case
//
// A lookup probes at most the tables that have a highest priority above the best match, and
// there are never more than about a hundred: when there are 96 merged ones, a rule
// goes to the one of them where fewest share its hash, at worst to one with an empty mask, a list in
// order of priority. Rules whose masks have next to nothing in common and that all match what one key
// matches (an attack on the tuple space, as in CVE-2019-25076, or a port range that was expanded) are
// compared one by one from there on; that is no worse than a probe for each of their masks,
// which is what tuple-space search does, and costs less, a cache line for each rule.
// An insert looks at each merged table and at most 256 rules in it.
//
// Hashes are seeded for each process, so that nobody can aim at one bucket;
// rules of equal match and different priority share one hash, and insertion
// walks them in order of priority. [Classifier.FindOverlap] and
// [Classifier.EachCovered] scan the subtables that can hold an answer: a probe
// where the mask allows it, else every rule of the subtable.
//
// # Twins
//
// [New] takes a [Structure]: [Merged], the default; [Staged], with a table for each mask; [Plain],
// tuple-space search in order of priority and nothing more; [Linear]. All give the same answers, and
// tests and benchmarks compare them.
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
// order, trees, sets, and a rule's removal version, all atomic.
//
// The argument, in short. A reader at version v began after v was published,
// hence after every rule visible at v was linked. (1) Order: a rule is linked
// before its table and subtable are published, and these leave only when their last rule is
// unlinked. (2) List and pages: rules and markers are linked by one store, and pages replaced by one; an unlinked node
// keeps its successor, so that a reader standing on it gets back into the
// list, and skips nothing that was linked when it came; a block that was replaced still has its
// rules. (3) Buckets: a reader with an old, smaller number of
// buckets starts at a marker further ahead; one with an old, larger
// number starts at a marker that was taken out, which leads back into the list as any
// unlinked node does. (4) Filter and page: they are narrowed only when their bucket was cut in two or
// a rule was unlinked. In the first case the new number of buckets is published before, so a
// reader that finds its bit clear looks at the number (with a change count) again, and
// starts over if it is another one.
//
// (5) Record: prefixes, stages and lengths are added before the rule's version is published
// and taken back after nobody sees it, so that a reader finds those of all rules of its
// version, and maybe others, which only make the record longer. A stage's set that grows stays as it is
// until its successor is complete. Nodes of a tree are used again: the tree counts that
// before it happens, and a reader that finds another count at the end of its way than at the
// start takes no reason from that tree. A page of a tree that is dropped has nothing left that a reader may see. Sets of tables
// and filters follow the same rule: bits are set before a rule's version is published, and cleared after
// nobody sees the rule, and so for types; so are numbers of tables, which are given again only when no rule of the table is left.
//
// An unlinked rule keeps its successor alive. Whoever holds on to removed rules for
// long holds on to more than these: copy what is needed ([Rule.Pattern]).
//
// A [Microflow] and a [Megaflow] belong to one thread each.
package classifier
