// Package l2 is what a learning switch knows and decides: the table of MAC
// addresses (FDB) and the NORMAL output (Normal).
//
// # The table
//
// An Entry says behind which port an address of a VLAN was seen last. Entries
// are learnt from source addresses, grow old, and go: by ageing (Expire), by a
// flush, or because the table is full. The table is bounded. When it is full,
// the port with the most entries loses the one that was unused for longest, as
// in Open vSwitch: a host that makes up addresses pushes out its own port's
// entries and not its neighbours'.
//
// Ageing needs no work per frame. A program that was translated with an entry
// holds the entry; whoever collects the program's counters calls
// Entry.Refresh. Expire and eviction read what Refresh wrote when they come by
// the entry, so a refresh moves nothing and takes no lock.
//
// # VLANs and bonds
//
// A VLAN says how a port takes part in VLANs: which frames it Admits, in which VLAN they
// are then within the bridge (Input), whether frames of a VLAN leave by it (Carries), and
// with which tags (Output). All are functions of plain values. A Bond finds out, from
// the links of its members and the time, which of them are used.
//
// # Cached programs
//
// A cached program depends on entries by pointer: it holds while Entry.Alive is
// true and Entry.Seq is what it was. An address that moves to another port
// keeps its Entry and gets a new Seq; one that goes leaves an Entry that is
// dead for good, and learning it again makes another Entry.
//
// # Thread-safety
//
// All methods may be called from any goroutine. Lookup, and Learn of what is
// known already, take no lock. The hash table's chains are read without a lock
// while one writer, under FDB.mu, adds at their heads and unlinks: an unlinked
// node keeps its link, so that a reader who stands on it finds its way on.
package l2
